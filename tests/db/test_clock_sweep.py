"""What falls due is fired on a real PostgreSQL: once, in order, after days of silence, by several at once, and across kill -9."""

from __future__ import annotations

import asyncio
import datetime as dt
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from acd.permissions import Person
from crm.clocks import book, calendars, suspensions, sweep
from crm.clocks.sweep import Sweeper
from crm.profiles import store
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import Ticket
from hotline import clock, database, paths
from hotline.clock import SHANGHAI
from hotline.settings import Calendar

if TYPE_CHECKING:
    from tests.conftest import Postgres

PROFILE, CALENDAR = Profile(), Calendar()
NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)  # a Monday; help is due on 30 November, 18:00
TICKET = Ticket(ticket_id=2026112300001, made_at=NOW, made_by="1001", state="dispatched", nature="help", lead_unit="U01")
STEPS = ["11-30 08:30", "11-30 14:00", "11-30 18:00", "12-01 18:00"]


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(pool)

    asyncio.run(run())


async def start(pool: asyncpg.Pool, *kinds: str, count: int = 1, now: dt.datetime = NOW, profile: Profile = PROFILE) -> None:
    async with pool.acquire() as connection, connection.transaction():
        for number in range(count):
            ticket = msgspec.structs.replace(TICKET, ticket_id=TICKET.ticket_id + number)
            await connection.execute(
                "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at)"
                " VALUES ($1, 'telephone', 'dispatched', 'dezhou', $2, '1001', $2)",
                ticket.ticket_id,
                NOW,
            )
            orders = [ClockOrder("start", kind) for kind in kinds]
            columns = await book.apply(connection, ticket, orders, profile, CALENDAR, now)
            await connection.execute(
                "UPDATE tickets SET due_at = $2 WHERE ticket_id = $1", ticket.ticket_id, columns.get("due_at")
            )


async def order(pool: asyncpg.Pool, now: dt.datetime, verb: str, kind: str, days: int = 0) -> None:
    async with pool.acquire() as connection, connection.transaction():
        await book.apply(connection, TICKET, [ClockOrder(verb, kind, days=days)], PROFILE, CALENDAR, now)


async def fired(pool: asyncpg.Pool) -> list[tuple[int, str, str, int]]:
    rows = await pool.fetch("SELECT step, was_due, addressee, level FROM escalations ORDER BY ticket_id, extension, step")
    return [(row["step"], local(row["was_due"]), row["addressee"], row["level"]) for row in rows]


def local(at: dt.datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"


def at(text: str, year: int = 2026) -> dt.datetime:
    return dt.datetime.strptime(f"{year}-{text}", "%Y-%m-%d %H:%M").replace(tzinfo=SHANGHAI)


def test_reminders_and_supervision_are_fired_when_their_time_comes_each_once_and_logged(empty_database: Postgres) -> None:
    """SUP-16: a working day and four working hours before, at the due time, then daily; SUP-09: who is told, at which level."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle")
        sweeper = Sweeper(pool, CALENDAR)
        for moment, expected in zip([*STEPS, "12-02 18:00"], (1, 2, 3, 4, 5), strict=True):
            assert await sweeper.sweep(at(moment) - dt.timedelta(seconds=1)) == 0
            assert await sweeper.sweep(at(moment)) == 1
            assert await sweeper.sweep(at(moment)) == 0
            assert len(await fired(pool)) == expected
        assert await fired(pool) == [
            (0, "11-30 08:30", "U01", 0),
            (1, "11-30 14:00", "U01", 0),
            (2, "11-30 18:00", "dispatcher", 1),
            (3, "12-01 18:00", "supervision_office", 2),
            (4, "12-02 18:00", "supervision_office", 2),
        ]
        lines = await pool.fetch("SELECT mode, kind, by, demand FROM ticket_supervisions ORDER BY at")
        assert [line["mode"] for line in lines] == ["electronic", "electronic", "telephone", "written", "written"]
        assert {(line["kind"], line["by"]) for line in lines} == {("plan", "plan")}
        assert lines[0]["demand"] == "办理时限 2026-11-30 18:00"

    with_pool(empty_database, work)


def test_what_was_missed_while_the_system_was_down_is_fired_once_in_order_and_not_once_for_each_day(
    empty_database: Postgres,
) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle")
        assert await Sweeper(pool, CALENDAR).sweep(at("12-10 09:00")) == 4
        assert [one[:2] for one in await fired(pool)] == [*enumerate(STEPS[:3]), (11, "12-09 18:00")]
        assert await Sweeper(pool, CALENDAR).sweep(at("12-10 17:59")) == 0
        assert await Sweeper(pool, CALENDAR).sweep(at("12-10 18:00")) == 1

    with_pool(empty_database, work)


def test_a_clock_that_stands_still_fires_nothing_and_an_extension_reminds_anew(empty_database: Postgres) -> None:
    """TIM-34, EXT-13."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle")
        sweeper = Sweeper(pool, CALENDAR)
        await order(pool, at("11-30 09:00"), "extend", "handle", days=7)
        assert await sweeper.sweep(at("12-07 08:29")) == 0
        assert await sweeper.sweep(at("12-07 08:30")) == 1
        await order(pool, at("12-07 09:00"), "pause", "handle")
        assert await sweeper.sweep(at("12-20 09:00")) == 0
        await order(pool, at("12-21 09:00"), "resume", "handle")
        await order(pool, at("12-21 10:00"), "stop", "handle")
        assert await sweeper.sweep(at("12-31 09:00")) == 0
        assert len(await fired(pool)) == 1

    with_pool(empty_database, work)


