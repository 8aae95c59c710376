"""Figures of any time, and the lines behind each of them (KPI-40, KPI-45; metrics, sections 4 and 5).

``GET /api/metrics``, ``/api/metrics/lines``, ``/api/calls``. Whoever sees callers' numbers leaves a line in the audit log
before he sees them (SEC-12).
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
from aiohttp import web

from ami_bridge.figures import drill_down, history, metrics
from ami_bridge.figures.history import Only, Part
from ami_bridge.figures.metrics import Calls, Figure
from ami_bridge.figures.rollups import LONGEST_CALL
from ami_bridge.lines import Gap
from desks import answers, records
from desks.desk import Ask
from desks.errors import RefusedError
from desks.parameters import Place, cursor_text
from hotline import sql
from hotline.clock import SHANGHAI

_QUERIES = sql.load(Path(__file__).parent / "sql" / "lines.sql")
_LONGEST = {"day": dt.timedelta(days=400), "hour": dt.timedelta(days=31)}
_STEP = {"day": dt.timedelta(days=1), "hour": dt.timedelta(hours=1)}
_SEARCH_SECONDS = 20.0
_AT_ONCE = 1000
_START = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


class Side(msgspec.Struct, frozen=True):
    """A figure without its goal."""

    n: int
    d: int | None
    value: float | None


class Rate(msgspec.Struct, frozen=True):
    """A figure of ``metrics.NAMES``: as it is, and net of exclusions."""

    chinese: str
    goal: float | None
    raw: Side
    net: Side


class Sheet(msgspec.Struct, frozen=True, kw_only=True):
    """All figures of one set of requests. ``requests`` by outcome; ``repaired``: so many of them were; waits in seconds."""

    requests: dict[str, dict[str, int]]
    repaired: dict[str, int]
    transfers: dict[str, int]
    calls: Calls
    metrics: dict[str, Rate]
    waits: dict[str, dict[str, float | int | None]]


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """One of the parts that were asked for: a queue, or a day or hour of Shanghai."""

    key: str
    figures: Sheet


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """The answer: what was asked, the whole, its parts, and the gaps in which something may not have been heard."""

    begin: dt.datetime = msgspec.field(name="from")
    end: dt.datetime = msgspec.field(name="to")
    queue: str | None
    skill: str | None
    node: str | None
    figures: Sheet
    parts: list[Step]
    gaps: list[Gap]


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """A request (or, for a figure over calls, a call) and what it is to the figure that was asked for."""

    node: str
    call_id: str
    number: int
    kind: str
    caller: str
    queue: str
    requested_at: dt.datetime
    ended_at: dt.datetime | None
    outcome: str
    wait_ms: int
    agent: str | None
    hops: int
    repaired: bool
    source: str
    precision_us: int
    excluded: str | None
    why: str


class Lines(msgspec.Struct, frozen=True):
    """A page; ``next`` goes into ``after`` for the following one, null: this was the last."""

    lines: list[Line]
    next: str | None


class Called(msgspec.Struct, frozen=True, kw_only=True):
    """A call with its requests for an agent."""

    node: str
    call_id: str
    caller: str
    started_at: dt.datetime
    answered_at: dt.datetime | None
    connected_at: dt.datetime | None
    ended_at: dt.datetime | None
    agent: str | None
    menu_path: str
    disposition: str | None
    repaired: bool
    requests: list[dict[str, Any]]


class CalledPage(msgspec.Struct, frozen=True):
    """A page of calls; ``next`` as of ``Lines``."""

    calls: list[Called]
    next: str | None


async def sheet(ask: Ask) -> web.Response:
    """``GET /api/metrics``."""
    begin, end, by = ask.query["from"], ask.query["to"], ask.query["by"]
    only = _only(ask)
    if by in _LONGEST and end - begin > _LONGEST[by]:
        raise RefusedError("interval_too_long", parameter="by", most_days=_LONGEST[by].days)
    found = await history.figures(ask.parts.pool, begin, end, only)
    parts = []
    if by == "queue":
        parts = [Step(key=name, figures=_sheet(ask, part, Calls())) for name, part in found.queues.items()]
    elif by:
        for since, until in steps(begin, end, _STEP[by]):
            step = await history.figures(ask.parts.pool, since, until, only)
            parts.append(Step(key=since.astimezone(SHANGHAI).isoformat(), figures=_sheet(ask, step.whole, step.calls)))
    gaps = await records.gaps_between(ask.parts.pool, begin, end, only.node)
    whole = _sheet(ask, found.whole, found.calls)
    return answers.json(Figures(begin=begin, end=end, **msgspec.structs.asdict(only), figures=whole, parts=parts, gaps=gaps))


def steps(begin: dt.datetime, end: dt.datetime, length: dt.timedelta) -> Iterator[tuple[dt.datetime, dt.datetime]]:
    """The days or hours of Shanghai that the interval is cut into; the first and the last may be parts of one."""
    local = begin.astimezone(SHANGHAI)
    local = local.replace(minute=0, second=0, microsecond=0) if length < dt.timedelta(days=1) else _midnight(local)
    at = local.astimezone(dt.UTC)
    while at < end:
        yield max(at, begin), min(at + length, end)
        at += length


async def lines(ask: Ask) -> web.Response:
    """``GET /api/metrics/lines``: with ``part``, as many as the rate says; without, all of them with their reasons."""
    query = ask.query
    try:
        async with asyncio.timeout(_SEARCH_SECONDS):
            of_calls = query["rate"] in (metrics.LITERAL, metrics.MENU)
            page = await (_call_lines(ask) if of_calls else _request_lines(ask))
    except TimeoutError:
        raise RefusedError("interval_too_long", parameter="to") from None
    await _audit(ask, "lines.viewed", [line.call_id for line in page.lines])
    return answers.json(page)


async def calls(ask: Ask) -> web.Response:
    """``GET /api/calls``: inbound calls that started in the time, with their requests."""
    query = ask.query
    after: Place | None = query["after"]
    begin = max(query["from"], after[0]) if after else query["from"]
    values = (begin, query["to"], query["outcome"], query["queue"], *(after[:3] if after else (None,) * 3))
    try:
        async with asyncio.timeout(_SEARCH_SECONDS):
            rows = await ask.parts.pool.fetch(_QUERIES["calls"], *values, query["limit"] + 1, LONGEST_CALL)
    except TimeoutError:
        raise RefusedError("interval_too_long", parameter="to") from None
    shown = [_called(row) for row in rows[: query["limit"]]]
    last = shown[-1] if len(rows) > len(shown) else None
    await _audit(ask, "calls.viewed", [call.call_id for call in shown])
    return answers.json(CalledPage(shown, cursor_text((last.started_at, last.node, last.call_id, 0)) if last else None))


async def _request_lines(ask: Ask) -> Lines:
    query = ask.query
    wanted = drill_down.Wanted(rate=query["rate"], part=query["part"] or "", net=query["basis"] == "net", rules=ask.parts.rules)
    after = drill_down.After(*query["after"]) if query["after"] else None
    found, following = await drill_down.lines(
        ask.parts.pool, query["from"], query["to"], wanted, only=_only(ask), after=after, limit=query["limit"]
    )
    made = [_line(line, query["rate"]) for line in found]
    return Lines(made, cursor_text(msgspec.structs.astuple(following)) if following else None)


async def _call_lines(ask: Ask) -> Lines:
    """The two figures over calls: of every call, whether an agent answered it, or it ended in the menu with nothing."""
    query = ask.query
    if query["queue"] or query["skill"]:
        return Lines([], None)
    found: list[Line] = []
    after: Place | None = query["after"]
    while True:
        begin = max(query["from"], after[0]) if after else query["from"]
        seen = after[:3] if after else (None,) * 3
        rows = await ask.parts.pool.fetch(
            _QUERIES["call_lines"], begin, query["to"], query["node"], *seen, _AT_ONCE, LONGEST_CALL
        )
        for row in rows:
            line = _call_line(row, query["rate"])
            if query["part"] is None or line.why.split(":")[0] == query["part"]:
                if len(found) == query["limit"]:
                    return Lines(found, cursor_text(after) if after else None)
                found.append(line)
            after = (row["started_at"], row["node"], row["call_id"], 0)
        if len(rows) < _AT_ONCE:
            return Lines(found, None)


async def _audit(ask: Ask, action: str, calls: list[str]) -> None:
    """Which calls' numbers are about to be seen, by whom, and what was asked."""
    asked = {name: value for name, value in ask.query.items() if value is not None}
    await ask.parts.sessions.log(ask.person.username, action, "calls", {"asked": asked, "calls": calls})


