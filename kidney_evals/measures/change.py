"""The change of a measure between two runs on the same dilemmas, compared in pairs."""

from __future__ import annotations

from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.paired import PairedDifference
from kidney_evals.measures.registry import find
from kidney_evals.measures.run import Run, on_shared


def change(before: Run, after: Run, id: str) -> PairedDifference:
    """Return how much a measure changed from one run to another, over the dilemmas they share.

    Args:
        before: One run.
        after: Another run in the same study and condition, by any respondent.
        id: A measure with a paired difference.

    Returns:
        Second less first, with its interval and the p-value of no change; NaN with n = 0 where
        the runs share nothing of what the measure needs.

    Raises:
        InputError: The measure has no paired difference or does not apply, or the runs are of other
            studies, conditions or human tables.
        UserError: There is no such measure.
    """
    one = find(id)
    if one.change is None or not one.applies(before):
        raise InputError(f"measure {id!r} has no paired difference in these runs")
    if one.other_mechanism == "undefined" and (before.borrows_coin or after.borrows_coin):
        raise InputError(f"{id!r} is against people's coins, and a run offered something else")
    return one.change(*on_shared(before, after))
