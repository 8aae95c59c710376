"""One call on the AGI side, without its socket: the flow's instructions to AGI commands, replies to the flow's events. Pure.

``begin()`` and every ``answered(reply)``, ``looked(…)``, ``kept(…)`` give what to do next: a ``Send`` (one command; Asterisk
takes one at a time), ``Fetch`` (ask the data), ``Store`` (keep something safe), ``Wait`` (go on listening), or ``End``. Commands
are what a call costs, so steps that come together go as one event, and variables as one ``MSet``.

A session ends when the call is given to the dialplan. The flow's state travels on the channel meanwhile (``HOTLINE_STATE``), so
that another process can go on with it.
"""

from __future__ import annotations

import base64
import re
import zlib
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import assert_never

import msgspec

from agi import codec
from agi.codec import Environment, Reply
from agi.errors import StateUnreadable, UnexpectedReply, UnknownScript
from ivr_flows import engine
from ivr_flows.flow import KEYS, Flow
from ivr_flows.lookups import Answer
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

ENTRIES = {"flow": "inbound", "survey": "survey"}
"""The script of ``agi://host:port/script`` to the flow's entry; what is not here is refused."""

PROMPT_SECONDS = 180.0
"""No announcement is longer; with a margin, how long Asterisk may take to play one."""
MARGIN_SECONDS = 10.0
"""How long Asterisk may take for a command that plays nothing."""
LONGEST_PATH = 240
"""Characters of the path that the channel carries for the second witness, the channel event log."""
LONGEST_STATE = 1400
"""Characters of a state: one command, of 2047 bytes, sets it together with the path and the other variables."""
LARGEST_STATE = 64 * 1024
"""Bytes of a state that was read."""
NUMBER = re.compile(r"^\+?[0-9]{1,20}$")
_VALUE = re.compile(r"^[A-Za-z0-9_.,:@/+*#=-]*$")

Resolve = Callable[[str, str], str]
"""Prompt and language to what Asterisk shall play: the prompt itself, or what stands in for it when its file is missing."""


class Send(msgspec.Struct, frozen=True):
    """Send this command line; a peer that has not answered after ``patience`` seconds is given up."""

    line: bytes
    patience: float


class Fetch(msgspec.Struct, frozen=True):
    """Ask the data and tell the answer to ``looked``; when it takes long, ask ``still_looking`` what to do meanwhile."""

    what: str
    arguments: Mapping[str, str]


class Store(msgspec.Struct, frozen=True):
    """Keep this and tell ``kept`` whether it is safe; when ``waits`` is false nothing is told."""

    kind: str
    values: Mapping[str, str]
    waits: bool


class Wait(msgspec.Struct, frozen=True):
    """Nothing to send: the answer is still to come."""


class End(msgspec.Struct, frozen=True):
    """Close the socket. ``finished`` is false when the caller has hung up."""

    finished: bool


Step = Send | Fetch | Store | Wait | End


class _Command(msgspec.Struct, frozen=True):
    """A command to come; ``asks`` when its result is an event for the flow."""

    line: bytes
    patience: float = MARGIN_SECONDS
    asks: bool = False


def saved_state(environment: Environment) -> State | None:
    """The state that the channel carries (second argument), None for a call that begins; raises ``StateUnreadable``."""
    text = environment.argument(2)
    if not text:
        return None
    try:
        squeezed = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        return msgspec.msgpack.decode(zlib.decompressobj().decompress(squeezed, LARGEST_STATE), type=State)
    except (ValueError, zlib.error, msgspec.DecodeError) as error:
        raise StateUnreadable(f"HOTLINE_STATE: {error}") from error


def packed(state: State) -> str:
    """A state as text that needs no quoting. A channel carries only so much: what does not fit loses its longest values."""
    while len(text := _squeezed(state)) > LONGEST_STATE and state.variables:
        longest = max(state.variables, key=lambda name: len(state.variables[name]))
        kept = {name: value for name, value in state.variables.items() if name != longest}
        state = msgspec.structs.replace(state, variables=kept)
    return text


def _squeezed(state: State) -> str:
    return base64.urlsafe_b64encode(zlib.compress(msgspec.msgpack.encode(state))).decode().rstrip("=")


