"""The modules of `kidney_evals.estimation`, each imported at its first use.

Inspect imports the measures when it starts, so they must not load numpy:
`estimators.agreement.agreement(run.decisions)` does so when a measure is computed.
"""

from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kidney_evals.estimation import agreement as agreement
    from kidney_evals.estimation import bounds as bounds
    from kidney_evals.estimation import calibration as calibration
    from kidney_evals.estimation import centrality as centrality
    from kidney_evals.estimation import consistency as consistency
    from kidney_evals.estimation import decisions as decisions
    from kidney_evals.estimation import distance as distance
    from kidney_evals.estimation import importance as importance
    from kidney_evals.estimation import indecision as indecision
    from kidney_evals.estimation import intervals as intervals
    from kidney_evals.estimation import paired as paired
    from kidney_evals.estimation import probes as probes
    from kidney_evals.estimation import slopes as slopes
    from kidney_evals.estimation import thresholds as thresholds


def __getattr__(name: str) -> ModuleType:
    if name.startswith("__"):
        raise AttributeError(name)
    return import_module(f"kidney_evals.estimation.{name}")
