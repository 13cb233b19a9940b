"""Changes of the measures between two runs of a panel, with tests, bounds and detectable changes.

A panel is the runs that were asked the same question (see `Panel`). The two runs are of two
versions of a model, or of two models.
"""

import fnmatch
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Final

from kidney_evals import measures
from kidney_evals.card.numbers import number
from kidney_evals.estimation.errors import FitError, InputError
from kidney_evals.estimation.nonlinearity import holm
from kidney_evals.estimation.paired import NOTHING, PairedDifference
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.human import NO_BAND, Band
from kidney_evals.measures.run import Run, on_shared
from kidney_evals.measures.verdict import Verdict, moved, verdict_of
from kidney_evals.planning.precision import nearest_start, paired_changes
from kidney_evals.reporting.comparing.matching import DESPITE, SIDES, Pair
from kidney_evals.reporting.runs import LABELS, ModelRun, by_panel, differences
from kidney_evals.reporting.text import how_it_ended

ROWS: Final[Mapping[str, tuple[str, ...]]] = {
    "coin_flip": ("flip_rate", "coin_slope", "flip_calib", "sharpness", "agreement"),
    "forced_choice": ("sharpness", "swap_diff", "agreement"),
}
"""Measures on which models are compared, by condition."""

_ALONE: Final = ("flip_rate", "swap_diff", "imp_*")
"""Measures on which models are compared where no people were asked."""

Range = tuple[float, float]


@dataclass(frozen=True)
class RowChange:
    """The change of a measure between two runs, over the dilemmas that both runs were asked.

    Attributes:
        row: Id of the measure.
        levels: The quantity of each run over the shared dilemmas that it answered itself.
        found: The paired difference, over the shared dilemmas that both runs answered.
        adjusted: The p-value, adjusted by Holm over the rows of the panel.
        aim: The value that people's own answers would get; NaN where the measure has none.
        bounds: The changes that unanswered samples allow; None without such samples or bounds.
        detectable: Smallest change detected with 90 % power, as a range over simulated
            consistencies of the answers; None if it was not simulated for such runs.
        why: Reason for a missing change; empty if there is one.
        margin: Equivalence margin, the largest change that counts as none; NaN for no margin.
        person: Values of single persons on the measure, on the dilemmas of the first run.
    """

    row: str
    levels: tuple[Quantity, Quantity]
    found: PairedDifference
    adjusted: float
    aim: float
    bounds: Range | None = None
    detectable: Range | None = None
    why: str = ""
    margin: float = math.nan
    person: Band = NO_BAND

    @property
    def label(self) -> str:
        """The measure's label."""
        return measures.find(self.row).label

    @property
    def words(self) -> str:
        """The label within a sentence."""
        return self.label.replace(", ", " of ")

    @property
    def verdict(self) -> Verdict:
        """The class of the change by its own interval, not adjusted for other rows."""
        lowest = measures.find(self.row).lowest
        # Where the crowd is no single person, as in swap disagreement, no change is nearer to it.
        is_one = lowest or not (self.aim < self.person.low or self.aim > self.person.high)
        aim = self.aim if is_one else math.nan
        return verdict_of(self.found, aim, self.levels, lowest, self.margin)

    @property
    def moved(self) -> bool:
        """Whether the interval of the change excludes zero."""
        return moved(self.found)

    @property
    def clear(self) -> bool:
        """Whether the interval excludes zero and the adjusted p-value is below .05."""
        return self.moved and self.adjusted < 0.05

    @property
    def open(self) -> bool:
        """Whether the interval excludes zero but the bounds of unanswered samples include zero."""
        return self.moved and self.bounds is not None and self.bounds[0] <= 0 <= self.bounds[1]


@dataclass(frozen=True)
class PanelChange:
    """The changes between two runs of one panel, the old run first.

    `shared` and `alone` are ids of dilemmas: those of both runs, and those of each run only.
    """

    runs: Pair
    rows: tuple[RowChange, ...]
    shared: tuple[str, ...]
    alone: tuple[tuple[str, ...], tuple[str, ...]]
    notes: tuple[str, ...]

    @property
    def has_people(self) -> bool:
        """Whether people were asked."""
        return any(one.rows.has_people for one in self.runs)

    @property
    def measured(self) -> tuple[RowChange, ...]:
        """The rows that have a change."""
        return tuple(one for one in self.rows if not one.why)


