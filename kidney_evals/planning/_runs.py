"""What simulated runs behind a table have in common."""

from __future__ import annotations


def binomial_error(share: float, runs: int) -> float:
    """Return the standard error of a share of independent runs.

    Args:
        share: The share; with none or all of the runs, the error is that of one more or less.
        runs: How many runs.
    """
    inside = min(max(share, 1 / runs), 1 - 1 / runs)
    return float((inside * (1 - inside) / runs) ** 0.5)
