"""Every stored conversation is checked once, its words once they are transcribed, and again when somebody wants it (QUA-01).

There is no queue that could be lost: what was not checked has no row in ``quality_checks``, or one without its words. The loop
looks at what came within the last hour, and walks over all recordings at its start and each hour: what was stored while it was
away, or committed late, is found then. A call is one transaction.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from crm.profiles import store as profiles
from crm.quality import checks
from crm.quality.call import Finding, HangUp, Matter, Record, Threeway
from crm.quality.checks import Checked
from crm.quality.rules import Rules, digest
from hotline import clock, database, sql
from hotline.settings import Settings
from recordings.manifest import Manifest
from recordings.transcription.transcript import Turn, Word

QUERIES = sql.load(Path(__file__).parents[1] / "sql" / "quality_checks.sql")
BATCH = 100
_LATELY = dt.timedelta(hours=1)
_log = structlog.get_logger()


class InForce(msgspec.Struct, frozen=True):
    """The rules that count now."""

    version: int
    rules: Rules


def of_city(rules: Rules, settings: Settings) -> Rules:
    """With what the profile and ``hotline.toml`` say (QUA-06, TIM-13, TIM-14)."""
    return msgspec.structs.replace(
        rules,
        forbidden=profiles.current(settings).forbidden_words,
        hold_seconds=settings.control.search_seconds,
        answer_seconds=settings.figures.answer_seconds,
        second_answer_seconds=settings.figures.second_answer_seconds,
    )


async def ensure_rules(connection: asyncpg.Connection, settings: Settings, wanted: Rules | None = None, by: str = "") -> InForce:
    """Those in force, of the city; a new version when they are others than the newest. ``wanted``: instead of the newest."""
    async with connection.transaction():
        await connection.execute(QUERIES["rules_one_at_a_time"])
        newest = await connection.fetchrow(QUERIES["newest_rules"])
        rules = of_city(wanted or (_read(newest["rules"]) if newest else Rules()), settings)
        mark = digest(rules)
        if newest is not None and newest["digest"] == mark:
            return InForce(newest["version"], rules)
        text = msgspec.json.encode(rules).decode()
        return InForce(await connection.fetchval(QUERIES["add_rules"], mark, text, clock.now(), by or "settings"), rules)


def _read(text: str) -> Rules:
    """Rules that were kept, perhaps by an older program: keys that are no more are left out."""
    known = msgspec.json.decode(text)
    return msgspec.convert({key: value for key, value in known.items() if key in Rules.__struct_fields__}, Rules)


class Checker:
    """Finds what is to be checked and checks it; remembers how far its walk over all recordings is."""

    def __init__(self, pool: asyncpg.Pool, settings: Settings) -> None:
        self._pool, self._settings = pool, settings
        self._walked = 0

    def begin_anew(self) -> None:
        """The walk begins with the first recording."""
        self._walked = 0

    async def lately(self, now: dt.datetime) -> int:
        """What came within the last hour, and what is wanted again; returns how many calls were checked."""
        total, seen = 0, set[int]()
        while found := set(await self._ids("fresh", now - _LATELY)) - seen:
            total += await self._each(sorted(found))
            seen |= found
        return total

    async def walk(self, batches: int = 10**6) -> int:
        """What is beyond where the walk is, so many batches at most; returns how many calls were checked."""
        total = 0
        while batches and (found := await self._ids("all_after", self._walked)):
            batches -= 1
            total += await self._each(found)
            self._walked = found[-1]
        return total

    async def _ids(self, query: str, since: object) -> list[int]:
        return [row["recording_id"] for row in await self._pool.fetch(QUERIES[query], since, BATCH)]

    async def _each(self, recordings: Iterable[int]) -> int:
        count = 0
        async with self._pool.acquire() as connection:
            in_force = await ensure_rules(connection, self._settings)
            for one in recordings:
                count += await _checked(connection, one, in_force)
        if count:
            _log.info("calls were checked", calls=count, rules=in_force.version)
        return count


async def _checked(connection: asyncpg.Connection, recording_id: int, in_force: InForce) -> bool:
    """One call that cannot be checked does not hold the others up."""
    try:
        return await check_one(connection, recording_id, in_force)
    except database.TROUBLE as error:
        if database.is_away(error):
            raise
        _log.warning("a call cannot be checked", recording=recording_id, error=str(error))
        return False


async def check_one(connection: asyncpg.Connection, recording_id: int, in_force: InForce) -> bool:
    """Check a call, unless somebody else just did; whether it was."""
    async with connection.transaction():
        await connection.execute(QUERIES["alone"], recording_id)
        row = await connection.fetchrow(QUERIES["call"], recording_id)
        if row is None:
            return False
        matter = await _matter(connection, row, in_force.rules)
        checked = checks.check(matter) if matter else Checked(dict.fromkeys(checks.CODES, "not_checked"), ())
        await _keep(connection, row, matter, checked, in_force.version)
    return True


async def _matter(connection: asyncpg.Connection, row: asyncpg.Record, rules: Rules) -> Matter | None:
    """None: nobody can read its manifest."""
    try:
        manifest = msgspec.json.decode(row["manifest"], type=Manifest)
    except (msgspec.DecodeError, TypeError) as error:
        _log.warning("a manifest cannot be read", recording=row["recording_id"], error=str(error))
        return None
    turns = None
    if row["words_of"] is not None:
        turns = tuple(_turn(one) for one in await connection.fetch(QUERIES["turns"], row["recording_id"]))
    return Matter(manifest=manifest, record=await _record(connection, row), rules=rules, turns=turns)


def _turn(row: asyncpg.Record) -> Turn:
    return Turn(
        track=row["track"],
        from_ms=row["from_ms"],
        to_ms=row["to_ms"],
        text=row["text"],
        confidence=row["confidence"],
        words=msgspec.json.decode(row["words"], type=tuple[Word, ...]),
    )


async def _record(connection: asyncpg.Connection, row: asyncpg.Record) -> Record:
    place, call = (row["node"], row["call_id"]), row["begins_at"]
    near = (*place, row["started_at"])
    said = await connection.fetch(QUERIES["dispositions"], *place)
    wish = await connection.fetchrow(QUERIES["asked_for_agent"], *near)
    turns = await connection.fetch(QUERIES["agents_turns"], *near)
    flags = {one["agent"]: one["at"] for one in await connection.fetch(QUERIES["flags"], *place)}
    allowed = {one["agent"] for one in said} - flags.keys()
    ended = {one["agent"]: one["ended_at"] for one in turns if one["ended_by"] == "agent" and one["agent"] in allowed}
    return Record(
        agent=row["agent"],
        wait_ms=wish["wait_us"] // 1000 if wish else None,
        ring_ms=turns[0]["ring_us"] // 1000 if turns else None,
        hang_ups=tuple(
            HangUp(agent, _within(at, call, row["length_ms"]), agent in flags) for agent, at in sorted({**ended, **flags}.items())
        ),
        dispositions=frozenset(one["disposition"] for one in said),
        said_silent=row["said_silent"],
        threeways=tuple(
            Threeway(one["agent"], None if call is None else _ms(one["begun_at"] - call), one["consent"], one["was_dialled"])
            for one in await connection.fetch(QUERIES["threeways"], *place)
        ),
        rating=row["rating"],
    )


def _ms(time: dt.timedelta) -> int:
    return max(0, int(time.total_seconds() * 1000))


def _within(at: dt.datetime | None, begin: dt.datetime | None, length: int) -> int:
    """The moment in the recording; its end, when one of the two times is not known."""
    return length if at is None or begin is None else min(_ms(at - begin), length)


async def _keep(
    connection: asyncpg.Connection, row: asyncpg.Record, matter: Matter | None, checked: Checked, version: int
) -> None:
    now = clock.now()
    agent = matter.agent_at(matter.agent_begins) if matter else row["agent"]
    call = (row["recording_id"], row["node"], row["call_id"], agent, row["started_at"], row["length_ms"])
    outcomes = msgspec.json.encode(checked.outcomes).decode()
    await connection.execute(QUERIES["keep_check"], *call, version, now, row["words_of"], outcomes)
    standing = {
        (one["code"], one["agent"], one["from_ms"]): one["finding_id"]
        for one in await connection.fetch(QUERIES["standing"], row["recording_id"])
    }
    found = {(one.code, one.agent, one.from_ms): one for one in checked.findings}
    gone = [finding for key, finding in standing.items() if key not in found]
    await connection.execute(QUERIES["supersede"], gone, now)
    for key, one in found.items():
        await _keep_finding(connection, row, one, standing.get(key), version)


async def _keep_finding(
    connection: asyncpg.Connection, row: Mapping[str, Any], one: Finding, known: int | None, version: int
) -> None:
    """A finding that stands stays the same one, with what a person said about it."""
    at = row["started_at"] + dt.timedelta(milliseconds=one.from_ms)
    detail = msgspec.json.encode(one.detail).decode()
    if known is not None:
        await connection.execute(QUERIES["found_again"], known, one.severity, at, one.to_ms, detail, version)
        return
    what = (one.code, one.agent, one.severity, at, one.from_ms, one.to_ms, detail, version, clock.now())
    await connection.execute(QUERIES["found"], row["recording_id"], *what)


async def want(connection: asyncpg.Connection, settings: Settings, begin: dt.datetime, end: dt.datetime) -> tuple[int, int]:
    """Calls of this time that other rules were used for are to be checked again: the version in force, and how many."""
    in_force = await ensure_rules(connection, settings)
    return in_force.version, int(await connection.fetchval(QUERIES["want"], begin, end, in_force.version))
