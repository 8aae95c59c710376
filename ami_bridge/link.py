"""One AMI connection to one Asterisk node, through panoramisk with our own protocol class.

What panoramisk 1.4 gives: connecting, logging in, actions with their answers and lists. What is fenced in here: bytes are
decoded by ``ami_bridge.codec`` (it drops characters cut by a packet); nothing is sent again after a reconnect (it would
originate twice); it reconnects on its own and whenever it likes (we do, with back-off); its pings have no deadline (ours end
a half-open link after ``ami.silence_seconds``); its callbacks are unordered (ours are called at once, in order); a value with
a line break is refused.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import random
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, cast

import structlog
from panoramisk import Manager
from panoramisk.actions import Action
from panoramisk.message import Message

from ami_bridge import codec
from ami_bridge.errors import LinkLostError, LoginRefusedError, OutcomeUnknownError
from ami_bridge.facts import WANTED
from hotline import clock
from hotline.credentials import AmiUser
from hotline.settings import Ami
from hotline.waiting import within

_log = structlog.get_logger()
_LOGIN_SECONDS = 10.0
_ANSWER_SECONDS = 10.0
_SHORTEST_WAIT, _LONGEST_WAIT = 0.2, 5.0
_REST_SECONDS = 0.02
"""Between two readings: Asterisk writes each event by itself, and one reading of many costs little more than of one."""
_NEVER = 10**9

Frames = list[codec.Frame]
OnFrames = Callable[[Frames], None]


class _Listing(Action):  # type: ignore[misc]
    """An action that is answered by a list; keeps the events of the list as they came."""

    frames: Frames


class Protocol(asyncio.Protocol):
    """One TCP connection: bytes to frames, answers to their actions, everything else to ``on_frames``, at once and in order.

    What comes before ``let_in`` waits for it: a connection whose login is refused tells nothing.
    """

    factory: Any = None
    responses: dict[str, Action]

    def __init__(self, on_frames: OnFrames, on_bytes: Callable[[bytes], None] | None, wanted: Sequence[str] | None) -> None:
        self._on_frames, self._on_bytes = on_frames, on_bytes
        self._decoder = codec.Decoder(wanted)
        self._transport: asyncio.Transport | None = None
        self._early: Frames | None = []
        self.responses = {}
        self.heard = clock.monotonic()
        self.heard_at = clock.now()
        self.lost: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    @property
    def counts(self) -> codec.Counts:
        """What the decoder saw on this connection."""
        return self._decoder.counts

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio: the connection stands."""
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """asyncio: bytes arrived."""
        self.heard, self.heard_at = clock.monotonic(), clock.now()
        self._rest()
        if self._on_bytes:
            self._on_bytes(data)
        told = [frame for frame in self._decoder.feed(data) if not self._answers(frame)]
        if self._early is not None:
            self._early += told
        elif told:
            self._on_frames(told)

    def let_in(self) -> None:
        """The login was accepted."""
        early, self._early = self._early, None
        if early:
            self._on_frames(early)

    def connection_lost(self, exc: Exception | None) -> None:
        """asyncio: the connection is gone; what was not answered has an unknown outcome."""
        if not self.lost.done():
            self.lost.set_result(f"the connection broke: {exc}" if exc else "Asterisk closed the connection")
        for action in dict(self.responses).values():
            if not action.future.done():
                action.future.set_exception(OutcomeUnknownError(f"{action['action']}: the link broke before an answer"))
                action.future.exception()
        self.responses.clear()

    def send(self, data: Mapping[str, str], as_list: bool | None = None) -> asyncio.Future[Any]:
        """Send one action, once; the future holds its answer. Raises ``ActionRefusedError``, ``OutcomeUnknownError`` never."""
        action = data if isinstance(data, Action) else Action(dict(data), as_list=as_list)
        raw = codec.encode({str(key): str(value) for key, value in action.items()})
        if self._transport is None or self.lost.done():
            raise LinkLostError("the AMI link is down; nothing was sent")
        self.responses[action.id] = action
        action.future.add_done_callback(lambda _: self.responses.pop(action.id, None))
        self._transport.write(raw)
        answer: asyncio.Future[Any] = action.future
        return answer

    def abort(self, cause: str) -> None:
        """Drop the connection at once, unsent bytes and all."""
        if not self.lost.done():
            self.lost.set_result(cause)
        if self._transport:
            self._transport.abort()

    def close(self) -> None:
        """panoramisk: close; nothing is kept to be sent again."""
        if self._transport:
            self._transport.close()

    def _rest(self) -> None:
        """Read no more for a moment."""
        if self._transport is not None:
            self._transport.pause_reading()
            asyncio.get_running_loop().call_later(_REST_SECONDS, self._read_on)

    def _read_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def _answers(self, frame: codec.Frame) -> bool:
        """Hand a frame to the action that it answers; whether it was an answer."""
        identity = frame.headers.get("actionid")
        if identity is None:
            return False
        action = self.responses.get(identity)
        if action is not None:
            if isinstance(action, _Listing) and frame.kind == "event":
                action.frames.append(frame)
            action.add_message(Message(frame.headers, frame.headers.get("output", "")))
        return action is not None or frame.kind == "response"


