"""The rows that live figures count, as small as they can be, and the running totals of a group of them. Pure.

Totals can be added to and taken from, and become the tallies of ``ami_bridge/figures/tally.py``, equal to a recount.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from ami_bridge.figures.live_rows import RequestRow
from ami_bridge.figures.metrics import Calls
from ami_bridge.figures.tally import LANE_BITS, Tally, Waits, second
from ami_bridge.figures.windows import microseconds
from ami_bridge.lines import OUTCOMES

CallKey = tuple[str, str]
"""Node and call."""
RowKey = tuple[str, str, int, int]
"""Node, call, number and start: a request found to have begun at another time is another row, and the first one is void."""
_OUTCOMES = frozenset(OUTCOMES)


class Group(NamedTuple):
    """Requests that are counted together; ``excluded`` is the reason of an exclusion in force, or empty (KPI-40)."""

    node: str
    queue: str
    skill: str
    kind: str
    excluded: str


class RequestLine(msgspec.Struct, frozen=True, gc=False):
    """A request for an agent. ``odd``: it is not exactly one of waiting and ended with a known outcome."""

    key: RowKey
    start_us: int
    group: Group
    outcome: str
    wait_us: int
    repaired: bool
    odd: bool


class Asked:
    """The requests of a group: by outcome how many, the sum and the longest of their waits, and the lanes of a histogram."""

    __slots__ = ("n", "odd", "outcomes", "repaired", "unsure")

    def __init__(self) -> None:
        self.n = self.odd = self.repaired = 0
        self.outcomes: dict[str, list[int]] = {}
        self.unsure: set[str] = set()
        """Outcomes whose longest wait was taken out: the next longest is to be looked up (``settle``)."""

    def add(self, row: RequestLine) -> None:
        self.odd += row.odd
        self.repaired += row.repaired
        found = self.outcomes.setdefault(row.outcome, [0, 0, 0, 0])
        found[0] += 1
        if row.outcome != "waiting":
            found[1] += row.wait_us
            found[2] = max(found[2], row.wait_us)
            found[3] += 1 << second(row.wait_us) * LANE_BITS

    def take(self, row: RequestLine) -> None:
        self.odd -= row.odd
        self.repaired -= row.repaired
        found = self.outcomes[row.outcome]
        found[0] -= 1
        if found[0] == 0:
            del self.outcomes[row.outcome]
        elif row.outcome != "waiting":
            found[1] -= row.wait_us
            found[3] -= 1 << second(row.wait_us) * LANE_BITS
            if 0 < row.wait_us == found[2]:
                self.unsure.add(row.outcome)

    def settle(self, rows: Iterable[RequestLine]) -> None:
        """Look the longest waits up among the rows of the window."""
        longest = dict.fromkeys(self.unsure & self.outcomes.keys(), 0)
        for row in rows:
            if row.outcome in longest:
                longest[row.outcome] = max(longest[row.outcome], row.wait_us)
        for outcome, wait_us in longest.items():
            self.outcomes[outcome][2] = wait_us
        self.unsure.clear()

    def tally(self) -> Tally:
        """The same as ``tally.of`` the rows; only when no outcome is unsure."""
        return Tally({outcome: Waits(*found) for outcome, found in self.outcomes.items()}, self.repaired)


class CallLine(msgspec.Struct, frozen=True, gc=False):
    """An inbound call; ``group`` is its node. ``hung_up``: it ended in the menu and asked for no agent."""

    key: CallKey
    start_us: int
    group: str
    answered: bool
    in_menu: bool
    asked: bool


class Called:
    """The calls of a node."""

    __slots__ = ("answered", "ivr_hangups", "n")

    def __init__(self) -> None:
        self.n = self.answered = self.ivr_hangups = 0

    def add(self, row: CallLine) -> None:
        self.answered += row.answered
        self.ivr_hangups += row.in_menu and not row.asked

    def take(self, row: CallLine) -> None:
        self.answered -= row.answered
        self.ivr_hangups -= row.in_menu and not row.asked

    def calls(self) -> Calls:
        """As the rates take them."""
        return Calls(self.n, self.answered, self.ivr_hangups)


class TurnLine(msgspec.Struct, frozen=True, gc=False):
    """An agent was rung; ``group`` is (node, agent). Lengths in microseconds."""

    key: RowKey
    start_us: int
    group: tuple[str, str]
    result: str
    talk_us: int
    hold_us: int
    wrapup_us: int


class Agent(msgspec.Struct, frozen=True):
    """What an agent did, of the turns that began in a window; lengths in seconds."""

    answered: int = 0
    ring_no_answer: int = 0
    talk: float = 0.0
    hold: float = 0.0
    wrapup: float = 0.0


class Rung:
    """The turns of an agent at a node."""

    __slots__ = ("n", "sums")

    def __init__(self) -> None:
        self.n = 0
        self.sums = [0, 0, 0, 0, 0]

    def add(self, row: TurnLine) -> None:
        self.sums = [a + b for a, b in zip(self.sums, _part(row), strict=True)]

    def take(self, row: TurnLine) -> None:
        self.sums = [a - b for a, b in zip(self.sums, _part(row), strict=True)]


def agent(found: Iterable[Rung]) -> Agent:
    """One agent's totals at every node, together."""
    sums = [sum(column) for column in zip(*(rung.sums for rung in found), strict=True)] or [0] * 5
    answered, ring_no_answer, *lengths = sums
    return Agent(answered, ring_no_answer, *(length / 1e6 for length in lengths))


def request_line(row: RequestRow, key: RowKey, group: Group) -> RequestLine:
    """The line of a row of table ``requests``."""
    odd = row.outcome not in _OUTCOMES or (row.outcome == "waiting") != (row.ended_at is None)
    return RequestLine(key, microseconds(row.requested_at), group, row.outcome, row.wait_us, row.repaired, odd)


def _part(row: TurnLine) -> tuple[int, int, int, int, int]:
    return row.result == "answered", row.result == "ring_no_answer", row.talk_us, row.hold_us, row.wrapup_us
