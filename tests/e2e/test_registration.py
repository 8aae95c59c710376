"""Who may register and call: agents by name and secret over UDP, TCP and WebSocket; nobody else; and nothing listens outside.

The telephone here is the test's own, a few lines of SIP (RFC 3261, RFC 7118), so that what Asterisk answers is seen as it is.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import ipaddress
import re
import secrets
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Protocol

import aiohttp
import pytest

from tests import trial
from tests.trial import Trial, wait_until

_SECONDS = 5.0
_LEAVES_OPEN = aiohttp.ClientWSTimeout(ws_close=0.5)
"""Asterisk does not finish the goodbye of a WebSocket: it is not waited for long."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own: its refusals leave warnings in Asterisk's log."""
    with trial.running(tmp_path_factory.mktemp("registration")) as running:
        yield running


class Wire(Protocol):
    """One way to Asterisk; ``via`` and ``contact`` are how SIP names it."""

    via: str
    contact: str

    async def send(self, message: str) -> None:
        """Send one request."""

    async def receive(self) -> str:
        """The next message."""


class Datagrams:
    """SIP over UDP from ``address``."""

    def __init__(self, address: str, target: tuple[str, int]) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind((address, 0))
        self._socket.connect(target)
        self._socket.setblocking(False)
        host, port = self._socket.getsockname()
        self.via, self.contact = f"UDP {host}:{port}", f"{host}:{port}"

    async def send(self, message: str) -> None:
        await asyncio.get_running_loop().sock_sendall(self._socket, message.encode())

    async def receive(self) -> str:
        return (await asyncio.get_running_loop().sock_recv(self._socket, 65535)).decode()

    def close(self) -> None:
        self._socket.close()


class Stream:
    """SIP over TCP: messages without a body, as all answers here are, end with an empty line."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader, self._writer = reader, writer
        host, port = writer.get_extra_info("sockname")
        self.via, self.contact = f"TCP {host}:{port}", f"{host}:{port};transport=tcp"

    async def send(self, message: str) -> None:
        self._writer.write(message.encode())
        await self._writer.drain()

    async def receive(self) -> str:
        return (await self._reader.readuntil(b"\r\n\r\n")).decode()


class WebSocket:
    """SIP over WebSocket: a message a frame; the addresses are invented, as in a browser."""

    def __init__(self, connection: aiohttp.ClientWebSocketResponse) -> None:
        self._connection = connection
        name = f"{secrets.token_hex(6)}.invalid"
        self.via, self.contact = f"WS {name}", f"{name};transport=ws"

    async def send(self, message: str) -> None:
        await self._connection.send_str(message)

    async def receive(self) -> str:
        return await self._connection.receive_str()


@contextlib.asynccontextmanager
async def connected(stack: Trial, transport: str, address: str = "127.0.0.1") -> AsyncIterator[Wire]:
    """A way to the stack's Asterisk."""
    target = (stack.settings.asterisk.sip_address, stack.settings.asterisk.sip_port)
    if transport == "udp":
        wire = Datagrams(address, target)
        try:
            yield wire
        finally:
            wire.close()
    elif transport == "tcp":
        reader, writer = await asyncio.open_connection(*target, local_addr=(address, 0))
        try:
            yield Stream(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()
    else:
        url = f"ws://{stack.settings.asterisk.http_address}:{stack.settings.asterisk.http_port}/ws"
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(url, protocols=["sip"], timeout=_LEAVES_OPEN) as connection,
        ):
            assert connection.protocol == "sip"
            yield WebSocket(connection)


def field(message: str, name: str) -> list[str]:
    """The values of a header."""
    return re.findall(rf"^{name}\s*:\s*(.*?)\r$", message, re.MULTILINE | re.IGNORECASE)


def status(answer: str) -> int:
    """Of an answer; requests (Asterisk's OPTIONS to a registered telephone) are 0."""
    match = re.match(r"SIP/2\.0 (\d{3}) ", answer)
    return int(match[1]) if match else 0


