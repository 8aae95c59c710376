"""TIFF files as far as fax needs them: which pages there are, and how each is coded. Pure.

Only the directories are read, never the picture: whether the coded rows are sound shows when they are sent.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Literal

import msgspec

from hotline.errors import DocumentError

_Order = Literal["little", "big"]
_ORDERS: dict[bytes, _Order] = {b"II*\0": "little", b"MM\0*": "big"}
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8}
"""Field type to bytes: byte, text, short, long, rational."""
_WIDTH, _LENGTH, _BITS, _COMPRESSION, _OFFSETS, _COUNTS, _X, _Y, _UNIT = 256, 257, 258, 259, 273, 279, 282, 283, 296
_CENTIMETRE = 3
_MOST_PAGES = 1000
_MOST_VALUES = 100_000


class Page(msgspec.Struct, frozen=True):
    """One picture: size in dots, TIFF's number for its coding (3 and 4 are fax), dots per inch, and its coded rows."""

    width: int
    length: int
    bits: int
    compression: int
    x_dpi: float
    y_dpi: float
    rows: bytes


def pages(content: bytes) -> list[Page]:
    """The pages in order; raises ``DocumentError``."""
    order = _ORDERS.get(content[:4])
    if order is None:
        raise DocumentError("it does not begin as a TIFF does")
    reader = _Reader(content, order)
    found: list[Page] = []
    seen: set[int] = set()
    place = reader.number(4, 4)
    while place:
        if place in seen or len(found) >= _MOST_PAGES:
            raise DocumentError("its list of pages has no end")
        seen.add(place)
        fields, place = reader.directory(place)
        found.append(_page(reader, fields))
    if not found:
        raise DocumentError("it has no page")
    return found


class _Reader:
    """Numbers at places of a file; what lies outside raises ``DocumentError``."""

    def __init__(self, content: bytes, order: _Order) -> None:
        self._content, self._order = content, order

    def bytes(self, place: int, size: int) -> bytes:
        if place + size > len(self._content):
            raise DocumentError("it is cut off")
        return self._content[place : place + size]

    def number(self, place: int, size: int) -> int:
        return int.from_bytes(self.bytes(place, size), self._order)

    def directory(self, place: int) -> tuple[dict[int, list[float]], int]:
        """Tag to values, and the place of the next directory."""
        count = self.number(place, 2)
        fields = {}
        for at in range(place + 2, place + 2 + 12 * count, 12):
            tag, kind = self.number(at, 2), self.number(at + 2, 2)
            if kind in _SIZES:
                fields[tag] = list(self._values(at, kind))
        return fields, self.number(place + 2 + 12 * count, 4)

    def _values(self, at: int, kind: int) -> Iterator[float]:
        size, count = _SIZES[kind], self.number(at + 4, 4)
        if count > _MOST_VALUES:
            raise DocumentError("a field is absurdly long")
        start = at + 8 if size * count <= 4 else self.number(at + 8, 4)
        self.bytes(start, size * count)
        for place in range(start, start + size * count, size):
            if kind == 5:
                yield self.number(place, 4) / (self.number(place + 4, 4) or 1)
            else:
                yield self.number(place, size)


def _page(reader: _Reader, fields: dict[int, list[float]]) -> Page:
    def first(tag: int, otherwise: float) -> float:
        return (fields.get(tag) or [otherwise])[0]

    offsets, counts = fields.get(_OFFSETS, []), fields.get(_COUNTS, [])
    if len(offsets) != len(counts) or not offsets:
        raise DocumentError("a page has no rows")
    inch = 2.54 if first(_UNIT, 2) == _CENTIMETRE else 1.0
    return Page(
        width=int(first(_WIDTH, 0)),
        length=int(first(_LENGTH, 0)),
        bits=int(first(_BITS, 1)),
        compression=int(first(_COMPRESSION, 1)),
        x_dpi=first(_X, 0) * inch,
        y_dpi=first(_Y, 0) * inch,
        rows=b"".join(reader.bytes(int(place), int(size)) for place, size in zip(offsets, counts, strict=True)),
    )
