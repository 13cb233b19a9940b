"""The registry of measures: name, computation and interpretation of each quantity of a run.

A measure is defined once, by `@measure` on the function that computes it. Scorers, tables, reports,
comparisons, validation and the documentation use the registry. This module, and the modules that
define measures, must not import numpy at the top, since the scorers import them when Inspect
starts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, Protocol, TypeVar

from kidney_evals.errors import unknown

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.estimation.quantity import Quantity

Level = Literal["headline", "log", "full"]
"""Where a measure is shown: `headline` and `log` measures are stored in the log; `full` measures
are computed from its samples by `kidney-evals show --all`, tables, reports and frames."""

Task = Literal["choices", "stated_values", "predict_people"]
"""The tasks that a measure belongs to; `choices` are `forced_choice` and `coin_flip`."""

TRAITS: Final[Mapping[str, str]] = {
    "coin": "the answer can be left open",
    "drawn": "the dilemmas are drawn",
    "fixed": "the dilemmas are the 14 fixed questions",
    "profile": "the dilemmas are pairs of the eight profiles",
    "repeated": "the dilemmas are easy and hard pairs asked repeatedly",
    "crossed": "every dilemma is put in all wordings, orders and repetitions (`crossed=true`)",
    "readout": "probabilities are read out (`readout=logprobs`)",
    "controls": "the run holds controls",
    "revealed": "a log of choices is given (`revealed=…`)",
    "own_fixed": "a log of the model's choices on the fixed questions is given",
    "own_drawn": "a log of the model's choices on drawn dilemmas is given",
}
"""Traits of a run on which a measure may depend, in words."""


@dataclass(frozen=True, eq=False)
class AnyRun:
    """Base class of the runs of each task, with the attributes that the registry uses.

    Attributes:
        measured: The quantities computed so far, by id.
        failures: Errors of estimators, by id of the measure.
    """

    task: ClassVar[Task]
    measured: dict[str, Quantity] = field(init=False, repr=False, default_factory=dict)
    failures: dict[str, Exception] = field(init=False, repr=False, default_factory=dict)

    @property
    def traits(self) -> frozenset[str]:
        """Which of `TRAITS` the run has."""
        raise NotImplementedError

    @property
    def attributes(self) -> tuple[str, ...]:
        """Ids of the study's attributes; empty if no measure of the task is by attribute."""
        return ()

    @property
    def has_people(self) -> bool:
        """Whether people answered these dilemmas in this condition."""
        return True

    @property
    def borrows_coin(self) -> bool:
        """Whether a mechanism of indecision other than a coin, which people had, was offered."""
        return False


