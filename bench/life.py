"""A hotline's life to load: calls and requests of 2010 to 2025 as text for COPY, a month at a time.

Three queues, two skills in each, two nodes. The calls of a day follow the clock and the week and grow over the years; 15 in a
hundred never ask for an agent, three in a hundred of those answered are sent on by the agent; every 15th is a fault of an hour.
"""

from __future__ import annotations

import datetime as dt
import math
import random
import time
from collections.abc import Iterator

import msgspec

from hotline.clock import SHANGHAI

YEARS = range(2010, 2026)
NODES, SKILLS = ("node1", "node2"), ("mandarin", "english")
QUEUES = ("hotline", "enterprise", "transport")
CALL_COLUMNS = (
    *("node", "call_id", "caller_number", "dialled", "started_at", "answered_at", "menu_path", "queue", "queued_at", "agent"),
    *("connected_at", "ended_at", "hangup_cause", "hung_up_by", "disposition", "source", "version"),
)
REQUEST_COLUMNS = (
    *("node", "call_id", "number", "kind", "caller", "queue", "first_queue", "skill", "requested_at", "ended_at", "outcome"),
    *("wait_us", "agent", "hops", "repaired", "source", "precision_us", "excluded", "version"),
)
_SECOND = 1_000_000
_QUARTER = 900 * _SECOND
_MENU_SHARE, _TRANSFER_SHARE, _REPAIRED_SHARE = 0.15, 0.03, 0.002
_DRAWN = 1 << 16
_NULL = r"\N"


class Month(msgspec.Struct, frozen=True):
    """What is loaded for one month: the text for each table, and how many rows there are in it."""

    calls: list[bytes]
    requests: list[bytes]
    calls_made: int
    requests_made: int


def months() -> list[tuple[int, int]]:
    """All of them, in order."""
    return [(year, month) for year in YEARS for month in range(1, 13)]


