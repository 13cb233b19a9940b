"""The Jinja templates that ship with a room."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(
    room: str, folder: str, names: Mapping[str, Any], *, trim: bool = True, **options: Any
) -> Environment:
    """Return the templates in a folder of a room, with `names` as globals and filters.

    With `trim`, a line that holds only a block leaves no line.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader(f"kidney_evals.{room}", folder),
        undefined=StrictUndefined,
        trim_blocks=trim,
        lstrip_blocks=trim,
        **options,
    )
    environment.globals |= names
    environment.filters |= names
    return environment