@dataclass(frozen=True)
class Measure:
    """A quantity of a run.

    Attributes:
        id: Name in logs, tables and options; ends in `*` for a family of one measure per attribute.
        label: Name in words.
        group: Part of a table in which the measure is shown, one of `GROUPS`.
        says: Definition in a sentence or two.
        compute: Function of a run, or for a family of a run and an attribute's id, that returns the
            `Quantity`.
        unit: Unit of the value.
        level: Where the measure is shown, see `Level`.
        headline: Place in the viewer's header, from 1, by task.
        task: The task that the measure belongs to.
        needs: Traits that a run must have, keys of `TRAITS`.
        aim: The value that people's own answers would have: "people" for the human value of the
            quantity, a number, the name of a baseline, or "none".
        formula: Formula in one line; empty if `says` is the complete definition.
        notes: Meaning of the symbols in the formula, and its source.
        reading: Interpretation of the value.
        gamed_by: A respondent who scores well without being like people.
        other_mechanism: Effect of a mechanism of indecision other than a coin on the measure:
            "kept", "no people" (no human value) or "undefined".
        fits: Whether the estimator can fail; the flag `fit_failed` counts failures.
        bounds: Function of a run that returns the range over possible answers of unanswered
            samples.
        change: Function of two runs on the same dilemmas that returns the paired difference.
        baselines: By name, values of simple respondents on the run's dilemmas.
        attribute: The attribute of a member of a family; empty for other measures.
        source: The module that defines the measure.
    """

    id: str
    label: str
    group: str
    says: str
    compute: Callable[..., Quantity] = field(repr=False)
    unit: str = ""
    level: Level = "full"
    headline: Mapping[str, int] = field(default_factory=dict)
    task: Task = "choices"
    needs: tuple[str, ...] = ()
    aim: str | float = "none"
    formula: str = ""
    notes: str = ""
    reading: str = ""
    gamed_by: str = ""
    other_mechanism: Literal["kept", "no people", "undefined"] = "kept"
    fits: bool = False
    bounds: Callable[[Any], Quantity] | None = field(default=None, repr=False)
    change: Callable[..., PairedDifference] | None = field(default=None, repr=False)
    baselines: Mapping[str, Callable[[Any], Quantity]] = field(default_factory=dict, repr=False)
    attribute: str = ""
    source: str = ""

    @property
    def is_family(self) -> bool:
        """Whether there is one measure for each attribute."""
        return self.id.endswith("*")

    @property
    def stored(self) -> bool:
        """Whether the log holds it."""
        return self.level != "full"

    def applies(self, run: AnyRun) -> bool:
        """Whether a run of this task has the traits that the measure needs."""
        known = not self.attribute or self.attribute in run.attributes
        return known and self.task == run.task and run.traits.issuperset(self.needs)

    def is_defined(self, run: AnyRun) -> bool:
        """Whether the measure applies to a run and is defined for the mechanism offered."""
        undefined = run.borrows_coin and self.other_mechanism == "undefined"
        return self.applies(run) and not undefined

    def member(self, attribute: str) -> Measure:
        """Return the measure of one attribute of a family."""
        change = self.change
        return replace(
            self,
            id=self.id.replace("*", attribute),
            attribute=attribute,
            label=f"{self.label}, {attribute.replace('_', ' ')}",
            compute=partial(self.compute, attribute=attribute),
            change=None if change is None else partial(change, attribute=attribute),
        )


GROUPS: Final = (
    "alignment",
    "indecision",
    "consistency",
    "readability",
    "controls",
    "prediction",
    "stated",
    "rules",
    "coins",
)
"""Parts of a table, in order."""

MEASURES: Final[dict[str, Measure]] = {}
"""Every measure by id, in the order of display; a family has its pattern as id."""

F = TypeVar("F", bound=Callable[..., Any])


def measure(id: str, **facts: Any) -> Callable[[F], F]:
    """Register the function that computes a measure.

    Args:
        id: See `Measure`.
        **facts: The other attributes of `Measure`; `says` is the function's docstring unless given.

    Raises:
        ValueError: The id exists already, or the group or a trait is unknown.
    """

    def register(compute: F) -> F:
        says = facts.pop("says", None) or " ".join((compute.__doc__ or "").split())
        facts.setdefault("source", compute.__module__)
        one = Measure(id=id, compute=compute, says=says, **facts)
        if id in MEASURES or one.group not in GROUPS or not set(one.needs) <= set(TRAITS):
            raise ValueError(f"measure {id!r}: taken, or its group or a trait is not known")
        MEASURES[id] = one
        return compute

    return register


class Definer(Protocol):
    """The type of `measure` with some attributes fixed, see `in_group`."""

    def __call__(self, id: str, **facts: Any) -> Callable[[F], F]:
        """Register the function that computes a measure."""


def in_group(group: str, source: str, **shared: Any) -> Definer:
    """Return `measure` with the group, the source and shared attributes fixed.

    Args:
        group: The group.
        source: The module that defines them, its `__name__`.
        **shared: Other attributes that all measures of the group have.
    """

    def define(id: str, **facts: Any) -> Callable[[F], F]:
        return measure(id, **{"group": group, "source": source, **shared, **facts})

    return define


def find(id: str) -> Measure:
    """Return a measure by its id, also one of a family (`imp_age`).

    Raises:
        UserError: There is none.
    """
    if id in MEASURES:
        return MEASURES[id]
    for one in MEASURES.values():
        attribute = id.removeprefix(one.id.rstrip("*"))
        if one.is_family and attribute and attribute != id:
            return one.member(attribute)
    raise unknown("measure", id, MEASURES)


def measures_of(run: AnyRun) -> Iterator[Measure]:
    """Yield the measures that apply to a run, families by attribute."""
    for one in MEASURES.values():
        if not one.applies(run):
            continue
        if one.is_family:
            yield from (one.member(name) for name in run.attributes)
        else:
            yield one


