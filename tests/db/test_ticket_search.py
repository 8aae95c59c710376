"""Tickets found by their words: the newest first, units their own, never who the citizen is, and likeness to what ended."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from acd.permissions import Person
from crm.errors import RefusedError
from crm.knowledge import ticket_search
from crm.knowledge.ticket_search import Filters, ensure_partitions, index_ticket, search_tickets, similar
from crm.tickets.ticket import Ticket
from hotline import database

if TYPE_CHECKING:
    from tests.conftest import Postgres

AT = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
AGENT, CLERK, OTHER = Person("li", "agent", "1001"), Person("ma", "unit_clerk", unit="U1"), Person("gu", "unit_clerk", unit="U2")
NOISE = "市民反映幸福小区夜间施工噪声扰民,电话13800000001"


def with_connection(server: Postgres, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool, pool.acquire() as connection:
            await work(connection)

    asyncio.run(run())


async def a_ticket(connection: asyncpg.Connection, ticket_id: int, content: str, **values: Any) -> Ticket:
    """A ticket with its words."""
    unit = values.pop("unit", "")
    ticket = msgspec.structs.replace(Ticket(ticket_id=ticket_id, made_at=AT, made_by="li", content=content), **values)
    columns: dict[str, Any] = {
        "ticket_id": ticket_id, "channel": ticket.channel, "state": ticket.state, "profile": ticket.profile, "made_at": AT,
        "made_by": "li", "updated_at": AT, "content": content, "category": ticket.category, "answer": ticket.answer,
        "nature": ticket.nature, "subject_terms": list(ticket.subject_terms), "accused_unit": ticket.accused_unit,
        "hidden": list(ticket.hidden), "misconduct": ticket.misconduct,
        "closing_ground": "callback" if ticket.state == "closed" else None,
    }  # fmt: skip
    names, places = ", ".join(columns), ", ".join(f"${number + 1}" for number in range(len(columns)))
    await connection.execute(f"INSERT INTO tickets ({names}) VALUES ({places})", *columns.values())
    if unit:
        await connection.execute(
            "INSERT INTO ticket_tasks (task_id, ticket_id, unit, kind, given_by, given_at)"
            " VALUES ($1, $2, $3, 'lead', 'sun', $4)",
            uuid.uuid4(), ticket_id, unit, AT,
        )  # fmt: skip
    async with connection.transaction():
        await index_ticket(connection, ticket)
    return ticket


async def units(connection: asyncpg.Connection) -> None:
    await connection.execute(
        'INSERT INTO units (code, name, parent, numbers) SELECT code, code, parent, \'[{"number": "83120001"}]\''
        " FROM (VALUES ('U1', NULL), ('U2', NULL), ('U11', 'U1')) AS u (code, parent)"
    )


async def numbers(connection: asyncpg.Connection, person: Person, text: str, **chosen: Any) -> list[str]:
    page = await search_tickets(connection, person, text, Filters(**chosen))
    return [hit.number for hit in page.tickets]


def test_tickets_are_found_by_every_word_newest_first_and_what_is_shown_is_marked(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await a_ticket(connection, 2025030100001, NOISE)
        await a_ticket(connection, 2026112200001, "小区停水" * 50 + "施工噪声")
        await a_ticket(connection, 2026112200002, "路灯不亮", state="accepted", category="C1.03", subject_terms=("路灯",))
        assert await numbers(connection, AGENT, "施工噪声") == ["T2026112200001", "T2025030100001"]
        assert await numbers(connection, AGENT, "噪声 扰民") == ["T2025030100001"]
        assert await numbers(connection, AGENT, "不存在的词语") == []
        assert await numbers(connection, AGENT, "路灯", category="C1", term="路灯", states=("accepted",)) == ["T2026112200002"]
        assert await numbers(connection, AGENT, "路灯", category="C2") == []
        assert await numbers(connection, AGENT, "路灯", states=("closed",)) == []
        assert await numbers(connection, AGENT, "灯") == ["T2026112200002"]
        (hit,) = (await search_tickets(connection, AGENT, "噪声", Filters(), before=2026112200002, limit=1)).tickets
        assert [hit.piece[spot.start : spot.end] for spot in hit.spots] == ["噪声"]

    with_connection(empty_database, work)


def test_a_search_goes_on_where_its_page_ended_through_every_half_year(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_search, "_READ_ONE_BY_ONE", 2)

    async def work(connection: asyncpg.Connection) -> None:
        ids = [int(f"{year}{month:02d}0100001") for year in (2019, 2023, 2025, 2026) for month in (1, 6, 7, 11)]
        for day in ids[::3]:
            await connection.execute("SELECT ensure_ticket_words($1)", day)
        for one in ids:
            await a_ticket(connection, one, NOISE)
        found: list[str] = []
        before = None
        for _ in range(40):
            page = await search_tickets(connection, AGENT, "噪声", before=before, limit=3)
            found += [hit.number for hit in page.tickets]
            if page.next is None:
                break
            before = page.next
        assert found == [f"T{one}" for one in reversed(ids)]

    with_connection(empty_database, work)


def test_a_search_that_takes_long_shows_what_it_has_and_where_it_goes_on(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ticket_search, "PATIENCE_SECONDS", -1.0)
    monkeypatch.setattr(ticket_search, "_READ_ONE_BY_ONE", 1)

    async def work(connection: asyncpg.Connection) -> None:
        for one in (2024010100001, 2026112200001):
            await a_ticket(connection, one, NOISE)
        first = await search_tickets(connection, AGENT, "噪声")
        assert ([hit.number for hit in first.tickets], first.next) == (["T2026112200001"], 2026112200001)
        second = await search_tickets(connection, AGENT, "噪声", before=first.next)
        assert [hit.number for hit in second.tickets] == ["T2024010100001"]

    with_connection(empty_database, work)


def test_units_find_their_own_tickets_and_those_below_them_and_none_that_accuses_them(empty_database: Postgres) -> None:
    """SEC-02, SEC-03, CNF-31: tried with every other unit's words."""

    async def work(connection: asyncpg.Connection) -> None:
        await units(connection)
        await a_ticket(connection, 2026112200001, NOISE, unit="U1")
        await a_ticket(connection, 2026112200002, NOISE, unit="U11")
        await a_ticket(connection, 2026112200003, NOISE, unit="U2")
        await a_ticket(connection, 2026112200004, NOISE)
        await a_ticket(connection, 2026112200005, NOISE, unit="U1", nature="report", accused_unit="U1")
        assert await numbers(connection, CLERK, "噪声") == ["T2026112200002", "T2026112200001"]
        assert await numbers(connection, OTHER, "噪声") == ["T2026112200003"]
        assert await numbers(connection, OTHER, "噪声", unit="U1") == []
        assert await numbers(connection, OTHER, "u:U1 噪声' | 'u:U1") == []
        assert await numbers(connection, OTHER, "") == ["T2026112200003"]
        assert await numbers(connection, AGENT, "噪声", unit="U1") == ["T2026112200005", "T2026112200002", "T2026112200001"]
        for role in ("guest", "editor", "administrator", "unit_clerk"):
            with pytest.raises(RefusedError, match="not_allowed"):
                await search_tickets(connection, Person("x", role), "噪声")

    with_connection(empty_database, work)


