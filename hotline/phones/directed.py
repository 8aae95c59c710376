"""Telephones that do what they are told: for stories whose end is known before they begin, and that SIPp's log measures.

``async with DirectedSeats(…) as seats, DirectedCallers(…) as callers``: each call is a ``Line`` to steer and to wait for. They
have no sound: a key goes out as SIP INFO, and what arrives at their media port is thrown away. ``voices.py`` gives them sound.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from hotline.phones import registration, sipp
from hotline.phones.call_log import Call
from hotline.phones.citizens import check_listening
from hotline.phones.errors import StackError
from hotline.settings import Settings

NewLine = Callable[["Line"], None]


class Line:
    """One call at one telephone; ``call`` is what SIPp has logged of it so far."""

    def __init__(self, call: Call, telephones: sipp.Sipp) -> None:
        self.call = call
        self._telephones = telephones
        self.changed = asyncio.Event()
        self.on_change: Callable[[], None] = lambda: None

    async def until(self, condition: Callable[[Call], object]) -> None:
        """Wait until ``condition`` holds."""
        while not condition(self.call):
            self.changed.clear()
            await self.changed.wait()

    def tell(self, order: str, detail: str = "") -> None:
        """Give an order; both: hangup, hold, resume, refer (where to: ``<sip:…>``); callers: cancel, press (a key).

        Seats: answer and insist (the port where sound is received, its own unless told), busy, decline, die.
        """
        self._telephones.tell(self.call, order, detail or (str(self.call.port) if order == "answer" else ""))


class _Directed:
    """One SIPp process whose calls are lines; ``new_line`` is told of each as it begins, and who calls is known by then."""

    _are_called = False

    def __init__(self, settings: Settings, address: str, new_line: NewLine) -> None:
        self._address, self._new_line = address, new_line
        self._target = f"{settings.asterisk.sip_address}:{settings.asterisk.sip_port}"
        self._stack = contextlib.AsyncExitStack()
        self.lines: dict[str, Line] = {}

    async def _open(self, settings: Settings, media_port: int | None = None) -> list[str]:
        """Folder, sink for sound (unless somebody has a port for it) and SIPp; returns the arguments of every scenario."""
        check_listening(settings)
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hotline-directed-")))
        if media_port is None:
            sink = self._stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
            sink.bind((self._address, 0))
            sink.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1)
            media_port = sink.getsockname()[1]
        self.sipp = sipp.Sipp(self._folder, told=self._told)
        self._stack.push_async_callback(self.sipp.stop)
        return ["-key", "media_port", str(media_port)]

    def _told(self, call: Call) -> None:
        line = self.lines.get(call.call_id)
        if line is None and (call.caller or not self._are_called):
            line = self.lines[call.call_id] = Line(call, self.sipp)
            self._new_line(line)
        if line is not None:
            line.changed.set()
            line.on_change()

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hang up what is still there."""
        await self._stack.aclose()


class DirectedSeats(_Directed):
    """Agents' telephones: they register, ring when they are called, and wait for orders; ``call.caller`` says who calls."""

    _are_called = True

    def __init__(self, settings: Settings, secrets: Mapping[str, str], new_line: NewLine) -> None:
        """``secrets``: user names with their SIP secrets; these are the seats."""
        super().__init__(settings, settings.asterisk.sip_address, new_line)
        self._settings, self._secrets = settings, secrets

    async def __aenter__(self) -> DirectedSeats:
        """Register them all; raises ``StackError`` when Asterisk does not take them."""
        try:
            keys = await self._open(self._settings)
            port = sipp.free_port(self._address)
            rows = [(user, secret, f"<sip:{user}@{self._address}:{port}>") for user, secret in self._secrets.items()]
            registering = registration.arguments(self._folder, "register.csv", rows, stay=True)
            answering: list[str | Path] = ["-rxsf", sipp.SCENARIOS / "seat_directed.xml"]
            await self.sipp.start(self._target, self._address, port, [*registering, *answering, *keys])
            await registration.settled(self.sipp, len(rows), self._target)
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def leave(self) -> None:
        """Take the registrations away, as at the end of a shift; calls in progress go on."""
        await registration.end(self._folder, self._secrets, self._target, self._address)


class DirectedUnits(_Directed):
    """Units' telephones (承办单位) at their trunk: any number rings when it is dialled; ``call.party`` is that number."""

    _are_called = True

    def __init__(self, settings: Settings, new_line: NewLine) -> None:
        super().__init__(settings, settings.trunks.unit_address, new_line)
        self._settings = settings

    async def __aenter__(self) -> DirectedUnits:
        """Listen; raises ``StackError`` when another program has their port."""
        try:
            keys = await self._open(self._settings)
            place = (self._address, self._settings.trunks.unit_port)
            if not sipp.is_free(*place):
                raise StackError(f"another program has the units' SIP port {place[0]}:{place[1]}")
            await self.sipp.start(self._target, *place, ["-sf", sipp.SCENARIOS / "seat_directed.xml", *keys])
            if not await self.sipp.listening(10):
                raise StackError(f"the units' telephones did not start: {self.sipp.complaints() or 'no reason given'}")
        except BaseException:
            await self._stack.aclose()
            raise
        return self


class DirectedCallers(_Directed):
    """Telephones that dial ``number`` one after another, ``rate`` a second; each answered call waits for orders.

    ``rows``: own number and secret; a citizen has none.
    """

    def __init__(
        self,
        settings: Settings,
        rows: Sequence[tuple[str, str]],
        number: str,
        new_line: NewLine,
        *,
        rate: float = 1.0,
        address: str | None = None,
        media_port: int | None = None,
    ) -> None:
        """``address``: where they call from; the citizens' trunk unless told otherwise. ``media_port``: where sound is heard."""
        super().__init__(settings, address or settings.trunks.citizen_address, new_line)
        self._settings, self._rows, self._number, self._rate = settings, rows, number, rate
        self._media_port = media_port

    async def __aenter__(self) -> DirectedCallers:
        """Begin to dial."""
        try:
            keys = await self._open(self._settings, self._media_port)
            rows = [(own, self._number, secret) for own, secret in self._rows]
            (self._folder / "callers.csv").write_text(sipp.injection(rows), encoding="utf-8")
            count = str(len(rows))
            load = ["-m", count, "-l", count, "-r", str(max(1, round(self._rate * 1000))), "-rp", "1000000"]
            scenario: list[str | Path] = ["-sf", sipp.SCENARIOS / "caller_directed.xml", "-inf", "callers.csv"]
            port = sipp.free_port(self._address)
            await self.sipp.start(self._target, self._address, port, [*scenario, *load, *keys])
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def finished(self, within: float) -> None:
        """Wait for the end of all calls; raises ``SippError`` after ``within`` seconds."""
        await self.sipp.finished(within)
