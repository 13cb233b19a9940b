"""Columns of the frames that `load` returns: read from a file, enforced, and documented."""

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
"""Name of a frame."""


class Column(NamedTuple):
    """One column, or one column per attribute if its name ends with a star.

    Attributes:
        name: The name.
        type: The Arrow type.
        says: A sentence on the content.
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
    """Check that frames can be made.

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
        name: The frame.
        lines: Its rows by column; a missing column becomes NA, an undocumented column is dropped.
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
    """Return the documentation of all frames, a Markdown table for each."""
    parts = []
    for name, columns in schema().items():
        lines = [f"## `{name}`", "", "| column | type | what it holds |", "|---|---|---|"]
        lines += [f"| `{one.name}` | {one.type} | {one.says} |" for one in columns]
        parts.append("\n".join(lines))
    return "\n\n".join(parts) + "\n"


def _named(pattern: str, names: Iterable[str]) -> list[str]:
    """Return the names that a documented column name matches; a star matches every attribute."""
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
