"""The ways through a flow, without walking it: what can be reached, what follows a hang-up, what goes round by itself. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from ivr_flows.flow import (
    QUIET,
    TALKING,
    Dial,
    Enqueue,
    Fax,
    Flow,
    Gather,
    Goto,
    Hours,
    Menu,
    Node,
    Record,
    Say,
    Set,
    Survey,
    is_key,
)

Step = tuple[str, str]
"""A node and the exit taken."""
Edges = Mapping[str, list[tuple[str, str]]]
"""A node to the exits that it has and the nodes behind them, in their order."""

SERVED: Mapping[type[Node], frozenset[str]] = {
    Gather: frozenset({"match"}),
    Survey: frozenset({"rated", "dissatisfied"}),
    Record: frozenset({"saved"}),
    Enqueue: frozenset({"answered", "timeout"}),
    Dial: frozenset({"answered"}),
    Fax: frozenset({"sent"}),
}
"""Exits by which the caller has done something or has been served; so are all keys of a menu, a gather and a queue."""


def ways(node: Node) -> Iterator[tuple[str, str]]:
    """The exits that a node can really take, with what is behind them."""
    for name, target in node.exits.items():
        is_never = {"hangup": not isinstance(node, TALKING), "limit": not node.limit, "error": not may_fail(node)}
        if not is_never.get(name, False):
            yield name, target


def reached(flow: Flow, begin: Iterable[str]) -> set[str]:
    """Every node that can be come to."""
    seen: set[str] = set()
    ahead = [name for name in begin if name in flow.nodes]
    while ahead:
        name = ahead.pop()
        if name not in seen:
            seen.add(name)
            ahead += [target for _, target in ways(flow.nodes[name]) if target in flow.nodes]
    return seen


def after_hang_ups(flow: Flow) -> dict[str, Step]:
    """The nodes that are walked when the caller is gone, each with the hang-up that led there."""
    found: dict[str, Step] = {}
    for origin, node in flow.nodes.items():
        ahead = [target for name, target in ways(node) if name == "hangup"]
        while ahead:
            name = ahead.pop()
            if name in flow.nodes and name not in found:
                found[name] = (origin, "hangup")
                if isinstance(flow.nodes[name], QUIET):
                    ahead += [target for _, target in ways(flow.nodes[name])]
    return found


def is_idle(node: Node, exit_name: str) -> bool:
    """Whether this exit can be taken again and again without the caller doing anything."""
    if node.limit:
        return exit_name == "limit"
    if is_key(exit_name) and isinstance(node, Menu | Gather | Enqueue):
        return False
    return exit_name not in SERVED.get(type(node), ())


def may_fail(node: Node) -> bool:
    """Whether the exit ``error`` can be taken: by what only asks and goes on, for a value that cannot be spoken."""
    if isinstance(node, Hours | Set | Goto):
        return False
    if isinstance(node, Say | Menu | Gather):
        return any("{" in item for field in ("prompt", "invalid_prompt", "timeout_prompt") for item in getattr(node, field, ()))
    return True


def idle_circles(flow: Flow) -> list[list[Step]]:
    """One loop of idle exits for each group of nodes that has any, as steps from its first node in the file."""
    edges: Edges = {
        name: [(taken, target) for taken, target in ways(node) if target in flow.nodes and is_idle(node, taken)]
        for name, node in flow.nodes.items()
    }
    order = {name: place for place, name in enumerate(flow.nodes)}
    groups = [sorted(group, key=order.__getitem__) for group in _groups(edges)]
    loops = [group for group in groups if len(group) > 1 or any(target == group[0] for _, target in edges[group[0]])]
    return [_circle(edges, group) for group in sorted(loops, key=lambda group: order[group[0]])]


def _circle(edges: Edges, group: list[str]) -> list[Step]:
    """The shortest way from the group's first node back to it."""
    first, inside = group[0], set(group)
    came: dict[str, Step] = {}
    ahead = [first]
    for name in ahead:
        for taken, target in edges[name]:
            if target == first:
                return [*_trace(came, name), (name, taken)]
            if target in inside and target not in came:
                came[target] = (name, taken)
                ahead.append(target)
    raise AssertionError("a group without a loop")


def _trace(came: Mapping[str, Step], name: str) -> list[Step]:
    steps: list[Step] = []
    while name in came:
        steps.append(came[name])
        name = came[name][0]
    return steps[::-1]


def _groups(edges: Edges) -> list[list[str]]:
    """Strongly connected nodes (Tarjan's way, without recursion: a flow may be one long chain)."""
    number: dict[str, int] = {}
    low: dict[str, int] = {}
    open_nodes: dict[str, None] = {}
    groups: list[list[str]] = []
    for root in edges:
        if root in number:
            continue
        number[root] = low[root] = len(number)
        open_nodes[root] = None
        path = [(root, iter(edges[root]))]
        while path:
            name, rest = path[-1]
            target = next((one for _, one in rest), None)
            if target is None:
                path.pop()
                if path:
                    low[path[-1][0]] = min(low[path[-1][0]], low[name])
                if low[name] == number[name]:
                    groups.append(_closed(open_nodes, name))
            elif target not in number:
                number[target] = low[target] = len(number)
                open_nodes[target] = None
                path.append((target, iter(edges[target])))
            elif target in open_nodes:
                low[name] = min(low[name], number[target])
    return groups


def _closed(open_nodes: dict[str, None], name: str) -> list[str]:
    group: list[str] = []
    while not group or group[-1] != name:
        group.append(open_nodes.popitem()[0])
    return group
