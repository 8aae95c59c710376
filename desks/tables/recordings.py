"""Recordings (录音): finding, hearing, masking them, and who heard them (QUA-02, IVR-13, SEC-12)."""

from __future__ import annotations

import asyncio
import re
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from http import HTTPStatus
from typing import Annotated, Any

import msgspec
import structlog
from aiohttp import web

from acd.permissions import Person
from crm.recordings import hearing, look, masking
from crm.recordings.hearing import Asked, Opened
from crm.recordings.look import Lines, Picture, Plays, Where
from crm.recordings.masking import Masked
from crm.recordings.rows import Shown
from crm.tickets import numbering
from desks import answers, ordering, parameters
from desks.conversions import CONVERSIONS
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import Line, ordered
from desks.parameters import Parameter, choice, word
from hotline import clock, database
from recordings.errors import RecordingsError
from recordings.playback.playing import MEDIA_TYPES
from recordings.playback.ranges import UnsatisfiableError

PRIVATE = {"Cache-Control": "private, no-store"}
_PIECE = 1 << 16
_LARGEST = 10**9
_log = structlog.get_logger()

Moment = Annotated[int, msgspec.Meta(ge=0, le=_LARGEST)]


class NewMask(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A stretch in milliseconds, and why it is to be silent."""

    from_ms: Moment
    to_ms: Moment
    reason: Line


class Lifting(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it may be heard again."""

    reason: Line


def _whole(least: int, most: int) -> Any:
    def read(name: str, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,18}", text) or not least <= int(text) <= most:
            raise RefusedError("bad_number", parameter=name, least=least, most=most)
        return int(text)

    return read


def _number(name: str, chinese: str, english: str, most: int = _LARGEST, default: int | None = None) -> Parameter:
    schema = {"type": "integer", "minimum": 0, "maximum": most, **({} if default is None else {"default": default})}
    return Parameter(name=name, read=_whole(0, most), schema=schema, chinese=chinese, english=english, default=default)


def _speed(name: str, text: str) -> float:
    if not re.fullmatch(r"[0-3](\.[0-9]{1,3})?", text) or not 0.5 <= float(text) <= 3:
        raise RefusedError("bad_number", parameter=name, least=0.5, most=3)
    return float(text)


_FROM = msgspec.structs.replace(parameters.FROM, needed=False)
_TO = msgspec.structs.replace(parameters.TO, needed=False)
_BEFORE = _number("before", "上一页的 next", "The page before's next", most=10**18)
_SIDE = choice("side", ("left", "right"), "只听一侧:left 来电人,right 其他人", "One side: left the caller, right others", None)
_SPEED = Parameter(
    name="speed",
    read=_speed,
    schema={"type": "number", "minimum": 0.5, "maximum": 3, "default": 1},
    chinese="语速",
    english="How fast",
    default=1.0,
)
REASON = Parameter(
    name="reason",
    read=parameters.words,
    schema={"type": "string", "maxLength": 100},
    chinese="收听理由(督办室、监察观察员必填)",
    english="Why; the supervision office and observers must say",
    default="",
)
_STRETCH = (
    _number("from_ms", "从第几毫秒", "From this millisecond", default=0),
    _number("to_ms", "到第几毫秒,0 为到末尾", "To this millisecond, 0: to the end", default=0),
)
_WANTED = (
    _FROM,
    _TO,
    word("call", "通话编号", "Id of a call"),
    word("ticket", "工单编号", "Number of a ticket"),
    word("agent", "坐席", "Agent"),
    choice("kind", ("conversation", "message"), "通话或留言", "Conversation or message"),
    choice("quality", ("empty", "silent", "fax", "damaged"), "录音质量问题", "What is wrong with it"),
    _number("shortest_ms", "最短毫秒数", "Not shorter"),
    _number("longest_ms", "最长毫秒数", "Not longer"),
    _BEFORE,
    parameters.LIMIT,
)


async def list_(ask: Ask, person: Person, *, before: int | None, limit: int, ticket: str, **given: Any) -> Lines:
    """``GET /api/recordings``."""
    where = Where(
        begin=given["from"],
        end=given["to"],
        call_id=given["call"],
        ticket_id=numbering.id_of(ticket) if ticket else None,
        agent=given["agent"],
        kind=given["kind"],
        quality=given["quality"],
        shortest_ms=given["shortest_ms"],
        longest_ms=given["longest_ms"],
    )
    return await look.listed(ask.parts.acd, person, where, before=before, limit=limit)


async def read(ask: Ask, person: Person, *, recording: int) -> Shown:
    """``GET /api/recordings/{recording}``."""
    return await look.one(ask.parts.acd, person, recording)


async def plays(ask: Ask, person: Person, *, recording: int, before: int | None, limit: int) -> Plays:
    """``GET /api/recordings/{recording}/plays``."""
    return await look.plays(ask.parts.acd, person, recording, before=before, limit=limit)


async def mask(ask: Ask, person: Person, *, recording: int, from_ms: int, to_ms: int, reason: str) -> Masked:
    """``POST /api/recordings/{recording}/masks``."""
    return await masking.mask(ask.parts.acd, person, recording, from_ms=from_ms, to_ms=to_ms, reason=reason)


async def lift(ask: Ask, person: Person, *, recording: int, mask: int, reason: str) -> None:
    """``POST /api/recordings/{recording}/masks/{mask}/lift``."""
    await masking.lift(ask.parts.acd, person, recording, mask, reason=reason)


async def picture(ask: Ask) -> web.StreamResponse:
    """``GET /api/recordings/{recording}/waveform``: JSON, or ``format=svg``."""
    drawn = await look.picture(ask.parts.acd, ordering.person(ask), _recording(ask))
    if ask.query["format"] == "svg":
        return web.Response(text=drawn[1], content_type="image/svg+xml", headers=PRIVATE)
    return answers.json(drawn[0])


async def audio(ask: Ask) -> web.StreamResponse:
    """``GET /api/recordings/{recording}/audio``: as it is stored with ranges, or made on the way."""
    headers = ask.request.headers
    asked = _asked(ask, wanted=headers.get("Range"), if_tagged=headers.get("If-Range", ""), speed=ask.query["speed"])
    try:
        opened = await hearing.hear(ask.parts.acd, ordering.person(ask), _recording(ask), asked)
    except UnsatisfiableError as error:
        return await _unsatisfiable(ask, asked, str(error))
    return await _answered(ask, opened, {"Content-Disposition": "inline"})


async def download(ask: Ask) -> web.StreamResponse:
    """``GET /api/recordings/{recording}/download``: a file with a mark in it."""
    asked = _asked(ask, takes_away=True)
    recording = _recording(ask)
    opened = await hearing.hear(ask.parts.acd, ordering.person(ask), recording, asked)
    name = f"recording-{recording}.{opened.wish.format}"
    return await _answered(ask, opened, {"Content-Disposition": f'attachment; filename="{name}"'})


def _recording(ask: Ask) -> int:
    """The number in the path; raises ``HTTPNotFound``."""
    text = ask.request.match_info["recording"]
    if not re.fullmatch(r"[0-9]{1,18}", text):
        raise web.HTTPNotFound
    return int(text)


def _asked(ask: Ask, **more: Any) -> Asked:
    given = {name: ask.query[name] for name in ("format", "side", "from_ms", "to_ms", "reason")}
    return Asked(**given, **more, looks_only=ask.request.method == "HEAD")


async def _unsatisfiable(ask: Ask, asked: Asked, why: str) -> web.StreamResponse:
    """416, with how much there is."""
    looked = msgspec.structs.replace(asked, wanted=None, looks_only=True)
    opened = await hearing.hear(ask.parts.acd, ordering.person(ask), _recording(ask), looked)
    opened.source.close()
    status = HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE
    response = answers.error(ask.request, status, {"why": why, "size": opened.source.size}, "bad_range")
    response.headers["Content-Range"] = f"bytes */{opened.source.size}"
    return response


async def _answered(ask: Ask, opened: Opened, headers: dict[str, str]) -> web.StreamResponse:
    """Refused: ``too_busy``."""
    if opened.making is None or ask.request.method == "HEAD":
        return await _streamed(ask, opened, headers)
    with ExitStack() as going:
        try:
            going.enter_context(CONVERSIONS.one())
        except RefusedError:
            opened.source.close()
            raise
        return await _streamed(ask, opened, headers)


async def _streamed(ask: Ask, opened: Opened, headers: dict[str, str]) -> web.StreamResponse:
    response = web.StreamResponse(headers=PRIVATE | headers | {"Content-Type": MEDIA_TYPES[opened.wish.format]})
    _describe(response, opened)
    count = 0
    pieces = _Pieces(_chosen(opened))
    try:
        await response.prepare(ask.request)
        if ask.request.method != "HEAD":
            while piece := await pieces.next():
                await response.write(piece)
                count += len(piece)
            await response.write_eof()
    except ConnectionError:
        _log.debug("the listener left", recording=ask.request.match_info["recording"])
    except (RecordingsError, OSError, ValueError) as error:
        _log.warning("a recording broke off", recording=ask.request.match_info["recording"], error=str(error))
        if ask.request.transport is not None:
            ask.request.transport.abort()  # what was sent is no whole sound, and must not look like one
    finally:
        await asyncio.shield(_ended(ask, opened, pieces, count))
    return response


async def _ended(ask: Ask, opened: Opened, pieces: _Pieces, count: int) -> None:
    """Nothing of it runs any more, and what was sent is written down."""
    await pieces.close()
    opened.source.close()
    try:
        await hearing.sent(ask.parts.acd, opened, count, clock.now())
    except database.AWAY as error:
        _log.warning("it was not written down how much was heard", play=opened.play_id, error=str(error))


def _chosen(opened: Opened) -> Iterator[bytes]:
    if opened.making is not None:
        return opened.making.pieces()
    assert opened.span is not None
    return opened.source.pieces(opened.span.start, opened.span.count)


def _describe(response: web.StreamResponse, opened: Opened) -> None:
    """Length, range and tag, as far as they are known before."""
    if opened.span is None:
        response.headers["Accept-Ranges"] = "none"
        response.content_length = opened.making.size if opened.making is not None else None
        return
    response.headers["Accept-Ranges"] = "bytes"
    response.headers["ETag"] = opened.tag
    response.content_length = opened.span.count
    if not opened.span.whole:
        response.set_status(HTTPStatus.PARTIAL_CONTENT)
        response.headers["Content-Range"] = opened.span.content_range


class _Pieces:
    """A blocking iterator, walked and closed in threads, one at a time."""

    def __init__(self, iterator: Iterator[bytes]) -> None:
        self._iterator, self._one_at_a_time = iterator, threading.Lock()

    async def next(self) -> bytes:
        """Empty: it is over."""
        return await asyncio.to_thread(self._next)

    async def close(self) -> None:
        """What it has begun ends."""
        await asyncio.to_thread(self._close)

    def _next(self) -> bytes:
        with self._one_at_a_time:
            return next(self._iterator, b"")

    def _close(self) -> None:
        with self._one_at_a_time:
            getattr(self._iterator, "close", lambda: None)()


_FORMAT = choice("format", ("opus", "wav", "mp3"), "格式,默认按存储格式", "Format; as it is stored when not given", None)
_FILE = choice("format", ("wav", "mp3"), "文件格式", "Format of the file", "mp3")
_PICTURE = choice("format", ("json", "svg"), "数据或图", "Points, or a picture", "json")
_ONE = "/api/recordings/{recording}"
ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/recordings", list_, "recording.read", ("录音清单", "List recordings"), answer=Lines, query=_WANTED),
    ordered("GET", _ONE, read, "recording.read", ("录音说明", "A recording's manifest"), answer=Shown),
    Route(
        "GET",
        f"{_ONE}/audio",
        audio,
        "recording.hear",
        "听录音",
        "Hear a recording",
        query=(_FORMAT, _SIDE, _SPEED, *_STRETCH, REASON),
        answer="audio/ogg",
        also=(HTTPStatus.PARTIAL_CONTENT, HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE),
    ),
    Route(
        "GET",
        f"{_ONE}/download",
        download,
        "recording.download",
        "下载录音(带水印)",
        "Take a recording away, with a mark in it",
        query=(_FILE, _SIDE, *_STRETCH, REASON),
        answer="audio/mpeg",
    ),
    Route(
        "GET",
        f"{_ONE}/waveform",
        picture,
        "recording.read",
        "录音波形",
        "A recording's picture",
        query=(_PICTURE,),
        answer=Picture,
    ),
    ordered(
        "GET",
        f"{_ONE}/plays",
        plays,
        "recording.plays",
        ("收听记录", "Who heard it"),
        answer=Plays,
        query=(_BEFORE, parameters.LIMIT),
    ),
    ordered("POST", f"{_ONE}/masks", mask, "recording.mask", ("屏蔽一段", "Mask a stretch"), answer=Masked, body=NewMask),
    ordered("POST", f"{_ONE}/masks/{{mask}}/lift", lift, "recording.mask", ("解除屏蔽", "Lift a mask"), body=Lifting),
)