def stored(task: Task, group: str = "") -> tuple[Measure, ...]:
    """Return the measures that the log of a task stores, of one group or of all.

    The headlines of `stated_values` and `predict_people` come first.
    """
    found = [
        one
        for one in MEASURES.values()
        if one.task == task and one.stored and group in ("", one.group)
    ]
    return tuple(sorted(found, key=lambda one: one.headline.get(task, len(found))))


def headlines(task: str) -> tuple[Measure, ...]:
    """Return the measures in the viewer's header, in order.

    Args:
        task: A condition, `stated_values` or `predict_people`.
    """
    found = [one for one in MEASURES.values() if task in one.headline]
    return tuple(sorted(found, key=lambda one: one.headline[task]))


def compute(run: AnyRun, id: str) -> Quantity:
    """Return a measure of a run, computed once for each run.

    Returns:
        The quantity; NaN with n = 0 if the measure does not apply or the answers do not determine
        it. If the estimator raises, the error is stored in `run.failures` and the quantity is
        undefined.

    Raises:
        UserError: There is no such measure.
    """
    from kidney_evals.estimation.errors import FAILURES
    from kidney_evals.estimation.quantity import undefined

    if id not in run.measured:
        one = find(id)
        if one.is_family or (one.attribute and one.attribute not in run.attributes):
            raise unknown("attribute", one.attribute, run.attributes)
        found = undefined()
        try:
            if one.is_defined(run):
                found = _without_people(run, one, one.compute(run))
        except FAILURES as error:
            run.failures[id] = error
        run.measured[id] = found
    return run.measured[id]


def _without_people(run: AnyRun, one: Measure, found: Quantity) -> Quantity:
    """Return `found` without the human value if people have none for this measure."""
    # People were offered only a coin, so there is no human rate for another mechanism.
    hides = run.borrows_coin and one.other_mechanism == "no people"
    return found._replace(human=float("nan")) if hides or not run.has_people else found


def change(before: AnyRun, after: AnyRun, id: str) -> PairedDifference:
    """Return the change of a measure between two runs of choices, over shared dilemmas.

    Args:
        before: One run.
        after: Another run in the same study and condition, by any respondent.
        id: A measure with a paired difference.

    Returns:
        `after` minus `before`, with its interval and the p-value of no change; NaN with n = 0 if no
        shared dilemma can be used.

    Raises:
        InputError: The measure has no paired difference or does not apply, or the runs have
            different studies, conditions or human tables.
        UserError: There is no such measure.
    """
    from kidney_evals.estimation.errors import InputError
    from kidney_evals.measures.run import Run, on_shared

    one = find(id)
    if one.change is None or not one.applies(before):
        raise InputError(f"measure {id!r} has no paired difference in these runs")
    if one.other_mechanism == "undefined" and (before.borrows_coin or after.borrows_coin):
        raise InputError(f"{id!r} is against people's coins, and a run offered something else")
    assert isinstance(before, Run) and isinstance(after, Run)
    return one.change(*on_shared(before, after))


def bounds_of(run: AnyRun, id: str) -> Quantity | None:
    """Return the range of a measure over possible answers of the unanswered samples.

    Returns:
        The quantity, in which low and high are bounds, not an interval, and n counts unanswered
        samples; None if the measure has no bounds or does not apply.
    """
    one = find(id)
    if one.bounds is None or not one.is_defined(run):
        return None
    return _without_people(run, one, one.bounds(run))


def baselines_of(run: AnyRun, id: str) -> dict[str, Quantity]:
    """Return the values of simple respondents on a run's dilemmas, by name.

    Returns:
        The defined values; empty for a measure without baselines.
    """
    one = find(id)
    if not one.is_defined(run):
        return {}
    found = {name: baseline(run) for name, baseline in one.baselines.items()}
    return {name: value for name, value in found.items() if value.defined}


def aim_of(run: AnyRun, id: str) -> float:
    """Return the value that people's own answers would have on a measure; NaN if undefined."""
    aim = find(id).aim
    if aim == "none":
        return float("nan")
    if aim == "people":
        return compute(run, id).human
    if isinstance(aim, str):
        found = baselines_of(run, id).get(aim)
        return float("nan") if found is None else found.value
    return float(aim)
