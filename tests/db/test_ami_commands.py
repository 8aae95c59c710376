"""Commands between a real PostgreSQL and an AMI peer: at most once whatever dies, true outcomes, audit lines (SEC-12)."""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from ami_bridge import commands, facts
from ami_bridge.commands import Outcome, Port, ask, outcome, wait
from ami_bridge.errors import CommandRefusedError
from ami_bridge.link import Link
from hotline import clock, database
from hotline.credentials import AmiUser
from hotline.settings import Ami
from tests import port_process
from tests.ami_peer import Peer, peer, until

if TYPE_CHECKING:
    from tests.conftest import Postgres

PAUSE: dict[str, Any] = {"interface": "PJSIP/1001", "paused": True, "reason": "午饭"}
CALL: dict[str, Any] = {"channel": "PJSIP/1001", "context": "seats", "exten": "1002", "ring_seconds": 2}
STEPS = 80


class World:
    """An Asterisk with one member, who can be paused; the database; and a port, when one is started."""

    def __init__(self, other: Peer, pool: asyncpg.Pool, dsn: str) -> None:
        self.peer, self.pool, self.dsn = other, pool, dsn
        self.port: Port | None = None
        self.link: Link | None = None
        other.replies["QueuePause"] = self._pause
        self._member("0")

    def _pause(self, action: dict[str, str]) -> str | None:
        if action["Interface"] != "PJSIP/1001":
            return "Response: Error\r\nMessage: Interface not found"
        self._member("1" if action["Paused"] == "true" else "0")
        return "Response: Success\r\nMessage: Interface paused successfully"

    def _member(self, paused: str) -> None:
        member = {"Event": "QueueMember", "Queue": "hotline", "Name": "1001", "Location": "PJSIP/1001", "Status": "1"}
        self.peer.queues = [{"Event": "QueueParams", "Queue": "hotline"}, member | {"Paused": paused}]

    def sent(self, command: uuid.UUID) -> int:
        """How often Asterisk was asked for it."""
        return sum(action["ActionID"] == str(command) for action in self.peer.actions)

    async def ask(self, action: str = "QueuePause", within: float = 10, **parameters: Any) -> uuid.UUID:
        chosen = parameters or PAUSE
        return await ask(self.pool, "n", action, chosen, asked_by="zhang", reason="test", within_seconds=within)

    async def ends(self, command: uuid.UUID, *, seconds: float = 10) -> Outcome:
        found = await wait(self.pool, command, seconds=seconds)
        assert found
        return found

    async def becomes(self, command: uuid.UUID, state: str) -> Outcome:
        """Wait for this state, which need not be final."""
        deadline = clock.monotonic() + 15
        while (found := await outcome(self.pool, command)) is None or found.state != state:
            assert clock.monotonic() < deadline, found
            await asyncio.sleep(0.02)
        return found

    async def audit(self, command: uuid.UUID) -> list[tuple[str, str, str, str, str]]:
        """Lines of the audit log: actor, action, subject, reason, outcome."""
        query = "SELECT actor, action, subject, detail FROM audit_log WHERE detail ->> 'command_id' = $1 ORDER BY entry_id"
        rows = [(row, json.loads(row["detail"])) for row in await self.pool.fetch(query, str(command))]
        return [(row["actor"], row["action"], row["subject"], detail["reason"], detail["outcome"]) for row, detail in rows]

    @contextlib.asynccontextmanager
    async def served(self) -> AsyncIterator[None]:
        """A port in this process."""
        settings = Ami(port=self.peer.port, ping_seconds=5, silence_seconds=20)
        self.link = Link(settings, AmiUser("bridge", "secret"), on_frames=self._hear, on_up=self._up)
        self.port = Port("n", self.dsn, self.link)
        loop = asyncio.get_running_loop()
        tasks = [loop.create_task(self.link.run()), loop.create_task(self.port.run())]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            ends = await asyncio.gather(*tasks, return_exceptions=True)
            assert [type(end) for end in ends] == [asyncio.CancelledError] * 2, ends

    async def _up(self) -> None:
        assert self.port
        self.port.wake()

    def _hear(self, frames: list[Any]) -> None:
        assert self.port
        for frame in frames:
            fact = facts.from_event(frame.name, frame.headers, clock.now())
            if fact:
                self.port.hear(fact)


@contextlib.asynccontextmanager
async def world(server: Postgres) -> AsyncIterator[World]:
    async with peer() as other, await database.pool(server.dsn, name="test") as pool:
        yield World(other, pool, server.dsn)


