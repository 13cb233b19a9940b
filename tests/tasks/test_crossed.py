"""Crossed runs: the variance of dilemma, wording, order and repetition."""

from pathlib import Path
from typing import Any

import pytest
from inspect_ai.model import Model, get_model

from kidney_evals.reporting import rows_of
from kidney_evals.reporting.rows import Rows
from kidney_evals.reporting.text import flags
from kidney_evals.tasks import coin_flip, forced_choice
from tasks.running import meta, run

PARTS = ("var_dilemma", "var_wording", "var_order", "var_repeat")
WORDINGS = ["default", "survey_text"]


def test_every_dilemma_meets_every_wording_and_order() -> None:
    task = coin_flip(crossed=True, wording=WORDINGS, dilemmas=3, controls=True)
    assert task.epochs == 2
    design = [
        (meta(one)["dilemma"], meta(one)["wording"], meta(one)["order"]) for one in task.dataset
    ]
    main = [one for one in design if one[0].startswith("d")]
    assert len(main) == len(set(main)) == 3 * 2 * 2
    # Controls are asked once, in the first wording.
    controls = [words for dilemma, words, _ in design if not dilemma.startswith("d")]
    assert controls == ["default"] * 10


def crossed(model: str | Model, folder: Path, wording: list[str], dilemmas: int) -> Rows:
    task = coin_flip(crossed=True, wording=wording, dilemmas=dilemmas, controls=False)
    return rows_of(run(task, folder, model))


@pytest.mark.parametrize(
    ("respondent", "parts"),
    [("lexicographic", [1, 0, 0, 0]), pytest.param("first", [0, 0, 1, 0], marks=pytest.mark.slow)],
)
def test_a_rule_is_all_dilemma_and_always_a_is_all_order(
    respondent: str, parts: list[float], tmp_path: Path
) -> None:
    rows = crossed(f"kidney/{respondent}", tmp_path, WORDINGS, 5)
    assert [rows[part].value for part in PARTS] == pytest.approx(parts, abs=1e-9)
    assert "crossed" in rows.flags


def test_a_run_of_one_epoch_is_not_said_to_repeat(tmp_path: Path) -> None:
    task = coin_flip(crossed=True, wording=WORDINGS, dilemmas=2, controls=False)
    (line,) = (
        one for one in flags(rows_of(run(task, tmp_path, epochs=1))) if one.startswith("crossed: ")
    )
    assert "repetition" not in line and "in every wording, order and epoch" in line


@pytest.mark.slow
@pytest.mark.parametrize(
    ("traits", "wording", "moved"),
    [
        ({}, WORDINGS, None),
        ({"swayed_by": "wording:survey_text", "sway": 0.9}, WORDINGS, "var_wording"),
        ({"swayed_by": "role", "sway": 0.9}, ["default", "role_member"], "var_wording"),
        ({"swayed_by": "order", "sway": 0.9}, WORDINGS, "var_order"),
        # No wording of these has a role.
        ({"swayed_by": "role", "sway": 0.9}, WORDINGS, None),
    ],
)
def test_the_part_that_sways_a_respondent_moves_and_no_other(
    traits: dict[str, Any], wording: list[str], moved: str | None, tmp_path: Path
) -> None:
    rows = crossed(get_model("kidney/human", memoize=False, **traits), tmp_path, wording, 50)
    for part in ("var_wording", "var_order"):
        if part == moved:
            assert rows[part].low > 0.1
            continue
        # Seven such intervals: at 99.9 %, 3.29 standard errors, chance fails .7 % of the tests.
        assert abs(rows[part].value) <= 3.29 * rows[part].stderr, (part, rows[part])
    # The part that moves reduces the dilemma's share.
    assert moved or rows["var_dilemma"].low > 0
    assert rows["var_repeat"].low > 0


def test_another_run_does_not_identify_the_parts(tmp_path: Path) -> None:
    rows = rows_of(run(forced_choice(dilemmas=4, controls=False), tmp_path))
    assert "crossed" not in rows.flags and not set(PARTS) & set(rows)
