"""Figures of choices: importance shares, flip curves, and the answers to each dilemma."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray

from kidney_evals.charts import DotRow, Line, ShareRow, dot_panel, line_panel, share_panel
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting.page.panels import HEADS, Place, cells
from kidney_evals.reporting.page.parts import Cell, Figure, columns, slug
from kidney_evals.reporting.page.simulated import simulated_people
from kidney_evals.reporting.runs import ModelRun

if TYPE_CHECKING:
    from kidney_evals.measures.run import Run
    from kidney_evals.studies import Dilemma, Study

FARTHEST: Final = 6
"""Number of drawn dilemmas shown: those with the largest distance between models and people."""

LOW_SCALE: Final = 0.4
"""Upper end of the axis of flip curves, unless an interval goes beyond it."""


def importance_figure(place: Place) -> Figure | None:
    """Return the importance of each attribute, over the human interval and simulated people."""
    held = dict.fromkeys(name for run in place.runs for name in run.rows)
    names = [name for name in held if name.startswith("imp_")]
    reference = next((one.run.reference for one in place.runs if one.run is not None), None)
    known = any(not math.isnan(place.human(name)) for name in names)
    simulated = simulated_people(reference) if reference is not None and known else None
    panels, lines = [], []
    for name in names:
        attribute, human = name.removeprefix("imp_"), place.human(name)
        rows: list[DotRow] = []
        band: tuple[float, float] | None = None
        dots: tuple[float, ...] = ()
        if reference is not None and simulated is not None and not math.isnan(human):
            k = reference.study.attribute_ids.index(attribute)
            low, high = map(float, np.nanpercentile(reference.importance_draws[:, k], [2.5, 97.5]))
            band, dots = (low, high), tuple(simulated.shares[:, k])
            people = Quantity(human, low, high, human, reference.people)
            lines.append(cells("people", attribute, people))
            rows.append(DotRow("people", human, low, high, "people"))
        for run in place.runs:
            row = place.row(run, name)
            rows.append(place.dot(run, row))
            lines.append(cells(run.name, attribute, row))
        title = attribute.replace("_", " ")
        panels.append(dot_panel(title, rows, low=-1, high=1, band=band, line=human, dots=dots))
    if not panels:
        return None
    says = "No weights of these people are known, so nothing of theirs is drawn."
    if known:
        says = "A share whose interval holds the whole band cannot be told from people's."
    says += (
        " No value: no answers, or answers that show no dependence on the attributes beyond chance."
    )
    return Figure(
        slug("importance", place.id),
        f"Signed importance shares: {place.title}",
        says + (f" {simulated.says}" if simulated is not None else ""),
        tuple(panels),
        columns(lines, *HEADS),
    )


def flip_curves(place: Place) -> Figure | None:
    """Return the flip curve of each model, drawn over the human curve."""
    from kidney_evals.measures.description import calibration_bins

    known = {
        run: bins
        for run in place.runs
        if run.run is not None
        and run.run.chances is None
        and not run.run.borrows_coin
        and (bins := calibration_bins(run.run).get("flip"))
    }
    if not known:
        return None
    # All panels have the same scale, so that they can be compared.
    most = max([q for bins in known.values() for one in bins for q in (one.run.high, one.run.value)
                if not math.isnan(q)], default=0.0)  # fmt: skip
    high = min(1.0, max(LOW_SCALE, math.ceil(most * 10) / 10))
    panels, lines = [], []
    for run, bins in known.items():
        x = [_middle([one.people.start for one in bins], index) for index in range(len(bins))]
        curves = []
        for label, side in (
            ("people", [one.people.observed for one in bins]),
            ("model", [one.run for one in bins]),
        ):
            y, low, high_ends = zip(*(one[:3] for one in side), strict=True)
            curves.append(Line(label, x, y, low, high_ends, people=label == "people"))
        words = "how far apart the patients are, |Δu|", "share left to the coin"
        panels.append(line_panel(place.label(run), *words, curves, y_high=high))
        lines += [
            (run.name, one.people.start, *one.run[:3], one.people.observed.value, one.run.n)
            for one in bins
        ]
    return Figure(
        slug("flips", place.id),
        f"Flip curves: {place.title}",
        "People's curve is of the survey's own dilemmas, the model's of those of its run, in the "
        "same bins of |Δu|; intervals are 95 %.",
        tuple(panels),
        columns(lines, "model", "|Δu| from", "model flips", "low", "high", "people flip", "n"),
    )


def _middle(starts: Sequence[float], index: int) -> float:
    """Return the middle of a bin; the last bin has no end and is as wide as the bin before."""
    width = (
        starts[index + 1] - starts[index]
        if index + 1 < len(starts)
        else starts[index] - starts[index - 1]
    )
    return starts[index] + width / 2


def dilemmas_figure(place: Place) -> Figure | None:
    """Return the dilemmas one by one: the patients, and the answers of people and of models."""
    runs = [(one, one.run) for one in place.runs if one.run is not None]
    if not runs:
        return None
    study, reference = runs[0][1].study, runs[0][1].reference
    coin = runs[0][1].decisions.has_coin
    labels = ("first", "second", "coin" if coin else "", "no answer")
    shown = {one.id: one for _, run in runs for one in run.dilemmas}
    shares = {
        model.name: {
            one.id: answers for one, answers in zip(run.dilemmas, _answers(run, coin), strict=True)
        }
        for model, run in runs
    }
    leads = {model.name: _leads(place, model) for model, _ in runs}
    labels_of = {model.name: place.label(model) for model, _ in runs}
    listed = list(shown.values())
    people = reference.shares(listed)
    note, title = "", "All dilemmas"
    if study.draw is not None:
        kept = _farthest(listed, people, shares)
        title = f"The {len(kept)} of {len(listed)} dilemmas farthest from people"
        note = (
            "Picked after looking, by the distance of all models together from people: with few "
            "answers to each, chance alone puts some here."
        )
        people, listed = people[kept], [listed[index] for index in kept]
    panels, lines = [], []
    counted = not np.isnan(reference.counts(listed)).any()
    who = "people" if counted else "people, fitted"
    if not counted:
        note += (
            " Nobody was asked these very dilemmas: people's shares are those of the model fitted "
            f"to the answers of {reference.people} people."
        )
    for index, dilemma in enumerate(listed):
        bars = []
        if not np.isnan(people[index]).any():
            # Drawn dilemmas were answered by no person, so there is no count to show.
            n = int(reference.counts([dilemma]).sum()) if counted else 0
            bars.append(ShareRow(who, _four(*people[index]), "people", n))
            lines.append(_told(study, dilemma, who, _four(*people[index]), n))
        for name, by_id in shares.items():
            if dilemma.id in by_id:
                answers, n = by_id[dilemma.id]
                lead = leads[name](dilemma.id)
                bars.append(ShareRow(labels_of[name], answers, "model", n, lead))
                lines.append(_told(study, dilemma, name, answers, n))
        panels.append(share_panel(_words(study, dilemma), bars, labels))
    heads = ["dilemma", "first", "second", "who", "chose first", "chose second", "coin"]
    return Figure(
        slug("dilemmas", place.id),
        f"{title}: {place.title}",
        note,
        tuple(panels),
        columns(lines, *heads, "no answer", "n"),
    )


def _leads(place: Place, run: ModelRun) -> Callable[[str], str]:
    """Return a function from a dilemma's id to the link to the run's first answer to it."""
    first: dict[str, str] = {}
    if place.link(run):
        for sample in run.file.samples:
            address = f"/sample/{quote(str(sample.id))}/{sample.epoch}/"
            first.setdefault(str(sample.metadata.get("dilemma")), place.link(run, address))
    return lambda dilemma: first.get(dilemma, "")


def _answers(run: Run, coin: bool) -> Iterator[tuple[tuple[float, ...], int]]:
    """Yield for every dilemma the shares of each answer and of none, and the sample size."""
    width = 3 if coin else 2
    for index in range(len(run.dilemmas)):
        here = run.dilemma == index
        n = int(here.sum())
        if run.chances is not None:
            given = run.chances[here][:, :width].sum(axis=0)
        else:
            given = np.array([(run.choice[here] == code).sum() for code in range(width)])
        parts = [float(value) / n for value in given]
        yield _four(*parts), n


def _four(*parts: float) -> tuple[float, ...]:
    """Return the shares of first, second, coin and no answer, given those of offered answers."""
    first, second, *coin = map(float, parts)
    known = (first, second, coin[0] if coin else 0.0)
    return (*known, max(0.0, 1 - sum(known)))


def _farthest(
    listed: Sequence[Dilemma],
    people: NDArray[np.float64],
    shares: dict[str, dict[str, tuple[tuple[float, ...], int]]],
) -> list[int]:
    """Return indices of the dilemmas with the largest distance of the pooled models to people."""

    def distance(index: int) -> float:
        given = [by_id[listed[index].id] for by_id in shares.values() if listed[index].id in by_id]
        answered = sum((1 - parts[-1]) * n for parts, n in given)
        if not answered:
            return -1.0
        pooled = sum(np.array(parts[: people.shape[1]]) * n for parts, n in given) / answered
        return float(np.abs(pooled - people[index]).sum() / 2)

    return sorted(range(len(listed)), key=distance, reverse=True)[:FARTHEST]


def _words(study: Study, dilemma: Dilemma) -> str:
    return f"First: {study.summary(dilemma.first)}\nSecond: {study.summary(dilemma.second)}"


def _told(
    study: Study, dilemma: Dilemma, who: str, shares: Sequence[float], n: int
) -> tuple[Cell, ...]:
    patients = study.summary(dilemma.first), study.summary(dilemma.second)
    return dilemma.id, *patients, who, *map(float, shares), n
