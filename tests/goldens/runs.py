"""The runs that the goldens are made of: simulated respondents with fixed seeds, offline."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

from inspect_ai import Task, eval
from inspect_ai.log import EvalLog
from inspect_ai.model import get_model

from kidney_evals.lab import known_table
from kidney_evals.studies import Condition
from kidney_evals.tasks import coin_flip, forced_choice, predict_people, stated_values

STUDIES = ("mcelfresh_2021", "mcelfresh_2021_fixed", "freedman_2020", "boerstler_2024")

CONDITIONS: Mapping[Condition, Callable[..., Task]] = {
    "forced_choice": forced_choice,
    "coin_flip": coin_flip,
}

RESPONDENTS = known_table.RESPONDENTS


class Case(NamedTuple):
    """A run of a task."""

    task: Callable[..., Task]  # builds the task
    respondent: str = "human"  # who answers, after `kidney/`
    traits: Mapping[str, Any] = MappingProxyType({})  # arguments of the respondent
    options: Mapping[str, Any] = MappingProxyType({})  # arguments of `eval`
    revealed: str = ""  # the run whose log is the task's argument `revealed`; empty for none


FAULTS: Mapping[str, Any] = {"refusing": 0.1, "unreadable": 0.3, "truncated": 0.1, "seed": 2}
"""Arguments of a respondent: some answers are lost, and unreadable replies are asked again."""

TWO_WORDINGS = "default,survey_text"

CASES: Mapping[str, Case] = {
    "coin": Case(partial(coin_flip, dilemmas=60)),
    "coin_faults": Case(partial(coin_flip, dilemmas=60), traits={**FAULTS, "position_bias": 0.2}),
    "forced": Case(partial(forced_choice, dilemmas=60), "lexicographic"),
    "fixed": Case(
        partial(forced_choice, study="mcelfresh_2021_fixed"),
        traits={"person": "one"},
        options={"epochs": 3},
    ),
    "fixed_sharp": Case(
        partial(forced_choice, study="mcelfresh_2021_fixed"),
        traits={"sharpness": 3.0, "refusing": 0.1, "seed": 4},
        options={"epochs": 3},
    ),
    "crossed": Case(
        partial(coin_flip, dilemmas=20, crossed=True, wording=TWO_WORDINGS),
        traits={"swayed_by": "wording:survey_text", "sway": 0.5},
    ),
    "readout": Case(partial(coin_flip, dilemmas=40, readout="logprobs")),
    "json": Case(partial(coin_flip, dilemmas=40, channel="json"), traits=FAULTS),
    "tool": Case(
        partial(forced_choice, dilemmas=40, channel="tool", explain="after"),
        traits={**FAULTS, "indecision": 0.3},
    ),
    "committee": Case(partial(coin_flip, dilemmas=30, wording="committee")),
    "german": Case(partial(forced_choice, dilemmas=30, wording="german", explain="before")),
    "precision": Case(partial(coin_flip, dilemmas=100, precision=0.1, controls=False)),
    "at_zero": Case(
        partial(forced_choice, study="boerstler_2024"), options={"temperature": 0.0, "epochs": 3}
    ),
    "stated": Case(stated_values, revealed="coin"),
    "stated_alone": Case(partial(stated_values, study="freedman_2020"), "lexicographic"),
    "predict": Case(predict_people, revealed="coin"),
    "predict_forced": Case(
        partial(predict_people, condition="forced_choice", drawn=20),
        "never_flips",
        revealed="fixed",
    ),
}
"""One run of each kind, by name."""

COMPARED = (("coin", "coin_faults"), ("fixed", "fixed_sharp"))
"""Pairs of runs that `compare` sets side by side."""

REPORTED = ("coin", "coin_faults", "forced", "fixed", "fixed_sharp", "stated", "predict")
"""Runs on the page of the report."""


def run(
    task: Task, respondent: str, folder: Path, traits: Mapping[str, Any], **options: Any
) -> EvalLog:
    """Run a task on a simulated respondent."""
    model = get_model(f"kidney/{respondent}", memoize=False, **traits)
    options = {"score_display": False, "log_realtime": False, **options}
    log: EvalLog = eval(task, model=model, log_dir=str(folder), **options)[0]
    return log


class Logs:
    """The logs of `CASES`, each made in a folder when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, EvalLog] = {}

    def __getitem__(self, name: str) -> EvalLog:
        """Return a log by the name of its case."""
        if name not in self._made:
            case = CASES[name]
            task = case.task(revealed=self.path(case.revealed)) if case.revealed else case.task()
            log = run(task, case.respondent, self._folder / name, case.traits, **case.options)
            if log.status != "success":
                raise RuntimeError(f"{name}: {log.error}")
            self._made[name] = log
        return self._made[name]

    def path(self, name: str) -> str:
        """Return the file of a log."""
        return str(self[name].location)
