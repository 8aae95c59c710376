"""How often somebody may guess: failed attempts within a time, per user and per address, in a bounded memory. Pure."""

from __future__ import annotations

from collections import OrderedDict, deque

_REMEMBERED = 10_000


class Attempts:
    """``most`` failures of one name within ``seconds`` (of a clock that never steps), then none until the oldest is that old."""

    def __init__(self, most: int, seconds: float) -> None:
        self._most, self._seconds = most, seconds
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def is_allowed(self, name: str, now: float) -> bool:
        """Whether this one may try."""
        failures = self._failures.get(name)
        while failures and failures[0] <= now - self._seconds:
            failures.popleft()
        return not failures or len(failures) < self._most

    def failed(self, name: str, now: float) -> None:
        """It was wrong."""
        self._failures.setdefault(name, deque(maxlen=self._most)).append(now)
        self._failures.move_to_end(name)
        if len(self._failures) > _REMEMBERED:
            self._failures.popitem(last=False)

    def succeeded(self, name: str) -> None:
        """It was right: what went before is forgotten."""
        self._failures.pop(name, None)
