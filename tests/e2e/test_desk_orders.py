"""Orders of people at their desks, by HTTP and by feature codes on real SIP telephones, at one stack (ORG-20 to ORG-36).

Each test asks what became of an order on the line: at Asterisk's console, in what a telephone heard, in the audit log.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import aiohttp
import pytest

from hotline.phones.talk import Talk
from hotline.phones.voices import SeatPhone
from tests import trial
from tests.threeway import Office, office
from tests.trial import Trial

SETTINGS: dict[str, dict[str, object]] = {
    "ivr": {"flow": "direct"},
    "queue": {"ring_seconds": 10, "wrapup_seconds": 0},
    "agents": {"last": 1020},
    "threeway": {"ring_seconds": 5, "pause_seconds": 1},
}
_WITHIN_SECONDS = 20.0
UNIT = "83129001"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own: agents come and go."""
    with trial.running(tmp_path_factory.mktemp("orders"), SETTINGS) as running:
        yield running


def with_office(stack: Trial, work: Callable[[Office], Awaitable[None]]) -> None:
    async def run() -> None:
        async with office(stack) as at:
            await work(at)

    asyncio.run(run())


@contextlib.asynccontextmanager
async def browser(at: Office, user: str) -> AsyncIterator[aiohttp.ClientSession]:
    """Somebody who is logged in to the web application."""
    settings = at.stack.settings
    url = f"http://{settings.web.host}:{settings.web.port}"
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(base_url=url, cookie_jar=jar, headers={"Accept-Language": "en"}) as client:
        login = {"username": user, "password": at.stack.credentials.web[user]}
        async with client.post("/api/login", json=login) as answer:
            assert answer.status == 200
        yield client


async def post(client: aiohttp.ClientSession, path: str, body: Any = None, status: int = 200) -> Any:
    async with client.post(path, json=body) as answer:
        said = await answer.json()
        assert answer.status == status, (path, said)
        return said


async def code(seat: SeatPhone, digits: str) -> Talk:
    """Dial a feature code and listen to the end."""
    talk = await seat.dial(digits)
    await talk.answered()
    return await talk.ended()


def member(stack: Trial, seat: str) -> str:
    """A seat's line in the queue at Asterisk's console: ``paused``, ``there`` or ``gone``."""
    found = re.search(rf"^.*\(PJSIP/{seat}\).*$", stack.asterisk("queue show hotline"), re.MULTILINE)
    if not found:
        return "gone"
    return "paused" if "(paused" in found[0] else "there"


async def lines(at: Office, action: str) -> list[tuple[str, str]]:
    """The audit log's lines of an action."""
    rows = await at.rows("SELECT actor, subject FROM audit_log WHERE action = $1 ORDER BY entry_id", action)
    return [(row["actor"], row["subject"]) for row in rows]


async def session(at: Office, agent: str) -> dict[str, Any] | None:
    """The session that an agent has open."""
    found = await at.rows("SELECT seat, paused, pause_reason FROM agent_sessions WHERE agent = $1 AND until IS NULL", agent)
    return found[0] if found else None


async def place(at: Office, agent: str) -> str:
    """Where the citizen of an agent's call is."""
    query = "SELECT place FROM control_calls WHERE agent = $1 ORDER BY changed_at DESC LIMIT 1"
    rows = await at.rows(query, agent)
    return str(rows[0]["place"]) if rows else ""


def test_an_order_by_http_takes_effect_on_the_line_before_it_is_answered(stack: Trial) -> None:
    async def work(at: Office) -> None:
        async with browser(at, "1003") as me, browser(at, "leader") as leader:
            assert (await post(me, "/api/agents/me/pause", {"reason": "meal"}))["pause_reason"] == "meal"
            assert member(stack, "1003") == "paused"
            pressed = await asyncio.gather(*(_status(me, "/api/agents/me/ready") for _ in range(2)))
            assert sorted(pressed) == [200, 409], "two buttons at once"
            assert member(stack, "1003") == "there"
            assert (await post(leader, "/api/agents/1003/force-out", {"reason": "test"}))["state"] == "offline"
            assert member(stack, "1003") == "gone"
            assert (await post(me, "/api/agents/me/login", {}))["seat"] == "1003"
            assert member(stack, "1003") == "there"

    with_office(stack, work)


