"""What a stored recording is: one manifest for each, kept beside the audio and in the row ``recordings.manifest``. Pure.

All times in it are milliseconds from the beginning of the recording (``started_at``), so that it plays as one timeline.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Literal

import msgspec

FORMAT = 1
Milliseconds = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
Track = Literal["left", "right"]
"""The caller, and everybody else; a message has the left one alone."""
Who = Literal["caller", "agent", "colleague", "unit", "supervisor", "other"]
"""``other``: somebody outside who was called: emergency services, another hotline."""
SegmentKind = Literal[
    "message", "conversation", "held", "consult", "three_way", "conference", "parked", "waiting", "barge", "whisper"
]
Quality = Literal["", "empty", "silent", "fax", "damaged"]


class Voice(msgspec.Struct, frozen=True, kw_only=True):
    """What one telephone said, as long as its recorder ran.

    ``name``: an agent's number, a unit's code; empty: the citizen, or nobody knows. ``channel``: Asterisk's unique id;
    ``sha256``: of the samples as they were recorded; ``repaired``: torn at the end.
    """

    who: Who
    name: str = ""
    channel: str = ""
    track: Track = "left"
    from_ms: Milliseconds = 0
    to_ms: Milliseconds = 0
    sha256: str = ""
    repaired: bool = False


class Segment(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch in which the same thing was going on with the same people; segments follow each other and leave nothing out.

    ``parties``: indexes of ``Manifest.voices``, those who could be heard. ``after``: what led to it (``transfer``, ``park`` …).
    ``sha256``: of the stretch's samples in the WAV file that was taken in.
    """

    kind: SegmentKind
    from_ms: Milliseconds
    to_ms: Milliseconds
    parties: tuple[int, ...] = ()
    after: str = ""
    sha256: str = ""


class Gap(msgspec.Struct, frozen=True, kw_only=True):
    """A stretch without sound that is not silence: the agent paused the recording (a card number), or it was lost."""

    from_ms: Milliseconds
    to_ms: Milliseconds
    why: Literal["paused", "lost"]
    by: str = ""
    reason: str = ""


class Level(msgspec.Struct, frozen=True, kw_only=True):
    """How loud a track was (of its speech, dBFS; None: it is silent), and by how much it was made louder or softer (dB)."""

    track: Track
    loudness: float | None = None
    gain: float = 0.0


class Speech(msgspec.Struct, frozen=True, kw_only=True):
    """When somebody speaks on a track: (from, to) in milliseconds, in order, pauses under 300 ms not counted."""

    track: Track
    spans: tuple[tuple[Milliseconds, Milliseconds], ...] = ()


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """Of one recording. ``wav_sha256``: of the WAV file that was taken in, ``sound_sha256``: of the Opus file made of it."""

    format: int = FORMAT
    node: str
    call_id: str
    kind: Literal["conversation", "message"]
    started_at: dt.datetime | None
    length_ms: Milliseconds
    voices: tuple[Voice, ...] = ()
    segments: tuple[Segment, ...] = ()
    gaps: tuple[Gap, ...] = ()
    levels: tuple[Level, ...] = ()
    speech: tuple[Speech, ...] = ()
    quality: Quality = ""
    wav_sha256: str = ""
    sound_sha256: str = ""
    sound_bytes: int = 0

    @property
    def tracks(self) -> tuple[Track, ...]:
        """Those that there are."""
        return ("left",) if self.kind == "message" else ("left", "right")
