"""Kinds of pairs of patients, and people's coin rate for each kind."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kidney_evals.studies import Dilemma, Patient, Study, draw_dilemmas
from kidney_evals.studies.draw import draw_limit

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

PAIR_KINDS = ("same", "near", "mixed", "tied", "all")
"""Identical; nearly alike; each better somewhere; one better, the rest equal; one better in all."""

NEAR = 0.25
"""Largest difference of nearly alike patients, as a share of each attribute's range."""

DRAWN = 2000
"""Number of dilemmas over which people's rates are averaged in a study that draws dilemmas."""

FEWEST = 3
"""Minimum number of dilemmas of a kind for a rate: one question does not represent a kind."""

_ROUNDING = 1e-9


def kinds_of(study: Study, dilemma: Dilemma) -> frozenset[str]:
    """Return the kinds of pair of a dilemma; `near` occurs together with one of the others.

    The better value is the value that most people favour.
    """
    differences = study.differences(dilemma)
    if not any(differences):
        return frozenset({"same"})
    kinds = {"mixed"}
    if study.dominating(dilemma, strict=True):
        kinds = {"all"}
    elif study.dominating(dilemma):
        kinds = {"tied"}
    reach = [abs(one) / span for one, span in zip(differences, study.spans, strict=True)]
    if max(reach) <= NEAR + _ROUNDING:
        kinds.add("near")
    return frozenset(kinds)


_CACHE: dict[tuple[Path, str, str], Mapping[str, float]] = {}


def people_flips(study: Study) -> Mapping[str, float]:
    """Return people's coin rate by kind of pair; NaN for too few dilemmas or without human answers.

    The rates are means of the reference's shares over the study's own dilemmas: a whole fixed
    list, or up to `DRAWN` of a draw. `stated.md` compares them with people's own answers.
    """
    from kidney_evals.human.reference import load_reference

    reference = load_reference(study, "coin_flip")
    key = (study.path, study.hash, reference.sha256)
    if key not in _CACHE:
        _CACHE[key] = _rates(study, reference)
    return _CACHE[key]


def _rates(study: Study, reference: Reference) -> Mapping[str, float]:
    import numpy as np

    if not reference.has_people:
        return dict.fromkeys(PAIR_KINDS, float("nan"))
    dilemmas = study.listed
    if study.draw is not None:
        count = min(DRAWN, draw_limit(study.attributes))
        dilemmas = draw_dilemmas(study.id, study.attributes, count, study.draw.seed)
    rates = reference.shares(dilemmas)[:, 2]
    kinds = [kinds_of(study, one) for one in dilemmas]
    found = {}
    for kind in PAIR_KINDS:
        of_kind = rates[np.array([kind in one for one in kinds], dtype=np.bool_)]
        found[kind] = float(of_kind.mean()) if len(of_kind) >= FEWEST else float("nan")
    if study.draw is not None:
        # The share model uses closeness in utility. It underestimates the flip rate of patients
        # who are nearly alike in every attribute, so it gives no rate for them.
        found["near"] = float("nan")
    if np.isnan(found["same"]):
        # A draw holds no identical pair, but the reference of a drawn study has a rate for it.
        patient = Patient(tuple(attribute.low for attribute in study.attributes))
        same = Dilemma("same", patient, patient, "identical")
        found["same"] = float(reference.shares([same])[0, 2])
    return found
