"""The chain of seals over the audit log: what a seal is made of, and what is wrong with a chain (SEC-12, LIF-41). Pure.

A seal is the SHA-256 of the seal before it and of the line's canonical form; before the first stand 32 zero bytes.
"""

from __future__ import annotations

import datetime as dt
import hashlib
from typing import Literal

import msgspec

BEGINNING = bytes(32)
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_ONE = dt.timedelta(microseconds=1)
_LATE = dt.timedelta(hours=1)
_MOST_NAMED = 1000
Wrong = Literal["changed", "removed", "inserted", "backdated", "seal_removed", "head"]


class Line(msgspec.Struct, frozen=True, array_like=True):
    """A row of ``audit_log``; ``at`` in microseconds since 1970, ``detail`` as PostgreSQL writes it."""

    entry_id: int
    at: int
    actor: str
    action: str
    subject: str
    detail: str


class Link(msgspec.Struct, frozen=True):
    """A seal as it is kept, and the line that it is of, if that is there."""

    number: int
    entry_id: int
    seal: bytes
    line: Line | None


class Head(msgspec.Struct, frozen=True):
    """How far the log is sealed: the newest seal's number and the seal in hexadecimal, to be kept elsewhere."""

    number: int
    seal: str


class Finding(msgspec.Struct, frozen=True):
    """What is wrong with which line: ``inserted`` has no seal number, ``seal_removed`` and ``head`` have no line."""

    wrong: Wrong
    number: int | None
    entry_id: int | None


def microseconds(at: dt.datetime) -> int:
    """Since 1970, exactly."""
    return (at - _EPOCH) // _ONE


def seal(before: bytes, line: Line) -> bytes:
    """The seal of a line that comes after the seal ``before``."""
    return hashlib.sha256(before + msgspec.json.encode(line)).digest()


class Verification:
    """Give it every link in order (``see``); ``findings`` says what is wrong with each, ``head`` how far it got.

    What is wrong with one line is told of that line alone: the next is held against the seal that is kept. ``before``: the seal
    before the first link that is given, None when it is not there; ``number``: of the first link.
    """

    def __init__(self, before: bytes | None = BEGINNING, number: int = 1) -> None:
        self.findings: list[Finding] = []
        self._before, self._number, self._newest = before, number, 0
        self.lines = 0

    def see(self, link: Link) -> None:
        """The next link."""
        if link.number != self._number:
            gone = range(self._number, min(link.number, self._number + _MOST_NAMED))
            self.findings += [Finding("seal_removed", number, None) for number in gone]
            self._before = None
        if link.line is None:
            self.findings.append(Finding("removed", link.number, link.entry_id))
        else:
            self._see_line(link, link.line)
        self._before, self._number = link.seal, link.number + 1

    def _see_line(self, link: Link, line: Line) -> None:
        self.lines += 1
        if self._before is not None and seal(self._before, line) != link.seal:
            self.findings.append(Finding("changed", link.number, link.entry_id))
        elif line.at < self._newest - _LATE // _ONE:
            self.findings.append(Finding("backdated", link.number, link.entry_id))
        self._newest = max(self._newest, line.at)

    @property
    def head(self) -> Head:
        """The last link that was seen."""
        return Head(self._number - 1, (self._before or BEGINNING).hex())
