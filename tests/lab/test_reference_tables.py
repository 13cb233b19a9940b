"""The shipped tables come from the raw answers byte for byte, and have no row for a person."""

from __future__ import annotations

import csv
import io
from dataclasses import replace
from functools import cache
from pathlib import Path
from shutil import copytree

import numpy as np
import pandas as pd
import pytest

from kidney_evals.errors import UserError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.latent import ClassModel, estimate_membership, fit_latent
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.estimation.random_coefficients import (
    RandomCoefficientFit,
    fit_random_coefficients,
)
from kidney_evals.estimation.random_people import (
    asked_twice,
    draw_people,
    estimate_people,
    group_shares,
    person_shares,
)
from kidney_evals.human.people_tables import PeopleSpread, read_spread
from kidney_evals.human.raw import find_raw, read_study_1, read_study_2
from kidney_evals.human.reference import load_reference
from kidney_evals.lab.anchors import domain_differences, person_distances
from kidney_evals.lab.drawn_models import Group, group, logit_model
from kidney_evals.lab.drawn_study import random_fits, random_rows
from kidney_evals.lab.reference_tables import answer_table, fixed_reference
from kidney_evals.lab.table_text import LATENT_DIGITS, table_text
from kidney_evals.studies import (
    CONDITIONS,
    Condition,
    Study,
    datasets_dir,
    dilemmas_of,
    load_study,
    study_names,
)

DRAWN = "mcelfresh_2021"
RANDOM_FILE = "random_coefficients.csv"


def shipped(study: str) -> dict[str, str]:
    folder = datasets_dir() / study / "reference"
    paths = [path for path in folder.iterdir() if path.suffix in (".csv", ".json")]
    return {path.name: path.read_bytes().decode() for path in paths}


@cache
def people_of(raw: Path, condition: Condition) -> Group:
    """The answers of Study 2."""
    answers = read_study_2(find_raw(raw))[CONDITIONS.index(condition)]
    return group(load_study(DRAWN), condition, answers)


def spread_of(study: Study, condition: Condition) -> PeopleSpread | None:
    return read_spread(study.path / "reference", condition, study.attribute_ids)


# --- The tables ---


def test_the_fixed_tables_are_rebuilt_byte_for_byte(raw_dir: Path) -> None:
    assert fixed_reference(find_raw(raw_dir)) == shipped("mcelfresh_2021_fixed")


def test_a_logit_and_a_random_fit_are_rebuilt_byte_for_byte(raw_dir: Path) -> None:
    # `reference verify` and its slow test make the other tables of the drawn study.
    study, data = load_study(DRAWN), people_of(raw_dir, "coin_flip")
    tables = shipped(DRAWN)
    fit = fit_random_coefficients(data.x, data.choice, data.person, model="davidson")
    built = table_text(random_rows("coin_flip", study.attribute_ids, [fit]), LATENT_DIGITS)
    header, *lines = tables[RANDOM_FILE].splitlines(keepends=True)
    start = "coin_flip,davidson,diagonal,1,"
    assert built == header + "".join(line for line in lines if line.startswith(start))
    model = logit_model(study, people_of(raw_dir, "forced_choice"))
    estimates = table_text(pd.DataFrame({"e": model.estimate, "p": model.parameters}))
    models = [line.split(",") for line in tables["models.csv"].splitlines()[1:5]]
    assert estimates.splitlines()[1:] == [f"{line[3]},{line[2]}" for line in models]
    draws = [line.split(",")[0] for line in tables["draws_forced_choice.csv"].splitlines()]
    assert draws[1:] == [f"{draw:.4g}" for draw in model.draws[:, 0]]


def test_tables_are_small_and_none_has_a_row_for_a_person() -> None:
    for study in study_names():
        for name, content in shipped(study).items():
            assert len(content) < 300_000 and "\r" not in content
            if name.endswith(".csv"):
                rows = list(csv.DictReader(io.StringIO(content)))
                # 132, 62 and 60 people answered; a table as long as that would be one of persons.
                assert len(rows) not in (60, 62, 132, 264, 5297)
                assert not {"user_id", "person", "participant"} & set(rows[0])


