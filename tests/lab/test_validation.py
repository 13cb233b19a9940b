"""The validation itself: its truths by hand, its simulated crowds, its verdicts."""

from functools import lru_cache

import numpy as np
import pytest
from click.testing import CliRunner

from kidney_evals.cli.main import main
from kidney_evals.human.reference import load_reference
from kidney_evals.lab import respondents as known
from kidney_evals.lab.panel import Panel, panel, people, resampled_reference
from kidney_evals.lab.respondents import RESPONDENTS, Respondent
from kidney_evals.lab.simulate import simulate_run
from kidney_evals.lab.truth import true_rows
from kidney_evals.lab.validation import Validated, graded_series, intra_class, rows_of, validate
from kidney_evals.studies import Condition, dilemmas_of, load_study

BY_NAME = {one.name: one for one in RESPONDENTS}


@lru_cache(maxsize=4)
def shown(condition: Condition = "coin_flip", count: int = 2000, seed: int = 5) -> Panel:
    reference = people(condition)
    return panel(reference, dilemmas_of(reference.study, count, seed))


@lru_cache(maxsize=8)
def truths(name: str, condition: Condition = "coin_flip") -> dict[str, float]:
    return true_rows(BY_NAME[name], shown(condition))


@pytest.mark.parametrize(
    ("name", "condition", "rows"),
    [
        # The group itself is at no distance.
        ("human-like", "coin_flip", dict.fromkeys(("flip_calib", "distance", "log_score"), 0)),
        ("human-like", "coin_flip", {"pos_bias": 0, "coverage": 1}),
        # Three even options.
        ("noise", "coin_flip", {"flip_rate": 1 / 3, "swap_diff": 2 / 3, "dominance": 1 / 2}),
        # A rule without error has no true weights.
        ("lexicographic", "forced_choice", {"imp_age": np.nan, "dominance": 1}),
        ("10 % unreadable", "coin_flip", {"coverage": 0.9}),
    ],
)
def test_true_values_by_hand(name: str, condition: Condition, rows: dict[str, float]) -> None:
    truth = truths(name, condition)
    assert {row: truth[row] for row in rows} == pytest.approx(rows, abs=1e-9, nan_ok=True)


def test_true_values_of_people_swapped_and_silent() -> None:
    same, swapped, tenth = map(truths, ("human-like", "anti-human", "10 % unreadable"))
    assert same["flip_rate"] == pytest.approx(0.169, abs=0.005)
    for row in ("imp_age", "imp_drinks", "imp_dependents"):
        assert swapped[row] == pytest.approx(-same[row], abs=1e-6)
    # Agreement over ceiling of p and of 1 - p: Σp² and Σ2p(1-p) over the same Σmax p sum to Σ1.
    dilemmas = shown()
    counted = 1 - dilemmas.coin**2
    total = float(counted.sum() / (counted * dilemmas.decided.max(axis=1)).sum())
    assert same["agreement"] + swapped["agreement"] == pytest.approx(total, abs=1e-9)
    # Silence changes the coverage only, unless it depends on the dilemma.
    for row in ("flip_rate", "swap_diff", "log_score", "distance"):
        assert tenth[row] == pytest.approx(same[row], abs=1e-9), row
    assert truths("refuses close calls")["flip_rate"] < same["flip_rate"]


@pytest.mark.slow
@pytest.mark.parametrize(("condition", "dilemmas"), [("forced_choice", 4000), ("coin_flip", 2500)])
def test_a_very_long_run_meets_the_truth(condition: Condition, dilemmas: int) -> None:
    # The estimators and the closed forms share no line; so many dilemmas leave little chance.
    long = Respondent("long", "", known.leaning, known.never, dilemmas)
    truth = true_rows(long, shown(condition, 4000, 11))
    # People are drawn again in a simulated run, and move every comparison with them by a little.
    near = {"agreement": 0.03, "log_score": 0.08, "flip_slope": 0.15}
    # Three standard errors: .1 and .21 at 200 dilemmas, over √12.5, and those of people drawn
    # again, .065 and .13, which so many dilemmas do not make smaller.
    near |= {"sharpness": 0.21, "coin_slope": 0.43}
    for one in validate(condition, [long], runs=1):
        assert one.mean == pytest.approx(truth[one.row], abs=near.get(one.row, 0.025)), one.row


