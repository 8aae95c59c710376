"""Tickets over HTTP when it is hard: saved twice, saved by two, lines that break, a server that dies, and texts that attack."""

from __future__ import annotations

import asyncio
import io
import json
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.desks_peer import Desks, as_, said, with_desks
from tests.keyed_desk import WHERE
from tests.protocol.test_desks_repeats import killed

if TYPE_CHECKING:
    from tests.conftest import Postgres

TEXT = "幸福小区三号楼从昨天晚上开始暖气不热,室内只有十二度。"
MARKED = "<script>alert(1)</script><img src=x onerror=alert(1)>"
HOSTILE = (
    MARKED,
    "'; DROP TABLE tickets; --",
    "' OR '1'='1",
    "=cmd|' /C calc'!A0",
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "+1+1",
    "{{7*7}} ${7*7} %s %(x)s {0}",
    "../../etc/passwd",
    "\u202eevil\u200b",
    "𠮷野家 🙈 \ue000",
)
"""Kept as they are, and never executed."""
REFUSED = ("\x00", "a\x00b", "\x1b[31m", "\x08")
LINES = ("event_time", "event_place", "territory", "caller_name", "caller_title", "workplace", "home_address")
TEXTS = ("content", "persons", "demand")


async def counted(desks: Desks) -> tuple[int, int]:
    """Tickets, and lines of the history."""
    row = await desks.writer.fetchrow("SELECT (SELECT count(*) FROM tickets), (SELECT count(*) FROM ticket_events)")
    return row[0], row[1]


