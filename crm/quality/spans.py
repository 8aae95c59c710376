"""Stretches of time in milliseconds, each (from, to): joined, cut out of each other, taken away. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeAlias

Span: TypeAlias = tuple[int, int]


def union(spans: Iterable[Span]) -> list[Span]:
    """In order, none touching another; empty ones are left out."""
    found: list[Span] = []
    for begin, end in sorted(span for span in spans if span[1] > span[0]):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found


def both(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """What lies in both; in linear time."""
    left, right = union(one), union(other)
    found: list[Span] = []
    here = there = 0
    while here < len(left) and there < len(right):
        begin, end = max(left[here][0], right[there][0]), min(left[here][1], right[there][1])
        if begin < end:
            found.append((begin, end))
        if left[here][1] <= right[there][1]:
            here += 1
        else:
            there += 1
    return found


def without(one: Iterable[Span], other: Iterable[Span]) -> list[Span]:
    """What lies in the first and not in the second."""
    found: list[Span] = []
    cuts = union(other)
    at = 0
    for begin, end in union(one):
        while at < len(cuts) and cuts[at][1] <= begin:
            at += 1
        place, rest = at, begin
        while place < len(cuts) and cuts[place][0] < end:
            if rest < cuts[place][0]:
                found.append((rest, cuts[place][0]))
            rest = max(rest, cuts[place][1])
            place += 1
        if rest < end:
            found.append((rest, end))
    return found


def longer(spans: Iterable[Span], limit: int) -> list[Span]:
    """Those that last longer than ``limit``."""
    return [span for span in spans if span[1] - span[0] > limit]


def total(spans: Iterable[Span]) -> int:
    """How long they last together, each millisecond counted once."""
    return sum(end - begin for begin, end in union(spans))
