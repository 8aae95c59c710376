"""The web application over real connections: health that is really checked, errors in two languages, headers."""

from __future__ import annotations

import asyncio
import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog
from aiohttp import web

from acd import parts as acd
from desks import answers
from desks.answers import HEADERS
from desks.application import application
from desks.desk import Parts, live_rules
from desks.desk_feed import DeskFeed
from desks.feed import Feed
from desks.health import Health
from desks.login import Sessions
from hotline import clock, credentials, database, paths
from hotline.settings import Settings
from tests.desks_peer import eventually

if TYPE_CHECKING:
    from tests.conftest import Postgres

CHINESE = {"Accept-Language": "zh-CN"}
ENGLISH = {"Accept-Language": "en"}
Ask = Callable[[aiohttp.ClientSession], Awaitable[None]]


async def well() -> str | None:
    return None


async def ill() -> str | None:
    return "127.0.0.1:5433: password=secret"


async def broken() -> str | None:
    raise RuntimeError("the check itself failed")


async def fails(request: web.Request) -> web.Response:
    raise RuntimeError("secret inside")


async def forbids(request: web.Request) -> web.Response:
    raise web.HTTPForbidden(text="secret inside")


async def takes(request: web.Request) -> web.Response:
    return web.Response(body=await request.read())


@asynccontextmanager
async def served(health: Health) -> AsyncIterator[aiohttp.ClientSession]:
    """The application, with routes that misbehave, on a free port, and a client of it; nothing of it needs the database."""
    pool = await database.pool("postgresql://nobody@127.0.0.1:1/nothing", name="test")
    feed = Feed(pool, live_rules(Settings()))
    desk_feed = DeskFeed(acd.Parts(Settings(), pool, "node1"))
    app = application(Parts(Settings(), pool, health, Sessions(pool, {}), feed, desk_feed))
    app.router.add_get("/fails", fails)
    app.router.add_get("/forbids", forbids)
    app.router.add_post("/takes", takes)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    async with aiohttp.ClientSession(base_url=f"http://{host}:{port}") as client:
        yield client
    await runner.cleanup()
    await pool.close()


def with_client(ask: Ask, **checks: Callable[[], Awaitable[str | None]]) -> None:
    async def run() -> None:
        async with served(Health(checks)) as client:
            await ask(client)

    asyncio.run(run())


def test_all_well_is_200_and_ok() -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.get("/healthz") as answer:
            assert answer.status == 200
            assert await answer.json() == {"status": "ok", "parts": {"agi": "ok", "database": "ok"}}

    with_client(ask, agi=well, database=well)


def test_one_part_down_is_503_and_tells_no_reason() -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.get("/healthz") as answer:
            assert answer.status == 503
            text = await answer.text()
            assert json.loads(text) == {"status": "degraded", "parts": {"agi": "ok", "database": "down", "recordings": "down"}}
            assert "secret" not in text

    with_client(ask, agi=well, database=ill, recordings=broken)


def test_a_crowd_that_asks_at_once_is_answered_from_one_check() -> None:
    asked: list[float] = []

    async def counted() -> str | None:
        asked.append(clock.monotonic())
        await asyncio.sleep(0)
        return None

    async def ask(client: aiohttp.ClientSession) -> None:
        async def one() -> int:
            async with client.get("/healthz") as answer:
                return answer.status

        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(one()) for _ in range(50)]
        assert {task.result() for task in tasks} == {200}
        assert len(asked) == len({round(at) for at in asked}) <= 2

    with_client(ask, agi=counted)


