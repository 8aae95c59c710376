"""The busy hour for a whole hour, only with ``BENCH_HOUR=1``: what matters is that memory stays flat."""

from __future__ import annotations

import os

from bench.busy_hour import for_minutes
from bench.figure import Figure, say


def measure() -> list[Figure]:
    """The figures of ``busy_hour`` over 60 minutes, or nothing."""
    if os.environ.get("BENCH_HOUR") != "1":
        say("hour: left out; BENCH_HOUR=1 runs it, 65 minutes")
        return []
    return for_minutes(60, "hour")
