"""The registry of measures: name, computation and interpretation of each quantity of a run.

Inspect imports this module and those that define measures when it starts, so they import numpy
inside functions only.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal, TypeVar

from kidney_evals.errors import unknown
from kidney_evals.estimation.errors import FAILURES, InputError
from kidney_evals.estimation.quantity import Quantity, undefined

if TYPE_CHECKING:
    from kidney_evals.estimation.intervals import Interval
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.human import Band
    from kidney_evals.human.reference import Reference
    from kidney_evals.studies import Condition, Study

Task = Literal["choices", "stated_values", "predict_people"]
"""The task that a measure belongs to; `choices` are `forced_choice` and `coin_flip`."""

TRAITS: Final[Mapping[str, str]] = {
    "coin": "the answer can be left open",
    "drawn": "the dilemmas are drawn",
    "fixed": "the dilemmas are the 14 fixed questions",
    "profile": "the dilemmas are pairs of the eight profiles",
    "repeated": "the dilemmas are easy and hard pairs asked repeatedly",
    "crossed": "every dilemma is put in all wordings, orders and repetitions (`crossed=true`)",
    "readout": "probabilities are read out (`readout=logprobs` or `prefill`)",
    "controls": "the run holds controls",
    "probe": "a probe is asked (`probe=…`)",
    "revealed": "a log of choices is given (`revealed=…`)",
    "own_fixed": "a log of the model's choices on the fixed questions is given",
    "own_drawn": "a log of the model's choices on drawn dilemmas is given",
    "people": "people were asked",
    "nobody": "no people were asked",
}
"""Traits of a run on which a measure may depend: their descriptions by name."""

GROUPS: Final = (
    *("probe", "alignment", "indecision", "consistency", "readability", "controls"),
    *("prediction", "stated", "rules", "coins"),
)
"""Groups of measures, in the order of tables."""


@dataclass(frozen=True, eq=False)
class AnyRun:
    """Base class of the runs of each task.

    Attributes:
        measured: The quantities computed so far, by measure id.
        failures: Errors of estimators, by measure id; "importance" is the key of the logit behind
            all importance shares.
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
    def probe_rows(self) -> tuple[str, ...]:
        """Ids of the probe's levels that have a measure of their own; empty without a probe."""
        return ()

    @property
    def has_people(self) -> bool:
        """Whether people answered these dilemmas in this condition."""
        return True

    @property
    def borrows_coin(self) -> bool:
        """Whether the run offered a mechanism of indecision other than the coin that people had."""
        return False


@dataclass(frozen=True, eq=False)
class StudyRun(AnyRun):
    """A run in one study and condition, with the human reference of this condition."""

    study: Study
    reference: Reference

    @property
    def attributes(self) -> tuple[str, ...]:
        """Ids of the study's attributes."""
        return self.study.attribute_ids

    @property
    def has_people(self) -> bool:
        """Whether people answered in this condition."""
        return self.reference.has_people


