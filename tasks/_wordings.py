"""Which dilemma is put in which wording."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from kidney_evals.elicitation.rules import check_wording
from kidney_evals.elicitation.wording import Wording, wordings_asked
from kidney_evals.studies import Dilemma, Patient, Study, in_language


def wordings_for(wording: str | Sequence[str], study: Study) -> tuple[Wording, ...]:
    """Return the wordings of a run, each held to the rules with this study.

    Args:
        wording: What the user asked for; see `wordings_asked`.
        study: The study that is put.

    Raises:
        UserError: If there is no such wording, or one breaks a rule.
    """
    asked = wordings_asked(wording)
    ends = (
        Patient(tuple(attribute.low for attribute in study.attributes)),
        Patient(tuple(attribute.high for attribute in study.attributes)),
    )
    for one in asked:
        if not one.is_shipped_default:
            check_wording(one, study, Dilemma("ends", *ends, "drawn"))
    return asked


def deal(wordings: Sequence[Wording], count: int, seed: int) -> tuple[Wording, ...]:
    """Deal wordings to dilemmas, evenly and the same for one seed.

    Each run of as many dilemmas as there are wordings gets every wording once, in an order drawn
    anew: the first dilemmas of a run hold as many of one wording as of another, give or take one.

    Args:
        wordings: The wordings that take part.
        count: How many dilemmas there are.
        seed: The draw seed.
    """
    dealt: list[Wording] = []
    block = 0
    while len(dealt) < count:
        hand = sorted(wordings, key=lambda one: one.id)
        random.Random(f"wordings {seed} {block}").shuffle(hand)
        dealt += hand
        block += 1
    return tuple(dealt[:count])


def id_suffix(wording: Wording, study: Study) -> str:
    """Return what a wording adds to a sample's id: nothing for the shipped default.

    The hash covers the wording and the study's words in its language, so that a retried log never
    mixes two versions of a wording under one id.
    """
    if wording.is_shipped_default:
        return ""
    spoken = in_language(study, wording.form.language)
    words = [(one.label, one.levels, sorted(one.phrases.items())) for one in spoken.attributes]
    content = repr((wording.digest, spoken.scenario["situation"], words))
    return f"-{wording.id}-{hashlib.sha256(content.encode()).hexdigest()[:4]}"
