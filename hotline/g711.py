"""G.711 A-law: the telephone network's eight bits for a sample. Pure; two tables, built once.

Linear audio is signed 16-bit little-endian, one channel; A-law is one byte a sample, even bits inverted as on the line
(ITU-T G.711, table 1a). Asterisk reads raw A-law from files named ``.alaw``.
"""

from __future__ import annotations

import sys
from array import array

SILENCE = 0xD5
"""The A-law byte of the smallest positive value: what a silent line carries."""


def decode_sample(code: int) -> int:
    """The signed 16-bit value of one A-law byte (0 to 255)."""
    bits = code ^ 0x55
    segment = (bits >> 4) & 0x07
    magnitude = ((bits & 0x0F) << 4) + 8
    if segment:
        magnitude = (magnitude + 0x100) << (segment - 1)
    return magnitude if bits & 0x80 else -magnitude


def encode_sample(value: int) -> int:
    """The A-law byte of one signed 16-bit value."""
    mask, magnitude = (0xD5, value >> 3) if value >= 0 else (0x55, -(value >> 3) - 1)
    segment = max(0, magnitude.bit_length() - 5)
    return ((segment << 4) | ((magnitude >> max(1, segment)) & 0x0F)) ^ mask


_ENCODED = bytes(encode_sample(pattern - 0x10000 if pattern & 0x8000 else pattern) for pattern in range(0x10000))
_DECODED = [decode_sample(code) & 0xFFFF for code in range(256)]
_LOW = bytes(pattern & 0xFF for pattern in _DECODED)
_HIGH = bytes(pattern >> 8 for pattern in _DECODED)


def encode(linear: bytes | bytearray | memoryview) -> bytes:
    """A-law of linear audio; raises ``ValueError`` when half a sample is left over."""
    patterns = array("H")
    patterns.frombytes(linear)
    if sys.byteorder == "big":
        patterns.byteswap()
    return bytes(map(_ENCODED.__getitem__, patterns))


def decode(alaw: bytes | bytearray) -> bytes:
    """Linear audio of A-law bytes: twice as long."""
    linear = bytearray(2 * len(alaw))
    linear[0::2] = alaw.translate(_LOW)
    linear[1::2] = alaw.translate(_HIGH)
    return bytes(linear)
