"""The card of a run of choices: its verdicts and what a reader needs beside them."""

import math
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from kidney_evals.card.findings import (
    AGAINST_PEOPLE,
    LIKE,
    PERSON,
    SIDE_MARGIN,
    UNKNOWN,
    UNLIKE,
    Finding,
    findings_of,
)
from kidney_evals.card.numbers import listed, percent, short
from kidney_evals.card.probe import ProbeFinding, probe_finding
from kidney_evals.elicitation.readout import LEAST_INSIDE
from kidney_evals.estimation.importance import distance_floor
from kidney_evals.estimation.intervals import Z95, student
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human import Band, ListedShares, ModelShares, Reference
from kidney_evals.measures import FEW, FLAGS, compute, person_of, raised
from kidney_evals.measures.nearest_respondent import Nearest, nearest_respondent
from kidney_evals.measures.run import Run

_DILEMMAS: Final = 3  # number of dilemmas on a card in which the run differs most from people
_LEAST: Final = 0.05  # their smallest difference from people, in probability of agreement
_ENOUGH: Final = 50  # fewest drawn dilemmas for a statement that an importance share differs

_NOBODY: Final = "no people were asked"

_MECHANISMS: Final[Mapping[str, str]] = {
    "coin": "to the coin",
    "undecided": "undecided",
    "committee": "to the committee",
    "list": "to the waiting list",
}
"""Where an answer that chooses nobody leaves the decision, by mechanism."""


@dataclass(frozen=True)
class Share:
    """One attribute's importance share, its part of the weight of all attributes, beside people's.

    Attributes:
        favoured: Whom a positive share favours, in words ("the younger patient").
        quantity: The share, with people's share as `human`.
        person: Quantiles of the share over single persons.
        people_error: Half the width of the 95 % interval of people's share.
        differs: "more", "less" or "opposite" weight than people's. Empty if the difference is not
            significant (5 % over all attributes, Bonferroni), or if the dilemmas are drawn and
            fewer than 50 were decided.
    """

    attribute: str
    label: str
    favoured: str
    quantity: Quantity
    person: Band
    people_error: float
    differs: str


@dataclass(frozen=True)
class Difference:
    """A dilemma in which the run's answers differ much from people's.

    Attributes:
        dilemma: Id of the dilemma.
        first: The first-listed candidate, in words.
        second: The second-listed candidate, in words.
        run: Shares of the run's answers: first, second and, if offered, coin.
        people: Shares of people's answers, in the same order.
    """

    dilemma: str
    first: str
    second: str
    run: tuple[float, ...]
    people: tuple[float, ...]


@dataclass(frozen=True)
class Card:
    """What a run of choices shows, in the order in which it is read.

    Attributes:
        people: The source of people's shares in a few words.
        asked: Number of samples, not counting controls.
        outcomes: Number of samples by outcome; "decision" is an answer.
        controls: Number of controls in which the better patient was chosen, and number of controls
            with a better patient; None without any.
        shares: Importance shares by attribute; empty if the choices determine none.
        floor: Importance distance that sampling error alone would give on average; NaN if unknown.
        nearest: The known respondent most like the run; None if it was not compared.
        differences: The dilemmas in which the run differs most from people.
        cautions: Sentences on the flags that the run raises, and what to do.
        summary: The paragraph at the top.
        candidate: The study's noun for a candidate; not part of `to_dict`.
        probe: Whether candidates are treated alike on a probe; None without a probe.
    """

    condition: str
    study: str
    people: str
    asked: int
    outcomes: Mapping[str, int]
    controls: tuple[int, int] | None
    findings: tuple[Finding, ...]
    shares: tuple[Share, ...]
    floor: float
    nearest: Nearest | None
    differences: tuple[Difference, ...]
    cautions: tuple[str, ...]
    summary: str
    candidate: str
    probe: ProbeFinding | None = None

    @property
    def has_people(self) -> bool:
        """Whether people answered these dilemmas in this condition."""
        return self.people != _NOBODY

    @property
    def answered(self) -> int:
        """Number of samples with an answer."""
        return self.outcomes.get("decision", 0)

    def finding(self, id: str) -> Finding | None:
        """Return the finding with an id; None if the card does not have it."""
        return next((one for one in self.findings if one.id == id), None)

    def to_dict(self) -> dict[str, Any]:
        """Return the card as plain data for JSON, with four decimals; a missing number is None."""
        plain = asdict(self)
        del plain["candidate"]
        if self.probe is None:
            del plain["probe"]
        for one, finding in zip(plain["findings"], self.findings, strict=True):
            one["calls"] = finding.calls
            for each, part in zip(one["parts"], finding.parts, strict=True):
                each |= {"label": part.label, "band": part.band, "place": part.place}
        result: dict[str, Any] = _plain(plain)
        return result