class Pairing:
    """Two runs of one panel on the dilemmas they share.

    Attributes:
        names: Names of the runs in messages.
        parts: The runs on the shared dilemmas.

    Raises:
        InputError: The runs share no dilemma, or are about different studies, conditions, human
            tables or patients.
    """

    def __init__(self, first: Run, second: Run, names: tuple[str, str] = SIDES) -> None:
        self.names = names
        self.parts = on_shared(first, second)

    def row(self, row: str, margin: float = math.nan) -> RowChange:
        """Return the change of a measure, its p-value not adjusted for other measures.

        `margin` is the equivalence margin; NaN for none.

        Raises:
            UserError: The measure is unknown.
        """
        levels = measures.compute(self.parts[0], row), measures.compute(self.parts[1], row)
        try:
            found, why = measures.change(*self.parts, row), ""
        except (FitError, InputError) as error:
            found, why = NOTHING, str(error)
        if math.isnan(found.change.value) and not why:
            missing = [
                name for name, one in zip(self.names, levels, strict=True) if not one.defined
            ]
            where = "either" if len(missing) == 2 else (missing or ["what both answered"])[0]
            why = f"no value in {where}"
        # A run without answers has no human value, although people have: use the other run's.
        first, second = (measures.compute(part, row).human for part in self.parts)
        aim = first if math.isnan(second) else second
        bounds = None if why else self._bounds(row, found.change.value)
        person = measures.person_of(self.parts[0], row)
        return RowChange(
            row, levels, found, found.p_value, aim, bounds, why=why, margin=margin, person=person
        )

    def _bounds(self, row: str, value: float) -> Range | None:
        if not any((part.choice < 0).any() for part in self.parts):
            return None
        old, new = (measures.bounds_of(part, row) for part in self.parts)
        if old is None or new is None or math.isnan(old.low + old.high + new.low + new.high):
            return None
        return min(new.low - old.high, value), max(new.high - old.low, value)


def compare_runs(old: ModelRun, new: ModelRun) -> PanelChange:
    """Return the changes between two matched runs, p-values adjusted over the panel.

    The rows are the measures in the log that have a paired difference, headlines first.

    Raises:
        InputError: The runs share no dilemma, or a dilemma's patients are not the same.
    """
    assert old.run is not None and new.run is not None
    pairing = Pairing(old.run, new.run)
    run = pairing.parts[0]
    compared = [measure.id for measure in measures.measures_of(run) if is_compared(measure)]
    first = [one.id for one in measures.headlines(run.reference.condition) if one.id in compared]
    rows = [pairing.row(name) for name in dict.fromkeys([*first, *compared])]
    if all(_is_tabled(*pair) for pair in zip((old, new), pairing.parts, strict=True)):
        rows = [replace(row, detectable=_detectable(pairing, row)) for row in rows]
    shared = tuple(dilemma.id for dilemma in run.dilemmas)
    alone = [
        tuple(sorted({dilemma.id for dilemma in whole.dilemmas} - set(shared)))
        for whole in (old.run, new.run)
    ]
    notes = tuple(_notes(old, new, pairing))
    return PanelChange((old, new), adjusted(rows), shared, (alone[0], alone[1]), notes)


def is_compared(measure: measures.Measure) -> bool:
    """Return whether `compare` reports a measure."""
    return measure.change is not None and measure.stored


def adjusted(rows: Sequence[RowChange]) -> tuple[RowChange, ...]:
    """Return the rows in the same order, with p-values adjusted by Holm over all rows."""
    values = holm([one.found.p_value for one in rows])
    return tuple(replace(one, adjusted=value) for one, value in zip(rows, values, strict=True))


def _is_tabled(model: ModelRun, run: Run) -> bool:
    """Return whether detectable changes were simulated: both orders, one epoch, sampled answers."""
    plain = {"orders": "both", "readout": "sample", "crossed": "False", "probe": "none"}
    return len(set(run.epoch)) == 1 and all(model.key[name] == one for name, one in plain.items())


def _detectable(pairing: Pairing, row: RowChange) -> Range | None:
    """Return the simulated detectable change of a measure; None if there is no change."""
    if row.why:
        return None
    run = pairing.parts[0]
    answered = [set(part.dilemma[part.choice >= 0]) for part in pairing.parts]
    study, condition = run.study.id, run.reference.condition
    start = nearest_start(study, condition, row.row, row.found.first)
    dilemmas = len(answered[0] & answered[1])
    changes = paired_changes(study, condition, row.row, start, dilemmas) if start else []
    return (min(changes), max(changes)) if changes else None


def _notes(old: ModelRun, new: ModelRun, pairing: Pairing) -> Iterator[str]:
    for part, (before, after) in differences(old.key, new.key).items():
        yield f"Compared although the {LABELS[part]} differs: OLD {before!r}, NEW {after!r}."
    if old.id == new.id:
        yield "OLD and NEW are one and the same run."
    for name, run in zip(SIDES, (old, new), strict=True):
        missing = run.file.planned - run.file.completed
        if run.file.state == "partial":
            yield f"{name} did not end: {run.file.says}; what it lacks may be other than the rest."
        elif missing > 0 and not how_it_ended(run.header):
            yield (
                f"{missing} of {run.file.planned} samples of {name} ended in an error and are in "
                "no figure, nor in the bounds."
            )
    if len(pairing.parts[0].dilemmas) < measures.FEW and pairing.parts[0].study.draw is not None:
        yield f"Fewer than {measures.FEW} dilemmas are shared: intervals are rough at best."


