"""What every fact is: something that happened, at a time, in a call. Pure."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

import msgspec

Headers = Mapping[str, str]


class Fact(msgspec.Struct, frozen=True, tag=True, kw_only=True):
    """Something that happened at ``at`` (aware, UTC), in the call whose Asterisk linkedid is ``call_id`` (empty: in none)."""

    at: dt.datetime
    call_id: str


Parse = Callable[[Headers, dt.datetime], Fact | None]


def whole(text: str | None) -> int:
    """A whole number of at most ten digits (seconds that can be taken from any time); 0 for anything else."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 10 else 0


def queue_of(name: str) -> str:
    """The queue that a caller waits for: ``NAME.AGENT``, in which one agent alone is rung, is a part of ``NAME``."""
    return name.partition(".")[0]
