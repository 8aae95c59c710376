"""What an agent sees as the telephone rings, on a real PostgreSQL (IVR-24, CAL-01 to CAL-05, SEC-06)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING

import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.callers import persons, pop, viewer
from crm.errors import RefusedError
from crm.tickets.ticket import Identity
from hotline import clock
from tests.citizens import ticket, units, with_parts

if TYPE_CHECKING:
    from tests.conftest import Postgres

AGENT = Person("1001", "agent", "1001")
NUMBER, OTHER = "13905340001", "5342312345"


async def caller(parts: Parts, name: str = "张三", number: str = NUMBER, group: str = "") -> uuid.UUID:
    async with parts.pool.acquire() as connection:
        identity = Identity(caller_name=name, calling_number=number)
        found = await persons.remember(connection, identity, by="1001", special_group=group)
    assert found
    return found


def test_the_newest_tickets_of_a_number_and_of_the_persons_at_it_with_what_to_say(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        zhang = await caller(parts, group="elderly")
        early, late = clock.now() + dt.timedelta(days=1), clock.now() - dt.timedelta(days=1)
        async with parts.pool.acquire() as connection:
            await units(connection, {"U01": None})
            await ticket(connection, 1, calling_number=NUMBER, state="closed", closing_ground="callback", answer="已修好")
            await ticket(connection, 2, caller_phone=NUMBER, state="in_progress", lead_unit="U01", due_at=late)
            await ticket(connection, 3, callback_phone=NUMBER, state="in_progress", lead_unit="U01", due_at=early)
            await ticket(connection, 4, caller_id=zhang, calling_number=OTHER, state="pending_dispatch", assign_agent="d1")
            await ticket(connection, 5, calling_number="13905340009")
            for n in range(6, 16):
                await ticket(connection, n, day="20261001", calling_number=NUMBER, state="archived")
        seen = await pop.pop(parts, AGENT, "+86 139 0534 0001", limit=4)
        assert (seen.number, seen.open, seen.overdue, seen.special_groups) == (NUMBER, 3, 1, ("elderly",))
        assert [(one.name, one.caller_id) for one in seen.persons] == [("张三", zhang)]
        found = [(one.number[-1], one.where, one.is_overdue, one.do, one.unit_name, one.same_number) for one in seen.tickets]
        assert found == [
            ("4", "dispatch", False, ("add_contact", "tell_dispatch"), "", False),
            ("3", "unit", False, ("add_contact", "urge"), "单位U01", True),
            ("2", "unit", True, ("urge", "tell_supervision_office"), "单位U01", True),
            ("1", "ended", False, ("tell_result", "report_again"), "", True),
        ]
        assert [one.result for one in seen.tickets] == ["", "", "", "已修好"]
        assert await parts.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'caller.pop'") == 1

    with_parts(empty_database, work)


def test_a_confidential_ticket_tells_only_a_call_from_its_own_number_what_it_is_about(empty_database: Postgres) -> None:
    """SEC-06, TKT-13, CNF-29: by the person, from the recorded telephone."""

    async def work(parts: Parts) -> None:
        zhang = await caller(parts)
        async with parts.pool.acquire() as connection:
            told = {"state": "closed", "closing_ground": "callback", "answer": "已处理", "content": "举报", "nature": "report"}
            await ticket(connection, 1, caller_id=zhang, calling_number=OTHER, hidden=["all"], **told)
        (one,) = (await pop.pop(parts, AGENT, NUMBER)).tickets
        assert (one.is_confidential, one.same_number, one.may_tell, one.must_verify) == (True, False, False, True)
        assert (one.content, one.result, one.category, one.nature, one.unit, one.do) == ("", "", "", None, "", ())
        (one,) = (await pop.pop(parts, AGENT, "0534-2312345")).tickets
        assert (one.same_number, one.may_tell, one.must_verify, one.content, one.result) == (True, True, True, "举报", "已处理")

    with_parts(empty_database, work)


def test_a_sensitive_result_is_shown_to_whoever_may_tell_it_to_the_person_verified(empty_database: Postgres) -> None:
    """SEC-09: not to a trainee, and not to a call from another number."""

    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await ticket(
                connection, 1, calling_number=NUMBER, callback_phone=OTHER, state="closed", closing_ground="callback",
                answer="化验结果正常", hidden=["result"],
            )  # fmt: skip
        (shown,) = (await pop.pop(parts, AGENT, NUMBER)).tickets
        assert (shown.result, shown.must_verify) == ("化验结果正常", True)
        (shown,) = (await pop.pop(parts, Person("1003", "trainee", "1003"), NUMBER)).tickets
        assert (shown.result, shown.must_verify) == ("", True)

    with_parts(empty_database, work)


def test_calls_of_today_marks_of_malice_blocks_and_repeats_are_counted(empty_database: Postgres) -> None:
    """CAL-04, CAL-07, CAL-08."""

    async def work(parts: Parts) -> None:
        now = clock.now()
        async with parts.pool.acquire() as connection:
            one = await ticket(connection, 1, calling_number=NUMBER, state="in_progress")
            for n, at in enumerate((now, now, now - dt.timedelta(days=2))):
                await connection.execute(
                    "INSERT INTO calls (node, call_id, caller_number, started_at, source) VALUES ('n', $1, $2, $3, 'ami')",
                    f"c{n}", NUMBER, at,
                )  # fmt: skip
                await connection.execute(
                    "INSERT INTO malicious_marks (number, node, call_id, agent, level, marked_by, marked_at)"
                    " VALUES ($1, 'n', $2, '1001', 1, '1001', $3)",
                    NUMBER, f"c{n}", at - dt.timedelta(days=29),
                )  # fmt: skip
            await connection.execute(
                "INSERT INTO caller_blocks (number, from_at, until_at, reason, set_by) VALUES ($1, $2, $3, 'x', 'office')",
                NUMBER, now - dt.timedelta(days=1), now + dt.timedelta(days=1),
            )  # fmt: skip
            async with viewer.staff(connection):
                for kind in ("first", "repeat", "repeat"):
                    await connection.execute(
                        "INSERT INTO ticket_contacts (contact_id, ticket_id, at, channel, kind, by)"
                        " VALUES ($1, $2, $3, 'telephone', $4, '1001')",
                        uuid.uuid4(), one, now, kind,
                    )  # fmt: skip
        seen = await pop.pop(parts, AGENT, NUMBER)
        assert (seen.calls_today, seen.malicious, seen.is_blocked, seen.tickets[0].repeats) == (2, 2, True, 2)

    with_parts(empty_database, work)


def test_a_merged_ticket_says_into_which_and_a_merged_person_brings_its_tickets(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        zhang, double = await caller(parts), await caller(parts, "张叁", OTHER)
        async with parts.pool.acquire() as connection:
            target = await ticket(connection, 1, caller_id=double, calling_number=OTHER, channel="web")
            await ticket(connection, 2, caller_id=zhang, calling_number=NUMBER, state="merged", merged_into=target)
        await persons.merge(parts, AGENT, zhang, double)
        seen = await pop.pop(parts, AGENT, NUMBER)
        assert [(one.number, one.merged_into) for one in seen.tickets] == [
            ("T2026112200002", "W2026112200001"),
            ("W2026112200001", ""),
        ]
        assert [one.caller_id for one in (await pop.pop(parts, AGENT, OTHER)).persons] == [zhang]

    with_parts(empty_database, work)


@pytest.mark.parametrize("number", ["", "anonymous", "'; DROP TABLE callers; --", "\x00", "9" * 30, "10086"])
def test_a_withheld_or_strange_number_shows_nobody(empty_database: Postgres, number: str) -> None:
    async def work(parts: Parts) -> None:
        async with parts.pool.acquire() as connection:
            await ticket(connection, 1, caller_name="张三")
        seen = await pop.pop(parts, AGENT, number)
        assert (seen.persons, seen.tickets, seen.open) == ((), (), 0)

    with_parts(empty_database, work)


@pytest.mark.parametrize("role", ["guest", "analyst", "administrator", "unit_clerk", "unit_leader", "quality", "editor"])
def test_who_takes_no_calls_sees_no_callers(empty_database: Postgres, role: str) -> None:
    async def work(parts: Parts) -> None:
        with pytest.raises(RefusedError, match="not_allowed"):
            await pop.pop(parts, Person("x", role, unit="U01"), NUMBER)

    with_parts(empty_database, work)
