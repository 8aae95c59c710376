"""Numbers and moments: many who open at once, midnight in the middle, other time zones; texts that attack, in every action."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from msgspec import inspect

from acd.parts import Parts
from crm.tickets import history, lists, numbering, store
from crm.tickets.contacts import NewContact
from crm.tickets.intake import Opening
from crm.tickets.orders import VALUES
from crm.tickets.ticket import Ticket
from crm.units import taxonomy
from hotline.clock import SHANGHAI
from hotline.directory import store as directory
from hotline.directory.kinds import UnitEntry
from tests.db.test_ticket_storms import sound
from tests.ticket_desk import AGENT, CLERK, DISPATCHER, OFFICE, OTHER, REPLY, Desk, with_desk
from tests.ticket_ways import BEGINNINGS, PEOPLE, take, ways

if TYPE_CHECKING:
    from tests.conftest import Postgres

OPENED, LINES = 200, 8
MIDNIGHT = dt.datetime(2028, 2, 28, 16, tzinfo=dt.UTC)
"""Of Shanghai: the first moment of 29 February."""
HOSTILE = "<script>alert(1)</script>'; DROP TABLE tickets; --\\ =cmd|'/C calc'!A0 {{7*7}} %s \u202eevil\u200b 𠮷🙈"
REFUSED = ("\x00", "a\x00b", "\x1b[31m", "\x7f", "\ud800", "ok\udfff")


class _Undone(Exception):
    """The transaction is given up."""


def test_two_hundred_who_open_at_once_around_midnight_get_numbers_without_a_hole_in_the_order_of_their_commits(
    empty_database: Postgres,
) -> None:
    """TKT-08: also when some are given up, and when who began before midnight comes to it after."""

    async def work(desk: Desk) -> None:
        chance = random.Random(8)
        days: Counter[int] = Counter()
        before = "SELECT count(*) FROM tickets WHERE ticket_id / 100000 = $1"

        async def opened(number: int) -> None:
            now = MIDNIGHT + dt.timedelta(milliseconds=chance.choice((-2000, -1, 0, 1, 3000)))
            try:
                async with desk.parts.pool.acquire() as connection, connection.transaction():
                    one = await numbering.next_id(connection, now)
                    day, place = divmod(one, 100_000)
                    assert day == (20280228 if now < MIDNIGHT else 20280229)
                    assert await connection.fetchval(before, day) == place - 1, "those before it are committed, and no others"
                    await store.add(connection, Ticket(ticket_id=one, made_at=now, made_by=str(number)))
                    if chance.random() < 0.2:
                        raise _Undone
                    days[day] += 1
            except _Undone:
                pass

        await asyncio.gather(*(opened(number) for number in range(OPENED)))
        rows = await desk.owner.fetch(
            "SELECT ticket_id / 100000 AS day, count(*), max(ticket_id % 100000) FROM tickets GROUP BY 1"
        )
        assert {row["day"]: row["count"] for row in rows} == days and len(days) == 2
        assert all(row["count"] == row["max"] for row in rows)
        assert sum(days.values()) < OPENED

    with_desk(empty_database, work)


@pytest.fixture
def in_zone(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts this process into another time zone."""

    def put(zone: str) -> None:
        monkeypatch.setenv("TZ", zone)
        time.tzset()

    yield put
    monkeypatch.undo()
    time.tzset()


@pytest.mark.parametrize("zone", ["America/New_York", "Pacific/Kiritimati"])
def test_the_zone_of_the_server_and_of_who_asks_changes_no_day_and_no_moment(
    empty_database: Postgres, in_zone: Callable[[str], None], zone: str
) -> None:
    in_zone(zone)

    async def work(desk: Desk) -> None:
        async with asyncpg.create_pool(empty_database.dsn, min_size=0, server_settings={"timezone": zone}) as pool:
            elsewhere = Desk(Parts(desk.parts.settings, pool, "node1"), desk.owner)
            given: dict[str, Any] = {"upstream_system": "p", "upstream_no": "1", "upstream_due_at": "2028-02-29T23:30:00-05:00"}
            one = await elsewhere.open(accept=True, **given)
            due = await desk.value("SELECT upstream_due_at FROM tickets")
            assert due == dt.datetime(2028, 3, 1, 4, 30, tzinfo=dt.UTC)
            day = "SELECT to_char(made_at AT TIME ZONE 'Asia/Shanghai', 'YYYYMMDD') FROM tickets"
            assert str(one).startswith(await desk.value(day))
            await elsewhere.act(AGENT, one, "edit", upstream_due_at="2028-03-01T12:30:00+08:00")
            view = await history.view(elsewhere.parts, OFFICE, one)
            assert dt.datetime.fromisoformat(view.ticket["upstream_due_at"]) == due
            (newest, *_) = (await history.history(elsewhere.parts, OFFICE, one)).events
            assert newest.action == "edit" and "changed" not in newest.detail, "it is the same moment"
            due_at = "SELECT due_at FROM ticket_clocks WHERE kind = 'dispatch'"
            assert (await desk.value(due_at)).astimezone(SHANGHAI).strftime("%H:%M") in ("17:00", "12:00", "16:30")

    with_desk(empty_database, work)


