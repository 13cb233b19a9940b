"""What the frames of `load` hold, column by column: read from a table, kept to, and written out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import yaml

from kidney_evals.errors import UserError

if TYPE_CHECKING:
    import pandas as pd

Name = Literal["runs", "quantities", "decisions"]
"""A frame."""


class Column(NamedTuple):
    """One column, or with a star at the end of its name one for each attribute.

    Attributes:
        name: Its name.
        type: Its Arrow type.
        says: What it holds, in a sentence.
    """

    name: str
    type: str
    says: str


@lru_cache(maxsize=1)
def schema() -> Mapping[Name, tuple[Column, ...]]:
    """Return the columns of every frame, in order."""
    text = files("kidney_evals.reporting").joinpath("frames.yaml").read_text(encoding="utf-8")
    return {
        frame: tuple(Column(name, **entry) for name, entry in columns.items())
        for frame, columns in yaml.safe_load(text).items()
    }


def check_arrow() -> None:
    """Raise a `UserError` where frames cannot be made.

    Raises:
        UserError: pyarrow, which `inspect_ai.analysis` needs, is not installed.
    """
    try:
        import pyarrow  # type: ignore[import-untyped]  # noqa: F401
    except ImportError as error:
        raise UserError(
            'frames need pyarrow, which is not installed: pip install "kidney-evals[analysis]"'
        ) from error


def frame(name: Name, lines: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """Return a frame with the documented columns and types.

    Args:
        name: Which frame.
        lines: Its rows by column; what is missing is NA, what is not documented is left out.
    """
    import pandas as pd
    import pyarrow as pa

    lines = list(lines)
    held = dict.fromkeys(column for line in lines for column in line)
    made = {}
    for column in schema()[name]:
        for one in _named(column.name, sorted(held)):
            values = [line.get(one) for line in lines]
            array = pa.array(values, type=_arrow(column.type), from_pandas=True)
            made[one] = pd.Series(array, dtype=pd.ArrowDtype(array.type))
    return pd.DataFrame(made)


def as_markdown() -> str:
    """Return the documentation of all frames: a table each."""
    parts = []
    for name, columns in schema().items():
        lines = [f"## `{name}`", "", "| column | type | what it holds |", "|---|---|---|"]
        lines += [f"| `{one.name}` | {one.type} | {one.says} |" for one in columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _named(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the columns that a documented one stands for."""
    if not pattern.endswith("*"):
        return [pattern]
    single = {column.name for columns in schema().values() for column in columns}
    return [name for name in names if name.startswith(pattern[:-1]) and name not in single]


def _arrow(type_: str) -> Any:
    import pyarrow as pa

    return {
        "string": pa.string(),
        "int64": pa.int64(),
        "double": pa.float64(),
        "bool": pa.bool_(),
        "timestamp[us, UTC]": pa.timestamp("us", tz="UTC"),
    }[type_]
