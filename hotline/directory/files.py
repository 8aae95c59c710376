"""The directory's files: one of the city's, and the samples that a new private database begins with."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import asyncpg

from hotline import paths
from hotline.directory import kinds, sheet_store, sheets, store
from hotline.directory.kinds import DirectoryError

SAMPLES = paths.TREE / "ivr_flows" / "samples"
TAXONOMY = paths.TREE / "crm" / "units" / "taxonomy.tsv"
SHEETS = {"taxonomy": TAXONOMY, "places": SAMPLES / "places.tsv"}
_FIRST = ("hotlines", "articles", "units", "unit-staff", "subject-terms")
"""What a newcomer can try at once. Callers and tickets are people: no sample of them is put into a database by itself."""


def read(kind: str, file: Path) -> list[Any]:
    """The checked entries of a file; raises ``DirectoryError``."""
    try:
        text = file.read_text(encoding="utf-8")
        data = tomllib.loads(text)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise DirectoryError(f"{file}: cannot be read: {error}") from error
    return kinds.checked(kind, data, text, str(file))


def read_sheet(kind: str, file: Path) -> list[Any]:
    """The checked entries of a file with a line for each; raises ``DirectoryError``."""
    try:
        return sheets.checked(kind, file.read_text(encoding="utf-8"), str(file))
    except (OSError, UnicodeDecodeError) as error:
        raise DirectoryError(f"{file}: cannot be read: {error}") from error


async def put_samples(connection: asyncpg.Connection) -> None:
    """Fill the tables of a database that has just been made."""
    for kind in _FIRST:
        file = SAMPLES / f"{kind}.toml"
        await store.put(connection, kind, read(kind, file), actor="first start", file=file.name)
    for kind, file in SHEETS.items():
        await sheet_store.put(connection, kind, read_sheet(kind, file), actor="first start", file=file.name)