def begin(year: int, month: int) -> dt.datetime:
    """When it begins; the 13th is the next year's first."""
    return dt.datetime(year + (month - 1) // 12, (month - 1) % 12 + 1, 1, tzinfo=SHANGHAI).astimezone(dt.UTC)


def make(year: int, month: int, calls: int) -> Month:
    """One month of a life of about so many calls."""
    dice = random.Random(year * 100 + month)
    maker = _Maker(dice)
    per_weight = calls / _life_weight()
    day = dt.date(year, month, 1)
    while day.month == month:
        weight = per_weight * _day_weight(day)
        began = int(dt.datetime(day.year, day.month, day.day, tzinfo=SHANGHAI).timestamp()) * _SECOND
        for quarter, share in enumerate(_SHAPE):
            fault = "system_fault" if day.day == 15 and 40 <= quarter < 44 else _NULL
            for _ in range(int(weight * share * dice.uniform(0.7, 1.3) + dice.random())):
                maker.call(began + quarter * _QUARTER + int(dice.random() * _QUARTER), fault)
        maker.close_day()
        day += dt.timedelta(days=1)
    return Month(maker.calls, maker.requests, maker.calls_made, maker.requests_made)


class _Maker:
    """Rows of a month; text of a day at a time."""

    def __init__(self, dice: random.Random) -> None:
        self.random = dice.random
        self.drawn = list(_draw(dice))
        self.minutes: dict[int, str] = {}
        self.calls: list[bytes] = []
        self.requests: list[bytes] = []
        self.calls_made = self.requests_made = 0
        self._call_lines: list[str] = []
        self._request_lines: list[str] = []

    def call(self, at: int, fault: str) -> None:
        """A call that starts at ``at`` (microseconds of the epoch)."""
        self.calls_made += 1
        number = self.calls_made
        node = NODES[number & 1]
        call_id = f"{node}-{at // _SECOND}.{number}"
        caller = f"13{number * 7919 % 10**9:09d}"
        start, joined = self.text(at), at + 8 * _SECOND
        if self.random() < _MENU_SHARE:
            what = "ivr_hangup" if number % 2 else "knowledge_query"
            end = self.text(at + 40 * _SECOND)
            self._call_lines.append(
                f"{node}\t{call_id}\t{caller}\t12345\t{start}\t{start}\tmain:2\t\\N\t\\N\t\\N\t\\N\t{end}\t16\tcaller\t{what}\tami\t1\n"
            )
            return
        outcome, wait, queue, skill, agent = self.drawn[int(self.random() * _DRAWN)]
        asked, ended = self.text(joined), self.text(joined + wait)
        gone = joined + wait + (90 * _SECOND if agent != _NULL else 0)
        connected = ended if agent != _NULL else _NULL
        self._call_lines.append(
            f"{node}\t{call_id}\t{caller}\t12345\t{start}\t{start}\tmain:1\t{queue}\t{asked}\t{agent}\t{connected}\t{self.text(gone)}\t16\t"
            f"caller\t{'answered' if agent != _NULL else 'abandoned'}\tami\t1\n"
        )
        repaired, source, exact = ("t", "queue_log", _SECOND) if self.random() < _REPAIRED_SHARE else ("f", "ami", 1)
        rest = f"0\t{repaired}\t{source}\t{exact}\t{fault}\t1\n"
        self._request_lines.append(
            f"{node}\t{call_id}\t1\tcaller\t{caller}\t{queue}\t{queue}\t{skill}\t{asked}\t{ended}\t{outcome}\t{wait}\t{agent}\t{rest}"
        )
        if agent != _NULL and self.random() < _TRANSFER_SHARE:
            asked, ended = self.text(gone), self.text(gone + 5 * _SECOND)
            self._request_lines.append(
                f"{node}\t{call_id}\t2\ttransfer\t{caller}\t{queue}\t{queue}\t{skill}\t{asked}\t{ended}\tanswered\t5000000\t{agent}\t{rest}"
            )

    def close_day(self) -> None:
        """Lines to bytes."""
        self.requests_made += len(self._request_lines)
        self.calls.append("".join(self._call_lines).encode())
        self.requests.append("".join(self._request_lines).encode())
        self._call_lines, self._request_lines = [], []

    def text(self, at: int) -> str:
        """A time as PostgreSQL reads it."""
        minute, rest = divmod(at, 60 * _SECOND)
        known = self.minutes.get(minute)
        if known is None:
            known = self.minutes[minute] = time.strftime("%Y-%m-%d %H:%M:", time.gmtime(minute * 60))
        return f"{known}{rest // _SECOND:02d}.{rest % _SECOND:06d}+00"


def _draw(dice: random.Random) -> Iterator[tuple[str, int, str, str, str]]:
    """Outcome, wait, queue, skill, agent: many of them, to choose from."""
    outcomes = list(_MIX)
    for outcome in dice.choices(outcomes, [_MIX[name][0] for name in outcomes], k=_DRAWN):
        shortest, mean, longest = _MIX[outcome][1:]
        wait = min(shortest + dice.expovariate(1 / mean) if mean else dice.uniform(shortest, longest), longest)
        (queue,), (skill,) = dice.choices(QUEUES, (70, 20, 10)), dice.choices(SKILLS, (95, 5))
        agent = str(1001 + dice.randrange(300)) if outcome == "answered" else _NULL
        yield outcome, int(wait * _SECOND), queue, skill, agent


_MIX: dict[str, tuple[float, float, float, float]] = {
    "answered": (84.0, 0.8, 11.0, 595.0),
    "abandoned": (7.0, 5.0, 55.0, 595.0),
    "short_abandoned": (4.0, 0.1, 0.0, 4.999999),
    "timed_out": (1.5, 600.0, 0.0, 600.1),
    "key_exit": (1.0, 3.0, 30.0, 300.0),
    "callback": (1.0, 30.0, 60.0, 595.0),
    "queue_full": (0.7, 0.0, 0.0, 0.01),
    "no_agents": (0.5, 0.0, 0.0, 0.01),
    "system_fault": (0.3, 0.0, 0.0, 120.0),
}
"""Of each outcome: its share in percent; shortest wait, the mean above it (0: evenly), and longest, in seconds."""


def _day_weight(day: dt.date) -> float:
    return (0.4 + 1.2 * (day.year - YEARS[0]) / len(YEARS)) * (0.65 if day.weekday() >= 5 else 1.0)


def _life_weight() -> float:
    days = (dt.date(YEARS[-1] + 1, 1, 1) - dt.date(YEARS[0], 1, 1)).days
    return sum(_day_weight(dt.date(YEARS[0], 1, 1) + dt.timedelta(days=day)) for day in range(days))


def _shape() -> list[float]:
    """The share of each quarter-hour in a day: two humps, at ten and at three, and a quiet night."""
    raw = [
        0.08 + math.exp(-(((quarter - 40) / 8) ** 2)) + 0.8 * math.exp(-(((quarter - 60) / 9) ** 2)) + 0.25 * (32 <= quarter < 84)
        for quarter in range(96)
    ]
    return [weight / sum(raw) for weight in raw]


_SHAPE = _shape()
