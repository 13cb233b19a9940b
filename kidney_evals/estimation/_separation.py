"""Does a linear rule explain the answers without error, so that no finite logit fits best?"""

from __future__ import annotations

import numpy as np

from kidney_evals.estimation._checks import Floats

_STEPS = 12


def is_separated(design: Floats, outcome: Floats, start: Floats) -> bool:
    """Say whether the answers are completely or quasi-completely separated.

    They are when some direction d ≠ 0 has d·x_i ≥ 0 for every row with outcome 1, ≤ 0 for every
    row with outcome 0 and = 0 for every row in between, not all of them zero (Albert and Anderson
    1984).

    Two proofs are cheap and nearly always at hand. Newton's steps for the maximum likelihood
    either end in residuals that rule such a direction out, or in a θ that is one itself. Only
    where neither shows within a few steps (mostly quasi-complete separation) is the linear
    programme solved.

    Args:
        design: Full-rank design with its intercept column, shape (n, p).
        outcome: Share choosing the first patient, in [0, 1], shape (n,).
        start: Where Newton's steps begin, shape (p,); a fit's estimate saves most of them.
    """
    if design.shape[1] == 0:
        return False
    sign = np.where(outcome == 1, 1.0, np.where(outcome == 0, -1.0, 0.0))
    theta = start
    for _ in range(_STEPS):
        eta = design @ theta
        if (sign * eta > 1e-8).all():
            return True
        probability = 0.5 * (1 + np.tanh(0.5 * eta))
        residual = outcome - probability
        weighted = design * (probability * (1 - probability))[:, None]
        try:
            step = np.linalg.solve(weighted.T @ design, residual @ design)
        except np.linalg.LinAlgError:
            break
        # By Stiemke's lemma they are not separated when positive λ_i exist with Σ λ_i s_i x_i = 0,
        # s_i the sign of row i. Residuals after one linear correction meet the sum exactly; only
        # their signs are left to check.
        corrected = residual - weighted @ step
        if ((sign * corrected > 1e-8) | (sign == 0)).all():
            return False
        theta = theta + step
    return _programme_separates(design, outcome)


def _programme_separates(design: Floats, outcome: Floats) -> bool:
    """Solve max Σ_i |d·x_i| over separating directions d in the unit box (Konis 2007)."""
    from scipy.optimize import linprog  # here: it takes a fifth of a second to import

    scaled = design / np.abs(design).max(axis=0)
    rows = np.unique(np.column_stack([scaled, outcome]), axis=0)
    points, share = rows[:, :-1], rows[:, -1]
    inner = (share > 0) & (share < 1)
    signed = np.where(share == 1, 1.0, -1.0)[:, None] * points
    constraints = np.vstack([signed, points[inner]])  # inner rows: both signs, hence 0
    gain = signed[~inner].sum(axis=0)
    result = linprog(
        -gain, A_ub=-constraints, b_ub=np.zeros(len(constraints)), bounds=(-1, 1), method="highs"
    )
    return bool(result.status == 0 and (signed[~inner] @ result.x).sum() > 1e-7)
