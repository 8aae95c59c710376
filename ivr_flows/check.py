"""What a flow means as a whole: can every node be reached, does every exit lead somewhere, can it ever go round for ever. Pure.

``check(flow, text, world)`` gives every problem with its line. What single values mean (prompts, variables, look-ups, keys of the
queue) is in ``check_values.py``. A flow with a problem is never used for a call.
"""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterable, Iterator

import msgspec

from ivr_flows import check_values, walking
from ivr_flows import flow as grammar
from ivr_flows.check_values import World
from ivr_flows.errors import Problem
from ivr_flows.flow import Flow, Goto, Menu
from ivr_flows.lookups import EXITS
from ivr_flows.problems import problem
from ivr_flows.reading import Lines, may_have, verb_of

__all__ = ["World", "check"]

Rule = Callable[["Subject"], Iterable[Problem]]


class Subject(msgspec.Struct, frozen=True):
    """A flow and where things stand in its file."""

    flow: Flow
    lines: Lines

    def at(self, node: str, key: str = "") -> int:
        """The line of a node, or of one of its fields."""
        return self.lines.key(f"nodes.{node}", key) if key else self.lines.table(f"nodes.{node}")

    def exit_at(self, node: str, name: str) -> int:
        """The line of an exit, which may stand in a table of defaults."""
        verb = verb_of(self.flow.nodes[node])
        for table in (f"nodes.{node}", f"exits.{verb}", "exits.all"):
            if line := self.lines.found(table, name):
                return line
        return self.at(node)

    def guess(self, target: str) -> dict[str, str]:
        """The name that was probably meant, as the end of a sentence."""
        near = difflib.get_close_matches(target, self.flow.nodes, n=1)
        return {"guess_zh": f"（是 {near[0]} 吗？）" if near else "", "guess_en": f" (is it {near[0]}?)" if near else ""}


def check(flow: Flow, text: str, world: World) -> list[Problem]:
    """Everything that is wrong with ``flow``, in the order of its file's ``text``; nothing when calls may use it."""
    subject = Subject(flow, Lines(text))
    found = [one for rule in _RULES for one in rule(subject)]
    return sorted({*found, *check_values.problems(flow, world, subject.at)})


def _entries(subject: Subject) -> Iterator[Problem]:
    flow = subject.flow
    if "inbound" not in flow.entry:
        yield problem("no_inbound", subject.lines.table("entry"))
    for entry, node in flow.entry.items():
        if node not in flow.nodes:
            yield problem("entry_nowhere", subject.lines.key("entry", entry), entry=entry, node=node, **subject.guess(node))


def _exits(subject: Subject) -> Iterator[Problem]:
    for name, node in subject.flow.nodes.items():
        verb, needed = verb_of(node), grammar.required(node, EXITS)
        for missing in (one for one in needed if one not in node.exits):
            yield problem("missing_exit", subject.at(name), node=name, verb=verb, exit=missing)
        for exit_name, target in node.exits.items():
            if not may_have(node, exit_name):
                code = "limit_exit" if exit_name == "limit" else "unknown_exit"
                line, known = subject.exit_at(name, exit_name), ", ".join(needed) or "-"
                yield problem(code, line, node=name, verb=verb, exit=exit_name, known=known)
            elif target not in subject.flow.nodes:
                line = subject.exit_at(name, exit_name)
                yield problem("exit_nowhere", line, node=name, exit=exit_name, target=target, **subject.guess(target))


def _choices(subject: Subject) -> Iterator[Problem]:
    """A menu needs a key, and a ``goto`` by a variable a value."""
    for name, node in subject.flow.nodes.items():
        if isinstance(node, Menu) and not any(grammar.is_key(one) for one in node.exits):
            yield problem("no_key", subject.at(name), node=name)
        if isinstance(node, Goto) and node.on is not None and not set(node.exits) - {"next", "error", "limit"}:
            yield problem("no_values", subject.at(name, "on"), node=name)


def _reach(subject: Subject) -> Iterator[Problem]:
    reached = walking.reached(subject.flow, subject.flow.entry.values())
    for name in subject.flow.nodes:
        if name not in reached:
            yield problem("unreachable", subject.at(name), node=name)


def _hang_ups(subject: Subject) -> Iterator[Problem]:
    """After a hang-up nobody can be talked to."""
    for name, origin in walking.after_hang_ups(subject.flow).items():
        node = subject.flow.nodes[name]
        if not isinstance(node, grammar.QUIET):
            yield problem("not_quiet", subject.exit_at(*origin), node=name, verb=verb_of(node), origin=":".join(origin))


def _circles(subject: Subject) -> Iterator[Problem]:
    """A loop that turns without the caller doing anything, or being served."""
    for circle in walking.idle_circles(subject.flow):
        yield problem("endless", subject.exit_at(*circle[0]), way=_way(circle))


def _way(circle: list[tuple[str, str]]) -> str:
    shown = [f"{node}:{taken}" for node, taken in circle]
    return " → ".join([*(shown if len(shown) <= 6 else [*shown[:5], "…"]), circle[0][0]])


_RULES: tuple[Rule, ...] = (_entries, _exits, _choices, _reach, _hang_ups, _circles)
