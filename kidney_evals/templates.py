"""Load the Jinja templates that ship with a sub-package."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment


def templates(
    room: str, folder: str, names: Mapping[str, Any], *, trim: bool = True, **options: Any
) -> Environment:
    """Return Jinja's environment with the templates in a folder of the sub-package `room`.

    `names` are globals and filters of the templates. With `trim`, a line that holds only a block
    tag adds no empty line to the output. `options` are those of Jinja's `Environment`.
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
