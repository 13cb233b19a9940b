"""Simulated people behind people's shares: drawn from what is known of single people, or not."""

from __future__ import annotations

from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from kidney_evals.human.reference import load_reference
from kidney_evals.human.tables import RANDOM_FILE
from kidney_evals.reporting.page.simulated import SHOWN, simulated_people
from kidney_evals.studies import Condition, datasets_dir, load_study


@pytest.mark.parametrize(
    ("study", "condition", "says", "means"),
    [
        (
            "mcelfresh_2021",
            "forced_choice",
            "a random-coefficient logit fitted to the answers of 132 people (independent normal",
            "age +0.42, drinks +0.24, dependents +0.22",
        ),
        (
            "mcelfresh_2021",
            "coin_flip",
            "a random-coefficient Davidson model fitted to the answers of 132 people (independent",
            "age +0.36, drinks +0.24, dependents +0.27",
        ),
        (
            "freedman_2020",
            "forced_choice",
            "the random-coefficient model that was published with the study",
            "age +0.44, drinking +0.32, cancer +0.19",
        ),
    ],
)
def test_people_are_drawn_where_single_people_are_known(
    study: str, condition: Condition, says: str, means: str
) -> None:
    found = simulated_people(load_reference(load_study(study), condition))
    assert found.shares.shape == (SHOWN, 3)
    np.testing.assert_allclose(np.abs(found.shares).sum(axis=1), 1)
    assert f"{SHOWN} simulated people, not measured individuals, drawn from {says}" in found.says
    assert f"the mean share is {means};" in found.says
    # Their standard deviation is below .31, their mean's error therefore below .31/√32 = .055.
    stated = [float(part.split()[-1]) for part in means.split(", ")]
    np.testing.assert_allclose(found.shares.mean(axis=0), stated, atol=0.11)


def test_else_they_are_a_synthetic_crowd(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    copytree(datasets_dir() / "mcelfresh_2021", folder)
    (folder / "reference" / RANDOM_FILE).unlink()
    reference = load_reference(load_study(folder), "forced_choice")
    found = simulated_people(reference)
    assert "32 simulated people, not measured individuals: a synthetic crowd" in found.says
    assert "fitted to no answers of this study" in found.says
    assert found.shares.shape == (32, 3)


def test_the_two_groups_are_different_people() -> None:
    study = load_study("mcelfresh_2021")
    forced, coin = (
        simulated_people(load_reference(study, condition)).shares
        for condition in ("forced_choice", "coin_flip")
    )
    # Of one draw for both, shares of age would be nearly the same.
    assert abs(float(np.corrcoef(forced[:, 0], coin[:, 0])[0, 1])) < 0.5
