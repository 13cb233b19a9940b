"""The quantities of a run, computed from its samples or read from its log."""

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from functools import cached_property
from typing import Any

from inspect_ai.log import EvalLog, EvalSample, EvalSampleSummary
from inspect_ai.scorer import SampleScore

from kidney_evals import measures
from kidney_evals.card import Card, card_of
from kidney_evals.errors import UserError
from kidney_evals.estimation.quantity import Quantity
from kidney_evals.measures.run import Run
from kidney_evals.scorers import COLUMNS, main_score


class Rows(Mapping[str, Quantity]):
    """A mapping from measure ids to the quantities of a run, each computed on first access.

    Without samples it holds the quantities in the log, and there are no flags, baselines or bounds.
    """

    def __init__(
        self, run: measures.AnyRun | None, stored: Mapping[str, Quantity] | None = None
    ) -> None:
        """Create the mapping from `run`, or if it is None from `stored`, as read from a log."""
        self.run = run
        self._stored = stored or {}
        ids = self._stored if run is None else [measure.id for measure in measures.measures_of(run)]
        self._ids = sorted(ids, key=place_of)

    def __getitem__(self, id: str) -> Quantity:
        if self.run is None:
            return self._stored[id]
        if id not in self._ids:
            raise KeyError(id)
        return measures.compute(self.run, id)

    def __iter__(self) -> Iterator[str]:
        return iter(self._ids)

    def __len__(self) -> int:
        return len(self._ids)

    @cached_property
    def card(self) -> Card | None:
        """The card of a run of choices; None for other tasks and without samples."""
        return card_of(self.run) if isinstance(self.run, Run) else None

    @property
    def has_people(self) -> bool:
        """Whether people were asked; true if the samples cannot be read."""
        return self.run is None or self.run.has_people

    @property
    def flags(self) -> dict[str, str]:
        """The ids of the flags that the run raises, each with its cause, which may be ""."""
        return {} if self.run is None else measures.raised(self.run)

    def person(self, id: str) -> float:
        """Return a measure's median over simulated single persons; NaN where unknown."""
        return math.nan if self.run is None else measures.person_of(self.run, id).median

    def baselines(self, id: str) -> dict[str, Quantity]:
        """Return the values of a measure for simple respondents, such as guessing, by name."""
        return {} if self.run is None else measures.baselines_of(self.run, id)

    def bounds(self, id: str) -> Quantity | None:
        """Return a measure's bounds over possible answers to unanswered samples; None if unknown.

        `low` and `high` are the bounds, and `n` is the number of unanswered samples.
        """
        return None if self.run is None else measures.bounds_of(self.run, id)

    def first(self, id: str) -> Quantity | None:
        """Return a measure of the answers before any repeat question.

        None if these are the same as the final answers, and for tasks without choices.
        """
        if not isinstance(self.run, Run) or self.run.first is self.run:
            return None
        return measures.compute(self.run.first, id)


def rows_of(log: EvalLog) -> Rows:
    """Return the quantities of a finished or partly finished run of a task of this package.

    From a header alone they are the stored values, which are rounded.

    Raises:
        UserError: The study of the run cannot be loaded.
    """
    return Rows(answers_of(log.samples or ()), stored_rows(log))


def answers_of(samples: Iterable[EvalSample | EvalSampleSummary]) -> measures.AnyRun | None:
    """Return the scored samples of a run as arrays; None if no sample is scored.

    Raises:
        UserError: The study of the run cannot be loaded.
    """
    from kidney_evals.scorers.samples import run_of_scores

    return run_of_scores(
        [
            SampleScore(score=score, sample_id=one.id, sample_metadata=one.metadata)
            for one in samples
            if (score := main_score(one.scores)) is not None
        ]
    )


def stored_rows(log: EvalLog) -> dict[str, Quantity]:
    """Return the quantities stored in a log by id, in the log's order."""
    rows: dict[str, Quantity] = {}
    for score in log.results.scores if log.results else ():
        columns: dict[str, Any] = {one.name: one.value for one in score.metrics.values()}
        if "n" not in columns or not set(columns) <= set(COLUMNS) or score.name in rows:
            continue
        columns["human"] = columns.get("people")
        # A column without a number is absent from the log.
        numbers: dict[str, Any] = {
            name: float(columns[name])
            for name in Quantity._fields
            if isinstance(columns.get(name), int | float) and math.isfinite(columns[name])
        }
        numbers["n"] = int(numbers.get("n", 0))
        # Rows of older versions, or of the scorer of another evaluation, are unknown.
        with suppress(UserError):
            measures.find(score.name)
            rows[score.name] = Quantity(**{"value": math.nan, **numbers})
    return rows


def place_of(id: str) -> tuple[int, int, str]:
    """Return the sort key of a measure in a table."""
    measure = measures.find(id)
    pattern = id if id in measures.MEASURES else f"{id.removesuffix(measure.attribute)}*"
    return (measures.GROUPS.index(measure.group), list(measures.MEASURES).index(pattern), id)
