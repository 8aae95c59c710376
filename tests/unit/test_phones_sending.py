"""What a telephone sends, packet by packet; and when keys are pressed."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.phones.errors import PlanError
from hotline.phones.plan import Press, Stream, presses
from hotline.phones.reception import Reception
from hotline.phones.rtp import ALAW, EVENT, KEYS, Packet, pack, unpack
from hotline.phones.sending import Sender
from hotline.phones.tones import tone

SPEECH = [b"\x11" * 160, b"\x22" * 160, b"\x33" * 160]


def _packets(stream: Stream, count: int, *, cued: bool = True) -> list[Packet]:
    sender = Sender(stream, SPEECH, sequence=0xFFFE, timestamp=0xFFFFFF00, ssrc=9)
    sender.cued = cued
    found = [unpack(sender.step()) for _ in range(count)]
    assert None not in found
    return [packet for packet in found if packet]


def test_before_its_cue_a_telephone_is_silent() -> None:
    assert {packet.payload for packet in _packets(Stream(), 50, cued=False)} == {b"\xd5" * 160}


def test_speech_begins_when_it_is_due_and_is_looped() -> None:
    packets = _packets(Stream(speak_at_ms=100), 12)
    assert [packet.payload[0] for packet in packets] == [0xD5] * 4 + [0x11, 0x22, 0x33] * 2 + [0x11, 0x22]


def test_sequence_and_timestamp_run_on_without_a_hole() -> None:
    packets = _packets(Stream(presses=[Press(60, "1")]), 30)
    assert [packet.sequence for packet in packets] == [(0xFFFE + n) & 0xFFFF for n in range(30)]
    sound = [(n, packet.timestamp) for n, packet in enumerate(packets) if packet.payload_type == ALAW]
    assert all(timestamp == (0xFFFFFF00 + 160 * n) & 0xFFFFFFFF for n, timestamp in sound)


@pytest.mark.parametrize(("number", "taken"), [("0", True), ("65535", True), ("null", True), ("-1", False), ("65536", False)])
def test_a_plan_may_choose_the_first_sequence_number(number: str, taken: bool) -> None:
    stream = f'{{"first_sequence": {number}}}'
    if taken:
        assert str(msgspec.json.decode(stream, type=Stream).first_sequence or 0) == number.replace("null", "0")
    else:
        with pytest.raises(msgspec.ValidationError):
            msgspec.json.decode(stream, type=Stream)


def test_a_key_is_marked_once_and_keeps_the_time_of_its_press() -> None:
    packets = _packets(Stream(presses=[Press(60, "7")]), 30)
    events = [packet for packet in packets if packet.payload_type == EVENT]
    assert [packet.marker for packet in events] == [True] + [False] * 7
    assert {packet.timestamp for packet in events} == {(0xFFFFFF00 + 160 * 2) & 0xFFFFFFFF}


def test_speech_waits_for_the_last_key() -> None:
    packets = _packets(Stream(presses=[Press(20, "1"), Press(400, "2")]), 60)
    first_word = next(n for n, packet in enumerate(packets) if packet.payload[0] == 0x11)
    last_event = max(n for n, packet in enumerate(packets) if packet.payload_type == EVENT)
    assert first_word > last_event


@given(st.text(KEYS, max_size=10), st.integers(0, 500))
def test_every_key_arrives_however_fast_they_are_pressed(keys: str, apart_ms: int) -> None:
    stream = Stream(presses=presses(keys, first_ms=100, apart_ms=apart_ms))
    reception = Reception()
    for packet_number, packet in enumerate(_packets(stream, 20 + len(keys) * (8 + apart_ms // 20 + 1))):
        reception.take(pack(packet), packet_number * 20_000_000)
    assert "".join(reception.digits) == keys


def test_keys_are_pressed_one_after_another_with_waits_between() -> None:
    assert presses("1, w2#") == [Press(1500, "1"), Press(2900, "2"), Press(3300, "#")]
    assert presses("") == []


@pytest.mark.parametrize("keys", ["1x", "e", "1;2", "一"])
def test_a_key_that_no_telephone_has_is_refused_by_name(keys: str) -> None:
    with pytest.raises(PlanError, match="is not a key"):
        presses(keys)


def test_a_key_in_the_sound_is_its_tone_and_then_silence() -> None:
    packets = _packets(Stream(presses=[Press(60, "7"), Press(260, "#")], digits="inband"), 27)
    assert {packet.payload_type for packet in packets} == {ALAW}
    assert [packet.timestamp for packet in packets] == [(0xFFFFFF00 + 160 * n) & 0xFFFFFFFF for n in range(27)]
    assert [packet.payload for packet in packets] == [
        *[b"\xd5" * 160] * 2,
        *tone("7", 100),
        *[b"\xd5" * 160] * 5,
        *tone("#", 100),
        *[b"\xd5" * 160] * 10,
    ]


def test_a_key_for_sip_is_not_in_the_packets_and_is_told_once() -> None:
    sender = Sender(Stream(presses=[Press(60, "7"), Press(80, "#")], digits="info"), None, sequence=0, timestamp=0, ssrc=9)
    sender.cued = True
    told = [(sender.step()[12:], sender.signals()) for _ in range(6)]
    assert [keys for _, keys in told] == ["", "", "7", "#", "", ""]
    assert {payload for payload, _ in told} == {b"\xd5" * 160}
    assert sender.pressed == "7#"


@given(st.lists(st.tuples(st.integers(0, 40), st.text(KEYS, min_size=1, max_size=3)), max_size=4))
def test_keys_pressed_by_order_arrive_each_once_and_in_order(orders: list[tuple[int, str]]) -> None:
    """Whenever the order comes: also while the keys before it are going out."""
    sender, ear = Sender(Stream(), None, sequence=0xFFF0, timestamp=0xFFFFFF00, ssrc=9), Reception()
    at_ns = 0
    for frames, keys in orders:
        sender.press(keys)
        for _ in range(frames):
            ear.take(sender.step(), at_ns := at_ns + 20_000_000)
    while sender.pressing:
        ear.take(sender.step(), at_ns := at_ns + 20_000_000)
    assert "".join(ear.digits) == sender.pressed == "".join(keys for _, keys in orders)


def test_what_is_said_changes_by_order_and_ends_in_silence() -> None:
    sender = Sender(Stream(), None, sequence=0, timestamp=0, ssrc=9)
    said = []
    for frames in (SPEECH, [SPEECH[2]], []):
        sender.loop(frames)
        said += [packet.payload[0] for _ in range(4) if (packet := unpack(sender.step()))]
    assert said == [0x11, 0x22, 0x33, 0x11] + [0x33] * 4 + [0xD5] * 4