def test_a_ticket_that_is_saved_twice_is_one_ticket(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office", "chen") as me:
            wish = {"content": TEXT, "nature": "help", "caller_name": "张三"}
            first = await said(me, "POST /api/tickets", wish, Idempotency_Key="open-once")
            asked = [said(me, "POST /api/tickets", wish, Idempotency_Key="open-once") for _ in range(4)]
            assert await asyncio.gather(*asked) == [first] * 4
            assert await counted(desks) == (1, 1)
            path = f"POST /api/tickets/{first['number']}/accept"
            asked = [said(me, path, {}, Idempotency_Key="accept-once") for _ in range(4)]
            assert len({str(one) for one in await asyncio.gather(*asked)}) == 1
            assert await counted(desks) == (1, 2)
            assert (await said(me, path, {}, 409))["error"]["code"] == "wrong_state"

    with_desks(empty_database, work)


@pytest.mark.parametrize("where", WHERE)
def test_a_server_that_dies_while_a_ticket_is_opened_or_changed_did_all_of_it_once_or_nothing(
    empty_database: Postgres, where: str
) -> None:
    """The connection is lost in the middle; the same request again gets the answer of the first, or does it."""

    async def work(desks: Desks) -> None:
        async with await as_(desks, "office", "chen") as me:
            opened = await said(me, "POST /api/tickets", {"content": TEXT, "nature": "help"})
            for what, body in (
                ("POST /api/tickets", {"content": TEXT, "nature": "help"}),
                (f"POST /api/tickets/{opened['number']}/edit", {"event_place": "幸福小区", "version": 1}),
                (f"POST /api/tickets/{opened['number']}/accept", {"version": 2}),
            ):
                tickets, lines = await counted(desks)
                key = f"key-of-{what.rpartition('/')[2]}"
                with killed(empty_database, where) as (process, url):
                    async with await as_(desks, "office", "chen", url=url) as doomed:
                        with pytest.raises(aiohttp.ClientError):
                            await said(doomed, what, body, Idempotency_Key=key)
                    assert process.wait(timeout=20) == -9
                is_done = where == "after_commit"
                assert (await counted(desks))[1] == lines + is_done
                again = await said(me, what, body, Idempotency_Key=key)
                assert await said(me, what, body, Idempotency_Key=key) == again
                assert await counted(desks) == (tickets + (what == "POST /api/tickets"), lines + 1), what
            view = await said(me, f"GET /api/tickets/{opened['number']}")
            assert (view["version"], view["ticket"]["state"]) == (3, "accepted")

    with_desks(empty_database, work)


def test_of_two_who_change_a_ticket_at_once_the_second_is_told_what_changed(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office", "chen") as chen, await as_(desks, "office", "dong") as dong:
            opened = await said(chen, "POST /api/tickets", {"content": TEXT, "nature": "help"})
            path = f"/api/tickets/{opened['number']}"
            async with chen.get(path) as answer:
                seen = answer.headers["ETag"]
            assert seen == '"1"'
            await said(dong, f"POST {path}/edit", {"event_place": "幸福小区"}, If_Match=seen)
            for more in ({"If_Match": seen}, {}):
                body = {"event_place": "和平小区", **({} if more else {"version": 1})}
                error = (await said(chen, f"POST {path}/edit", body, 409, **more))["error"]
                assert error["code"] == "changed_meanwhile"
                assert "dong" in json.dumps(error["details"]) and "event_place" in json.dumps(error["details"])
            view = await said(chen, f"GET {path}")
            assert (view["version"], view["ticket"]["event_place"]) == (2, "幸福小区")
            many = [said_any(chen, f"{path}/edit", {"demand": str(number), "version": 2}) for number in range(6)]
            assert sorted(await asyncio.gather(*many)) == [200, 409, 409, 409, 409, 409]

    with_desks(empty_database, work)


async def said_any(who: aiohttp.ClientSession, path: str, body: Any) -> int:
    async with who.post(path, json=body) as answer:
        return answer.status


def test_hostile_texts_are_kept_as_they_are_and_come_back_as_data(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office", "chen") as me:
            for text in HOSTILE:
                wish = dict.fromkeys((*LINES, *TEXTS), text)
                number = (await said(me, "POST /api/tickets", {**wish, "nature": "help"}))["number"]
                async with me.get(f"/api/tickets/{number}") as answer:
                    assert answer.content_type == "application/json" and answer.headers["X-Content-Type-Options"] == "nosniff"
                    view = await answer.json()
                for name in (*LINES, *TEXTS):
                    found = view["ticket"].get(name, (view["identity"] or {}).get(name))
                    assert found == text, (name, found)
                await said(me, f"POST /api/tickets/{number}/note", {"text": text})
            assert (await counted(desks))[0] == len(HOSTILE)
            async with me.get("/api/export/tickets.csv?from=2026-01-01&to=2099-12-31") as answer:
                if answer.status == 200:
                    cells = [cell.strip('"') for line in (await answer.text()).splitlines() for cell in line.split(",")]
                    assert not [cell for cell in cells if cell[:1] in ("=", "+", "@", "-") and len(cell) > 1]

    with_desks(empty_database, work)


def test_texts_that_cannot_be_kept_are_refused_with_a_clear_error_and_nothing_is_kept(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office", "chen") as me:
            for name in (*LINES, *TEXTS):
                for text in (*REFUSED, "x" * 20_001, "\ud800", "ok\udfff"):
                    raw = json.dumps({"nature": "help", name: text}).encode()
                    async with me.post("/api/tickets", data=raw) as answer:
                        error = (await answer.json())["error"]
                        assert (answer.status, error["code"]) == (400, "bad_body"), (name, text[:20])
                        assert error["details"]["problem"]
                async with me.post("/api/tickets", data=io.BytesIO(b"x" * (2 << 20))) as answer:
                    assert (answer.status, (await answer.json())["error"]["code"]) == (413, "too_large")
            for raw in (b"", b"{", b"[]", b"null", b'{"content": 7}', b"\xff\xfe", b'{"content": "\xff"}', b"[" * 100_000):
                async with me.post("/api/tickets", data=raw) as answer:
                    assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_body"), raw[:20]
            for number in ("T1", "0", "T99991231999999999", "x", "2026112200001'", "%00", "T2026112299999"):
                assert (await said(me, f"GET /api/tickets/{number}", status=404))["error"]["code"] in (
                    "not_found",
                    "unknown_ticket",
                )
        assert await counted(desks) == (0, 0)

    with_desks(empty_database, work)