def test_a_promise_is_pressed_around_its_day(empty_database: Postgres) -> None:
    """LIF-16: supervision on the promised day."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle")
        async with pool.acquire() as connection, connection.transaction():
            orders = [ClockOrder("stop", "handle"), ClockOrder("start", "promise", until=at("12-31 18:00"))]
            columns = await book.apply(connection, TICKET, orders, PROFILE, CALENDAR, at("11-27 10:00"))
        assert columns["due_at"] == at("12-31 18:00")
        assert await Sweeper(pool, CALENDAR).sweep(at("12-30 08:00")) == 0
        assert await Sweeper(pool, CALENDAR).sweep(at("12-31 18:00")) == 3
        assert (await fired(pool))[-1] == (2, "12-31 18:00", "dispatcher", 1)

    with_pool(empty_database, work)


def test_a_ticket_that_the_unit_has_not_looked_at_and_a_cut_off_at_risk_are_told(empty_database: Postgres) -> None:
    """DSP-13, DSP-06."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "dispatch", "receive")
        assert await Sweeper(pool, CALENDAR).sweep(at("11-23 17:00")) == 4
        rows = await pool.fetch("SELECT kind, addressee FROM escalations ORDER BY kind, step")
        assert [tuple(row) for row in rows] == [
            ("dispatch", "dispatcher"),
            ("dispatch", "shift_leader"),
            ("receive", "U01"),
            ("receive", "dispatcher"),
        ]

    with_pool(empty_database, work)


def test_several_sweepers_at_once_and_a_ticket_that_somebody_works_on(empty_database: Postgres) -> None:
    """Each step once; a locked ticket is left for the next round, and keeps nobody waiting."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle", count=60)
        async with pool.acquire() as busy:
            transaction = busy.transaction()
            await transaction.start()
            await busy.execute("SELECT FROM tickets WHERE ticket_id = $1 FOR UPDATE", TICKET.ticket_id)
            counts = await asyncio.gather(*(Sweeper(pool, CALENDAR).sweep(at("11-30 18:00"), batch=7) for _ in range(3)))
            assert sum(counts) <= 59 * 3
            await Sweeper(pool, CALENDAR).sweep(at("11-30 18:00"))
            assert await pool.fetchval("SELECT count(*) FROM escalations") == 59 * 3
            await transaction.rollback()
        assert await Sweeper(pool, CALENDAR).sweep(at("11-30 18:00")) == 3
        assert await pool.fetchval("SELECT count(*) FROM ticket_supervisions") == 60 * 3

    with_pool(empty_database, work)


KILLED = """
import asyncio, datetime as dt, sys
from crm.clocks.sweep import Sweeper
from hotline import database
from hotline.settings import Calendar
async def run():
    async with await database.pool(sys.argv[1], name="killed") as pool:
        print("begins", flush=True)
        print(await Sweeper(pool, Calendar()).sweep(dt.datetime.fromisoformat(sys.argv[2]), batch=5), flush=True)
asyncio.run(run())
"""


def test_a_process_killed_in_the_middle_fires_nothing_twice_and_loses_nothing(empty_database: Postgres) -> None:
    """kill -9 at growing times after the beginning; whatever it had done, the next one does the rest."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle", count=200)
        argv = [sys.executable, "-c", KILLED, empty_database.dsn, at("11-30 18:00").isoformat()]
        partly = False
        for _ in range(6):
            process = await asyncio.create_subprocess_exec(*argv, cwd=paths.TREE, stdout=subprocess.PIPE)
            assert process.stdout is not None
            assert await process.stdout.readline() == b"begins\n"
            before = await pool.fetchval("SELECT count(*) FROM escalations")
            while process.returncode is None and await pool.fetchval("SELECT count(*) FROM escalations") == before:
                pass
            if process.returncode is None:
                process.kill()
            await process.wait()
            partly |= 0 < await pool.fetchval("SELECT count(*) FROM escalations") < 600
        assert partly, "it was killed in the middle at least once"
        await Sweeper(pool, CALENDAR).sweep(at("11-30 18:00"))
        assert await pool.fetchval("SELECT count(*) FROM escalations") == 600
        assert await pool.fetchval("SELECT count(*) FROM ticket_supervisions") == 600
        assert await pool.fetchval("SELECT max(next_step) FROM ticket_clocks") == 3

    with_pool(empty_database, work)


