"""Documents to be faxed: ``python -m hotline documents add NAME FILE`` and ``list`` (IVR-07).

They are ``var/fax/NAME.tif``. Ours come from ``ivr_flows/documents`` at each start, unless the city has put its own of that name.
"""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from hotline import durable, messages, paths, tiff
from hotline.errors import DocumentError
from hotline.tiff import Page

OURS = paths.TREE / "ivr_flows" / "documents"
_NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")
_WIDTH, _X_DPI, _Y_DPI = 1728, 204, (98, 196)
_TOLERANCE = 0.02
_CODINGS = (3, 4)
_GS = "gs -q -dNOPAUSE -dBATCH -dSAFER -sDEVICE=tiffg4 -r204x196 -g1728x2292 -dPDFFitPage -sOutputFile=NEW.tif OLD.pdf"
_TIFFCP = "tiffcp -c g4 OLD.tif NEW.tif"


def folder() -> Path:
    """Where Asterisk finds them."""
    return paths.var() / "fax"


def checked(file: Path) -> list[Page]:
    """The pages of a file that can be faxed; raises ``DocumentError`` with the way to make it so, and ``OSError``."""
    try:
        pages = tiff.pages(file.read_bytes())
    except DocumentError as error:
        raise DocumentError(messages.text("documents.unreadable", file=file, reason=error, gs=_GS)) from error
    for number, page in enumerate(pages, start=1):
        if not _is_fax(page):
            raise DocumentError(messages.text("documents.page", file=file, page=number, gs=_GS, tiffcp=_TIFFCP))
    return pages


def _is_fax(page: Page) -> bool:
    fine = any(abs(page.y_dpi - dpi) <= dpi * _TOLERANCE for dpi in _Y_DPI) and abs(page.x_dpi - _X_DPI) <= _X_DPI * _TOLERANCE
    return fine and page.width == _WIDTH and page.length > 0 and page.bits == 1 and page.compression in _CODINGS


def put(name: str, file: Path) -> list[Page]:
    """Keep ``file`` under ``name``, in place of one before it; raises ``DocumentError`` and ``OSError``."""
    if not _NAME.fullmatch(name):
        raise DocumentError(messages.text("documents.name", name=repr(name)))
    pages = checked(file)
    _write(folder() / f"{name}.tif", file.read_bytes())
    return pages


def install() -> None:
    """Our own documents, where there is none of that name."""
    for file in sorted(OURS.glob("*.tif")):
        if not (folder() / file.name).exists():
            _write(folder() / file.name, file.read_bytes())


def installed() -> Iterator[tuple[str, int]]:
    """(name, pages) of every document, by name; one that cannot be faxed has 0 pages."""
    for file in sorted(folder().glob("*.tif")):
        try:
            yield file.stem, len(checked(file))
        except DocumentError:
            yield file.stem, 0


def _write(file: Path, content: bytes) -> None:
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(file, content)


# --- the command ---


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``documents``."""
    actions = subparsers.add_parser("documents", help="documents to be faxed").add_subparsers(required=True, metavar="ACTION")
    adding = actions.add_parser("add", help="keep a fax file (TIFF) under a name")
    adding.add_argument("name")
    adding.add_argument("file", type=Path)
    adding.set_defaults(run=_add)
    actions.add_parser("list", help="names and pages").set_defaults(run=_list)


def _add(arguments: argparse.Namespace) -> int:
    pages = put(arguments.name, arguments.file)
    print(messages.text("documents.added", name=arguments.name, pages=len(pages)))
    return 0


def _list(_: argparse.Namespace) -> int:
    for name, pages in installed():
        print(messages.text("documents.listed", name=name, pages=pages))
    return 0
