"""One call on the AGI side, without its socket: a flow's instructions to AGI commands, replies to the flow's input. Pure.

``begin()`` and every ``answered(reply)`` give what to do next: a ``Send`` (one command; Asterisk takes one at a time), ``Wait``
(go on listening), or ``End``. Commands are what a call
costs, so variables that come together go as one ``MSet``.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from typing import assert_never

import msgspec

from agi import codec
from agi.codec import Environment, Reply
from agi.errors import UnexpectedReply, UnknownScript
from ivr_flows import engine
from ivr_flows.engine import Flow, Gather, Instruction, Next, Note, Reason, Say, State

STAGES = {"inbound": "inbound", "after-queue": "after-queue"}
"""The script of ``agi://host:port/script`` to the flow's stage; what is not here is refused."""

PROMPT_SECONDS = 60.0
"""No prompt is longer (they are ours); with a margin, how long Asterisk may take to play one."""
MARGIN_SECONDS = 10.0
"""How long Asterisk may take for a command that plays nothing."""


class Send(msgspec.Struct, frozen=True):
    """Send this command line; a peer that has not answered after ``patience`` seconds is given up."""

    line: bytes
    patience: float


class Wait(msgspec.Struct, frozen=True):
    """Nothing to send: the answer is still to come."""


class End(msgspec.Struct, frozen=True):
    """Close the socket. ``finished`` is false when the caller has hung up."""

    finished: bool


Step = Send | Wait | End


class _Command(msgspec.Struct, frozen=True):
    """A command to come; ``asks`` when its result is a key for the flow."""

    line: bytes
    patience: float = MARGIN_SECONDS
    asks: bool = False


def call_of(environment: Environment, *, staffed: bool) -> engine.Call:
    """What the flow may know: the first argument is the early key of ``inbound``, and the queue's status of ``after-queue``."""
    first = environment.argument(1)
    if environment.script == "inbound":
        return engine.Call(staffed=staffed, key=first)
    return engine.Call(staffed=staffed, status=first)


class Session:
    """The talk about one call. Raises ``UnknownScript``, ``UnexpectedReply`` and whatever the flow raises."""

    def __init__(self, flow: Flow, environment: Environment, *, staffed: bool) -> None:
        self._flow = flow
        self._script = environment.script
        self._call = call_of(environment, staffed=staffed)
        self._state: State | None = None
        self._commands: deque[_Command] = deque()
        self._current: _Command | None = None
        self._path: list[str] = []

    def begin(self) -> Step:
        """The first step."""
        stage = STAGES.get(self._script)
        if stage is None:
            raise UnknownScript(f"no script {self._script[:80]!r}")
        self._state, instructions = engine.start(self._flow, stage, self._call)
        self._commands.extend(self._compiled(instructions))
        return self._next()

    def answered(self, reply: Reply) -> Step:
        """The next step, after Asterisk's answer to the command under way."""
        if 100 <= reply.code < 200:
            return Wait()
        command, self._current = self._current, None
        if command is None:
            raise UnexpectedReply(f"an answer to no command: {reply.code}")
        if reply.code == 511 or (reply.code == 200 and reply.result == "-1"):
            return End(finished=False)
        if reply.code != 200 or reply.result == "-2":
            raise UnexpectedReply(f"{reply.code} {reply.result}{reply.text} to {command.line.decode().strip()}")
        if command.asks:
            self._resume(_key(reply))
        return self._next()

    def _resume(self, key: str) -> None:
        if self._state is None:
            raise UnexpectedReply("a key, and no menu that waits for it")
        self._state, instructions = engine.resume(self._flow, self._state, key)
        self._commands.extend(self._compiled(instructions))

    def _next(self) -> Step:
        if not self._commands:
            return End(finished=True)
        self._current = self._commands.popleft()
        return Send(self._current.line, self._current.patience)

    def _compiled(self, instructions: tuple[Instruction, ...]) -> Iterator[_Command]:
        """Instructions to commands. The path goes to Asterisk before the next question or with the last command."""
        variables: dict[str, str] = {}
        for instruction in instructions:
            match instruction:
                case Say():
                    yield _Command(codec.stream_file(instruction.prompt), PROMPT_SECONDS + MARGIN_SECONDS)
                case Note():
                    self._path.append(instruction.step)
                    yield _Command(codec.execute("UserEvent", f"HotlineStep,Step: {instruction.step}"))
                    variables["CHANNEL(userfield)"] = ",".join(self._path)
                case Reason():
                    variables["HOTLINE_REASON"] = instruction.reason
                case Next():
                    variables["HOTLINE_NEXT"] = instruction.context
                case Gather():
                    if variables:
                        yield _Command(set_variables(variables))
                        variables = {}
                    line = codec.get_option(instruction.prompt, instruction.keys, instruction.timeout_ms)
                    yield _Command(line, PROMPT_SECONDS + instruction.timeout_ms / 1000 + MARGIN_SECONDS, asks=True)
                case _:
                    assert_never(instruction)
        if variables:
            yield _Command(set_variables(variables))


def set_variables(variables: dict[str, str]) -> bytes:
    """One command that sets them all; the values are ours, without quotes or dollars."""
    if len(variables) == 1:
        [(name, value)] = variables.items()
        return codec.set_variable(name, value)
    return codec.execute("MSet", ",".join(f'{name}="{value}"' for name, value in variables.items()))


def _key(reply: Reply) -> str:
    """The key of a ``GET OPTION`` answer: its result is a character code, 0 for none in time."""
    if reply.result == "0":
        return ""
    if reply.result.isascii() and reply.result.isdecimal() and int(reply.result) < 128:
        return chr(int(reply.result))
    raise UnexpectedReply(f"no key: result={reply.result[:80]}")
