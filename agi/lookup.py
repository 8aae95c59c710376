"""The look-ups of a flow, answered from PostgreSQL (``ivr_flows/lookups.py`` says what may be asked).

``hotline``, ``caller`` and ``announcement`` are answered from a directory in memory, which a task renews; while PostgreSQL is
away the last one stays. The others ask at once and fail fast. ``ticket`` follows IVR-06 and SEC-06 and leaves a line in the
audit log whatever the answer (SEC-12).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import msgspec
import structlog

from agi import directory
from agi.directory import NOT_FOUND, Announcement, Directory, Hotline, Place
from agi.errors import LookupFailed
from hotline import clock, database, numbers, query_codes, sql
from hotline.settings import Calendar, Hours
from ivr_flows.lookups import Answer

ANSWER_SECONDS = 4.5
"""No question takes longer; the session gives up after 5 s."""
CONNECT_SECONDS = 1.5
RENEW_SECONDS = 3.0
WRONG_CODES = 10
"""Wrong query codes within a day, from one number or on one ticket, after which none is looked at."""
NO_RESULT = "ticket-result-none"
"""What is said of a ticket that has no result yet."""
FEWEST_CALLERS = 3
"""From fewer no wait is told."""

_QUERIES = sql.load(Path(__file__).parent / "sql" / "lookups.sql")
_AWAY = (OSError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_log = structlog.get_logger("agi")


@asynccontextmanager
async def opened(dsn: str, city: Calendar, *, seconds: float = ANSWER_SECONDS) -> AsyncIterator[Lookups]:
    """The look-ups of this process, with a task that keeps the directory fresh. PostgreSQL may be away."""
    pool = await database.pool(dsn, name="agi", largest=3, connect_seconds=CONNECT_SECONDS)
    lookups = Lookups(pool, city, seconds=seconds)
    try:
        await lookups.renew()
        async with asyncio.TaskGroup() as group:
            keeping = group.create_task(lookups.keep_fresh())
            try:
                yield lookups
            finally:
                keeping.cancel()
    finally:
        pool.terminate()


class Lookups:
    """Answers questions of many calls at once. ``seconds``: the longest that one may take."""

    def __init__(self, pool: asyncpg.Pool, city: Calendar, *, seconds: float = ANSWER_SECONDS) -> None:
        self._pool = pool
        self._city = city
        self._seconds = seconds
        self._directory: Directory | None = None
        self._version: str | None = None
        self._away = False

    async def ask(self, what: str, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        """Answer one question; ``caller`` is the number as Asterisk has it, empty when withheld. Raises ``LookupFailed``."""
        answer = _ANSWERS.get(what)
        if answer is None:
            raise LookupFailed(f"nothing is known about {what!r}")
        try:
            async with asyncio.timeout(self._seconds):
                return await answer(self, arguments, numbers.normal(caller), call_id)
        except (*_AWAY, ValueError) as error:  # ValueError: a row that holds what it should not
            raise LookupFailed(f"{what}: {type(error).__name__}: {error}") from error

    async def keep_fresh(self) -> None:
        """Renew the directory every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            await self.renew()

    async def renew(self) -> None:
        """Read the directory again when it has changed; when PostgreSQL is away, the last one stays."""
        try:
            async with asyncio.timeout(self._seconds):
                await self._read()
        except _AWAY as error:
            if not self._away:
                _log.warning(
                    "the directory cannot be read", why=f"{type(error).__name__}: {error}", known=self._version is not None
                )
            self._away = True
        else:
            self._away = False

    async def _read(self) -> None:
        async with self._pool.acquire() as connection, connection.transaction(isolation="repeatable_read", readonly=True):
            version = await connection.fetchval(_QUERIES["directory_version"])
            if version == self._version:
                return
            hotlines = [_hotline(row) for row in await connection.fetch(_QUERIES["hotlines"])]
            groups = await connection.fetch(_QUERIES["caller_groups"])
            announcements = [Announcement(*row) for row in await connection.fetch(_QUERIES["announcements"])]
        usable = [one for one in hotlines if one]
        self._directory, self._version = Directory(usable, dict(groups), announcements), version
        _log.info("directory read", hotlines=len(usable), callers=len(groups), announcements=len(announcements))

    def _known(self) -> Directory:
        if self._directory is None:
            raise LookupFailed("the directory was never read")
        return self._directory

    async def _ask_hotline(self, arguments: Mapping[str, str], _: str, __: str) -> Answer:
        return directory.hotline(self._known(), arguments.get("entered", ""), self._city, clock.shanghai_now())

    async def _ask_caller(self, _: Mapping[str, str], caller: str, __: str) -> Answer:
        return directory.caller(self._known(), caller)

    async def _ask_announcement(self, _: Mapping[str, str], __: str, ___: str) -> Answer:
        return directory.announcement(self._known(), clock.now())

    async def _ask_knowledge(self, arguments: Mapping[str, str], _: str, __: str) -> Answer:
        at, entered = arguments.get("at", ""), arguments.get("entered", "")
        if not _digits(at + entered):
            return NOT_FOUND
        row = await self._pool.fetchrow(_QUERIES["place_of_knowledge"], at, entered)
        if row is None or not (row["code"] or row["keys"]):
            return NOT_FOUND
        children = dict(zip(row["keys"], row["children"], strict=True))
        return directory.knowledge(Place(row["code"], row["prompts"], row["document"], children))

    async def _ask_wait(self, _: Mapping[str, str], __: str, ___: str) -> Answer:
        minutes = await wait_minutes(self._pool)
        return Answer("found", {"wait_minutes": str(minutes)}) if minutes is not None else NOT_FOUND

    async def _ask_ticket(self, arguments: Mapping[str, str], caller: str, call_id: str) -> Answer:
        number, code = arguments.get("number", ""), arguments.get("code", "")
        if not number or not _digits(number) or len(number) > 32:
            return NOT_FOUND if code else Answer("refused")
        answer = await (self._by_code(number, code, caller) if code else self._by_number(number, caller))
        how = "code" if code else "number"
        await self._pool.execute(
            _QUERIES["note_ticket_query"], f"caller:{caller or 'withheld'}", f"ticket:{number}", call_id, how, answer.exit
        )
        return answer

    async def _by_number(self, number: str, caller: str) -> Answer:
        """Told without a code only to the recorded number, and nothing confidential; the same word for a ticket that is none."""
        ticket = await self._pool.fetchrow(_QUERIES["ticket"], number)
        if ticket is None or ticket["confidential"] or not numbers.same(caller, ticket["caller_number"]):
            return Answer("refused")
        return _told(ticket)

    async def _by_code(self, number: str, code: str, caller: str) -> Answer:
        """Told to whom knows the code, and what is confidential to the recorded number alone. Wrong codes are counted."""
        counted = await self._pool.fetchval(_QUERIES["count_try"], caller, number, WRONG_CODES)
        if counted is None:
            _log.warning("too many wrong query codes", ticket=number)
            return Answer("refused")
        ticket = await self._pool.fetchrow(_QUERIES["ticket"], number)
        stored = ticket["query_code_hash"] if ticket else None
        right = await asyncio.to_thread(query_codes.fits, code, stored or query_codes.NO_CODE)
        if ticket is None or not right or (ticket["confidential"] and not numbers.same(caller, ticket["caller_number"])):
            return NOT_FOUND
        await self._pool.execute(_QUERIES["forget_try"], counted)
        return _told(ticket)