def digest(challenge: str, method: str, uri: str, user: str, secret: str) -> str:
    """The answer to a challenge (RFC 2617, MD5 with qop=auth)."""
    given = {name: quoted or plain for name, quoted, plain in re.findall(r'(\w+)=(?:"([^"]*)"|([^\s,]+))', challenge)}
    client = secrets.token_hex(8)

    def md5(text: str) -> str:
        return hashlib.md5(text.encode()).hexdigest()

    first, second = md5(f"{user}:{given['realm']}:{secret}"), md5(f"{method}:{uri}")
    response = md5(f"{first}:{given['nonce']}:00000001:{client}:auth:{second}")
    opaque = f', opaque="{given["opaque"]}"' if "opaque" in given else ""
    return (
        f'Digest username="{user}", realm="{given["realm"]}", nonce="{given["nonce"]}", uri="{uri}", response="{response}", '
        f'algorithm=MD5, qop=auth, nc=00000001, cnonce="{client}"{opaque}'
    )


class Telephone:
    """One telephone on one wire; each request is answered to its final status."""

    def __init__(self, wire: Wire, user: str, domain: str) -> None:
        self._wire, self._user, self._domain = wire, user, domain
        self._call, self._tag, self._sequence = secrets.token_hex(8), secrets.token_hex(4), 0

    async def request(self, method: str, uri: str, to: str, *more: str) -> str:
        """Send one request and wait for its final answer, which an INVITE gets acknowledged."""
        self._sequence += 1
        branch = f"z9hG4bK{secrets.token_hex(6)}"

        def lines(name: str, to_line: str) -> list[str]:
            return [
                f"{name} {uri} SIP/2.0",
                f"Via: SIP/2.0/{self._wire.via};branch={branch};rport",
                "Max-Forwards: 70",
                f"From: <sip:{self._user}@{self._domain}>;tag={self._tag}",
                f"To: {to_line}",
                f"Call-ID: {self._call}",
                f"CSeq: {self._sequence} {name}",
            ]

        head = [*lines(method, f"<{to}>"), f"Contact: <sip:{self._user.partition('@')[0]}@{self._wire.contact}>", *more]
        await self._wire.send("\r\n".join([*head, "Content-Length: 0", "", ""]))
        async with asyncio.timeout(_SECONDS):
            answer = await self._wire.receive()
            while status(answer) < 200 or field(answer, "CSeq") != [f"{self._sequence} {method}"]:
                answer = await self._wire.receive()
        if method == "INVITE":
            await self._wire.send("\r\n".join([*lines("ACK", field(answer, "To")[0]), "Content-Length: 0", "", ""]))
        return answer

    async def with_secret(self, method: str, uri: str, to: str, user: str, secret: str, *more: str) -> tuple[int, int]:
        """The status without and then with the answer to the challenge."""
        first = await self.request(method, uri, to, *more)
        challenges = [line for line in field(first, "WWW-Authenticate") if "MD5" in line or "algorithm" not in line]
        if not challenges:
            return status(first), status(first)
        answer = digest(challenges[0], method, uri, user, secret)
        return status(first), status(await self.request(method, uri, to, *more, f"Authorization: {answer}"))

    async def register(self, secret: str, seconds: int = 60) -> tuple[int, int]:
        """REGISTER for so long (0: no more)."""
        own = f"sip:{self._user}@{self._domain}"
        name = self._user.partition("@")[0]
        return await self.with_secret("REGISTER", f"sip:{self._domain}", own, name, secret, f"Expires: {seconds}")


def contacts(stack: Trial, aor: str) -> list[str]:
    """Where Asterisk would ring this agent."""
    return re.findall(rf"Contact:\s+{re.escape(aor)}/(\S+)", stack.asterisk("pjsip show contacts"))


