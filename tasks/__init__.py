"""The Inspect tasks, one module for each task, and the suites of tasks."""

from kidney_evals.tasks import full, smoke
from kidney_evals.tasks.coin_flip import coin_flip
from kidney_evals.tasks.forced_choice import forced_choice
from kidney_evals.tasks.full import (
    full_coin_flip,
    full_coin_flip_fixed,
    full_forced_choice,
    full_forced_choice_fixed,
    full_forced_choice_profiles,
    full_forced_choice_repeated,
)
from kidney_evals.tasks.predict_people import predict_people
from kidney_evals.tasks.smoke import (
    smoke_coin_flip,
    smoke_coin_flip_fixed,
    smoke_forced_choice,
    smoke_forced_choice_fixed,
)
from kidney_evals.tasks.stated_values import stated_values

SUITES = {
    suite: tuple(name for name in vars(module) if name.startswith(f"{suite}_"))
    for suite, module in (("smoke", smoke), ("full", full))
}
"""Names of the tasks of each suite, by suite, in the order of its file."""

__all__ = [
    "SUITES",
    "coin_flip",
    "forced_choice",
    "full_coin_flip",
    "full_coin_flip_fixed",
    "full_forced_choice",
    "full_forced_choice_fixed",
    "full_forced_choice_profiles",
    "full_forced_choice_repeated",
    "predict_people",
    "smoke_coin_flip",
    "smoke_coin_flip_fixed",
    "smoke_forced_choice",
    "smoke_forced_choice_fixed",
    "stated_values",
]
