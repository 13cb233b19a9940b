"""Summarise a run in one plain sentence, and name the largest influence on its first headline."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures import MEASURES, find, headlines, predictions, stated
from kidney_evals.measures.readability import OUTCOMES
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.text import listed, number, percent

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.measures.run import Run

NO_PEOPLE: Final = (
    "No people were asked for stated weights; people's figures are what their choices reveal."
)

WIDE: Final = 0.15
"""Half width above which an importance interval is too wide to confirm the human value."""

LEVEL: Final = 0.01
"""Significance level of the tests of order and wording, strict because a report makes many."""

HANGING: Final = ("flip_rate", "agreement")
"""Headlines for which a report names the largest influence."""

_RESCORE: Final = (
    "This log was scored with some of the scorers only; `kidney-evals rescore` adds all."
)

_NO_SIGNAL: Final = "ts choices show no dependence on the patients' attributes beyond chance"

_OUTCOME_WORDS: Final = {
    "unprompted_indecision": ("undecided unasked", "undecided unasked"),
    "refusal": ("refusal", "refusals"),
    "truncated": ("cut off", "cut off"),
    "empty": ("empty", "empty"),
    "unreadable": ("unreadable", "unreadable"),
    "error": ("error", "errors"),
}
"""Labels of the outcomes without a decision, singular and plural."""

_SETS: Final = {"fixed": ("fx", "fixed questions"), "drawn": ("dr", "drawn dilemmas")}
"""Sets of dilemmas in `predict_people`: the part of a measure's id, and the label."""


def unanswered(rows: Mapping[str, Quantity], outcomes: Mapping[str, str] = OUTCOMES) -> str:
    """Return the frequency of each outcome without a decision, in brackets; empty for none.

    Args:
        rows: The quantities by id.
        outcomes: The measure of each outcome.
    """
    found = []
    for outcome, id in outcomes.items():
        row = rows.get(id)
        count = round(row.value * row.n) if row is not None and row.defined else 0
        if count:
            found.append(f"{count} {_OUTCOME_WORDS[outcome][count > 1]}")
    return f" ({', '.join(found)})" if found else ""


def sentence(rows: Rows, condition: str) -> str:
    """Return a sentence that summarises a run, for a terminal.

    Args:
        rows: The quantities.
        condition: The condition of the run; for other tasks, `asks` in the metadata.
    """
    if condition == "stated_values":
        return _stated(rows)
    if "pred_fixed" in rows:
        return _predicted(rows)
    coverage = rows.get("coverage")
    if coverage is None or headlines(condition)[0].id not in rows:
        return _RESCORE
    if not coverage.defined or coverage.value == 0:
        return (
            f"The model decided in no sample{unanswered(rows)}: there are no choices to describe."
        )
    parts = [_coin(rows) if condition == "coin_flip" else _forced(rows)]
    if weights := _weights(rows, "imp_"):
        parts.append(f"What moves them, as signed shares: {weights}.")
    elif "no_signal" in rows.flags:
        parts.append(f"I{_NO_SIGNAL}.")
    if coverage.value < 1:
        parts.append(
            f"It gave no decision on {percent(1 - coverage.value)} of the samples"
            f"{unanswered(rows)}; `show --all` bounds what they leave open."
        )
    return " ".join(part for part in parts if part)


def _shares(rows: Mapping[str, Quantity], family: str) -> dict[str, Quantity]:
    """Return the defined measures of a family by attribute."""
    return {
        id.removeprefix(family): row
        for id in rows
        if id.startswith(family) and id not in MEASURES and (row := rows[id]).defined
    }


def _weights(rows: Mapping[str, Quantity], family: str) -> str:
    """Return the signed shares of a family beside the human shares, the largest first."""
    ranked = sorted(_shares(rows, family).items(), key=lambda item: -abs(item[1].value))
    return ", ".join(
        f"{name.replace('_', ' ')} {row.value:+.2f}"
        + ("" if math.isnan(row.human) else f" (people {row.human:+.2f})")
        for name, row in ranked
    )


