"""What a flow file may have wrong: each problem is found, on its line, and said in both languages with how to mend it."""

from __future__ import annotations

import re
import string
import tomllib
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import clock, settings
from hotline.settings import Settings
from ivr_flows import library, problems, reading, world
from ivr_flows.check import World, check
from ivr_flows.errors import FlowError, FlowRefused, Problem
from tests import small_flow

GOOD = """\
spec = 1
title = "测试"
english = "Test"
languages = ["zh"]

[entry]
inbound = "hello"

[exits.all]
error = "bye"
hangup = "gone"

[nodes.hello]
verb = "say"
prompt = ["welcome"]
exits = { next = "main" }

[nodes.main]
verb = "menu"
prompt = ["menu"]
[nodes.main.exits]
1 = "queue"
2 = "number"
3 = "look"
invalid = "bye"
timeout = "bye"

[nodes.queue]
verb = "enqueue"
queue = "main"
exits = { answered = "bye", timeout = "bye", full = "bye", empty = "bye", 1 = "main", 2 = "main" }

[nodes.number]
verb = "gather"
prompt = ["number"]
into = "ticket"
exits = { match = "look", invalid = "main", timeout = "bye" }

[nodes.look]
verb = "lookup"
what = "ticket"
arguments = { number = "{ticket}" }
exits = { found = "tell", refused = "bye", not_found = "bye", timeout = "bye" }

[nodes.tell]
verb = "say"
prompt = ["your-ticket", "{ticket|digits}", "{state|prompt}"]
exits = { next = "by-state" }

[nodes.by-state]
verb = "goto"
on = "state"
exits = { closed = "bye", next = "again" }

[nodes.again]
verb = "say"
prompt = ["welcome"]
limit = 3
exits = { next = "look", limit = "bye" }

[nodes.bye]
verb = "hangup"
prompt = ["goodbye"]

[nodes.gone]
verb = "hangup"
"""
ZH = frozenset({"zh"})
NAMES = ("welcome", "menu", "number", "your-ticket", "goodbye", "invalid", "no-input", "looking-up")
WORLD = World(dict.fromkeys(NAMES, ZH), dict.fromkeys(NAMES, ZH))


def found(text: str, known: World = WORLD) -> list[Problem]:
    """Everything that reading and checking say of a file."""
    flow, wrong = reading.read("test", text)
    return wrong if flow is None else check(flow, text, known)


def test_a_good_flow_has_no_problem() -> None:
    assert found(GOOD) == []


@pytest.mark.parametrize("file", sorted(library.OURS.glob("*.toml")), ids=lambda file: file.stem)
def test_our_own_flows_pass_the_check(file: Path) -> None:
    assert library.checked(file, Settings()).name == file.stem


def test_the_flow_of_other_tests_passes_the_check() -> None:
    assert check(small_flow.FLOW, small_flow.TEXT, world.on_disk(Settings())) == []


