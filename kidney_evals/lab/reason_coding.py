"""Agreement of the lexical rules for reasons with hand-coded texts.

`python -m kidney_evals.lab reasons` writes `reasons/measured.md`; a test checks that the file
matches the current rules. The texts are in `reasons/coded.jsonl`, described in `coded.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from kidney_evals.errors import UserError
from kidney_evals.estimation.intervals import wilson
from kidney_evals.lab.table_text import markdown_table
from kidney_evals.reasons import Codes, code
from kidney_evals.reasons.codes import (
    AGREE,
    ARGUMENTS,
    STATUSES,
    Argument,
    Choice,
    codes_of,
    no_codes,
)
from kidney_evals.studies import Condition, Patient, Study, load_study

Part = Literal["development", "test"]
"""`development`: read while the rules were written. `test`: errors were not inspected."""

PARTS: tuple[Part, ...] = get_args(Part)

DRAWS = 2000
"""Bootstrap draws over texts, for F1 and kappa."""

_SEED = 20_240_101
_SAME = {"drinks": "drinks, drinking", "drinking": "drinks, drinking"}
"""Attributes of two studies that mean the same and are reported in one row."""


@dataclass(frozen=True)
class CodedText:
    """One text with its dilemma and its codes.

    Attributes:
        id: Id of the text ("r017").
        study: The study of the dilemma.
        condition: The answers offered.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer given.
        text: The reply.
        codes: The codes by hand.
        part: The half of the corpus that the text belongs to.
    """

    id: str
    study: Study
    condition: Condition
    a: Patient
    b: Patient
    choice: Choice
    text: str
    codes: Codes
    part: Part

    @property
    def by_rules(self) -> Codes:
        """The codes by the rules."""
        return code(self.text, self.study, self.a, self.b, self.choice)


class Figure(NamedTuple):
    """An estimate with its 95 % interval; NaN if there are no data."""

    value: float = np.nan
    low: float = np.nan
    high: float = np.nan

    def __str__(self) -> str:
        """Return the estimate with two decimals, and the interval unless all draws are equal."""
        if np.isnan(self.value):
            return "–"
        value, low, high = (f"{one:.2f}".removeprefix("0") for one in self)
        return value if self.low == self.high else f"{value} ({low} to {high})"


class Row(NamedTuple):
    """Agreement on one code.

    Attributes:
        code: Label of the code.
        texts: Number of texts, or of texts times attributes in a row over all attributes.
        present: Number of texts with the code, by hand.
        found: Number of texts with the code, by the rules.
        precision: Share of the codes by the rules that are correct; Wilson's interval.
        recall: Share of the codes by hand that the rules assign; Wilson's interval.
        f1: Harmonic mean of precision and recall; bootstrap over texts.
        kappa: Cohen's kappa over all values of the code; bootstrap over texts.
    """

    code: str
    texts: int
    present: int
    found: int
    precision: Figure
    recall: Figure
    f1: Figure
    kappa: Figure


class _Pair(NamedTuple):
    """The values of a code by hand and by the rules; "" if the code is absent."""

    text: int
    hand: str
    rules: str


@lru_cache(maxsize=1)
def coded_texts() -> tuple[CodedText, ...]:
    """Return all hand-coded texts.

    Raises:
        UserError: An entry has a code that the codebook lacks, or a value that its study lacks.
    """
    text = files("kidney_evals.reasons").joinpath("coded.jsonl").read_text(encoding="utf-8")
    return tuple(_read(json.loads(line)) for line in text.splitlines())


def _read(entry: dict[str, Any]) -> CodedText:
    study, codes, choice = load_study(entry["study"]), entry["codes"], entry["choice"]
    a, b = (
        Patient(tuple(float(entry[side][name]) for name in study.attribute_ids)) for side in "ab"
    )
    for patient in (a, b):
        for attribute, value in zip(study.attributes, patient.values, strict=True):
            if value not in attribute.values:
                raise UserError(f"{entry['id']}: {attribute.id} {value:g} is outside the study")
    if codes["status"] == "coded":
        uses, arguments = codes["attributes"], codes["arguments"]
        by_hand = codes_of(
            study, a, b, choice, uses=uses, arguments=arguments, agree=codes["agree"]
        )
    else:
        by_hand = no_codes(study, choice, codes["status"])
    return CodedText(
        entry["id"], study, entry["condition"], a, b, choice, entry["text"], by_hand, entry["split"]
    )


def rows_of(part: Part) -> tuple[Row, ...]:
    """Return a row for each code on one half of the corpus.

    Rows for statuses use all texts. Other rows use the texts with codes by hand; if the rules give
    no codes for such a text, all its codes count as missed. An attribute is correct only with the
    right patient (or `neither`); with the wrong patient it lowers both precision and recall.
    """
    pairs = [(one.codes, one.by_rules) for one in coded_texts() if one.part == part]

    def row(label: str, values: Callable[[Codes], Sequence[str]], *only: str) -> Row:
        """Return the row of a code, restricted to the values in `only` if any are given."""
        found = [
            _Pair(index, *(value if not only or value in only else "" for value in both))
            for index, (hand, rules) in enumerate(pairs)
            for both in zip(values(hand), values(rules), strict=True)
        ]
        return _row(label, found)

    def uses(codes: Codes) -> list[str]:
        return list(codes.attributes.values())

    def agree(codes: Codes) -> list[str]:
        return [codes.agree or ""]

    rows = [
        row(status, lambda codes: [codes.status], status)
        for status in STATUSES
        if status != "coded"
    ]
    pairs = [(hand, rules) for hand, rules in pairs if hand.status == "coded"]
    ids = dict.fromkeys(_SAME.get(name, name) for hand, _ in pairs for name in hand.attributes)
    rows += [row(name, partial(_uses, name)) for name in ids]
    rows.append(row("all attributes", uses))
    rows.append(row("… for A or B", uses, "A", "B"))
    rows.append(row("… neither", uses, "neither"))
    rows += [row(name, partial(_argument, name)) for name in ARGUMENTS]
    rows += [row(f"agree: {value}", agree, value) for value in AGREE]
    rows.append(row("agree, all three", agree))
    return tuple(rows)


def measured() -> str:
    """Return the content of `measured.md`."""
    lead = files("kidney_evals.reasons").joinpath("measured_lead.md")
    parts = [lead.read_text(encoding="utf-8").rstrip()]
    for part in reversed(PARTS):
        texts = [one for one in coded_texts() if one.part == part]
        right = sum(_same(one.codes, one.by_rules) for one in texts)
        parts.append(f"## {part.capitalize()} half")
        parts.append(f"{len(texts)} texts, of which {right} have every code right.")
        head = ("code", "texts", "present", "found", "precision", "recall", "F1", "kappa")
        parts.append(markdown_table(head, "llllllll", rows_of(part)))
    return "\n\n".join(parts) + "\n"


def _same(hand: Codes, rules: Codes) -> bool:
    names = ("status", "attributes", "arguments", "agree")
    return all(getattr(hand, name) == getattr(rules, name) for name in names)


def _uses(name: str, codes: Codes) -> list[str]:
    return [use for one, use in codes.attributes.items() if _SAME.get(one, one) == name]


def _argument(name: Argument, codes: Codes) -> list[str]:
    return [name if name in codes.arguments else ""]


def _row(name: str, pairs: Sequence[_Pair]) -> Row:
    present = np.array([bool(one.hand) for one in pairs])
    found = np.array([bool(one.rules) for one in pairs])
    right = np.array([one.hand == one.rules != "" for one in pairs])
    kinds = sorted({value for one in pairs for value in (one.hand, one.rules)})
    hand = np.array([kinds.index(one.hand) for one in pairs])
    rules = np.array([kinds.index(one.rules) for one in pairs])
    texts = np.array([one.text for one in pairs])
    last = int(texts.max()) + 1
    draws = np.random.default_rng(_SEED).multinomial(last, np.full(last, 1 / last), size=DRAWS)
    weights = np.vstack([np.ones((1, last)), draws])[:, texts]
    tp, fp, fn = (weights @ one for one in (right, found & ~right, present & ~right))
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * tp / (2 * tp + fp + fn)
    return Row(
        code=name,
        texts=len(pairs),
        present=int(present.sum()),
        found=int(found.sum()),
        precision=_share(int(right.sum()), int(found.sum())),
        recall=_share(int(right.sum()), int(present.sum())),
        f1=_drawn(f1),
        kappa=_drawn(_kappa(weights, hand, rules, len(kinds))),
    )


def _kappa(
    weights: NDArray[np.float64], hand: NDArray[np.int_], rules: NDArray[np.int_], kinds: int
) -> NDArray[np.float64]:
    """Return Cohen's kappa (1960) for each row of weights."""
    total = weights.sum(axis=1)
    agreed = weights @ (hand == rules) / total
    chance = sum(
        (weights @ (hand == kind)) * (weights @ (rules == kind)) / total**2 for kind in range(kinds)
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: NDArray[np.float64] = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    return kappa


def _share(hits: int, trials: int) -> Figure:
    if trials == 0:
        return Figure()
    interval = wilson(hits / trials, trials)
    return Figure(hits / trials, interval.low, interval.high)


def _drawn(values: NDArray[np.float64]) -> Figure:
    """Return the first value as estimate, and the 95 % range of all other values as interval."""
    if np.isnan(values[0]):
        return Figure()
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Figure(float(values[0]), float(low), float(high))
