"""AMI bytes to frames and back, incrementally: the same frames however the stream is cut. Pure.

The stream is a greeting line, then blocks of ``Name: value`` lines, each block closed by an empty line. The name of an event
is looked at first; only wanted events are split into headers. A character cut by a packet is whole again in its block; bytes
that are not UTF-8 become U+FFFD. Nothing that a peer sends raises: what breaks a limit is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Literal

import msgspec

from ami_bridge.errors import ActionRefusedError

LONGEST_LINE = 64 * 1024
LONGEST_BLOCK = 1024 * 1024
_LINE_END = b"\r\n"
_BLANK = 0x20
_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"
_EVENT = b"Event: "
_RESPONSE = b"Response: "
_ANSWERS = b"\r\nActionID: "
_REPEATED = frozenset({"output", "variable", "chanvariable"})
_BY_LINES = _REPEATED | {"event", "response"}
"""Headers that are not found by the line break before them and the first of them: repeated, or the block's first line."""
_FORBIDDEN = frozenset("\r\n\0")


class _Needles(dict[str, bytes]):
    """How a header's line begins, line break before it included, by its key."""

    def __missing__(self, key: str) -> bytes:
        needle = b"\r\n" + key.encode() + b":"
        if len(self) < _MOST_NEEDLES:
            self[key] = needle
        return needle


_MOST_NEEDLES = 200
_NEEDLES = _Needles()


class Headers(Mapping[str, str]):
    """The headers of a block; keys in lower case. A value is looked for when it is asked for: most never are.

    Of a header sent twice the first value counts (the channel's own come before a user event's), except those that Asterisk
    repeats on purpose (``Output``, ``Variable``), which are joined by newlines. A line without a colon is no header. ``block``
    is UTF-8, with its empty line.
    """

    __slots__ = ("_block", "_lower")

    def __init__(self, block: bytes) -> None:
        self._block, self._lower = block, block.lower()

    def __getitem__(self, key: str) -> str:
        """The value; raises ``KeyError``."""
        needle = _NEEDLES[key]
        at = self._lower.find(needle)
        if at < 0 or key in _BY_LINES:
            return self._by_lines(key)
        at += len(needle)
        block = self._block
        if block[at] == _BLANK:
            at += 1
        return block[at : block.find(_LINE_END, at)].decode()

    def __iter__(self) -> Iterator[str]:
        return iter(dict.fromkeys(key for key, _ in self._lines()))

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def __repr__(self) -> str:
        return f"Headers({dict(self)!r})"

    def _by_lines(self, key: str) -> str:
        if key not in _BY_LINES:
            raise KeyError(key)
        values = [value for name, value in self._lines() if name == key]
        if not values:
            raise KeyError(key)
        return "\n".join(values) if key in _REPEATED else values[0]

    def _lines(self) -> Iterator[tuple[str, str]]:
        for line in self._block.split(_LINE_END):
            key, colon, value = line.partition(b":")
            if colon:
                yield key.lower().decode(), value.removeprefix(b" ").decode()


class Frame(msgspec.Struct, frozen=True):
    """One block. ``name`` is the event's name, the response's word, or the greeting's version.

    ``raw`` is the block as it was sent, with its empty line.
    """

    kind: Literal["greeting", "event", "response"]
    name: str
    headers: Mapping[str, str]
    raw: bytes


class Counts(msgspec.Struct):
    """What the decoder saw: blocks of each fate, and bytes that were not UTF-8."""

    events: int = 0
    unwanted: int = 0
    responses: int = 0
    junk: int = 0
    oversized: int = 0
    undecodable: int = 0


