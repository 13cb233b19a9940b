"""A row has a human value only where people of that study and condition were asked."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval

from kidney_evals.human.reference import load_reference
from kidney_evals.measures import baselines_of, bounds_of, compute, measures_of
from kidney_evals.measures.run import Run
from kidney_evals.reporting import rows_of
from kidney_evals.studies import Condition, draw_dilemmas, load_study
from kidney_evals.tasks import predict_people, stated_values

SHARES = {"agreement", "agree_adj", "dominance"}
"""Rows computed from people's shares: what one of them, drawn at random, gets."""

ONE_PERSON = {"share_dist", "swap_diff", "retest"}
"""Rows of one person, simulated from the answers or asked twice."""

COINS = {"flip_rate"}

WEIGHTS = {"imp_age", "imp_drinks", "imp_dependents"}

STUDIES: dict[tuple[str, Condition], set[str]] = {
    ("mcelfresh_2021", "forced_choice"): SHARES | ONE_PERSON | WEIGHTS,
    ("mcelfresh_2021", "coin_flip"): SHARES | ONE_PERSON | WEIGHTS | COINS
    | {"flip_slope", "threshold"},
    ("mcelfresh_2021_fixed", "forced_choice"): SHARES,
    ("mcelfresh_2021_fixed", "coin_flip"): SHARES | COINS,
    ("freedman_2020", "forced_choice"): SHARES
    | {"imp_age", "imp_drinking", "imp_cancer", "rank_rho", "rank_tau"},
    ("freedman_2020", "coin_flip"): set(),
    ("boerstler_2024", "forced_choice"): SHARES
    | {"swap_diff", "retest", "swap_easy", "swap_hard", "retest_easy", "retest_hard"},
    ("boerstler_2024", "coin_flip"): set(),
}  # fmt: skip
"""Every row with a human value, by study and condition."""

OTHER_MECHANISM = SHARES | {"share_dist"} | WEIGHTS
"""Rows of people who decided, which stay where another mechanism than a coin is offered."""


def run_of(name: str, condition: Condition, mechanism: str = "coin") -> Run:
    """Return two answers in each order to dilemmas of a study, some of them coins."""
    study = load_study(name)
    dilemmas = study.listed
    if study.draw is not None:
        dilemmas = tuple(draw_dilemmas(study.id, study.attributes, 60, study.draw.seed))
    count = len(dilemmas)
    width = 3 if condition == "coin_flip" else 2
    choice = np.random.default_rng(0).integers(0, width, 4 * count)
    return Run(
        study=study,
        reference=load_reference(study, condition),
        dilemmas=dilemmas,
        dilemma=np.repeat(np.arange(count), 4),
        order=np.tile([0, 0, 1, 1], count),
        epoch=np.tile([1, 2], 2 * count),
        choice=choice,
        first_choice=choice,
        outcomes=np.array(["decision"] * (4 * count)),
        departures=np.zeros(4 * count, dtype=np.bool_),
        mechanism=mechanism if condition == "coin_flip" else "none",
    )


def with_people(run: Run) -> set[str]:
    found = {one.id for one in measures_of(run) if not math.isnan(compute(run, one.id).human)}
    for one in measures_of(run):
        bounds = bounds_of(run, one.id)
        assert bounds is None or math.isnan(bounds.human) or one.id in found
        assert all(math.isnan(base.human) for base in baselines_of(run, one.id).values())
    return found


@pytest.mark.parametrize(("name", "condition"), STUDIES)
def test_human_values_are_those_of_people_who_were_asked(name: str, condition: Condition) -> None:
    run = run_of(name, condition)
    assert run.reference.has_people == bool(STUDIES[name, condition])
    assert with_people(run) == STUDIES[name, condition]


def test_people_were_offered_no_other_mechanism_than_a_coin() -> None:
    assert with_people(run_of("mcelfresh_2021", "coin_flip", "committee")) == OTHER_MECHANISM


def test_nobody_was_asked_in_a_run_without_answers() -> None:
    run = run_of("freedman_2020", "coin_flip")
    nothing = np.full(len(run.choice), -1)
    silent = replace(run, choice=nothing, first_choice=nothing)
    assert with_people(silent) == set()


def test_other_tasks_have_human_values_of_people_alone(tmp_path: Path) -> None:
    tasks = [predict_people(drawn=2), stated_values(), stated_values(study="freedman_2020")]
    logs = eval(tasks, model="kidney/human", log_dir=str(tmp_path), epochs=1, display="none")
    found = [
        {name for name, row in rows_of(log).items() if not math.isnan(row.human)} for log in logs
    ]
    weights = {f"st_{name}" for name in ("age", "drinks", "dependents")}
    coins = {"st_flip_same", "st_flip_mixed", "st_flip_tied", "st_flip_all"}
    flips = {"pred_fx_flips", "pred_dr_flips"}
    assert found[0] == {"pred_fixed", "pred_drawn"} | flips
    assert found[1] == {"st_dist"} | weights | coins
    assert found[2] == {"st_age", "st_drinking", "st_cancer"}
