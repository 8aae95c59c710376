"""Agents on a real Asterisk: what is ordered takes effect on the line, and stays so whatever is restarted (ORG-20, ORG-50)."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import pytest

from acd import sessions
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.sessions import AgentNow
from hotline import database
from hotline.phones.directed import DirectedCallers, DirectedSeats, Line
from hotline.waiting import within
from tests import trial
from tests.trial import Trial, wait_until

LEADER = Person("leader", "shift_leader")
SETTINGS: dict[str, dict[str, object]] = {
    "ivr": {"flow": "direct"},
    "queue": {"ring_seconds": 3, "wrapup_seconds": 30},
    "agents": {"missed_calls": 2, "last": 1020},
}
PATIENCE_SECONDS = 20.0


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own: agents are logged out, and its parts are killed."""
    with trial.running(tmp_path_factory.mktemp("agents"), SETTINGS) as running:
        yield running


@pytest.fixture(autouse=True)
def reached(stack: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Orders of this process find the stack's secrets."""
    for name, value in stack.environment.items():
        monkeypatch.setenv(name, value)


def me(agent: str) -> Person:
    return Person(agent, "agent", agent)


def with_parts(stack: Trial, work: Callable[[Parts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(stack.credentials.database, name="test", largest=8) as pool:
            await work(Parts(stack.settings, pool, stack.settings.asterisk.node))

    asyncio.run(run())


def members(stack: Trial, queue: str = "hotline") -> dict[str, str]:
    """The queue's members at Asterisk's console: telephone -> agent and pause."""
    found = re.findall(r"^ +(\S+) \((PJSIP/\S+)\)(.*)$", stack.asterisk(f"queue show {queue}"), re.MULTILINE)
    pauses = {interface: re.search(r"\(paused(?::(\S+))? was", rest) for _, interface, rest in found}
    return {
        interface: agent if not (pause := pauses[interface]) else f"{agent} {pause[1] or '-'}" for agent, interface, _ in found
    }


def state(stack: Trial, agent: str) -> str:
    """What the bridge says that the agent does."""
    rows = stack.fetch("SELECT state FROM agent_states WHERE agent = $1", agent)
    return str(rows[0]["state"]) if rows else ""


async def until(condition: Callable[[], object], what: str) -> None:
    """Wait for a condition beside what goes on in this loop."""
    await asyncio.to_thread(wait_until, condition, seconds=PATIENCE_SECONDS, what=what)


async def refused(order: Awaitable[AgentNow]) -> str:
    with pytest.raises(RefusedError) as error:
        await order
    return error.value.code


class Telephones:
    """Telephones of seats, and citizens who ask for an agent: one queue of lines that ring."""

    def __init__(self, stack: Trial) -> None:
        self._stack = stack
        self._ringing: asyncio.Queue[Line] = asyncio.Queue()
        self._left: list[DirectedSeats] = []
        self.group = contextlib.AsyncExitStack()

    async def seats(self, *users: str) -> DirectedSeats:
        """Register these seats' telephones."""
        secrets = {user: self._stack.credentials.agents[user] for user in users}
        seats = await self.group.enter_async_context(DirectedSeats(self._stack.settings, secrets, self._ringing.put_nowait))
        self.group.push_async_callback(self.leave, seats)
        return seats

    async def leave(self, seats: DirectedSeats) -> None:
        """Take the registrations away, once."""
        if seats not in self._left:
            self._left.append(seats)
            await seats.leave()

    async def citizen(self, number: str) -> Line:
        """A citizen who calls, and asks for an agent."""
        made: asyncio.Queue[Line] = asyncio.Queue()
        dialled = self._stack.settings.trunks.hotline_number
        await self.group.enter_async_context(DirectedCallers(self._stack.settings, [(number, "")], dialled, made.put_nowait))
        line = await within(made.get(), PATIENCE_SECONDS)
        await within(line.until(lambda call: call.answered_at), PATIENCE_SECONDS)
        line.tell("press", "1")
        return line

    async def rings(self) -> Line:
        """The next telephone that rings."""
        return await within(self._ringing.get(), PATIENCE_SECONDS)

    async def on(self, line: Line, order: str, condition: Callable[..., object]) -> None:
        """Tell a telephone to do something, and wait until it is seen."""
        line.tell(order)
        await within(line.until(condition), PATIENCE_SECONDS)


@contextlib.asynccontextmanager
async def telephones(stack: Trial) -> AsyncIterator[Telephones]:
    found = Telephones(stack)
    async with found.group:
        yield found


def test_what_an_agent_orders_is_so_at_asterisk_when_the_answer_comes(stack: Trial) -> None:
    seat, browser = "PJSIP/1001", "PJSIP/1001@browser"

    async def work(parts: Parts) -> None:
        now = await sessions.pause(parts, me("1001"), "1001", "meal")
        assert (now.paused, now.pause_reason, now.seat) == (True, "meal", "1001")
        assert members(stack)[seat] == members(stack)[browser] == members(stack, "hotline.1001")[seat] == "1001 meal"
        assert await refused(sessions.pause(parts, me("1001"), "1001", "meal")) == "already_paused"
        assert await refused(sessions.pause(parts, me("1001"), "1001", "sleep")) == "unknown_reason"
        assert await refused(sessions.pause(parts, me("1002"), "1001", "meal")) == "not_allowed"
        assert await refused(sessions.log_in(parts, me("1001"), "1001")) == "already_logged_in"
        await sessions.ready(parts, me("1001"), "1001")
        assert members(stack)[seat] == "1001"
        assert await refused(sessions.ready(parts, me("1001"), "1001")) == "already_ready"
        await sessions.log_out(parts, me("1001"), "1001")
        assert not {seat, browser} & members(stack).keys()
        assert await refused(sessions.log_out(parts, me("1001"), "1001")) == "not_logged_in"
        await sessions.log_in(parts, me("1001"), "1001")
        assert (members(stack)[seat], members(stack)[browser]) == ("1001", "1001")
        assert (await sessions.force_out(parts, LEADER, "1001", "fire drill")).state == "offline"
        assert seat not in members(stack)
        await sessions.log_in(parts, me("1001"), "1001")
        skilled = await sessions.set_skills(parts, LEADER, "1001", {"mandarin": 3, "english": 5})
        assert skilled.skills == {"mandarin": 3, "english": 5}
        assert members(stack, "english")[seat] == "1001"
        assert re.search(rf"\({seat}\).*penalty 2", stack.asterisk("queue show hotline"))

    with_parts(stack, work)
    rows = stack.fetch("SELECT what, why FROM agent_events WHERE agent = '1001' ORDER BY event_id")
    assert [(row["what"], row["why"]) for row in rows][:6] == [
        ("log_in", "telephone"),
        ("pause", "meal"),
        ("ready", ""),
        ("log_out", "api"),
        ("log_in", "api"),
        ("log_out", "forced"),
    ]
    audit = stack.fetch("SELECT actor FROM audit_log WHERE action = 'agent.work.refused' AND subject = 'agent:1001'")
    assert [row["actor"] for row in audit] == ["1002"]


def test_an_agent_who_moves_is_rung_at_the_new_seat_and_needs_the_pin(stack: Trial) -> None:
    pin = stack.credentials.pins["1002"]
    wrong = f"{(int(pin) + 1) % 1_000_000:06}"

    async def work(parts: Parts) -> None:
        async with telephones(stack) as phones:
            assert await refused(sessions.log_in(parts, me("1002"), "1002", "1005", pin=wrong)) == "wrong_pin"
            assert await refused(sessions.log_in(parts, me("1002"), "1002", "1005")) == "wrong_pin"
            assert await refused(sessions.log_in(parts, me("1002"), "1002", "1999", pin=pin)) == "unknown_seat"
            await phones.seats("1005")
            await sessions.log_in(parts, me("1002"), "1002", "1005", pin=pin, how="code")
            assert (members(stack)["PJSIP/1005"], "PJSIP/1002" in members(stack)) == ("1002", False)
            assert (await sessions.my_state(parts, me("1005"))).state == "offline"
            assert await refused(sessions.log_in(parts, me("1005"), "1005")) == "seat_taken"
            citizen = await phones.citizen("13900000501")
            line = await phones.rings()
            assert line.call.party == "1005"
            await phones.on(line, "answer", lambda call: call.answered_at)
            await until(lambda: state(stack, "1002") == "talking", "1002 talks")
            assert await refused(sessions.log_out(parts, me("1002"), "1002")) == "in_a_call"
            await sessions.force_out(parts, LEADER, "1002")
            assert not line.call.ended_at and not citizen.call.ended_at, "the call goes on"
            await phones.on(citizen, "hangup", lambda call: call.ended_at)
            await sessions.log_in(parts, me("1005"), "1005")
            await sessions.log_in(parts, me("1002"), "1002")

    with_parts(stack, work)
    lines = stack.fetch("SELECT detail FROM audit_log WHERE action = 'agent.log_in.refused'")
    assert len(lines) == 2
    ended = "SELECT closed_how FROM agent_sessions WHERE seat = '1005' AND until IS NOT NULL ORDER BY session_id"
    assert [row["closed_how"] for row in stack.fetch(ended)] == ["displaced", "forced"]


def test_after_too_many_wrong_pins_the_right_one_is_refused_too(stack: Trial) -> None:
    pin = stack.credentials.pins["1006"]

    async def work(parts: Parts) -> None:
        codes = [await refused(sessions.log_in(parts, me("1006"), "1006", "1005", pin="x")) for _ in range(5)]
        assert codes == ["wrong_pin"] * 5
        assert await refused(sessions.log_in(parts, me("1006"), "1006", "1005", pin=pin)) == "too_many_attempts"

    with_parts(stack, work)


def test_ready_now_ends_the_wrap_up_at_asterisk_too(stack: Trial) -> None:
    async def work(parts: Parts) -> None:
        async with telephones(stack) as phones:
            await phones.seats("1003")
            first = await phones.citizen("13900000502")
            line = await phones.rings()
            await phones.on(line, "answer", lambda call: call.answered_at)
            second = await phones.citizen("13900000503")
            waits = "SELECT FROM requests WHERE caller = '13900000503' AND outcome = 'waiting'"
            await until(lambda: stack.fetch(waits), "the second waits")
            await phones.on(first, "hangup", lambda call: call.ended_at)
            await until(lambda: state(stack, "1003") == "wrap_up", "1003 is in wrap-up")
            assert (await sessions.ready(parts, me("1003"), "1003")).state == "ready"
            line = await phones.rings()
            assert line.call.party == "1003"
            await phones.on(line, "answer", lambda call: call.answered_at)
            await phones.on(second, "hangup", lambda call: call.ended_at)

    with_parts(stack, work)


def test_two_calls_not_answered_pause_the_agent_until_it_is_ready_again(stack: Trial) -> None:
    async def work(parts: Parts) -> None:
        async with telephones(stack) as phones:
            await phones.seats("1004")
            citizen = await phones.citizen("13900000504")
            await phones.rings()
            await phones.rings()
            await until(lambda: members(stack)["PJSIP/1004"] == "1004 no_answer", "1004 is paused")
            assert (await sessions.my_state(parts, me("1004"))).pause_reason == "no_answer"
            await sessions.ready(parts, me("1004"), "1004")
            line = await phones.rings()
            await phones.on(line, "answer", lambda call: call.answered_at)
            await phones.on(citizen, "hangup", lambda call: call.ended_at)

    with_parts(stack, work)
    paused = stack.fetch("SELECT who FROM agent_events WHERE agent = '1004' AND what = 'pause'")
    assert [row["who"] for row in paused] == ["system"]


def test_a_telephone_that_is_gone_while_it_rings_leaves_the_caller_to_another_and_while_it_talks_changes_nothing(
    stack: Trial,
) -> None:
    async def work(parts: Parts) -> None:
        async with telephones(stack) as phones:
            seats = await phones.seats("1007")
            citizen = await phones.citizen("13900000505")
            ringing = await phones.rings()
            others = await phones.seats("1008")
            await phones.leave(seats)
            line = await phones.rings()
            assert (ringing.call.party, line.call.party) == ("1007", "1008")
            await until(lambda: state(stack, "1007") == "offline", "1007 is offline")
            assert (await sessions.my_state(parts, me("1007"))).state == "unreachable"
            await phones.on(line, "answer", lambda call: call.answered_at)
            await until(lambda: state(stack, "1008") == "talking", "1008 talks")
            await phones.leave(others)
            await until(lambda: "Contact:  1008" not in stack.asterisk("pjsip show contacts"), "1008 is not registered any more")
            await until(lambda: state(stack, "1008") == "talking", "1008 talks on")
            assert citizen.call.ended_at is None
            await phones.on(line, "hangup", lambda call: call.ended_at)
            await within(citizen.until(lambda call: call.ended_at), PATIENCE_SECONDS)

    with_parts(stack, work)


def test_two_buttons_at_once_end_in_one_state_everywhere(stack: Trial) -> None:
    async def work(parts: Parts) -> None:
        for _ in range(8):
            orders = (sessions.pause(parts, me("1009"), "1009", "break"), sessions.ready(parts, me("1009"), "1009"))
            said = await asyncio.gather(*orders, return_exceptions=True)
            assert {error.code for error in said if isinstance(error, RefusedError)} <= {"already_paused", "already_ready"}
            assert all(isinstance(one, AgentNow | RefusedError) for one in said), said
            (row,) = await parts.pool.fetch("SELECT paused FROM agent_sessions WHERE agent = '1009' AND until IS NULL")
            there = {members(stack)[interface] for interface in ("PJSIP/1009", "PJSIP/1009@browser")}
            assert there == ({"1009 break"} if row["paused"] else {"1009"})

    with_parts(stack, work)


def test_members_changed_by_hand_are_put_right_and_a_pause_made_there_is_the_agents(stack: Trial) -> None:
    seats = ("PJSIP/1010", "PJSIP/1010@browser")
    for seat in seats:
        stack.asterisk(f"queue pause member {seat}")
    rows = "SELECT paused, pause_reason FROM agent_sessions WHERE agent = '1010' AND until IS NULL"
    wait_until(lambda: stack.fetch(rows) == [{"paused": True, "pause_reason": ""}], what="the pause is the agent's")
    stack.asterisk("queue remove member PJSIP/1010 from hotline")
    stack.asterisk("queue add member PJSIP/1011 to english penalty 7 as 1011")
    stack.asterisk("queue set penalty 5 on PJSIP/1012 in hotline")
    wait_until(lambda: members(stack).get("PJSIP/1010") == "1010 -", what="the member is back, and paused")
    wait_until(lambda: "PJSIP/1011" not in members(stack, "english"), what="the stranger is gone")
    wait_until(
        lambda: not re.search(r"PJSIP/1012\).*penalty", stack.asterisk("queue show hotline")), what="the penalty is as it was"
    )


@pytest.mark.parametrize("killed", [["acd"], ["ami_bridge"], ["asterisk"], ["asterisk", "ami_bridge", "acd", "postgres"]])
def test_after_a_restart_of_whatever_everybody_is_where_they_were(stack: Trial, killed: list[str]) -> None:
    """What was ordered is there again, also at an Asterisk that has lost its own memory of the last moments."""
    agent = str(1013 + len(killed) + (killed == ["asterisk"]))

    async def orders(parts: Parts) -> None:
        await sessions.pause(parts, me(agent), agent, "meeting")
        with contextlib.suppress(RefusedError):
            await sessions.log_out(parts, me("1019"), "1019")

    with_parts(stack, orders)
    before = members(stack)
    assert (before[f"PJSIP/{agent}"], "PJSIP/1019" in before) == (f"{agent} meeting", False)
    pids = {part: stack.pid(part) for part in killed}
    for part in killed:
        stack.kill(part)
    wait_until(lambda: all(stack.runs_anew(part, pids[part]) for part in killed), what="it runs again")
    wait_until(lambda: members(stack) == before, seconds=40, what="the members are as they were")
    (row,) = stack.fetch("SELECT paused, pause_reason FROM agent_sessions WHERE agent = $1 AND until IS NULL", agent)
    assert row == {"paused": True, "pause_reason": "meeting"}
    done = "SELECT FROM commands WHERE state IN ('waiting', 'sent')"
    wait_until(lambda: not stack.fetch(done), what="nothing is left to do")

    async def more(parts: Parts) -> None:
        await sessions.ready(parts, me(agent), agent)
        assert members(stack)[f"PJSIP/{agent}"] == agent

    with_parts(stack, more)
