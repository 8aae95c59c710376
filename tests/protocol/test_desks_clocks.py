"""Due times over HTTP: of a ticket with their reasons, what falls due, the calendar, suspended cut-offs, the rules in force."""

from __future__ import annotations

import datetime as dt
import json
from typing import TYPE_CHECKING

from crm.clocks import book
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import Ticket
from hotline import clock
from hotline.settings import Calendar
from tests.citizens import task, ticket, ticket_id, units
from tests.desks_peer import Desks, as_, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

TREE = {"GOV": None, "CITY": "GOV", "CITY-1": "CITY", "OTHER": "GOV"}


async def dispatched(desks: Desks, number: int, unit: str, *, ago: dt.timedelta) -> int:
    """A ticket with a unit, its clocks started so long ago."""
    one = await ticket(desks.writer, number, state="dispatched", lead_unit=unit)
    await task(desks.writer, one, unit)
    now = clock.now() - ago
    facts = Ticket(ticket_id=one, made_at=now, made_by="1001", state="dispatched", nature="help", lead_unit=unit)
    async with desks.writer.transaction():
        orders = [ClockOrder("start", kind) for kind in ("dispatch", "receive", "handle")]
        await book.apply(desks.writer, facts, orders, Profile(), Calendar(), now, by="d1")
    return one


def test_the_clocks_of_a_ticket_say_why_in_both_languages_and_units_see_their_own(empty_database: Postgres) -> None:
    """TIM-36; LIF-34: the unit above sees it, another one does not."""

    async def work(desks: Desks) -> None:
        await units(desks.writer, TREE)
        one = await dispatched(desks, 1, "CITY-1", ago=dt.timedelta(minutes=1))
        async with await as_(desks, "dispatcher") as dispatcher:
            shown = await said(dispatcher, f"GET /api/tickets/{one}/clocks")
            assert shown["number"] == f"T{one}"
            assert [one["kind"] for one in shown["clocks"]] == ["dispatch", "handle", "receive"]
            handle = shown["clocks"][1]
            assert handle["why"][0] == {"code": "nature", "chinese": "性质：求助", "english": "nature: request for help"}
            assert handle["left"]["working_days"] == 5
            assert handle["left"]["seconds"] > 0
            assert [(line["verb"], line["by"]) for line in shown["log"]] == [("start", "d1")] * 3
            assert shown["escalations"] == []
            await said(dispatcher, f"GET /api/tickets/{ticket_id(99)}/clocks", status=404)
        for unit in ("CITY-1", "CITY"):
            async with await as_(desks, "unit_clerk", unit=unit) as clerk:
                shown = await said(clerk, f"GET /api/tickets/T{one}/clocks")
                assert [one["kind"] for one in shown["clocks"]] == ["handle", "receive"]
                assert {line["kind"] for line in shown["log"]} == {"handle", "receive"}
        async with await as_(desks, "unit_clerk", unit="OTHER") as stranger:
            await said(stranger, f"GET /api/tickets/{one}/clocks", status=403)

    with_desks(empty_database, work)


