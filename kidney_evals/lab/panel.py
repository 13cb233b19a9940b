"""The dilemmas of a simulated run as arrays, and the reference with which the run is compared."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.sources import LAPSE, ListedShares, ModelShares, Parameters, differences
from kidney_evals.human.tables import Floats
from kidney_evals.respondents.definitions import Dilemmas
from kidney_evals.studies import Condition, Dilemma, dilemmas_of, load_study

STUDY = "mcelfresh_2021"
"""The study whose dilemmas most simulations draw."""

POPULATION = 20_000  # drawn dilemmas over which true values are means


@dataclass(frozen=True, eq=False)
class Panel(Dilemmas):
    """A list of D dilemmas as arrays, with people's true shares; k is the number of attributes."""

    dilemmas: tuple[Dilemma, ...]
    reference: Reference
    spans: Floats  # full range of each attribute in scale units, shape (k,)
    closeness: Floats  # people's |Δu|, shape (D,)

    @property
    def decided(self) -> Floats:
        """People's shares of the two patients among decided answers, shape (D, 2)."""
        both = self.shares[:, :2]
        return np.asarray(both / both.sum(axis=1, keepdims=True))

    @property
    def coin(self) -> Floats:
        """People's share of the coin, shape (D,); 0 if no coin was offered."""
        return np.asarray(self.shares[:, 2:].sum(axis=1))


def panel(reference: Reference, dilemmas: Sequence[Dilemma]) -> Panel:
    """Return the dilemmas as arrays, with the reference's shares as true shares."""
    return Panel(
        shares=reference.shares(dilemmas),
        differences=differences(reference.study, dilemmas),
        dilemmas=tuple(dilemmas),
        reference=reference,
        spans=np.array(reference.study.spans, dtype=np.float64),
        closeness=reference.closeness(dilemmas),
    )


@lru_cache(maxsize=4096)
def draw(study: str, count: int, seed: int) -> tuple[Dilemma, ...]:
    """Return drawn dilemmas of a shipped study; the result is cached."""
    return tuple(dilemmas_of(load_study(study), count, seed))


@lru_cache(maxsize=8)
def population(condition: Condition, seed: int) -> Panel:
    """Return `POPULATION` drawn dilemmas of `STUDY`; the result is cached."""
    return panel(people(condition), draw(STUDY, POPULATION, seed))


def people(condition: Condition) -> Reference:
    """Return the human reference of `STUDY` in a condition."""
    return load_reference(load_study(STUDY), condition)


def resampled_reference(reference: Reference, draw: int) -> Reference:
    """Return a reference with shares as if they were estimated from another sample of people.

    The estimates behind the shares are draw number `draw` (modulo the number of draws) of the
    bootstrap over people. Their draws are the shipped draws, shifted by the difference of the
    estimates. All else is that of `reference`.

    Raises:
        TypeError: The shares come neither from fitted models nor from a fixed list.
    """
    source = reference.source
    if isinstance(source, ModelShares):
        flip = source.flip and _moved(source.flip, draw)
        moved = replace(source, choice=_moved(source.choice, draw), flip=flip)
        return replace(reference, source=moved)
    if isinstance(source, ListedShares):
        row = draw % len(next(iter(source.count_draws.values())))
        counts = {name: draws[row] for name, draws in source.count_draws.items()}
        shifted = {
            name: np.maximum(draws + (counts[name] - source.counts[name]), 0.0)
            for name, draws in source.count_draws.items()
        }
        return replace(reference, source=replace(source, counts=counts, count_draws=shifted))
    raise TypeError(f"shares from {type(source).__name__} cannot be drawn again")


def _moved(model: Parameters, draw: int) -> Parameters:
    estimate = model.draws[draw % len(model.draws)]
    draws = model.draws + (estimate - model.estimate)
    lapse = [name == LAPSE for name in model.parameters]
    return replace(model, estimate=estimate, draws=np.where(lapse, np.clip(draws, 0, 1), draws))
