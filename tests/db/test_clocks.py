"""The clocks of a ticket on a real PostgreSQL: orders of a decision, kept with their reasons and the version of the profile."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import msgspec

from crm.clocks import book
from crm.profiles import store
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import Ticket
from hotline.clock import SHANGHAI
from hotline.settings import Calendar

if TYPE_CHECKING:
    from tests.conftest import Postgres

PROFILE, CALENDAR = Profile(), Calendar()
NOW = dt.datetime(2026, 11, 23, 10, 0, tzinfo=SHANGHAI)  # a Monday
TICKET = Ticket(ticket_id=2026112300001, made_at=NOW, made_by="1001", state="dispatched", nature="help", lead_unit="U01")
HOUR = dt.timedelta(hours=1)


def connected(server: Postgres, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.dsn)
        try:
            await work(connection)
        finally:
            await connection.close()

    asyncio.run(run())


async def keep(connection: asyncpg.Connection, ticket: Ticket = TICKET) -> None:
    await connection.execute(
        "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at)"
        " VALUES ($1, $2, $3, 'dezhou', $4, '1001', $4)",
        ticket.ticket_id,
        ticket.channel,
        ticket.state,
        ticket.made_at,
    )


def local(at: dt.datetime) -> str:
    return f"{at.astimezone(SHANGHAI):%m-%d %H:%M}"


async def order(
    connection: asyncpg.Connection,
    now: dt.datetime,
    *words: str,
    ticket: Ticket = TICKET,
    profile: Profile = PROFILE,
    days: int = 0,
) -> dict[str, object]:
    orders = [ClockOrder(verb, clock, days=days) for verb, clock in (word.split(":") for word in words)]
    async with connection.transaction():
        return dict(await book.apply(connection, ticket, orders, profile, CALENDAR, now, by="somebody"))


def test_a_dispatch_starts_three_clocks_and_sets_the_due_time_of_the_ticket(empty_database: Postgres) -> None:
    """TIM-06: help, five working days; DSP-13: two working hours; RET-02: 24 hours."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        assert local((await order(connection, NOW, "start:receive", "start:return", "start:handle"))["due_at"]) == "11-30 18:00"  # type: ignore[arg-type]
        clocks = {clock.kind: clock for clock in await book.of_ticket(connection, TICKET.ticket_id)}
        assert {kind: local(clock.due_at) for kind, clock in clocks.items()} == {
            "handle": "11-30 18:00",
            "receive": "11-23 12:00",
            "return": "11-24 10:00",
        }
        assert [reason.code for reason in clocks["handle"].why] == ["nature", "working_days"]
        assert clocks["handle"].unit == "U01"
        assert clocks["handle"].next_fire_at is not None
        assert local(clocks["handle"].next_fire_at) == "11-30 08:30"

    connected(empty_database, work)


def test_a_call_back_is_due_from_the_reply_though_it_was_reviewed_first(empty_database: Postgres) -> None:
    """CBK-03: three days."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        async with connection.transaction():
            reviewed = [ClockOrder("start", "callback", since=NOW)]
            await book.apply(connection, TICKET, reviewed, PROFILE, CALENDAR, NOW + 30 * HOUR, by="somebody")
        (clock,) = await book.of_ticket(connection, TICKET.ticket_id)
        assert (clock.started_at, local(clock.due_at)) == (NOW, "11-26 10:00")

    connected(empty_database, work)


def test_a_stop_says_whether_it_was_in_time_and_a_return_that_was_approved_begins_a_new_round(empty_database: Postgres) -> None:
    """RET-07: a new deadline from the second dispatch; between them the ticket has none."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:receive", "start:return", "start:handle")
        await order(connection, NOW + HOUR, "stop:receive")
        await order(connection, NOW + 20 * HOUR, "pause:return")
        given = await order(connection, NOW + 30 * HOUR, "stop:return", "stop:receive", "stop:handle", "start:dispatch")
        assert given == {"due_at": None}
        again = await order(connection, NOW + 31 * HOUR, "stop:dispatch", "start:receive", "start:return", "start:handle")
        assert local(again["due_at"]) == "12-01 18:00"  # type: ignore[arg-type]
        clocks = await book.of_ticket(connection, TICKET.ticket_id)
        assert [(clock.kind, clock.round, clock.met) for clock in clocks] == [
            ("dispatch", 1, True),
            ("handle", 1, True),
            ("handle", 2, None),
            ("receive", 1, True),
            ("receive", 2, None),
            ("return", 1, True),  # asked for in time; it waited for the answer
            ("return", 2, None),
        ]

    connected(empty_database, work)


