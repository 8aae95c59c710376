"""The FastAGI server against raw sockets: an Asterisk that behaves, and peers that do not."""

from __future__ import annotations

import asyncio
import select
import socket
import struct
import threading
from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Any, ClassVar

import pytest
import structlog
import uvloop

from agi import codec
from agi import server as agi_server
from agi.codec import Environment
from agi.server import SOON_SECONDS, MakeSession, Server
from agi.session import Send, Session, Step
from hotline import clock
from ivr_flows.lookups import Answer
from tests import small_flow

HEADERS = b"agi_network: yes\nagi_network_script: flow\nagi_uniqueid: node1-1.1\nagi_callerid: 138\nagi_calleridname: a\n"
OK = b"200 result=0\n"
MENU = b'GET DATA "menu" "5000" "1"\n'
ONE = b"200 result=1\n"
STEP = b'EXEC UserEvent "HotlineStep,\\"Step: main:1\\""\n'
SAY = b'EXEC Playback "to-agent"\n'
GONE = b'EXEC UserEvent "HotlineStep,\\"Step: main:hangup,disposition:self_service\\""\n'


class Data:
    """Who answers look-ups and keeps things: as told, after as long as told."""

    def __init__(self, *, seconds: float = 0.0, fault: Exception | None = None) -> None:
        self.seconds, self.fault = seconds, fault
        self.asked: list[tuple[str, dict[str, str], str, str]] = []
        self.kept: list[tuple[str, dict[str, str]]] = []

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """See ``server.Answers``."""
        self.asked.append((what, dict(arguments), caller, call_id))
        await asyncio.sleep(self.seconds)
        if self.fault:
            raise self.fault
        return Answer("found", {"state": "ticket-state-handling"})

    async def keep(self, kind: str, values: Mapping[str, str]) -> None:
        """See ``server.Answers``."""
        await asyncio.sleep(self.seconds)
        if self.fault:
            raise self.fault
        self.kept.append((kind, dict(values)))


class Running:
    """A server in a thread of its own, and what it logged."""

    def __init__(self, make: MakeSession, header_seconds: float, data: Data) -> None:
        self.data = data
        self.logged: list[MutableMapping[str, Any]] = []
        self.port = 0
        self._make, self._header_seconds = make, header_seconds
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._ready.wait(10)

    def call(self, work: Callable[[], Any]) -> None:
        """Run ``work`` in the server's loop."""
        self._loop.call_soon_threadsafe(work)

    def stop(self, drain_seconds: float = 0.0) -> None:
        """Ask it to drain; ``join`` waits for that."""
        self._drain_seconds = drain_seconds
        self.call(self._stop.set)

    def join(self) -> int:
        """Wait until it has stopped; how many calls were cut off."""
        self._thread.join(20)
        assert not self._thread.is_alive()
        return self._left

    @property
    def warnings(self) -> list[str]:
        """The causes of what was logged at warning or above."""
        return [str(e.get("cause") or e["event"]) for e in self.logged if e["log_level"] in ("warning", "error", "critical")]

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._serve())

    async def _serve(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            server = Server(self._make, self.data, group, header_seconds=self._header_seconds)
            self.port = await server.listen("127.0.0.1", 0)
            sweep = group.create_task(server.sweep())
            self._ready.set()
            await self._stop.wait()
            self._left = await server.drain(self._drain_seconds)
            sweep.cancel()


class Peer:
    """A raw socket to the server, with a patience of ten seconds."""

    opened: ClassVar[list[socket.socket]] = []

    def __init__(self, server: Running) -> None:
        self.socket = socket.create_connection(("127.0.0.1", server.port), timeout=10)
        self.opened.append(self.socket)
        self._held = b""

    def send(self, data: bytes) -> Peer:
        self.socket.sendall(data)
        return self

    def line(self) -> bytes:
        """The next command line, or what came before the end."""
        while b"\n" not in self._held:
            if not (more := self.socket.recv(4096)):
                break
            self._held += more
        line, newline, self._held = self._held.partition(b"\n")
        return line + newline

    def closed(self) -> bool:
        """Whether the server closes without another word."""
        try:
            return self.line() == b""
        except ConnectionResetError:
            return True

    def in_menu(self) -> Peer:
        """Call in and be asked for a key."""
        return self.begin(HEADERS + b"\n")

    def begin(self, headers: bytes) -> Peer:
        """Say who is calling, take what is told first, and be asked for a key."""
        self.send(headers)
        for command in (b"EXEC UserEvent", b"SET VARIABLE"):
            assert self.line().startswith(command)
            self.send(OK)
        assert self.line() == MENU
        return self

    def asked(self, answer: bytes, expected: bytes) -> bytes:
        """Answer, and answer OK to what is told, up to a command that begins like this; that command."""
        line = self.send(answer).line()
        while not line.startswith(expected):
            assert line.startswith((b"EXEC UserEvent", b"SET VARIABLE")), line
            line = self.send(OK).line()
        return line


@pytest.fixture
def start(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Running]]:
    """Starts servers, and stops them at the end."""
    running: list[Running] = []
    logged: list[MutableMapping[str, Any]] = []

    def begin(make: MakeSession = small_flow.session, header_seconds: float = 5.0, data: Data | None = None) -> Running:
        server = Running(make, header_seconds, data or Data())
        server.logged = logged
        running.append(server)
        return server

    with structlog.testing.capture_logs() as captured:
        logged = captured
        yield begin
        for server in running:
            if server._thread.is_alive():
                server.stop()
                server.join()
        while Peer.opened:
            Peer.opened.pop().close()


