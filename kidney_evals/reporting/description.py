"""Format the description of a run for a terminal of 80 columns: tables, each with a sentence."""

import math
import textwrap
from collections.abc import Callable, Sequence
from typing import Final

from kidney_evals.card.numbers import WIDTH, interval, number
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.measures import find
from kidney_evals.measures.description import Bins, Description
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.text import NOBODY, flags, text_table
from kidney_evals.templates import templates

MODELS: Final[dict[str, tuple[str, str]]] = {
    "naive": ("constant rates", "all answers at constant rates"),
    "random": ("random indifference", "constant P(coin), else logit"),
    "max_delta": ("Max-δ", "coin scores 2|Δu| − λ"),
    "min_u": ("Min-U", "{candidates} score u, the coin λ"),
    "max_u": ("Max-U", "coin scores 2 min(u) − λ"),
    "dom": ("Dom", "the weakest attribute scores"),
    "davidson": ("Davidson (= Min-δ)", "coin ∝ ν, first ∝ exp(Δu/2)"),
    "rao_kupper": ("Rao–Kupper", "Δu + noise, cut at ±ln θ"),
    "two_stage": ("two-stage", "logit P(coin) = a − b|Δu|"),
}
"""Name and formula of each model of indecision, by id."""


def describe_text(description: Description) -> str:
    """Format a description as text."""
    tables: tuple[Callable[..., str], ...] = (
        models, two_stage, in_peoples_logits, classes, calibration, effects, bends, bounds
    )  # fmt: skip
    names = {
        "MODELS": MODELS,
        "wrap": lambda text: textwrap.fill(text, WIDTH),
        "model_name": lambda model: MODELS[model][0],
        "number": _number,
        "with_interval": lambda row: " ".join(filter(None, _cells(row))),
        **{table.__name__: table for table in tables},
    }
    environment = templates("reporting", "", names, trim=False)
    raised = flags(Rows(description.run))
    unsure = [line for line in raised if line.startswith(("undetermined:", "fit_failed:"))]
    nobody = "" if description.run.has_people else NOBODY
    template = environment.get_template("describe.txt")
    return template.render(description=description, unsure=unsure, nobody=nobody).strip()


def models(description: Description) -> str:
    """Return the table of the models of indecision."""
    choice, fill = description.choice, description.run.study.words.fill
    assert choice is not None
    rows: list[tuple[str, ...]] = []
    for one in choice.contenders:
        name, formula = map(fill, MODELS[one.model])
        numbers = [f"{value:.4f}" for value in (one.log_likelihood, one.behind, one.error)]
        if one.failure:
            numbers, formula = ["–", "–", "–"], "no finite fit"
        elif one.model in choice.possible:
            name += " *"
        rows.append((name, *numbers, formula))
    return text_table(("model", "held out", "behind", "±", "formula"), rows, "lrrrl")


def two_stage(description: Description) -> str:
    """Format parameters and thresholds of the two-stage model, for the run and for people."""
    section = description.two_stage
    assert section is not None
    people, fit = section.people, section.fit
    names = {
        one.id: f"w, {one.id}" + (f" per {one.scale:g}" if one.scale != 1 else "")
        for one in description.run.study.attributes
    }
    names |= {"flip_intercept": "a, flip intercept", "flip_slope": "b, flip slope"}
    rows = []
    for index, (name, label) in enumerate(names.items()):
        own = undefined()
        if fit:
            value = float(fit.theta[index])
            half = 1.96 * math.sqrt(float(fit.covariance[index, index]))
            own = Quantity(value, value - half, value + half)
        rows.append((label, own, people[name] if people else undefined()))
    thresholds = fit.thresholds if fit else (None, None)
    theirs = section.people_thresholds or (None, None)
    for label, *both in zip(("coin threshold", "half threshold"), thresholds, theirs, strict=True):
        own, other = (Quantity(*one) if one else undefined() for one in both)
        rows.append((label, own, other))
    return _beside_people(rows, description.run.has_people)


