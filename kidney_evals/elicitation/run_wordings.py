"""The wordings of a run: check them, assign them to dilemmas, and mark them in sample ids."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

from kidney_evals.elicitation.rules import check_wording
from kidney_evals.elicitation.wording import Wording, wordings_asked
from kidney_evals.studies import Dilemma, Patient, Study, in_language


def wordings_for(wording: str | Sequence[str], study: Study) -> tuple[Wording, ...]:
    """Return the wordings of a run, each checked against the rules for this study.

    Args:
        wording: The task's argument; see `wordings_asked`.
        study: The study.

    Raises:
        UserError: There is no such wording, or a wording violates a rule.
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
    """Return a wording for each of `count` dilemmas, balanced and reproducible for a seed.

    With W wordings, each block of W dilemmas gets every wording once, in a new random order.
    Among the first n dilemmas, the counts of two wordings differ by at most one.
    """
    dealt: list[Wording] = []
    ordered = sorted(wordings, key=lambda one: one.id)
    for block in range(-(-count // len(ordered))):
        hand = list(ordered)
        random.Random(f"wordings {seed} {block}").shuffle(hand)
        dealt += hand
    return tuple(dealt[:count])


def id_suffix(wording: Wording, study: Study) -> str:
    """Return the suffix that a wording adds to a sample's id; empty for the shipped default.

    The suffix hashes the wording and the study's words in its language, so that a retried log never
    mixes two versions of a wording under the same id.
    """
    if wording.is_shipped_default:
        return ""
    spoken = in_language(study, wording.form.language)
    words = [(one.label, one.levels, sorted(one.phrases.items())) for one in spoken.attributes]
    content = repr((wording.digest, spoken.scenario["situation"], words))
    return f"-{wording.id}-{hashlib.sha256(content.encode()).hexdigest()[:4]}"
