"""Seats: agents' telephones that register and answer; and units' telephones (承办单位), which are only dialled.

``async with Seats(settings, secrets, [Seat(user="1001"), …]) as seats`` returns once all are registered.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Literal

import msgspec

from hotline.phones import call_log, registration, sipp
from hotline.phones.citizens import FIRST_PORT, LAST_PORT, SPEECH, check_listening
from hotline.phones.engine import Engine
from hotline.phones.errors import PlanError, SippError, StackError
from hotline.phones.group import Group
from hotline.phones.plan import Mode, Plan, Stream
from hotline.settings import Settings

Behaviour = Literal["answer", "busy", "decline", "silent"]
_CODES: dict[Behaviour, int] = {"answer": 0, "busy": 1, "decline": 2, "silent": 3}
SEAT_SPEECH = SPEECH / "pension.wav"
_ANSWER = sipp.SCENARIOS / "seat_answer.xml"


class Seat(msgspec.Struct, frozen=True, kw_only=True):
    """One telephone: rings ``ring_seconds``, then does as ``behaviour`` says; ``talk_seconds`` 0: until the other side hangs up.

    ``recording``: where to put what it hears, in mode ``record``, a path without ``.wav``; its second call gets ``-2`` behind it.
    ``first_sequence``: where the sequence numbers of its RTP begin; ``None``: anywhere.
    """

    user: str
    behaviour: Behaviour = "answer"
    ring_seconds: float = 0.5
    talk_seconds: float = 0.0
    speech: Path | None = SEAT_SPEECH
    mode: Mode = "measure"
    recording: Path | None = None
    first_sequence: int | None = None

    def stream(self) -> Stream:
        """The sound of this telephone: it speaks as soon as it hears a packet."""
        return Stream(
            mode=self.mode,
            cue="packet",
            speech=str(self.speech) if self.speech else None,
            recording=str(self.recording) if self.recording else None,
            first_sequence=self.first_sequence,
        )


class Seats(Group):
    """A group of telephones behind one SIP port; with ``secrets`` they register, without they are units at their trunk."""

    def __init__(
        self,
        settings: Settings,
        secrets: Mapping[str, str] | None,
        seats: Sequence[Seat],
        *,
        ports: tuple[int, int] = (FIRST_PORT, LAST_PORT),
    ) -> None:
        """``secrets``: SIP secret by user. Raises ``PlanError`` for no seats, one named twice, or one without a secret."""
        users = [seat.user for seat in seats]
        if not users or len(set(users)) < len(users):
            raise PlanError("there must be at least one seat, and none named twice")
        unknown = [user for user in users if secrets is not None and user not in secrets]
        if unknown:
            raise PlanError(f"no SIP secret for {', '.join(unknown)}: they are not among the agents of the settings")
        self._settings, self._secrets, self._seats = settings, secrets, seats
        self._address = settings.asterisk.sip_address if secrets is not None else settings.trunks.unit_address
        streams = [seat.stream() for seat in seats]
        self._plan = Plan(address=self._address, first_port=ports[0], last_port=ports[1], streams=streams)
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Seats:
        """Open the sound, answer the telephone, register. Raises ``StackError`` when Asterisk does not take them all."""
        if self._secrets is not None:
            check_listening(self._settings)
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="hotline-seats-")))
        try:
            self.engine = await self._stack.enter_async_context(Engine(self._plan, self._folder))
            self.sipp = sipp.Sipp(self._folder, self.engine.order)
            self._stack.push_async_callback(self.sipp.stop)
            await (self._wait_at_trunk() if self._secrets is None else self._register(self._secrets))
        except BaseException:
            await self._stack.aclose()
            raise
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        """Unregister, hang up what is still there, close the sound; afterwards ``calls`` have their ``sound``.

        Raises ``SippError`` when SIPp had died meanwhile.
        """
        died = not self.sipp.running
        try:
            if self._secrets is not None:
                await self._unregister()
            await self._leave_calls()
        finally:
            complaints = self.sipp.complaints()
            await self._stack.aclose()
            call_log.attach(self.calls, self.engine.reports)
        if died and error is None:
            raise SippError(f"SIPp died while it was answering: {complaints or 'no reason given'}")

    async def _leave_calls(self) -> None:
        open_calls = [call for call in self.calls if call.answered_at and not call.ended_at]
        for call in open_calls:
            self.hang_up(call)
        await self.sipp.until(lambda: all(call.closed for call in open_calls), 3.0)

    async def _wait_at_trunk(self) -> None:
        self._write_called()
        place = (self._address, self._settings.trunks.unit_port)
        if not sipp.is_free(*place):
            raise StackError(f"another program has the units' SIP port {place[0]}:{place[1]}")
        await self.sipp.start(self._target, *place, ["-sf", _ANSWER, "-inf", "called.csv", "-infindex", "called.csv", "0"])
        if not await self.sipp.listening(10):
            raise StackError(f"the units' telephones did not start: {self.sipp.complaints() or 'no reason given'}")

    async def _register(self, secrets: Mapping[str, str]) -> None:
        self._write_called()
        port = sipp.free_port(self._address)
        rows = [(seat.user, secrets[seat.user], f"<sip:{seat.user}@{self._address}:{port}>") for seat in self._seats]
        answer: list[str | Path] = ["-rxsf", _ANSWER, "-rxinf", "called.csv", "-infindex", "called.csv", "0"]
        registering = registration.arguments(self._folder, "register.csv", rows, stay=True)
        await self.sipp.start(self._target, self._address, port, [*registering, *answer])
        await registration.settled(self.sipp, len(rows), self._target)

    async def _unregister(self) -> None:
        secrets = self._secrets or {}
        users = {seat.user: secrets[seat.user] for seat in self._seats}
        await registration.end(self._folder, users, self._target, self._address)

    def _write_called(self) -> None:
        # SIPp cannot refer to line 0 from a variable: its number comes out empty.
        rows: list[tuple[object, ...]] = [("nobody",) + 5 * (0,)]
        rows += [
            (seat.user, "", port, _CODES[seat.behaviour], int(seat.ring_seconds * 1000), int(seat.talk_seconds * 1000))
            for seat, port in zip(self._seats, self.engine.ports, strict=True)
        ]
        (self._folder / "called.csv").write_text(sipp.injection(rows), encoding="utf-8")

    @property
    def _target(self) -> str:
        return f"{self._settings.asterisk.sip_address}:{self._settings.asterisk.sip_port}"
