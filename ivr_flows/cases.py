"""A call as a list of lines: what happens to it (``events``) and what the flow does (``expected``). Pure.

An event is one line, as it is typed in the terminal and stands in a case file:

| line | what happens |
| --- | --- |
| ``12`` ``*`` ``#`` | keys are pressed; a lone ``#`` ends an empty entry |
| (empty) | no key is pressed |
| ``found state=ticket-state-handling`` | a look-up answers: its exit, and values |
| ``kept`` ``lost`` | what is to be stored is safe, or is not |
| ``CONTINUE`` ``KEY1`` ``ANSWER`` ``saved`` ``sent`` | the dialplan gives the call back with this |
| ``hangup`` | the caller hangs up |
| ``at 2026-10-01T00:00`` | from now on it is this time |
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

import msgspec

from hotline.clock import SHANGHAI
from ivr_flows import engine
from ivr_flows.errors import FlowError
from ivr_flows.flow import KEYS, Flow
from ivr_flows.lookups import EXITS, Answer
from ivr_flows.turns import (
    Ask,
    Ended,
    Event,
    Give,
    HungUp,
    Instruction,
    Keep,
    Kept,
    Look,
    Moment,
    Note,
    Play,
    Pressed,
    Speak,
    State,
    Turn,
)

MomentOf = Callable[[dt.datetime], Moment]


class Case(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    """One call through a flow. ``staffed`` and ``situation`` win over the calendar.

    ``note`` says what the case is about; ``result`` is how the application before an entry of the standby flow ended.
    """

    at: str
    note: str = ""
    entry: str = "inbound"
    caller: str = "13800000000"
    language: str = ""
    key: str = ""
    result: str = ""
    staffed: bool | None = None
    situation: str = ""
    events: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()


class Call:
    """A call under way: ``start`` once, then ``answer`` with one line after another while ``asked`` is not None."""

    def __init__(self, flow: Flow, case: Case, moment_of: MomentOf) -> None:
        """Raises ``FlowError`` for a time that is none."""
        self._flow, self._case, self._moment_of = flow, case, moment_of
        self._at = moment(case.at)
        self._state: State | None = None
        self.asked: Instruction | None = None
        """What is waited for; None when the call is over."""

    def start(self) -> list[Instruction]:
        """Enter the flow."""
        given = {"language": self._case.language, "result": self._case.result}
        variables = {"caller": self._case.caller, **{name: value for name, value in given.items() if value}}
        return self._turn(engine.start(self._flow, self._case.entry, self._now(), variables, key=self._case.key))

    def answer(self, line: str) -> list[Instruction]:
        """One event; raises ``FlowError`` for a line that does not answer what is asked."""
        word, _, rest = line.partition(" ")
        if word == "at":
            self._at = moment(rest)
            return []
        if self._state is None or self.asked is None:
            raise FlowError(f"the call is over before {line!r}")
        return self._turn(engine.resume(self._flow, self._state, event(self.asked, line), self._now()))

    def _turn(self, turn: Turn) -> list[Instruction]:
        self._state, told = turn
        self.asked = told[-1] if self._state is not None and told else None
        return list(told)

    def _now(self) -> Moment:
        found = self._moment_of(self._at)
        staffed = found.staffed if self._case.staffed is None else self._case.staffed
        return Moment(self._at, staffed, self._case.situation or found.situation)


def moment(text: str) -> dt.datetime:
    """A time on the hotline's wall clock; raises ``FlowError``."""
    try:
        found = dt.datetime.fromisoformat(text)
    except ValueError as error:
        raise FlowError(f"not a time: {text[:40]!r}; write 2026-10-01T09:00") from error
    return found.astimezone(SHANGHAI) if found.tzinfo else found.replace(tzinfo=SHANGHAI)


def event(asked: Instruction, line: str) -> Event:
    """The event that a line means after ``asked``; raises ``FlowError`` when it means none."""
    if line == "hangup":
        return HungUp()
    match asked:
        case Ask():
            keys = line.rstrip("#") if len(line) > 1 else line
            if any(key not in KEYS for key in keys) or len(keys) > asked.longest:
                raise FlowError(f"not keys that are taken here: {line[:40]!r}")
            return Pressed("" if keys == "#" else keys, timed_out=not keys)
        case Look():
            name, *pairs = line.split() or ["timeout"]
            if name not in (*EXITS.get(asked.what, ()), "timeout", "error"):
                raise FlowError(f"not an exit of the look-up {asked.what}: {name[:40]!r}")
            return Answer(name, {key: value for key, _, value in (pair.partition("=") for pair in pairs)})
        case Keep() if line in ("kept", "lost"):
            return Kept(line == "kept")
        case Give() if " " not in line:
            return Ended(line)
        case _:
            raise FlowError(f"not an answer to this: {line[:40]!r}")


def shown(step: Instruction) -> str:
    """An instruction as one line."""
    match step:
        case Note():
            words = ["step", step.step]
        case Play():
            words = ["play", *step.prompts]
        case Ask():
            words = ["ask", *step.prompts, f"[{step.longest} in {step.timeout_ms // 1000} s]"]
        case Speak():
            words = ["language", step.language]
        case Look():
            words = ["look", step.what, *_pairs(step.arguments)]
        case Keep():
            words = ["keep", step.kind, *_pairs(step.values)]
        case Give():
            words = ["give", step.context, *_pairs(step.variables)]
        case _:
            assert_never(step)
    return " ".join(words)


def _pairs(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


def run(flow: Flow, case: Case, moment_of: MomentOf) -> Iterator[str]:
    """What happens, line by line, each event with ``> `` before it; the flow's version is left out. Raises ``FlowError``."""
    call = Call(flow, case, moment_of)
    yield from (shown(step) for step in call.start()[1:])
    for line in case.events:
        yield f"> {line}".rstrip()
        yield from (shown(step) for step in call.answer(line))
