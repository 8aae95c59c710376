"""When an alarm is raised and when it is over (KPI-43). Pure.

One alarm per kind and subject. A kind has two limits: beyond the first for long enough raises the alarm, once; back within the
second for long enough clears it. What lies between changes nothing, so a figure that wavers about its goal does not flap. A
subject that is no longer told of (a node that is gone from the readings) keeps its alarm: silence is not good news.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping

import msgspec

from ami_bridge.figures.metrics import Figure

_MARGIN = 0.01
"""So far above its goal a figure has to rise before its alarm is over; a goal near 1 is met at 1."""


class Node(msgspec.Struct, frozen=True, kw_only=True):
    """A node's bridge: the age of its newest figure, open gaps, violated sums, whether the journal fails, records waiting.

    ``refused``: records that the database refused, since the bridge began; the others are as of now.
    """

    node: str
    lag_seconds: float = 0.0
    gaps_open: int = 0
    violations: int = 0
    journal_failing: bool = False
    backlog: int = 0
    refused: int = 0


class Readings(msgspec.Struct, frozen=True):
    """What is looked at: today's figures of the whole, out of so many requests, and each node's bridge."""

    figures: Mapping[str, Figure]
    requests: int
    nodes: tuple[Node, ...]


class Rules(msgspec.Struct, frozen=True):
    """``figures.lag_alarm_seconds`` and ``figures.calls_for_alarm`` of the settings."""

    lag_seconds: float = 10
    requests_needed: int = 20


class Raised(msgspec.Struct, frozen=True):
    """An alarm begins. ``value`` is what was measured, ``limit`` what it should have been."""

    kind: str
    subject: str
    at: dt.datetime
    value: float
    limit: float


class Cleared(msgspec.Struct, frozen=True):
    """An alarm is over."""

    kind: str
    subject: str
    at: dt.datetime


Effect = Raised | Cleared
Key = tuple[str, str]


class State(msgspec.Struct):
    """``open``: the alarms that are on. ``turning``: since when each subject has been otherwise than its alarm says."""

    open: set[Key] = msgspec.field(default_factory=set)
    turning: dict[Key, dt.datetime] = msgspec.field(default_factory=dict)
    refused: dict[str, int] = msgspec.field(default_factory=dict)


class _Reading(msgspec.Struct, frozen=True):
    subject: str
    value: float
    limit: float
    is_bad: bool
    is_good: bool


class _Kind(msgspec.Struct, frozen=True):
    read: Callable[[Readings, Rules, State], Iterator[_Reading]]
    raise_seconds: float = 0
    clear_seconds: float = 30


def step(state: State, readings: Readings, rules: Rules, at: dt.datetime) -> list[Effect]:
    """Look at the readings; returns what begins and what is over. ``state`` is changed in place."""
    effects: list[Effect] = []
    for name, kind in _KINDS.items():
        for reading in kind.read(readings, rules, state):
            effect = _turn(state, name, kind, reading, at)
            if effect:
                effects.append(effect)
    state.refused = {node.node: node.refused for node in readings.nodes}
    return effects


def _turn(state: State, name: str, kind: _Kind, reading: _Reading, at: dt.datetime) -> Effect | None:
    key = (name, reading.subject)
    is_open = key in state.open
    if not (reading.is_good if is_open else reading.is_bad):
        state.turning.pop(key, None)
        return None
    since = state.turning.setdefault(key, at)
    if (at - since).total_seconds() < (kind.clear_seconds if is_open else kind.raise_seconds):
        return None
    del state.turning[key]
    if is_open:
        state.open.discard(key)
        return Cleared(name, reading.subject, at)
    state.open.add(key)
    return Raised(name, reading.subject, at, reading.value, reading.limit)


def _figures(readings: Readings, rules: Rules, _: State) -> Iterator[_Reading]:
    """A day's figure against its goal; too few requests are neither good nor bad, but a new day (nothing counted) is over."""
    for name, figure in readings.figures.items():
        if figure.goal is None:
            continue
        value = 1.0 if figure.value is None else figure.value
        is_enough = readings.requests >= rules.requests_needed and figure.value is not None
        is_good = value >= min(1.0, figure.goal + _MARGIN)
        yield _Reading(name, value, figure.goal, is_enough and value < figure.goal, is_good)


def _of_nodes(value: Callable[[Node], float], *, good: float = 0, bad: float = 0) -> Callable[..., Iterator[_Reading]]:
    """Bad above ``bad``, good at or below ``good``."""

    def read(readings: Readings, _: Rules, __: State) -> Iterator[_Reading]:
        for node in readings.nodes:
            yield _Reading(node.node, value(node), bad, value(node) > bad, value(node) <= good)

    return read


def _lag(readings: Readings, rules: Rules, _: State) -> Iterator[_Reading]:
    for node in readings.nodes:
        is_bad = node.lag_seconds > rules.lag_seconds
        yield _Reading(node.node, node.lag_seconds, rules.lag_seconds, is_bad, node.lag_seconds <= rules.lag_seconds / 2)


def _refused(readings: Readings, _: Rules, state: State) -> Iterator[_Reading]:
    """Records refused since the last look; a bridge that began anew counts from 0."""
    for node in readings.nodes:
        before = state.refused.get(node.node, 0)
        more = node.refused - before if node.refused >= before else node.refused
        yield _Reading(node.node, more, 0, more > 0, more == 0)


_KINDS: Mapping[str, _Kind] = {
    "figure_below_goal": _Kind(_figures, clear_seconds=60),
    "lag": _Kind(_lag, raise_seconds=2),
    "gap_open": _Kind(_of_nodes(lambda node: node.gaps_open), raise_seconds=2),
    "conservation": _Kind(_of_nodes(lambda node: node.violations), clear_seconds=60),
    "journal": _Kind(_of_nodes(lambda node: node.journal_failing)),
    "backlog": _Kind(_of_nodes(lambda node: node.backlog, good=50, bad=500), raise_seconds=5),
    "record_refused": _Kind(_refused, clear_seconds=3600),
}
KINDS = tuple(_KINDS)
