"""How many recordings are converted at once for those who listen: an ffmpeg each, beside calls that need the machine (QUA-02)."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

from desks.errors import RefusedError

RETRY_SECONDS = 5


class Conversions:
    """``most``: whoever comes then is told to come again."""

    def __init__(self, most: int) -> None:
        self._most, self._count = most, 0

    @contextmanager
    def one(self) -> Iterator[None]:
        """A conversion, inside of the block. Refused: ``too_busy``."""
        if self._count >= self._most:
            raise RefusedError("too_busy", retry_after=RETRY_SECONDS)
        self._count += 1
        try:
            yield
        finally:
            self._count -= 1


CONVERSIONS = Conversions(max(4, 2 * (os.cpu_count() or 1)))
"""Of this process."""
