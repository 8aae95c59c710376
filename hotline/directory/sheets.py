"""Files with a line for each entry and values between tabs, names first: the taxonomy (TAX-31), places (TKT-30). Pure.

A spreadsheet writes them as text with tabs. Lists have commas between their words; what is yes or no is ``yes`` or ``no``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from hotline.directory.kinds import DirectoryError, Line, Short, Territory, UnitCode

LARGEST = 200_000
"""Entries of a file."""
ItemCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Z][A-Z0-9]{0,7}(\.[0-9]{2,3})?$")]
Words = Annotated[tuple[Line, ...], msgspec.Meta(max_length=100)]


class ItemEntry(msgspec.Struct, frozen=True, kw_only=True):
    """An entry of the taxonomy. ``parent``: empty for a category. ``units``: by default for these, the lead first (TAX-21).

    ``profiles``: only in these cities (TAX-20); ``words``: what citizens say (TAX-13); ``valid_to``: the last day; ``scheme``:
    ``content``, or another line's own (TAX-07 to TAX-14).
    """

    code: ItemCode
    parent: Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Z0-9]{0,7})?$")] = ""
    zh: Line
    en: Line
    active: bool = True
    valid_from: dt.date | None = None
    valid_to: dt.date | None = None
    units: Annotated[tuple[UnitCode, ...], msgspec.Meta(max_length=20)] = ()
    profiles: Annotated[tuple[Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{1,32}$")], ...], msgspec.Meta(max_length=20)] = ()
    words: Words = ()
    scheme: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")] = "content"


class PlaceEntry(msgspec.Struct, frozen=True, kw_only=True):
    """A place of the gazetteer. ``territory``: the code of the county, township or village; ``unit``: who is responsible, when it
    is not whoever has the territory; ``note``: which house numbers."""

    code: UnitCode
    name: Line
    kind: Literal["county", "township", "village", "community", "street", "estate", "landmark"]
    territory: Territory
    unit: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9-]{0,31})?$")] = ""
    words: Words = ()
    note: Short = ""


SheetEntry: TypeAlias = ItemEntry | PlaceEntry
SHEETS: Mapping[str, type[SheetEntry]] = {"taxonomy": ItemEntry, "places": PlaceEntry}
"""What is kept in such files, by the word of the command line."""


def checked(kind: str, text: str, source: str) -> list[Any]:
    """The entries of a file; raises ``DirectoryError`` with one line for each problem."""
    lines = text.removeprefix("\ufeff").splitlines()
    names = lines[0].split("\t") if lines else []
    fields = {field.name for field in msgspec.structs.fields(SHEETS[kind])}
    strange = sorted({name or "(empty)" for name in names if name not in fields} | {n for n in names if names.count(n) > 1})
    if strange or "code" not in names:
        raise DirectoryError(
            f"{source}:1: {strange[0] if strange else 'code'}: the first line names the columns: {sorted(fields)}"
        )
    if len(lines) > LARGEST + 1:
        raise DirectoryError(f"{source}: more than {LARGEST} entries")
    problems: list[str] = []
    entries: list[tuple[int, Any]] = []
    for number, line in enumerate(lines[1:], 2):
        if not line.strip() or line.startswith("#"):
            continue
        try:
            entries.append((number, _entry(SHEETS[kind], names, line.split("\t"))))
        except msgspec.ValidationError as error:
            problems.append(f"{source}:{number}: {error}")
    problems += [f"{source}:{number}: {what}" for number, what in _TOGETHER[kind](entries)]
    if problems:
        raise DirectoryError("\n".join(sorted(problems, key=_line_of)))
    return [entry for _, entry in entries]


def written(kind: str, entries: Iterable[SheetEntry]) -> str:
    """The file that ``checked`` reads."""
    names = [field.name for field in msgspec.structs.fields(SHEETS[kind])]
    return "\n".join(["\t".join(names), *("\t".join(_text(getattr(one, name)) for name in names) for one in entries)]) + "\n"


def _entry(kind: type[SheetEntry], names: list[str], values: list[str]) -> SheetEntry:
    if len(values) != len(names):
        raise msgspec.ValidationError(f"{len(values)} values, {len(names)} columns")
    given = {name: value.strip() for name, value in zip(names, values, strict=True) if value.strip()}
    row: dict[str, Any] = {
        name: _split(value) if name in ("units", "profiles", "words") else value for name, value in given.items()
    }
    if "active" in row:
        row["active"] = {"yes": True, "no": False}.get(row["active"], row["active"])
    return msgspec.convert(row, kind, strict=True)


def _split(value: str) -> list[str]:
    return [word.strip() for word in value.replace("，", ",").split(",") if word.strip()]


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case tuple():
            return ",".join(value)
        case _:
            return str(value)


def _line_of(problem: str) -> tuple[int, str]:
    number = problem.rsplit(": ", 1)[0].split(":")[-2:]
    return next((int(word) for word in number if word.strip().isdigit()), 0), problem


def _once(entries: list[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
    first: dict[str, int] = {}
    for number, entry in entries:
        if entry.code in first:
            yield number, f"code: {entry.code} stands in line {first[entry.code]} already"
        first.setdefault(entry.code, number)


def _items(entries: list[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
    """Two levels (TAX-20): a leaf's code is its category's and a number."""
    yield from _once(entries)
    schemes = {entry.code: entry.scheme for _, entry in entries if not entry.parent}
    for number, entry in entries:
        if entry.parent != entry.code.partition(".")[0] * ("." in entry.code):
            yield number, f"parent: {entry.code} belongs to {entry.code.partition('.')[0] if '.' in entry.code else 'nothing'}"
        elif entry.parent and schemes.get(entry.parent) != entry.scheme:
            yield number, f"parent: there is no category {entry.parent} of the scheme {entry.scheme}"
        if entry.valid_from and entry.valid_to and entry.valid_to < entry.valid_from:
            yield number, "valid_to: comes before valid_from"


_TOGETHER: Mapping[str, Callable[[list[tuple[int, Any]]], Iterator[tuple[int, str]]]] = {"taxonomy": _items, "places": _once}