def test_a_leaf_of_the_taxonomy_that_is_withdrawn_keeps_no_ticket_from_going_on(empty_database: Postgres) -> None:
    """TAX-21: the class was valid on its day."""

    async def work(desk: Desk) -> None:
        await taxonomy.put_first(desk.owner)
        one, two = await desk.open(accept=True), await desk.dispatched()
        await desk.owner.execute("UPDATE taxonomy_items SET active = false WHERE code = 'C1.03'")
        await desk.act(AGENT, one, "submit")
        await desk.act(DISPATCHER, one, "edit", demand="修好路灯")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U01")
        for ticket_id in (one, two):
            await desk.act(CLERK, ticket_id, "receive")

    with_desk(empty_database, work)


def test_a_unit_that_left_the_directory_is_seen_to_have_tickets_and_they_go_to_another(empty_database: Postgres) -> None:
    """GEN-23, DSP-05."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("U01")
        await desk.act(CLERK, one, "receive")
        await desk.act(CLERK, one, "reply", **REPLY)
        assert (await lists.adrift(desk.parts, OFFICE)).tickets == []
        left = [{"code": code, "name": code, "numbers": [{"number": "83120001"}]} for code in ("U02",)]
        await directory.put(desk.owner, "units", msgspec.convert(left, list[UnitEntry]), actor="x", file="x")
        (line,) = (await lists.adrift(desk.parts, OFFICE)).tickets
        assert (line.number, line.lacks) == (f"T{one}", ["owner"])
        await desk.act(DISPATCHER, one, "recall", reason="单位已撤销")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U02")
        await desk.act(OTHER, one, "receive")
        assert (await lists.adrift(desk.parts, OFFICE)).tickets == []
        await sound(desk.owner)

    with_desk(empty_database, work)


def texts_of(kind: Any) -> dict[str, inspect.StrType]:
    """The fields of a body that hold words of people: lines, words, texts; not codes and telephone numbers."""
    found: dict[str, inspect.StrType] = {}
    body = inspect.type_info(kind)
    assert isinstance(body, inspect.StructType)
    for field in body.fields:
        types = field.type.types if isinstance(field.type, inspect.UnionType) else (field.type,)
        for one in types:
            if isinstance(one, inspect.StrType) and (one.max_length or 10**9) >= 200:
                found[field.name] = one
    return found


@pytest.mark.parametrize("kind", [*dict.fromkeys(VALUES.values()), Opening, NewContact])
def test_no_body_takes_a_text_that_cannot_be_kept(kind: Any) -> None:
    """NUL, control characters, half surrogates, and more than the longest: in every field of every action."""
    for name, text in texts_of(kind).items():
        for bad in (*REFUSED, "x" * ((text.max_length or 0) + 1)):
            with pytest.raises((msgspec.ValidationError, UnicodeEncodeError)) as told:
                msgspec.convert({name: bad}, kind)
            assert name in str(told.value) or isinstance(told.value, UnicodeEncodeError), (name, bad[:9], told.value)


def test_texts_that_attack_are_kept_to_the_letter_in_every_field_of_every_action(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        await taxonomy.put_first(desk.owner)
        other = await desk.replied()
        tried = 0
        for action, (beginning, way) in ways().items():
            who, given = BEGINNINGS[beginning]
            one = await desk.open(PEOPLE[who], **({**given, "upstream_no": action} if "upstream_no" in given else given))
            for step in way[:-1]:
                await take(desk, step, one, other)
            who, _, values = way[-1]
            texts = {name: f"{values[name]}{HOSTILE}"[:200] for name in texts_of(VALUES[action]) if values.get(name)}
            await take(desk, (who, action, {**values, **texts}), one, other)
            kept = await _kept(desk, one)
            missing = {name for name, text in texts.items() if text not in kept}
            assert not missing, (action, missing)
            tried += len(texts)
            shown = set(_strings(msgspec.to_builtins(await history.view(desk.parts, OFFICE, one))))
            shown |= set(_strings(msgspec.to_builtins(await history.history(desk.parts, OFFICE, one, limit=200))))
            assert set(texts.values()) <= shown, action
        assert tried > 40

    with_desk(empty_database, work, trainee_release=True)


async def _kept(desk: Desk, ticket_id: int) -> set[str]:
    """Every text of every row of this ticket."""
    found: set[str] = set()
    for table in ("tickets", "ticket_events", "ticket_tasks", "ticket_requests", "ticket_replies", "ticket_callbacks",
                  "ticket_supervisions", "ticket_papers", "ticket_contacts"):  # fmt: skip
        rows = await desk.owner.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t WHERE ticket_id = $1", ticket_id)
        found |= {text for row in rows for text in _strings(json.loads(row["row"]))}
    return found


def _strings(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list | tuple) else ()
    return [text for one in inner for text in _strings(one)]
