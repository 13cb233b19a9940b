"""How far the lexical rules agree with the hand-coded texts of `coded.jsonl`.

`python -m kidney_evals.reasons.measure` writes `measured.md`; a test compares that file with the
current figures of the rules. `coded.md` describes the texts.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from kidney_evals.estimation.intervals import wilson
from kidney_evals.reasons.codes import (
    AGREE,
    ARGUMENTS,
    STATUSES,
    Argument,
    Choice,
    Codes,
    codes_of,
    no_codes,
)
from kidney_evals.reasons.lexical import code
from kidney_evals.studies import Condition, Patient, Study, load_study

DRAWS = 2000
"""Bootstrap draws over texts, for F1 and kappa."""

_SEED = 20_240_101
_SAME = {"drinks": "drinks, drinking", "drinking": "drinks, drinking"}
"""Attributes of two studies that are the same, in one row."""

Part = Literal["development", "test"]
"""`development` was looked at while the rules were written, errors on `test` were not."""

PARTS: tuple[Part, ...] = get_args(Part)


@dataclass(frozen=True)
class CodedText:
    """One text with its dilemma and its codes.

    Attributes:
        id: Its name ("r017").
        study: The study of the dilemma.
        condition: Which answers were offered.
        a: The patient shown first.
        b: The patient shown second.
        choice: The answer given.
        text: The reply.
        codes: The codes by hand.
        part: The half of the corpus.
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
        """The codes by the lexical rules."""
        return code(self.text, self.study, self.a, self.b, self.choice)


class Figure(NamedTuple):
    """A figure with its 95 % interval; NaN where it is undefined."""

    value: float
    low: float
    high: float


class Row(NamedTuple):
    """How well one code is found.

    Attributes:
        code: The code.
        texts: Number of texts, or of texts times attributes in a row over all attributes.
        present: Number with the code, by hand.
        found: Number with the code, by the rules.
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
    """Values of a code in one text, by hand and by the rules; empty for no such code."""

    text: int
    hand: str
    rules: str


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
        uses, arguments, agree = codes["attributes"], codes["arguments"], codes["agree"]
        hand = codes_of(study, a, b, choice, uses=uses, arguments=arguments, agree=agree)
    else:
        hand = no_codes(study, choice, codes["status"])
    return CodedText(
        entry["id"], study, entry["condition"], a, b, choice, entry["text"], hand, entry["split"]
    )


def rows_of(part: Part) -> tuple[Row, ...]:
    """Return a row for each code on one half of the corpus.

    Status is over all texts, the other codes over those that are coded by hand; a text without
    codes by the rules counts there as not found. An attribute is right only with the right patient
    (or `neither`): one found for the wrong patient lowers both precision and recall.
    """
    pairs = [(one.codes, one.by_rules) for one in coded_texts() if one.part == part]

    def row(name: str, values: Callable[[Codes], Sequence[str]], *wanted: str) -> Row:
        """Return the row of a code; only the values in `wanted` count, where any are given."""
        found = [
            _Pair(text, *(one if not wanted or one in wanted else "" for one in both))
            for text, codes in enumerate(pairs)
            for both in zip(*map(values, codes), strict=True)
        ]
        return _row(name, found)

    rows = [row(status, _status, status) for status in STATUSES if status != "coded"]
    pairs = [codes for codes in pairs if codes[0].status == "coded"]
    names = dict.fromkeys(_SAME.get(name, name) for hand, _ in pairs for name in hand.attributes)
    rows += [row(name, partial(_uses, name)) for name in names]
    rows.append(row("all attributes", partial(_uses, None)))
    rows.append(row("… for A or B", partial(_uses, None), "A", "B"))
    rows.append(row("… neither", partial(_uses, None), "neither"))
    rows += [row(name, partial(_argument, name)) for name in ARGUMENTS]
    rows += [row(f"agree: {value}", _agree, value) for value in AGREE]
    rows.append(row("agree, all three", _agree))
    return tuple(rows)


def _status(codes: Codes) -> list[str]:
    return [codes.status]


def _uses(name: str | None, codes: Codes) -> list[str]:
    """Return the uses of an attribute, or of all."""
    return [use for one, use in codes.attributes.items() if name in (None, _SAME.get(one, one))]


def _argument(name: Argument, codes: Codes) -> list[str]:
    return [name if name in codes.arguments else ""]


def _agree(codes: Codes) -> list[str]:
    return [codes.agree or ""]


def measured() -> str:
    """Return `measured.md`."""
    lead = files("kidney_evals.reasons").joinpath("measured_lead.md")
    parts = [lead.read_text(encoding="utf-8").rstrip()]
    for part in reversed(PARTS):
        texts = [one for one in coded_texts() if one.part == part]
        right = sum(_key(one.codes) == _key(one.by_rules) for one in texts)
        lines = [
            "| code | texts | present | found | precision | recall | F1 | kappa |",
            "| --- | --- | --- | --- | --- | --- | --- | --- |",
        ]
        for row in rows_of(part):
            figures = map(_shown, (row.precision, row.recall, row.f1, row.kappa))
            lines.append(f"| {' | '.join([*map(str, row[:4]), *figures])} |")
        parts.append(f"## {part.capitalize()} half")
        parts.append(f"{len(texts)} texts, of which {right} have every code right.")
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _key(codes: Codes) -> tuple[Any, ...]:
    return codes.status, codes.attributes, codes.arguments, codes.agree


def _shown(figure: Figure) -> str:
    if np.isnan(figure.value):
        return "–"
    if figure.low == figure.high:
        return _two(figure.value)  # the bootstrap draws are all the same and give no interval
    return f"{_two(figure.value)} ({_two(figure.low)} to {_two(figure.high)})"


def _two(value: float) -> str:
    text = f"{value:.2f}"
    return text.replace("0.", ".", 1) if text.lstrip("-").startswith("0.") else text


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
    """Return Cohen's kappa (1960), one for each row of weights."""
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


if __name__ == "__main__":
    Path(str(files("kidney_evals.reasons").joinpath("measured.md"))).write_text(
        measured(), encoding="utf-8"
    )
