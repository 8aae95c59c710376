"""Where everything stands in the diagram of a flow: chapters of boxes, each box with a row for each way out. Pure.

A flow is a graph with many ways back; drawn as it is, nobody can read it. So it is cut into chapters. A node to which three or
more others lead begins one, and so does one that would stand too deep. Within a chapter every box stands to the right of the row
that leads to it; any other way is a word in its row: the name of the box, and the number of the chapter where it stands.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping, Sequence

import msgspec

from ivr_flows import draw_words
from ivr_flows.check_values import prompts_of
from ivr_flows.draw_words import Pair
from ivr_flows.flow import QUEUES, AnyNode, Flow, is_key, required, takes_any_exit
from ivr_flows.lookups import EXITS
from ivr_flows.reading import verb_of
from ivr_flows.walking import ways

WIDTH, COLUMN_GAP, ROW_GAP = 196, 26, 10
HEADER, LINE, FONT, PADDING = 19, 14, 11, 6
TITLE, MARGIN, PANEL = 24, 24, 10
ROOM = WIDTH - 2 * PADDING - 6
"""How wide a line of text may be; a full stop may hang out."""
HUB, DEEPEST, LINES = 3, 5, 5


class Row(msgspec.Struct):
    """One way out of a box: what it is called, where it leads, and whether a line leads there."""

    label: str
    target: str
    is_line: bool = False

    def labels(self) -> list[str]:
        """What it is called, in lines."""
        return wrapped(self.label, ROOM, 3)

    @property
    def is_beside(self) -> bool:
        """Whether the name of the goal fits beside the last of its lines."""
        return text_width(self.labels()[-1]) + text_width(f"→ {self.target} ⑫") + PADDING <= ROOM

    @property
    def lines(self) -> int:
        """How many lines it takes."""
        return len(self.labels()) + (not self.is_line and not self.is_beside)


class Box(msgspec.Struct):
    """One node: its lines of text and its rows; ``x`` and ``y`` within its chapter."""

    name: str
    verb: str
    lines: list[str]
    note: list[str]
    rows: list[Row]
    x: float = 0
    y: float = 0

    @property
    def height(self) -> float:
        """In the picture's units."""
        texts = LINE * (len(self.lines) + len(self.note) + sum(row.lines for row in self.rows))
        return HEADER + texts + (2 * PADDING if texts else 0)

    def row_y(self, place: int) -> float:
        """The middle of a row."""
        above = len(self.lines) + len(self.note) + sum(row.lines for row in self.rows[:place])
        return self.y + HEADER + PADDING + LINE * above + LINE / 2


class Chapter(msgspec.Struct):
    """Boxes that are drawn together; the first one gives the chapter its name, apart from the last chapter of single boxes."""

    number: int
    boxes: list[Box]
    x: float = 0
    y: float = 0
    width: float = 0
    height: float = 0
    is_rest: bool = False


class Diagram(msgspec.Struct):
    """All of it. ``usual`` are the ways that are not drawn: a fault and a hang-up, where they lead as nearly everywhere."""

    chapters: list[Chapter]
    usual: Mapping[str, str]
    width: float
    height: float

    def chapter_of(self) -> dict[str, int]:
        """The chapter's number by node."""
        return {box.name: chapter.number for chapter in self.chapters for box in chapter.boxes}


def lay_out(flow: Flow, texts: Mapping[str, str], place: int, queues: Mapping[str, Pair] = QUEUES) -> Diagram:
    """The diagram with the words of a language (0 Chinese, 1 English); ``texts`` are those of the prompts, ``queues`` names."""
    usual = _usual(flow)
    boxes = {name: _box(name, node, usual, texts, place, queues=queues) for name, node in flow.nodes.items()}
    chapters = _chapters(flow, boxes)
    for chapter in chapters:
        _place_grid(chapter) if chapter.is_rest else _place_tree(chapter)
    width, height = _pack(chapters)
    return Diagram(chapters, usual, width, height)


