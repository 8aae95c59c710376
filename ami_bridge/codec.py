"""AMI bytes to frames and back, incrementally: the same frames however the stream is cut. Pure.

The stream is a greeting line, then blocks of ``Name: value`` lines, each block closed by an empty line. The name of an event
is looked at first; only wanted events are split into headers. A character cut by a packet is whole again in its block; bytes
that are not UTF-8 become U+FFFD. Nothing that a peer sends raises: what breaks a limit is dropped and counted.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal

import msgspec

from ami_bridge.errors import ActionRefusedError

LONGEST_LINE = 64 * 1024
LONGEST_BLOCK = 1024 * 1024
_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"
_EVENT = b"Event: "
_RESPONSE = b"Response: "
_REPEATED = frozenset({"output", "variable", "chanvariable"})
_FORBIDDEN = frozenset("\r\n\0")


class Frame(msgspec.Struct, frozen=True):
    """One block. ``name`` is the event's name, the response's word, or the greeting's version; keys are in lower case.

    Of a header sent twice the first value counts (the channel's own come before a user event's), except those that Asterisk
    repeats on purpose (``Output``, ``Variable``), which are joined by newlines. ``raw`` is the block with its empty line.
    """

    kind: Literal["greeting", "event", "response"]
    name: str
    headers: dict[str, str]
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
    """Feed it bytes, take frames. ``wanted`` names the events to split (None: all); events that answer an action always pass."""

    def __init__(self, wanted: Collection[str] | None = None) -> None:
        self._wanted = None if wanted is None else frozenset(name.encode() for name in wanted)
        self._buffer = bytearray()
        self._searched = 0
        self._skipping = False
        self.counts = Counts()

    def feed(self, data: bytes) -> list[Frame]:
        """Take the next bytes of the stream; returns the frames they complete, in order."""
        self._buffer += data
        frames: list[Frame] = []
        start = 0
        while (end := self._buffer.find(_END, max(start, self._searched))) >= 0:
            self._block(bytes(self._buffer[start:end]), frames)
            start = self._searched = end + len(_END)
        if start:
            del self._buffer[:start]
        if len(self._buffer) > LONGEST_BLOCK + len(_END):
            self._skipping = True
            del self._buffer[: -len(_END) + 1]
        self._searched = max(0, len(self._buffer) - len(_END) + 1)
        return frames

    def _block(self, block: bytes, frames: list[Frame]) -> None:
        """Sort one block (without its empty line) into a frame or a count."""
        if self._skipping or len(block) > LONGEST_BLOCK or (len(block) > LONGEST_LINE and _has_long_line(block)):
            self._skipping = False
            self.counts.oversized += 1
            return
        block = block.lstrip(b"\r\n")
        if block.startswith(_GREETING):
            greeting, _, block = block.partition(b"\r\n")
            frames.append(Frame("greeting", self._text(greeting[len(_GREETING) :]).strip(), {}, greeting + b"\r\n"))
        if block.startswith(_EVENT):
            self._event(block, frames)
        elif block.startswith(_RESPONSE):
            self.counts.responses += 1
            headers = self._headers(block)
            frames.append(Frame("response", headers["response"], headers, block + _END))
        elif block:
            self.counts.junk += 1

    def _event(self, block: bytes, frames: list[Frame]) -> None:
        self.counts.events += 1
        end = block.find(b"\r\n")
        name = block[len(_EVENT) : end if end >= 0 else None]
        if self._wanted is not None and name not in self._wanted and b"\r\nActionID: " not in block:
            self.counts.unwanted += 1
            return
        frames.append(Frame("event", self._text(name), self._headers(block), block + _END))

    def _headers(self, block: bytes) -> dict[str, str]:
        headers: dict[str, str] = {}
        for line in self._text(block).split("\r\n"):
            key, _, value = line.partition(":")
            key = key.lower()
            value = value.removeprefix(" ")
            if key not in headers:
                headers[key] = value
            elif key in _REPEATED:
                headers[key] += "\n" + value
        return headers

    def _text(self, data: bytes) -> str:
        try:
            return data.decode()
        except UnicodeDecodeError:
            self.counts.undecodable += 1
            return data.decode(errors="replace")


def encode(action: Mapping[str, str]) -> bytes:
    """One action as it goes over the wire; raises ``ActionRefusedError`` where a key or a value would break out of its line."""
    for key, value in action.items():
        if _FORBIDDEN & {*key, *value} or ":" in key:
            raise ActionRefusedError(f"the action's {key!r} holds a line break or a null byte")
    return ("".join(f"{key}: {value}\r\n" for key, value in action.items()) + "\r\n").encode(errors="replace")


def _has_long_line(block: bytes) -> bool:
    return any(len(line) > LONGEST_LINE for line in block.split(b"\r\n"))
