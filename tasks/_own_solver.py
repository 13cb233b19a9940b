"""Refuse a run whose solver is not the task's own (`--solver`, `eval(solver=…)`, `task_with`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai import Task
from inspect_ai.dataset import Sample
from inspect_ai.log import EvalSpec
from inspect_ai.scorer import SampleScore
from inspect_ai.solver import Solver
from inspect_ai.util import EarlyStop, EarlyStopping, registry_create, registry_info
from pydantic import JsonValue

from kidney_evals.errors import UserError


def only_own_solver(task: Task) -> Task:
    """Return the task with a check that no other solver runs.

    The check is part of the task's early-stopping manager. Inspect calls that manager before the
    first sample and passes the solver that replaces the task's.

    Args:
        task: A task with its solver and its manager.
    """
    assert task.early_stopping is not None  # every task of this package has a manager
    task.early_stopping = _OwnSolver(task, task.early_stopping)
    return task


class _OwnSolver:
    """An early-stopping manager that checks the solver and forwards calls to another manager."""

    def __init__(self, task: Task, manager: EarlyStopping) -> None:
        self._task = task
        self._solver = task.solver
        self._manager = manager

    async def start_task(self, task: EvalSpec, samples: list[Sample], epochs: int) -> str:
        """Check the solver; raise `UserError` for another solver or other arguments."""
        # `task_with` may have replaced the task's solver since it was built.
        _check(task, self._task.solver, self._solver)
        return await self._manager.start_task(task, samples, epochs)

    async def schedule_sample(self, id: str | int, epoch: int) -> EarlyStop | None:
        """Forward the call."""
        return await self._manager.schedule_sample(id, epoch)

    async def complete_sample(
        self, id: str | int, epoch: int, scores: dict[str, SampleScore]
    ) -> None:
        """Forward the call."""
        await self._manager.complete_sample(id, epoch, scores)

    async def complete_task(self) -> dict[str, JsonValue]:
        """Forward the call."""
        return await self._manager.complete_task()


def _check(spec: EvalSpec, solver: Solver, own: Solver) -> None:
    name = registry_info(own).name
    given = spec.solver or registry_info(solver).name
    if given != name:
        raise UserError(
            f"{spec.task} runs with its own solver {name} only, not with {given}: leave the solver "
            "out, or run the task of that solver"
        )
    if spec.solver:
        solver = registry_create("solver", name, **(spec.solver_args or {}))
    # The solvers of this package keep the arguments that they were made with.
    got: Mapping[str, Any] = getattr(solver, "settings", {})
    for key, value in getattr(own, "settings", {}).items():
        if got.get(key) != value:
            raise UserError(
                f"{spec.task}: the solver has {key}={_shown(got.get(key))}, the task has "
                f"{key}={_shown(value)}: leave the solver out and set {key} for the task (-T)"
            )


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, Mapping) else str(value)
