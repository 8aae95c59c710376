"""Telephones that are steered and have sound: each says a tone of its own and keeps what it hears, so that a test can prove
who heard whom. A seat registers, a citizen calls the hotline, a unit (承办单位) is dialled. SIPp speaks the SIP.

    async with Floor(settings, secrets) as f:                     # tests: ``async with floor(stack) as f`` (tests/voices.py)
        seat = await f.seat("1001")                               # registered; rings until it is told what to do
        unit = await f.unit("83120001", "busy", "answer")         # refuses its first call, answers all others
        citizen = await f.citizen("13900000001")                  # calls the hotline; the welcome has answered
        await citizen.talk.press("1")
        call = await seat.rings()                                 # the next call at this telephone: a ``Talk``
        await call.answer()
        await citizen.talk.until_hears({seat.tone})               # this telephone and no other
        await call.until_hears({citizen.tone})
        since = clock.now()
        await call.hold()                                         # also: resume, transfer, join, hang_up, press, play, mute
        await citizen.talk.until_music()                          # in music on hold there is no telephone's tone
        assert call.heard_between(since, clock.now()) <= {citizen.tone}
        second = await seat.dial("1002")                          # another call of the same telephone
        await second.answered()
        refused, taken = await unit.rings(), await unit.rings()   # when something has dialled it twice: the calls in turn
        assert taken.digits == "1"                                # keys that came in
        await call.die()                                          # no BYE, port closed; ``seat.die()``: the whole telephone;
                                                                  # ``await seat.unregister()`` is the polite way

``phone.talks`` are its calls in order, ``phone.talk`` is the newest; what a call can do is in ``talk.py``. All waits raise
``PhoneError``, with what is heard instead, after ``within`` seconds. Times are aware datetimes (``clock.now()``).
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Literal

from hotline import g711
from hotline.phones import hearing, registration, sound
from hotline.phones.citizens import SPEECH
from hotline.phones.directed import DirectedCallers, DirectedSeats, DirectedUnits, Line
from hotline.phones.errors import PhoneError
from hotline.phones.rtp import FRAME
from hotline.phones.sipp import Sipp
from hotline.phones.talk import PATIENCE_SECONDS, Talk
from hotline.phones.wires import Wire, Wires
from hotline.settings import Settings
from hotline.waiting import within

Behaviour = Literal["ring", "answer", "busy", "decline", "insist", "machine", "fax", "ivr"]
"""What a telephone does when it is called: ``ring`` waits for orders, ``insist`` answers at the moment when the caller gives up;
a machine greets and beeps (``hearing.BEEP``), a fax whistles (``FAX_ANSWERING``), an IVR says ``ANNOUNCEMENT`` until it has got
its ``keys_wanted``, and then its tone."""

_GREETING = SPEECH / "pension.wav"
_SECOND = 50
"""Frames."""


def behave(talk: Talk, behaviour: Behaviour, keys_wanted: str) -> None:
    """Begin to do it with a call that has just come in."""
    match behaviour:
        case "ring":
            return
        case "busy" | "decline" | "insist":
            talk.tell(behaviour)
            return
        case "machine":
            greeting = sound.frames(sound.read_wav(_GREETING.read_bytes(), _GREETING.name))
            talk.say([*greeting[: 2 * _SECOND], *_beeps(hearing.BEEP, 1.0), *_silence(60.0)])
        case "fax":
            talk.say([*_silence(0.5), *_beeps(hearing.FAX_ANSWERING, 3.0), *_silence(0.5)])
        case "ivr":
            talk.say([*_beeps(hearing.ANNOUNCEMENT, 1.0), *_silence(0.2)])
            talk.say_after(keys_wanted, hearing.tone(talk.tone))
        case "answer":
            pass
    talk.tell("answer")


def _beeps(frequency: int, seconds: float) -> list[bytes]:
    frames = hearing.tone(frequency)
    return frames * round(seconds * _SECOND / len(frames))


def _silence(seconds: float) -> list[bytes]:
    return [bytes([g711.SILENCE]) * FRAME] * round(seconds * _SECOND)


class Phone:
    """A telephone with a ``tone`` of its own: ``talks`` are its calls in order, ``talk`` is the newest."""

    def __init__(self, floor: Floor, name: str, behaviours: tuple[Behaviour, ...], *, address: str, secret: str = "") -> None:
        self._floor, self.name, self._address, self._secret = floor, name, address, secret
        self.tone = floor.next_tone()
        self.keys_wanted = "1#"
        self._behaviours = list(behaviours)
        self.talks: list[Talk] = []
        self._ringing: asyncio.Queue[Talk] = asyncio.Queue()
        self._stack = contextlib.AsyncExitStack()
        self._power: list[Sipp] = []

    @property
    def talk(self) -> Talk:
        """Its newest call; ``PhoneError`` when there has been none."""
        if not self.talks:
            raise PhoneError(f"{self.name} has had no call")
        return self.talks[-1]

    def behave(self, *behaviours: Behaviour) -> None:
        """What it does with its next calls, one after another; the last holds on."""
        self._behaviours = list(behaviours)

    async def rings(self, within: float = PATIENCE_SECONDS) -> Talk:
        """The next call that comes in (already answered or refused, if that is how it behaves); each is given out once."""
        try:
            async with asyncio.timeout(within):
                return await self._ringing.get()
        except TimeoutError:
            raise PhoneError(f"{self.name} was not called within {within:g} s") from None

    async def dial(self, number: str) -> Talk:
        """Call ``number``, beside whatever other calls it has; returns when the INVITE is out, see ``Talk.answered``."""
        wire = self._floor.wires.open(self._address)
        made: asyncio.Future[Line] = asyncio.get_running_loop().create_future()
        callers = DirectedCallers(
            self._floor.settings,
            [(self.name, self._secret)],
            number,
            made.set_result,
            address=self._address,
            rate=50.0,
            media_port=wire.port,
        )
        await self._stack.enter_async_context(callers)
        self._power.append(callers.sipp)
        return self._begin(await within(made, PATIENCE_SECONDS), wire, callers.sipp)

    async def die(self) -> None:
        """No BYE goes out, nothing is answered, its ports are closed: as in a power cut. Asterisk is not told."""
        for talk in self.talks:
            talk.cut()
        for power in self._power:
            await power.kill()

    async def close(self) -> None:
        """Hang up everything and close the sound."""
        await self._stack.aclose()
        for talk in self.talks:
            talk.cut()

    def called(self, line: Line) -> None:
        """A call comes in."""
        talk = self._begin(line, self._floor.wires.open(self._address))
        behaviour = self._behaviours.pop(0) if len(self._behaviours) > 1 else self._behaviours[0]
        behave(talk, behaviour, self.keys_wanted)
        self._ringing.put_nowait(talk)

    def _begin(self, line: Line, wire: Wire, power: Sipp | None = None) -> Talk:
        asterisk = self._floor.settings.asterisk
        talk = Talk(self.name, self.tone, line, wire, sip=f"{asterisk.sip_address}:{asterisk.sip_port}", power=power)
        self.talks.append(talk)
        return talk


class SeatPhone(Phone):
    """An agent's telephone: registered under its user name."""

    async def register(self) -> None:
        """Register; raises ``StackError`` when Asterisk does not take it."""
        seats = DirectedSeats(self._floor.settings, {self.name: self._secret}, self.called)
        await self._stack.enter_async_context(seats)
        self._power.append(seats.sipp)

    async def unregister(self) -> None:
        """Take the registration away; a call in progress goes on."""
        await self._floor.unregister([self])

    @property
    def secrets(self) -> dict[str, str]:
        """User name and SIP secret."""
        return {self.name: self._secret}


