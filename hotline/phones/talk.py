"""One call at one steered telephone: what it is told, says, presses and hears. Made by the telephones of ``voices.py``."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Callable, Iterable
from typing import Literal
from urllib.parse import quote

from hotline import clock
from hotline.phones import hearing
from hotline.phones.call_log import Call
from hotline.phones.directed import Line
from hotline.phones.errors import PhoneError
from hotline.phones.sipp import Sipp
from hotline.phones.wires import Wire

PATIENCE_SECONDS = 30.0
_LOOK_SECONDS = 0.08
_PAUSE_AFTER_KEYS_SECONDS = 0.12
_AFTER_REFER_SECONDS = 0.3


class Talk:
    """A call at the telephone ``name``; ``number`` is the other side's, ``call`` what SIPp has logged. It says its ``tone``."""

    def __init__(self, name: str, tone: int, line: Line, wire: Wire, *, sip: str, power: Sipp | None = None) -> None:
        """``sip``: Asterisk's SIP address, ``host:port``; ``power``: the SIPp process that made this call and no other."""
        self.name, self.tone = name, tone
        self._line, self._wire, self._sip, self._power = line, wire, sip, power
        self._is_dead = False
        self.play(tone)
        line.on_change = self._follow
        self._follow()

    # --- signalling

    @property
    def call(self) -> Call:
        """Its times, and who ended it."""
        return self._line.call

    @property
    def number(self) -> str:
        """The number that calls, as this telephone shows it; empty when it called itself."""
        return self.call.caller

    @property
    def is_open(self) -> bool:
        """Whether it rings or talks still."""
        return not (self.call.ended_at or self.call.refused_at or self._is_dead)

    def tell(self, order: Literal["answer", "insist", "busy", "decline"]) -> None:
        """Tell it what to do with a call that rings, and wait for nothing.

        insist: answer at the very moment when the other side gives up: its CANCEL and our 200 meet.
        """
        self._line.tell(order, str(self._wire.port))

    async def answer(self) -> Talk:
        """Pick up; returns when both sides know."""
        self.tell("answer")
        return await self.answered()

    async def busy(self) -> None:
        """Refuse with 486 Busy Here."""
        self.tell("busy")
        await self.ended()

    async def decline(self) -> None:
        """Refuse with 603 Decline."""
        self.tell("decline")
        await self.ended()

    async def hang_up(self) -> None:
        """Hang up, or give up when nobody has answered; a call that has ended is left alone."""
        if self.is_open:
            self._line.tell("hangup" if self.call.answered_at else "busy" if self.call.caller else "cancel")
            await self.ended()

    async def hold(self) -> None:
        """Put the other side on hold (re-INVITE, sendonly)."""
        await self._does("hold")

    async def resume(self) -> None:
        """Take it back."""
        await self._does("resume")

    async def transfer(self, number: str) -> None:
        """Send the other side to ``number`` (blind, REFER) and hang up."""
        await self._refers(f"<sip:{number}@{self._sip}>")

    async def join(self, other: Talk) -> None:
        """Join the other sides of this call and of one that this telephone dialled (attended, REFER with Replaces); hang up."""
        if other.call.tags is None:
            raise PhoneError(f"{other.name}: only a call that was dialled and answered can be joined")
        own, far = other.call.tags
        replaced = quote(f"{other.call.call_id};to-tag={far};from-tag={own}", safe="")
        await self._refers(f"<sip:anybody@{self._sip}?Replaces={replaced}>")
        await other.ended()

    async def die(self) -> None:
        """Without a BYE: the port for sound is closed, and what comes by SIP is not answered."""
        self.cut()
        if self._power is not None:
            await self._power.kill()
        else:
            self._line.tell("die")

    def cut(self) -> None:
        """Its sound is over, and what SIPp says of it no longer counts."""
        self._is_dead = True
        self._wire.cut()
        self._line.changed.set()

    async def answered(self, within: float = PATIENCE_SECONDS) -> Talk:
        """Wait until it has been answered; ``PhoneError`` also when it was refused."""
        await self._until(lambda: self.call.answered_at or not self.is_open, within, "has not been answered")
        if not self.call.answered_at:
            raise PhoneError(f"{self.name}: the call was refused")
        return self

    async def ended(self, within: float = PATIENCE_SECONDS) -> Talk:
        """Wait for its end: hung up, refused or cancelled."""
        await self._until(lambda: not self.is_open, within, "has not ended")
        return self

    async def _refers(self, target: str) -> None:
        await self._does("refer", target)
        await asyncio.sleep(_AFTER_REFER_SECONDS)
        await self.hang_up()

    async def _does(self, order: str, detail: str = "") -> None:
        before = len(self.call.done)
        self._line.tell(order, detail)
        await self._until(lambda: len(self.call.done) > before or not self.is_open, PATIENCE_SECONDS, f"could not {order}")
        if len(self.call.done) == before:
            raise PhoneError(f"{self.name} could not {order}: the call has ended")

    async def _until(self, condition: Callable[[], object], within: float, what: str) -> None:
        try:
            async with asyncio.timeout(within):
                await self._line.until(lambda _: condition())
        except TimeoutError:
            raise PhoneError(f"{self.name} {what} within {within:g} s") from None

    def _follow(self) -> None:
        """What SIPp logs moves the sound: it begins with the answer and ends with the call."""
        if self.call.answered_at and self.call.peer and self.is_open:
            self._wire.begin(self.call.peer)
        elif not self.is_open:
            self._wire.cut()

    # --- voice

    def play(self, frequency: int) -> None:
        """Say a tone from now on, a multiple of 10 Hz; ``hearing.TONES`` are those that others recognise."""
        self._wire.loop(hearing.tone(frequency))

    def mute(self) -> None:
        """Say nothing from now on (silence is sent)."""
        self._wire.loop([])

    def say(self, frames: list[bytes]) -> None:
        """Say these frames over and over (``sound.frames(sound.read_wav(…))``)."""
        self._wire.loop(frames)

    def say_after(self, keys: str, frames: list[bytes]) -> None:
        """Say these frames from the moment on when the other side has pressed these keys."""
        self._wire.loop_after(keys, frames)

    async def press(self, keys: str) -> None:
        """Press keys (RFC 4733) once something has been heard; returns when the last has gone out."""
        await self._look(lambda: self._wire.hearing.frames, PATIENCE_SECONDS, "heard nothing before it could press a key")
        self._wire.press(keys)
        await self._look(lambda: not self._wire.pressing, PATIENCE_SECONDS + len(keys), f"could not press {keys}")
        await asyncio.sleep(_PAUSE_AFTER_KEYS_SECONDS)

    # --- ears

    @property
    def digits(self) -> str:
        """The keys that the other side has pressed (RFC 4733)."""
        return self._wire.digits

    @property
    def heard(self) -> frozenset[int]:
        """The telephones' tones that it hears now."""
        return self._wire.hearing.now(_ns(clock.now()))

    def hears(self, frequency: int, since: dt.datetime | None = None) -> bool:
        """Whether it hears this tone now, or has heard it ``since``."""
        return frequency in (self.heard if since is None else self.heard_between(since, clock.now()))

    def heard_between(self, first: dt.datetime, last: dt.datetime) -> frozenset[int]:
        """All tones heard between two moments, even briefly (from 320 ms on)."""
        return self._wire.hearing.between(_ns(first), _ns(last))

    @property
    def hears_music(self) -> bool:
        """Whether it is music on hold that it hears now."""
        return self._wire.hearing.is_music(_ns(clock.now()))

    @property
    def hears_anything(self) -> bool:
        """Whether it has heard any sound in the last 0.4 s: a tone, speech, music."""
        return self._wire.hearing.is_audible(_ns(clock.now()))

    async def until_hears(self, tones: Iterable[int], within: float = PATIENCE_SECONDS) -> None:
        """Wait until it hears exactly these tones; none: no telephone at all, whatever else."""
        wanted = frozenset(tones)
        await self._look(lambda: self.heard == wanted, within, f"did not hear {sorted(wanted) or 'none'}")

    async def until_silent_of(self, *tones: int, within: float = PATIENCE_SECONDS) -> None:
        """Wait until none of these tones has been in what it hears for a third of a second."""
        ear = self._wire.hearing
        await self._look(lambda: ear.is_silent_of(tones, _ns(clock.now())), within, f"still heard one of {sorted(tones)}")

    async def until_music(self, within: float = PATIENCE_SECONDS) -> None:
        """Wait until it hears music on hold."""
        await self._look(lambda: self.hears_music, within, "did not hear music")

    async def until_quiet(self, within: float = PATIENCE_SECONDS) -> None:
        """Wait until it hears nothing at all."""
        await self._look(lambda: not self.hears_anything, within, "did hear something")

    async def until_digits(self, digits: str, within: float = PATIENCE_SECONDS) -> None:
        """Wait until these keys have come in, at the end of all that came."""
        await self._look(lambda: self.digits.endswith(digits), within, f"had not got the keys {digits}")

    async def _look(self, condition: Callable[[], object], within: float, what: str) -> None:
        deadline = clock.monotonic() + within
        while not condition():
            if clock.monotonic() > deadline:
                raise PhoneError(f"{self.name} {what} within {within:g} s; {self.state()}")
            await asyncio.sleep(_LOOK_SECONDS)

    def state(self) -> str:
        """What it hears now, in words, for the message of a failure."""
        sounds = "music" if self.hears_music else "sound" if self.hears_anything else "silence"
        over = "" if self.is_open else ", its call is over"
        return f"it hears {sorted(self.heard) or 'no tone'} ({sounds}), got the keys {self.digits or 'none'}{over}"


def _ns(moment: dt.datetime) -> int:
    return int(moment.timestamp() * 1_000_000) * 1000
