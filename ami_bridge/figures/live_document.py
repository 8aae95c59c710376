"""A document that clients keep a copy of: sections of values by key, and what changed since any moment. Pure.

Each value remembers when it changed last, so that what a client missed is found by looking back, however slow it is: nothing is
queued for anybody, and changes that were not fetched are merged by themselves (metrics, section 7.3).
"""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec

Place = tuple[str, str]
"""Section and key."""
_KEPT_GONE = 5000


class Message(msgspec.Struct, frozen=True):
    """A snapshot (``since`` None), or what changed after ``since``. ``set``: values by section and key; ``gone``: keys."""

    seq: int
    since: int | None
    at: dt.datetime
    set: dict[str, dict[str, Any]]
    gone: dict[str, list[str]] = {}


class Document:
    """The newest values. ``seq`` is the number of the newest change; one that takes over from another goes on after
    its number, and whoever followed the other begins with a snapshot."""

    def __init__(self, after: int = -1) -> None:
        self.seq = self._oldest = after + 1
        self._values: dict[Place, object] = {}
        self._changed: dict[Place, int] = {}
        self._gone: dict[Place, int] = {}
        self._open = False

    def put(self, section: str, key: str, value: object) -> None:
        """A value, new or changed or neither."""
        place = (section, key)
        if place in self._values and self._values[place] == value:
            return
        self._values[place] = value
        self._gone.pop(place, None)
        self._changed.pop(place, None)
        self._changed[place] = self._number()

    def drop(self, section: str, key: str) -> None:
        """The key is not there any more."""
        place = (section, key)
        if place in self._values:
            del self._values[place], self._changed[place]
            self._gone.pop(place, None)
            self._gone[place] = self._number()

    def keys(self, section: str, prefix: str = "") -> list[str]:
        """The keys of a section."""
        return [key for name, key in self._values if name == section and key.startswith(prefix)]

    def get(self, section: str, key: str) -> object:
        """A value, or None."""
        return self._values.get((section, key))

    def close(self) -> None:
        """What was put and dropped up to here is one change."""
        self._open = False
        while len(self._gone) > _KEPT_GONE:
            place = next(iter(self._gone))
            self._oldest = self._gone.pop(place)

    def snapshot(self, at: dt.datetime) -> Message:
        """Everything."""
        return Message(self.seq, None, at, self._sections(list(self._values)))

    def delta(self, since: int, at: dt.datetime) -> Message:
        """What changed after ``since``; everything for one who has been away too long, or is from another time."""
        if not self._oldest <= since <= self.seq:
            return self.snapshot(at)
        gone: dict[str, list[str]] = {}
        for section, key in _newer(self._gone, since):
            gone.setdefault(section, []).append(key)
        return Message(self.seq, since, at, self._sections(_newer(self._changed, since)), gone)

    def _sections(self, places: list[Place]) -> dict[str, dict[str, object]]:
        found: dict[str, dict[str, object]] = {}
        for section, key in places:
            found.setdefault(section, {})[key] = self._values[(section, key)]
        return found

    def _number(self) -> int:
        if not self._open:
            self._open = True
            self.seq += 1
        return self.seq


def merged(known: dict[str, dict[str, object]], message: Message) -> dict[str, dict[str, object]]:
    """What a client then has; the same four lines as in its page."""
    if message.since is None:
        return {section: dict(values) for section, values in message.set.items()}
    after = {section: known.get(section, {}) | message.set.get(section, {}) for section in known.keys() | message.set.keys()}
    for section, keys in message.gone.items():
        for key in keys:
            after.get(section, {}).pop(key, None)
    return {section: values for section, values in after.items() if values}


def _newer(places: dict[Place, int], since: int) -> list[Place]:
    """They are in the order of their changes: look back from the newest."""
    found = []
    for place in reversed(places):
        if places[place] <= since:
            break
        found.append(place)
    return found
