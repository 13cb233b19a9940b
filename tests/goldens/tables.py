"""Golden tables: CSV files whose first columns are keys, and how two of them differ."""

import csv
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

TOLERANCE = 1e-9
"""Largest difference of two numbers that count as equal: relative, and absolute below 1."""

Key = tuple[str, ...]
Table = dict[Key, dict[str, str]]
"""Cells of text by key and column; NaN and None are empty cells."""


def add(table: Table, key: Sequence[object], cells: Mapping[str, object]) -> None:
    """Add a row; a float keeps all of its digits. `ValueError` if its key is there already."""
    text = tuple(map(str, key))
    if text in table:
        raise ValueError(f"{text} is in the table already")
    table[text] = {name: _cell(value) for name, value in cells.items()}


def _cell(value: object) -> str:
    if value is None or value != value:
        return ""
    if isinstance(value, float):
        return repr(float(value))
    return str(int(value) if isinstance(value, bool) else value)


def columns_of(table: Table) -> list[str]:
    """Return the columns in the order in which they first appear."""
    return list(dict.fromkeys(name for cells in table.values() for name in cells))


def write_table(path: Path, keys: Sequence[str], table: Table) -> None:
    """Write a table sorted by key, in which whole numbers are sorted by value."""

    def place(key: Key) -> list[tuple[int, str]]:
        return [(int(part), "") if part.isdigit() else (-1, part) for part in key]

    columns = columns_of(table)
    rows = (
        [*key, *(table[key].get(name, "") for name in columns)] for key in sorted(table, key=place)
    )
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream, lineterminator="\n").writerows([[*keys, *columns], *rows])


def read_table(path: Path, keys: Sequence[str]) -> Table:
    """Read a table that `write_table` wrote."""
    with path.open(encoding="utf-8", newline="") as stream:
        return {tuple(map(row.pop, keys)): row for row in csv.DictReader(stream)}


def differences(golden: Table, now: Table) -> list[str]:
    """Return the differences of two tables, a line each: of rows, then of cells."""
    lines = [f"missing: row {' '.join(key)}" for key in golden if key not in now]
    lines += [f"added: row {' '.join(key)}" for key in now if key not in golden]
    for key in (key for key in golden if key in now):
        for name in golden[key] | now[key]:
            before, after = golden[key].get(name, ""), now[key].get(name, "")
            if not _same(before, after):
                where = f"{' '.join(key)}  {name}"
                lines.append(f"changed: {where}: {before or 'none'} -> {after or 'none'}")
    return lines


def _same(golden: str, now: str) -> bool:
    if golden == now:
        return True
    try:
        return math.isclose(float(golden), float(now), rel_tol=TOLERANCE, abs_tol=TOLERANCE)
    except ValueError:
        return False
