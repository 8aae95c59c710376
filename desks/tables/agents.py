"""Agents: how they stand, log-in, pause, ready, skills (ORG-20 to ORG-25); attendance and the shift plan (ORG-49)."""

from __future__ import annotations

import datetime as dt
from typing import Annotated

import msgspec

from acd import attendance, sessions
from acd.attendance import Event, Shift
from acd.permissions import Person
from acd.sessions import AgentNow
from desks import parameters
from desks.desk import Ask, Route
from desks.errors import RefusedError
from desks.ordering import AgentNumber, Line, Word, ordered
from desks.parameters import within

_TIME = (parameters.FROM, parameters.TO)
_MOST_SHIFTS = 100


class LogIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``seat``: the telephone to work at, the agent's own unless given; another one wants the agent's PIN."""

    seat: AgentNumber | None = None
    pin: Annotated[str, msgspec.Meta(max_length=20, pattern=r"^[0-9]*$")] = ""


class Pause(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why: one of the settings' reasons."""

    reason: Word


class ForceOut(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why, in a few words."""

    reason: Line = ""


class Skills(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Skill to level, 1 to 5."""

    skills: Annotated[
        dict[Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")], Annotated[int, msgspec.Meta(ge=1, le=5)]],
        msgspec.Meta(max_length=32),
    ]


class NewShift(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From when to when somebody should work."""

    begins: Annotated[dt.datetime, msgspec.Meta(tz=True)]
    ends: Annotated[dt.datetime, msgspec.Meta(tz=True)]


class NewPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The shifts of an agent in a time: what was planned in it before is replaced."""

    begin: Annotated[dt.datetime, msgspec.Meta(tz=True)] = msgspec.field(name="from")
    end: Annotated[dt.datetime, msgspec.Meta(tz=True)] = msgspec.field(name="to")
    shifts: Annotated[list[NewShift], msgspec.Meta(max_length=_MOST_SHIFTS)]


class Agents(msgspec.Struct, frozen=True):
    """All agents, by number; ``pause_reasons``: those that may be given."""

    agents: list[AgentNow]
    pause_reasons: list[str]


class History(msgspec.Struct, frozen=True):
    """What an agent did and what was done to it, the latest first."""

    events: list[Event]


class Plan(msgspec.Struct, frozen=True):
    """Shifts, by agent and time."""

    shifts: list[Shift]


async def everybody(ask: Ask, person: Person) -> Agents:
    """``GET /api/agents``."""
    return Agents(await sessions.list_agents(ask.parts.acd, person), list(ask.parts.settings.agents.pause_reasons))


async def one(ask: Ask, person: Person, *, agent: str) -> AgentNow:
    """``GET /api/agents/{agent}``."""
    return await sessions.my_state(ask.parts.acd, person, agent)


async def log_in(ask: Ask, person: Person, *, agent: str, seat: str | None, pin: str) -> AgentNow:
    """``POST /api/agents/{agent}/login``."""
    return await sessions.log_in(ask.parts.acd, person, agent, seat or "", pin=pin)


async def log_out(ask: Ask, person: Person, *, agent: str) -> AgentNow:
    """``POST /api/agents/{agent}/logout``."""
    return await sessions.log_out(ask.parts.acd, person, agent)


async def pause(ask: Ask, person: Person, *, agent: str, reason: str) -> AgentNow:
    """``POST /api/agents/{agent}/pause``."""
    return await sessions.pause(ask.parts.acd, person, agent, reason)


async def ready(ask: Ask, person: Person, *, agent: str) -> AgentNow:
    """``POST /api/agents/{agent}/ready``."""
    return await sessions.ready(ask.parts.acd, person, agent)


async def force_out(ask: Ask, person: Person, *, agent: str, reason: str) -> AgentNow:
    """``POST /api/agents/{agent}/force-out``."""
    return await sessions.force_out(ask.parts.acd, person, agent, reason)


async def set_skills(ask: Ask, person: Person, *, agent: str, skills: dict[str, int]) -> AgentNow:
    """``PUT /api/agents/{agent}/skills``."""
    return await sessions.set_skills(ask.parts.acd, person, agent, skills)


async def history(ask: Ask, person: Person, *, agent: str, **time: dt.datetime) -> History:
    """``GET /api/agents/{agent}/history``."""
    return History(await attendance.history(ask.parts.acd, person, agent, time["from"], time["to"]))


async def shifts(ask: Ask, person: Person, **time: dt.datetime) -> Plan:
    """``GET /api/shifts``."""
    return Plan(await attendance.plan(ask.parts.acd, person, time["from"], time["to"]))


async def set_shifts(
    ask: Ask, person: Person, *, agent: str, begin: dt.datetime, end: dt.datetime, shifts: list[NewShift]
) -> Plan:
    """``PUT /api/agents/{agent}/shifts``."""
    span = (within("from", begin), within("to", end))
    wanted = sorted((within("begins", one.begins), within("ends", one.ends)) for one in shifts)
    edges = [span[0], *(moment for one in wanted for moment in one), span[1]]
    if edges != sorted(edges) or any(one[0] == one[1] for one in wanted) or span[0] == span[1]:
        raise RefusedError("bad_interval", **{"from": span[0], "to": span[1]})
    return Plan(await attendance.set_plan(ask.parts.acd, person, agent, span, wanted))


ROUTES: tuple[Route, ...] = (
    ordered("GET", "/api/agents", everybody, "agent.see", ("坐席状态", "All agents"), answer=Agents),
    ordered("GET", "/api/agents/{agent}", one, "agent.see", ("一名坐席(me 为本人)", "An agent (me: oneself)"), answer=AgentNow),
    ordered("POST", "/api/agents/{agent}/login", log_in, "agent.work", ("签入", "Log in at a seat"), body=LogIn, answer=AgentNow),
    ordered("POST", "/api/agents/{agent}/logout", log_out, "agent.work", ("签出", "Log out of the seat"), answer=AgentNow),
    ordered("POST", "/api/agents/{agent}/pause", pause, "agent.work", ("示忙", "Pause"), body=Pause, answer=AgentNow),
    ordered("POST", "/api/agents/{agent}/ready", ready, "agent.work", ("示闲", "Ready now"), answer=AgentNow),
    ordered(
        "POST",
        "/api/agents/{agent}/force-out",
        force_out,
        "agent.lead",
        ("强制签出", "Force out"),
        body=ForceOut,
        answer=AgentNow,
    ),
    ordered("PUT", "/api/agents/{agent}/skills", set_skills, "agent.keep", ("技能", "Skills"), body=Skills, answer=AgentNow),
    ordered("GET", "/api/agents/{agent}/history", history, "agent.see", ("考勤记录", "Attendance"), query=_TIME, answer=History),
    ordered("GET", "/api/shifts", shifts, "agent.see", ("排班", "Shift plan"), query=_TIME, answer=Plan),
    ordered(
        "PUT", "/api/agents/{agent}/shifts", set_shifts, "agent.keep", ("设置排班", "Plan shifts"), body=NewPlan, answer=Plan
    ),
)