class Decoder:
    """Feed it bytes, take frames. ``wanted`` names the events to take (None: all); events that answer an action always pass.

    A mapping says for each event which line must begin so somewhere in it, such as ``Variable: QUEUESTATUS`` (empty: none).
    """

    def __init__(self, wanted: Collection[str] | Mapping[str, str] | None = None) -> None:
        lines = wanted if isinstance(wanted, Mapping) else dict.fromkeys(wanted or (), "")
        self._wanted = {name.encode(): b"\r\n" + line.encode() if line else b"" for name, line in lines.items()}
        self._wants_all = wanted is None
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        self.counts = Counts()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; returns the frames they complete, in order."""
        frames: list[Frame] = []
        self._buffer += data
        if self._buffer.find(_END, self._searched) >= 0:
            whole = bytes(self._buffer)
            *blocks, rest = whole.split(_END)
            self._buffer = bytearray(rest)
            if not (self._wants_all or self._skipping or _ANSWERS in whole):
                blocks = self._without_unwanted(blocks)
            for block in blocks:
                self._block(block, frames)
        if len(self._buffer) > LONGEST_BLOCK + len(_END):
            self._skipping = True
            del self._buffer[: -len(_END) + 1]
        self._searched = max(0, len(self._buffer) - len(_END) + 1)
        return frames

    def _without_unwanted(self, blocks: list[bytes]) -> list[bytes]:
        """What is left when the events that nobody wants are counted and gone; none of these blocks answers an action."""
        wanted, kept = self._wanted, []
        for block in blocks:
            end = block.find(_LINE_END)
            if end > 0 and block[:7] == _EVENT and len(block) <= LONGEST_LINE:
                line = wanted.get(block[7:end])
                if line is None or line not in block:
                    continue
            kept.append(block)
        self.counts.events += len(blocks) - len(kept)
        self.counts.unwanted += len(blocks) - len(kept)
        return kept

    def _block(self, block: bytes, frames: list[Frame]) -> None:
        """Sort one block (without its empty line) into a frame or a count."""
        if self._skipping or len(block) > LONGEST_BLOCK or (len(block) > LONGEST_LINE and _has_long_line(block)):
            self._skipping = False
            self.counts.oversized += 1
            return
        if block.startswith(_EVENT):
            self._event(block, frames)
            return
        block = block.lstrip(_LINE_END)
        if block.startswith(_GREETING):
            greeting, _, block = block.partition(_LINE_END)
            version = greeting[len(_GREETING) :].decode(errors="replace").strip()
            frames.append(Frame("greeting", version, {}, greeting + _LINE_END))
        if block.startswith(_EVENT):
            self._event(block, frames)
        elif block.startswith(_RESPONSE):
            self.counts.responses += 1
            raw = block + _END
            headers = Headers(self._utf8(raw))
            frames.append(Frame("response", headers["response"], headers, raw))
        elif block:
            self.counts.junk += 1

    def _event(self, block: bytes, frames: list[Frame]) -> None:
        self.counts.events += 1
        end = block.find(_LINE_END)
        name = block[len(_EVENT) : end if end >= 0 else None]
        line = self._wanted.get(name)
        if (line is None or line not in block) and not self._wants_all and _ANSWERS not in block:
            self.counts.unwanted += 1
            return
        raw = block + _END
        frames.append(Frame("event", name.decode(errors="replace"), Headers(self._utf8(raw)), raw))

    def _utf8(self, data: bytes) -> bytes:
        if data.isascii():
            return data
        try:
            data.decode()
        except UnicodeDecodeError:
            self.counts.undecodable += 1
            return data.decode(errors="replace").encode()
        return data


def encode(action: Mapping[str, str]) -> bytes:
    """One action as it goes over the wire; raises ``ActionRefusedError`` where a key or a value would break out of its line."""
    for key, value in action.items():
        if _FORBIDDEN & {*key, *value} or ":" in key:
            raise ActionRefusedError(f"the action's {key!r} holds a line break or a null byte")
    return ("".join(f"{key}: {value}\r\n" for key, value in action.items()) + "\r\n").encode(errors="replace")


def _has_long_line(block: bytes) -> bool:
    return any(len(line) > LONGEST_LINE for line in block.split(b"\r\n"))
