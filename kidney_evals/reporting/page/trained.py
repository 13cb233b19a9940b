"""The section on fine-tuning: the arms of `kidney-evals sft evaluate`, before and after."""

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
"""Rows that are followed from before to after."""

UNTRAINED: Final = "before"
"""The arm of `kidney-evals sft evaluate` that the others are compared with."""


@dataclass(frozen=True)
class Arms:
    """Runs of one comparison that were asked the same.

    Attributes:
        place: What they were asked, with these runs alone.
        part: Which part of the comparison it is.
        first: The run before training.
        others: Those after it, or told instead of trained.
    """

    place: Place
    part: str
    first: ModelRun
    others: tuple[ModelRun, ...]


def arms_of(places: Sequence[Place]) -> tuple[Arms, ...]:
    """Return the arms that can be set beside one another: one before training and another.

    Runs that say they are an arm but have no such counterpart are in none.

    Args:
        places: Runs of choices, of any kind.
    """
    found = []
    for place in places:
        # Two comparisons may have asked the same: each is an eval set of its own.
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
    """Return before and after fine-tuning, for logs that `kidney-evals sft evaluate` wrote.

    Args:
        found: The arms, by what they were asked.
        remark: What else to know of these runs.
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
            # No shared dilemmas, or nothing of what the row needs.
            continue
        if not math.isnan(found.change.value):
            arm, before, after = str(other.facts["sft_arm"]), found.first, found.second
            value, low, high = found.change[:3]
            rows.append(DotRow(arm, after, low, high, "model", before=before))
            n = found.change.n
            lines.append((arm, find(name).label, before, after, value, low, high, n))
    return rows