WRONG: list[tuple[str, str, str, str]] = [
    # what stands there, what is written instead, the problem, the text of the line that is to blame
    ("spec = 1", "spec = ", "not_toml", "spec ="),
    ("spec = 1", "spec = 2", "misfit", "spec = 2"),
    ("spec = 1\n", "", "misfit", 'title = "测试"'),
    ("spec = 1", "spec = " + "9" * 5000, "not_toml", "spec ="),
    ('2 = "number"', '1 = "number"', "twice", '1 = "number"'),
    ("2 = \"main\" }", "1 = \"bye\" }", "twice", "exits = { answered"),
    ("[nodes.bye]", "[nodes.again]", "twice", "[nodes.again]"),
    ('languages = ["zh"]', 'languages = ["zh", "zh"]', "no_languages", "languages ="),
    ('languages = ["zh"]', "languages = []", "no_languages", "languages ="),
    ('languages = ["zh"]', 'languages = ["fr"]', "misfit", "languages ="),
    ("[nodes.hello]", "[nodes.Hello]", "bad_name", "[nodes.Hello]"),
    ('verb = "say"', 'verb = "shout"', "unknown_verb", 'verb = "shout"'),
    ('verb = "say"', "verb = 3", "unknown_verb", "verb = 3"),
    ("[exits.all]", "[exits.mneu]", "unknown_default", "[exits.mneu]"),
    ('hangup = "gone"', 'hungup = "gone"', "idle_default", "hungup ="),
    ('into = "ticket"', 'itno = "ticket"', "unknown_field", "itno ="),
    ('into = "ticket"', "tries = 0", "misfit", "tries = 0"),
    ('into = "ticket"', 'into = "Ticket"', "misfit", 'into = "Ticket"'),
    ('queue = "main"', 'queue = "mian"', "unknown_queue", 'queue = "mian"'),
    ('queue = "main"', 'queue = "a b"', "misfit", 'queue = "a b"'),
    ('inbound = "hello"', 'outbound = "hello"', "no_inbound", "[entry]"),
    ('inbound = "hello"', 'inbound = "helo"', "entry_nowhere", 'inbound = "helo"'),
    ('timeout = "bye"\n\n[nodes.queue]', "\n[nodes.queue]", "missing_exit", "[nodes.main]"),
    ('hangup = "gone"', "", "missing_exit", "[nodes.main]"),
    ('exits = { next = "main" }', 'exits = { next = "mian" }', "exit_nowhere", 'next = "mian"'),
    ('3 = "look"', '3 = "lok"', "exit_nowhere", '3 = "lok"'),
    ('error = "bye"', 'error = "by"', "exit_nowhere", 'error = "by"'),
    ('exits = { next = "main" }', 'exits = { next = "main", 1 = "main" }', "unknown_exit", "1 = "),
    ('prompt = ["goodbye"]', 'prompt = ["goodbye"]\nexits = { next = "bye" }', "unknown_exit", 'next = "bye"'),
    ("limit = 3\n", "", "limit_exit", 'exits = { next = "look", limit'),
    ('1 = "queue"\n', "", "unreachable", "[nodes.queue]"),
    ('hangup = "gone"', 'hangup = "hello"', "not_quiet", 'hangup = "hello"'),
    ("limit = 3\nexits = { next = \"look\", limit = \"bye\" }", 'exits = { next = "look" }', "endless", "found ="),
    ('exits = { next = "main" }', 'exits = { next = "hello" }', "endless", 'next = "hello"'),
    ('timeout = "bye"\n\n', 'timeout = "main"\n\n', "endless", 'timeout = "main"'),
    ('1 = "queue"\n2 = "number"\n3 = "look"\n', "", "no_key", "[nodes.main]"),
    ('into = "ticket"', 'into = "ticket"\nshortest = 9\nlongest = 8', "shortest", "shortest = 9"),
    ('exits = { closed = "bye", next = "again" }', 'exits = { next = "again" }', "no_values", 'on = "state"'),
    ('2 = "main" }', '2 = "main", 9 = "main" }', "key_not_offered", "9 = "),
    (', 2 = "main" }', " }", "key_not_led", "[nodes.queue]"),
    ('what = "ticket"', 'what = "tickets"', "unknown_lookup", 'what = "tickets"'),
    ('{ number = "{ticket}" }', '{ nubmer = "{ticket}" }', "unknown_argument", "nubmer"),
    ('{ number = "{ticket}" }', '{ number = "{tiket}" }', "unknown_variable", "{tiket}"),
    ('"{ticket|digits}"', '"{tiket|digits}"', "unknown_variable", "{tiket|digits}"),
    ('on = "state"', 'on = "sate"', "unknown_variable", 'on = "sate"'),
    ('"{ticket|digits}"', '"{ticket|digit}"', "unknown_how", "{ticket|digit}"),
    ('"{ticket|digits}"', '"{ticket}"', "bad_item", '"{ticket}"'),
    ('["welcome"]', '["Welcome"]', "bad_item", '["Welcome"]'),
    ('["welcome"]', '["welcome\\n"]', "bad_item", '["welcome\\n"]'),
    ('{ number = "{ticket}" }', '{ number = "{ticket" }', "bad_template", '"{ticket"'),
    ('verb = "hangup"\nprompt', 'verb = "set"\ndisposition = "done"\nexits = { next = "gone" }\nnote', "misfit", "note = "),
    ('[nodes.bye]\nverb = "hangup"\nprompt = ["goodbye"]',
     '[nodes.bye]\nverb = "set"\ndisposition = "done"\nexits = { next = "gone" }', "unknown_disposition", 'disposition = "done"'),
    ('["menu"]', '["menus"]', "no_prompt", '["menus"]'),
]  # fmt: skip


@pytest.mark.parametrize(("old", "new", "code", "blamed"), WRONG, ids=[f"{one[2]}-{place}" for place, one in enumerate(WRONG)])
def test_a_problem_is_found_on_its_line(old: str, new: str, code: str, blamed: str) -> None:
    assert old in GOOD
    text = GOOD.replace(old, new, 1)
    wrong = [one for one in found(text) if one.code == code]
    lines = text.splitlines()
    assert wrong, [one.text("test.toml") for one in found(text)]
    assert any(blamed in lines[one.line - 1] for one in wrong), [(one.line, one.text("test.toml")) for one in wrong]


