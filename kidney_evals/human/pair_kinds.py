"""Kinds of pairs of patients, and people's coin rate for each kind."""

from collections.abc import Mapping
from functools import lru_cache

import numpy as np

from kidney_evals.human.reference import Reference, load_reference
from kidney_evals.human.sources import NEAR
from kidney_evals.studies import Dilemma, Patient, Study, draw_dilemmas
from kidney_evals.studies.draw import draw_limit

PAIR_KINDS = ("same", "near", "mixed", "tied", "all")
"""The kinds: who is better on which attributes.

- `same`: the patients are identical.
- `near`: no attribute differs by more than a quarter of its range.
- `mixed`: each patient is better on some attribute.
- `tied`: one patient is better on some attributes, and the other attributes are equal.
- `all`: one patient is better on every attribute.
"""

_FEWEST = 3
"""Minimum number of dilemmas of a kind for a rate: one question does not represent a kind."""


def kinds_of(study: Study, dilemma: Dilemma) -> frozenset[str]:
    """Return the kinds (see `PAIR_KINDS`) of the pair in a dilemma.

    Each pair has exactly one kind besides `near`. `same` never occurs together with `near`.
    """
    differences = study.differences(dilemma)
    if not any(differences):
        return frozenset({"same"})
    strict = study.dominating(dilemma, strict=True)
    kinds = {"all" if strict else "tied" if study.dominating(dilemma) else "mixed"}
    if all(abs(one) / span <= NEAR for one, span in zip(differences, study.spans, strict=True)):
        kinds.add("near")
    return frozenset(kinds)


def people_flips(study: Study) -> Mapping[str, float]:
    """Return people's coin rate by kind of pair; NaN for too few dilemmas or without human answers.

    Rates are means over the study's own dilemmas: a whole fixed list, or up to 2,000 of a draw. A
    draw has no identical patients: its rate for `same` is that of one such pair.

    Raises:
        UserError: A table of the human reference is invalid.
    """
    return _rates(load_reference(study, "coin_flip"))


@lru_cache(maxsize=16)
def _rates(reference: Reference) -> Mapping[str, float]:
    study, dilemmas = reference.study, reference.study.listed
    if not reference.has_people:
        return dict.fromkeys(PAIR_KINDS, np.nan)
    if study.draw is not None:
        count = min(2000, draw_limit(study.attributes))
        dilemmas = draw_dilemmas(study.id, study.attributes, count, study.draw.seed)
    coin = reference.shares(dilemmas)[:, 2]
    kinds = [kinds_of(study, dilemma) for dilemma in dilemmas]
    rates = {}
    for kind in PAIR_KINDS:
        of_kind = coin[[kind in one for one in kinds]]
        rates[kind] = float(of_kind.mean()) if len(of_kind) >= _FEWEST else np.nan
    if np.isnan(rates["same"]):
        # A draw holds no identical pair, but the reference of a drawn study has a rate for it.
        patient = Patient(tuple(attribute.low for attribute in study.attributes))
        same = Dilemma("same", patient, patient, "identical")
        rates["same"] = float(reference.shares([same])[0, 2])
    return rates