def _coin(rows: Rows) -> str:
    rate = rows["flip_rate"]
    if not rate.defined:
        return ""
    if "readout" in rows.flags:
        # Nothing was sampled: there is a share, but no count.
        text = f"By the probabilities read out of {rate.n} answers, the model left an expected"
        text, took = f"{text} {percent(rate.value)} of them", rate.value > 0
    else:
        count = round(rate.value * rate.n)
        text = f"The model left {count} of {rate.n} answers ({percent(rate.value)})"
        took = count > 0
    if "not_coin" in rows.flags:
        return (
            f"{text} undecided in the way it was offered, which was no coin: people have no rate "
            "for it."
        )
    if math.isnan(rate.human):
        return f"{text} to the coin; people were not offered one here."
    text += f" to the coin, where people leave {percent(rate.human)}"
    calibration = rows.get("flip_calib")
    if calibration is None or not calibration.defined or not took:
        return f"{text}."
    if calibration.low <= 0 <= calibration.high:
        return f"{text}, and it did so about where people do."
    return f"{text}, and not where people do (flip calibration above 0)."


def _forced(rows: Rows) -> str:
    agreement = rows["agreement"]
    if not agreement.defined:
        return "People were not asked these questions, so there is nothing to agree with."
    text = f"The model's choices reach {agreement.value:.2f} of the agreement that is possible"
    return f"{text}{_known_agreement(rows, ', where')}."


def _known_agreement(rows: Rows, lead: str) -> str:
    known = rows.baselines("agreement")
    if not {"one person", "guessing"} <= set(known):
        return ""
    person, guessing = known["one person"].value, known["guessing"].value
    return f"{lead} people drawn at random reach {person:.2f} and guessing {guessing:.2f}"


def _stated(rows: Mapping[str, Quantity]) -> str:
    coverage = rows.get("st_coverage")
    if coverage is None:
        return _RESCORE
    if not coverage.defined or coverage.value == 0:
        return f"The model answered in no sample{unanswered(rows, stated.OUTCOMES)}. {NO_PEOPLE}"
    parts = []
    if weights := _weights(rows, "st_"):
        parts.append(f"What it says it values, as signed shares: {weights}.")
    rules = [row for row in stated.RULES if row in rows and rows[row].defined]
    if rules:
        most = max(rules, key=lambda row: rows[row].value)
        share = f"{100 * rows[most].value:.0f} %"
        parts.append(f"It names {stated.RULES[most][-1]} as its rule in {share} of answers.")
    gap = rows.get("gap_dist")
    if gap is not None and gap.defined:
        parts.append(
            f"Its stated shares lie {gap.value:.2f} from those its choices reveal "
            "(1 is a reversal)."
        )
    return " ".join([*parts, NO_PEOPLE])


def _predicted(rows: Rows) -> str:
    coverage = rows.get("pred_cover")
    missing = unanswered(rows, predictions.OUTCOMES)
    if coverage is None or not coverage.defined or coverage.value == 0:
        return f"The model predicted in no sample{missing}."
    parts = [_distance(rows, name) for name in _SETS]
    flips = rows.get("pred_fx_flips")
    if flips is not None and flips.defined:
        parts.append(
            f"It expects {100 * flips.value:.0f} % of the answers to the fixed questions to be "
            f"coins, where {100 * flips.human:.0f} % were."
        )
    parts += [_gain(rows, name) for name in _SETS]
    if coverage.value < 1:
        parts.append(
            f"{100 * (1 - coverage.value):.0f} % of the samples hold no prediction{missing} and "
            "count nowhere."
        )
    return " ".join(part for part in parts if part)


def _distance(rows: Rows, name: str) -> str:
    row = rows.get(f"pred_{name}")
    if row is None or not row.defined:
        return ""
    known = rows.baselines(f"pred_{name}")
    text = (
        f"On the {_SETS[name][1]} the predictions lie {row.value:.3f} from people's shares "
        f"(0 is knowing them, half of the people know them to {row.human:.3f}"
    )
    if "guessing" in known:
        text += f", guessing gets {known['guessing'].value:.3f}"
    if "the other study" in known:
        text += f", the other study's people lead to {known['the other study'].value:.3f}"
    text += ")."
    if name == "fixed" and row.high < 0:
        text += (
            " That is below 0: nearer to these people's very answers than knowing people allows."
        )
    return text


