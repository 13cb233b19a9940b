"""How far the lexical rules agree with the hand-coded texts.

`python -m kidney_evals.lab reasons` writes `measured.md`; a test holds that file to what the
rules give now.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from importlib.resources import files
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import wilson
from kidney_evals.lab.coded_texts import PARTS, CodedText, Part, coded_texts
from kidney_evals.rationale.codes import AGREE, ARGUMENTS, STATUSES, Argument, Codes, Status
from kidney_evals.rationale.lexical import code

DRAWS = 2000
"""Bootstrap draws over texts, for F1 and kappa."""

_SEED = 20_240_101
_SAME = {"drinks": "drinks, drinking", "drinking": "drinks, drinking"}
"""Attributes of two studies that are one thing, in one row."""


class Figure(NamedTuple):
    """A figure with its 95 % interval; NaN where there is nothing to compute it from."""

    value: float
    low: float
    high: float


class Row(NamedTuple):
    """How well one code is found.

    Attributes:
        code: What is coded.
        texts: Number of texts, or of texts times attributes in a row over all attributes.
        present: How many have the code, by hand.
        found: How many have it, by the rules.
        precision: Share of those found that are right; Wilson's interval.
        recall: Share of those present that are found; Wilson's interval.
        f1: Their harmonic mean; bootstrap over texts.
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
    text: int
    hand: str
    rules: str


def rows_of(part: Part) -> tuple[Row, ...]:
    """Return a row for each code on one half of the corpus.

    Status is over all texts, everything else over those that are coded by hand; what the rules
    give no codes for counts there as not found. An attribute is right only with the right patient
    (or `neither`): one found for the wrong one is neither precise nor recalled.
    """
    texts = [one for one in coded_texts() if one.part == part]
    coded = [_by_rules(one) for one in texts]
    pairs = list(zip(texts, coded, strict=True))
    rows = [
        _row(status, _gather(pairs, partial(_status, status)))
        for status in STATUSES
        if status != "coded"
    ]
    pairs = [(one, by) for one, by in pairs if one.codes.status == "coded"]
    ids = dict.fromkeys(_SAME.get(name, name) for one, _ in pairs for name in one.codes.attributes)
    rows += [_row(name, _gather(pairs, partial(_uses, name))) for name in ids]
    every = _gather(pairs, lambda codes: list(codes.attributes.values()))
    rows.append(_row("all attributes", every))
    for label, wanted in (("… for A or B", ("A", "B")), ("… neither", ("neither",))):
        rows.append(_row(label, _only(every, wanted)))
    rows += [_row(name, _gather(pairs, partial(_argument, name))) for name in ARGUMENTS]
    agree = _gather(pairs, lambda codes: [codes.agree or ""])
    rows += [_row(f"agree: {value}", _only(agree, (value,))) for value in AGREE]
    rows.append(_row("agree, all three", agree))
    return tuple(rows)


def measured() -> str:
    """Return `measured.md`."""
    lead = files("kidney_evals.rationale").joinpath("measured_lead.md")
    parts = [lead.read_text(encoding="utf-8").rstrip()]
    for part in reversed(PARTS):
        texts = [one for one in coded_texts() if one.part == part]
        right = sum(_same(one, _by_rules(one)) for one in texts)
        parts.append(f"## {part.capitalize()} half")
        parts.append(f"{len(texts)} texts, of which {right} have every code right.")
        parts.append(_table(rows_of(part)))
    return "\n\n".join(parts) + "\n"


def _table(rows: Sequence[Row]) -> str:
    lines = [
        "| code | texts | present | found | precision | recall | F1 | kappa |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    for row in rows:
        figures = " | ".join(map(_shown, (row.precision, row.recall, row.f1, row.kappa)))
        lines.append(f"| {row.code} | {row.texts} | {row.present} | {row.found} | {figures} |")
    return "\n".join(lines)


def _shown(figure: Figure) -> str:
    if np.isnan(figure.value):
        return "–"
    if figure.low == figure.high:
        return _two(figure.value)  # every draw is the same: the bootstrap has nothing to say
    return f"{_two(figure.value)} ({_two(figure.low)} to {_two(figure.high)})"


def _two(value: float) -> str:
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


def _by_rules(one: CodedText) -> Codes:
    return code(one.text, one.study, one.a, one.b, one.choice)


def _same(one: CodedText, by: Codes) -> bool:
    hand = one.codes
    return (hand.status, hand.attributes, hand.arguments, hand.agree) == (
        by.status,
        by.attributes,
        by.arguments,
        by.agree,
    )


def _status(status: Status, codes: Codes) -> list[str]:
    return [status if codes.status == status else ""]


def _uses(name: str, codes: Codes) -> list[str]:
    return [use for one, use in codes.attributes.items() if _SAME.get(one, one) == name]


def _argument(name: Argument, codes: Codes) -> list[str]:
    return [name if name in codes.arguments else ""]


def _gather(
    pairs: Sequence[tuple[CodedText, Codes]], values: Callable[[Codes], Sequence[str]]
) -> list[_Pair]:
    return [
        _Pair(index, hand, by)
        for index, (one, coded) in enumerate(pairs)
        for hand, by in zip(values(one.codes), values(coded), strict=True)
    ]


def _only(pairs: Sequence[_Pair], wanted: Sequence[str]) -> list[_Pair]:
    return [
        _Pair(
            one.text,
            one.hand if one.hand in wanted else "",
            one.rules if one.rules in wanted else "",
        )
        for one in pairs
    ]


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
    """Cohen's kappa (1960), one for each row of weights."""
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
        return Figure(np.nan, np.nan, np.nan)
    interval = wilson(hits / trials, trials)
    return Figure(hits / trials, interval.low, interval.high)


def _drawn(values: NDArray[np.float64]) -> Figure:
    """Return the first value with the 95 % range of the others."""
    if np.isnan(values[0]):
        return Figure(np.nan, np.nan, np.nan)
    low, high = np.nanpercentile(values[1:], [2.5, 97.5])
    return Figure(float(values[0]), float(low), float(high))
