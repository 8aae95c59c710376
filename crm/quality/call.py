"""What the checks of a call look at, and what they find (QUA-01). Pure."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import Any, Literal

import msgspec

from crm.quality import spans
from crm.quality.rules import Rules
from crm.quality.spans import Span
from recordings.manifest import Manifest, Segment, Track
from recordings.transcription.transcript import Turn

Outcome = Literal["passed", "failed", "not_checked", "not_applicable"]
"""``not_checked``: there is no transcript, or nothing was measured; it says nothing about the call."""
Severity = Literal["note", "minor", "serious"]
_TALK = frozenset(("conversation", "three_way", "conference", "barge", "whisper"))
_WAIT = frozenset(("held", "consult", "parked"))
_STAFF = ("agent", "colleague")


class HangUp(msgspec.Struct, frozen=True):
    """An agent ended the call; ``is_flagged``: without a reason that allows it (IVR-23)."""

    agent: str
    at_ms: int
    is_flagged: bool


class Threeway(msgspec.Struct, frozen=True):
    """A unit was called in; ``at_ms``: when the agent ordered it, None: the recording's beginning is not known."""

    agent: str
    at_ms: int | None
    consent: bool
    was_dialled: bool


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of the call beside its sound. ``wait_ms``: from the wish for an agent to the answer; None: no such wish.

    ``said_silent``: the agent ordered "nobody speaks"; ``rating``: the caller's, or empty.
    """

    agent: str = ""
    wait_ms: int | None = None
    ring_ms: int | None = None
    hang_ups: tuple[HangUp, ...] = ()
    dispositions: frozenset[str] = frozenset()
    said_silent: bool = False
    threeways: tuple[Threeway, ...] = ()
    rating: str = ""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What a check found: whose, where to jump to, and the values of its sentence."""

    code: str
    agent: str
    severity: Severity
    from_ms: int
    to_ms: int
    detail: dict[str, Any] = {}


class Matter(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """Everything about one call; ``turns`` None: there is no transcript (yet)."""

    manifest: Manifest
    record: Record
    rules: Rules
    turns: tuple[Turn, ...] | None = None

    def speech(self, track: Track) -> list[Span]:
        """When somebody speaks there, at the times that the recording has."""
        found = (span for one in self.manifest.speech if one.track == track for span in one.spans)
        return spans.both(found, [(0, self.manifest.length_ms)])

    @property
    def is_measured(self) -> bool:
        """Whether it is known when each side speaks."""
        measured = {one.track for one in self.manifest.speech}
        return self.manifest.quality not in ("empty", "damaged") and measured >= set(self.manifest.tracks)

    @functools.cached_property
    def gaps(self) -> list[Span]:
        """Paused or lost: nothing is known of them."""
        return spans.union((gap.from_ms, gap.to_ms) for gap in self.manifest.gaps)

    @functools.cached_property
    def talk(self) -> list[Span]:
        """When the parties could talk to each other, gaps left out; a recording without segments is one conversation."""
        known = [(one.from_ms, one.to_ms) for one in self.manifest.segments if one.kind in _TALK]
        return spans.without(known if self.manifest.segments else [(0, self.manifest.length_ms)], self.gaps)

    @functools.cached_property
    def waits(self) -> list[Span]:
        """When the caller waits with the agent away: on hold, parked, while a colleague is asked."""
        return spans.union((one.from_ms, one.to_ms) for one in self.manifest.segments if one.kind in _WAIT)

    def said_to_caller(self) -> list[Span]:
        """When a voice of the right side speaks that the caller hears, of the stretches in which the caller waits."""
        heard = [(one.from_ms, one.to_ms) for one in self._waiting() if self._has_right(one)]
        return spans.both(self.speech("right"), heard)

    def _waiting(self) -> Iterator[Segment]:
        return (one for one in self.manifest.segments if one.kind in _WAIT)

    def _has_right(self, segment: Segment) -> bool:
        voices = self.manifest.voices
        return any(voices[place].track == "right" for place in segment.parties if place < len(voices))

    def agent_at(self, at_ms: int) -> str:
        """Who had the call then; without a voice that says so, who has it in the record."""
        voices, segment = self.manifest.voices, self._segment(at_ms)
        parties = set(segment.parties) if segment else set()
        known = [
            (place in parties, one.who == "agent", one.from_ms, one.name)
            for place, one in enumerate(voices)
            if one.who in _STAFF and one.name and one.from_ms <= at_ms < max(one.to_ms, one.from_ms + 1)
        ]
        if known:
            return max(known)[3]
        staff = [one.name for one in voices if one.who in _STAFF and one.name]
        return self.record.agent or (staff[0] if staff else "")

    def is_agent_alone(self, at_ms: int) -> bool:
        """Whether nobody but staff can be heard on the right side then."""
        segment, voices = self._segment(at_ms), self.manifest.voices
        if segment is None:
            return True
        right = (voices[place] for place in segment.parties if place < len(voices) and voices[place].track == "right")
        return all(one.who in _STAFF for one in right)

    def _segment(self, at_ms: int) -> Segment | None:
        return next((one for one in self.manifest.segments if one.from_ms <= at_ms < one.to_ms), None)

    @property
    def agent_begins(self) -> int:
        """When the first agent can be heard."""
        return min((one.from_ms for one in self.manifest.voices if one.who == "agent"), default=0)
