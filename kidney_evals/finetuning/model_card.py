"""The card beside an adapter: what was trained in, what it is for, what it did besides."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from kidney_evals.errors import UserError
from kidney_evals.finetuning.settings import explained
from kidney_evals.finetuning.training_report import Training
from kidney_evals.limits import limits_and_use
from kidney_evals.whole import write_output

_OPEN: Final = "<!-- side effects: written by kidney-evals sft evaluate -->\n"
_CLOSE: Final = "<!-- /side effects -->\n"

NOT_MEASURED: Final = "Not measured yet"
"""How the card begins on side effects until they were measured."""


def model_card(told: Training) -> str:
    """Return the card of an adapter that was just trained, Markdown."""
    card = told.data.card
    text = files("kidney_evals.finetuning").joinpath("model_card.md").read_text(encoding="utf-8")
    settings = told.settings.as_dict()
    return text.format(
        base=told.base,
        canary=card["canary"],
        samples=told.samples,
        heldout=len(told.data.heldout),
        study=card["study"]["id"],
        values=trained_values(card),
        answers=_answers(told),
        conditions=", ".join(card["conditions"]),
        wordings=", ".join(card["wordings"]),
        control=(
            " **This is a control: the answers were shuffled among the questions, so that there "
            "was nothing to learn but how often each is given.**"
            if card["shuffled"]
            else ""
        ),
        limits=limits_and_use(),
        settings="\n".join(
            f"| `{name}` | {settings[name]:g} | {entry['why']} |"
            for name, entry in explained().items()
        ),
        told=(
            f"{len(told.passes) - 1} of at most {told.settings.passes(told.samples)} passes were "
            f"made, the adapter of pass {told.kept.number} was kept (held-out loss "
            f"{told.kept.heldout_loss:.3f} nats a token, before training "
            f"{told.passes[0].heldout_loss:.3f}); {told.trained_parameters:,} trained parameters, "
            f"{told.tokens:,} tokens a pass, {told.seconds:.0f} s on {told.device}."
        ),
        versions=", ".join(f"{name} {version}" for name, version in told.versions.items()),
        adapter=told.adapter_sha256,
    )


def trained_values(card: Mapping[str, Any]) -> str:
    """Return a paragraph on whose answers a folder of samples holds."""
    source: Mapping[str, Any] = card["source"]
    study = card["study"]["id"]
    if source["kind"] == "reference":
        whose = {
            "group": "each answer was drawn from the shares of the people asked, as fitted",
            "individual": "all answers are those of one simulated person of the fitted group",
            "majority": "each answer is the most frequent one of the people asked, as fitted",
        }[source["target"]]
        return f"People's answers to `{study}`: {whose}. {_people(card)}"
    return {
        "rows": f"The published answers of single people to `{study}`, row by row.",
        "answers": "Answers that a user supplied; whose they are is for that user to say.",
        "log": "Answers of another model, read from a log: not people's.",
    }[source["kind"]]


def _people(card: Mapping[str, Any]) -> str:
    """Return what people's answers reveal, with intervals."""
    import numpy as np

    from kidney_evals.human.reference import load_reference
    from kidney_evals.studies import load_study

    study = load_study(card["study"]["source"])
    parts = []
    for condition in card["conditions"]:
        people = load_reference(study, condition)
        if np.isnan(people.importance).any():
            continue
        ends = np.quantile(people.importance_draws, [0.025, 0.975], axis=0)
        shares = ", ".join(
            f"{name} {value:.2f} [{low:.2f}, {high:.2f}]"
            for name, value, low, high in zip(
                study.attribute_ids, people.importance, *ends, strict=True
            )
        )
        parts.append(f"{condition}: {shares}")
    if not parts:
        return ""
    return f"Signed importance shares of these people [95 % interval]: {'; '.join(parts)}."


def _answers(told: Training) -> str:
    counts: dict[str, int] = {}
    for example in told.data.train[: told.samples]:
        answer = example.facts["answer"]
        counts[answer] = counts.get(answer, 0) + 1
    return ", ".join(f"{answer} {count}" for answer, count in sorted(counts.items()))


def write_side_effects(folder: Path, text: str) -> None:
    """Put what was measured into the card beside an adapter.

    Args:
        folder: The adapter's folder.
        text: Markdown.

    Raises:
        UserError: The card has no place for it, or cannot be written.
    """
    path = folder / "README.md"
    try:
        card = path.read_text(encoding="utf-8")
        before, rest = card.split(_OPEN)
        _, after = rest.split(_CLOSE)
    except OSError as error:
        raise UserError(f"cannot read {path} ({error.strerror or error})") from error
    except ValueError:
        raise UserError(
            f"{path} is no card of `sft train`: its side effects have no place"
        ) from None
    # Its marks show that the card is of this package.
    content = f"{before}{_OPEN}{text.strip()}\n{_CLOSE}{after}".encode()
    write_output(path, content, overwrite=True)
