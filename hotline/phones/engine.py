"""Our side of the sound engine: starts ``hotline.phones.media``, gives it a plan and takes its reports."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

import msgspec

from hotline import paths
from hotline.phones.errors import MediaError
from hotline.phones.plan import EngineReport, Line, Order, Plan, Ready, Report, Signal
from hotline.phones.process import LineProcess

_START_SECONDS = 20.0


class Engine:
    """``async with Engine(plan, folder) as engine``: then ``engine.ports`` are open; ``reports`` grow as calls end."""

    def __init__(self, plan: Plan, folder: Path, signal: Callable[[int, str], None] | None = None) -> None:
        """``signal`` is told the port and the key when a telephone presses one that SIP has to carry."""
        self._plan, self._folder, self._signal = plan, folder, signal
        self._process: LineProcess | None = None
        self._complaints: list[str] = []
        self.ports: list[int] = []
        self.reports: list[Report] = []
        self.own: EngineReport | None = None

    async def __aenter__(self) -> Engine:
        """Raises ``MediaError`` when the engine does not start."""
        file = self._folder / "media.json"
        file.write_bytes(msgspec.json.encode(self._plan))
        command: list[str | Path] = [sys.executable, "-m", "hotline.phones.media", file]
        self._process = await LineProcess.start(command, paths.TREE, {1: self._take, 2: self._complaints.append})
        if not await self._process.until(lambda: bool(self.ports), _START_SECONDS):
            await self._process.stop()
            raise MediaError(f"the sound engine did not start: {' '.join(self._complaints) or 'no reason given'}")
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Stop it; all calls still open are reported."""
        await self.stop()

    def order(self, port: int, peer: str | None) -> None:
        """Tell the engine that the call on ``port`` was answered by ``peer`` (``host:port``), or is over."""
        if self._process is not None:
            self._process.write(msgspec.json.encode(Order(port, peer)) + b"\n")

    async def until(self, condition: Callable[[], bool], within: float) -> bool:
        """Wait until ``condition`` (on ``reports``) holds; ``False`` after ``within`` seconds or when the engine died."""
        return self._process is not None and await self._process.until(condition, within)

    async def stop(self) -> None:
        """Take the last reports; safe to call twice. Raises ``MediaError`` when the engine had died."""
        if self._process is None:
            return
        process, self._process = self._process, None
        code = await process.stop(patience=30.0)
        if code != 0 or self.own is None:
            raise MediaError(f"the sound engine died (exit code {code}): {' '.join(self._complaints[-5:])}")

    @property
    def pid(self) -> int:
        """The engine's process id, for measuring it."""
        return self._process.pid if self._process else 0

    def _take(self, line: str) -> None:
        match msgspec.json.decode(line, type=Line):
            case Ready(ports):
                self.ports = ports
            case Signal(port, key):
                if self._signal is not None:
                    self._signal(port, key)
            case Report() as report:
                self.reports.append(report)
            case EngineReport() as own:
                self.own = own
