"""The AMI codec: the same frames for any cut of the stream, limits, and refusal of what would break out of a line."""

from __future__ import annotations

import itertools
from collections.abc import Collection
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


def fed(*chunks: bytes, wanted: Collection[str] | None = None) -> tuple[list[Frame], codec.Counts]:
    decoder = Decoder(wanted)
    frames = [frame for chunk in chunks for frame in decoder.feed(chunk)]
    return frames, decoder.counts


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = [0, *sorted(place % (len(data) + 1) for place in places), len(data)]
    return [data[a:b] for a, b in itertools.pairwise(edges)]


@given(st.lists(st.integers(0, 10**9), max_size=40))
def test_any_split_of_a_recorded_stream_gives_the_same_frames(places: list[int]) -> None:
    assert fed(*cut(STREAM, places)) == fed(STREAM)


@given(st.lists(st.sampled_from(RUBBISH)), st.lists(st.integers(0, 10**9), max_size=10))
def test_any_split_of_any_rubbish_gives_the_same_frames_and_raises_nothing(pieces: list[bytes], places: list[int]) -> None:
    data = b"".join(pieces)
    assert fed(*cut(data, places)) == fed(data)


PIECES = [*RUBBISH, b"\r\n\r\n", b"Event: Hangup", b"Event: VarSet", b"\r\nActionID: 7", b"\r\nVariable: Q", b"x" * 30]
WANTED = {"Hangup": "", "VarSet": "Variable: Q"}


def is_wanted(frame: Frame) -> bool:
    if frame.kind != "event" or b"\r\nActionID: " in frame.raw:
        return True
    line = WANTED.get(frame.name)
    return line is not None and b"\r\n" + line.encode() in frame.raw + b"\r\n"


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.lists(st.integers(0, 10**9), max_size=10))
def test_of_any_rubbish_in_any_pieces_what_is_wanted_is_found_and_the_rest_is_counted(
    pieces: list[bytes], places: list[int]
) -> None:
    data = b"".join(pieces)
    everything, counts = fed(data)
    frames, seen = fed(*cut(data, places), wanted=WANTED)
    assert frames == [frame for frame in everything if is_wanted(frame)]
    assert seen.events == counts.events
    assert seen.unwanted == len(everything) - len(frames)
    assert (seen.responses, seen.junk, seen.oversized) == (counts.responses, counts.junk, counts.oversized)


@given(st.lists(st.sampled_from(PIECES), max_size=40), st.lists(st.integers(0, 10**9), max_size=10))
def test_limits_drop_the_same_blocks_however_the_stream_is_cut(pieces: list[bytes], places: list[int]) -> None:
    data = b"".join(pieces)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(codec, "LONGEST_LINE", 31)
        patch.setattr(codec, "LONGEST_BLOCK", 60)
        whole = fed(data, wanted=WANTED)
        assert fed(*cut(data, places), wanted=WANTED) == whole
        assert fed(*[data[i : i + 1] for i in range(len(data))], wanted=WANTED) == whole
        assert all(len(frame.raw) <= 64 for frame in whole[0])


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
    (frame,), _ = fed(b"Event: X\r\nA: \r\nB:\r\nC: a: b\r\nD: \r\n\r\n")
    assert [frame.headers[key] for key in "abcd"] == ["", "", "a: b", ""]


def test_a_line_without_a_colon_is_no_header() -> None:
    (frame,), _ = fed(b"Event: X\r\nA\r\nB: b\r\n\r\n")
    assert frame.headers == {"event": "X", "b": "b"}
    assert "a" not in frame.headers
    assert frame.headers.get("a") is None
    with pytest.raises(KeyError):
        frame.headers["a"]


def split(block: bytes) -> dict[str, str]:
    """What the headers of a block are, said plainly."""
    found: dict[str, str] = {}
    for line in block.decode(errors="replace").split("\r\n"):
        key, colon, value = line.partition(":")
        key = "".join(character.lower() if character.isascii() else character for character in key)
        if colon and key not in found:
            found[key] = value.removeprefix(" ")
        elif colon and key in {"output", "variable", "chanvariable"}:
            found[key] += "\n" + value.removeprefix(" ")
    return found