def _usual(flow: Flow) -> dict[str, str]:
    """Where a fault and a hang-up lead from most nodes."""
    usual = {}
    for name in ("error", "hangup"):
        counted = Counter(target for node in flow.nodes.values() for way, target in ways(node) if way == name)
        if counted:
            usual[name] = counted.most_common(1)[0][0]
    return usual


def _box(
    name: str, node: AnyNode, usual: Mapping[str, str], texts: Mapping[str, str], place: int, *, queues: Mapping[str, Pair]
) -> Box:
    words = ("" if place == 0 else " ").join(
        texts.get(item) or _value(item) for field, item in prompts_of(node) if field == "prompt"
    )
    lines = wrapped(words, ROOM, LINES) if words and verb_of(node) != "lookup" else []
    for detail in draw_words.details(node, place, queues):
        lines += wrapped(detail, ROOM, 2)
    note = node.note.partition(" / ")[2 if place else 0] or node.note
    led: dict[str, list[str]] = {}
    for way, target in sorted(ways(node), key=lambda one: _order(node, one[0])):
        if usual.get(way) != target:
            led.setdefault(target, []).append(draw_words.exit_label(node, way, place))
    rows = [Row(" / ".join(label for label in labels if label) if len(led) > 1 else "", target) for target, labels in led.items()]
    return Box(name, verb_of(node), lines, wrapped(note, ROOM, 2) if note else [], rows)


def _order(node: AnyNode, way: str) -> tuple[int, int]:
    """Keys as they are on a telephone, then the others as the verb has them, faults last."""
    if is_key(way) and not takes_any_exit(node):
        return 0, "1234567890*#".index(way)
    needed = required(node, EXITS)
    return (2 if way in ("error", "limit", "next") else 1), needed.index(way) if way in needed else -1


def _value(item: str) -> str:
    return f"〔{item.strip('{}').partition('|')[0]}〕"


def _chapters(flow: Flow, boxes: Mapping[str, Box]) -> list[Chapter]:
    """Cut into chapters: from the entries on, then what is still left; chapters of one box come together at the end."""
    led = Counter(row.target for box in boxes.values() for row in box.rows)
    roots, placed, trees = deque(dict.fromkeys(flow.entry.values())), set[str](), list[list[Box]]()
    entries = set(roots)
    rest = iter(boxes)
    while True:
        root = roots.popleft() if roots else next((name for name in rest if name not in placed), None)
        if root is None:
            break
        if root not in boxes or root in placed:
            continue
        trees.append([boxes[name] for name in _claim(root, boxes, led, placed, roots)])
    whole = [tree for tree in trees if len(tree) > 1 or tree[0].name in entries]
    single = [tree[0] for tree in trees if len(tree) == 1 and tree[0].name not in entries]
    chapters = [Chapter(number, tree) for number, tree in enumerate(whole, start=1)]
    return chapters + ([Chapter(len(chapters) + 1, single, is_rest=True)] if single else [])


def _claim(root: str, boxes: Mapping[str, Box], led: Counter[str], placed: set[str], roots: deque[str]) -> Iterator[str]:
    """The boxes of one chapter, level by level; what begins a chapter of its own is added to ``roots``."""
    placed.add(root)
    level = [(root, 0)]
    for name, depth in level:
        yield name
        for row in boxes[name].rows:
            if row.target in placed or row.target not in boxes:
                continue
            leads_on = any(one.target not in placed for one in boxes[row.target].rows)
            if led[row.target] >= HUB or (depth + 1 >= DEEPEST and leads_on):
                roots.append(row.target)
                continue
            row.is_line = True
            placed.add(row.target)
            level.append((row.target, depth + 1))


