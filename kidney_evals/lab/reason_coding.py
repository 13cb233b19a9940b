"""Agreement of the lexical rules for reasons with hand-coded texts.

`python -m kidney_evals.lab reasons` writes `reasons/measured.md`; a test checks that the file
matches the current rules. The texts are in `reasons/coded.jsonl`, described in `coded.md`.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from importlib.resources import files
from typing import Any, Literal, NamedTuple, get_args

import numpy as np

from kidney_evals.estimation.arrays import Bools, Floats
from kidney_evals.estimation.intervals import wilson
from kidney_evals.estimation.quantity import Quantity, undefined
from kidney_evals.lab.table_text import markdown_table
from kidney_evals.reasons import Codes, code
from kidney_evals.reasons.codes import AGREE, ARGUMENTS, STATUSES, Choice, codes_of, no_codes
from kidney_evals.studies import Condition, Patient, Study, load_study

Part = Literal["development", "test"]
"""`development`: read while the rules were written. `test`: errors were not inspected."""

PARTS: tuple[Part, ...] = get_args(Part)

_DRAWS = 2000  # bootstrap draws over texts, for F1 and kappa

_SEED = 20_240_101
_SAME = {"drinks": "drinks, drinking", "drinking": "drinks, drinking"}
"""Attributes of two studies that mean the same and are reported in one row."""

Flat = Mapping[str, str | bool | None]
"""Codes by name, as `Codes.values` returns them."""


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
        """The codes that the rules assign to the text."""
        return code(self.text, self.study, self.a, self.b, self.choice)


class Row(NamedTuple):
    """Agreement on one code."""

    code: str
    texts: int  # number of texts, or of texts times attributes in a row over all attributes
    present: int  # number of texts with the code, by hand
    found: int  # number of texts with the code, by the rules
    precision: Quantity  # share of the codes by the rules that are correct
    recall: Quantity  # share of the codes by hand that the rules assign
    f1: Quantity  # harmonic mean of precision and recall
    kappa: Quantity  # Cohen's kappa over all values of the code


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
    by_hand = no_codes(study, choice, codes["status"])
    if codes["status"] == "coded":
        given = {"uses": codes["attributes"], "arguments": codes["arguments"]}
        by_hand = codes_of(study, a, b, choice, **given, agree=codes["agree"])
    about = entry["condition"], a, b, choice, entry["text"]
    return CodedText(entry["id"], study, *about, by_hand, entry["split"])


def rows_of(part: Part) -> list[Row]:
    """Return a row for each code on one part of the corpus.

    Rows for statuses use all texts. Other rows use the texts with codes by hand; if the rules give
    no codes for such a text, all its codes count as missed. An attribute with the wrong patient
    lowers both precision and recall.
    """
    texts = [
        (text.codes.values(), text.by_rules.values()) for text in coded_texts() if text.part == part
    ]
    coded = [(hand, rules) for hand, rules in texts if hand["status"] == "coded"]
    names: dict[str, list[str]] = {}
    for name in dict.fromkeys(name for hand, _ in coded for name in hand):
        if (id := name.removeprefix("uses_")) != name:
            names.setdefault(_SAME.get(id, id), []).append(name)
    every = [name for same in names.values() for name in same]
    return [
        *(_row(status, texts, ["status"], status) for status in STATUSES if status != "coded"),
        *(_row(id, coded, same) for id, same in names.items()),
        _row("all attributes", coded, every),
        _row("… for A or B", coded, every, "A", "B"),
        _row("… neither", coded, every, "neither"),
        *(_row(name, coded, [name]) for name in ARGUMENTS),
        *(_row(f"agree: {value}", coded, ["agree"], value) for value in AGREE),
        _row("agree, all three", coded, ["agree"]),
    ]


def measured() -> str:
    """Return the content of `measured.md`."""
    lead = files("kidney_evals.reasons").joinpath("measured_lead.md")
    parts = [lead.read_text(encoding="utf-8").rstrip()]
    head = ("code", "texts", "present", "found", "precision", "recall", "F1", "kappa")
    for part in reversed(PARTS):
        texts = [text for text in coded_texts() if text.part == part]
        right = sum(_key(text.codes) == _key(text.by_rules) for text in texts)
        parts += [
            f"## {part.capitalize()} half",
            f"{len(texts)} texts, of which {right} have every code right.",
            markdown_table(head, "l" * 8, ((*r[:4], *map(_shown, r[4:])) for r in rows_of(part))),
        ]
    return "\n\n".join(parts) + "\n"


def _shown(quantity: Quantity) -> str:
    """Return an estimate with two decimals, and its interval unless both ends are equal."""
    if not quantity.defined:
        return "–"
    value, low, high = (f"{number:.2f}".removeprefix("0") for number in quantity[:3])
    return value if quantity.low == quantity.high else f"{value} ({low} to {high})"


def _key(codes: Codes) -> tuple[object, ...]:
    return codes.status, codes.attributes, codes.arguments, codes.agree


def _row(label: str, texts: Sequence[tuple[Flat, Flat]], names: Iterable[str], *only: str) -> Row:
    """Return the row for the codes `names`; with `only`, all other values count as absent."""

    def value(codes: Flat, name: str) -> str:
        text = name if codes[name] is True else codes[name] or ""
        return str(text) if not only or text in only else ""

    pairs = [
        (index, value(by_hand, name), value(by_rules, name))
        for index, (by_hand, by_rules) in enumerate(texts)
        for name in names
        if name in by_hand
    ]
    text, hand, rules = (np.array(column) for column in zip(*pairs, strict=True))
    present, found = hand != "", rules != ""
    right = (hand == rules) & present
    count = int(text.max()) + 1
    draws = np.random.default_rng(_SEED).multinomial(count, np.full(count, 1 / count), size=_DRAWS)
    weights = np.vstack([np.ones((1, count)), draws])[:, text]
    total = weights.sum(axis=1)
    agreed = weights @ (hand == rules) / total
    chance = sum(
        (weights @ (hand == each)) * (weights @ (rules == each)) / total**2
        for each in sorted({*hand, *rules})
    )
    with np.errstate(invalid="ignore", divide="ignore"):
        f1 = 2 * (weights @ right) / (weights @ present + weights @ found)
        # Cohen (1960).
        kappa = np.where(chance < 1, (agreed - chance) / (1 - chance), np.nan)
    return Row(
        code=label,
        texts=len(pairs),
        present=int(present.sum()),
        found=int(found.sum()),
        precision=_share(right, found),
        recall=_share(right, present),
        f1=_drawn(f1),
        kappa=_drawn(kappa),
    )


def _share(hits: Bools, trials: Bools) -> Quantity:
    if not trials.any():
        return undefined()
    share, count = float(hits.sum() / trials.sum()), int(trials.sum())
    return Quantity(share, *wilson(share, count))


def _drawn(values: Floats) -> Quantity:
    """Return the first value as estimate, and the 95 % range of all other values as interval."""
    if np.isnan(values[0]):
        return undefined()
    return Quantity(values[0], *np.nanpercentile(values[1:], [2.5, 97.5]))
