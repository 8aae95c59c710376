"""A child process that speaks in lines, without a task of our own: callbacks for lines, a future for its end."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from pathlib import Path

from hotline.waiting import within

Listener = Callable[[str], None]


class LineProcess(asyncio.SubprocessProtocol):
    """One child; every line of its standard output and error goes to a listener at once; ``changed`` wakes who waits."""

    def __init__(self, listeners: dict[int, Listener]) -> None:
        self._listeners = listeners
        self._rest: dict[int, bytes] = {1: b"", 2: b""}
        self._changed = asyncio.Event()
        self._transport: asyncio.SubprocessTransport | None = None
        self.ended: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    @classmethod
    async def start(cls, command: Sequence[str | Path], folder: Path, listeners: dict[int, Listener]) -> LineProcess:
        """Start ``command`` in ``folder``, away from the terminal's Ctrl-C; output without a listener is thrown away."""
        _, process = await asyncio.get_running_loop().subprocess_exec(
            lambda: cls(listeners),
            *map(str, command),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE if 1 in listeners else asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE if 2 in listeners else asyncio.subprocess.DEVNULL,
            cwd=str(folder),
            start_new_session=True,
            env=os.environ | {"TERM": "dumb"},
        )
        return process

    @property
    def pid(self) -> int:
        """The child's process id."""
        return self._transport.get_pid() if self._transport else 0

    def write(self, data: bytes) -> None:
        """Send to its standard input; nothing happens when it has ended."""
        pipe = self._transport.get_pipe_transport(0) if self._transport and not self.ended.done() else None
        if isinstance(pipe, asyncio.WriteTransport) and not pipe.is_closing():
            pipe.write(data)

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition`` holds (looked at after each line); ``False`` after ``within`` seconds or the child's end."""
        try:
            async with asyncio.timeout(within):
                while not condition():
                    if self.ended.done():
                        return False
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return condition()
        return True

    async def stop(self, *, sign: int | None = None, patience: float = 5.0) -> int:
        """End it: standard input closed, and ``sign`` sent; after ``patience`` seconds it is killed. Returns its exit code."""
        if self._transport is not None and not self.ended.done():
            stdin = self._transport.get_pipe_transport(0)
            if stdin is not None:
                stdin.close()
            if sign is not None:
                self._transport.send_signal(sign)
            try:
                await within(asyncio.shield(self.ended), patience)
            except TimeoutError:
                self._transport.send_signal(signal.SIGKILL)
        code = await self.ended
        if self._transport is not None:
            self._transport.close()
        return code

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the child runs."""
        assert isinstance(transport, asyncio.SubprocessTransport)
        self._transport = transport

    def pipe_data_received(self, fd: int, data: bytes) -> None:
        """asyncio: some output; whole lines go to the listener."""
        *lines, self._rest[fd] = (self._rest[fd] + data).split(b"\n")
        for line in lines:
            self._listeners[fd](line.decode(errors="replace"))
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        """asyncio: the child has ended and all its output was read."""
        code = self._transport.get_returncode() if self._transport else None
        if self._transport:
            self._transport.close()
        if not self.ended.done():
            self.ended.set_result(-1 if code is None else code)
        self._changed.set()
