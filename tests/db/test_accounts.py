"""Accounts at the command line and in the table (ORG-35, SEC-17): what is refused, what leaves a line, what ends sessions."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from hotline import __main__ as command_line
from hotline import clock, credentials
from hotline.accounts import passwords, rules, store
from hotline.accounts.rules import Profile, RefusedError
from hotline.roles import ROLES

if TYPE_CHECKING:
    from tests.conftest import Postgres

Typed = Callable[..., tuple[int, str]]


@pytest.fixture
def typed(empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """Types ``hotline accounts …``: exit status, and what was said."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    credentials._write(empty_database.credentials)

    def run(*words: str) -> tuple[int, str]:
        status = command_line.main(["accounts", *words])
        said = capsys.readouterr()
        return status, said.out + said.err

    return run


def in_database(server: Postgres, query: str, *values: Any) -> list[asyncpg.Record]:
    async def work() -> list[asyncpg.Record]:
        connection = await asyncpg.connect(server.dsn)
        try:
            return list(await connection.fetch(query, *values))
        finally:
            await connection.close()

    return asyncio.run(work())


def test_an_account_is_made_with_a_one_time_password_changed_disabled_and_enabled(typed: Typed, empty_database: Postgres) -> None:
    status, said = typed("add", "wang.li", "dispatcher", "agent", "--name", "王丽", "--agent", "1005")
    assert status == 0
    password = re.findall(r"[a-z2-9]{4}(?:-[a-z2-9]{4}){3}", said)[0]
    (row,) = in_database(empty_database, "SELECT password_hash, roles, agent, must_change FROM accounts")
    assert (row["roles"], row["agent"], row["must_change"]) == (["dispatcher", "agent"], "1005", True)
    assert passwords.fits(row["password_hash"], password)
    assert typed("roles", "wang.li", "shift_leader")[0] == 0
    assert typed("disable", "wang.li", "--reason", "left")[0] == 0
    assert "disabled" in typed("list", "王")[1]
    assert typed("enable", "wang.li")[0] == 0
    fresh = typed("reset-password", "wang.li")[1]
    (row,) = in_database(empty_database, "SELECT password_hash, roles FROM accounts")
    assert not passwords.fits(row["password_hash"], password) and row["roles"] == ["shift_leader"]
    assert any(passwords.fits(row["password_hash"], one) for one in re.findall(r"\S+-\S+-\S+-\S+", fresh))
    listed = json.loads(typed("list", "--json")[1])
    assert listed["total"] == 1 and "password_hash" not in listed["accounts"][0]
    lines = in_database(empty_database, "SELECT actor, action, subject, detail::text FROM audit_log ORDER BY entry_id")
    actions = ["add", "change", "disable", "enable", "reset_password"]
    assert [row["action"] for row in lines] == [f"account.{name}" for name in actions]
    assert {row["subject"] for row in lines} == {"user:wang.li"} and all(row["actor"].startswith("shell:") for row in lines)
    assert '"roles": [["dispatcher", "agent"], ["shift_leader"]]' in lines[1]["detail"]
    assert password not in str(lines)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        (("add", "a b", "agent"), "bad_username"),
        (("add", "known", "agent"), "account_exists"),
        (("add", "clerk", "unit_clerk"), "unit_needed"),
        (("add", "clerk", "unit_clerk", "--unit", "nowhere"), "unknown_unit"),
        (("add", "x", "agent", "--unit", "water"), "no_unit_here"),
        (("add", "x", "unit_clerk", "--unit", "w", "--organisation", "operator"), "operator_of_a_unit"),
        (("add", "x", "agent", "--agent", "1001"), "number_taken"),
        (("add", "x", "agent", "--agent", "12"), "agent"),
        (("add", "x", "agent", "--name", "a\nb"), "name"),
        (("roles", "nobody", "agent"), "unknown_account"),
        (("disable", "nobody"), "unknown_account"),
        (("enable", "no\x00body"), "unknown_account"),
        (("reset-password", "'; DROP TABLE accounts"), "unknown_account"),
    ],
)
def test_what_cannot_be_is_refused_with_its_reason_and_changes_nothing(
    typed: Typed, empty_database: Postgres, words: tuple[str, ...], code: str
) -> None:
    typed("add", "known", "agent", "--agent", "1001")
    status, said = typed(*words)
    assert status == 1 and code in said and "Traceback" not in said
    assert [row["username"] for row in in_database(empty_database, "SELECT username FROM accounts")] == ["known"]
    assert len(in_database(empty_database, "SELECT FROM audit_log")) == 1


def test_a_role_that_is_none_is_no_choice_and_a_database_that_is_away_is_said(
    typed: Typed, tmp_path: Path, empty_database: Postgres, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        typed("add", "x", "king")
    credentials.path().write_text(credentials.path().read_text().replace(str(empty_database.port), "1"))
    status, said = typed("list")
    assert status == 1 and "PostgreSQL cannot be reached" in said


def test_the_application_deletes_no_account_and_two_at_once_make_one(empty_database: Postgres) -> None:
    async def work() -> None:
        async with asyncpg.create_pool(empty_database.dsn, min_size=0, max_size=4) as pool:

            async def one() -> bool:
                async with pool.acquire() as connection:
                    try:
                        await store.add(connection, "twin", Profile(roles=["agent"]), "x", actor="t", must_change=False)
                    except RefusedError as refused:
                        assert refused.code == "account_exists"
                        return False
                    return True

            assert sorted(await asyncio.gather(one(), one(), one())) == [False, False, True]
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await pool.execute("DELETE FROM accounts")
            assert await pool.fetchval("SELECT count(*) FROM audit_log") == 1

    asyncio.run(work())


def test_a_name_that_is_nobodys_takes_as_long_as_one_that_is_somebodys() -> None:
    """Both are one look at an argon2 hash of the same cost: held against each other, not against a limit."""

    async def work() -> None:
        judge, kept = passwords.Passwords(), passwords.made("correct horse 1")

        async def seconds(hashed: str | None) -> float:
            begun = clock.monotonic()
            assert not await judge.fits(hashed, "wrong password")
            return clock.monotonic() - begun

        known, unknown = zip(*[(await seconds(kept), await seconds(None)) for _ in range(7)], strict=True)
        assert 0.2 < min(known) / min(unknown) < 5

    asyncio.run(work())


@given(st.text(max_size=60), st.text(min_size=1, max_size=20))
def test_any_text_is_a_password_or_is_refused_as_weak(new: str, username: str) -> None:
    try:
        rules.check_password(new, username)
    except RefusedError as refused:
        assert refused.code == "weak_password"
    else:
        assert len(new) >= rules.SHORTEST and new.isprintable() and passwords.fits.__doc__


@given(st.lists(st.sampled_from(ROLES), max_size=4, unique=True), st.sampled_from(["", *ROLES]))
def test_the_role_of_a_session_is_one_of_the_persons_roles(roles: list[str], wanted: str) -> None:
    found = rules.chosen(rules.effective(roles, "agent"), wanted)
    assert found is None or found in (roles or ["agent"])
    assert (found is None) is (wanted != "" and wanted not in (roles or ["agent"]))
    assert rules.effective([], None) == ()
