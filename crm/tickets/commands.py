"""The life of a ticket as a picture and as a table: ``python -m crm draw`` and ``table`` print them.

``python -m crm.tickets.commands`` renews ``docs/tickets.svg``, and the tables in ``docs/tickets.md`` and its Chinese twin.
"""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path

from crm.permission_pages import names
from crm.tickets import drawing
from hotline import messages
from hotline.paths import TREE

FILES = {"en": "tickets.md", "zh-CN": "tickets.zh-CN.md"}
RENEW = ".venv/bin/python -m crm.tickets.commands"
MADE = re.compile(r"(<!-- made of crm/tickets/life_cycle\.py: .* -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def svg() -> str:
    """The picture."""
    return drawing.svg(names())


def markdown(language: str) -> str:
    """The table of transitions in ``zh-CN`` or ``en``."""
    return drawing.markdown(language, names())


def printed(arguments: list[str]) -> int:
    """``draw``: the picture; ``table``: the table, in Chinese or in the language named. Exit status 2 for anything else."""
    parser = argparse.ArgumentParser(prog="python -m crm", description=messages.text("crm.about"))
    subparsers = parser.add_subparsers(required=True, metavar="COMMAND")
    subparsers.add_parser("draw", help=messages.text("crm.draw")).set_defaults(text=lambda _chosen: svg())
    table = subparsers.add_parser("table", help=messages.text("crm.table"))
    table.add_argument("language", nargs="?", choices=drawing.LANGUAGES, default="zh-CN")
    table.set_defaults(text=lambda chosen: markdown(chosen.language))
    chosen = parser.parse_args(arguments)
    sys.stdout.write(chosen.text(chosen))
    return 0


def renew(folder: Path) -> None:
    """Write the picture, and the tables between their marks; what people wrote around them stays."""
    (folder / "tickets.svg").write_text(svg(), encoding="utf-8")
    for language, name in FILES.items():
        before, mark, after = _parts((folder / name).read_text(encoding="utf-8"))
        (folder / name).write_text(before + mark + markdown(language) + after, encoding="utf-8")


def _parts(text: str) -> tuple[str, str, str]:
    found = MADE.search(text)
    if found is None:
        raise ValueError("the marks of the table are missing")
    return text[: found.start()], found[1], text[found.end(2) :]


def main() -> int:
    """Renew all of it."""
    renew(TREE / "docs")
    return 0


if __name__ == "__main__":
    sys.exit(main())
