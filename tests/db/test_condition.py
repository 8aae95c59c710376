"""What the doctor finds in a real database: tables that do not fit the program, and alarms that are on (KPI-43)."""

from __future__ import annotations

import asyncio
import datetime as dt
from typing import TYPE_CHECKING

import asyncpg
import pytest

from hotline import condition, credentials, database, doctor
from hotline.settings import Database, Settings

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Postgres

NEWEST = database.migrations()[-1][1]
ALARM = "INSERT INTO alarms (alarm_id, kind, subject, raised_at, cleared_at, value, limit_value) VALUES"


@pytest.fixture
def settings(empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """An installation with a database of the operator's own."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    credentials._write(empty_database.credentials)
    return Settings(database=Database(dsn=empty_database.dsn))


def change(server: Postgres, *statements: str) -> None:
    async def run() -> None:
        connection = await asyncpg.connect(server.owner)
        for statement in statements:
            await connection.execute(statement)
        await connection.close()

    asyncio.run(run())


def test_a_database_that_fits_and_has_no_open_alarm_is_well(empty_database: Postgres, settings: Settings) -> None:
    change(empty_database, f"{ALARM} (gen_random_uuid(), 'lag', 'n1', now(), now(), 12, 10)")
    assert condition.look(empty_database.dsn) == condition.Condition()
    assert list(doctor._database(settings)) == list(doctor._alarms(settings)) == []


@pytest.mark.parametrize(
    ("damage", "mend"),
    [
        (f"DELETE FROM schema_migrations WHERE name = '{NEWEST}'", f"{NEWEST} not applied. Restart the stack"),
        ("INSERT INTO schema_migrations (number, name, digest) VALUES (9999, '9999_later', '')", "it has 9999_later. Renew"),
        (f"UPDATE schema_migrations SET digest = '' WHERE name = '{NEWEST}'", f"{NEWEST} was changed after"),
    ],
)
def test_tables_that_do_not_fit_are_named_with_the_mend(
    empty_database: Postgres, settings: Settings, damage: str, mend: str
) -> None:
    change(empty_database, "CREATE TABLE kept AS SELECT * FROM schema_migrations", damage)
    try:
        (found,) = doctor._database(settings)
    finally:
        change(
            empty_database,
            "TRUNCATE schema_migrations",
            "INSERT INTO schema_migrations SELECT * FROM kept",
            "DROP TABLE kept",
        )
    assert found.check == "schema"
    assert mend in found.en


def test_a_database_without_any_table_lacks_every_migration(new_postgres: type[Postgres], tmp_path: Path) -> None:
    server = new_postgres(tmp_path / "pg")
    server.start()
    try:
        found = condition.look(server.dsn)
    finally:
        server.stop()
    assert found.missing == tuple(name for _, name, _ in database.migrations())
    assert (found.away, found.alarms) == (None, ())
    assert condition.look(server.dsn).away


def test_an_alarm_without_a_measure_says_none(empty_database: Postgres, settings: Settings) -> None:
    """As of a three-way call without its agent."""
    change(empty_database, f"{ALARM} (gen_random_uuid(), 'threeway_agent_lost', 'threeway:7', now(), NULL, NULL, NULL)")
    (warning,) = doctor._alarms(settings)
    assert "threeway:7" in warning.en and "limit" not in warning.en and "None" not in warning.en + warning.zh


def test_an_alarm_that_is_on_is_a_warning_with_its_measure_and_its_limit(empty_database: Postgres, settings: Settings) -> None:
    at = dt.datetime(2026, 7, 1, 8, tzinfo=dt.UTC)
    change(empty_database, f"{ALARM} (gen_random_uuid(), 'figure_below_goal', 'answer_rate', '{at}', NULL, 0.7812, 0.8)")
    (warning,) = doctor._alarms(settings)
    assert warning.check == "alarm"
    for text in (warning.zh, warning.en):
        for word in ("figure_below_goal", "answer_rate", "2026-07-01T16:00:00+08:00", "0.7812", "0.8", "docs/supervisor"):
            assert word in text
    assert list(doctor._database(settings)) == []
