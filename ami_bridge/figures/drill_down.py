"""The requests behind a figure, each with what it is to every rate: the sum over the lines is the rate (metrics, section 5)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path
from typing import Literal

import asyncpg
import msgspec

from ami_bridge.figures import metrics
from ami_bridge.figures.history import EVERYTHING, Only
from ami_bridge.figures.metrics import Rules
from ami_bridge.figures.rollups import LONGEST_CALL
from ami_bridge.lines import OUTCOMES, Request
from hotline import sql

_QUERIES = sql.load(Path(__file__).parent.parent / "sql" / "history.sql")
_AT_ONCE = 500
WhichPart = Literal["", "counted", "counted_in_denominator", "excluded"]


class Line(msgspec.Struct, frozen=True):
    """A request, the reason why the net figures leave it out (None: they do not), and its part in each rate."""

    request: Request
    excluded: str | None
    why: dict[str, str]


class After(msgspec.Struct, frozen=True, array_like=True):
    """The last line that was seen: where the next page begins."""

    requested_at: dt.datetime
    node: str
    call_id: str
    number: int


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Which lines: ``part`` of ``rate`` (one of ``metrics.NAMES``), empty: all. ``net``: as the net figures see them."""

    rate: str = ""
    part: WhichPart = ""
    net: bool = False
    rules: Rules = Rules()

    def outcomes(self) -> list[str]:
        """Those that such a line can have."""
        rate = metrics.RATES.get(self.rate)
        if rate is None or self.part in ("", "excluded"):
            return list(OUTCOMES)
        return sorted(rate.counted if self.part == "counted" else rate.base)

    def has(self, line: Line) -> bool:
        """Whether this is such a line."""
        if not self.rate or not self.part:
            return True
        said = line.why[self.rate]
        return said.startswith("excluded:") if self.part == "excluded" else said == self.part


async def lines(
    pool: asyncpg.Pool,
    since: dt.datetime,
    until: dt.datetime,
    wanted: Wanted,
    *,
    only: Only = EVERYTHING,
    after: After | None = None,
    limit: int = 100,
) -> tuple[list[Line], After | None]:
    """A page of lines in the order of their starts, and where the next one begins; None: there is none."""
    found: list[Line] = []
    async with pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
        await connection.execute(_QUERIES["plan"])
        while True:
            begin = max(since, after.requested_at) if after else since
            seen = msgspec.structs.astuple(after) if after else (None,) * 4
            rows = await connection.fetch(
                _QUERIES["lines"],
                begin,
                until,
                *msgspec.structs.astuple(only),
                wanted.outcomes(),
                _AT_ONCE,
                *seen,
                since - LONGEST_CALL,
            )
            for row in rows:
                line = _line(row, wanted)
                if wanted.has(line):
                    if len(found) == limit:
                        return found, after
                    found.append(line)
                after = After(row["requested_at"], row["node"], row["call_id"], row["number"])
            if len(rows) < _AT_ONCE:
                return found, None


def _line(row: asyncpg.Record, wanted: Wanted) -> Line:
    request = Request(**{field: row[field] for field in Request.__struct_fields__})
    why = metrics.why(request, wanted.rules, is_first_of_call=row["is_first_of_call"], call_is_answered=row["call_is_answered"])
    excluded: str | None = row["excluded"]
    if wanted.net and excluded:
        why = dict.fromkeys(why, f"excluded: {excluded}")
    return Line(request, excluded, why)
