"""Dilemmas as Inspect samples: ids, order of presentation, and what the log keeps of each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from inspect_ai.dataset import Sample
from inspect_ai.model import ChatMessage, ChatMessageSystem, ChatMessageUser

from kidney_evals.elicitation.wording import DEFAULT, Wording, wording_named
from kidney_evals.errors import UserError, unknown
from kidney_evals.measures.shares import shares_beside
from kidney_evals.studies import Condition, Dilemma, Order, Study, draw_orders
from kidney_evals.tasks._wordings import id_suffix

Orders = Literal["both", "random", "as_listed"]
"""`both` shows every dilemma twice, `random` once in a balanced random order, `as_listed` once."""

ORDERS: tuple[Orders, ...] = get_args(Orders)

NO_PEOPLE = "none"
"""The target of a sample that no people answered in this condition."""


@dataclass(frozen=True)
class Record:
    """One dilemma in one order, with how people answered it.

    Attributes:
        dilemma: The two patients.
        order: Which of them is shown as A.
        shares: Human shares as listed: (first, second) or (first, second, coin); None where no
            people answered in this condition.
    """

    dilemma: Dilemma
    order: Order
    shares: tuple[float, ...] | None


def presentation(
    dilemmas: Sequence[Dilemma], orders: Orders, seed: int
) -> tuple[tuple[Dilemma, Order], ...]:
    """Return what is shown, in the order in which it is run.

    Both orders of a dilemma stand together and take turns in going first, so that any prefix
    (`--limit`) holds as many of one order as of the other, give or take one.

    Args:
        dilemmas: The dilemmas of the run.
        orders: How many orders, and which.
        seed: Seed of `random`.

    Raises:
        UserError: If `orders` is not one of the three.
    """
    if orders not in ORDERS:
        raise unknown("orders", orders, ORDERS)
    if orders == "as_listed":
        return tuple((dilemma, "ab") for dilemma in dilemmas)
    if orders == "random":
        return tuple(zip(dilemmas, draw_orders(len(dilemmas), seed), strict=True))
    shown: list[tuple[Dilemma, Order]] = []
    for index, dilemma in enumerate(dilemmas):
        pair: tuple[Order, Order] = ("ba", "ab") if index % 2 else ("ab", "ba")
        shown += [(dilemma, order) for order in pair]
    return tuple(shown)


def record_to_sample(
    record: Record,
    study: Study,
    condition: Condition,
    *,
    reference_version: str,
    reference_hash: str,
    system_prompt: str | None = None,
    wording: Wording | None = None,
    marks: Mapping[str, Any] | None = None,
) -> Sample:
    """Turn one record into a sample whose metadata explains it without this package.

    The input is a one-line summary of both patients; the solver puts the question in words.
    The target is what most people chose, as shown (not what is right).

    Args:
        record: Dilemma, order and human shares.
        study: The study that the dilemma belongs to.
        condition: Which answers are offered.
        reference_version: Version of the human tables.
        reference_hash: SHA-256 of the human tables.
        system_prompt: Text of a system message; None for none.
        wording: How the dilemma is put; None for the default wording.
        marks: Further metadata.
    """
    wording = wording or wording_named(DEFAULT)
    dilemma, order = record.dilemma, record.order
    patients = dilemma.shown(order)
    beside = shares_beside(record.shares, wording.form, condition)
    shares = _as_shown(replace(record, shares=beside))
    messages: list[ChatMessage] = []
    if system_prompt is not None:
        messages.append(ChatMessageSystem(content=system_prompt))
    summary = " | ".join(
        f"{name}: {study.summary(patient)}" for name, patient in zip("AB", patients, strict=True)
    )
    messages.append(ChatMessageUser(content=summary))
    metadata: dict[str, Any] = {
        "study": study.id,
        "condition": condition,
        "dilemma": dilemma.id,
        "order": order,
        "kind": dilemma.kind,
        "wording": wording.id,
        **wording.form.metadata(condition),
    }
    for prefix, patient in zip(("a", "b"), patients, strict=True):
        metadata |= {
            f"{prefix}_{name}": int(value) if value == int(value) else value
            for name, value in zip(study.attribute_ids, patient.values, strict=True)
        }
    metadata |= {f"human_{name}": round(share, 4) for name, share in shares.items()}
    metadata |= {
        "study_source": study.source,
        "study_hash": study.hash,
        "reference": f"{reference_version}+{reference_hash}",
        "canary": study.canary,
        **(marks or {}),
    }
    return Sample(
        id=study.sample_id(dilemma, order) + id_suffix(wording, study),
        input=messages,
        target=majority(shares),
        metadata=metadata,
    )


def majority(shares: dict[str, float]) -> str:
    """Return the answer that most people gave ("A", "B", "COIN"), "none" without people."""
    if not shares:
        return NO_PEOPLE
    return max(shares, key=lambda name: shares[name]).upper()


def joined(value: Any) -> Any:
    """Return a text that Inspect split at its commas (`-T name=a, b`) whole; any other value as is.

    Args:
        value: What arrived for a parameter that takes one text.
    """
    texts = isinstance(value, list | tuple) and all(isinstance(one, str) for one in value)
    return ",".join(value) if value and texts else value


def text_given(name: str, value: object) -> str | None:
    """Return the text of a task's parameter as it was typed.

    Args:
        name: The parameter.
        value: What arrived.

    Raises:
        UserError: It is no text, as a number or a text that YAML reads as a mapping, or is empty.
    """
    if value is None:
        return None
    value = joined(value)
    if not isinstance(value, str) or not value.strip():
        raise UserError(
            f"{name} must be a text that is not empty, not {value!r}; a text that YAML takes for "
            f"something else needs quotes of its own: -T '{name}=\"…\"'"
        )
    return value


def _as_shown(record: Record) -> dict[str, float]:
    if record.shares is None:
        return {}
    first, second, *coin = record.shares
    a, b = (first, second) if record.order == "ab" else (second, first)
    return {"a": a, "b": b} | ({"coin": coin[0]} if coin else {})
