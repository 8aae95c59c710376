"""The second witness: Asterisk's channel event log (CEL), a CSV file that Asterisk writes whether or not anybody listens.

Pure part: ``evidence`` turns one line into facts. Shell part: ``ChannelLog`` reads on from a position (identity of the file and
offset), follows rotation, and leaves a half line at the tail for later. Columns: ``asterisk-conf/cel_custom.conf``.
"""

from __future__ import annotations

import csv
import datetime as dt
import os
from pathlib import Path

import msgspec
import structlog

from ami_bridge import facts
from ami_bridge.calls import PathSeen
from ami_bridge.facts import Fact

_log = structlog.get_logger()
_AGENT_LEG = "AppQueue"


class Line(msgspec.Struct, frozen=True):
    """One event of the log, in the order of its columns."""

    at: dt.datetime
    event: str
    user_event: str
    linkedid: str
    uniqueid: str
    channel: str
    context: str
    exten: str
    caller_number: str
    caller_name: str
    application: str
    data: str
    userfield: str
    extra: str

    @property
    def is_caller(self) -> bool:
        """Whether this is the channel that began the call."""
        return self.uniqueid == self.linkedid


class _Extra(msgspec.Struct):
    """The JSON in the last column, as far as it is used."""

    hangupcause: int = 0
    hangupsource: str = ""
    extra: str = ""


def parse(raw: bytes) -> Line | None:
    """One line, or None for anything that is not one."""
    try:
        (row,) = csv.reader([raw.decode(errors="replace")], strict=True)
        return Line(facts.timestamp(row[0]), *row[1:])
    except (ValueError, TypeError, IndexError, OverflowError, csv.Error):
        return None


def evidence(line: Line) -> list[Fact]:
    """The facts that one line is evidence of. Which queue is only told where a caller enters one."""
    found: list[Fact] = []
    at, call_id, uniqueid = line.at, line.linkedid, line.uniqueid
    if line.is_caller and line.userfield:
        found.append(PathSeen(at=at, call_id=call_id, path=line.userfield))
    match line.event:
        case "CHAN_START":
            found.insert(0, _started(line))
        case "ANSWER":
            found.append(facts.ChannelAnswered(at=at, call_id=call_id, uniqueid=uniqueid))
        case "APP_START" if line.is_caller and line.application == "Queue":
            found.append(facts.CallerJoined(at=at, call_id=call_id, uniqueid=uniqueid, queue=line.data.split(",")[0]))
        case "BRIDGE_ENTER" if not line.is_caller and line.application == _AGENT_LEG:
            agent = _telephone(line.channel)
            found.append(facts.AgentConnected(at=at, call_id=call_id, uniqueid=uniqueid, queue="", agent=agent))
        case "USER_DEFINED" if line.user_event == "QueueExit":
            status = _extra(line).extra.upper()
            found.append(facts.QueueExited(at=at, call_id=call_id, uniqueid=uniqueid, queue="", status=status))
        case "HANGUP":
            found += _ended(line)
        case _:
            pass
    return found


def _started(line: Line) -> Fact:
    return facts.ChannelStarted(
        at=line.at,
        call_id=line.linkedid,
        uniqueid=line.uniqueid,
        channel=line.channel,
        context=line.context,
        exten=line.exten,
        caller_number=line.caller_number[:64],
        caller_name=facts.quoted_name(line.caller_name),
    )


def _ended(line: Line) -> list[Fact]:
    """A hang-up, and who asked for it: ``hangupsource`` names the channel whose telephone hung up."""
    extra = _extra(line)
    at, call_id, uniqueid = line.at, line.linkedid, line.uniqueid
    by_itself = extra.hangupsource == line.channel
    found: list[Fact] = []
    if by_itself:
        found.append(facts.HangupAsked(at=at, call_id=call_id, uniqueid=uniqueid))
    if line.application == _AGENT_LEG:
        reason, agent = "agent" if by_itself else "caller", _telephone(line.channel)
        found.append(facts.AgentCompleted(at=at, call_id=call_id, uniqueid=uniqueid, queue="", agent=agent, reason=reason))
    found.append(facts.ChannelEnded(at=at, call_id=call_id, uniqueid=uniqueid, cause=extra.hangupcause))
    return found


def _telephone(channel: str) -> str:
    """``PJSIP/1001-0000002a`` is telephone 1001."""
    return channel.partition("/")[2].rpartition("-")[0]


def _extra(line: Line) -> _Extra:
    try:
        return msgspec.json.decode(line.extra, type=_Extra)
    except msgspec.DecodeError:
        return _Extra()


class Position(msgspec.Struct, frozen=True):
    """How far the log was read: the file's identity (``device:inode``; empty: not at all) and the offset in it."""

    file: str = ""
    offset: int = 0


class ChannelLog:
    """The log at ``path`` and its rotated siblings ``path.*`` (blocking: files of some ten megabytes)."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def read(self, position: Position) -> tuple[list[bytes], Position]:
        """Complete lines after ``position``, oldest first, and the position after them."""
        lines: list[bytes] = []
        files = self._after(position)
        for path in files:
            offset = position.offset if _identity(path) == position.file else 0
            found, offset = _lines(path, offset)
            lines += found
            position = Position(_identity(path), offset)
        return lines, position

    def end(self) -> Position:
        """The position after everything that is written now."""
        try:
            status = self._path.stat()
        except FileNotFoundError:
            return Position()
        return Position(f"{status.st_dev}:{status.st_ino}", status.st_size)

    def rotate(self, *, largest: int, keep: int) -> None:
        """Put the log aside once it is larger than ``largest`` bytes (Asterisk opens it for each line); keep ``keep`` of them."""
        try:
            if self._path.stat().st_size < largest:
                return
        except FileNotFoundError:
            return
        self._sibling(keep).unlink(missing_ok=True)
        for number in range(keep - 1, 0, -1):
            if self._sibling(number).exists():
                self._sibling(number).rename(self._sibling(number + 1))
        self._path.rename(self._sibling(1))
        _log.info("channel event log put aside", file=str(self._sibling(1)))

    def _sibling(self, number: int) -> Path:
        return self._path.with_name(f"{self._path.name}.{number}")

    def _after(self, position: Position) -> list[Path]:
        """The files from the position's own on, oldest first; all of them when that one is gone."""
        files = [path for path in (*self._path.parent.glob(f"{self._path.name}.*"), self._path) if path.is_file()]
        files.sort(key=lambda path: (path == self._path, path.stat().st_mtime_ns))
        identities = [_identity(path) for path in files]
        return files[identities.index(position.file) :] if position.file in identities else files


def _lines(path: Path, offset: int) -> tuple[list[bytes], int]:
    """Complete lines from ``offset`` (from the start when the file became shorter), and the offset after them."""
    with path.open("rb") as file:
        if offset > os.fstat(file.fileno()).st_size:
            offset = 0
        file.seek(offset)
        data = file.read()
    complete = data[: data.rfind(b"\n") + 1]
    return complete.splitlines(), offset + len(complete)


def _identity(path: Path) -> str:
    status = path.stat()
    return f"{status.st_dev}:{status.st_ino}"