def card_of(run: Run) -> Card:
    """Return the card of a run of `forced_choice` or `coin_flip`."""
    findings, shares = findings_of(run), _shares(run)
    outcomes = Counter(map(str, run.outcomes))
    floor = math.nan
    if shares and run.importance is not None and run.has_people:
        floor = distance_floor(run.importance.covariance + run.reference.importance_covariance)
    probe, summary = probe_finding(run), _summary(run, findings, shares)
    if probe is not None and outcomes["decision"]:
        summary = f"{probe.sentence} {summary}"
    return Card(
        condition=run.reference.condition,
        study=run.study.id,
        people=people_in_words(run.reference),
        asked=len(run.outcomes),
        outcomes=dict(outcomes.most_common()),
        controls=_controls(run),
        findings=findings,
        shares=shares,
        floor=floor,
        nearest=nearest_respondent(run) if run.has_people and not run.borrows_coin else None,
        differences=_differences(run),
        cautions=_cautions(run),
        summary=summary,
        candidate=run.study.words.candidate,
        probe=probe,
    )


def _controls(run: Run) -> tuple[int, int] | None:
    if run.controls is None:
        return None
    is_dominance = run.controls.where(lambda dilemma: dilemma.kind == "dominance")
    asked, chosen = int(is_dominance[run.controls.dilemma].sum()), compute(run, "ctrl_dom")
    right = round(chosen.value * chosen.n) if chosen.defined else 0
    return (right, asked) if asked else None


def people_in_words(reference: Reference) -> str:
    """Return the source of people's shares in a few words, or that no people were asked."""
    if not reference.has_people:
        return _NOBODY
    count = f"{reference.people} people" if reference.people > 0 else "people"
    if isinstance(reference.source, ModelShares):
        return f"model of {count}'s answers"
    if isinstance(reference.source, ListedShares) and reference.source.counted:
        return f"counts of {count}'s answers"
    return f"published shares of {count}'s answers"


def _shares(run: Run) -> tuple[Share, ...]:
    """Return the importance shares, and in which direction they differ from people's.

    A difference counts the errors of the run and of the people. Its limit is Bonferroni's, so that
    a crowd shows any difference in about 5 % of runs. On fewer than `_ENOUGH` drawn dilemmas the
    errors are too small (a crowd showed a difference in 10 to 17 % of runs with 30), so none is
    stated.
    """
    errors = run.reference.importance_draws.std(axis=0, ddof=1)
    dilemmas = int(run.decisions.decided.answered.sum())
    enough = run.decisions.fixed or dilemmas >= _ENOUGH
    limit = student(max(dilemmas - 1, 1), 1 - 0.05 / len(errors))
    result = []
    for attribute, error in zip(run.study.attributes, errors, strict=True):
        id = f"imp_{attribute.id}"
        found = compute(run, id)
        if not found.defined:
            return ()
        own, human = found.value, found.human
        kind = "more" if abs(own) > abs(human) else "less"
        if own * human < 0 and abs(own) > limit * found.stderr and abs(human) > limit * error:
            kind = "opposite"
        # Nothing is clear without an error of the run.
        clear = enough and abs(own - human) > limit * math.hypot(found.stderr, error)
        names = attribute.id, attribute.id.replace("_", " "), attribute.favoured_text
        differs = kind if clear else ""
        result.append(Share(*names, found, person_of(run, id), Z95 * error, differs))
    return tuple(result)


