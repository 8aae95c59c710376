"""One ticket on its way at a real stack: after each step everything that is to be seen of it is looked at (LIF-40 to LIF-43).

The state, the line of the history (who, from, to, why), each clock that runs with its due time, and what a citizen who asks for
the ticket is told (TIM-01 to TIM-36, IVR-06).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple

from agi import lookup
from hotline.phones.voices import SeatPhone
from tests import ticket_people
from tests.protocol.test_desks_desk import Screen
from tests.threeway import Office
from tests.ticket_people import CALLS_BACK_AT, People, Rules
from tests.voices import hear_each_other

CITIZEN = "13905340071"
LOOK = "a look ahead"
"""Stands for the call in which a test asks what would be told."""
TEXT = "幸福路 12 号门前的路灯三天不亮,夜里行人看不清路,请尽快维修"
TYPED = {"content": TEXT, "nature": "help", "category": "C1.03", "caller_name": "张小明"}
"""What only the citizen can say (TKT-04)."""
EMPTY = "已安排处理,我单位高度重视,将尽快落实"
REPLY: dict[str, Any] = {
    "basis": "《城市照明管理规定》第二十条",
    "present_state": "路灯电缆被施工挖断",
    "result": "已更换电缆 30 米,路灯恢复照明,并已电话告知来电人",
    "is_true": "yes",
    "solvable": "yes",
    "outcome": "resolved",
    "citizen_told": True,
}
DISSATISFIED: dict[str, Any] = {
    "unit_replied": True,
    "process_satisfaction": "satisfied",
    "result_satisfaction": "dissatisfied",
    "solved": False,
    "judgement": "reasonable",
    "reason": "路灯仍然不亮",
}
SATISFIED: dict[str, Any] = {
    "unit_replied": True,
    "process_satisfaction": "satisfied",
    "result_satisfaction": "satisfied",
    "solved": True,
}
NONE, SOLVED = "ticket-result-none", "ticket-result-solved"
ACCEPTED, ASSIGNED = ("ticket-state-accepted", NONE), ("ticket-state-assigned", NONE)
HANDLING, RETURNED = ("ticket-state-handling", NONE), ("ticket-state-returned", NONE)
ANSWERED, CLOSED = ("ticket-state-answered", SOLVED), ("ticket-state-closed", SOLVED)
AT_UNIT, HANDLED = ("receive", "return", "handle"), ("return", "handle")
ROLES = {
    "1001": "agent",
    "office": "office",
    **ticket_people.STAFF,
    **{who: role for who, (role, _) in ticket_people.UNIT_STAFF.items()},
}


class Then(NamedTuple):
    """After a step: the state, what citizens are ``told`` (state, result), which clocks it ``starts`` and which run on."""

    state: str
    told: tuple[str, str]
    starts: tuple[str, ...] = ()
    runs: tuple[str, ...] = ()


class Story:
    """One ticket on its way; ``did`` is a step and everything that is to be seen after it."""

    def __init__(self, at: Office, who: People, number: str) -> None:
        self.at, self.who, self.number = at, who, number
        self.rules = Rules(at.stack.settings)
        self.state, self.version = "", 0
        self.since: dict[str, dt.datetime] = {}
        self.due: dict[str, dt.datetime] = {}

    async def did(self, who: str, action: str, then: Then, **body: Any) -> dict[str, Any]:
        """``who`` orders ``action``; everything is as it is to be ``then``."""
        done: dict[str, Any] = await self.who.post(who, f"/api/tickets/{self.number}/{action}", body)
        await self.seen(who, action, then, reason=body.get("reason", ""))
        assert (done["state"], done["version"], done["due_at"]) == (then.state, self.version, await self.own_due())
        return done

    async def seen(self, who: str, action: str, then: Then, reason: str = "") -> None:
        """The newest line of the history, the clocks, the answer by telephone."""
        (line,) = (await self.who.get("office", f"/api/tickets/{self.number}/history?limit=1"))["events"]
        at, self.version = dt.datetime.fromisoformat(line.pop("at")), self.version + 1
        line.pop("detail")
        said = {
            "actor": who,
            "role": ROLES[who],
            "action": action,
            "from_state": self.state,
            "to_state": then.state,
            "reason": reason,
        }
        assert line == {"seq": self.version, **said}
        self.state = then.state
        for kind in then.starts:
            self.since[kind], self.due[kind] = at, self.rules.of[kind](at)
        if action == "approve_extension":
            self.due["handle"] = self.rules.extended(self.due["handle"], 3)
        assert await self._clocks() == {kind: self.due[kind] for kind in {*then.starts, *then.runs}}, (action, at)
        assert await self._told() == then.told, action

    async def _clocks(self) -> dict[str, dt.datetime]:
        """Those that run, and their due times."""
        found = (await self.who.get("office", f"/api/tickets/{self.number}/clocks"))["clocks"]
        running = [one for one in found if one["stopped_at"] is None and one["paused_at"] is None]
        assert all(one["why"][0]["chinese"] and one["why"][0]["english"] for one in running)
        return {one["kind"]: dt.datetime.fromisoformat(one["due_at"]) for one in running}

    async def own_due(self) -> str | None:
        """The ticket's own due time."""
        due: str | None = (await self.who.get("office", f"/api/tickets/{self.number}"))["ticket"]["due_at"]
        return due

    async def _told(self) -> tuple[str, str]:
        """What the menu says to the number that called (state, result)."""
        stack = self.at.stack
        async with lookup.opened(stack.credentials.database, stack.settings.calendar) as lookups:
            found = await lookups.ask("ticket", {"number": self.number[1:]}, CITIZEN, LOOK)
        return str(found.values["state"]), str(found.values["result"])


