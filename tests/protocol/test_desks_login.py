"""Logging in with accounts, changing roles and passwords, and being out at once (SEC-13, SEC-17, ORG-35, ORG-44, GEN-19)."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg

from desks import login
from desks.errors import RefusedError
from desks.login import Sessions
from hotline import database
from hotline.accounts import passwords, store
from hotline.accounts.rules import Profile
from hotline.roles import Role
from tests.citizens import units
from tests.desks_peer import PASSWORDS, Desks, as_, bearer, eventually, refused, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

GOOD = "correct horse 1"


async def entered(desks: Desks, username: str, password: str, status: int = 200, **more: str) -> Any:
    """The answer to a login."""
    body = {"username": username, "password": password, **more}
    async with aiohttp.ClientSession(base_url=desks.url) as client, client.post("/api/login", json=body) as answer:
        entry = await answer.json()
        assert answer.status == status, entry
        return entry


async def account(desks: Desks, username: str, *roles: Role, unit: str = "", **more: Any) -> None:
    """Somebody with the password ``GOOD``."""
    profile = Profile(roles=list(roles), unit=unit, **more)
    async with desks.parts.pool.acquire() as connection:
        await store.add(connection, username, profile, passwords.made(GOOD), actor="test", must_change=False)


def test_the_passwords_of_the_first_start_make_accounts_and_the_account_counts_from_then_on(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        entry = await entered(desks, "admin", PASSWORDS["admin"])
        assert (entry["role"], entry["roles"], entry["must_change"]) == ("supervisor", ["supervisor", "administrator"], False)
        kept = await desks.writer.fetchval("SELECT password_hash FROM accounts WHERE username = 'admin'")
        assert kept.startswith("$argon2id$") and PASSWORDS["admin"] not in kept.split("$")
        async with bearer(desks, entry["token"]) as client:
            change = {"old": PASSWORDS["admin"], "new": GOOD}
            await said(client, "POST /api/me/password", change)
            assert (await said(client, "GET /api/me"))["username"] == "admin", "the session goes on"
        await entered(desks, "admin", PASSWORDS["admin"], 401)
        await entered(desks, "admin", GOOD)

    with_desks(empty_database, work)


def test_an_agent_without_roles_of_its_own_has_the_role_of_the_directory_from_one_look_to_the_next(
    empty_database: Postgres,
) -> None:
    async def work(desks: Desks) -> None:
        entry = await entered(desks, "1001", PASSWORDS["1001"])
        assert entry["roles"] == ["agent"]
        await desks.writer.execute("INSERT INTO agents (agent, role, origin) VALUES ('1001', 'trainee', 'directory')")
        await store.tell(desks.writer, "1001")
        async with bearer(desks, entry["token"]) as client:

            async def is_trainee() -> bool:
                me = await said(client, "GET /api/me")
                return bool((me["role"], me["agent"]) == ("trainee", "1001"))

            await eventually(is_trainee)
        await desks.writer.execute("UPDATE agents SET active = false")
        await entered(desks, "1001", PASSWORDS["1001"], 401)

    with_desks(empty_database, work)


def test_a_session_has_one_role_of_several_chosen_at_login_and_changed_with_an_audit_line(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "wang", "agent", "shift_leader")
        assert (await entered(desks, "wang", GOOD))["role"] == "agent"
        entry = await entered(desks, "wang", GOOD, role="shift_leader")
        assert entry["role"] == "shift_leader"
        assert (await entered(desks, "wang", GOOD, 403, role="office"))["error"]["code"] == "not_your_role"
        async with bearer(desks, entry["token"]) as client:
            assert "exclusion.set" in (await said(client, "GET /api/me"))["may"]
            me = await said(client, "POST /api/session/role", {"role": "agent"})
            assert me["role"] == "agent" and "exclusion.set" not in me["may"] and me["may"]["agent.work"] == "self"
            assert await refused(client, "GET /api/exclusions?from=2026-01-01&to=2026-01-02", None, 403) == "forbidden"
            assert await refused(client, "POST /api/session/role", {"role": "office"}, 403) == "not_your_role"
        line = await desks.writer.fetchrow("SELECT actor, detail::text AS detail FROM audit_log WHERE action = 'session.role'")
        assert (line["actor"], line["detail"]) == ("wang", '{"to": "agent", "from": "shift_leader"}')

    with_desks(empty_database, work)


def test_who_is_disabled_is_out_at_once_also_at_another_process(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "zhao", "dispatcher")
        entry = await entered(desks, "zhao", GOOD)
        async with (
            await database.pool(empty_database.dsn, name="other", largest=4) as pool,
            bearer(desks, entry["token"]) as client,
            asyncio.TaskGroup() as tasks,
        ):
            other = Sessions(pool, {})
            hearing = tasks.create_task(other.run())
            await eventually(lambda: _listens(desks.writer, "other"))
            assert await other.find(entry["token"])
            await said(client, "GET /api/me")
            async with await as_(desks, "administrator", "chief") as administrator:
                done = await said(administrator, "POST /api/accounts/zhao/disable", {"reason": "left today"})
                assert done["disabled_at"]
            await eventually(lambda: _is_out(client), seconds=login._SURE_SECONDS / 3)

            async def is_out_there() -> bool:
                return await other.find(entry["token"]) is None

            await eventually(is_out_there, seconds=login._SURE_SECONDS / 3)
            hearing.cancel()
        await entered(desks, "zhao", GOOD, 401)

    with_desks(empty_database, work)


async def _listens(connection: asyncpg.Connection, name: str) -> bool:
    query = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND query = 'SELECT 1'"
    return bool(await connection.fetchval(query, name))


async def _is_out(client: aiohttp.ClientSession) -> bool:
    async with client.get("/api/me") as answer:
        return answer.status == 401


def test_an_account_ends_with_its_time(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "intern", "guest")
        entry = await entered(desks, "intern", GOOD)
        async with bearer(desks, entry["token"]) as client:
            await said(client, "GET /api/me")
            await desks.writer.execute("UPDATE accounts SET valid_until = now() WHERE username = 'intern'")
            await store.tell(desks.writer, "intern")
            await eventually(lambda: _is_out(client))
        await entered(desks, "intern", GOOD, 401)

    with_desks(empty_database, work)


def test_a_role_that_is_taken_away_ends_the_session_in_it(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "li", "dispatcher", "agent")
        entry = await entered(desks, "li", GOOD)
        async with bearer(desks, entry["token"]) as client, await as_(desks, "administrator", "chief") as administrator:
            await said(client, "GET /api/me")
            await said(administrator, "PUT /api/accounts/li", {"roles": ["agent"]})
            await eventually(lambda: _is_out(client))

    with_desks(empty_database, work)


def test_a_one_time_password_lets_nobody_do_anything_but_change_it(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await units(desks.writer, {"water": None})
        async with await as_(desks, "administrator", "chief") as administrator:
            handed = await said(
                administrator, "POST /api/accounts", {"username": "clerk", "roles": ["unit_clerk"], "unit": "water"}
            )
            assert handed["account"]["must_change"] and "password_hash" not in handed["account"]
            entry = await entered(desks, "clerk", handed["password"])
            assert entry["must_change"]
            async with bearer(desks, entry["token"]) as client:
                me = await said(client, "GET /api/me")
                assert (me["unit"], me["must_change"], me["may"]["ticket.receive"]) == ("water", True, "unit")
                role = {"role": "unit_clerk"}
                assert await refused(client, "POST /api/session/role", role, 403) == "must_change_password"
                for new in ("short", "clerkclerk1", "aaaaaaaaaaaa", handed["password"], "tab\tin the middle"):
                    body = {"old": handed["password"], "new": new}
                    assert await refused(client, "POST /api/me/password", body, 422) in ("weak_password", "same_password"), new
                assert await refused(client, "POST /api/me/password", {"old": "x", "new": GOOD}, 403) == "old_password_wrong"
                await said(client, "POST /api/me/password", {"old": handed["password"], "new": GOOD})
                assert (await said(client, "POST /api/session/role", role))["role"] == "unit_clerk"
            again = await said(administrator, "POST /api/accounts/clerk/reset-password")
            await entered(desks, "clerk", GOOD, 401)
            assert (await entered(desks, "clerk", again["password"]))["must_change"]
        lines = await desks.writer.fetch("SELECT action, detail::text AS detail FROM audit_log")
        told = " ".join(row["detail"] for row in lines)
        assert {"account.add", "account.change_password", "account.reset_password"} <= {row["action"] for row in lines}
        assert not any(secret in told for secret in (GOOD, handed["password"], again["password"], "argon2"))

    with_desks(empty_database, work)


def test_the_administrator_keeps_accounts_and_nobody_else_and_nobody_its_own_rights(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "administrator", "chief") as one:
            body = {"username": "chen", "name": "陈", "roles": ["callback_agent"], "agent": "1007"}
            assert (await said(one, "POST /api/accounts", body))["account"]["name"] == "陈"
            for wrong, told in (
                (body, "account_exists"),
                (body | {"username": "other"}, "number_taken"),
                (body | {"username": "c2", "roles": [], "agent": ""}, "no_role"),
                (body | {"username": "c2", "roles": ["unit_clerk"]}, "unit_needed"),
                (body | {"username": "c2", "unit": "water"}, "no_unit_here"),
                (body | {"username": "c2", "roles": ["unit_clerk"], "unit": "nowhere", "agent": ""}, "unknown_unit"),
                (
                    body | {"username": "c2", "roles": ["unit_clerk"], "unit": "w", "organisation": "operator"},
                    "operator_of_a_unit",
                ),
            ):
                status = {"account_exists": 409, "number_taken": 409, "unknown_unit": 404}.get(told, 422)
                assert await refused(one, "POST /api/accounts", wrong, status) == told
            for bad in ({"username": "a b"}, {"username": "x", "name": "\x00"}, {"username": "x", "roles": ["king"]}, {}):
                assert await refused(one, "POST /api/accounts", bad, 400) == "bad_body"
            granted = body | {"username": "c3", "agent": "", "granted": ["ticket.open"]}
            assert await refused(one, "POST /api/accounts", granted, 400) == "bad_choice"
            for order in (
                "PUT /api/accounts/chief",
                "POST /api/accounts/chief/disable",
                "POST /api/accounts/chief/reset-password",
            ):
                assert await refused(one, order, {}, 403) == "own_account"
            assert await refused(one, "GET /api/accounts/nobody", None, 404) == "unknown_account"
            page = await said(one, "GET /api/accounts?text=100&limit=1")
            assert (page["total"], [found["username"] for found in page["accounts"]]) == (1, ["chen"])
            assert "argon2" not in str(page)
            await said(one, "POST /api/accounts/chen/disable", {})
            assert (await said(one, "POST /api/accounts", body | {"username": "new"}))["account"]["agent"] == "1007"
            assert await refused(one, "POST /api/accounts/chen/enable", None, 409) == "number_taken"

    with_desks(empty_database, work)


def test_staff_of_the_operator_approve_nothing_unless_it_was_granted(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "ours", "office")
        await account(desks, "theirs", "office", organisation="operator")
        await account(desks, "trusted", "office", organisation="operator", granted=["exclusion.confirm"])
        path = "POST /api/exclusions/00000000-0000-0000-0000-000000000000/confirm"
        for name, status, may in (("ours", 404, True), ("theirs", 403, False), ("trusted", 404, True)):
            async with bearer(desks, (await entered(desks, name, GOOD))["token"]) as client:
                assert ("exclusion.confirm" in (await said(client, "GET /api/me"))["may"]) is may
                await said(client, path, None, status)

    with_desks(empty_database, work)


def test_the_audit_log_is_read_by_the_observer_and_the_office_in_pages_and_the_look_is_written_down(
    empty_database: Postgres,
) -> None:
    async def work(desks: Desks) -> None:
        for number in range(5):
            await desks.parts.sessions.log("zhang", "ticket.read", f"ticket:{number}", {"why": number})
        token = await desks.token("observer", "watcher")
        async with aiohttp.ClientSession(base_url=desks.url, headers={"Authorization": f"Bearer {token}"}) as client:
            first = await said(client, "GET /api/audit?actor=zhang&limit=3")
            assert [one["subject"] for one in first["entries"]] == ["ticket:4", "ticket:3", "ticket:2"]
            rest = await said(client, f"GET /api/audit?actor=zhang&limit=3&before={first['next']}")
            assert ([one["detail"] for one in rest["entries"]], rest["next"]) == ([{"why": 1}, {"why": 0}], None)
            one = await said(client, "GET /api/audit?action=ticket.read&subject=ticket:2&from=2020-01-01&to=2099-01-01")
            assert len(one["entries"]) == 1
            assert (await said(client, "GET /api/audit?from=2020-01-01&to=2020-01-02"))["entries"] == []
            assert await refused(client, "GET /api/audit?before=x", None, 400) == "bad_number"
            assert (await said(client, "GET /api/audit/head"))["number"] == 0
        assert (
            await desks.writer.fetchval("SELECT count(*) FROM audit_log WHERE action = 'audit.read' AND actor = 'watcher'") == 4
        )

    with_desks(empty_database, work)


def test_two_hundred_people_log_in_in_the_morning(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        kept = passwords.made(GOOD)
        rows = [(f"u{number}", kept) for number in range(200)]
        query = "INSERT INTO accounts (username, password_hash, roles, made_by) VALUES ($1, $2, '{agent}', 'test')"
        await desks.writer.executemany(query, rows)

        async def come(number: int) -> None:
            wanted = login.Login(f"u{number}", GOOD)
            await desks.parts.sessions.login(wanted, f"10.0.0.{number}")

        await asyncio.gather(*(come(number) for number in range(200)))
        assert await desks.writer.fetchval("SELECT count(*) FROM web_sessions") == 200

    with_desks(empty_database, work)


def test_many_guesses_at_once_are_no_more_than_one_after_another(empty_database: Postgres) -> None:
    """Those that are judged at this moment have not failed yet: they are the only ones beyond the limit."""

    async def work(desks: Desks) -> None:
        await account(desks, "someone", "agent")

        async def guess(name: str, address: str) -> str:
            try:
                await desks.parts.sessions.login(login.Login(name, "a wrong guess"), address)
            except RefusedError as refused:
                return refused.code
            return "in"

        one_name = Counter(await asyncio.gather(*(guess("someone", f"10.0.0.{number}") for number in range(30))))
        assert one_name["wrong_password"] <= 9 and one_name.total() == 30, "of one user, 8"
        one_place = Counter(await asyncio.gather(*(guess(f"nobody{number}", "10.0.1.1") for number in range(60))))
        assert one_place["wrong_password"] <= 41 and one_place.total() == 60, "from one address, 40"
        assert one_name.keys() == one_place.keys() == {"wrong_password", "too_many_attempts"}
        noted = await desks.writer.fetchval("SELECT count(*) FROM audit_log WHERE action = 'login.failed'")
        assert noted == one_name["wrong_password"] + one_place["wrong_password"]

    with_desks(empty_database, work)


def test_a_login_in_flight_does_not_survive_a_new_password(empty_database: Postgres) -> None:
    """The old password was judged right a moment before: it is refused as a wrong one."""

    async def work(desks: Desks) -> None:
        await account(desks, "someone", "agent")
        async with asyncio.TaskGroup() as tasks:
            async with desks.writer.transaction():
                await store.reset_password(desks.writer, "someone", actor="chief")
                entering = tasks.create_task(entered(desks, "someone", GOOD, 401))
                query = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"

                async def is_waiting() -> bool:
                    return entering.done() or bool(await desks.writer.fetchval(query))

                await eventually(is_waiting)
            assert (await entering)["error"]["code"] == "wrong_password"
        assert await desks.writer.fetchval("SELECT count(*) FROM web_sessions") == 0
        lines = await desks.writer.fetch("SELECT action FROM audit_log WHERE actor = 'someone'")
        assert [line["action"] for line in lines] == ["login.failed"]

    with_desks(empty_database, work)


def test_a_change_of_the_password_in_flight_does_not_undo_a_reset(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await account(desks, "someone", "agent")
        entry = await entered(desks, "someone", GOOD)
        async with bearer(desks, entry["token"]) as client, asyncio.TaskGroup() as tasks:
            async with desks.writer.transaction():
                handed = await store.reset_password(desks.writer, "someone", actor="chief")
                wish = {"old": GOOD, "new": "another good password 7"}
                changing = tasks.create_task(refused(client, "POST /api/me/password", wish, 403))
                query = "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted AND pid <> pg_backend_pid()"

                async def is_waiting() -> bool:
                    return changing.done() or bool(await desks.writer.fetchval(query))

                await eventually(is_waiting)
            assert await changing == "old_password_wrong"
        assert (await entered(desks, "someone", handed))["must_change"]

    with_desks(empty_database, work)


def test_many_first_logins_at_once_are_all_let_in(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await asyncio.gather(*(entered(desks, "admin", PASSWORDS["admin"]) for _ in range(4)))
        assert await desks.writer.fetchval("SELECT count(*) FROM accounts") == 1

    with_desks(empty_database, work)
