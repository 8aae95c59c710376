"""SIPp: where it is, how it is started, and what it says while it runs."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import signal
import socket
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from hotline import clock, paths
from hotline.phones import call_log
from hotline.phones.call_log import Call, LogLine
from hotline.phones.errors import SippError
from hotline.phones.process import LineProcess

SCENARIOS = Path(__file__).parent / "scenarios"
_OK, _SOME_FAILED = 0, 1
_CONTROL_ADDRESS = "127.0.0.1"
_LOOKS = 12
_LEASH = ["setpriv", "--pdeathsig", "TERM"] if shutil.which("setpriv") else []
"""SIPp would outlive us and call on: the kernel ends it with us."""

_ORDER = (
    "MESSAGE sip:here SIP/2.0\r\nVia: SIP/2.0/UDP 127.0.0.1:9;branch=z9hG4bKorder{number}\r\nFrom: <sip:us@127.0.0.1>;tag=us\r\n"
    "To: <sip:here>\r\nCall-ID: {call_id}\r\nCSeq: {number} MESSAGE\r\nSubject: {order}\r\nOrganization: {detail}\r\n"
    "Content-Length: 0\r\n\r\n"
)


def command() -> list[str]:
    """How SIPp is started: ``HOTLINE_SIPP``, else the private one of set-up, through its own loader, else the one in ``PATH``.

    Raises ``SippError`` when there is none.
    """
    named = os.environ.get("HOTLINE_SIPP")
    if named:
        if not os.access(named, os.X_OK):
            raise SippError(f"HOTLINE_SIPP={named}: not a program that can be run")
        return [named]
    root = paths.cache() / "asterisk" / "root"
    private, libraries = root / "usr/bin/sipp", next(root.glob("usr/lib/*-linux-gnu"), None)
    loader = next((f for name in ("usr/lib64/ld-linux-*.so.*", "usr/lib/ld-linux-*.so.*") for f in root.glob(name)), None)
    if private.exists() and libraries and loader:
        return [str(loader), "--library-path", str(libraries), str(private)]
    installed = shutil.which("sipp")
    if installed:
        return [installed]
    raise SippError("SIPp is not here: run `make setup`, or set HOTLINE_SIPP to a sipp program (3.8 or newer)")


def free_port(address: str) -> int:
    """A UDP port that is free at ``address`` now; SIPp's own choice would be 5060, Asterisk's place."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
        return port


def is_free(address: str, port: int) -> bool:
    """Whether nobody has this UDP port: looked up, not tried, so that a program that is just starting is not disturbed.

    The kernel tells its table piece by piece, and leaves a line out when others come and go meanwhile: it is looked at again.
    """
    own = int.from_bytes(socket.inet_aton(address), sys.byteorder)
    taken = {f"{place:08X}:{port:04X}" for place in (own, 0)}
    for _ in range(_LOOKS):
        lines = Path("/proc/net/udp").read_text(encoding="ascii").splitlines()[1:]
        if any(line.split()[1] in taken for line in lines):
            return False
    return True


def _send(data: bytes, place: tuple[str, int]) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as out:
        out.sendto(data, place)


def injection(rows: Sequence[Sequence[object]]) -> str:
    """The text of an injection file, a line a call; raises ``SippError`` for a value that its format cannot carry."""
    lines = ["SEQUENTIAL"]
    for row in rows:
        values = [str(value) for value in row]
        if any(re.search(r"[;\r\n\x00]", value) for value in values) or values[0].startswith("#"):
            raise SippError(f"a telephone's number or secret holds a character that SIPp's file cannot carry: {values[0]!r}")
        lines.append(";".join(values))
    return "\n".join(lines) + "\n"


