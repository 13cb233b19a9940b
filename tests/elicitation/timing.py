"""Whether reading takes time that grows linearly with the text."""

import time
from collections.abc import Callable

SHORT = 4_000


def assert_linear(read: Callable[[str], object], piece: str) -> None:
    """Read a repeated piece at two lengths; quadratic time would take sixteen times as long."""

    def seconds(size: int) -> float:
        text = (piece * (size // len(piece) + 1))[:size]
        start = time.process_time()
        read(text)
        return time.process_time() - start

    # A busy machine may slow down one reading, but not always the longer one.
    assert any(seconds(4 * SHORT) < 8 * max(seconds(SHORT), 0.003) for _ in range(5)), piece