LINES = st.tuples(
    st.sampled_from(["Uniqueid", "uniqueid", "Output", "Variable", "ActionID", "Ä", "", " A", "Event"]),
    st.sampled_from([b": ", b":", b":  ", b""]),
    st.sampled_from(
        [b"", b"x", b" ", b"a: b", "张".encode(), b"\xe5\xbc", b"\n", b"\r", b"Uniqueid: forged", b"\nUniqueid: forged"]
    ),
)


@given(st.lists(LINES, max_size=12))
def test_headers_are_those_of_the_plain_way_of_splitting(lines: list[tuple[str, bytes, bytes]]) -> None:
    block = b"\r\n".join([b"Event: X", *(key.encode() + colon + value for key, colon, value in lines)])
    if b"\r\n\r\n" in block + b"\r\n":
        return
    (frame,), _ = fed(block + b"\r\n\r\n")
    plain = split(block)
    assert list(frame.headers) == list(plain)
    assert len(frame.headers) == len(plain)
    assert dict(frame.headers) == plain
    assert all(key in frame.headers and frame.headers.get(key) == value for key, value in plain.items())
    assert frame.raw == block + b"\r\n\r\n"


SHORT = (
    b"Asterisk Call Manager/11.0.0\r\nResponse: Success\r\nMessage: Authentication accepted\r\n\r\n"
    + event("Newchannel", CallerIDName="张三丰😀", Uniqueid="1.0")
    + b"Response: Success\r\nActionID: 1\r\nEventList: start\r\n\r\n"
    + event("CoreShowChannel", ActionID="1", Channel="PJSIP/1001-1")
    + event("CoreShowChannelsComplete", ActionID="1", EventList="Complete")
    + b"Response: Success\r\nActionID: 2\r\nOutput: one\r\nOutput: \r\nOutput: three\r\n\r\n"
    + event("VarSet", Variable="x")
    + event("Hangup", Cause="16")
)


def test_a_cut_at_any_byte_gives_the_same_frames() -> None:
    """Within a line break, the empty line, a character, the greeting, a list, an output."""
    whole = fed(SHORT, wanted=("Newchannel", "Hangup"))
    assert [frame.name for frame in whole[0]] == [
        "11.0.0",
        "Success",
        "Newchannel",
        "Success",
        "CoreShowChannel",
        "CoreShowChannelsComplete",
        "Success",
        "Hangup",
    ]
    assert whole[0][-2].headers["output"] == "one\n\nthree"
    for at in range(len(SHORT) + 1):
        assert fed(SHORT[:at], SHORT[at:], wanted=("Newchannel", "Hangup")) == whole
        assert fed(SHORT[:at], SHORT[at : at + 1], SHORT[at + 1 :], wanted=("Newchannel", "Hangup")) == whole


@given(st.integers(1, 5000), st.integers(1, 4))
def test_a_storm_in_packets_of_any_size_loses_nothing_and_repeats_what_was_repeated(size: int, times: int) -> None:
    data = b"".join(event("Hangup", Uniqueid=str(number)) * times + event("VarSet", Value="张") for number in range(300))
    frames, counts = fed(*[data[i : i + size] for i in range(0, len(data), size)], wanted=("Hangup",))
    assert [frame.headers["uniqueid"] for frame in frames] == [str(number) for number in range(300) for _ in range(times)]
    assert (counts.events, counts.unwanted, counts.undecodable) == (300 * times + 300, 300, 0)


def test_an_event_may_be_wanted_only_with_a_certain_line() -> None:
    wanted = {"VarSet": "Variable: QUEUESTATUS", "Hangup": ""}
    decoder = Decoder(wanted)
    frames = decoder.feed(event("VarSet", Variable="X") + event("VarSet", Variable="QUEUESTATUS", Value="FULL") + event("Hangup"))
    assert [(frame.name, frame.headers.get("value")) for frame in frames] == [("VarSet", "FULL"), ("Hangup", None)]
    assert decoder.counts.unwanted == 1


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
