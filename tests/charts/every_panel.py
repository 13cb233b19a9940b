"""Every kind of panel, filled with the same names and numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kidney_evals.charts import (
    ChangeRow,
    Curve,
    DotRow,
    ShareRow,
    change_panel,
    curve_panel,
    dot_panel,
    share_panel,
)

Panel = Callable[[str, Sequence[str], Sequence[float]], str]
"""Title (and every other word), names of rows, numbers: any, used again when too few."""


def _number(values: Sequence[float], index: int) -> float:
    return values[index % len(values)]


def dots(words: str, names: Sequence[str], values: Sequence[float]) -> str:
    kinds = ("people", "model", "baseline")
    rows = [
        DotRow(
            name,
            _number(values, index),
            _number(values, index + 1),
            _number(values, index + 2),
            kinds[index % 3],  # type: ignore[arg-type]
            href=f"javascript:{words}",
        )
        for index, name in enumerate(names)
    ]
    band = (_number(values, 0), _number(values, 0) + 0.1)
    return dot_panel(
        words, rows, low=-0.5, high=1, band=band, line=values[0], dots=values, note=words,
        signed=True, decimals=3,
    )  # fmt: skip


def curves(words: str, names: Sequence[str], values: Sequence[float]) -> str:
    first, last = names[0], names[-1]
    more = [_number(values, index + 1) for index in range(len(values))]
    return curve_panel(
        words, [0.25 * index for index in range(len(values))], Curve(first, values),
        Curve(last, more, values, more), x_label=words, y_label=words, y_high=0.75, note=words,
    )  # fmt: skip


def shares(words: str, names: Sequence[str], values: Sequence[float]) -> str:
    rows = []
    for index, name in enumerate(names):
        parts = [abs(_number(values, index + one)) for one in range(4)]
        whole = sum(parts) or 1.0
        shared = tuple(min(part / whole, 1.0) for part in parts)
        known = shared if whole < float("inf") else (float("nan"),) * 4
        rows.append(ShareRow(name, known, "model", 10**index))
    return share_panel(words, rows, [words, "second", "coin", "no answer"], note=words)


def changes(words: str, names: Sequence[str], values: Sequence[float]) -> str:
    rows = [
        ChangeRow(name, *(_number(values, index + one) for one in range(4)))
        for index, name in enumerate(names)
    ]
    return change_panel(words, rows, low=-1, high=1, people=values[0], note=words)


PANELS: dict[str, Panel] = {"dots": dots, "curves": curves, "shares": shares, "changes": changes}
