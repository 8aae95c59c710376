"""Tickets on a real PostgreSQL: numbers, rows and what is kept beside them (TKT-07, TKT-08, LIF-41)."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from acd.permissions import Person
from crm.callers import viewer
from crm.errors import RefusedError
from crm.tickets import numbering, rows, store
from crm.tickets.change import Kept
from crm.tickets.ticket import Ticket, number
from hotline import database

if TYPE_CHECKING:
    from tests.conftest import Postgres

AT = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
TICKET = Ticket(
    ticket_id=2026112200001,
    made_at=AT,
    made_by="1001",
    accept_agent="1001",
    content="路灯不亮,张三说的",
    nature="help",
    subject_terms=("路灯", "照明"),
    hidden=("name",),
    upstream_due_at=AT,
)
AGENT = Person("1001", "agent", "1001")


def with_connection(server: Postgres, work: Callable[[asyncpg.Connection], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool, pool.acquire() as connection:
            await work(connection)

    asyncio.run(run())


def test_a_number_is_the_day_of_shanghai_and_the_number_within_it_and_is_never_given_twice(empty_database: Postgres) -> None:
    """TKT-08; midnight is Shanghai's; after the 99,999th of a day there are six digits."""

    async def work(connection: asyncpg.Connection) -> None:
        before_midnight = dt.datetime(2028, 2, 29, 15, 59, tzinfo=dt.UTC)
        assert [await numbering.next_id(connection, before_midnight) for _ in range(2)] == [2028022900001, 2028022900002]
        assert await numbering.next_id(connection, before_midnight + dt.timedelta(minutes=1)) == 2028030100001
        await connection.execute("UPDATE ticket_days SET last = 99998 WHERE day = '2028-02-29'")
        many = [await numbering.next_id(connection, before_midnight) for _ in range(2)]
        assert many == [2028022999999, 20280229100000]

    with_connection(empty_database, work)


def test_two_who_open_at_once_get_two_numbers_and_one_that_fails_leaves_no_hole(empty_database: Postgres) -> None:
    async def run() -> None:
        async with await database.pool(empty_database.dsn, name="test", largest=10) as pool:

            async def one(fails: bool) -> int:
                async with pool.acquire() as connection:
                    transaction = connection.transaction()
                    await transaction.start()
                    found = await numbering.next_id(connection, AT)
                    await (transaction.rollback() if fails else transaction.commit())
                    return 0 if fails else found

            found = await asyncio.gather(*(one(at % 4 == 0) for at in range(40)))
            assert sorted(filter(None, found)) == [2026112200001 + at for at in range(30)]

    asyncio.run(run())


@pytest.mark.parametrize("written", ["T2026112200001", "2026112200001", " t2026112200001 "])
def test_a_number_is_known_with_its_letter_and_without(written: str) -> None:
    assert numbering.id_of(written) == 2026112200001
    assert number(2026112200001, "telephone") == "T2026112200001"


@pytest.mark.parametrize("written", ["", "T", "12345", "Q2026112200001", "T2026112200001x", "\u0662026112200001", "1" * 30])
def test_what_is_no_number_is_no_ticket(written: str) -> None:
    with pytest.raises(RefusedError, match="unknown_ticket"):
        numbering.id_of(written)


