"""Figures of the tasks without choices: the values models state and their predictions of people."""

from __future__ import annotations

from kidney_evals.charts import DotRow, dot_panel
from kidney_evals.measures import MEASURES
from kidney_evals.reporting.page.panels import HEADS, NO, Place, cells, quantity_figure
from kidney_evals.reporting.page.parts import Figure, columns, slug
from kidney_evals.reporting.sentences import NO_PEOPLE


def stated_figure(place: Place) -> Figure | None:
    """Return stated importance shares beside people's and beside those inferred from choices."""
    if place.panel.task != "stated_values":
        return None
    panels, lines = [], []
    for run in place.runs:
        rows = []
        for name, stated in run.rows.items():
            if not name.startswith("st_") or name in MEASURES:
                continue
            attribute = name.removeprefix("st_")
            words = attribute.replace("_", " ")
            rows.append(DotRow(f"{words}, people", stated.human, NO, NO, "people"))
            rows.append(DotRow(f"{words}, said", *stated[:3], "model", place.link(run)))
            lines.append(cells(run.name, f"{words}, stated", stated))
            revealed = place.row(run, f"rev_{attribute}")
            if revealed.defined:
                rows.append(DotRow(f"{words}, chosen", *revealed[:3], "baseline"))
                lines.append(cells(run.name, f"{words}, revealed", revealed))
        if rows:
            panels.append(dot_panel(place.label(run), rows, low=-1, high=1))
    return Figure(
        slug("stated", place.id),
        f"Stated importance shares: {place.title}",
        f"{NO_PEOPLE} “Said” is what the model states of itself, with the interval over its "
        "wordings; “chosen” is what its choices reveal, where a log of them was given.",
        tuple(panels),
        columns(lines, *HEADS),
    )


def predicted_figure(place: Place) -> Figure | None:
    """Return how accurately the models predict people's answers."""
    if not any("pred_fixed" in run.rows for run in place.runs):
        return None
    return quantity_figure(
        place,
        "Predicting people",
        *("pred_fixed", "pred_drawn"),
        says="Squared distance of predicted from people's shares; 0 is knowing them. Open circles: "
        "the same share for every answer, and what the people of the other study would lead to.",
    )
