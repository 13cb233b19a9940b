"""A description of a run for a terminal of 80 columns: a table and a sentence for each part."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Sequence
from typing import Final

from kidney_evals.estimation.indecision_choice import IndecisionChoice
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.estimation.thresholds import Threshold
from kidney_evals.measures import find
from kidney_evals.measures.description import (
    BinSection,
    Description,
    EffectsSection,
    NearestSection,
    TwoStageSection,
)
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.text import flags
from kidney_evals.studies import Attribute

WIDTH: Final = 80

MODELS: Final[dict[str, tuple[str, str]]] = {
    "naive": ("constant rates", "all answers at constant rates"),
    "random": ("random indifference", "constant P(coin), else logit"),
    "max_delta": ("Max-δ", "coin scores 2|Δu| − λ"),
    "min_u": ("Min-U", "patients score u, the coin λ"),
    "max_u": ("Max-U", "coin scores 2 min(u) − λ"),
    "dom": ("Dom", "the weakest attribute scores"),
    "davidson": ("Davidson (= Min-δ)", "coin ∝ ν, first ∝ exp(Δu/2)"),
    "rao_kupper": ("Rao–Kupper", "Δu + noise, cut at ±ln θ"),
    "two_stage": ("two-stage", "logit P(coin) = a − b|Δu|"),
}
"""What each model of indecision is called and what it says."""


_NOT_DRAWN = "Not identified: the patients of this study were not drawn at random."


def describe_text(found: Description) -> str:
    """Lay a description out as text.

    Args:
        found: The description.
    """
    parts = [
        *(_filled(line) for line in _flags(found)),
        _choice(found.choice) if found.choice else [],
        _two_stage(found.two_stage, found) if found.two_stage else [],
        _place(found),
        _calibration(found.calibration),
        _effects(found.effects, found.run.study.attributes),
        _bends(found),
        _bounds(found.bounds),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in lines) for lines in parts if lines)


def _flags(found: Description) -> list[str]:
    lines = flags(Rows(found.run))
    return [line for line in lines if line.startswith(("undetermined:", "fit_failed:"))]


def _choice(choice: IndecisionChoice) -> list[str]:
    lines = _head(
        "Which model of indecision",
        "Log-likelihood per answer on dilemmas held out, ten parts; each model against the best. "
        "A model describes the answers best if it beats each other one at 5 %, one-sided and "
        "divided by their number; otherwise it cannot be told.",
    )
    if choice.contenders:
        lines.append(f"{'model':22} {'held out':>9} {'behind':>8} {'±':>7}  formula")
    for one in choice.contenders:
        name, formula = MODELS[one.model]
        if one.failure:
            lines.append(f"{name:22} {'–':>9} {'–':>8} {'–':>7}  no finite fit")
            continue
        mark = "" if one.model not in choice.possible else " *"
        lines.append(
            f"{name + mark:22} {one.log_likelihood:9.4f} {one.behind:8.4f} {one.error:7.4f}  "
            f"{formula}"
        )
    if choice.best:
        verdict = f"Best: {MODELS[choice.best][0]}."
        if choice.best == "naive":
            verdict += " Neither coins nor choices depend on the patients."
    elif choice.possible:
        names = ", ".join(MODELS[model][0] for model in choice.possible)
        verdict = f"Cannot tell: {choice.reason}. Not ruled out (*): {names}."
    else:
        verdict = f"Cannot tell: {choice.reason}."
    return [*lines, *_filled(verdict)]


def _two_stage(section: TwoStageSection, found: Description) -> list[str]:
    lines = _head(
        "Two-stage flip model",
        "logit P(coin) = a − b|Δu|; logit P(first | decided) = Δu. Weights per scale unit, in the "
        "respondent's own logits. At the half threshold the better patient gets half of all "
        "answers, at the coin threshold as many as the coin does (below 0: "
        "more often even between equals).",
    )
    people, fit = section.people, section.fit
    lines.append(f"{'':27}{'run':>8} {'95 % interval':^18}{'people':>8} {'95 % interval':^17}")
    names = [
        *((one.id, _scaled(one)) for one in found.run.study.attributes),
        ("flip_intercept", "a, flip intercept"),
        ("flip_slope", "b, flip slope"),
    ]
    for index, (name, label) in enumerate(names):
        theirs = people[name] if people else Quantity(float("nan"))
        mine = Quantity(float("nan"))
        if fit:
            value = float(fit.theta[index])
            half = 1.96 * math.sqrt(float(fit.covariance[index, index]))
            mine = Quantity(value, value - half, value + half)
        lines.append(_pair(label, mine, theirs))
    for index, label in enumerate(("coin threshold", "half threshold")):
        own = (fit.threshold, fit.half_threshold)[index] if fit else None
        theirs_at = section.people_thresholds[index] if section.people_thresholds else None
        lines.append(_pair(label, _as_quantity(own), _as_quantity(theirs_at)))
    if section.failure:
        lines += _filled(f"No fit: {section.failure}.")
    lines += ["", *_filled("In people's logits, so that respondents compare (rows of the log):")]
    for row in ("flip_slope", "threshold"):
        quantity = found.rows[row]
        lines.append(_pair(find(row).label, quantity, Quantity(quantity.human)))
    return lines


def _place(found: Description) -> list[str]:
    lines = []
    row = found.rows["centrality"]
    if row.defined:
        lines = _head(
            "Place among people",
            f"Centrality {_ends(row)}: {100 * row.value:.0f} % of people lie farther from the "
            "group than this respondent does, brought to one person's number of answers. A random "
            "person gets .5; high is central, not more human than people.",
        )
    if found.nearest is None:
        return lines
    if not lines:
        lines = _head("Place among people", "")
    return [*lines, "", *_nearest(found.nearest, found)]


def _nearest(section: NearestSection, found: Description) -> list[str]:
    nearest = section.found
    names = [one.id for one in found.run.study.attributes]
    offered = found.run.decisions.has_coin
    lines = _filled(
        "Latent classes of people, by P(class | answers) with answers counted at their worth "
        f"({nearest.effective_answers:.0f} of {nearest.answers} independent ones); support is the "
        "share of redrawn dilemmas that lead to the same class."
    )
    columns = "".join(f"{name:>{_wide(name)}.{_wide(name) - 1}}" for name in names)
    coin = f"{'flips':>8}" if offered else ""
    lines.append(f"{'class':>5}{'people':>8}{columns}{coin}{'posterior':>11}{'support':>9}")
    for c, share in enumerate(section.shares):
        weights = "".join(
            f"{value:+{_wide(name)}.2f}"
            for name, value in zip(names, section.importance[c], strict=True)
        )
        flips = f"{section.flips[c]:8.2f}" if offered else ""
        lines.append(
            f"{c + 1:5}{share:8.2f}{weights}{flips}{nearest.posterior[c]:11.2f}"
            f"{nearest.support[c]:9.2f}"
        )
    best = nearest.nearest
    gap = nearest.expected[best] - nearest.log_likelihood[best]
    lines += _filled(
        f"Nearest: class {best + 1}. Its own answers would have a mean log-probability of "
        f"{nearest.expected[best]:.3f}; this respondent's have {nearest.log_likelihood[best]:.3f}"
        + (", so it is near in name only." if gap > 0.1 else ".")
    )
    return lines


def _calibration(tables: dict[str, tuple[BinSection, ...]]) -> list[str]:
    if not tables:
        return []
    lines = _head(
        "Calibration of the human share model",
        "What the model of people predicts, what people did, what this run did, by |Δu| from the "
        "closest patients on.",
    )
    heads = {
        "shares": "share of decisions for the patient whom people's logit favours",
        "flip": "share of coins",
    }
    for name, bins in tables.items():
        lines += ["", heads[name]]
        lines.append(
            f"{'|Δu| from':>9}{'predicted':>11}{'people':>9}  {'95 % interval':^16}"
            f"{'run':>8}  {'95 % interval':^16}{'n':>6}"
        )
        for one in bins:
            seen = one.people.observed
            lines.append(
                f"{one.people.start:9.2f}{one.people.predicted:11.3f}{_number(seen.value):>9}  "
                f"{_span(seen):^16}{_number(one.run.value):>8}  {_span(one.run):^16}{one.run.n:>6}"
            )
    return lines


def _effects(section: EffectsSection | None, attributes: Sequence[Attribute]) -> list[str]:
    about = (
        "Average marginal component effects: change of a patient's chance of the kidney (a coin "
        "counts half) against the least favoured level. Chances, not log-odds: not to be mixed "
        "with weights or importance shares."
    )
    if section is None:
        return [
            *_head("Marginal effects", about),
            _NOT_DRAWN,
        ]
    lines = _head("Marginal effects", about)
    lines.append(f"{'':27}{'run':>8} {'95 % interval':^18}{'people':>8} {'95 % interval':^17}")
    for index, row in enumerate(section.run.rows):
        theirs = section.people.rows[index].effect if section.people else Quantity(float("nan"))
        label = f"{attributes[row.attribute].id} {row.level} (v {row.base})"
        lines.append(_pair(label, row.effect, theirs))
    return lines


def _bends(found: Description) -> list[str]:
    lines = _head(
        "Non-linearity",
        "Share of an attribute's effect that falls in the favoured half of its range (.5 is a "
        "straight line), and the test that a straight line would do, Wald and score, adjusted by "
        "Holm.",
    )
    if found.bends is None:
        drawn = found.run.study.draw is not None
        return [*lines, "Too few decisions to tell." if drawn else _NOT_DRAWN]
    lines.append(
        f"{'':16}{'run':>8}  {'95 % interval':^18}{'p':>7}{'people':>9}  {'95 % interval':^16}"
    )
    for attribute, bend in zip(found.run.study.attributes, found.bends.bends, strict=True):
        people = found.people_bends.get(attribute.id)
        theirs = people.upper_share if people else Quantity(float("nan"))
        share = bend.upper_share
        lines.append(
            f"{attribute.id:16.15}{_number(share.value):>8}  {_span(share):^18}"
            f"{_number(bend.adjusted):>7}{_number(theirs.value):>9}  {_span(theirs):^16}"
        )
    if found.bends.separated:
        lines += _filled("A rule explains every decision, so no interval can be given.")
    elif not math.isnan(found.bends.p_value):
        lines += _filled(f"All attributes together: p = {_number(found.bends.p_value)}.")
    return lines


def _bounds(bounds: dict[str, Quantity]) -> list[str]:
    lines = _head(
        "What the unanswered leave open",
        "Each figure had every unanswered sample gone one way or the other. Bounds, not intervals.",
    )
    n = max((one.n for one in bounds.values()), default=0)
    if not n:
        return [*lines, "Nothing: every sample was answered."]
    lines.append(f"{'':32}{'observed':>9}{'lowest':>9}{'highest':>9}{'unanswered':>12}")
    for row, one in bounds.items():
        lines.append(
            f"{find(row).label:32.31}{_number(one.value):>9}{_number(one.low):>9}"
            f"{_number(one.high):>9}{one.n:>12}"
        )
    return lines


def _head(title: str, about: str) -> list[str]:
    return [title, "─" * len(title), *_filled(about)]


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _pair(label: str, mine: Quantity, theirs: Quantity) -> str:
    return (
        f"{label:27.26}{_number(mine.value):>8} {_span(mine):^18}{_number(theirs.value):>8} "
        f"{_span(theirs):^17}"
    ).rstrip()


def _scaled(attribute: Attribute) -> str:
    per = f" per {attribute.scale:g}" if attribute.scale != 1 else ""
    return f"w, {attribute.id}{per}"


def _as_quantity(one: Threshold | None) -> Quantity:
    return Quantity(float("nan")) if one is None else Quantity(one.value, one.low, one.high)


def _wide(name: str) -> int:
    return max(8, min(len(name) + 2, 12))


def _ends(row: Quantity) -> str:
    return f"{_number(row.value)} {_span(row)}".rstrip()


def _span(row: Quantity) -> str:
    if math.isnan(row.low) or math.isnan(row.high):
        return ""
    return f"[{_number(row.low)}, {_number(row.high)}]"


def _number(value: float) -> str:
    if math.isnan(value):
        return "–"
    if math.isinf(value):
        return "never" if value > 0 else "always"
    return f"{value:.3f}"
