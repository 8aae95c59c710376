"""Over HTTP: calls found by what was said, what was said in one of them, hot words, and surges with their decision (REP-11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import aiohttp

from crm.profiles.profile import Profile
from crm.transcripts import indexing, surges
from hotline import clock
from tests import citizens
from tests.db.test_transcript_search import LAMP, MINE, MOMENT, NOON, a_transcript
from tests.desks_peer import Desks, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres


def test_a_reviewer_finds_a_call_reads_it_and_sees_the_hot_words(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await a_transcript(desks.writer, LAMP)
        lamp = await a_transcript(desks.writer, LAMP)
        await desks.writer.execute("UPDATE recordings SET voices = $1", MINE)
        await indexing.index_some(desks.parts.pool)
        headers = {"Authorization": f"Bearer {await desks.token('quality', 'qi')}"}
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as client:
            page = await _asked(client, "/api/transcripts/search?text=路灯&limit=1")
            assert [one["recording_id"] for one in page["recordings"]] == [lamp]
            assert page["recordings"][0]["places"][0]["from_ms"] == 0
            following = await _asked(client, f"/api/transcripts/search?text=路灯&limit=1&after={page['next']}")
            assert [one["recording_id"] for one in following["recordings"]] == [lamp - 1]
            whole = await _asked(client, f"/api/recordings/{lamp}/transcript")
            assert [turn["text"] for turn in whole["turns"]] == [text for _, _, _, text in LAMP]
            hot = await _asked(client, f"/api/transcripts/hot-words?day={NOON.date()}")
            assert {"word": "路灯", "calls": 2, "usual": 0.0} in hot["words"]
            async with client.get("/api/transcripts/search?text=x&after=nonsense") as answer:
                assert answer.status == 400

    with_desks(empty_database, work)


def test_the_shift_leader_confirms_a_surge_and_agents_may_not(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        now = clock.now()
        for n in range(5):
            await citizens.ticket(
                desks.writer,
                50_001 + n,
                day=f"{now.astimezone(clock.SHANGHAI):%Y%m%d}",
                made_at=now - MOMENT,
                event_place="幸福小区",
            )
        await surges.watch(desks.writer, Profile(), now)
        headers = {"Authorization": f"Bearer {await desks.token('shift_leader', 'wu')}"}
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as client:
            [one] = (await _asked(client, "/api/surges?open=true"))["surges"]
            assert (one["place"], one["contacts"], one["state"]) == ("幸福小区", 5, "raised")
            behind = await _asked(client, f"/api/surges/{one['surge_id']}/contacts")
            assert len(behind["contacts"]) == 5
            for note, state in (("", 400), ("同一人", 200)):
                async with client.post(f"/api/surges/{one['surge_id']}/dismiss", json={"note": note}) as answer:
                    assert answer.status == state
            async with client.post(f"/api/surges/{one['surge_id']}/reopen") as answer:
                assert (await answer.json())["state"] == "raised"
            async with client.post(f"/api/surges/{one['surge_id']}/confirm", json={"note": "停电抢修"}) as answer:
                assert answer.status == 200
                assert (await answer.json())["master_ticket"]
        headers = {"Authorization": f"Bearer {await desks.token('agent', 'li')}"}
        path = f"{desks.url}/api/surges/{one['surge_id']}/reopen"
        async with aiohttp.ClientSession(headers=headers) as client, client.post(path) as answer:
            assert answer.status == 403

    with_desks(empty_database, work)


async def _asked(client: aiohttp.ClientSession, path: str) -> Any:
    async with client.get(path) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.json()