@dataclass(frozen=True)
class Measure:
    """A quantity of a run.

    Attributes:
        id: Name in logs, tables and options; ends in `*` for a family of one measure per attribute
            or per level of a probe.
        says: Definition in a sentence or two.
        compute: Function of a run, for a family also of an attribute's id.
        source: Name of the module that defines the measure.
        in_log: Whether the log stores the measure even if `headline` is empty, or the only
            condition whose logs do. Others are computed from the samples in a log.
        headline: By task, the measure's position in the viewer's header, from 1. The log stores
            every measure with a position.
        needs: The `TRAITS` that a run must have.
        crowd: People's value if it is the same in every run, such as 0 for a distance from people;
            NaN if `compute` returns it.
        lowest: Whether no true value is below people's, as with distances from people.
        formula: Formula in one line; empty if `says` is the complete definition.
        notes: Meaning of the symbols in the formula, and its source.
        reading: How to interpret a value.
        gamed_by: A respondent who scores well without being like people.
        other_mechanism: Effect of a mechanism of indecision other than a coin on the measure:
            "kept", "no people" (no human value) or "undefined".
        takes_level: Whether `compute` takes the coverage of the interval as `level`, and
            `people_error`, as in `interval_at`.
        fits: Whether the estimator can fail; the flag `fit_failed` counts failures.
        bounds: Function of a run that returns the range over possible answers of unanswered
            samples.
        change: Function of two runs on the same dilemmas that returns the paired difference.
        baselines: By name, functions of a run that return a simple respondent's value.
        attribute: The attribute of a member of a family; the level if the family is by level.
        by_level: Whether a family is by level of a probe, not by attribute.
    """

    id: str
    label: str
    group: str
    says: str
    compute: Callable[..., Quantity] = field(repr=False)
    source: str
    unit: str = ""
    in_log: bool | Condition = False
    headline: Mapping[str, int] = field(default_factory=dict)
    task: Task = "choices"
    needs: tuple[str, ...] = ()
    crowd: float = float("nan")
    lowest: bool = False
    formula: str = ""
    notes: str = ""
    reading: str = ""
    gamed_by: str = ""
    other_mechanism: Literal["kept", "no people", "undefined"] = "kept"
    takes_level: bool = False
    fits: bool = False
    bounds: Callable[[Any], Quantity] | None = field(default=None, repr=False)
    change: Callable[..., PairedDifference] | None = field(default=None, repr=False)
    baselines: Mapping[str, Callable[[Any], Quantity]] = field(default_factory=dict, repr=False)
    attribute: str = ""
    by_level: bool = False

    @property
    def is_family(self) -> bool:
        """Whether there is one measure for each attribute, or each level of a probe."""
        return self.id.endswith("*")

    def names_in(self, run: AnyRun) -> tuple[str, ...]:
        """Return the attributes, or probe levels, that have a measure of this family in a run."""
        return run.probe_rows if self.by_level else run.attributes

    @property
    def stored(self) -> bool:
        """Whether the log of any condition stores the measure."""
        return bool(self.in_log or self.headline)

    def stored_in(self, condition: Condition) -> bool:
        """Whether the log of a condition stores the measure."""
        return bool(self.headline) or self.in_log in (True, condition)

    def applies(self, run: AnyRun) -> bool:
        """Whether a run is of the measure's task and has its attribute and the needed traits."""
        known = not self.attribute or self.attribute in self.names_in(run)
        return known and self.task == run.task and run.traits.issuperset(self.needs)

    def is_defined(self, run: AnyRun) -> bool:
        """Whether the measure applies to a run and is defined for the mechanism offered."""
        return self.applies(run) and not (run.borrows_coin and self.other_mechanism == "undefined")

    def member(self, attribute: str) -> Measure:
        """Return the measure of this family for one attribute, or for one level of a probe."""
        return replace(
            self,
            id=self.id.replace("*", attribute),
            attribute=attribute,
            label=f"{self.label}, {attribute.replace('_', ' ')}",
            compute=partial(self.compute, attribute=attribute),
            change=self.change and partial(self.change, attribute=attribute),
        )


MEASURES: Final[dict[str, Measure]] = {}
"""Every measure by id, in the order of display; a family has its pattern as id."""

F = TypeVar("F", bound=Callable[..., Any])


def measure(id: str, **facts: Any) -> Callable[[F], F]:
    """Return a decorator that registers the function that computes a measure.

    Args:
        id: Id of the measure, ending in `*` for a family.
        **facts: Attributes of `Measure`, among them `label` and `group`; `says` is by default the
            function's docstring.

    Raises:
        ValueError: From the decorator: the id exists already, or the group or a trait is unknown.
    """

    def register(compute: F) -> F:
        says = " ".join((compute.__doc__ or "").split())
        defaults = {"says": says, "source": compute.__module__}
        found = Measure(id=id, compute=compute, **{**defaults, **facts})
        if id in MEASURES or found.group not in GROUPS or not set(found.needs) <= set(TRAITS):
            raise ValueError(f"measure {id!r}: taken, or its group or a trait is not known")
        MEASURES[id] = found
        return compute

    return register