@pytest.mark.parametrize(
    ("transport", "user", "domain"),
    [
        ("udp", "1057", "127.0.0.1"),
        ("tcp", "1058", "127.0.0.1"),
        ("ws", "1059", "127.0.0.1"),
        ("ws", "1060", "browser"),
    ],
)
def test_an_agent_registers_with_name_and_secret(stack: Trial, transport: str, user: str, domain: str) -> None:
    secret = stack.credentials.agents[user]
    aor = f"{user}@browser" if domain == "browser" else user

    async def steps() -> None:
        async with connected(stack, transport) as wire:
            telephone = Telephone(wire, user, domain)
            assert await telephone.register(secret) == (401, 200)
            (contact,) = contacts(stack, aor)
            assert contact.startswith(f"sip:{user}@")
            assert await telephone.register(secret, 0) in {(401, 200), (200, 200)}

    asyncio.run(steps())
    wait_until(lambda: contacts(stack, aor) == [], what="the contact is gone")


@pytest.mark.parametrize("transport", ["udp", "tcp", "ws"])
def test_a_wrong_secret_an_unknown_user_and_anothers_secret_are_refused_alike(stack: Trial, transport: str) -> None:
    """Nobody learns from the answer which names exist."""
    known = stack.credentials.agents

    async def attempt(user: str, secret: str) -> tuple[int, int]:
        async with connected(stack, transport) as wire:
            return await Telephone(wire, user, "127.0.0.1").register(secret)

    answers = {
        asyncio.run(attempt(user, secret))
        for user, secret in (
            ("1056", "wrong"),
            ("1056", ""),
            ("1056", known["1055"]),
            ("4711", "wrong"),
            ("citizens", "wrong"),
            ("units", "wrong"),
            ("hotline", stack.credentials.ami.secret),
        )
    }
    assert answers == {(401, 401)}
    assert contacts(stack, "1056") == contacts(stack, "4711") == []


def _calls(stack: Trial) -> int:
    number: int = stack.fetch("SELECT count(*) AS n FROM calls")[0]["n"]
    return number


@pytest.mark.parametrize(
    ("address", "user"),
    [("127.0.0.4", "13800008888"), ("127.0.0.4", "citizens"), ("127.0.0.1", "citizens"), ("127.0.0.1", "1056")],
)
def test_a_call_from_an_address_that_is_neither_trunk_nor_agent_is_refused(stack: Trial, address: str, user: str) -> None:
    before = _calls(stack)

    async def steps() -> tuple[int, int]:
        async with connected(stack, "udp", address) as wire:
            number = "sip:12345@127.0.0.1"
            return await Telephone(wire, user, "127.0.0.1").with_secret("INVITE", number, number, user, "guess")

    assert asyncio.run(steps()) == (401, 401)
    assert "0 active channels" in stack.asterisk("core show channels")
    assert _calls(stack) == before


def test_an_agent_that_has_proved_itself_can_dial_nobody_outside(stack: Trial) -> None:
    """Colleagues and the queues are another matter: tests/stories.py."""
    secret = stack.credentials.agents["1056"]

    async def steps(number: str) -> tuple[int, int]:
        async with connected(stack, "udp") as wire:
            uri = f"sip:{number}@127.0.0.1"
            return await Telephone(wire, "1056", "127.0.0.1").with_secret("INVITE", uri, uri, "1056", secret)

    for number in ("s", "13800000000", "110", "1000", "123459"):
        assert asyncio.run(steps(number)) == (401, 404), number


def test_the_websocket_serves_sip_and_nothing_else(stack: Trial) -> None:
    async def steps() -> dict[str, int]:
        address = f"http://{stack.settings.asterisk.http_address}:{stack.settings.asterisk.http_port}"
        found = {}
        async with aiohttp.ClientSession() as session:
            for path in ("/", "/httpstatus", "/static/", "/manager", "/rawman", "/ari/", "/ari/channels", "/phoneprov/"):
                async with session.get(address + path) as answer:
                    found[path] = answer.status
            with pytest.raises(aiohttp.WSServerHandshakeError):
                await session.ws_connect(f"{address}/ws", protocols=["chat"])
        return found

    assert set(asyncio.run(steps()).values()) == {404}


