"""The flow engine: a flow is data (a table of nodes), and the engine a pure function that walks it to the next wait.

``start(flow, stage, call)`` enters the flow at a stage and ``resume(flow, state, key)`` answers the menu it waits at. Both give
``(state, instructions)``: the instructions end with a ``Gather`` (then ``state`` says where to go on) or with a ``Next`` (then
``state`` is ``None``: the call goes back to the dialplan). There is no instruction that hangs up: a flow cannot do that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never

import msgspec

from ivr_flows.errors import FlowError

KEYS = "0123456789*#"
"""Every key of a telephone: a menu listens to all of them, so that a wrong one is answered and not overheard."""

_LONGEST_WALK = 100


class Call(msgspec.Struct, frozen=True):
    """What a flow may know of the call: the key pressed early, how the queue ended (``QUEUESTATUS``), agents on duty or not."""

    staffed: bool
    key: str = ""
    status: str = ""


# --- instructions: what the telephone side has to do ---


class Say(msgspec.Struct, frozen=True):
    """Play a prompt to its end."""

    prompt: str


class Gather(msgspec.Struct, frozen=True):
    """Play a prompt, which any of ``keys`` interrupts, and wait ``timeout_ms`` after its end for a key."""

    prompt: str
    keys: str
    timeout_ms: int


class Note(msgspec.Struct, frozen=True):
    """One more step of the path through the menu, like ``main:1``."""

    step: str


class Reason(msgspec.Struct, frozen=True):
    """Why the caller will be asked for a message: out_of_hours, no_agents, timed_out, queue_full or fault."""

    reason: str


class Next(msgspec.Struct, frozen=True):
    """The dialplan goes on at this context: agents, message or goodbye."""

    context: str


Instruction = Say | Gather | Note | Reason | Next


# --- nodes: what a flow is made of; ``then``, ``choices`` and the like name other nodes ---


class Play(msgspec.Struct, frozen=True):
    """Say ``prompt`` and go on."""

    prompt: str
    then: str


class Mark(msgspec.Struct, frozen=True):
    """Note ``step`` and go on."""

    step: str
    then: str


class Menu(msgspec.Struct, frozen=True):
    """Ask for one key. A key without a choice and silence are failures; each has a prompt, then the menu is asked again.

    After ``failures`` of them, or ``rounds`` questions in all, the call goes to ``otherwise``. The key pressed before the flow
    began answers the first question when it is a choice, and is forgotten when it is not.
    """

    name: str
    prompt: str
    choices: Mapping[str, str]
    invalid: str
    silent: str
    otherwise: str
    timeout_ms: int = 5000
    failures: int = 3
    rounds: int = 8


class Staffed(msgspec.Struct, frozen=True):
    """Go on by whether agents are on duty."""

    yes: str
    no: str


class QueueEnded(msgspec.Struct, frozen=True):
    """Go on by how ``Queue()`` ended; a status that is not in the table goes to ``otherwise``."""

    by_status: Mapping[str, str]
    otherwise: str


class Leave(msgspec.Struct, frozen=True):
    """Give the call back to the dialplan at ``context``; ``reason`` goes with a call that will leave a message."""

    context: str
    reason: str = ""


Node = Play | Mark | Menu | Staffed | QueueEnded | Leave


class Flow(msgspec.Struct, frozen=True):
    """A whole flow: the node at which each stage begins, and the nodes by name."""

    stages: Mapping[str, str]
    nodes: Mapping[str, Node]


class State(msgspec.Struct, frozen=True):
    """Where a call waits: at which menu, after how many failures and questions."""

    menu: str
    failures: int
    rounds: int
    call: Call


def start(flow: Flow, stage: str, call: Call) -> tuple[State | None, tuple[Instruction, ...]]:
    """Enter ``flow`` at ``stage``; raises ``FlowError`` when the flow has no such stage or is broken."""
    if stage not in flow.stages:
        raise FlowError(f"the flow has no stage {stage!r}")
    return _walk(flow, flow.stages[stage], State(menu="", failures=0, rounds=0, call=call), [])


def resume(flow: Flow, state: State, key: str) -> tuple[State | None, tuple[Instruction, ...]]:
    """Answer the menu at which ``state`` waits with ``key``, one character, or empty when none came in time."""
    menu = flow.nodes[state.menu]
    if not isinstance(menu, Menu):
        raise FlowError(f"{state.menu!r} is not a menu")
    if key in menu.choices:
        return _walk(flow, menu.choices[key], state, [Note(f"{menu.name}:{key}")])
    step, prompt = ("invalid", menu.invalid) if key else ("timeout", menu.silent)
    failed = msgspec.structs.replace(state, failures=state.failures + 1)
    done: list[Instruction] = [Note(f"{menu.name}:{step}")]
    if failed.failures < menu.failures:
        done.append(Say(prompt))
    return _walk(flow, state.menu, failed, done)


def _walk(flow: Flow, name: str, state: State, done: list[Instruction]) -> tuple[State | None, tuple[Instruction, ...]]:
    """Go from node to node until something must be waited for or the flow ends."""
    for _ in range(_LONGEST_WALK):
        node = flow.nodes.get(name)
        match node:
            case Play():
                done.append(Say(node.prompt))
                name = node.then
            case Mark():
                done.append(Note(node.step))
                name = node.then
            case Staffed():
                name = node.yes if state.call.staffed else node.no
            case QueueEnded():
                name = node.by_status.get(state.call.status, node.otherwise)
            case Leave():
                return None, (*done, *([Reason(node.reason)] if node.reason else []), Next(node.context))
            case Menu():
                early = state.call.key[:1] if state.rounds == 0 else ""
                if state.failures >= node.failures or state.rounds >= node.rounds:
                    name = node.otherwise
                elif early in node.choices:
                    state = msgspec.structs.replace(state, rounds=1)
                    done.append(Note(f"{node.name}:{early}"))
                    name = node.choices[early]
                else:
                    waiting = msgspec.structs.replace(state, menu=name, rounds=state.rounds + 1)
                    return waiting, (*done, Gather(node.prompt, KEYS, node.timeout_ms))
            case None:
                raise FlowError(f"the flow has no node {name!r}")
            case _:
                assert_never(node)
    raise FlowError(f"the flow runs in a circle at {name!r}")
