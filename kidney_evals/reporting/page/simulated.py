"""Importance shares of simulated people, drawn behind the group's share, with their source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.importance import importance_shares

if TYPE_CHECKING:
    from kidney_evals.human.people_tables import PeopleSpread
    from kidney_evals.human.reference import Reference
    from kidney_evals.studies import Condition, Study

SHOWN: Final = 32
"""Number of people drawn from a fitted distribution; the synthetic crowd has as many."""

_SEEDS: Final[dict[Condition, int]] = {"forced_choice": 0, "coin_flip": 1}
"""Seed by condition, because different people answered in the two conditions."""

_MANY: Final = 100_000
"""Number of simulated people, enough for two decimals of the mean."""

_MODELS: Final = {"logit": "logit", "davidson": "Davidson model"}


@dataclass(frozen=True)
class SimulatedPeople:
    """Importance shares of simulated people.

    Attributes:
        shares: Signed importance shares, shape (people, k).
        says: The source that they are drawn from, in a sentence or two.
    """

    shares: NDArray[np.float64]
    says: str


def simulated_people(reference: Reference) -> SimulatedPeople:
    """Return people drawn from the fitted distribution of individuals, else the synthetic crowd.

    Args:
        reference: The human reference of the runs.

    Raises:
        UserError: The study's table of individual differences has an invalid form.
    """
    from kidney_evals.human.people_tables import read_spread
    from kidney_evals.human.reference import REFERENCE_FOLDER

    study = reference.study
    folder = study.path / REFERENCE_FOLDER
    spread = read_spread(folder, reference.condition, study.attribute_ids)
    if spread is None:
        return _crowd(reference)
    return _drawn(study, spread, _SEEDS[reference.condition])


def _drawn(study: Study, spread: PeopleSpread, seed: int) -> SimulatedPeople:
    if spread.model:
        kind = "correlated" if spread.correlated else "independent"
        source = (
            f"a random-coefficient {_MODELS.get(spread.model, spread.model)} fitted to the "
            f"answers of {spread.people} people ({kind} normal weights)"
        )
    else:
        source = "the random-coefficient model that was published with the study (normal weights)"
    mean = importance_shares(spread.draw(_MANY, seed), study.spans).mean(axis=0)
    means = ", ".join(
        f"{name.replace('_', ' ')} {value:+.2f}"
        for name, value in zip(study.attribute_ids, mean, strict=True)
    )
    return SimulatedPeople(
        importance_shares(spread.draw(SHOWN, seed), study.spans),
        f"The small marks are {SHOWN} simulated people, not measured individuals, drawn from "
        f"{source}. Over all people of that model the mean share is {means}; people's value is "
        "another quantity, the share of the weights of the group as a whole.",
    )


def _crowd(reference: Reference) -> SimulatedPeople:
    from kidney_evals.respondents.people import KINDS, person_kinds

    spans = reference.study.spans
    weights, _ = person_kinds(reference.importance.tolist(), spans)
    return SimulatedPeople(
        importance_shares(weights, spans),
        f"The small marks are {KINDS} simulated people, not measured individuals: a synthetic "
        "crowd around the group's weights, whose spread was set once for all studies to match "
        "what is known of single people, and was fitted to no answers of this study.",
    )
