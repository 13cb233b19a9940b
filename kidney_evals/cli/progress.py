"""How far reading is, where somebody is looking."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from kidney_evals.reporting.logs import Progress


@contextmanager
def reading() -> Iterator[Progress | None]:
    """Give what shows a bar on the error stream for each thing that is read, one after the other.

    Gives None, and shows nothing, where the error stream is no terminal.
    """
    if not sys.stderr.isatty():
        yield None
        return
    with ExitStack() as shown:
        bars: dict[str, Any] = {}

        def progress(what: str, done: int, of: int) -> None:
            if what not in bars:
                shown.close()
                label = f"reading {what}"
                bar = click.progressbar(length=of, label=label, show_pos=True, file=sys.stderr)
                bars[what] = shown.enter_context(bar)
            bars[what].update(done - bars[what].pos)

        yield progress
