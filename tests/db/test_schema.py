"""``hotline/sql/schema.sql`` is what the migrations make: to be read by people, and to review a migration by its effect."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from hotline import paths
from hotline.stack import postgres

if TYPE_CHECKING:
    from tests.conftest import Postgres

HEADER = "-- What the migrations make, as pg_dump sees it. Not to be edited: tests/db/test_schema.py says how to renew it.\n\n"
NOISE = ("--", "SET ", "SELECT pg_catalog.set_config", "\\restrict", "\\unrestrict")


def dumped(dsn: str) -> str:
    months = ["--exclude-table=requests_[0-9]*", "--exclude-table=agent_turns_[0-9]*", "--exclude-table=ticket_words_[0-9]*"]
    argv = [str(postgres.binary("pg_dump")), "--schema-only", "--no-owner", "--no-privileges", *months, dsn]
    text = subprocess.run(argv, capture_output=True, text=True, check=True).stdout
    lines = [line for line in text.splitlines() if not line.startswith(NOISE)]
    blocks = "\n".join(lines).split("\n\n")
    return HEADER + "\n\n".join(block.strip("\n") for block in blocks if block.strip()) + "\n"


def test_the_schema_file_agrees_with_the_migrations(postgres_server: Postgres, tmp_path: Path) -> None:
    made, file = dumped(postgres_server.owner), paths.TREE / "hotline" / "sql" / "schema.sql"
    renewed = tmp_path / "schema.sql"
    renewed.write_text(made, encoding="utf-8")
    assert file.read_text(encoding="utf-8") == made, f"renew it: cp {renewed} {file}"
