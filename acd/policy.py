"""Whom a queue may ring, and which queue a call goes to, in what place. Pure.

An agent has skills with levels from 1 to 5; a queue asks for one skill from a least level on. What follows from a level is the
table ``PENALTY``: app_queue rings the smallest penalty that is free. ``route`` is asked whenever a caller is about to wait.
Rules: IVR-25 (languages), IVR-26 (trainees), IVR-27 (sub-centres), IVR-32 (priority).

The order among those who wait: higher priority first, and within it whoever has waited longer in total. Nobody who has waited
``priority_limit_seconds`` is overtaken by a priority caller who comes later: that is how long priority can hold others up.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping

import msgspec

from hotline import calendar, hours
from hotline.settings import Calendar, Hours, Routing, Settings

EVERYBODY = {"mandarin": 5}
"""What every agent can do unless their own skills say another level."""
PENALTY = {5: 0, 4: 1, 3: 2, 2: 3, 1: 4}
"""Level of the queue's skill -> penalty."""
TRAINEE_PENALTY = 10
"""Comes on top for a trainee: rung when nobody else is free; a call with a highest penalty below it rings no trainee."""


class Agent(msgspec.Struct, frozen=True, kw_only=True):
    """A person who takes calls. ``mentor`` is the agent who may listen to a trainee, "" when nobody."""

    number: str
    skills: Mapping[str, int] = {}
    sub_centre: str = ""
    trainee: bool = False
    mentor: str = ""
    active: bool = True

    def level(self, skill: str) -> int:
        """The level of a skill, 0 when the agent does not have it."""
        return self.skills.get(skill, EVERYBODY.get(skill, 0))


class Queue(msgspec.Struct, frozen=True, kw_only=True):
    """What a queue asks of its agents. Without a sub-centre it is served by those of all; ``trainees``: whether they are rung."""

    name: str
    skill: str = "mandarin"
    least_level: int = 1
    sub_centre: str = ""
    trainees: bool = True


def memberships(agents: Iterable[Agent], queues: Iterable[Queue]) -> dict[tuple[str, str], int]:
    """(queue, agent) -> penalty of the agent in the queue, for every queue that the agent belongs to.

    Also in (``personal(queue, agent)``, agent): the queue in which the agent alone is rung.
    """
    wanted = tuple(queues)
    found: dict[tuple[str, str], int] = {}
    for agent in agents:
        for queue in wanted:
            if _serves(agent, queue):
                found[queue.name, agent.number] = penalty(agent, queue)
                found[personal(queue.name, agent.number), agent.number] = 0
    return found


def personal(queue: str, agent: str) -> str:
    """The name of the queue in which this agent alone is rung for ``queue``; what counts is what stands before the dot."""
    return f"{queue}.{agent}"


def penalty(agent: Agent, queue: Queue) -> int:
    """By level, and behind everybody else for a trainee."""
    return PENALTY[agent.level(queue.skill)] + (TRAINEE_PENALTY if agent.trainee else 0)


def _serves(agent: Agent, queue: Queue) -> bool:
    return (
        agent.active
        and agent.level(queue.skill) >= max(1, queue.least_level)
        and queue.sub_centre in ("", agent.sub_centre)
        and (queue.trainees or not agent.trainee)
    )


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """What the settings say of a queue. ``hours``: None when it is never closed; ``overflow_to``: "" when nobody takes over."""

    wait_seconds: int
    overflow_to: str = ""
    overflow_seconds: int = 0
    overflow_waiting: int = 0
    hours: Hours | None = None


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """The rules of every queue, and those of routing; ``default`` is the queue for a name that is none."""

    default: str
    rules: Mapping[str, Rule]
    routing: Routing
    calendar: Calendar


class Waiting(msgspec.Struct, frozen=True):
    """Somebody who waits: for how long in total, with what priority."""

    seconds: float
    priority: int = 0


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """A queue as Asterisk has it now, and those waiting callers whose total wait is known."""

    waiting: int = 0
    ready: int = 0
    logged_in: int = 0
    known: tuple[Waiting, ...] = ()


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """A caller is about to wait in ``queue``. ``left``: has just left it after its ``overflow_seconds``.

    ``waited_seconds``: in this call so far, with what was kept from an earlier one.
    """

    queue: str
    group: str = ""
    overdue: bool = False
    left: bool = False
    waited_seconds: float = 0


class History(msgspec.Struct, frozen=True, kw_only=True):
    """What this number did before: the agent it talked to lately and whether that one is ready; the wait that it gave up.

    ``blocked``: the office has decided that it is not put through for now (CAL-08).
    """

    agent: str = ""
    is_ready: bool = False
    kept_seconds: float = 0
    blocked: bool = False