@contextlib.asynccontextmanager
async def calling(at: Office, who: People, seat: SeatPhone) -> AsyncIterator[Screen]:
    """A citizen calls and presses 1; who it is stands on the agent's desk while the telephone rings; then they talk."""
    async with who.desk("1001") as socket:
        screen = Screen(socket)
        await screen.until(lambda known: "1001" in known.get("agents", {}))
        citizen = await at.floor.citizen(CITIZEN)
        await citizen.talk.press("1")
        ring = await seat.rings()
        await screen.until(lambda known: known.get("pop", {}).get("1001", {}).get("caller") == CITIZEN)
        assert ring.call.answered_at is None and ring.is_open, "it rings still"
        await ring.answer()
        await hear_each_other(citizen.talk, ring)
        yield screen
    await citizen.talk.hang_up()
    await ring.ended()


async def called(at: Office, who: People, seat: SeatPhone) -> Story:
    """A ticket of the call: nothing is typed but what the citizen says; the call has one."""
    async with calling(at, who, seat) as screen:
        shown = screen.known["pop"]["1001"]
        assert (shown["hint"], shown["opened"]) == ("pop_no_history", [])
        call = {"node": shown["node"], "call_id": shown["call_id"]}
        opened = await who.post("1001", "/api/tickets", {**call, **TYPED})
        await screen.until(lambda known: bool(known["pop"]["1001"]["opened"]))
        assert screen.known["pop"]["1001"]["opened"] == [{"number": opened["number"], "state": "draft"}]
        again = (await who.post("1001", "/api/tickets", {**call, **TYPED}, 409))["error"]
        assert (again["code"], again["details"]["number"]) == ("call_has_ticket", opened["number"])
    story = Story(at, who, opened["number"])
    await story.seen("1001", "open", Then("draft", ACCEPTED))
    await filled_in(story, call)
    return story


async def filled_in(story: Story, call: Mapping[str, str]) -> None:
    """What nobody typed (TKT-07): number, path through the menu, agent, recording, disposition."""

    async def is_there() -> dict[str, Any] | None:
        found: dict[str, Any] = await story.who.get("1001", f"/api/tickets/{story.number}")
        return found if found["call"]["recordings"] and found["call"]["ended_at"] else None

    view = await story.at.until(is_there, "the call's record and recording are there", 40)
    known = view["call"]
    assert (known["node"], known["call_id"], known["agent"], known["disposition"]) == (*call.values(), "1001", "answered")
    assert ",main:1," in known["menu_path"], known["menu_path"]
    identity = view["identity"]
    assert (identity["calling_number"], identity["caller_name"]) == (CITIZEN, "张小明") and identity["caller_id"]
    ticket = view["ticket"]
    assert (ticket["accept_agent"], ticket["channel"], ticket["content"]) == ("1001", "telephone", TEXT)