@dataclass(frozen=True)
class ModelDifference:
    """The difference of two models on a measure; `found` is the change from first to second."""

    first: ModelRun
    second: ModelRun
    found: RowChange

    @property
    def sentence(self) -> str:
        """Which model is nearer to people, by how much, and which settings also differ."""
        text = self._difference()
        if self.found.open:
            text += " What went unanswered alone may have made this."
        if apart := differences(self.first.key, self.second.key):
            also = ", ".join(
                f"{LABELS[part]} ({one!r} and {two!r})" for part, (one, two) in apart.items()
            )
            text += f" They differ in more than the model: {also}."
        return text

    def _difference(self) -> str:
        row, found = self.found, self.found.found
        change, aim, on = found.change, row.aim, f"On {row.words}"
        if row.why:
            return f"{on} {self.first.name} and {self.second.name} were not compared: {row.why}."
        first = f"{self.first.name} ({number(found.first)}"
        second = f"{self.second.name} ({number(found.second)}"
        if not row.clear:
            doubt = ", once all pairs are adjusted for" if row.moved else ""
            return (
                f"{on} {first}) and {second}) cannot be told apart: {change.value:+.3f} "
                f"[{change.low:+.3f}, {change.high:+.3f}]{doubt}."
            )
        low, high = sorted((abs(change.low), abs(change.high)))
        by = f", by {abs(change.value):.3f} [{low:.3f}, {high:.3f}]"
        # For a distance to people, the human value is 0 by definition and is not mentioned.
        lowest = measures.find(row.row).lowest
        people = "" if lowest or math.isnan(aim) else f"; people {number(aim)}"
        if row.verdict in ("nearer", "farther"):
            near, far = (second, first) if row.verdict == "nearer" else (first, second)
            if not lowest and (found.first - aim) * (found.second - aim) < 0:
                by = f": they lie on either side of people, {abs(change.value):.3f} apart"
            return f"{on} {near}) is nearer to people than {far}{people}){by}."
        more, less = (second, first) if change.value > 0 else (first, second)
        unclear = "" if math.isnan(aim) else "; which is nearer to people is not clear"
        return f"{on} {more}) is above {less}{people}){by}{unclear}."


def paired_differences(
    runs: Sequence[ModelRun],
) -> tuple[tuple[ModelDifference, ...], tuple[str, ...]]:
    """Return the differences of all pairs of runs of each panel, on the dilemmas they share.

    Every pair has a difference for every measure, even if it has no value; p-values are adjusted
    over the panel. The second result has a line with the reason for each omitted pair of runs, and
    for each pair of panels with different contents of one study.
    """
    result: list[ModelDifference] = []
    left_out: list[str] = []
    panels = by_panel(runs)
    for panel, members in panels.items():
        pairs, changes, rows = [], [], _rows(members)
        for one, two in combinations(members, 2):
            try:
                pairing = _pairing(one, two)
            except InputError as error:
                left_out.append(f"{panel.words}: {one.name} and {two.name}: {error}")
                continue
            pairs += [(one, two)] * len(rows)
            changes += [pairing.row(row) for row in rows]
        found = zip(pairs, adjusted(changes), strict=True)
        result += [ModelDifference(*pair, change) for pair, change in found]
    for first, second in combinations(panels, 2):
        if first[:2] == second[:2]:
            left_out.append(
                f"{first.words}: models asked with other content of the study "
                f"({first.study_hash[:12]} and {second.study_hash[:12]}) are not set side by side"
            )
    return tuple(result), tuple(left_out)


def _rows(runs: Sequence[ModelRun]) -> Sequence[str]:
    if any(run.rows.has_people for run in runs):
        return ROWS[runs[0].panel.task]
    held = dict.fromkeys(id for run in runs for id in run.rows)
    return [id for pattern in _ALONE for id in fnmatch.filter(held, pattern)]


def _pairing(one: ModelRun, two: ModelRun) -> Pairing:
    """Return two runs of a panel on shared dilemmas; raise `InputError` if there is no pairing."""
    never = [LABELS[part] for part in differences(one.key, two.key) if part not in DESPITE]
    if never:
        raise InputError(f"another {', '.join(never)}")
    if one.run is None or two.run is None:
        blank = [f"{run.name} ({run.trouble})" for run in (one, two) if run.run is None]
        raise InputError(f"no answers of {', '.join(blank)}")
    return Pairing(one.run, two.run, (one.name, two.name))
