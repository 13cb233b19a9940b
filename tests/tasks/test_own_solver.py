"""A task runs with its own solver only: another one ends the run before the first model call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, eval_retry, task_with
from inspect_ai.agent import Agent, AgentState, agent
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.solver import Solver, chain_of_thought, generate, system_message

from answering import saying
from kidney_evals import tasks
from kidney_evals.elicitation.solvers import coin_flip as coin_solver
from kidney_evals.elicitation.solvers import forced_choice as choice_solver
from kidney_evals.elicitation.solvers import predict_people as predict_solver
from kidney_evals.scorers import scorers_for


@agent
def an_agent() -> Agent:
    async def execute(state: AgentState) -> AgentState:
        state.output = await get_model().generate(state.messages)
        return state

    return execute


MODEL = saying("COIN")


def never(*_: Any) -> ModelOutput:
    raise AssertionError("the model was called")


def run(task: Task, folder: Path, **options: Any) -> EvalLog:
    (log,) = eval(task, log_dir=str(folder), limit=2, **options)
    return log


def refused(log: EvalLog) -> str:
    """The one line that a run without a single call ended with."""
    assert log.status == "error" and not log.samples and log.error is not None
    assert log.stats.model_usage == {}
    assert "\n" not in log.error.message
    return log.error.message


def silent() -> Any:
    return get_model("mockllm/model", custom_outputs=never, memoize=False)


def coin(**arguments: Any) -> Task:
    return tasks.coin_flip(dilemmas=2, controls=False, **arguments)


OTHERS: list[tuple[Callable[[], Task], Callable[[], Any], str]] = [
    (coin, choice_solver, "kidney_evals/coin_flip only, not with kidney_evals/forced_choice"),
    (tasks.forced_choice, coin_solver, "kidney_evals/forced_choice only, not with"),
    (tasks.predict_people, choice_solver, "kidney_evals/predict_people only, not with"),
    (tasks.stated_values, predict_solver, "kidney_evals/stated_values only, not with"),
    (coin, generate, "generate: leave the solver out"),
    (coin, chain_of_thought, "chain_of_thought: leave the solver out"),
    (coin, an_agent, "an_agent: leave the solver out"),
    (coin, lambda: [system_message("Be fair."), coin_solver()], "chain: leave the solver out"),
]


@pytest.mark.parametrize(("task", "solver", "says"), OTHERS)
def test_another_solver_is_refused(
    task: Callable[[], Task], solver: Callable[[], Any], says: str, tmp_path: Path
) -> None:
    assert says in refused(run(task(), tmp_path, model=silent(), solver=solver()))


def test_another_solver_put_into_the_task_is_refused(tmp_path: Path) -> None:
    task = task_with(coin(), solver=choice_solver())
    assert "not with kidney_evals/forced_choice" in refused(run(task, tmp_path, model=silent()))


ARGUMENTS: list[tuple[dict[str, Any], dict[str, Any], str]] = [
    ({}, {"explain": "before"}, "the solver has explain=before, the task has explain=none"),
    ({"explain": "after"}, {}, "the solver has explain=none, the task has explain=after"),
    ({}, {"channel": "json"}, "the solver has channel=json, the task has channel=text"),
    ({}, {"wording": "survey_text"}, "has wording=survey_text, the task has wording=default"),
    ({"wording": ["default", "survey_text"]}, {"wording": "default"}, "the solver has wording="),
    ({}, {"readout": "logprobs"}, "the solver has readout=logprobs, the task has readout=sample"),
]


@pytest.mark.parametrize(("of_task", "of_solver", "says"), ARGUMENTS)
def test_other_arguments_are_refused(
    of_task: dict[str, Any], of_solver: dict[str, Any], says: str, tmp_path: Path
) -> None:
    log = run(coin(**of_task), tmp_path, model=silent(), solver=coin_solver(**of_solver))
    assert says in refused(log)


@pytest.mark.parametrize(
    ("arguments", "solver"),
    [
        ({}, None),
        ({}, coin_solver()),
        ({"explain": "before"}, coin_solver(explain="before")),
        ({"wording": "all"}, coin_solver(wording="all")),
    ],
)
def test_the_own_solver_runs(
    arguments: dict[str, Any], solver: Solver | None, tmp_path: Path
) -> None:
    log = run(coin(**arguments), tmp_path, model=MODEL, solver=solver)
    assert (log.status, len(log.samples or [])) == ("success", 2)


def test_a_run_with_the_own_solver_can_be_retried(tmp_path: Path) -> None:
    (log,) = eval(
        "kidney_evals/coin_flip",
        task_args={"dilemmas": 2, "controls": False},
        solver=coin_solver(),
        model="kidney/human",
        log_dir=str(tmp_path),
    )
    unfinished = read_eval_log(log.location)
    unfinished.status, unfinished.samples = "cancelled", (unfinished.samples or [])[:1]
    write_eval_log(unfinished, log.location)
    (again,) = eval_retry(log.location, log_dir=str(tmp_path))
    assert (again.status, len(again.samples or [])) == ("success", 4)


def test_a_task_of_ones_own_with_the_other_condition_makes_no_call(tmp_path: Path) -> None:
    made = Task(
        dataset=coin().dataset, solver=choice_solver(), scorer=scorers_for("coin_flip"),
        fail_on_error=True,
    )  # fmt: skip
    log = run(made, tmp_path, model=silent())
    assert log.status == "error" and log.error is not None
    assert "is of coin_flip, the solver of forced_choice" in log.error.message
