"""Calls found by what was said in them, hot words, and surges of one topic, on a real PostgreSQL (REP-11, SEC-12)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING
from unittest import mock

import asyncpg
import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm import idempotency
from crm.errors import RefusedError
from crm.idempotency import Asked
from crm.knowledge import entries
from crm.profiles.profile import Profile
from crm.tickets import intake
from crm.tickets.intake import Opening
from crm.transcripts import hot, indexing, search, surges
from hotline import clock, database
from hotline.settings import Settings
from tests import citizens

if TYPE_CHECKING:
    from tests.conftest import Postgres

NOON = dt.datetime(2026, 11, 20, 4, 0, tzinfo=dt.UTC)
QUALITY, AGENT, LEADER = Person("qi", "quality"), Person("li", "agent", "1001"), Person("wu", "shift_leader")
MOMENT = dt.timedelta(seconds=1)
MINE = '[{"who": "agent", "name": "1001", "track": "right"}]'
THEIRS = '[{"who": "agent", "name": "1001", "track": "right"}, {"who": "colleague", "name": "1003", "track": "right"}]'
LAMP = [
    ("left", 0, 3000, "我家楼下的路灯坏了三天了"),
    ("right", 3100, 6000, "您好请问路灯在哪里"),
    ("left", 6200, 9000, "在幸福小区"),
]


async def a_transcript(
    connection: asyncpg.Connection, turns: Sequence[tuple[str, int, int, str]], *, at: dt.datetime = NOON, agent: str = "1001"
) -> int:
    """A recording of a call, and what was said in it."""
    number: int = await connection.fetchval("SELECT count(*) + 1 FROM recordings")
    call_id = f"call-{number}"
    recording: int = await connection.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256)"
        " VALUES ('node1', $1, 'conversation', $1, $2, 60000, 2, '') RETURNING recording_id",
        call_id,
        at,
    )
    await connection.execute(
        "INSERT INTO agent_turns (node, call_id, number, agent, queue, rang_at, connected_at, result, version)"
        " VALUES ('node1', $1, 1, $2, 'hotline', $3, $3, 'answered', 1)",
        call_id,
        agent,
        at,
    )
    await written_down(connection, recording, turns)
    return recording


async def written_down(connection: asyncpg.Connection, recording: int, turns: Sequence[tuple[str, int, int, str]]) -> None:
    """The transcript as a worker leaves it, the first or a new one."""
    await connection.execute(
        "INSERT INTO transcripts (recording_id, state, made_at) VALUES ($1, 'done', $2)"
        " ON CONFLICT (recording_id) DO UPDATE SET made_at = excluded.made_at",
        recording,
        clock.now(),
    )
    await connection.execute("DELETE FROM transcript_turns WHERE recording_id = $1", recording)
    await connection.executemany(
        "INSERT INTO transcript_turns (recording_id, number, track, from_ms, to_ms, text, confidence)"
        " VALUES ($1, $2, $3, $4, $5, $6, 0.9)",
        [(recording, number, *turn) for number, turn in enumerate(turns, 1)],
    )


def on(server: Postgres, work: Callable[[Parts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(Parts(Settings(), pool, "node1"))

    asyncio.run(run())


def test_a_call_is_found_with_the_second_to_jump_to_and_each_sees_what_may_be_seen(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            lamp = await a_transcript(connection, LAMP)
            other = await a_transcript(
                connection, [("left", 0, 2000, "路灯太亮了")], agent="1002", at=NOON + dt.timedelta(hours=1)
            )
            assert await indexing.index_some(parts.pool) == 2
            assert await indexing.index_some(parts.pool) == 0
            found, following = await search.search(connection, QUALITY, "路灯")
            assert [one.recording_id for one in found] == [other, lamp]
            assert following is None
            assert [(place.side, place.from_ms) for place in found[1].places] == [("left", 0), ("right", 3100)]
            text, spot = found[1].places[0].text, found[1].places[0].spots[0]
            assert text[spot.start : spot.end] == "路灯"
            found, following = await search.search(connection, QUALITY, "路灯", limit=1)
            assert [one.recording_id for one in found] == [other]
            found, _ = await search.search(connection, QUALITY, "路灯", limit=1, after=following)
            assert [one.recording_id for one in found] == [lamp]
            found, _ = await search.search(connection, QUALITY, "路灯", side="right")
            assert [one.recording_id for one in found] == [lamp]
            found, _ = await search.search(connection, AGENT, "路灯")
            assert [one.recording_id for one in found] == [lamp]
            await connection.execute("UPDATE recordings SET voices = $2 WHERE recording_id = $1", lamp, THEIRS)
            found, _ = await search.search(connection, Person("sun", "agent", "1003"), "路灯")
            assert [one.recording_id for one in found] == [lamp], "it was sent on to this agent"
            with pytest.raises(RefusedError):
                await search.search(connection, Person("ma", "unit_clerk", unit="U1"), "路灯")
            lines = await connection.fetch("SELECT actor FROM audit_log WHERE action = 'transcript.search'")
            assert len(lines) == 6

    on(empty_database, work)


def test_what_is_masked_is_neither_found_nor_shown(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            lamp = await a_transcript(connection, LAMP)
            await indexing.index_some(parts.pool)
            await connection.execute(
                "INSERT INTO recording_masks (recording_id, from_ms, to_ms, reason, set_by, set_at)"
                " VALUES ($1, 7000, 8000, '住址', 'qi', now())",
                lamp,
            )
            assert (await search.search(connection, QUALITY, "幸福小区"))[0] == []
            await connection.execute("UPDATE recordings SET voices = $1", MINE)
        mine = await search.read(parts, AGENT, lamp)
        assert [(one.masked, bool(one.text)) for one in mine.turns] == [(False, True), (False, True), (True, False)]
        shown = await search.read(parts, QUALITY, lamp)
        assert shown.turns[2].text == "在幸福小区"
        refusals = {
            Person("wang", "agent", "1002"): "not_allowed",
            Person("ma", "unit_clerk", unit="U1"): "not_allowed",
            Person("ob", "observer"): "reason_missing",
            Person("ad", "administrator"): "not_allowed",
        }
        for person, code in refusals.items():
            with pytest.raises(RefusedError) as refused:
                await search.read(parts, person, lamp)
            assert refused.value.code == code, person.role
        assert (await search.read(parts, Person("ob", "observer"), lamp, "抽查答复质量")).turns
        lines = await parts.pool.fetch("SELECT actor FROM audit_log WHERE action = 'transcript.read' ORDER BY entry_id")
        assert [row["actor"] for row in lines] == ["li", "qi", "ob"]

    on(empty_database, work)


def test_long_numbers_are_nothing_to_find_a_call_by(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await a_transcript(connection, [("left", 0, 1000, "我的电话是13905340001")])
            await indexing.index_some(parts.pool)
            assert (await search.search(connection, QUALITY, "13905340001"))[0] == []
            assert len((await search.search(connection, QUALITY, "电话"))[0]) == 1

    on(empty_database, work)


def test_a_hot_word_is_counted_once_for_a_call_and_anew_when_it_was_written_down_anew(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            lamps = [await a_transcript(connection, [*LAMP, ("left", 9000, 9900, "路灯路灯")]) for _ in range(3)]
            for week in range(1, 5):
                usual = [("left", 0, 1000, "幸福小区停水")]
                for _ in range(3):
                    await a_transcript(connection, usual, at=NOON - week * dt.timedelta(days=7))
            await indexing.index_some(parts.pool)
            day = NOON.date()
            words = {one.word: (one.calls, one.usual) for one in await hot.of_day(connection, day)}
            assert words["路灯"] == (3, 0.0)
            assert words["小区"] == (3, 3.0)
            order = [one.word for one in await hot.of_day(connection, day)]
            assert order.index("路灯") < order.index("小区")
            assert "您好" not in words, "what agents say is not what the day is about"
            await written_down(connection, lamps[0], [("left", 0, 1000, "暖气不热")])
            await indexing.index_some(parts.pool)
            assert {one.word: one.calls for one in await hot.of_day(connection, day)}["路灯"] == 2

    on(empty_database, work)


def test_a_surge_is_raised_with_its_calls_confirmed_once_and_over_by_itself(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            now = clock.now()
            today = f"{now.astimezone(clock.SHANGHAI):%Y%m%d}"
            for n in range(1, 21):
                known = {"made_at": now - MOMENT} | ({"node": "node1", "call_id": f"c{n}"} if n < 19 else {})
                await citizens.ticket(connection, 50_000 + n, day=today, category="C1.03", **known)
                if n == 19:
                    assert await surges.watch(connection, Profile(), now) == []
            [found] = await surges.watch(connection, Profile(), now)
            assert (found.topic, found.contacts, found.baseline) == ("c:C1.03", 20, 0.0)
            await surges.watch(connection, Profile(), now)
            [shown] = await surges.shown(connection, LEADER, only_open=True, state="", page=1, limit=20)
            behind = await surges.contacts(connection, LEADER, shown.surge_id, page=1, limit=100)
            assert len(behind) == 20
            assert await _alarms(connection) == [("topic_surge", "c:C1.03", None)]
        confirmed = await surges.confirm(parts, LEADER, shown.surge_id, "全城路灯故障,正在抢修")
        assert confirmed.state == "confirmed"
        assert confirmed.master_ticket
        with pytest.raises(RefusedError) as refused:
            await surges.confirm(parts, LEADER, shown.surge_id, "")
        assert refused.value.code == "surge_decided"
        async with parts.pool.acquire() as connection:
            masters = await connection.fetch("SELECT state, content FROM tickets WHERE made_by = 'wu'")
            assert [row["state"] for row in masters] == ["draft"]
            draft = await entries.read(connection, Person("ed", "editor"), confirmed.announcement)  # type: ignore[arg-type]
            assert (draft.state, draft.content.kind) == ("draft", "announcement")
            await surges.watch(connection, Profile(), now + dt.timedelta(hours=3))
            assert (await _alarms(connection))[0][2] is not None

    on(empty_database, work)


def test_a_master_ticket_that_was_made_before_a_crash_is_not_made_again(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            now = clock.now()
            today = f"{now.astimezone(clock.SHANGHAI):%Y%m%d}"
            for n in range(1, 6):
                await citizens.ticket(
                    connection, 50_000 + n, day=today, made_at=now - MOMENT, event_place="幸福小区", category="C1.03"
                )
            await surges.watch(connection, Profile(), now)
            [shown] = await surges.shown(connection, LEADER, only_open=True, state="raised", page=1, limit=20)
            assert (shown.place, shown.contacts) == ("幸福小区", 5)
        made = (await intake.open_ticket(parts, LEADER, Opening(content="集中反映", source=f"surge:{shown.surge_id}"))).number
        confirmed = await surges.confirm(parts, LEADER, shown.surge_id, "")
        assert confirmed.master_ticket == made
        async with parts.pool.acquire() as connection:
            assert await connection.fetchval("SELECT count(*) FROM tickets WHERE made_by = 'wu'") == 1

    on(empty_database, work)


def test_a_confirmation_that_broke_off_did_nothing_and_is_not_told_as_done_to_who_repeats_it(
    empty_database: Postgres,
) -> None:
    """One transaction: no ticket without the decision, and the key of the request stands for no ticket's answer."""

    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            now = clock.now()
            today = f"{now.astimezone(clock.SHANGHAI):%Y%m%d}"
            for n in range(1, 6):
                await citizens.ticket(connection, 50_000 + n, day=today, made_at=now - MOMENT, event_place="幸福小区")
            await surges.watch(connection, Profile(), now)
            [shown] = await surges.shown(connection, LEADER, only_open=True, state="raised", page=1, limit=20)
        asked = Asked("wu", "key-12345", "digest")
        with idempotency.asking(asked):
            with mock.patch.object(entries, "create", side_effect=ConnectionResetError), pytest.raises(ConnectionResetError):
                await surges.confirm(parts, LEADER, shown.surge_id, "停电抢修")
            assert await parts.pool.fetchval("SELECT count(*) FROM idempotency_keys WHERE status <> 0") == 0
            assert await parts.pool.fetchval("SELECT count(*) FROM tickets WHERE made_by = 'wu'") == 0
            assert (await surges.confirm(parts, LEADER, shown.surge_id, "停电抢修")).state == "confirmed"
        assert not asked.is_kept
        assert await parts.pool.fetchval("SELECT count(*) FROM tickets WHERE made_by = 'wu'") == 1

    on(empty_database, work)


