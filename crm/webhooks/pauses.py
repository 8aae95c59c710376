"""How long to wait before the next try: three times as long each time, an hour at most, not just when others do. Pure."""

from __future__ import annotations

LONGEST_SECONDS = 3600.0


def pause_seconds(first: float, tries: int, chance: float) -> float:
    """After so many ``tries``. ``chance`` (0 to 1) makes it up to a fifth longer or shorter, against storms."""
    return min(first * 3.0 ** min(max(tries - 1, 0), 20), LONGEST_SECONDS) * (0.8 + 0.4 * chance)
