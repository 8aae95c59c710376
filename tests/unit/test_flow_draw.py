"""The diagram: every node once, nothing over anything else, every way told, and a sheet of A3 that can be read."""

from __future__ import annotations

import re
from collections.abc import Iterator
from xml.etree import ElementTree

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline.settings import FurtherQueue, Settings
from ivr_flows import diagram, draw, draw_words, library, reading, speech, world
from ivr_flows.diagram import HEADER, WIDTH, Box, Chapter, Diagram
from ivr_flows.flow import VERBS, Flow
from ivr_flows.walking import ways

OURS = {file.stem: library.load(file) for file in library.OURS.glob("*.toml")}
TEXTS = {language: world.texts_of(language) for language in speech.LANGUAGES}
A3_MM = 420, 297
SVG = "{http://www.w3.org/2000/svg}"


def texts(picture: str) -> list[str]:
    """What stands in the picture; it must be well-formed."""
    return [one.text or "" for one in ElementTree.fromstring(picture).iter(f"{SVG}text")]


def rectangles(laid: Diagram) -> Iterator[tuple[Box, float, float, float, float]]:
    """Every box with its place on the sheet."""
    for chapter in laid.chapters:
        for box in chapter.boxes:
            x, y = chapter.x + box.x, chapter.y + box.y
            yield box, x, y, x + WIDTH, y + box.height


def overlaps(laid: Diagram) -> list[tuple[str, str]]:
    found = []
    known = list(rectangles(laid))
    for place, (one, left, top, right, bottom) in enumerate(known):
        for other, x, y, to, low in known[:place]:
            if left < to and right > x and top < low and bottom > y:
                found.append((one.name, other.name))
    return found


@pytest.mark.parametrize("name", sorted(OURS))
@pytest.mark.parametrize("place", [0, 1])
def test_every_node_stands_in_the_diagram_once_and_nothing_lies_over_it(name: str, place: int) -> None:
    laid = diagram.lay_out(OURS[name], TEXTS["en" if place else "zh"], place)
    assert sorted(box.name for box, *_ in rectangles(laid)) == sorted(OURS[name].nodes)
    assert overlaps(laid) == []
    for _, left, top, right, bottom in rectangles(laid):
        assert 0 <= left < right <= laid.width and 0 <= top < bottom <= laid.height


@pytest.mark.parametrize("name", sorted(OURS))
def test_every_way_is_a_row_unless_it_is_the_usual_one(name: str) -> None:
    flow = OURS[name]
    laid = diagram.lay_out(flow, TEXTS["zh"], 0)
    for box, *_ in rectangles(laid):
        led = {target for way, target in ways(flow.nodes[box.name]) if laid.usual.get(way) != target}
        assert [row.target for row in box.rows if row.target in led] == [row.target for row in box.rows]
        assert {row.target for row in box.rows} == led


def test_a_line_leads_to_the_right_and_every_box_but_the_first_of_a_chapter_has_one() -> None:
    for chapter in diagram.lay_out(OURS["12345"], TEXTS["zh"], 0).chapters:
        boxes = {box.name: box for box in chapter.boxes}
        lines = [(box, row.target) for box in chapter.boxes for row in box.rows if row.is_line]
        assert all(boxes[target].x > box.x + WIDTH for box, target in lines)
        if not chapter.is_rest:
            assert sorted(target for _, target in lines) == sorted(list(boxes)[1:])


def test_lines_of_a_box_do_not_cross() -> None:
    for chapter in diagram.lay_out(OURS["12345"], TEXTS["zh"], 0).chapters:
        boxes = {box.name: box for box in chapter.boxes}
        for box in chapter.boxes:
            paths = [path for path in (_bends(line) for line in draw._lines(box, boxes)) if path]
            for place, one in enumerate(paths):
                assert not any(_cross(one, other) for other in paths[:place]), box.name


def _bends(line: str) -> tuple[float, float, float, float, float]:
    match = re.search(r'd="M([\d.]+) ([\d.]+)H([\d.]+)V([\d.]+)H([\d.]+)"', line)
    assert match, line
    begin, y, middle, to, end = map(float, match.groups())
    return begin, y, middle, to, end


def _cross(one: tuple[float, ...], other: tuple[float, ...]) -> bool:
    """Whether a level part of one meets the upright part of the other, either way."""
    for (begin, y, middle, to, end), (_, y2, middle2, to2, _) in ((one, other), (other, one)):
        low, high = sorted((y2, to2))
        if begin < middle2 < middle and low < y < high:
            return True
        if middle < middle2 < end and low < to < high:
            return True
    return False


def test_on_a_sheet_of_a3_sixty_nodes_have_letters_as_large_as_in_a_dictionary() -> None:
    """Six points is 2.1 mm from line to line; 12345 has half as many nodes again and stays above a millimetre and a half."""
    sixty = msgspec.structs.replace(OURS["12345"], nodes=dict(list(OURS["12345"].nodes.items())[:60]))
    for flow, least in ((sixty, 1.9), (OURS["12345"], 1.5)):
        root = ElementTree.fromstring(draw.svg(flow, TEXTS["zh"], "zh"))
        scale = min(A3_MM[0] / float(root.get("width", "0")), A3_MM[1] / float(root.get("height", "0")))
        assert diagram.FONT * scale > least, (root.get("width"), root.get("height"))


