"""The section on other tasks: what models say they value, what they think people choose."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.measures import MEASURES
from kidney_evals.reporting.page.panels import HEADS, Place, quantity_figure
from kidney_evals.reporting.page.parts import Figure, Section, columns, slug
from kidney_evals.reporting.sentences import NO_PEOPLE


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


def _stated(place: Place) -> Figure | None:
    if place.panel.task != "stated_values":
        return None
    family, revealed = "st_", "rev_"
    panels, lines = [], []
    for run in place.runs:
        rows = []
        for name, said in run.rows.items():
            if not name.startswith(family) or name in MEASURES:
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
            panels.append(dot_panel(place.label(run), rows, low=-1, high=1))
    if not panels:
        return None
    return Figure(
        slug("stated", place.id),
        f"Stated importance shares: {place.title}",
        f"{NO_PEOPLE} “Said” is what the model states of itself, with the interval over its "
        "wordings; “chosen” is what its choices reveal, where a log of them was given.",
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
        says="Squared distance of predicted from people's shares; 0 is knowing them. Open circles: "
        "the same share for every answer, and what the people of the other study would lead to.",
    )
