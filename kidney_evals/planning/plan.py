"""The plan of a run: samples, calls, tokens, price and precision, counted on the actual tasks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kidney_evals.elicitation.wording import Explain
from kidney_evals.errors import UserError, unknown
from kidney_evals.planning.precision import Design, Expectation, expectations, expected_end
from kidney_evals.planning.prices import Price
from kidney_evals.planning.tokens import Estimate, measure
from kidney_evals.studies.model import CONTROL_KINDS, Condition
from kidney_evals.tasks.stopping import RATES, looks

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

PREFIX = "kidney_evals/"

MOST_QUESTIONS = 2
"""Maximum number of questions per sample: an unreadable answer is asked for once more."""


@dataclass(frozen=True)
class Ending:
    """Numbers of dilemmas after which a run with `-T precision` ends.

    Attributes:
        precision: The target half width.
        row: The measure whose interval must reach the target.
        fewest: Dilemmas at the first look, the earliest end.
        expected: Dilemmas at the end if the model answers as people do.
        most: All dilemmas.
    """

    precision: float
    row: str
    fewest: int
    expected: int
    most: int


@dataclass(frozen=True)
class TaskPlan:
    """Samples, calls, tokens and precision of one task.

    Attributes:
        task: The task's registered name.
        design: Study, condition and repetitions.
        controls: Samples of the control block, before epochs.
        samples: Samples before epochs, controls included; the maximum if the run may end early.
        calls: Fewest and most model calls over all epochs: without any repeat question, and with
            one for every sample. If the run may end early, the first number is for an end at the
            first look.
        input_tokens: Estimate over all calls (see `kidney_evals.planning.tokens`).
        output_tokens: Estimate over all calls, without reasoning tokens.
        rows: Expected precision of the headline measures if all dilemmas are asked.
        ending: When the run may end early; None if it asks all dilemmas.
    """

    task: str
    design: Design
    controls: int
    samples: int
    calls: tuple[int, int]
    input_tokens: Estimate
    output_tokens: Estimate
    rows: tuple[Expectation, ...]
    ending: Ending | None = None


@dataclass(frozen=True)
class Plan:
    """The plan of a task or a suite.

    Attributes:
        target: Name of the task or suite.
        tasks: One entry per task.
        costs: USD over all tasks by model, None if its price is unknown. `high` includes repeat
            questions and long answers; reasoning tokens are never included.
    """

    target: str
    tasks: tuple[TaskPlan, ...]
    costs: Mapping[str, Estimate | None]

    @property
    def samples(self) -> int:
        """Samples of all tasks, before epochs."""
        return sum(task.samples for task in self.tasks)

    @property
    def calls(self) -> tuple[int, int]:
        """Fewest and most calls of all tasks."""
        fewest, most = zip(*(task.calls for task in self.tasks), strict=True)
        return sum(fewest), sum(most)

    @property
    def input_tokens(self) -> Estimate:
        """Input tokens of all tasks."""
        return Estimate.total(task.input_tokens for task in self.tasks)

    @property
    def output_tokens(self) -> Estimate:
        """Output tokens of all tasks."""
        return Estimate.total(task.output_tokens for task in self.tasks)


def make_plan(
    target: str,
    models: Sequence[str] = (),
    *,
    arguments: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    limit: int | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Plan:
    """Plan a run without calling or constructing a model.

    Args:
        target: A task or a suite, with or without `kidney_evals/`.
        models: Model names as in `--model`.
        arguments: Task arguments (`-T`).
        epochs: Number of epochs; None for each task's default.
        limit: Number of samples of each task, as in Inspect's `--limit`; None for all.
        prices: Prices by model.

    Raises:
        UserError: A task, suite or parameter is unknown, or a task rejects a value.
    """
    for name, number in (("epochs", epochs), ("limit", limit)):
        if number is not None and number < 1:
            raise UserError(f"{name} must be at least 1, not {number}")
    given = arguments or {}
    # The tasks check it before it is used here; the suites do not set it.
    explain: Explain = given.get("explain", "none")
    wording: str | list[str] = given.get("wording", "default")
    precision: float | None = given.get("precision")
    tasks = tuple(
        _plan_task(name, task, epochs, limit, explain, wording, precision)
        for name, task in build_tasks(target, given)
    )
    plan = Plan(target, tasks, {})
    return Plan(target, tasks, {model: _cost(plan, (prices or {}).get(model)) for model in models})


def build_tasks(target: str, arguments: Mapping[str, Any]) -> list[tuple[str, Task]]:
    """Return the tasks that a run of `target` builds, each with its name.

    Raises:
        UserError: As in `make_plan`.
    """
    from kidney_evals import tasks

    name = target.removeprefix(PREFIX)
    known = [entry for entry in tasks.__all__ if entry != "SUITES"]
    if name in tasks.SUITES:
        if arguments:
            raise UserError(f"suite {name!r} takes no -T parameters: its design is its point")
        return [(entry, getattr(tasks, entry)()) for entry in tasks.SUITES[name]]
    if name not in known:
        raise unknown("task or suite", target, (*tasks.SUITES, *known))
    function = getattr(tasks, name)
    parameters = inspect.signature(function).parameters.values()
    if arguments and not any(one.kind is one.VAR_KEYWORD for one in parameters):
        named = [one.name for one in parameters]
        for argument in arguments:
            if not named:
                raise UserError(f"task {name!r} takes no -T parameters, not even {argument!r}")
            if argument not in named:
                raise unknown("parameter", argument, named)
    return [(name, function(**arguments))]


def _plan_task(
    name: str,
    task: Task,
    epochs: int | None,
    limit: int | None,
    explain: Explain,
    wording: str | list[str],
    precision: float | None,
) -> TaskPlan:
    samples = list(task.dataset)[:limit]
    repeats = epochs or task.epochs or 1
    asked = task.metadata or {}
    if "asks" in asked:
        raise UserError(
            f"plan knows the cost and precision of choices between patients only; {name} makes "
            f"{len(samples) * repeats} calls, and one more for each answer that cannot be read"
        )
    read_out = asked.get("readout") == "logprobs"
    main = [sample for sample in samples if _facts(sample)["kind"] not in CONTROL_KINDS]
    design = _design(main, repeats)
    ending = None if precision is None else _ending(design, precision)
    parts = (
        [samples]
        if ending is None
        else [
            _first(samples, dilemmas) for dilemmas in (ending.fewest, ending.expected, ending.most)
        ]
    )
    tokens = [measure(part, repeats, explain, wording) for part in parts]
    fewest, most = (len(part) * repeats for part in (parts[0], parts[-1]))
    return TaskPlan(
        task=name,
        design=design,
        controls=len(samples) - len(main),
        samples=len(samples),
        calls=(fewest, most if read_out else most * MOST_QUESTIONS),
        input_tokens=_between([one.input for one in tokens]),
        output_tokens=_between([one.output for one in tokens]),
        # The expected precision was simulated for sampled answers only.
        rows=() if read_out else expectations(design),
        ending=ending,
    )


def _ending(design: Design, precision: float) -> Ending | None:
    row, ends = RATES[design.condition], looks(design.dilemmas)
    if len(ends) == 1:
        return None  # a --limit leaves too few dilemmas to end early
    expected = expected_end(design, row, precision, ends)
    return Ending(precision, row, ends[0], expected, ends[-1])


def _first(samples: Sequence[Sample], dilemmas: int) -> list[Sample]:
    """Return the samples of the first dilemmas, and the controls, which are always run."""
    asked = dict.fromkeys(
        facts["dilemma"] for facts in map(_facts, samples) if facts["kind"] not in CONTROL_KINDS
    )
    kept = set(list(asked)[:dilemmas])
    return [
        one
        for one in samples
        if _facts(one)["kind"] in CONTROL_KINDS or _facts(one)["dilemma"] in kept
    ]


def _between(estimates: Sequence[Estimate]) -> Estimate:
    """Return the first estimate's `low`, the middle one's `expected` and the last one's `high`."""
    return Estimate(estimates[0].low, estimates[len(estimates) // 2].expected, estimates[-1].high)


def _design(main: Sequence[Sample], repeats: int) -> Design:
    orders: dict[str, set[str]] = {}
    wordings: dict[str, set[str]] = {}
    for sample in main:
        facts = _facts(sample)
        orders.setdefault(facts["dilemma"], set()).add(facts["order"])
        wordings.setdefault(facts["dilemma"], set()).add(facts["wording"])
    first = _facts(main[0])
    condition: Condition = first["condition"]
    return Design(
        # A folder outside the package may have the id of a shipped study but different content.
        study=first["study_source"],
        condition=condition,
        dilemmas=len(orders),
        both_orders=sum(len(shown) == 2 for shown in orders.values()),
        # A dilemma in n wordings counts as n epochs.
        epochs=repeats * max(map(len, wordings.values())),
        drawn=first["kind"] == "drawn",
    )


def _facts(sample: Sample) -> dict[str, Any]:
    if sample.metadata is None:  # pragma: no cover - the tasks always fill it
        raise RuntimeError("a sample without metadata")
    return sample.metadata


def _cost(plan: Plan, price: Price | None) -> Estimate | None:
    if price is None:
        return None
    pairs = zip(plan.input_tokens, plan.output_tokens, strict=True)
    return Estimate(*(price.cost(used, made) for used, made in pairs))