def in_a_loop(work: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await work()

    asyncio.run(run())


def test_a_command_is_done_and_leaves_a_line_with_person_and_reason(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            command = await here.ask()
            assert await here.ends(command) == Outcome("done", {"message": "Interface paused successfully"})
            assert here.sent(command) == 1
            (action,) = [action for action in here.peer.actions if action["Action"] == "QueuePause"]
            assert (action["Interface"], action["Paused"], action["Reason"]) == ("PJSIP/1001", "true", "午饭")
            assert await here.audit(command) == [("zhang", "command.QueuePause", "PJSIP/1001", "test", "done")]

    in_a_loop(work)


def test_asterisks_refusal_is_told_in_its_words(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            command = await here.ask(interface="PJSIP/1099", paused=True)
            assert await here.ends(command) == Outcome("refused", {"message": "Interface not found"})
            assert [line[-1] for line in await here.audit(command)] == ["refused"]

    in_a_loop(work)


def test_what_may_not_be_asked_is_no_row_and_a_row_that_was_forged_is_not_sent(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            with pytest.raises(CommandRefusedError):
                await here.ask("Hangup", channel="/.*/")
            assert await here.pool.fetchval("SELECT count(*) FROM commands") == 0
            forged = uuid.uuid4()
            values = (forged, "n", "Hangup", '{"channel": "/.*/"}', "nobody", "", 10)
            await here.pool.execute(commands._QUERIES["ask"], *values)
            found = await here.ends(forged)
            assert (found.state, here.sent(forged)) == ("refused", 0)
            assert await here.pool.fetchval("SELECT sent_at FROM commands WHERE command_id = $1", forged) is None

    in_a_loop(work)


def test_commands_reach_asterisk_in_the_order_in_which_they_were_asked(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here:
            asked = [await here.ask(interface="PJSIP/1001", paused=bool(i % 2), reason=str(i)) for i in range(40)]
            async with here.served():
                assert [(await here.ends(command)).state for command in asked] == ["done"] * 40
            assert [a["ActionID"] for a in here.peer.actions if a["Action"] == "QueuePause"] == [str(c) for c in asked]

    in_a_loop(work)


def test_a_command_whose_time_is_over_is_never_sent(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here:
            await here.peer.stop()
            async with here.served():
                command = await here.ask(within=0.3)
                assert (await here.ends(command)).state == "expired"
                await here.peer.start()
                later = await here.ask()
                assert (await here.ends(later)).state == "done"
                assert (here.sent(command), here.sent(later)) == (0, 1)
            assert [line[-1] for line in await here.audit(command)] == ["expired"]

    in_a_loop(work)


def test_a_command_of_another_node_is_left_alone(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            other = await ask(here.pool, "m", "QueuePause", PAUSE, asked_by="li", reason="", within_seconds=10)
            assert (await here.ends(await here.ask())).state == "done"
            assert await outcome(here.pool, other) == Outcome("waiting")

    in_a_loop(work)


def test_a_link_cut_before_the_answer_is_unknown_and_settled_by_what_is_seen(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            answer = here.peer.replies["QueuePause"]

            def done_and_cut(action: dict[str, str]) -> None:
                answer(action)
                here.peer.cut()

            here.peer.replies["QueuePause"] = done_and_cut
            command = await here.ask()
            assert await here.ends(command) == Outcome("done", {"message": "seen in a fresh list of queues and channels"})
            assert here.sent(command) == 1
            assert [line[-1] for line in await here.audit(command)] == ["unknown", "done"]

    in_a_loop(work)


def test_what_is_not_seen_stays_unknown(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            here.peer.replies["QueuePause"] = lambda _: here.peer.cut()
            command = await here.ask()
            await here.becomes(command, "unknown")
            await until(lambda: "QueueStatus" in here.peer.names() and "CoreShowChannels" in here.peer.names())
            here.peer.replies["QueuePause"] = lambda _: "Response: Success\r\nMessage: ok"
            assert (await here.ends(await here.ask())).state == "done"
            found = await here.ends(command, seconds=0)
            assert (found.state, here.sent(command)) == ("unknown", 1)
            assert "the link broke" in found.answer["message"]

    in_a_loop(work)


@pytest.mark.parametrize(
    ("response", "reason", "state", "said"), [("Success", 4, "done", "answered"), ("Failure", 5, "refused", "busy")]
)
def test_a_calls_outcome_is_how_it_went(empty_database: Postgres, response: str, reason: int, state: str, said: str) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            queued = "Response: Success\r\nMessage: Originate successfully queued\r\n\r\n"
            end = f"Event: OriginateResponse\r\nResponse: {response}\r\nReason: {reason}\r\nUniqueid: u\r\n\r\n"
            here.peer.replies["Originate"] = lambda _: queued + end
            found = await here.ends(await here.ask("Originate", **CALL))
            assert (found.state, found.answer["message"], found.answer["uniqueid"]) == (state, said, "u")

    in_a_loop(work)


def test_a_call_that_asterisk_will_not_make_is_refused_at_once(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            here.peer.replies["Originate"] = lambda _: "Response: Error\r\nMessage: Extension does not exist."
            assert await here.ends(await here.ask("Originate", **CALL)) == Outcome(
                "refused", {"message": "Extension does not exist."}
            )

    in_a_loop(work)


def test_a_calls_end_told_over_another_connection_settles_it(empty_database: Postgres) -> None:
    async def work() -> None:
        async with world(empty_database) as here, here.served():
            here.peer.replies["Originate"] = lambda _: here.peer.cut()
            command = await here.ask("Originate", **CALL)
            await here.becomes(command, "unknown")
            await until(lambda: here.link and here.link.connected_since and here.peer.names().count("Login") == 2)
            here.peer.event("OriginateResponse", ActionID="of somebody else", Response="Success", Reason=4, Uniqueid="x")
            here.peer.event("OriginateResponse", ActionID=command, Response="Failure", Reason=1, Uniqueid="u")
            found = await here.ends(command)
            assert (found.state, found.answer["message"]) == ("refused", "no answer")
            assert [line[-1] for line in await here.audit(command)] == ["unknown", "refused"]

    in_a_loop(work)


def test_no_answer_in_time_is_unknown(empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ami_bridge.actions._ANSWER_SECONDS", 0.2)

    async def work() -> None:
        async with world(empty_database) as here, here.served():
            here.peer.replies["QueuePause"] = lambda _: None
            found = await here.becomes(await here.ask(), "unknown")
            assert "no answer" in found.answer["message"]

    in_a_loop(work)


def test_a_port_killed_before_any_byte_it_sends_sends_nothing_twice_and_says_what_is_true(empty_database: Postgres) -> None:
    """Its successor finishes; done means that Asterisk was asked once, unknown that it may have been."""

    async def work() -> None:
        async with world(empty_database) as here:
            seen: dict[str, int] = {}
            for step in range(1, STEPS):
                here._member("0")
                command = await here.ask()
                killed = await ended(here, command, port_process.start(here.dsn, here.peer.port, step))
                second = port_process.start(here.dsn, here.peer.port, 1_000_000)
                await until_settled(here, command)
                port_process.kill(second)
                found = await outcome(here.pool, command)
                assert found
                assert here.sent(command) == (1 if found.state == "done" else 0), (step, found)
                assert (await here.audit(command))[-1][-1] == found.state
                seen[found.state] = seen.get(found.state, 0) + 1
                if not killed:
                    break
            assert 10 < step < STEPS - 1
            assert set(seen) == {"done", "unknown"}

    in_a_loop(work)


async def outcome_is_told(here: World, command: uuid.UUID) -> bool:
    found = await outcome(here.pool, command)
    return found is not None and found.state in commands.FINAL


async def until_settled(here: World, command: uuid.UUID) -> None:
    """Final, or unknown after the successor has looked at what Asterisk has."""
    looked = here.peer.names().count("CoreShowChannels")
    deadline = clock.monotonic() + 15
    while not await outcome_is_told(here, command):
        found = await outcome(here.pool, command)
        if found and found.state == "unknown" and here.peer.names().count("CoreShowChannels") > looked:
            await here.ends(await here.ask(interface="PJSIP/1099", paused=True))  # taken in the round after that look
            return
        assert clock.monotonic() < deadline, found
        await asyncio.sleep(0.01)


async def ended(here: World, command: uuid.UUID, child: int) -> bool:
    """Whether the child was killed by its own count; it is ended when the command's outcome is told."""
    deadline = clock.monotonic() + 15
    while not port_process.has_ended(child):
        if await outcome_is_told(here, command):
            port_process.kill(child)
            return False
        assert clock.monotonic() < deadline
        await asyncio.sleep(0.005)
    return True


def test_while_the_database_is_away_outcomes_wait_and_nothing_is_sent_twice(
    new_postgres: type[Postgres], migrate: Callable[[str], None], tmp_path: Any
) -> None:
    server = new_postgres(tmp_path / "postgres")
    server.start()
    migrate(server.owner)

    async def work() -> None:
        async with peer() as other, await database.pool(server.dsn, name="test") as pool:
            here = World(other, pool, server.dsn)
            async with here.served():
                answer = other.replies["QueuePause"]

                def killing(action: dict[str, str]) -> str | None:
                    server.kill()
                    return answer(action)

                other.replies["QueuePause"] = killing
                command = await here.ask(within=60)
                await until(lambda: here.sent(command))
                await asyncio.to_thread(server.start)
                other.replies["QueuePause"] = answer
                assert (await here.ends(command, seconds=20)).state == "done"
                assert (await here.ends(await here.ask())).state == "done"
                assert here.sent(command) == 1

    try:
        in_a_loop(work)
    finally:
        server.stop()
