"""Whom a queue may ring, and in what order of preference. Pure.

An agent has skills with levels from 1 to 5; a queue asks for one skill from a least level on. What follows from a level is the
table ``PENALTY``: app_queue rings the smallest penalty that is free. Rules: IVR-25 (languages), IVR-26 (trainees), IVR-27
(sub-centres).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

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
