"""Which recordings are listened to: so many of each agent in a week, by chance, from every stratum (QUA-01). Pure.

The same calls with the same seed give the same sample, in whatever order the calls come: it can be shown that nobody chose.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from typing import Annotated, Literal

import msgspec

Count = Annotated[int, msgspec.Meta(ge=0, le=100)]
Stratum = Literal["direction", "rating", "finding"]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Words = Annotated[tuple[Word, ...], msgspec.Meta(max_length=20)]


class Rule(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """How many of each agent a week, and of which calls; empty: of all. ``strata``: each way in which calls differ has its share.

    ``findings``: calls with one of these; ``shortest_seconds``: no shorter call.
    """

    per_agent: Count = 2
    per_trainee: Count = 5
    directions: Words = ()
    ratings: Words = ()
    findings: Words = ()
    strata: Annotated[tuple[Stratum, ...], msgspec.Meta(max_length=3)] = ()
    shortest_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 20


class Candidate(msgspec.Struct, frozen=True, kw_only=True):
    """A recorded call."""

    recording_id: int
    agent: str
    is_trainee: bool = False
    direction: str = "inbound"
    rating: str = "not_rated"
    findings: frozenset[str] = frozenset()
    seconds: float = 0.0


def draw(candidates: Iterable[Candidate], rule: Rule, seed: int) -> list[Candidate]:
    """The sample, by agent and recording."""
    of_agents: dict[str, list[Candidate]] = {}
    for one in sorted(candidates, key=lambda one: one.recording_id):
        if one.agent and fits(one, rule):
            of_agents.setdefault(one.agent, []).append(one)
    return [one for agent in sorted(of_agents) for one in _of_agent(of_agents[agent], rule, f"{seed}:{agent}")]


def fits(one: Candidate, rule: Rule) -> bool:
    """Whether the plan is about such calls."""
    return (
        one.seconds >= rule.shortest_seconds
        and (not rule.directions or one.direction in rule.directions)
        and (not rule.ratings or one.rating in rule.ratings)
        and (not rule.findings or not one.findings.isdisjoint(rule.findings))
    )


def shares(sizes: Sequence[int], wanted: int) -> list[int]:
    """``wanted`` over strata of these sizes: one each while there is enough, the rest in proportion, none more than it has."""
    given = [0] * len(sizes)
    wanted = min(wanted, sum(sizes))
    for place in sorted(range(len(sizes)), key=lambda place: (-sizes[place], place)):
        if sum(given) < wanted and sizes[place]:
            given[place] = 1
    while sum(given) < wanted:
        # who is furthest behind its share of the whole
        place = max((p for p in range(len(sizes)) if given[p] < sizes[p]), key=lambda p: (sizes[p] / (given[p] + 1), -p))
        given[place] += 1
    return given


def _of_agent(calls: Sequence[Candidate], rule: Rule, seed: str) -> list[Candidate]:
    chance = random.Random(seed)  # noqa: S311  whoever has the seed can draw it again: that is wanted
    wanted = rule.per_trainee if any(one.is_trainee for one in calls) else rule.per_agent
    strata: dict[tuple[str, ...], list[Candidate]] = {}
    for one in calls:
        strata.setdefault(_stratum(one, rule), []).append(one)
    groups = [strata[key] for key in sorted(strata)]
    chosen = [
        one
        for group, count in zip(groups, shares([len(g) for g in groups], wanted), strict=True)
        for one in chance.sample(group, count)
    ]
    return sorted(chosen, key=lambda one: one.recording_id)


def _stratum(one: Candidate, rule: Rule) -> tuple[str, ...]:
    known = {"direction": one.direction, "rating": one.rating, "finding": "yes" if one.findings else "no"}
    return tuple(known[name] for name in rule.strata)