def test_a_call_is_led_through_the_menu_to_an_agent(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).in_menu()
    for answer, expected in ((ONE, STEP), (OK, SAY), (OK, b"EXEC MSet ")):
        assert peer.send(answer).line().startswith(expected)
    assert peer.send(OK).closed()
    assert server.logged == []


def test_two_thousand_calls_wait_in_the_menu_at_once(start: Callable[..., Running]) -> None:
    server = start()
    peers = [Peer(server).send(HEADERS + b"\n") for _ in range(2000)]
    for command in (b"EXEC UserEvent", b"SET VARIABLE"):
        assert all(peer.line().startswith(command) for peer in peers)
        for peer in peers:
            peer.send(OK)
    assert all(peer.line() == MENU for peer in peers)
    for peer in peers:
        peer.send(ONE)
    assert all(peer.line() == STEP for peer in peers)
    for peer in peers:
        peer.socket.close()
    assert server.warnings == []


def test_headers_that_arrive_line_by_line_are_put_together(start: Callable[..., Running]) -> None:
    peer = Peer(start())
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for line in (HEADERS + b"\n").splitlines(keepends=True):
        peer.send(line)
    peer.begin(b"")


def test_a_slow_peer_that_sends_byte_by_byte_is_served(start: Callable[..., Running]) -> None:
    peer = Peer(start())
    peer.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    for byte in HEADERS + b"\n":
        peer.send(bytes([byte]))
        select.select([peer.socket], [], [], 0.001)
    peer.begin(b"")
    for byte in ONE:
        peer.send(bytes([byte]))
        select.select([peer.socket], [], [], 0.001)
    assert peer.line() == STEP


def test_carriage_returns_are_taken(start: Callable[..., Running]) -> None:
    peer = Peer(start()).begin((HEADERS + b"\n").replace(b"\n", b"\r\n"))
    assert peer.send(ONE.replace(b"\n", b"\r\n")).line() == STEP


@pytest.mark.parametrize("number", range(1, 4))
def test_a_hang_up_in_the_middle_of_any_command_ends_the_call_quietly(start: Callable[..., Running], number: int) -> None:
    server = start()
    peer = Peer(server).in_menu()
    for answer in (ONE, OK, OK)[:number]:
        assert peer.send(answer).line()
    assert peer.send(b"HANGUP\n").closed()
    assert server.warnings == []


@pytest.mark.parametrize(
    "heard", [b"HANGUP\n", b"HANGUP\n200 result=-1\n", b"HANGUP\n200 result=-1 endpos=100\nHANGUP\n", b"200 result=-1\nHANGUP\n"]
)
def test_a_hang_up_in_the_menu_is_told_once_and_ends_the_call_quietly(start: Callable[..., Running], heard: bytes) -> None:
    server = start()
    peer = Peer(server).in_menu().send(heard)
    assert peer.line() == GONE
    assert peer.send(b"200 result=0\n").closed()
    assert server.warnings == []


