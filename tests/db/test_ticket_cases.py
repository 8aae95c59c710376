"""What is done to tickets on a real PostgreSQL: all of it or nothing, by who may, on what was seen (LIF-34, LIF-40, LIF-41)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from crm.errors import RefusedError
from crm.tickets import cases, history, store
from crm.tickets.orders import NoValues
from hotline import clock, database
from tests.ticket_desk import (
    AGENT,
    BELOW,
    CALLER_BACK,
    CLERK,
    COLLEAGUE,
    DISPATCHER,
    HEAD,
    NUMBER,
    OTHER,
    REPLY,
    SUPERVISION,
    Desk,
    with_desk,
)

if TYPE_CHECKING:
    from tests.conftest import Postgres

REACHED: dict[str, Any] = {"unit_replied": True, "process_satisfaction": "satisfied", "solved": True, "verified": True}


async def refused(code: str, work: Any) -> dict[str, Any]:
    with pytest.raises(RefusedError) as told:
        await work
    assert told.value.code == code, told.value
    return told.value.details


async def state(desk: Desk, ticket_id: int) -> str:
    return str(await desk.value("SELECT state FROM tickets WHERE ticket_id = $1", ticket_id))


def test_a_ticket_goes_all_the_way_and_its_history_says_who_when_from_to_and_why(empty_database: Postgres) -> None:
    """The story: dispatch, return, dispatch again, extension, reply, dissatisfied, redo, reply, satisfied, archive (LIF-41)."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("U02")
        await desk.act(OTHER, one, "ask_return", reason="不属于我单位职责", suggested="U01")
        await desk.act(DISPATCHER, one, "approve_return")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U01")
        await desk.act(CLERK, one, "receive")
        await desk.act(CLERK, one, "ask_extension", reason="需要订购电缆", days=3)
        before = await desk.value("SELECT due_at FROM tickets")
        await desk.act(DISPATCHER, one, "approve_extension")
        assert await desk.value("SELECT due_at FROM tickets") > before
        await refused(
            "reply_empty", desk.act(HEAD, one, "reply", **{**REPLY, "result": "已安排", "present_state": "已联系", "basis": "无"})
        )
        await desk.act(HEAD, one, "reply", **REPLY)
        no = {
            "process_satisfaction": "dissatisfied",
            "result_satisfaction": "dissatisfied",
            "solved": False,
            "judgement": "reasonable",
        }
        await desk.act(CALLER_BACK, one, "call_back", **{**REACHED, **no, "reason": "仍不亮"})
        await desk.act(SUPERVISION, one, "send_redo", reason="未解决")
        await desk.act(CLERK, one, "receive")
        await desk.act(HEAD, one, "reply", **{**REPLY, "head_signed": "李局长"})
        await desk.act(CALLER_BACK, one, "call_back", **{**REACHED, "result_satisfaction": "satisfied"})
        assert (await desk.act(CALLER_BACK, one, "archive")).state == "archived"
        rows = await desk.owner.fetch(
            "SELECT seq, actor, role, action, from_state, to_state, reason FROM ticket_events ORDER BY seq"
        )
        assert [row["seq"] for row in rows] == list(range(1, len(rows) + 1))
        assert [row["to_state"] for row in rows[:-1]] == [row["from_state"] for row in rows[1:]]
        assert ("ask_return", "other", "不属于我单位职责") in {(row["action"], row["actor"], row["reason"]) for row in rows}
        assert await desk.value("SELECT count(*) FROM ticket_tasks WHERE ended_at IS NULL") == 0
        assert await desk.value("SELECT count(*) FROM audit_log WHERE subject = $1", f"ticket:{one}") >= len(rows)
        assert await desk.value("SELECT count(*) FROM ticket_clocks WHERE stopped_at IS NULL") == 0

    with_desk(empty_database, work)


