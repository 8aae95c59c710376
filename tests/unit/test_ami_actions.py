"""What may be asked of Asterisk: nothing but the table, whatever the values (SEC-12), and what a snapshot proves."""

from __future__ import annotations

import re
import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import actions, codec
from ami_bridge.actions import ACTIONS, CONTEXTS, Channel, Snapshot, is_seen, prepare
from ami_bridge.errors import CommandRefusedError
from hotline import paths

ID = uuid.UUID("12345678123456781234567812345678")
CHANNEL = "PJSIP/1001-0000002a"
FITTING: dict[str, list[Any]] = {
    "interface": ["PJSIP/1001", "PJSIP/1001@browser"],
    "state_interface": ["PJSIP/1001"],
    "queue": ["hotline"],
    "member": ["1001"],
    "paused": [True, False],
    "penalty": [0, "3"],
    "reason": ["午饭", ""],
    "caller": ["PJSIP/citizens-00000001"],
    "priority": [5],
    "channel": [CHANNEL, "PJSIP/1001@browser-0000002b", "Local/1001@seats-00000001;2", "node1-1795304996.5"],
    "other_channel": [CHANNEL],
    "extra_channel": [CHANNEL],
    "announce_channel": [CHANNEL],
    "context": list(CONTEXTS),
    "extra_context": list(CONTEXTS),
    "exten": ["1001", "s", "*8"],
    "extra_exten": ["s"],
    "cause": [16],
    "ring_seconds": [20],
    "caller_id": ["12345"],
    "variables": [{"HOTLINE_UNIT": "12", "__HOTLINE_CALL": "node1-1.2"}],
    "variable": ["HOTLINE_DIAL"],
    "value": ["12315"],
    "digit": ["#"],
    "milliseconds": [250],
    "direction": ["both"],
    "muted": [True],
    "conference": ["three-way-1"],
}


def fitting(action: str) -> dict[str, Any]:
    """Parameters that an action takes."""
    chosen = {name: FITTING[name][0] for name in ACTIONS[action].parameters}
    return chosen | ({"channel": "PJSIP/1001"} if action == "Originate" else {})


@pytest.mark.parametrize("action", ACTIONS)
def test_each_action_takes_what_fits_and_names_what_is_missing(action: str) -> None:
    whole = fitting(action)
    prepared = prepare(action, whole, ID)
    assert prepared.headers["Action"] == action
    assert prepared.headers["ActionID"] == str(ID)
    codec.encode(prepared.headers)
    for name, parameter in ACTIONS[action].parameters.items():
        without = {key: value for key, value in whole.items() if key != name}
        if parameter.required or name in ACTIONS[action].together:
            with pytest.raises(CommandRefusedError, match=name):
                prepare(action, without, ID)
        else:
            assert parameter.header not in prepare(action, without, ID).headers.keys() - {"Timeout"}


@pytest.mark.parametrize("name", sorted(FITTING))
def test_every_form_that_a_value_may_have_is_taken(name: str) -> None:
    action = next(action for action, known in ACTIONS.items() if name in known.parameters)
    for value in FITTING[name]:
        prepare(action, fitting(action) | {name: value}, ID)


@pytest.mark.parametrize(
    ("action", "parameters"),
    [
        ("Command", {"command": "core stop now"}),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True, "colour": "red"}),
        ("QueuePause", {"interface": "Local/0@outside", "paused": True}),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": "maybe"}),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True, "reason": "x\r\nAction: Originate"}),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True, "reason": "${SHELL(reboot)}"}),
        ("Hangup", {"channel": "/^PJSIP.*/"}),
        ("Hangup", {"channel": CHANNEL + "\n"}),
        ("Hangup", {"channel": CHANNEL + "\0"}),
        ("Hangup", {"channel": [CHANNEL]}),
        ("Hangup", {"channel": None}),
        ("Redirect", {"channel": CHANNEL, "context": "fax", "exten": "s"}),
        ("Redirect", {"channel": CHANNEL, "context": "flow", "exten": "s", "extra_channel": CHANNEL}),
        ("Originate", {"channel": "PJSIP/1001", "context": "transfer", "exten": "s"}),
        ("Originate", {"channel": "Local/s@fax", "context": "flow", "exten": "s"}),
        ("Originate", {"channel": "PJSIP/0086138@citizens", "context": "flow", "exten": "s"}),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s", "ring_seconds": 121}),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s", "variables": {"PATH": "x"}}),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s", "variables": {"HOTLINE_A": "x,HOTLINE_B=1"}}),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s", "variables": {}}),
        ("Setvar", {"channel": CHANNEL, "variable": "SHELL(x)", "value": "1"}),
    ],
)
def test_what_may_not_be_asked_is_refused_with_a_reason(action: str, parameters: dict[str, Any]) -> None:
    with pytest.raises(CommandRefusedError, match=action):
        prepare(action, parameters, ID)


