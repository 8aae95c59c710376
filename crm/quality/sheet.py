"""Score sheets in stages, and what a score by one must be (QUA-04, QUA-05, QUA-11). Pure.

A sheet is kept in versions; a score keeps the version that it was made with. ``sheets.toml`` holds those that there are at first.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated

import msgspec

from crm.errors import RefusedError

_LINE = r"^[^\x00-\x1f\x7f\ud800-\udfff]*$"
Name = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=100, pattern=_LINE)]
Points = Annotated[float, msgspec.Meta(ge=0, le=100)]


class Item(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One thing to judge. ``step``: points come in multiples of it. ``check``: the automatic check that looks at the same."""

    code: Name
    title: Title
    most: Annotated[float, msgspec.Meta(gt=0, le=100)]
    step: Annotated[float, msgspec.Meta(ge=0.5, le=100)] = 1
    check: Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""


class Stage(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A part of the call; nobody says what the stages beside connection and problem solving are (QUA-05): they may be changed."""

    code: Name
    title: Title
    items: Annotated[tuple[Item, ...], msgspec.Meta(min_length=1, max_length=40)]


class Veto(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What makes the whole score 0, whatever else was good."""

    code: Name
    title: Title
    check: Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9_]{0,39})?$")] = ""


class Sheet(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Stages and vetoes."""

    title: Title
    stages: Annotated[tuple[Stage, ...], msgspec.Meta(min_length=1, max_length=12)]
    vetoes: Annotated[tuple[Veto, ...], msgspec.Meta(max_length=20)] = ()

    def items(self) -> Iterator[Item]:
        """Of all stages, in their order."""
        return (item for stage in self.stages for item in stage.items)

    @property
    def most(self) -> float:
        """The most points that there are."""
        return sum(item.most for item in self.items())


def check_sheet(sheet: Sheet) -> None:
    """Raise ``RefusedError`` (``sheet_twice``): a code stands in it twice."""
    items = [item.code for item in sheet.items()]
    for codes in (items, [stage.code for stage in sheet.stages], [veto.code for veto in sheet.vetoes]):
        if twice := sorted({code for code in codes if codes.count(code) > 1}):
            raise RefusedError("sheet_twice", codes=twice)


def check_points(sheet: Sheet, points: Mapping[str, float], vetoes: Sequence[str], *, whole: bool) -> None:
    """Raise ``RefusedError``: ``unknown_item`` (or veto), ``bad_points``; ``points_missing`` when it is to be ``whole``."""
    items = {item.code: item for item in sheet.items()}
    unknown = sorted(points.keys() - items.keys()) + sorted(set(vetoes) - {veto.code for veto in sheet.vetoes})
    if unknown:
        raise RefusedError("unknown_item", items=unknown)
    for code, given in points.items():
        item = items[code]
        if not 0 <= given <= item.most or (given / item.step) % 1 != 0:
            raise RefusedError("bad_points", item=code, most=item.most, step=item.step)
    if whole and (missing := [code for code in items if code not in points]):
        raise RefusedError("points_missing", items=missing)


def total(points: Mapping[str, float], vetoes: Sequence[str]) -> float:
    """All points; a veto makes it 0."""
    return 0.0 if vetoes else float(sum(points.values()))


def by_stage(sheet: Sheet, points: Mapping[str, float]) -> dict[str, float]:
    """The points of each stage."""
    return {stage.code: float(sum(points.get(item.code, 0) for item in stage.items)) for stage in sheet.stages}
