"""The flow engine: walks a flow (``flow.py``) from one wait to the next. Pure.

``start(flow, entry, …)`` and ``resume(flow, state, event, …)`` give ``(state, instructions)``. The last instruction says what is
waited for: ``Ask`` (keys), ``Look`` (data), ``Keep`` (something is being stored), and the event that answers it resumes the
flow; or ``Give``: the dialplan takes the call, and ``Ended`` resumes the flow when it comes back, perhaps in another process.
``state`` is ``None`` when the call does not come back. The state is small, and it names the flow's version, so a call keeps it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

from ivr_flows import saying
from ivr_flows.errors import FlowError, Unspeakable
from ivr_flows.flow import (
    DIAL_RESULTS,
    NOT_RATED,
    QUEUE_RESULTS,
    QUIET,
    RATINGS,
    Callback,
    Dial,
    Enqueue,
    Fax,
    Flow,
    Gather,
    Goto,
    Hangup,
    Hours,
    Lookup,
    Menu,
    Node,
    Record,
    Say,
    Set,
    Survey,
    is_key,
)
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

MOST_STEPS = 1000
"""Nodes that one call may visit: whoever presses keys for ever goes to the standby path, to an agent."""
LONGEST_VALUE = 1000
"""Characters of a variable: a folder of the knowledge base with eight articles names about 30 prompts."""
_SPOKEN = re.compile(r"^\{([a-z_]+)\|([a-z]+)\}$")
_FIELD = re.compile(r"\{([a-z_]+)\}")
_PROMPT = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?")
_NUMBER = re.compile(r"[0-9]{1,30}")


def start(flow: Flow, entry: str, moment: Moment, variables: Mapping[str, str], *, key: str = "") -> Turn:
    """Enter ``flow``; ``key`` was pressed before it began and answers the first menu when it is a choice there.

    Raises ``FlowError`` when the flow has no such entry or runs in a circle.
    """
    if entry not in flow.entry:
        raise FlowError(f"the flow {flow.name} has no entry {entry!r}")
    early = {"key": key} if is_key(key) else {}
    walk = _Walk(flow, moment, {"language": flow.languages[0], **variables, **early}, {}, 0)
    walk.out.append(Note(f"flow:{flow.identity}"))
    walk.run(flow.entry[entry])
    return walk.turn()


def resume(flow: Flow, state: State, event: Event, moment: Moment) -> Turn:
    """Answer what ``state`` waits for; raises ``FlowError`` when it waits for something else, or the flow is another one."""
    if state.flow != flow.identity:
        raise FlowError(f"a call of flow {state.flow} came to {flow.identity}")
    node = flow.nodes.get(state.node)
    if node is None:
        raise FlowError(f"the flow has no node {state.node!r}")
    walk = _Walk(flow, moment, state.variables, state.visits, state.steps)
    if type(event) is HungUp:
        _hung_up(walk, state, node)
        return walk.turn()
    answer = _ANSWERS.get((type(node), type(event)))
    if answer is None:
        raise FlowError(f"{state.node} ({type(node).__name__}) does not wait for {type(event).__name__}")
    try:
        taken = answer(walk, state, node, event)
    except Unspeakable:
        taken = "error"
    if taken is not None:
        walk.run(walk.leave(state.node, node, taken))
    return walk.turn()


class _Walk:
    """One walk from a wait to the next: the variables as they change, and the instructions so far."""

    __slots__ = ("flow", "gone", "moment", "out", "pending", "state", "steps", "variables", "visits")

    def __init__(self, flow: Flow, moment: Moment, variables: Mapping[str, str], visits: Mapping[str, int], steps: int) -> None:
        self.flow, self.moment, self.steps = flow, moment, steps
        self.variables = dict(variables)
        self.visits = dict(visits)
        self.out: list[Instruction] = []
        self.pending: tuple[str, ...] = ()
        self.gone = False
        self.state: State | None = None

    def turn(self) -> Turn:
        """What ``start`` and ``resume`` give."""
        return self.state, tuple(self.out)

    def run(self, name: str) -> None:
        """Go from node to node until something must be waited for or the call is given away."""
        nodes = self.flow.nodes
        while True:
            node = nodes.get(name)
            if node is None:
                raise FlowError(f"the flow has no node {name!r}")
            self.steps += 1
            if self.steps > MOST_STEPS:
                raise FlowError(f"more than {MOST_STEPS} steps in one call, at {name!r}")
            if self.gone and not isinstance(node, QUIET):
                return
            if node.limit and self._visited(name) > node.limit:
                taken: str | None = "limit"
            else:
                try:
                    taken = _ENTER[type(node)](self, name, node)
                except Unspeakable:
                    taken = "error"
            if taken is None:
                return
            name = self.leave(name, node, taken)

    def _visited(self, name: str) -> int:
        self.visits[name] = self.visits.get(name, 0) + 1
        return self.visits[name]

    def leave(self, name: str, node: Node, taken: str) -> str:
        """Note the exit and give the node behind it; an exit that is not there is an ``error``."""
        after = node.exits.get(taken)
        if after is None:
            taken, after = "error", node.exits.get("error")
            if after is None:
                raise FlowError(f"{name!r} has no exit for what happened, not even error")
        if taken != "next":
            self.out.append(Note(f"{name}:{taken}"))
        return after

    def wait(self, name: str, instruction: Instruction, *, tries: int = 0, asked: str = "") -> None:
        """Stop here until the event that answers ``instruction``."""
        self.out.append(instruction)
        self.state = State(self.flow.identity, name, self.variables, self.visits, self.steps, tries, asked)

    def ask(self, name: str, prompt: tuple[str, ...], longest: int, seconds: int, *, tries: int = 0) -> None:
        """Ask for keys; what was to be said before comes first in the same breath, so that a key interrupts it too."""
        prompts, self.pending = self.pending + self.spoken(prompt), ()
        self.wait(name, Ask(prompts, longest, seconds * 1000), tries=tries)

    def flush(self) -> None:
        """Say what was to be said before something else than a question follows."""
        if self.pending:
            self.out.append(Play(self.pending))
            self.pending = ()

    def give(self, name: str, context: str, variables: Mapping[str, str]) -> None:
        """Hand the call to the dialplan, to have it back with ``Ended``."""
        self.flush()
        self.wait(name, Give(context, variables))

    def spoken(self, prompt: tuple[str, ...]) -> tuple[str, ...]:
        """The names of the prompts to play; raises ``Unspeakable`` for a value that cannot be spoken."""
        if not _has_values(prompt):
            return prompt
        names: list[str] = []
        for item in prompt:
            match = _SPOKEN.match(item)
            names += [item] if match is None else self._value(match[1], match[2])
        return tuple(names)

    def _value(self, variable: str, how: str) -> list[str]:
        value = self.variables.get(variable, "")
        if how in ("prompt", "prompts"):
            names = [name for name in value.split(",") if name]
            if not all(_PROMPT.fullmatch(name) for name in names):
                raise Unspeakable(f"not the name of a prompt: {value[:80]!r}")
            return names
        return list(saying.say(how, value, self.variables.get("language", self.flow.languages[0])))

    def text(self, template: str) -> str:
        """A template with its variables filled in."""
        if "{" not in template:
            return template
        return _FIELD.sub(lambda match: self.variables.get(match[1], ""), template)[:LONGEST_VALUE]


@lru_cache(maxsize=4096)
def _has_values(prompt: tuple[str, ...]) -> bool:
    return any("{" in item for item in prompt)


# --- entering a node: the exit to take at once, or None when something is waited for ---


def _say(walk: _Walk, _: str, node: Say) -> str:
    walk.pending += walk.spoken(node.prompt)
    if node.whole:
        walk.flush()
    return "next"


def _menu(walk: _Walk, name: str, node: Menu) -> str | None:
    key = walk.variables.pop("key", "")
    if key in node.exits:
        walk.pending = ()
        return key
    walk.ask(name, node.prompt, 1, node.timeout_seconds)
    return None


def _gather(walk: _Walk, name: str, node: Gather) -> None:
    walk.variables.pop("key", "")
    walk.ask(name, node.prompt, node.longest, node.timeout_seconds)


def _hours(walk: _Walk, _: str, node: Hours) -> str:
    if node.ask == "situation":
        return walk.moment.situation
    return "open" if walk.moment.staffed else "closed"


def _lookup(walk: _Walk, name: str, node: Lookup) -> None:
    walk.flush()
    arguments = {key: walk.text(value) for key, value in node.arguments.items()}
    walk.wait(name, Look(node.what, arguments, walk.spoken(node.prompt)))


def _record(walk: _Walk, name: str, node: Record) -> None:
    walk.give(name, "message", {"HOTLINE_KIND": node.kind, "HOTLINE_REASON": node.reason})


def _enqueue(walk: _Walk, name: str, node: Enqueue) -> None:
    walk.variables.setdefault("queued_at", walk.moment.at.isoformat())
    walk.give(name, "agents", {"HOTLINE_QUEUE": node.queue})


def _dial(walk: _Walk, name: str, node: Dial) -> str | None:
    number = walk.text(node.number)
    if not _NUMBER.fullmatch(number):
        return "error"
    walk.give(name, "transfer", {"HOTLINE_DIAL": number})
    return None


def _fax(walk: _Walk, name: str, node: Fax) -> str | None:
    document, number = walk.text(node.document), walk.text(node.number)
    if not _PROMPT.fullmatch(document) or (node.number and not _NUMBER.fullmatch(number)):
        return "error"
    if node.number:
        walk.flush()
        walk.wait(name, Keep("fax", {"document": document, "number": number}))
    else:
        walk.give(name, "fax", {"HOTLINE_DOCUMENT": document})
    return None


def _callback(walk: _Walk, name: str, node: Callback) -> str | None:
    number = walk.text(node.number)
    if not _NUMBER.fullmatch(number.removeprefix("+")):
        return "error"
    walk.flush()
    since = walk.variables.get("queued_at", walk.moment.at.isoformat())
    walk.wait(name, Keep("callback", {"number": number, "queue": node.queue, "waiting_since": since}))
    return None


def _survey(walk: _Walk, name: str, node: Survey) -> None:
    walk.variables.pop("key", "")
    walk.ask(name, node.prompt, 1, node.timeout_seconds)


def _set(walk: _Walk, _: str, node: Set) -> str:
    for variable, template in node.values.items():
        walk.variables[variable] = walk.text(template)
    if node.language:
        walk.flush()
        walk.variables["language"] = node.language
        walk.out.append(Speak(node.language))
    if node.tag:
        walk.out.append(Note(f"tag:{node.tag}"))
    if node.disposition:
        walk.out.append(Note(f"disposition:{node.disposition}"))
    return "next"


def _goto(walk: _Walk, _: str, node: Goto) -> str:
    value = walk.variables.get(node.on, "") if node.on else ""
    return value if value in node.exits and value not in ("error", "limit") else "next"


def _hangup(walk: _Walk, _: str, node: Hangup) -> None:
    if not walk.gone:
        walk.pending += walk.spoken(node.prompt)
        walk.flush()
        walk.out.append(Give("hangup"))


_ENTER: dict[type[Node], Callable[[_Walk, str, Any], str | None]] = {
    Say: _say,
    Menu: _menu,
    Gather: _gather,
    Hours: _hours,
    Lookup: _lookup,
    Record: _record,
    Enqueue: _enqueue,
    Dial: _dial,
    Fax: _fax,
    Callback: _callback,
    Survey: _survey,
    Set: _set,
    Goto: _goto,
    Hangup: _hangup,
}


# --- answering what a node waits for: the exit to take, or None when it waits again ---


def _menu_pressed(walk: _Walk, state: State, node: Menu, event: Pressed) -> str | None:
    key = event.keys or ("" if event.timed_out else "#")
    if key and is_key(key) and key in node.exits:
        return key
    failed, prompt = ("invalid", node.invalid_prompt) if key else ("timeout", node.timeout_prompt)
    if state.tries + 1 >= node.tries:
        return failed
    walk.out.append(Note(f"{state.node}:{failed}"))
    walk.pending = walk.spoken(prompt)
    walk.ask(state.node, node.prompt, 1, node.timeout_seconds, tries=state.tries + 1)
    return None


def _gather_pressed(walk: _Walk, state: State, node: Gather, event: Pressed) -> str | None:
    keys = event.keys or ("" if event.timed_out else "#")
    if is_key(keys) and keys in node.exits:
        return keys
    if _NUMBER.fullmatch(keys) and node.shortest <= len(keys) <= node.longest:
        walk.variables[node.into] = keys
        return "match"
    failed, prompt = ("invalid", node.invalid_prompt) if keys else ("timeout", node.timeout_prompt)
    if state.tries + 1 >= node.tries:
        return failed
    walk.out.append(Note(f"{state.node}:{failed}"))
    walk.pending = walk.spoken(prompt)
    walk.ask(state.node, node.prompt, node.longest, node.timeout_seconds, tries=state.tries + 1)
    return None


def _survey_pressed(walk: _Walk, state: State, node: Survey, event: Pressed) -> None:
    rating = RATINGS.get(event.keys)
    if rating is None and event.keys and state.tries + 1 < node.tries:
        walk.out.append(Note(f"{state.node}:invalid"))
        walk.pending = walk.spoken(node.invalid_prompt)
        walk.ask(state.node, node.prompt, 1, node.timeout_seconds, tries=state.tries + 1)
        return
    rating = rating or NOT_RATED
    walk.wait(state.node, Keep("survey", {"rating": rating}), asked=rating)


def _survey_kept(_: _Walk, state: State, __: Survey, event: Kept) -> str:
    if not event.safe:
        return "error"
    return state.asked if state.asked in (NOT_RATED, "dissatisfied") else "rated"


def _looked(walk: _Walk, _: State, __: Lookup, event: Answer) -> str:
    for variable, value in event.values.items():
        walk.variables[variable] = value[:LONGEST_VALUE]
    return event.exit


def _hung_up(walk: _Walk, state: State, node: Node) -> None:
    """The caller is gone: a survey that was under way is stored as not rated, then the exit ``hangup`` is noted and followed."""
    walk.gone = True
    if isinstance(node, Survey) and not state.asked:
        walk.out.append(Keep("survey", {"rating": NOT_RATED}, waits=False))
    if "hangup" in node.exits:
        walk.run(walk.leave(state.node, node, "hangup"))


_ANSWERS: dict[tuple[type[Node], type[Event]], Callable[[_Walk, State, Any, Any], str | None]] = {
    (Menu, Pressed): _menu_pressed,
    (Gather, Pressed): _gather_pressed,
    (Survey, Pressed): _survey_pressed,
    (Survey, Kept): _survey_kept,
    (Lookup, Answer): _looked,
    (Callback, Kept): lambda _, __, ___, event: "kept" if event.safe else "error",
    (Fax, Kept): lambda _, __, ___, event: "queued" if event.safe else "error",
    (Fax, Ended): lambda _, __, ___, event: event.result if event.result in ("sent", "failed") else "error",
    (Record, Ended): lambda _, __, ___, event: event.result if event.result in ("saved", "empty") else "error",
    (Enqueue, Ended): lambda _, __, ___, event: (
        event.result[3:] if is_key(event.result.removeprefix("KEY")) else QUEUE_RESULTS.get(event.result, "error")
    ),
    (Dial, Ended): lambda _, __, ___, event: DIAL_RESULTS.get(event.result, "error"),
}