def descendants(root: int) -> Iterator[int]:
    """A process and everything below it."""
    yield root
    for task in Path(f"/proc/{root}/task").glob("*/children"):
        with contextlib.suppress(OSError):
            for child in task.read_text().split():
                yield from descendants(int(child))


def sockets(pid: int) -> set[str]:
    """Inodes of the sockets that a process holds; none when it is gone."""
    found = set()
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        for descriptor in Path(f"/proc/{pid}/fd").iterdir():
            with contextlib.suppress(OSError):
                found |= set(re.findall(r"socket:\[(\d+)\]", str(descriptor.readlink())))
    return found


def listening(table: str) -> Iterator[tuple[str, str, int]]:
    """Inode, address and port of everything that takes connections or datagrams, from ``/proc/net``."""
    for line in Path(f"/proc/net/{table}").read_text().splitlines()[1:]:
        columns = line.split()
        if table.startswith("udp") or columns[3] == "0A":
            place, port = columns[1].split(":")
            words = [bytes.fromhex(place[start : start + 8])[::-1] for start in range(0, len(place), 8)]
            yield columns[9], str(ipaddress.ip_address(b"".join(words))), int(port, 16)


def open_places(stack: Trial) -> set[tuple[str, str, int]]:
    """Table, address and port of everything that the stack's processes hold open."""
    assert stack.process
    own = {inode for pid in descendants(stack.process.pid) for inode in sockets(pid)}
    tables = [table for table in ("tcp", "tcp6", "udp", "udp6") if Path(f"/proc/net/{table}").exists()]
    return {(table, address, port) for table in tables for inode, address, port in listening(table) if inode in own}


def test_nothing_of_the_stack_listens_beyond_loopback(stack: Trial) -> None:
    """PJSIP's questions to the name server leave from a UDP socket of each family that is bound to no address; none answers."""
    found, settings = open_places(stack), stack.settings
    assert {place for place in found if ipaddress.ip_address(place[1]).is_loopback} == {
        ("udp", "127.0.0.1", settings.asterisk.sip_port),
        ("tcp", "127.0.0.1", settings.asterisk.sip_port),
        ("tcp", "127.0.0.1", settings.asterisk.http_port),
        ("tcp", "127.0.0.1", settings.agi.port),
        ("tcp", "127.0.0.1", settings.ami.port),
        ("tcp", "127.0.0.1", settings.database.port),
        ("tcp", "127.0.0.1", settings.web.port),
    }
    others = sorted(place for place in found if not ipaddress.ip_address(place[1]).is_loopback)
    assert [table for table, _, _ in others] in ([], ["udp"], ["udp", "udp6"]), others
    for table, _, port in others:
        assert is_deaf(port, "::1" if table == "udp6" else "127.0.0.1"), port
    assert not is_deaf(settings.asterisk.sip_port, "127.0.0.1"), "what does answer is noticed"


def is_deaf(port: int, address: str) -> bool:
    """Whether a SIP question to this UDP port stays without an answer."""
    with socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM) as asking:
        asking.settimeout(0.5)
        asking.bind((address, 0))
        asking.connect((address, port))
        via = f"SIP/2.0/UDP {address}:{asking.getsockname()[1]};branch=z9hG4bKdeaf;rport"
        lines = ["OPTIONS sip:x@127.0.0.1 SIP/2.0", f"Via: {via}", "From: <sip:a@b>;tag=1", "To: <sip:x@127.0.0.1>"]
        asking.send("\r\n".join([*lines, "Call-ID: deaf", "CSeq: 1 OPTIONS", "Content-Length: 0", "", ""]).encode())
        try:
            return not asking.recv(2048)
        except TimeoutError:
            return True


def test_asterisk_has_nothing_to_complain_about_but_the_refused(stack: Trial) -> None:
    """At the start and so far: what this module's refusals leave in the log names a failed authentication."""
    rest = [
        line
        for line in stack.asterisk_complaints()
        if not re.search(r"authenticat|No matching endpoint|no protocols out of 'chat'", line)
    ]
    assert rest == []
