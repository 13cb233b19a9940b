"""Agreement of the lexical rules for reasons with hand-coded texts.

`python -m kidney_evals.lab reasons` writes `reasons/measured.md`; a test checks that the file
matches the current rules. The texts are in `reasons/coded.jsonl`, described in `coded.md`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import wilson
from kidney_evals.lab.table_text import markdown_table
from kidney_evals.reasons import Codes, code
from kidney_evals.reasons.codes import (
    AGREE,
    ARGUMENTS,
    STATUSES,
    Choice,
    codes_of,
    no_codes,
)
from kidney_evals.studies import Condition, Patient, Study, load_study

Part = Literal["development", "test"]
"""`development`: read while the rules were written. `test`: errors were not inspected."""

PARTS: tuple[Part, ...] = get_args(Part)

_DRAWS = 2000
"""Bootstrap draws over texts, for F1 and kappa."""

_SEED = 20_240_101
_SAME = {"drinks": "drinks, drinking", "drinking": "drinks, drinking"}
"""Attributes of two studies that mean the same and are reported in one row."""


class CodedText(NamedTuple):
    """One text with its dilemma (the patients as shown), the answer given and the codes by hand."""

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
        value, low, high = (f"{number:.2f}".removeprefix("0") for number in self)
        return value if self.low == self.high else f"{value} ({low} to {high})"


class Row(NamedTuple):
    """Agreement on one code."""

    code: str
    texts: int  # number of texts, or of texts times attributes in a row over all attributes
    present: int  # number of texts with the code, by hand
    found: int  # number of texts with the code, by the rules
    precision: Figure  # share of the codes by the rules that are correct
    recall: Figure  # share of the codes by hand that the rules assign
    f1: Figure  # harmonic mean of precision and recall
    kappa: Figure  # Cohen's kappa over all values of the code


@lru_cache(maxsize=1)
def coded_texts() -> tuple[CodedText, ...]:
    """Return all hand-coded texts."""
    text = files("kidney_evals.reasons").joinpath("coded.jsonl").read_text(encoding="utf-8")
    return tuple(_read(json.loads(line)) for line in text.splitlines())


def _read(entry: dict[str, Any]) -> CodedText:
    study, codes, choice = load_study(entry["study"]), entry["codes"], entry["choice"]
    a, b = (
        Patient(tuple(float(entry[side][name]) for name in study.attribute_ids)) for side in "ab"
    )
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
    no codes for such a text, all its codes count as missed. An attribute with the wrong patient
    lowers both precision and recall.
    """
    texts = [(text.codes, text.by_rules) for text in coded_texts() if text.part == part]
    coded = [(hand, rules) for hand, rules in texts if hand.status == "coded"]
    ids = dict.fromkeys(_SAME.get(name, name) for hand, _ in coded for name in hand.attributes)

    def uses(codes: Codes) -> list[str]:
        return list(codes.attributes.values())

    def uses_of(id: str) -> Callable[[Codes], list[str]]:
        return lambda codes: [
            use for name, use in codes.attributes.items() if _SAME.get(name, name) == id
        ]

    def argument(name: str) -> Callable[[Codes], list[str]]:
        return lambda codes: [name if name in codes.arguments else ""]

    def agree(codes: Codes) -> list[str]:
        return [codes.agree or ""]

    return (
        *(
            _row(status, texts, lambda codes: [codes.status], status)
            for status in STATUSES
            if status != "coded"
        ),
        *(_row(id, coded, uses_of(id)) for id in ids),
        _row("all attributes", coded, uses),
        _row("… for A or B", coded, uses, "A", "B"),
        _row("… neither", coded, uses, "neither"),
        *(_row(name, coded, argument(name)) for name in ARGUMENTS),
        *(_row(f"agree: {value}", coded, agree, value) for value in AGREE),
        _row("agree, all three", coded, agree),
    )


def measured() -> str:
    """Return the content of `measured.md`."""
    lead = files("kidney_evals.reasons").joinpath("measured_lead.md")
    parts = [lead.read_text(encoding="utf-8").rstrip()]
    for part in reversed(PARTS):
        texts = [text for text in coded_texts() if text.part == part]
        right = sum(_key(text.codes) == _key(text.by_rules) for text in texts)
        head = ("code", "texts", "present", "found", "precision", "recall", "F1", "kappa")
        parts += [
            f"## {part.capitalize()} half",
            f"{len(texts)} texts, of which {right} have every code right.",
            markdown_table(head, "llllllll", rows_of(part)),
        ]
    return "\n\n".join(parts) + "\n"


def _key(codes: Codes) -> tuple[object, ...]:
    return codes.status, codes.attributes, codes.arguments, codes.agree


def _row(
    label: str,
    texts: Sequence[tuple[Codes, Codes]],
    values: Callable[[Codes], Sequence[str]],
    *only: str,
) -> Row:
    """Return the row of a code from the codes by hand and by the rules of each text.

    `values` returns the code's values in a text, of which those in `only` count, if there are any.
    """
    pairs = [
        (index, *(value if not only or value in only else "" for value in both))
        for index, codes in enumerate(texts)
        for both in zip(*map(values, codes), strict=True)
    ]
    text, hand, rules = (np.array(column) for column in zip(*pairs, strict=True))
    present, found = hand != "", rules != ""
    right = (hand == rules) & present
    count = int(text.max()) + 1
    draws = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    weights = np.vstack([np.ones((1, count)), draws])[:, text]
    tp, fp, fn = (weights @ mask for mask in (right, found & ~right, present & ~right))
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * tp / (2 * tp + fp + fn)
    return Row(
        code=label,
        texts=len(pairs),
        present=int(present.sum()),
        found=int(found.sum()),
        precision=_share(right, found),
        recall=_share(right, present),
        f1=_drawn(f1),
        kappa=_drawn(_kappa(weights, hand, rules)),
    )


def _kappa(
    weights: NDArray[np.float64], hand: NDArray[np.str_], rules: NDArray[np.str_]
) -> NDArray[np.float64]:
    """Return Cohen's kappa (1960) for each row of weights."""
    total = weights.sum(axis=1)
    agreed = weights @ (hand == rules) / total
    chance = sum(
        (weights @ (hand == value)) * (weights @ (rules == value)) / total**2
        for value in sorted({*hand, *rules})
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        kappa: NDArray[np.float64] = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    return kappa


def _share(hits: NDArray[np.bool_], trials: NDArray[np.bool_]) -> Figure:
    if not trials.any():
        return Figure()
    share = float(hits.sum() / trials.sum())
    return Figure(share, *wilson(share, int(trials.sum())))


def _drawn(values: NDArray[np.float64]) -> Figure:
    """Return the first value as estimate, and the 95 % range of all other values as interval."""
    if np.isnan(values[0]):
        return Figure()
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Figure(float(values[0]), float(low), float(high))
