"""What is set is written down when it comes into force: settings at the start, flows as they are loaded (CFG-08)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from crm import configuration
from hotline import credentials
from hotline.paths import TREE
from hotline.settings import Settings, parse
from ivr_flows import __main__ as flows

if TYPE_CHECKING:
    from tests.conftest import Postgres


def lines(server: Postgres, action: str) -> list[Any]:
    async def work() -> list[Any]:
        connection = await asyncpg.connect(server.dsn)
        try:
            query = "SELECT actor, subject, detail::text AS detail FROM audit_log WHERE action = $1 ORDER BY entry_id"
            return [(row["actor"], row["subject"], json.loads(row["detail"])) for row in await connection.fetch(query, action)]
        finally:
            await connection.close()

    return asyncio.run(work())


def test_settings_are_noted_once_and_each_change_with_what_was_and_is(empty_database: Postgres) -> None:
    changed = parse({"queue": {"max_waiting": 77}, "database": {"dsn": "postgresql://u:secret@h/d"}}, source="test")
    assert changed.queue.max_waiting == 77

    async def work() -> None:
        connection = await asyncpg.connect(empty_database.dsn)
        assert await configuration.note(connection, Settings())
        assert not await configuration.note(connection, Settings())
        assert list(await configuration.note(connection, changed)) == ["queue.max_waiting"]
        assert not await configuration.note(connection, changed)
        await connection.close()

    asyncio.run(work())
    first, second = lines(empty_database, "settings.in_force")
    assert first[:2] == ("system", "settings") and first[2]["changed"] == {}
    assert second[2]["changed"] == {"queue.max_waiting": [Settings().queue.max_waiting, 77]}
    assert "secret" not in str(second)


def test_a_flow_that_is_loaded_leaves_a_line_and_is_loaded_also_while_the_log_is_away(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    credentials._write(empty_database.credentials)
    file = tmp_path / "12345.toml"
    file.write_text((TREE / "ivr_flows" / "flows" / "12345.toml").read_text(encoding="utf-8") + "\n# ours\n", encoding="utf-8")
    assert flows.main(["load", str(file)]) == 0
    assert flows.main(["load", "--back", "12345"]) == 0
    (loaded, back) = lines(empty_database, "flow.load")
    assert loaded[0].startswith("shell:") and loaded[1] == "flow:12345" and loaded[2]["flow"].startswith("12345@")
    assert (back[1], back[2]["how"], back[2]["flow"]) == ("flow:12345", "back", "")
    capsys.readouterr()
    credentials.path().write_text(credentials.path().read_text().replace(str(empty_database.port), "1"))
    assert flows.main(["load", str(file)]) == 0
    said = capsys.readouterr()
    assert "12345@" in said.out and "no line was written" in said.err
