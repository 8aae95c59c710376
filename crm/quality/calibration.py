"""How far scorers agree who scored the same recording without seeing each other (calibration). Pure."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence

import msgspec


class ItemOf(msgspec.Struct, frozen=True):
    """One item: each scorer's points, and the greatest difference."""

    item: str
    points: dict[str, float]
    spread: float


class Pair(msgspec.Struct, frozen=True):
    """Two scorers: the mean absolute difference in shares of each item's points, and kappa; None: cannot be said."""

    one: str
    other: str
    difference: float
    kappa: float | None


class Agreement(msgspec.Struct, frozen=True):
    """Of all items and pairs. ``difference``: the mean of all pairs; ``kappa``: of those of which it can be said."""

    items: tuple[ItemOf, ...]
    pairs: tuple[Pair, ...]
    difference: float
    kappa: float | None


def agreement(most: Mapping[str, float], scores: Mapping[str, Mapping[str, float]]) -> Agreement:
    """``most``: item -> the most points; ``scores``: scorer -> item -> points. Items that somebody left out are not compared."""
    scorers = sorted(scores)
    common = [item for item in most if scores and all(item in scores[one] for one in scorers)]
    items = tuple(_item(item, {one: scores[one][item] for one in scorers}) for item in common)
    pairs = tuple(
        Pair(
            one,
            other,
            mean_difference([scores[one][i] / most[i] for i in common], [scores[other][i] / most[i] for i in common]),
            weighted_kappa([level(scores[one][i], most[i]) for i in common], [level(scores[other][i], most[i]) for i in common]),
        )
        for one, other in itertools.combinations(scorers, 2)
    )
    kappas = [pair.kappa for pair in pairs if pair.kappa is not None]
    difference = _mean([pair.difference for pair in pairs]) if pairs else 0.0
    return Agreement(items, pairs, difference, _mean(kappas) if kappas else None)


LEVELS = 5


def level(points: float, most: float) -> int:
    """From 0 to 4: items have different points, kappa wants the same grades for all."""
    return min(int(points / most * (LEVELS - 1) + 0.5), LEVELS - 1)


def mean_difference(one: Sequence[float], other: Sequence[float]) -> float:
    """The mean of the absolute differences; 0 of nothing."""
    return _mean([abs(a - b) for a, b in zip(one, other, strict=True)]) if one else 0.0


def weighted_kappa(one: Sequence[int], other: Sequence[int], levels: int = LEVELS, *, power: int = 1) -> float | None:
    """Cohen's kappa of two scorers, disagreement weighted by its distance to this power; 0: as plain kappa, any is the same.

    None: there is nothing to compare, or both gave one and the same grade to everything, where agreement by chance is certain.
    """
    count = len(one)
    if count == 0:
        return None
    grades = range(levels)
    seen = sum(_weight(a, b, power) for a, b in zip(one, other, strict=True)) / count
    shares = [[side.count(grade) / count for grade in grades] for side in (list(one), list(other))]
    chance = sum(shares[0][a] * shares[1][b] * _weight(a, b, power) for a in grades for b in grades)
    return None if chance == 0 else 1 - seen / chance


def _weight(one: int, other: int, power: int) -> float:
    return float(abs(one - other) ** power) if one != other else 0.0


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)


def _item(item: str, points: dict[str, float]) -> ItemOf:
    return ItemOf(item, points, max(points.values()) - min(points.values()))