async def to_the_wrong_unit_and_back(story: Story) -> None:
    """Accepted, submitted, dispatched as suggested, returned."""
    await story.did("1001", "accept", Then("accepted", ACCEPTED, ("dispatch",)))
    await story.did("1001", "submit", Then("pending_dispatch", ACCEPTED, ("dispatch",)))
    first = (await story.who.get("sun", f"/api/tickets/{story.number}/suggestion"))["units"][0]
    assert first["unit"] == "CG" and first["reasons"][0]["zh"], "the competence has it"
    await story.did("sun", "dispatch", Then("dispatched", ASSIGNED, AT_UNIT), lead_unit="CG")
    await story.who.get("liu", f"/api/tickets/{story.number}")
    await story.who.get("chen", f"/api/tickets/{story.number}", 403)
    asked = Then("return_requested", ASSIGNED, runs=("receive", "handle"))
    await story.did("liu", "ask_return", asked, reason="路灯已移交供电公司", suggested="GD")
    await story.did("sun", "approve_return", Then("pending_dispatch", ACCEPTED, ("dispatch",)))
    assert await story.own_due() is None


async def replied(story: Story, runs: tuple[str, ...], **more: str) -> None:
    """The clerk replies, the leader approves."""
    await story.did("chen", "reply", Then("reply_proposed", HANDLING, runs=runs), **REPLY, **more)
    await story.did("li", "approve_reply", Then("callback_pending", ANSWERED, ("callback",)))


async def to_the_right_unit(story: Story) -> None:
    """A new due time from the second dispatch (RET-07), three days more, an answer that says nothing, one that does."""
    await story.did("sun", "dispatch", Then("dispatched", ASSIGNED, AT_UNIT), lead_unit="GD")
    await story.did("chen", "receive", Then("received", HANDLING, runs=HANDLED))
    await story.did("chen", "start", Then("in_progress", HANDLING, runs=HANDLED))
    await story.did("chen", "ask_extension", Then("extension_requested", HANDLING, runs=HANDLED), reason="需要订购电缆", days=3)
    await story.did("sun", "approve_extension", Then("in_progress", HANDLING, runs=HANDLED))
    said = await story.who.post("chen", f"/api/tickets/{story.number}/reply", {**REPLY, "result": EMPTY}, 422)
    assert said["error"]["code"] == "reply_empty" and "已安排" in said["error"]["details"]["phrases"]
    assert any("一" <= one <= "鿿" for one in said["error"]["message"]), "in Chinese"
    assert (await story.who.get("office", f"/api/tickets/{story.number}"))["version"] == story.version, "nothing was changed"
    await replied(story, HANDLED)


async def called_back(story: Story) -> dict[str, str]:
    """The citizen's telephone rings, with the hotline's number."""
    at, who = story.at, story.who
    seat, citizen = await at.floor.seat(CALLS_BACK_AT), await at.floor.unit(CITIZEN)
    order = {"number": CITIZEN, "purpose": "callback", "ticket": story.number}
    async with asyncio.TaskGroup() as tasks:
        dialled = tasks.create_task(who.post("zhou", "/api/agents/me/dial", order))
        agent = await (await seat.rings()).answer()
    call = dialled.result()
    answered = await citizen.rings()
    await hear_each_other(agent, answered)
    assert (call["ticket"], call["purpose"], call["agent"]) == (story.number, "callback", CALLS_BACK_AT)
    await answered.hang_up()
    await agent.ended()
    return {"node": call["node"], "call_id": call["call_id"]}


async def not_satisfied_then_satisfied(story: Story) -> None:
    """Back to the unit, which replies again with the head's signature (CBK-15 to CBK-17); then the end."""
    call = await called_back(story)
    await story.did("zhou", "call_back", Then("review", ANSWERED, ("judgement",)), **DISSATISFIED, **call)
    redo = Then("redo", RETURNED, ("receive", "handle"))
    await story.did("du", "send_redo", redo, reason="诉求合理,尚未解决")
    await story.did("chen", "receive", Then("received", HANDLING, runs=("handle",)))
    await replied(story, ("handle",), head_signed="李局长")
    await story.did("zhou", "call_back", Then("closed", CLOSED), **SATISFIED, **call)
    await story.did("zhou", "archive", Then("archived", CLOSED))
    view = await story.who.get("office", f"/api/tickets/{story.number}")
    assert [one["call_id"] for one in view["callbacks"]] == [call["call_id"]] * 2
    assert [(one["unit"], one["approved"]) for one in view["requests"]] == [("CG", True), ("GD", True)]
    assert view["ticket"]["result_satisfaction"] == "satisfied"
