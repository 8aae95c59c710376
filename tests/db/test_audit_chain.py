"""The audit log is only added to, and what somebody changes in it all the same is found (SEC-12, LIF-41).

Whoever tampers here is the owner of the tables, who needs to say that it is maintenance; the seals do not care.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import __main__ as command_line
from hotline import clock, credentials, database
from hotline.audit import chain, store
from hotline.audit.chain import Head, Line, Link, Verification
from hotline.audit.store import Report

if TYPE_CHECKING:
    from tests.conftest import Postgres

FORTY = 40


class Log:
    """The log as the application has it (``pool``), and as its owner has it who tampers (``owner``)."""

    def __init__(self, pool: asyncpg.Pool, owner: asyncpg.Connection) -> None:
        self.pool, self.owner = pool, owner

    async def fill(self, lines: int = FORTY) -> list[int]:
        """So many sealed lines; their ids."""
        for number in range(lines):
            await store.write(
                self.pool, f"user{number % 3}", "ticket.read", f"ticket:{number}", {"text": "查看\t'\"", "n": number}
            )
        await store.seal(self.pool)
        return [row["entry_id"] for row in await self.pool.fetch("SELECT entry_id FROM audit_log ORDER BY entry_id")]

    async def found(self, known: Head | None = None, begin: dt.datetime | None = None) -> list[tuple[str, int | None]]:
        """What a verification says is wrong with which line, or else seal."""
        report = await self.report(known, begin)
        return [(one.wrong, one.entry_id if one.entry_id is not None else one.number) for one in report.findings]

    async def report(self, known: Head | None = None, begin: dt.datetime | None = None) -> Report:
        async with self.pool.acquire() as connection:
            return await store.verify(connection, begin, known=known)

    async def tamper(self, statement: str, *values: Any) -> None:
        """As the owner, past the guard and the door."""
        async with self.owner.transaction():
            await self.owner.execute("SET LOCAL hotline.maintenance = 'on'")
            await self.owner.execute(statement, *values)


@pytest.fixture
def logged(empty_database: Postgres) -> Callable[[Callable[[Log], Awaitable[None]]], None]:
    def run(work: Callable[[Log], Awaitable[None]]) -> None:
        async def steps() -> None:
            owner = await asyncpg.connect(empty_database.owner)
            try:
                async with await database.pool(empty_database.dsn, name="audit", largest=8) as pool:
                    await work(Log(pool, owner))
            finally:
                await owner.close()

        asyncio.run(steps())

    return run


Logged = Callable[[Callable[[Log], Awaitable[None]]], None]


def test_neither_the_application_nor_the_owner_changes_or_removes_a_line(logged: Logged) -> None:
    async def work(log: Log) -> None:
        await log.fill(2)
        for table, column in (("audit_log", "actor"), ("audit_seals", "hash")):
            for statement in (f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}", f"TRUNCATE {table}"):
                with pytest.raises(asyncpg.InsufficientPrivilegeError):
                    await log.pool.execute(statement)
                with pytest.raises(asyncpg.RestrictViolationError):
                    await log.owner.execute(statement)
        assert await log.found() == []

    logged(work)


def test_an_untouched_log_is_whole_whatever_order_transactions_end_in(logged: Logged) -> None:
    async def work(log: Log) -> None:
        async with log.pool.acquire() as late, log.pool.acquire() as never:
            rolled_back, slow = never.transaction(), late.transaction()
            await rolled_back.start()
            await store.write(never, "n", "a", "s")
            await slow.start()
            await store.write(late, "late", "a", "s")
            await log.fill()
            report = await log.report()
            assert (report.lines, report.waiting, report.findings) == (FORTY, 0, [])
            await slow.commit()
            await rolled_back.rollback()
        report = await log.report()
        assert (report.lines, report.waiting, report.findings) == (FORTY, 1, [])
        assert await store.seal(log.pool) == 1
        report = await log.report()
        assert (report.lines, report.waiting, report.findings, report.head.number) == (FORTY + 1, 0, [], FORTY + 1)

    logged(work)


def test_lines_of_many_writers_at_once_are_sealed_while_they_write_and_nobody_waits_for_a_seal(logged: Logged) -> None:
    async def work(log: Log) -> None:
        done = asyncio.Event()

        async def writes(name: str) -> None:
            for number in range(50):
                async with log.pool.acquire() as connection, connection.transaction():
                    await store.write(connection, name, "a", f"s:{number}")
                    await store.write(connection, name, "b", f"s:{number}")

        async def seals() -> None:
            while not done.is_set():
                await store.seal(log.pool, 7)

        async with asyncio.TaskGroup() as tasks:
            sealing = [tasks.create_task(seals()) for _ in range(2)]
            await asyncio.gather(*(writes(f"w{number}") for number in range(4)))
            done.set()
            await asyncio.gather(*sealing)
        while await store.seal(log.pool):
            pass
        report = await log.report()
        assert (report.lines, report.waiting, report.findings) == (400, 0, [])

    logged(work)


@pytest.mark.parametrize(
    "change",
    [
        "actor = 'somebody else'",
        "action = 'ticket.list'",
        "subject = 'ticket:999'",
        "detail = detail || '{\"n\": -1}'",
        "at = at + interval '1 microsecond'",
    ],
)
def test_each_changed_column_is_found_and_told_of_its_line_alone(logged: Logged, change: str) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        await log.tamper(f"UPDATE audit_log SET {change} WHERE entry_id = ANY ($1)", [entries[7], entries[20]])
        assert await log.found() == [("changed", entries[7]), ("changed", entries[20])]

    logged(work)


def test_a_removed_line_is_found_sealed_or_not(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        await log.tamper("DELETE FROM audit_log WHERE entry_id = ANY ($1)", [entries[0], entries[-1]])
        assert await log.found() == [("removed", entries[0]), ("removed", entries[-1])]
        await store.write(log.pool, "x", "a", "s")
        fresh = await log.pool.fetchval("SELECT max(entry_id) FROM audit_log")
        await log.tamper("DELETE FROM audit_log WHERE entry_id = $1", fresh)
        assert ("removed", fresh) in await log.found()

    logged(work)


_INTO = "INSERT INTO audit_log (entry_id, at, actor, action, subject) OVERRIDING SYSTEM VALUE"


def test_a_line_that_is_put_in_is_found_past_the_trigger_and_through_it(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        await log.tamper("DELETE FROM audit_unsealed")
        await log.tamper(f"{_INTO} SELECT 100000, at, 'x', 'y', 'z' FROM audit_log WHERE entry_id = $1", entries[5])
        await log.tamper("DELETE FROM audit_unsealed")
        assert await log.found() == [("inserted", 100000)]
        await log.tamper(f"{_INTO} VALUES (100001, now() - interval '2 days', 'x', 'y', 'z')")
        assert await store.seal(log.pool) == 1
        assert await log.found() == [("backdated", 100001), ("inserted", 100000)]

    logged(work)


def test_lines_or_seals_that_change_places_are_found(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        swap = (
            "UPDATE {table} SET {column} = other.{column} FROM {table} AS other"
            " WHERE ({table}.entry_id, other.entry_id) IN (($1::bigint, $2::bigint), ($2, $1))"
        )
        await log.tamper(swap.format(table="audit_log", column="subject"), entries[3], entries[9])
        assert await log.found() == [("changed", entries[3]), ("changed", entries[9])]
        await log.tamper(swap.format(table="audit_log", column="subject"), entries[3], entries[9])
        assert await log.found() == []
        await log.tamper(swap.format(table="audit_seals", column="hash"), entries[3], entries[9])
        places = [entry for wrong, entry in await log.found()]
        assert {entries[3], entries[9]} <= set(places)

    logged(work)


def test_a_removed_seal_is_found(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        await log.tamper("DELETE FROM audit_seals WHERE number = 4")
        assert await log.found() == [("seal_removed", 4), ("inserted", entries[3])]

    logged(work)


def test_a_chain_that_was_made_anew_or_cut_off_is_whole_but_lacks_the_head_that_was_kept_elsewhere(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        async with log.pool.acquire() as connection:
            kept = await store.head(connection)
        assert await log.found(kept) == []
        await log.fill(3)
        assert await log.found(kept) == [], "it goes on after the head"
        await log.tamper("UPDATE audit_log SET actor = 'nobody' WHERE entry_id = $1", entries[5])
        await log.tamper("DELETE FROM audit_seals")
        await log.tamper("INSERT INTO audit_unsealed SELECT entry_id FROM audit_log")
        await store.seal(log.pool)
        assert await log.found() == []
        assert await log.found(kept) == [("head", FORTY)]

    logged(work)


def test_a_part_of_the_log_is_verified_by_itself(logged: Logged) -> None:
    async def work(log: Log) -> None:
        entries = await log.fill()
        await asyncio.sleep(0)
        begin = await log.pool.fetchval("SELECT clock_timestamp()")
        later = await log.fill(5)
        await log.tamper("UPDATE audit_log SET actor = 'nobody' WHERE entry_id = ANY ($1)", [entries[5], later[-1]])
        assert await log.found(begin=begin) == [("changed", later[-1])]
        assert (await log.report(begin=begin)).lines == 5
        assert (await log.report(begin=begin + dt.timedelta(days=1))).lines == 0

    logged(work)


def test_the_commands_say_which_line_and_end_with_a_status(
    empty_database: Postgres, logged: Logged, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    credentials._write(msgspec.structs.replace(empty_database.credentials))
    entries: list[int] = []

    async def fill(log: Log) -> None:
        entries.extend(await log.fill())

    async def change(log: Log) -> None:
        await log.tamper("UPDATE audit_log SET actor = 'nobody' WHERE entry_id = $1", entries[5])

    logged(fill)
    assert command_line.main(["audit", "head"]) == 0
    head = capsys.readouterr().out.strip()
    assert head.startswith(f"{FORTY}:")
    assert command_line.main(["audit", "verify", "--head", head]) == 0
    assert f"{FORTY} lines verified" in capsys.readouterr().out
    logged(change)
    today = str(clock.now().date() - dt.timedelta(days=1))
    assert command_line.main(["audit", "verify", "--from", today]) == 1
    assert f"line {entries[5]} was changed" in capsys.readouterr().out
    assert command_line.main(["audit", "verify", "--json"]) == 1
    said = json.loads(capsys.readouterr().out)
    assert [one["entry_id"] for one in said["findings"]] == [entries[5]]
    wrong = head[:-1] + ("0" if head[-1] != "0" else "1")
    assert command_line.main(["audit", "verify", "--to", "2001-01-01", "--head", wrong]) == 1
    with pytest.raises(SystemExit):
        command_line.main(["audit", "verify", "--head", "x"])


# --- the arithmetic ---------------------------------------------------------------------------------------------------------

_TEXT = st.text(max_size=20)
_LINES = st.lists(st.tuples(_TEXT, _TEXT, _TEXT, _TEXT), min_size=1, max_size=12)


def _links(values: list[tuple[str, str, str, str]]) -> list[Link]:
    before, links = chain.BEGINNING, []
    for number, (actor, action, subject, detail) in enumerate(values, start=1):
        line = Line(number * 3, number, actor, action, subject, detail)
        before = chain.seal(before, line)
        links.append(Link(number, line.entry_id, before, line))
    return links


def _verified(links: list[Link]) -> Verification:
    found = Verification()
    for link in links:
        found.see(link)
    return found


@given(_LINES, st.data())
def test_any_one_text_that_is_changed_is_told_of_its_line_alone(
    values: list[tuple[str, str, str, str]], data: st.DataObject
) -> None:
    links = _links(values)
    assert _verified(links).findings == []
    place = data.draw(st.integers(0, len(links) - 1))
    column = data.draw(st.sampled_from(["actor", "action", "subject", "detail"]))
    link = links[place]
    assert link.line is not None
    other = data.draw(_TEXT.filter(lambda text: text != getattr(link.line, column)))
    links[place] = msgspec.structs.replace(link, line=msgspec.structs.replace(link.line, **{column: other}))
    assert [(one.wrong, one.entry_id) for one in _verified(links).findings] == [("changed", link.entry_id)]


@given(_LINES, st.data())
def test_any_two_that_change_places_are_found(values: list[tuple[str, str, str, str]], data: st.DataObject) -> None:
    links = _links(values)
    one, other = (data.draw(st.integers(0, len(links) - 1)) for _ in range(2))
    a, b = links[one], links[other]
    links[one] = msgspec.structs.replace(a, line=b.line, entry_id=b.entry_id)
    links[other] = msgspec.structs.replace(b, line=a.line, entry_id=a.entry_id)
    assert bool(_verified(links).findings) is (one != other)


def test_texts_cannot_move_from_one_column_to_the_next() -> None:
    one, other = Line(1, 1, "ab", "c", "", "{}"), Line(1, 1, "a", "bc", "", "{}")
    assert chain.seal(chain.BEGINNING, one) != chain.seal(chain.BEGINNING, other)


def test_a_seal_with_an_absurd_number_names_so_many_that_are_missing_and_no_more() -> None:
    found = Verification()
    found.see(Link(10**12, 1, b"", None))
    assert len(found.findings) < 2000 and found.head.number == 10**12
