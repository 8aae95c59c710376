"""A loopback AMI peer over real sockets: greets, lets in, answers pings and lists, and misbehaves when told to."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable

from hotline import clock


class Peer:
    """Listens on ``port``. ``actions`` are those received, over all connections, in order."""

    def __init__(self) -> None:
        self.port = 0
        self.actions: list[dict[str, str]] = []
        self.connections: list[asyncio.StreamWriter] = []
        self.lets_in = True
        self.answers = True
        self.greeting = b"Asterisk Call Manager/11.0.0\r\n"
        self.channels: list[str] = []
        self.replies: dict[str, Callable[[dict[str, str]], str | None]] = {}
        """What actions are answered: blocks without the ActionID line, which is added to each; None: what they always are."""
        self.dies_at = ""
        """At this step of a login every connection is reset: ``accept``, ``greeting``, ``login``, ``answer``, ``booted``."""
        self.queues: list[dict[str, str]] = []
        """Entries of the list of queues, without their ActionID: ``QueueParams``, ``QueueMember``, ``QueueEntry``."""
        self._server: asyncio.Server | None = None

    async def start(self, port: int = 0) -> None:
        """Listen (again)."""
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", port or self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        assert self._server
        self._server.close()
        self.cut()
        await self._server.wait_closed()

    def say(self, data: bytes) -> None:
        """Send to the newest connection."""
        self.connections[-1].write(data)

    def event(self, name: str, **headers: object) -> None:
        """Send one event, with a timestamp, to the newest connection."""
        told = {"Event": name, "Privilege": "call,all", "Timestamp": f"{clock.now().timestamp():.6f}"} | headers
        self.say(("".join(f"{key}: {value}\r\n" for key, value in told.items()) + "\r\n").encode())

    def cut(self) -> None:
        """Break every connection with a reset."""
        for writer in self.connections:
            writer.transport.abort()

    def names(self) -> list[str]:
        """The actions received, by name."""
        return [action["Action"] for action in self.actions]

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        if self._dies("accept", writer):
            return
        writer.write(self.greeting)
        if self._dies("greeting", writer):
            return
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                block = await reader.readuntil(b"\r\n\r\n")
                action = dict(line.split(": ", 1) for line in block.decode().strip().split("\r\n"))
                self.actions.append(action)
                if self._dies("login", writer):
                    return
                if self.answers:
                    self._answer(action, writer)
        writer.close()

    def _answer(self, action: dict[str, str], writer: asyncio.StreamWriter) -> None:
        identity = f"ActionID: {action['ActionID']}\r\n"
        match action["Action"]:
            case name if name in self.replies and (said := self.replies[name](action)):
                blocks = [block for block in said.split("\r\n\r\n") if block]
                writer.write("".join(f"{block}\r\n{identity}\r\n" for block in blocks).encode())
            case "Login" if not self.lets_in:
                writer.write(f"Response: Error\r\n{identity}Message: Authentication failed\r\n\r\n".encode())
            case "Login":
                writer.write(f"Response: Success\r\n{identity}Message: Authentication accepted\r\n\r\n".encode())
                if self._dies("answer", writer):
                    return
                writer.write(
                    b"Event: FullyBooted\r\nPrivilege: system,all\r\nUptime: 5\r\nLastReload: 5\r\nStatus: Fully Booted\r\n\r\n"
                )
                self._dies("booted", writer)
            case "Ping":
                now = f"{clock.now().timestamp():.6f}"
                writer.write(f"Response: Success\r\n{identity}Ping: Pong\r\nTimestamp: {now}\r\n\r\n".encode())
            case "CoreShowChannels":
                text = f"Response: Success\r\n{identity}EventList: start\r\nMessage: Channels will follow\r\n\r\n"
                for unique in self.channels:
                    text += f"Event: CoreShowChannel\r\n{identity}Channel: PJSIP/citizens-1\r\nUniqueid: {unique}\r\n\r\n"
                text += (
                    f"Event: CoreShowChannelsComplete\r\n{identity}EventList: Complete\r\nListItems: {len(self.channels)}\r\n\r\n"
                )
                writer.write(text.encode())
            case "QueueStatus":
                text = f"Response: Success\r\n{identity}EventList: start\r\nMessage: Queue status will follow\r\n\r\n"
                for headers in self.queues:
                    text += "".join(f"{key}: {value}\r\n" for key, value in headers.items()) + f"{identity}\r\n"
                text += f"Event: QueueStatusComplete\r\n{identity}EventList: Complete\r\nListItems: {len(self.queues)}\r\n\r\n"
                writer.write(text.encode())
            case _:
                pass

    def _dies(self, step: str, writer: asyncio.StreamWriter) -> bool:
        if self.dies_at != step:
            return False
        writer.transport.abort()
        return True


@contextlib.asynccontextmanager
async def peer() -> AsyncIterator[Peer]:
    """A peer that listens."""
    made = Peer()
    await made.start()
    try:
        yield made
    finally:
        await made.stop()


async def until(condition: Callable[[], object], seconds: float = 10) -> None:
    """Wait for a condition; ``AssertionError`` when it does not come."""
    deadline = clock.monotonic() + seconds
    while not condition():
        assert clock.monotonic() < deadline, f"did not happen within {seconds} s"
        await asyncio.sleep(0.005)
