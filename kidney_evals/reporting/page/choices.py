"""Figures of choices: importance shares, flip curves, and the answers to each dilemma."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import numpy as np

from kidney_evals.charts import DotRow, Line, ShareRow, dot_panel, line_panel, share_panel
from kidney_evals.estimation.arrays import Floats
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.reporting.page.parts import HEADS, Cell, Figure, PanelRuns, cells
from kidney_evals.reporting.runs import ModelRun

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference
    from kidney_evals.studies import Condition, Dilemma

FARTHEST: Final = 6
"""Number of drawn dilemmas shown: those with the largest distance between models and people."""

LOW_SCALE: Final = 0.4
"""Upper end of the axis of flip curves, unless an interval goes beyond it."""

SIMULATED: Final = 32
"""Number of simulated people in the figure."""

_SEEDS: Final[dict[Condition, int]] = {"forced_choice": 0, "coin_flip": 1}
"""Seed by condition, because different people answered in the two conditions."""

_MANY: Final = 100_000
"""Number of simulated people, enough for two decimals of the mean."""

Shares = tuple[float, ...]
"""The shares of first, second, coin and no answer."""


def importance_figure(group: PanelRuns) -> Figure | None:
    """Return the importance of each attribute, over the human interval and simulated people."""
    names = (name for run in group.runs for name in run.rows if name.startswith("imp_"))
    people = {name: group.human(name) for name in dict.fromkeys(names)}
    reference = next((one.run.reference for one in group.runs if one.run is not None), None)
    says = "No weights of these people are known, so nothing of theirs is drawn."
    simulated, source = None, ""
    if not all(map(math.isnan, people.values())):
        says = "A share whose interval holds the whole band cannot be told from people's."
        if reference is not None:
            simulated, source = simulated_people(reference)
    panels, lines = [], []
    for name, human in people.items():
        attribute = name.removeprefix("imp_")
        rows: list[DotRow] = []
        band: tuple[float, float] | None = None
        dots: tuple[float, ...] = ()
        if reference is not None and simulated is not None and not math.isnan(human):
            k = reference.study.attribute_ids.index(attribute)
            low, high = map(float, np.nanpercentile(reference.importance_draws[:, k], [2.5, 97.5]))
            band, dots = (low, high), tuple(simulated[:, k])
            quantity = Quantity(human, low, high, human, reference.people)
            lines.append(cells("people", attribute, quantity))
            rows.append(DotRow("people", human, low, high, "people"))
        for run in group.runs:
            row = group.row(run, name)
            rows.append(group.dot(run, row))
            lines.append(cells(run.name, attribute, row))
        title = attribute.replace("_", " ")
        panels.append(dot_panel(title, rows, low=-1, high=1, band=band, line=human, dots=dots))
    says += (
        " No value: no answers, or answers that show no dependence on the attributes beyond chance."
    )
    says = f"{says} {source}".strip()
    return group.figure("importance", "Signed importance shares", says, panels, lines, *HEADS)


def simulated_people(reference: Reference) -> tuple[Floats, str]:
    """Return importance shares of simulated people, shape (people, k), and their source."""
    from kidney_evals.respondents.people import SYNTHETIC, spread_of

    study, condition = reference.study, reference.condition
    spread, k = spread_of(reference), len(study.attributes)
    source = "the random-coefficient model that was published with the study (normal weights)"
    if spread.model == SYNTHETIC:
        source = (
            "a synthetic distribution around the group's weights, whose spread was set to resemble "
            "that of another study and was fitted to no answers of this study"
        )
    elif spread.model:
        model = "Davidson model" if spread.model == "davidson" else spread.model
        kind = "correlated" if spread.correlated else "independent"
        source = (
            f"a random-coefficient {model} fitted to the answers of {spread.people} people "
            f"({kind} normal weights)"
        )
    seed = _SEEDS[condition]
    mean = importance_shares(spread.draw(_MANY, seed)[:, :k], study.spans).mean(axis=0)
    means = ", ".join(
        f"{name.replace('_', ' ')} {value:+.2f}"
        for name, value in zip(study.attribute_ids, mean, strict=True)
    )
    return importance_shares(spread.draw(SIMULATED, seed)[:, :k], study.spans), (
        f"The small marks are {SIMULATED} simulated people, not measured individuals, drawn from "
        f"{source}. Over all people of that model the mean share is {means}; people's value is "
        "another quantity, the share of the weights of the group as a whole."
    )


def flip_curves(group: PanelRuns) -> Figure | None:
    """Return the flip curve of each model, drawn over the human curve."""
    from kidney_evals.measures.description import calibration_bins

    known = {
        run: bins
        for run in group.runs
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
        curves = []
        for label, side in (
            ("people", [one.people.observed for one in bins]),
            ("model", [one.run for one in bins]),
        ):
            y, lows, highs = zip(*(row[:3] for row in side), strict=True)
            curves.append(Line(label, x, y, lows, highs, people=label == "people"))
        words = "how far apart the patients are, |Δu|", "share left to the coin"
        panels.append(line_panel(group.label(run), *words, curves, y_high=high))
        lines += [
            (run.name, one.people.start, *one.run[:3], one.people.observed.value, one.run.n)
            for one in bins
        ]
    says = (
        "People's curve is of the survey's own dilemmas, the model's of those of its run, in the "
        "same bins of |Δu|; intervals are 95 %."
    )
    heads = ("model", "|Δu| from", "model flips", "low", "high", "people flip", "n")
    return group.figure("flips", "Flip curves", says, panels, lines, *heads)


def dilemmas_figure(group: PanelRuns) -> Figure | None:
    """Return the dilemmas one by one: the patients, and the answers of people and of models."""
    runs = {one: one.run for one in group.runs if one.run is not None}
    if not runs:
        return None
    first = next(iter(runs.values()))
    study, reference, coin = first.study, first.reference, first.decisions.has_coin
    dilemmas: dict[str, Dilemma] = {}
    answers: dict[str, dict[ModelRun, tuple[Shares, int]]] = {}
    leads: dict[tuple[ModelRun, str], str] = {}
    for model, run in runs.items():
        for index, dilemma in enumerate(run.dilemmas):
            here = run.dilemma == index
            chosen = [(run.choice[here] == code).mean() for code in range(3)]
            shares = _four(chosen if run.chances is None else run.chances[here].mean(axis=0))
            dilemmas[dilemma.id] = dilemma
            answers.setdefault(dilemma.id, {})[model] = shares, int(here.sum())
        for sample in model.file.samples:
            address = f"/sample/{quote(str(sample.id))}/{sample.epoch}/"
            leads.setdefault(
                (model, str(sample.metadata.get("dilemma"))), group.link(model, address)
            )
    known = reference.shares(list(dilemmas.values()))
    people = {id: _four(row) for id, row in zip(dilemmas, known, strict=True)}
    shown, note, title = list(dilemmas), "", "All dilemmas"
    if study.draw is not None:
        shown.sort(key=lambda id: _distance(people[id], answers[id].values()), reverse=True)
        shown = shown[:FARTHEST]
        title = f"The {len(shown)} of {len(dilemmas)} dilemmas farthest from people"
        note = (
            "Picked after looking, by the distance of all models together from people: with few "
            "answers to each, chance alone puts some here."
        )
    # Drawn dilemmas were answered by no person, so there is no count to show.
    counts = reference.counts([dilemmas[id] for id in shown]).sum(axis=1)
    counted = not np.isnan(counts).any()
    who = "people" if counted else "people, fitted"
    if not counted:
        note += (
            " Nobody was asked these very dilemmas: people's shares are those of the model fitted "
            f"to the answers of {reference.people} people."
        )
    panels: list[str] = []
    lines: list[tuple[Cell, ...]] = []
    for id, count in zip(shown, counts, strict=True):
        patients = study.summary(dilemmas[id].first), study.summary(dilemmas[id].second)
        bars = []
        if not np.isnan(people[id]).any():
            n = int(count) if counted else 0
            bars.append(ShareRow(who, people[id], "people", n))
            lines.append((id, *patients, who, *people[id], n))
        for model, (shares, n) in answers[id].items():
            lead = leads.get((model, id), "")
            bars.append(ShareRow(group.label(model), shares, "model", n, lead))
            lines.append((id, *patients, model.name, *shares, n))
        words = f"First: {patients[0]}\nSecond: {patients[1]}"
        labels = ("first", "second", "coin" if coin else "", "no answer")
        panels.append(share_panel(words, bars, labels))
    heads = ["dilemma", "first", "second", "who", "chose first", "chose second", "coin"]
    return group.figure("dilemmas", title, note, panels, lines, *heads, "no answer", "n")


def _four(shares: Sequence[float] | Floats) -> Shares:
    """Return the shares of first, second, coin and no answer, given those of two or three."""
    known = [*map(float, shares), 0.0][:3]
    return (*known, max(0.0, 1 - sum(known)))


def _distance(people: Shares, models: Iterable[tuple[Shares, int]]) -> float:
    """Return the distance of the pooled answers of models to people's; -1 without answers."""
    weights = [((1 - shares[-1]) * n, np.array(shares[:3]) * n) for shares, n in models]
    answered = sum(weight for weight, _ in weights)
    if not answered:
        return -1.0
    pooled = sum(weighted for _, weighted in weights) / answered
    return float(np.abs(pooled - np.array(people[:3])).sum() / 2)