@pytest.mark.parametrize(
    "reply", [b"511 Command Not Permitted on a dead channel or intercept routine\n", b"200 result=-1 endpos=0\n"]
)
def test_a_dead_channel_ends_the_call_quietly(start: Callable[..., Running], reply: bytes) -> None:
    server = start()
    peer = Peer(server).in_menu().send(reply)
    assert peer.line() == GONE
    assert peer.send(reply).closed()
    assert server.warnings == []


def test_a_multi_line_520_sends_the_caller_to_standby(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).in_menu().send(b"520-Invalid command syntax.  Proper usage follows:\nUsage: GET OPTION\n\tHANGUP\n")
    assert peer.send(b"520 End of proper usage.\n").closed()
    assert server.warnings == ["UnexpectedReply"]


def test_the_end_of_file_in_the_menu_ends_the_call_quietly(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).in_menu()
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.closed()
    assert server.warnings == []


def test_a_reset_in_the_menu_is_survived(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).in_menu()
    peer.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    peer.socket.close()
    Peer(server).in_menu()
    assert server.warnings == []


def test_half_headers_and_an_end_are_noted(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).send(HEADERS)
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.closed()
    assert server.warnings == ["a peer ended within its headers"]


@pytest.mark.parametrize("begun", [b"", b"agi_network: yes\n", HEADERS])
def test_headers_that_are_not_finished_in_time_are_given_up(start: Callable[..., Running], begun: bytes) -> None:
    server = start(header_seconds=0.2)
    assert Peer(server).send(begun).closed()
    assert server.warnings == ["PeerSilent"]


def test_one_byte_every_now_and_then_does_not_lengthen_the_time_for_headers(start: Callable[..., Running]) -> None:
    server = start(header_seconds=0.5)
    peer = Peer(server)
    began = clock.monotonic()
    while not select.select([peer.socket], [], [], 0.05)[0]:
        peer.send(b"a")
    assert clock.monotonic() - began < 3
    assert server.warnings == ["PeerSilent"]


class Impatient(Session):
    """A session whose commands must be answered at once."""

    def begin(self) -> Step:
        step = super().begin()
        assert isinstance(step, Send)
        return Send(step.line, 0.1)


def test_a_peer_that_never_answers_a_command_is_given_up(start: Callable[..., Running]) -> None:
    server = start(
        lambda environment: Impatient(
            small_flow.FLOW, environment, None, moment=lambda: small_flow.NOON, resolve=small_flow.played
        )
    )
    peer = Peer(server).send(HEADERS + b"\n")
    assert peer.line().startswith(b"EXEC UserEvent")
    assert peer.closed()
    assert server.warnings == ["PeerSilent"]


def test_a_probe_that_connects_and_closes_costs_nothing_and_logs_nothing(start: Callable[..., Running]) -> None:
    server = start()
    for _ in range(50):
        Peer(server).socket.close()
    peer = Peer(server)
    peer.socket.shutdown(socket.SHUT_WR)
    assert peer.closed()
    Peer(server).in_menu()
    assert server.logged == []


def test_headers_of_more_than_64_kib_are_refused(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server)
    try:
        for number in range(2000):
            peer.send(b"agi_%d: %s\n" % (number, b"x" * 1000))
    except ConnectionError:
        pass
    assert peer.closed()
    assert server.warnings == ["HeadersTooLong"]


def test_headers_of_nearly_64_kib_are_served(start: Callable[..., Running]) -> None:
    filling = b"".join(b"agi_%03d: %s\n" % (number, b"x" * 990) for number in range(64))
    Peer(start()).begin(HEADERS + filling + b"\n")


def test_a_reply_line_of_more_than_8_kib_is_refused(start: Callable[..., Running]) -> None:
    server = start()
    assert Peer(server).in_menu().send(b"200 result=1 (" + b"x" * codec.LINE_LIMIT).closed()
    assert server.warnings == ["LineTooLong"]


