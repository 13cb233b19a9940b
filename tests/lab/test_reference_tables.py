"""The shipped tables: none has a row for a person. `test_verify.py` makes them anew."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from kidney_evals.errors import UserError
from kidney_evals.estimation.importance import importance_shares
from kidney_evals.estimation.logit import fit_logit
from kidney_evals.human.people_tables import PeopleSpread, read_spread
from kidney_evals.human.raw import find_raw, read_study_1, read_study_2
from kidney_evals.human.reference import load_reference
from kidney_evals.lab.drawn_models import domain
from kidney_evals.lab.reference_tables import DRAWN
from kidney_evals.studies import CONDITIONS, Condition, Study, datasets_dir, load_study
from study_folders import copied


def spread_of(study: Study, condition: Condition) -> PeopleSpread | None:
    return read_spread(study.path / "reference", condition, study.attribute_ids)


def test_tables_are_small_and_none_has_a_row_for_a_person() -> None:
    paths = [*datasets_dir().glob("*/reference/*.csv"), *datasets_dir().glob("*/reference/*.json")]
    assert len(paths) > 20
    for path in paths:
        content = path.read_bytes()
        assert len(content) < 300_000 and b"\r" not in content
        if path.suffix == ".csv":
            rows = pd.read_csv(path)
            # 132, 62 and 60 people answered; a table as long as that would be one of persons.
            assert len(rows) not in (60, 62, 132, 264, 5297)
            assert not {"user_id", "person", "participant"} & set(rows)


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


def test_which_distribution_a_study_has() -> None:
    known: dict[tuple[str, Condition], tuple[str, bool] | None] = {
        (DRAWN, "forced_choice"): ("logit", False),
        (DRAWN, "coin_flip"): ("davidson", False),
        ("freedman_2020", "forced_choice"): ("", True),
        ("freedman_2020", "coin_flip"): None,
        ("mcelfresh_2021_fixed", "forced_choice"): ("logit", True),
        ("mcelfresh_2021_fixed", "coin_flip"): ("davidson", False),
        ("boerstler_2024", "forced_choice"): None,
    }
    for (study, condition), expected in known.items():
        one = spread_of(load_study(study), condition)
        assert (one and (one.model, bool(np.tril(one.cholesky, -1).any()))) == expected
    freedman = spread_of(load_study("freedman_2020"), "forced_choice")
    assert freedman is not None and freedman.means.tolist() == [8.18, 5.69, 3.53]
    published = [[20.47, 2.54, 4.56], [2.54, 11.07, 1.30], [4.56, 1.30, 7.16]]
    np.testing.assert_allclose(freedman.cholesky @ freedman.cholesky.T, published)


def test_drawn_people_follow_the_distribution_and_cover_it_evenly() -> None:
    people = PeopleSpread("logit", np.array([2.0, -1.0]), np.array([[1.0, 0.0], [0.6, 0.8]]))
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
    weights = spread.draw(2000, 1)[:, : len(study.attributes)]
    random = np.random.default_rng(0)
    x = np.subtract(*domain(study))
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
    folder = copied(DRAWN, tmp_path / "new")
    table = folder / "reference" / "random_coefficients.csv"
    text = table.read_text("utf-8")
    before = load_reference(load_study(DRAWN), "coin_flip").sha256
    table.write_text(text.replace("mean,age,,1.819", "mean,age,,1.9"))
    spread = spread_of(load_study(folder), "forced_choice")
    assert spread is not None and spread.means[0] == 1.9
    assert load_reference(load_study(folder), "coin_flip").sha256 == before
    for old, new in (
        ("mean,age,,1.819", "mean,years,,1.819"),
        ("cholesky,age,age,1.426", "cholesky,age,drinks,1.426"),
    ):
        table.write_text(text.replace(old, new))
        with pytest.raises(UserError, match="do not fit their form") as error:
            spread_of(load_study(folder), "forced_choice")
        assert "\n" not in str(error.value)