def test_telephone_numbers_find_no_ticket_and_a_search_leaves_a_line(empty_database: Postgres) -> None:
    """SEC-03, SEC-12."""

    async def work(connection: asyncpg.Connection) -> None:
        await a_ticket(connection, 2026112200001, NOISE)
        assert await numbers(connection, AGENT, "13800000001") == []
        assert await numbers(connection, AGENT, "噪声") == ["T2026112200001"]
        lines = await connection.fetch("SELECT actor, action, detail::json->>'found' AS found FROM audit_log ORDER BY entry_id")
        assert [tuple(line) for line in lines][-1] == ("li", "ticket.search", '["T2026112200001"]')

    with_connection(empty_database, work)


def test_words_follow_the_ticket_and_the_replies_to_it(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        ticket = await a_ticket(connection, 2026112200001, NOISE, unit="U1")
        await connection.execute(
            "INSERT INTO ticket_replies"
            " (reply_id, ticket_id, unit, at, by, result, is_true, solvable, outcome, citizen_told, state)"
            " VALUES ($1, $2, 'U1', $3, 'ma', '已责令停工整改', 'yes', 'yes', 'resolved', true, 'sent')",
            uuid.uuid4(), 2026112200001, AT,
        )  # fmt: skip
        for _ in range(2):
            await index_ticket(connection, msgspec.structs.replace(ticket, content="窨井盖破损"))
        assert await numbers(connection, AGENT, "噪声") == []
        assert await numbers(connection, AGENT, "井盖 整改") == ["T2026112200001"]

    with_connection(empty_database, work)


def test_the_likest_ticket_of_the_class_that_ended_comes_first_with_its_result(empty_database: Postgres) -> None:
    """LIF-08, TKT-16, KBA-05."""

    async def work(connection: asyncpg.Connection) -> None:
        ended: dict[str, Any] = {"state": "closed", "category": "C1.03"}
        await a_ticket(connection, 2026112200001, "和平路路灯不亮", **ended, answer="已修复")
        await a_ticket(connection, 2026112200002, "市民反映小区路灯白天常亮", **ended, answer="已调整")
        await a_ticket(connection, 2026112200003, "市民反映小区停水", **ended)
        await a_ticket(connection, 2026112200004, "和平路路灯不亮", category="C1.03", state="accepted")
        await a_ticket(connection, 2026112200005, "和平路路灯不亮", state="closed", category="C2.01")
        found = await similar(connection, "市民反映和平路有路灯不亮", "C1.03")
        assert (found[0].number, found[0].answer) == ("T2026112200001", "已修复")
        assert {one.number for one in found} == {"T2026112200001", "T2026112200002", "T2026112200003"}
        assert "T2026112200005" in {one.number for one in await similar(connection, "和平路路灯", but=2026112200001)}
        assert await similar(connection, "的", "C1.03") == []

    with_connection(empty_database, work)


def test_of_others_who_are_to_be_protected_no_matter_and_no_result_is_told_to_the_next_caller(empty_database: Postgres) -> None:
    """SEC-02, SEC-04, TKT-13: as with duplicates."""

    async def work(connection: asyncpg.Connection) -> None:
        ended: dict[str, Any] = {"state": "closed", "category": "C1.03", "answer": "已查实"}
        await a_ticket(connection, 2026112200001, "路灯不亮", **ended)
        await a_ticket(connection, 2026112200002, "路灯队收钱不修路灯", **ended, hidden=("all",))
        await a_ticket(connection, 2026112200003, "路灯队收钱不修路灯", **ended, nature="report")
        await a_ticket(connection, 2026112200004, "路灯队收钱不修路灯", **ended, misconduct=True)
        assert [one.number for one in await similar(connection, "路灯队收钱,不修路灯", "C1.03")] == ["T2026112200001"]

    with_connection(empty_database, work)


def test_who_may_not_know_citizens_reads_no_telephone_number_in_what_a_search_found(empty_database: Postgres) -> None:
    """SEC-13, SEC-10: as in lists; where the words stand is where they stand in what is shown."""

    async def work(connection: asyncpg.Connection) -> None:
        await a_ticket(connection, 2026112200001, f"电话13800000001,{NOISE}")
        for role in ("supervisor", "quality", "leader"):
            (hit,) = (await search_tickets(connection, Person("qi", role), "噪声")).tickets
            assert "13800000001" not in hit.piece, role
            assert [hit.piece[spot.start : spot.end] for spot in hit.spots] == ["噪声"]
        (hit,) = (await search_tickets(connection, AGENT, "噪声")).tickets
        assert "13800000001" in hit.piece

    with_connection(empty_database, work)


def test_partitions_are_made_ahead_and_rows_move_into_them(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await a_ticket(connection, 2031123100001, NOISE)
        await ensure_partitions(connection, dt.datetime(2031, 12, 10, tzinfo=dt.UTC))
        await ensure_partitions(connection, dt.datetime(2031, 12, 10, tzinfo=dt.UTC))
        places = await connection.fetch("SELECT tableoid::regclass::text AS place FROM ticket_words")
        assert [row["place"] for row in places] == ["ticket_words_2031_2"]
        assert await connection.fetchval("SELECT to_regclass('ticket_words_2032_1') IS NOT NULL")
        assert await numbers(connection, AGENT, "噪声") == ["T2031123100001"]
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await connection.execute("DELETE FROM ticket_words")

    with_connection(empty_database, work)
