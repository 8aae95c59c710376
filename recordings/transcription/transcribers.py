"""The transcribers of this node: as many processes as there is work for, at most so many, and none without a usable model.

A model that cannot be loaded is not tried again before it changes, or ``_PATIENCE_SECONDS`` have passed.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from functools import partial
from typing import TypeVar

import msgspec
import structlog

from hotline import clock, models
from hotline.models import Model
from recordings.errors import NoModelError, TranscriberError
from recordings.manifest import Track
from recordings.transcription import process
from recordings.transcription.process import Process
from recordings.transcription.transcript import Word

IDLE_SECONDS = 300.0
"""A process that nobody needed for so long gives its memory back."""
_PATIENCE_SECONDS = 600.0
_log = structlog.get_logger()
T = TypeVar("T")


class Heard(msgspec.Struct, frozen=True):
    """What a model heard on each side."""

    model: Model
    sides: dict[Track, list[tuple[Word, ...]]]


class _Broken(msgspec.Struct, frozen=True):
    fingerprint: str
    why: str
    at: float


class Transcribers:
    """``choose``: the model to use now, or None; ``most``: how many processes. Close it at the end."""

    def __init__(
        self,
        choose: Callable[[], Model | None],
        most: int,
        *,
        hang_seconds: float = process.HANG_SECONDS,
        load_seconds: float = process.LOAD_SECONDS,
        idle_seconds: float = IDLE_SECONDS,
        nice: int = process.NICE,
    ) -> None:
        self._choose = choose
        self._places = asyncio.Semaphore(most)
        self._idle: list[Process] = []
        self._busy: set[Process] = set()
        self._broken: _Broken | None = None
        self._is_closed = False
        self._start = partial(Process, hang_seconds=hang_seconds, load_seconds=load_seconds, nice=nice)
        self._idle_seconds = idle_seconds

    @property
    def pids(self) -> list[int]:
        """Of the processes there are."""
        return [one.pid for one in (*self._idle, *self._busy)]

    async def hear(self, sides: Mapping[Track, Iterable[bytes]], progress: Callable[[float], None]) -> Heard:
        """Each side by itself, one after another in one process; ``progress``: seconds of sound, of all sides together.

        Raises ``NoModelError``, ``TranscriberError``, and whatever reading the sound raises.
        """
        async with self._places, self._process() as one:
            heard: dict[Track, list[tuple[Word, ...]]] = {}
            done = 0.0
            for track, pieces in sides.items():
                side = partial(one.hear, pieces, partial(_add_to, progress, done))
                heard[track], seconds = await _in_thread(one, side)
                done += seconds
            return Heard(one.model, heard)

    async def usable(self) -> str:
        """Empty when there is a model that can be loaded, which then is; else why not."""
        if self._places.locked():  # all of them work
            return ""
        try:
            async with self._places, self._process():
                return ""
        except (NoModelError, TranscriberError) as error:
            return str(error)

    def tidy(self) -> None:
        """End those that nobody needed for long, or whose model is not the one to use any more."""
        now, model = clock.monotonic(), self._choose()
        for one in [
            one for one in self._idle if now - one.used_at > self._idle_seconds or one.model != model or not one.is_alive
        ]:
            self._idle.remove(one)
            one.close()

    def close(self) -> None:
        """End all of them, those that hear something too; no other is started."""
        self._is_closed = True
        for busy in self._busy:
            busy.kill()
        while self._idle:
            self._idle.pop().close()

    @contextlib.asynccontextmanager
    async def _process(self) -> AsyncIterator[Process]:
        """One that has its model loaded; what fails in the middle ends it."""
        one = await self._ready()
        self._busy.add(one)
        try:
            yield one
        except BaseException:
            one.close()
            raise
        else:
            if self._is_closed:
                one.close()
            else:
                self._idle.append(one)
        finally:
            self._busy.discard(one)

    async def _ready(self) -> Process:
        if self._is_closed:
            raise TranscriberError("the transcribers were closed")
        self.tidy()
        if self._idle:
            return self._idle.pop()
        model = self._choose()
        if model is None:
            raise NoModelError("there is no speech model: hotline models says how to get one")
        now = await asyncio.to_thread(models.fingerprint, model)
        known = self._broken
        if known and known.fingerprint == now and clock.monotonic() - known.at < _PATIENCE_SECONDS:
            raise NoModelError(known.why)
        one = self._start(model)
        self._busy.add(one)
        try:
            await _in_thread(one, one.wait_until_loaded)
        except NoModelError as error:
            one.close()
            if self._is_closed:
                raise TranscriberError("the transcribers were closed") from error
            self._broken = _Broken(now, str(error), clock.monotonic())
            _log.error("model_broken", folder=str(model.folder), why=str(error))
            raise
        except BaseException:
            one.close()
            raise
        finally:
            self._busy.discard(one)
        self._broken = None
        _log.info("transcriber_started", pid=one.pid, engine=model.engine, model=model.name)
        return one


def _add_to(progress: Callable[[float], None], before: float, seconds: float) -> None:
    progress(before + seconds)


async def _in_thread(one: Process, work: Callable[[], T]) -> T:
    """``work`` in a thread; when nobody waits for it any more, the process is killed, and so the thread ends."""
    future = asyncio.get_running_loop().run_in_executor(None, work)
    try:
        return await asyncio.shield(future)
    except asyncio.CancelledError:
        one.kill()
        with contextlib.suppress(Exception):
            await future
        raise
