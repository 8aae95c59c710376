"""The one port through which other processes steer Asterisk: ``ask`` and ``wait`` for them, ``Port`` for the node's bridge.

A command is a row of table ``commands``: ``waiting`` -> ``sent`` -> ``done``, ``refused`` (with Asterisk's words) or ``unknown``;
or ``expired``, when its deadline passed before it was sent. It is marked ``sent``, and that is committed, before its first byte
goes out: whatever dies then, it is sent at most once. A link that breaks, an answer that does not come or a bridge that is killed
make it ``unknown``; a fresh list of queues and channels settles it where the state that was asked for is seen to hold, and a
call's late end where it was a call. What is not seen stays unknown: it may have been done and undone, or come late. Each outcome
leaves a line in the audit log with person and reason (SEC-12).
"""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import asyncpg
import msgspec
import structlog

from ami_bridge import actions
from ami_bridge.actions import Parameters
from ami_bridge.errors import ActionRefusedError, CommandRefusedError, LinkLostError, OutcomeUnknownError
from ami_bridge.fact import Fact, whole
from ami_bridge.link import Link
from ami_bridge.member_facts import ORIGINATE_CAUSES, OriginateEnded
from hotline import clock, database, sql
from hotline.waiting import within

_log = structlog.get_logger()
_QUERIES = sql.load(Path(__file__).parent / "sql" / "commands.sql")
_AT_ONCE, _REMEMBERED = 100, 10_000
_PAUSE_SECONDS = 1.0
_TIDY_SECONDS = 0.5
_SHORTEST_LOOK, _LONGEST_LOOK = 0.01, 0.2
_LATE = 0.15
"""An outcome is seen late by at most this part of the time that it took."""
FINAL = frozenset({"done", "refused", "expired"})
Answer = Mapping[str, str]


class Outcome(msgspec.Struct, frozen=True):
    """What became of a command. ``answer`` has a ``message`` and, of a call, ``uniqueid``, ``channel``, ``cause``."""

    state: str
    answer: dict[str, str] = msgspec.field(default_factory=dict)


async def ask(
    pool: asyncpg.Pool | asyncpg.Connection,
    node: str,
    action: str,
    parameters: Parameters,
    *,
    asked_by: str,
    reason: str,
    within_seconds: float,
) -> uuid.UUID:
    """Ask a node's Asterisk for an action of ``actions.ACTIONS``; it is not sent later than ``within_seconds`` from now.

    Inside a transaction it is asked when that is committed. Raises ``CommandRefusedError`` for what may not be asked; then there
    is no row.
    """
    command = uuid.uuid4()
    actions.prepare(action, parameters, command)
    values = (node, action, _json(parameters), asked_by, reason, within_seconds)
    await pool.execute(_QUERIES["ask"], command, *values)
    return command


async def outcome(pool: asyncpg.Pool, command: uuid.UUID) -> Outcome | None:
    """How a command stands; None when there is none."""
    row = await pool.fetchrow(_QUERIES["outcome"], command)
    return Outcome(row["state"], msgspec.json.decode(row["answer"] or "{}", type=dict[str, str])) if row else None


async def wait(pool: asyncpg.Pool, command: uuid.UUID, *, seconds: float) -> Outcome | None:
    """Wait for a command's final outcome, at most so long; then it is told as it stands (``unknown`` may yet be settled)."""
    began = clock.monotonic()
    while True:
        found = await outcome(pool, command)
        passed = clock.monotonic() - began
        if found is None or found.state in FINAL or passed >= seconds:
            return found
        await asyncio.sleep(min(max(_SHORTEST_LOOK, passed * _LATE), _LONGEST_LOOK, seconds - passed))


