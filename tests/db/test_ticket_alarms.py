"""Alarms about tickets on a real PostgreSQL: they begin once and end by themselves (DSP-13, TIM-01, GEN-23)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

from crm import alarms
from tests.ticket_desk import AGENT, CLERK, DISPATCHER, Desk, with_desk

if TYPE_CHECKING:
    from tests.conftest import Postgres

MONTH = dt.timedelta(days=32)


async def open_alarms(desk: Desk) -> list[tuple[str, str, float]]:
    rows = await desk.owner.fetch("SELECT kind, subject, value FROM alarms WHERE cleared_at IS NULL ORDER BY kind")
    return [tuple(row) for row in rows]


async def due_at(desk: Desk, kind: str) -> dt.datetime:
    found: dt.datetime = await desk.value("SELECT max(due_at) FROM ticket_clocks WHERE kind = $1", kind)
    return found


def test_a_cut_off_at_risk_and_a_unit_that_does_not_look_are_alarms_until_it_is_done(empty_database: Postgres) -> None:
    """TIM-01, DSP-13: one alarm each however often it is looked; kept when it is over."""

    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        await desk.act(AGENT, one, "submit")
        cut_off = await due_at(desk, "dispatch")
        await alarms.watch_due(desk.owner, cut_off - dt.timedelta(hours=1))
        assert await open_alarms(desk) == []
        for minutes in (59, 1, -30):
            await alarms.watch_due(desk.owner, cut_off - dt.timedelta(minutes=minutes))
            assert await open_alarms(desk) == [("dispatch_at_risk", "tickets", 1.0)]
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U01")
        received_by = await due_at(desk, "receive")
        await alarms.watch_due(desk.owner, received_by)
        assert await open_alarms(desk) == []
        for seconds in (1, 3600):
            await alarms.watch_due(desk.owner, received_by + dt.timedelta(seconds=seconds))
            assert await open_alarms(desk) == [("ticket_not_received", "unit:U01", 1.0)]
        await desk.act(CLERK, one, "receive")
        await alarms.watch_due(desk.owner, received_by + dt.timedelta(hours=2))
        assert await open_alarms(desk) == []
        assert await desk.value("SELECT count(*) FROM alarms WHERE cleared_at >= raised_at") == 2

    with_desk(empty_database, work)


def test_tickets_that_are_adrift_are_an_alarm_of_the_night_until_there_are_none(empty_database: Postgres) -> None:
    """GEN-23: nobody has it, no clock runs, or nothing was done in a month."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched()
        now = await desk.value("SELECT now()")
        await alarms.check_adrift(desk.owner, now)
        assert await open_alarms(desk) == []
        await desk.owner.execute("UPDATE ticket_clocks SET stopped_at = now(), stopped_with = 'one', next_fire_at = NULL")
        for _ in range(2):
            await alarms.check_adrift(desk.owner, now)
            assert await open_alarms(desk) == [("ticket_adrift", "tickets", 1.0)]
        await desk.act(CLERK, one, "receive")
        await desk.owner.execute("UPDATE ticket_clocks SET stopped_at = NULL, stopped_with = '' WHERE kind = 'handle'")
        await alarms.check_adrift(desk.owner, now)
        assert await open_alarms(desk) == []
        await alarms.check_adrift(desk.owner, now + MONTH)
        assert await open_alarms(desk) == [("ticket_adrift", "tickets", 1.0)], "nothing was done in a month"

    with_desk(empty_database, work)
