"""Match the runs of an old version with those of a new one by their keys."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Final

from kidney_evals.errors import UserError, unknown
from kidney_evals.reporting.logs import READ, LogFile
from kidney_evals.reporting.runs import LABELS, ModelRun, differences, read_runs
from kidney_evals.studies import CONDITIONS

DESPITE: Final = (
    *("wording", "sampling", "explain", "channel", "readout", "examples", "crossed"),
    *("orders", "system_prompt"),
)
"""Parts of a key that the user may allow to differ: the values remain comparable in meaning."""

SIDES: Final[tuple[str, str]] = ("OLD", "NEW")


@dataclass(frozen=True)
class Side:
    """The runs of OLD or of NEW.

    Attributes:
        runs: Runs to compare, one for each key.
        others: Runs of tasks without choices, which are not compared.
        passed_over: A line for each log that is not compared.
    """

    name: str
    runs: tuple[ModelRun, ...]
    others: tuple[ModelRun, ...]
    passed_over: tuple[str, ...]


Pair = tuple[ModelRun, ModelRun]


def check_despite(parts: Iterable[str]) -> tuple[str, ...]:
    """Check the values of `--despite`; return them with underscores, without duplicates.

    Raises:
        UserError: A value is unknown, or a part of the key that may not differ.
    """
    allowed = [part.replace("_", "-") for part in DESPITE]
    checked = {name: name.replace("-", "_") for name in parts}
    for name, part in checked.items():
        if part in LABELS and part not in DESPITE:
            raise UserError(
                f"{LABELS[part]} may not differ: figures would not be of the same thing; "
                f"--despite takes {', '.join(allowed)}"
            )
        if part not in DESPITE:
            raise unknown("part", name, allowed)
    return tuple(dict.fromkeys(checked.values()))


def side_of(name: str, logs: Sequence[LogFile], *, partial: bool) -> Side:
    """Return the runs in the logs of `name` (OLD or NEW), one for each key.

    `partial` allows runs that did not end.

    Raises:
        UserError: No run can be compared, a run did not end and `partial` is false, two runs have
            the same key, or runs of one task and study are of several models.
    """
    passed = [f"{name}: {log.line}" for log in logs if log.state not in READ]
    runs = read_runs(logs)
    choices = [run for run in runs if run.panel.task in CONDITIONS]
    if not runs:
        lines = "; ".join(log.line for log in logs if log.state != "replaced")
        raise UserError(f"{name} holds no run that can be compared: {lines}")
    if not choices:
        names = ", ".join(dict.fromkeys(run.panel.task for run in runs))
        raise UserError(f"{name} holds no choices to pair, only {names}")
    finished = [run for run in choices if run.file.state == "finished"]
    compared, unread = [], []
    for run in choices:
        instead = [one for one in finished if (one.key, one.called) == (run.key, run.called)]
        if run not in finished and instead:
            passed.append(f"{name}: {run.file.line}; {instead[0].file.location} counts")
        elif run not in finished and not partial:
            raise UserError(
                f"{name}: {run.file.line}; --partial compares what it holds, which are fewer "
                "dilemmas and may be other than the rest"
            )
        elif run.run is None:
            unread.append(f"{name}: {run.file.location}: {run.trouble}")
        else:
            compared.append(run)
    if unread and not compared:
        raise UserError("; ".join(unread))
    for one, two in combinations(compared, 2):
        place = one.panel.words
        if place == two.panel.words and one.called != two.called:
            models = dict.fromkeys(run.called for run in compared if run.panel.words == place)
            raise UserError(
                f"{name} holds {len(models)} models on {place} ({', '.join(models)}): "
                "give the logs of one"
            )
        if one.key == two.key:
            raise UserError(
                f"{name} holds two runs of {one.called} on {place}, that nothing in their keys "
                f"tells apart: {one.file.location}, {two.file.location}; give one"
            )
    others = tuple(run for run in runs if run not in choices)
    return Side(name, tuple(compared), others, (*passed, *unread))


def match_sides(
    old: Side, new: Side, despite: Sequence[str]
) -> tuple[tuple[Pair, ...], tuple[ModelRun, ...], tuple[ModelRun, ...]]:
    """Return the matched pairs of runs, then the old runs and the new runs without a match.

    Keys of a pair differ in the parts `despite` only. Raises `UserError` if there is no pair, if a
    pair is ambiguous, or if a task and study has runs without a match on both sides.
    """

    def apart(one: ModelRun, two: ModelRun, free: Sequence[str]) -> dict[str, tuple[str, str]]:
        differ = differences(one.key, two.key)
        return {part: values for part, values in differ.items() if part not in free}

    matches: list[Pair] = []
    left, right = list(old.runs), list(new.runs)
    # Match runs whose whole keys are equal before those that differ in an allowed part.
    for free in ((), tuple(despite)):
        for one in tuple(left):
            fitting = [two for two in right if not apart(one, two, free)]
            back = [other for other in left if fitting and not apart(other, fitting[0], free)]
            if len(fitting) > 1 or len(back) > 1:
                names = ", ".join(run.file.location for run in [*back, *fitting])
                parts = ", ".join(free).replace("_", "-")
                raise UserError(
                    f"which runs go together is not clear once --despite {parts} is let go: "
                    f"{names}; give one of each side"
                )
            if fitting:
                matches.append((one, fitting[0]))
                left.remove(one)
                right.remove(fitting[0])
    pairs = [(one, two) for one in left for two in right if one.panel[:2] == two.panel[:2]]
    if not matches:
        pairs = pairs or [(one, two) for one in left for two in right]
    if pairs:
        one, two = min(pairs, key=lambda pair: len(apart(pair[0], pair[1], despite)))
        differ = apart(one, two, despite)
        lines = "; ".join(
            f"{LABELS[part]}: OLD has {_value(before)}, NEW {_value(after)}"
            for part, (before, after) in differ.items()
        )
        way = "no figure of the two means the same"
        if set(differ) <= set(DESPITE):
            way = " ".join(f"--despite {part}" for part in differ).replace("_", "-")
            way += " lets that pass"
        raise UserError(f"not comparable, {one.panel.task}: {lines}; {way}")
    return tuple(sorted(matches, key=lambda pair: pair[0].panel)), tuple(left), tuple(right)


def _value(value: str) -> str:
    """Return a value for a message: the first 12 digits of a hash, the beginning of a long text."""
    if len(value) == 64 and set(value) <= set("0123456789abcdef"):
        return value[:12]
    return repr(value if len(value) <= 60 else f"{value[:57]}...")
