"""A ticket and what stands beside it, as the database would hold them: orders are decided and carried out without any."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Any

import msgspec
import pytest

from acd.permissions import ROLES, Person
from crm.errors import RefusedError
from crm.profiles.profile import Profile
from crm.tickets import rows
from crm.tickets.change import Change, ClockOrder, Kept
from crm.tickets.decide import decide
from crm.tickets.orders import VALUES, Order
from crm.tickets.surroundings import Above, Proposed, Request, Supervision, Surroundings, Task, UnitKnown
from crm.tickets.ticket import Identity, Ticket

START = dt.datetime(2026, 11, 23, 1, 0, tzinfo=dt.UTC)
"""A Monday, nine in the morning in Shanghai."""
UNITS: Mapping[str, UnitKnown] = {
    unit.code: unit
    for unit in (
        UnitKnown(code="CITY"),
        UnitKnown(code="HEATING", above=("CITY",), contact="李工", phone="05342000001"),
        UnitKnown(code="HEATING.EAST", above=("HEATING", "CITY"), contact="王工", phone="05342000002"),
        UnitKnown(code="HOUSING", above=("CITY",), contact="赵工", phone="05342000003"),
        UnitKnown(code="CLOSED", active=False),
    )
}
_IN_UNITS = {"unit_clerk", "unit_leader", "unit_editor"}
PERSONS: Mapping[str, Person] = {role: Person(role, role, "", "HEATING" if role in _IN_UNITS else "") for role in ROLES} | {
    "helper": Person("helper", "unit_clerk", "", "HOUSING"),
    "below": Person("below", "unit_clerk", "", "HEATING.EAST"),
    "foreign": Person("foreign", "unit_clerk", "", "ELSEWHERE"),
}
"""One of each role, those of units at HEATING; and clerks of other units."""
TARGET = Ticket(ticket_id=2026112300099, made_at=START, made_by="agent", state="pending_dispatch")
CONTENT = "幸福小区三号楼从昨天晚上开始暖气不热，室内只有十二度。"
REPLY: dict[str, Any] = {
    "basis": "《供热条例》第十二条",
    "present_state": "十一月二十三日上门测温为十二度，系楼内阀门损坏。",
    "result": "已更换三号楼阀门并恢复供热，当日十八时室温二十度。",
    "is_true": "yes",
    "solvable": "yes",
    "outcome": "resolved",
    "citizen_told": True,
}
ANSWERED = msgspec.structs.replace(TARGET, state="callback_pending", lead_unit="HEATING", dispatched_at=START, replied_at=START)
"""``TARGET`` when its unit has replied: what hangs under it takes the answer."""
SENT = rows.Reply(reply_id=uuid.UUID(int=1), unit="HEATING", at=START, by="clerk", state="sent", **REPLY)


def fresh(**values: Any) -> Ticket:
    """A draft whose form is complete."""
    given: dict[str, Any] = {
        "ticket_id": 2026112300001,
        "made_at": START,
        "made_by": "agent",
        "accept_agent": "agent",
        "content": CONTENT,
        "nature": "help",
        "category": "C1.20",
        "has_identity": True,
    }
    return Ticket(**{**given, **values})


def order(action: str, **values: Any) -> Order:
    """With values as they come from outside: checked as there."""
    return Order(action, msgspec.convert(values, VALUES[action], strict=False))


class World:
    """Where a ticket stands; ``do`` decides an order and carries out what comes of it, or raises and changes nothing."""

    def __init__(self, ticket: Ticket | None = None, profile: Profile | None = None) -> None:
        self.ticket = ticket or fresh()
        self.profile = profile or Profile()
        self.now = START
        self.units = UNITS
        self.tasks: list[dict[str, Any]] = []
        self.requests: list[dict[str, Any]] = []
        self.replies: list[dict[str, Any]] = []
        self.supervisions: list[dict[str, Any]] = []
        self.others: list[Kept] = []
        self.clocks: list[ClockOrder] = []
        self.steps: list[str] = []

    def copy(self) -> World:
        """Another that goes its own way."""
        other = World(self.ticket, self.profile)
        other.now, other.units = self.now, self.units
        for name in ("tasks", "requests", "replies", "supervisions"):
            setattr(other, name, [dict(row) for row in getattr(self, name)])
        other.others, other.clocks, other.steps = list(self.others), list(self.clocks), list(self.steps)
        return other

    def around(self) -> Surroundings:
        """As the shell would read it."""
        asked = [row for row in self.requests if row.get("decided_at") is None]
        newest = self.replies[-1] if self.replies else None
        return Surroundings(
            units=self.units,
            tasks=tuple(_made(Task, row) for row in self.tasks),
            request=_made(Request, asked[-1]) if asked else None,
            proposed=_made(Proposed, newest) if newest and newest["state"] in ("proposed", "sent") else None,
            supervisions=tuple(
                _made(Supervision, {**row, "answered": "answered_at" in row})
                for row in self.supervisions
                if row.get("ended_at") is None
            ),
            target=TARGET,
            above=Above(ANSWERED, SENT) if self.ticket.parent_id else None,
            service_steps=tuple(self.steps),
        )

    def do(self, who: str, action: str, hours: Any = 13, **values: Any) -> Change:
        """After so many hours: thirteen are another half of a day."""
        return self.take(PERSONS[who], order(action, **values), hours)

    def take(self, person: Person, what: Order, hours: float = 13) -> Change:
        """As ``do``."""
        now = self.now + dt.timedelta(hours=hours)
        change = decide(self.ticket, what, person, self.around(), profile=self.profile, now=now)
        self.now, self.ticket = now, change.ticket
        for kept in change.kept:
            self._keep(kept)
        for clock in change.clocks:
            self._clock(clock)
        if what.action == "service_step":
            self.steps.append(change.detail["step"])
        return change

    def _keep(self, kept: Kept) -> None:
        _fits_its_table(kept, self.now)
        here = getattr(self, kept.table, None)
        if here is None:
            self.others.append(kept)
        elif kept.is_new:
            identity = {"tasks": "task_id", "supervisions": "supervision_id"}.get(kept.table, "id")
            here.append({identity: uuid.uuid4(), **kept.values})
        else:
            fitting = [row for row in here if all(row.get(name) == value for name, value in kept.where.items())]
            assert fitting, kept
            fitting[-1].update(kept.values)

    def _clock(self, clock: ClockOrder) -> None:
        """The clocks' own rules are tested elsewhere: five days, and what an extension adds."""
        self.clocks.append(clock)
        due = self.ticket.due_at
        if (clock.verb, clock.clock) in (("start", "handle"), ("restart", "handle")):
            due = clock.until or self.now + dt.timedelta(days=5)
        elif (clock.verb, clock.clock) == ("extend", "handle") and due is not None:
            due += dt.timedelta(days=clock.days)
        self.ticket = msgspec.structs.replace(self.ticket, due_at=due)


