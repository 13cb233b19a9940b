"""Which run of an old version is compared with which of a new one, and what keeps them apart."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kidney_evals.errors import UserError, unknown
from kidney_evals.reporting.key import LABELS, differences
from kidney_evals.reporting.logs import READ, LogFile
from kidney_evals.reporting.runs import ModelRun, read_runs
from kidney_evals.studies import CONDITIONS

DESPITE: Final = (
    "wording",
    "sampling",
    "explain",
    "channel",
    "readout",
    "crossed",
    "orders",
    "system_prompt",
)
"""Parts of a key that may be let differ: both figures still mean what their names say.

Another study, condition or human reference makes them figures of something else, and the task's
version changes where its results stop being comparable.
"""

SIDES: Final[tuple[str, str]] = ("OLD", "NEW")


@dataclass(frozen=True)
class Side:
    """The runs of one version.

    Attributes:
        name: "OLD" or "NEW".
        runs: At most one for each key, with choices between patients.
        others: Runs of tasks without such choices.
        passed_over: Lines on the logs that are none of these.
    """

    name: str
    runs: tuple[ModelRun, ...]
    others: tuple[ModelRun, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Two runs that are compared.

    Attributes:
        old: The old version's.
        new: The new version's.
        despite: Parts of their keys that differ all the same, with both values.
    """

    old: ModelRun
    new: ModelRun
    despite: Mapping[str, tuple[str, str]]

    @property
    def runs(self) -> tuple[ModelRun, ModelRun]:
        """The old run and the new one."""
        return self.old, self.new


def check_despite(parts: Iterable[str]) -> tuple[str, ...]:
    """Return parts of a key that are let differ, hyphens as underscores.

    Raises:
        UserError: There is no such part, or it may not be let go.
    """
    checked = []
    for given in parts:
        part = given.replace("-", "_")
        if part in LABELS and part not in DESPITE:
            raise UserError(
                f"{LABELS[part]} may not differ: figures would not be of the same thing; "
                f"--despite takes {', '.join(map(shown, DESPITE))}"
            )
        if part not in DESPITE:
            raise unknown("part", given, map(shown, DESPITE))
        checked.append(part)
    return tuple(dict.fromkeys(checked))


def shown(part: str) -> str:
    """Return a part of a key as the command line has it."""
    return part.replace("_", "-")


def side_of(name: str, logs: Sequence[LogFile], *, partial: bool) -> Side:
    """Return the runs of one version.

    Args:
        name: "OLD" or "NEW".
        logs: The logs.
        partial: Whether runs count that did not end.

    Raises:
        UserError: Nothing to compare is among them, a run did not end, several models answered
            the same, or two runs have one key.
    """
    passed = [f"{name}: {one.line}" for one in logs if one.state not in READ]
    runs = read_runs(logs)
    chosen = [run for run in runs if run.panel.task in CONDITIONS]
    if not runs:
        told = "; ".join(one.line for one in logs if one.state != "replaced")
        raise UserError(f"{name} holds no run that can be compared: {told}")
    if not chosen:
        names = ", ".join(dict.fromkeys(run.panel.task for run in runs))
        raise UserError(f"{name} holds no choices between patients to pair, only {names}")
    kept, unread = [], []
    for run in chosen:
        instead = _finished_instead(run, chosen)
        if instead is not None:
            passed.append(f"{name}: {run.file.line}; {instead.file.location} counts")
        elif run.file.state == "partial" and not partial:
            raise UserError(
                f"{name}: {run.file.line}; --partial compares what it holds, which are fewer "
                "dilemmas and may be other than the rest"
            )
        elif run.run is None:
            unread.append(f"{name}: {run.file.location}: {run.trouble}")
        else:
            kept.append(run)
    if unread and not kept:
        raise UserError("; ".join(unread))
    _check_single(name, kept)
    others = tuple(run for run in runs if run.panel.task not in CONDITIONS)
    return Side(name, tuple(kept), others, (*passed, *unread))


def match_sides(
    old: Side, new: Side, despite: Sequence[str]
) -> tuple[tuple[Match, ...], tuple[ModelRun, ...], tuple[ModelRun, ...]]:
    """Return the runs that are compared, and those of either side that have no counterpart.

    Args:
        old: The old version.
        new: The new one.
        despite: Parts of the key that may differ.

    Raises:
        UserError: Runs of the same task and study differ in something else, or none are of the
            same.
    """
    matches: list[Match] = []
    left, right = list(old.runs), list(new.runs)
    # Whole keys first: what may differ need not.
    for free in ((), tuple(despite)):
        for one in tuple(left):
            fitting = [two for two in right if not _apart(one, two, free)]
            back = [other for other in left if fitting and not _apart(other, fitting[0], free)]
            if len(fitting) > 1 or len(back) > 1:
                names = ", ".join(run.file.location for run in [*back, *fitting])
                raise UserError(
                    f"which runs go together is not clear once --despite "
                    f"{', '.join(map(shown, free))} is let go: {names}; give one of each side"
                )
            if fitting:
                (two,) = fitting
                matches.append(Match(one, two, differences(one.key, two.key)))
                left.remove(one)
                right.remove(two)
    pairs = [(one, two) for one in left for two in right if one.panel[:2] == two.panel[:2]]
    if not pairs and not matches:
        pairs = [(one, two) for one in left for two in right]
    if pairs:
        nearest = min(pairs, key=lambda pair: len(_apart(pair[0], pair[1], despite)))
        raise UserError(_refusal(*nearest, despite))
    return tuple(sorted(matches, key=lambda one: one.old.panel)), tuple(left), tuple(right)


def _apart(one: ModelRun, two: ModelRun, free: Sequence[str]) -> dict[str, tuple[str, str]]:
    found = differences(one.key, two.key)
    return {part: values for part, values in found.items() if part not in free}


def _refusal(one: ModelRun, two: ModelRun, despite: Sequence[str]) -> str:
    apart = _apart(one, two, despite)
    told = "; ".join(
        f"{LABELS[part]}: OLD has {_value(old)}, NEW {_value(new)}"
        for part, (old, new) in apart.items()
    )
    way = "no figure of the two means the same"
    if set(apart) <= set(DESPITE):
        way = " ".join(f"--despite {shown(part)}" for part in apart) + " lets that pass"
    return f"not comparable, {one.panel.task}: {told}; {way}"


def _value(value: str) -> str:
    """Return a value in a line: a hash by its start, a long text likewise."""
    if len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return value[:12]
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


def _finished_instead(run: ModelRun, runs: Sequence[ModelRun]) -> ModelRun | None:
    """Return a finished run of the same model and key beside one that did not end."""
    if run.file.state != "partial":
        return None
    same = (one for one in runs if one.key == run.key and one.called == run.called)
    return next((one for one in same if one.file.state == "finished"), None)


def _check_single(name: str, runs: Sequence[ModelRun]) -> None:
    places: dict[str, list[ModelRun]] = {}
    for run in runs:
        places.setdefault(run.panel.words, []).append(run)
    for place, members in places.items():
        models = list(dict.fromkeys(run.called for run in members))
        if len(models) > 1:
            raise UserError(
                f"{name} holds {len(models)} models on {place} ({', '.join(models)}): "
                "give the logs of one"
            )
        for one, two in combinations(members, 2):
            if one.key == two.key:
                raise UserError(
                    f"{name} holds two runs of {models[0]} on {place}, that nothing in "
                    f"their keys tells apart: {one.file.location}, {two.file.location}; "
                    "give one"
                )
