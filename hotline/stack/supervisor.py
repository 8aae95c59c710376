"""Starts the parts in order, restarts what dies, kills what hangs, stops everything in the reverse order.

The supervisor is not needed for a call to go on: if it is killed, Asterisk outlives it and the next supervisor takes it over;
the other parts leave with it and are started again by the next one.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
from collections.abc import Callable
from pathlib import Path

import structlog

from hotline import clock, messages, paths
from hotline.errors import StartError
from hotline.stack.parts import Part, log_file

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_START_SECONDS = 60.0
_CALM_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]
_libc = ctypes.CDLL(None, use_errno=True)


def pid_file(name: str) -> Path:
    """Where the process number of a part (or of ``up`` itself) is kept."""
    return paths.var() / "run" / f"{name}.pid"


class Child:
    """A running process of a part: one that we started, or one that an earlier supervisor left behind."""

    def __init__(self, pid: int, process: asyncio.subprocess.Process | None) -> None:
        self.pid = pid
        self._process = process

    async def wait(self) -> str:
        """Until it ends; returns its status in words."""
        if self._process is not None:
            return str(await self._process.wait())
        descriptor = os.pidfd_open(self.pid)
        loop = asyncio.get_running_loop()
        gone: asyncio.Future[None] = loop.create_future()
        loop.add_reader(descriptor, gone.set_result, None)
        try:
            await gone
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return "?"

    def send(self, number: signal.Signals) -> None:
        """Signal it; a process that is gone already is no error."""
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, number)


async def run(parts: list[Part], *, stop: asyncio.Event, say: Say, ready: Callable[[], None]) -> None:
    """Start all parts in order, call ``ready``, keep them running until ``stop`` is set, stop them in the reverse order.

    Raises ``StartError`` when a part does not come up the first time; what was started is stopped.
    """
    started: list[Part] = []
    try:
        async with asyncio.TaskGroup() as watchers:
            watches: list[asyncio.Task[None]] = []
            for part in parts:
                if stop.is_set():
                    break
                started.append(part)
                child = await _come_up(part, say)
                if part.after:
                    await part.after()
                watches.append(watchers.create_task(_watch(part, child, say)))
            else:
                ready()
            await stop.wait()
            for watch in watches:
                watch.cancel()
    except* StartError as group:
        raise group.exceptions[0] from None
    finally:
        say(messages.text("up.stopping"))
        for part in reversed(started):
            await _stop(part)
        say(messages.text("up.stopped"))


async def _come_up(part: Part, say: Say) -> Child:
    """Start the part, or take over one that runs, and wait until it works; raises ``StartError``."""
    began = clock.monotonic()
    child = _adopt(part)
    if child:
        say(messages.text("up.adopted", part=part.name))
    else:
        say(messages.text("up.waiting", part=part.name))
        child = await _start(part)
    await _first_sign(part, child)
    say(messages.text("up.ready", part=part.name, seconds=f"{clock.monotonic() - began:.1f}"))
    return child


async def _first_sign(part: Part, child: Child) -> None:
    """Wait until the part works; a part that ends or stays mute is a ``StartError``."""
    reason: str | None = "no answer"
    deadline = clock.monotonic() + _START_SECONDS
    while clock.monotonic() < deadline and running(part.name):
        reason = await part.alive()
        if reason is None:
            return
        await asyncio.sleep(0.1)
    child.send(signal.SIGKILL)
    pid_file(part.name).unlink(missing_ok=True)
    said = f"{reason}; {_last_lines(part)}"
    raise StartError(messages.text("up.failed", part=part.name, reason=said, log=log_file(part.name)))


def _last_lines(part: Part) -> str:
    try:
        lines = log_file(part.name).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return " | ".join(line.strip() for line in lines[-3:])


async def _watch(part: Part, child: Child, say: Say) -> None:
    """Restart the part for ever: with a growing pause when it dies soon, at once when it had run calmly."""
    pause = _FIRST_PAUSE
    while True:
        began = clock.monotonic()
        status = await _until_it_ends(part, child, say)
        if clock.monotonic() - began > _CALM_SECONDS:
            pause = _FIRST_PAUSE
        say(messages.text("up.died", part=part.name, status=status, seconds=f"{pause:.1f}", log=log_file(part.name)))
        await asyncio.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
        child = await _start(part)


async def _until_it_ends(part: Part, child: Child, say: Say) -> str:
    """Until the process is gone; meanwhile one that fails its check too often is killed. Returns its status in words."""
    async with asyncio.TaskGroup() as tasks:
        ended = tasks.create_task(child.wait())
        failures = 0
        while not ended.done():
            await asyncio.wait({ended}, timeout=part.every)
            if ended.done():
                break
            failures = failures + 1 if await part.alive() is not None else 0
            if failures >= part.patience:
                say(messages.text("up.stuck", part=part.name))
                child.send(signal.SIGKILL)
                failures = 0
    return ended.result()


async def _start(part: Part) -> Child:
    """Start the process in a session of its own, so that Ctrl-C reaches only the supervisor."""
    log_file(part.name).parent.mkdir(parents=True, exist_ok=True)
    (paths.var() / "run" / f"{part.name}.alive").unlink(missing_ok=True)
    with log_file(part.name).open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            *part.command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=paths.TREE,
            start_new_session=True,
            preexec_fn=None if part.outlives else _die_with_the_supervisor,
        )
    file = pid_file(part.name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(str(process.pid))
    return Child(process.pid, process)


def _die_with_the_supervisor() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def running(name: str, first_word: str | None = None) -> int | None:
    """The process number of a part that runs, from its file; None when it does not run or the number is another program's."""
    try:
        pid = int(pid_file(name).read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        state = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (OSError, ValueError):
        return None
    wanted = first_word.encode() if first_word else None
    return pid if state != "Z" and (wanted is None or wanted in words) else None


def _adopt(part: Part) -> Child | None:
    """A part that outlived its supervisor, recognised by the last path in its command line."""
    if not part.outlives:
        return None
    mark = next((word for word in reversed(part.command) if "/" in word), part.command[0])
    pid = running(part.name, mark)
    return Child(pid, None) if pid else None


async def _stop(part: Part) -> None:
    """Ask it to leave; kill it when it does not within its time."""
    pid = running(part.name)
    if pid is None:
        return
    child = Child(pid, None)
    child.send(part.stop)
    deadline = clock.monotonic() + part.stop_seconds
    while running(part.name) and clock.monotonic() < deadline:  # noqa: ASYNC110  a process may be another's child
        await asyncio.sleep(0.05)
    if running(part.name):
        log.warning("part_killed", part=part.name, after_seconds=part.stop_seconds)
        child.send(signal.SIGKILL)
    pid_file(part.name).unlink(missing_ok=True)


def stop_left_behind(name: str) -> None:
    """Stop a part that outlived a supervisor that was killed; nothing happens when there is none."""
    pid = running(name)
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        pid_file(name).unlink(missing_ok=True)
