"""Rate limits by client, and counts of refused requests, both in memory only."""

from __future__ import annotations

import logging
import time
from collections import Counter, OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field
from threading import Lock

LOGGER = logging.getLogger("kidney_evals.survey")

MAX_CLIENTS = 10_000
"""Maximum number of clients that a limit remembers; the client not seen for longest goes first."""


@dataclass
class RateLimit:
    """A token bucket for each client.

    Attributes:
        burst: Number of events that a client may cause at once.
        per_second: Rate at which used events become available again.
        clock: Seconds of a clock that never goes back.
    """

    burst: float
    per_second: float
    clock: Callable[[], float] = time.monotonic
    _left: OrderedDict[str, tuple[float, float]] = field(default_factory=OrderedDict)
    _lock: Lock = field(default_factory=Lock)

    def spend(self, client: str) -> float:
        """Use one event if there is one; return the seconds to wait otherwise, else 0."""
        with self._lock:
            available = self._available(client)
            if available < 1:
                return (1 - available) / self.per_second
            self._left[client] = (available - 1, self.clock())
            self._left.move_to_end(client)
            if len(self._left) > MAX_CLIENTS:
                self._left.popitem(last=False)
            return 0.0

    def _available(self, client: str) -> float:
        left, since = self._left.get(client, (self.burst, 0.0))
        return min(self.burst, left + (self.clock() - since) * self.per_second)


class Refusals:
    """Counts of refused requests by reason, logged as one line for all of them."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lock = Lock()

    def add(self, reason: str) -> None:
        """Count a refused request."""
        with self._lock:
            self._counts[reason] += 1

    def log(self) -> None:
        """Log what was counted since the last call as one line; nothing if nothing was."""
        with self._lock:
            counts, self._counts = self._counts, Counter()
        if counts:
            listed = ", ".join(f"{count:,} {reason}" for reason, count in sorted(counts.items()))
            LOGGER.warning("refused requests: %s", listed)