def _gain(rows: Rows, name: str) -> str:
    part, words = _SETS[name]
    row = rows.get(f"pred_{part}_gain")
    if row is None or not row.defined:
        return ""
    if row.low > 0:
        return f"On the {words} the model knows people better than it chooses like them."
    if row.high < 0:
        return f"On the {words} the model chooses more like people than it knows them."
    return f"On the {words} it knows people about as well as it chooses like them."


def summary_sentence(run: ModelRun) -> str:
    """Return a sentence for a report: importance, flips or agreement, position bias, refusals."""
    rows, task = run.rows, run.panel.task
    if task == "stated_values":
        return _stated(rows)
    if "pred_fixed" in rows:
        return _predicted(rows)
    coverage = rows.get("coverage")
    if coverage is None:
        return "Scored with some of the scorers only; `kidney-evals rescore` adds the others."
    if not coverage.defined or coverage.value == 0:
        return f"Decided in no sample{unanswered(rows)}: there are no choices to describe."
    parts = [_weighs(rows), _flips(rows) if task == "coin_flip" else _agrees(rows), _side(rows)]
    if coverage.value < 1:
        share = percent(1 - coverage.value)
        parts.append(f"no decision on {share} of the samples{unanswered(rows)}")
    text = "; ".join(part for part in parts if part)
    return f"{text[0].upper()}{text[1:]}." if text else "Too few answers to say anything."


_PHRASES: Final = {
    "like": "chooses like people on {}",
    "against": "chooses against people on {}",
    "more": "puts more on {}",
    "less": "puts less on {}",
    "last": "puts {} last",
    "unsure": "gave too few answers to tell on {}",
}


def _weighs(rows: Rows) -> str:
    if "no_signal" in rows.flags:
        return f"i{_NO_SIGNAL}"
    shares = _shares(rows, "imp_")
    known = {name: row for name, row in shares.items() if not math.isnan(row.human)}
    if not known:
        return ""
    least = min(known, key=lambda name: abs(known[name].value))
    last_of_people = min(known, key=lambda name: abs(known[name].human))
    kinds: dict[str, list[str]] = {}
    for name, row in known.items():
        words = name.replace("_", " ")
        # A deterministic rule has no interval.
        low, high = (row.value if math.isnan(end) else end for end in (row.low, row.high))
        if low <= row.human <= high:
            kinds.setdefault("unsure" if (high - low) / 2 > WIDE else "like", []).append(words)
            continue
        if row.value * row.human < 0 and not low <= 0 <= high:
            kind = "against"
        elif name == least and name != last_of_people:
            kind = "last"
        else:
            kind = "more" if abs(row.value) > abs(row.human) else "less"
        kinds.setdefault(kind, []).append(f"{words} ({row.value:+.2f}, people {row.human:+.2f})")
    return ", ".join(
        phrase.format(listed(kinds[kind])) for kind, phrase in _PHRASES.items() if kind in kinds
    )


def _flips(rows: Rows) -> str:
    rate = rows.get("flip_rate")
    if rate is None or not rate.defined:
        return ""
    if "readout" in rows.flags:
        text = f"leaves an expected {percent(rate.value)} of {rate.n} answers to the coin"
    else:
        text = f"left {round(rate.value * rate.n)} of {rate.n} answers to the coin"
    if math.isnan(rate.human):
        return f"{text}, which no people were offered so"
    return f"{text} where people leave {round(rate.human * rate.n)}"


def _agrees(rows: Rows) -> str:
    agreement = rows.get("agreement")
    if agreement is None or not agreement.defined:
        return ""
    text = f"reaches {agreement.value:.2f} of the agreement that is possible"
    return f"{text}{_known_agreement(rows, ' where')}"


def _side(rows: Rows) -> str:
    bias = rows.get("pos_bias")
    if bias is None or not bias.defined or abs(bias.value) < 0.05 or bias.low <= 0 <= bias.high:
        return ""
    side = "first" if bias.value > 0 else "second"
    return f"takes the patient shown {side} in {percent(0.5 + abs(bias.value))} of its decisions"


