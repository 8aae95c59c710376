"""A-law, against the numbers of ITU-T G.711 and its own laws."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import g711


def test_every_a_law_byte_survives_decoding_and_encoding() -> None:
    every = bytes(range(256))
    assert g711.encode(g711.decode(every)) == every


def test_the_values_at_the_ends_of_the_standard_are_met() -> None:
    """The decoder's values of table 1a (13 bits, here scaled to 16): the smallest and the largest of each sign."""
    assert [g711.decode_sample(code) for code in (0xD5, 0x55, 0xAA, 0x2A)] == [8, -8, 32256, -32256]
    assert g711.encode(struct.pack("<5h", 0, -1, 32767, -32768, 1000)) == bytes([0xD5, 0x55, 0xAA, 0x2A, 0xFA])


@given(st.integers(-32768, 32767))
def test_an_encoded_value_is_off_by_at_most_half_a_step_of_its_segment(value: int) -> None:
    heard = g711.decode_sample(g711.encode_sample(value))
    assert abs(heard - value) <= max(16, abs(value) // 16)


def test_a_louder_sample_is_never_encoded_as_a_softer_one() -> None:
    heard = [g711.decode_sample(g711.encode_sample(value)) for value in range(-32768, 32768)]
    assert heard == sorted(heard)


@given(st.lists(st.integers(-32768, 32767)))
def test_bytes_are_encoded_sample_by_sample(values: list[int]) -> None:
    linear = struct.pack(f"<{len(values)}h", *values)
    assert g711.encode(linear) == bytes(g711.encode_sample(value) for value in values)
    assert g711.decode(g711.encode(linear)) == struct.pack(
        f"<{len(values)}h", *(g711.decode_sample(g711.encode_sample(value)) for value in values)
    )


def test_half_a_sample_is_refused() -> None:
    with pytest.raises(ValueError, match="bytes length not a multiple"):
        g711.encode(b"\x00\x01\x02")
