"""Sections on other tasks and on models that were trained: words, predictions, before and after."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from kidney_evals.charts import ChangeRow, DotRow, change_panel, dot_panel
from kidney_evals.estimation.errors import InputError
from kidney_evals.measures.stated_names import REVEALED, STATED, STATED_FIXED
from kidney_evals.reporting.page.panels import HEADS, Place, limits, quantity_figure
from kidney_evals.reporting.page.parts import Figure, Section, columns, slug
from kidney_evals.reporting.rows import card_of
from kidney_evals.reporting.runs import ModelRun
from kidney_evals.reporting.stated import NO_PEOPLE

TRAINED: Final = {
    "coin_flip": ("flip_rate", "flip_calib", "distance", "agreement", "share_dist", "swap_diff"),
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
}
"""Rows that are followed from before to after."""

UNTRAINED: Final = "before"
"""The arm of `kidney-evals sft evaluate` that the others are compared with."""


def words_section(places: Sequence[Place]) -> Section:
    """Return what models say they value, and what they think that people choose."""
    figures = [
        figure
        for place in places
        for figure in (_stated(place), _predicted(place))
        if figure is not None
    ]
    return Section(
        "words",
        "What they say, and what they think people choose",
        "Stated importance shares beside those that choices reveal, where both were measured; and "
        "how well a model predicts people's answers when it is asked to.",
        tuple(figures),
        absent="" if figures else "No log of `stated_values` or `predict_people` was given.",
    )


def trained_section(places: Sequence[Place]) -> Section:
    """Return before and after fine-tuning, for logs that `kidney-evals sft evaluate` wrote."""
    figures = [figure for place in places for figure in _trained(place)]
    return Section(
        "trained",
        "Before and after fine-tuning",
        "Changes over the dilemmas that both answered, with their 95 % intervals. Nearer to "
        "these people is what was trained for; whether something else broke is in the side "
        "effects that `kidney-evals sft evaluate` writes beside its logs.",
        tuple(figures),
        absent="" if figures else "No log of `kidney-evals sft evaluate` was given.",
    )


def _stated(place: Place) -> Figure | None:
    if place.panel.task != "stated_values":
        return None
    family, revealed = STATED.rstrip("*"), REVEALED.rstrip("*")
    panels, lines = [], []
    for run in place.runs:
        rows = []
        for name, said in run.rows.items():
            if not name.startswith(family) or name in STATED_FIXED:
                continue
            attribute = name.removeprefix(family)
            words = attribute.replace("_", " ")
            nan = math.nan
            rows.append(DotRow(f"{words}, people", said.human, nan, nan, "people"))
            rows.append(DotRow(f"{words}, said", *said[:3], "model", place.link(run)))
            lines.append((run.name, f"{words}, stated", *said[:4], said.n))
            shown = place.row(run, f"{revealed}{attribute}")
            if shown.defined:
                rows.append(DotRow(f"{words}, chosen", *shown[:3], "baseline"))
                lines.append((run.name, f"{words}, revealed", *shown[:4], shown.n))
        if rows:
            panels.append(
                dot_panel(run.name, rows, low=-1, high=1, signed=True, ticks=(-1, -0.5, 0, 0.5, 1))
            )
    if not panels:
        return None
    return Figure(
        slug("stated", place.id),
        f"Stated importance shares: {place.title}",
        NO_PEOPLE,
        tuple(panels),
        columns(lines, *HEADS),
    )


def _predicted(place: Place) -> Figure | None:
    if not any("pred_fixed" in run.rows for run in place.runs):
        return None
    return quantity_figure(
        place,
        ("pred_fixed", "pred_drawn"),
        title="Predicting people",
        baselines={
            "pred_fixed": (("guessing", "pred_fx_unif"), ("the other study", "pred_fx_study")),
            "pred_drawn": (("guessing", "pred_dr_unif"), ("the other study", "pred_dr_study")),
        },
        says="Squared distance of predicted from people's shares; 0 is knowing them.",
    )


def _trained(place: Place) -> list[Figure]:
    parts: dict[str, list[ModelRun]] = {}
    for run in place.runs:
        if "sft_arm" in run.facts and run.run is not None:
            parts.setdefault(str(run.facts.get("sft_part", "")), []).append(run)
    return [
        figure for part, runs in parts.items() if (figure := _part(place, part, runs)) is not None
    ]


def _part(place: Place, part: str, runs: Sequence[ModelRun]) -> Figure | None:
    from kidney_evals.measures.change import change

    first = next((one for one in runs if one.facts["sft_arm"] == UNTRAINED), None)
    others = [one for one in runs if one is not first]
    if first is None or first.run is None or not others:
        return None
    panels, lines = [], []
    for name in TRAINED.get(place.panel.task, ()):
        rows = []
        for other in others:
            assert other.run is not None
            try:
                found = change(first.run, other.run, name)
            except InputError:
                # No shared dilemmas, or nothing of what the row needs.
                continue
            if math.isnan(found.change.value):
                continue
            arm = str(other.facts["sft_arm"])
            low, high = found.change.low, found.change.high
            rows.append(ChangeRow(arm, found.first, found.second, low, high))
            lines.append(
                (arm, card_of(name).label, found.first, found.second, found.change.value, low,
                 high, found.change.n)
            )  # fmt: skip
        if rows:
            human = place.human(name)
            ends = [
                value
                for row in rows
                for value in (row.before, row.after, row.before + row.low, row.before + row.high)
            ]
            low, high = limits([*ends, human])
            panels.append(change_panel(card_of(name).label, rows, low=low, high=high, people=human))
    if not panels:
        return None
    return Figure(
        slug("trained", part, place.id),
        f"{part.replace('_', ' ').capitalize()}: {place.title}",
        f"From {first.header.eval.model} before training to each arm after it.",
        tuple(panels),
        columns(lines, "arm", "quantity", "before", "after", "change", "low", "high", "dilemmas"),
    )
