"""Ticket drafts on a real PostgreSQL: made once, read by who may, amended until a ticket is made of them."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from acd import drafts
from acd.drafts import Attempt, Draft
from acd.errors import RefusedError
from acd.permissions import Person
from hotline import database

if TYPE_CHECKING:
    from tests.conftest import Postgres

AT = dt.datetime(2026, 11, 22, 1, 0, tzinfo=dt.UTC)
ATTEMPTS = [
    Attempt(number="83120001", dialled_at=AT, ended_at=AT + dt.timedelta(seconds=3), result="BUSY", cause="17"),
    Attempt(number="83120002", dialled_at=AT + dt.timedelta(seconds=8), result="NOANSWER"),
]
DRAFT = Draft(
    node="node1",
    call_id="1763740799.7",
    threeway_id="t1",
    caller="13800000001",
    contact_number="13800000001",
    unit="U01",
    unit_name="城市管理局",
    question="路灯不亮",
    consent=True,
    attempts=ATTEMPTS,
    outcome="unreachable",
    made_by="1001",
    made_at=AT,
)
AGENT, COLLEAGUE = Person("li", "agent", "1001"), Person("wang", "agent", "1002")
LEADER, DISPATCHER, QUALITY = Person("zhao", "shift_leader"), Person("sun", "dispatcher", "1009"), Person("qian", "quality")


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(pool)

    asyncio.run(run())


def test_a_draft_is_made_once_of_a_three_way_call_and_read_as_it_was_made(empty_database: Postgres) -> None:
    """TWC-15: consent, unit, both attempts with times and causes, outcome."""

    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            first = await drafts.make(connection, DRAFT)
            assert await drafts.make(connection, msgspec.structs.replace(DRAFT, draft_id=uuid.uuid4(), question="again")) == first
            another = msgspec.structs.replace(DRAFT, draft_id=uuid.uuid4(), threeway_id="t2")
            assert await drafts.make(connection, another) == another.draft_id != first
        assert await drafts.get(pool, AGENT, first) == DRAFT

    with_pool(empty_database, work)


def test_agents_see_their_own_drafts_and_who_leads_or_dispatches_sees_all(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            await drafts.make(connection, DRAFT)
            theirs = msgspec.structs.replace(DRAFT, draft_id=uuid.uuid4(), call_id="1763740800.9", made_by="1002")
            await drafts.make(connection, theirs)
        for person, count in ((AGENT, 1), (COLLEAGUE, 1), (LEADER, 2), (DISPATCHER, 2)):
            page = await drafts.listed(pool, person)
            assert (len(page.drafts), page.total) == (count, count), person
        assert (await drafts.listed(pool, LEADER, limit=1, page=2)).total == 2
        with pytest.raises(RefusedError, match="not_allowed"):
            await drafts.get(pool, COLLEAGUE, DRAFT.draft_id)
        with pytest.raises(RefusedError, match="not_allowed"):
            await drafts.listed(pool, QUALITY)
        with pytest.raises(RefusedError, match="unknown_draft"):
            await drafts.get(pool, AGENT, uuid.uuid4())

    with_pool(empty_database, work)


def test_what_the_citizen_said_is_amended_until_a_ticket_is_made_of_it(empty_database: Postgres) -> None:
    """TWC-05, TWC-11: the question and the contact number in detail, and further questions."""

    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            await drafts.make(connection, DRAFT)
        amended = await drafts.amend(pool, AGENT, DRAFT.draft_id, question="灯杆 12 号不亮", further_questions="几点修?")
        assert amended == msgspec.structs.replace(DRAFT, question="灯杆 12 号不亮", further_questions="几点修?")
        with pytest.raises(RefusedError, match="not_allowed"):
            await drafts.amend(pool, COLLEAGUE, DRAFT.draft_id, question="x")
        async with pool.acquire() as connection:
            assert await drafts.take(connection, DRAFT.draft_id)
            assert not await drafts.take(connection, DRAFT.draft_id)
        with pytest.raises(RefusedError, match="draft_taken"):
            await drafts.amend(pool, AGENT, DRAFT.draft_id, question="x")
        assert (await drafts.listed(pool, AGENT)).total == 0
        assert (await drafts.listed(pool, AGENT, taken=True)).total == 1

    with_pool(empty_database, work)


def test_every_look_at_a_draft_leaves_a_line_without_what_the_citizen_said(empty_database: Postgres) -> None:
    """SEC-12."""

    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection:
            await drafts.make(connection, DRAFT)
        await drafts.get(pool, AGENT, DRAFT.draft_id)
        await drafts.listed(pool, LEADER)
        await drafts.amend(pool, AGENT, DRAFT.draft_id, contact_number="13900000002")
        rows = await pool.fetch("SELECT actor, action, subject, detail::text FROM audit_log ORDER BY entry_id")
        subject = f"draft:{DRAFT.draft_id}"
        assert [(row["actor"], row["action"], row["subject"], json.loads(row["detail"])) for row in rows] == [
            ("li", "draft.read", subject, {}),
            ("zhao", "draft.list", "drafts", {"drafts": [str(DRAFT.draft_id)]}),
            ("li", "draft.amend", subject, {"values": ["contact_number"]}),
        ]

    with_pool(empty_database, work)
