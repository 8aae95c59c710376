"""Whether this process answers Asterisk in time. Between two commands of a session Asterisk reads what comes from the caller and
throws it away, keys too: who types without a look at what is asked loses a key when we take more than about 100 ms to go on.
"""

from __future__ import annotations

import asyncio

import structlog

from hotline import clock

LATE_MS = 40
"""A key may cost three commands, and each of them so much."""
_STEP_SECONDS = 0.02
_STEPS = 50
_log = structlog.get_logger()


async def watch() -> None:
    """For ever: look every 20 ms how late the loop is, and say once a second when it was late, and by how much at most."""
    while True:
        worst = 0.0
        for _ in range(_STEPS):
            before = clock.monotonic()
            await asyncio.sleep(_STEP_SECONDS)
            worst = max(worst, clock.monotonic() - before - _STEP_SECONDS)
        if worst * 1000 >= LATE_MS:
            _log.warning("late: keys that callers type ahead may be lost", milliseconds=round(worst * 1000))
