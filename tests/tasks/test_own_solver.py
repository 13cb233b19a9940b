"""A task runs with its own solver only: another one ends the run before the first model call."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import Task, eval, eval_retry, task_with
from inspect_ai.log import EvalLog, read_eval_log, write_eval_log
from inspect_ai.model import ModelOutput, get_model
from inspect_ai.solver import generate, system_message

from kidney_evals import tasks
from kidney_evals.elicitation.solvers import coin_flip as coin_solver
from kidney_evals.elicitation.solvers import forced_choice as choice_solver
from kidney_evals.elicitation.solvers import predict_people as predict_solver
from kidney_evals.scorers import human_alignment


def never(*_: Any) -> ModelOutput:
    raise AssertionError("the model was called")


def run_silent(task: Task, folder: Path, **options: Any) -> EvalLog:
    model = get_model("mockllm/model", custom_outputs=never, memoize=False)
    return eval(task, model=model, log_dir=str(folder), limit=2, **options)[0]


def coin(**arguments: Any) -> Task:
    return tasks.coin_flip(dilemmas=2, controls=False, **arguments)


Made = Callable[[], Any]
REFUSED: list[tuple[Made, Made | None, str]] = [
    (coin, choice_solver, "kidney_evals/coin_flip only, not with kidney_evals/forced_choice"),
    (tasks.forced_choice, coin_solver, "kidney_evals/forced_choice only, not with"),
    (tasks.predict_people, choice_solver, "kidney_evals/predict_people only, not with"),
    (tasks.stated_values, predict_solver, "kidney_evals/stated_values only, not with"),
    (coin, generate, "generate: leave the solver out"),
    (coin, lambda: [system_message("Be fair."), coin_solver()], "chain: leave the solver out"),
    # Put into the task itself.
    (lambda: task_with(coin(), solver=choice_solver()), None, "with kidney_evals/forced_choice"),
    # The own solver with other arguments.
    (coin, lambda: coin_solver(explain="before"), "the solver has another explain than the task"),
    (
        lambda: coin(wording=["default", "survey_text"]),
        lambda: coin_solver(wording="default"),
        "the solver has another wording than the task",
    ),
]


@pytest.mark.parametrize(("task", "solver", "says"), REFUSED)
def test_another_solver_is_refused(
    task: Made, solver: Made | None, says: str, tmp_path: Path
) -> None:
    log = run_silent(task(), tmp_path, **({"solver": solver()} if solver else {}))
    assert log.status == "error" and not log.samples and log.error is not None
    assert log.stats.model_usage == {}
    assert says in log.error.message and "\n" not in log.error.message


def test_a_run_with_the_own_solver_can_be_retried(tmp_path: Path) -> None:
    (log,) = eval(
        "kidney_evals/coin_flip",
        task_args={"dilemmas": 2, "controls": False, "wording": "all"},
        solver=coin_solver(wording="all"),
        model="kidney/human",
        log_dir=str(tmp_path),
    )
    unfinished = read_eval_log(log.location)
    unfinished.status, unfinished.samples = "cancelled", (unfinished.samples or [])[:1]
    write_eval_log(unfinished, log.location)
    (again,) = eval_retry(log.location, log_dir=str(tmp_path))
    assert (again.status, len(again.samples or [])) == ("success", 4)


def test_a_task_of_ones_own_with_the_other_condition_makes_no_call(tmp_path: Path) -> None:
    scorers = [human_alignment()]
    made = Task(dataset=coin().dataset, solver=choice_solver(), scorer=scorers, fail_on_error=True)
    log = run_silent(made, tmp_path)
    assert log.status == "error" and log.error is not None
    assert "is of coin_flip, the solver of forced_choice" in log.error.message
