"""Any call's recording among a million: found by its call or its ticket, and the first byte of its sound, over HTTP (QUA-02).

By default 200,000 manifests are made (``BENCH_FOUND``: any number), all with ``BENCH_ALL=1``, by the server itself. The sound is
real, encoded and sealed as the worker does it; some objects are shared by all rows. What is measured is what a quality
officer waits for: the list that finds the call, then the request for its sound until the first byte; each is let in, checked and
written down as always.
"""

from __future__ import annotations

import asyncio
import os
import random
import shutil
import tempfile
from pathlib import Path

import aiohttp
import asyncpg

from bench.figure import Figure, say
from bench.load import percentile
from hotline import clock, database
from tests.conftest import Postgres
from tests.desks_peer import Desks, serving
from tests.sealed_calls import both, taken_in

ALL = 1_000_000
MANIFESTS = ALL if os.environ.get("BENCH_ALL") == "1" else int(os.environ.get("BENCH_FOUND", str(ALL // 5)))
OBJECTS, ASKED, WARM = 20, 500, 20
LIMIT_MS = 100.0
_EVERY = 5
"""Every fifth call has a ticket."""
_PIECE = 100_000

_CALLS = """
INSERT INTO calls (node, call_id, caller_number, started_at, agent, source, version)
SELECT 'n1', 'b' || k, '139' || lpad(k::text, 8, '0'), timestamptz '2020-01-01' + k * interval '3 minutes',
       (1000 + k % 300)::text, 'ami', k FROM generate_series($1::int, $2::int) AS k
"""
_RECORDINGS = """
INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, voices, state, manifest, peaks,
                        storage, object, object_bytes, object_sha256, key_id, wrapped_key)
SELECT 'n1', 'b' || k, t.kind, '2020/01/01/n1-b' || k || '.wav', timestamptz '2020-01-01' + k * interval '3 minutes', t.length_ms,
       t.channels, t.sha256, jsonb_build_array(jsonb_build_object('who', 'agent', 'name', (1000 + k % 300)::text)), 'stored',
       t.manifest || jsonb_build_object('call_id', 'b' || k), t.peaks, t.storage, t.object, t.object_bytes, t.object_sha256,
       t.key_id, t.wrapped_key
FROM generate_series($1::int, $2::int) AS k
JOIN (SELECT *, row_number() OVER (ORDER BY recording_id) - 1 AS place FROM recordings WHERE call_id LIKE 'real%') AS t
    ON t.place = k % $3::int
"""
_TICKETS = """
INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, content, node, call_id)
SELECT 2020010100000 + k, 'telephone', 'answered', 'dezhou', now(), 'x', now(), '路灯不亮', 'n1', 'b' || k
FROM generate_series($1::int, $2::int) AS k WHERE k % $3::int = 0
"""


def measure() -> list[Figure]:
    """Fill a database of its own, then ask; raises ``RuntimeError`` when an answer is not the recording asked for."""
    folder = Path(tempfile.mkdtemp(prefix="hotline-bench-"))
    before = os.environ.get("HOTLINE_VAR")
    os.environ["HOTLINE_VAR"] = str(folder / "var")
    try:
        server = Postgres(folder / "postgres")
        server.start()
        try:
            return asyncio.run(_measure(server, folder / "var"))
        finally:
            server.stop()
    finally:
        if before is None:
            del os.environ["HOTLINE_VAR"]
        else:
            os.environ["HOTLINE_VAR"] = before
        shutil.rmtree(folder, ignore_errors=True)


async def _measure(server: Postgres, var: Path) -> list[Figure]:
    owner = await asyncpg.connect(server.owner)
    try:
        await database.migrate(owner)
        async with serving(server) as desks:
            await _fill(owner, desks, var)
            return await _ask(desks)
    finally:
        await owner.close()


async def _fill(owner: asyncpg.Connection, desks: Desks, var: Path) -> None:
    began = clock.monotonic()
    for number in range(OBJECTS):
        await taken_in(desks.writer, var, f"real{number}", both(), sealed=desks.parts.pool)
    for first in range(0, MANIFESTS, _PIECE):
        last = min(first + _PIECE, MANIFESTS) - 1
        await owner.execute(_CALLS, first, last)
        await owner.execute(_RECORDINGS, first, last, OBJECTS)
        await owner.execute(_TICKETS, first, last, _EVERY)
        say(f"found: {last + 1} of {MANIFESTS} manifests")
    await owner.execute("VACUUM ANALYZE")
    say(f"found: made in {clock.monotonic() - began:.0f} s")


async def _ask(desks: Desks) -> list[Figure]:
    token = await desks.token("quality", "bench")
    dice = random.Random(12345)
    times: dict[str, list[float]] = {"call": [], "ticket": []}
    async with aiohttp.ClientSession(base_url=desks.url, headers={"Authorization": f"Bearer {token}"}) as client:
        for number in range(WARM + ASKED):
            key = dice.choice(("call", "ticket"))
            place = dice.randrange(0, MANIFESTS, _EVERY) if key == "ticket" else dice.randrange(MANIFESTS)
            took = await _first_byte(client, key, place)
            if number >= WARM:
                times[key].append(took * 1000)
    both_ways = times["call"] + times["ticket"]
    shares = "; ".join(
        f"by {key}: p50 {percentile(one, 0.5):.1f}, p95 {percentile(one, 0.95):.1f} ms" for key, one in times.items()
    )
    note = f"{MANIFESTS} manifests, {ASKED} calls; {shares}; longest {max(both_ways):.0f} ms"
    return [Figure(name="recording_first_byte_p95", ours=percentile(both_ways, 0.95), unit="ms", limit=LIMIT_MS, note=note)]


async def _first_byte(client: aiohttp.ClientSession, key: str, place: int) -> float:
    """Seconds from the question to the first byte."""
    began = clock.monotonic()
    wanted = f"b{place}" if key == "call" else str(2020010100000 + place)
    async with client.get("/api/recordings", params={key: wanted}) as answer:
        found = (await answer.json())["recordings"]
    if [one["call_id"] for one in found] != [f"b{place}"]:
        raise RuntimeError(f"{key} {wanted}: {found}")
    async with client.get(f"/api/recordings/{found[0]['recording_id']}/audio", headers={"Range": "bytes=0-"}) as answer:
        first = await answer.content.read(4)
        took = clock.monotonic() - began
        await answer.read()
    if (answer.status, first) != (206, b"OggS"):
        raise RuntimeError(f"{wanted}: {answer.status} {first!r}")
    return took
