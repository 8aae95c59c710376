"""When a node was heard, and when not: the gaps of recorded streams (metrics, section 6). Pure."""

from __future__ import annotations

import datetime as dt

import msgspec

from ami_bridge.lines import Gap

MARGIN = dt.timedelta(seconds=2)
"""What happened so near to a gap may have been missed: the queue log knows whole seconds."""
STOPPED = "Asterisk was stopped"
RESTARTED = "Asterisk was restarted"
RECONNECTED = "the connection was made anew"
NOT_RECORDED = "nothing was recorded"


class Span(msgspec.Struct):
    """A time in which a node was heard without a break; ``before`` and ``after`` say why not earlier and later."""

    begin: dt.datetime
    end: dt.datetime
    before: str = ""
    after: str = ""

    def hear(self, at: dt.datetime) -> None:
        """Something happened at ``at``."""
        self.end = max(self.end, at)


class Coverage:
    """The spans of every node, from any number of recordings that may overlap."""

    def __init__(self) -> None:
        self.spans: dict[str, list[Span]] = {}
        self._unknown: list[Gap] = []
        self.booted: dict[str, dt.datetime] = {}
        """When each node's Asterisk was started last, as far as a login said so; too late where little was heard."""

    def begin(self, node: str, at: dt.datetime, before: str = "") -> Span:
        """A recording of the node begins or goes on."""
        span = Span(at, at, before)
        self.spans.setdefault(node, []).append(span)
        return span

    def note(self, gap: Gap) -> None:
        """A gap of which nothing is known from before."""
        self._unknown.append(gap)

    def first(self, node: str) -> dt.datetime | None:
        """When the node was heard first."""
        return min((span.begin for span in self.spans.get(node, ())), default=None)

    def last(self, node: str) -> dt.datetime | None:
        """When the node was heard last."""
        return max((span.end for span in self.spans.get(node, ())), default=None)

    def gaps(self, node: str) -> list[Gap]:
        """What no recording of the node covers, between its first word and its last; after a stop without end, open."""
        found = [gap for gap in self._unknown if gap.node == node]
        reached: Span | None = None
        spans = sorted(self.spans.get(node, ()), key=lambda span: (span.begin, span.end))
        for span in spans:
            if reached is not None and span.begin > reached.end:
                before = next((one.before for one in spans if one.begin == span.begin and one.before), "")
                found.append(Gap(node, reached.end, span.begin, before or reached.after or NOT_RECORDED))
            if reached is None or span.end >= reached.end:
                reached = span
        if reached is not None and reached.after == STOPPED:
            found.append(Gap(node, reached.end, None, STOPPED))
        return found

    def gap_at(self, node: str, at: dt.datetime) -> Gap | None:
        """The gap between two times heard, or instead of any, in which something that happened at ``at`` may have been missed."""
        return next((gap for gap in self.gaps(node) if (gap.begin is None) is (gap.end is None) and covers(gap, at)), None)


def covers(gap: Gap, at: dt.datetime) -> bool:
    """Whether ``at`` lies in the gap, a margin on either side included."""
    return (gap.begin is None or gap.begin - MARGIN <= at) and (gap.end is None or at <= gap.end + MARGIN)
