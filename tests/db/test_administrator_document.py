"""The administrator's document tells the truth: every command in it is run as it stands, on a database of the tests' own."""

from __future__ import annotations

import asyncio
import re
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, get_args

import pytest

from desks.routes import ROUTES
from hotline import __main__ as command_line
from hotline import credentials, database
from hotline.audit import chain, store
from hotline.paths import TREE
from tests.citizens import units

if TYPE_CHECKING:
    from tests.conftest import Postgres

ENGLISH, CHINESE = ((TREE / "docs" / name).read_text(encoding="utf-8") for name in ("administrator.md", "administrator.zh-CN.md"))
PROGRAM = ".venv/bin/python -m hotline "


def commands(text: str) -> list[str]:
    return [line for block in re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL) for line in block.splitlines()]


def test_every_command_does_what_it_says(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    credentials._write(empty_database.credentials)
    said = {}
    asyncio.run(a_unit(empty_database.dsn))
    for command in commands(ENGLISH):
        assert command.startswith(PROGRAM)
        assert command_line.main(shlex.split(command.removeprefix(PROGRAM))) == 0, command
        said[command] = capsys.readouterr().out
        asyncio.run(sealed(empty_database.dsn))
    assert "王丽" in said[f"{PROGRAM}accounts list 王"] and "李明" not in said[f"{PROGRAM}accounts list 王"]
    assert "6 lines verified" in said[f"{PROGRAM}audit verify"]
    assert re.fullmatch(r"6:[0-9a-f]{64}\n", said[f"{PROGRAM}audit head"])


async def a_unit(dsn: str) -> None:
    async with await database.pool(dsn, name="test") as pool, pool.acquire() as connection:
        await units(connection, {"GS": None})


async def sealed(dsn: str) -> None:
    async with await database.pool(dsn, name="test") as pool:
        await store.seal(pool)


def test_both_languages_have_the_same_commands_chapters_and_tables_and_name_what_there_is() -> None:
    assert commands(ENGLISH) == commands(CHINESE) != []
    for pattern in (r"^#+ ", r"^\| `[^`]+` ", r"^- \*\*"):
        assert len(re.findall(pattern, ENGLISH, re.MULTILINE)) == len(re.findall(pattern, CHINESE, re.MULTILINE)), pattern
    for text in (ENGLISH, CHINESE):
        assert set(re.findall(r"^\| `(\w+)` \|", text.partition("`verify`")[2], re.MULTILINE)) >= set(get_args(chain.Wrong))
        for method, path in re.findall(r"`(GET|POST|PUT) (/api/[\w/-]+)`", text):
            written = path.replace("NAME", "{account}")
            assert (method, written) in {(route.method, route.path) for route in ROUTES}, path
