"""Ogg pages (RFC 3533): where in a sound a moment lies, found by bisection, so that nothing before it is decoded. Pure.

``read(start, count)`` gives bytes of the sound, fewer only at its end. A place of a page of Opus (RFC 7845) counts samples of
48 kHz. ffmpeg leaves out as many samples as the head says, where it begins, wherever that is: so the first one that it gives is
that of the page's place (tests/unit/test_playing_from_a_moment.py compares each sample).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache

import msgspec

Read = Callable[[int, int], bytes]
PLACES_MS = 48
"""Places in a millisecond."""
_CAPTURE, _HEAD, _SEGMENTS = b"OggS\0", 27, 255
_LARGEST = _HEAD + _SEGMENTS + _SEGMENTS * 255
_BLOCK = 1 << 16
_NEAR = 1 << 15
_CONTINUED = 1


class Page(msgspec.Struct, frozen=True):
    """The bytes from ``start`` to ``end``; ``place``: behind its last whole packet, -1: none ends in it."""

    start: int
    end: int
    place: int
    serial: bytes
    is_continued: bool


class Beginning(msgspec.Struct, frozen=True):
    """Where to begin: the first ``head`` bytes, and then those from ``start`` on; the first sample is that of ``place``."""

    head: int
    start: int
    place: int


def beginning(read: Read, size: int, place: int) -> Beginning | None:
    """The last page that begins at or before this place; None: begin at the beginning, or it is no Opus."""
    near = _kept(read)
    pages = _pages(near, 0, size)
    head, tags, first = next(pages, None), next(pages, None), next(pages, None)
    if head is None or tags is None or first is None or first.is_continued or (tags.start, first.start) != (head.end, tags.end):
        return None
    if b"OpusHead" not in near(head.start, head.end - head.start):
        return None
    found = _last_before(near, first.start, size, place, head.serial)
    return None if found is None else Beginning(tags.end, found.end, found.place)


def _kept(read: Read) -> Read:
    """The same by blocks, of which the last few are kept: a storage may be far away."""
    block = lru_cache(4)(lambda number: read(number * _BLOCK, _BLOCK))

    def near(start: int, count: int) -> bytes:
        first, last = start // _BLOCK, (start + count - 1) // _BLOCK
        content = b"".join(block(number) for number in range(first, last + 1))
        return content[start - first * _BLOCK :][:count]

    return near


def _last_before(read: Read, start: int, end: int, place: int, serial: bytes) -> Page | None:
    """The last page that ends at or before ``place``, and behind which another begins with a packet of its own."""
    best, far = None, start
    while end - start > _NEAR:
        middle = (start + end) // 2
        page = next((page for page in _pages(read, middle, end, serial) if page.place >= 0), None)
        if page is None or page.place > place:
            end = middle
        else:
            start = page.end
            if _begins(read, page.end):
                best, far = page, page.end
    for page in _pages(read, far, end, serial):
        if page.place > place:
            break
        if page.place > 0 and _begins(read, page.end):
            best = page
    return best


def _begins(read: Read, at: int) -> bool:
    page = parsed(read(at, _HEAD + _SEGMENTS), at)
    return page is not None and not page.is_continued


def _pages(read: Read, start: int, end: int, serial: bytes | None = None) -> Iterator[Page]:
    """Those of ``serial`` that begin from ``start`` on and before ``end``; what is none is passed over."""
    while start < end:
        window = read(start, _LARGEST)
        at = window.find(_CAPTURE)
        if at < 0:
            if len(window) < _LARGEST:
                return
            start += len(window) - len(_CAPTURE) + 1
            continue
        page = parsed(window[at : at + _HEAD + _SEGMENTS], start + at)
        if page is None or start + at >= end or page.serial != (serial or page.serial):
            start += at + 1
            continue
        yield page
        start = page.end


def parsed(head: bytes, start: int) -> Page | None:
    """The page whose first bytes are ``head``, at ``start``; None: it is none, or cut off."""
    if not head.startswith(_CAPTURE) or len(head) < _HEAD or len(head) < _HEAD + head[26]:
        return None
    segments = head[_HEAD : _HEAD + head[26]]
    place = int.from_bytes(head[6:14], "little", signed=True)
    return Page(start, start + _HEAD + head[26] + sum(segments), place, head[14:18], bool(head[5] & _CONTINUED))
