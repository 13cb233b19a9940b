from itertools import combinations

import numpy as np
import pytest

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.rank import fit_bradley_terry, kendall, profile_rank, spearman

# Freedman et al. (2020), profiles YRH, YFH, YRC, YFC, ORH, OFH, ORC, OFC.
SCORES = np.array(
    [1, 0.103243396, 0.236280167, 0.035722844, 0.070045054, 0.011349772, 0.024072427, 0.002769801]
)
PAIRS = np.array(list(combinations(range(8), 2)))


def answers(chosen: np.ndarray, options: int = 2) -> Decisions:
    """The same answers in both orders, five times each."""
    return Decisions(
        np.tile(np.arange(28), 10), np.repeat([0, 1], 140), np.tile(np.repeat(range(5), 28), 2),
        np.tile(chosen, 10), np.zeros((28, 3)), np.full((28, options), np.nan), None,
        np.full(28, np.nan), True,
    )  # fmt: skip


def test_scores_are_those_of_choix() -> None:
    choix = pytest.importorskip("choix")
    random = np.random.default_rng(0)
    wins = random.integers(0, 6, (28, 2)).astype(float)
    data = [(i, j) for (i, j), (a, _) in zip(PAIRS, wins, strict=True) for _ in range(int(a))]
    data += [(j, i) for (i, j), (_, b) in zip(PAIRS, wins, strict=True) for _ in range(int(b))]
    expected = choix.opt_pairwise(8, data, alpha=0.05, tol=1e-10)
    # choix penalises alpha Σ s²; ours is ½ ridge Σ s².
    ours = fit_bradley_terry(PAIRS[:, 0], PAIRS[:, 1], wins, 8, ridge=0.1)
    np.testing.assert_allclose(ours, expected - expected.mean(), atol=1e-4)


def test_correlations_are_those_of_scipy() -> None:
    stats = pytest.importorskip("scipy.stats")
    random = np.random.default_rng(0)
    for _ in range(20):
        x, y = random.integers(0, 5, 8), random.integers(0, 5, 8)
        assert spearman(x, y) == pytest.approx(stats.spearmanr(x, y).statistic, nan_ok=True)
        assert kendall(x, y) == pytest.approx(stats.kendalltau(x, y).statistic, nan_ok=True)
    assert np.isnan(spearman([1, 1, 1], [1, 2, 3]))


def test_the_group_itself_ranks_perfectly() -> None:
    worse = (SCORES[PAIRS[:, 0]] < SCORES[PAIRS[:, 1]]).astype(int)
    rho, tau = profile_rank(answers(worse), PAIRS[:, 0], PAIRS[:, 1], SCORES)
    assert (rho.value, tau.value, rho.n) == (1.0, 1.0, 280)
    assert 0.8 < rho.low <= rho.high == 1.0
    reverse, _ = profile_rank(answers(1 - worse), PAIRS[:, 0], PAIRS[:, 1], SCORES)
    assert reverse.value == pytest.approx(-1.0)


def test_coins_alone_or_no_answers_are_no_ranking() -> None:
    even = answers(np.full(28, 2), options=3)
    assert profile_rank(even, PAIRS[:, 0], PAIRS[:, 1], SCORES)[0].n == 0
    assert profile_rank(even.take([]), PAIRS[:, 0], PAIRS[:, 1], SCORES)[1].n == 0
