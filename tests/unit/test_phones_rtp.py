"""RTP packets and telephone digits as bytes, against RFC 3550 and RFC 4733, and there and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline.phones import rtp
from hotline.phones.rtp import Event, Packet

PACKETS = st.builds(
    Packet,
    payload_type=st.integers(0, 63) | st.integers(96, 127),
    marker=st.booleans(),
    sequence=st.integers(0, 0xFFFF),
    timestamp=st.integers(0, 0xFFFFFFFF),
    ssrc=st.integers(0, 0xFFFFFFFF),
    payload=st.binary(max_size=200),
)


@given(PACKETS)
def test_a_packet_survives_packing_and_unpacking(packet: Packet) -> None:
    assert rtp.unpack(rtp.pack(packet)) == packet


@given(st.binary(max_size=64))
def test_any_datagram_is_a_packet_or_none(data: bytes) -> None:
    found = rtp.unpack(data)
    assert found is None or len(found.payload) <= len(data)


def test_a_packet_has_the_bytes_of_the_standard() -> None:
    packet = Packet(8, True, 0x0102, 0x03040506, 0x0708090A, b"\xd5")
    assert rtp.pack(packet) == bytes.fromhex("80 88 0102 03040506 0708090a d5")


def test_sources_extension_and_padding_are_stripped() -> None:
    data = bytes.fromhex("b1 08 0001 00000002 00000003 0000abcd bede 0001 11223344") + b"sound" + b"\x00\x02"
    packet = rtp.unpack(data)
    assert packet is not None
    assert packet.payload == b"sound"


@pytest.mark.parametrize("kind", [200, 201, 202, 203, 204])
def test_rtcp_is_not_rtp(kind: int) -> None:
    assert rtp.unpack(bytes([0x80, kind]) + bytes(26)) is None


def test_a_pressed_key_grows_and_ends_three_times() -> None:
    events = [rtp.read_event(payload) for payload in rtp.event_payloads("5", 100)]
    assert events == [Event("5", False, 10, step * 160) for step in range(1, 6)] + [Event("5", True, 10, 800)] * 3


@given(st.sampled_from(rtp.KEYS), st.integers(20, 2000))
def test_every_key_of_any_length_is_read_back(key: str, milliseconds: int) -> None:
    events = [rtp.read_event(payload) for payload in rtp.event_payloads(key, milliseconds)]
    assert {event.key for event in events if event} == {key}
    last = events[-1]
    assert last is not None
    assert last.end
    assert last.duration == milliseconds // 20 * 160


@pytest.mark.parametrize("key", ["", "12", "E", "w", "一"])
def test_what_is_not_a_key_is_refused(key: str) -> None:
    with pytest.raises(ValueError, match="not a telephone key"):
        rtp.event_payloads(key)


@pytest.mark.parametrize("payload", [b"", b"\x01\x00", b"\x10\x00\x00\xa0"])
def test_a_short_event_or_a_flash_is_no_key(payload: bytes) -> None:
    assert rtp.read_event(payload) is None
