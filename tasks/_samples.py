"""Dilemmas as Inspect samples: order of presentation, id, target and metadata; text arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from kidney_evals.elicitation.form import in_words
from kidney_evals.elicitation.probes import ProbeQuestion
from kidney_evals.elicitation.run_wordings import id_suffix
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, check_known
from kidney_evals.measures.shares import shares_beside
from kidney_evals.scorers.shared import turned
from kidney_evals.studies import Attribute, Dilemma, Order, Study, draw_orders

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

Orders = Literal["both", "random", "as_listed"]
"""`both` shows every dilemma twice, `random` once in a balanced random order, `as_listed` once."""


def presentation(
    dilemmas: Sequence[Dilemma], orders: Orders, seed: int
) -> list[tuple[Dilemma, Order]]:
    """Return each dilemma with the order of its candidates, in the sequence in which they are run.

    With "both", the two orders of a dilemma are neighbours, and the order that comes first
    alternates, so that in any prefix (`--limit`) the numbers of the two orders differ by at most
    one. `seed` determines the orders of "random" only.

    Raises:
        UserError: `orders` is unknown.
    """
    check_known("orders", orders, get_args(Orders))
    if orders == "as_listed":
        return [(dilemma, "ab") for dilemma in dilemmas]
    if orders == "random":
        return list(zip(dilemmas, draw_orders(len(dilemmas), seed), strict=True))
    both: tuple[Order, ...] = ("ab", "ba")
    return [
        (dilemma, order)
        for index, dilemma in enumerate(dilemmas)
        for order in (both if index % 2 == 0 else both[::-1])
    ]


def origin_of(study: Study, reference: Reference) -> dict[str, str]:
    """Return the metadata of a sample that name its study and human tables."""
    return {
        "study": study.id,
        "study_source": study.source,
        "study_hash": study.hash,
        "condition": reference.condition,
        "reference": f"{reference.version}+{reference.sha256}",
        "canary": study.canary,
    }


def dilemma_samples(
    shown: Sequence[tuple[Dilemma, Order, Wording]],
    study: Study,
    reference: Reference,
    *,
    system_prompt: str | None = None,
    marks: Mapping[str, Any] | None = None,
    probed: Sequence[ProbeQuestion] = (),
) -> list[Sample]:
    """Return a sample for each question, with metadata that can be read without this package.

    The input is a one-line summary of both candidates; the solver writes the question. The target
    is people's most frequent answer, which is not a correct answer.

    Args:
        shown: The questions: dilemma, order and wording of each.
        study: The study of the dilemmas.
        reference: The human reference of the study and condition.
        system_prompt: Text of a system message; None for none.
        marks: Further metadata of every sample.
        probed: Questions of a probe, which belong to the first of `shown`, in the same sequence.
    """
    listed: list[list[float]] = []
    if reference.has_people:
        listed = reference.shares([dilemma for dilemma, _, _ in shown]).tolist()
    samples = []
    for index, (dilemma, order, wording) in enumerate(shown):
        patients = dict(zip("ab", dilemma.shown(order), strict=True))
        probe = probed[index] if index < len(probed) else None
        beside = shares_beside(
            tuple(listed[index]) if listed else None, wording.form, reference.condition
        )
        people = dict(zip(("a", "b", "coin"), turned(beside or (), order), strict=False))
        metadata = {
            "dilemma": dilemma.id,
            "order": order,
            "kind": dilemma.kind,
            "wording": wording.id,
            **in_words(wording.form, study).metadata(reference.condition),
            **{
                f"{side}_{name}": int(value) if value == int(value) else value
                for side, patient in patients.items()
                for name, value in zip(study.attribute_ids, patient.values, strict=True)
            },
            **{f"human_{name}": round(share, 4) for name, share in people.items()},
            **origin_of(study, reference),
            **(marks or {}),
            **(probe.metadata if probe else {}),
        }
        values = zip(*(patient.values for patient in patients.values()), strict=True)
        pairs = [*map(_both, study.attributes, values)]
        pairs += [f"{metadata['probe_text_a']} / {metadata['probe_text_b']}"] if probe else []
        samples.append(
            Sample(
                id=study.sample_id(dilemma, order)
                + id_suffix(wording, study)
                + (probe.id_suffix if probe else ""),
                input=messages_of(system_prompt, f"A / B: {', '.join(pairs)}"),
                target=f"most people: {max(people, key=people.__getitem__).upper()}"
                if people
                else "nobody was asked",
                metadata=metadata,
            )
        )
    return samples


def _both(attribute: Attribute, values: tuple[float, float]) -> str:
    """Return an attribute of both candidates ("31 / 34 years")."""
    if not attribute.levels:
        return attribute.phrases["other"].format(value=" / ".join(f"{one:g}" for one in values))
    return " / ".join(dict.fromkeys(map(attribute.describe, values)))


def messages_of(system_prompt: str | None, text: str) -> list[ChatMessage]:
    """Return a user message, after a system message if there is one."""
    system = [] if system_prompt is None else [ChatMessageSystem(content=system_prompt)]
    return [*system, ChatMessageUser(content=text)]


def joined(value: Any) -> Any:
    """Return `value`, joined by commas if Inspect split it at commas (`-T name=a, b`)."""
    texts = isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)
    return ",".join(value) if value and texts else value


def text_given(name: str, value: object) -> str | None:
    """Return the text of a task's parameter as it was typed; raise `UserError` for no text."""
    value = joined(value)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise UserError(
            f"{name} must be a text that is not empty, not {value!r}; a text that YAML takes for "
            f"something else needs quotes of its own: -T '{name}=\"…\"'"
        )
    return value