def _fits_its_table(kept: Kept, now: dt.datetime) -> None:
    """What is kept beside a ticket is a row of its table; who the citizen is has its own fields."""
    if kept.table == "identities":
        assert set(kept.values) <= set(Identity.__struct_fields__)
    elif kept.is_new:
        assert rows.made(kept.table, kept.values, uuid.uuid4(), now, "somebody")
    else:
        rows.columns(kept.table, kept.values)
        rows.columns(kept.table, kept.where, with_key=True)


def _made(kind: type[Any], row: Mapping[str, Any]) -> Any:
    return kind(**{name: row[name] for name in kind.__struct_fields__ if name in row})


def refused(world: World, who: str, action: str, hours: Any = 1, **values: Any) -> str:
    """The code of the refusal; the ticket is as it was."""
    before, around = world.ticket, world.around()
    with pytest.raises(RefusedError) as found:
        world.do(who, action, hours, **values)
    assert world.ticket is before and world.around() == around
    return found.value.code


def dispatched(**values: Any) -> World:
    """At HEATING, HOUSING helps."""
    world = World(fresh(**values))
    world.do("agent", "accept", 1)
    world.do("agent", "submit", 1)
    world.do("dispatcher", "dispatch", 1, lead_unit="HEATING", co_units=["HOUSING"])
    return world


def handled(**values: Any) -> World:
    """HEATING works on it."""
    world = dispatched(**values)
    world.do("unit_clerk", "receive", 1)
    world.do("unit_clerk", "start", 1)
    return world


def abandoned(**values: Any) -> World:
    """HEATING worked on it, and is in the directory no more."""
    world = handled(**values)
    world.units = {**UNITS, "HEATING": msgspec.structs.replace(UNITS["HEATING"], active=False)}
    return world


def to_call_back(**values: Any) -> World:
    """HEATING replied, its leader approved."""
    world = handled(**values)
    world.do("unit_clerk", "reply", 13, **{**REPLY, "citizen_told": not values.get("hidden")})
    world.do("unit_leader", "approve_reply")
    return world


SATISFIED: dict[str, Any] = {
    "unit_replied": True,
    "process_satisfaction": "satisfied",
    "result_satisfaction": "satisfied",
    "solved": True,
}
DISSATISFIED: dict[str, Any] = {
    "unit_replied": True,
    "process_satisfaction": "satisfied",
    "result_satisfaction": "dissatisfied",
    "solved": False,
    "judgement": "reasonable",
    "reason": "暖气仍然不热",
}
