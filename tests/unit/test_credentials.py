"""The secrets of an installation: private, kept, and complete."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from hotline import credentials, settings
from hotline.errors import CredentialsError
from hotline.settings import Settings


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "my var"))
    return tmp_path / "my var"


def chosen(**data: object) -> Settings:
    return settings.parse(data, source="test")


def test_the_first_start_makes_a_private_file_in_the_promised_shape() -> None:
    made = credentials.ensure(Settings())
    assert credentials.path().stat().st_mode & 0o777 == 0o600
    content = json.loads(credentials.path().read_text(encoding="utf-8"))
    assert set(content["ami"]) == {"user", "secret"}
    assert set(content["agents"]) == {str(n) for n in range(1001, 1061)}
    assert set(content["web"]) == {"admin", "leader", "office", *content["agents"]}
    assert content["database"].startswith("postgresql://hotline:")
    assert credentials.load() == made


def test_every_secret_is_another_one() -> None:
    made = credentials.ensure(Settings())
    secrets = [
        made.ami.secret,
        made.ami_reader.secret,
        *made.agents.values(),
        *made.web.values(),
        made.database,
        made.database_owner,
    ]
    assert len(set(secrets)) == len(secrets)
    assert min(map(len, secrets)) >= 24


def test_secrets_are_kept_across_starts_and_the_file_is_not_written_again() -> None:
    made = credentials.ensure(Settings())
    before = credentials.path().stat()
    assert credentials.ensure(Settings()) == made
    assert credentials.path().stat().st_ino == before.st_ino


def test_a_new_agent_gets_secrets_and_nobody_elses_change() -> None:
    made = credentials.ensure(chosen(agents={"first": 1001, "last": 1002}))
    more = credentials.ensure(chosen(agents={"first": 1002, "last": 1003}))
    assert set(more.agents) == {"1001", "1002", "1003"}
    assert more.web.items() > made.web.items()
    assert more.agents.items() > made.agents.items()
    assert (more.ami, more.database) == (made.ami, made.database)
    assert credentials.load() == more


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_that_others_can_read_is_refused_with_the_mend(mode: int) -> None:
    credentials.ensure(Settings())
    credentials.path().chmod(mode)
    with pytest.raises(CredentialsError, match="chmod 600"):
        credentials.load()
    with pytest.raises(CredentialsError, match="chmod 600"):
        credentials.ensure(Settings())


def test_a_missing_file_says_when_it_is_made() -> None:
    with pytest.raises(CredentialsError, match="not there yet"):
        credentials.load()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"ami": 1}', b"\xff", b"null"])
def test_a_damaged_file_is_refused_and_not_replaced(content: bytes) -> None:
    credentials.ensure(Settings())
    credentials.path().write_bytes(content)
    with pytest.raises(CredentialsError, match="cannot be read"):
        credentials.load()
    with pytest.raises(CredentialsError):
        credentials.ensure(Settings())
    assert credentials.path().read_bytes() == content


def test_what_an_interrupted_start_left_open_to_others_does_not_open_the_file(var: Path) -> None:
    var.mkdir()
    leftover = credentials.path().with_suffix(".new")
    leftover.write_text("half")
    leftover.chmod(0o666)
    credentials.ensure(Settings())
    assert credentials.path().stat().st_mode & 0o777 == 0o600


def test_another_database_port_keeps_the_passwords() -> None:
    made = credentials.ensure(Settings())
    moved = credentials.ensure(chosen(database={"port": 6000}))
    assert moved.database == made.database.replace(":5433/", ":6000/")
    assert moved.database_owner == made.database_owner.replace(":5433/", ":6000/")


def test_a_dsn_in_the_settings_is_followed_and_so_is_its_removal() -> None:
    made = credentials.ensure(Settings())
    dsn = "postgresql://city:x@db.example/hotline"
    outside = credentials.ensure(chosen(database={"dsn": dsn}))
    assert (outside.database, outside.database_owner) == (dsn, dsn)
    assert outside.agents == made.agents
    back = credentials.ensure(Settings())
    assert back.database.startswith("postgresql://hotline:")
    assert back.database_owner.startswith("postgresql://hotline_owner:")
