"""Citizens: real calls to the hotline, with keys and a voice: ``async with Citizens(settings, [Citizen(…), …]) as citizens``."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from hotline.phones import call_log, sipp
from hotline.phones.call_log import Call
from hotline.phones.engine import Engine
from hotline.phones.errors import PlanError, StackError
from hotline.phones.group import Group
from hotline.phones.info import KeySocket
from hotline.phones.plan import Digits, Mode, Plan, Press, Stream, presses
from hotline.settings import Settings

SPEECH = Path(__file__).parent / "speech"
CITIZEN_SPEECH = SPEECH / "lamp.wav"
FIRST_PORT, LAST_PORT = 20000, 31998
"""Even UDP ports for sound, away from Asterisk's own."""

WITHHELD = "anonymous"
"""The number of a caller who does not give one (RFC 3323)."""

OFFERS: dict[Digits, tuple[str, str, str]] = {
    "rfc4733": ("8 101", "rtpmap:101 telephone-event/8000", "fmtp:101 0-16"),
    "info": ("8", "x-keys:info", "x-events:none"),
    "inband": ("8", "x-keys:inband", "x-events:none"),
}
"""What the call's offer says of keys: payload types, and two attributes; an unknown one is passed over (RFC 8866, 5.13)."""

LARGEST_COUNT, LARGEST_RATE = 4000, 200.0


class Citizen(msgspec.Struct, frozen=True, kw_only=True):
    """One caller. ``stay_seconds`` after the system's answer it hangs up (0: it waits until the other side does).

    ``keys`` are pressed from ``first_key_ms`` after the first sound on (see ``plan.presses``), or each at its own time when
    ``pressed`` says so; then ``speech`` is looped (``None``: silence). ``recording``: where to put what it hears, in mode
    ``record``, a path without ``.wav``. ``digits``: how keys are sent. ``first_sequence``: where the sequence numbers of its RTP
    begin; ``None``: anywhere.
    """

    number: str
    keys: str = "1"
    pressed: tuple[Press, ...] | None = None
    stay_seconds: float = 15.0
    speech: Path | None = CITIZEN_SPEECH
    mode: Mode = "measure"
    recording: Path | None = None
    first_key_ms: int = 1500
    apart_ms: int = 400
    digits: Digits = "rfc4733"
    speak_at_ms: int = 0
    first_sequence: int | None = None

    def stream(self) -> Stream:
        """The sound of this caller."""
        return Stream(
            mode=self.mode,
            cue="audible",
            presses=self._presses(),
            digits=self.digits,
            speech=str(self.speech) if self.speech else None,
            speak_at_ms=self.speak_at_ms,
            recording=str(self.recording) if self.recording else None,
            first_sequence=self.first_sequence,
        )

    def _presses(self) -> list[Press]:
        if self.pressed is not None:
            return list(self.pressed)
        return presses(self.keys, first_ms=self.first_key_ms, apart_ms=self.apart_ms)


def quoted(name: str) -> str:
    """A display name as SIP wants it (RFC 3261, 25.1), with a blank behind it; empty for no name.

    A newline becomes a blank: even folded as SIP allows, PJSIP drops the whole INVITE.
    """
    if not name:
        return ""
    text = name.replace("\\", "\\\\").replace('"', '\\"').replace("\x00", "")
    return '"' + " ".join(text.splitlines()) + '" '


class Citizens(Group):
    """A group of callers that share one display name: SIPp dials them one after another at ``rate`` a second."""

    def __init__(
        self,
        settings: Settings,
        citizens: Sequence[Citizen],
        *,
        rate: float = 2.0,
        name: str = "",
        ports: tuple[int, int] = (FIRST_PORT, LAST_PORT),
    ) -> None:
        """Raises ``PlanError`` when count or rate is out of range or a number is not one."""
        if not 1 <= len(citizens) <= LARGEST_COUNT:
            raise PlanError(f"{len(citizens)} calls: must be 1 to {LARGEST_COUNT}")
        if not 0 < rate <= LARGEST_RATE:
            raise PlanError(f"rate {rate}: must be above 0 and at most {LARGEST_RATE:.0f} calls a second")
        for citizen in citizens:
            if citizen.number != WITHHELD and (not citizen.number.lstrip("+").isdigit() or len(citizen.number) > 20):
                raise PlanError(f"caller number {citizen.number!r}: digits only, at most 20, or {WITHHELD}")
            if citizen.stay_seconds < 0:
                raise PlanError(f"a stay of {citizen.stay_seconds} s: must not be negative")
        self._settings, self._citizens, self._rate, self._name = settings, citizens, rate, name
        address = settings.trunks.citizen_address
        streams = [citizen.stream() for citizen in citizens]
        self._plan = Plan(address=address, first_port=ports[0], last_port=ports[1], streams=streams)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Citizens:
        """Open the sound, start dialling. Raises ``MediaError``, ``SippError``, ``StackError`` when that cannot be."""
        check_listening(self._settings)
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hotline-citizens-")))
        try:
            place = (self._settings.asterisk.sip_address, self._settings.asterisk.sip_port)
            self._keys = self._stack.enter_context(KeySocket(self._settings.trunks.citizen_address, place))
            self.engine = await self._stack.enter_async_context(Engine(self._plan, self._folder, self._signal))
            self.sipp = sipp.Sipp(self._folder, self.engine.order)
            self._stack.push_async_callback(self.sipp.stop)
            await self._dial()
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hang up what is still there."""
        await self._stack.aclose()

    async def results(self, within: float) -> list[Call]:
        """Wait for the end of all calls; each then has its ``sound``. Raises ``SippError`` after ``within`` seconds."""
        await self.sipp.finished(within)
        await self.engine.stop()
        calls = self.calls
        call_log.attach(calls, self.engine.reports)
        return calls

    def _signal(self, port: int, key: str) -> None:
        for call in self.calls:
            if call.port == port:
                self._keys.press(call, key)

    async def _dial(self) -> None:
        rows = [
            (citizen.number, port, int(citizen.stay_seconds * 1000), *OFFERS[citizen.digits])
            for citizen, port in zip(self._citizens, self.engine.ports, strict=True)
        ]
        (self._folder / "citizens.csv").write_text(sipp.injection(rows), encoding="utf-8")
        count, asterisk = str(len(rows)), self._settings.asterisk
        address = self._settings.trunks.citizen_address
        scenario: list[str | Path] = [
            "-sf",
            sipp.SCENARIOS / "citizen.xml",
            "-inf",
            "citizens.csv",
            "-s",
            self._settings.trunks.hotline_number,
        ]
        load = ["-m", count, "-l", count, "-r", str(round(self._rate * 1000)), "-rp", "1000000"]
        name = ["-key", "caller_name", quoted(self._name)]
        target = f"{asterisk.sip_address}:{asterisk.sip_port}"
        await self.sipp.start(target, address, sipp.free_port(address), [*scenario, *load, *name])


def check_listening(settings: Settings) -> None:
    """Raise ``StackError`` when nothing listens at Asterisk's SIP port."""
    place = (settings.asterisk.sip_address, settings.asterisk.sip_port)
    if sipp.is_free(*place):
        raise StackError(f"nothing listens for SIP at {place[0]}:{place[1]}: the stack is not running (start it with: make run)")
