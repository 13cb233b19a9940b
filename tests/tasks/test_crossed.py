"""Crossed runs: what belongs to dilemma, wording, order and repetition."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

import pytest
from inspect_ai import eval
from inspect_ai.model import Model, get_model

from kidney_evals.errors import UserError
from kidney_evals.reporting import rows_of
from kidney_evals.reporting.rows import Rows
from kidney_evals.tasks import coin_flip, forced_choice

PARTS = ("var_dilemma", "var_wording", "var_order", "var_joint", "var_repeat")
WORDINGS = ["default", "survey_text"]


def run(model: str | Model, folder: Path, wording: list[str], dilemmas: int) -> Rows:
    task = coin_flip(crossed=True, wording=wording, dilemmas=dilemmas, controls=False)
    options: dict[str, Any] = {"display": "none", "score_display": False}
    return rows_of(eval(task, model=model, log_dir=str(folder), **options)[0])


def respondent(name: str, **traits: Any) -> Model:
    return get_model(f"kidney/{name}", memoize=False, **traits)


@cache
def samples_of_design() -> tuple[tuple[str, str, str], ...]:
    task = coin_flip(crossed=True, wording=WORDINGS, dilemmas=3, controls=True)
    assert task.epochs == 2
    return tuple(
        (one.metadata["dilemma"], one.metadata["wording"], one.metadata["order"])
        for one in task.dataset
        if one.metadata
    )


def test_every_dilemma_meets_every_wording_and_order() -> None:
    crossed = [one for one in samples_of_design() if one[0].startswith("d")]
    assert len(crossed) == len(set(crossed)) == 3 * 2 * 2
    controls = [one for one in samples_of_design() if not one[0].startswith("d")]
    # Controls are asked once, in the first wording.
    assert len(controls) == 10
    assert {words for _, words, _ in controls} == {"default"}


@pytest.mark.slow
def test_somebody_who_answers_by_place_is_all_order(tmp_path: Path) -> None:
    rows = run("kidney/first", tmp_path, WORDINGS, 12)
    assert {part: rows[part].value for part in PARTS} == pytest.approx(
        {"var_dilemma": 0, "var_wording": 0, "var_order": 1, "var_joint": 0, "var_repeat": 0}
    )
    assert "crossed" in rows.flags


def test_a_rule_is_all_dilemma(tmp_path: Path) -> None:
    rows = run("kidney/lexicographic", tmp_path, WORDINGS, 5)
    assert rows["var_dilemma"].value == pytest.approx(1)
    assert sum(rows[part].value for part in PARTS) == pytest.approx(1)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("traits", "wording", "moved"),
    [
        ({}, WORDINGS, None),
        ({"swayed_by": "wording:survey_text", "sway": 0.9}, WORDINGS, "var_wording"),
        ({"swayed_by": "role", "sway": 0.9}, ["default", "role_member"], "var_wording"),
        ({"swayed_by": "order", "sway": 0.9}, WORDINGS, "var_order"),
        # What is not asked moves nothing.
        ({"swayed_by": "role", "sway": 0.9}, WORDINGS, None),
        ({"swayed_by": "mechanism", "sway": 0.9}, WORDINGS, None),
    ],
)
def test_the_part_that_sways_a_respondent_moves_and_no_other(
    traits: dict[str, Any], wording: list[str], moved: str | None, tmp_path: Path
) -> None:
    rows = run(respondent("human", **traits), tmp_path, wording, 50)
    for part in ("var_wording", "var_order", "var_joint"):
        low, high = rows[part].low, rows[part].high
        if part == moved:
            assert low > 0.1, (part, rows[part])
        else:
            assert low <= 0 <= high, (part, rows[part])
    # What sways answers takes from the dilemma's share.
    assert moved or rows["var_dilemma"].low > 0
    assert rows["var_repeat"].low > 0


def test_another_run_does_not_identify_the_parts(tmp_path: Path) -> None:
    task = forced_choice(dilemmas=4, controls=False)
    rows = rows_of(eval(task, model="kidney/human", log_dir=str(tmp_path), display="none")[0])
    assert "crossed" not in rows.flags
    assert not set(PARTS) & set(rows)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({}, "crossed=true needs two wordings or more, not default alone"),
        ({"wording": "german,french"}, "more than one language"),
        ({"wording": "default,default"}, "'default' is asked for twice"),
        ({"wording": "default,undecided"}, "more than one mechanism"),
        ({"wording": WORDINGS, "orders": "random"}, "needs orders=both, not random"),
        ({"wording": WORDINGS, "readout": "logprobs"}, "needs readout=sample, not logprobs"),
        ({"wording": WORDINGS, "precision": 0.05}, "cannot end with precision"),
        ({"crossed": "yes"}, "crossed must be true or false, not 'yes'"),
        ({"wording": []}, "wording must be a name or a path, not ''"),
    ],
)
def test_what_could_not_be_told_apart_is_refused(given: dict[str, Any], said: str) -> None:
    with pytest.raises(UserError, match=said):
        coin_flip(**({"crossed": True} | given))
