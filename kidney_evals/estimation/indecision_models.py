"""The six indecision models of McElfresh et al. (2021).

Source: McElfresh, Chan, Doyle, Sinnott-Armstrong, Conitzer, Schaich Borg and Dickerson,
"Indecision Modeling" (AAAI 2021, arXiv 2012.08485), and the code published with it.

The value of a patient is u = w·p, with p the patient's attribute values and w the weights. The
first patient has p₁ and u₁, the second p₂ and u₂; λ is the level of the coin. Five models give each
answer a score S, with P(answer) ∝ exp(S):

    name        score of first              of second                   of the coin
    min_delta   u₁ - u₂                     u₂ - u₁                     λ
    max_delta   u₁ - u₂                     u₂ - u₁                     2·|u₁ - u₂| - λ
    min_u       u₁                          u₂                          λ
    max_u       u₁                          u₂                          2·min(u₁, u₂) - λ
    dom         min_j w_j (p₁ - p₂)_j       min_j w_j (p₂ - p₁)_j       λ

with the minimum over attributes j.

The sixth model, `random`, takes the coin at a constant rate 1/(1 + exp(-λ)) and otherwise decides
by a logit of u₁ - u₂. `min_u` and `max_u` are `min_like` and `max_like` in the published code. That
these are the paper's Min-U and Max-U is inferred from the names, not verified.

**The free form** has no bounds. `min_delta` is then Davidson's model (`ties.fit_davidson`): its
weights w are half of Davidson's weights, and its λ is Davidson's ln ν. In `min_u` and `max_u` the
values u are measured from the average patient.

**The authors' form** bounds every weight by ±1. It bounds |λ| by the largest difference of values
that weights of 0 or 1 can give, plus .2; in `min_u` and `max_u` by the largest value, plus .2; in
`random` by 23, where the rate is 1e-10 or 1 minus this. In `min_delta` and `max_delta` also λ ≥ 0,
which implies P(coin) ≥ 1/3 between equal patients in `min_delta`. The bounds apply to the authors'
features, (value - lowest)/highest of each attribute: pass these as the patients' values. The
authors search over trial points; here Newton's method maximises the likelihood.

`min_delta`, `min_u` and `random` have concave log-likelihoods. The other models can have several
maxima and are fitted from several starts. Their standard errors depend on the few rows near a
(smoothed) corner of their scores and are approximate.
"""

from contextlib import suppress
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import CoinFit, fit_coin_model, spread
from kidney_evals.estimation._fit import UNBOUNDED, Box
from kidney_evals.estimation.arrays import Floats, Ints
from kidney_evals.estimation.errors import FitError, InputError

IndecisionModel = Literal["random", "min_delta", "max_delta", "min_u", "max_u", "dom"]
"""Names of the six indecision models of McElfresh et al. (2021)."""

Form = Literal["free", "authors"]
"""`free` has no bounds, `authors` has the bounds of the published code."""

MODELS: tuple[IndecisionModel, ...] = get_args(IndecisionModel)

STARTS = 6
"""Number of starting points for a model whose likelihood may have several maxima."""

_MARGIN = 0.2
"""Amount that the authors add to the largest difference or value when they bound λ."""

_SMALLEST_RATE = 1e-10
"""The authors' smallest flip rate of `random`; the largest is 1 minus this."""


class IndecisionFit(CoinFit):
    """A fit of one of the six models; the fields are those of `CoinFit`."""

    def predict(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Return P(first), P(second) and P(coin), shape (n, 3).

        `first` and `second` hold the two patients' values of the attributes, each of shape (n, k).
        """
        one, two = _checks.pair(first, second)
        return self.shares(one - two, (one + two) / 2)


def fit_indecision_model(
    model: IndecisionModel,
    first: ArrayLike,
    second: ArrayLike,
    choices: ArrayLike,
    *,
    form: Form = "free",
    clusters: ArrayLike | None = None,
    starts: int = STARTS,
    seed: int = 0,
) -> IndecisionFit:
    """Fit one of the six indecision models by maximum likelihood.

    Args:
        model: Name of the model.
        first: The first patient's attribute values for each answer, shape (n, k); in the form
            `authors` the authors' features.
        second: The second patient's values, as `first`.
        choices: 0 first patient, 1 second, 2 coin, shape (n,).
        form: `free` or `authors`, the bounds on the parameters.
        clusters: Labels of answers that belong together, for the covariance, shape (n,).
        starts: Number of starting points of `max_delta`, `max_u` and `dom`.
        seed: Seed of the starting points.

    Raises:
        FitError: No coin, only coins, separated answers, attributes without variation or linearly
            dependent, or no optimum was reached.
    """
    if model not in MODELS:
        raise InputError(f"model is {model!r}, allowed are {list(MODELS)}")
    if form not in get_args(Form):
        raise InputError(f"form is {form!r}, allowed are {list(get_args(Form))}")
    starts, seed = _checks.whole(starts, "starts", 1), _checks.whole(seed, "seed", 0)
    one, two = _checks.pair(first, second)
    n, k = one.shape
    choice = _checks.answers_with_coin(choices, n, f"the model {model}")
    box, origin = UNBOUNDED, (one.mean(axis=0) + two.mean(axis=0)) / 2
    if form == "authors":
        box, origin = _authors_box(model, one, two), np.zeros(k)
    points = [np.clip(point, *box) for point in _starts(model, one - two, choice, starts, seed)]
    return fit_coin_model(
        IndecisionFit, model, one - two, choice, points, clusters=clusters,
        mean=(one + two) / 2 - origin, origin=origin, box=box,
    )  # fmt: skip


def _starts(
    model: IndecisionModel, x: Floats, choice: Ints, starts: int, seed: int
) -> list[Floats]:
    """Return zero for a concave model, else a concave model's weights and random ones."""
    k = x.shape[1]
    zero = np.zeros(k + 1)
    if model in ("random", "min_delta", "min_u"):
        return [zero]
    unit = spread(x)
    random = np.random.Generator(np.random.PCG64(seed)).standard_normal((starts, k))
    points = [np.append(row / unit, 0.0) for row in random]
    with suppress(FitError):
        guide = fit_coin_model(CoinFit, "min_delta", x, choice, [zero])
        # The level λ of the concave model is not used: it has another meaning in other models.
        points[0] = np.append(guide.weights, 0.0)
    return points


def _authors_box(model: IndecisionModel, first: Floats, second: Floats) -> Box:
    """Return the lowest and highest (w, λ) of the published code."""
    gap = first - second
    # With weights of 0 or 1 the extremes are the sums of the positive and of the negative parts.
    farthest = max(float(np.maximum(side, 0).sum(axis=1).max()) for side in (gap, -gap)) + _MARGIN
    best = float(np.maximum(np.vstack([first, second]), 0).sum(axis=1).max()) + _MARGIN
    most = np.log((1 - _SMALLEST_RATE) / _SMALLEST_RATE)
    bound = {"random": most, "min_u": best, "max_u": best}.get(model, farthest)
    low = 0.0 if model in ("min_delta", "max_delta") else -bound
    ones = np.ones(first.shape[1])
    return np.append(-ones, low), np.append(ones, bound)