def in_peoples_logits(description: Description) -> str:
    """Format the flip slope and the half threshold, in logits of the model of people's choices."""
    rows = [(id, description.rows[id]) for id in ("flip_slope", "threshold")]
    return _beside_people([(find(id).label, row, Quantity(row.human)) for id, row in rows])


def classes(description: Description) -> str:
    """Format the latent classes of people, with the run's posterior over the classes."""
    section = description.nearest
    assert section is not None
    coin = ["flips"] if description.run.decisions.has_coin else []
    names = description.run.study.attribute_ids
    rows = [
        (
            str(index + 1),
            f"{share:.2f}",
            *(f"{value:+.2f}" for value in section.importance[index]),
            *(f"{section.flips[index]:.2f}" for _ in coin),
            f"{section.found.posterior[index]:.2f}",
            f"{section.found.support[index]:.2f}",
        )
        for index, share in enumerate(section.shares)
    ]
    heads = ("class", "people", *names, *coin, "posterior", "support")
    return text_table(heads, rows, "r" * len(heads))


def calibration(bins: Bins) -> str:
    """Format predicted shares, people's shares and the run's shares, by bin of |Δu|.

    |Δu| is the difference of the two patients in utility, by the model of people's choices.
    """
    rows = []
    for people, own in bins:
        start, predicted = f"{people.start:.2f}", f"{people.predicted:.3f}"
        rows.append((start, predicted, *_cells(people.observed), *_cells(own), str(own.n)))
    heads = ("|Δu| from", "predicted", "people", "95 % interval", "run", "95 % interval", "n")
    return text_table(heads, rows, "rrrcrcr")


def effects(description: Description) -> str:
    """Format the marginal effect of each level of each attribute, for the run and for people."""
    assert description.effects is not None
    attributes, (own, people) = description.run.study.attributes, description.effects
    rows = []
    for row, theirs in zip(own, people or [None] * len(own), strict=True):
        label = f"{attributes[row.attribute].id} {row.level} (v {row.base})"
        rows.append((label, row.effect, theirs.effect if theirs else undefined()))
    return _beside_people(rows, description.run.has_people)


def bends(description: Description) -> str:
    """Format, for each attribute, which share of its effect is in the favoured half of its range.

    The shares are those of the run and of people.
    """
    assert description.bends is not None
    rows = []
    for id, bend in zip(description.run.study.attribute_ids, description.bends.bends, strict=True):
        people = description.people_bends.get(id)
        theirs = _cells(people.upper_share if people else undefined())
        rows.append((id, *_cells(bend.upper_share), _number(bend.adjusted), *theirs))
    heads = ("", "run", "95 % interval", "p", "people", "95 % interval")
    end = 6 if description.run.has_people else 4
    return text_table(heads[:end], [row[:end] for row in rows], "lrcrrc"[:end])


def bounds(description: Description) -> str:
    """Format the bounds of measures over unanswered samples; "" if every sample was answered."""
    rows = [
        (find(id).label, *map(_number, (one.value, one.low, one.high)), str(one.n))
        for id, one in description.bounds.items()
    ]
    unanswered = any(one.n for one in description.bounds.values())
    heads = ("", "observed", "lowest", "highest", "unanswered")
    return text_table(heads, rows, "lrrrr") if unanswered else ""


def _beside_people(rows: Sequence[tuple[str, Quantity, Quantity]], people: bool = True) -> str:
    """Return a table of a run's quantities beside the human ones, each with its interval.

    `people` is whether people were asked.
    """
    heads, end = ("", "run", "95 % interval", "people", "95 % interval"), 5 if people else 3
    cells = [(label, *_cells(own), *_cells(theirs))[:end] for label, own, theirs in rows]
    return text_table(heads[:end], cells, "lrcrc"[:end])


def _cells(row: Quantity) -> tuple[str, str]:
    return _number(row.value), interval(row.low, row.high, _number)


def _number(value: float) -> str:
    """Format a number; a threshold may be infinite."""
    if math.isinf(value):
        return "never" if value > 0 else "always"
    return number(value)
