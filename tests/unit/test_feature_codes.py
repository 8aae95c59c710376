"""Feature codes: what the dialplan knows, what is written about them, and what a telephone is told."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from acd.errors import CODES
from agi import code_orders
from agi.code_talk import ASKS, CodeSession
from agi.code_words import refusal
from agi.codec import Environment, Reply
from agi.session import End, Fetch, Send, Wait
from hotline.asterisk import configuration
from hotline.paths import TREE
from hotline.settings import Settings
from ivr_flows import speech
from ivr_flows.lookups import Answer

BOOKS = ("feature-codes.md", "feature-codes.zh-CN.md")
OK = Reply(200, result="0")


def rendered(name: str) -> str:
    known = {"settings": Settings(), "queues": Settings().every_queue(), "queue_gosub": ""}
    return configuration._rendered(configuration._environment(), name, known)


def section(text: str, name: str) -> str:
    return text.partition(f"[{name}]\n")[2].partition("\n[")[0]


def dialled() -> set[str]:
    """The dialplan's codes, as the books write them: a code, or a code and what follows."""
    found = set()
    for exten in re.findall(r"^exten => ([^,]+),1,", section(rendered("codes.conf.j2"), "codes"), re.MULTILINE):
        if exten == "i":
            continue
        code = re.match(r"_?(\*\d+)(.*)", exten)
        assert code, exten
        found.add(code[1] + (" +" if code[2] else ""))
    return found


def pressed() -> set[str]:
    return set(re.findall(r"=> (\*\d+),self", rendered("features.conf.j2")))


def rows(book: str) -> Iterator[tuple[str, bool]]:
    """Each code of the book's table, and whether it can be pressed during a call."""
    text = (TREE / "docs" / book).read_text(encoding="utf-8")
    for code, more, during in re.findall(r"^\| `([^`]+)`( [+至t][^|]*)? \| ([^|]*)\|", text, re.MULTILINE):
        yield code + (" +" if more.startswith(" +") else ""), bool(during.strip())


@pytest.mark.parametrize("book", BOOKS)
def test_the_book_lists_each_code_of_the_dialplan_and_no_other(book: str) -> None:
    listed = [code for code, _ in rows(book)]
    slots = Settings().control.slots()
    assert listed[-1] == slots[0] and f"`{slots[-1]}`" in (TREE / "docs" / book).read_text(encoding="utf-8")
    assert len(listed) == len(set(listed))
    assert set(listed[:-1]) == dialled()


@pytest.mark.parametrize("book", BOOKS)
def test_the_book_says_which_keys_are_heard_during_a_call(book: str) -> None:
    during = {code.removesuffix(" +") for code, yes in rows(book) if yes}
    assert during == {re.sub(r"^\*52\d$", "*52", key) for key in pressed()}


def test_every_order_of_the_dialplan_is_one_and_every_one_can_be_ordered() -> None:
    text = rendered("codes.conf.j2")
    asked = set(re.findall(r"Gosub\(code,s,1\((\w+)", text)) | set(re.findall(r"Goto\(code-done,(\w+),1\)", text))
    asked |= {"callback_call", "callback_back"} | {
        re.sub(r"\d", "", key) for key in re.findall(r"agent-key,(\w+),1", rendered("features.conf.j2"))
    }
    assert asked == set(code_orders.ORDERS)


def test_every_key_in_the_room_of_a_three_way_call_is_a_key_of_a_call() -> None:
    menu = section((configuration.TEMPLATES / "confbridge.conf").read_text(encoding="utf-8"), "threeway-keys")
    keys = dict(re.findall(r"^(\*\d+) = dialplan_exec\(room-key,(\w+),1\)", menu, re.MULTILINE))
    of_a_call = dict(re.findall(r"=> (\*\d+),self,Gosub\(agent-key,(\w+),1\)", rendered("features.conf.j2")))
    assert keys and keys.items() <= of_a_call.items()


def test_an_agent_s_channel_is_given_every_key_that_there_is() -> None:
    features = set(re.findall(r"^(code-\w+) =>", rendered("features.conf.j2"), re.MULTILINE))
    given = re.search(r"Set\(DYNAMIC_FEATURES=([^)]*)\)", rendered("extensions.conf.j2"))
    assert given and set(given[1].split("#")) == features


def test_only_what_was_keyed_in_is_expanded_and_only_as_digits() -> None:
    text = rendered("codes.conf.j2")
    loose = re.sub(
        r"\$\{FILTER\([^,]+,\$\{(?:EXTEN:3|CODE_ARG|CODE_KEY|CHANNEL\(endpoint\)|HOTLINE_OUTBOUND_NUMBER)\}\)\}", "", text
    )
    assert not re.search(r"\$\{(?:EXTEN:3|CODE_ARG\}\))", loose)
    assert "CALLERID" not in text


def test_every_refusal_has_a_prompt_in_both_languages() -> None:
    for language in speech.LANGUAGES:
        assert {refusal(code) for code in CODES} <= speech.names(language)


def test_every_prompt_that_is_said_exists() -> None:
    said = set(re.findall(r"code/[a-z-]+", rendered("codes.conf.j2")))
    for name in ("code_orders", "code_talk"):
        said |= set(re.findall(r"\"(code/[a-z-]+)\"", (TREE / "agi" / f"{name}.py").read_text(encoding="utf-8")))
    for language in speech.LANGUAGES:
        assert said <= speech.names(language), said - speech.names(language)


# --- the talk with Asterisk


def talk(*arguments: str) -> CodeSession:
    return CodeSession(Environment(script="code", uniqueid="n-1.2", arguments=arguments), lambda prompt, _: prompt)


def sent(step: Any) -> str:
    assert isinstance(step, Send)
    return step.line.decode()


def test_before_anything_is_done_the_channel_is_told_what_to_say_should_this_process_die() -> None:
    session = talk("pause", "1001", "2")
    assert sent(session.begin()) == 'SET VARIABLE "CODE_SAYS" "code/unclear"\n'
    asked = session.answered(OK)
    assert isinstance(asked, Fetch)
    assert (asked.what, asked.arguments) == (ASKS, {"what": "pause", "seat": "1001", "first": "2", "second": ""})


def test_what_came_of_it_is_told_and_played_and_nothing_is_left_to_be_said() -> None:
    session = talk("callback_next", "1001")
    session.begin()
    session.answered(OK)
    assert isinstance(session.still_looking(), Wait)
    told = sent(
        session.looked(Answer("found", {"play": "code/done", "ask": "code/callback-next digits/1", "CODE_NEXT": "choose"}))
    )
    assert told == 'EXEC MSet "CODE_SAYS=\\"\\",CODE_NEXT=\\"choose\\""\n'
    assert sent(session.answered(OK)) == 'EXEC Playback "code/done"\n'
    assert sent(session.answered(OK)) == 'EXEC Read "CODE_KEY,code/callback-next&digits/1,1,,2,10"\n'
    assert session.answered(OK) == End(finished=True)


@pytest.mark.parametrize("exit_", ["timeout", "error"])
def test_an_order_of_which_nothing_is_heard_leaves_it_unclear(exit_: str) -> None:
    session = talk("ready", "1001")
    session.begin()
    session.answered(OK)
    assert session.looked(Answer(exit_)) == End(finished=True)


def test_a_telephone_that_hangs_up_is_told_nothing() -> None:
    session = talk("ready", "1001")
    session.begin()
    session.answered(OK)
    assert session.hung_up() == End(finished=False)
    assert session.looked(Answer("found", {"play": "code/ready"})) == End(finished=False)
