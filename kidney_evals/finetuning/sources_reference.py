"""Draw answers from the human reference: of the group, of a simulated person, or the majority's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import accumulate, cycle
from typing import TYPE_CHECKING, Any, Final

from kidney_evals.errors import UserError, unknown
from kidney_evals.finetuning.sources import (
    HELDOUT_SHARE,
    Answered,
    Evaluated,
    Pair,
    Request,
    Source,
    pair_of,
    shuffled,
)
from kidney_evals.respondents.question import fraction
from kidney_evals.studies import CHOICES, Choice, Condition, Dilemma, Study, draw_dilemmas
from kidney_evals.studies.draw import draw_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from kidney_evals.human.reference import Reference

_TARGETS: Final = ("group", "individual", "majority")

HELDOUT_MOST: Final = 1000
"""Maximum number of held-out dilemmas. This number is reserved before any training dilemma is
drawn, so that held-out dilemmas depend neither on `--samples` nor on `--heldout`.
"""


def from_reference(
    study: Study, conditions: tuple[Condition, ...], request: Request, evaluation: Evaluated
) -> Source:
    """Draw answers from the human reference, to dilemmas that `evaluation` does not contain."""
    from kidney_evals.human.reference import load_reference

    target = request.target or "group"
    if target not in _TARGETS:
        raise unknown("target", target, _TARGETS)
    if request.person is not None and target != "individual":
        raise UserError("--person chooses one person: use it with --target individual")
    references = {condition: load_reference(study, condition) for condition in conditions}
    for condition, reference in references.items():
        if not reference.has_people:
            others = " or ".join(sorted(name for name, count in study.people.items() if count))
            raise UserError(
                f"nobody was asked {condition} in {study.id}"
                + (f"; use --condition {others}" if others else "; give answers of your own")
            )
    if study.draw is None and not request.allow_overlap:
        raise UserError(
            f"the {len(study.listed)} dilemmas of {study.id} are those that its evaluation asks; "
            "pass --allow-overlap to train on some of them"
        )
    person = _person(references, request) if target == "individual" else {}
    parts = (
        _repeated_list(study, len(conditions), request)
        if study.draw is None
        else _drawn_parts(study, request, evaluation)
    )
    train, heldout = (_answered(part, references, request.seed, target, person) for part in parts)
    about = {
        "kind": "reference",
        "target": target,
        "reference": {
            condition: {"version": one.version, "sha256": one.sha256, "people": one.people}
            for condition, one in references.items()
        },
        **person,
    }
    return Source(conditions, train, heldout, about, {})


def _drawn_parts(study: Study, request: Request, evaluation: Evaluated) -> list[list[Dilemma]]:
    limit = draw_limit(study.attributes)
    aside = min(HELDOUT_MOST, limit // HELDOUT_SHARE)
    for option, count, most in (
        ("--heldout", request.held, aside),
        ("--samples", request.samples, limit - aside),
    ):
        if count > most:
            raise UserError(
                f"{option} {count} is more than there is: {study.id} can draw {most} different "
                "dilemmas for it"
            )
    heldout = _drawn(study, "heldout", aside, request.seed, evaluation, set())
    pairs = set(map(pair_of, heldout))
    train = _drawn(study, "train", request.samples, request.seed, evaluation, pairs)
    return [train, heldout[: request.held]]


def _drawn(
    study: Study, part: str, count: int, seed: int, evaluation: Evaluated, held: set[Pair]
) -> list[Dilemma]:
    """Draw `count` dilemmas from the random sequence named `part`, excluding pairs in `held`."""
    # Up to half of all pairs, drawing without repetition takes reasonable time. A shorter draw is a
    # prefix of a longer draw, and the shorter draw nearly always suffices.
    most = 5 * draw_limit(study.attributes)
    for wanted in (count + count // 8 + 64, most):
        drawn = draw_dilemmas(f"{study.id} {part}", study.attributes, min(wanted, most), seed)
        usable = [one for one in drawn if pair_of(one) not in held and not evaluation.holds(one)]
        if len(usable) >= count:
            return [
                Dilemma(f"{part[0]}{index:05d}", one.first, one.second, one.kind)
                for index, one in enumerate(usable[:count])
            ]
    raise UserError(
        f"{study.id} has too few dilemmas beside those of its evaluation for {count} samples"
    )


def _repeated_list(study: Study, conditions: int, request: Request) -> list[list[Dilemma]]:
    """Repeat a study's list in every condition, each time the whole list in a new order."""
    listed = shuffled(study.listed, request.seed, "split")
    held = -(-len(listed) // HELDOUT_SHARE)
    if held == len(listed):
        raise UserError(f"{study.id} has one dilemma, which cannot be split")
    result = []
    for part, dilemmas, count in (
        ("train", listed[held:], request.samples),
        ("heldout", listed[:held], request.held),
    ):
        turns: list[Dilemma] = []
        while len(turns) * conditions < count:
            turns += shuffled(dilemmas, request.seed, part, len(turns))
        result.append([one for one in turns for _ in range(conditions)][:count])
    return result


def _answered(
    dilemmas: Sequence[Dilemma],
    references: Mapping[Condition, Reference],
    seed: int,
    target: str,
    person: Mapping[str, Any],
) -> list[Answered]:
    """Answer each dilemma, alternating conditions: a draw from the shares, or the largest share."""
    rows = {
        condition: iter(_shares(reference, dilemmas[at :: len(references)], person).tolist())
        for at, (condition, reference) in enumerate(references.items())
    }
    times: Counter[object] = Counter()
    answered = []
    for dilemma, condition in zip(dilemmas, cycle(references), strict=False):
        shares = next(rows[condition])
        if not abs(sum(shares) - 1) < 1e-6:
            raise UserError(f"the answers of people to {dilemma.id} are not known")
        key = (condition, dilemma.first.values, dilemma.second.values)
        times[key] += 1
        if target == "majority":
            choice = _most_frequent(shares)
        else:
            chance = fraction("answers of the samples", seed, *key, times[key])
            choice = CHOICES[_index_of(shares, chance)]
        answered.append(Answered(dilemma, condition, choice))
    return answered


def _shares(
    reference: Reference, dilemmas: Sequence[Dilemma], person: Mapping[str, Any]
) -> NDArray[Any]:
    """Return the probability of each answer as listed, shape (n, 2) or (n, 3)."""
    import numpy as np

    from kidney_evals.human.reference import load_reference
    from kidney_evals.respondents.people import answers_of_kinds, shares_of_people

    if not person or not dilemmas:
        return reference.shares(dilemmas)
    place = person["person"] - 1
    if person["model"] == "kinds":
        answers = []
        for one in dilemmas:
            known = shares_of_people(reference, one)
            if known is None:
                raise UserError(f"the answers of people to {one.id} are not known")
            answers.append(answers_of_kinds(reference, one, known)[place])
        return np.array(answers)
    latent = load_reference(reference.study, person["people_of"]).latent
    assert latent is not None, "_person chooses a latent class only where there are some"
    differences = np.array([reference.study.differences(one) for one in dilemmas])
    shares: NDArray[Any] = latent.predict(differences)[place]
    if reference.condition == "forced_choice":
        shares = shares[:, :2] / shares[:, :2].sum(axis=1, keepdims=True)
    return shares


def _person(references: Mapping[Condition, Reference], request: Request) -> dict[str, Any]:
    """Choose a simulated person; return the entries of `card.json` about the person.

    For both conditions, the person is from the latent classes of the coin condition, and the forced
    choice uses this person's shares among decided answers. Studies without classes have `KINDS`
    simulated people, the same in both conditions.
    """
    from kidney_evals.respondents.people import KINDS

    condition: Condition = "coin_flip" if "coin_flip" in references else "forced_choice"
    latent = references[condition].latent
    shares = [1 / KINDS] * KINDS if latent is None else latent.shares.tolist()
    number = request.person
    if number is None:
        number = _index_of(shares, fraction("person of the samples", request.seed)) + 1
    if not 1 <= number <= len(shares):
        raise UserError(f"--person must be a number from 1 to {len(shares)}, not {number}")
    return {
        "person": number,
        "of": len(shares),
        "model": "kinds" if latent is None else "latent_classes",
        "people_of": None if latent is None and len(references) > 1 else condition,
        "simulated": True,
    }


def _most_frequent(shares: Sequence[float]) -> Choice:
    # A tie goes to the earlier answer in the order first, second, coin.
    return CHOICES[max(range(len(shares)), key=lambda at: (round(shares[at], 9), -at))]


def _index_of(shares: Sequence[float], chance: float) -> int:
    """Return the index of the cumulative share that contains `chance`, for `chance` in [0, 1)."""
    # The shares sum to 1 up to rounding.
    last = max(place for place, share in enumerate(shares) if share > 0)
    return next((at for at, reached in enumerate(accumulate(shares)) if chance < reached), last)
