"""Format the description of a run for a terminal of 80 columns: tables, each with a sentence."""

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
from kidney_evals.reporting.text import WIDTH, flags, interval, number, text_table
from kidney_evals.studies import Attribute

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
"""Name of each model of indecision, and a sentence about the model."""

_NOT_DRAWN: Final = "Not identified: the patients of this study were not drawn at random."

_UNKNOWN: Final = Quantity(math.nan)


def describe_text(found: Description) -> str:
    """Format a description as text.

    Args:
        found: The description.
    """
    unsure = [
        line for line in flags(Rows(found.run)) if line.startswith(("undetermined:", "fit_failed:"))
    ]
    parts = [
        *(_filled(line) for line in unsure),
        _choice(found.choice) if found.choice else [],
        _two_stage(found.two_stage, found) if found.two_stage else [],
        _place(found),
        _calibration(found.calibration),
        _effects(found.effects, found.run.study.attributes),
        _bends(found),
        _bounds(found.bounds),
    ]
    return "\n\n".join("\n".join(lines) for lines in parts if lines)


def _choice(choice: IndecisionChoice) -> list[str]:
    lines = _head(
        "Which model of indecision",
        "Log-likelihood per answer on dilemmas held out, ten parts; each model against the best. "
        "A model describes the answers best if it beats each other one at 5 %, one-sided and "
        "divided by their number; otherwise it cannot be told.",
    )
    rows: list[tuple[str, ...]] = []
    for one in choice.contenders:
        name, formula = MODELS[one.model]
        if one.failure:
            rows.append((name, "–", "–", "–", "no finite fit"))
            continue
        mark = "" if one.model not in choice.possible else " *"
        numbers = (f"{value:.4f}" for value in (one.log_likelihood, one.behind, one.error))
        rows.append((name + mark, *numbers, formula))
    if rows:
        heads = ("model", "held out", "behind", "±", "formula")
        lines += text_table(heads, rows, "lrrrl")
    if choice.best:
        verdict = f"Best: {MODELS[choice.best][0]}."
        if choice.best == "naive":
            verdict += " Neither coins nor choices depend on the patients."
    else:
        verdict = f"Cannot tell: {choice.reason}."
        if choice.possible:
            names = ", ".join(MODELS[model][0] for model in choice.possible)
            verdict += f" Not ruled out (*): {names}."
    return [*lines, *_filled(verdict)]


def _two_stage(section: TwoStageSection, found: Description) -> list[str]:
    people, fit = section.people, section.fit
    names = [
        *((one.id, _scaled(one)) for one in found.run.study.attributes),
        ("flip_intercept", "a, flip intercept"),
        ("flip_slope", "b, flip slope"),
    ]
    rows = []
    for index, (name, label) in enumerate(names):
        mine = _UNKNOWN
        if fit:
            value = float(fit.theta[index])
            half = 1.96 * math.sqrt(float(fit.covariance[index, index]))
            mine = Quantity(value, value - half, value + half)
        rows.append((label, mine, people[name] if people else _UNKNOWN))
    for index, label in enumerate(("coin threshold", "half threshold")):
        own = fit.thresholds[index] if fit else None
        theirs = section.people_thresholds[index] if section.people_thresholds else None
        rows.append((label, _as_quantity(own), _as_quantity(theirs)))
    compared = [(find(id).label, found.rows[id]) for id in ("flip_slope", "threshold")]
    return [
        *_head(
            "Two-stage flip model",
            "logit P(coin) = a − b|Δu|; logit P(first | decided) = Δu. Weights per scale unit, in "
            "the respondent's own logits. At the half threshold the better patient gets half of "
            "all answers, at the coin threshold as many as the coin does (below 0: "
            "more often even between equals).",
        ),
        *_beside_people(rows),
        *(_filled(f"No fit: {section.failure}.") if section.failure else ()),
        "",
        *_filled("In people's logits, so that respondents compare (rows of the log):"),
        *_beside_people([(label, row, Quantity(row.human)) for label, row in compared]),
    ]


def _place(found: Description) -> list[str]:
    row, about = found.rows["centrality"], ""
    if row.defined:
        ends = f"{_number(row.value)} {_span(row)}".rstrip()
        about = (
            f"Centrality {ends}: {100 * row.value:.0f} % of people lie farther from the "
            "group than this respondent does, brought to one person's number of answers. A random "
            "person gets .5; high is central, not more human than people."
        )
    nearest = [] if found.nearest is None else ["", *_nearest(found.nearest, found)]
    return [*_head("Place among people", about), *nearest] if about or nearest else []


