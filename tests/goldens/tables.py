"""Golden tables: CSV files whose first columns are keys, and how two of them differ."""

from __future__ import annotations

import csv
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Key = tuple[str, ...]

TOLERANCE = 1e-9
"""Largest difference between two numbers that are taken as the same; see `differences`."""


@dataclass
class Table:
    """Cells of text by key and column.

    Attributes:
        keys: Names of the key columns.
        rows: The cells of each key, by column. NaN and None are empty cells.
    """

    keys: tuple[str, ...]
    rows: dict[Key, dict[str, str]] = field(default_factory=dict)

    def add(self, key: Sequence[object], cells: Mapping[str, object]) -> None:
        """Add a row.

        Args:
            key: A value for each key column.
            cells: Values by column; a float keeps all of its digits.

        Raises:
            ValueError: The key is in the table already, or has the wrong length.
        """
        text = tuple(map(str, key))
        if text in self.rows or len(text) != len(self.keys):
            raise ValueError(f"cannot add {text} under {self.keys}")
        self.rows[text] = {name: _cell(value) for name, value in cells.items()}

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns in the order in which they first appear."""
        return tuple(dict.fromkeys(name for cells in self.rows.values() for name in cells))

    def only(self, wanted: Mapping[str, str]) -> Table:
        """Return the rows whose key columns have the values in `wanted`."""
        places = {self.keys.index(name): value for name, value in wanted.items()}
        kept = {
            key: cells
            for key, cells in self.rows.items()
            if all(key[place] == value for place, value in places.items())
        }
        return Table(self.keys, kept)

    def write(self, path: Path) -> None:
        """Write the table, sorted by key."""
        path.parent.mkdir(parents=True, exist_ok=True)
        columns = self.columns
        with path.open("w", encoding="utf-8", newline="") as stream:
            writer = csv.writer(stream, lineterminator="\n")
            writer.writerow([*self.keys, *columns])
            for key in sorted(self.rows, key=_sortable):
                writer.writerow([*key, *(self.rows[key].get(name, "") for name in columns)])


def read_table(path: Path, keys: tuple[str, ...]) -> Table:
    """Read a table that `Table.write` wrote."""
    with path.open(encoding="utf-8", newline="") as stream:
        head, *lines = csv.reader(stream)
    if tuple(head[: len(keys)]) != keys:
        raise ValueError(f"{path} begins with {head[: len(keys)]}, not with {keys}")
    count = len(keys)
    return Table(
        keys,
        {tuple(line[:count]): dict(zip(head[count:], line[count:], strict=True)) for line in lines},
    )


@dataclass(frozen=True)
class Difference:
    """A difference between a golden table and the present one.

    Attributes:
        kind: `missing` and `added` are of a row or a column as a whole.
        key: Of the row; empty for a column as a whole.
        column: Of the cell; empty for a row as a whole.
        golden: The golden cell.
        now: The present cell.
    """

    kind: Literal["missing", "added", "changed"]
    key: Key
    column: str = ""
    golden: str = ""
    now: str = ""

    def __str__(self) -> str:
        """One line for a developer."""
        where = " ".join(self.key)
        if self.kind != "changed":
            what = f"row {where}" if self.key else f"column {self.column}"
            return f"{self.kind}: {what}"
        return f"changed: {where}  {self.column}: {self.golden or 'none'} -> {self.now or 'none'}"


def differences(golden: Table, now: Table, tolerance: float) -> list[Difference]:
    """Compare two tables.

    Args:
        golden: The table as it should be.
        now: The table as it is.
        tolerance: Largest relative difference of two numbers, absolute for numbers below 1.

    Returns:
        Missing and added columns, missing and added rows, then changed cells.
    """
    found = []
    old, new = golden.columns, now.columns
    # Without a row there is no column to speak of.
    if golden.rows and now.rows:
        found += [Difference("missing", (), name) for name in old if name not in new]
        found += [Difference("added", (), name) for name in new if name not in old]
    found += [Difference("missing", key) for key in golden.rows if key not in now.rows]
    found += [Difference("added", key) for key in now.rows if key not in golden.rows]
    shared = [name for name in old if name in new]
    for key in golden.rows:
        if key not in now.rows:
            continue
        for name in shared:
            before, after = golden.rows[key].get(name, ""), now.rows[key].get(name, "")
            if not _same(before, after, tolerance):
                found.append(Difference("changed", key, name, before, after))
    return found


def report(found: Sequence[Difference], shown: int = 20) -> str:
    """Return the first differences, a line each, and how many there are of each kind."""
    counts = {
        kind: sum(one.kind == kind for one in found) for kind in ("missing", "added", "changed")
    }
    told = ", ".join(f"{count} {kind}" for kind, count in counts.items() if count)
    lines = [str(one) for one in found[:shown]]
    if len(found) > shown:
        lines.append(f"and {len(found) - shown} more")
    return "\n".join([f"{told or 'no difference'}", *lines])


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, float):
        return "" if math.isnan(value) else repr(float(value))
    return str(value)


def _same(golden: str, now: str, tolerance: float) -> bool:
    if golden == now:
        return True
    try:
        return math.isclose(float(golden), float(now), rel_tol=tolerance, abs_tol=tolerance)
    except ValueError:
        return False


def _sortable(key: Key) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in key)