def test_codes_are_those_of_the_survey_not_of_its_readme(raw_dir: Path) -> None:
    folder = find_raw(raw_dir)
    strict, coin = read_study_2(folder)
    # The source's README would make the right patient the coin: a rate of .419.
    assert (coin.choice == 2).mean() == pytest.approx(0.169, abs=5e-4)
    assert set(strict.choice) == {0, 1}
    assert (strict.people, coin.people, len(strict.choice)) == (132, 132, 5297)
    forced, offered = read_study_1(folder)
    assert (forced.people, offered.people) == (60, 62)
    assert 8 not in forced.position and set(forced.choice) == {0, 1}


def test_another_question_under_a_known_id_raises(raw_dir: Path, tmp_path: Path) -> None:
    folder = tmp_path / "changed"
    copytree(datasets_dir() / "mcelfresh_2021_fixed", folder)
    table = folder / "dilemmas.csv"
    table.write_text(table.read_text().replace("q01,question 1,18,", "q01,question 1,90,"))
    with pytest.raises(UserError, match="q01"):
        answer_table(load_study(folder), read_study_1(find_raw(raw_dir))[0])


# --- The table of how single people's weights are spread ---


@pytest.mark.parametrize(
    ("name", "condition", "known"),
    [
        (DRAWN, "forced_choice", ("logit", False, 132)),
        (DRAWN, "coin_flip", ("davidson", False, 132)),
        ("freedman_2020", "forced_choice", ("", True, 0)),
        ("freedman_2020", "coin_flip", None),
        ("mcelfresh_2021_fixed", "coin_flip", None),
    ],
)
def test_which_distribution_a_study_has(
    name: str, condition: Condition, known: tuple[str, bool, int] | None
) -> None:
    spread = spread_of(load_study(name), condition)
    assert (spread and (spread.model, spread.correlated, spread.people)) == known
    if spread and name == "freedman_2020":
        assert spread.means.tolist() == [8.18, 5.69, 3.53]
        published = [[20.47, 2.54, 4.56], [2.54, 11.07, 1.30], [4.56, 1.30, 7.16]]
        np.testing.assert_allclose(spread.cholesky @ spread.cholesky.T, published)


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


@pytest.mark.parametrize("condition", CONDITIONS)
def test_the_group_of_drawn_people_weighs_as_people_do(condition: Condition) -> None:
    study = load_study(DRAWN)
    spread = spread_of(study, condition)
    assert spread is not None
    weights = spread.draw(2000, 1)
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
    draws = load_reference(study, condition).importance_draws
    low, high = np.percentile(draws, [2.5, 97.5], axis=0)
    assert (low < shares).all() and (shares < high).all()


