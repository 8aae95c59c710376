"""Who calls is on the agent's desk as the telephone rings, and on nobody else's; each person who sees it leaves one line (CAL-01,
IVR-24, SEC-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from tests.citizens import ticket, ticket_id
from tests.desks_peer import Desks, eventually, with_desks
from tests.protocol.test_desks_desk import Screen, agents, headers, state

if TYPE_CHECKING:
    from tests.conftest import Postgres

CALLER = "13905340007"


async def rings(desks: Desks, agent: str, call: int, caller: str = CALLER, what: str = "ringing") -> None:
    if what == "ringing":
        await desks.call(call, caller_number=caller)
    await state(desks, agent, what, call_id=f"c{call}", channel=f"a{call}")


async def seen(desks: Desks) -> list[tuple[str, str]]:
    rows = await desks.writer.fetch("SELECT actor, subject FROM audit_log WHERE action = 'caller.pop' ORDER BY entry_id")
    return [(row["actor"], row["subject"]) for row in rows]


def popped(known: dict[str, Any], call: str) -> bool:
    return bool(known.get("pop", {}).get("1001", {}).get("call_id") == call)


def test_who_calls_is_shown_from_the_first_ring_until_the_work_after_the_call_is_done(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        await ticket(desks.writer, 1, calling_number=CALLER, caller_name="张三")
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            mine = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001")))
            other = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1002")))
            leader = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "supervisor", "zhao")))
            await mine.until(lambda known: "1001" in known.get("agents", {}))
            await rings(desks, "1001", 7)
            await mine.until(lambda known: popped(known, "c7"))
            shown = mine.known["pop"]["1001"]
            assert (shown["caller"], shown["hint"], shown["opened"]) == (CALLER, "", [])
            assert [one["number"] for one in shown["pop"]["tickets"]] == [f"T{ticket_id(1)}"]
            await rings(desks, "1001", 7, what="talking")
            await ticket(desks.writer, 2, calling_number=CALLER, node="n1", call_id="c7", state="draft")
            await desks.writer.execute("SELECT pg_notify('tickets', '2')")
            await mine.until(lambda known: bool(known["pop"]["1001"]["opened"]))
            assert mine.known["pop"]["1001"]["opened"] == [{"number": f"T{ticket_id(2)}", "state": "draft"}]
            await state(desks, "1001", "wrap_up")
            await mine.until(lambda known: known["agents"]["1001"]["state"] == "wrap_up")
            assert popped(mine.known, "c7")
            await state(desks, "1001", "ready")
            await mine.until(lambda known: "pop" not in known)
            await state(desks, "1002", "paused")
            for screen in (other, leader):
                await screen.until(lambda known: known.get("agents", {}).get("1002", {"state": "paused"})["state"] == "paused")
                assert "pop" not in screen.known and CALLER not in str(screen.known)
        assert await seen(desks) == [("1001", f"caller:{CALLER}")]

    with_desks(empty_database, work)


def test_whoever_has_no_history_or_no_number_is_said_to_have_none_in_both_languages(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            mine = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001")))
            for call, caller, hint in ((7, CALLER, "pop_no_history"), (8, "", "pop_withheld")):
                await rings(desks, "1001", call, caller)
                await mine.until(lambda known, call=call: popped(known, f"c{call}"))
                shown = mine.known["pop"]["1001"]
                assert shown["hint"] == hint
                assert set(shown["sentences"]) == {"zh-CN", "en"} and all(shown["sentences"].values())
        assert await seen(desks) == [("1001", f"caller:{CALLER}")], "nobody is looked up without a number"

    with_desks(empty_database, work)


def test_a_second_person_at_the_desk_leaves_a_line_and_who_may_see_no_callers_is_shown_none(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        await ticket(desks.writer, 1, calling_number=CALLER)
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            mine = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001")))
            await rings(desks, "1001", 7)
            await mine.until(lambda known: popped(known, "c7"))
            again = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001")))
            await again.until(lambda known: popped(known, "c7"))
            assert await seen(desks) == [("1001", f"caller:{CALLER}")], "one person, one call, one line"
            await desks.writer.execute("UPDATE agents SET role = 'quality' WHERE agent = '1002'")
            await rings(desks, "1002", 8)
            checker = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "quality", "1002")))
            await checker.until(lambda known: "1002" in known.get("calls", {}))
            await rings(desks, "1002", 8, what="talking")
            await checker.until(lambda known: known["calls"]["1002"]["state"] == "talking")
            assert "pop" not in checker.known
        assert await seen(desks) == [("1001", f"caller:{CALLER}")]

    with_desks(empty_database, work)


def test_nothing_is_read_while_nothing_rings(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            mine = Screen(await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001")))
            await mine.until(lambda known: "1001" in known.get("agents", {}))
            before = desks.parts.desk_feed.document.seq
            for number in range(50):
                await desks.writer.execute("SELECT pg_notify('tickets', $1)", str(number))
            await rings(desks, "1001", 7)
            await mine.until(lambda known: popped(known, "c7"))
            assert desks.parts.desk_feed.document.seq - before < 50

            async def is_over() -> bool:
                return desks.parts.desk_feed.pops.is_empty

            await state(desks, "1001", "ready")
            await eventually(is_over)

    with_desks(empty_database, work)