async def wait_minutes(pool: asyncpg.Pool) -> int | None:
    """The mean wait of the last half hour's callers, rounded up; None when there were too few of them."""
    row = await pool.fetchrow(_QUERIES["waited"])
    return max(1, math.ceil(row["seconds"] / 60)) if row["callers"] >= FEWEST_CALLERS else None


_Asked = Callable[[Lookups, Mapping[str, str], str, str], Awaitable[Answer]]
_ANSWERS: Mapping[str, _Asked] = {
    "ticket": Lookups._ask_ticket,
    "knowledge": Lookups._ask_knowledge,
    "hotline": Lookups._ask_hotline,
    "caller": Lookups._ask_caller,
    "announcement": Lookups._ask_announcement,
    "wait": Lookups._ask_wait,
}


def _told(ticket: asyncpg.Record) -> Answer:
    updated = ticket["updated_at"].astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
    return Answer("found", {"state": ticket["state"], "result": ticket["result"] or NO_RESULT, "updated": updated})


def _hotline(row: asyncpg.Record) -> Hotline | None:
    """A row's hotline, or None, with an alarm, when its hours are not what they should be."""
    try:
        open_when = msgspec.json.decode(row["hours"], type=Hours)
    except msgspec.ValidationError as error:
        _log.error("a hotline is left out: its hours cannot be read", code=row["code"], why=str(error))
        return None
    return Hotline(row["code"], row["position"], row["number"], row["prompts"], open_when)


def _digits(text: str) -> bool:
    return text.isascii() and (text.isdigit() or not text)