def test_what_falls_due_is_listed_by_unit_and_kind_and_units_see_what_is_below_them(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await units(desks.writer, TREE)
        late = await dispatched(desks, 1, "CITY-1", ago=dt.timedelta(days=40))
        soon = await dispatched(desks, 2, "OTHER", ago=dt.timedelta(minutes=1))
        async with await as_(desks, "dispatcher") as dispatcher:
            overdue = await said(dispatcher, "GET /api/clocks/due?overdue=true&kind=handle")
            assert [(one["number"], one["unit"]) for one in overdue["clocks"]] == [(f"T{late}", "CITY-1")]
            assert overdue["clocks"][0]["left"]["overdue_since"] == overdue["clocks"][0]["due_at"]
            far = (clock.now() + dt.timedelta(days=60)).strftime("%Y-%m-%d")
            everything = await said(dispatcher, f"GET /api/clocks/due?before={far}&kind=handle&limit=1")
            assert (everything["total"], len(everything["clocks"])) == (2, 1)
            second = await said(dispatcher, f"GET /api/clocks/due?before={far}&kind=handle&limit=1&page=2")
            assert second["clocks"][0]["number"] == f"T{soon}"
            below = await said(dispatcher, f"GET /api/clocks/due?before={far}&unit=CITY")
            assert {one["unit"] for one in below["clocks"]} == {"CITY-1"}
            await said(dispatcher, "GET /api/clocks/due?kind=nonsense", status=400)
        async with await as_(desks, "unit_leader", unit="CITY") as leader:
            own = await said(leader, f"GET /api/clocks/due?before={far}")
            assert {one["number"] for one in own["clocks"]} == {f"T{late}"}
            assert (await said(leader, f"GET /api/clocks/due?before={far}&unit=OTHER"))["clocks"] == []

    with_desks(empty_database, work)


def test_the_days_of_a_year_are_told_with_their_kind(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "agent") as agent:
            year = await said(agent, "GET /api/calendar?year=2024")
            days = {one["date"]: one for one in year["days"]}
            assert (len(days), year["is_known"]) == (366, True)
            assert days["2024-02-29"] == {"date": "2024-02-29", "kind": "working_day", "is_working": True}
            assert days["2024-10-01"]["kind"] == "public_holiday"
            assert days["2024-10-12"] == {"date": "2024-10-12", "kind": "make_up_day", "is_working": True}
            assert (await said(agent, "GET /api/calendar?year=2080"))["is_known"] is False
            for wrong in ("1999", "20x6", "99999"):
                await said(agent, f"GET /api/calendar?year={wrong}", status=400)

    with_desks(empty_database, work)


def test_the_shift_leader_suspends_a_cut_off_with_a_reason_and_nobody_below_may(empty_database: Postgres) -> None:
    """DSP-07."""

    async def work(desks: Desks) -> None:
        now = clock.now()
        body = {"begins": now.isoformat(), "ends": (now + dt.timedelta(days=5)).isoformat(), "reason": "台风"}
        one = await dispatched(desks, 1, "CITY", ago=dt.timedelta(minutes=1))
        async with await as_(desks, "agent") as agent:
            await said(agent, "POST /api/cutoffs/suspensions", body, status=403)
        async with await as_(desks, "shift_leader") as leader:
            made = await said(leader, "POST /api/cutoffs/suspensions", body)
            assert (made["reason"], made["tickets"]) == ("台风", 1)
            listed = await said(leader, "GET /api/cutoffs/suspensions")
            assert (listed["total"], listed["suspensions"][0]["suspension_id"]) == (1, made["suspension_id"])
            clocks = (await said(leader, f"GET /api/tickets/{one}/clocks"))["clocks"]
            assert [one["kind"] for one in clocks if one["excluded"]] == ["dispatch"]
            for wrong, status in (
                ({"reason": " "}, 422),
                ({"reason": ""}, 400),
                ({"ends": body["begins"]}, 422),
                ({"begins": "9999-12-31T23:59:59Z", "ends": "9999-12-31T23:59:59Z"}, 422),
                ({"begins": "2026-11-22T10:00:00"}, 400),
                ({"ends": (now + dt.timedelta(days=30)).isoformat()}, 422),
            ):
                await said(leader, "POST /api/cutoffs/suspensions", body | wrong, status=status)
        audit = await desks.writer.fetchval("SELECT detail::text FROM audit_log WHERE action = 'cutoff.suspend'")
        assert json.loads(audit)["reason"] == "台风"

    with_desks(empty_database, work)


def test_the_rules_in_force_and_their_versions_are_told(empty_database: Postgres) -> None:
    """CFG-08."""

    async def work(desks: Desks) -> None:
        await dispatched(desks, 1, "CITY", ago=dt.timedelta(minutes=1))
        async with await as_(desks, "office") as office:
            found = await said(office, "GET /api/profile")
            assert (found["profile"]["name"], found["profile"]["limits"]["report"]) == ("dezhou", 10)
            assert [(one["version"], one["name"], one["changed"]) for one in found["versions"]] == [(1, "dezhou", {})]

    with_desks(empty_database, work)
