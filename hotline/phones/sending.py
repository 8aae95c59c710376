"""What a telephone sends: silence, then digits, then its speech over and over; 20 ms a step. Pure: the caller keeps the time.

A digit is a telephone-event (RFC 4733), a tone in the sound, or nothing here: then ``signals`` says what SIP has to carry.
"""

from __future__ import annotations

from collections import deque
from typing import assert_never

from hotline import g711
from hotline.phones.plan import Press, Stream
from hotline.phones.rtp import ALAW, EVENT, FRAME, HEADER, event_payloads
from hotline.phones.tones import tone

_SILENT = [bytes([g711.SILENCE]) * FRAME]
_PAUSE_AFTER_KEYS_MS = 200


class Sender:
    """The packets of one call, one for each ``step``; set ``cued`` when the time of keys and speech begins to run."""

    __slots__ = (
        "_digits",
        "_frames",
        "_index",
        "_now_ms",
        "_pending",
        "_press_ms",
        "_script",
        "_sequence",
        "_signals",
        "_speech",
        "_ssrc",
        "_timestamp",
        "cued",
        "pressed",
    )

    def __init__(self, stream: Stream, speech: list[bytes] | None, *, sequence: int, timestamp: int, ssrc: int) -> None:
        """``speech``: A-law frames; the three numbers are where RTP's own counters begin."""
        self._script, self._press_ms = deque(stream.presses), stream.press_ms
        self._pending: deque[tuple[int, int, bytes]] = deque()
        self._frames, self._index = _SILENT, 0
        last_ms = stream.presses[-1].at_ms + stream.press_ms + _PAUSE_AFTER_KEYS_MS if stream.presses else 0
        self._speech = (max(stream.speak_at_ms, last_ms), speech) if speech else None
        self._sequence, self._timestamp, self._ssrc = sequence, timestamp, ssrc
        self._now_ms, self.cued = 0, False
        self._digits, self._signals = stream.digits, ""
        self.pressed = ""

    def step(self) -> bytes:
        """The next packet's bytes."""
        if self.cued:
            self._follow_script()
        if self._pending:
            second, timestamp, payload = self._pending.popleft()
        else:
            second, timestamp, payload = ALAW, self._timestamp, self._frames[self._index]
            self._index = (self._index + 1) % len(self._frames)
        packet = HEADER.pack(0x80, second, self._sequence, timestamp, self._ssrc) + payload
        self._sequence = (self._sequence + 1) & 0xFFFF
        self._timestamp = (self._timestamp + FRAME) & 0xFFFFFFFF
        return packet

    def _follow_script(self) -> None:
        self._now_ms += 20
        if self._pending:
            return
        if self._script and self._now_ms >= self._script[0].at_ms:
            self._press(self._script.popleft().key)
        elif self._speech and not self._script and self._now_ms >= self._speech[0]:
            self._frames, self._index, self._speech = self._speech[1], 0, None

    def press(self, keys: str, apart_ms: int = 300) -> None:
        """Press more keys from now on, so far apart that each is a key of its own."""
        at_ms = max(self._now_ms, self._script[-1].at_ms + apart_ms if self._script else 0)
        self._script.extend(Press(at_ms + place * apart_ms, key) for place, key in enumerate(keys))
        self.cued = True

    @property
    def pressing(self) -> bool:
        """Whether there are keys that have not gone out yet."""
        return bool(self._script or self._pending)

    def loop(self, frames: list[bytes]) -> None:
        """Say this over and over from now on; nothing at all: silence."""
        self._frames, self._index = frames or _SILENT, 0

    def signals(self) -> str:
        """The keys pressed since the last time that are not in the packets."""
        keys, self._signals = self._signals, ""
        return keys

    def _press(self, key: str) -> None:
        match self._digits:
            case "rfc4733":
                first, *others = event_payloads(key, self._press_ms)
                self._pending.append((EVENT | 0x80, self._timestamp, first))
                self._pending.extend((EVENT, self._timestamp, payload) for payload in others)
            case "inband":
                begin = self._timestamp
                self._pending.extend(
                    (ALAW, (begin + n * FRAME) & 0xFFFFFFFF, payload) for n, payload in enumerate(tone(key, self._press_ms))
                )
            case "info":
                self._signals += key
            case _:
                assert_never(self._digits)
        self.pressed += key