def test_no_score_depends_on_the_table_and_damage_is_one_line(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    copytree(datasets_dir() / DRAWN, folder)
    table = folder / "reference" / RANDOM_FILE
    text = table.read_text("utf-8")
    before = load_reference(load_study(DRAWN), "coin_flip").sha256
    table.write_text(text.replace("mean,age,,1.819", "mean,age,,1.9"))
    spread = spread_of(load_study(folder), "forced_choice")
    assert spread is not None and spread.means[0] == 1.9
    assert load_reference(load_study(folder), "coin_flip").sha256 == before
    for old, new, message in (
        ("mean,age,,1.819", "mean,years,,1.819", "do not fit their form"),
        ("mean,age,,1.819", "mean,age,,much", "line 2, estimate must be a plain number"),
        ("cholesky,age,age,1.426", "cholesky,age,drinks,1.426", "do not fit their form"),
        (",used,", ",chosen,", "lacks the column used; has the unknown column 'chosen'"),
    ):
        table.write_text(text.replace(old, new))
        with pytest.raises(UserError, match=message) as error:
            spread_of(load_study(folder), "forced_choice")
        assert "\n" not in str(error.value)


# --- How people differ: random coefficients beside latent classes ---


def default_dilemmas() -> np.ndarray:
    """First minus second patient of the 200 dilemmas that a run asks by default."""
    study = load_study(DRAWN)
    return np.array([study.differences(dilemma) for dilemma in dilemmas_of(study, 200, None)])


def left_out(data: Group, model: ClassModel | None, classes: int, seed: int) -> float:
    """Joint log-likelihood per query of people left out, tenfold, of classes or coefficients."""
    fold = (np.random.default_rng(seed).permutation(data.people) % 10)[data.person]
    total = 0.0
    for k in range(10):
        rest, out = (
            (data.x[rows], data.choice[rows], data.person[rows]) for rows in (fold != k, fold == k)
        )
        if model:
            latent = fit_latent(*rest, classes, model=model, seed=2)
            total += float(estimate_membership(latent, *out).log_likelihoods.sum())
        else:
            random = fit_random_coefficients(*rest, model="davidson")
            total += float(estimate_people(random, *out).log_likelihoods.sum())
    return total / len(data.choice)


@pytest.mark.slow
def test_a_new_persons_answers(raw_dir: Path) -> None:
    data = people_of(raw_dir, "coin_flip")
    # Another partition of the 132 people moves the first by up to .004 and the second by .01.
    one = np.mean([left_out(data, "davidson", 1, seed) for seed in range(5)])
    four = np.mean([left_out(data, "davidson", 4, seed) for seed in range(2)])
    assert one == pytest.approx(-0.785, abs=0.002)
    assert four == pytest.approx(-0.657, abs=0.006)
    # Draws from the population, instead of draws near each person, reach .530.
    assert left_out(data, None, 0, 0) == pytest.approx(-0.523, abs=0.002)


@pytest.mark.slow
@pytest.mark.parametrize(("correlated", "value"), [(False, -0.5211), (True, -0.5202)])
def test_random_coefficients_with_a_coin(raw_dir: Path, correlated: bool, value: float) -> None:
    data = people_of(raw_dir, "coin_flip")
    answers = (data.x, data.choice, data.person)
    fit = fit_random_coefficients(*answers, model="davidson", correlated=correlated)
    assert fit.log_likelihood / fit.n == pytest.approx(value, abs=2e-4)
    # People flip .169 [.139, .201] of the time. A fit whose draws all come from the population
    # has an error of simulation in this of .03.
    assert group_shares(fit, data.x)[:, 2].mean() == pytest.approx(0.171, abs=0.004)
    assert asked_twice(fit, default_dilemmas()).mean() == pytest.approx(0.229, abs=0.004)
    people = person_shares(fit, draw_people(fit, 5000, np.random.default_rng(0)), data.x[:300])
    quartiles = np.quantile(people[..., 2].mean(axis=1), [0.25, 0.5, 0.75])
    # One person's rate among the 132: quartiles .025, .111, .275.
    np.testing.assert_allclose(quartiles, [0.025, 0.111, 0.275], atol=0.03)
    if not correlated:
        again = fit_random_coefficients(*answers, model="davidson", seed=1)
        error = np.sqrt(np.diag(fit.covariance))
        assert (np.abs(fit.theta - again.theta) < 0.1 * error).all()


def test_one_person_asked_twice_without_a_coin(raw_dir: Path) -> None:
    data = people_of(raw_dir, "forced_choice")
    fit = fit_random_coefficients(data.x, data.choice, data.person, model="logit")
    # Six latent classes say .21, which is an upper bound: classes are coarser than people.
    assert asked_twice(fit, default_dilemmas()).mean() == pytest.approx(0.151, abs=0.003)


@pytest.mark.parametrize("count", [4, pytest.param(6, marks=pytest.mark.slow)])
def test_two_stage_classes_flip_as_often_as_people(raw_dir: Path, count: int) -> None:
    data = people_of(raw_dir, "coin_flip")
    fit = fit_latent(data.x, data.choice, data.person, count, model="two_stage", seed=2)
    shares = np.einsum("c,cnk->nk", fit.shares, fit.predict(data.x))
    assert shares[:, 2].mean() == pytest.approx(0.175, abs=0.004)


@pytest.mark.slow
@pytest.mark.parametrize("condition", CONDITIONS)
def test_drawn_people_are_as_far_from_the_group_as_people(
    raw_dir: Path, condition: Condition
) -> None:
    study, data = load_study(DRAWN), people_of(raw_dir, condition)
    logit = logit_model(study, data)
    theirs = np.quantile(person_distances(study, data, logit), [0.25, 0.5, 0.75])
    fit = random_fits(data)[0]
    distances = [person_distances(study, answered(data, fit, seed), logit) for seed in range(6)]
    ours = np.nanquantile(np.concatenate(distances), [0.25, 0.5, 0.75])
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
