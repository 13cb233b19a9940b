"""Figures of choices: importance shares, flip curves, and the answers to each dilemma."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np

from kidney_evals.charts import DotRow, Line, ShareRow, dot_panel, line_panel, share_panel
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting.page.parts import HEADS, Cell, Figure, Place, cells
from kidney_evals.reporting.runs import ModelRun

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference
    from kidney_evals.measures.run import Run
    from kidney_evals.studies import Condition, Dilemma

FARTHEST: Final = 6
"""Number of drawn dilemmas shown: those with the largest distance between models and people."""

LOW_SCALE: Final = 0.4
"""Upper end of the axis of flip curves, unless an interval goes beyond it."""

SIMULATED: Final = 32
"""Number of people drawn from a fitted distribution; the synthetic crowd has as many."""

_SEEDS: Final[dict[Condition, int]] = {"forced_choice": 0, "coin_flip": 1}
"""Seed by condition, because different people answered in the two conditions."""

_MANY: Final = 100_000
"""Number of simulated people, enough for two decimals of the mean."""

Answers = Mapping[str, tuple[tuple[float, ...], int]]
"""By dilemma: the shares of first, second, coin and no answer, and the number of answers."""


def importance_figure(place: Place) -> Figure | None:
    """Return the importance of each attribute, over the human interval and simulated people."""
    names = dict.fromkeys(name for run in place.runs for name in run.rows)
    names = {name: None for name in names if name.startswith("imp_")}
    reference = next((one.run.reference for one in place.runs if one.run is not None), None)
    known = any(not math.isnan(place.human(name)) for name in names)
    simulated, source = simulated_people(reference) if reference and known else (None, "")
    panels, lines = [], []
    for name in names:
        attribute, human = name.removeprefix("imp_"), place.human(name)
        rows: list[DotRow] = []
        band: tuple[float, float] | None = None
        dots: tuple[float, ...] = ()
        if reference is not None and simulated is not None and not math.isnan(human):
            k = reference.study.attribute_ids.index(attribute)
            low, high = map(float, np.nanpercentile(reference.importance_draws[:, k], [2.5, 97.5]))
            band, dots = (low, high), tuple(simulated[:, k])
            people = Quantity(human, low, high, human, reference.people)
            lines.append(cells("people", attribute, people))
            rows.append(DotRow("people", human, low, high, "people"))
        for run in place.runs:
            row = place.row(run, name)
            rows.append(place.dot(run, row))
            lines.append(cells(run.name, attribute, row))
        title = attribute.replace("_", " ")
        panels.append(dot_panel(title, rows, low=-1, high=1, band=band, line=human, dots=dots))
    says = "No weights of these people are known, so nothing of theirs is drawn."
    if known:
        says = "A share whose interval holds the whole band cannot be told from people's."
    says += (
        " No value: no answers, or answers that show no dependence on the attributes beyond chance."
    )
    says = f"{says} {source}".strip()
    return place.figure("importance", "Signed importance shares", says, panels, lines, *HEADS)


def simulated_people(reference: Reference) -> tuple[Floats, str]:
    """Return importance shares of simulated people, shape (people, k), and their source."""
    from kidney_evals.human.people_tables import read_spread
    from kidney_evals.human.reference import REFERENCE_FOLDER
    from kidney_evals.respondents.people import KINDS, person_kinds

    study, condition = reference.study, reference.condition
    spread = read_spread(study.path / REFERENCE_FOLDER, condition, study.attribute_ids)
    if spread is None:
        weights, _ = person_kinds(reference.importance.tolist(), study.spans)
        return importance_shares(weights, study.spans), (
            f"The small marks are {KINDS} simulated people, not measured individuals: a synthetic "
            "crowd around the group's weights, whose spread was set once for all studies to match "
            "what is known of single people, and was fitted to no answers of this study."
        )
    source = "the random-coefficient model that was published with the study (normal weights)"
    if spread.model:
        model = "Davidson model" if spread.model == "davidson" else spread.model
        kind = "correlated" if spread.correlated else "independent"
        source = (
            f"a random-coefficient {model} fitted to the answers of {spread.people} people "
            f"({kind} normal weights)"
        )
    seed = _SEEDS[condition]
    mean = importance_shares(spread.draw(_MANY, seed), study.spans).mean(axis=0)
    means = ", ".join(
        f"{name.replace('_', ' ')} {value:+.2f}"
        for name, value in zip(study.attribute_ids, mean, strict=True)
    )
    return importance_shares(spread.draw(SIMULATED, seed), study.spans), (
        f"The small marks are {SIMULATED} simulated people, not measured individuals, drawn from "
        f"{source}. Over all people of that model the mean share is {means}; people's value is "
        "another quantity, the share of the weights of the group as a whole."
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
    # All panels have the same scale, so that they can be compared.
    ends = [end for bins in known.values() for one in bins for end in (one.run.high, one.run.value)]
    most = max((end for end in ends if not math.isnan(end)), default=0.0)
    high = min(1.0, max(LOW_SCALE, math.ceil(most * 10) / 10))
    panels, lines = [], []
    for run, bins in known.items():
        starts = [one.people.start for one in bins]
        # The last bin has no end and is as wide as the bin before.
        widths = np.diff(starts, append=2 * starts[-1] - starts[-2])
        x = (np.array(starts) + widths / 2).tolist()
        sides = {
            "people": [one.people.observed for one in bins],
            "model": [one.run for one in bins],
        }
        curves = [
            Line(label, x, *zip(*(one[:3] for one in side), strict=True), people=label == "people")
            for label, side in sides.items()
        ]
        words = "how far apart the patients are, |Δu|", "share left to the coin"
        panels.append(line_panel(place.label(run), *words, curves, y_high=high))
        lines += [
            (run.name, one.people.start, *one.run[:3], one.people.observed.value, one.run.n)
            for one in bins
        ]
    says = (
        "People's curve is of the survey's own dilemmas, the model's of those of its run, in the "
        "same bins of |Δu|; intervals are 95 %."
    )
    heads = ("model", "|Δu| from", "model flips", "low", "high", "people flip", "n")
    return place.figure("flips", "Flip curves", says, panels, lines, *heads)


def dilemmas_figure(place: Place) -> Figure | None:
    """Return the dilemmas one by one: the patients, and the answers of people and of models."""
    runs = {one: one.run for one in place.runs if one.run is not None}
    if not runs:
        return None
    first = next(iter(runs.values()))
    study, reference, coin = first.study, first.reference, first.decisions.has_coin
    answers = {model: _answers(run, 3 if coin else 2) for model, run in runs.items()}
    dilemmas = list({one.id: one for run in runs.values() for one in run.dilemmas}.values())
    note, title = "", "All dilemmas"
    if study.draw is not None:
        total = len(dilemmas)
        dilemmas = _farthest(dilemmas, reference.shares(dilemmas), list(answers.values()))
        title = f"The {len(dilemmas)} of {total} dilemmas farthest from people"
        note = (
            "Picked after looking, by the distance of all models together from people: with few "
            "answers to each, chance alone puts some here."
        )
    people, counts = reference.shares(dilemmas), reference.counts(dilemmas)
    # Drawn dilemmas were answered by no person, so there is no count to show.
    counted = not np.isnan(counts).any()
    who = "people" if counted else "people, fitted"
    if not counted:
        note += (
            " Nobody was asked these very dilemmas: people's shares are those of the model fitted "
            f"to the answers of {reference.people} people."
        )
    leads = {model: _leads(place, model) for model in runs}
    panels: list[str] = []
    lines: list[tuple[Cell, ...]] = []
    for index, dilemma in enumerate(dilemmas):
        patients = study.summary(dilemma.first), study.summary(dilemma.second)
        bars = []
        if not np.isnan(people[index]).any():
            n = int(counts[index].sum()) if counted else 0
            shares = _four(people[index])
            bars.append(ShareRow(who, shares, "people", n))
            lines.append((dilemma.id, *patients, who, *shares, n))
        for model, by_id in answers.items():
            if dilemma.id in by_id:
                shares, n = by_id[dilemma.id]
                lead = leads[model].get(dilemma.id, "")
                bars.append(ShareRow(place.label(model), shares, "model", n, lead))
                lines.append((dilemma.id, *patients, model.name, *shares, n))
        words = f"First: {patients[0]}\nSecond: {patients[1]}"
        labels = ("first", "second", "coin" if coin else "", "no answer")
        panels.append(share_panel(words, bars, labels))
    heads = ["dilemma", "first", "second", "who", "chose first", "chose second", "coin"]
    return place.figure("dilemmas", title, note, panels, lines, *heads, "no answer", "n")


def _leads(place: Place, run: ModelRun) -> dict[str, str]:
    """Return the link to the run's first answer to each dilemma, by id; empty without a viewer."""
    return {
        str(sample.metadata.get("dilemma")): place.link(
            run, f"/sample/{quote(str(sample.id))}/{sample.epoch}/"
        )
        for sample in reversed(run.file.samples)
    }


