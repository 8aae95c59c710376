"""The AMI codec: the same frames for any cut of the stream, limits, and refusal of what would break out of a line."""

from __future__ import annotations

import itertools
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import codec
from ami_bridge.codec import Decoder, Frame
from ami_bridge.errors import ActionRefusedError

STREAM = (Path(__file__).parent.parent / "traces" / "answered_unfiltered.ami").read_bytes()

RUBBISH = [b"\r\n", b"\r", b"\n", b"Event: X", b"Event: ", b"Response: Y", b"A: b", "张".encode(), b"\xff", b": "]


def event(name: str, **headers: str) -> bytes:
    return ("\r\n".join([f"Event: {name}", *(f"{key}: {value}" for key, value in headers.items())]) + "\r\n\r\n").encode()


def fed(*chunks: bytes, wanted: tuple[str, ...] | None = None) -> tuple[list[Frame], codec.Counts]:
    decoder = Decoder(wanted)
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames, decoder.counts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_any_split_of_a_recorded_stream_gives_the_same_frames(places: list[int]) -> None:
    assert fed(*cut(STREAM, places)) == fed(STREAM)


@given(
    st.lists(
        st.sampled_from([b"\r\n", b"\r", b"\n", b"Event: X", b"Event: ", b"Response: Y", b"A: b", "张".encode(), b"\xff", b": "])
    ),
    st.lists(st.integers(0, 10**9), max_size=10),
)
def test_any_split_of_any_rubbish_gives_the_same_frames_and_raises_nothing(pieces: list[bytes], places: list[int]) -> None:
    data = b"".join(pieces)
    assert fed(*cut(data, places)) == fed(data)


def test_byte_by_byte_loses_no_character_of_a_chinese_name() -> None:
    data = event("Newchannel", CallerIDName="张三丰😀")
    frames, counts = fed(*[data[i : i + 1] for i in range(len(data))])
    assert frames[0].headers["calleridname"] == "张三丰😀"
    assert counts.undecodable == 0


def test_bytes_that_are_not_utf8_are_replaced_and_counted() -> None:
    frames, counts = fed(b"Event: X\r\nName: a\xff\xfeb\r\n\r\n")
    assert frames[0].headers["name"] == "a\ufffd\ufffdb"
    assert counts.undecodable == 1


def test_the_greeting_is_a_line_without_an_empty_one() -> None:
    frames, _ = fed(b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n")
    assert [(frame.kind, frame.name) for frame in frames] == [("greeting", "11.0.0"), ("response", "Success")]


def test_an_unwanted_event_is_counted_and_not_split_unless_it_answers_an_action() -> None:
    frames, counts = fed(event("VarSet", A="b"), event("Hangup"), event("CoreShowChannel", ActionID="7"), wanted=("Hangup",))
    assert [frame.name for frame in frames] == ["Hangup", "CoreShowChannel"]
    assert (counts.events, counts.unwanted) == (3, 1)


def test_the_lines_of_an_output_are_kept_and_of_another_header_the_first_counts() -> None:
    data = b"Response: Success\r\nOutput: one\r\nOutput: \r\nOutput: three\r\nUniqueid: channel\r\nUniqueid: forged\r\n\r\n"
    (frame,), _ = fed(data)
    assert frame.headers["output"] == "one\n\nthree"
    assert frame.headers["uniqueid"] == "channel"
    assert frame.raw == data


def test_a_value_may_be_empty_or_hold_colons() -> None:
    (frame,), _ = fed(b"Event: X\r\nA: \r\nB:\r\nC: a: b\r\nD\r\n\r\n")
    assert [frame.headers[key] for key in "abcd"] == ["", "", "a: b", ""]


@pytest.mark.parametrize("chunk", [1 << 12, 1 << 16, 1 << 22])
def test_a_block_or_a_line_beyond_its_limit_is_dropped_whole_and_the_next_is_read(chunk: int) -> None:
    long_line = event("X", A="x" * (codec.LONGEST_LINE + 1))
    long_block = event("X", **{f"A{i}": "x" * 1000 for i in range(codec.LONGEST_BLOCK // 1000 + 10)})
    data = long_line + event("Y") + long_block + event("Z")
    frames, counts = fed(*[data[i : i + chunk] for i in range(0, len(data), chunk)])
    assert [frame.name for frame in frames] == ["Y", "Z"]
    assert (counts.oversized, counts.events) == (2, 2)


def test_a_peer_that_never_ends_a_block_costs_no_more_memory_than_the_limit() -> None:
    decoder = Decoder()
    for _ in range(40):
        decoder.feed(b"x" * (1 << 18))
    assert len(decoder._buffer) <= codec.LONGEST_BLOCK + (1 << 18)


def test_what_is_neither_event_nor_response_is_junk() -> None:
    frames, counts = fed(b"HTTP/1.1 400 Bad Request\r\nServer: x\r\n\r\n\r\n\r\n" + event("X"))
    assert [frame.name for frame in frames] == ["X"]
    assert counts.junk == 1


def test_an_action_is_encoded_in_order_and_in_utf8() -> None:
    assert codec.encode({"Action": "Setvar", "Value": "张三: ok"}) == "Action: Setvar\r\nValue: 张三: ok\r\n\r\n".encode()


@pytest.mark.parametrize("value", ["a\r\nAction: Originate", "a\nb", "a\rb", "a\0b"])
def test_a_line_break_in_a_value_or_a_key_is_refused(value: str) -> None:
    with pytest.raises(ActionRefusedError):
        codec.encode({"Action": "Redirect", "Channel": value})
    with pytest.raises(ActionRefusedError):
        codec.encode({"Action": "Redirect", value: "x"})


def test_a_colon_in_a_key_is_refused() -> None:
    with pytest.raises(ActionRefusedError):
        codec.encode({"Action: Originate": "x"})