@pytest.mark.parametrize(
    ("request_line", "status", "code", "chinese", "english"),
    [
        ("GET /nothing", 404, "not_found", "没有找到", "nothing at this address"),
        ("GET /healthz/", 404, "not_found", "没有找到", "nothing at this address"),
        ("POST /healthz", 405, "method_not_allowed", "不支持", "does not support"),
        ("GET /fails", 500, "internal_error", "内部错误", "internal error"),
        ("GET /forbids", 403, "forbidden", "没有执行", "not allowed"),
    ],
)
def test_an_error_speaks_the_language_asked_for_and_tells_no_secret(
    request_line: str, status: int, code: str, chinese: str, english: str
) -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        for wish, words, spoken in ((CHINESE, chinese, "zh-CN"), (ENGLISH, english, "en"), ({}, chinese, "zh-CN")):
            async with client.request(*request_line.split(), headers=wish) as answer:
                text = await answer.text()
                assert (answer.status, answer.headers["Content-Language"]) == (status, spoken)
                error: dict[str, Any] = json.loads(text)["error"]
                assert set(error) == {"code", "message", "details"}
                assert error["code"] == code
                assert words in error["message"]
                assert "secret" not in text

    with_client(ask)


def test_a_refused_method_names_the_allowed_ones() -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.delete("/healthz") as answer:
            assert answer.headers["Allow"] == "GET, HEAD"
            assert (await answer.json())["error"]["details"] == {"allowed": ["GET", "HEAD"]}

    with_client(ask)


