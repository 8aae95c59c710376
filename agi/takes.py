"""What becomes of a message's takes: which one counts, when the caller is asked again, what a key does at the review. Pure.

A *take* is one recording of a message, numbered from 1. Who records again makes a new take; the one before it counts until the
new one is closed and long enough (IVR-08, IVR-09, IVR-11). A caller who hangs up has kept what was said (IVR-10).
"""

from __future__ import annotations

from typing import Literal

import msgspec

SHORTEST_MS = 2000
"""What is shorter is not a message. The recordings worker has the same limit (recordings/audio.py)."""
TRIES = 2
"""How often in a row the caller may say too little."""
CHOICES = 8
"""How often the caller may listen or record again; then the message is kept as it is."""
REVIEW_KEYS = "12#"
SAMPLES_PER_MS = 8
_SILENCE_LEFT_MS = 1000

GUIDES = {"message": "message-guide", "mailbox": "mailbox-guide", "complaint": "complaint-guide", "survey": "message-guide"}
"""Each kind of message (``HOTLINE_KIND``) and the prompt that asks for it."""
REASONS = frozenset({"out_of_hours", "no_agents", "timed_out", "queue_full", "fault", "chosen"})

Do = Literal["record", "again", "review", "listen", "end"]
"""What comes next; ``again``: recording, after a word that the message was too short."""
Outcome = Literal["saved", "empty", "failed"]


class Talk(msgspec.Struct, frozen=True):
    """How far the caller is: the take that counts (0: none), too short ones in a row, and choices made at the review."""

    counts: int = 0
    short: int = 0
    choices: int = 0

    @property
    def number(self) -> int:
        """The number of the take that is being recorded, or will be."""
        return self.counts + 1


def kind_of(value: str) -> str:
    """The kind of a message, from the channel variable; what is not known is a ``message``."""
    return value if value in GUIDES else "message"


def reason_of(value: str) -> str:
    """The reason for a message, from the channel variable; what is not known is a fault."""
    return value if value in REASONS else "fault"


def spoken_ms(samples: int, ended_by: str, longest_ms: int) -> int:
    """How much was said: Asterisk leaves one second of the silence that ended a recording.

    ``ended_by`` is ``dtmf`` or ``timeout``, which is silence, or ``longest_ms``, the longest time.
    """
    length = samples // SAMPLES_PER_MS
    silent = ended_by == "timeout" and length < longest_ms - _SILENCE_LEFT_MS
    return max(0, length - _SILENCE_LEFT_MS) if silent else length


def closed(talk: Talk, length_ms: int) -> Talk:
    """A take has been closed after ``length_ms`` of speech: long enough, it counts, and the one before it does not any more."""
    if length_ms >= SHORTEST_MS:
        return msgspec.structs.replace(talk, counts=talk.number, short=0)
    return msgspec.structs.replace(talk, short=talk.short + 1)


def recorded(talk: Talk, length_ms: int) -> tuple[Talk, Do]:
    """What follows a take that the caller ended."""
    after = closed(talk, length_ms)
    if after.short:
        return after, "again" if after.short < TRIES else "end"
    return after, _review(after)


def heard(talk: Talk, key: str) -> tuple[Talk, Do]:
    """What follows listening, which ``key`` may have cut short."""
    return chosen(talk, key) if key else (talk, _review(talk))


def chosen(talk: Talk, key: str) -> tuple[Talk, Do]:
    """What follows a key at the review: 1 listens, 2 records again; any other, or none, keeps the message."""
    does: dict[str, Do] = {"1": "listen", "2": "record"}
    return msgspec.structs.replace(talk, choices=talk.choices + 1, short=0), does.get(key, "end")


def _review(talk: Talk) -> Do:
    return "review" if talk.choices < CHOICES else "end"