def _place_tree(chapter: Chapter) -> None:
    """Every box beside the row that leads to it: children from top to bottom, to the right of their parent."""
    boxes = {box.name: box for box in chapter.boxes}
    low = {0: 0.0}

    def put(box: Box, depth: int, y: float) -> None:
        box.x = depth * (WIDTH + COLUMN_GAP)
        box.y = max(y, low.get(depth, 0.0))
        low[depth] = box.y + box.height + ROW_GAP
        for place, row in enumerate(box.rows):
            if row.is_line:
                put(boxes[row.target], depth + 1, min(box.row_y(place) - HEADER / 2, box.y + place * LINE))

    put(chapter.boxes[0], 0, 0.0)
    chapter.width = max(box.x + WIDTH for box in chapter.boxes)
    chapter.height = max(box.y + box.height for box in chapter.boxes)


def _place_grid(chapter: Chapter) -> None:
    """Single boxes in columns."""
    columns = max(2, min(4, len(chapter.boxes) // 3))
    low = [0.0] * columns
    for box in chapter.boxes:
        column = low.index(min(low))
        box.x, box.y = column * (WIDTH + COLUMN_GAP), low[column]
        low[column] += box.height + ROW_GAP
    chapter.width = columns * (WIDTH + COLUMN_GAP) - COLUMN_GAP
    chapter.height = max(low) - ROW_GAP


def _pack(chapters: Sequence[Chapter]) -> tuple[float, float]:
    """Put the chapters on a sheet that is as large as a sheet of A3 can show: as wide as 1.41 times its height."""
    widest = max((chapter.width for chapter in chapters), default=WIDTH) + 2 * PANEL
    tried = [_skyline(chapters, widest + step * 60) for step in range(60)]
    best = min(range(len(tried)), key=lambda at: max(tried[at][0] / 2**0.5, tried[at][1]))
    return _skyline(chapters, widest + best * 60)


def _skyline(chapters: Sequence[Chapter], most: float) -> tuple[float, float]:
    """Each chapter as high up as it goes within the width ``most``, in their order; gives width and height."""
    line: list[tuple[float, float, float]] = [(0.0, most, 0.0)]  # from, to, lowest
    for chapter in chapters:
        width, height = chapter.width + 2 * PANEL + MARGIN, chapter.height + 2 * PANEL + TITLE + MARGIN
        spots = [begin for begin, _, _ in line if begin + width <= most + MARGIN + 0.1] or [0.0]
        x = min(spots, key=lambda at: (_top(line, at, at + width), at))
        y = _top(line, x, x + width)
        chapter.x, chapter.y = x, y
        line = _raised(line, x, x + width, y + height)
    return max(one.x + one.width for one in chapters) + 2 * PANEL, max(one.y + one.height for one in chapters) + 2 * PANEL + TITLE


def _top(line: Sequence[tuple[float, float, float]], begin: float, end: float) -> float:
    return max((low for left, right, low in line if left < end and right > begin), default=0.0)


def _raised(line: Sequence[tuple[float, float, float]], begin: float, end: float, low: float) -> list[tuple[float, float, float]]:
    kept = [(left, min(right, begin), y) for left, right, y in line if left < begin]
    kept.append((begin, end, low))
    return kept + [(max(left, end), right, y) for left, right, y in line if right > end]


def text_width(text: str, size: float = FONT) -> float:
    """About how wide a text is: Chinese letters are square, others about half as wide."""
    return sum(size if ord(one) > 0x2E7F else size * 0.56 for one in text)


def wrapped(text: str, width: float, most: int) -> list[str]:
    """A text in at most so many lines; what does not fit is left out with an ellipsis. Latin words are kept whole."""
    lines, line = [], ""
    for word in _words(text):
        if line and text_width(line + word) > width and word not in "，。、；：！？）":
            lines.append(line.rstrip())
            line = word.lstrip()
        else:
            line += word
    lines.append(line.rstrip())
    if len(lines) <= most:
        return lines
    last = lines[most - 1]
    while last and text_width(last + "…") > width:
        last = last[:-1]
    return [*lines[: most - 1], f"{last}…"]


def _words(text: str) -> Iterator[str]:
    word = ""
    for one in text:
        if ord(one) > 0x2E7F:
            yield from ([word] if word else [])
            word = ""
            yield one
        else:
            word += one
            if one == " " or len(word) > 28:
                yield word
                word = ""
    yield from ([word] if word else [])
