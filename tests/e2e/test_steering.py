"""Steering a real Asterisk through the port: what was asked is seen there, refusals in its words, a cut link (SEC-12)."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg

from ami_bridge.commands import Outcome, Port, ask, wait
from ami_bridge.link import Link
from hotline import database
from tests.trial import Trial, wait_until

SEAT = "PJSIP/1001"


async def steer(pool: asyncpg.Pool, node: str, action: str, **parameters: Any) -> Outcome:
    """Ask and wait for what becomes of it."""
    command = await ask(pool, node, action, parameters, asked_by="zhang", reason="lunch", within_seconds=5)
    found = await wait(pool, command, seconds=15)
    assert found
    return found


def member(stack: Trial) -> str:
    """The console's line about the seat."""
    return next(line for line in stack.asterisk("queue show hotline").splitlines() if f"({SEAT})" in line or f" {SEAT} " in line)


def with_pool(stack: Trial, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(stack.credentials.database, name="test") as pool:
            await work(pool)

    asyncio.run(run())


def test_a_pause_asked_of_the_bridge_is_seen_in_asterisk_and_in_the_table_of_agents(stack: Trial) -> None:
    def both(*, paused: bool) -> None:
        async def work(pool: asyncpg.Pool) -> None:
            for seat in (SEAT, f"{SEAT}@browser"):
                found = await steer(
                    pool, stack.settings.asterisk.node, "QueuePause", interface=seat, paused=paused, reason="午饭"
                )
                assert found == Outcome("done", {"message": f"Interface {'' if paused else 'un'}paused successfully"})

        with_pool(stack, work)

    query = "SELECT paused, pause_reason FROM agent_states WHERE agent = '1001'"
    both(paused=True)
    assert "paused:午饭" in member(stack)
    wait_until(lambda: stack.fetch(query) == [{"paused": True, "pause_reason": "午饭"}])
    both(paused=False)
    assert "paused" not in member(stack)
    wait_until(lambda: stack.fetch(query) == [{"paused": False, "pause_reason": ""}])


def test_asterisk_refuses_an_unknown_member_and_every_other_thing_in_its_own_words(stack: Trial) -> None:
    """Each action reaches Asterisk: what it does not know is a channel, never the action or the right to it."""

    async def work(pool: asyncpg.Pool) -> None:
        node, gone = stack.settings.asterisk.node, "PJSIP/1001-00000fff"
        found = await steer(pool, node, "QueuePause", interface="PJSIP/999", paused=True)
        assert found == Outcome("refused", {"message": "Interface not found"})
        target = {"channel": gone, "context": "seats", "exten": "1002"}
        asked: dict[str, dict[str, Any]] = {
            "QueueWithdrawCaller": {"queue": "hotline", "caller": gone},
            "QueueChangePriorityCaller": {"queue": "hotline", "caller": gone, "priority": 3},
            "QueueRemove": {"queue": "hotline", "interface": "PJSIP/999"},
            "QueuePenalty": {"interface": "PJSIP/999", "penalty": 3},
            "Hangup": {"channel": gone},
            "Redirect": target,
            "Bridge": {"channel": gone, "other_channel": gone},
            "BlindTransfer": target,
            "Atxfer": target,
            "CancelAtxfer": {"channel": gone},
            "Setvar": {"channel": gone, "variable": "HOTLINE_DIAL", "value": "1"},
            "MixMonitorMute": {"channel": gone, "direction": "both", "muted": True},
            "Originate": {"channel": "PJSIP/999", "context": "seats", "exten": "1002"},
        }
        for action, parameters in asked.items():
            found = await steer(pool, node, action, **parameters)
            assert found.state == "refused", (action, found)
            assert "Permission" not in found.answer["message"], (action, found)
            assert "unknown command" not in found.answer["message"], (action, found)

    with_pool(stack, work)


class Relay:
    """Between a link and Asterisk; cuts the link the moment that an action has gone through to Asterisk."""

    def __init__(self, stack: Trial) -> None:
        self._ami = stack.settings.ami
        self.cut_at = b""
        self.port = 0

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[None]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        from_asterisk, to_asterisk = await asyncio.open_connection(self._ami.host, self._ami.port)
        try:
            async with asyncio.TaskGroup() as tasks:
                back = tasks.create_task(_pump(from_asterisk, writer))
                while data := await reader.read(65536):
                    is_last = bool(self.cut_at) and self.cut_at in data
                    if is_last:
                        self.cut_at = b""
                        back.cancel()
                    to_asterisk.write(data)
                    await to_asterisk.drain()
                    if is_last:
                        break
                back.cancel()
        except* OSError:
            pass
        writer.transport.abort()
        to_asterisk.close()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65536):
        writer.write(data)


def test_a_link_cut_after_the_action_went_through_is_settled_by_what_asterisk_has(stack: Trial) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        relay = Relay(stack)
        async with relay.open():
            ami = stack.settings.ami
            settings = type(ami)(host="127.0.0.1", port=relay.port, ping_seconds=1, silence_seconds=5)
            link = Link(settings, stack.credentials.ami, on_frames=lambda _: None)
            port = Port("elsewhere", stack.credentials.database, link)
            loop = asyncio.get_running_loop()
            tasks = [loop.create_task(link.run()), loop.create_task(port.run())]
            try:
                assert (await steer(pool, "elsewhere", "QueuePause", interface=SEAT, paused=False)).state == "done"
                relay.cut_at = b"QueuePause"
                found = await steer(pool, "elsewhere", "QueuePause", interface=SEAT, paused=True)
                assert found == Outcome("done", {"message": "seen in a fresh list of queues and channels"})
                assert "paused" in member(stack)
                assert (await steer(pool, "elsewhere", "QueuePause", interface=SEAT, paused=False)).state == "done"
            finally:
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
        query = "SELECT detail ->> 'outcome' AS outcome FROM audit_log WHERE detail ->> 'node' = 'elsewhere' ORDER BY entry_id"
        assert [row["outcome"] for row in await pool.fetch(query)] == ["done", "unknown", "done", "done"]

    with_pool(stack, work)
