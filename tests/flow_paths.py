"""Ways through a flow for real calls: for every exit of every node a call that takes it, with the times to press the keys.

The flow itself is the map. ``Phase`` says what the world is like (which exits it allows) and what to enter to get an answer;
``calls`` finds the shortest way to each exit, walks it in the engine, and times the keys by the lengths of the prompts.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence, Set

import msgspec

from agi import takes
from hotline.phones.plan import Press
from ivr_flows import engine, lookups, walking
from ivr_flows.flow import (
    DIAL_RESULTS,
    QUEUE_RESULTS,
    AnyNode,
    Dial,
    Enqueue,
    Flow,
    Goto,
    Lookup,
    Menu,
    Record,
    Survey,
    is_key,
    required,
)
from ivr_flows.lookups import Answer
from ivr_flows.turns import Ask, Ended, Event, Give, Instruction, Keep, Kept, Look, Moment, Note, Play, Pressed, Speak, State

Edge = tuple[str, str]
"""A node and the exit taken."""
Seconds = Callable[[str, str], float]
"""How long a prompt lasts in a language."""

KEY_SECONDS = 0.4
"""From one key to the next."""
REACTION_SECONDS = 1.0
"""From the end of a prompt to the first key: late rather than early, since a key may come while something else is played."""
BETWEEN_SECONDS = 0.05
"""Asterisk listens for so long after each prompt of a question (main/app.c)."""
STARTING_SECONDS = 0.3
"""The script that takes messages begins to speak."""
END_SECONDS = 1.5
"""How long a caller stays once there is nothing more to do."""
LONGEST_END_SECONDS = 8.0
"""How long a caller stays at most who has to be asked something first: a busy machine comes to it late."""


class Phase(msgspec.Struct, frozen=True, kw_only=True):
    """What the world is like while some calls are made.

    ``only``: the exits that these nodes can take now (all others: any). ``entries``: what to enter at which node so that an exit
    is taken, ``usual``: what to enter otherwise; ``caller`` among them is the kind of caller, and ``{caller}`` the caller's own
    number. ``number`` gives a number to call from. ``answer``: what a look-up answers (``forced``: what one node's will by then),
    ``keeps``: whether things can be kept. ``seconds``: how long the dialplan keeps a call for an exit of a node, ``lasts`` how
    long a prompt is. ``begin``: when the flow begins, in seconds after the first sound.
    """

    name: str
    moment: Moment
    number: Callable[[str], str]
    only: Mapping[str, Sequence[str]]
    entries: Mapping[Edge, Mapping[str, str]]
    answer: Callable[[str, Mapping[str, str], str], Answer]
    keeps: bool = True
    forced: Mapping[str, str] = {}
    usual: Mapping[str, str] = {}
    seconds: Mapping[Edge, float]
    lasts: Seconds
    begin: float


class Trip(msgspec.Struct, kw_only=True):
    """One call to make: where from, the keys and their times (after the first sound), how long to stay, what is to happen."""

    caller: str
    presses: list[Press]
    stay_seconds: float
    steps: list[str]
    """The path that the record must show, before the hang-up."""
    edges: set[Edge]
    given: bool
    """Whether the dialplan had the call at the end: what it did then is not foretold."""
    heard: list[tuple[str, str, str, float]]
    """Prompts played to their end: node that asked or said them, language, name, and when they begin."""


def exits(flow: Flow) -> set[Edge]:
    """Every exit that can be taken at all."""
    found: set[Edge] = set()
    for name, node in flow.nodes.items():
        needed = required(node, lookups.EXITS)
        for taken in node.exits:
            if taken == "error" and not walking.may_fail(node):
                continue
            if taken in needed or is_key(taken) or isinstance(node, Goto):
                found.add((name, taken))
    return found


def ways(flow: Flow, entry: str, phase: Phase) -> dict[Edge, list[Edge]]:
    """The shortest way to each exit that this phase allows, as the exits taken one after another."""
    real, first = exits(flow), flow.entry[entry]
    found: dict[Edge, list[Edge]] = {}
    ahead: deque[tuple[str, list[Edge]]] = deque([(first, [])])
    seen = {first}
    while ahead:
        name, way = ahead.popleft()
        for taken, target in flow.nodes[name].exits.items():
            edge = (name, taken)
            longer = [*way, edge]
            if (
                edge not in real
                or edge in found
                or not _allowed(flow.nodes[name], edge, phase)
                or _entered(phase, longer) is None
            ):
                continue
            found[edge] = longer
            if target not in seen and taken != "hangup":
                seen.add(target)
                ahead.append((target, longer))
    return found


def trips(flow: Flow, entry: str, phase: Phase, wanted: set[Edge], checked: set[str]) -> list[Trip]:
    """Calls that together take every exit of ``wanted`` that this phase allows; the longest ways first, none for nothing.

    ``checked``: nodes whose prompts need not be heard any more; it grows.
    """
    possible = {edge: way for edge, way in ways(flow, entry, phase).items() if edge in wanted}
    made: list[Trip] = []
    for edge, way in sorted(possible.items(), key=lambda item: -len(item[1])):
        if any(edge in trip.edges for trip in made):
            continue
        trip = travel(flow, entry, phase, way, checked)
        checked |= {node for node, *_ in trip.heard}
        made.append(trip)
    return made


def travel(flow: Flow, entry: str, phase: Phase, way: Sequence[Edge], checked: Set[str] = frozenset()) -> Trip:
    """One call along ``way``. Prompts of nodes in ``checked`` are interrupted as soon as they may be."""
    walker = _Walker(flow, phase, way, checked)
    walker.walk(entry)
    return Trip(
        caller=walker.caller,
        presses=walker.presses,
        stay_seconds=walker.at + walker.end,
        steps=walker.steps,
        edges=walker.edges,
        given=walker.given,
        heard=walker.heard,
    )


def _allowed(node: AnyNode, edge: Edge, phase: Phase) -> bool:
    name, taken = edge
    if name in phase.only:
        return taken in phase.only[name]
    return taken not in ("limit", "error") and not (isinstance(node, Lookup) and taken in ("timeout", "hangup"))


def _entered(phase: Phase, way: Sequence[Edge]) -> dict[str, str] | None:
    """Everything to be entered on this way; None when two of its exits want different things."""
    entered: dict[str, str] = {}
    for edge in way:
        for node, value in phase.entries.get(edge, {}).items():
            if entered.setdefault(node, value) != value:
                return None
    return entered


class _Walker:
    """Walks the engine along a way and keeps the clock: ``at`` is seconds after the first sound."""

    def __init__(self, flow: Flow, phase: Phase, way: Sequence[Edge], checked: Set[str]) -> None:
        self._flow, self._phase, self._seconds, self._checked = flow, phase, phase.lasts, checked
        self._way = deque(way)
        self._entered = {**phase.usual, **(_entered(phase, way) or {})}
        self._language = flow.languages[0]
        self.caller = phase.number(self._entered.pop("caller", "plain"))
        self._entered = {node: digits.replace("{caller}", self.caller) for node, digits in self._entered.items()}
        self.at = phase.begin
        self.end = END_SECONDS
        self.edges = set(way)
        self.given = False
        self.presses: list[Press] = []
        self.heard: list[tuple[str, str, str, float]] = []
        self.steps: list[str] = []

    def walk(self, entry: str) -> None:
        """From the beginning to the end of the way; who then still listens to the flow hangs up there."""
        variables = {"caller": self.caller if self.caller.isdigit() else ""}
        state, told = engine.start(self._flow, entry, self._phase.moment, variables)
        while True:
            waiting = self._told(state, told)
            while state is not None and self._way and self._way[0][0] != state.node:
                self._way.popleft()
            if state is None or waiting is None or self._done(state, waiting):
                return
            taken = self._way[0][1] if self._way else None
            event = self._event(state, self._flow.nodes[state.node], waiting, taken)
            state, told = engine.resume(self._flow, state, event, self._phase.moment)
            if self._way and not self._asks_again(state, told):
                self._way.popleft()

    def _done(self, state: State, waiting: Instruction) -> bool:
        """Whether the caller hangs up here: at the end of the way, once the flow asks something or has given the call away."""
        if self._way and self._way[0][1] != "hangup":
            return False
        if not self._way and not isinstance(waiting, Ask | Give):
            return False
        self.given = isinstance(waiting, Give)
        if isinstance(waiting, Ask):
            asked = sum(self._seconds(prompt, self._language) for prompt in waiting.prompts) + waiting.timeout_ms / 1000
            self.end = max(END_SECONDS, min(asked / 2, LONGEST_END_SECONDS))
        if not self.given:
            self.steps.append(f"{state.node}:hangup")
            self.edges.add((state.node, "hangup"))
        return True

    def _asks_again(self, state: State | None, told: tuple[Instruction, ...]) -> bool:
        """The key was wrong or none came, and the same node asks once more."""
        return state is not None and state.node == self._way[0][0] and state.tries > 0 and isinstance(told[-1], Ask)

    def _told(self, state: State | None, told: tuple[Instruction, ...]) -> Instruction | None:
        """Take in what the flow says; gives what it waits for."""
        last: Instruction | None = None
        for instruction in told:
            match instruction:
                case Note():
                    self.steps.append(instruction.step)
                case Play():
                    self._hear(state.node if state else "", instruction.prompts)
                case Speak():
                    self._language = instruction.language
                case _:
                    last = instruction
        return last

    def _hear(self, node: str, prompts: tuple[str, ...]) -> None:
        """Prompts to their end."""
        for prompt in prompts:
            if node not in self._checked:
                self.heard.append((node, self._language, prompt, self.at))
            self.at += self._seconds(prompt, self._language)

    def _press(self, keys: str) -> None:
        for key in keys:
            self.presses.append(Press(round(self.at * 1000), key))
            self.at += KEY_SECONDS

    def _event(self, state: State, node: AnyNode, waiting: Instruction, taken: str | None) -> Event:
        """What makes the node be left by ``taken``, or brings it nearer; without one, what happens by itself."""
        match waiting:
            case Look():
                forced = self._phase.forced.get(state.node)
                answer = Answer(forced) if forced else self._phase.answer(waiting.what, waiting.arguments, self.caller)
                assert taken in (None, answer.exit), f"{state.node} gives {answer.exit} instead of {taken}"
                self.at += 5.3 if answer.exit == "timeout" else 0.2
                return answer
            case Keep():
                self.at += 0.2
                return Kept(self._phase.keeps)
            case Ask() if taken is not None:
                return self._answer(state, node, waiting, taken)
            case Give() if taken is not None:
                return self._given(state.node, node, taken)
            case _:
                raise AssertionError(waiting)

    def _answer(self, state: State, node: AnyNode, ask: Ask, taken: str) -> Pressed:
        keys = self._keys(state.node, node, taken)
        if state.node in self._checked and keys:
            self.at += REACTION_SECONDS
        else:
            self._hear(state.node, ask.prompts)
            self.at += BETWEEN_SECONDS * len(ask.prompts)
            self.at += REACTION_SECONDS if keys else 0.0
        if not keys:
            self.at += ask.timeout_ms / 1000 + 0.1
            return Pressed("", timed_out=True)
        self._press(keys + ("#" if len(keys) < ask.longest else ""))
        return Pressed(keys)

    def _keys(self, name: str, node: AnyNode, taken: str) -> str:
        """The keys for an exit; none: silence."""
        if is_key(taken):
            return taken
        match taken, node:
            case ("timeout" | "not_rated", _):
                return ""
            case ("invalid", Menu()):
                return next(key for key in "73*146" if key not in node.exits)
            case ("invalid", _):
                return "**"
            case ("match", _):
                return self._entered.get(name, "1")
            case (_, Survey()):
                return "4" if taken == "dissatisfied" else "1"
        raise AssertionError((name, taken))

    def _given(self, name: str, node: AnyNode, taken: str) -> Ended:
        """The dialplan has the call for a while."""
        match node:
            case Record():
                return Ended(self._recorded(node, taken))
            case Enqueue() if is_key(taken):
                self.at += 3.0
                self._press(taken)
                return Ended(f"KEY{taken}")
        self.at += self._phase.seconds.get((name, taken), 0.15)
        results = {**{v: k for k, v in QUEUE_RESULTS.items()}, **{"answered": "CONTINUE"}} if isinstance(node, Enqueue) else {}
        if isinstance(node, Dial):
            results = {v: k for k, v in DIAL_RESULTS.items()}
        return Ended(results.get(taken, taken))

    def _recorded(self, node: Record, taken: str) -> str:
        """Guidance, tone, words; too few of them are asked for twice."""
        if taken == "error":
            self.at += (
                0.8 + self._seconds(takes.GUIDES[node.kind], self._language) + self._seconds("message-not-saved", self._language)
            )
            return "failed"
        self.at += (
            STARTING_SECONDS + self._seconds(takes.GUIDES[node.kind], self._language) + self._seconds("beep", self._language)
        )
        if taken == "saved":
            self.at += 3.5
            self._press("#")
            self.at += 1.5
            self._press("#")
            self.at += self._seconds("message-saved", self._language)
            return "saved"
        self.at += 0.6
        self._press("#")
        self.at += self._seconds("message-too-short", self._language) + self._seconds("beep", self._language) + 0.6
        self._press("#")
        self.at += 0.5
        return "empty"
