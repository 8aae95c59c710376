"""The FastAGI server: sockets, deadlines and the log around ``Decoder`` and ``Session``.

There is no task per call: a connection is a protocol object, and one sweep looks after all deadlines. A call through the menu
costs this process about 0.8 ms. Asterisk writes its 25 header lines one by one, but by the time uvloop first reads they have
arrived in one or two pieces: waiting for them (``SO_RCVLOWAT``) was measured and saved nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import resource
import socket
from collections.abc import Callable, Coroutine, Mapping
from typing import Any, Protocol, assert_never, cast

import structlog

from agi.code_talk import CodeSession
from agi.codec import Broken, Decoder, Environment, Hungup, Message, Reply
from agi.errors import AgiError, CannotListen, PeerSilent, UnexpectedReply
from agi.routing import RouteSession
from agi.session import End, Fetch, Send, Session, Step, Store, Wait
from hotline.waiting import within
from ivr_flows.lookups import Answer

HEADER_SECONDS = 5.0
SWEEP_SECONDS = 0.5
SOON_SECONDS = 0.3
"""A look-up that takes longer is announced to the caller."""
LOOKUP_SECONDS = 5.0
"""A look-up that takes longer is given up."""
KEEP_SECONDS = 5.0
_BACKLOG = 1024

log = structlog.get_logger("agi")

MakeSession = Callable[[Environment], Session | RouteSession | CodeSession]


class Answers(Protocol):
    """Who answers look-ups and keeps what must not be lost."""

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """The answer to a look-up; raises whatever went wrong."""

    async def keep(self, kind: str, values: Mapping[str, str]) -> None:
        """Returns when it is safe; raises whatever went wrong."""


class Connection(asyncio.Protocol):
    """One socket from Asterisk, and the call behind it."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._decoder = Decoder()
        self._session: Session | RouteSession | CodeSession | None = None
        self._transport: asyncio.Transport | None = None
        self._uniqueid = ""
        self._ended = self._sent = False
        self.deadline = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A peer is there; its headers are due."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.opened(self)
        self.deadline = self._server.loop.time() + self._server.header_seconds

    def data_received(self, data: bytes) -> None:
        """Bytes to messages, and each to what it means; whatever goes wrong ends this call's session and no other.

        An answer that is there already when its command goes out is none: a line break in a caller's name can make one.
        """
        self._sent = False
        try:
            for message in self._decoder.feed(data):
                if self._sent and isinstance(message, Reply) and not (self._session and self._session.gone):
                    raise UnexpectedReply("an answer that came before its command")
                if not self._ended:
                    self._handle(message)
        except AgiError as error:
            self._fail(error)
        except Exception:
            log.exception("the flow failed; the caller goes to standby", uniqueid=self._uniqueid)
            self.close()

    def eof_received(self) -> bool:
        """The peer has ended. A probe that said nothing is no news; half headers are."""
        if self._session is None and not self._decoder.idle:
            log.warning("a peer ended within its headers")
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone; why (``exc``) changes nothing for the call."""
        del exc
        self._transport = None
        self._session = None
        self._server.closed(self)

    def expire(self) -> None:
        """The deadline has passed."""
        if self._ended:
            self.close()
        else:
            self._fail(PeerSilent(f"{'headers not finished' if self._session is None else 'a command not answered'} in time"))

    def close(self) -> None:
        """Close the socket at once; the dialplan goes on with what it has been told."""
        self._ended = True
        if self._transport is not None:
            self._transport.abort()

    def _handle(self, message: Message) -> None:
        match message:
            case Environment():
                self._uniqueid = message.uniqueid
                self._session = self._server.make_session(message)
                self._do(self._session.begin())
            case Reply():
                if self._session is not None:
                    self._do(self._session.answered(message))
            case Hungup():
                if self._session is not None:
                    self._do(self._session.hung_up())
            case Broken():
                raise message.error
            case _:
                assert_never(message)

    def _do(self, step: Step) -> None:
        match step:
            case Send():
                self._sent = True
                if self._transport is not None:
                    self._transport.write(step.line)
                self.deadline = self._server.loop.time() + step.patience
            case End():
                self._finish()
            case Fetch():
                self.deadline = self._server.loop.time() + LOOKUP_SECONDS + HEADER_SECONDS
                self._server.spawn(self._fetch(step))
            case Store():
                self.deadline = self._server.loop.time() + KEEP_SECONDS + HEADER_SECONDS
                self._server.spawn(self._store(step))
                if not step.waits and self._session is not None:
                    self._do(self._session.stored())
            case Wait():
                pass
            case _:
                assert_never(step)

    async def _fetch(self, wanted: Fetch) -> None:
        """Ask the data for the caller: a word when it takes long, the exit ``timeout`` when it takes too long."""
        session = self._session
        if session is None:
            return
        soon = self._server.loop.call_later(SOON_SECONDS, self._go_on, session.still_looking)
        try:
            async with asyncio.timeout(LOOKUP_SECONDS):
                answer = await self._server.answers.ask(wanted.what, wanted.arguments, session.caller, session.call_id)
        except Exception as error:
            late = isinstance(error, TimeoutError) or isinstance(error.__cause__, TimeoutError)
            log.warning("a look-up failed", what=wanted.what, late=late, error=str(error) or repr(error), uniqueid=self._uniqueid)
            answer = Answer("timeout" if late else "error")
        finally:
            soon.cancel()
        self._go_on(lambda: session.looked(answer))

    async def _store(self, wanted: Store) -> None:
        """Keep something safe; a caller who waits is told how it went."""
        session, safe = self._session, False
        try:
            async with asyncio.timeout(KEEP_SECONDS):
                await self._server.answers.keep(wanted.kind, wanted.values)
            safe = True
        except Exception as error:
            log.critical("ALARM: not kept", kind=wanted.kind, error=str(error) or repr(error), uniqueid=self._uniqueid)
        if wanted.waits and session is not None:
            self._go_on(lambda: session.kept(safe=safe))

    def _go_on(self, step: Callable[[], Step]) -> None:
        """Go on with what happened outside of the socket, unless the session has ended."""
        if self._ended or self._session is None:
            return
        try:
            self._do(step())
        except AgiError as error:
            self._fail(error)
        except Exception:
            log.exception("the flow failed; the caller goes to standby", uniqueid=self._uniqueid)
            self.close()

    def _finish(self) -> None:
        """Close the socket once all is sent, which takes no time unless the peer has stopped reading."""
        self._ended = True
        self.deadline = self._server.loop.time() + self._server.header_seconds
        if self._transport is not None:
            self._transport.close()

    def _fail(self, error: AgiError) -> None:
        cause = type(error).__name__
        log.warning("session ended; the caller goes to standby", cause=cause, detail=str(error), uniqueid=self._uniqueid)
        self.close()


class Server:
    """A listening socket and its connections. ``make_session`` is asked once the headers of a call are complete.

    Look-ups are answered in tasks of the group ``work``, which must live at least as long as the server.
    """

    def __init__(
        self, make_session: MakeSession, answers: Answers, work: asyncio.TaskGroup, *, header_seconds: float = HEADER_SECONDS
    ) -> None:
        self.make_session, self.answers = make_session, answers
        self._work = work
        self.header_seconds = header_seconds
        self.loop = asyncio.get_running_loop()
        self._connections: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._empty = asyncio.Event()
        self._empty.set()

    async def listen(self, host: str, port: int, *, shared: bool = False) -> int:
        """Start to listen; ``shared`` lets several processes have the port. Returns the port (asked for as 0: a free one).

        One call is one open file, so the process is allowed as many as the system lets it have. Raises ``CannotListen``.
        """
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        listener = open_listener(host, port, shared=shared)
        self._listener = await self.loop.create_server(lambda: Connection(self), sock=listener, backlog=_BACKLOG)
        return int(listener.getsockname()[1])

    async def sweep(self) -> None:
        """Look after the deadlines, until cancelled."""
        while True:
            await asyncio.sleep(SWEEP_SECONDS)
            now = self.loop.time()
            for connection in [c for c in self._connections if c.deadline < now]:
                connection.expire()

    async def drain(self, seconds: float) -> int:
        """Take no new call, wait for those in progress up to ``seconds``, close what is left; returns how many that were."""
        if self._listener is not None:
            self._listener.close()
        with contextlib.suppress(TimeoutError):
            await within(self._empty.wait(), seconds)
        left = list(self._connections)
        for connection in left:
            connection.close()
        await self._empty.wait()
        return len(left)

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Do something beside the sockets; it must not raise."""
        self._work.create_task(work)

    def opened(self, connection: Connection) -> None:
        """A connection began."""
        self._connections.add(connection)
        self._empty.clear()

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._connections.discard(connection)
        if not self._connections:
            self._empty.set()


def open_listener(host: str, port: int, *, shared: bool) -> socket.socket:
    """A bound socket; raises ``CannotListen``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if shared:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise CannotListen(f"cannot listen on {host}:{port}: {error.strerror}") from error
    listener.setblocking(False)
    return listener
