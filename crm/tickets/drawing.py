"""The life of a ticket as a picture (SVG) and as tables (Markdown), made of the table of transitions. Pure.

``called``: what actions and roles are called, as in ``crm/names.toml``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple
from xml.sax.saxutils import escape

from crm.tickets.life_cycle import TABLE
from crm.tickets.ticket import ENDED, STATES
from crm.tickets.words import CONDITIONS
from crm.tickets.words import STATES as STATE_NAMES

Called = Mapping[str, Mapping[str, Sequence[str]]]
LANGUAGES = ("zh-CN", "en")
_WIDE, _HIGH, _ACROSS, _DOWN, _LEFT, _TOP = 172, 46, 372, 122, 60, 80
_PLACES: Mapping[str, tuple[float, float]] = {
    "draft": (2, 0),
    "accepted": (2, 1),
    "pending_dispatch": (2, 2.1),
    "dispatched": (2, 3.2),
    "received": (2, 4.2),
    "in_progress": (2, 5.2),
    "replied": (2, 6.4),
    "callback_pending": (2, 7.4),
    "closed": (2, 8.6),
    "archived": (2, 9.6),
    "rejected": (1, 0.2),
    "answered": (1, 1.1),
    "returned_to_acceptor": (1, 2.1),
    "withdrawn": (1, 3.2),
    "merged": (1, 4.2),
    "committed": (1, 5.7),
    "unreachable_1": (1, 7.4),
    "reported": (3, 1),
    "countersign": (3, 2),
    "return_requested": (3, 3),
    "extension_requested": (3, 4.2),
    "extension_second_review": (3, 5.2),
    "reply_proposed": (3, 6.4),
    "review": (3, 8),
    "redo": (3.75, 3.5),
}
"""State -> column and row; the main road is the column in the middle."""
_MAIN = 2
_DRAWN = {
    "ask_return": ("dispatched",),
    "countersign": ("pending_dispatch",),
    "ask_extension": ("in_progress",),
    "ask_second_extension": ("in_progress",),
    "commit": ("in_progress",),
    "reply": ("in_progress", "committed"),
    "call_back": ("callback_pending",),
    "told_on_call": ("callback_pending",),
    "answer": ("accepted",),
    "reject": ("accepted",),
    "archive": ("closed",),
    "withdraw": ("dispatched",),
    "merge": ("received",),
}
"""Where an action is possible in several states, those from which its line is drawn."""
_IN_WORDS = frozenset(("close", "assign_again", "unmerge", *_DRAWN))
"""Actions of which the picture tells in words that there is more to them."""
_STYLE = (
    "text{font-family:'Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei','PingFang SC',sans-serif;fill:#1c1e21}"
    ".t{font-size:24px;font-weight:600}.s{font-size:13px;fill:#555b63}.n{font-size:15px;font-weight:600}"
    ".c{font-size:11px;fill:#555b63}.l{font-size:11px;fill:#1f4e8c;paint-order:stroke;stroke:#fff;stroke-width:4px}"
    ".b{fill:#fff;stroke:#9aa3af}.m{fill:#e8f0fb;stroke:#1f4e8c;stroke-width:1.6}.e{fill:#eef5ec;stroke:#4c8a3f}"
    ".w{fill:none;stroke:#8a94a3;stroke-width:1.1}.r{stroke:#1f4e8c;stroke-width:2.2}"
)


class _Way(NamedTuple):
    """From one state to another, by these actions."""

    start: str
    end: str
    actions: tuple[str, ...]


def svg(called: Called) -> str:
    """The whole picture: Chinese words with the codes that the interface uses."""
    width, height = _LEFT * 2 + _ACROSS * 3.05 + _WIDE, _TOP + _DOWN * 10 + 150
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height}" viewBox="0 0 {width:.0f} {height}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5f6b7a"/></marker></defs>',
        f'<text x="{_LEFT}" y="36" class="t">工单的流转 · The life of a ticket</text>',
        f'<text x="{_LEFT}" y="58" class="s">{escape(_LEGEND)}</text>',
    ]
    ways = list(_ways())
    lines += [_line(way) for way in ways]
    lines += [_box(state) for state in STATES]
    for way in ways:
        lines += _label(way, called)
    lines += [*_notes(called), "</svg>"]
    return "\n".join(lines) + "\n"


_LEGEND = "蓝 = 主流程 main road，绿 = 结束 ended。被拒绝的申请退回原状态。A refused request leads back to where it came from."


def _ways() -> Iterator[_Way]:
    """Each pair of states once."""
    found: dict[tuple[str, str], list[str]] = {}
    for row in TABLE:
        if row.to is None or (row.action in _IN_WORDS and row.action not in _DRAWN):
            continue
        for start in row.states:
            end = _BACK_TO.get(start, "in_progress") if row.to == "before" else row.to
            if start not in _DRAWN.get(row.action, row.states) or (start == "committed" and end != "replied"):
                continue
            actions = found.setdefault((start, end), [])
            if row.action not in actions:
                actions.append(row.action)
    for (start, end), names in found.items():
        yield _Way(start, end, tuple(names))


_BACK_TO = {"return_requested": "dispatched"}


def _middle(state: str) -> tuple[float, float]:
    column, row = _PLACES[state]
    return _LEFT + (column - 0.7) * _ACROSS + _WIDE / 2, _TOP + row * _DOWN + _HIGH / 2


def _curve(way: _Way) -> tuple[tuple[float, float], ...]:
    """Four points: from the side of one box to the side of the other."""
    (x1, y1), (x2, y2) = _middle(way.start), _middle(way.end)
    if abs(x1 - x2) < 1:
        if 0 < y2 - y1 < _DOWN * 1.6:
            return (x1, y1 + _HIGH / 2), (x1, y1 + _HIGH / 2), (x2, y2 - _HIGH / 2), (x2, y2 - _HIGH / 2)
        side = -1 if y2 > y1 else 1
        near, far = x1 + side * _WIDE / 2, x1 + side * (_WIDE / 2 + 46 + abs(y2 - y1) / 14)
        return (near, y1 + 8), (far, y1 + 8), (far, y2 - 8), (near, y2 - 8)
    right = 1 if x2 > x1 else -1
    leans = 7 if right > 0 else -7
    begin, end = x1 + right * _WIDE / 2, x2 - right * _WIDE / 2
    bend = (end - begin) / 2
    return (begin, y1 + leans), (begin + bend, y1 + leans), (end - bend, y2 + leans), (end, y2 + leans)


def _line(way: _Way) -> str:
    points = [f"{x:.0f} {y:.0f}" for x, y in _curve(way)]
    on_road = _PLACES[way.start][0] == _PLACES[way.end][0] == _MAIN and _PLACES[way.start][1] < _PLACES[way.end][1]
    return f'<path class="w{" r" if on_road else ""}" marker-end="url(#a)" d="M{points[0]}C{points[1]} {points[2]} {points[3]}"/>'


def _box(state: str) -> str:
    x, y = _middle(state)
    kind = "e" if state in ENDED else "m" if _PLACES[state][0] == _MAIN else "b"
    return (
        f'<rect class="{kind}" x="{x - _WIDE / 2:.0f}" y="{y - _HIGH / 2:.0f}" width="{_WIDE}" height="{_HIGH}" rx="7"/>'
        f'<text class="n" x="{x:.0f}" y="{y - 2:.0f}" text-anchor="middle">{escape(STATE_NAMES[state][0])}</text>'
        f'<text class="c" x="{x:.0f}" y="{y + 15:.0f}" text-anchor="middle">{state}</text>'
    )


def _label(way: _Way, called: Called) -> Iterator[str]:
    """Beside a line that goes straight down; else near the box at the side, above the line that leads there, below the other."""
    points = _curve(way)
    is_straight = points[0][0] == points[3][0] == points[1][0]
    leads_out = _PLACES[way.start][0] == _MAIN
    is_on_road = leads_out and _PLACES[way.end][0] == _MAIN
    at = 0.5 if is_straight or is_on_road else 0.7 if leads_out else 0.3
    weights = ((1 - at) ** 3, 3 * at * (1 - at) ** 2, 3 * at**2 * (1 - at), at**3)
    x = sum(weight * point[0] for weight, point in zip(weights, points, strict=True))
    y = sum(weight * point[1] for weight, point in zip(weights, points, strict=True))
    more = 13 * (len(way.actions) - 1)
    y += 4 - more / 2 if is_straight or is_on_road else -5 - more if leads_out == (points[3][0] > points[0][0]) else 13
    for place, action in enumerate(way.actions):
        words = f"{called['actions'][f'ticket.{action}'][0]} {action}"
        where = f'x="{x + 8:.0f}"' if is_straight else f'x="{x:.0f}" text-anchor="middle"'
        yield f'<text class="l" {where} y="{y + 13 * place:.0f}">{escape(words)}</text>'


def _notes(called: Called) -> Iterator[str]:
    """What is possible in more states than there are lines, and what leaves the state as it is."""
    y = _TOP + _DOWN * 10 + 30
    several = dict.fromkeys(row.action for row in TABLE if row.action in _IN_WORDS)
    beside = dict.fromkeys(row.action for row in TABLE if row.to is None)
    for words, actions in (("还可用于其他状态 Possible in more states", several), ("不改变状态 Beside the way", beside)):
        names = [f"{called['actions'][f'ticket.{action}'][0]} {action}" for action in actions]
        for start in range(0, len(names), 8):
            head = f"{words}：" if start == 0 else "　　"
            yield f'<text class="c" x="{_LEFT}" y="{y}">{escape(head + "，".join(names[start : start + 8]))}</text>'
            y += 17


_HEADS = {
    "zh-CN": ("操作", "从", "到", "谁", "何时", "需要", "效果", "规则"),
    "en": ("Action", "From", "To", "Who", "When", "Needs", "Does", "Rules"),
}
_WHOSE = {"self": ("本人受理", "own"), "unit": ("本单位", "own unit")}
_BACK: tuple[str, str] = ("原状态", "where it came from")
_SAME: tuple[str, str] = ("不变", "unchanged")


def markdown(language: str, called: Called) -> str:
    """The table of transitions: a line for each row."""
    place = LANGUAGES.index(language)
    heads = _HEADS[language]
    lines = [f"| {' | '.join(heads)} |", f"|{' --- |' * len(heads)}"]
    for row in TABLE:
        to = _SAME[place] if row.to is None else _BACK[place] if row.to == "before" else STATE_NAMES[row.to][place]
        cells = (
            f"`{row.action}` {called['actions'][f'ticket.{row.action}'][place]}",
            _states(row.states, place),
            to,
            _who(row.who, place, called),
            _listed([CONDITIONS[word][place] for word in row.when], place),
            _listed([CONDITIONS[word][place] for word in row.needs], place),
            " ".join(f"`{word}`" for word in row.does),
            row.rules,
        )
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _listed(words: Sequence[str], place: int) -> str:
    return ("；" if place == 0 else "; ").join(words)


def _states(states: Sequence[str], place: int) -> str:
    """Those that are left out are named where that is shorter."""
    for among, words in (
        (STATES, ("任何状态", "any")),
        ([s for s in STATES if s not in ENDED], ("任何未结束状态", "any not ended")),
    ):
        missing = [state for state in among if state not in states]
        if len(missing) <= 2 and set(states) <= set(among) and len(states) > 8:
            but = _listed([STATE_NAMES[state][place] for state in missing], place)
            return words[place] + ((f"（{but}除外）" if place == 0 else f" but {but}") if missing else "")
    return _listed([STATE_NAMES[state][place] for state in states], place)


def _who(who: Mapping[str, str], place: int, called: Called) -> str:
    found = []
    for role, whose in who.items():
        name = called["roles"][role][place]
        more = _WHOSE[whose][place] if whose in _WHOSE else ""
        found.append(name + ((f"（{more}）" if place == 0 else f" ({more})") if more else ""))
    return ("、" if place == 0 else ", ").join(found)
