"""The plan that the sound engine is given and the reports that it gives back, as JSON; and when keys are pressed. Pure.

Times in a plan are milliseconds after the stream's *cue*: its first packet heard, or its first audible one.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

from hotline.phones.errors import PlanError
from hotline.phones.rtp import KEYS

Digits = Literal["rfc4733", "info", "inband"]
"""How keys are sent: as telephone-events in RTP, as SIP INFO (``application/dtmf-relay``), or as tones in the sound."""

Mode = Literal["drop", "measure", "record"]
"""``drop``: what arrives after the first sound is thrown away by the kernel; ``measure``: statistics; ``record``: and a WAV."""


class Gap(msgspec.Struct, frozen=True):
    """A gap of ``ms`` that ended ``at`` (ISO 8601): in what came in, or in the engine's own work."""

    at: str
    ms: float


class Press(msgspec.Struct, frozen=True):
    """A key pressed ``at_ms`` after the cue."""

    at_ms: int
    key: str


class Stream(msgspec.Struct, frozen=True, kw_only=True):
    """One telephone's sound: one port, any number of calls after one another.

    ``speech`` is looped from ``speak_at_ms`` on, but not before the last key; ``recording`` is the path of the WAV without
    ``.wav`` (a second call on the port gets ``-2``). ``first_sequence``: the first packet's sequence number, 0 to 65535, where
    others begin anywhere (RFC 3550, 5.1).
    """

    mode: Mode = "measure"
    cue: Literal["packet", "audible"] = "audible"
    presses: list[Press] = []
    press_ms: int = 100
    digits: Digits = "rfc4733"
    speech: str | None = None
    speak_at_ms: int = 0
    recording: str | None = None
    first_sequence: Annotated[int, msgspec.Meta(ge=0, le=0xFFFF)] | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """All streams of an engine, bound to even ports of ``address`` in the range given, in the order of ``streams``."""

    address: str
    first_port: int
    last_port: int
    streams: list[Stream]


class Order(msgspec.Struct, frozen=True):
    """A line on the engine's standard input: the call on ``port`` has its peer (``host:port``) now, or, without one, is over."""

    port: int
    peer: str | None = None


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The engine's first line: the port of each stream."""

    ports: list[int]


class Signal(msgspec.Struct, frozen=True, tag="signal"):
    """The telephone on ``port`` has pressed ``key`` now, and it is not in its sound: SIP has to carry it."""

    port: int
    key: str


class Report(msgspec.Struct, frozen=True, kw_only=True, tag="stream"):
    """One call's sound on one port; the times are ISO 8601 in UTC with microseconds, ``None`` for what never came.

    In mode ``drop`` the counts after ``first_audible_at`` are not known and are ``None``; ``gap_list`` has the first hundred.
    """

    port: int
    ordinal: int
    mode: Mode
    peer: str
    first_packet_at: str | None
    first_audible_at: str | None
    last_packet_at: str | None
    packets: int | None
    lost: int | None
    gaps: int | None
    pauses: int | None
    max_gap_ms: float | None
    p99_gap_ms: float | None
    gap_list: list[Gap]
    digits_heard: str
    digits_sent: str
    first_digit_at: str | None
    packets_sent: int
    recording: str | None


class EngineReport(msgspec.Struct, frozen=True, kw_only=True, tag="engine"):
    """The engine's last line: its work, and how late it was itself: a gap at the other end may be one of its ``stalls``.

    ``stalls``: the first thousand times that it was over 20 ms late.
    """

    packets_sent: int
    packets_read: int
    cpu_seconds: float
    wall_seconds: float
    late_p99_ms: float
    late_max_ms: float
    stalls: list[Gap]


Line = Ready | Signal | Report | EngineReport


def presses(keys: str, *, first_ms: int = 1500, apart_ms: int = 400) -> list[Press]:
    """When to press ``keys``: the first ``first_ms`` after the prompt begins, others ``apart_ms`` apart.

    ``w`` waits a second more; commas and blanks do nothing. Raises ``PlanError`` for anything else.
    """
    at_ms, found = first_ms, []
    for key in keys.upper():
        if key == "W":
            at_ms += 1000
        elif key in KEYS:
            found.append(Press(at_ms, key))
            at_ms += apart_ms
        elif key not in ", ":
            raise PlanError(f"--keys {keys!r}: {key!r} is not a key; use {KEYS}, w for a second's wait, and commas")
    return found
