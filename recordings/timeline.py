"""What went on in a recording, and when: from its voices and what happened to its call to segments and gaps. Pure.

A segment is what went on (``recordings/manifest.py``) with who could be heard. What happened comes from channels that each tell
it for themselves, a few milliseconds apart and read in any order: it is put in the order of time here, and what lasts shorter
than ``SLIVER_MS`` belongs to what follows. Segments follow each other from 0 to the end of the recording (TWC-15, QUA-01).
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

import msgspec

from recordings.manifest import Gap, Segment, SegmentKind, Voice

SLIVER_MS = 300
LOST_MS = 1000
"""Talk of which one side was not recorded for so long is a gap."""
_TALK = frozenset({"conversation", "three_way", "conference", "barge", "whisper"})
_ALONE = frozenset({"held", "parked", "waiting"})
_LONGEST_MS = 10**9


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """What a channel told of itself: ``area:what`` and words about it (table ``acd_steps``)."""

    at: dt.datetime
    channel: str
    number: int
    step: str
    words: Mapping[str, str] = {}


class Stretch(msgspec.Struct, frozen=True, kw_only=True):
    """A time in which the recording was paused, or a supervisor whispered; ``until`` is None: to the end of the call."""

    since: dt.datetime
    until: dt.datetime | None = None
    by: str = ""
    reason: str = ""


class Happenings(msgspec.Struct, frozen=True, kw_only=True):
    """What happened to a call while it was recorded, in any order."""

    steps: tuple[Step, ...] = ()
    whispers: tuple[Stretch, ...] = ()
    pauses: tuple[Stretch, ...] = ()


class _Mark(msgspec.Struct, frozen=True):
    """From ``at`` on (milliseconds) it is ``what``, because of ``after``; ``taken``: by a supervisor."""

    at: int
    what: SegmentKind
    after: str
    taken: bool = False


_STEPS: Mapping[str, tuple[SegmentKind, str]] = {
    "control:held": ("held", "hold"),
    "control:consulting": ("held", "consult"),
    "control:consulted": ("consult", "consult"),
    "control:consult_over": ("held", "consult"),
    "control:sent": ("waiting", "transfer"),
    "control:taken": ("conversation", "transfer"),
    "control:returned": ("waiting", "returned"),
    "control:parked": ("parked", "park"),
    "control:lost": ("waiting", "lost"),
    "control:party": ("three_way", "join"),
    "control:emergency": ("three_way", "emergency"),
    "threeway:waiting": ("held", "three_way"),
    "threeway:answered": ("consult", "three_way"),
    "threeway:joined": ("three_way", "three_way"),
    "threeway:together": ("conversation", "three_way"),
    "threeway:requeued": ("waiting", "lost"),
    "call:attended": ("conversation", "transfer"),
    "supervise:taken": ("conversation", "take_over"),
    "supervise:left": ("waiting", "take_over"),
}
"""Those that say by themselves what goes on from then on, and why."""
_VOICES: Mapping[str, tuple[SegmentKind, SegmentKind, str]] = {
    "voice:asked": ("conversation", "consult", "consult"),
    "voice:answered": ("consult", "conversation", "consult"),
    "voice:handed": ("consult", "conversation", "transfer"),
}
"""Edges of voices: what goes on before, and then."""


def segments(
    voices: Sequence[Voice], happenings: Happenings, began: dt.datetime | None, length_ms: int, *, is_message: bool = False
) -> tuple[Segment, ...]:
    """The segments of a recording of this length that began at ``began`` (None: nobody knows, and it is one segment)."""
    if length_ms <= 0:
        return ()
    if is_message or began is None:
        kind: SegmentKind = "message" if is_message else "conversation"
        return (Segment(kind=kind, from_ms=0, to_ms=length_ms, parties=tuple(range(len(voices)))),)
    marks = _marks(voices, happenings, began)
    whispers = [span for one in happenings.whispers if (span := _span(one, began, length_ms))]
    edges = {mark.at for mark in marks} | {edge for voice in voices for edge in (voice.from_ms, voice.to_ms)}
    edges |= {edge for span in whispers for edge in span}
    at = _apart(sorted(edge for edge in edges if 0 < edge < length_ms), length_ms)
    pieces = [_piece(first, last, marks, voices, whispers) for first, last in pairwise((0, *at, length_ms))]
    return tuple(_joined(pieces, marks))


def gaps(voices: Sequence[Voice], found: Iterable[Segment], happenings: Happenings, began: dt.datetime | None) -> tuple[Gap, ...]:
    """Stretches without sound: paused ones, and talk of which a side has no voice though it did not leave; by time."""
    parts = tuple(found)
    length_ms = parts[-1].to_ms if parts else 0
    paused = [
        Gap(from_ms=span[0], to_ms=span[1], why="paused", by=one.by, reason=one.reason)
        for one in happenings.pauses
        if began is not None and (span := _span(one, began, length_ms))
    ]
    lost = [
        Gap(from_ms=part.from_ms, to_ms=part.to_ms, why="lost")
        for part in parts
        if part.kind in _TALK
        and part.to_ms - part.from_ms >= LOST_MS
        and any(_is_lost(voices, part, track) for track in ("left", "right"))
    ]
    return tuple(sorted((*paused, *lost), key=lambda gap: (gap.from_ms, gap.to_ms, gap.why, gap.by)))


def _is_lost(voices: Sequence[Voice], part: Segment, track: str) -> bool:
    """Nobody is heard on this side, who was not gone for good."""
    if any(voices[index].track == track for index in part.parties):
        return False
    side = [voice for voice in voices if voice.track == track]
    return not side or any(voice.from_ms > part.from_ms for voice in side)


def _marks(voices: Sequence[Voice], happenings: Happenings, began: dt.datetime) -> list[_Mark]:
    """What goes on from when on, by time."""
    starts = sorted(voice.from_ms for voice in voices if voice.track == "right" and voice.who != "supervisor")
    marks = [_Mark(0, "conversation", "")]
    leg = ""
    steps = (*happenings.steps, *_of_voices(voices, began))
    for step in sorted(steps, key=lambda step: (step.at, step.channel, step.number)):
        at = _ms(step.at, began)
        if at < 0:  # the citizen still waited for the first agent
            continue
        _served(marks, starts, at)
        fresh = _mark(step, at, marks[-1], leg)
        if step.step == "control:held":
            leg = step.words.get("agent", "")
        if fresh is not None:
            marks.append(fresh)
    _served(marks, starts, _LONGEST_MS)
    return marks


def _of_voices(voices: Sequence[Voice], began: dt.datetime) -> Iterator[Step]:
    """What nobody told where an agent's own telephone asks a colleague: when that one comes and goes, or is left alone."""
    asked = [voice for voice in voices if voice.who == "colleague"]
    for voice in asked:
        yield _edge(began, voice.from_ms, voice.channel, "voice:asked")
        yield _edge(began, voice.to_ms, voice.channel, "voice:answered")
    for voice in (voice for voice in voices if voice.who == "agent"):
        others = [other for other in voices if other.who == "agent" and other.to_ms > voice.to_ms]
        if not others and any(one.from_ms < voice.to_ms < one.to_ms for one in asked):
            yield _edge(began, voice.to_ms, voice.channel, "voice:handed")


