"""Choice models in which the coin is a third answer: Davidson, and Rao and Kupper.

Both models use Δu = Σ_k w_k d_k, with w the weights and d the first minus the second patient.

**Davidson** (JASA 1970, section 2). His worth π of a patient is exp(u), with u the patient's
utility:

    P(first) ∝ exp(Δu/2)    P(second) ∝ exp(-Δu/2)    P(coin) ∝ ν

so that log P(first)/P(second) = Δu for all ν.

**Rao and Kupper** (JASA 1967, section 2): with θ ≥ 1,

    P(first) = π₁/(π₁ + θ π₂)    P(second) = π₂/(θ π₁ + π₂)

and P(coin) is the remainder. This is an ordered logit of the answers second, coin, first with the
predictor Δu and the cut-points ±τ, τ = ln θ.

Both log-likelihoods are concave, so one start is enough: Davidson's as a multinomial logit, Rao and
Kupper's because log P(coin) is log L(τ - Δu) + log L(τ + Δu) + log(1 - exp(-2τ)), a sum of concave
functions (L the logistic function).
"""

import numpy as np
from numpy.typing import ArrayLike

from kidney_evals.estimation import _checks
from kidney_evals.estimation._coin_models import DifferenceFit, fit_coin_model


class DavidsonFit(DifferenceFit):
    """A fitted Davidson model."""

    @property
    def log_nu(self) -> float:
        """Ln ν, the log-odds of the coin against either of two patients of equal value."""
        return self.level


def fit_davidson(
    differences: ArrayLike, choices: ArrayLike, *, clusters: ArrayLike | None = None
) -> DavidsonFit:
    """Fit Davidson's model by maximum likelihood.

    Raises:
        FitError: No coin, only coins, separated answers, attributes without variation, or no
            optimum was reached.
    """
    x = _checks.matrix(differences, "differences")
    choice = _checks.answers_with_coin(choices, len(x), "Davidson's model")
    coins = float((choice == 2).mean())
    # The level at which the model with zero weights has the observed rate of coins.
    start = np.append(np.zeros(x.shape[1]), np.log(2 * coins / (1 - coins)))
    return fit_coin_model(DavidsonFit, "davidson", x, choice, [start], clusters=clusters)


def fit_rao_kupper(
    differences: ArrayLike, choices: ArrayLike, *, clusters: ArrayLike | None = None
) -> DifferenceFit:
    """Fit Rao and Kupper's model by maximum likelihood; `level` of the fit is the cut-point τ.

    Raises:
        FitError: In the same cases as `fit_davidson`.
    """
    x = _checks.matrix(differences, "differences")
    choice = _checks.answers_with_coin(choices, len(x), "Rao and Kupper's model")
    coins = float((choice == 2).mean())
    start = np.append(np.zeros(x.shape[1]), np.log((1 + coins) / (1 - coins)))
    return fit_coin_model(DifferenceFit, "rao_kupper", x, choice, [start], clusters=clusters)