class Sipp:
    """One SIPp process: ``calls`` by Call-ID and ``registrations`` by user follow its log as it is written."""

    def __init__(
        self,
        folder: Path,
        order: Callable[[int, str | None], None] | None = None,
        told: Callable[[Call], None] | None = None,
    ) -> None:
        """``order`` is told the media port and the peer of each call when it is answered, and ``None`` when it is over.

        ``told`` is given each call at each line about it.
        """
        self._folder, self._order, self._told = folder, order, told
        self._process: LineProcess | None = None
        self._control_port = 0
        self._orders = 0
        self._place = ("", 0)
        self._said: list[str] = []
        self.calls: dict[str, Call] = {}
        self.registrations: dict[str, LogLine] = {}

    async def start(self, target: str, address: str, port: int, arguments: Sequence[str | Path]) -> None:
        """Start it from ``address:port`` against ``target`` (``host:port``), with the arguments of the scenario."""
        await self._version_is_new_enough()
        self._place = (address, port)
        common: list[str | Path] = [
            "-i",
            address,
            "-p",
            str(port),
            "-bind_local",
            "-nostdin",
            "-aa",
            "-skip_rlimit",
            "-f",
            "3600",
        ]
        self._control_port = free_port(_CONTROL_ADDRESS)
        common += ["-ci", _CONTROL_ADDRESS, "-cp", str(self._control_port)]
        logs = ["-trace_logs", "-log_file", "/dev/fd/2", "-trace_err", "-error_file", "errors.log"]
        line = [*_LEASH, *command(), target, *common, *logs, *arguments]
        self._process = await LineProcess.start(line, self._folder, {2: self._take})

    async def _version_is_new_enough(self) -> None:
        said: list[str] = []
        process = await LineProcess.start([*command(), "-v"], self._folder, {1: said.append})
        await process.ended
        match = re.search(r"SIPp v(\d+)\.(\d+)", " ".join(said))
        if match is None or (int(match[1]), int(match[2])) < (3, 8):
            raise SippError(f"{command()[-1]}: SIPp 3.8 or newer is needed; this one says: {' '.join(said)[:200] or 'nothing'}")

    async def listening(self, within: float) -> bool:
        """Wait until it has its SIP port; ``False`` when it ended before, or after ``within`` seconds."""
        deadline = clock.monotonic() + within
        while is_free(*self._place) and self.running and clock.monotonic() < deadline:  # noqa: ASYNC110
            await asyncio.sleep(0.02)  # SIPp does not say when it listens
        return not is_free(*self._place)

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """As ``LineProcess.until``, on ``calls`` and ``registrations``."""
        assert self._process is not None
        return await self._process.until(condition, within)

    async def finished(self, within: float) -> None:
        """Wait for its end; raises ``SippError`` when it failed for another reason than a failed call, or took too long."""
        assert self._process is not None
        if not await self._process.until(self._process.ended.done, within):
            await self.stop()
            raise SippError(f"SIPp had not finished its calls after {within:.0f} s")
        code = await self._process.stop()
        if code not in (_OK, _SOME_FAILED):
            raise SippError(f"SIPp stopped with code {code}: {self.complaints() or 'no reason given'}")

    def hang_up(self, call: Call) -> None:
        """Make this telephone hang up an answered call now."""
        self.tell(call, "hangup")

    def tell(self, call: Call, order: str, detail: str = "") -> None:
        """Give an order to a telephone whose scenario waits for one; the others know only ``hangup``."""
        self._orders += 1  # SIPp passes over what looks like the message before
        text = _ORDER.format(call_id=call.call_id, order=order, detail=detail or "none", number=self._orders)
        _send(text.encode(), self._place)

    async def stop(self) -> None:
        """End it now; calls in progress are hung up: its own key Q does that, a signal would leave them open."""
        if self._process is not None:
            _send(b"Q", (_CONTROL_ADDRESS, self._control_port))
            if not await self._process.until(self._process.ended.done, 3.0):
                await self._process.stop(sign=signal.SIGTERM, patience=2.0)
            await self._process.stop()

    async def kill(self) -> None:
        """End it as a power cut would: no BYE goes out and nothing answers any more."""
        if self._process is not None and not self._process.ended.done():
            os.kill(self._process.pid, signal.SIGKILL)
            await self._process.ended

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and not self._process.ended.done()

    @property
    def pid(self) -> int:
        """Its process id, for measuring it."""
        return self._process.pid if self._process else 0

    def complaints(self, largest: int = 600) -> str:
        """What it said beside the log: the end of its error file, or of its standard error."""
        file = self._folder / "errors.log"
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else "\n".join(self._said[-10:])
        return " ".join(text.split())[-largest:]

    def refusals(self) -> dict[str, str]:
        """Status line of the SIP answer that ended a call, by Call-ID, from the error file."""
        file = self._folder / "errors.log"
        text = file.read_text(encoding="utf-8", errors="replace") if file.exists() else ""
        found = re.findall(r"Call-Id '([^']+)'.*?received 'SIP/2\.0 (\d{3}[^\r\n]*)", text)
        return dict(reversed(found))

    def _take(self, text: str) -> None:
        line = call_log.parse(text)
        if line is None:
            self._said = [*self._said[-50:], text]
        elif line.event in ("registered", "unanswered") or line.detail == "REGISTER":
            self.registrations[line.party] = line
        else:
            call_log.apply(self.calls, line)
            call = self.calls.get(line.call_id)
            if call is not None and self._order is not None and line.event in ("answered", "ended"):
                self._order(call.port, line.detail if line.event == "answered" else None)
            if call is not None and self._told is not None:
                self._told(call)