def _edge(began: dt.datetime, at_ms: int, channel: str, name: str) -> Step:
    return Step(at=began + dt.timedelta(milliseconds=at_ms), channel=channel, number=0, step=name)


def _served(marks: list[_Mark], starts: Iterable[int], before: int) -> None:
    """Whoever waits has somebody to talk to when another telephone begins to be recorded."""
    last = marks[-1]
    begins = [start for start in starts if last.at < start <= before]
    if last.what == "waiting" and begins:
        marks.append(_Mark(begins[0], "conversation", last.after))


def _mark(step: Step, at: int, last: _Mark, leg: str) -> _Mark | None:
    if step.step == "control:joined":
        if last.what == "parked":
            return _Mark(at, "conversation", "park")
        return _Mark(at, "conversation", "hold" if step.words.get("agent", "") == leg else "transfer")
    if step.step in ("control:party_left", "threeway:unit_left", "threeway:agent_left"):
        two = step.step != "control:party_left" or step.words.get("left", "").lstrip("0") == "2"
        return _Mark(at, "conversation", "left") if last.what == "three_way" and two else None
    if step.step in _VOICES:
        before, what, why = _VOICES[step.step]
        return _Mark(at, what, why) if last.what == before and not last.taken else None
    known = _STEPS.get(step.step)
    if known is None:
        return None
    after = last.after if step.step == "control:taken" and last.what == "waiting" else known[1]
    return _Mark(at, known[0], after, taken=step.step == "supervise:taken")


