"""A unit tries to learn who the citizen is, in SQL, and gets what the citizen allows and no more (SEC-02, SEC-03, SEC-13)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.callers import viewer
from crm.tickets import history, lists
from crm.tickets.life_cycle import TABLE
from tests.citizens import ZHANG, task, ticket, units, with_parts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from tests.conftest import Postgres

TREE = {"GOV": None, "CITY": "GOV", "CITY-1": "CITY", "OTHER": "GOV"}
SEEN = ("caller_name", "caller_title", "workplace", "home_address", "caller_phone", "callback_phone")
WHOLE = {name: ZHANG[name] for name in SEEN}


async def looks(connection: asyncpg.Connection, unit: str, view: str = "unit_ticket_identities") -> list[dict[str, Any]]:
    async with viewer.unit(connection, unit):
        return [dict(row) for row in await connection.fetch(f"SELECT * FROM {view} ORDER BY 1")]


def with_connection(server: Postgres, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await units(connection, TREE)
            await work(connection)

    with_parts(server, run)


@pytest.mark.parametrize(
    ("hidden", "kept"),
    [
        ([], SEEN),
        (["name"], ("workplace", "home_address", "caller_phone", "callback_phone")),
        (["phone"], ("caller_name", "caller_title", "workplace", "home_address")),
        (["workplace"], ("caller_name", "caller_title", "caller_phone", "callback_phone")),
        (["name", "phone"], ("workplace", "home_address")),
        (["name", "phone", "workplace"], ()),
    ],
)
def test_a_unit_is_given_what_the_citizen_does_not_hide(
    empty_database: Postgres, hidden: list[str], kept: tuple[str, ...]
) -> None:
    """TKT-13, TKT-14, SEC-08."""

    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG, hidden=hidden)
        await task(connection, one, "CITY")
        (row,) = await looks(connection, "CITY")
        assert row == {"ticket_id": one} | {name: WHOLE[name] if name in kept else "" for name in SEEN}

    with_connection(empty_database, work)


@pytest.mark.parametrize("hidden", [["all"], ["all", "name"]])
def test_of_a_confidential_citizen_there_is_not_even_a_row(empty_database: Postgres, hidden: list[str]) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        first = await ticket(connection, 1, **ZHANG)
        one = await ticket(
            connection,
            2,
            **ZHANG,
            hidden=hidden,
            special_group="退伍军人",
            report_again_of=first,
            upstream_no="S7",
            parent_id=first,
        )
        await task(connection, one, "CITY")
        assert await looks(connection, "CITY") == []
        (row,) = await looks(connection, "CITY", "unit_tickets")
        assert row["content"] and row["hidden"] == hidden
        assert (row["special_group"], row["upstream_no"], row["report_again_of"], row["parent_id"]) == ("", "", None, None)
        assert not {"call_id", "node", "accused_unit", "misconduct", "untrue", "persons_id"} & set(row)

    with_connection(empty_database, work)


def test_only_whose_task_it_is_and_units_above_see_it_and_not_after_it_went_back(empty_database: Postgres) -> None:
    """LIF-34: a unit sees what is with units below it. RET-03: what went back is not the unit's any more."""

    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG)
        lead = await task(connection, one, "CITY-1")
        for unit, count in {"CITY-1": 1, "CITY": 1, "GOV": 1, "OTHER": 0, "": 0, "X": 0}.items():
            assert len(await looks(connection, unit)) == len(await looks(connection, unit, "unit_tickets")) == count, unit
        for ended_by, people, seen in (
            ("returned", 0, 0),
            ("recalled", 0, 0),
            ("withdrawn", 0, 1),
            ("merged", 0, 1),
            ("replied", 1, 1),
        ):
            await connection.execute("UPDATE ticket_tasks SET ended_at = now(), ended_by = $2 WHERE task_id = $1", lead, ended_by)
            assert len(await looks(connection, "CITY-1")) == people, ended_by
            assert len(await looks(connection, "CITY-1", "unit_tickets")) == seen, ended_by
        await connection.execute("UPDATE ticket_tasks SET ended_by = 'returned' WHERE task_id = $1", lead)
        await task(connection, one, "CITY-1")
        assert len(await looks(connection, "CITY-1")) == 1

    with_connection(empty_database, work)


