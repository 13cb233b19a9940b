"""The change of a row between two runs on the same dilemmas, compared in pairs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.decisions import Decisions
from kidney_evals.estimation.errors import InputError
from kidney_evals.estimation.paired import (
    PairedDifference,
    agreement_change,
    calibration_change,
    distance_change,
    indecision_change,
    swap_change,
)
from kidney_evals.estimation.paired_importance import (
    importance_changes,
    importance_distance_change,
)
from kidney_evals.measures.names import COIN_ROWS, IMPORTANCE
from kidney_evals.measures.run import Run

T = TypeVar("T", bound=np.generic)

CHANGES: Final[Mapping[str, Callable[[Decisions, Decisions], PairedDifference]]] = {
    "agreement": agreement_change,
    "distance": distance_change,
    "fixed_dist": distance_change,
    "flip_calib": calibration_change,
    "flip_rate": indecision_change,
    "swap_diff": swap_change,
}
"""Rows with a paired difference of their own; importance shares and their distance join them."""


def change(before: Run, after: Run, row: str) -> PairedDifference:
    """Return how much a row changed from one run to another, over the dilemmas they share.

    Args:
        before: One run.
        after: Another run in the same study and condition, by any respondent.
        row: One of `CHANGES`, `share_dist` or `imp_<attribute>`.

    Returns:
        Second less first, with its interval and the p-value of no change; NaN with n = 0 where
        the runs share nothing of what the row needs.

    Raises:
        InputError: Another row, or runs of other studies, conditions or human tables; or a row
            against people's coins where a run offered another mechanism of indecision.
    """
    if row in COIN_ROWS and (before.borrows_coin or after.borrows_coin):
        raise InputError(f"row {row!r} is against people's coins, and a run offered something else")
    one, two = aligned(before, after)
    if row in CHANGES:
        return CHANGES[row](one, two)
    # Weights are fitted to answers one by one.
    one, two = one.drawn, two.drawn
    spans, reference = before.study.spans, before.reference
    if row == "share_dist":
        return importance_distance_change(
            one, two, spans, reference.importance, reference.importance_draws
        )
    name = row.removeprefix(IMPORTANCE.rstrip("*"))
    if name == row or name not in before.study.attribute_ids:
        shares = [IMPORTANCE.replace("*", each) for each in before.study.attribute_ids]
        raise InputError(f"row is {row!r}, allowed are {[*CHANGES, 'share_dist', *shares]}")
    return importance_changes(one, two, spans)[before.study.attribute_ids.index(name)]


def aligned(before: Run, after: Run) -> tuple[Decisions, Decisions]:
    """Return the answers of two runs over one list, that of the dilemmas they share.

    Raises:
        InputError: As in `change`, or no dilemma is shared.
    """
    one, two = on_shared(before, after)
    return one.decisions, two.decisions


def on_shared(before: Run, after: Run) -> tuple[Run, Run]:
    """Return two runs on the dilemmas they share, listed alike.

    Raises:
        InputError: As in `change`, or no dilemma is shared.
    """
    for what, first, second in (
        ("studies", before.study.hash, after.study.hash),
        ("conditions", before.reference.condition, after.reference.condition),
        ("human tables", before.reference.sha256, after.reference.sha256),
    ):
        if first != second:
            raise InputError(f"the runs have different {what}: {first} and {second}")
    theirs = {one.id: one for one in after.dilemmas}
    shared = [one for one in before.dilemmas if one.id in theirs]
    for one in shared:
        if theirs[one.id] != one:
            raise InputError(f"dilemma {one.id} has other patients in the second run")
    if not shared:
        raise InputError("the runs share no dilemma")
    names = sorted(one.id for one in shared)
    return _on(before, names), _on(after, names)


def part_of(run: Run, keep: NDArray[np.bool_]) -> Run:
    """Return some of the samples of a run, its dilemmas listed as before.

    Args:
        run: The run.
        keep: Which samples, shape (n,).
    """
    return replace(
        run,
        dilemma=run.dilemma[keep],
        order=run.order[keep],
        epoch=run.epoch[keep],
        choice=run.choice[keep],
        first_choice=run.first_choice[keep],
        outcomes=run.outcomes[keep],
        departures=run.departures[keep],
        wording=_kept(run.wording, keep),
        chances=_kept(run.chances, keep),
        outside=_kept(run.outside, keep),
    )


def _on(run: Run, names: Sequence[str]) -> Run:
    """Return a run on some of its dilemmas, listed in the order of `names`."""
    if [one.id for one in run.dilemmas] == list(names):
        # The same run has its answers checked and counted once, whatever it is compared with.
        return run
    place = {name: index for index, name in enumerate(names)}
    position = np.array([place.get(one.id, -1) for one in run.dilemmas])
    by_id = {one.id: one for one in run.dilemmas}
    kept = part_of(run, position[run.dilemma] >= 0)
    return replace(
        kept,
        dilemmas=tuple(by_id[name] for name in names),
        dilemma=position[kept.dilemma],
    )


def _kept(values: NDArray[T] | None, keep: NDArray[np.bool_]) -> NDArray[T] | None:
    return None if values is None else values[keep]
