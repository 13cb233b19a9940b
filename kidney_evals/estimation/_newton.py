"""Newton's method with step halving, in the whole space or inside a box."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation._checks import Floats
from kidney_evals.estimation._linear import solve

Objective = Callable[[Floats], tuple[float, Floats, Floats]]
"""Value to be made large, gradient (p,) and positive definite curvature (p, p) at a point."""

_MAX_STEP = 2.0


def climb(
    objective: Objective,
    start: Floats,
    *,
    limit: int = 200,
    box: tuple[Floats, Floats] | None = None,
    settled: float = 1e-11,
) -> tuple[Floats, bool]:
    """Climb to a maximum.

    Args:
        objective: Value, gradient and curvature (minus the second derivatives, or a positive
            definite stand-in) at a point; a value that is not finite marks a forbidden point.
        start: Allowed point to begin with, shape (p,).
        limit: Largest number of steps.
        box: Lowest and highest allowed point, each of shape (p,). Parameters that the gradient
            presses against the box stay there (Bertsekas 1982, projected Newton).
        settled: Length of a step that is as good as none; longer than the default for gradients
            by differences, whose rounding goes on making steps.

    Returns:
        The last point, never worse than the first, and whether it is a maximum.
    """
    theta = start.copy()
    value, gradient, curvature = objective(theta)
    for _ in range(limit):
        try:
            step = (
                solve(curvature, gradient)
                if box is None
                else _inward_step(theta, gradient, curvature, *box)
            )
        except np.linalg.LinAlgError:
            return theta, False
        size = float(np.abs(step).max(initial=0.0))
        if not np.isfinite(size):
            return theta, False
        if size < settled:
            return theta, True
        step *= min(1.0, _MAX_STEP / size)
        for _ in range(40):
            trial = theta + step
            if box is not None:
                trial = np.clip(trial, *box)
            candidate = objective(trial)
            if candidate[0] >= value - 1e-13 * abs(value):
                break
            step = step / 2
        else:
            # No gain can be told from rounding any more.
            return theta, size < 1e-6
        theta, (value, gradient, curvature) = trial, candidate
    return theta, False


def _inward_step(
    theta: Floats, gradient: Floats, curvature: Floats, low: Floats, high: Floats
) -> Floats:
    """Newton step of the parameters that are free to move, 0 for those held by the box."""
    bottom, top = theta <= low, theta >= high
    held = pressed(theta, gradient, low, high)
    step = np.zeros_like(theta)
    while not held.all():
        free = ~held
        step[:] = 0.0
        step[free] = solve(curvature[np.ix_(free, free)], gradient[free])
        # A step that leaves the box is cut to nothing there, and what remains of it need not climb.
        leaving = free & ((bottom & (step < 0)) | (top & (step > 0)))
        if not leaving.any():
            return step
        held = held | leaving
    return np.zeros_like(theta)


def pressed(theta: Floats, gradient: Floats, low: Floats, high: Floats) -> NDArray[np.bool_]:
    """Return which parameters the gradient presses against their end of the box, shape (p,)."""
    result: NDArray[np.bool_] = ((theta <= low) & (gradient <= 0)) | (
        (theta >= high) & (gradient >= 0)
    )
    return result


def free_curvature(observed: Floats, expected: Floats, held: NDArray[np.bool_]) -> Floats:
    """Return the curvature for steps of the parameters that are free to move, shape (p, p).

    At the box the likelihood may well bend upwards along a parameter that is held there. That
    must not cost the others their second derivatives.

    Args:
        observed: Minus the second derivatives, shape (p, p); used among the free parameters where
            it is positive definite.
        expected: Positive definite stand-in, shape (p, p), whose diagonal is that of held ones.
        held: Which parameters cannot move, shape (p,).
    """
    curvature: Floats = np.diag(np.diag(expected))
    inside = np.ix_(~held, ~held)
    curvature[inside] = definite(observed[inside], expected[inside])
    return curvature


def definite(observed: Floats, expected: Floats) -> Floats:
    """Return `observed` where it is positive definite, else `expected`, both of shape (p, p)."""
    # Parameters without information (no intercept, no coin) must not hide that the rest has it.
    live: NDArray[np.bool_] = np.diag(expected) > 0
    try:
        np.linalg.cholesky(observed[np.ix_(live, live)])
    except np.linalg.LinAlgError:
        return expected
    return observed
