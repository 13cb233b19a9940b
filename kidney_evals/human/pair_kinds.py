"""Kinds of pairs of patients, and how often people leave each kind to the coin."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from kidney_evals.studies import Dilemma, Patient, Study, draw_dilemmas
from kidney_evals.studies.draw import draw_limit

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

PAIR_KINDS = ("same", "near", "mixed", "tied", "all")
"""Alike in everything; nearly alike; each better somewhere; one better, some alike; all better."""

NEAR = 0.25
"""Two patients are nearly alike up to this share of every attribute's range."""

DRAWN = 2000
"""Dilemmas over which people's rates are averaged in a study that draws."""

FEWEST = 3
"""Fewer dilemmas of a kind than this have no rate: one question is not a kind of pair."""

_ROUNDING = 1e-9


def kinds_of(study: Study, dilemma: Dilemma) -> frozenset[str]:
    """Return the kinds of pair that a dilemma is of; `near` goes with one of the others.

    Better is what most people favour.
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
    """Return people's coin rate by kind of pair, NaN where nobody was asked enough of them.

    The rates are means of the reference's shares over the study's own dilemmas: all of a fixed
    list, or `DRAWN` of those it draws. `stated.md` sets them beside people's own answers.
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
        # The model of shares knows closeness in utility. Patients who are alike in every attribute
        # are flipped more often than it says, so their rate is not known from it.
        found["near"] = float("nan")
    if np.isnan(found["same"]):
        # A draw holds no identical pair, and the reference of a drawn study knows what it gets.
        patient = Patient(tuple(attribute.low for attribute in study.attributes))
        same = Dilemma("same", patient, patient, "identical")
        found["same"] = float(reference.shares([same])[0, 2])
    return found