def test_a_refused_return_lets_the_original_deadline_run_on_unless_that_is_paused_too(empty_database: Postgres) -> None:
    """RET-07, TIM-34: the default does not pause the handling clock while a return awaits its decision."""

    async def work(connection: asyncpg.Connection) -> None:
        for number, paused, expected in ((1, ["return"], "11-30 18:00"), (2, ["return", "handle"], "12-01 11:30")):
            ticket = msgspec.structs.replace(TICKET, ticket_id=TICKET.ticket_id + number)
            await keep(connection, ticket)
            await order(connection, NOW, "start:return", "start:handle", ticket=ticket)
            await order(connection, NOW + HOUR, *[f"pause:{kind}" for kind in paused], ticket=ticket)
            await order(connection, NOW + 4 * HOUR, *[f"resume:{kind}" for kind in paused], ticket=ticket)
            clocks = {clock.kind: clock for clock in await book.of_ticket(connection, ticket.ticket_id)}
            assert local(clocks["handle"].due_at) == expected
            assert local(clocks["return"].due_at) == "11-24 13:00"  # three working hours more

    connected(empty_database, work)


def test_an_extension_replaces_the_due_time_and_reminders_begin_anew(empty_database: Postgres) -> None:
    """EXT-03, EXT-13, SUP-16; each change is in the log with its reasons."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:handle")
        given = await order(connection, NOW + 24 * HOUR, "extend:handle", days=7)
        assert local(given["due_at"]) == "12-07 18:00"  # type: ignore[arg-type]
        (clock,) = await book.of_ticket(connection, TICKET.ticket_id)
        assert (clock.extension, clock.next_step) == (1, 0)
        lines = await connection.fetch("SELECT verb, old_due, new_due, by FROM clock_log ORDER BY at")
        assert [(line["verb"], line["by"]) for line in lines] == [("start", "somebody"), ("extend", "somebody")]
        assert local(lines[1]["old_due"]) == "11-30 18:00"

    connected(empty_database, work)


def test_a_refused_reply_runs_on_with_what_was_left_and_a_merge_that_is_undone_brings_its_clocks_back(
    empty_database: Postgres,
) -> None:
    """RPL-14, TKT-17."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:handle")
        await order(connection, NOW + 4 * HOUR, "stop:handle", "start:review")
        await order(connection, NOW + 6 * HOUR, "stop:review", "restart:handle")
        clocks = {clock.kind: clock for clock in await book.of_ticket(connection, TICKET.ticket_id)}
        assert (local(clocks["handle"].due_at), clocks["handle"].met) == ("12-01 10:30", None)
        await order(connection, NOW + 24 * HOUR, "stop:all")
        assert [clock.met for clock in await book.of_ticket(connection, TICKET.ticket_id)] == [None, True]
        await order(connection, NOW + 25 * HOUR, "resume:all")
        clocks = {clock.kind: clock for clock in await book.of_ticket(connection, TICKET.ticket_id)}
        assert (local(clocks["handle"].due_at), clocks["handle"].is_running) == ("12-01 11:30", True)
        assert not clocks["review"].is_running

    connected(empty_database, work)


def test_a_clock_keeps_the_rules_that_were_in_force_when_it_was_started(empty_database: Postgres) -> None:
    """CFG-08: a change is a new version with what differs; an extension of a running ticket goes by the old one."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:handle")
        other = msgspec.structs.replace(PROFILE, extension_unit="working", default_limit=9)
        assert await store.ensure(connection, other, by="admin") == 2
        assert await store.ensure(connection, other, by="admin") == 2
        given = await order(connection, NOW + HOUR, "extend:handle", days=7, profile=other)
        assert local(given["due_at"]) == "12-07 18:00"  # type: ignore[arg-type]
        changed = await connection.fetchval("SELECT changed::text FROM profile_versions WHERE version = 2")
        assert msgspec.json.decode(changed) == {"extension_unit": ["calendar", "working"], "default_limit": [5, 9]}

    connected(empty_database, work)


def test_an_order_that_fails_later_leaves_no_clock_behind(empty_database: Postgres) -> None:
    """One use case is one transaction."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        transaction = connection.transaction()
        await transaction.start()
        await book.apply(connection, TICKET, [ClockOrder("start", "handle")], PROFILE, CALENDAR, NOW)
        await transaction.rollback()
        assert await book.of_ticket(connection, TICKET.ticket_id) == []

    connected(empty_database, work)


