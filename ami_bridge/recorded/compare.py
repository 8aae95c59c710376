"""``ami_bridge compare``: what app_queue says of itself, beside ours of the same time, and the calls that make the difference.

app_queue's counters are asked of the running Asterisk (AMI ``QueueStatus``, as the user who may only read), or are in a stream
that was recorded while somebody asked. Without either, what they should be is told by the calls alone.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Mapping, Sequence
from pathlib import Path

import msgspec
import uvloop

from ami_bridge import codec, facts
from ami_bridge.errors import LinkLostError
from ami_bridge.link import Link
from ami_bridge.recorded import comparison, replay, streams
from ami_bridge.recorded.comparison import Compared, Counters, Counting
from ami_bridge.recorded.connections import NEVER, Notes
from ami_bridge.recorded.coverage import Coverage
from ami_bridge.recorded.rawfiles import RawFile
from ami_bridge.recorded.replay import Asked, Progress
from hotline import clock, credentials
from hotline.errors import CredentialsError
from hotline.settings import Settings

_PATIENCE_SECONDS = 10.0


class Told(msgspec.Struct, frozen=True):
    """What Asterisk said of its queues, when, and since when it counts (None: nobody knows)."""

    at: dt.datetime
    since: dt.datetime | None
    queues: dict[str, tuple[int, Counters]]


class Result(msgspec.Struct, frozen=True):
    """All queues; ``counters_from``: ``asterisk``, ``stream`` or ``calls`` (nobody was asked)."""

    at: dt.datetime
    counters_from: str
    queues: list[Compared]
    warnings: list[dict[str, str]]


def compare(
    recordings: Sequence[Path], logs: Sequence[Path], settings: Settings, *, ask: bool, progress: Progress = lambda _, __: None
) -> Result:
    """``ask``: the running Asterisk, if it can be reached. Raises ``UnreadableStreamError``, ``OSError``, ``HotlineError``."""
    told, source = (_live(settings), "asterisk") if ask else (None, "")
    if told is None:
        told, source = in_streams(recordings), "stream"
    if told is None:
        source = "calls"
    asked = Asked(paths=tuple(recordings), queue_logs=tuple(logs), at=told.at if told else None, with_visits=True)
    found = replay.replay(asked, settings, progress)
    at, rules = told.at if told else clock.now(), replay.rules(settings)
    compared = []
    for node in sorted({rows.node for rows in found.rows}) or [settings.asterisk.node]:
        rows = [one for one in (*found.rows, *found.agents_calls) if one.node == node]
        since = _started(logs, at) or (told.since if told else None) or found.booted.get(node)
        names = {visit.queue for one in rows for visit in one.visits}
        for name in sorted(names | set(told.queues if told else ())):
            level, counters = told.queues.get(name, (rules.answer_seconds, None)) if told else (rules.answer_seconds, None)
            counting = Counting(service_level=level, answer_seconds=rules.answer_seconds, since=since, at=at)
            compared.append(comparison.compare(name, rows, rules, counting, counters))
    return Result(at, source, compared, found.warnings)


def in_streams(recordings: Sequence[Path]) -> Told | None:
    """The counters that were told last in raw streams, if anybody asked while they were recorded."""
    files = [RawFile(path, Coverage(), Notes()) for path in recordings if path.is_file() and path.suffix != streams.SUFFIX]
    found: dict[str, tuple[int, Counters]] = {}
    at = told_at = NEVER
    for file in sorted(files, key=lambda file: file.first_at or NEVER):
        for frame in file.frames():
            stamp = frame.headers.get("timestamp")
            if stamp is not None:
                at = max(at, _time(stamp))
            elif frame.name == "QueueParams":
                found |= _queue(frame.headers)
                told_at = at
    return Told(told_at, None, found) if found else None


def _live(settings: Settings) -> Told | None:
    """What the running Asterisk says now; None when it does not answer."""
    try:
        user = credentials.load().ami_reader
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(_asked(settings, user))
    except (TimeoutError, LinkLostError, CredentialsError):
        return None


async def _asked(settings: Settings, user: credentials.AmiUser) -> Told:
    """One connection, one question. Raises ``TimeoutError``."""
    booted: list[dt.timedelta] = []
    answer: asyncio.Future[Told] = asyncio.get_running_loop().create_future()

    def hear(frames: list[codec.Frame]) -> None:
        booted.extend(dt.timedelta(seconds=int(frame.headers["uptime"])) for frame in frames if frame.name == "FullyBooted")

    async def ask() -> None:
        listed = await link.listing("QueueStatus")
        found = {name: told for frame in listed if frame.name == "QueueParams" for name, told in _queue(frame.headers).items()}
        at = clock.now()
        answer.set_result(Told(at, at - booted[0] if booted else None, found))

    link = Link(settings.ami, user, on_frames=hear, on_up=ask, wanted=("FullyBooted",))
    async with asyncio.timeout(_PATIENCE_SECONDS), asyncio.TaskGroup() as tasks:
        serving = tasks.create_task(link.run())
        told = await answer
        serving.cancel()
    return told


def _queue(headers: Mapping[str, str]) -> dict[str, tuple[int, Counters]]:
    """A ``QueueParams`` as name, service level and counters; nothing of one that is malformed."""
    try:
        completed, abandoned = int(headers["completed"]), int(headers["abandoned"])
        counters = Counters(
            completed,
            abandoned,
            float(headers["servicelevelperf"]) if completed else None,
            float(headers.get("servicelevelperf2", "nan")) if completed + abandoned else None,
            int(headers["holdtime"]),
        )
        return {headers["queue"]: (int(headers["servicelevel"]), counters)}
    except (KeyError, ValueError):
        return {}


def _started(logs: Sequence[Path], at: dt.datetime) -> dt.datetime | None:
    """When app_queue was started last, by the queue log."""
    return max((line.at for line in streams.log_lines(logs) if line.event == "QUEUESTART" and line.at <= at), default=None)


def _time(stamp: str) -> dt.datetime:
    try:
        return facts.timestamp(stamp)
    except (ValueError, OverflowError):
        return NEVER
