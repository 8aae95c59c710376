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
            text = "".join(one if one.isprintable() else " " for one in str(value))
            return f"'{text}" if text.lstrip().startswith(_FORMULA) else text


def table(names: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """The file: a byte order mark, by which a spreadsheet knows UTF-8, the names, and the rows."""
    out = io.StringIO()
    writer = csv.writer(out)
    for row in (names, *rows):
        writer.writerow([cell(value) for value in row])
    return "\ufeff" + out.getvalue()