async def _status(client: aiohttp.ClientSession, path: str) -> int:
    async with client.post(path) as answer:
        return answer.status


def test_a_wrong_role_is_told_why_and_leaves_a_line_and_what_is_nobody_is_unknown(stack: Trial) -> None:
    async def work(at: Office) -> None:
        async with browser(at, "1003") as me, browser(at, "office") as office_desk, browser(at, "leader") as leader:
            said = await post(me, "/api/agents/1004/force-out", {}, 403)
            assert said["error"]["details"] == {"role": "agent", "allowed": ["shift_leader", "supervisor"]}
            assert (await post(me, "/api/agents/1004/pause", {"reason": "meal"}, 403))["error"]["code"] == "not_allowed"
            assert (await post(office_desk, "/api/agents/1004/pause", {"reason": "meal"}, 403))["error"]["code"] == "forbidden"
            assert (await post(leader, "/api/agents/9999/force-out", {}, 404))["error"]["code"] == "unknown_agent"
            nowhere = {"target": "queue", "whom": "nowhere", "reason": "test"}
            assert (await post(leader, "/api/supervisions", nowhere, 404))["error"]["code"] == "unknown_queue"
        assert ("1003", "POST /api/agents/{agent}/force-out") in await lines(at, "refused")
        assert ("1003", "agent:1004") in await lines(at, "agent.work.refused")
        assert member(stack, "1004") == "there"

    with_office(stack, work)


def test_a_code_on_any_telephone_logs_out_and_in_pauses_and_is_refused_to_who_may_not(stack: Trial) -> None:
    async def work(at: Office) -> None:
        seat, other = await at.floor.seat("1001"), await at.floor.seat("1002")
        await code(seat, "*11")
        assert await session(at, "1001") is None
        assert member(stack, "1001") == "gone"
        await code(seat, "*11")  # refused: nobody is logged in there
        await code(seat, "*10")
        assert member(stack, "1001") == "there"
        await code(seat, "*132")
        assert await session(at, "1001") == {"seat": "1001", "paused": True, "pause_reason": "meal"}
        assert member(stack, "1001") == "paused"
        await asyncio.gather(code(other, "*151001"), code(other, "*211001"))
        assert await lines(at, "agent.lead.refused") == [("1002", "agent:1001")]
        assert await lines(at, "call.listen.refused") == [("1002", "agent:1001")]
        await asyncio.gather(*(code(seat, digits) for digits in ("*14", "*12", "*99", "*139", "*30")))
        assert member(stack, "1001") == "there"

    with_office(stack, work)


def test_an_agent_works_at_another_telephone_with_a_pin_and_its_owner_makes_room(stack: Trial) -> None:
    async def work(at: Office) -> None:
        seat = await at.floor.seat("1007")
        for keys, where in (("000000#", "1005"), (f"{at.stack.credentials.pins['1005']}#", "1007")):
            talk = await (await seat.dial("*101005")).answered()
            await talk.press(keys)
            await talk.ended()
            assert await session(at, "1005") == {"seat": where, "paused": False, "pause_reason": ""}
        assert await session(at, "1007") is None
        assert "1005 (PJSIP/1007)" in stack.asterisk("queue show hotline")
        await code(seat, "*11")
        await code(seat, "*10")
        assert await session(at, "1007") == {"seat": "1007", "paused": False, "pause_reason": ""}

    with_office(stack, work)


def test_a_code_that_fastagi_cannot_be_asked_about_changes_nothing(stack: Trial) -> None:
    async def work(at: Office) -> None:
        seat = await at.floor.seat("1008")
        stack.kill("agi")
        await code(seat, "*11")
        assert (member(stack, "1008"), await session(at, "1008") is not None) == ("there", True)

        async def is_done() -> bool:
            await code(seat, "*11")
            return await session(at, "1008") is None

        await at.until(is_done, "FastAGI is back")

    with_office(stack, work)


