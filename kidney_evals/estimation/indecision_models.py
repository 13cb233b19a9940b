"""The six indecision models of McElfresh et al. (2021).

Source: McElfresh, Chan, Doyle, Sinnott-Armstrong, Conitzer, Schaich Borg and Dickerson,
"Indecision Modeling" (AAAI 2021, arXiv 2012.08485), and the code published with it.

With u(p) = w·p the value of a patient and u₁, u₂ those of the first and the second, five models
give each answer a score S and choose P(answer) ∝ exp(S):

    name        score of first              of second                   of the coin
    min_delta   u₁ - u₂                     u₂ - u₁                     λ
    max_delta   u₁ - u₂                     u₂ - u₁                     2·|u₁ - u₂| - λ
    min_u       u₁                          u₂                          λ
    max_u       u₁                          u₂                          2·min(u₁, u₂) - λ
    dom         min_j w_j (p₁ - p₂)_j       min_j w_j (p₂ - p₁)_j       λ

and `random` flips at a constant rate 1/(1 + exp(-λ)) and else decides by a logit of u₁ - u₂.
`min_u` and `max_u` are `min_like` and `max_like` in the authors' published code; that these are
the paper's Min-U and Max-U is a reading of the names, not verified.

**The free form** has no bounds. It differs from the authors' form in this:

- Min-δ is Davidson's model (`ties.fit_davidson`) exactly: w is half of Davidson's, λ is ln ν.
- The authors bound every weight by ±1 and λ by the largest difference, or value, that weights of
  0 or 1 can give their features, plus .2; in `min_delta` and `max_delta` λ ≥ 0 as well. A bound of
  ±1 on weights also bounds how sharply anybody can decide. λ ≥ 0 in `min_delta` forces at least a
  third of coins between equal patients.
- Their box is meant for their features, (value - lowest)/highest of each attribute (the highest
  value and not the range stands below the line): pass these as the patients' values. In the free
  form a scale changes only the unit of the weights, and an origin nothing, because λ of `min_u`
  and `max_u` is measured from the average patient.
- They search by trial points; here Newton's method climbs to where no parameter can improve.

`min_delta`, `min_u` and `random` have concave log-likelihoods. The others can have several maxima
and climb from several starts. The corners of |u₁ - u₂| and of the minima are rounded off over
.01 logits (`_functions.ROUNDING`), so that gradients exist everywhere; without rounding they would
be, at a corner, the mean of the slopes on its sides, an element of the sub-differential. Errors of
`max_delta`, `max_u` and `dom` rest on the few rows near a corner and are rough.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._checks import Floats, Ints
from kidney_evals.estimation._criteria import Criteria
from kidney_evals.estimation._functions import logistic
from kidney_evals.estimation._link_fit import find_maximum, spread
from kidney_evals.estimation._links import Model
from kidney_evals.estimation.errors import FitError, InputError

IndecisionModel = Literal["random", "min_delta", "max_delta", "min_u", "max_u", "dom"]
"""Models of the family."""

Form = Literal["free", "authors"]
"""`free` has no bounds, `authors` is boxed as in the published code."""

MODELS: tuple[IndecisionModel, ...] = get_args(IndecisionModel)

STARTS = 6
"""Starting points of a model whose likelihood may have several maxima."""

_MARGIN = 0.2
"""What the authors add to the largest difference or value when they bound λ."""

_SMALLEST_RATE = 1e-10
"""The authors' smallest flip rate of `random`; one less it is the largest."""


@dataclass(frozen=True)
class IndecisionFit(Criteria):
    """A fitted model of the family.

    Attributes:
        model: Its name.
        form: Free or the authors'.
        weights: w per unit of the values as given, shape (k,).
        level: λ; the log-odds of the coin in `random`.
        intercept: Log-odds for the first place between equal patients, 0 if not fitted.
        origin: Values from which u is measured, shape (k,).
        covariance: Of (w, λ, intercept), shape (k+2, k+2): zeros for what was not fitted, NaN for
            what the box holds; clustered sandwich where clusters were given.
        log_likelihood: At the estimate.
        n: Number of answers.
        clusters: Number of clusters, None where none were given.
        parameters: How many were estimated, those that the box holds among them.
        at_box: Which of (w, λ, intercept) the authors' box holds, shape (k+2,).
        starts: How many starting points were climbed from.
        agreeing: How many of them led to this maximum.
        converged: Always True; a fit that does not converge raises.
    """

    model: IndecisionModel
    form: Form
    weights: Floats
    level: float
    intercept: float
    origin: Floats
    covariance: Floats
    log_likelihood: float
    n: int
    clusters: int | None
    parameters: int
    at_box: tuple[bool, ...]
    starts: int
    agreeing: int
    converged: bool

    @property
    def theta(self) -> Floats:
        """All parameters in the order of `covariance`, shape (k+2,)."""
        return np.append(self.weights, [self.level, self.intercept])

    @property
    def flip_rate(self) -> float:
        """The constant flip rate of `random`; NaN for the others."""
        return float(logistic(np.array(self.level))) if self.model == "random" else float("nan")

    def predict(self, first: ArrayLike, second: ArrayLike) -> Floats:
        """Return P(first), P(second), P(coin) without the pull of the first place, (n, 3).

        Args:
            first: Values of the first patient, shape (n, k).
            second: Values of the second patient, shape (n, k).
        """
        one, two = _patients(first, second)
        if one.shape[1] != len(self.weights):
            raise InputError(f"patients must have {len(self.weights)} values, not {one.shape[1]}")
        model = Model(self.model, one - two, (one + two) / 2 - self.origin)
        return model.shares(np.append(self.weights, [self.level, 0.0]))


