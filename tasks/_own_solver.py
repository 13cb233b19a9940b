"""Check that a run uses the task's own solver (no `--solver`, `eval(solver=…)`, `task_with`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from inspect_ai import Task
from inspect_ai.log import EvalSpec
from inspect_ai.solver import Solver
from inspect_ai.util import registry_create, registry_info

from kidney_evals.errors import UserError


def check_solver(spec: EvalSpec, task: Task, own: Solver) -> None:
    """Raise `UserError` unless a run's solver is the task's own, with the same arguments.

    Args:
        spec: The run; its solver, if any, replaces the task's.
        task: The task, whose solver `task_with` may have replaced.
        own: The solver that the task was built with.
    """
    name, solver = registry_info(own).name, task.solver
    given = spec.solver or registry_info(solver).name
    if given != name:
        raise UserError(
            f"{spec.task} runs with its own solver {name} only, not with {given}: leave the solver "
            "out, or run the task of that solver"
        )
    if spec.solver:
        solver = registry_create("solver", name, **(spec.solver_args or {}))
    # The solvers of this package store their arguments.
    got: Mapping[str, Any] = getattr(solver, "settings", {})
    for key, value in getattr(own, "settings", {}).items():
        if got.get(key) != value:
            raise UserError(
                f"{spec.task}: the solver has {key}={_shown(got.get(key))}, the task has "
                f"{key}={_shown(value)}: leave the solver out and set {key} for the task (-T)"
            )


def _shown(value: object) -> str:
    return ",".join(value) if isinstance(value, Mapping) else str(value)