def test_a_ticket_is_read_as_it_was_written_and_saved_by_column(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            await store.add(connection, TICKET)
            assert await store.load(connection, TICKET.ticket_id) == TICKET
            assert await store.lock(connection, (TICKET.ticket_id, 5)) == {TICKET.ticket_id: 1}
            values = {"state": "accepted", "before": "draft", "upstream_due_at": None, "co_units": ("U1", "U2"), "untrue": True}
            assert await store.save(connection, TICKET, values, AT + dt.timedelta(hours=1)) == 2
            saved = msgspec.structs.replace(TICKET, version=2, **values)
            assert await store.load(connection, TICKET.ticket_id) == saved
            assert await connection.fetchval("SELECT updated_at FROM tickets") == AT + dt.timedelta(hours=1)
            with pytest.raises(RefusedError, match="changed_meanwhile"):
                await store.save(connection, TICKET, {"urgent": True}, AT)
            with pytest.raises(KeyError):
                await store.save(connection, saved, {"urgent = true --": 1}, AT)
            with pytest.raises(RefusedError, match="unknown_ticket"):
                await store.load(connection, 5)

    with_connection(empty_database, work)


def test_every_column_of_a_ticket_is_a_field_of_it(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        for table, fields in [("tickets", store.COLUMNS | {"updated_at"})] + [
            (f"ticket_{name}", {*kind.row.__struct_fields__, "ticket_id"}) for name, kind in rows.KINDS.items()
        ]:
            known = await connection.fetch("SELECT column_name FROM information_schema.columns WHERE table_name = $1", table)
            assert {row[0] for row in known} == fields, table

    with_connection(empty_database, work)


def test_rows_are_added_and_the_newest_one_that_fits_is_completed(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            await store.add(connection, TICKET)
            at, of = AT, TICKET.ticket_id
            await store.keep(connection, of, [Kept("tasks", {"unit": unit, "kind": "helping"}) for unit in ("U1", "U2")], at, "x")
            done = Kept("tasks", {"ended_at": at, "ended_by": "replied"}, is_new=False, where={"unit": "U1", "ended_at": None})
            await store.keep(connection, of, [done, done], at, "x")
            found = await connection.fetch("SELECT unit, ended_by, given_by, given_at FROM ticket_tasks ORDER BY unit")
            assert [tuple(row) for row in found] == [("U1", "replied", "x", at), ("U2", "", "x", at)]
            reply = {
                "is_true": "yes",
                "solvable": "yes",
                "outcome": "resolved",
                "citizen_told": True,
                "state": "proposed",
                "unit": "U1",
            }
            await store.keep(connection, of, [Kept("replies", {**reply, "warnings": ("short",)})], at, "x")
            await store.keep(connection, of, [Kept("replies", {"state": "sent"}, is_new=False)], at, "x")
            assert await connection.fetchval("SELECT state || warnings[1] FROM ticket_replies") == "sentshort"
            asked = Kept("requests", {"kind": "extension", "unit": "U1", "reason": "雨季", "days": 5})
            await store.keep(connection, of, [asked], at, "x")
            assert not (await store.load(connection, of)).endorsed
            await store.keep(connection, of, [Kept("requests", {"endorsed_at": at}, is_new=False)], at, "x")
            assert (await store.load(connection, of)).endorsed
            await store.keep(connection, of, [Kept("requests", {"decided_at": at, "approved": True}, is_new=False)], at, "x")
            tried = [Kept("callbacks", {"reached": reached}) for reached in (False, False, True)]
            await store.keep(connection, of, tried, at, "x")
            loaded = await store.load(connection, of)
            assert (loaded.extensions, loaded.attempts, loaded.callbacks_done, loaded.last_attempt_at) == (1, 2, 1, at)
            for table, values in (("events", {}), ("tasks", {"unit": "U1", "kind": "lead", "strange": 1})):
                with pytest.raises((KeyError, msgspec.ValidationError)):
                    await store.keep(connection, of, [Kept(table, values)], at, "x")
            with pytest.raises(KeyError):
                await store.keep(connection, of, [Kept("tasks", {"task_id": 1}, is_new=False)], at, "x")

    with_connection(empty_database, work)


def test_an_identity_is_seen_by_the_staffs_eyes_alone_and_a_decision_knows_whether_there_is_one(
    empty_database: Postgres,
) -> None:
    """TKT-04, TKT-13."""

    async def work(connection: asyncpg.Connection) -> None:
        async with connection.transaction():
            await store.add(connection, TICKET)
            async with viewer.staff(connection):
                await store.put_identity(connection, TICKET.ticket_id, {"caller_name": "张三", "calling_number": "13800000001"})
                await store.put_identity(connection, TICKET.ticket_id, {"workplace": "某厂"})
                known = await store.identity(connection, TICKET.ticket_id)
                assert (known.caller_name, known.workplace, known.calling_number) == ("张三", "某厂", "13800000001")
            assert (await store.identity(connection, TICKET.ticket_id)).caller_name == ""
            assert (await store.load(connection, TICKET.ticket_id)).has_identity
            with pytest.raises(KeyError):
                await store.put_identity(connection, TICKET.ticket_id, {"ticket_id": 1})

    with_connection(empty_database, work)


def test_history_is_only_added_to_and_has_its_line_for_each_version_once(empty_database: Postgres) -> None:
    async def work(connection: asyncpg.Connection) -> None:
        await store.add(connection, TICKET)
        line = store.event(TICKET, AGENT, "open", AT, from_state="", reason="'); DROP TABLE tickets; --", detail={"a": ["<b>"]})
        await store.write_down(connection, TICKET.ticket_id, line)
        assert await connection.fetchval("SELECT reason FROM ticket_events") == line.reason
        with pytest.raises(asyncpg.UniqueViolationError):
            await store.write_down(connection, TICKET.ticket_id, line)
        papers = ("UPDATE ticket_papers SET text = 'x'", "DELETE FROM ticket_papers")  # ESC-11
        for change in ("DELETE FROM ticket_events", "UPDATE ticket_events SET actor = 'x'", "DELETE FROM tickets", *papers):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await connection.execute(change)

    with_connection(empty_database, work)


def test_ids_of_rows_are_their_own(empty_database: Postgres) -> None:
    row = rows.made("papers", {"kind": "report", "text": "x"}, uuid.UUID(int=1), AT, "li")
    assert (row["paper_id"], row["by"], row["detail"]) == (str(uuid.UUID(int=1)), "li", {})
