"""The section on fine-tuning: arms of `kidney-evals sft evaluate`, before and after training."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.estimation.errors import InputError
from kidney_evals.measures import find
from kidney_evals.reporting.page.panels import Place, heading, how_to_read, limits
from kidney_evals.reporting.page.parts import Cell, Figure, Section, columns, slug
from kidney_evals.reporting.runs import ModelRun

TRAINED: Final = {
    "coin_flip": ("flip_rate", "flip_calib", "distance", "agreement", "share_dist", "swap_diff"),
    "forced_choice": ("agreement", "distance", "share_dist", "swap_diff"),
}
"""Measures that are compared before and after."""

UNTRAINED: Final = "before"
"""The arm of `kidney-evals sft evaluate` with which the other arms are compared."""


@dataclass(frozen=True)
class Arms:
    """Runs of one comparison before and after training, on the same question.

    Attributes:
        place: The panel, with these runs only.
        part: The part of the comparison.
        first: The run before training.
        others: The runs after training, or with a prompt instead of training.
    """

    place: Place
    part: str
    first: ModelRun
    others: tuple[ModelRun, ...]


def arms_of(places: Sequence[Place]) -> tuple[Arms, ...]:
    """Return the arms that can be compared: a run before training with at least one other.

    Runs that are marked as an arm but lack a counterpart are omitted.

    Args:
        places: Runs of choices, arms or not.
    """
    found = []
    for place in places:
        # Two comparisons may have asked the same questions; each is a separate eval set.
        members: dict[tuple[str, str], list[ModelRun]] = {}
        for run in place.runs:
            if "sft_arm" in run.facts and run.run is not None:
                part = str(run.facts.get("sft_part", ""))
                members.setdefault((part, run.header.eval.eval_set_id or ""), []).append(run)
        for (part, _), runs in members.items():
            first = next((one for one in runs if one.facts["sft_arm"] == UNTRAINED), None)
            others = tuple(one for one in runs if one is not first)
            if first is not None and others:
                alone = Place(place.panel, (first, *others), place.title, place.link)
                found.append(Arms(alone, part, first, others))
    return tuple(found)


def trained_section(found: Sequence[Arms], remark: str = "") -> Section:
    """Return measures before and after fine-tuning, for logs of `kidney-evals sft evaluate`.

    Args:
        found: The arms, by panel.
        remark: A further remark on these runs.
    """
    ids = [slug("trained", arms.part, arms.place.id) for arms in found]
    figures = []
    for index, (arms, id) in enumerate(zip(found, ids, strict=True), 1):
        figure = _figure(arms, id if ids.count(id) == 1 else slug(id, str(index)))
        if figure is not None:
            figures.append(figure)
    return Section("trained", tuple(figures), remark=remark)


def _figure(arms: Arms, id: str) -> Figure | None:
    place, first = arms.place, arms.first
    panels: list[str] = []
    lines: list[tuple[Cell, ...]] = []
    for name in TRAINED.get(place.panel.task, ()):
        card, rows = find(name), _rows(name, arms, lines)
        if rows:
            people = first.rows.aim(name)
            ends = [value for row in rows for value in (row.before, row.value, *row.ends())]
            low, high = limits([*ends, people])
            note = how_to_read(card)
            panels.append(
                dot_panel(heading(card), rows, low=low, high=high, line=people, note=note)
            )
    if not panels:
        return None
    part = "" if arms.part in ("", place.panel.task) else f", {arms.part.replace('_', ' ')}"
    others = "; ".join(f"“{one.facts['sft_arm']}” ({one.model})" for one in arms.others)
    return Figure(
        id,
        f"Before and after{part}: {place.title}",
        f"From {first.model}, before training, to: {others}.",
        tuple(panels),
        columns(lines, "arm", "quantity", "before", "after", "change", "low", "high", "dilemmas"),
    )


def _rows(name: str, arms: Arms, lines: list[tuple[Cell, ...]]) -> list[DotRow]:
    from kidney_evals.measures import change

    rows = []
    for other in arms.others:
        assert arms.first.run is not None and other.run is not None
        try:
            found = change(arms.first.run, other.run, name)
        except InputError:
            # The runs share no dilemmas, or lack the data that the measure needs.
            continue
        if not math.isnan(found.change.value):
            arm, before, after = str(other.facts["sft_arm"]), found.first, found.second
            value, low, high = found.change[:3]
            rows.append(DotRow(arm, after, low, high, "model", before=before))
            n = found.change.n
            lines.append((arm, find(name).label, before, after, value, low, high, n))
    return rows