@pytest.mark.parametrize("name", [b"\xff\xfe\x80", "张伟".encode("gbk"), "张伟😀".encode(), b'"; ${SHELL(reboot)}', b"x" * 300])
def test_a_name_of_any_bytes_is_served_like_any_other(start: Callable[..., Running], name: bytes) -> None:
    server = start()
    peer = Peer(server).begin(HEADERS.replace(b"name: a", b"name: " + name) + b"\n")
    assert peer.send(b"200 result=1 (" + name + b")\n").line() == STEP
    assert server.warnings == []


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", "HeaderMalformed"),
        (HEADERS.replace(b"name: a", b"name: a\nagi_uniqueid: 2") + b"\n", "HeaderMalformed"),
        (HEADERS.replace(b"name: a", b"name: a\n\n200 result=49") + b"\n", "UnexpectedReply"),
        (HEADERS.replace(b"script: flow", b"script: elsewhere") + b"\n", "UnknownScript"),
        (HEADERS.replace(b"script: flow", b"script: standby") + b"\n", "UnknownScript"),
        (b"\n", "UnknownScript"),
        (HEADERS + b"\nrubbish\n", "ReplyMalformed"),
    ],
)
def test_what_is_no_call_of_ours_is_closed_and_noted(start: Callable[..., Running], data: bytes, cause: str) -> None:
    server = start()
    peer = Peer(server).send(data)
    while line := _line_or_end(peer):
        assert line.startswith(b"EXEC UserEvent")
    assert server.warnings == [cause]


def _line_or_end(peer: Peer) -> bytes:
    try:
        return peer.line()
    except ConnectionResetError:
        return b""


def test_a_flow_that_fails_closes_its_own_call_only(start: Callable[..., Running]) -> None:
    def make(environment: Environment) -> Session:
        if environment.argument(1) == "1":
            raise ZeroDivisionError("a defect")
        return small_flow.session(environment)

    server = start(make)
    other = Peer(server).in_menu()
    assert Peer(server).send(HEADERS + b"agi_arg_1: 1\n\n").closed()
    assert other.send(ONE).line() == STEP
    assert server.warnings == ["the flow failed; the caller goes to standby"]
    assert server.logged[-1]["uniqueid"] == "node1-1.1"


def in_lookup(server: Running) -> Peer:
    """A caller who has entered a ticket number and waits for the answer."""
    peer = Peer(server).in_menu()
    assert peer.asked(b"200 result=2\n", b"GET DATA").startswith(b'GET DATA "enter-ticket"')
    return peer


def test_a_look_up_that_answers_at_once_is_not_announced(start: Callable[..., Running]) -> None:
    server = start()
    assert in_lookup(server).asked(b"200 result=4711\n", b"EXEC Read").count(b"ticket-state-handling") == 1
    assert server.data.asked == [("ticket", {"number": "4711"}, "138", "node1-1.1")]
    assert server.warnings == []


@pytest.mark.parametrize("early", [False, True])
def test_a_look_up_that_takes_long_is_announced_once(start: Callable[..., Running], early: bool) -> None:
    """Whether the announcement ends before the answer is there or after it."""
    server = start(data=Data(seconds=SOON_SECONDS + 0.3))
    peer = in_lookup(server)
    assert peer.asked(b"200 result=4711\n", b"EXEC Playback") == b'EXEC Playback "looking-up"\n'
    if not early:
        assert not select.select([peer.socket], [], [], 0.5)[0], "nothing is told while a prompt is played"
    assert b"ticket-state-handling" in peer.asked(OK, b"EXEC Read")
    assert server.warnings == []


