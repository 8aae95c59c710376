"""Files of named SQL queries."""

from __future__ import annotations

from pathlib import Path

import pytest

from hotline import paths, sql
from hotline.errors import SqlFileError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "queries.sql"


def test_queries_are_read_by_name_with_their_comments_and_blank_lines(file: Path) -> None:
    file.write_text(
        "-- what this is\n\n-- name: one\nSELECT 1\n\n-- why\n  , 2\n\n--name:two_2  \nSELECT '工单';\n", encoding="utf-8"
    )
    assert sql.load(file) == {"one": "SELECT 1\n\n-- why\n  , 2", "two_2": "SELECT '工单';"}


def test_an_empty_file_has_no_queries(file: Path) -> None:
    file.write_text("-- nothing yet\n")
    assert sql.load(file) == {}


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("SELECT 1\n-- name: a\nSELECT 1", r"queries\.sql:1: SQL before"),
        ("-- name: a\nSELECT 1\n-- name: a\nSELECT 2", r"queries\.sql:3: .* used twice"),
        ("-- name: a\n\n-- name: b\nSELECT 1", "the query a is empty"),
        ("-- name: a", "the query a is empty"),
        ("-- name: a\nSELECT 1\n-- name: Two\nSELECT 2", r"queries\.sql:3: a query name is"),
        ("-- name: a b\nSELECT 1", r"queries\.sql:1: a query name is"),
        ("-- Name: a\nSELECT 1", r"queries\.sql:1: a query name is"),
        ("-- name:\nSELECT 1", r"queries\.sql:1: a query name is"),
    ],
)
def test_a_malformed_file_is_refused_with_its_place(file: Path, text: str, complaint: str) -> None:
    file.write_text(text)
    with pytest.raises(SqlFileError, match=complaint):
        sql.load(file)


def test_every_file_of_the_tree_can_be_read() -> None:
    files = [f for f in paths.TREE.glob("*/**/sql/*.sql") if ".venv" not in f.parts and ".cache" not in f.parts]
    files = [f for f in files if f.name != "schema.sql"]  # no queries: what the migrations make
    assert files
    assert all(sql.load(file) for file in files)
