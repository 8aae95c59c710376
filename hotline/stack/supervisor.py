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
import subprocess
import time
from collections.abc import Callable, Collection
from pathlib import Path

import structlog

from hotline import clock, messages, paths
from hotline.errors import HotlineError, StartError
from hotline.stack.parts import Check, Part, log_file

log = structlog.get_logger()

_FIRST_PAUSE, _LONGEST_PAUSE = 0.2, 5.0
_CALM_SECONDS = 30.0
_PR_SET_PDEATHSIG = 1

Say = Callable[[str], None]
_libc = ctypes.CDLL(None, use_errno=True)


def pid_file(name: str) -> Path:
    """Where the process number of a part (or of ``up`` itself) is kept, with the time of its start."""
    return paths.var() / "run" / f"{name}.pid"


def write_pid(name: str, pid: int) -> None:
    """Note the process, with its start in clock ticks: the number alone may be another program's later."""
    file = pid_file(name)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"{pid} {_look(pid)[1]}")


def running(name: str, word: str | None = None) -> int | None:
    """The process number of a part that runs, from its file; None when it does not run or the number is another program's.

    ``word`` must stand in its command line when it is given.
    """
    try:
        pid, began = (int(part) for part in pid_file(name).read_text().split())
        state, really_began = _look(pid)
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, ValueError):
        return None
    return pid if state not in "ZX" and began == really_began and (word is None or word.encode() in words) else None


def stop_left_behind(name: str, *, seconds: float) -> bool:
    """Stop a part that outlived a supervisor that was killed, if there is one; whether it is gone in time."""
    pid = running(name)
    if pid is None:
        return True
    os.kill(pid, signal.SIGTERM)
    deadline = clock.monotonic() + seconds
    while running(name) and clock.monotonic() < deadline:
        time.sleep(0.05)
    return running(name) is None


async def predecessors_leave(say: Say, *, staying: Collection[str], seconds: float) -> None:
    """Wait for the parts of a supervisor that was killed: they are leaving. One that has not after ``seconds`` is killed."""
    deadline = clock.monotonic() + seconds
    for name in sorted(file.stem for file in (paths.var() / "run").glob("*.pid")):
        pid = running(name)
        if pid is None or name in staying:
            continue
        say(messages.text("up.predecessor", part=name, pid=pid))
        child = Child(pid, None)
        try:
            async with asyncio.timeout(max(0.0, deadline - clock.monotonic())):
                await child.wait()
        except TimeoutError:
            child.send(signal.SIGKILL)
            await child.wait()


