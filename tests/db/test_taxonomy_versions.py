"""Versions of the taxonomy and places on a real PostgreSQL, through the command line (TAX-20, TAX-31, TKT-30)."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from crm.units import taxonomy
from hotline import __main__ as command_line
from hotline import credentials, log, messages
from hotline.directory import files

if TYPE_CHECKING:
    from tests.conftest import Postgres

HEAD = "code\tparent\tzh\ten\tunits\n"
CATEGORY = "C1\t\t城建环保类\tUrban construction\t\n"


@pytest.fixture
def types(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., tuple[int, str]]:
    """Run ``hotline …``; the status and everything that was printed."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    monkeypatch.setattr(log, "configure", lambda _: None)
    credentials.path().parent.mkdir()
    credentials.path().touch(mode=0o600)
    credentials.path().write_bytes(msgspec.json.encode(empty_database.credentials))

    def run(*arguments: str | Path) -> tuple[int, str]:
        capsys.readouterr()
        status = command_line.main([str(argument) for argument in arguments])
        printed = capsys.readouterr()
        return status, (printed.out + printed.err).strip()

    return run


def imported(added: int, changed: int, removed: int) -> str:
    return messages.text("directory.imported", added=added, changed=changed, removed=removed)


def rows(server: Postgres, query: str) -> list[tuple[object, ...]]:
    async def ask() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(server.dsn)
        found = [tuple(row.values()) for row in await connection.fetch(query)]
        await connection.close()
        return found

    return asyncio.run(ask())


@pytest.mark.parametrize("kind", files.SHEETS)
def test_a_file_imported_twice_and_its_export_imported_change_nothing(
    empty_database: Postgres, tmp_path: Path, types: Callable[..., tuple[int, str]], kind: str
) -> None:
    types("directory", "import", "units", files.SAMPLES / "units.toml")
    count = len(files.read_sheet(kind, files.SHEETS[kind]))
    assert types(kind, "import", files.SHEETS[kind]) == (0, imported(count, 0, 0))
    assert types(kind, "import", files.SHEETS[kind]) == (0, imported(0, 0, 0))
    assert types(kind, "export", tmp_path / "out.tsv")[0] == 0
    assert types(kind, "import", tmp_path / "out.tsv") == (0, imported(0, 0, 0))
    assert types(kind, "export") == (0, (tmp_path / "out.tsv").read_text(encoding="utf-8").strip())
    actions = rows(empty_database, f"SELECT action FROM audit_log WHERE subject = 'directory:{kind}' ORDER BY entry_id")
    assert [action for (action,) in actions] == ["directory.import"] * 2 + [
        "directory.export",
        "directory.import",
        "directory.export",
    ]


def test_each_import_that_changes_something_is_a_version_and_what_goes_has_ended(
    empty_database: Postgres, tmp_path: Path, types: Callable[..., tuple[int, str]]
) -> None:
    """TAX-31: statistics follow the version valid on a ticket's date."""
    file = tmp_path / "a.tsv"
    file.write_text(HEAD + CATEGORY + "C1.01\tC1\t市容管理\tappearance\t\nC1.02\tC1\t市政设施\tfacilities\t\n", encoding="utf-8")
    assert types("taxonomy", "import", file) == (0, imported(3, 0, 0))
    file.write_text(HEAD + CATEGORY + "C1.01\tC1\t市容管理\tcity appearance\t\nC1.03\tC1\t路灯\tlamps\t\n", encoding="utf-8")
    assert types("taxonomy", "import", file, "--from", "2027-01-01") == (0, imported(1, 1, 1))
    assert rows(empty_database, "SELECT version, valid_from::text FROM taxonomy_versions ORDER BY 1") == [
        (1, "2000-01-01"),
        (2, "2027-01-01"),
    ]
    ended = rows(empty_database, "SELECT code, active, valid_to::text FROM taxonomy_items WHERE version = 2 ORDER BY 1")
    assert ended == [("C1", True, None), ("C1.01", True, None), ("C1.02", False, "2026-12-31"), ("C1.03", True, None)]
    status, said = types("taxonomy", "import", file, "--from", "2026-12-31")
    assert (status, "2027-01-01" in said) == (1, True)


def test_a_code_is_never_given_to_something_else(
    empty_database: Postgres, tmp_path: Path, types: Callable[..., tuple[int, str]]
) -> None:
    """TAX-31; also after it has ended."""
    file = tmp_path / "a.tsv"
    for text, status in (("C1.01\tC1\t市容管理\ta\t\n", 0), ("C1.02\tC1\t路灯\tb\t\n", 0), ("C1.01\tC1\t供水\tc\t\n", 1)):
        file.write_text(HEAD + CATEGORY + text, encoding="utf-8")
        assert types("taxonomy", "import", file)[0] == status
    assert "C1.01: was 市容管理" in types("taxonomy", "import", file)[1]
    assert rows(empty_database, "SELECT max(version) FROM taxonomy_versions") == [(2,)]


@pytest.mark.parametrize("kind", files.SHEETS)
def test_units_that_nobody_knows_are_refused(
    empty_database: Postgres, tmp_path: Path, types: Callable[..., tuple[int, str]], kind: str
) -> None:
    file = tmp_path / "a.tsv"
    place = "code\tname\tkind\tterritory\tunit\nP1\t甲\tstreet\t1\tNOBODY\n"
    file.write_text(place if kind == "places" else HEAD + CATEGORY.replace("\t\n", "\tNOBODY\n"), encoding="utf-8")
    status, said = types(kind, "import", file)
    assert (status, "NOBODY" in said, said.count("\n")) == (1, True, 0)
    assert rows(empty_database, "SELECT 1 FROM places UNION ALL SELECT 1 FROM taxonomy_versions") == []


def test_a_database_without_a_taxonomy_is_given_ours_once_and_a_citys_own_is_left_alone(
    types: Callable[..., tuple[int, str]], empty_database: Postgres, tmp_path: Path
) -> None:
    """TAX-20: a database from before there were tickets."""

    async def begin() -> bool:
        connection = await asyncpg.connect(empty_database.dsn)
        try:
            return await taxonomy.put_first(connection)
        finally:
            await connection.close()

    assert [asyncio.run(begin()) for _ in range(2)] == [True, False]
    assert rows(empty_database, "SELECT version, file FROM taxonomy_versions") == [(1, "taxonomy.tsv")]
    own = tmp_path / "own.tsv"
    own.write_text(HEAD + CATEGORY, encoding="utf-8")
    assert types("taxonomy", "import", own)[0] == 0
    assert not asyncio.run(begin())
    assert rows(empty_database, "SELECT count(*) FROM taxonomy_versions") == [(2,)]