def _answers(run: Run, width: int) -> Answers:
    """Return the answers to each dilemma of a run; `width` is the number of offered answers."""
    answers = {}
    for index, dilemma in enumerate(run.dilemmas):
        here = run.dilemma == index
        chosen = [(run.choice[here] == code).mean() for code in range(width)]
        shares = chosen if run.chances is None else run.chances[here][:, :width].mean(axis=0)
        answers[dilemma.id] = (_four(shares), int(here.sum()))
    return answers


def _four(shares: Sequence[float] | Floats) -> tuple[float, ...]:
    """Return the shares of first, second, coin and no answer, given those of offered answers."""
    first, second, *coin = map(float, shares)
    known = (first, second, coin[0] if coin else 0.0)
    return (*known, max(0.0, 1 - sum(known)))


def _farthest(
    dilemmas: Sequence[Dilemma], people: Floats, answers: Sequence[Answers]
) -> list[Dilemma]:
    """Return the dilemmas with the largest distance of the pooled models to people."""

    def distance(index: int) -> float:
        id = dilemmas[index].id
        models = [by_id[id] for by_id in answers if id in by_id]
        answered = sum((1 - shares[-1]) * n for shares, n in models)
        if not answered:
            return -1.0
        pooled = sum(np.array(shares[: people.shape[1]]) * n for shares, n in models) / answered
        return float(np.abs(pooled - people[index]).sum() / 2)

    farthest = sorted(range(len(dilemmas)), key=distance, reverse=True)[:FARTHEST]
    return [dilemmas[index] for index in farthest]