@given(st.sampled_from(sorted(ACTIONS)), st.data())
def test_no_value_leaves_its_line_or_becomes_an_expression(action: str, data: st.DataObject) -> None:
    whole = fitting(action)
    name = data.draw(st.sampled_from(sorted(whole)))
    hostile = st.one_of(
        st.text(max_size=30),
        st.builds(
            lambda a, b, c: f"{a}{b}{c}",
            st.text(max_size=3),
            st.sampled_from(["\r\n", "\n", "\0", "${A}", "/", ","]),
            st.text(max_size=3),
        ),
        st.builds(
            lambda value, tail: f"{value}{tail}", st.just(str(whole[name])), st.sampled_from(["\r", "\n", "\0", " ", ";x"])
        ),
        st.dictionaries(st.text(max_size=10), st.text(max_size=10), max_size=2),
        st.integers(),
        st.none(),
        st.lists(st.integers(), max_size=1),
    )
    try:
        prepared = prepare(action, whole | {name: data.draw(hostile)}, ID)
    except CommandRefusedError:
        return
    (frame,) = [frame for frame in codec.Decoder().feed(b"Event: X\r\n" + codec.encode(prepared.headers)) if frame.name == "X"]
    assert frame.headers == {"event": "X"} | {key.lower(): value for key, value in prepared.headers.items()}
    assert not re.search(r"[\r\n\0$]", "".join(prepared.headers.values()))


def test_every_context_of_the_list_is_in_the_dialplan() -> None:
    texts = [file.read_text() for file in (paths.TREE / "asterisk-conf").glob("*.conf*")]
    there = {name for text in texts for name in re.findall(r"^\[([a-z-]+)\]", text, re.MULTILINE)}
    assert set(CONTEXTS) <= there


def test_a_call_has_its_own_channel_and_time_to_ring() -> None:
    prepared = prepare("Originate", {"channel": "PJSIP/1001", "context": "seats", "exten": "1002", "ring_seconds": 20}, ID)
    assert prepared.headers["ChannelId"] == f"command-{ID.hex}"
    assert prepared.headers["Timeout"] == "20000"
    assert (prepared.is_call, prepared.answer_seconds) == (True, 30)
    assert prepare("Originate", {"channel": "PJSIP/1001", "context": "seats", "exten": "1002"}, ID).headers["Timeout"] == "30000"


def lists(*, paused: str = "1", penalty: str = "0", channels: bool = True) -> Snapshot:
    """Two queues with member 1001, and a caller's channel in the queue."""
    text = "".join(
        f"Event: QueueMember\r\nQueue: {queue}\r\nName: 1001\r\nLocation: PJSIP/1001\r\nPenalty: {penalty}\r\nStatus: 1\r\n"
        f"Paused: {paused if queue == 'hotline' else '1'}\r\nActionID: x\r\n\r\n"
        for queue in ("hotline", "english")
    )
    if channels:
        text += "Event: CoreShowChannel\r\nChannel: PJSIP/citizens-00000005\r\nContext: agents\r\nExten: s\r\n"
        text += f"Uniqueid: command-{ID.hex}\r\n\r\n"
    return actions.snapshot(codec.Decoder().feed(text.encode()))


@pytest.mark.parametrize(
    ("action", "parameters", "now", "seen"),
    [
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True}, lists(), True),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True}, lists(paused="0"), False),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": True, "queue": "english"}, lists(paused="0"), True),
        ("QueuePause", {"interface": "PJSIP/1001", "paused": False, "queue": "hotline"}, lists(paused="0"), True),
        ("QueuePause", {"interface": "PJSIP/1002", "paused": False}, lists(), False),
        ("QueuePenalty", {"interface": "PJSIP/1001", "penalty": 3}, lists(penalty="3"), True),
        ("QueuePenalty", {"interface": "PJSIP/1001", "penalty": 3}, lists(), False),
        ("QueueRemove", {"interface": "PJSIP/1001", "queue": "hotline"}, lists(), False),
        ("QueueRemove", {"interface": "PJSIP/1002", "queue": "hotline"}, lists(), True),
        ("Hangup", {"channel": "PJSIP/citizens-00000005"}, lists(), False),
        ("Hangup", {"channel": "PJSIP/citizens-00000005"}, lists(channels=False), True),
        ("Redirect", {"channel": "PJSIP/citizens-00000005", "context": "agents", "exten": "s"}, lists(), True),
        ("Redirect", {"channel": "PJSIP/citizens-00000005", "context": "flow", "exten": "s"}, lists(), False),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s"}, lists(), True),
        ("Originate", {"channel": "PJSIP/1001", "context": "flow", "exten": "s"}, lists(channels=False), False),
        ("Bridge", {"channel": CHANNEL, "other_channel": CHANNEL}, lists(), False),
        ("NoSuchThing", {}, lists(), False),
        ("Hangup", {"channel": "/.*/"}, lists(channels=False), False),
    ],
)
def test_a_snapshot_proves_what_it_shows_and_nothing_else(
    action: str, parameters: dict[str, Any], now: Snapshot, seen: bool
) -> None:
    assert is_seen(action, parameters, ID, now) is seen


def test_a_channel_is_found_by_name_and_by_uniqueid() -> None:
    assert lists().channels["PJSIP/citizens-00000005"] == lists().channels[f"command-{ID.hex}"] == Channel("agents", "s")