class Port:
    """Takes the commands of one node and sends them over its link: ``await run()``, which ends only by cancellation."""

    def __init__(self, node: str, dsn: str, link: Link) -> None:
        self._node, self._dsn, self._link = node, dsn, link
        self._wake = asyncio.Event()
        self._in_flight: set[uuid.UUID] = set()
        self._sent: dict[uuid.UUID, None] = {}
        self._ended: list[OriginateEnded] = []
        self._is_clean = False
        self._tidy_at = 0.0
        self._settled_on: object = None
        self._is_failing = False

    def wake(self) -> None:
        """Look now: the link is up again."""
        self._wake.set()

    def hear(self, fact: Fact) -> None:
        """A fact off the stream: the end of a call that was asked for over a link that is no more."""
        if isinstance(fact, OriginateEnded):
            self._ended.append(fact)
            self._wake.set()

    async def run(self) -> None:
        """Serve for ever; PostgreSQL may come and go."""
        pool = await database.pool(self._dsn, name="ami_bridge commands")
        try:
            async with asyncio.TaskGroup() as tasks:
                while True:
                    try:
                        await self._serve(pool, tasks)
                    except database.AWAY as error:
                        self._away(error)
                    await asyncio.sleep(_PAUSE_SECONDS)
        finally:
            pool.terminate()

    async def _serve(self, pool: asyncpg.Pool, tasks: asyncio.TaskGroup) -> None:
        """As long as the database answers."""
        async with pool.acquire() as connection:
            await connection.add_listener("commands", self._told)
            try:
                while True:
                    self._wake.clear()
                    await self._round(connection, pool, tasks)
                    self._is_failing = False
                    try:
                        await within(self._wake.wait(), _PAUSE_SECONDS)
                    except TimeoutError:
                        continue
            finally:
                connection.terminate()  # the pool takes back no connection that listens

    async def _round(self, connection: Any, pool: asyncpg.Pool, tasks: asyncio.TaskGroup) -> None:
        """What there is to do now."""
        if not self._is_clean:
            await connection.execute(_QUERIES["orphans"], self._node, _json({"message": "the bridge ended before an answer"}))
            self._is_clean = True
        if clock.monotonic() >= self._tidy_at:
            self._tidy_at = clock.monotonic() + _TIDY_SECONDS
            await connection.execute(_QUERIES["release"], self._node, list(self._in_flight))
            await connection.execute(_QUERIES["expire"], self._node)
        if self._link.connected_since is None:
            return
        began = clock.monotonic()
        rows = await connection.fetch(_QUERIES["take"], self._node, _AT_ONCE - len(self._in_flight))
        for row in sorted(rows, key=lambda row: (row["asked_at"], row["command_id"])):
            self._in_flight.add(row["command_id"])
            tasks.create_task(self._carry_out(pool, row, began + row["seconds_left"]))
        await self._hear_ends(connection)
        if self._settled_on != self._link.connected_since:
            await self._settle(connection)

    async def _carry_out(self, pool: asyncpg.Pool, row: Any, deadline: float) -> None:
        """Send one command and write down what came of it, however long the database is away."""
        command = row["command_id"]
        found = await self._send(row, deadline)
        while found is not None:
            state, answer, was_sent = found
            try:
                await pool.execute(_QUERIES["settle"], command, "sent", state, _json(answer), was_sent)
                _log.info("command", command=str(command), action=row["action"], outcome=state, **answer)
                break
            except database.AWAY as error:
                self._away(error)
                await asyncio.sleep(_PAUSE_SECONDS)
        self._in_flight.discard(command)
        if found is not None and found[0] == "unknown":
            self._settled_on = None
        self._wake.set()

    async def _send(self, row: Any, deadline: float) -> tuple[str, Answer, bool] | None:
        """The outcome, the answer, and whether anything was sent; None: nothing was, and it may be tried again."""
        command = row["command_id"]
        if command in self._sent:
            return "unknown", {"message": "sent before, and the database lost what it had confirmed"}, True
        if clock.monotonic() >= deadline:
            return "expired", {"message": "marked in time, but the database said so too late"}, False
        try:
            prepared = actions.prepare(row["action"], msgspec.json.decode(row["parameters"]), command)
            self._remember(command)
            as_list = None if prepared.is_call else False
            answer = await self._link.send(prepared.headers, seconds=prepared.answer_seconds, as_list=as_list)
        except (CommandRefusedError, ActionRefusedError) as error:
            return "refused", {"message": str(error)}, False
        except LinkLostError:
            del self._sent[command]
            return None
        except OutcomeUnknownError as error:
            return "unknown", {"message": str(error)}, True
        return *_answered(answer), True

    def _remember(self, command: uuid.UUID) -> None:
        """At most once, even if the database forgets a commit (a cluster without ``fsync`` that is killed)."""
        self._sent[command] = None
        if len(self._sent) > _REMEMBERED:
            del self._sent[next(iter(self._sent))]

    async def _hear_ends(self, connection: Any) -> None:
        """Calls of unknown outcome whose end was told after all."""
        while self._ended:
            end = self._ended[0]
            state, answer = _call_ended(end.answered, end.cause, end.uniqueid, "")
            try:
                command = uuid.UUID(end.command)
            except ValueError:  # somebody else's call
                command = None
            if command:
                await connection.execute(_QUERIES["settle"], command, "unknown", state, _json(answer), True)
            del self._ended[0]

    async def _settle(self, connection: Any) -> None:
        """Settle what is unknown by what Asterisk has now."""
        self._settled_on = self._link.connected_since
        unknown = await connection.fetch(_QUERIES["unknown"], self._node)
        if not unknown:
            return
        try:
            now = actions.snapshot([*await self._link.listing("QueueStatus"), *await self._link.listing("CoreShowChannels")])
        except (LinkLostError, OutcomeUnknownError):
            self._settled_on = None
            return
        answer = {"message": "seen in a fresh list of queues and channels"}
        for row in unknown:
            command, parameters = row["command_id"], msgspec.json.decode(row["parameters"])
            if actions.is_seen(row["action"], parameters, command, now):
                await connection.execute(_QUERIES["settle"], command, "unknown", "done", _json(answer), True)

    def _told(self, *said: Any) -> None:
        """asyncpg: a notification; its payload is the node."""
        if said[-1] == self._node:
            self._wake.set()

    def _away(self, error: BaseException) -> None:
        """Log once that the database is away; raises again what is our own fault."""
        if not database.is_away(error):
            raise error
        if not self._is_failing:
            _log.warning("PostgreSQL is away; commands wait or expire", error=str(error) or type(error).__name__)
        self._is_failing = True


def _answered(answer: Any) -> tuple[str, Answer]:
    """What Asterisk's answer means; that to a call is a list, whose last message is how the call went."""
    if isinstance(answer, list):
        end = answer[-1]
        return _call_ended(end.response == "Success", whole(end.reason), end.uniqueid, end.channel)
    return "done" if answer.success else "refused", {"message": answer.message.replace("\0", "")}


def _call_ended(answered: bool, cause: int, unique: str, channel: str) -> tuple[str, Answer]:
    said = ORIGINATE_CAUSES.get(cause, f"cause {cause}")
    answer = {"message": said, "uniqueid": unique, "channel": channel, "cause": str(cause)}
    return "done" if answered else "refused", answer


def _json(value: object) -> str:
    return msgspec.json.encode(value).decode()