def test_what_a_unit_gave_on_ends_when_it_is_taken_from_that_unit(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG)
        lead = await task(connection, one, "CITY")
        await task(connection, one, "CITY-1", kind="sub", above=lead)
        assert len(await looks(connection, "CITY-1")) == 1
        await connection.execute("UPDATE ticket_tasks SET ended_at = now(), ended_by = 'recalled' WHERE task_id = $1", lead)
        assert await looks(connection, "CITY-1") == await looks(connection, "CITY-1", "unit_tickets") == []
        assert await looks(connection, "CITY") == []

    with_connection(empty_database, work)


def test_the_accused_unit_and_those_below_it_see_nothing_at_all(empty_database: Postgres) -> None:
    """SEC-02, CNF-31: a report or staff misconduct; an ordinary complaint about its service may go to the unit."""

    async def work(connection: asyncpg.Connection) -> None:
        report = await ticket(connection, 1, **ZHANG, nature="report", accused_unit="CITY")
        misconduct = await ticket(connection, 2, **ZHANG, nature="complaint", accused_unit="CITY", misconduct=True)
        ordinary = await ticket(connection, 3, **ZHANG, nature="complaint", accused_unit="CITY", service_complaint=True)
        unclear = await ticket(connection, 4, **ZHANG, nature=None, accused_unit="CITY")
        for one in (report, misconduct, ordinary, unclear):
            for unit in TREE:
                await task(connection, one, unit)
        for view in ("unit_tickets", "unit_ticket_identities"):
            for unit, seen in {"CITY": [ordinary, unclear], "CITY-1": [ordinary, unclear]}.items():
                assert [row["ticket_id"] for row in await looks(connection, unit, view)] == seen
            for unit in ("GOV", "OTHER"):
                assert [row["ticket_id"] for row in await looks(connection, unit, view)] == [
                    report,
                    misconduct,
                    ordinary,
                    unclear,
                ]

    with_connection(empty_database, work)


@pytest.mark.parametrize(
    "tried",
    [
        "",
        "staff",
        "' OR true --",
        "CITY' OR '1'='1",
        "{CITY}",
        "CITY,OTHER",
        "%",
        "CIT_",
        "city",
        " CITY",
        "CITY ",
        "CITY\x00",
        "*",
        "NULL",
        "\\",
        "单位",
    ],
)
def test_whatever_stands_in_the_setting_is_a_code_and_nothing_else(empty_database: Postgres, tried: str) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG)
        await task(connection, one, "CITY")
        is_code = tried.replace("\x00", "") == "CITY"
        assert len(await looks(connection, tried)) == len(await looks(connection, tried, "unit_tickets")) == is_code

    with_connection(empty_database, work)


def test_the_applications_role_sees_nobody_without_the_setting_and_cannot_turn_the_lock_off(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG)
        await task(connection, one, "CITY")
        protected = ("ticket_identities", "ticket_contacts", "callers", "caller_numbers", "caller_merges", "retaliation_reports")
        for name in (*protected, "unit_tickets", "unit_ticket_tasks", "unit_ticket_identities"):
            assert await connection.fetch(f"SELECT * FROM {name}") == []
        for value in ("Staff", "STAFF", "staff ", "on", "true", "unit"):
            await connection.execute("SELECT set_config('hotline.viewer', $1, false)", value)
            assert await connection.fetch("SELECT * FROM ticket_identities") == []
        for name in protected:
            for statement in (
                f"ALTER TABLE {name} DISABLE ROW LEVEL SECURITY",
                f"DROP POLICY staff ON {name}",
                f"DELETE FROM {name}",
            ):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await connection.execute(statement)
        for statement in ("SET ROLE hotline_owner", "SET row_security = off; SELECT * FROM ticket_identities"):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(statement)
        for statement in ("DELETE FROM {0}", "UPDATE {0} SET ticket_id = ticket_id", "INSERT INTO {0} (ticket_id) VALUES (1)"):
            for view in ("unit_tickets", "unit_ticket_tasks", "unit_ticket_identities"):
                with pytest.raises((asyncpg.InsufficientPrivilegeError, asyncpg.ObjectNotInPrerequisiteStateError)):
                    await connection.execute(statement.format(view))

    with_connection(empty_database, work)