def test_a_calendar_that_changes_moves_open_clocks_with_a_line_each_and_goes_on_where_it_was_stopped(
    empty_database: Postgres,
) -> None:
    """TIM-30: a holiday that is announced late; what has ended is not touched."""

    async def work(pool: asyncpg.Pool) -> None:
        assert await calendars.begin(pool, CALENDAR, NOW)
        assert not await calendars.begin(pool, CALENDAR, NOW)
        await start(pool, "handle", "receive", count=25)
        await order(pool, NOW + dt.timedelta(hours=1), "stop", "receive")
        holiday = Calendar(holidays=frozenset({dt.date(2026, 11, 26)}))
        assert await calendars.begin(pool, holiday, NOW)
        assert not await calendars.go_on(pool, CALENDAR, NOW), "another calendar counts"
        assert await calendars.go_on(pool, holiday, NOW, batch=10)
        assert await pool.fetchval("SELECT count(*) FROM clock_log WHERE verb = 'calendar'") == 10
        while await calendars.go_on(pool, holiday, NOW, batch=10):
            pass
        row = await pool.fetchrow("SELECT open, recomputed, moved, done_at FROM calendar_versions WHERE version = 2")
        assert (row["open"], row["recomputed"], row["moved"], row["done_at"]) == (49, 49, 25, NOW)
        due = await pool.fetch("SELECT DISTINCT t.due_at, c.due_at AS clock FROM tickets t JOIN ticket_clocks c USING (ticket_id)"
                               " WHERE kind = 'handle'")  # fmt: skip
        assert [(local(one["due_at"]), local(one["clock"])) for one in due] == [("12-01 18:00", "12-01 18:00")]
        line = await pool.fetchrow("SELECT old_due, new_due, why::text, by FROM clock_log WHERE verb = 'calendar' LIMIT 1")
        assert (local(line["old_due"]), local(line["new_due"]), line["by"]) == ("11-30 18:00", "12-01 18:00", "calendar")
        assert '"holidays"' in line["why"]
        assert '"calendar"' in line["why"]
        assert await Sweeper(pool, holiday).sweep(at("12-01 08:29")) == 24 * 2, "the unit that did not look; nothing of handling"

    with_pool(empty_database, work)


def test_a_suspended_cut_off_marks_what_was_due_then_and_what_comes_later(empty_database: Postgres) -> None:
    """DSP-07: excluded from KPI-06, and nobody is alarmed."""

    async def work(pool: asyncpg.Pool) -> None:
        now = clock.now()
        leader = Person("zhao", "shift_leader")
        begins, ends = now - dt.timedelta(hours=1), now + dt.timedelta(days=5)
        await start(pool, "dispatch", now=now)
        made = await suspensions.suspend(pool, leader, begins, ends, "台风")
        assert made.tickets == 1
        found = await pool.fetchrow("SELECT excluded, next_fire_at FROM ticket_clocks")
        assert tuple(found) == (True, None)
        ticket = msgspec.structs.replace(TICKET, ticket_id=TICKET.ticket_id + 7)
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute(
                "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at)"
                " VALUES ($1, 'telephone', 'accepted', 'dezhou', $2, '1001', $2)",
                ticket.ticket_id,
                now,
            )
            await book.apply(connection, ticket, [ClockOrder("start", "dispatch")], PROFILE, CALENDAR, now)
        assert await pool.fetchval("SELECT bool_and(excluded) FROM ticket_clocks")
        listed = await suspensions.listed(pool, leader)
        assert [(one.reason, one.tickets, one.made_by) for one in listed.suspensions] == [("台风", 1, "zhao")]
        assert await pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'cutoff.suspend'") == 1

    with_pool(empty_database, work)


def test_callers_with_an_overdue_ticket_are_known_while_it_is_overdue(empty_database: Postgres) -> None:
    """IVR-32."""

    async def work(pool: asyncpg.Pool) -> None:
        await start(pool, "handle")
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT set_config('hotline.viewer', 'staff', true)")
            await connection.execute(
                "INSERT INTO ticket_identities (ticket_id, calling_number) VALUES ($1, '13800000001')", TICKET.ticket_id
            )
        for moment, expected in (("11-30 17:00", []), ("11-30 18:01", ["13800000001"])):
            await sweep.mark_overdue_callers(pool, at(moment))
            assert [row["number"] for row in await pool.fetch("SELECT number::text FROM overdue_callers")] == expected
        await order(pool, at("12-01 09:00"), "stop", "handle")
        await sweep.mark_overdue_callers(pool, at("12-01 09:01"))
        assert await pool.fetchval("SELECT count(*) FROM overdue_callers") == 0

    with_pool(empty_database, work)


def test_versions_of_the_profile_are_kept_once_by_processes_that_start_at_the_same_time(empty_database: Postgres) -> None:
    """CFG-08."""

    async def work(pool: asyncpg.Pool) -> None:
        async def one() -> int:
            async with pool.acquire() as connection:
                return await store.ensure(connection, PROFILE)

        assert await asyncio.gather(*(one() for _ in range(4))) == [1, 1, 1, 1]

    with_pool(empty_database, work)
