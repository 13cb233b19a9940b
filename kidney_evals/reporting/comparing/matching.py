"""Match the runs of an old version with those of a new one by their keys."""

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
"""Parts of a key that the user may allow to differ: the values remain comparable in meaning.

A different study, condition or human reference changes the meaning of a value, and a new task
version marks results as no longer comparable; these must be equal.
"""

SIDES: Final[tuple[str, str]] = ("OLD", "NEW")


@dataclass(frozen=True)
class Side:
    """The runs of one version.

    Attributes:
        name: "OLD" or "NEW".
        runs: Runs of choices between patients, at most one for each key.
        others: Runs of tasks without such choices.
        passed_over: A line for each log that is in neither `runs` nor `others`.
    """

    name: str
    runs: tuple[ModelRun, ...]
    others: tuple[ModelRun, ...]
    passed_over: tuple[str, ...]


@dataclass(frozen=True)
class Match:
    """Two runs that are compared.

    Attributes:
        old: The run of the old version.
        new: The run of the new version.
        despite: Parts of their keys that differ, with both values.
    """

    old: ModelRun
    new: ModelRun
    despite: Mapping[str, tuple[str, str]]

    @property
    def runs(self) -> tuple[ModelRun, ModelRun]:
        """The old run and the new run."""
        return self.old, self.new


def check_despite(parts: Iterable[str]) -> tuple[str, ...]:
    """Return the parts of a key that may differ, with hyphens replaced by underscores.

    Raises:
        UserError: A name is no part of a key, or its part must be equal.
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
    """Return the name of a part of a key as it is written on the command line."""
    return part.replace("_", "-")


def side_of(name: str, logs: Sequence[LogFile], *, partial: bool) -> Side:
    """Return the runs of one version.

    Args:
        name: "OLD" or "NEW".
        logs: The logs.
        partial: Whether to include runs that did not end.

    Raises:
        UserError: No log can be compared, a run did not end, several models answered the same
            panel, or two runs have the same key.
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
    """Return the matched pairs of runs, the old runs without a match, and the new ones without.

    Args:
        old: The old version.
        new: The new version.
        despite: Parts of the key that may differ.

    Raises:
        UserError: Runs of the same task and study differ in another part of their keys, no task
            and study are common to both sides, or a match is ambiguous.
    """
    matches: list[Match] = []
    left, right = list(old.runs), list(new.runs)
    # Match runs whose whole keys are equal before those that differ in an allowed part.
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
    """Return a value for a message: the first 12 digits of a hash, the beginning of a long text."""
    if len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return value[:12]
    return repr(value if len(value) <= 60 else f"{value[:57]}...")


def _finished_instead(run: ModelRun, runs: Sequence[ModelRun]) -> ModelRun | None:
    """If `run` did not end, return a finished run of the same model and key; else None."""
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