class Floor:
    """All telephones of a test; at the end they hang up, and the seats' registrations are gone."""

    def __init__(self, settings: Settings, secrets: Mapping[str, str]) -> None:
        """``secrets``: the SIP secrets of the seats, by user name."""
        self.settings, self._secrets = settings, secrets
        self.wires = Wires()
        self.phones: list[Phone] = []
        self._units: dict[str, Phone] = {}
        self._stack = contextlib.AsyncExitStack()
        self._has_unit_line = False

    def next_tone(self) -> int:
        """A tone that no other telephone has; there are ``len(hearing.TONES)``, more telephones begin anew."""
        return hearing.TONES[len(self.phones) % len(hearing.TONES)]

    async def seat(self, user: str, *behaviours: Behaviour) -> SeatPhone:
        """A seat that has registered; it rings until it is told what to do, unless ``behaviours`` say otherwise."""
        address = self.settings.asterisk.sip_address
        seat = SeatPhone(self, user, behaviours or ("ring",), address=address, secret=self._secrets[user])
        self.phones.append(seat)
        await seat.register()
        return seat

    async def citizen(self, number: str = "13900000001", dialled: str | None = None) -> Phone:
        """A citizen who calls the hotline (or ``dialled``) and has been answered."""
        citizen = Phone(self, number, ("decline",), address=self.settings.trunks.citizen_address)
        self.phones.append(citizen)
        talk = await citizen.dial(dialled or self.settings.trunks.hotline_number)
        await talk.answered()
        return citizen

    async def unit(self, number: str, *behaviours: Behaviour) -> Phone:
        """A unit's telephone: what it does with its calls, one after another; the last holds on (``answer`` unless told)."""
        unit = Phone(self, number, behaviours or ("answer",), address=self.settings.trunks.unit_address)
        self.phones.append(unit)
        self._units[number] = unit
        if not self._has_unit_line:
            self._has_unit_line = True
            await self._stack.enter_async_context(DirectedUnits(self.settings, self._unit_called))
        return unit

    def _unit_called(self, line: Line) -> None:
        """A number of the trunk is dialled; one that nobody has declines."""
        unit = self._units.get(line.call.party)
        if unit is not None:
            unit.called(line)
        else:
            line.tell("decline")

    async def unregister(self, seats: list[SeatPhone]) -> None:
        """Take the registrations of these seats away."""
        secrets = {user: secret for seat in seats for user, secret in seat.secrets.items()}
        asterisk = self.settings.asterisk
        with tempfile.TemporaryDirectory(prefix="hotline-voices-") as folder:
            target = f"{asterisk.sip_address}:{asterisk.sip_port}"
            await registration.end(Path(folder), secrets, target, asterisk.sip_address)

    async def __aenter__(self) -> Floor:
        self._stack.enter_context(self.wires)
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Hang up, unregister; to an error it is added what each telephone heard at the end."""
        if error is not None:
            for talk in (talk for phone in self.phones for talk in phone.talks):
                error.add_note(f"{talk.name} ({talk.tone} Hz): {talk.state()}")
        seats = [phone for phone in self.phones if isinstance(phone, SeatPhone)]
        try:
            await asyncio.gather(*(phone.close() for phone in self.phones))
            if seats:
                await self.unregister(seats)
        finally:
            await self._stack.aclose()
