"""The choice models on the published answers of Study 2, coin group, against the stated figures.

Log-likelihoods are per answer. Needs the raw rows (see `conftest`).
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import numpy as np
import pytest

from kidney_evals.estimation.indecision_family import (
    IndecisionFamily,
    fit_indecision_family,
)
from kidney_evals.estimation.indecision_models import Form, IndecisionFit
from kidney_evals.estimation.ties import DavidsonFit, RaoKupperFit
from kidney_evals.estimation.two_stage import TwoStageFit
from kidney_evals.human.raw import Answers, Floats, find_raw, read_study_2
from kidney_evals.lab.drawn_models import favoured_values
from kidney_evals.lab.verify import per_answer, published_features, published_split, took_the_coin
from kidney_evals.studies import load_study


@cache
def coin_group(folder: Path) -> Answers:
    return read_study_2(find_raw(folder))[1]


@cache
def whole(folder: Path, people: int) -> IndecisionFamily:
    answers = coin_group(folder)
    kept = took_the_coin(answers) if people == 106 else np.ones(len(answers.choice), dtype=bool)
    assert len(np.unique(answers.person[kept])) == people
    study = load_study("mcelfresh_2021")
    first, second = (favoured_values(study, side) for side in (answers.left, answers.right))
    return fit_indecision_family(first[kept], second[kept], answers.choice[kept])


def test_the_filter_keeps_106_people_and_raises_the_flip_rate(raw_dir: Path) -> None:
    answers = coin_group(raw_dir)
    kept = took_the_coin(answers)
    assert (len(kept), int(kept.sum())) == (5297, 4255)
    assert (answers.choice == 2).mean() == pytest.approx(0.169, abs=5e-4)
    assert (answers.choice[kept] == 2).mean() == pytest.approx(0.210, abs=5e-4)
    # Nobody took the coin every time, whom the authors would drop as well.
    assert np.bincount(answers.person, weights=answers.choice == 2).max() == 33


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        ("naive", -1.062), ("random", -0.820), ("min_delta", -0.791), ("davidson", -0.791),
        ("max_delta", -0.931), ("min_u", -0.846), ("max_u", -0.869), ("dom", -0.889),
        ("rao_kupper", -0.788), ("two_stage", -0.788),
    ],
)  # fmt: skip
def test_free_fits_to_those_who_took_the_coin(raw_dir: Path, model: str, stated: float) -> None:
    assert whole(raw_dir, 106).row(model).per_answer == pytest.approx(stated, abs=6e-4)


def test_free_fits_to_everybody(raw_dir: Path) -> None:
    family = whole(raw_dir, 132)
    two_stage, davidson = family.row("two_stage"), family.row("davidson")
    assert isinstance(two_stage.fit, TwoStageFit) and isinstance(davidson.fit, DavidsonFit)
    np.testing.assert_allclose(two_stage.fit.weights, [0.693, 0.546, 1.157], atol=6e-4)
    assert two_stage.fit.flip_intercept == pytest.approx(-0.773, abs=6e-4)
    assert two_stage.fit.flip_slope == pytest.approx(0.555, abs=6e-4)
    assert two_stage.per_answer == pytest.approx(-0.7759, abs=1e-4)
    np.testing.assert_allclose(davidson.fit.weights, [0.744, 0.582, 1.222], atol=6e-4)
    assert davidson.fit.log_nu == pytest.approx(-0.504, abs=6e-4)
    assert davidson.per_answer == pytest.approx(-0.7793, abs=6e-5)
    assert family.row("rao_kupper").per_answer == pytest.approx(-0.7758, abs=6e-5)
    # The multi-start finds one maximum of each model.
    members = [row.fit for row in family.rows if isinstance(row.fit, IndecisionFit)]
    assert len(members) == 6 and all(fit.agreeing == fit.starts for fit in members)


def test_people_are_likelier_to_decide_than_to_flip_even_between_equal_patients(
    raw_dir: Path,
) -> None:
    for model in ("davidson", "rao_kupper", "two_stage"):
        fit = whole(raw_dir, 132).row(model).fit
        assert isinstance(fit, DavidsonFit | RaoKupperFit | TwoStageFit)
        assert fit.threshold.value < 0
        # Each model's own logits: the better of two patients gets half of all answers this far on.
        assert 0.5 < fit.half_threshold.value < 0.7


@cache
def split_table(folder: Path, form: Form) -> dict[str, Floats]:
    """Mean over seeds 0 to 9 of the authors' split: train, held out, new people."""
    answers = coin_group(folder)
    first, second = published_features(answers.left), published_features(answers.right)
    table: dict[str, list[list[float]]] = {}
    for seed in range(10):
        split = published_split(answers, seed)
        train = split.train
        family = fit_indecision_family(
            first[train], second[train], answers.choice[train], form=form
        )
        for row in family.rows:
            assert row.fit is not None
            table.setdefault(row.model, []).append(
                [per_answer(row.fit, first, second, answers, rows) for rows in split]
            )
    return {model: np.mean(values, axis=0) for model, values in table.items()}


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        ("naive", (-1.044, -1.060, -1.071)),
        ("random", (-0.796, -0.810, -0.842)),
        ("min_delta", (-0.772, -0.781, -0.814)),
        ("max_delta", (-0.899, -0.925, -0.951)),
        ("dom", (-0.862, -0.877, -0.912)),
        ("rao_kupper", (-0.770, -0.779, -0.812)),
        ("two_stage", (-0.765, -0.783, -0.813)),
    ],
)
def test_free_fits_to_the_authors_split(
    raw_dir: Path, model: str, stated: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(split_table(raw_dir, "free")[model], stated, atol=1e-3)


@pytest.mark.parametrize(
    ("model", "stated"),
    [
        ("random", (-0.896, -0.909, -0.921)),
        ("min_delta", (-0.854, -0.850, -0.852)),
        ("dom", (-0.943, -0.956, -0.969)),
    ],
)
def test_boxed_fits_to_the_authors_split(
    raw_dir: Path, model: str, stated: tuple[float, float, float]
) -> None:
    np.testing.assert_allclose(split_table(raw_dir, "authors")[model], stated, atol=1e-3)


def test_boxed_max_delta_reaches_more_on_the_training_answers_than_stated(raw_dir: Path) -> None:
    train, held_out, new_people = split_table(raw_dir, "authors")["max_delta"]
    # Stated are -.908, -.930, -.948. The higher maximum of the boxed likelihood costs .002 on new
    # people, the one figure of the table that does not come out to .001.
    assert train > -0.908
    assert (train, held_out) == pytest.approx((-0.908, -0.930), abs=1e-3)
    assert new_people == pytest.approx(-0.9502, abs=1e-4)


def test_a_boxed_fit_reaches_what_a_minute_of_search_did(raw_dir: Path) -> None:
    answers = coin_group(raw_dir)
    train = published_split(answers, seed=0).train
    first, second = published_features(answers.left), published_features(answers.right)
    assert int(train.sum()) == 402
    family = fit_indecision_family(
        first[train], second[train], answers.choice[train], form="authors"
    )
    row = family.row("min_delta")
    assert row.per_answer == pytest.approx(-0.8971, abs=6e-5)
    assert isinstance(row.fit, IndecisionFit) and any(row.fit.at_box)