def test_who_saw_an_older_version_is_told_who_changed_what(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        seen = await desk.value("SELECT version FROM tickets")
        await desk.act(AGENT, one, "edit", version=seen, demand="修好路灯", event_place="幸福路")
        told = await refused("changed_meanwhile", desk.act(AGENT, one, "edit", version=seen, demand="x"))
        assert (told["by"], told["version"]) == ("1001", seen + 1)
        assert [(one["action"], sorted(one["fields"])) for one in told["changes"]] == [("edit", ["demand", "event_place"])]
        assert await desk.value("SELECT demand FROM tickets") == "修好路灯"
        await desk.act(AGENT, one, "submit", version=seen + 1)

    with_desk(empty_database, work)


def test_of_two_who_act_at_once_one_does_it_and_the_other_is_told(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        seen = await desk.value("SELECT version FROM tickets")

        async def edit(at: int) -> str:
            try:
                await desk.act(AGENT, one, "edit", version=seen, demand=f"要求 {at}")
            except RefusedError as error:
                return error.code
            return "done"

        found = await asyncio.gather(*(edit(at) for at in range(6)))
        assert sorted(found) == ["changed_meanwhile"] * 5 + ["done"]
        assert await desk.value("SELECT version FROM tickets") == seen + 1

    with_desk(empty_database, work)


def test_merges_of_the_same_tickets_from_both_sides_never_wait_for_each_other(empty_database: Postgres) -> None:
    """Rows are locked in the order of their ids."""

    async def work(desk: Desk) -> None:
        for _ in range(4):
            one, two = await desk.open(accept=True), await desk.open(accept=True)
            found = await asyncio.gather(
                desk.act(AGENT, one, "merge", into=two, reason="重复"),
                desk.act(AGENT, two, "merge", into=one, reason="重复"),
                return_exceptions=True,
            )
            assert sum(isinstance(each, RefusedError) for each in found) == 1, found
            merged = one if await state(desk, one) == "merged" else two
            back = await desk.act(DISPATCHER, merged, "unmerge", reason="不是同一件事")
            assert back.state == "accepted"

    with_desk(empty_database, work)


def test_a_unit_acts_on_what_it_has_or_a_unit_below_it_and_on_nothing_else(empty_database: Postgres) -> None:
    """LIF-34; refusals leave a line in the audit log (SEC-12)."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("U0101")
        await refused("not_allowed", desk.act(OTHER, one, "receive"))
        await desk.act(BELOW, one, "receive")
        await desk.act(CLERK, one, "note", text="已了解")
        two = await desk.dispatched("U01")
        await refused("not_allowed", desk.act(BELOW, two, "receive"))
        await desk.act(CLERK, two, "ask_return", reason="不属于我单位职责")
        await desk.act(DISPATCHER, two, "approve_return")
        await refused("not_allowed", desk.act(CLERK, two, "note", text="x"))
        nobodys = await desk.open(accept=True)
        await refused("not_allowed", desk.act(CLERK, nobodys, "note", text="x"))
        await refused("unknown_ticket", desk.act(CLERK, 2026010100001, "note", text="x"))
        lines = await desk.owner.fetch(
            "SELECT actor, subject FROM audit_log WHERE action = 'ticket.receive.refused' ORDER BY entry_id"
        )
        assert [tuple(row) for row in lines] == [("other", f"ticket:{one}"), ("below", f"ticket:{two}")]

    with_desk(empty_database, work)


def test_a_unit_that_is_accused_does_not_learn_of_it_even_if_it_has_a_task(empty_database: Postgres) -> None:
    """SEC-02."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("U01")
        await desk.owner.execute("UPDATE tickets SET accused_unit = 'U01', misconduct = true")
        await refused("not_allowed", desk.act(CLERK, one, "receive"))

    with_desk(empty_database, work)


def test_an_agent_acts_on_what_it_accepted_itself(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open()
        await refused("not_allowed", desk.act(COLLEAGUE, one, "accept"))
        await refused("unknown_action", cases.act(desk.parts, AGENT, one, "delete", NoValues()))
        await desk.act(AGENT, one, "accept")

    with_desk(empty_database, work)


def test_a_refusal_changes_nothing_at_all(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(content="短", accept=False)
        before = await everything(desk)
        await refused("text_too_short", desk.act(AGENT, one, "accept"))
        await refused("wrong_state", desk.act(DISPATCHER, one, "dispatch", lead_unit="U01"))
        assert await everything(desk) == before

    with_desk(empty_database, work)


async def everything(desk: Desk) -> dict[str, str]:
    """All that use cases of tickets write, but for the audit log."""
    found = {}
    for table in ("tickets", "ticket_events", "ticket_tasks", "ticket_contacts", "ticket_identities", "ticket_clocks",
                  "ticket_answers", "ticket_words", "ticket_days", "callers", "webhook_deliveries"):  # fmt: skip
        rows = await desk.owner.fetch(f"SELECT to_jsonb(t)::text AS row FROM {table} AS t ORDER BY 1")
        found[table] = "\n".join(row["row"] for row in rows)
    return found


STEPS = ("lock", "load", "beside", "save", "add_event", "complete_tasks", "told")
"""Queries of a use case, from its first to its last."""


@pytest.mark.parametrize("step", STEPS)
def test_a_connection_that_is_lost_in_the_middle_leaves_nothing_half_done(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The server ends the session right before this step; asked again, all of it is done."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("U01")
        before = await everything(desk)
        fetch = {name: getattr(asyncpg.Connection, name) for name in ("fetch", "fetchval", "fetchrow", "execute")}

        def dying(name: str) -> Any:
            async def run(self: asyncpg.Connection, query: str, *values: Any, **more: Any) -> Any:
                if query == store.QUERIES[step]:
                    await desk.owner.fetchval("SELECT pg_terminate_backend($1)", self.get_server_pid())
                return await fetch[name](self, query, *values, **more)

            return run

        with monkeypatch.context() as patched:
            for name in fetch:
                patched.setattr(asyncpg.Connection, name, dying(name))
            with pytest.raises(database.AWAY):
                await desk.act(CLERK, one, "receive")
        assert await everything(desk) == before
        assert (await desk.act(CLERK, one, "receive")).state == "received"
        assert await desk.value("SELECT count(*) FROM ticket_events WHERE action = 'receive'") == 1

    with_desk(empty_database, work)


def test_everybody_who_listens_is_told_of_a_change_when_it_is_there(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        heard: asyncio.Queue[str] = asyncio.Queue()
        await desk.owner.add_listener("tickets", lambda *given: heard.put_nowait(given[-1]))
        one = await desk.open()
        assert await heard.get() == f"{one} 1"
        done = await desk.act(AGENT, one, "accept")
        assert await heard.get() == f"{one} {done.version}"

    with_desk(empty_database, work)


def test_a_letter_of_a_unit_is_kept_and_shown_to_it(empty_database: Postgres) -> None:
    """TKT-28, RPL-17."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched()
        await desk.act(CLERK, one, "receive")
        given: dict[str, Any] = {
            "addressee": "省热线办",
            "reference": "省转 17 号",
            "inspected_on": "2025-11-20",
            "way": "现场检查",
        }
        await desk.act(CLERK, one, "write_letter", **given, findings="路灯电缆被挖断", present_state="已更换")
        (paper,) = (await history.view(desk.parts, CLERK, one)).papers
        assert (paper.kind, paper.unit, paper.text, paper.detail["inspected_on"]) == (
            "reply_letter",
            "U01",
            "路灯电缆被挖断",
            "2025-11-20",
        )

    with_desk(empty_database, work)


def test_what_says_who_the_citizen_is_goes_into_no_history(empty_database: Postgres) -> None:
    """SEC-12: the names of the fields, never what stands in them."""

    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        await desk.act(
            AGENT,
            one,
            "edit",
            caller_name="王大力",
            callback_phone="+8613900000009",
            home_address="和平街 5 号",
        )
        known = await desk.owner.fetchrow("SELECT caller_name, callback_phone, home_address FROM ticket_identities")
        assert tuple(known) == ("王大力", "13900000009", "和平街 5 号")
        for table in ("ticket_events", "audit_log", "webhook_deliveries"):
            said = json.dumps(
                [row[0] for row in await desk.owner.fetch(f"SELECT to_jsonb(t)::text FROM {table} AS t")], ensure_ascii=False
            )
            assert not any(word in said for word in ("王大力", "13900000009", "和平街", NUMBER)), table
        assert msgspec.json.decode(await desk.value("SELECT detail::text FROM ticket_events WHERE action = 'edit'"))

    with_desk(empty_database, work)


def test_many_callers_of_one_event_are_answered_once_and_each_is_called_back(empty_database: Postgres) -> None:
    """TKT-18: the reply on the ticket above is shown on those below it; the link can be undone."""

    async def work(desk: Desk) -> None:
        above = await desk.dispatched("U01")
        one, two = await desk.open(accept=True), await desk.open(accept=True)
        for below in (one, two):
            await desk.act(AGENT, below, "link", parent=above, reason="同一处路灯")
        await refused("ticket_circle", desk.act(AGENT, one, "link", parent=one, reason="x"))
        await desk.act(CLERK, above, "receive")
        assert (await history.view(desk.parts, AGENT, one)).replies == ()
        await desk.act(HEAD, above, "reply", **REPLY)
        shown = await history.view(desk.parts, AGENT, one)
        assert [reply.result for reply in shown.replies] == [REPLY["result"]]
        assert [(other.how, other.ticket_id) for other in shown.related] == [("above", above)]
        under = (await history.view(desk.parts, DISPATCHER, above)).related
        assert [(other.how, other.ticket_id) for other in under] == [("below", one), ("below", two)]
        await desk.act(AGENT, two, "link", reason="不是同一件事")
        assert (await history.view(desk.parts, AGENT, two)).related == ()

    with_desk(empty_database, work)


def test_a_lock_of_one_ticket_keeps_nobody_from_opening_another(empty_database: Postgres) -> None:
    """Who opens without a source waits for nobody but for the number of the day."""

    async def work(desk: Desk) -> None:
        async with desk.parts.pool.acquire() as connection, connection.transaction():
            for empty in ("source:", "call:", "upstream:"):
                await connection.execute(store.QUERIES["alone"], empty)
            async with asyncio.timeout(20):
                await desk.open()

    with_desk(empty_database, work)


def test_a_supervision_that_was_answered_presses_nobody_any_more(empty_database: Postgres) -> None:
    """SUP-16, SUP-17: two were ordered with a time each; the clock of each stops with its own answer."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched()
        for day in (1, 2):
            until = f"{clock.now() + dt.timedelta(days=day):%Y-%m-%dT%H:%M:%SZ}"
            await desk.act(SUPERVISION, one, "supervise", mode="written", demand="请说明进展", answer_due_at=until)
        running = "SELECT array_agg(round) FROM ticket_clocks WHERE kind = 'supervision' AND next_fire_at IS NOT NULL"
        assert await desk.value(running) == [1, 2]
        first = await desk.value("SELECT supervision_id FROM ticket_supervisions ORDER BY answer_due_at LIMIT 1")
        await desk.act(CLERK, one, "answer_supervision", supervision=str(first), text="抢修中")
        assert await desk.value(running) == [2]
        await desk.act(CLERK, one, "answer_supervision", text="已恢复")
        assert await desk.value(running) is None

    with_desk(empty_database, work)