def test_a_look_up_that_never_answers_is_given_up_after_five_seconds(
    start: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert agi_server.LOOKUP_SECONDS == 5.0
    monkeypatch.setattr(agi_server, "LOOKUP_SECONDS", 0.5)
    server = start(data=Data(seconds=60))
    peer = in_lookup(server)
    assert peer.asked(b"200 result=4711\n", b"EXEC Playback") == b'EXEC Playback "looking-up"\n'
    assert peer.send(OK).line() == b'EXEC UserEvent "HotlineStep,\\"Step: look:timeout\\""\n'
    assert peer.asked(OK, b"EXEC Playback") == b'EXEC Playback "trouble"\n'
    assert server.warnings == ["a look-up failed"]


def test_a_database_that_is_away_leads_the_caller_to_a_message(start: Callable[..., Running]) -> None:
    server = start(data=Data(fault=ConnectionRefusedError("no database")))
    peer = in_lookup(server)
    assert peer.asked(b"200 result=4711\n", b"EXEC Playback") == b'EXEC Playback "trouble"\n'
    assert b'HOTLINE_NEXT=\\"message\\"' in peer.asked(OK, b"EXEC MSet")
    assert server.warnings == ["a look-up failed"]


def test_a_caller_who_hangs_up_during_a_look_up_ends_the_call_quietly(start: Callable[..., Running]) -> None:
    server = start(data=Data(seconds=0.5))
    peer = in_lookup(server)
    assert peer.asked(b"200 result=4711\n", b"EXEC Playback")
    assert b"look:hangup" in peer.send(b"200 result=-1\nHANGUP\n").line()
    assert peer.send(OK).closed()
    other = in_lookup(server)
    assert other.asked(b"200 result=4711\n", b"EXEC Playback")
    other.socket.close()
    assert Peer(server).in_menu()
    assert server.warnings == []


def test_what_must_not_be_lost_is_kept_before_the_caller_hears_so(start: Callable[..., Running]) -> None:
    server = start(data=Data(seconds=0.1))
    peer = Peer(server).in_menu()
    assert peer.asked(b"200 result=4\n", b"EXEC Playback") == b'EXEC Playback "goodbye"\n'
    ((kind, values),) = server.data.kept
    assert (kind, values["number"], values["call_id"]) == ("callback", "138", "node1-1.1")


def test_what_cannot_be_kept_is_an_alarm_and_the_caller_is_asked_for_a_message(start: Callable[..., Running]) -> None:
    server = start(data=Data(fault=OSError(28, "disk full")))
    peer = Peer(server).in_menu()
    assert peer.asked(b"200 result=4\n", b"EXEC Playback") == b'EXEC Playback "trouble"\n'
    assert server.warnings == ["ALARM: not kept"]


def test_a_caller_who_hangs_up_on_the_survey_is_kept_as_not_rated(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).send(HEADERS.replace(b"script: flow", b"script: survey") + b"\n")
    for command in (b"EXEC UserEvent", b"SET VARIABLE", b'GET DATA "survey"'):
        assert peer.line().startswith(command)
        peer.send(OK if command != b'GET DATA "survey"' else b"HANGUP\n")
    assert b"survey:hangup" in peer.line()
    assert peer.send(OK).closed()
    server.stop()
    server.join()
    assert [(kind, values["rating"]) for kind, values in server.data.kept] == [("survey", "not_rated")]


def test_a_stopping_server_takes_no_new_call_and_lets_the_others_finish(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).in_menu()
    server.stop(drain_seconds=10)
    _wait_until_refused(server)
    for answer in (ONE, OK, OK):
        assert peer.send(answer).line()
    assert peer.send(OK).closed()
    assert server.join() == 0


def test_a_stopping_server_sends_calls_that_take_too_long_to_standby(start: Callable[..., Running]) -> None:
    server = start()
    peers = [Peer(server).in_menu() for _ in range(3)]
    server.stop(drain_seconds=0.3)
    assert all(peer.closed() for peer in peers)
    assert server.join() == 3


def test_a_peer_that_does_not_read_does_not_hold_up_the_end(start: Callable[..., Running]) -> None:
    server = start()
    peer = Peer(server).send(HEADERS + b"\n")
    assert select.select([peer.socket], [], [], 10)[0]
    server.stop(drain_seconds=0.1)
    assert server.join() == 1


def _wait_until_refused(server: Running) -> None:
    deadline = clock.monotonic() + 10
    while clock.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", server.port), timeout=1).close()
        except ConnectionError:
            return
        except TimeoutError:
            continue  # a SYN that meets a closing listener is lost
    raise AssertionError("the server goes on accepting")
