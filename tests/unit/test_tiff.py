"""Reading the directories of TIFF files, whole and damaged."""

from __future__ import annotations

import contextlib
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import documents, tiff
from hotline.errors import DocumentError

GUIDE = (documents.OURS / "welcome-guide.tif").read_bytes()


def made(order: str, *pages: dict[int, tuple[int, int]], rows: bytes = b"rows") -> bytes:
    """A TIFF whose pages have these fields, tag to (type, value); each page has the same rows."""
    parts = [(b"II*\0" if order == "<" else b"MM\0*"), struct.pack(order + "I", 8 + len(rows)), rows]
    place = 8 + len(rows)
    for number, fields in enumerate(pages, start=1):
        entries = {273: (4, 8), 279: (4, len(rows))} | fields
        size = 2 + 12 * len(entries) + 4
        body = struct.pack(order + "H", len(entries))
        for tag, (kind, value) in sorted(entries.items()):
            packed = struct.pack(order + ("HH" if kind == 3 else "I"), *((value, 0) if kind == 3 else (value,)))
            body += struct.pack(order + "HHI", tag, kind, 1) + packed
        place += size
        parts.append(body + struct.pack(order + "I", place if number < len(pages) else 0))
    return b"".join(parts)


@pytest.mark.parametrize("order", ["<", ">"])
def test_the_pages_of_either_byte_order_are_found(order: str) -> None:
    page = {256: (3, 1728), 257: (4, 100), 258: (3, 1), 259: (3, 4)}
    one, two = tiff.pages(made(order, page, page | {257: (3, 50)}))
    assert (one.width, one.length, one.bits, one.compression, one.rows) == (1728, 100, 1, 4, b"rows")
    assert two.length == 50


def test_our_guide_is_a_fax_of_two_pages() -> None:
    one, two = tiff.pages(GUIDE)
    assert (one.width, one.compression, one.x_dpi, one.y_dpi) == (1728, 3, 204, 196)
    assert one.rows != two.rows


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"", "begin"),
        (b"%PDF-1.7", "begin"),
        (b"II*\0", "cut off"),
        (GUIDE[:200], "cut off"),
        (GUIDE[:-1], "cut off"),
        (b"II*\0\0\0\0\0", "no page"),
        (made("<", {})[:16] + struct.pack("<I", 8), "cut off"),
        (made("<", {273: (4, 1 << 31)}), "cut off"),
    ],
)
def test_what_is_damaged_is_refused_with_the_reason(content: bytes, why: str) -> None:
    with pytest.raises(DocumentError, match=why):
        tiff.pages(content)


def test_a_list_of_pages_that_bites_its_tail_is_refused() -> None:
    content = bytearray(made("<", {}))
    content[-4:] = struct.pack("<I", 12)
    with pytest.raises(DocumentError, match="no end"):
        tiff.pages(bytes(content))


@given(st.binary(max_size=300), st.integers(0, len(GUIDE) - 1), st.booleans())
def test_any_bytes_give_pages_or_a_reason(noise: bytes, place: int, inside: bool) -> None:
    content = GUIDE[:place] + noise + GUIDE[place + len(noise) :] if inside else b"II*\0" + noise
    with contextlib.suppress(DocumentError):
        assert tiff.pages(content)
