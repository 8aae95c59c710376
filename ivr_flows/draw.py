"""A flow as a picture for people (SVG): chapters, boxes by colour, what is spoken, and where each way leads. Pure.

``svg(flow, texts, language)`` gives the whole file. Everything that comes from the flow is escaped.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from xml.sax.saxutils import escape

from ivr_flows import diagram, draw_words
from ivr_flows.diagram import FONT, HEADER, LINE, MARGIN, PADDING, PANEL, TITLE, WIDTH, Box, Chapter, Diagram
from ivr_flows.draw_words import Pair
from ivr_flows.flow import QUEUES, Flow
from ivr_flows.speech import Language

HEAD, FOOT = 64, 58
_FONTS = "'Noto Sans CJK SC','Noto Sans SC','Microsoft YaHei','PingFang SC','Source Han Sans SC',sans-serif"
_STYLE = (
    f"text{{font-family:{_FONTS};font-size:{FONT}px;fill:#1c1e21}}"
    ".title{font-size:26px;font-weight:600}.sub{font-size:13px;fill:#555b63}"
    ".chapter{font-size:13px;font-weight:600;fill:#1f4e8c}.head{fill:#fff;font-weight:600}.name{fill:#fff;opacity:.85}"
    ".note{fill:#8a5a00}.label{fill:#1f4e8c}.to{fill:#555b63}"
    ".panel{fill:#f4f6f9;stroke:#d3d9e2}.box{fill:#fff;stroke:#9aa3af}.line{fill:none;stroke:#5f6b7a;stroke-width:1.2}"
)
_WORDS = {
    "entry": ("来电从这里开始", "calls begin here"),
    "rest": ("多处通到的单个步骤", "single steps that many ways lead to"),
    "usual": ("图中省略：{ways}", "Not drawn: {ways}"),
    "reading": ("右侧的线通向下一步；“→ 名称 ③”在第 ③ 块", "A line leads to the next step; “→ name ③” stands in block ③"),
    "unusual": ("没有", "nothing"),
}


def svg(flow: Flow, texts: Mapping[str, str], language: Language, queues: Mapping[str, Pair] = QUEUES) -> str:
    """The picture with the words of ``language``; ``texts`` are those of the prompts in it, ``queues`` the names of queues."""
    place = 1 if language == "en" else 0
    laid = diagram.lay_out(flow, texts, place, queues)
    width, height = laid.width + 2 * MARGIN, laid.height + HEAD + FOOT + MARGIN
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}"'
        f' viewBox="0 0 {width:.0f} {height:.0f}">',
        f'<style>{_STYLE}</style><rect width="100%" height="100%" fill="#fff"/>',
        '<defs><marker id="a" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="6" markerHeight="6" orient="auto">'
        '<path d="M0 0L8 4L0 8z" fill="#5f6b7a"/></marker></defs>',
        *_head(flow, place),
        f'<g transform="translate({MARGIN} {HEAD})">',
    ]
    where = laid.chapter_of()
    for chapter in laid.chapters:
        lines += _chapter(chapter, where, flow, place)
    lines += ["</g>", *_legend(laid, place, height - FOOT + 14), "</svg>"]
    return "\n".join(lines) + "\n"


def number(value: int) -> str:
    """A number in a circle, as long as there is such a sign."""
    return chr(0x2460 + value - 1) if 1 <= value <= 20 else f"({value})"


def _text(x: float, y: float, words: str, style: str = "", anchor: str = "") -> str:
    kind = f' class="{style}"' if style else ""
    end = f' text-anchor="{anchor}"' if anchor else ""
    return f'<text x="{x:.0f}" y="{y:.0f}"{kind}{end}>{_escaped(words)}</text>'


def _escaped(words: str) -> str:
    """Fit for XML, which cannot hold control characters at all."""
    return escape("".join(one for one in words if one.isprintable()))


def _head(flow: Flow, place: int) -> Iterator[str]:
    title, other = (flow.english, flow.title) if place else (flow.title, flow.english)
    yield _text(MARGIN, 34, title, "title")
    yield _text(MARGIN, 54, f"{other} · {flow.identity} · {_WORDS['reading'][place]}", "sub")


def _chapter(chapter: Chapter, where: Mapping[str, int], flow: Flow, place: int) -> Iterator[str]:
    width, height = chapter.width + 2 * PANEL, chapter.height + 2 * PANEL + TITLE
    yield f'<g transform="translate({chapter.x:.0f} {chapter.y:.0f})">'
    yield f'<rect class="panel" width="{width:.0f}" height="{height:.0f}" rx="6"/>'
    first = chapter.boxes[0]
    words = _WORDS["rest"][place] if chapter.is_rest else f"{draw_words.VERBS[first.verb][place]} {first.name}"
    entries = [entry for entry, node in flow.entry.items() if node == first.name and not chapter.is_rest]
    if entries:
        words += f" · {_WORDS['entry'][place]}" if "inbound" in entries else f" · {', '.join(entries)}"
    yield _text(PANEL, 18, f"{number(chapter.number)} {words}", "chapter")
    yield f'<g transform="translate({PANEL} {PANEL + TITLE})">'
    boxes = {box.name: box for box in chapter.boxes}
    for box in chapter.boxes:
        yield from _lines(box, boxes)
    for box in chapter.boxes:
        yield from _box(box, chapter.number, where, place)
    yield "</g></g>"


def _lines(box: Box, boxes: Mapping[str, Box]) -> Iterator[str]:
    """From each row to the box that it leads to. Each turns at a place of its own, so chosen that no two cross."""
    begin = box.x + WIDTH
    led = [(box.row_y(place), boxes[row.target]) for place, row in enumerate(box.rows) if row.is_line]
    up = [(y, target) for y, target in led if target.y + HEADER / 2 < y]
    down = [(y, target) for y, target in led if target.y + HEADER / 2 >= y]
    for group in (up, down[::-1]):
        step = min(4.0, 14.0 / max(1, len(group)))
        for turn, (y, target) in enumerate(group):
            path = f"M{begin:.0f} {y:.0f}H{begin + 5 + turn * step:.1f}V{target.y + HEADER / 2:.0f}H{target.x:.0f}"
            yield f'<path class="line" marker-end="url(#a)" d="{path}"/>'


def _box(box: Box, chapter: int, where: Mapping[str, int], place: int) -> Iterator[str]:
    x, y, colour = box.x, box.y, draw_words.COLOURS[box.verb]
    yield f'<rect class="box" x="{x:.0f}" y="{y:.0f}" width="{WIDTH}" height="{box.height:.0f}" rx="4"/>'
    yield (f'<path d="M{x:.0f} {y + HEADER:.0f}v-{HEADER - 4}q0 -4 4 -4h{WIDTH - 8}q4 0 4 4v{HEADER - 4}z" fill="{colour}"/>')
    verb = draw_words.VERBS[box.verb][place]
    yield _text(x + PADDING, y + 14, verb, "head")
    yield _text(x + WIDTH - PADDING, y + 14, diagram.wrapped(box.name, WIDTH - 60, 1)[0], "name", "end")
    at = y + HEADER + PADDING + LINE - 3
    for line, style in [*((line, "") for line in box.lines), *((line, "note") for line in box.note)]:
        yield _text(x + PADDING, at, line, style)
        at += LINE
    for row in box.rows:
        yield from _row(row, x, at, chapter, where)
        at += LINE * row.lines


def _row(row: diagram.Row, x: float, at: float, chapter: int, where: Mapping[str, int]) -> Iterator[str]:
    """What the way is called, on the left; where it leads without a line, on the right."""
    for number_of_line, label in enumerate(row.labels()):
        yield _text(x + PADDING, at + LINE * number_of_line, label, "label")
    if not row.is_line:
        there = where.get(row.target, 0)
        goal = f"→ {row.target}" + (f" {number(there)}" if there and there != chapter else "")
        yield _text(x + WIDTH - PADDING, at + LINE * (row.lines - 1), goal, "to", "end")


def _legend(laid: Diagram, place: int, y: float) -> Iterator[str]:
    x = float(MARGIN)
    for verb, pair in draw_words.VERBS.items():
        yield f'<rect x="{x:.0f}" y="{y - 10:.0f}" width="12" height="12" rx="2" fill="{draw_words.COLOURS[verb]}"/>'
        yield _text(x + 17, y, pair[place])
        x += 17 + diagram.text_width(pair[place]) + 18
    hidden = [f"{draw_words.EXITS[way][place]} → {target}" for way, target in laid.usual.items()]
    yield _text(MARGIN, y + 22, _WORDS["usual"][place].format(ways=", ".join(hidden) or _WORDS["unusual"][place]), "sub")