class Route(msgspec.Struct, frozen=True, kw_only=True):
    """Where the call goes. ``place``: 1 is the head, 0 the end of the queue. ``first_agent`` is rung alone before, "" nobody.

    After ``wait_seconds`` the wait is over, or, when ``overflows``, routed anew. ``why``: words for people and tests; who is
    ``blocked`` does not wait at all.
    """

    queue: str
    priority: int
    place: int
    first_agent: str
    wait_seconds: int
    overflows: bool
    waited_seconds: float
    why: tuple[str, ...]
    blocked: bool = False


NOBODY = Standing()


def route(plan: Plan, asked: Asked, now: dt.datetime, floor: Mapping[str, Standing], history: History) -> Route:
    """Decide; ``now`` is the hotline's wall clock. A queue that is not in ``floor`` has nobody."""
    wanted = asked.queue if asked.queue in plan.rules else plan.default
    queue, why = _overflowed(plan, wanted, asked.left, now, floor)
    rule, standing = plan.rules[queue], floor.get(queue, NOBODY)
    total = asked.waited_seconds + history.kept_seconds
    priority = _priority(plan.routing, asked, standing)
    place = place_of(total, priority, standing) if total > 0 else 0
    first = history.agent if history.is_ready and (standing.waiting == 0 or place == 1) else ""
    has_left = asked.left and queue == wanted
    overflows = rule.overflow_seconds > 0 and not has_left
    reasons = (
        ("blocked", history.blocked),
        ("priority", priority),
        ("kept_place", history.kept_seconds > 0),
        ("same_agent", first),
    )
    return Route(
        queue=queue,
        priority=priority,
        place=place,
        first_agent=first,
        wait_seconds=rule.overflow_seconds if overflows else rule.wait_seconds - (rule.overflow_seconds if has_left else 0),
        overflows=overflows,
        waited_seconds=total,
        why=(*why, *(word for word, holds in reasons if holds)),
        blocked=history.blocked,
    )


def place_of(total: float, priority: int, standing: Standing) -> int:
    """The place behind all of higher priority and all who waited as long or longer; 0: the end.

    Who waits in Asterisk and is not known stands before: nobody is overtaken who may have waited longer.
    """
    ahead = 0
    for other in standing.known:
        if other.priority > priority or (other.priority == priority and other.seconds >= total):
            ahead += 1
    place = 1 + ahead + max(0, standing.waiting - len(standing.known))
    return place if place <= standing.waiting else 0


def _priority(routing: Routing, asked: Asked, standing: Standing) -> int:
    """1 for whom the city lets go ahead, unless somebody has, or may have, waited too long to be overtaken."""
    if not routing.priority or not (asked.group in routing.priority_groups or (asked.overdue and routing.priority_overdue)):
        return 0
    if standing.waiting and not standing.known:
        return 0
    limit = routing.priority_limit_seconds
    return 0 if any(other.seconds >= limit and not other.priority for other in standing.known) else 1


def _overflowed(
    plan: Plan, queue: str, left: bool, now: dt.datetime, floor: Mapping[str, Standing]
) -> tuple[str, tuple[str, ...]]:
    """Follow ``overflow_to`` as long as there is a reason to; who left for the wait goes only where somebody is logged in."""
    why: tuple[str, ...] = ()
    while to := plan.rules[queue].overflow_to:
        rule, here, there = plan.rules[queue], floor.get(queue, NOBODY), floor.get(to, NOBODY)
        is_closed = rule.hours and not hours.staffed(rule.hours, now, calendar.situation(plan.calendar, now.date()))
        reason = "closed" if is_closed else _reason(rule, here, there, left=left and not why)
        if not reason:
            break
        queue, why = to, (*why, reason)
    return queue, why


def _reason(rule: Rule, here: Standing, there: Standing, *, left: bool) -> str:
    """Why a caller of an open queue is taken over, "" when not: the first that holds."""
    if there.logged_in == 0:
        return ""
    if left:
        return "waited"
    if here.logged_in == 0:
        return "nobody_there"
    if 0 < rule.overflow_waiting <= here.waiting and (there.ready or there.waiting < here.waiting):
        return "many_waiting"
    return ""


_ALWAYS = Hours()


def plan(settings: Settings) -> Plan:
    """The plan that the settings make."""
    rules = {
        name: Rule(
            wait_seconds=queue.wait_seconds,
            overflow_to=queue.overflow_to,
            overflow_seconds=queue.overflow_seconds,
            overflow_waiting=queue.overflow_waiting,
            hours=None if queue.hours == _ALWAYS else queue.hours,
        )
        for name, queue in settings.every_queue().items()
    }
    return Plan(default=settings.queue.name, rules=rules, routing=settings.routing, calendar=settings.calendar)


def queues(settings: Settings) -> list[Queue]:
    """What every queue asks of its agents, everybody's first."""
    return [
        Queue(name=name, skill=q.skill, least_level=q.least_level, sub_centre=q.sub_centre, trainees=q.trainees)
        for name, q in settings.every_queue().items()
    ]
