"""Hearing a recording, and taking it away: opened for who may, and written down before a byte of it leaves (QUA-02, SEC-12)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable

import msgspec

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm.errors import RefusedError
from crm.recordings import access, rows
from crm.recordings.rows import QUERIES, Found
from crm.tickets.work import Work, begun
from hotline import paths
from recordings.errors import RecordingsError
from recordings.manifest import Track
from recordings.playback import playing, ranges
from recordings.playback.playing import Format, Making, Source, Wish
from recordings.playback.ranges import Span
from recordings.storage import opening, sound
from recordings.storage.opening import Storages

GOES_ON = dt.timedelta(minutes=5)
"""Requests of a listener that follow each other within this time are one play."""


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody wants to hear it. ``format`` None: as it is stored; ``to_ms`` 0: to the end.

    ``takes_away``: as a file, which says in its sound and in its comment who took it when; ``wanted``: the header ``Range``,
    which counts only for the sound of the tag ``if_tagged`` (empty: for any); ``looks_only``: nothing of it is sent, so nothing
    is heard.
    """

    format: Format | None = None
    side: Track | None = None
    speed: float = 1.0
    from_ms: int = 0
    to_ms: int = 0
    reason: str = ""
    takes_away: bool = False
    wanted: str | None = None
    if_tagged: str = ""
    looks_only: bool = False

    @property
    def right(self) -> str:
        """What the person must be allowed to do."""
        return "recording.download" if self.takes_away else "recording.hear"


class Opened(msgspec.Struct, frozen=True, kw_only=True):
    """A recording that may be sent: as it is stored, ``span`` of it, or made anew (``making``). Close ``source`` in the end."""

    source: Source
    wish: Wish
    span: Span | None
    making: Making | None
    play_id: int | None
    tag: str

    def heard(self, count: int) -> tuple[int, int]:
        """The milliseconds of ``count`` bytes of it."""
        if self.span is None:
            assert self.making is not None
            return self.wish.from_ms, self.making.heard_ms
        return ranges.covered(self.span.start, count, self.span.size, self.source.length_ms)


def tag(digest: str) -> str:
    """The ``ETag`` of a sound: it changes with each byte of it."""
    return f'"{digest[:32]}"'


async def hear(parts: Parts, person: Person, recording_id: int, asked: Asked) -> Opened:
    """Open it for who may hear it, or take it away, and write that down.

    Refused: ``unknown_recording``, ``not_allowed``, ``reason_missing``, ``recording_deleted``, ``recording_unreadable``,
    ``bad_values``; raises ``UnsatisfiableError``.
    """
    async with begun(parts, person, asked.right, f"recording:{recording_id}") as work:
        found = await rows.find(work, recording_id, asked.right, asked.reason)
        rows.check_there(found)
        _check(asked, found)
        found, source = await sound_of(work, found, asked.right, asked.reason)
        try:
            return await _begin(work, found, source, asked)
        except BaseException:
            source.close()
            raise


async def _begin(work: Work, found: Found, source: Source, asked: Asked) -> Opened:
    """Write the play down, and say how it is to be made."""
    wish = _wish(work, found, source, asked)
    as_stored = not asked.takes_away and playing.is_as_stored(source, wish)
    digest = (found.manifest.sound_sha256 if found.manifest else "") if source.form == "opus" else found.row["sha256"]
    counts = not asked.looks_only and asked.if_tagged in ("", tag(digest))
    span = ranges.span(asked.wanted if counts else None, source.size) if as_stored else None
    heard = ranges.covered(span.start, span.count, span.size, source.length_ms) if span else _stretch(asked, source)
    play = None if asked.looks_only else await written_down(work, found, asked, heard)
    if asked.takes_away:
        told = f"recording {found.row['recording_id']} play {play} {work.person.username} {work.now:%Y-%m-%dT%H:%M:%SZ}"
        wish = msgspec.structs.replace(wish, number=play or 0, told=told)
    making = None if as_stored else Making(source, wish)
    return Opened(source=source, wish=wish, span=span, making=making, play_id=play, tag=tag(digest))