def test_the_picture_says_what_it_is_in_either_language() -> None:
    chinese = texts(draw.svg(OURS["12345"], TEXTS["zh"], "zh"))
    english = texts(draw.svg(OURS["12345"], TEXTS["en"], "en"))
    assert chinese[0] == "12345 市民服务热线" and OURS["12345"].identity in chinese[1]
    assert english[0] == "12345 citizen hotline" and OURS["12345"].identity in english[1]
    assert {"菜单", "转人工", "按 2", "超时"} - {word for text in chinese for word in (text, *text.split(" / "))} == set()
    assert {"menu", "agents", "key 2"} - set(english) == set()
    assert any("挂机 → gone" in text and text.startswith("图中省略") for text in chinese)


def test_what_is_spoken_stands_in_the_boxes() -> None:
    assert any(text.startswith("人工服务请按1") for text in texts(draw.svg(OURS["12345"], TEXTS["zh"], "zh")))


@pytest.mark.parametrize(
    "hostile", ["</text><script>alert(1)</script>", "\x00\x1b[2J\x07", "&amp;&lt;", '" onload="x', "\ud800", "中" * 500]
)
def test_text_of_any_kind_is_text(hostile: str) -> None:
    node = (
        '[nodes.x]\nverb = "menu"\nprompt = ["a"]\nexits = { 1 = "x", invalid = "x", timeout = "x", error = "x", hangup = "x" }\n'
    )
    flow = reading.read("t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\ninbound = "x"\n{node}')[0]
    assert flow is not None
    noted = msgspec.structs.replace(flow.nodes["x"], note=hostile)
    flow = msgspec.structs.replace(flow, title=hostile, english=hostile, nodes={"x": noted})
    picture = draw.svg(flow, {"a": hostile}, "zh")
    root = ElementTree.fromstring(picture)
    assert {one.tag.removeprefix(SVG) for one in root.iter()} <= {"svg", "style", "defs", "marker", "path", "rect", "g", "text"}
    assert not any("onload" in one.attrib for one in root.iter())


def test_a_queue_is_drawn_by_its_name_in_either_language() -> None:
    """IVR-27; one that nobody has named, by what the flow calls it."""
    nodes = "".join(f'[nodes.{name}]\nverb = "enqueue"\nqueue = "{name}"\n' for name in ("english", "north", "south"))
    flow = reading.read("t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\ninbound = "north"\n{nodes}')[0]
    assert flow is not None
    queues = world.queues(Settings(queues={"north": FurtherQueue(chinese_name="城北分中心 <&>", english_name="North centre")}))
    assert {"英语队列", "城北分中心 <&>", "south"} <= set(texts(draw.svg(flow, {}, "zh", queues)))
    assert {"English queue", "North centre", "south"} <= set(texts(draw.svg(flow, {}, "en", queues)))


def test_every_verb_has_a_word_and_a_colour_of_its_own_kind() -> None:
    assert draw_words.VERBS.keys() == draw_words.COLOURS.keys() == VERBS.keys()


NAMES = [f"n{number}" for number in range(12)]


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.lists(st.sampled_from([*NAMES, "nowhere"]), min_size=1, max_size=8), min_size=1, max_size=12), st.integers(0, 11)
)
def test_any_flow_is_drawn_without_an_overlap(led: list[list[str]], entry: int) -> None:
    nodes = ""
    for name, targets in zip(NAMES, led, strict=False):
        exits = ", ".join(f'{key} = "{target}"' for key, target in enumerate(targets))
        nodes += f'[nodes.{name}]\nverb = "menu"\nprompt = ["a"]\nexits = {{ {exits} }}\n'
    flow = reading.read("t", f'spec = 1\ntitle = ""\nenglish = ""\n[entry]\ninbound = "n{entry}"\n{nodes}')[0]
    assert isinstance(flow, Flow)
    laid = diagram.lay_out(flow, {"a": "请按键，" * 10}, 0)
    assert overlaps(laid) == []
    assert sorted(box.name for box, *_ in rectangles(laid)) == sorted(flow.nodes)
    ElementTree.fromstring(draw.svg(flow, {}, "zh"))


@given(st.text(max_size=200), st.integers(1, 5))
def test_text_is_wrapped_into_lines_that_fit(text: str, most: int) -> None:
    lines = diagram.wrapped(text, 184, most)
    assert 1 <= len(lines) <= most
    hanging = diagram.FONT
    assert all(diagram.text_width(line) <= 184 + hanging or " " not in line.strip() for line in lines)


def test_chapters_stand_beside_each_other() -> None:
    def edges(chapter: Chapter) -> tuple[float, float, float, float]:
        return chapter.x, chapter.y, chapter.x + chapter.width, chapter.y + chapter.height + HEADER

    chapters = diagram.lay_out(OURS["12345"], TEXTS["zh"], 0).chapters
    assert [chapter.number for chapter in chapters] == list(range(1, len(chapters) + 1))
    for place, one in enumerate(chapters):
        left, top, right, bottom = edges(one)
        for other in chapters[:place]:
            x, y, to, low = edges(other)
            assert not (left < to and right > x and top < low and bottom > y), (one.number, other.number)