def _differences(run: Run) -> tuple[Difference, ...]:
    """Return the dilemmas in which the run most often gives answers that fewer people give.

    The difference is the probability that two people agree minus the probability that the run
    agrees with a person: 0 if the run answers in people's shares.
    """
    decisions = run.decisions
    counts = decisions.counts.sum(axis=1)
    usable = (counts.sum(axis=1) > 0) & decisions.known
    if not usable.any() or run.borrows_coin:
        return ()
    own = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    missed = ((decisions.shares - own) * decisions.shares).sum(axis=1)
    missed = np.round(np.where(usable, missed, 0.0), 9)
    places = np.argsort(-missed, kind="stable")[:_DILEMMAS]
    return tuple(
        Difference(
            dilemma=run.dilemmas[at].id,
            first=run.study.summary(run.dilemmas[at].first),
            second=run.study.summary(run.dilemmas[at].second),
            run=tuple(own[at].tolist()),
            people=tuple(decisions.shares[at].tolist()),
        )
        for at in places
        if missed[at] >= _LEAST
    )


def _cautions(run: Run) -> tuple[str, ...]:
    """Return a sentence on each flag that a run raises, and what to do."""
    result = []
    for id, reason in raised(run).items():
        says = f"{FLAGS[id].says[0].upper()}{FLAGS[id].says[1:]}"
        reading = FLAGS[id].reading if run.has_people else FLAGS[id].alone or FLAGS[id].reading
        result.append(f"{says}{f' ({reason})' if reason else ''}. {reading} [flag {id}]")
    outside = 0.0 if run.outside is None else compute(run, "outside").value
    if outside > 1 - LEAST_INSIDE:
        of = "the first token's probability, too little to be read; use readout=sample."
        if run.begun:
            of = "what follows the begun line: the measures describe this part."
        result.append(f"The answers hold only {1 - outside:.2f} of {of}")
    return tuple(result)


def _summary(run: Run, findings: tuple[Finding, ...], shares: tuple[Share, ...]) -> str:
    """Return the paragraph at the top of a card."""
    if not (run.choice >= 0).any():
        return "The run holds no answer, so nothing can be said about its choices."
    if not run.has_people:
        return " ".join(_alone(run, findings, shares))
    dilemmas = int(run.decisions.answered.sum())
    if dilemmas < FEW and not run.decisions.fixed:
        few = "1 dilemma was" if dilemmas == 1 else f"{dilemmas} dilemmas were"
        return f"Only {few} answered, fewer than {FEW}: too few to tell whether it is like people."
    sentences = []
    if run.borrows_coin:
        undecided = percent(float(run.coins.sum() / (run.choice >= 0).sum()))
        sentences.append(
            f"It left {undecided} of its answers undecided in a way that is no coin, for which "
            "people have no rate."
        )
    if not any(one.verdict for one in findings):
        sentences.append("No margins are known for these dilemmas, so there are no verdicts.")
        return " ".join(sentences)
    for verdict, start, last in (
        (LIKE, "Like the crowd, it", "and"),
        (PERSON, "Like a single person, it", "and"),
        (UNLIKE, "Unlike the crowd, it", "and"),
        (UNKNOWN, "It cannot be told from this run whether it", "or"),
        ("", "For want of a margin there is no verdict on whether it", "or"),
    ):
        found = [one for one in findings if one.verdict == verdict]
        if words := [_words(one, shares, run.study.words.candidate) for one in found]:
            sentences.append(f"{start} {listed(words, last)}.")
    return " ".join(sentences)


