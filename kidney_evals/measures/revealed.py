"""Importance shares of a run of choices, stored in samples of `stated_values`. No numpy here."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kidney_evals.estimation.quantity import Quantity
from kidney_evals.studies import Condition


@dataclass(frozen=True)
class Revealed:
    """Signed importance shares in a log of choices, in the study's order of the attributes."""

    shares: tuple[Quantity, ...]
    model: str
    condition: Condition
    log: str  # its evaluation id
    decisions: int  # number of decided answers behind the shares

    def metadata(self, names: Sequence[str]) -> dict[str, Any]:
        """Return all fields as flat metadata of a sample, each key beginning with `revealed_`.

        For each attribute in `names` there are three keys: `revealed_age` for its share, and
        `revealed_low_age` and `revealed_high_age` for the ends of the interval.
        """
        facts = {name: getattr(self, name) for name in ("log", "model", "condition", "decisions")}
        for name, share in zip(names, self.shares, strict=True):
            facts |= {name: share.value, f"low_{name}": share.low, f"high_{name}": share.high}
        return {f"revealed_{name}": value for name, value in facts.items()}


def revealed_in(metadata: Mapping[str, Any], names: Sequence[str]) -> Revealed | None:
    """Return what `Revealed.metadata` stored in a sample; None if the run has no log of choices.

    Args:
        metadata: The metadata of the sample.
        names: Ids of the attributes, in the order of the shares.
    """
    if "revealed_log" not in metadata:
        return None
    ends = ("revealed_", "revealed_low_", "revealed_high_")
    rows = [[float(metadata[end + name]) for end in ends] for name in names]
    return Revealed(
        shares=tuple(Quantity(value, low, high) for value, low, high in rows),
        model=str(metadata["revealed_model"]),
        condition=metadata["revealed_condition"],
        log=str(metadata["revealed_log"]),
        decisions=int(metadata["revealed_decisions"]),
    )