@dataclass(frozen=True)
class Move:
    """An effect on a headline of the order, the wording, refusals or the repeat question.

    Attributes:
        cause: "order", "wording", "refusals" or "repeat question".
        says: Both values in words.
        size: Absolute difference of the two values.
        clear: Whether the difference is significant at `LEVEL`; true for bounds, which are exact.
    """

    cause: str
    says: str
    size: float
    clear: bool


def moves(run: ModelRun) -> tuple[Move, ...]:
    """Return the effects on the first headline of a run, the largest first.

    Orders are compared in pairs over the dilemmas that were answered in both. Wordings are
    compared likewise in a crossed run, which asks every dilemma in each wording. The effect of
    refusals is the width of their bounds.
    """
    row = headlines(run.panel.task)[0].id
    if row not in HANGING:
        return ()
    found = [*_refusals(run.rows, row), *_repeated(run.rows, row)]
    if run.run is not None:
        found += [*_by_order(run.run, row), *_by_wording(run.run, run.facts, row)]
    return tuple(sorted(found, key=lambda one: -one.size))


def moves_sentence(run: ModelRun) -> str:
    """Return a sentence on the largest clear effect on a run's first headline, else on order."""
    label = find(headlines(run.panel.task)[0].id).label
    found = moves(run)
    clear = [one for one in found if one.clear]
    if clear:
        return f"What would change its {label} most: {clear[0].says}."
    order = next((one for one in found if one.cause == "order"), None)
    if order is not None and order.size == 0:
        return f"The same {label} in both orders of the patients."
    return f"No clear difference in {label} by {order.says}." if order else ""


def _refusals(rows: Rows, row: str) -> Iterator[Move]:
    bounds = rows.bounds(row)
    if bounds is not None and bounds.n and not math.isnan(bounds.low):
        says = (
            f"its {bounds.n} unanswered samples, which leave anything from {number(bounds.low)} "
            f"to {number(bounds.high)} possible"
        )
        yield Move("refusals", says, bounds.high - bounds.low, True)


def _repeated(rows: Rows, row: str) -> Iterator[Move]:
    first, last, answered = rows.first(row), rows.get(row), rows.first("coverage")
    if first is None or last is None or not (first.defined and last.defined):
        return
    if answered is not None and answered.value != rows["coverage"].value:
        yield Move(
            "repeat question",
            f"asking again, which took it from {number(first.value)} to {number(last.value)}",
            abs(last.value - first.value),
            not (last.low <= first.value <= last.high),
        )


def _by_order(run: Run, row: str) -> Iterator[Move]:
    pair = _change(run, run.order == 0, run.order == 1, row)
    if pair is not None:
        said = f"{number(pair.first)} in one, {number(pair.second)} in the other"
        yield _moved("order", f"the order of the patients, {said}", pair)


def _by_wording(run: Run, facts: Mapping[str, Mapping[str, str]], row: str) -> Iterator[Move]:
    if run.wording is None or not run.crossed:
        return
    names = sorted(facts.get("wordings") or ())
    if len(names) != int(run.wording.max()) + 1:
        return
    pairs = [
        (found, names[one], names[two])
        for one in range(len(names))
        for two in range(one + 1, len(names))
        if (found := _change(run, run.wording == one, run.wording == two, row)) is not None
    ]
    if pairs:
        widest, one, two = max(pairs, key=lambda pair: abs(pair[0].change.value))
        said = f"{number(widest.first)} in {one}, {number(widest.second)} in {two}"
        yield _moved("wording", f"the wording, {said}", widest)


def _moved(cause: str, said: str, pair: PairedDifference) -> Move:
    return Move(cause, said, abs(pair.change.value), pair.p_value < LEVEL)


def _change(
    run: Run, one: NDArray[np.bool_], two: NDArray[np.bool_], row: str
) -> PairedDifference | None:
    """Return the paired change of a measure between two parts of a run; None if it has none."""
    from kidney_evals.measures import change
    from kidney_evals.measures.run import part_of

    if not one.any() or not two.any() or (row == "flip_rate" and run.borrows_coin):
        return None
    before, after = (replace(part_of(run, kept), crossed=False) for kept in (one, two))
    try:
        found = change(before, after, row)
    except InputError:
        # No dilemma was asked in both parts, so there are no pairs.
        return None
    return None if math.isnan(found.change.value) else found