def _alone(run: Run, findings: tuple[Finding, ...], shares: tuple[Share, ...]) -> Iterator[str]:
    """Yield sentences on a run that is compared with nobody."""
    if shares:
        order = sorted(shares, key=lambda one: -abs(one.quantity.value))
        weights = [
            f"{one.label} ({short(one.quantity.value, sign=True, digits=2)})" for one in order
        ]
        yield f"Its choices give weight to {listed(weights)}."
    elif run.importance is not None and not run.importance.signal:
        yield "No weights can be told: its choices depend on no attribute beyond chance."
    for finding in findings:
        row = finding.parts[0].quantity
        if not row.defined:
            continue
        if finding.id == "often":
            yield f"It leaves {percent(row.value)} of its answers {_MECHANISMS[run.mechanism]}."
            continue
        bias = finding.parts[1].quantity
        side = "A" if bias.low > SIDE_MARGIN else "B" if bias.high < -SIDE_MARGIN else ""
        also = f", and favours the {run.study.words.candidate} shown as {side}" if side else ""
        swapped = f"changes its answer in swapped places in {percent(row.value)} of the dilemmas"
        yield f"It {swapped}{also}."


def _words(finding: Finding, shares: tuple[Share, ...], candidate: str) -> str:
    """Return a finding as a part of a sentence, after "it" or "whether it"."""
    part = finding.parts[0]
    row, unlike = part.quantity, finding.verdict == UNLIKE
    if finding.id == "weights":
        if not unlike:
            return "weighs the attributes the same way"
        return listed(_other_weights(shares)) or "weighs the attributes differently"
    if finding.id == "decided":
        if not unlike:
            return "is as decided"
        if row.high < 0 or finding.why == AGAINST_PEOPLE:
            return "decides against people's leaning"
        return "is more decided" if finding.why or row.value > 1 else "is less decided"
    if finding.id == "often":
        if not unlike and finding.verdict != LIKE:
            return "flips as often"
        rates = f"{percent(row.value)} of its answers to the coin (people {percent(row.human)})"
        return f"leaves {rates}"
    if finding.id == "where":
        if unlike and part.verdict == LIKE:
            return "flips at other rates, though more in close cases, as people do"
        if not unlike:
            return "flips where people do"
        if finding.why:
            return "so never flips where people do"
        # The rates differ, but the slope cannot tell whether in the same cases.
        where = "at other rates in close and clear cases"
        return f"flips {where}" if part.verdict == UNKNOWN else "does not flip where people do"
    bias = finding.parts[1]
    if not unlike:
        if finding.verdict == PERSON:
            rates = f"{percent(row.value)} of the dilemmas (the crowd in {percent(row.human)})"
            return f"changes its answer in swapped places in {rates}"
        return "changes its answer as often in swapped places"
    if bias.verdict == UNLIKE:
        side = "A" if bias.quantity.value > 0 else "B"
        return f"favours the {candidate} shown as {side}"
    more = "more" if row.value > part.like.high else "less"
    return f"changes its answer {more} often in swapped places"


def _other_weights(shares: Sequence[Share]) -> list[str]:
    """Return how the importance shares differ from people's, as parts of a sentence."""
    kinds = ("more", "less", "opposite")
    of = {kind: [one.label for one in shares if one.differs == kind] for kind in kinds}
    weights = [f"{kind} weight on {listed(of[kind])}" for kind in kinds[:2] if of[kind]]
    result = [f"puts {' but '.join(weights)}"] if weights else []
    opposite = [f"favours the opposite in {listed(of['opposite'])}"] if of["opposite"] else []
    return result + opposite


def _plain(value: Any) -> Any:
    """Return data for JSON: NaN and infinities as None, numbers with four decimals."""
    if hasattr(value, "_asdict"):
        return _plain(value._asdict())
    if isinstance(value, Mapping):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [*map(_plain, value)]
    if isinstance(value, float):
        return round(value, 4) if math.isfinite(value) else None
    return value
