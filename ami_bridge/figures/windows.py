"""Windows of time that slide over rows, each with a running total of every group of rows that started in it. Pure.

A row belongs to the windows in which it started (metrics, section 1). Times are whole microseconds since 1970. Nothing is summed
twice: a row that comes, changes, goes, or is left behind by a window is added to or taken from its totals.
"""

from __future__ import annotations

import datetime as dt
from bisect import bisect_left
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, Generic, Protocol, TypeVar

from hotline.clock import SHANGHAI

Span = tuple[int, int]
"""From, and to but not including."""
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_SECOND, _DAY = 1_000_000, 86_400_000_000
DAY = "24h"
"""The longest window, in which all others lie: the "continuous 24 hours" of GB/T 33358."""
ROLLING = {"5min": 300, "15min": 900, "30min": 1800, "60min": 3600, DAY: 86400}
NAMES = (*ROLLING, "today", "shift")
_START = attrgetter("start_us")


class Row(Protocol):
    """What is counted: ``group`` names the total that it belongs to."""

    @property
    def key(self) -> Hashable: ...
    @property
    def start_us(self) -> int: ...
    @property
    def group(self) -> Any: ...


R = TypeVar("R", bound=Row)
G = TypeVar("G", bound=Hashable)


class Total(Protocol):
    """What a window holds of a group: ``n`` rows (counted here), and whatever ``add`` and ``take`` gather of them."""

    n: int

    def add(self, row: Any) -> None: ...
    def take(self, row: Any) -> None: ...


T = TypeVar("T", bound=Total)


def microseconds(at: dt.datetime) -> int:
    """Since 1970."""
    return (at - _EPOCH) // _MICROSECOND


def moment(us: int) -> dt.datetime:
    """The time, in UTC, of so many microseconds since 1970."""
    return _EPOCH + us * _MICROSECOND


def spans(at: dt.datetime, shifts: Sequence[str]) -> dict[str, Span]:
    """Every window at this moment. All end with the second that runs, so that what happens now is in them at once.

    ``shifts``: when each begins, as ``HH:MM`` in Shanghai. ``today`` is Shanghai's day.
    """
    now = microseconds(at)
    end = (now // _SECOND + 1) * _SECOND
    midnight = microseconds(at.astimezone(SHANGHAI).replace(hour=0, minute=0, second=0, microsecond=0))
    begins = [midnight + _minutes(shift) * 60 * _SECOND for shift in shifts]
    shift = max(begin if begin <= now else begin - _DAY for begin in begins)
    fixed = {"today": (midnight, end), "shift": (shift, end)}
    return {name: (end - seconds * _SECOND, end) for name, seconds in ROLLING.items()} | fixed


class Windows(Generic[R, G, T]):
    """Rows by key, and the totals ``cells[window][group]``; ``changed`` collects (window, group) until it is emptied."""

    def __init__(self, new: Callable[[], T], where: Mapping[str, Span]) -> None:
        self._new = new
        self._rows: dict[Hashable, R] = {}
        self._order: list[R] = []
        self.spans = dict(where)
        self.cells: dict[str, dict[G, T]] = {name: {} for name in where}
        self.changed: set[tuple[str, G]] = set()

    def __len__(self) -> int:
        return len(self._rows)

    def get(self, key: Hashable) -> R | None:
        """The row as it is known."""
        return self._rows.get(key)

    def put(self, row: R) -> None:
        """Take a row, or what has become of it."""
        before = self._rows.get(row.key)
        if before == row:
            return
        if before is not None:
            self.drop(row.key)
        self._rows[row.key] = row
        if not self._order or row.start_us >= self._order[-1].start_us:
            self._order.append(row)
        else:
            self._order.insert(bisect_left(self._order, row.start_us, key=_START), row)
        for name, (begin, end) in self.spans.items():
            if begin <= row.start_us < end:
                self._add(name, row)

    def drop(self, key: Hashable) -> None:
        """The row is not one any more."""
        row = self._rows.pop(key, None)
        if row is None:
            return
        place = bisect_left(self._order, row.start_us, key=_START)
        while self._order[place] is not row:
            place += 1
        del self._order[place]
        for name, (begin, end) in self.spans.items():
            if begin <= row.start_us < end:
                self._take(name, row)

    def move(self, where: Mapping[str, Span]) -> None:
        """The windows are elsewhere, forwards or backwards."""
        for name, after in where.items():
            before = self.spans[name]
            if after == before:
                continue
            for row in self._outside(before, after):
                self._take(name, row)
            for row in self._outside(after, before):
                self._add(name, row)
            self.spans[name] = after

    def forget(self, before_us: int) -> list[R]:
        """Rows that started earlier are given up (and told); no window may hold one."""
        place = bisect_left(self._order, before_us, key=_START)
        old, self._order[:place] = self._order[:place], []
        for row in old:
            del self._rows[row.key]
        return old

    def within(self, window: str) -> Iterator[R]:
        """The rows of a window, in the order of their starts."""
        return iter(self._between(*self.spans[window]))

    def _outside(self, span: Span, other: Span) -> list[R]:
        """The rows inside the one and not inside the other."""
        (begin, end), (first, last) = span, other
        if last <= begin or end <= first:
            return self._between(begin, end)
        return self._between(begin, first) + self._between(last, end)

    def _between(self, begin: int, end: int) -> list[R]:
        first = bisect_left(self._order, begin, key=_START)
        return self._order[first : bisect_left(self._order, end, lo=first, key=_START)] if end > begin else []

    def _add(self, name: str, row: R) -> None:
        cells = self.cells[name]
        cell = cells.get(row.group)
        if cell is None:
            cell = cells[row.group] = self._new()
        cell.n += 1
        cell.add(row)
        self.changed.add((name, row.group))

    def _take(self, name: str, row: R) -> None:
        cell = self.cells[name][row.group]
        cell.n -= 1
        cell.take(row)
        if cell.n == 0:
            del self.cells[name][row.group]
        self.changed.add((name, row.group))


def _minutes(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)
