"""How single people's weights are spread: the shipped table, and people drawn from it."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from shutil import copytree

import numpy as np
import pytest

from kidney_evals.errors import UserError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.estimation.random_people import draw_people, person_shares
from kidney_evals.human.people_tables import PeopleSpread, read_spread
from kidney_evals.human.raw import find_raw, read_study_2
from kidney_evals.human.reference import load_reference
from kidney_evals.human.tables import RANDOM_FILE, CoefficientRow, read_rows
from kidney_evals.lab.anchors import domain_differences, person_distances
from kidney_evals.lab.drawn_models import Group, group, logit_model
from kidney_evals.lab.drawn_study import random_fits, random_rows
from kidney_evals.lab.table_text import LATENT_DIGITS, table_text
from kidney_evals.studies import Condition, Study, datasets_dir, load_study

DRAWN = "mcelfresh_2021"
BOTH: tuple[Condition, ...] = ("forced_choice", "coin_flip")


def spread_of(study: Study, condition: Condition) -> PeopleSpread:
    found = read_spread(study.path / "reference", condition, study.attribute_ids)
    assert found is not None
    return found


@pytest.fixture
def copied(tmp_path: Path) -> Path:
    folder = tmp_path / "new"
    copytree(datasets_dir() / DRAWN, folder)
    return folder


def test_a_fit_of_the_table_is_rebuilt_byte_for_byte(raw_dir: Path) -> None:
    study = load_study(DRAWN)
    shipped = (study.path / "reference" / RANDOM_FILE).read_text("utf-8")
    header, *lines = shipped.splitlines(keepends=True)
    # One of four fits; `reference verify` and the slow test of all tables make every one.
    data = group(study, "coin_flip", read_study_2(find_raw(raw_dir))[1])
    fit = fit_random_coefficients(data.x, data.choice, data.person, model="davidson")
    rows = random_rows("coin_flip", study.attribute_ids, [fit])
    built = table_text(rows, LATENT_DIGITS)
    start = "coin_flip,davidson,diagonal,1,"
    assert built == header + "".join(line for line in lines if line.startswith(start))


@pytest.mark.parametrize("condition", BOTH)
def test_the_lower_bic_is_used(condition: Condition) -> None:
    rows = read_rows(datasets_dir() / DRAWN / "reference", CoefficientRow, condition)
    bic = {row.form: row.bic for row in rows}
    used = {row.form for row in rows if row.used == "1"}
    assert used == {min(bic, key=lambda form: bic[form])} == {"diagonal"}
    # p (p + 3) / 2 parameters of p correlated coefficients, 2 p of independent ones.
    p = 3 if condition == "forced_choice" else 4
    assert len(rows) == p * (p + 3) // 2 + 2 * p
    for row in rows:
        assert row.se is not None
        # Four digits of each end.
        assert row.high - row.low == pytest.approx(2 * 1.96 * row.se, rel=2e-3)
        assert row.low < row.estimate < row.high
        assert (row.people, row.answers) == (132, 5297)


@pytest.mark.parametrize(
    ("study", "condition", "model", "correlated", "people"),
    [
        (DRAWN, "forced_choice", "logit", False, 132),
        (DRAWN, "coin_flip", "davidson", False, 132),
        ("freedman_2020", "forced_choice", "", True, 0),
    ],
)
def test_which_distribution_a_study_has(
    study: str, condition: Condition, model: str, correlated: bool, people: int
) -> None:
    found = spread_of(load_study(study), condition)
    assert (found.model, found.correlated, found.people) == (model, correlated, people)


@pytest.mark.parametrize(
    ("study", "condition"),
    [
        ("freedman_2020", "coin_flip"),
        ("boerstler_2024", "forced_choice"),
        ("mcelfresh_2021_fixed", "coin_flip"),
    ],
)
def test_where_nothing_is_known_of_single_people(study: str, condition: Condition) -> None:
    found = load_study(study)
    assert read_spread(found.path / "reference", condition, found.attribute_ids) is None


def test_a_published_covariance_comes_back() -> None:
    found = spread_of(load_study("freedman_2020"), "forced_choice")
    assert found.means.tolist() == [8.18, 5.69, 3.53]
    published = [[20.47, 2.54, 4.56], [2.54, 11.07, 1.30], [4.56, 1.30, 7.16]]
    np.testing.assert_allclose(found.cholesky @ found.cholesky.T, published)


def test_drawn_people_follow_the_distribution_and_cover_it_evenly() -> None:
    people = PeopleSpread(
        "logit", True, 9, np.array([2.0, -1.0]), np.array([[1.0, 0.0], [0.6, 0.8]])
    )
    many = people.draw(20_000, 3)
    np.testing.assert_allclose(many.mean(axis=0), [2, -1], atol=0.002)
    # 0.6² + 0.8² = 1, and the two go together by 0.6.
    np.testing.assert_allclose(np.cov(many.T), [[1, 0.6], [0.6, 1]], atol=0.02)
    few = people.draw(4, 3)
    # One person in each quarter of the first coefficient, a normal around 2: ±0.6745.
    assert np.digitize(np.sort(few[:, 0]), [2 - 0.6745, 2, 2 + 0.6745]).tolist() == [0, 1, 2, 3]
    assert people.draw(4, 3).tolist() == few.tolist() != people.draw(4, 4).tolist()


@pytest.mark.parametrize("condition", BOTH)
def test_the_group_of_drawn_people_weighs_as_people_do(condition: Condition) -> None:
    study = load_study(DRAWN)
    reference = load_reference(study, condition)
    weights = spread_of(study, condition).draw(2000, 1)
    random = np.random.default_rng(0)
    x = domain_differences(study)
    # 20 dilemmas each, every pair in either order.
    x = x[random.integers(0, len(x), (len(weights), 20))]
    x *= random.choice([-1.0, 1.0], x.shape[:2])[..., None]
    utility = np.einsum("pik,pk->pi", x, weights)
    first = random.random(utility.shape) < 1 / (1 + np.exp(-utility))
    person = np.repeat(np.arange(len(weights)), 20)
    fit = fit_logit(x.reshape(-1, 3), first.ravel(), clusters=person, penalty="none")
    shares = importance_shares(fit.weights, study.spans)
    # Whether one of two patients is preferred to the other does not depend on the coin in
    # Davidson's model. People's intervals are ±.03 to ±.045 about their shares.
    low, high = np.percentile(reference.importance_draws, [2.5, 97.5], axis=0)
    assert (low < shares).all() and (shares < high).all()


@pytest.mark.parametrize(
    ("condition", "mean", "against"),
    [
        ("forced_choice", (0.423, 0.237, 0.217), (0.10, 0.13, 0.14)),
        ("coin_flip", (0.356, 0.240, 0.274), (0.12, 0.14, 0.12)),
    ],
)
def test_the_mean_of_single_shares_is_nearer_zero_than_the_groups(
    condition: Condition, mean: tuple[float, ...], against: tuple[float, ...]
) -> None:
    study = load_study(DRAWN)
    shares = importance_shares(spread_of(study, condition).draw(100_000, 0), study.spans)
    # A standard deviation of .2 to .3 over √100,000 people: an error below .001.
    np.testing.assert_allclose(shares.mean(axis=0), mean, atol=0.002)
    np.testing.assert_allclose((shares < 0).mean(axis=0), against, atol=0.01)
    assert (shares.mean(axis=0) < load_reference(study, condition).importance).all()


def test_no_score_depends_on_the_table(copied: Path) -> None:
    before = load_reference(load_study(DRAWN), "coin_flip").sha256
    table = copied / "reference" / RANDOM_FILE
    table.write_text(table.read_text("utf-8").replace("mean,age,,1.819", "mean,age,,1.9"))
    assert spread_of(load_study(copied), "forced_choice").means[0] == 1.9
    assert load_reference(load_study(copied), "coin_flip").sha256 == before
    table.unlink()
    assert load_reference(load_study(copied), "coin_flip").sha256 == before


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("mean,age,,1.819", "mean,years,,1.819", "do not fit their form"),
        ("mean,age,,1.819", "mean,age,,much", "line 2, estimate must be a plain number"),
        ("cholesky,age,age,1.426", "cholesky,age,drinks,1.426", "do not fit their form"),
        (",used,", ",chosen,", "lacks the column used; has the unknown column 'chosen'"),
    ],
)
def test_damage_is_one_line(copied: Path, old: str, new: str, said: str) -> None:
    table = copied / "reference" / RANDOM_FILE
    text = table.read_text("utf-8")
    assert old in text
    table.write_text(text.replace(old, new))
    with pytest.raises(UserError, match=said) as error:
        spread_of(load_study(copied), "forced_choice")
    assert "\n" not in str(error.value)


@pytest.mark.slow
@pytest.mark.parametrize(("place", "condition"), list(enumerate(BOTH)))
def test_drawn_people_are_as_far_from_the_group_as_people(
    raw_dir: Path, place: int, condition: Condition
) -> None:
    study = load_study(DRAWN)
    data = group(study, condition, read_study_2(find_raw(raw_dir))[place])
    logit = logit_model(study, data)
    theirs = np.quantile(person_distances(study, data, logit), [0.25, 0.5, 0.75])
    fit = random_fits(data)[0]
    found = [person_distances(study, answered(data, fit, seed), logit) for seed in range(6)]
    ours = np.nanquantile(np.concatenate(found), [0.25, 0.5, 0.75])
    # Quartiles of 132 people have standard errors of about .02.
    np.testing.assert_allclose(ours, theirs, atol=0.05)


def answered(data: Group, fit: RandomCoefficientFit, seed: int) -> Group:
    """The survey with other people in it, one for each."""
    random = np.random.default_rng(seed)
    people = draw_people(fit, data.people, random)
    choice = np.empty_like(data.choice)
    for person in range(data.people):
        own = data.person == person
        shares = person_shares(fit, people[person : person + 1], data.x[own])[0]
        edges = shares.cumsum(axis=1)[:, :-1]
        choice[own] = (random.random(own.sum())[:, None] > edges).sum(axis=1)
    return replace(data, choice=choice)
