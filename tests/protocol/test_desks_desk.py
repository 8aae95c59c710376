"""What an agent's desk is pushed: its own state, its own call with the caller's number, and nobody else's (SEC-12, ORG-20)."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

import aiohttp

from ami_bridge.figures.live_document import Message, merged
from hotline import clock
from tests.desks_peer import Desks, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

CALLER = "13800000007"


async def agents(desks: Desks) -> None:
    for agent in ("1001", "1002"):
        await desks.writer.execute("INSERT INTO agents (agent, origin) VALUES ($1, 'directory')", agent)
        await desks.writer.execute(
            "INSERT INTO agent_sessions (agent, seat, opened_by, opened_how) VALUES ($1, $1, 'test', 'api')", agent
        )
        await state(desks, agent, "ready")


async def state(desks: Desks, agent: str, what: str, **more: Any) -> None:
    row = {"node": "n1", "agent": agent, "state": what, "since": clock.now(), "at": clock.now(), "queues": ["hotline"]}
    await desks.commit("agent_states", row | more)


class Screen:
    """A client of the push: what it has, merged as its page merges it."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._socket = socket
        self.known: dict[str, dict[str, Any]] = {}
        self._seq: int | None = None

    async def until(self, holds: Any) -> None:
        while not holds(self.known):
            said = await self._socket.receive_json(timeout=15)
            assert said["since"] in (None, self._seq), "it is what happened after the last message"
            self._seq = said["seq"]
            at = dt.datetime.fromisoformat(said["at"])
            self.known = merged(self.known, Message(said["seq"], said["since"], at, said["set"], said["gone"]))


async def headers(desks: Desks, role: str, username: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {await desks.token(role, username)}"}


def test_an_agent_sees_its_own_state_and_caller_at_once_and_nobody_else_s(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        for number, call in ((1, "c1"), (2, "c2")):
            await desks.request(number, "abandoned", ago=30, call_id=call, caller=CALLER)
        await desks.writer.execute(
            "INSERT INTO malicious_marks (number, node, call_id, agent, level, marked_by, marked_at)"
            " VALUES ($1, 'n1', 'c1', '1002', 1, '1002', now())",
            CALLER,
        )
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            mine = await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1001"))
            others = await client.ws_connect("/api/desk/ws", headers=await headers(desks, "agent", "1002"))
            leaders = await client.ws_connect("/api/desk/ws", headers=await headers(desks, "supervisor", "zhao"))
            me, other, leader = Screen(mine), Screen(others), Screen(leaders)
            await me.until(lambda known: known.get("agents", {}).get("1001", {}).get("state") == "ready")
            await desks.call(7, caller_number=CALLER, call_id="c7")
            await state(desks, "1001", "ringing", call_id="c7", channel="a7")
            await me.until(lambda known: "1001" in known.get("calls", {}))
            call = me.known["calls"]["1001"]
            shown = {name: call[name] for name in ("caller", "earlier_today", "malicious", "state", "call_id")}
            assert shown == {"caller": CALLER, "earlier_today": 2, "malicious": 1, "state": "ringing", "call_id": "c7"}
            await leader.until(lambda known: known.get("agents", {}).get("1001", {}).get("state") == "ringing")
            assert set(leader.known["agents"]) == {"1001", "1002"}
            await state(desks, "1002", "paused")
            await other.until(lambda known: known.get("agents", {}).get("1002", {}).get("state") == "paused")
            await state(desks, "1001", "talking", call_id="c7", channel="a7")
            await me.until(lambda known: known["calls"]["1001"]["state"] == "talking")
            await state(desks, "1001", "wrap_up")
            await me.until(lambda known: "calls" not in known)
            assert set(me.known["agents"]) == {"1001"}
            for screen in (other, leader):
                assert CALLER not in str(screen.known)
        lines = await desks.writer.fetch("SELECT actor, subject FROM audit_log WHERE action = 'caller.seen'")
        assert [tuple(line) for line in lines] == [("1001", "call:n1/c7")], "one line for a call, whatever was pushed"

    with_desks(empty_database, work)


def test_the_reminder_the_three_way_call_and_the_call_back_are_on_the_desk(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await agents(desks)
        await desks.call(7, caller_number=CALLER, call_id="c7")
        await state(desks, "1001", "talking", call_id="c7", channel="a7")
        await desks.writer.execute(
            "INSERT INTO control_calls (node, citizen, call_id, agent, leg, place, searching_since, changed_at)"
            " VALUES ('n1', 'c7', 'c7', '1001', 'a7', 'talking', now(), now())"
        )
        await desks.writer.execute(
            "INSERT INTO threeways (node, call_id, caller_channel, agent, agent_channel, unit, consent, begun_at, caller_is,"
            " agent_is, unit_is) VALUES ('n1', 'c7', 'c7', '1001', 'a7', '2001', true, now(), 'waiting', 'dialling', 'away')"
        )
        await desks.writer.execute(
            "INSERT INTO callback_entries (entry_id, node, number, queue, waiting_since, state, agent, claimed_until)"
            " VALUES (gen_random_uuid(), 'n1', '13800000009', 'hotline', now(), 'claimed', '1001', now() + interval '1 minute')"
        )
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            own = await headers(desks, "agent", "1001")
            async with client.ws_connect("/api/desk/ws", headers=own) as socket:
                screen = Screen(socket)
                await screen.until(lambda known: known.get("callbacks", {}) and known.get("calls", {}))
            async with client.get("/api/desk", headers=own) as answer:
                snapshot = (await answer.json())["set"]
            async with client.get("/api/desk", headers=await headers(desks, "administrator", "ops")) as answer:
                assert answer.status == 403
        assert screen.known["callbacks"]["1001"]["number"] == "13800000009"
        assert screen.known["threeways"]["1001"]["phase"] == "dialling"
        began = clock.now() - dt.timedelta(seconds=60)
        assert dt.datetime.fromisoformat(snapshot["calls"]["1001"]["speak_at"]) > began
        assert snapshot["calls"]["1001"]["place"] == "talking"

    with_desks(empty_database, work)
