import math

import pytest

from kidney_evals.estimation.intervals import Interval
from kidney_evals.lab.precision_table import ANSWERS
from kidney_evals.planning.precision import (
    CONSISTENCY,
    Design,
    Expectation,
    detectable,
    detectable_rise,
    effective_answers,
    expectations,
    paired_changes,
)
from kidney_evals.studies.model import Condition

Z2 = 1.959963984540054**2


def drawn(
    dilemmas: int, epochs: int = 1, condition: Condition = "coin_flip", both: int | None = None
) -> Design:
    orders = dilemmas if both is None else both
    return Design("mcelfresh_2021", condition, dilemmas, orders, epochs, drawn=True)


def fixed(epochs: int, condition: Condition = "coin_flip") -> Design:
    return Design("mcelfresh_2021_fixed", condition, 14, 14, epochs, drawn=False)


def row(design: Design, name: str) -> Expectation:
    return {one.row: one for one in expectations(design)}[name]


def test_the_table_agrees_with_the_closed_form() -> None:
    for answers in ANSWERS:
        design = drawn(200, answers // 2) if answers > 1 else drawn(200, both=0)
        for rho, width in zip(CONSISTENCY, row(design, "flip_rate").half_consistent, strict=True):
            # People's own shares differ between dilemmas, which is .10 of the variance.
            size = 200 * answers / (1 + (answers - 1) * (rho + (1 - rho) * 0.1))
            assert width == pytest.approx(1.96 * math.sqrt(0.169 * 0.831 / size), rel=0.06)
    # Of other sizes, with √(D · m) in place of √(200 · m): .3 and .9 of 5 epochs in both orders are
    # .068 and .099, and Student's t for 50 dilemmas adds 2 %.
    many = row(drawn(50, 5), "flip_rate").half_consistent
    assert many == pytest.approx((0.069, 0.101), rel=0.04)
    # Somebody who answers as people do disagrees with himself on .30: 1.96 √(.21 / 335) = .049.
    swaps = row(drawn(335, condition="forced_choice"), "swap_diff").half
    assert swaps == pytest.approx(0.05, abs=0.002)


@pytest.mark.parametrize("condition", ["forced_choice", "coin_flip"])
def test_importance_shares_have_the_standard_errors_of_the_reference(condition: Condition) -> None:
    rows = expectations(drawn(200, condition=condition))
    shares = [one.half / 1.96 for one in rows if one.row.startswith("imp_")]
    assert len(shares) == 3
    assert 0.017 <= min(shares) <= max(shares) <= 0.038


def test_zero_has_a_width() -> None:
    elsewhere = Design("elsewhere", "coin_flip", 40, 40, 1, drawn=True)
    for design, name, high in (
        # Answers to one dilemma may all hang together, so a drawn zero is worth its dilemmas:
        # z² / (200 + z²). On a fixed list every answer counts: z² / (280 + z²).
        (drawn(200), "flip_rate", Z2 / (200 + Z2)),
        (drawn(200, 5), "flip_rate", Z2 / (200 + Z2)),
        (fixed(10), "flip_rate", Z2 / (280 + Z2)),
        (drawn(100, condition="forced_choice"), "swap_diff", Z2 / (100 + Z2)),
        # An unknown study.
        (elsewhere, "flip_rate", Z2 / (40 + Z2)),
    ):
        one = row(design, name)
        assert (one.zero_value, *one.zero) == pytest.approx((0, 0, high), abs=1e-9)
    assert math.isnan(one.half) and math.isnan(one.change.low)


def test_the_models_part_shrinks_with_the_root_of_dilemmas_and_peoples_does_not() -> None:
    small = row(drawn(100, condition="forced_choice"), "swap_diff")
    large = row(drawn(400, condition="forced_choice"), "swap_diff")
    assert small.half == pytest.approx(2 * large.half)  # nothing of people's is in it
    few, many = (row(drawn(n), "agreement").half for n in (200, 200_000))
    assert 0.003 < many < few / 2
    # Dilemmas are bought before epochs.
    for name in ("flip_rate", "agreement", "imp_age"):
        start, wider, longer = (row(drawn(*size), name) for size in ((100, 1), (200, 1), (100, 2)))
        for end in range(2):
            assert wider.half_consistent[end] < longer.half_consistent[end]
            # Next to nothing is gained where a model repeats itself: .9 of it is there already.
            # Widths are means of 30 simulated runs, each with an error of about 2 %.
            assert longer.half_consistent[end] < 1.06 * start.half_consistent[end]


def test_more_epochs_never_widen_an_interval() -> None:
    for epochs in (1, 2, 3, 5, 10, 15, 40, 400):
        now, then = (expectations(fixed(times, "forced_choice")) for times in (epochs, epochs + 1))
        for before, after in zip(now, then, strict=True):
            if before.row in ("agreement", "swap_diff", "distance"):
                assert 0 < after.half <= before.half * 1.0001


def test_rows_that_a_design_cannot_give_are_nan() -> None:
    for design, name, known in (
        (drawn(200, both=0), "distance", False),  # no dilemma has two answers
        (drawn(200, 2, both=0), "distance", True),
        (drawn(200, 2, "forced_choice", both=0), "swap_diff", False),
        (drawn(200, both=0), "flip_rate", True),
        (drawn(200), "distance", True),
    ):
        assert math.isnan(row(design, name).half) is not known


def test_answers_are_worth_less_the_more_alike_they_are() -> None:
    assert effective_answers(drawn(200), 0.3) == pytest.approx(400 / 1.3)
    assert effective_answers(drawn(50, 5), 0.9) == pytest.approx(500 / (1 + 9 * 0.9))
    # On a fixed list only the noise within a question is left.
    assert effective_answers(fixed(10), 0.9) == pytest.approx(280 / 0.1)


def test_a_detectable_rise_inverts_the_textbook_sample_size() -> None:
    for rate, size, rise in (
        # n = (1.95996 √(2 · .15 · .85) + 1.28155 √(.09 + .16))² / .1² = 265.9
        (0.10, 265.86, 0.10),
        # p̄ = .55: (1.95996 √.495 + 1.28155 √(.25 + .24))² / .1² = 518.3
        (0.50, 518.3, 0.10),
        # No run can show it.
        (0.9, 5, math.nan),
        (0.5, 0, math.nan),
    ):
        assert detectable_rise(rate, size) == pytest.approx(rise, abs=1e-4, nan_ok=True)
    # (1.95996 + 1.28155) · √2 · .02
    assert detectable(0.02) == pytest.approx(0.091683, abs=1e-6)


def test_changes_between_pairs_are_those_that_were_simulated() -> None:
    common = {"agreement", "imp_age", "imp_drinks", "imp_dependents"}
    for design, paired in (
        (drawn(200), common | {"flip_rate"}),
        (drawn(200, condition="forced_choice"), common | {"swap_diff"}),
        # Not simulated: fewer than 100 dilemmas, repeats, one order, a fixed list.
        *((design, set()) for design in (drawn(50), drawn(200, 2), drawn(200, both=0), fixed(10))),
    ):
        rows = expectations(design)
        assert {one.row for one in rows if one.paired} == paired
        for one in rows:
            if one.paired:
                changes = paired_changes(design.study, design.condition, one.row, "people", 200)
                assert one.change == Interval(min(changes), max(changes))


def test_changes_span_the_consistency_of_models() -> None:
    one = row(drawn(200, 2), "flip_rate")
    ends = [
        detectable_rise(one.value, effective_answers(drawn(200, 2), rho)) for rho in CONSISTENCY
    ]
    assert one.change == Interval(*ends)
    assert 0.08 < one.change.low < one.change.high < 0.15
    # The change from zero was simulated for the coin only.
    zero = {one.row: one.change_from_zero for one in expectations(drawn(200))}
    assert all(math.isnan(span.low) == (name != "flip_rate") for name, span in zero.items())
    # The model that never flips may rise to what its interval of zero still holds, at the least.
    assert row(drawn(200), "flip_rate").zero.high < zero["flip_rate"].high