def fit_indecision_model(
    model: IndecisionModel,
    first: ArrayLike,
    second: ArrayLike,
    choices: ArrayLike,
    *,
    form: Form = "free",
    clusters: ArrayLike | None = None,
    intercept: bool = False,
    starts: int = STARTS,
    seed: int = 0,
) -> IndecisionFit:
    """Fit one model of the family by maximum likelihood.

    Args:
        model: Its name.
        first: Values of the first patient, shape (n, k); the authors' features in their form.
        second: Values of the second patient, shape (n, k).
        choices: 0 first, 1 second, 2 coin, shape (n,).
        form: Free or boxed as the authors'.
        clusters: Labels of rows that belong together (the dilemma), shape (n,).
        intercept: Fit the pull of the first place, which the authors' form does not know.
        starts: Starting points of `max_delta`, `max_u` and `dom`.
        seed: Of the starting points.

    Raises:
        InputError: Wrong shapes or values, an unknown model or form, or an intercept in the
            authors' form.
        FitError: No coin, only coins, separated answers, attributes without variation, or no
            optimum was reached.
    """
    if model not in MODELS:
        raise InputError(f"model is {model!r}, allowed are {list(MODELS)}")
    if form not in get_args(Form):
        raise InputError(f"form is {form!r}, allowed are {list(get_args(Form))}")
    if form == "authors" and intercept:
        raise InputError("the authors' form has no intercept: use form='free'")
    starts, seed = _checks.whole(starts, "starts", 1), _checks.whole(seed, "seed", 0)
    one, two = _patients(first, second)
    n, k = one.shape
    choice = _checks.answers_with_coin(choices, n, f"the model {model}")
    origin = (one.mean(axis=0) + two.mean(axis=0)) / 2 if form == "free" else np.zeros(k)
    x, mean = one - two, (one + two) / 2 - origin
    box = _authors_box(model, one, two) if form == "authors" else None
    points = _starts(model, x, choice, starts, seed)
    if box is not None:
        points = [np.clip(point, *box) for point in points]
    optimum = find_maximum(
        model, x, mean, choice, points, intercept=intercept, clusters=clusters, box=box
    )
    return IndecisionFit(
        model=model,
        form=form,
        weights=optimum.theta[:k],
        level=float(optimum.theta[k]),
        intercept=float(optimum.theta[k + 1]),
        origin=origin,
        covariance=optimum.covariance,
        log_likelihood=optimum.log_likelihood,
        n=n,
        clusters=optimum.clusters,
        parameters=optimum.parameters,
        at_box=tuple(optimum.held.tolist()),
        starts=len(points),
        agreeing=optimum.agreeing,
        converged=True,
    )


def _patients(first: ArrayLike, second: ArrayLike) -> tuple[Floats, Floats]:
    one, two = _checks.matrix(first, "first"), _checks.matrix(second, "second")
    if one.shape != two.shape:
        raise InputError(f"first has shape {one.shape}, second {two.shape}: they must agree")
    return one, two


def _starts(
    model: IndecisionModel, x: Floats, choice: Ints, starts: int, seed: int
) -> list[Floats]:
    """Zero for the concave models; else a concave model's weights, then random ones.

    Random weights are normal with the standard deviation of one logit per attribute's spread.
    """
    k = x.shape[1]
    nothing = np.zeros(k + 2)
    if model in ("random", "min_delta", "min_u"):
        return [nothing]
    unit = np.append(spread(x), [1.0, 1.0])
    random = np.random.Generator(np.random.PCG64(seed)).standard_normal((starts, k))
    points = [np.append(row, [0.0, 0.0]) / unit for row in random]
    try:
        guide = find_maximum(
            "min_delta", x, np.zeros_like(x), choice, [nothing], intercept=False, clusters=None
        )
    except FitError:
        return points
    # The guide's level would put the coin far above or below the scores of another model.
    return [np.append(guide.theta[:k], [0.0, 0.0]), *points[1:]]


def _authors_box(model: IndecisionModel, first: Floats, second: Floats) -> tuple[Floats, Floats]:
    """Return the lowest and highest (w, λ, intercept) of the published code."""
    gap = first - second
    # Weights of 0 or 1 reach the sum of the positive or of the negative parts, never of both.
    farthest = max(
        float(np.maximum(gap, 0).sum(axis=1).max()), float(np.maximum(-gap, 0).sum(axis=1).max())
    )
    best = float(np.maximum(np.vstack([first, second]), 0).sum(axis=1).max())
    most = np.log((1 - _SMALLEST_RATE) / _SMALLEST_RATE)
    low, high = {
        "random": (-most, most),
        "min_delta": (0.0, farthest + _MARGIN),
        "max_delta": (0.0, farthest + _MARGIN),
        "min_u": (-best - _MARGIN, best + _MARGIN),
        "max_u": (-best - _MARGIN, best + _MARGIN),
        "dom": (-farthest - _MARGIN, farthest + _MARGIN),
    }[model]
    ones = np.ones(first.shape[1])
    return np.append(-ones, [low, 0.0]), np.append(ones, [high, 0.0])
