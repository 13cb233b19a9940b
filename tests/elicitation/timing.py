"""Whether reading takes time that grows linearly with the text."""

import time
from collections.abc import Callable

SHORT = 4_000


def assert_linear(read: Callable[[str], object], piece: str) -> None:
    """Read a repeated piece at two lengths; quadratic time would take sixteen times as long."""
    seconds = []
    for size in (SHORT, 4 * SHORT):
        text = (piece * (size // len(piece) + 1))[:size]
        spent = []
        for _ in range(2):
            start = time.process_time()
            read(text)
            spent.append(time.process_time() - start)
        seconds.append(min(spent))
    assert seconds[1] < 8 * max(seconds[0], 0.003), piece