def _only(ask: Ask) -> Only:
    return Only(ask.query["queue"], ask.query["skill"], ask.query["node"])


def _sheet(ask: Ask, part: Part, calls: Calls) -> Sheet:
    raw, net = (metrics.figures(tally, calls, ask.parts.rules) for tally in (part.raw, part.net))
    return Sheet(
        requests={"raw": part.raw.counts(), "net": part.net.counts()},
        repaired={"raw": part.raw.repaired, "net": part.net.repaired},
        transfers=part.transfers.counts(),
        calls=calls,
        metrics={name: Rate(_chinese(name), raw[name].goal, _side(raw[name]), _side(net[name])) for name in metrics.NAMES},
        waits={"raw": metrics.waits(part.raw), "net": metrics.waits(part.net)},
    )


def _side(figure: Figure) -> Side:
    return Side(figure.n, figure.d, figure.value)


def _chinese(name: str) -> str:
    rate = metrics.RATES.get(name)
    return rate.chinese if rate else {metrics.LITERAL: "接通率(全部呼入口径)", metrics.MENU: "IVR挂断"}[name]


def _line(line: drill_down.Line, rate: str) -> Line:
    request = line.request
    fields: Mapping[str, Any] = {name: getattr(request, name) for name in Line.__struct_fields__ if hasattr(request, name)}
    return Line(**fields, wait_ms=request.wait_us() // 1000, excluded=line.excluded, why=line.why[rate])


def _call_line(row: asyncpg.Record, rate: str) -> Line:
    return Line(
        node=row["node"],
        call_id=row["call_id"],
        number=0,
        kind="call",
        caller=row["caller_number"],
        queue="",
        requested_at=row["started_at"],
        ended_at=row["ended_at"],
        outcome="answered" if row["is_answered"] else "",
        wait_ms=0,
        agent=row["agent"],
        hops=0,
        repaired=row["repaired"],
        source="",
        precision_us=1,
        excluded=None,
        why=metrics.why_of_call(is_answered=row["is_answered"], is_menu_hangup=bool(row["is_menu_hangup"]))[rate],
    )


def _called(row: asyncpg.Record) -> Called:
    fields = {name: row[name] for name in Called.__struct_fields__ if name not in ("caller", "requests")}
    return Called(**fields, caller=row["caller_number"], requests=msgspec.json.decode(row["requests"]))


def _midnight(local: dt.datetime) -> dt.datetime:
    return local.replace(hour=0, minute=0, second=0, microsecond=0)
