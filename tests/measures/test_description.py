"""What `describe` says of known respondents, in numbers and in a terminal of 80 columns."""

import math
from functools import cache

import numpy as np
import pytest

from kidney_evals.estimation.errors import InputError
from kidney_evals.lab import respondents as known
from kidney_evals.lab.respondents import Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.measures import compute
from kidney_evals.measures.description import Description, describe
from kidney_evals.measures.run import part_of
from kidney_evals.reporting.description import describe_text
from kidney_evals.studies import Condition
from measures.simulated import people

HUMAN = Respondent("people", "", known.as_people)
SHY = next(one for one in known.RESPONDENTS if one.name == "refuses close calls")
RULE = Respondent("lexicographic", "", known.lexicographic)
NEVER = Respondent("never flips", "", known.never_flips)
FEW = Respondent("few", "", known.as_people, dilemmas=9)


@cache
def described(condition: Condition, respondent: Respondent) -> Description:
    return describe(simulate_run(people(condition), respondent, 1))


@pytest.fixture
def coin() -> Description:
    return described("coin_flip", HUMAN)


def test_a_human_draw_is_not_told_apart_from_models_that_come_near(coin: Description) -> None:
    assert coin.choice is not None and coin.two_stage is not None
    # The draw is from none of the models, and 400 answers do not tell those apart that come near.
    assert coin.choice.best is None
    assert {"rao_kupper", "davidson"} <= set(coin.choice.possible)
    assert not {"naive", "max_delta"} & set(coin.choice.possible)
    fit, model = coin.two_stage.fit, coin.two_stage.people
    assert fit is not None and model is not None
    for index, name in enumerate(model.parameters):
        error = math.sqrt(fit.covariance[index, index] + model.covariance[index, index])
        assert fit.theta[index] == pytest.approx(model[name].value, abs=3 * error), name


def test_rows_and_bounds_are_those_of_the_log(coin: Description) -> None:
    for name, row in coin.rows.items():
        assert repr(row) == repr(compute(coin.run, name))
    assert coin.rows["threshold"].human == pytest.approx(0.5704, abs=1e-4)
    # A person drawn at random has .5 by construction: nobody was asked for it.
    assert np.isnan(coin.rows["centrality"].human)
    shy = described("coin_flip", SHY)
    assert shy.bounds["flip_rate"].n == int((shy.run.choice < 0).sum()) > 0
    assert shy.bounds["flip_rate"].low < shy.rows["flip_rate"].value


def test_calibration_counts_every_answer_once(coin: Description) -> None:
    decided, coins = (sum(own.n for _, own in coin.calibration[t]) for t in ("shares", "flip"))
    assert (decided, coins) == (len(coin.run.decisions.decided), len(coin.run.decisions))


def test_effects_and_bends_of_people(coin: Description) -> None:
    assert coin.effects is not None
    mine, theirs = coin.effects
    assert theirs is not None
    assert [(a.attribute, a.level) for a in mine] == [(b.attribute, b.level) for b in theirs]
    # Two bands of age, four numbers of drinks, two of dependents beyond the bases.
    assert len(mine) == 2 + 4 + 2
    assert all(0 < row.effect.value < 0.5 for row in theirs)
    shares = {name: bend.upper_share.value for name, bend in coin.people_bends.items()}
    table = {"age": 0.4204, "drinks": 0.4353, "dependents": 0.3703}
    assert shares == pytest.approx(table, abs=1e-3)


@pytest.mark.parametrize(
    ("condition", "respondent", "said"),
    [
        ("coin_flip", HUMAN, ["Which model of indecision", "Rao–Kupper", "every sample was"]),
        ("coin_flip", NEVER, ["only 0 coins, 20 are needed", "no answer is the coin"]),
        ("coin_flip", SHY, ["leave open", "indecision rate", "highest  unanswered"]),
        ("forced_choice", RULE, ["Centrality", "A rule explains every decision"]),
        ("forced_choice", HUMAN, ["Marginal effects", "Non-linearity", "Latent classes"]),
    ],
)
def test_the_text_fits_80_columns(
    condition: Condition, respondent: Respondent, said: list[str]
) -> None:
    text = describe_text(described(condition, respondent))
    assert max(len(line) for line in text.splitlines()) <= 80
    for words in ("Place among people", *said):
        assert words in text
    assert ("Two-stage" in text) == (condition == "coin_flip")


def test_too_few_answers_are_refused_by_number() -> None:
    with pytest.raises(InputError, match="9 dilemmas were answered, a description needs 10"):
        described("coin_flip", FEW)


def test_the_order_of_samples_changes_nothing(coin: Description) -> None:
    mixed = np.random.default_rng(0).permutation(len(coin.run.choice))
    assert describe_text(describe(part_of(coin.run, mixed))) == describe_text(coin)
