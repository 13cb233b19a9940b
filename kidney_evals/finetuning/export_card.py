"""The card of a folder of training samples: `card.json`, README.md and the terminal's summary."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

from kidney_evals import __version__
from kidney_evals.elicitation.wording import Wording
from kidney_evals.finetuning.data import Example, Part
from kidney_evals.finetuning.sources import Evaluated, Request, Source
from kidney_evals.finetuning.texts import filled
from kidney_evals.human.reference import REFERENCE_FOLDER
from kidney_evals.limits import limits_and_use
from kidney_evals.studies import Study

_ANSWERS: Final = ("A", "B", "COIN")

SMALLEST: Final = 8
"""Smallest nested size; each further size is twice as large."""

_LEFT_OUT: Final = {
    "identical": "{} answers about two identical patients",
    "evaluation": "{} queries about dilemmas of the evaluation",
    "split": "{} answers about dilemmas that are on the other side of the split",
    "other_condition": "{} answers given in another condition",
    "controls": "{} answers about controls",
    "no_decision": "{} samples without a decision",
}
"""Reasons for omitted answers, as templates for the number of answers."""


def make_card(
    study: Study,
    source: Source,
    samples: Mapping[Part, Sequence[Example]],
    wordings: Sequence[Wording],
    evaluation: Evaluated,
    request: Request,
) -> dict[str, Any]:
    """Return the content of `card.json`."""
    answers = (*source.train, *source.heldout)
    count = len(samples["train"])
    return {
        "package": __version__,
        "study": {
            "id": study.id,
            "source": study.source,
            "version": study.version,
            "hash": study.hash,
        },
        "conditions": list(source.conditions),
        "source": dict(source.about),
        "wordings": {wording.id: wording.digest for wording in wordings},
        "wording": request.wording,
        "seed": request.seed,
        "samples": {part: len(examples) for part, examples in samples.items()},
        "balance": {part: _balance(examples) for part, examples in samples.items()},
        "excluded": {
            "evaluation": list(evaluation.about),
            "overlap": sum(evaluation.holds(one.dilemma) for one in answers),
            "left_out": dict(source.left_out),
        },
        "shuffled": request.shuffle,
        "nested": [SMALLEST << power for power in range((count // SMALLEST).bit_length())],
        "canary": study.canary,
        "limits": limits_and_use(),
    }


def make_readme(card: Mapping[str, Any], study: Study, wordings: Sequence[Wording]) -> str:
    """Return the card as Markdown for a reader, from the template `export_card.md`."""
    path = study.path / REFERENCE_FOLDER / "reference.json"
    text = filled(
        "export_card.md",
        card=card,
        study=study,
        wordings=wordings,
        no_people=list(dict.fromkeys(filter(None, (one.no_human_reference for one in wordings)))),
        answers=_ANSWERS,
        offered=_offered,
        left_out=_left_out(card),
        references=_references(card["source"]),
        reference=json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {},
    )
    # Remove the blank lines of empty paragraphs.
    while "\n\n\n" in text:
        text = text.replace("\n\n\n", "\n\n")
    return text


def summary(card: Mapping[str, Any]) -> list[str]:
    """Return the sentences about a folder that the terminal shows."""
    source, samples, excluded = card["source"], card["samples"], card["excluded"]
    origin = {
        "reference": f"the human reference of {card['study']['id']}, target {source['target']}",
        "rows": "the published rows of McElfresh et al. (2021), Study 2",
        "answers": f"the answers in {source.get('file')}",
        "log": f"a log of {source.get('model')}",
    }[source["kind"]]
    if "person" in source:
        origin += f" (simulated person {source['person']} of {source['of']})"
    counts = "; ".join(
        f"{condition}: {of['samples']} to train on, answers "
        + ", ".join(f"{name} {of['answer'].get(name, 0)}" for name in _offered(condition))
        for condition, of in card["balance"]["train"].items()
    )
    asked = ", ".join(f"{one['dilemmas']} of {one['study']}" for one in excluded["evaluation"])
    overlap = (
        f"OVERLAP: {excluded['overlap']} samples are about dilemmas of the default evaluation "
        f"({asked})."
        if excluded["overlap"]
        else f"No sample is about a dilemma of the default evaluation ({asked}), and no dilemma "
        "is in both files."
    )
    lines = [
        f"{samples['train']} training and {samples['heldout']} held-out samples, from {origin}.",
        f"{counts}.",
        f"Wordings: {', '.join(card['wordings'])}.",
        "CONTROL: the answers have changed places and teach nothing." if card["shuffled"] else "",
        overlap,
        _left_out(card),
    ]
    return [line for line in lines if line]


def _balance(examples: Sequence[Example]) -> dict[str, Any]:
    """Count samples by condition, and within each condition by order, wording and answer."""
    counts: dict[str, Any] = {}
    for condition in sorted({one.facts["condition"] for one in examples}):
        own = [one.facts for one in examples if one.facts["condition"] == condition]
        counts[condition] = {"samples": len(own)} | {
            name: dict(sorted(Counter(facts[name] for facts in own).items()))
            for name in ("order", "wording", "answer")
        }
    return counts


def _references(source: Mapping[str, Any]) -> str:
    """Return the human tables that answers were drawn from."""
    texts = []
    for condition, one in source.get("reference", {}).items():
        # A person from a latent class belongs to the people of a single condition.
        if source.get("model") != "latent_classes" or condition == source["people_of"]:
            count = one["people"]
            people = f"{count} people" if count > 0 else "a number of people that was not published"
            texts.append(f"{condition}, {people}, tables version {one['version']}")
    return "; ".join(texts)


def _offered(condition: str) -> tuple[str, ...]:
    return _ANSWERS if condition == "coin_flip" else _ANSWERS[:2]


def _left_out(card: Mapping[str, Any]) -> str:
    counts: Mapping[str, int] = card["excluded"]["left_out"]
    parts = [_LEFT_OUT[reason].format(count) for reason, count in counts.items()]
    return f"Left out: {'; '.join(parts)}." if parts else ""
