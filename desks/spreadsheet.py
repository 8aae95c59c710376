"""Tables that people open in a spreadsheet: CSV in which no cell is a formula. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Sequence

_FORMULA = tuple("=+-@\t\r\n|%＝＋－＠")
"""What a spreadsheet may take for the beginning of a formula, also as wide characters."""


def cell(value: object) -> str:
    """What stands in a cell: text that would be a formula gets an apostrophe before it; numbers stay numbers.

    Control characters become blanks; nothing is None.
    """
    match value:
        case None:
            return ""
        case bool() | int() | float():
            return str(value)
        case _:
            text = plain(value)
            return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def plain(value: object) -> str:
    """The text of a value without control characters; nothing is None. For a cell that is text whatever it begins with."""
    return "" if value is None else "".join(one if one.isprintable() else " " for one in str(value))


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The file: a byte order mark, by which a spreadsheet knows UTF-8, the names, and the rows."""
    return "\ufeff" + lines((names, *rows))


def lines(rows: Iterable[Sequence[object]]) -> str:
    """Further lines of a file."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in rows:
        writer.writerow([cell(value) for value in row])
    return out.getvalue()