def test_a_text_or_a_recording_that_one_language_lacks_is_a_problem_of_that_language() -> None:
    text = GOOD.replace('["zh"]', '["zh", "en"]')
    both = {name: frozenset({"zh", "en"}) for name in NAMES}
    assert found(text, World(both, both)) == []
    assert {one.code for one in found(text, World(both, {**both, "menu": ZH}))} == {"no_audio"}
    (only,) = found(text, World({**both, "goodbye": ZH}, both))
    assert (only.code, only.what.en) == ("no_text", "bye: the prompt 'goodbye' has no text in en")


def test_keys_of_the_queue_are_those_of_the_settings() -> None:
    other = msgspec.structs.replace(WORLD, exit_keys="1")
    assert [(one.code, one.what.en) for one in found(GOOD, other)] == [
        ("key_not_offered", "queue: the queue does not offer the key 2")
    ]


def test_queues_are_those_of_the_settings() -> None:
    """IVR-27: by the words of flows or by their names; so for those who wait and for those who are called back."""
    set_so = settings.parse({"queue": {"name": "all"}, "queues": {"north": {"chinese_name": "城北"}}}, source="x")
    known = msgspec.structs.replace(WORLD, queues=world.queues(set_so))
    asks = GOOD.partition("[nodes.queue]")[0] + '[nodes.queue]\nverb = "callback"\nnumber = "{caller}"\nqueue = "main"\n'
    asks += 'exits = { kept = "bye" }\n\n[nodes.number]' + GOOD.partition("[nodes.number]")[2]
    for text in (GOOD, asks):
        for name in ("main", "english", "all", "north"):
            assert found(text.replace('queue = "main"', f'queue = "{name}"'), known) == []
        (wrong,) = found(text.replace('queue = "main"', 'queue = "nort"'), known)
        assert (wrong.code, wrong.what.zh) == ("unknown_queue", "queue：没有队列 nort")
        assert wrong.mend.en == "use one of main, english, all, north, or add [queues.nort] to the settings (is it north?)"


def test_numbers_that_are_written_out_must_be_numbers() -> None:
    dial = '[nodes.queue]\nverb = "dial"\nnumber = "{}"\n[nodes.queue.exits]\nanswered = "bye"\nbusy = "bye"\n'
    dial += 'no_answer = "bye"\nunavailable = "bye"\n'
    rest = GOOD.partition("[nodes.queue]")[2].partition("[nodes.number]")[2]
    begin = GOOD.partition("[nodes.queue]")[0]
    for number, codes in (("110", []), ("{caller}", []), ("12a", ["bad_number"]), ("一二", ["bad_number"])):
        assert [one.code for one in found(begin + dial.format(number) + "[nodes.number]" + rest)] == codes


def test_all_problems_are_told_at_once_in_the_order_of_the_file() -> None:
    text = (
        GOOD.replace('"{ticket|digits}"', '"{tiket|digit}"')
        .replace('next = "main"', 'next = "mian"')
        .replace('1 = "queue"\n', "")
    )
    wrong = found(text)
    assert [one.line for one in wrong] == sorted(one.line for one in wrong)
    assert {one.code for one in wrong} >= {"unknown_variable", "unknown_how", "exit_nowhere", "unreachable"}


def test_a_name_that_is_nearly_right_is_suggested() -> None:
    (wrong,) = [one for one in found(GOOD.replace('3 = "look"', '3 = "lok"')) if one.code == "exit_nowhere"]
    assert "是 look 吗？" in wrong.mend.zh and "is it look?" in wrong.mend.en


def test_a_problem_is_said_in_chinese_first_with_file_and_line() -> None:
    (wrong,) = found(GOOD.replace('["menu"]', '["menus"]'))
    chinese, english = wrong.text("var/flows/x.toml").splitlines()
    assert chinese.startswith("var/flows/x.toml:20: main：没有提示音 menus → ")
    assert english.strip().startswith("main: there is no prompt 'menus' → ")


def test_a_loop_is_told_as_the_way_round_it() -> None:
    text = GOOD.replace("limit = 3\n", "").replace(', limit = "bye"', "")
    (wrong,) = [one for one in found(text) if one.code == "endless"]
    assert wrong.what.en.startswith("look:found → tell:next → by-state:next → again:next → look: goes round")


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('invalid = "bye"\ntimeout = "bye"', 'invalid = "bye"\ntimeout = "queue"'),  # whoever waits is served
        ('2 = "main" }', '2 = "queue" }'),
        ('timeout = "bye", full = "bye"', 'timeout = "queue", full = "bye"'),
        ('exits = { match = "look"', 'exits = { match = "number"'),
    ],
)
def test_a_loop_in_which_the_caller_presses_or_is_served_is_none(old: str, new: str) -> None:
    assert "endless" not in {one.code for one in found(GOOD.replace(old, new))}