def _nearest(section: NearestSection, found: Description) -> list[str]:
    nearest = section.found
    coin = found.run.decisions.has_coin
    names = [one.id for one in found.run.study.attributes]
    heads = ["class", "people", *names, *(["flips"] if coin else []), "posterior", "support"]
    rows = []
    for c, share in enumerate(section.shares):
        flips = [f"{section.flips[c]:.2f}"] if coin else []
        weights = [f"{value:+.2f}" for value in section.importance[c]]
        ends = (f"{nearest.posterior[c]:.2f}", f"{nearest.support[c]:.2f}")
        rows.append((str(c + 1), f"{share:.2f}", *weights, *flips, *ends))
    best = nearest.nearest
    gap = nearest.expected[best] - nearest.log_likelihood[best]
    return [
        *_filled(
            "Latent classes of people, by P(class | answers) with answers counted at their worth "
            f"({nearest.effective_answers:.0f} of {nearest.answers} independent ones); support is "
            "the share of redrawn dilemmas that lead to the same class."
        ),
        *text_table(heads, rows, "r" * len(heads)),
        *_filled(
            f"Nearest: class {best + 1}. Its own answers would have a mean log-probability of "
            f"{nearest.expected[best]:.3f}; this respondent's have "
            f"{nearest.log_likelihood[best]:.3f}"
            + (", so it is near in name only." if gap > 0.1 else ".")
        ),
    ]


def _calibration(tables: dict[str, tuple[BinSection, ...]]) -> list[str]:
    if not tables:
        return []
    lines = _head(
        "Calibration of the human share model",
        "What the model of people predicts, what people did, what this run did, by |Δu| from the "
        "closest patients on.",
    )
    titles = {
        "shares": "share of decisions for the patient whom people's logit favours",
        "flip": "share of coins",
    }
    heads = ("|Δu| from", "predicted", "people", "95 % interval", "run", "95 % interval", "n")
    for name, bins in tables.items():
        rows = []
        for one in bins:
            seen = one.people.observed
            start, predicted = f"{one.people.start:.2f}", f"{one.people.predicted:.3f}"
            rows.append((start, predicted, *_cells(seen), *_cells(one.run), str(one.run.n)))
        lines += ["", titles[name], *text_table(heads, rows, "rrrcrcr")]
    return lines


def _effects(section: EffectsSection | None, attributes: Sequence[Attribute]) -> list[str]:
    lines = _head(
        "Marginal effects",
        "Average marginal component effects: change of a patient's chance of the kidney (a coin "
        "counts half) against the least favoured level. Chances, not log-odds: not to be mixed "
        "with weights or importance shares.",
    )
    if section is None:
        return [*lines, _NOT_DRAWN]
    people = section.people.rows if section.people else [None] * len(section.run.rows)
    rows = [
        (
            f"{attributes[row.attribute].id} {row.level} (v {row.base})",
            row.effect,
            theirs.effect if theirs else _UNKNOWN,
        )
        for row, theirs in zip(section.run.rows, people, strict=True)
    ]
    return [*lines, *_beside_people(rows)]


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
    rows = []
    for attribute, bend in zip(found.run.study.attributes, found.bends.bends, strict=True):
        people = found.people_bends.get(attribute.id)
        theirs = people.upper_share if people else _UNKNOWN
        p = _number(bend.adjusted)
        rows.append((attribute.id, *_cells(bend.upper_share), p, *_cells(theirs)))
    heads = ("", "run", "95 % interval", "p", "people", "95 % interval")
    lines += text_table(heads, rows, "lrcrrc")
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
    if not any(one.n for one in bounds.values()):
        return [*lines, "Nothing: every sample was answered."]
    rows = [
        (find(id).label, *map(_number, (one.value, one.low, one.high)), str(one.n))
        for id, one in bounds.items()
    ]
    heads = ("", "observed", "lowest", "highest", "unanswered")
    return [*lines, *text_table(heads, rows, "lrrrr")]


def _head(title: str, about: str) -> list[str]:
    return [title, "─" * len(title), *_filled(about)]


def _filled(text: str) -> list[str]:
    return textwrap.wrap(text, WIDTH)


def _beside_people(rows: Sequence[tuple[str, Quantity, Quantity]]) -> list[str]:
    """Return a table of a run's quantities beside the human ones, each with its interval."""
    cells = [(label, *_cells(mine), *_cells(theirs)) for label, mine, theirs in rows]
    heads = ("", "run", "95 % interval", "people", "95 % interval")
    return text_table(heads, cells, "lrcrc")


def _cells(row: Quantity) -> tuple[str, str]:
    return _number(row.value), _span(row)


def _span(row: Quantity) -> str:
    return interval(row.low, row.high, _number)


def _number(value: float) -> str:
    """Format a number; a threshold may be infinite."""
    if math.isinf(value):
        return "never" if value > 0 else "always"
    return number(value)


def _scaled(attribute: Attribute) -> str:
    per = f" per {attribute.scale:g}" if attribute.scale != 1 else ""
    return f"w, {attribute.id}{per}"


def _as_quantity(one: Threshold | None) -> Quantity:
    return _UNKNOWN if one is None else Quantity(one.value, one.low, one.high)
