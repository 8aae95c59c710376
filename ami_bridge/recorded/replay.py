"""``ami_bridge replay``: recorded streams, journals and queue logs to rows (interfaces, section 4; metrics, sections 6 and 7).

The same reducer, the same rows and the same table of rates as live: a laptop and a file give what the hotline's screen gave.
"""

from __future__ import annotations

import datetime as dt
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from ami_bridge import queue_log
from ami_bridge.calls import Origin
from ami_bridge.errors import UnreadableStreamError
from ami_bridge.figures import metrics
from ami_bridge.lines import Gap
from ami_bridge.recorded import replay_document, streams
from ami_bridge.recorded.connections import Notes
from ami_bridge.recorded.replay_document import Exclusion, Exclusions
from ami_bridge.recorded.replaying import Node, Rows
from ami_bridge.recorded.streams import Reader
from ami_bridge.requests import Rules
from hotline import messages
from hotline.settings import Settings

ONLY_THE_LOG = "there is no stream"
_EARLIER = dt.timedelta(minutes=1)
"""How far the events of a recording may be out of order."""
_STEP = 4096
Progress = Callable[[int, int], None]
Lines = Iterator[queue_log.Line]


class Asked(msgspec.Struct, frozen=True, kw_only=True):
    """What to replay: recordings, queue logs, and up to when (None: all)."""

    paths: tuple[Path, ...] = ()
    queue_logs: tuple[Path, ...] = ()
    at: dt.datetime | None = None
    with_visits: bool = False


class Replayed(msgspec.Struct, frozen=True):
    """What came of it: the rows of citizens' calls, the gaps, what was counted, and what could not be used (both languages).

    ``agents_calls``: calls that agents made into queues themselves, when asked for with visits. ``booted``: when each node's
    Asterisk was started last, where a login said so.
    """

    rows: list[Rows]
    agents_calls: list[Rows]
    gaps: list[Gap]
    notes: Notes
    warnings: list[dict[str, str]]
    booted: dict[str, dt.datetime]


def replay(asked: Asked, settings: Settings, progress: Progress = lambda _, __: None) -> Replayed:
    """Read all once, a second time where no call came over our own trunk; raises ``UnreadableStreamError``, ``OSError``."""
    first = _Pass(asked, settings, {}, progress)
    nodes, last = first.nodes, first
    foreign = {name: Origin.ANY for name, node in nodes.items() if next(node.inbound(), None) is None}
    if foreign:
        last = _Pass(asked, settings, foreign, progress)
        nodes = nodes | {name: node for name, node in last.nodes.items() if name in foreign}
    found = [_until(gap, asked.at) for name in sorted(nodes) for gap in last.reader.coverage.gaps(name)]
    rows = [rows for name in sorted(nodes) for rows in nodes[name].inbound()]
    others = [rows for node in nodes.values() for rows in node.rows.values() if rows.visits and not rows.is_inbound]
    gaps, coverage = [gap for gap in found if gap is not None], last.reader.coverage
    return Replayed(rows, others, gaps, last.reader.notes, _warnings(asked, last.reader), coverage.booted)


def document(
    asked: Asked,
    settings: Settings,
    *,
    queue: str = "",
    exclusions: Exclusions = (),
    progress: Progress = lambda _, __: None,
) -> dict[str, object]:
    """The JSON of interfaces, section 4, of one queue or of all."""
    found = replay(asked, settings, progress)
    return {
        "events": found.notes.events - found.notes.repeated,
        "gaps": found.gaps,
        "warnings": found.warnings,
        **replay_document.document(found.rows, rules(settings), queue, exclusions),
    }


class _Listed(msgspec.Struct, frozen=True):
    exclusions: list[Exclusion]