class _Connection(Manager):  # type: ignore[misc]
    """panoramisk's manager, for the length of one connection: no reconnecting, no pings, no second sending of its own."""

    pinger: Any = None

    def connection_made(self, f: asyncio.Future[Any]) -> None:
        if f.cancelled() or f.exception() is not None:
            return
        with contextlib.suppress(LinkLostError):  # it may be gone by now; then there is no future to wait for
            super().connection_made(f)
            self.pinger.cancel()
            self.pinger = None

    def login(self, future: asyncio.Future[Any]) -> bool:
        self.authenticated = not future.cancelled() and future.exception() is None and bool(future.result().success)
        return self.authenticated

    async def send_awaiting_actions(self, *_: object) -> None:
        self.awaiting_actions.clear()

    def connection_lost(self, exc: object) -> None:
        """Never called by our protocol."""


class Link:
    """Keeps one connection up for ever: ``await run()``.

    ``on_frames`` gets the events in order as they are read; ``on_up`` is awaited as a task of the connection after each login;
    ``on_down`` is called with the last time the peer was heard and the cause; ``on_alive`` after each answered ping.
    """

    def __init__(
        self,
        settings: Ami,
        user: AmiUser,
        *,
        on_frames: OnFrames,
        on_up: Callable[[], Awaitable[None]] | None = None,
        on_down: Callable[[dt.datetime, str], None] | None = None,
        on_alive: Callable[[], None] | None = None,
        on_bytes: Callable[[bytes], None] | None = None,
        wanted: Sequence[str] | None = WANTED,
    ) -> None:
        self._settings, self._user, self._wanted = settings, user, wanted
        self._on_frames, self._on_bytes, self._on_up = on_frames, on_bytes, on_up
        self._on_down, self._on_alive = on_down, on_alive
        self._protocol: Protocol | None = None
        self.connected_since: dt.datetime | None = None

    @property
    def counts(self) -> codec.Counts:
        """What was read on the connection of now; zeros while there is none."""
        return self._protocol.counts if self._protocol else codec.Counts()

    async def run(self) -> None:
        """Connect, serve, and connect again; ends only by cancellation."""
        wait = _SHORTEST_WAIT
        while True:
            try:
                await self._serve()
            except (LinkLostError, OSError, TimeoutError) as error:
                _log.warning("AMI link is down", cause=str(error) or type(error).__name__)
            except LoginRefusedError as error:
                _log.error("AMI login refused", cause=str(error))
                wait = _LONGEST_WAIT
            if self.connected_since is not None:
                self.connected_since, wait = None, _SHORTEST_WAIT
            await asyncio.sleep(wait * random.uniform(0.8, 1.2))  # noqa: S311
            wait = min(wait * 2, _LONGEST_WAIT)

    async def ask(self, **action: str) -> Any:
        """Send one action and wait for its answer (a message, or a list of them); see ``send``."""
        return await self.send(action)

    async def listing(self, action: str) -> Frames:
        """The events of a list (``QueueStatus``, ``CoreShowChannels``), whole and in order; see ``send``."""
        asked = _Listing({"Action": action})
        asked.frames = []
        await self.send(asked)
        return asked.frames

    async def send(self, action: Mapping[str, str], *, seconds: float = _ANSWER_SECONDS, as_list: bool | None = None) -> Any:
        """Send one action and wait for its answer; at most once, never again by itself.

        ``as_list``: whether the answer is a list; None: as its first message reads. Raises ``LinkLostError`` when nothing was
        sent, ``OutcomeUnknownError`` when no answer came within ``seconds``, ``ActionRefusedError`` for a value that would break
        out of its line.
        """
        if self._protocol is None:
            raise LinkLostError("the AMI link is down; nothing was sent")
        try:
            return await within(self._protocol.send(action, as_list), seconds)
        except TimeoutError as error:
            raise OutcomeUnknownError(f"{action['Action']}: no answer within {seconds:g} s") from error

    async def _serve(self) -> None:
        """One connection from beginning to end; always raises."""
        protocol = await self._connect()
        self._protocol, self.connected_since = protocol, clock.now()
        _log.info("AMI link is up", host=self._settings.host, port=self._settings.port)
        cause = "the bridge failed"
        try:
            protocol.let_in()
            async with asyncio.TaskGroup() as tasks:
                watch = [tasks.create_task(self._ping(protocol)), tasks.create_task(self._listen_for_silence(protocol))]
                if self._on_up:
                    watch.append(tasks.create_task(self._greet(protocol, self._on_up)))
                cause = await asyncio.shield(protocol.lost)
                for task in watch:
                    task.cancel()
        finally:
            protocol.abort(cause)
            self._protocol = None
            if self._on_down:
                self._on_down(protocol.heard_at, cause)
        raise LinkLostError(cause)

    async def _connect(self) -> Protocol:
        """A connection that is logged in."""
        connection = _Connection(
            host=self._settings.host,
            port=self._settings.port,
            username=self._user.user,
            secret=self._user.secret,
            events="on",
            ping_delay=_NEVER,
            ping_interval=_NEVER,
            loop=asyncio.get_running_loop(),
            protocol_factory=lambda: Protocol(self._on_frames, self._on_bytes, self._wanted),
        )
        async with asyncio.timeout(_LOGIN_SECONDS):
            _, protocol = await connection.connect()
            assert isinstance(protocol, Protocol)
            if connection.authenticated_future is None:
                raise LinkLostError(await protocol.lost)
            try:
                answer = await connection.authenticated_future
            except OutcomeUnknownError as error:
                raise LinkLostError(await protocol.lost) from error
            except BaseException:
                protocol.abort("no answer to the login")
                raise
        if not answer.success:
            protocol.abort("the login was refused")
            raise LoginRefusedError(f"{self._user.user}: {answer.message}")
        return protocol

    async def _greet(self, protocol: Protocol, on_up: Callable[[], Awaitable[None]]) -> None:
        """What is done after each login; without answers to the first questions the link is worth nothing, and is made anew."""
        try:
            await on_up()
        except (LinkLostError, OutcomeUnknownError) as error:
            _log.warning("AMI link broke during the first questions", cause=str(error))
            protocol.abort(f"the first questions were not answered: {error}")

    async def _ping(self, protocol: Protocol) -> None:
        """Ask for a sign of life; whether one comes is watched elsewhere."""
        while True:
            await asyncio.sleep(self._settings.ping_seconds)
            try:
                await protocol.send({"Action": "Ping"})
            except (LinkLostError, OutcomeUnknownError):
                return
            if self._on_alive:
                self._on_alive()

    async def _listen_for_silence(self, protocol: Protocol) -> None:
        """End a connection whose peer has been silent for too long: half-open, stopped, or behind a dead network."""
        while True:
            left = protocol.heard + self._settings.silence_seconds - clock.monotonic()
            if left <= 0:
                break
            await asyncio.sleep(left)
        protocol.abort(f"nothing heard for {self._settings.silence_seconds} s")