def test_an_internal_error_is_logged_under_the_number_that_the_person_sees(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[str] = []

    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.get("/fails") as answer:
            seen.append((await answer.json())["error"]["details"]["incident"])

    monkeypatch.setattr(answers, "_log", structlog.get_logger())  # one that nobody has used before
    with structlog.testing.capture_logs() as lines:
        with_client(ask)
    assert [(line["event"], line["incident"]) for line in lines] == [("failed", seen[0])]


def test_a_body_that_is_too_large_is_413() -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.post("/takes", data=io.BytesIO(b"x" * (2 << 20))) as answer:
            assert answer.status == 413
            assert (await answer.json())["error"]["code"] == "too_large"

    with_client(ask)


@pytest.mark.parametrize("path", ["/healthz", "/nothing", "/fails"])
def test_every_answer_carries_the_security_headers(path: str) -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        async with client.get(path) as answer:
            assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
            assert answer.headers["Content-Type"] == "application/json; charset=utf-8"

    with_client(ask, agi=well)


def test_garbage_on_the_connection_is_refused_and_the_next_is_served() -> None:
    async def ask(client: aiohttp.ClientSession) -> None:
        assert client._base_url is not None
        for garbage in (
            b"\x16\x03\x01\x02\x00\x01\r\n\r\n",
            b"GET / HTTP/9\r\n\r\n",
            b"GET / HTTP/1.1\r\nA" + b"a" * 20_000 + b"\r\n\r\n",
        ):
            reader, writer = await asyncio.open_connection(client._base_url.host, client._base_url.port)
            writer.write(garbage)
            writer.write_eof()
            assert b"Traceback" not in await reader.read()
            writer.close()
        async with client.get("/healthz") as answer:
            assert answer.status == 200

    with_client(ask, agi=well)


# The whole process, with the real parts around it.


@pytest.fixture
def environment(tmp_path: Path, postgres_server: Postgres, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """A configuration whose database is real, with a FastAGI port and a web port of its own."""
    web_port, agi_port = _free_ports(2)
    config = tmp_path / "hotline.toml"
    config.write_text(f"[web]\nport = {web_port}\n[agi]\nport = {agi_port}\n")
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    monkeypatch.setenv("HOTLINE_CONFIG", str(config))
    credentials._write(postgres_server.credentials)
    return dict(os.environ) | {"WEB": str(web_port), "AGI": str(agi_port)}


@pytest.fixture
def desks(environment: dict[str, str]) -> Iterator[subprocess.Popen[str]]:
    process = _start(environment)
    yield process
    process.kill()
    process.communicate()


def test_the_process_checks_what_really_runs(desks: subprocess.Popen[str], environment: dict[str, str]) -> None:
    async def see() -> None:
        alive = [paths.var() / "run" / f"{name}.alive" for name in ("ami_bridge", "recordings", "acd", "crm")]
        down = dict.fromkeys(("ami_bridge", "acd", "crm", "recordings", "agi"), "down")
        assert await _parts(environment, 503) == {"database": "ok"} | down
        for file in alive:
            file.parent.mkdir(exist_ok=True)
            file.write_text("{}")
        server = await asyncio.start_server(_closes_at_the_end, "127.0.0.1", int(environment["AGI"]))
        async with server:
            assert set((await _parts(environment, 200)).values()) == {"ok"}
            old = clock.now().timestamp() - 60
            os.utime(alive[1], (old, old))
            assert await _parts(environment, 503) == dict.fromkeys(("database", *down), "ok") | {"recordings": "down"}
            alive[1].touch()
            assert set((await _parts(environment, 200)).values()) == {"ok"}
            alive[0].write_text('{"connected": false}')
            assert (await _parts(environment, 503))["ami_bridge"] == "down", "it lives, and hears nothing"

    asyncio.run(see())
    desks.send_signal(signal.SIGTERM)
    output, _ = desks.communicate(timeout=10)
    assert desks.returncode == 0, output
    assert "Traceback" not in output


def test_the_health_page_survives_the_loss_of_postgresql(
    tmp_path: Path, new_postgres: type[Postgres], migrate: Callable[[str], None], environment: dict[str, str]
) -> None:
    server = new_postgres(tmp_path / "pg")
    server.start()
    migrate(server.owner)
    credentials._write(server.credentials)
    process = _start(environment)
    try:
        assert asyncio.run(_parts(environment, 503))["database"] == "ok"
        for _ in range(2):
            asyncio.run(_until_fed(environment))
            server.kill()
            asyncio.run(_until(environment, "down"))
            server.start()
            asyncio.run(_until(environment, "ok"))
    finally:
        process.terminate()
        output, _ = process.communicate(timeout=10)
        server.stop()
    assert process.returncode == 0, output
    assert output.count("PostgreSQL is away") == 2, "a warning each time, and once"


def test_a_taken_port_is_said_and_the_process_leaves_with_2(environment: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", int(environment["WEB"]))):
        process = _start(environment)
        output, _ = process.communicate(timeout=20)
    assert process.returncode == 2
    assert environment["WEB"] in output
    assert "Traceback" not in output


def _start(environment: dict[str, str]) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "desks"]
    return subprocess.Popen(command, cwd=paths.TREE, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


async def _closes_at_the_end(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    await reader.read()
    writer.close()


async def _parts(environment: dict[str, str], status: int) -> dict[str, str]:
    """Ask until the answer has this status: again while nobody listens yet, or an answer is kept for its second."""
    deadline = clock.monotonic() + 20
    async with aiohttp.ClientSession() as client:
        while True:
            try:
                async with client.get(f"http://127.0.0.1:{environment['WEB']}/healthz") as answer:
                    parts: dict[str, str] = (await answer.json())["parts"]
                    if answer.status == status:
                        return parts
            except aiohttp.ClientConnectionError:
                pass
            assert clock.monotonic() < deadline, "no such answer in 20 s"
            await asyncio.sleep(0.05)


async def _until(environment: dict[str, str], state: str) -> None:
    deadline = clock.monotonic() + 20
    while (await _parts(environment, 503))["database"] != state:
        assert clock.monotonic() < deadline
        await asyncio.sleep(0.05)


async def _until_fed(environment: dict[str, str]) -> None:
    """Until the figures come from the database."""
    async with aiohttp.ClientSession(f"http://127.0.0.1:{environment['WEB']}") as client:

        async def is_fed() -> bool:
            async with client.get("/metrics") as answer:
                return "hotline_database_up 1.0" in await answer.text()

        await eventually(is_fed)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports: list[int] = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports
