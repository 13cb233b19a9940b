"""Dilemmas as Inspect samples: order of presentation, id, target and metadata; text arguments."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal, get_args

from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from kidney_evals.elicitation.run_wordings import id_suffix
from kidney_evals.elicitation.wording import Wording
from kidney_evals.errors import UserError, unknown
from kidney_evals.measures.shares import shares_beside
from kidney_evals.studies import Dilemma, Order, Study, draw_orders

if TYPE_CHECKING:
    from kidney_evals.human.reference import Reference

Orders = Literal["both", "random", "as_listed"]
"""`both` shows every dilemma twice, `random` once in a balanced random order, `as_listed` once."""

_ORDERS: tuple[Orders, ...] = get_args(Orders)


def presentation(
    dilemmas: Sequence[Dilemma], orders: Orders, seed: int
) -> list[tuple[Dilemma, Order]]:
    """Return each dilemma with the order of its patients, in the sequence in which they are run.

    The two orders of a dilemma are neighbours, and each is first in turn, so that in any prefix
    (`--limit`) the numbers of the two orders differ by at most one.

    Raises:
        UserError: If `orders` is not one of the three.
    """
    if orders not in _ORDERS:
        raise unknown("orders", orders, _ORDERS)
    if orders == "as_listed":
        return [(dilemma, "ab") for dilemma in dilemmas]
    if orders == "random":
        return list(zip(dilemmas, draw_orders(len(dilemmas), seed), strict=True))
    pairs: tuple[tuple[Order, Order], ...] = (("ab", "ba"), ("ba", "ab"))
    return [
        (dilemma, order) for index, dilemma in enumerate(dilemmas) for order in pairs[index % 2]
    ]


def dilemma_samples(
    shown: Sequence[tuple[Dilemma, Order, Wording]],
    study: Study,
    reference: Reference,
    *,
    system_prompt: str | None = None,
    marks: Mapping[str, Any] | None = None,
) -> list[Sample]:
    """Return a sample for each question, with metadata that can be read without this package.

    The input is a one-line summary of both patients; the solver writes the question. The target is
    people's most frequent answer, as shown (not a correct answer), or "none" without people.
    `marks` are further metadata of every sample.
    """
    shares: Sequence[Sequence[float] | None] = [None] * len(shown)
    if reference.has_people:
        shares = reference.shares([dilemma for dilemma, _, _ in shown]).tolist()
    facts = {
        "study_source": study.source,
        "study_hash": study.hash,
        "reference": f"{reference.version}+{reference.sha256}",
        "canary": study.canary,
        **(marks or {}),
    }
    samples = []
    for (dilemma, order, wording), share in zip(shown, shares, strict=True):
        patients = dilemma.shown(order)
        people = _people(share, order, wording, reference)
        summary = " | ".join(
            f"{name}: {study.summary(patient)}"
            for name, patient in zip("AB", patients, strict=True)
        )
        values = {
            f"{prefix}_{name}": int(value) if value == int(value) else value
            for prefix, patient in zip("ab", patients, strict=True)
            for name, value in zip(study.attribute_ids, patient.values, strict=True)
        }
        metadata = {
            "study": study.id,
            "condition": reference.condition,
            "dilemma": dilemma.id,
            "order": order,
            "kind": dilemma.kind,
            "wording": wording.id,
            **wording.form.metadata(reference.condition),
            **values,
            **{f"human_{name}": round(value, 4) for name, value in people.items()},
            **facts,
        }
        samples.append(
            Sample(
                id=study.sample_id(dilemma, order) + id_suffix(wording, study),
                input=messages_of(system_prompt, summary),
                target=max(people, key=lambda name: people[name]).upper() if people else "none",
                metadata=metadata,
            )
        )
    return samples


def _people(
    share: Sequence[float] | None, order: Order, wording: Wording, reference: Reference
) -> dict[str, float]:
    """Return people's shares as shown; empty without people."""
    listed = None if share is None else tuple(share)
    beside = shares_beside(listed, wording.form, reference.condition)
    if beside is None:
        return {}
    first, second, *coin = beside
    shown = (first, second, *coin) if order == "ab" else (second, first, *coin)
    return dict(zip(("a", "b", "coin"), shown, strict=False))


def messages_of(system_prompt: str | None, text: str) -> list[ChatMessage]:
    """Return a user message, after a system message if there is one."""
    system = [] if system_prompt is None else [ChatMessageSystem(content=system_prompt)]
    return [*system, ChatMessageUser(content=text)]


def joined(value: Any) -> Any:
    """Return `value`, joined by commas if Inspect split it at commas (`-T name=a, b`)."""
    texts = isinstance(value, list | tuple) and all(isinstance(part, str) for part in value)
    return ",".join(value) if value and texts else value


def text_given(name: str, value: object) -> str | None:
    """Return the text of a task's parameter `name` as it was typed; None for none.

    Raises:
        UserError: The value is empty or no text, such as a number or a text that YAML parses as a
            mapping.
    """
    value = joined(value)
    if value is not None and (not isinstance(value, str) or not value.strip()):
        raise UserError(
            f"{name} must be a text that is not empty, not {value!r}; a text that YAML takes for "
            f"something else needs quotes of its own: -T '{name}=\"…\"'"
        )
    return value