class Session:
    """The talk about one call. Raises ``UnknownScript``, ``UnexpectedReply`` and whatever the flow raises.

    ``moment`` is asked for the hotline's time whenever the flow goes on: a call may last into another day.
    """

    def __init__(
        self, flow: Flow, environment: Environment, state: State | None, *, moment: Callable[[], Moment], resolve: Resolve
    ) -> None:
        self._flow, self._moment, self._resolve = flow, moment, resolve
        self._environment = environment
        self._state = state
        self._language = state.variables.get("language", "") if state else flow.languages[0]
        self._work: deque[_Command | Fetch | Store] = deque()
        self._current: _Command | Fetch | Store | None = None
        self._told_early: Event | None = None
        self._looking: tuple[str, ...] | None = None
        self._fetching = False
        self._notes: list[str] = []
        self._path = environment.argument(4)
        self._variables: dict[str, str] = {}
        self._gone = False

    @property
    def gone(self) -> bool:
        """Whether the caller has hung up."""
        return self._gone

    @property
    def call_id(self) -> str:
        """The caller's uniqueid, which is the call's linkedid."""
        return self._environment.uniqueid

    @property
    def caller(self) -> str:
        """The caller's number; empty when it is withheld or none."""
        number = self._environment.caller_number
        return number if NUMBER.match(number) else ""

    def begin(self) -> Step:
        """The first step: a call that begins, or one that the dialplan gives back."""
        entry = ENTRIES.get(self._environment.script)
        if entry is None:
            raise UnknownScript(f"no script {self._environment.script[:80]!r}")
        result = self._environment.argument(1)
        if self._state is not None:
            return self._go_on(Ended(result))
        if result:
            return End(finished=True)  # the standby script began this call, and goes on with it
        variables = {"caller": self.caller}
        turn = engine.start(self._flow, entry, self._moment(), variables, key=self._environment.argument(3))
        return self._take(turn)

    def answered(self, reply: Reply) -> Step:
        """The next step, after Asterisk's answer to the command under way."""
        if 100 <= reply.code < 200:
            return Wait()
        command, self._current = self._current, None
        if not isinstance(command, _Command):
            raise UnexpectedReply(f"an answer to no command: {reply.code}")
        if self._gone:
            return self._next()
        if reply.code == 511 or (reply.code == 200 and reply.result == "-1") or reply.data == "HANGUP:":
            return self.hung_up()
        if reply.code != 200 or reply.result == "-2":
            raise UnexpectedReply(f"{reply.code} {reply.result}{reply.text} to {command.line.decode().strip()}")
        if command.asks:
            return self._go_on(_pressed(reply))
        if self._told_early is not None:
            event, self._told_early = self._told_early, None
            return self._go_on(event)
        return Wait() if self._fetching else self._next()

    def looked(self, answer: Answer) -> Step:
        """The data have answered, or have not in time; a prompt that is being played is heard to its end."""
        self._looking, self._fetching = None, False
        if isinstance(self._current, _Command):
            self._told_early = answer
            return Wait()
        self._current = None
        return self._go_on(answer)

    def still_looking(self) -> Step:
        """The answer takes long: tell the caller once."""
        prompts, self._looking = self._looking, None
        if not prompts or not isinstance(self._current, Fetch):
            return Wait()
        self._current = self._play(prompts)
        return Send(self._current.line, self._current.patience)

    def kept(self, *, safe: bool) -> Step:
        """What was to be kept is safe, or is not."""
        self._current = None
        return self._go_on(Kept(safe))

    def hung_up(self) -> Step:
        """The caller is gone: the flow is told, and what it still has to keep or to note is done."""
        if self._gone:
            return Wait() if isinstance(self._current, _Command) else End(finished=False)
        if self._state is None:
            return End(finished=False)
        self._gone, self._current, self._told_early = True, None, None
        self._work.clear()
        return self._take(engine.resume(self._flow, self._state, HungUp(), self._moment()))

    def _go_on(self, event: Event) -> Step:
        if self._gone:
            return End(finished=False)
        if self._state is None:
            raise UnexpectedReply(f"{type(event).__name__}, and nothing waits for it")
        return self._take(engine.resume(self._flow, self._state, event, self._moment()))

    def _take(self, turn: Turn) -> Step:
        self._state, instructions = turn
        self._work.extend(self._compiled(instructions))
        return self._next()

    def _next(self) -> Step:
        if not self._work:
            return End(finished=not self._gone)
        self._current = work = self._work.popleft()
        match work:
            case _Command():
                return Send(work.line, work.patience)
            case Store() if not work.waits:
                self._current = None
                return work
            case Fetch() | Store():
                self._fetching = isinstance(work, Fetch)
                return work
            case _:
                assert_never(work)

    def stored(self) -> Step:
        """After a ``Store`` that nobody waits for: what comes next."""
        return self._next()

    def _compiled(self, instructions: tuple[Instruction, ...]) -> Iterator[_Command | Fetch | Store]:
        """Instructions to commands. The path goes to Asterisk before the next wait."""
        for instruction in instructions:
            match instruction:
                case Play():
                    yield from self._events()
                    yield self._play(instruction.prompts)
                case Note():
                    self._notes.append(instruction.step)
                case Speak():
                    self._language = instruction.language
                    yield _Command(codec.set_variable("CHANNEL(language)", instruction.language))
                case Ask():
                    yield from self._told()
                    yield from self._ask(instruction)
                case Look():
                    yield from self._told()
                    self._looking = instruction.prompts
                    yield Fetch(instruction.what, instruction.arguments)
                case Keep():
                    yield from self._told()
                    yield Store(instruction.kind, self._with_call(instruction), instruction.waits)
                case Give():
                    self._variables |= instruction.variables
                    self._variables["HOTLINE_STATE"] = packed(self._state) if self._state else ""
                    self._variables["HOTLINE_NEXT"] = instruction.context
                    yield from self._told()
                case _:
                    assert_never(instruction)
        yield from self._told()

    def _events(self) -> Iterator[_Command]:
        """The steps so far as one event, so that they are known if the caller hangs up now."""
        if self._notes:
            steps, self._notes = ",".join(self._notes), []
            self._path = f"{self._path},{steps}" if self._path else steps
            yield _Command(codec.execute("UserEvent", f'HotlineStep,"Step: {steps}"'))
            if not self._gone:
                self._variables["CHANNEL(userfield)"] = _cut(self._path)

    def _told(self) -> Iterator[_Command]:
        """What Asterisk has to know now: the steps as an event and on the channel, and variables."""
        yield from self._events()
        if self._variables:
            yield _Command(set_variables(self._variables))
            self._variables = {}

    def _with_call(self, keep: Keep) -> dict[str, str]:
        """What is kept, with the call that it belongs to."""
        values = {**keep.values, "call_id": self.call_id}
        if keep.kind == "survey":
            values |= {
                "agent": self._environment.argument(5),
                "direction": "outbound" if self._environment.script == "survey" else "inbound",
            }
        return values

    def _play(self, prompts: tuple[str, ...]) -> _Command:
        return _Command(codec.execute("Playback", self._files(prompts)), PROMPT_SECONDS + MARGIN_SECONDS)

    def _ask(self, ask: Ask) -> Iterator[_Command]:
        """One prompt and its keys are one command; several prompts take the application ``Read``, and its result a second one."""
        patience = PROMPT_SECONDS + ask.timeout_ms / 1000 * (ask.longest + 1) + MARGIN_SECONDS
        files = self._files(ask.prompts)
        if len(ask.prompts) == 1:
            yield _Command(codec.get_data(files, ask.timeout_ms, ask.longest), patience, asks=True)
        else:
            read = f"HOTLINE_KEYS,{files},{ask.longest},,1,{ask.timeout_ms / 1000:g}"
            yield _Command(codec.execute("Read", read), patience)
            yield _Command(codec.get_full_variable("${READSTATUS}:${HOTLINE_KEYS}"), asks=True)

    def _files(self, prompts: tuple[str, ...]) -> str:
        return "&".join([self._resolve(prompt, self._language) for prompt in prompts])


def set_variables(variables: Mapping[str, str]) -> bytes:
    """One command that sets them all; raises ``UnexpectedReply`` for a value that could be more than a value."""
    for name, value in variables.items():
        if not _VALUE.match(value):
            raise UnexpectedReply(f"{name} may not be {value[:80]!r}")
    if len(variables) == 1:
        [(name, value)] = variables.items()
        return codec.set_variable(name, value)
    return codec.execute("MSet", ",".join(f'{name}="{value}"' for name, value in variables.items()))


def _cut(path: str) -> str:
    """The path as far as the channel can carry it, in whole steps."""
    return path if len(path) <= LONGEST_PATH else path[: LONGEST_PATH + 1].rpartition(",")[0]


def _pressed(reply: Reply) -> Pressed:
    """The keys of a ``GET DATA`` answer, or of ``READSTATUS:keys``."""
    status, colon, keys = reply.data.partition(":")
    timed_out = status == ("TIMEOUT" if colon else "timeout")
    keys = keys if colon else reply.result
    if any(key not in KEYS for key in keys):
        raise UnexpectedReply(f"no keys: result={reply.result[:80]} {reply.data[:80]}")
    return Pressed(keys, timed_out=timed_out)