def test_a_dismissed_surge_rings_no_more_until_somebody_takes_that_back(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            now = clock.now()
            today = f"{now.astimezone(clock.SHANGHAI):%Y%m%d}"
            for n in range(1, 6):
                await citizens.ticket(connection, 50_000 + n, day=today, made_at=now - MOMENT, event_place="幸福小区")
            await surges.watch(connection, Profile(), now)
            [shown] = await surges.shown(connection, LEADER, only_open=False, state="", page=1, limit=20)
            await surges.dismiss(parts, LEADER, shown.surge_id, "同一人多次来电")
            await surges.watch(connection, Profile(), now)
            assert (await _alarms(connection))[0][2] is not None
            await surges.reopen(parts, LEADER, shown.surge_id)
            await surges.watch(connection, Profile(), now)
            assert [ended for _, _, ended in await _alarms(connection)].count(None) == 1
            with pytest.raises(RefusedError):
                await surges.dismiss(parts, Person("li", "agent", "1001"), shown.surge_id, "不是")

    on(empty_database, work)


async def _alarms(connection: asyncpg.Connection) -> list[tuple[str, str, dt.datetime | None]]:
    rows = await connection.fetch("SELECT kind, subject, cleared_at FROM alarms WHERE kind = 'topic_surge' ORDER BY raised_at")
    return [(row["kind"], row["subject"], row["cleared_at"]) for row in rows]
