"""A flow file to a ``Flow``: TOML, types, names, defaults; every fault is found in one go, with its line. Pure.

The file has ``spec = 1``, ``title``, ``english``, ``languages``, the tables ``[entry]`` and ``[exits.<verb>]`` (exits of every
node of that verb that does not list its own; ``[exits.all]``: of every node that has such an exit), and one table
``[nodes.<name>]`` per node. What a flow means as a whole (can every node be reached, does it ever end) is ``check.py``'s matter.
"""

from __future__ import annotations

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from typing import Any, Literal

import msgspec

from ivr_flows import flow as grammar
from ivr_flows.errors import Problem
from ivr_flows.flow import AnyNode, Flow, Name
from ivr_flows.lookups import EXITS
from ivr_flows.problems import problem

LARGEST_BYTES = 1024 * 1024
_HEADER = re.compile(r"^\s*\[\s*([^\[\]]+?)\s*\]")
_WHERE = re.compile(r"^(.*?) - at `\$\.?(.*)`$")
_UNKNOWN = re.compile(r"Object contains unknown field `(.+?)`")
_PLACE = re.compile(r"\(at line (\d+), column (\d+)\)")

Defaults = Mapping[str, Mapping[str, str]]


class _Source(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The tables of the file, before their content is looked at."""

    spec: Literal[1]
    title: str
    english: str
    languages: tuple[grammar.Language, ...] = ("zh", "en")
    entry: dict[Name, str]
    exits: dict[str, dict[str, str]] = {}
    nodes: dict[str, Any]


class Lines:
    """Where things stand in the file, found by the table headers and keys as they are usually written."""

    def __init__(self, text: str) -> None:
        self._rows = text.splitlines()
        self._tables: dict[str, int] = {}
        for number, row in enumerate(self._rows, start=1):
            if match := _HEADER.match(row):
                self._tables.setdefault(_plain(match[1]), number)

    def table(self, name: str) -> int:
        """The line of ``[name]``, or of the nearest table above it; 1 when there is none."""
        while name not in self._tables and "." in name:
            name = name.rpartition(".")[0]
        return self._tables.get(name, 1)

    def key(self, table: str, key: str) -> int:
        """The line on which ``key`` is set in the table or mentioned in it; the table's own line when it is not found."""
        return self.found(table, key) or self.table(table)

    def found(self, table: str, key: str) -> int:
        """The line on which ``key`` is set in the table, 0 when it is not."""
        first = self.table(table)
        pattern = re.compile(rf"(^|[\s{{,.])[\"']?{re.escape(key)}[\"']?\s*[=.]")
        for number in range(first, len(self._rows) + 1):
            row = self._rows[number - 1]
            if number > first and (match := _HEADER.match(row)) and not f"{_plain(match[1])}.".startswith(f"{table}."):
                break
            if pattern.search(row):
                return number
        return 0


def read(name: str, text: str) -> tuple[Flow | None, list[Problem]]:
    """The flow of a file's ``text`` and everything that is wrong with its form; no flow when anything is."""
    encoded = text.encode("utf-8", "replace")
    if len(encoded) > LARGEST_BYTES:
        return None, [problem("too_large", 1, size=len(encoded), most=LARGEST_BYTES)]
    lines = Lines(text)
    try:
        source = msgspec.convert(tomllib.loads(text), _Source, strict=True)
    except RecursionError:
        return None, [problem("too_deep", 1)]
    except msgspec.ValidationError as error:
        return None, [_misfit(str(error), "", lines)]
    except ValueError as error:  # tomllib's own, and int's for thousands of digits
        return None, [_not_toml(str(error))]
    problems = [] if re.fullmatch(grammar.NAME, name) else [problem("bad_name", 1, name=name)]
    if len(set(source.languages)) != max(1, len(source.languages)):
        problems.append(problem("no_languages", lines.key("", "languages")))
    read_nodes = {key: _node(key, table, lines, problems) for key, table in source.nodes.items()}
    nodes = {key: node for key, node in read_nodes.items() if node is not None}
    problems += _bad_defaults(source.exits, nodes, lines)
    if problems:
        return None, sorted(problems)
    complete = {key: _with_defaults(node, source.exits) for key, node in nodes.items()}
    version = hashlib.sha256(encoded).hexdigest()[:8]
    return Flow(name, version, source.title, source.english, source.languages, source.entry, complete, text), []


def verb_of(node: grammar.Node) -> str:
    """The verb as the file writes it."""
    return type(node).__name__.lower()


def may_have(node: AnyNode, exit_name: str) -> bool:
    """Whether a node can leave by an exit of this name."""
    if grammar.is_key(exit_name):
        return grammar.takes_keys(node) or grammar.takes_any_exit(node)
    return exit_name in grammar.required(node, EXITS) or grammar.takes_any_exit(node)


def _node(key: str, table: Any, lines: Lines, problems: list[Problem]) -> AnyNode | None:
    where = f"nodes.{key}"
    if not re.fullmatch(grammar.NAME, key):
        problems.append(problem("bad_name", lines.table(where), name=key))
        return None
    verb = table.get("verb") if isinstance(table, dict) else None
    if not isinstance(verb, str) or verb not in grammar.VERBS:
        known = ", ".join(grammar.VERBS)
        problems.append(problem("unknown_verb", lines.key(where, "verb"), node=key, verb=repr(verb)[:40], known=known))
        return None
    try:
        node: AnyNode = msgspec.convert(table, AnyNode, strict=True)
    except msgspec.ValidationError as error:
        problems.append(_misfit(str(error), where, lines))
        return None
    return node


def _with_defaults(node: AnyNode, defaults: Defaults) -> AnyNode:
    """The node with the exits of the file's tables where it has none of its own."""
    exits: dict[str, str] = {}
    for table in ("all", verb_of(node)):
        exits |= {name: target for name, target in defaults.get(table, {}).items() if _takes(node, name, table)}
    return msgspec.structs.replace(node, exits={**exits, **node.exits})


def _takes(node: AnyNode, exit_name: str, table: str) -> bool:
    """Whether a default is for this node: the values of a ``goto`` and the keys of a queue stand in a table of their verb."""
    if table == "all" and ((isinstance(node, grammar.Enqueue) and grammar.is_key(exit_name)) or grammar.takes_any_exit(node)):
        return exit_name in grammar.required(node, EXITS)
    return may_have(node, exit_name)


def _bad_defaults(exits: Defaults, nodes: Mapping[str, AnyNode], lines: Lines) -> Iterator[Problem]:
    """Tables of defaults for no verb, and exits in them that no node has."""
    known = ("all", *grammar.VERBS)
    for table, names in exits.items():
        if table not in known:
            yield problem("unknown_default", lines.table(f"exits.{table}"), name=table, known=", ".join(known))
            continue
        those = [node for node in nodes.values() if table in ("all", verb_of(node))]
        for name in names:
            if those and name not in ("error", "hangup", "limit") and not any(_takes(node, name, table) for node in those):
                yield problem("idle_default", lines.key(f"exits.{table}", name), name=table, exit=name)


def _not_toml(text: str) -> Problem:
    """TOML's own complaint; a key of a menu that is there twice is one of them."""
    match = _PLACE.search(text)
    what = text[: match.start()].strip() if match else text
    line = int(match[1]) if match else 1
    is_twice = any(word in what for word in ("overwrite", "twice", "Duplicate"))
    return problem("twice" if is_twice else "not_toml", line, detail=what)


def _misfit(text: str, where: str, lines: Lines) -> Problem:
    """What msgspec says, with the place in the file's own words."""
    match = _WHERE.match(text)
    what, place = (match[1], match[2]) if match else (text, "")
    unknown = _UNKNOWN.search(what)
    key = unknown[1] if unknown else re.sub(r"\[.*", "", place).rpartition(".")[2]
    path = ".".join(part for part in (where, place) if part)
    line = lines.key(where, key) if key else lines.table(where)
    subject = (path or "flow").removeprefix("nodes.")
    if unknown:
        return problem("unknown_field", line, where=subject, field=key)
    return problem("misfit", line, where=subject, detail=what)


def _plain(header: str) -> str:
    """The name of a table without blanks and quotes."""
    return re.sub(r"[\s\"']", "", header)
