"""The wordings of a run: checked, dealt to dilemmas, and marked in the ids of samples."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from kidney_evals.elicitation.rules import check_wording
from kidney_evals.elicitation.wording import Wording, wordings_asked
from kidney_evals.studies import Dilemma, Patient, Study, in_language


def wordings_for(wording: str | Sequence[str], study: Study) -> tuple[Wording, ...]:
    """Return the wordings of a run, each checked against the rules with this study.

    Args:
        wording: What the user asked for; see `wordings_asked`.
        study: The study.

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
    """Return a wording for each of `count` dilemmas, evenly and the same for one seed.

    Each block of as many dilemmas as there are wordings gets every wording once, in a new random
    order, so that the first dilemmas of a run hold each wording equally often, give or take one.
    """
    dealt: list[Wording] = []
    ordered = sorted(wordings, key=lambda one: one.id)
    for block in range(-(-count // len(ordered))):
        hand = list(ordered)
        random.Random(f"wordings {seed} {block}").shuffle(hand)
        dealt += hand
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
