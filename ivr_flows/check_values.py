"""What the values in a flow's nodes mean: prompts, spoken values, variables, look-ups, queues and their keys. Pure."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping

import msgspec

from ami_bridge.dispositions import BY_FLOW
from ivr_flows import saying
from ivr_flows.errors import Problem
from ivr_flows.flow import QUEUES, AnyNode, Callback, Dial, Enqueue, Fax, Flow, Gather, Goto, Lookup, Node, Set, is_key
from ivr_flows.lookups import LOOKUPS
from ivr_flows.problems import problem

KNOWN_AT_START = ("caller", "language", "queued_at", "result")
"""Variables that the engine itself gives."""
HOWS = (*sorted(saying.MANNERS), "prompt", "prompts")
"""The ways to say a variable."""
PROMPT_FIELDS = ("prompt", "invalid_prompt", "timeout_prompt")
TEMPLATE_FIELDS = ("number", "document")

_NAME = re.compile(r"[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?")
_SPOKEN = re.compile(r"\{([a-z_]+)\|([a-z]+)\}")
_FIELD = re.compile(r"\{([a-z_]+)\}")

At = Callable[..., int]
"""Node and field to the line."""


class World(msgspec.Struct, frozen=True):
    """What a flow may name: prompts, to the languages of their texts and of their recordings; queues, to their names in Chinese
    and in English; and the keys of a queue."""

    texts: Mapping[str, frozenset[str]]
    audio: Mapping[str, frozenset[str]]
    exit_keys: str = "12"
    queues: Mapping[str, tuple[str, str]] = QUEUES


def problems(flow: Flow, world: World, at: At) -> Iterator[Problem]:
    """What is wrong with single values."""
    known = {*KNOWN_AT_START, *set_somewhere(flow)}
    for name, node in flow.nodes.items():
        yield from _prompts(name, node, flow.languages, world, at)
        yield from _used(name, node, known, at)
        if isinstance(node, Enqueue | Callback) and node.queue not in world.queues:
            guess, queues = _guess(node.queue, world.queues), ", ".join(world.queues)
            yield problem("unknown_queue", at(name, "queue"), node=name, queue=node.queue, known=queues, **guess)
        match node:
            case Gather() if node.shortest > node.longest:
                yield problem("shortest", at(name, "shortest"), node=name, shortest=node.shortest, longest=node.longest)
            case Lookup():
                yield from _lookup(name, node, at)
            case Enqueue():
                yield from _keys(name, node, "after-queue" in flow.entry, world, at)
            case Set() if node.disposition and node.disposition not in BY_FLOW:
                wrong, known_ones = node.disposition, _list(BY_FLOW)
                yield problem("unknown_disposition", at(name, "disposition"), node=name, disposition=wrong, known=known_ones)
            case _:
                pass


def set_somewhere(flow: Flow) -> Iterator[str]:
    """The variables that nodes of the flow set."""
    for node in flow.nodes.values():
        match node:
            case Gather():
                yield node.into
            case Lookup() if node.what in LOOKUPS:
                yield from LOOKUPS[node.what].results
            case Set():
                yield from node.values
            case _:
                pass


def prompts_of(node: Node) -> Iterator[tuple[str, str]]:
    """Every item of a node's prompt lists, with its field."""
    for field in PROMPT_FIELDS:
        for item in getattr(node, field, ()):
            yield field, item


def templates_of(node: Node) -> Iterator[tuple[str, str]]:
    """Every text of a node that may hold variables, with its field."""
    for field in TEMPLATE_FIELDS:
        if text := getattr(node, field, ""):
            yield field, text
    for table in (node.values if isinstance(node, Set) else {}, node.arguments if isinstance(node, Lookup) else {}):
        yield from table.items()


def _prompts(name: str, node: Node, languages: Iterable[str], world: World, at: At) -> Iterator[Problem]:
    for field, item in prompts_of(node):
        if "{" in item:
            continue
        if not _NAME.fullmatch(item):
            yield problem("bad_item", at(name, field), node=name, item=item)
        elif item not in world.texts and item not in world.audio:
            yield problem("no_prompt", at(name, field), node=name, prompt=item, **_guess(item, world.texts))
        else:
            for language in languages:
                for code, there in (("no_text", world.texts), ("no_audio", world.audio)):
                    if language not in there.get(item, ()):
                        yield problem(code, at(name, field), node=name, prompt=item, language=language)


def _used(name: str, node: AnyNode, known: set[str], at: At) -> Iterator[Problem]:
    """Variables that are used: spoken, filled in, or gone by."""
    used: list[tuple[str, str]] = [("on", node.on)] if isinstance(node, Goto) and node.on else []
    for field, item in prompts_of(node):
        if "{" in item:
            match = _SPOKEN.fullmatch(item)
            if not match:
                yield problem("bad_item", at(name, field), node=name, item=item)
                continue
            used.append((field, match[1]))
            if match[2] not in HOWS:
                yield problem("unknown_how", at(name, field), node=name, item=item, how=match[2], known=", ".join(HOWS))
    for field, text in templates_of(node):
        used += [(field, variable) for variable in _FIELD.findall(text)]
        if re.search(r"[{}]", _FIELD.sub("", text)):
            yield problem("bad_template", at(name, field), node=name, item=text)
        elif "{" not in text and _is_unfit(node, field, text):
            yield problem("bad_number", at(name, field), node=name, item=text)
    for field, variable in used:
        if variable not in known:
            yield problem("unknown_variable", at(name, field), node=name, variable=variable, known=_list(known))


def _is_unfit(node: Node, field: str, text: str) -> bool:
    return field == "number" and isinstance(node, Dial | Fax | Callback) and not (text.isascii() and text.isdigit())


def _lookup(name: str, node: Lookup, at: At) -> Iterator[Problem]:
    question = LOOKUPS.get(node.what)
    if question is None:
        yield problem("unknown_lookup", at(name, "what"), node=name, what=node.what, known=_list(LOOKUPS))
        return
    for argument in node.arguments:
        if argument not in question.arguments:
            known = ", ".join(question.arguments) or "-"
            yield problem("unknown_argument", at(name, argument), node=name, what=node.what, argument=argument, known=known)


def _keys(name: str, node: Enqueue, is_by_entry: bool, world: World, at: At) -> Iterator[Problem]:
    """The keys of the queue; a flow that is entered anew after the queue (``after-queue``) has them elsewhere."""
    keys = world.exit_keys
    for key in node.exits:
        if is_key(key) and key not in keys:
            yield problem("key_not_offered", at(name, key), node=name, key=key, keys=keys or "-")
    for key in "" if is_by_entry else keys:
        if key not in node.exits:
            yield problem("key_not_led", at(name), node=name, key=key, keys=keys)


def _guess(wanted: str, known: Iterable[str]) -> dict[str, str]:
    near = difflib.get_close_matches(wanted, known, n=1)
    return {"guess_zh": f"（是 {near[0]} 吗？）" if near else "", "guess_en": f" (is it {near[0]}?)" if near else ""}


def _list(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))