def test_another_crowd_is_an_estimate_with_draws_around_it() -> None:
    reference = people("coin_flip")
    listed = dilemmas_of(reference.study, 60, 3)
    moved = resampled_reference(reference, 4)
    # What another crowd would have given is the shipped draw of that number.
    assert np.allclose(moved.shares(listed), reference.share_draws(listed)[4])
    draws = moved.share_draws(listed)
    assert np.allclose(draws.sum(axis=2), 1)
    assert np.abs(draws.mean(axis=0) - moved.shares(listed)).max() < 0.03
    fixed = load_reference(load_study("mcelfresh_2021_fixed"), "coin_flip")
    questions = dilemmas_of(fixed.study, None, None)
    again = resampled_reference(fixed, 2)
    assert np.allclose(again.shares(questions), fixed.share_draws(questions)[2])
    with pytest.raises(TypeError, match="cannot be drawn again"):
        resampled_reference(load_reference(load_study("freedman_2020"), "forced_choice"), 0)


def test_the_same_number_gives_the_same_run() -> None:
    first, again, other = (
        simulate_run(people("coin_flip"), BY_NAME["human-like"], index) for index in (3, 3, 4)
    )
    assert (first.choice == again.choice).all()
    assert [one.first for one in other.dilemmas] != [one.first for one in first.dilemmas]


def test_one_order_leaves_out_what_needs_two() -> None:
    rows = {one.row for one in validate("forced_choice", [BY_NAME["one order"]], runs=2)}
    assert set(rows_of(people("forced_choice"))) - rows == {"swap_diff", "distance"}


def test_verdicts_and_intra_class_correlation_by_hand() -> None:
    for coverage, intervals, verdict in (
        # Two standard errors at 95 %: 2 √(.95 × .05 / 1000) = .0138.
        (0.917, 1000, "ok"),
        (0.916, 1000, "narrow"),
        (0.983, 1000, "ok"),
        (0.984, 1000, "wide"),
        # With 25 intervals the slack is .087: .80 can be told from .93, 1 cannot from .97.
        (0.80, 25, "narrow"),
        (1.0, 25, "ok"),
        (float("nan"), 0, ""),
    ):
        one = Validated("x", "agreement", 0.5, 0.5, 0.1, 0.2, coverage, intervals)
        assert one.verdict == verdict
    # Rows (1, 3), (5, 7): means 2, 6; MSB = 2 (4 + 4) / 1 = 16, MSW = (1+1+1+1) / 2 = 2;
    # (16 - 2) / (16 + 2) = 7/9.
    assert intra_class([[1, 3], [5, 7]]) == pytest.approx(7 / 9)


@pytest.mark.parametrize(
    "row", ["agreement", "distance", "share_dist", "swap_diff", "flip_rate", "flip_calib"]
)
def test_graded_respondents_are_graded_in_truth(row: str) -> None:
    dilemmas = shown(count=3000)
    reference = dilemmas.reference
    values = []
    for _, respondent in graded_series(row, 6):
        truth = true_rows(respondent, dilemmas)
        if row == "share_dist":
            shares = np.array([truth[f"imp_{name}"] for name in reference.study.attribute_ids])
            truth["share_dist"] = 0.5 * float(np.abs(shares - reference.importance).sum())
        values.append(truth[row])
    steps = np.diff(values) * (-1 if row == "agreement" else 1)
    # Even steps but for the calibration, whose bins see the gap only on average.
    even = 0.25 if row == "flip_calib" else 0.1
    assert steps == pytest.approx(np.full(5, steps.mean()), rel=even), values


@pytest.mark.slow
def test_the_quick_validation_prints_its_tables() -> None:
    result = CliRunner().invoke(main, ["validate", "--quick", "--runs", "4"])
    assert result.exit_code == 0, result.output
    change = "| coin_flip | `flip_rate` | people | 0.3 |"
    # Nobody who never flips is said to have flipped, in truth or on average.
    never = "| never flips | `flip_rate` | 0.0000 | 0.0000 | 0.0000 |"
    for part in ("## forced_choice", "## coin_flip", "Spearman", change, never):
        assert part in result.output
