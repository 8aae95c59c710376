"""The morning's work list over HTTP: who sees it, its order, and what is done with a message (IVR-11, SEC-12)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import msgspec

from acd.parts import Parts
from crm.messages import loop
from hotline.settings import Settings
from tests.desks_peer import Desks, with_desks
from tests.night_messages import hear, leave

if TYPE_CHECKING:
    from tests.conftest import Postgres


class Line:
    """Somebody at the web application."""

    def __init__(self, desks: Desks, client: aiohttp.ClientSession, token: str) -> None:
        self._url, self._client = desks.url, client
        self._headers = {"Authorization": f"Bearer {token}", "Accept-Language": "en"}

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        async with self._client.request(method, self._url + path, json=body, headers=self._headers) as answer:
            return answer.status, await answer.json()


async def turn(desks: Desks) -> None:
    settings = msgspec.convert({"recordings": {"workers": 0}}, Settings)
    await loop.turn(Parts(settings, desks.parts.pool, "node1"))


def test_messages_are_worked_off_over_http(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        owner = await asyncpg.connect(empty_database.owner)
        try:
            calm, urgent = await leave(owner), await leave(owner, number="13900000002")
            await turn(desks)
            await hear(owner, urgent, "着火了")
            await turn(desks)
        finally:
            await owner.close()
        async with aiohttp.ClientSession() as client:
            one = Line(desks, client, await desks.token("agent", "1001"))
            other = Line(desks, client, await desks.token("agent", "1002"))
            leads = Line(desks, client, await desks.token("shift_leader", "zhao"))
            status, page = await one.ask("GET", "/api/messages")
            assert (status, page["total"]) == (200, 2)
            assert [each["message_id"] for each in page["messages"]] == [urgent, calm]
            assert page["messages"][0]["urgent"][0]["kind"] == "fire"
            assert page["counts"] == {
                "waiting": 2, "urgent": 1, "overdue": 0, "not_transcribed": 1, "unclaimed": 2, "set_aside": 0,
            }  # fmt: skip
            assert (await one.ask("GET", "/api/messages?page=2&limit=1"))[1]["messages"][0]["message_id"] == calm
            place = f"/api/messages/{urgent}"
            assert (await one.ask("POST", f"{place}/claim"))[1]["claimed_by"] == "1001"
            status, told = await other.ask("POST", f"{place}/claim")
            assert (status, told["error"]["code"], told["error"]["details"]) == (409, "message_claimed", {"by": "1001"})
            assert (await one.ask("GET", "/api/messages?claimed=me"))[1]["total"] == 1
            assert (await other.ask("GET", "/api/messages?claimed=nobody&transcribed=false"))[1]["total"] == 1
            assert (await leads.ask("POST", f"{place}/release"))[0] == 200
            assert (await other.ask("POST", f"{place}/done"))[1]["error"]["code"] == "draft_waits"
            assert (await other.ask("POST", f"{place}/set-aside", {"reason": ""}))[0] == 400
            assert (await other.ask("POST", f"{place}/set-aside", {"reason": "演习"}))[1]["state"] == "set_aside"
            assert (await other.ask("GET", "/api/messages?state=set_aside"))[1]["messages"][0]["reason"] == "演习"
            assert (await one.ask("POST", f"{place}/bring-back"))[1]["state"] == "open"
            assert (await one.ask("GET", "/api/messages/999999"))[0] == 404
            assert (await one.ask("GET", "/api/messages/x"))[0] == 404
            watches = Line(desks, client, await desks.token("observer", "jian"))
            assert (await watches.ask("GET", place))[0] == 200
            assert (await watches.ask("POST", f"{place}/claim"))[0] == 403
            for role, unit in (("unit_clerk", "U01"), ("administrator", ""), ("editor", "")):
                stranger = Line(desks, client, await desks.token(role, f"x-{role}", unit=unit))
                assert (await stranger.ask("GET", "/api/messages"))[0] == 403
                assert (await stranger.ask("GET", place))[0] == 403
        looks = await desks.writer.fetchval("SELECT count(*) FROM audit_log WHERE action IN ('message.list', 'message.see')")
        assert looks >= 6, "each look is a line"

    with_desks(empty_database, work)
