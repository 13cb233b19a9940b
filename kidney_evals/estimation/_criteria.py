"""Information criteria of a fitted model."""

from __future__ import annotations

import numpy as np


class Criteria:
    """AIC and BIC of a result that holds `log_likelihood`, `parameters` and `n`."""

    log_likelihood: float
    parameters: int
    n: int

    @property
    def aic(self) -> float:
        """Akaike's criterion, 2p - 2 log L."""
        return 2 * self.parameters - 2 * self.log_likelihood

    @property
    def bic(self) -> float:
        """Schwarz's criterion, p log n - 2 log L."""
        return self.parameters * float(np.log(self.n)) - 2 * self.log_likelihood


class PanelCriteria(Criteria):
    """The same of a model of people, who are its independent units."""

    people: int

    @property
    def bic(self) -> float:
        """Schwarz's criterion with people as the units, p log people - 2 log L."""
        return self.parameters * float(np.log(self.people)) - 2 * self.log_likelihood