def _piece(
    first: int, last: int, marks: Sequence[_Mark], voices: Sequence[Voice], whispers: Iterable[tuple[int, int]]
) -> Segment:
    """What goes on between two edges: ``after`` is left to ``_joined``."""
    middle = (first + last) // 2
    now = next(mark for mark in reversed(marks) if mark.at <= middle)
    there = [index for index, voice in enumerate(voices) if voice.from_ms <= middle < voice.to_ms]
    kind = now.what
    if kind in _ALONE:
        there = [index for index in there if voices[index].track == "left"]
    elif kind == "consult":
        there = [index for index in there if voices[index].track == "right"]
    elif any(voices[index].who == "supervisor" for index in there) and not now.taken:
        kind = "barge"
    elif any(begin <= middle < end for begin, end in whispers):
        kind = "whisper"
    elif kind == "three_way" and len(there) > 3:
        kind = "conference"
    return Segment(kind=kind, from_ms=first, to_ms=last, parties=tuple(there))


def _joined(pieces: Sequence[Segment], marks: Sequence[_Mark]) -> list[Segment]:
    """Neighbours in which nothing changed are one; each other is told what led to it."""
    found = [pieces[0]]
    for piece in pieces[1:]:
        last = found[-1]
        if (last.kind, last.parties) == (piece.kind, piece.parties):
            found[-1] = msgspec.structs.replace(last, to_ms=piece.to_ms)
            continue
        why = [mark.after for mark in marks if last.from_ms < mark.at <= (piece.from_ms + piece.to_ms) // 2]
        found.append(msgspec.structs.replace(piece, after=_after(last, piece, why)))
    return found


def _after(last: Segment, now: Segment, why: Sequence[str]) -> str:
    for kind in ("barge", "whisper"):
        if kind in (now.kind, last.kind):
            return kind
    if last.kind != now.kind and why:
        return why[-1]
    if {*now.parties} - {*last.parties} and {*last.parties} - {*now.parties}:
        return why[-1] if why else "transfer"
    return "join" if len(now.parties) > len(last.parties) else "left"


def _apart(edges: Iterable[int], length_ms: int) -> list[int]:
    """Edges that lie at least a sliver apart, from each other and from both ends; of those too near the last one counts."""
    found: list[int] = []
    for edge in edges:
        if edge < SLIVER_MS or edge > length_ms - SLIVER_MS:
            continue
        if found and edge - found[-1] < SLIVER_MS:
            found.pop()
        found.append(edge)
    return found


def _span(one: Stretch, began: dt.datetime, length_ms: int) -> tuple[int, int] | None:
    """Where a stretch lies in the recording; None: nowhere."""
    first, last = max(_ms(one.since, began), 0), length_ms if one.until is None else min(_ms(one.until, began), length_ms)
    return (first, last) if first < last else None


def _ms(at: dt.datetime, began: dt.datetime) -> int:
    return max(-_LONGEST_MS, min((at - began) // dt.timedelta(milliseconds=1), _LONGEST_MS))