def test_keys_during_a_call_hold_it_and_take_it_through_a_three_way_call(stack: Trial) -> None:
    async def work(at: Office) -> None:
        (unit,) = await at.unit("9001", (UNIT, ["answer"]), is_service_line=True)
        seat = await at.seat("1001")
        citizen = await at.floor.citizen("13900003001")
        agent = await at.next_agent(citizen)
        await citizen.talk.until_hears({seat.tone})
        await agent.press("*50")
        await citizen.talk.until_music()
        await at.until(lambda: _is(at, "1001", "held"), "the citizen is held")
        await code(seat, "*51")
        await citizen.talk.until_hears({seat.tone})
        await agent.press("*40")
        await agent.press("9001#")
        await agent.press("1")
        call = await unit.rings()
        await call.until_hears({seat.tone})
        await agent.press("*41")
        await citizen.talk.until_hears({seat.tone, unit.tone})
        await agent.press("*42")
        await call.ended()
        await citizen.talk.until_hears({seat.tone})
        (row,) = await at.rows("SELECT consent, outcome, unit FROM threeways")
        assert row == {"consent": True, "outcome": "answered", "unit": "9001"}

    with_office(stack, work)


def test_a_shift_leader_listens_by_code_changes_the_mode_by_a_key_and_it_is_written_down(stack: Trial) -> None:
    async def work(at: Office) -> None:
        await asyncio.to_thread(stack.fetch, "UPDATE agents SET role = 'shift_leader' WHERE agent = '1009'")
        leader, seat = await at.floor.seat("1009"), await at.seat("1001")
        await code(leader, "*133")  # in a meeting: calls are for the other telephone
        citizen = await at.floor.citizen("13900003002")
        agent = await at.next_agent(citizen)
        await citizen.talk.until_hears({seat.tone})
        spy = await (await leader.dial("*211001")).answered()
        await spy.until_hears({seat.tone, citizen.tone})
        assert citizen.talk.heard == {seat.tone}
        await spy.press("5")
        await agent.until_hears({citizen.tone, leader.tone})
        assert citizen.talk.heard == {seat.tone}, "a whisper"
        await spy.hang_up()
        await at.until(lambda: _ended(at), "the end is written down")
        (row,) = await at.rows("SELECT person, reason, mode, whom FROM supervisions")
        assert row == {"person": "1009", "reason": "feature code", "mode": "whisper", "whom": "1001"}

    with_office(stack, work)


async def _ended(at: Office) -> bool:
    return ("1009", "agent:1001") in await lines(at, "supervision.ended")


def test_a_call_back_is_taken_and_called_by_code(stack: Trial) -> None:
    async def work(at: Office) -> None:
        await asyncio.to_thread(
            stack.fetch,
            "INSERT INTO callback_entries (entry_id, node, number, queue, waiting_since)"
            " VALUES (gen_random_uuid(), $1, '83129002', 'hotline', now() - interval '1 hour')",
            at.parts.node,
        )
        called = await at.floor.unit("83129002")
        seat = await at.floor.seat("1010")
        talk = await (await seat.dial("*30")).answered()
        await at.until(lambda: _claimed(at), "the entry is taken")
        await talk.press("1")
        call = await called.rings()
        await call.until_hears({seat.tone})
        await talk.until_hears({called.tone})
        assert call.number == stack.settings.trunks.hotline_number
        await call.hang_up()
        await talk.ended()

        async def is_settled() -> bool:
            return bool(await at.rows("SELECT FROM callback_entries WHERE state = 'settled' AND result = 'answered'"))

        await at.until(is_settled, "the call-back is settled")

    with_office(stack, work)


async def _claimed(at: Office) -> bool:
    return bool(await at.rows("SELECT FROM callback_entries WHERE state = 'claimed' AND agent = '1010'"))


async def _is(at: Office, agent: str, where: str) -> bool:
    return await place(at, agent) == where