def test_a_condition_of_ones_own_is_not_asked_of_rows_that_one_may_not_see(empty_database: Postgres) -> None:
    """A function or an error within a condition would tell; the views are barriers, and so is row security."""

    async def work(connection: asyncpg.Connection) -> None:
        mine = await ticket(connection, 1, **ZHANG | {"caller_name": "甲"})
        other = await ticket(connection, 2, **ZHANG | {"caller_name": "乙"})
        await task(connection, mine, "CITY")
        await task(connection, other, "OTHER")
        leak = "SELECT 1 FROM {} WHERE 1 / (CASE WHEN caller_name = '乙' THEN 0 ELSE 1 END) > 0"
        async with viewer.unit(connection, "CITY"):
            assert len(await connection.fetch(leak.format("unit_ticket_identities"))) == 1
            assert await connection.fetch(leak.format("ticket_identities")) == []

    with_connection(empty_database, work)


def test_a_table_of_the_session_with_the_name_of_ours_does_not_make_a_unit_another(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        one = await ticket(connection, 1, **ZHANG)
        await task(connection, one, "CITY")
        await connection.execute("CREATE TEMP TABLE units (code text, path text[])")
        await connection.execute("INSERT INTO pg_temp.units VALUES ('CITY', '{OTHER,CITY}')")
        await connection.execute("CREATE TEMP TABLE ticket_tasks AS SELECT * FROM public.ticket_tasks")
        assert await looks(connection, "OTHER") == []

    with_connection(empty_database, work)


def test_no_action_of_a_unit_is_answered_by_whether_a_text_names_the_citizen() -> None:
    """Else a unit would find a hidden number by trying: yes and no are enough for that (SEC-13)."""
    for row in TABLE:
        if {"unit_clerk", "unit_leader"} & set(row.who):
            assert "identity_protected" not in (*row.needs, *row.when), row.action


CITY_CLERK, GUEST = Person("u", "unit_clerk", unit="CITY"), Person("g", "guest")


def test_a_ticket_that_hides_nothing_does_not_lead_a_unit_to_a_hidden_one_of_the_same_person(empty_database: Postgres) -> None:
    """Whoever reports again and wants to stay unknown now would be known by the first report (TKT-13, SEC-07)."""

    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await units(connection, TREE)
            first = await ticket(connection, 1, **ZHANG, state="closed", closing_ground="callback")
            open_again = await ticket(connection, 2, **ZHANG, state="in_progress", report_again_of=first)
            hidden = await ticket(connection, 3, **ZHANG, state="in_progress", report_again_of=first, hidden=["all"])
            merged = await ticket(connection, 4, **ZHANG, state="merged", merged_into=first, hidden=["name"])
            elsewhere = await ticket(connection, 5, **ZHANG, state="in_progress", report_again_of=first)
            for one in (first, open_again, hidden, merged):
                await task(connection, one, "CITY")
            await task(connection, elsewhere, "OTHER")
        seen = await history.view(parts, CITY_CLERK, first)
        assert seen.identity and [one.ticket_id for one in seen.related] == [open_again]
        assert (await history.view(parts, CITY_CLERK, hidden)).related == ()

    with_parts(empty_database, work)


def test_a_guest_is_shown_a_ticket_without_anybodys_data(empty_database: Postgres) -> None:
    """GEN-21, SEC-13: masked."""

    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            content = "我是张三丰,电话13905340001,路灯不亮"
            one = await ticket(
                connection, 1, **ZHANG, content=content, persons="邻居赵六", demand="回电 13905340001", special_group="elderly"
            )
        for role in ("guest", "quality", "leader"):
            seen = await history.view(parts, Person("g", role), one)
            assert seen.identity and (seen.identity.caller_name, seen.identity.caller_phone) == ("张**", "***0001"), role
            assert (seen.ticket["content"], seen.ticket["demand"]) == ("我是***,电话***0001,路灯不亮", "回电 ***0001"), role
            assert seen.ticket["persons"] == ""
            (line,) = (await lists.listed(parts, Person("g", role), lists.Wanted())).tickets
            assert "13905340001" not in line.piece
        assert (await history.view(parts, Person("d", "dispatcher"), one)).ticket["content"] == content

    with_parts(empty_database, work)
