"""RTP packets (RFC 3550) and telephone digits (RFC 4733) as bytes and back. Pure: no clock, no socket.

What a telephone of this project speaks: G.711 A-law (payload type 8), 20 ms or 160 samples a packet, and digits as
telephone-events (payload type 101 in our offers), both on the 8 kHz clock.
"""

from __future__ import annotations

import struct

import msgspec

ALAW = 8
EVENT = 101
FRAME = 160
"""Samples, and with A-law bytes, of one 20 ms packet."""

HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_MARKER = 0x80
_VERSION = 0x80
_END = 0x80

KEYS = "0123456789*#ABCD"
"""A key's position here is its RFC 4733 event code."""


class Packet(msgspec.Struct, frozen=True, gc=False):
    """One RTP packet taken apart; ``timestamp`` counts samples, ``sequence`` wraps at 65536."""

    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    payload: bytes


class Event(msgspec.Struct, frozen=True, gc=False):
    """The payload of one telephone-event packet: ``duration`` in samples so far, ``end`` on the final ones."""

    key: str
    end: bool
    volume: int
    duration: int


def pack(packet: Packet) -> bytes:
    """The bytes of a packet: no padding, no extension, no contributing sources."""
    second = packet.payload_type | (_MARKER if packet.marker else 0)
    return HEADER.pack(_VERSION, second, packet.sequence, packet.timestamp, packet.ssrc) + packet.payload


def unpack(data: bytes) -> Packet | None:
    """Take a datagram apart; ``None`` when it is not RTP: too short, another version, or RTCP (RFC 5761, section 4)."""
    if len(data) < HEADER.size:
        return None
    first, second, sequence, timestamp, ssrc = HEADER.unpack_from(data)
    if first & 0xC0 != _VERSION or 192 <= second <= 223:
        return None
    start = HEADER.size + 4 * (first & 0x0F)
    if first & 0x10:
        if len(data) < start + 4:
            return None
        start += 4 + 4 * int.from_bytes(data[start + 2 : start + 4], "big")
    stop = len(data) - (data[-1] if first & 0x20 else 0)
    if stop < start:
        return None
    return Packet(second & 0x7F, bool(second & _MARKER), sequence, timestamp, ssrc, data[start:stop])


def event_payloads(key: str, milliseconds: int = 100, volume: int = 10) -> list[bytes]:
    """The payloads of one pressed key, one for each 20 ms: growing durations, then the end three times (RFC 4733, 2.5.1).

    The first goes out with the marker bit; all carry the timestamp of the press. Raises ``ValueError`` for what is not a key.
    """
    code = KEYS.find(key.upper()) if len(key) == 1 else -1
    if code < 0:
        raise ValueError(f"{key!r} is not a telephone key; keys are {KEYS}")
    steps = max(1, milliseconds // 20)
    growing = [_EVENT.pack(code, volume, step * FRAME) for step in range(1, steps + 1)]
    return growing + [_EVENT.pack(code, _END | volume, steps * FRAME)] * 3


def read_event(payload: bytes) -> Event | None:
    """A telephone-event payload taken apart; ``None`` for a short one or a code that is no key (flash, tones)."""
    if len(payload) < _EVENT.size:
        return None
    code, flags, duration = _EVENT.unpack_from(payload)
    return Event(KEYS[code], bool(flags & _END), flags & 0x3F, duration) if code < len(KEYS) else None
