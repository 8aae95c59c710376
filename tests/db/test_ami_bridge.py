"""The bridge as a process, between a loopback AMI peer with a channel event log and a real PostgreSQL, killed in the middle."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from ami_bridge import journal
from hotline import clock, paths
from hotline.credentials import AmiUser
from tests.ami_peer import Peer, peer, until

if TYPE_CHECKING:
    from tests.conftest import Postgres

EPOCH = 1_790_000_000


class World:
    """An Asterisk as far as the bridge can see it: events to the peer's connection, lines to the event log, and a bridge."""

    def __init__(self, folder: Path, server: Postgres, other: Peer) -> None:
        self.var, self.server, self.peer = folder / "v a r", server, other
        self.log = self.var / "asterisk" / "log" / "cel-custom" / "calls.csv"
        self.log.parent.mkdir(parents=True)
        user = AmiUser("bridge", "secret")
        file = self.var / "credentials.json"
        file.write_bytes(msgspec.json.encode(msgspec.structs.replace(server.credentials, ami=user, ami_reader=user)))
        file.chmod(0o600)
        self.config = folder / "hotline.toml"
        self.config.write_text(
            f"[ami]\nport = {other.port}\nping_seconds = 1\nsilence_seconds = 3\n[database]\nport = {server.port}\n"
        )
        self.output = folder / "bridge.log"
        self.bridge: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start a bridge process, as the supervisor does."""
        self.bridge = self.run()

    def run(self, *arguments: str) -> subprocess.Popen[bytes]:
        """``python -m ami_bridge ARGUMENTS`` in this world."""
        environment = os.environ | {"HOTLINE_VAR": str(self.var), "HOTLINE_CONFIG": str(self.config)}
        argv = [sys.executable, "-m", "ami_bridge", *arguments]
        with self.output.open("ab") as out:
            return subprocess.Popen(argv, cwd=paths.TREE, env=environment, stdout=out, stderr=out)

    def kill(self) -> None:
        """kill -9."""
        assert self.bridge
        self.bridge.kill()
        self.bridge.wait()

    async def stop(self) -> int:
        """A clean stop; returns the exit code."""
        assert self.bridge
        self.bridge.send_signal(signal.SIGTERM)
        return await asyncio.to_thread(self.bridge.wait, 10)

    async def repaired(self, times: int) -> None:
        """Wait until the bridge has said so often that it repaired a gap."""
        await until(lambda: self.output.exists() and self.output.read_text().count('"gap repaired"') >= times, seconds=20)

    def alive(self) -> dict[str, Any]:
        """What the bridge says of itself."""
        file = self.var / "run" / "ami_bridge.alive"
        said: dict[str, Any] = json.loads(file.read_text()) if file.exists() else {}
        return said

    def happen(self, event: str, call: str, *, cel: str = "", uniqueid: str = "", channel: str = "", **headers: object) -> None:
        """One thing happens: into the event log (under its name there), and to whoever listens on AMI."""
        uniqueid, channel = uniqueid or call, channel or f"PJSIP/citizens-{call[-8:]}"
        now = f"{clock.now().timestamp():.6f}"
        if cel:
            extra, application = headers.pop("Extra", "{}"), headers.pop("Application", "")
            values = [now, cel, headers.pop("UserType", ""), call, uniqueid, channel, "citizens", "12345", "138", "", application]
            values += ["hotline,c" if application == "Queue" else "", headers.pop("Userfield", ""), extra]
            with self.log.open("a") as log:
                log.write(",".join('"' + str(value).replace('"', '""') + '"' for value in values) + "\n")
        if event and self.peer.connections and not self.peer.connections[-1].is_closing():
            told = {"Timestamp": now, "Channel": channel, "Uniqueid": uniqueid, "Linkedid": call, "Context": "citizens"}
            told |= {"Exten": "12345", "CallerIDNum": "138", "CallerIDName": "", "Cause": "16", "Queue": "hotline"}
            self.peer.event(event, **(told | headers))

    async def call(self, number: int, talks: bool, seconds: float) -> str:
        """One call: a menu, and an agent if it ``talks``; the caller hangs up."""
        call = f"node1-{EPOCH + number}.{number}"
        leg = f"node1-{EPOCH + number}.9{number}"
        pause = seconds / 5
        self.peer.channels.append(call)
        self.happen("Newchannel", call, cel="CHAN_START")
        self.happen("Newstate", call, cel="ANSWER", ChannelState=6)
        await asyncio.sleep(pause * random.uniform(0.5, 2))
        self.happen("UserEvent", call, UserEvent="HotlineStep", Step="main:1")
        if talks:
            self.happen("QueueCallerJoin", call, cel="APP_START", Application="Queue", Userfield="main:1")
            await asyncio.sleep(pause * random.uniform(0.5, 2))
            self.happen("QueueCallerLeave", call)
            agent = {"uniqueid": leg, "channel": f"PJSIP/1001-{number:08d}", "Application": "AppQueue"}
            self.happen("", call, cel="BRIDGE_ENTER", **agent)
            self.happen("AgentConnect", call, MemberName="1001")
        await asyncio.sleep(pause * random.uniform(0.5, 2))
        self.peer.channels.remove(call)
        self.happen("HangupRequest", call)
        if talks:
            self.happen("AgentComplete", call, MemberName="1001", Reason="caller")
        source = json.dumps({"hangupcause": 16, "hangupsource": f"PJSIP/citizens-{call[-8:]}", "dialstatus": ""})
        self.happen("Hangup", call, cel="HANGUP", Extra=source, Userfield="main:1")
        return call

    async def calls(self, count: int, spread: float, seconds: float) -> dict[str, str]:
        """``count`` calls spread over some seconds; returns what each must be recorded as."""

        async def later(number: int) -> tuple[str, str]:
            await asyncio.sleep(spread * number / count)
            talks = number % 2 == 0
            return await self.call(number, talks, seconds), "answered" if talks else "ivr_hangup"

        return dict(await asyncio.gather(*(later(number) for number in range(count))))

    async def rows(self) -> dict[str, dict[str, Any]]:
        """The calls in the database; empty while it is away."""
        try:
            connection = await asyncpg.connect(self.server.dsn, timeout=2)
        except (OSError, asyncpg.PostgresError):
            return {}
        try:
            return {row["call_id"]: dict(row) for row in await connection.fetch("SELECT * FROM calls")}
        finally:
            await connection.close()

    async def recorded(self, truth: dict[str, str]) -> dict[str, dict[str, Any]]:
        """Wait until every call of ``truth`` is recorded once, as what it was, and nothing else is; returns the rows."""
        deadline = clock.monotonic() + 20
        while True:
            rows = await self.rows()
            if all(call in rows and rows[call]["ended_at"] for call in truth):
                try:
                    agrees(rows, truth)
                except AssertionError:
                    if clock.monotonic() >= deadline:
                        raise
                else:
                    return rows
            missing = [call for call in truth if call not in rows or not rows[call]["ended_at"]]
            assert not missing or clock.monotonic() < deadline, f"not recorded: {missing}\n{self.output.read_text()}"
            await asyncio.sleep(0.1)

    async def shown(self, agent: str, wanted: tuple[str, str, str]) -> None:
        """Wait until the database has this agent so: state, call and channel, as told after the last start."""
        deadline = clock.monotonic() + 10
        connection = await asyncpg.connect(self.server.dsn, timeout=2)
        try:
            while True:
                row = await connection.fetchrow("SELECT state, call_id, channel FROM agent_states WHERE agent = $1", agent)
                if row is not None and tuple(row) == wanted:
                    return
                assert clock.monotonic() < deadline, f"{row} is not {wanted}\n{self.output.read_text()}"
                await asyncio.sleep(0.1)
        finally:
            await connection.close()


Script = Callable[[World], Awaitable[None]]


@pytest.fixture
def in_a_world(tmp_path: Path, new_postgres: type[Postgres], migrate: Callable[[str], None]) -> Callable[[Script], None]:
    def run(script: Script) -> None:
        server = new_postgres(tmp_path / "pg")
        server.start()
        migrate(server.owner)

        async def work() -> None:
            async with peer() as other:
                world = World(tmp_path, server, other)
                try:
                    await script(world)
                finally:
                    if world.bridge and world.bridge.poll() is None:
                        world.kill()

        try:
            asyncio.run(work())
        finally:
            server.stop()

    return run


def agrees(rows: dict[str, dict[str, Any]], truth: dict[str, str]) -> None:
    """Every call of the truth is recorded once, as what it was, and nothing else is."""
    assert {call: row["disposition"] for call, row in rows.items()} == truth
    for call, row in rows.items():
        lost = truth[call] == "system_fault"
        assert row["hung_up_by"] == ("system" if lost else "caller"), call
        assert row["menu_path"] == ("" if lost else "main:1"), call
        assert (row["agent"], row["queue"]) == (("1001", "hotline") if truth[call] == "answered" else (None, None)), call


def test_every_call_has_its_record_and_an_undisturbed_bridge_repairs_nothing(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        truth = await world.calls(20, spread=1, seconds=1)
        rows = await world.recorded(truth)
        assert not any(row["repaired"] for row in rows.values())
        assert await world.stop() == 0

    in_a_world(script)


def test_kill_9_of_bridge_and_postgresql_in_the_middle_of_50_calls_loses_no_record(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        traffic = asyncio.get_running_loop().create_task(world.calls(50, spread=6, seconds=3))
        await asyncio.sleep(1.5)
        world.kill()
        await asyncio.sleep(1.0)
        world.server.kill()
        world.start()
        await world.repaired(2)
        world.kill()
        world.start()
        await world.repaired(3)
        await asyncio.to_thread(world.server.start)
        truth = await traffic
        rows = await world.recorded(truth)
        assert len(truth) == 50
        assert 0 < sum(row["repaired"] for row in rows.values()) < 50
        await until(lambda: world.alive()["store_backlog"] == 0)
        assert await world.stop() == 0

    in_a_world(script)


def test_a_cut_and_a_half_open_link_are_repaired_from_the_event_log(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        traffic = asyncio.get_running_loop().create_task(world.calls(30, spread=7, seconds=2))
        await asyncio.sleep(1)
        world.peer.cut()
        await world.repaired(2)
        world.peer.answers, half_open, cut_at = False, world.peer.connections[-1], clock.monotonic()
        world.peer.connections.pop()
        world.peer.connections.append(_deaf(half_open))
        await until(lambda: world.alive()["connected"] is False, seconds=5)
        assert clock.monotonic() - cut_at < 4
        world.peer.answers = True
        truth = await traffic
        await world.recorded(truth)
        causes = [gap["cause"] for gap in gaps(world)]
        assert causes[-1] == "nothing heard for 3 s"
        assert len(causes) == 3

    in_a_world(script)


def test_a_bridge_without_a_link_tells_so_every_second_and_since_when(in_a_world: Callable[[Script], None]) -> None:
    """Whoever watches it does not take it for hung, and start another one."""

    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        await world.peer.stop()
        await until(lambda: world.alive()["connected"] is False, seconds=5)
        first, file = world.alive()["down_since"], world.var / "run" / "ami_bridge.alive"
        for _ in range(2):
            written = file.stat().st_mtime
            await until(lambda before=written: file.stat().st_mtime > before, seconds=5)  # type: ignore[misc]
        assert world.alive()["down_since"] == first
        assert await world.stop() == 0

    in_a_world(script)


def test_a_call_that_asterisk_no_longer_has_is_closed_as_a_fault_of_the_system(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        world.happen("Newchannel", "node1-1.0", cel="CHAN_START")
        world.happen("Newstate", "node1-1.0", cel="ANSWER", ChannelState=6)
        await until(lambda: world.alive()["calls_open"] == 1)
        await world.peer.stop()
        world.happen("", "node1-1.1", cel="CHAN_START")
        await world.peer.start()
        rows = await world.recorded({"node1-1.0": "system_fault", "node1-1.1": "system_fault"})
        assert all(row["repaired"] for row in rows.values())
        assert rows["node1-1.0"]["ended_at"] - rows["node1-1.0"]["started_at"] < dt.timedelta(seconds=5)

    in_a_world(script)


def test_after_a_restart_it_is_known_who_talks_to_whom_and_on_which_channel(in_a_world: Callable[[Script], None]) -> None:
    """Or nothing could be ordered for a call that was there before the bridge (ORG-20)."""

    async def script(world: World) -> None:
        call, leg = "node1-1.0", "node1-1.1"
        world.peer.channels += [call, leg]
        busy = {"Event": "QueueMember", "Queue": "hotline", "Name": "1001", "Location": "PJSIP/1001", "Membership": "dynamic"}
        busy |= {"StateInterface": "PJSIP/1001", "Penalty": "0", "CallsTaken": "1", "LastCall": "0", "LastPause": "0"}
        busy |= {"LoginTime": "0", "InCall": "1", "Status": "2", "Paused": "0", "PausedReason": "", "Wrapuptime": "0"}
        world.peer.queues.append(busy)
        world.start()
        await world.repaired(1)
        world.happen("Newchannel", call, cel="CHAN_START")
        world.happen("QueueCallerJoin", call, cel="APP_START", Application="Queue")
        world.happen("AgentConnect", call, MemberName="1001", DestUniqueid=leg)
        world.happen("UserEvent", call, UserEvent="AgentHold", Leg=leg, State="on")
        await world.shown("1001", ("holding", call, leg))
        world.kill()
        world.start()
        await world.repaired(2)
        await world.shown("1001", ("holding", call, leg))
        world.happen("UserEvent", call, UserEvent="AgentHold", Leg=leg, State="off")
        await world.shown("1001", ("talking", call, leg))

    in_a_world(script)


def test_an_asterisk_that_is_still_starting_is_asked_again_for_its_queues(in_a_world: Callable[[Script], None]) -> None:
    """Its manager lets in before app_queue is loaded."""

    async def script(world: World) -> None:
        said = [None, "Response: Error\r\nMessage: Invalid/unknown command: QueueStatus."] * 2
        world.peer.replies["QueueStatus"] = lambda _: said.pop() if said else None
        world.start()
        first = world.bridge
        await world.repaired(1)
        world.peer.cut()
        await world.repaired(2)
        assert world.peer.names().count("QueueStatus") == 4
        assert world.bridge is first and first is not None and first.poll() is None
        assert await world.stop() == 0

    in_a_world(script)


def test_a_gap_lasts_until_a_login_is_let_in(in_a_world: Callable[[Script], None]) -> None:
    """Between a refused login and the next, as after a mistake in ``manager.conf``, calls go on as before."""

    async def script(world: World) -> None:
        world.peer.lets_in = False
        world.start()
        await until(lambda: world.peer.names() == ["Login"] and world.peer.connections[-1].is_closing())
        refused = clock.now()
        world.peer.lets_in = True
        await world.repaired(1)
        (gap,) = gaps(world)
        assert dt.datetime.fromisoformat(gap["to"]) > refused
        assert await world.stop() == 0

    in_a_world(script)


def test_a_bridge_that_starts_late_records_what_was_before_it(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        truth = await world.calls(5, spread=0.2, seconds=0.2)
        world.start()
        await world.recorded(truth)

    in_a_world(script)


def test_a_second_bridge_for_the_same_node_refuses_to_run(in_a_world: Callable[[Script], None]) -> None:
    async def script(world: World) -> None:
        world.start()
        await world.repaired(1)
        first = world.bridge
        world.start()
        assert world.bridge
        assert await asyncio.to_thread(world.bridge.wait, 10) == 1
        assert "another bridge serves this node already" in world.output.read_text()
        world.bridge = first
        assert await world.stop() == 0

    in_a_world(script)


def test_the_recorder_writes_the_stream_as_it_was_sent(in_a_world: Callable[[Script], None], tmp_path: Path) -> None:
    async def script(world: World) -> None:
        file = tmp_path / "a stream.ami"
        recorder = world.run("record", str(file))
        await until(lambda: file.exists() and b"FullyBooted" in file.read_bytes())
        said = "Event: X\r\nName: 张三\r\n\r\n".encode() + b"\xff\xfe\r\n\r\n"
        world.peer.say(said)
        await until(lambda: file.read_bytes().endswith(said))
        recorder.send_signal(signal.SIGINT)
        assert await asyncio.to_thread(recorder.wait, 10) == 0

    in_a_world(script)


def gaps(world: World) -> list[dict[str, str]]:
    """The gaps that the journal tells of."""
    folder = world.var / "journal" / "node1"
    entries = [entry for _, path in journal.segments(folder) for entry in journal.read(path)]
    return [json.loads(entry.payload) for entry in entries if entry.kind is journal.Kind.GAP]


def _deaf(writer: asyncio.StreamWriter) -> Any:
    """A connection of which nothing arrives any more, though nobody closed it."""

    class Deaf:
        transport = writer.transport

        def write(self, data: bytes) -> None:
            """Lost on the way."""

        def is_closing(self) -> bool:
            return False

    return Deaf()