def _look(pid: int) -> tuple[str, int]:
    """State letter and start time (clock ticks since boot) of a process; raises ``OSError`` when there is none."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return fields[0], int(fields[19])


class Child:
    """A running process of a part: one that we started, or one that an earlier supervisor left behind."""

    def __init__(self, pid: int, process: subprocess.Popen[bytes] | None) -> None:
        self.pid = pid
        self._process = process

    async def wait(self) -> str:
        """Until it ends; returns its status in words."""
        try:
            descriptor = os.pidfd_open(self.pid)
        except ProcessLookupError:
            return "?"
        loop = asyncio.get_running_loop()
        gone = asyncio.Event()
        loop.add_reader(descriptor, gone.set)
        try:
            await gone.wait()
        finally:
            loop.remove_reader(descriptor)
            os.close(descriptor)
        return "?" if self._process is None else str(self._process.wait())

    def send(self, number: signal.Signals) -> None:
        """Signal it; a process that is gone already is no error."""
        with contextlib.suppress(ProcessLookupError):
            if self._process is not None:
                self._process.send_signal(number)
            else:
                os.kill(self.pid, number)


async def run(parts: list[Part], *, stop: asyncio.Event, say: Say, ready: Callable[[], None]) -> None:
    """Start all parts in order, call ``ready``, keep them running until ``stop`` is set, stop them in the reverse order.

    Raises ``StartError`` when a part does not come up the first time, and what its ``after`` raises; what was started is
    stopped.
    """
    kept = [_Kept(part, say) for part in parts]
    try:
        async with asyncio.TaskGroup() as tasks:
            work = tasks.create_task(_keep_all(kept, ready))
            await stop.wait()
            work.cancel()
    except BaseExceptionGroup as group:  # not except*: Python 3.11.2 wraps again what is raised there
        ours, others = group.split(HotlineError)
        if ours is None or others is not None:
            raise
        raise _first(ours) from None
    finally:
        say(messages.text("up.stopping"))
        for one in reversed(kept):
            await one.leave()
        say(messages.text("up.stopped"))


async def _keep_all(kept: list[_Kept], ready: Callable[[], None]) -> None:
    async with asyncio.TaskGroup() as watchers:
        for one in kept:
            await one.come_up()
            watchers.create_task(one.watch())
        for one in kept:
            await one.settle()
        ready()


def _first(group: BaseExceptionGroup[HotlineError]) -> HotlineError:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error


class _Kept:
    """One part and the process that it is at present."""

    def __init__(self, part: Part, say: Say) -> None:
        self._part, self._say = part, say
        self._child: Child | None = None

    async def come_up(self) -> None:
        """Start the part, or take over one that runs, and wait until it works; raises ``StartError``."""
        part, began = self._part, clock.monotonic()
        self._child = _adopt(part)
        if self._child:
            self._say(messages.text("up.adopted", part=part.name))
        else:
            self._say(messages.text("up.waiting", part=part.name))
            try:
                self._child = _start(part)
            except OSError as error:
                raise StartError(messages.text("up.failed", part=part.name, reason=error, log=log_file(part.name))) from error
        await self._first_sign()
        self._say(messages.text("up.ready", part=part.name, seconds=f"{clock.monotonic() - began:.1f}"))
        if part.after:
            await part.after()

    async def settle(self) -> None:
        """Wait until it is well, no longer than it may take: what keeps it from that must not keep the telephones away."""
        deadline = clock.monotonic() + self._part.settles_within
        while clock.monotonic() < deadline:
            if self._part.well is None or await _asked(self._part, self._part.well) is None:
                return
            await asyncio.sleep(0.1)

    async def watch(self) -> None:
        """Restart the part for ever: with a growing pause when it dies soon, after a short one when it had run calmly."""
        pause = _FIRST_PAUSE
        status = ""
        while True:
            began = clock.monotonic()
            if self._child:
                status = await self._until_it_ends(self._child)
            if clock.monotonic() - began > _CALM_SECONDS:
                pause = _FIRST_PAUSE
            told = {"part": self._part.name, "status": status, "log": log_file(self._part.name)}
            self._say(messages.text("up.died", seconds=f"{pause:.1f}", **told))
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LONGEST_PAUSE)
            self._child = None
            try:
                self._child = _start(self._part)
            except OSError as error:  # no memory, or the program is just being replaced: try again after the pause
                status = str(error)

    async def leave(self) -> None:
        """Ask it to leave; kill it when it does not within its time."""
        if self._child is None:
            return
        part, child = self._part, self._child
        try:
            async with asyncio.timeout(part.stop_seconds):
                while not await _leaves(child, part):
                    pass
        except TimeoutError:
            log.warning("part_killed", part=part.name, after_seconds=part.stop_seconds)
            child.send(signal.SIGKILL)
            await child.wait()
        pid_file(part.name).unlink(missing_ok=True)

    async def _first_sign(self) -> None:
        """Wait until the part works; a part that ends or stays mute is a ``StartError``."""
        part = self._part
        reason: str | None = "no answer"
        deadline = clock.monotonic() + part.start_seconds
        while clock.monotonic() < deadline and running(part.name):
            reason = await _asked(part)
            if reason is None:
                return
            await asyncio.sleep(0.1)
        said = f"{reason}; {_last_lines(part)}"
        raise StartError(messages.text("up.failed", part=part.name, reason=said, log=log_file(part.name)))

    async def _until_it_ends(self, child: Child) -> str:
        """Until the process is gone; meanwhile one that fails its check too often is killed. Returns its status in words."""
        part, failures = self._part, 0
        async with asyncio.TaskGroup() as tasks:
            ended = tasks.create_task(child.wait())
            while not ended.done():
                await asyncio.wait({ended}, timeout=part.every)
                if ended.done():
                    break
                failures = failures + 1 if await _asked(part) is not None else 0
                if failures >= part.patience:
                    self._say(messages.text("up.stuck", part=part.name))
                    child.send(signal.SIGKILL)
                    await ended
        return ended.result()


async def _leaves(child: Child, part: Part) -> bool:
    """Ask it to leave; whether it did before it is time to ask again."""
    child.send(part.stop)
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(part.ask_again):
            await child.wait()
            return True
    return False


async def _asked(part: Part, check: Check | None = None) -> str | None:
    """The part's own check, ``alive`` unless another is given; one that breaks counts as failed."""
    try:
        return await (check or part.alive)()
    except Exception as error:  # a check must not end the supervisor, whatever it meets
        log.warning("check_failed", part=part.name, exc_info=True)
        return f"{type(error).__name__}: {error}"


def _start(part: Part) -> Child:
    """Start the process in a session of its own, so that Ctrl-C reaches only the supervisor; raises ``OSError``."""
    log_file(part.name).parent.mkdir(parents=True, exist_ok=True)
    (paths.var() / "run" / f"{part.name}.alive").unlink(missing_ok=True)
    with log_file(part.name).open("ab") as output:
        process = subprocess.Popen(
            part.command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            cwd=paths.TREE,
            start_new_session=True,
            preexec_fn=None if part.outlives else _die_with_the_supervisor,  # noqa: PLW1509  one system call, no lock
        )
    write_pid(part.name, process.pid)
    return Child(process.pid, process)


def _die_with_the_supervisor() -> None:
    _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)


def _adopt(part: Part) -> Child | None:
    """A part that outlived its supervisor, recognised by the last path in its command line."""
    if not part.outlives:
        return None
    mark = next((word for word in reversed(part.command) if "/" in word), part.command[0])
    pid = running(part.name, mark)
    return Child(pid, None) if pid else None


def _last_lines(part: Part) -> str:
    try:
        lines = log_file(part.name).read_text(errors="replace").splitlines()
    except OSError:
        return ""
    return " | ".join(line.strip() for line in lines[-3:])
