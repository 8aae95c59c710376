"""Duplicates found among tickets on a real PostgreSQL (TKT-16 to TKT-19, CNF-08, SUP-18)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.callers import repeats
from crm.errors import RefusedError
from hotline import clock
from tests.citizens import ticket, ticket_id, units, with_parts

if TYPE_CHECKING:
    from tests.conftest import Postgres

AGENT = Person("1001", "agent", "1001")
DARK = "湖滨北路与东方红路交叉口向东三百米的路灯不亮了,晚上走路很危险,请派人维修。"
AGAIN = "东方红路和湖滨北路交叉口往东的路灯还是不亮,什么时候维修?晚上走路很危险。"
ELSE = "自来水水压太低,三楼以上白天没有水,物业说不归他们管。"
NUMBER = "13905340001"


def days_ago(days: int) -> str:
    return f"{clock.now().astimezone(clock.SHANGHAI) - dt.timedelta(days=days):%Y%m%d}"


async def seeded(parts: Parts, rows: list[dict[str, Any]]) -> None:
    async with parts.pool.acquire() as connection:
        await units(connection, {"U01": None})
        for n, row in enumerate(rows, 1):
            await ticket(connection, n, **{"day": days_ago(1), "content": DARK, "category": "C1.03"} | row)


def test_the_callers_own_matter_comes_first_then_the_same_of_others(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        moved = {"dispatched_at": clock.now(), "lead_unit": "U01"}
        await seeded(
            parts,
            [
                {"calling_number": NUMBER, "state": "in_progress", **moved, "due_at": clock.now() - dt.timedelta(days=1)},
                {"calling_number": "13905340009", "state": "in_progress", **moved},
                {"calling_number": NUMBER, "content": ELSE, "category": "C2.01"},
                {"caller_phone": NUMBER, "state": "closed", "closing_ground": "callback", **moved},
                {"day": days_ago(120), "calling_number": NUMBER},
                {"calling_number": NUMBER, "state": "draft"},
                {"calling_number": NUMBER, "content": AGAIN, "day": days_ago(0)},
            ],
        )
        found = await repeats.of_ticket(parts, AGENT, ticket_id(7, days_ago(0)))
        assert found.policy == "dezhou"
        said = {one.number[-1]: (one.kind, one.advice, one.is_overdue, one.propose_instruction) for one in found.tickets}
        assert said == {
            "4": ("report_again", "report_again", False, True),
            "1": ("repeat", "add_contact", True, True),
            "2": ("same_matter", "link", False, False),
        }
        assert [one.number[-1] for one in found.tickets] == ["4", "1", "2"]
        assert found.tickets[1].reasons == ("same_number", "same_category", "similar_text") and found.tickets[1].content == DARK
        assert await parts.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'ticket.duplicates'") == 1

    with_parts(empty_database, work)


def test_another_callers_confidential_matter_or_report_is_not_suggested(empty_database: Postgres) -> None:
    """SEC-02, SEC-04: nobody else is told of them; the person's own from another number without what it is about."""

    async def work(parts: Parts) -> None:
        await seeded(
            parts,
            [
                {"calling_number": "13905340008", "hidden": ["name"]},
                {"calling_number": "13905340008", "nature": "report"},
                {"calling_number": "13905340008", "misconduct": True},
                {"calling_number": "13905340008", "caller_name": "张三", "hidden": ["all"]},
                {"calling_number": NUMBER, "caller_name": "张 三", "content": AGAIN},
            ],
        )
        (one,) = (await repeats.of_ticket(parts, AGENT, ticket_id(5, days_ago(1)))).tickets or (None,)
        assert one is None
        async with parts.pool.acquire() as connection:
            await ticket(
                connection, 6, day=days_ago(1), calling_number=NUMBER, caller_name="张三", content=AGAIN, category="C1.03"
            )
        found = (await repeats.of_ticket(parts, AGENT, ticket_id(6, days_ago(1)))).tickets
        assert [(one.number[-1], one.content, one.category) for one in found] == [("5", AGAIN, "C1.03"), ("4", "", "")]

    with_parts(empty_database, work)


def test_a_city_that_takes_no_repeated_content_says_so(empty_database: Postgres) -> None:
    """TKT-19, CNF-08."""

    async def work(parts: Parts) -> None:
        await seeded(parts, [{"calling_number": NUMBER}, {"calling_number": NUMBER, "content": AGAIN}])
        city = msgspec.structs.replace(parts.settings.city, profile="karamay")
        karamay = Parts(msgspec.structs.replace(parts.settings, city=city), parts.pool, parts.node)
        found = await repeats.of_ticket(karamay, AGENT, ticket_id(2, days_ago(1)))
        assert (found.policy, [one.advice for one in found.tickets]) == ("karamay", ["refuse_repeated"])

    with_parts(empty_database, work)


@pytest.mark.parametrize(("person", "number", "code"), [
    (AGENT, 2026112299999, "unknown_ticket"),
    (Person("u", "unit_clerk", unit="U01"), 2026112200001, "not_allowed"),
    (Person("g", "guest"), 2026112200001, "not_allowed"),
])  # fmt: skip
def test_who_may_not_ask_learns_nothing(empty_database: Postgres, person: Person, number: int, code: str) -> None:
    async def work(parts: Parts) -> None:
        with pytest.raises(RefusedError) as caught:
            await repeats.of_ticket(parts, person, number)
        assert caught.value.code == code

    with_parts(empty_database, work)
