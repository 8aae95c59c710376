"""Tickets that belong together (TKT-17, TKT-18): merged, linked, in storms; nobody who called is forgotten."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from crm.errors import RefusedError
from crm.tickets import history
from tests.db.test_ticket_storms import SUBSCRIBED, sound
from tests.ticket_desk import (
    AGENT,
    CALLER_BACK,
    CLERK,
    COLLEAGUE,
    DISPATCHER,
    HEAD,
    OTHER,
    REPLY,
    SUPERVISION,
    Desk,
    with_desk,
)

if TYPE_CHECKING:
    from tests.conftest import Postgres

CHILDREN = 50
RATED: dict[str, Any] = {"unit_replied": True, "process_satisfaction": "satisfied", "solved": True, "verified": True}


async def refused(code: str, work: Any) -> None:
    with pytest.raises(RefusedError) as told:
        await work
    assert told.value.code == code, told.value


async def states(desk: Desk) -> dict[str, int]:
    return dict(await desk.owner.fetch("SELECT state, count(*) FROM tickets GROUP BY 1"))


async def heard(desk: Desk, ticket_id: int) -> tuple[str, str]:
    row = await desk.owner.fetchrow("SELECT state, result FROM ticket_answers WHERE ticket_no = $1", str(ticket_id))
    return row["state"].removeprefix("ticket-state-"), row["result"]


def test_fifty_callers_of_one_event_get_the_answer_that_the_unit_gave_once_and_a_call_back_each(empty_database: Postgres) -> None:
    """TKT-18: in the transaction of the reply, each with its history, clock, spoken answer and line for other systems."""

    async def work(desk: Desk) -> None:
        await desk.owner.execute(SUBSCRIBED)
        above = await desk.dispatched("U01")
        below = [await desk.open(accept=True, caller_name=f"居民{number}", caller_phone=f"138000010{number:02}")
                 for number in range(CHILDREN)]  # fmt: skip
        for one in below:
            await desk.act(AGENT, one, "link", parent=above, reason="同一处路灯")
        await desk.act(CLERK, above, "receive")
        await desk.act(CLERK, above, "reply", **REPLY)
        assert (await states(desk)) == {"reply_proposed": 1, "accepted": CHILDREN}
        done = await desk.act(HEAD, above, "approve_reply")
        assert done.warnings == ()
        assert await states(desk) == {"callback_pending": CHILDREN + 1}
        assert (
            await desk.value("SELECT count(*) FROM ticket_clocks WHERE kind = 'callback' AND stopped_at IS NULL") == CHILDREN + 1
        )
        assert await desk.value("SELECT count(DISTINCT result) FROM ticket_replies") == 1
        assert {await heard(desk, one) for one in below} == {("answered", "ticket-result-solved")}
        line = await desk.owner.fetchrow("SELECT actor, role, detail FROM ticket_events WHERE action = 'take_answer' LIMIT 1")
        assert (line["actor"], line["role"], str(above) in line["detail"]) == (HEAD.username, HEAD.role, True)
        assert [len((await history.view(desk.parts, AGENT, one)).replies) for one in below[:2]] == [1, 1]
        with pytest.raises(RefusedError):
            await history.view(desk.parts, CLERK, below[0])
        await desk.act(CALLER_BACK, below[0], "call_back", **RATED, result_satisfaction="satisfied")
        bad = {**RATED, "solved": False, "result_satisfaction": "dissatisfied", "judgement": "reasonable", "reason": "仍不亮"}
        await desk.act(CALLER_BACK, below[1], "call_back", **bad)
        await desk.act(SUPERVISION, below[1], "send_redo", reason="未解决")
        assert (await history.view(desk.parts, CLERK, below[1])).ticket["state"] == "redo"
        await sound(desk.owner)

    with_desk(empty_database, work)


def test_who_cannot_take_the_answer_goes_on_and_whoever_replied_is_told_so(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        above, elsewhere, draft = await desk.dispatched("U01"), await desk.dispatched("U02"), await desk.open()
        for one in (elsewhere, draft):
            await desk.act(AGENT, one, "link", parent=above, reason="同一处路灯")
        await desk.act(CLERK, above, "receive")
        assert (await desk.act(HEAD, above, "reply", **REPLY)).warnings == ("below_left",)
        assert await states(desk) == {"callback_pending": 1, "dispatched": 1, "draft": 1}
        await refused("has_a_unit", desk.act(DISPATCHER, elsewhere, "take_answer"))
        await desk.act(AGENT, draft, "accept")
        assert (await desk.act(DISPATCHER, draft, "take_answer")).state == "callback_pending"
        late = await desk.open(accept=True)
        assert (await desk.act(AGENT, late, "link", parent=above, reason="同一处")).state == "callback_pending"
        alone = await desk.open(accept=True)
        await refused("not_answered_above", desk.act(DISPATCHER, alone, "take_answer"))
        await sound(desk.owner)

    with_desk(empty_database, work)


def test_replies_and_links_at_the_same_moment_wait_for_each_other_and_lose_nobody(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        for _ in range(3):
            above = await desk.dispatched("U01")
            await desk.act(CLERK, above, "receive")
            below = [await desk.open(accept=True) for _ in range(8)]
            jobs = [desk.act(AGENT, one, "link", parent=above, reason="同一处") for one in below]
            jobs.insert(4, desk.act(HEAD, above, "reply", **REPLY))
            await asyncio.gather(*jobs)
        assert await states(desk) == {"callback_pending": 27}
        await sound(desk.owner)

    with_desk(empty_database, work)


def test_a_merge_is_a_contact_of_the_ticket_that_goes_on_and_another_citizens_is_not_merged(empty_database: Postgres) -> None:
    """TKT-17."""

    async def work(desk: Desk) -> None:
        into, again = await desk.open(accept=True), await desk.open(accept=True)
        stranger = await desk.open(accept=True, caller_name="李四", caller_phone="13900000044")
        await refused("another_citizen", desk.act(AGENT, stranger, "merge", into=into, reason="同一处"))
        await desk.act(AGENT, again, "merge", into=into, reason="又来电")
        kinds = "SELECT array_agg(kind ORDER BY at, kind) FROM ticket_contacts WHERE ticket_id = $1"
        assert await desk.value(kinds, into) == ["first", "repeat"]
        await desk.act(DISPATCHER, again, "unmerge", reason="不是")
        await desk.act(AGENT, again, "merge", into=into, reason="还是")
        assert await desk.value(kinds, into) == ["first", "repeat"]
        await sound(desk.owner)

    with_desk(empty_database, work)


def test_along_a_chain_of_merges_everybody_hears_what_became_of_the_last_ticket(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        first, second, third = [await desk.open(accept=True) for _ in range(3)]
        await desk.act(AGENT, first, "merge", into=second, reason="重复")
        last = await desk.dispatched("U01")
        await desk.act(AGENT, second, "merge", into=last, reason="重复")
        assert await heard(desk, first) == await heard(desk, second) == ("assigned", "")
        await desk.act(CLERK, last, "receive")
        assert await heard(desk, first) == ("handling", "")
        await desk.act(HEAD, last, "reply", **REPLY)
        assert await heard(desk, first) == await heard(desk, second) == ("answered", "ticket-result-solved")
        await refused("target_ended", desk.act(AGENT, third, "merge", into=first, reason="重复"))
        await desk.act(CALLER_BACK, last, "call_back", **RATED, result_satisfaction="satisfied")
        assert await heard(desk, first) == ("closed", "ticket-result-solved")
        done = await desk.act(DISPATCHER, second, "unmerge", reason="不是同一件事")
        assert done.state == "accepted", "the ticket that it was merged into is closed"
        assert await heard(desk, first) == await heard(desk, second) == ("accepted", "")
        await desk.act(AGENT, second, "submit")
        await sound(desk.owner)

    with_desk(empty_database, work)


def test_everybody_merges_links_and_undoes_at_once_and_no_circle_is_made(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        tickets = [await desk.open(accept=True) for _ in range(4)]

        async def tangled(turn: int) -> None:
            one, other = tickets[turn % 4], tickets[(turn // 4 + turn + 1) % 4]
            for who, action, values in (
                (AGENT, "merge", {"into": other, "reason": "重复"}),
                (AGENT, "link", {"parent": other, "reason": "同一处"}),
                (DISPATCHER, "unmerge", {"reason": "不是"}),
                (COLLEAGUE, "link", {"reason": "不是"}),
            ):
                with suppress(RefusedError):
                    await desk.act(who, one, action, **values)

        await asyncio.gather(*(tangled(turn) for turn in range(24)))
        circle = """WITH RECURSIVE way (begin, ticket_id, depth) AS (
                SELECT ticket_id, coalesce(merged_into, parent_id), 1 FROM tickets
                UNION ALL SELECT begin, coalesce(t.merged_into, t.parent_id), depth + 1
                FROM way JOIN tickets AS t USING (ticket_id) WHERE depth < 20
            ) SELECT count(*) FROM way WHERE begin = ticket_id"""
        assert await desk.value(circle) == 0
        deeper = "SELECT count(*) FROM tickets AS t JOIN tickets AS p ON p.ticket_id = t.parent_id WHERE p.parent_id IS NOT NULL"
        assert await desk.value(deeper) == 0
        await sound(desk.owner)
        await refused("not_allowed", desk.act(OTHER, tickets[0], "merge", into=tickets[1], reason="x"))

    with_desk(empty_database, work)
