"""Attributes that the answered dilemmas do not tell apart have no importance, and are named."""

from __future__ import annotations

import csv
import math
from pathlib import Path

import numpy as np
import pytest
from inspect_ai import eval
from numpy.typing import NDArray

from kidney_evals.cli.main import main
from kidney_evals.estimation.centrality import centrality
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.importance import estimate_importance
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.paired_importance import (
    importance_changes,
    importance_distance_change,
)
from kidney_evals.reporting import rows_of
from kidney_evals.tasks import coin_flip, forced_choice

RNG = np.random.default_rng(0)
ONE, TWO, THREE = RNG.normal(size=(3, 80))


def differences(case: str) -> NDArray[np.float64]:
    columns = {
        "all": [ONE, TWO, THREE],
        "one never differs": [ONE, 0 * TWO, THREE],
        "one always differs by 3": [ONE, 0 * TWO + 3, THREE],
        "two go together": [ONE, ONE / 10, THREE],
        "two go against each other": [ONE, -4 * ONE, THREE],
        "a sum of two": [ONE, TWO, ONE + 2 * TWO],
        # The second is the first with an error of a ten-thousandth of its spread.
        "two go together nearly": [ONE, ONE + 1e-4 * TWO, THREE],
        # With an error of a twentieth: the answers tell them apart, though badly.
        "two that are much alike": [ONE, ONE + 0.05 * TWO, THREE],
    }
    return np.column_stack(columns[case])


CASES = [
    ("all", [True, True, True]),
    ("one never differs", [True, False, True]),
    ("one always differs by 3", [True, False, True]),
    ("two go together", [False, False, True]),
    ("two go against each other", [False, False, True]),
    ("a sum of two", [False, False, False]),
    ("two go together nearly", [False, False, True]),
    ("two that are much alike", [True, True, True]),
]


def choices(x: NDArray[np.float64], seed: int = 1) -> NDArray[np.float64]:
    chance = 1 / (1 + np.exp(-2 * (x - x.mean(axis=0)) @ np.ones(3)))
    chosen: NDArray[np.bool_] = np.random.default_rng(seed).random(len(x)) < chance
    return chosen.astype(np.float64)


@pytest.mark.parametrize(("case", "determined"), CASES)
def test_one_weight_that_is_not_determined_leaves_every_share_open(
    case: str, determined: list[bool]
) -> None:
    x = differences(case)
    fit = fit_logit(x, choices(x), clusters=np.arange(len(x)))
    found = estimate_importance(fit, np.ones(3))
    assert fit.determined.tolist() == found.determined.tolist() == determined
    assert found.signal
    assert found.defined == all(determined)
    for values in (found.shares, found.low, found.high):
        assert np.isnan(values).all() != all(determined)


def test_attributes_that_are_much_alike_have_wide_intervals() -> None:
    x = differences("two that are much alike")
    found = estimate_importance(fit_logit(x, choices(x), clusters=np.arange(80)), np.ones(3))
    assert (found.high - found.low)[:2].min() > 0.5


def decisions(x: NDArray[np.float64], seed: int) -> Decisions:
    count = len(x)
    return Decisions(
        dilemma=np.arange(count),
        order=np.zeros(count, dtype=np.int64),
        epoch=np.zeros(count, dtype=np.int64),
        choice=1 - choices(x, seed).astype(np.int64),
        differences=x,
        shares=np.full((count, 2), 0.5),
        share_draws=None,
        closeness=np.full(count, 1.0),
    )


@pytest.mark.parametrize(("case", "determined"), CASES[::2])
def test_what_is_computed_from_shares_is_open_too(case: str, determined: list[bool]) -> None:
    run, other = (decisions(differences(case), seed) for seed in (1, 2))
    people = np.full(3, 1 / 3)
    place = centrality(
        run.differences[run.dilemma],
        run.choice == 0,
        run.dilemma,
        group=people,
        ranges=np.ones(3),
        distances=[0.1, 0.2, 0.3],
        probabilities=[0.25, 0.5, 0.75],
        people=100,
        resamples=20,
    )
    # Centrality has no pull of the side, from which a constant difference could not be told.
    known = all(determined) or case == "one always differs by 3"
    assert math.isnan(place.value) != known
    for change in (
        *importance_changes(run, other, np.ones(3)),
        importance_distance_change(run, other, np.ones(3), people),
    ):
        assert (change.change.n > 0) == all(determined)
        assert math.isnan(change.change.value) != all(determined)


STUDY = """\
id: {id}
title: Pairs
version: "1"
kind: fixed
citation: none
canary: none
people: {{forced_choice: 0, coin_flip: 0}}
scenario: {{good: kidney, situation: Two patients are waiting. One kidney is there.}}
attributes:
  - id: age
    label: Age
    unit: years
    scale: 10
    range: [20, 80]
    favoured: low
    favoured_text: the younger patient
    phrases: {{one: "{{value}} year", other: "{{value}} years"}}
  - id: drinks
    label: Drinks
    unit: drinks
    range: [0, 6]
    favoured: low
    favoured_text: the patient who drank less
    phrases: {{zero: "{{value}} drinks", one: "{{value}} drink", other: "{{value}} drinks"}}
epochs: 1
"""


def study(folder: Path, name: str) -> str:
    place = folder / name
    place.mkdir()
    (place / "study.yaml").write_text(STUDY.format(id=name), encoding="utf-8")
    rng = np.random.default_rng(4)
    with (place / "dilemmas.csv").open("w", encoding="utf-8", newline="") as out:
        write = csv.writer(out)
        write.writerow(["id", "label", "first_age", "first_drinks", "second_age", "second_drinks"])
        for index in range(24):
            first, second = rng.choice(np.arange(20, 90, 10), 2, replace=False).tolist()
            drinks = rng.integers(0, 7)
            both = {
                "constant": (drinks, drinks),
                "collinear": (first // 10 - 2, second // 10 - 2),
            }[name]
            write.writerow([f"q{index:02}", f"{index}", first, both[0], second, both[1]])
    return str(place)


@pytest.mark.parametrize(
    ("task", "name", "told"),
    [
        (forced_choice, "constant", "Here: drinks."),
        (coin_flip, "collinear", "Here: age, drinks."),
    ],
)
def test_a_log_has_no_share_and_show_names_the_attributes(
    task: object, name: str, told: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = study(tmp_path, name)
    [log] = eval(
        task(study=folder),  # type: ignore[operator]
        model="kidney/lexicographic",
        log_dir=str(tmp_path / "logs"),
        display="none",
    )
    assert log.status == "success", log.error
    rows = rows_of(log)
    for row in ("imp_age", "imp_drinks", "share_dist"):
        assert math.isnan(rows[row].value) and rows[row].n == 0
    assert rows.flags["undetermined"] == told.removeprefix("Here: ").removesuffix(".")
    assert not {"no_signal", "fit_failed"} & set(rows.flags)
    capsys.readouterr()
    main(["show", log.location], standalone_mode=False)
    printed = " ".join(capsys.readouterr().out.split())
    assert "undetermined: the answered dilemmas cannot tell all attributes apart" in printed
    assert told in printed
