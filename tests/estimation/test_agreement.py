import numpy as np
import pytest

from estimation.simulated import (
    drawn,
    fixed,
    fixed_people,
    human_shares,
    people,
    random_differences,
    run,
)
from kidney_evals.estimation.agreement import (
    agreement,
    chance_corrected_agreement,
    log_score,
    smooth_shares,
)
from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.respondent_baselines import Answerer, answer_shares


def small(
    choice: list[int], shares: list[list[float]], order: list[int] | None = None
) -> Decisions:
    count = len(shares)
    return Decisions(
        dilemma=np.arange(len(choice)) % count,
        order=np.array(order or [0] * len(choice)),
        epoch=np.arange(len(choice)) // count,
        choice=np.array(choice),
        differences=np.zeros((count, 1)),
        shares=np.array(shares),
        share_draws=None,
        closeness=np.full(count, np.nan),
    )


def test_agreement_by_hand() -> None:
    found = agreement(small([0, 0], [[0.8, 0.2], [0.4, 0.6]]))
    # (.8 + .4) / (.8 + .6); one person: (.68 + .52) / 1.4
    assert found.value == pytest.approx(1.2 / 1.4)
    assert found.human == pytest.approx(1.2 / 1.4)
    assert found.n == 2
    corrected = chance_corrected_agreement(small([0, 0], [[0.8, 0.2], [0.4, 0.6]]))
    # U = 1 / 1.4: (1.2 - 1) / (1.4 - 1)
    assert corrected.value == pytest.approx(0.5)


def test_coins_and_strangers_stay_out() -> None:
    shares = [[0.6, 0.2, 0.2], [0.2, 0.2, 0.6], [np.nan] * 3]
    found = agreement(small([0, 2, 1], shares))
    # Only the first dilemma was decided and put to people: .75 / .75.
    assert found.value == pytest.approx(1.0)
    assert found.n == 1
    assert np.isnan(found.low)


ANCHORS: list[tuple[str, Answerer, float]] = [
    # condition, respondent, agreement over ceiling on fresh dilemmas
    ("forced_choice", "majority", 1.0),
    ("forced_choice", "one_person", 0.88),
    ("forced_choice", "uniform", 0.64),
    ("coin_flip", "one_person", 0.905),
    ("coin_flip", "uniform", 0.63),
]


@pytest.mark.parametrize(("condition", "respondent", "anchor"), ANCHORS)
def test_known_respondents(condition: str, respondent: Answerer, anchor: float) -> None:
    one = drawn(8, respondent, condition, 4000, human_error=False)
    assert agreement(one).value == pytest.approx(anchor, abs=0.02)


@pytest.mark.parametrize(("condition", "anchor"), [("forced_choice", 0.88), ("coin_flip", 0.84)])
def test_lexicographic_by_age(condition: str, anchor: float) -> None:
    random = np.random.default_rng(2)
    differences = random_differences(random, 4000)
    shares = human_shares(differences, condition)
    leading = np.where(differences == 0, 0.0, np.sign(differences)) @ [4, 2, 1]
    answers = np.zeros_like(shares)
    answers[np.arange(4000), (leading < 0).astype(int)] = 1
    one = run(answers, differences, shares, None, random)
    assert agreement(one).value == pytest.approx(anchor, abs=0.03)


def test_always_a_scores_like_a_coin() -> None:
    random = np.random.default_rng(2)
    differences = random_differences(random, 4000)
    shares = human_shares(differences, "forced_choice")
    first, second = np.zeros_like(shares), np.zeros_like(shares)
    first[:, 0], second[:, 1] = 1, 1
    one = run(np.stack([first, second]), differences, shares, None, random)
    assert agreement(one).value == pytest.approx(0.64, abs=0.01)
    assert chance_corrected_agreement(one).value == pytest.approx(0.0, abs=1e-9)


def test_agreement_never_exceeds_the_ceiling() -> None:
    best = agreement(drawn(1, "majority"))
    assert best.value == pytest.approx(1.0)
    assert best.high == 1.0
    assert 0.97 < best.low < 1.0


def test_log_score_by_hand() -> None:
    found = log_score(small([0, 1], [[0.8, 0.2], [0.5, 0.5]]))
    entropy = -(0.8 * np.log(0.8) + 0.2 * np.log(0.2)) - np.log(0.5)
    assert found.value == pytest.approx((np.log(0.8) + np.log(0.5) + entropy) / 2)
    assert np.isnan(found.human) and found.n == 2


THREE: tuple[Answerer, ...] = ("majority", "one_person", "uniform")


def test_log_score_separates_sharp_human_and_off() -> None:
    scores = {
        name: log_score(drawn(3, name, "coin_flip", 2000, human_error=False)).value
        for name in THREE
    }
    assert scores["majority"] > 0.2
    assert scores["one_person"] == pytest.approx(0.0, abs=0.03)
    assert scores["uniform"] < -0.5


def test_counted_shares_are_smoothed() -> None:
    # 0 of 60: ½ / 61
    np.testing.assert_allclose(smooth_shares([[0.0, 1.0]], [60]), [[0.5 / 61, 60.5 / 61]])
    _, _, counts = fixed_people("coin_flip")
    one = fixed(1, "one_person", "coin_flip")
    found = log_score(one, counts)
    assert found.low < 0 < found.high
    assert np.isfinite(found.value)


@pytest.mark.slow
@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_intervals_cover_with_people_resampled(condition: str) -> None:
    """People of record are themselves a draw: p̂ from one bootstrap draw, the rest around it."""
    runs, count = 400, 200
    far = drawn(1, "one_person", condition, 40_000, human_error=False)
    truth = agreement(far).human
    covered = 0
    for seed in range(runs):
        random = np.random.default_rng(seed)
        differences = random_differences(random, count)
        shares, draws = people(differences, condition)
        estimate = draws[random.integers(len(draws))]
        around = np.clip(draws - shares + estimate, 1e-4, None)
        around /= around.sum(axis=-1, keepdims=True)
        one = run(answer_shares(shares, "one_person"), differences, estimate, around, random)
        found = agreement(one)
        covered += found.low <= truth <= found.high
    assert 0.92 <= covered / runs <= 0.98
