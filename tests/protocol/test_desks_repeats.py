"""A request that is sent again with its Idempotency-Key is done once, whatever became of the line or the process meanwhile."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from crm import idempotency
from desks.repeats import keeps
from desks.routes import ROUTES
from hotline.paths import TREE
from tests.desks_peer import Desks, as_, raw_status
from tests.keyed_desk import WHERE, trying

if TYPE_CHECKING:
    from tests.conftest import Postgres

BOTH = pytest.mark.parametrize("path", ["/api/try", "/api/try-plain"])
KEY = "d4c7a1f0-save"
KNOWN_CODES = {"/api/tickets/{number}/reject"}
"""Codes that are no secrets."""


def with_tries(server: Postgres, work: Callable[[Desks, aiohttp.ClientSession], Awaitable[None]]) -> None:
    async def run() -> None:
        async with trying(server) as desks, await as_(desks, "office", "somebody") as client:
            await work(desks, client)

    asyncio.run(run())


async def ask(client: aiohttp.ClientSession, path: str, note: str, key: str = KEY, **more: Any) -> tuple[int, Any, bool]:
    """Status, answer, and whether it is that of an earlier request."""
    headers = {"Idempotency-Key": key, **more.pop("headers", {})}
    async with client.post(path, json={"note": note, **more}, headers=headers) as answer:
        return answer.status, await answer.json(), answer.headers.get("Idempotent-Replay") == "true"


async def tries(desks: Desks) -> int:
    found: int = await desks.writer.fetchval("SELECT count(*) FROM audit_log WHERE action = 'tried'")
    return found


@BOTH
def test_a_save_that_is_sent_twice_is_done_once_and_answered_the_same(empty_database: Postgres, path: str) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        status, first, is_again = await ask(client, path, "路灯")
        assert (status, is_again) == (200, False)
        assert await ask(client, path, "路灯") == (200, first, True)
        assert await tries(desks) == 1
        async with await as_(desks, "office", "another") as other:
            assert (await ask(other, path, "路灯"))[2] is False, "a key is its user's"
        assert (await ask(client, path, "路灯", key="another-key"))[2] is False
        async with client.post(path, json={"note": "x"}) as answer:
            assert answer.status == 200, "without a key nothing is remembered"
        assert await tries(desks) == 4

    with_tries(empty_database, work)


@BOTH
def test_two_at_once_with_one_key_are_one_save_and_the_same_answer(empty_database: Postgres, path: str) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        async with trying(empty_database) as second, await as_(desks, "office", "somebody", url=second.url) as elsewhere:
            asked = [ask(one, path, "路灯", pause_seconds=0.3) for one in (client, elsewhere, client, elsewhere)]
            found = await asyncio.gather(*asked)
        assert {status for status, _, _ in found} == {200}
        assert len({str(said) for _, said, _ in found}) == 1
        assert sorted(is_again for _, _, is_again in found) == [False, True, True, True]
        assert await tries(desks) == 1

    async def run() -> None:
        async with trying(empty_database) as desks, await as_(desks, "office", "somebody") as client:
            await work(desks, client)

    asyncio.run(run())


@BOTH
def test_another_request_under_the_same_key_is_refused_and_so_is_a_key_that_is_none(empty_database: Postgres, path: str) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        await ask(client, path, "路灯")
        status, said, _ = await ask(client, path, "井盖")
        assert (status, said["error"]["code"]) == (422, "key_used")
        assert (await ask(client, path, "路灯", headers={"If-Match": '"3"'}))[0] == 422, "another version is another request"
        for bad in ("short", "a" * 101, "key with spaces", "钥匙钥匙钥匙钥匙", "semi;colon"):
            status, said, _ = await ask(client, path, "路灯", key=bad)
            assert (status, said["error"]["code"]) == (400, "bad_key"), bad
        assert await tries(desks) == 1

    with_tries(empty_database, work)


@BOTH
def test_a_refusal_is_repeated_too_and_what_was_no_request_is_not_remembered(empty_database: Postgres, path: str) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        status, said, _ = await ask(client, path, "no")
        assert (status, said["error"]["code"]) == (409, "wrong_state")
        assert await ask(client, path, "no") == (409, said, True)
        async with client.post(path, data=b"{", headers={"Idempotency-Key": "broken-body"}) as answer:
            assert answer.status == 400
        assert (await ask(client, path, "路灯", key="broken-body"))[::2] == (200, False)
        assert await tries(desks) == 1

    with_tries(empty_database, work)


@pytest.mark.parametrize("where", WHERE)
@BOTH
def test_a_server_that_is_killed_in_the_middle_has_saved_once_or_not_at_all(
    empty_database: Postgres, path: str, where: str
) -> None:
    """And who sends it again has it saved, or is told that nobody knows; nothing is ever saved twice."""

    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        with killed(empty_database, where) as (process, url):
            async with await as_(desks, "office", "somebody", url=url) as doomed:
                with pytest.raises(aiohttp.ClientError):
                    await ask(doomed, path, "路灯")
            assert process.wait(timeout=20) == -9
        assert await tries(desks) == (where == "after_commit")
        if path == "/api/try-plain":  # as if the patience of those who wait for a living process were over
            await desks.writer.execute("UPDATE idempotency_keys SET made_at = made_at - interval '1 minute'")
        status, said, is_again = await ask(client, path, "路灯")
        if path == "/api/try-plain":
            assert (status, said["error"]["code"]) == (504, "outcome_unknown")
        else:
            assert (status, is_again) == (200, where == "after_commit")
            assert await ask(client, path, "路灯") == (200, said, True)
        assert await tries(desks) == (where == "after_commit" or path == "/api/try")

    with_tries(empty_database, work)


class killed:
    """A server of its own that does not live through the first order."""

    def __init__(self, server: Postgres, where: str) -> None:
        self._arguments = [sys.executable, "-m", "tests.keyed_desk", server.dsn, where]

    def __enter__(self) -> tuple[subprocess.Popen[str], str]:
        self._process = subprocess.Popen(self._arguments, stdout=subprocess.PIPE, text=True, cwd=TREE)
        assert self._process.stdout
        return self._process, self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.wait()
        assert self._process.stdout
        self._process.stdout.close()


def test_what_is_changed_has_to_be_what_was_seen(empty_database: Postgres) -> None:
    """If-Match is the version of the body, and ETag tells the new one."""

    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        async with client.post("/api/try", json={"note": "x"}, headers={"If-Match": '"7"'}) as answer:
            assert (answer.status, answer.headers["ETag"], (await answer.json())["version"]) == (200, '"8"', 8)
        async with client.post("/api/try", json={"note": "x", "version": 7}, headers={"If-Match": '"7"'}) as answer:
            assert answer.status == 200
        for given in ('"8"', "7", 'W/"7"', '"7", "8"', '""', "x"):
            async with client.post("/api/try", json={"note": "x", "version": 7}, headers={"If-Match": given}) as answer:
                assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_version"), given
        async with client.post("/api/agents/me/ready", headers={"If-Match": '"7"'}) as answer:
            assert answer.status in (400, 403), "what has no version is not changed under one"

    with_tries(empty_database, work)


def test_a_version_that_is_no_text_is_refused_with_a_key_as_without(empty_database: Postgres) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        token = (await desks.token("office")).encode()
        body = b'{"note": "x", "version": 7}'
        headers = b"Authorization: Bearer %s\r\nContent-Length: %d\r\nIf-Match: \xff" % (token, len(body))
        for more in (b"", b"\r\nIdempotency-Key: %s" % KEY.encode()):
            assert await raw_status(desks, b"POST /api/try", headers + more, body) == 400, more
        assert await tries(desks) == 0

    with_tries(empty_database, work)


def test_keys_of_yesterday_are_forgotten(empty_database: Postgres) -> None:
    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        await ask(client, "/api/try", "路灯")
        await ask(client, "/api/try", "路灯", key="key-of-today")
        await desks.writer.execute("UPDATE idempotency_keys SET made_at = now() - interval '25 hours' WHERE key = $1", KEY)
        await desks.parts.pool.execute(idempotency.QUERIES["clean"])
        assert (await ask(client, "/api/try", "路灯"))[2] is False
        assert (await ask(client, "/api/try", "路灯", key="key-of-today"))[2] is True

    with_tries(empty_database, work)


def test_no_password_is_ever_kept_with_a_key(empty_database: Postgres) -> None:
    """SEC-13."""

    def tells(kind: object) -> bool:
        fields = getattr(kind, "__struct_fields__", ())
        return "Password" in getattr(kind, "__name__", "") or bool({"password", "code"} & set(fields))

    found = {route.path for route in ROUTES if keeps(route) and (tells(route.body) or tells(route.answer))}
    assert found <= KNOWN_CODES, "a password, or a citizen's code, would be kept"

    async def work(desks: Desks, client: aiohttp.ClientSession) -> None:
        wish = {"old": "an old password 1", "new": "a new password 2"}
        async with client.post("/api/me/password", json=wish, headers={"Idempotency-Key": KEY}) as answer:
            assert "Idempotent-Replay" not in answer.headers
        assert await desks.writer.fetchval("SELECT count(*) FROM idempotency_keys") == 0

    with_tries(empty_database, work)
