"""The web process with 200 desks connected, a tenth of which have a call with its caller's history, and the dictionary loaded.

``python -m desks`` is the real one, PostgreSQL too; agents' states and calls are committed as a bridge commits them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import asyncpg
import msgspec

from bench import cpu
from bench.figure import Figure, say
from hotline import clock, credentials, database
from hotline.paths import TREE
from tests.citizens import ticket
from tests.conftest import Postgres, free_port, run
from tests.desks_peer import Desks, eventually

DESKS, IN_CALLS, LIMIT_MIB = 200, 20, 250.0
SECONDS = float(os.environ.get("BENCH_DESKS_SECONDS", "30"))
_FIRST, _TICKETS = 2001, 400
_SEARCHES = ("/api/taxonomy/search?text=路灯不亮", "/api/tickets/search?text=暖气不热", "/api/knowledge?text=公积金提取")


def measure() -> list[Figure]:
    """Run it once."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        server = Postgres(Path(folder) / "pg")
        server.start()
        try:
            return run(_measure(Path(folder), server))
        finally:
            server.stop()


async def _measure(folder: Path, server: Postgres) -> list[Figure]:
    owner = await asyncpg.connect(server.owner)
    await database.migrate(owner)
    await owner.close()
    async with _serving(folder, server) as (pid, desks):
        idle = cpu.memory(pid, alone=True).rss
        await _people(desks)
        async with aiohttp.ClientSession(base_url=desks.url, connector=aiohttp.TCPConnector(limit=0)) as client:
            sockets = [await _desk(client, desks, _FIRST + number) for number in range(DESKS)]
            most, changes, pushed = 0.0, 0, Counter[str]()
            async with asyncio.TaskGroup() as tasks:
                reading = [tasks.create_task(_read(socket, pushed)) for socket in sockets]
                until = clock.monotonic() + SECONDS
                while clock.monotonic() < until:
                    await _change(desks, changes)
                    changes += 1
                    await asyncio.sleep(0.05)
                    most = max(most, cpu.memory(pid, alone=True).rss)
                for task in reading:
                    task.cancel()
            for socket in sockets:
                await socket.close()
    note = f"{DESKS} desks, {changes} changes, {pushed['messages']} messages, {pushed['pops']} with who calls; idle {idle:.0f}"
    say(f"desk_memory: idle {idle:.1f} MiB, at most {most:.1f} MiB")
    return [Figure(name="desk_memory", ours=most, unit="MiB resident", limit=LIMIT_MIB, note=note)]


@contextlib.asynccontextmanager
async def _serving(folder: Path, server: Postgres) -> AsyncIterator[tuple[int, Desks]]:
    port = free_port()
    (folder / "hotline.toml").write_text(f"[web]\nport = {port}\n", encoding="utf-8")
    os.environ.update({"HOTLINE_VAR": str(folder / "var"), "HOTLINE_CONFIG": str(folder / "hotline.toml")})
    credentials._write(msgspec.structs.replace(server.credentials, web={"admin": "a"}))
    with (folder / "desks.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(sys.executable, "-m", "desks", cwd=TREE, stdout=log, stderr=log)
    writer = await asyncpg.connect(server.dsn)
    url = f"http://127.0.0.1:{port}"
    try:
        async with aiohttp.ClientSession(base_url=url) as client:

            async def answers() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    async with client.get("/api/openapi.json") as answer:
                        return answer.status == 200
                return False

            await eventually(answers, 60)
        yield process.pid, Desks(url, None, writer)  # type: ignore[arg-type]
    finally:
        process.terminate()
        await process.wait()
        writer.terminate()


async def _people(desks: Desks) -> None:
    """Agents with sessions, and citizens who called before."""
    for number in range(DESKS):
        agent = str(_FIRST + number)
        await desks.writer.execute("INSERT INTO agents (agent, origin) VALUES ($1, 'directory')", agent)
        await desks.writer.execute(
            "INSERT INTO agent_sessions (agent, seat, opened_by, opened_how) VALUES ($1, $1, 'bench', 'api')", agent
        )
    for number in range(1, _TICKETS):
        await ticket(desks.writer, number, calling_number=_caller(number % 40), caller_name="张三", content="路灯不亮" * 20)


async def _desk(client: aiohttp.ClientSession, desks: Desks, agent: int) -> aiohttp.ClientWebSocketResponse:
    headers = {"Authorization": f"Bearer {await desks.token('agent', str(agent))}"}
    for path in _SEARCHES:
        async with client.get(path, headers=headers) as answer:
            await answer.read()
    return await client.ws_connect("/api/desk/ws", headers=headers)


async def _read(socket: aiohttp.ClientWebSocketResponse, pushed: Counter[str]) -> None:
    async for message in socket:
        pushed["messages"] += 1
        pushed["pops"] += bool(json.loads(message.data)["set"].get("pop"))


async def _change(desks: Desks, number: int) -> None:
    """The next agent's telephone rings, is answered, or is free again."""
    agent, step = _FIRST + number // 3 % IN_CALLS, number % 3
    row = {"node": "n1", "agent": str(agent), "since": clock.now(), "at": clock.now(), "queues": ["hotline"]}
    if step == 2:
        return await desks.commit("agent_states", row | {"state": "ready", "call_id": None, "channel": ""})
    if step == 0:
        await desks.call(number, caller_number=_caller(number % 50), call_id=f"c{number}")
    return await desks.commit(
        "agent_states", row | {"state": ("ringing", "talking")[step], "call_id": f"c{number - step}", "channel": "a"}
    )


def _caller(number: int) -> str:
    return f"139053{number:05d}"