def _wish(work: Work, found: Found, source: Source, asked: Asked) -> Wish:
    return Wish(
        format=asked.format or source.form,
        side=asked.side,
        speed=asked.speed,
        from_ms=asked.from_ms,
        to_ms=asked.to_ms,
        masks=() if access.may(work.person, "recording.masked", found.facts) else found.silent,
    )


def _stretch(asked: Asked, source: Source) -> tuple[int, int]:
    end = min(asked.to_ms or source.length_ms, source.length_ms)
    return min(asked.from_ms, end), end


def _check(asked: Asked, found: Found) -> None:
    """Raise ``RefusedError`` (``bad_values``) for a stretch or a side that is not there."""
    length, channels = found.row["length_ms"], found.row["channels"]
    if asked.from_ms >= max(length, 1) or (asked.to_ms and asked.to_ms <= asked.from_ms):
        raise RefusedError("bad_values", needs="from_ms", length_ms=length)
    if asked.side == "right" and channels == 1:
        raise RefusedError("bad_values", needs="side")


async def written_down(work: Work, found: Found, asked: Asked, heard: tuple[int, int]) -> int:
    """The play that this request belongs to: a new one leaves an audit line, as does each file that is taken away."""
    recording_id, person, side = found.row["recording_id"], work.person, asked.side or ""
    begin, end = heard
    whose = (recording_id, person.username, person.role, asked.reason.strip(), side)
    if not asked.takes_away:
        await work.connection.execute(QUERIES["one_at_a_time"], str(recording_id), person.username)
        going = await work.connection.fetchval(QUERIES["go_on"], *whose, work.now, begin, end, work.now - GOES_ON)
        if going is not None:
            return int(going)
    kind = "downloaded" if asked.takes_away else "listened"
    values = (recording_id, kind, *whose[1:], work.now, begin, end)
    play = int(await work.connection.fetchval(QUERIES["play"], *values))
    detail = {"play": play, "from_ms": begin, "to_ms": end, "reason": asked.reason.strip(), "side": side}
    await orders.audit(work.connection, person, asked.right, f"recording:{recording_id}", detail)
    return play


async def sent(parts: Parts, opened: Opened, count: int, now: dt.datetime) -> None:
    """Write down what left: ``count`` bytes."""
    begin, end = opened.heard(count)
    if opened.play_id is not None and begin < end:
        await parts.pool.execute(QUERIES["sent"], opened.play_id, begin, end, now)


async def sound_of(work: Work, found: Found, right: str, reason: str = "") -> tuple[Found, Source]:
    """The recording and its plain bytes; what cannot be opened is looked up again: it may have been sealed meanwhile.

    Refused: ``recording_unreadable``, with the kind of error that an operator looks up, and what ``rows`` refuses.
    """
    try:
        return found, await _source(work.parts, found)
    except RefusedError:
        again = await rows.find(work, found.row["recording_id"], right, reason)
        rows.check_there(again)
        return again, await _source(work.parts, again)


async def _source(parts: Parts, found: Found) -> Source:
    row = found.row
    known = {"channels": row["channels"], "length_ms": row["length_ms"]}
    opens: Callable[[], Source]
    try:
        if row["state"] == "stored":
            keyring = await opening.keyring(parts.pool)
            storage = Storages(parts.settings)
            opens = lambda: playing.sealed(sound.stored(row), storage[row["storage"]], keyring, **known)  # noqa: E731
        else:
            opens = lambda: playing.plain(paths.var() / "recordings", row["file"], **known)  # noqa: E731
        return await asyncio.to_thread(opens)
    except (RecordingsError, OSError) as error:
        raise RefusedError("recording_unreadable", why=type(error).__name__) from error
