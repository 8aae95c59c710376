"""Events to facts: exact times, unescaped names, nothing from a malformed event; and the filters of manager.conf."""

from __future__ import annotations

import datetime as dt
import re

import jinja2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import facts
from ami_bridge.facts import ChannelEnded, ChannelStarted, QueueExited, StepsTaken
from hotline import paths
from hotline.credentials import AmiUser, Credentials
from hotline.settings import Settings

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)
CALLER = {
    "timestamp": "1795282246.250816",
    "channel": "PJSIP/citizens-00000000",
    "calleridnum": "10101",
    "calleridname": "张三",
    "context": "citizens",
    "exten": "12345",
    "uniqueid": "n-1.0",
    "linkedid": "n-1.0",
}


@given(st.integers(0, 2**32), st.integers(0, 999_999))
def test_a_timestamp_is_exact_to_the_microsecond(seconds: int, microseconds: int) -> None:
    at = facts.timestamp(f"{seconds}.{microseconds:06d}")
    assert at - dt.datetime(1970, 1, 1, tzinfo=dt.UTC) == dt.timedelta(seconds=seconds, microseconds=microseconds)


def test_an_event_without_a_timestamp_takes_the_time_of_receipt() -> None:
    headers = {key: value for key, value in CALLER.items() if key != "timestamp"}
    fact = facts.from_event("Newchannel", headers, NOW)
    assert fact is not None
    assert fact.at == NOW


@pytest.mark.parametrize(
    ("sent", "name"),
    [
        ("张三", "张三"),
        ("<unknown>", ""),
        ('张三\\\\\\"李${SHELL(id)}', '张三"李${SHELL(id)}'),
        ("a\\nb", "a\nb"),
        ("back\\\\\\\\slash", "back\\slash"),
        ("x" * 300, "x" * 256),
    ],
)
def test_a_callers_name_is_what_the_caller_sent(sent: str, name: str) -> None:
    fact = facts.from_event("Newchannel", CALLER | {"calleridname": sent}, NOW)
    assert isinstance(fact, ChannelStarted)
    assert fact.caller_name == name


@pytest.mark.parametrize(
    "headers", [{}, {"linkedid": "x"}, CALLER | {"cause": "many"}, CALLER | {"cause": "1", "timestamp": "soon"}]
)
def test_a_malformed_event_states_nothing(headers: dict[str, str]) -> None:
    assert facts.from_event("Hangup", headers, NOW) is None


def test_a_channel_that_is_not_up_has_not_answered() -> None:
    assert facts.from_event("Newstate", CALLER | {"channelstate": "5"}, NOW) is None
    assert facts.from_event("Newstate", CALLER | {"channelstate": "6"}, NOW) is not None


def test_the_dialplans_own_events_are_read_and_others_are_not() -> None:
    exited = facts.from_event("UserEvent", CALLER | {"userevent": "QueueExit", "queue": "hotline", "status": "timeout"}, NOW)
    step = facts.from_event("UserEvent", CALLER | {"userevent": "HotlineStep", "step": "main:1,about:timeout"}, NOW)
    assert isinstance(exited, QueueExited)
    assert exited.status == "TIMEOUT"
    assert isinstance(step, StepsTaken)
    assert step.steps == ("main:1", "about:timeout")
    assert facts.from_event("UserEvent", CALLER | {"userevent": "Other"}, NOW) is None


def test_a_step_event_without_a_step_states_nothing() -> None:
    for header in ("", ",", "main", "${SHELL(id)}:1", "a:b c", "x" * 70_000):
        assert facts.from_event("UserEvent", CALLER | {"userevent": "HotlineStep", "step": header}, NOW) is None


def test_a_hangup_carries_its_cause() -> None:
    fact = facts.from_event("Hangup", CALLER | {"cause": "16"}, NOW)
    assert isinstance(fact, ChannelEnded)
    assert fact.cause == 16


@pytest.mark.parametrize("newer", [True, False])
def test_manager_conf_lets_through_exactly_the_events_that_are_read(newer: bool) -> None:
    loader = jinja2.FileSystemLoader(paths.TREE / "asterisk-conf")
    environment = jinja2.Environment(loader=loader, undefined=jinja2.StrictUndefined, trim_blocks=True, autoescape=True)
    credentials = Credentials(AmiUser("bridge", "b"), AmiUser("reader", "r"), {}, {}, "", "")
    text = environment.get_template("manager.conf.j2").render(settings=Settings(), credentials=credentials, newer_filters=newer)
    users = dict(re.findall(r"^\[(\w+)\]\n(.*?)(?=^\[|\Z)", text, flags=re.M | re.S))
    pattern = r"action\(include\),name\((\w+)\)" if newer else r"Event: \((\S+)\)"
    named = [name for found in re.findall(pattern, users["bridge"]) for name in found.split("|")]
    assert named == list(facts.WANTED)
    assert "timestampevents = yes" in users["general"]
    assert "write = none" in users["reader"]
    (write,) = re.findall(r"^write = (.*)$", users["bridge"], flags=re.M)
    assert not {"system", "command", "config", "dialplan", "all"} & set(write.split(","))
    assert all("permit = 127.0.0.1/" in users[user] for user in ("bridge", "reader"))
