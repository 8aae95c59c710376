"""A file of a raw AMI stream, plain or gzip, whole or cut anywhere, to items."""

from __future__ import annotations

import datetime as dt
import re
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from ami_bridge import codec, facts
from ami_bridge.errors import UnreadableStreamError
from ami_bridge.recorded.connections import NEVER, Connection, Item, Notes
from ami_bridge.recorded.coverage import Coverage
from hotline import messages

_CHUNK, _HEAD = 256 << 10, 8 << 20
_END = b"\r\n\r\n"
_GREETING = b"Asterisk Call Manager/"
_STARTS = (_GREETING, b"Event: ", b"Response: ")
_BLOCK = re.compile(rb"^(?:Event|Response): [ -~]+\r?$|^Asterisk Call Manager/", re.MULTILINE)
_TIMESTAMP = re.compile(rb"^Timestamp: (\d+(?:\.\d+)?)\r?$", re.MULTILINE)
_NODE = re.compile(rb"^(?:SystemName: ([^\r\n]+)|Uniqueid: ([^\r\n]+)-[\d.]+)\r?$", re.MULTILINE)
_GZIP = b"\x1f\x8b"


class RawFile:
    """One raw file; raises ``UnreadableStreamError`` when it holds no AMI block. ``others``: all raw files that are read.

    ``first_at``: the first time in it, None when it has none. ``node``: as its
    begin names it. ``fragment``: the rest of a block that another file began
    (``has_fragment``: and has not asked for yet).
    """

    def __init__(self, path: Path, coverage: Coverage, notes: Notes) -> None:
        self.path, self._notes = path, notes
        self.size, self.position = path.stat().st_size, 0
        self.others: Sequence[RawFile] = ()
        self.node, self.is_read = "", False
        self.first_at: dt.datetime | None = None
        self.fragment, self.has_fragment = b"", False
        self._has_bare_ends = False
        self.goes_on = not self._look().startswith(_GREETING)
        self.connection = Connection(coverage, notes, goes_on=self.goes_on)

    def frames(self) -> Iterator[codec.Frame]:
        """Its blocks as they are."""
        decoder = codec.Decoder(facts.READABLE)
        for data in self._data():
            yield from decoder.feed(data)

    def read(self) -> Iterator[Item]:
        """Everything it says, in its order."""
        self._take_over()
        decoder = codec.Decoder(facts.READABLE)
        skip, tail = len(self.fragment), b""
        for chunk in self._data():
            data, skip = chunk[skip:], max(0, skip - len(chunk))
            yield from self.connection.items(decoder.feed(data))
            tail = _tail(tail, data)
        if tail.strip():
            yield from self._torn(decoder)
        self._notes.events += decoder.counts.events
        self.is_read = True

    def _take_over(self) -> None:
        """A file without a login goes on where the one before it ended, in the same connection."""
        read = (one for one in self.others if one.is_read and one.node == self.node)
        before = max(read, key=lambda one: one.connection.reached, default=None)
        if self.goes_on and before and self.first_at and NEVER < before.connection.reached <= self.first_at:
            self.connection = before.connection

    def _torn(self, decoder: codec.Decoder) -> Iterator[Item]:
        """The last block is not whole: its rest may be the begin of another file."""
        reached = max(self.connection.reached, self.first_at or NEVER)
        later = [one for one in self.others if one.has_fragment and one is not self and (one.first_at or NEVER) >= reached]
        rest = min(later, key=lambda one: one.first_at or NEVER, default=None)
        if rest is None:
            self._notes.torn.append(self.path.name)
        else:
            rest.has_fragment = False
            yield from self.connection.items(decoder.feed(rest.fragment))

    def _look(self) -> bytes:
        """Learn from the begin of the file what must be known of it before it is read; returns that begin."""
        head = b""
        for chunk in self._data():
            head += chunk
            if _TIMESTAMP.search(head) or len(head) > _HEAD:
                break
        self.position = 0
        if not head:
            self._notes.empty.append(self.path.name)
            return head
        if not _BLOCK.search(head):
            raise UnreadableStreamError(messages.text("replay.no_stream", file=self.path))
        self._has_bare_ends = b"\r\n" not in head
        head = _crlf(head) if self._has_bare_ends else head
        if not head.startswith(_STARTS) and _END in head:
            self.fragment, self.has_fragment = head[: head.find(_END) + len(_END)], True
        if named := _NODE.search(head):
            self.node = (named[1] or named[2]).decode(errors="replace")
        if found := _TIMESTAMP.search(head, len(self.fragment)) or _TIMESTAMP.search(head):
            self.first_at = facts.timestamp(found[1].decode())
        return head

    def _data(self) -> Iterator[bytes]:
        """The file's bytes, unpacked, with AMI's ends of lines."""
        with self.path.open("rb") as file:
            is_packed = file.read(len(_GZIP)) == _GZIP
            file.seek(0)
            unpacker = zlib.decompressobj(31)
            while chunk := file.read(_CHUNK):
                self.position = file.tell()
                while is_packed and chunk:
                    try:
                        data = unpacker.decompress(chunk)
                    except zlib.error:
                        self._notes.damaged.append(self.path.name)
                        return
                    yield _crlf(data) if self._has_bare_ends else data
                    chunk = unpacker.unused_data
                    unpacker = zlib.decompressobj(31) if unpacker.eof else unpacker
                if not is_packed:
                    yield _crlf(chunk) if self._has_bare_ends else chunk


def _tail(before: bytes, data: bytes) -> bytes:
    """What follows the last whole block."""
    end = data.rfind(_END)
    if end >= 0:
        return data[end + len(_END) :]
    tail = before + data
    end = tail.rfind(_END)
    return tail[end + len(_END) :] if end >= 0 else tail


def _crlf(data: bytes) -> bytes:
    return data.replace(b"\n", b"\r\n")
