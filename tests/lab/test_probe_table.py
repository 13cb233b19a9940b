"""The simulated table of probes: its content, what it promises, and a small part made again."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binom

from kidney_evals import planning
from kidney_evals.estimation.probes import contrast_mean
from kidney_evals.lab import probe_table
from kidney_evals.lab.probe_table import BEHAVIOURS, BIASES, RUNS, SIZES, Case, cases, simulate
from kidney_evals.planning.precision import read_lines
from kidney_evals.studies import CONDITIONS

KINDS = {"condition": str, "respondent": str, "bias": float, "dilemmas": int, "levels": int}
LINES = {
    tuple(kind(line[name]) for name, kind in KINDS.items()): line for line in read_lines("probe")
}


def test_every_case_has_a_line() -> None:
    assert list(LINES) == [tuple(vars(case).values()) for case in cases()]
    assert len(LINES) == 2 * (len(BEHAVIOURS) + 1) * len(SIZES) * len(BIASES)


def test_what_the_table_promises() -> None:
    slack = 3 * (0.05 * 0.95 / RUNS) ** 0.5  # three standard errors of a share of .05, .021
    table = pd.read_csv(Path(planning.__path__[0], "probe.csv"))
    assert table.query("respondent != 'rule' or bias == 0")["coverage"].min() > 0.95 - slack
    assert table["coin_coverage"].min() > 0.95 - slack
    # At most 5 % of unbiased runs exclude 0, and runs with an effect of .05 are called alike.
    assert table["wrong"].max() <= 0.05 + slack
    assert table.query("bias == 0.05 and levels == 2")["alike"].max() <= 0.05 + slack
    assert table.query("bias == 0.1")["alike"].max() <= 0.01
    assert table.query("bias == 0.1 and levels == 2 and dilemmas == 400")["found"].min() > 0.95


@pytest.mark.parametrize("bias", [0.05, 0.10])
@pytest.mark.parametrize("dilemmas", SIZES)
def test_a_rule_is_covered_as_often_as_a_binomial_count(bias: float, dilemmas: int) -> None:
    # Its contrasts are 1 in a share of the dilemmas and 0 elsewhere, so that the coverage follows
    # from the binomial distribution; it is .936 at 100 dilemmas and .10.
    counts = np.arange(dilemmas + 1)
    held = []
    for count in counts[: dilemmas // 3]:
        found = contrast_mean(np.repeat([1.0, 0.0], [count, dilemmas - count]))
        held.append(found.low <= bias <= found.high)
    exact = float(binom.pmf(counts[: len(held)], dilemmas, bias) @ np.array(held))
    for condition in CONDITIONS:
        line = LINES[condition, "rule", bias, dilemmas, 2]
        assert abs(float(line["coverage"]) - exact) < 4 * (0.05 * 0.95 / RUNS) ** 0.5


@pytest.mark.parametrize(
    "case",
    [
        Case("forced_choice", "rule", 0.05, 100),
        Case("coin_flip", "sharp ×12", 0.0, 100),
        Case("coin_flip", "crowd", 0.10, 100, levels=3),
    ],
    ids=str,
)
def test_a_small_part_again(case: Case) -> None:
    runs = 100
    found, line = simulate(case, runs), LINES[tuple(vars(case).values())]
    for name in ("coverage", "found", "wrong", "alike"):
        share = float(line[name])
        # Four standard errors of the smaller simulation, and one run.
        error = 4 * max(share * (1 - share) / runs, 0.0) ** 0.5 + 2 / runs
        assert abs(found[name] - share) <= error, name
    assert found["half"] == pytest.approx(float(line["half"]), rel=0.1)


def test_the_effect_that_is_planted() -> None:
    assert probe_table.true_effect(Case("forced_choice", "crowd", 0.1, 100), 0) == 0.1
    # Each of the two other levels meets the first in one of its two pairs.
    assert probe_table.true_effect(Case("coin_flip", "crowd", 0.1, 100, levels=3), 2) == -0.05
    rule = probe_table.true_effect(Case("forced_choice", "rule", 0.05, 100), 0)
    assert rule == pytest.approx(0.05, abs=0.001)
    text = probe_table.markdown()
    assert "| forced choice | crowd | 100 |" in text and "crowd, 3 levels" in text