def test_a_queue_that_is_left_at_once_may_not_lead_back_to_itself() -> None:
    assert "endless" in {one.code for one in found(GOOD.replace('empty = "bye"', 'empty = "queue"'))}


def test_every_problem_of_the_table_is_tested_and_says_the_same_in_both_languages() -> None:
    covered = {one[2] for one in WRONG} | {"no_text", "no_audio", "bad_number", "too_large", "too_deep"}
    assert covered == set(problems.TABLE)
    for code, (what_zh, what_en, mend_zh, mend_en) in problems.TABLE.items():
        names = [{name for _, name, _, _ in string.Formatter().parse(text) if name} for text in (what_zh, what_en)]
        assert names[0] == names[1], code
        assert re.search("[\u4e00-\u9fff]", what_zh) and re.search("[\u4e00-\u9fff]", mend_zh), code
        assert not re.search("[\u4e00-\u9fff]", what_en + mend_en), code


def test_a_file_that_is_too_large_or_too_deep_is_refused() -> None:
    assert [one.code for one in found("#" * (reading.LARGEST_BYTES + 1))] == ["too_large"]
    assert [one.code for one in found("a = " + "[" * 100_000)] == ["too_deep"]


@given(st.text() | st.tuples(st.integers(0, len(GOOD)), st.text(max_size=5), st.integers(0, 20)).map(
    lambda cut: GOOD[: cut[0]] + cut[1] + GOOD[cut[0] + cut[2] :]
))  # fmt: skip
def test_whatever_stands_in_a_file_is_a_flow_or_problems_with_lines(text: str) -> None:
    wrong = found(text)
    assert all(0 <= one.line <= max(1, len(text.splitlines())) + 1 and one.text("x") for one in wrong)


def test_a_city_flow_that_is_no_text_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "x.toml"
    file.write_bytes(b"\xff\xfe")
    with pytest.raises(FlowError, match="cannot be read"):
        library.checked(file, Settings())
    file.write_text(GOOD.replace('["menu"]', '["menus"]'))
    with pytest.raises(FlowRefused, match="menus"):
        library.checked(file, Settings())


def large(nodes: int) -> str:
    """A flow of so many nodes, each a menu as large as usual."""
    text = GOOD.replace('3 = "look"', '3 = "look"\n4 = "m-0"')
    for number in range(nodes - 10):
        after = f"m-{number + 1}" if number < nodes - 11 else "bye"
        text += f'\n[nodes.m-{number}]\nverb = "menu"\nprompt = ["menu", "{{ticket|digits}}"]\n'
        text += f'exits = {{ 1 = "{after}", 2 = "queue", 0 = "main", invalid = "bye", timeout = "{after}" }}\n'
    return text


def test_checking_five_hundred_nodes_takes_little_more_than_reading_the_file() -> None:
    """The limit is a second (bench/flow_engine.py measures it); here against tomllib, which is as slow as the machine is."""
    text = large(500)
    assert found(text) == []

    def shortest(work: Callable[[], object]) -> float:
        times = []
        for _ in range(3):
            began = clock.monotonic()
            work()
            times.append(clock.monotonic() - began)
        return min(times)

    assert shortest(lambda: found(text)) < 10 * shortest(lambda: tomllib.loads(text))


def test_five_hundred_nodes_full_of_problems_are_told_too() -> None:
    wrong = found(large(500).replace('"queue", 0', '"queeu", 0').replace("{ticket|", "{tiket|"))
    assert len(wrong) == 981, "two in each menu, and one more variable"


def test_the_world_on_disk_has_the_prompts_of_every_digit_in_both_languages() -> None:
    known = world.on_disk(Settings())
    assert all(known.texts[f"digits/{digit}"] == {"zh", "en"} for digit in range(10))
    assert "zh" in known.audio["welcome"]


def test_a_recording_of_the_city_is_known_without_a_text_in_the_languages_that_it_has(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    folder = tmp_path / "prompts" / "zh" / "park"
    folder.mkdir(parents=True)
    (folder / "opening.wav").write_bytes(b"")
    known = world.on_disk(Settings())
    assert known.texts["park/opening"] == known.audio["park/opening"] == {"zh"}
    text = GOOD.replace('["welcome"]', '["park/opening"]').replace('["zh"]', '["zh", "en"]')
    both = World(dict.fromkeys(NAMES, frozenset({"zh", "en"})), dict.fromkeys(NAMES, frozenset({"zh", "en"})))
    joined = World({**both.texts, **{"park/opening": ZH}}, {**both.audio, **{"park/opening": ZH}})
    assert {(one.code, one.what.en[:5]) for one in found(text, joined)} >= {("no_audio", "hello"), ("no_text", "hello")}
