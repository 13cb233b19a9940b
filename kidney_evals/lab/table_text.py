"""Format tables as CSV, identical on every machine, and as Markdown."""

from collections.abc import Iterable, Mapping, Sequence

import pandas as pd

from kidney_evals.studies import Condition

ESTIMATE_DIGITS = 5  # significant digits: fits agree to 1e-10 across machines
DRAW_DIGITS = 4  # significant digits of bootstrap draws, far below their spread


def table_text(
    rows: pd.DataFrame | Iterable[Mapping[str, object]], digits: int = ESTIMATE_DIGITS
) -> str:
    """Format a table as CSV; floats get `digits` significant digits, NaN an empty cell."""
    table = rows.copy() if isinstance(rows, pd.DataFrame) else pd.DataFrame(list(rows))
    floats = table.select_dtypes("float")
    # A smaller value is a rounding error of zero, and differs between machines.
    table[floats.columns] = floats.mask(floats.abs() < 1e-9, 0.0)
    return table.to_csv(index=False, lineterminator="\n", float_format=f"%.{digits}g")


def by_condition(tables: Mapping[Condition, pd.DataFrame]) -> pd.DataFrame:
    """Return the rows of the tables of all conditions, with the condition as first column."""
    return pd.concat(dict(tables), names=["condition"]).reset_index("condition")


def rounded(line: Mapping[str, object], default: str, **formats: str) -> dict[str, object]:
    """Return a row with its floats as text, except NaN.

    Args:
        line: The row, by column.
        default: The format of floats, such as ".3g".
        **formats: Other formats, by column.
    """
    return {
        name: format(value, formats.get(name, default))
        if isinstance(value, float) and value == value
        else value
        for name, value in line.items()
    }


def markdown_table(head: Sequence[str], align: str, rows: Iterable[Sequence[object]]) -> str:
    """Format rows as a Markdown table; floats get 4 decimals.

    Args:
        head: Heads of the columns.
        align: A letter for each column, "l" for left or "r" for right.
        rows: The cells of each row.
    """
    rule = [{"l": "---", "r": "--:"}[side] for side in align]
    cells = (
        [decimals(value) if isinstance(value, float) else str(value) for value in row]
        for row in rows
    )
    lines = [head, rule, *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def decimals(value: float, digits: int = 4) -> str:
    """Format a number with a fixed number of decimals; "–" for NaN."""
    return "–" if value != value else f"{value:.{digits}f}"
