"""The only place that asks what time it is (ruff bans the other ways), so that everything else takes time as an argument."""

from __future__ import annotations

import datetime as dt
import time
from zoneinfo import ZoneInfo

SHANGHAI = ZoneInfo("Asia/Shanghai")
"""Days and hours are cut in this zone; storage is UTC."""


def now() -> dt.datetime:
    """The present moment, timezone-aware, in UTC."""
    return dt.datetime.now(dt.UTC)  # noqa: TID251


def monotonic() -> float:
    """Seconds of a clock that never steps: for deadlines and lengths, never for a stored time."""
    return time.monotonic()  # noqa: TID251


def shanghai_now() -> dt.datetime:
    """The present moment on the hotline's wall clock."""
    return now().astimezone(SHANGHAI)
