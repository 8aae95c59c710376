"""How far transcription is, over HTTP (CH-13)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import aiohttp

from tests.desks_peer import Desks, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

RECORDING = (
    "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256)"
    " VALUES ('node1', $1, 'message', $1, now(), 7200000, 1, '') RETURNING recording_id"
)


def test_the_backlog_is_told_to_who_leads_and_to_nobody_else(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        for number, state in enumerate(("waiting", "no_model", "failed")):
            recording_id = await desks.writer.fetchval(RECORDING, f"c{number}")
            await desks.writer.execute("INSERT INTO transcripts (recording_id, state) VALUES ($1, $2)", recording_id, state)
        for role, status in (("shift_leader", 200), ("agent", 403), ("unit_clerk", 403)):
            headers = {"Authorization": f"Bearer {await desks.token(role, role)}"}
            async with (
                aiohttp.ClientSession(base_url=desks.url, headers=headers) as session,
                session.get("/api/transcription") as answer,
            ):
                assert answer.status == status
                said = await answer.json()
                if status == 200:
                    assert (said["recordings"], said["hours"], said["lacking_model"], said["failed"]) == (1, 2.0, 1, 1)
                    assert said["speed"] is said["ends_at"] is None and said["workers"] >= 1
                    assert {one["state"] for one in said["waiting"]} == {"waiting", "no_model", "failed"}

    with_desks(empty_database, work)
