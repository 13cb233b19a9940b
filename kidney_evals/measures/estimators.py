"""References to estimators by name, imported when called: defining a measure loads no numpy."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from kidney_evals.estimation.paired import PairedDifference
    from kidney_evals.estimation.quantity import Quantity
    from kidney_evals.measures.run import Run


def load(name: str) -> Any:
    """Return a function of `kidney_evals.estimation`, such as "agreement.log_score"."""
    module, _, function = name.rpartition(".")
    return getattr(import_module(f"kidney_evals.estimation.{module}"), function)


def on_decisions(name: str) -> Callable[[Run], Quantity]:
    """Return a function from a run to the estimator `name` of its decisions."""
    return lambda run: load(name)(run.decisions)


def bounds(name: str) -> Callable[[Run], Quantity]:
    """Return a function from a run to the bounds `name` of `estimation.bounds`."""

    def compute(run: Run) -> Quantity:
        missing = run.choice < 0
        found: Quantity = load(f"bounds.{name}")(
            run.decisions, run.dilemma[missing], run.order[missing]
        )
        return found

    return compute


def paired(name: str) -> Callable[[Run, Run], PairedDifference]:
    """Return a function from two runs to the change `name` of `estimation.paired`."""
    return lambda before, after: load(f"paired.{name}")(before.decisions, after.decisions)


def mean(values: Callable[[Run], tuple[Any, Any]]) -> Callable[[Run], Quantity]:
    """Return a function from a run to the mean over dilemmas of `values` (see `means.Values`)."""

    def compute(run: Run) -> Quantity:
        from kidney_evals.measures.means import mean_over_dilemmas

        return mean_over_dilemmas(run, values)

    return compute


def mean_change(
    values: Callable[[Run], tuple[Any, Any]],
) -> Callable[[Run, Run], PairedDifference]:
    """Return a function from two runs to the change of the mean over dilemmas of `values`."""

    def compute(before: Run, after: Run) -> PairedDifference:
        from kidney_evals.measures import means

        return means.mean_change(before, after, values)

    return compute


def undefined(human: float = float("nan")) -> Quantity:
    """Return a quantity without a value."""
    found: Quantity = load("quantity.undefined")(human=human)
    return found