def test_a_leaders_day_counts_for_a_clock_that_runs_and_the_unit_that_has_it_now(empty_database: Postgres) -> None:
    """ESC-02, LIF-17: a countersign named another lead unit; the clock goes on; then a leader names the day."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:handle")
        await order(connection, NOW + HOUR, "pause:handle")
        other = msgspec.structs.replace(TICKET, lead_unit="U02")
        await order(connection, NOW + 2 * HOUR, "resume:handle", "start:handle", ticket=other)
        (clock,) = await book.of_ticket(connection, TICKET.ticket_id)
        assert (clock.unit, clock.round, local(clock.due_at)) == ("U02", 1, "12-01 09:30")
        until = NOW + dt.timedelta(days=2)
        async with connection.transaction():
            orders = [ClockOrder("start", "handle", until=until)]
            given = await book.apply(connection, TICKET, orders, PROFILE, CALENDAR, NOW + 3 * HOUR)
        assert local(given["due_at"]) == "11-25 11:00"  # type: ignore[arg-type]

    connected(empty_database, work)


def test_supervisions_have_clocks_beside_each_other(empty_database: Postgres) -> None:
    """SUP-17: the newest is answered first."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:supervision")
        await order(connection, NOW + HOUR, "start:supervision")
        await order(connection, NOW + 2 * HOUR, "stop:supervision")
        clocks = await book.of_ticket(connection, TICKET.ticket_id)
        assert [(clock.round, clock.met) for clock in clocks] == [(1, None), (2, True)]

    connected(empty_database, work)


def test_of_supervisions_beside_each_other_the_one_is_stopped_whose_time_is_named(empty_database: Postgres) -> None:
    """SUP-17: each has been given its own time, and ends with its own answer."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        async with connection.transaction():
            orders = [ClockOrder("start", "supervision", until=NOW + days * 24 * HOUR) for days in (1, 2)]
            orders.append(ClockOrder("stop", "supervision", until=NOW + 24 * HOUR))
            await book.apply(connection, TICKET, orders, PROFILE, CALENDAR, NOW)
        clocks = await book.of_ticket(connection, TICKET.ticket_id)
        assert [(clock.round, clock.is_running) for clock in clocks] == [(1, False), (2, True)]

    connected(empty_database, work)


def test_a_merge_pauses_every_supervision_and_its_undoing_resumes_every_one(empty_database: Postgres) -> None:
    """TKT-17, SUP-16: nobody is pressed about a ticket that was merged into another."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:supervision", "start:supervision", "start:handle")
        await order(connection, NOW + HOUR, "pause:all")
        assert not any(clock.is_running for clock in await book.of_ticket(connection, TICKET.ticket_id))
        assert await connection.fetchval("SELECT count(next_fire_at) FROM ticket_clocks") == 0
        await order(connection, NOW + 2 * HOUR, "resume:all")
        assert all(clock.is_running for clock in await book.of_ticket(connection, TICKET.ticket_id))

    connected(empty_database, work)


def test_marking_a_ticket_urgent_computes_its_clocks_anew(empty_database: Postgres) -> None:
    """TKT-23: what was extended and paused stays so."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:handle", "start:receive")
        urgent = msgspec.structs.replace(TICKET, urgent=True)
        given = await order(connection, NOW + HOUR, "recompute:all", ticket=urgent)
        assert local(given["due_at"]) == "11-24 10:00"  # type: ignore[arg-type]
        line = await connection.fetchrow("SELECT old_due, new_due FROM clock_log WHERE verb = 'recompute' AND kind = 'handle'")
        assert (local(line["old_due"]), local(line["new_due"])) == ("11-30 18:00", "11-24 10:00")

    connected(empty_database, work)


def test_a_ticket_that_is_over_has_no_clock_that_runs(empty_database: Postgres) -> None:
    """Whatever the order stopped by itself: nobody is reminded of a ticket that is closed; a merge may be undone."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        await order(connection, NOW, "start:callback", "start:supervision")
        merged = msgspec.structs.replace(TICKET, state="merged")
        await order(connection, NOW + HOUR, ticket=merged)
        assert all(clock.is_running for clock in await book.of_ticket(connection, TICKET.ticket_id))
        closed = msgspec.structs.replace(TICKET, state="closed")
        await order(connection, NOW + HOUR, "stop:callback", ticket=closed)
        clocks = await book.of_ticket(connection, TICKET.ticket_id)
        assert [(clock.kind, clock.is_running, clock.met) for clock in clocks] == [
            ("callback", False, True),
            ("supervision", False, None),
        ]

    connected(empty_database, work)


def test_a_redo_is_a_second_round_by_its_own_rule(empty_database: Postgres) -> None:
    """CBK-17."""

    async def work(connection: asyncpg.Connection) -> None:
        await keep(connection)
        quick = msgspec.structs.replace(PROFILE, redo_days=2)
        await order(connection, NOW, "start:handle", profile=quick)
        await order(connection, NOW + HOUR, "stop:handle", profile=quick)
        redo = msgspec.structs.replace(TICKET, state="redo")
        given = await order(connection, NOW + 24 * HOUR, "start:receive", "start:handle", ticket=redo, profile=quick)
        assert local(given["due_at"]) == "11-26 18:00"  # type: ignore[arg-type]
        clocks = await book.of_ticket(connection, TICKET.ticket_id)
        assert [(one.round, one.met) for one in clocks if one.kind == "handle"] == [(1, True), (2, None)]

    connected(empty_database, work)
