"""The plan of a run: samples, calls, tokens, price and precision, counted on the actual tasks."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import Field, RootModel

from kidney_evals.errors import UserError, check_known, unknown
from kidney_evals.input_files import FileModel, JsonFile, Line, Number, YamlFile, read_bytes
from kidney_evals.planning.precision import Design, Expectation, expectations, expected_end
from kidney_evals.planning.tokens import Estimate, measure
from kidney_evals.studies.model import CONTROL_KINDS
from kidney_evals.tasks.stopping import RATES, looks

if TYPE_CHECKING:
    from inspect_ai import Task
    from inspect_ai.dataset import Sample

_MOST_QUESTIONS = 2  # per sample: an unreadable answer is asked for once more
_MOST_EPOCHS = 1000  # far above any real run; memory grows with them

_Dollars = Annotated[Number, Field(ge=0, le=1e6)]


class Price(FileModel):
    """Price of one model in USD per million tokens."""

    input: _Dollars
    output: _Dollars

    def cost(self, input_tokens: float, output_tokens: float) -> float:
        """Return the cost in USD of `input_tokens` and `output_tokens`."""
        return (input_tokens * self.input + output_tokens * self.output) / 1e6


class _PriceFile(RootModel[Annotated[dict[Line, Price], Field(min_length=1)]]):
    """A price file: entries by model name."""


def read_prices(path: Path | None) -> dict[str, Price]:
    """Return the prices in a YAML or JSON file, by model name as in `--model`; empty for None.

    Raises:
        UserError: The file cannot be read, or is no file of prices.
    """
    if path is None:
        return {}
    file = JsonFile if path.suffix.lower() == ".json" else YamlFile
    return dict(file(f"price file {path}", read_bytes(path)).result(_PriceFile).root)


class Ending(NamedTuple):
    """When a run with `-T precision` ends."""

    precision: float  # the target half width
    row: str  # the measure whose interval must reach the target
    dilemmas: tuple[int, int, int]  # at the first look, at the end for human answers, and in all


class Amounts(NamedTuple):
    """The samples, calls and tokens of a task or of a whole plan."""

    samples: int  # before epochs, controls included; the maximum if the run may end early
    calls: tuple[int, int]  # fewest (no repeat question, the earliest end) and most, all epochs
    input_tokens: Estimate
    output_tokens: Estimate  # without reasoning tokens


class TaskPlan(NamedTuple):
    """The plan of one task."""

    task: str  # registered name
    design: Design
    amounts: Amounts
    rows: tuple[Expectation, ...]  # of the headline measures if all dilemmas are asked
    ending: Ending | None  # None if the run asks all dilemmas
    people: bool  # whether people were asked in this condition
    probe: str = ""  # id of the probe
    levels: int = 0  # number of its levels


@dataclass(frozen=True)
class Plan:
    """The plan of a task or a suite, with prices by model, None if unknown."""

    tasks: tuple[TaskPlan, ...]
    prices: Mapping[str, Price | None]

    @property
    def total(self) -> Amounts:
        """Amounts of all tasks."""
        samples, calls, used, made = zip(*(task.amounts for task in self.tasks), strict=True)
        fewest, most = map(sum, zip(*calls, strict=True))
        return Amounts(sum(samples), (fewest, most), Estimate.total(used), Estimate.total(made))

    @property
    def costs(self) -> dict[str, Estimate | None]:
        """USD by model, without reasoning tokens; None if its price is unknown."""
        pairs = list(zip(self.total.input_tokens, self.total.output_tokens, strict=True))
        return {
            model: None if price is None else Estimate(*(price.cost(*pair) for pair in pairs))
            for model, price in self.prices.items()
        }


def make_plan(
    target: str,
    models: Sequence[str] = (),
    *,
    arguments: Mapping[str, Any] | None = None,
    epochs: int | None = None,
    limit: int | None = None,
    prices: Mapping[str, Price] | None = None,
) -> Plan:
    """Plan a run of a task or suite without calling a model.

    Args:
        target: Name of the task or suite, with or without `kidney_evals/`.
        models: Names of the models whose price the plan has.
        arguments: The task's arguments (`-T`).
        epochs: Epochs of each task; by default the task's own number.
        limit: Number of samples of each task; by default all.
        prices: Prices by model name.

    Raises:
        UserError: A name is unknown, a number is too small or too large, a task rejects an
            argument, a suite gets arguments, or the task is `stated_values` or `predict_people`.
    """
    for name, number in (("epochs", epochs), ("limit", limit)):
        if number is not None and number < 1:
            raise UserError(f"{name} must be at least 1, not {number}")
    if epochs is not None and epochs > _MOST_EPOCHS:
        raise UserError(f"epochs must be at most {_MOST_EPOCHS}, not {epochs}")
    tasks = tuple(
        _plan_task(name, task, epochs, limit, arguments or {})
        for name, task in build_tasks(target, arguments or {})
    )
    return Plan(tasks, {model: (prices or {}).get(model) for model in models})


def build_tasks(target: str, arguments: Mapping[str, Any]) -> list[tuple[str, Task]]:
    """Return the tasks that a run of `target` builds, each after its name.

    Args:
        target: Name of a task or suite, with or without `kidney_evals/`.
        arguments: The task's arguments (`-T`).

    Raises:
        UserError: A name is unknown, a task rejects an argument, or a suite gets arguments.
    """
    from kidney_evals import tasks

    name = target.removeprefix("kidney_evals/")
    known = [entry for entry in tasks.__all__ if entry != "SUITES"]
    if name in tasks.SUITES:
        if arguments:
            raise UserError(
                f"suite {name!r} takes no -T parameters: its design is its point; plan its tasks "
                f"for another study one by one, for example {name}_coin_flip -T study=…"
            )
        return [(entry, getattr(tasks, entry)()) for entry in tasks.SUITES[name]]
    if name not in known:
        raise unknown("task or suite", target, (*tasks.SUITES, *known))
    function = getattr(tasks, name)
    parameters = inspect.signature(function).parameters
    if not any(each.kind is each.VAR_KEYWORD for each in parameters.values()):
        for argument in arguments:
            if not parameters:
                raise UserError(f"task {name!r} takes no -T parameters, not even {argument!r}")
            check_known("parameter", argument, parameters)
    return [(name, function(**arguments))]


def _plan_task(
    name: str, task: Task, epochs: int | None, limit: int | None, arguments: Mapping[str, Any]
) -> TaskPlan:
    samples = list(task.dataset)[:limit]
    repeats = epochs or task.epochs or 1
    metadata = task.metadata or {}
    if "asks" in metadata:
        raise UserError(
            f"plan knows the cost and precision of forced_choice and coin_flip only; {name} makes "
            f"{len(samples) * repeats} calls, and one more for each answer that cannot be read"
        )
    read_out = metadata.get("readout", "sample") != "sample"
    main = [_facts(sample) for sample in samples if not _is_control(sample)]
    design = _design(main, repeats)
    row, ends, ending = RATES[design.condition], looks(design.dilemmas), None
    # A --limit may leave too few dilemmas to end early.
    if (precision := arguments.get("precision")) is not None and len(ends) > 1:
        expected = expected_end(design, row, precision, ends)
        ending = Ending(precision, row, (ends[0], expected, ends[-1]))
    # The fewest, the expected and the most samples; controls are always run.
    parts = [samples]
    if ending:
        ids = list(dict.fromkeys(facts["dilemma"] for facts in main))
        parts = [
            [one for one in samples if _is_control(one) or _facts(one)["dilemma"] in ids[:count]]
            for count in ending.dilemmas
        ]
    # The task has checked these arguments; the suites do not set them.
    asked = arguments.get("explain", "none"), arguments.get("wording", "default")
    found = [measure(part, repeats, *asked) for part in parts]
    ranges = zip(found[0], found[len(found) // 2], found[-1], strict=True)
    used, made = (Estimate(one.low, two.expected, three.high) for one, two, three in ranges)
    fewest, most = (len(part) * repeats for part in (parts[0], parts[-1]))
    calls = fewest, most if read_out else most * _MOST_QUESTIONS
    probe, levels = (str(main[0].get(key, "")) for key in ("probe", "probe_levels"))
    # The expected precision was simulated for sampled answers without a probe only.
    rows = () if read_out or probe else expectations(design)
    people = any("human_a" in facts for facts in main)
    count = len(levels.split(",")) if probe else 0
    amounts = Amounts(len(samples), calls, used, made)
    return TaskPlan(name, design, amounts, rows, ending, people, probe, count)


def _design(main: Sequence[Mapping[str, Any]], repeats: int) -> Design:
    """Return the design of a run from the metadata of its samples without controls."""
    shown: dict[str, tuple[set[str], set[str]]] = {}
    for facts in main:
        orders, wordings = shown.setdefault(facts["dilemma"], (set(), set()))
        orders.add(facts["order"])
        wordings.add(facts["wording"])
    return Design(
        # A folder outside the package may have the id of a shipped study but different content.
        study=main[0]["study_source"],
        condition=main[0]["condition"],
        dilemmas=len(shown),
        both_orders=sum(len(orders) == 2 for orders, _ in shown.values()),
        # A dilemma in n wordings counts as n epochs.
        epochs=repeats * max(len(wordings) for _, wordings in shown.values()),
        drawn=main[0]["kind"] == "drawn",
    )


def _is_control(sample: Sample) -> bool:
    return _facts(sample)["kind"] in CONTROL_KINDS


def _facts(sample: Sample) -> dict[str, Any]:
    return sample.metadata or {}