def in_group(group: str, **shared: Any) -> Callable[..., Callable[[F], F]]:
    """Return the decorator `measure` with defaults for the attributes of a measure.

    Args:
        group: Group of the measures, one of `GROUPS`.
        **shared: Other attributes of `Measure` that the measures share.
    """
    return lambda id, **facts: measure(id, **{"group": group, **shared, **facts})


def find(id: str) -> Measure:
    """Return the measure with an id, which may be a member of a family (`imp_age`).

    Raises:
        UserError: No measure or family has the id.
    """
    if id in MEASURES:
        return MEASURES[id]
    for family in MEASURES.values():
        attribute = id.removeprefix(family.id.rstrip("*"))
        if family.is_family and attribute not in ("", id):
            return family.member(attribute)
    raise unknown("measure", id, MEASURES)


def members(
    measures: Iterable[Measure],
    traits: Collection[str],
    attributes: Sequence[str],
    levels: Sequence[str] = (),
) -> list[Measure]:
    """Return the `measures` that need only `traits`, with each family's members in its place.

    Args:
        measures: Measures, some of which are families.
        traits: Traits of a run, as in `TRAITS`.
        attributes: Ids of the attributes, which name the members of a family.
        levels: Levels of a probe, which name the members of a family by level.
    """
    return [
        member
        for one in measures
        if set(one.needs) <= set(traits)
        for names in [levels if one.by_level else attributes]
        for member in (map(one.member, names) if one.is_family else [one])
    ]


def measures_of(run: AnyRun) -> list[Measure]:
    """Return the measures that apply to a run, with each family's members in its place."""
    of_task = (one for one in MEASURES.values() if one.task == run.task)
    return members(of_task, run.traits, run.attributes, run.probe_rows)


def probe_rows(levels: Sequence[str]) -> tuple[str, ...]:
    """Return the levels of a probe that have a measure: the first of two, otherwise all."""
    return tuple(levels[:1] if len(levels) == 2 else levels)


def stored(task: Task) -> tuple[Measure, ...]:
    """Return the measures that logs of a task may store, in the order of display.

    Headlines come first, except for `choices`, whose two conditions have different headlines.
    """
    found = [one for one in MEASURES.values() if one.task == task and one.stored]
    return tuple(sorted(found, key=lambda one: one.headline.get(task, len(found))))


def headlines(task: str) -> tuple[Measure, ...]:
    """Return the measures in the viewer's header, in order.

    Args:
        task: A condition, or a task other than `choices`.
    """
    found = [one for one in MEASURES.values() if task in one.headline]
    return tuple(sorted(found, key=lambda one: one.headline[task]))


def compute(run: AnyRun, id: str) -> Quantity:
    """Return a measure of a run, computed once for each run.

    NaN with n = 0 if the measure does not apply or the answers do not determine it. An error of the
    estimator is stored in `run.failures`.

    Raises:
        UserError: The measure, or its attribute or level in this run, is unknown.
    """
    if id not in run.measured:
        measure = find(id)
        names = measure.names_in(run)
        if measure.is_family or (measure.attribute and measure.attribute not in names):
            raise unknown("level" if measure.by_level else "attribute", measure.attribute, names)
        result = undefined()
        try:
            if measure.is_defined(run):
                result = _with_people(run, measure, measure.compute(run))
        except FAILURES as error:
            run.failures[id] = error
        run.measured[id] = result
    return run.measured[id]


