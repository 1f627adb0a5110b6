"""How often one may ask."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field

REMEMBERED = 10_000  # askers; of more, those who have all their requests back are forgotten


@dataclass
class RateLimit:
    """A bucket of requests for each asker, filled again at a steady rate.

    Args:
        per_second: requests that come back in a second.
        burst: requests that one has at once.

    Examples:
        >>> limit = RateLimit(per_second=1, burst=2)
        >>> [limit.wait("a", now=0.0) for _ in range(3)]
        [0.0, 0.0, 1.0]
        >>> limit.wait("a", now=1.0), limit.wait("b", now=1.0)
        (0.0, 0.0)
    """

    per_second: float
    burst: float
    _left: dict[str, tuple[float, float]] = field(default_factory=dict, repr=False)
    _lock: threading.Lock = field(default_factory=threading.Lock, repr=False)

    def wait(self, asker: str, *, now: float) -> float:
        """Take one request; return 0, or how many seconds to wait for it.

        Args:
            asker: who asks.
            now: in seconds, on a clock that never goes back.
        """
        with self._lock:
            left = self._filled(asker, now)
            if left < 1:
                self._left[asker] = (left, now)
                return (1 - left) / self.per_second
            self._left[asker] = (left - 1, now)
            if len(self._left) > REMEMBERED:
                self._forget(now)
            return 0.0

    def _filled(self, asker: str, now: float) -> float:
        left, since = self._left.get(asker, (self.burst, now))
        return min(self.burst, left + (now - since) * self.per_second)

    def _forget(self, now: float) -> None:
        self._left = {
            asker: left
            for asker, left in self._left.items()
            if self._filled(asker, now) < self.burst
        }
        if len(self._left) > REMEMBERED:  # many at once: better to forget than to run out of memory
            self._left.clear()
