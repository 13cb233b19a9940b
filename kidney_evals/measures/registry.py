"""The registry of measures: what each quantity is called, how it is computed and how it reads.

A measure is defined once, by `@measure` on the function that computes it. Scorers, tables, reports,
comparisons, validation and the documentation read the registry. Nothing here, and nothing at the
top of a module that defines measures, may load numpy: the scorers read it when Inspect starts.
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
"""Where a measure is seen: `headline` and `log` are stored in the log, `full` is computed from its
samples by `kidney-evals show --all`, tables, reports and frames."""

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
    """What the registry needs of a run; the runs of each task derive from it.

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
        """Ids of the study's attributes; none where nothing is measured by attribute."""
        return ()

    @property
    def has_people(self) -> bool:
        """Whether people answered these dilemmas in this condition."""
        return True

    @property
    def borrows_coin(self) -> bool:
        """Whether another mechanism of indecision than people's coin was offered."""
        return False


@dataclass(frozen=True)
class Measure:
    """A quantity of a run.

    Attributes:
        id: Its name in logs, tables and options; ends in `*` for one measure per attribute.
        label: Its name in words.
        group: The part of a table that it belongs to, a key of `GROUPS`.
        says: What it measures, in a sentence or two.
        compute: Returns its `Quantity` for a run; of a family, for a run and an attribute's id.
        unit: What its value is counted in.
        level: Where it is seen.
        headline: Place in the viewer's header, from 1, by task.
        task: The task that it belongs to.
        needs: Traits that a run must have, keys of `TRAITS`.
        aim: What people's own answers would get: "people" for the quantity's own human value, a
            number, the name of a baseline, or "none".
        formula: In one line; empty where `says` is all there is.
        notes: What the symbols of the formula are, with its source.
        reading: How the value is to be read.
        gamed_by: Which respondent scores well without being like people.
        other_mechanism: What becomes of it where another mechanism than a coin was offered:
            "kept", "no people" (no human value) or "undefined".
        fits: Whether its estimator can fail; the flag `fit_failed` counts these.
        bounds: Returns its range had the unanswered samples gone one way or the other.
        change: Returns its paired difference between two runs on the same dilemmas.
        baselines: By name, what respondents with known answers score on the run's dilemmas.
        attribute: The attribute that a member of a family is of; empty for all others.
        source: The module that defines it.
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
        """Whether it applies to a run and has a meaning with the mechanism that was offered."""
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
"""Every measure by id, in the order of a table; families under their pattern."""

F = TypeVar("F", bound=Callable[..., Any])


def measure(id: str, **facts: Any) -> Callable[[F], F]:
    """Register the function that computes a measure.

    Args:
        id: See `Measure`.
        **facts: The other attributes of `Measure`; `says` is the function's docstring unless given.

    Raises:
        ValueError: The id is taken, or a group or a trait is not known.
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
    """A `measure` with some facts given."""

    def __call__(self, id: str, **facts: Any) -> Callable[[F], F]:
        """Register the function that computes a measure."""


def in_group(group: str, source: str, **shared: Any) -> Definer:
    """Return `measure` for the measures of one group, with what they share.

    Args:
        group: The group.
        source: The module that defines them, its `__name__`.
        **shared: Other attributes of `Measure` that they share.
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
        NaN with n = 0 where the measure does not apply or the answers do not determine it. An
        estimator's error is kept in `run.failures`, and the measure is then undefined.

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
    """Return a quantity without the human value where people have none."""
    # People were offered a coin and nothing else, so they have no rate for another mechanism.
    hides = run.borrows_coin and one.other_mechanism == "no people"
    return found._replace(human=float("nan")) if hides or not run.has_people else found


def change(before: AnyRun, after: AnyRun, id: str) -> PairedDifference:
    """Return how much a measure changed from one run of choices to another, over shared dilemmas.

    Args:
        before: One run.
        after: Another run in the same study and condition, by any respondent.
        id: A measure with a paired difference.

    Returns:
        Second less first, with its interval and the p-value of no change; NaN with n = 0 where
        the runs share nothing of what the measure needs.

    Raises:
        InputError: The measure has no paired difference or does not apply, or the runs are of other
            studies, conditions or human tables.
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
    """Return a measure's range had the unanswered samples gone one way or the other.

    Returns:
        Low and high are bounds, no interval; n counts the unanswered samples. None where the
        measure has no bounds or does not apply.
    """
    one = find(id)
    if one.bounds is None or not one.is_defined(run):
        return None
    return _without_people(run, one, one.bounds(run))


def baselines_of(run: AnyRun, id: str) -> dict[str, Quantity]:
    """Return what respondents with known answers score on a run's dilemmas, by name.

    Returns:
        Without those that have no value; empty for a measure without baselines.
    """
    one = find(id)
    if not one.is_defined(run):
        return {}
    found = {name: baseline(run) for name, baseline in one.baselines.items()}
    return {name: value for name, value in found.items() if value.defined}


def aim_of(run: AnyRun, id: str) -> float:
    """Return what people's own answers would get on a measure; NaN where there is no such value."""
    aim = find(id).aim
    if aim == "none":
        return float("nan")
    if aim == "people":
        return compute(run, id).human
    if isinstance(aim, str):
        found = baselines_of(run, id).get(aim)
        return float("nan") if found is None else found.value
    return float(aim)
