"""What can go wrong between Asterisk, the bridge and the database, callable by name while calls go on."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import resource
import signal
from collections.abc import AsyncIterator, Awaitable, Callable

from hotline import clock
from tests.trial import Trial, wait_until
from tests.truth import Window

RECOVERY = dt.timedelta(seconds=10)
"""What a part may need to be there again, and to catch up."""
_END = b"\r\n\r\n"
_NOISE = (
    "Event: Newstate\r\nPrivilege: call,all\r\nTimestamp: {at:.6f}\r\nChannel: PJSIP/storm-{number:08x}\r\nChannelState: 5\r\n"
    "ChannelStateDesc: Ringing\r\nCallerIDNum: 0\r\nCallerIDName: <unknown>\r\nContext: seats\r\nExten: s\r\nPriority: 1\r\n"
    "Uniqueid: node1-{at:.0f}.storm{number}\r\nLinkedid: node1-{at:.0f}.storm{number}\r\n\r\n"
)


class AmiProxy:
    """Stands between Asterisk's manager interface and the bridge; passes everything on, until it is told otherwise.

    ``stormy`` is how many events a second it adds of its own, about channels that nobody knows.
    """

    def __init__(self, target: tuple[str, int]) -> None:
        self._target = target
        self._open: set[asyncio.StreamWriter] = set()
        self._serving: set[asyncio.Task[None]] = set()
        self._goes_on = asyncio.Event()
        self._goes_on.set()
        self.accepts = True
        self.stormy = 0
        self.added = 0

    async def __aenter__(self) -> AmiProxy:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self.cut()
        self.thaw()
        await asyncio.gather(*self._serving, return_exceptions=True)

    def cut(self) -> None:
        """Break all connections."""
        for writer in list(self._open):
            writer.transport.abort()

    def freeze(self) -> None:
        """Nothing passes any more, in either direction, and nobody is told: half-open."""
        self._goes_on.clear()

    def thaw(self) -> None:
        """What was held back passes."""
        self._goes_on.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self.accepts:
            writer.transport.abort()
            return
        self._open.add(writer)
        task = asyncio.current_task()
        assert task
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        try:
            with contextlib.suppress(OSError):
                above, up = await asyncio.open_connection(*self._target)
                self._open.add(up)
                try:
                    async with asyncio.TaskGroup() as both:
                        both.create_task(self._pass_on(reader, up))
                        both.create_task(self._pass_on(above, writer, adds=True))
                finally:
                    self._open.discard(up)
                    up.transport.abort()
        except* (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            self._open.discard(writer)
            writer.transport.abort()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, adds: bool = False) -> None:
        """Bytes one way; noise only between two events."""
        whole, added_at = False, clock.monotonic()
        while True:
            data = b""
            if not (adds and self.stormy and whole):
                data = await reader.read(65536)
            else:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.02):
                        data = await reader.read(65536)
                        if not data:
                            raise ConnectionResetError
            await self._goes_on.wait()
            if not data and not (adds and self.stormy):
                raise ConnectionResetError
            if data:
                writer.write(data)
                whole = data.endswith(_END)
            if adds and self.stormy and whole:
                writer.write(self._noise(clock.monotonic() - added_at))
            added_at = clock.monotonic()
            await writer.drain()

    def _noise(self, seconds: float) -> bytes:
        count, at = min(2000, int(self.stormy * seconds)), clock.now().timestamp()
        self.added += count
        return "".join(_NOISE.format(at=at, number=self.added + place) for place in range(count)).encode()


class Faults:
    """The faults, on one stack whose bridge connects to ``proxy``. Each method is one fault, and returns when it is over."""

    def __init__(self, stack: Trial, proxy: AmiProxy) -> None:
        self._stack, self._proxy = stack, proxy
        self.done: list[str] = []
        self.windows: list[Window] = []
        """When each of them was."""
        self.on_asterisk_gone: Callable[[], None] = lambda: None

    async def commit(self, name: str) -> None:
        """Carry out the fault of this name."""
        fault: Callable[[], Awaitable[None]] = getattr(self, name)
        begun = clock.now()
        await fault()
        self.done.append(name)
        self.windows.append(Window(begun, clock.now() + RECOVERY))

    async def cut_ami(self) -> None:
        """The connection breaks."""
        self._proxy.cut()

    async def half_open_ami(self) -> None:
        """Nothing arrives any more, but the connection stands."""
        self._proxy.freeze()
        await asyncio.sleep(self._stack.settings.ami.silence_seconds + 4)
        self._proxy.cut()
        self._proxy.thaw()

    async def flapping_ami(self) -> None:
        """It breaks again and again, and for a while nobody answers."""
        for place in range(8):
            self._proxy.cut()
            self._proxy.accepts = place % 4 != 3
            await asyncio.sleep(0.7)
        self._proxy.accepts = True

    async def kill_bridge(self) -> None:
        """kill -9; the supervisor starts another one."""
        self._stack.kill("ami_bridge")

    async def bridge_away(self, seconds: float = 12.0) -> None:
        """kill -9, and for a while there is no other: started in the middle of the day."""
        async with self._nobody_restarts():
            self._stack.kill("ami_bridge")
            await asyncio.sleep(seconds)

    async def kill_acd(self) -> None:
        """kill -9 of the process that answers calls; the supervisor starts another one."""
        self._stack.kill("acd")

    async def freeze_acd(self, seconds: float = 5.0) -> None:
        """It stands still for a while."""
        pid = self._stack.pid("acd")
        os.kill(pid, signal.SIGSTOP)
        await asyncio.sleep(seconds)
        os.kill(pid, signal.SIGCONT)

    async def postgres_away(self) -> None:
        """The database dies and stays away for a while (``BENCH_AWAY_SECONDS``)."""
        async with self._nobody_restarts():
            self._stack.kill("postgres")
            await asyncio.sleep(float(os.environ.get("BENCH_AWAY_SECONDS", "20")))

    async def second_bridge(self) -> None:
        """Somebody starts another bridge for this node: it refuses, and says why."""
        done = await asyncio.to_thread(self._stack.command, "ami_bridge", timeout=60)
        assert done.returncode != 0 and "another bridge" in done.stderr, done.stderr

    async def journal_full(self, seconds: float = 8.0) -> None:
        """The journal's file cannot grow any more, as on a full disk; then it can again."""
        pid = self._stack.pid("ami_bridge")
        node = self._stack.var / "journal" / self._stack.settings.asterisk.node
        newest = max(node.glob("*"), key=lambda file: (file.stat().st_mtime, file.name))
        log = self._stack.var / "log" / "ami_bridge.log"
        limit = max(newest.stat().st_size, log.stat().st_size + 65536)
        soft, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (limit, hard))
        await asyncio.sleep(seconds)
        resource.prlimit(pid, resource.RLIMIT_FSIZE, (soft, hard))

    async def storm(self, seconds: float = 30.0) -> None:
        """10,000 events a second more than there should be."""
        self._proxy.stormy = 10_000
        await asyncio.sleep(seconds)
        self._proxy.stormy = 0

    async def kill_asterisk(self) -> None:
        """All calls end; the supervisor starts another one."""
        old = self._stack.kill("asterisk")
        self.on_asterisk_gone()
        await asyncio.to_thread(wait_until, lambda: self._is_back(old), what="Asterisk is back")

    def _is_back(self, old: int) -> bool:
        return self._stack.runs_anew("asterisk", old) and "booted" in self._stack.asterisk("core waitfullybooted")

    @contextlib.asynccontextmanager
    async def _nobody_restarts(self) -> AsyncIterator[None]:
        """The supervisor holds its breath, so that what is killed stays dead."""
        assert self._stack.process
        os.kill(self._stack.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self._stack.process.pid, signal.SIGCONT)