def exclusions_in(file: Path) -> list[Exclusion]:
    """What ``GET /api/exclusions`` answered, kept in a file; raises ``UnreadableStreamError`` for anything else."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=_Listed).exclusions
    except msgspec.DecodeError as error:
        raise UnreadableStreamError(messages.text("replay.no_exclusions", file=file, reason=error)) from error


def rules(settings: Settings) -> metrics.Rules:
    """What the rates count by (CFG-05)."""
    limits = settings.figures
    return metrics.Rules(
        answer_seconds=limits.answer_seconds,
        second_answer_seconds=limits.second_answer_seconds,
        answer_goal=limits.answer_goal,
        connection_goal=limits.connection_goal,
    )


class _Pass:
    """One reading of everything. Without a stream, or without a clock in it, the queue log is all there is."""

    def __init__(self, asked: Asked, settings: Settings, origins: dict[str, Origin], progress: Progress) -> None:
        self.reader = Reader(asked.paths)
        self.nodes: dict[str, Node] = {}
        self._origins, self._at, self._with_visits = origins, asked.at, asked.with_visits
        self._rules = Rules(short_abandon_us=settings.figures.short_abandon_seconds * 1_000_000)
        self._wrapup_us = settings.queue.wrapup_seconds * 1_000_000
        self._wrapups = {name: queue.wrapup_seconds * 1_000_000 for name, queue in settings.queues.items()}
        self._lines: dict[str, deque[queue_log.Line]] = {}
        lines = streams.log_lines(asked.queue_logs)
        if self.reader.has_clock:
            self._follow(lines, progress)
        elif asked.queue_logs:
            self._read_log_alone(lines)
        else:
            raise UnreadableStreamError(messages.text("replay.no_clock"))
        for node in self.nodes.values():
            node.finish()

    def _follow(self, lines: Lines, progress: Progress) -> None:
        """The streams, and beside them the log."""
        reader, at, waiting = self.reader, self._at, next(lines, None)
        for number, item in enumerate(reader.items()):
            if at is not None and item.at > at:
                if item.at > at + _EARLIER:
                    break
                continue
            while waiting is not None and waiting.at <= item.at:
                waiting = self._hand_on(waiting, lines)
            self._node(item.node).take(item)
            if number % _STEP == 0:
                progress(reader.read_bytes, reader.total_bytes)
        progress(reader.total_bytes, reader.total_bytes)

    def _read_log_alone(self, lines: Lines) -> None:
        waiting = next(lines, None)
        while waiting is not None:
            name = waiting.uniqueid.rpartition("-")[0]
            if waiting.uniqueid and name not in self.nodes:
                self.reader.coverage.note(Gap(name, None, None, ONLY_THE_LOG))
                self._node(name)
            waiting = self._hand_on(waiting, lines)
            if waiting is not None and name in self.nodes:
                self.nodes[name].catch_up(waiting.at)

    def _hand_on(self, line: queue_log.Line, lines: Lines) -> queue_log.Line | None:
        """Give a line to its node, which is named in its unique id; returns the next one."""
        if self._at is None or line.at <= self._at:
            self._lines_of(line.uniqueid.rpartition("-")[0]).append(line)
        return next(lines, None)

    def _lines_of(self, name: str) -> deque[queue_log.Line]:
        return self._lines.setdefault(name, deque())

    def _node(self, name: str) -> Node:
        node = self.nodes.get(name)
        if node is None:
            origin = self._origins.get(name, Origin.TRUNK)
            node = Node(
                name,
                self.reader.coverage,
                self._rules,
                origin,
                self._wrapup_us,
                wrapups=self._wrapups,
                with_visits=self._with_visits,
            )
            node.lines = self._lines_of(name)
            self.nodes[name] = node
        return node


def _until(gap: Gap, at: dt.datetime | None) -> Gap | None:
    """The gap as it was known then."""
    if at is None:
        return gap
    if gap.begin is not None and gap.begin >= at:
        return None
    return msgspec.structs.replace(gap, end=None) if gap.end is not None and gap.end > at else gap


def _warnings(asked: Asked, reader: Reader) -> list[dict[str, str]]:
    """What could not be used, in both languages."""
    found, notes = [], reader.notes
    if asked.paths and not reader.has_clock:
        found.append(messages.languages("replay.no_clock"))
    if notes.untimed:
        found.append(messages.languages("replay.untimed", count=notes.untimed))
    if notes.torn:
        found.append(messages.languages("replay.torn", files=", ".join(notes.torn)))
    if notes.damaged:
        found.append(messages.languages("replay.damaged", files=", ".join(notes.damaged)))
    if notes.same:
        found.append(messages.languages("replay.same", files=", ".join(notes.same)))
    if notes.empty:
        found.append(messages.languages("replay.empty", files=", ".join(notes.empty)))
    return found