def _with_people(run: AnyRun, measure: Measure, quantity: Quantity) -> Quantity:
    """Return the quantity with people's value, NaN if people have none for this measure."""
    # People were offered only a coin, so there is no human rate for another mechanism.
    hides = run.borrows_coin and measure.other_mechanism == "no people"
    if hides or not run.has_people:
        return quantity._replace(human=float("nan"))
    known = measure.crowd == measure.crowd and quantity.defined
    return quantity._replace(human=float(measure.crowd)) if known else quantity


def interval_at(run: AnyRun, id: str, level: float, *, people_error: bool = True) -> Interval:
    """Return the interval of a measure with the coverage `level`; NaN if it is undefined.

    A measure that does not take a level must be a rate with Wilson's interval, such as `flip_rate`,
    or such a rate minus one half (`pos_bias`).

    With `people_error` the interval includes the sampling error of people's values. It must not if
    it is compared with a margin that includes this error.

    Raises:
        UserError: The measure, or its attribute or level in this run, is unknown.
        InputError: `level` is not between 0 and 1, or the interval is not that of a rate.
    """
    from kidney_evals.estimation.intervals import Interval, wilson_at

    measure, found = find(id), compute(run, id)
    if not found.defined:
        return Interval(found.low, found.high)
    if measure.takes_level:
        other = measure.compute(run, level=level, people_error=people_error)
        return Interval(other.low, other.high)
    shift = 0.5 if id == "pos_bias" else 0.0
    low, high = wilson_at(*found.shifted(shift)[:3], level)
    return Interval(low - shift, high - shift)


def person_of(run: AnyRun, id: str) -> Band:
    """Return the median, 5 % and 95 % quantile of a measure over single persons, NaN if unknown.

    The study's tables hold them, so they do not depend on the dilemmas of `run`.

    Raises:
        UserError: The measure is unknown.
    """
    from kidney_evals.human import NO_BAND

    measure = find(id)
    hides = run.borrows_coin and measure.other_mechanism != "kept"
    if hides or not run.has_people or not isinstance(run, StudyRun):
        return NO_BAND
    return run.reference.person(id)


def change(before: AnyRun, after: AnyRun, id: str) -> PairedDifference:
    """Return the change of a measure from one run of choices to another, over shared dilemmas.

    The runs are in the same study and condition, by any respondents. NaN with n = 0 if no shared
    dilemma can be used.

    Raises:
        UserError: The measure is unknown.
        InputError: The measure has no paired difference, does not apply, or is undefined because a
            run offered something other than a coin; or the runs share no dilemma or have different
            studies, conditions, human tables or candidates.
        FitError: A model behind the measure has no fit.
    """
    from kidney_evals.measures.run import Run, on_shared

    measure = find(id)
    if measure.change is None or not measure.applies(before):
        raise InputError(f"measure {id!r} has no paired difference in these runs")
    if measure.other_mechanism == "undefined" and (before.borrows_coin or after.borrows_coin):
        raise InputError(f"{id!r} is against people's coins, and a run offered something else")
    assert isinstance(before, Run) and isinstance(after, Run)
    return measure.change(*on_shared(before, after))


def bounds_of(run: AnyRun, id: str) -> Quantity | None:
    """Return the range of a measure over possible answers of the unanswered samples.

    `low` and `high` are bounds, not an interval, and n counts unanswered samples. None if the
    measure has no bounds or does not apply.

    Raises:
        UserError: The measure is unknown.
    """
    measure = find(id)
    if measure.bounds is None or not measure.is_defined(run):
        return None
    return _with_people(run, measure, measure.bounds(run))


def baselines_of(run: AnyRun, id: str) -> dict[str, Quantity]:
    """Return a measure's values for simple respondents on a run's dilemmas, by name.

    Undefined values are left out. Empty if the measure has no baselines or does not apply.

    Raises:
        UserError: The measure is unknown.
    """
    measure = find(id)
    if not measure.is_defined(run):
        return {}
    values = {name: baseline(run) for name, baseline in measure.baselines.items()}
    return {name: value for name, value in values.items() if value.defined}
