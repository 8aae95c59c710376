"""The events of a recorded connection to items: facts with their node, what was heard, and where nothing was. Pure.

Theory of operation. A raw stream is one connection after the other; each begins with a greeting, or at least with
``FullyBooted``. Between two of them nothing was heard: ``Coverage`` notes the end of one span and the begin of another. A piece
of a stream that begins without either goes on where an earlier piece ended. In a journal the gaps are entries of their own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ami_bridge import codec, facts
from ami_bridge.calls import Call, Source
from ami_bridge.facts import Fact
from ami_bridge.recorded.coverage import RECONNECTED, RESTARTED, STOPPED, Coverage, Span

_ANSWERED = "Authentication accepted"
_A_BOOT = dt.timedelta(seconds=2)
NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)


class Restarted(Fact, frozen=True):
    """Asterisk began anew; what it had in progress when it was last heard (``at``) is gone."""


class ClockSet(Fact, frozen=True):
    """The machine's clock was set forward by so much (back: negative)."""

    microseconds: int


class Resumed(Fact, frozen=True):
    """The journal was not written for a time: these are the calls after it."""

    calls: list[Call]


class Repairing(Fact, frozen=True):
    """A gap is being repaired from now on, or (``goes_on`` False) all gaps are repaired."""

    goes_on: bool


class Item(msgspec.Struct, gc=False):
    """One thing that was said: when, by which node, what it states (None: nothing), and a key by which a repetition is known."""

    at: dt.datetime
    node: str
    fact: Fact | None
    source: Source = Source.AMI
    key: int = 0


class Notes(msgspec.Struct):
    """What was counted while reading; the lists hold names of files."""

    events: int = 0
    repeated: int = 0
    untimed: int = 0
    torn: list[str] = []
    damaged: list[str] = []
    same: list[str] = []
    empty: list[str] = []


class Connection:
    """Frames of one recording, in their order. ``has_gaps``: its gaps are told apart from its events, as in a journal.

    ``goes_on``: the recording begins in the middle of a connection.
    """

    def __init__(
        self, coverage: Coverage, notes: Notes, *, node: str = "", has_gaps: bool = False, goes_on: bool = False
    ) -> None:
        self._coverage, self._notes, self._node = coverage, notes, node
        self._has_gaps, self.goes_on = has_gaps, goes_on
        self._spans: dict[str, Span] = {}
        self._uptime, self._is_fresh = -1, True
        self.reached = NEVER
        """The latest time heard."""

    def items(self, frames: Sequence[codec.Frame], received: dt.datetime = NEVER) -> Iterator[Item]:
        """What the events say; one without a time takes ``received``, and is left out when there is none."""
        for frame in frames:
            headers = frame.headers
            if frame.kind != "event":
                if frame.kind == "greeting" or headers.get("message") == _ANSWERED:
                    self.cut(RECONNECTED)
                    self._is_fresh = True
                continue
            if frame.name == "FullyBooted":
                self._boot(headers)
            fact = facts.from_event(frame.name, headers, received)
            at = fact.at if fact is not None else _time(headers.get("timestamp"), received)
            if at <= NEVER:
                self._notes.untimed += frame.name != "FullyBooted" and headers.get("actionid") is None
                continue
            node = headers.get("systemname") or self._named(headers.get("uniqueid") or "")
            span = self._spans.get(node)
            if span is None:
                span, restarted = self._begun(node, at)
                if restarted:
                    yield restarted
            span.hear(at)
            self.reached = max(self.reached, at)
            if type(fact) is facts.ShutDown:
                self.cut(STOPPED)
            yield Item(at, node, fact, Source.AMI, hash(frame.raw))

    def cut(self, cause: str) -> None:
        """Nothing is heard from here on."""
        if self._has_gaps:
            return
        for span in self._spans.values():
            span.after = span.after or cause
        self._spans.clear()
        self.goes_on = False

    def go_on(self, node: str, at: dt.datetime, before: str) -> None:
        """Heard again, from ``at`` on."""
        self._spans[node] = self._coverage.begin(node, at, before)

    def last(self) -> Span | None:
        """What is being heard now."""
        return max(self._spans.values(), key=lambda span: span.end, default=None)

    def _named(self, uniqueid: str) -> str:
        """The node of an event that does not name it: as its unique id says, else as the events before it."""
        name, dash, _ = uniqueid.rpartition("-")
        if dash:
            self._node = name
        return self._node

    def _boot(self, headers: Mapping[str, str]) -> None:
        """A login, or the end of a start."""
        if not self._is_fresh:
            self.cut(RECONNECTED)
        self._is_fresh = self.goes_on = False
        uptime = headers.get("uptime") or ""
        self._uptime = int(uptime) if uptime.isascii() and uptime.isdigit() and len(uptime) < 10 else -1

    def _begun(self, node: str, at: dt.datetime) -> tuple[Span, Item | None]:
        """The span of a node that is heard again, or for the first time; and that it was started anew in between."""
        earlier = [span for span in self._coverage.spans.get(node, ()) if span.begin <= at]
        last = max(earlier, key=lambda span: span.end, default=None)
        self._is_fresh = False
        if last is not None and self.goes_on and not last.after:
            self._spans[node] = last
            return last, None
        before, restarted = "", None
        if last is not None and not self._has_gaps and last.end < at:
            is_new = self._uptime >= 0 and at - dt.timedelta(seconds=self._uptime) > last.end + _A_BOOT
            before = RESTARTED if is_new and last.after != STOPPED else last.after or RECONNECTED
            if is_new or last.after == STOPPED:
                restarted = Item(at, node, Restarted(at=last.end, call_id=""))
        if self._uptime >= 0:
            self._note_boot(node, at - dt.timedelta(seconds=self._uptime))
        self._spans[node] = span = self._coverage.begin(node, at, before)
        return span, restarted

    def _note_boot(self, node: str, at: dt.datetime) -> None:
        """When it was started; of two words about the same start, the earlier."""
        known, heard = self._coverage.booted.get(node), self._coverage.last(node)
        is_same = known is not None and (heard is None or at <= heard)
        self._coverage.booted[node] = min(known, at) if known is not None and is_same else at


def _time(stamp: str | None, received: dt.datetime) -> dt.datetime:
    try:
        return facts.timestamp(stamp) if stamp else received
    except (ValueError, OverflowError):
        return NEVER
