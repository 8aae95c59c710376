"""Documents faxed to another number (IVR-07): each job of this node is dialled, up to three times, and its outcome written down.

A job is ``waiting``, ``sending`` while Asterisk has the order, then ``sent``, ``failed``, or ``waiting`` again until the pause is
over. An attempt is ordered before its row says so: a process that dies between the two finds the order and places no other.
"""

from __future__ import annotations

import asyncio
import re
import uuid
from pathlib import Path

import asyncpg
import msgspec
import structlog

from agi import fax_spool, rounds
from agi.fax_spool import Order, Result
from hotline import sql
from hotline.settings import Settings
from hotline.stack import supervisor

AT_ONCE = 4
"""Calls at the same time: the trunk is for people first."""
INVALID = Result(sent=False, error="INVALID")
"""What came of a job that is not one: no number, one abroad, or no name of a document. It is not tried again."""
TOO_MANY = Result(sent=False, error="TOO_MANY")
"""What came of a job that is one more than a caller, or a number, may have in a day. It is not tried."""
_NUMBER = re.compile(r"(?!00)[0-9]{3,20}")
_DOCUMENT = re.compile(r"[a-z0-9][a-z0-9-]*")
_QUERIES = sql.load(Path(__file__).parent / "sql" / "fax.sql")
_log = structlog.get_logger("agi")


async def run(pool: asyncpg.Pool, settings: Settings) -> None:
    """Work until cancelled."""
    await rounds.forever(lambda: work(pool, settings), "faxes")


async def work(pool: asyncpg.Pool, settings: Settings) -> None:
    """One round: settle what has ended, then order what is due."""
    under_way = 0
    for job in await pool.fetch(_QUERIES["sending"], settings.asterisk.node):
        asked = (job["job_id"], job["attempts"], settings.fax.longest_seconds, supervisor.running("asterisk"))
        result = await asyncio.to_thread(fax_spool.outcome, *asked)
        if result is None:
            under_way += 1
        else:
            await _settle(pool, settings, job, result)
    for _ in range(AT_ONCE - under_way):
        if not await _begin(pool, settings):
            break


async def _begin(pool: asyncpg.Pool, settings: Settings) -> bool:
    """Order the oldest job that is due; False when there is none."""
    async with pool.acquire() as connection, connection.transaction():
        job = await connection.fetchrow(_QUERIES["due"], settings.asterisk.node, float(settings.fax.retry_seconds))
        if job is None:
            return False
        order = Order(
            job_id=job["job_id"],
            attempt=job["attempts"] + 1,
            number=job["number"],
            document=job["document"],
            caller=settings.trunks.hotline_number,
        )
        refusal = await _refusal(connection, order, settings.fax.per_day)
        if refusal is None:
            await asyncio.to_thread(fax_spool.place, order)
        else:
            await asyncio.to_thread(fax_spool.report, order.job_id, order.attempt, refusal)
        await connection.execute(_QUERIES["begin"], order.job_id)
    return True


async def _refusal(connection: asyncpg.Connection, order: Order, per_day: int) -> Result | None:
    """Why a job is not dialled at all: nobody shall run up our telephone bill, or a stranger's paper."""
    if not _NUMBER.fullmatch(order.number) or not _DOCUMENT.fullmatch(order.document):
        return INVALID
    before = await connection.fetchval(_QUERIES["before"], order.job_id)
    return TOO_MANY if before >= per_day else None


async def _settle(pool: asyncpg.Pool, settings: Settings, job: asyncpg.Record, result: Result) -> None:
    """The row and the audit log in one transaction, then the files go."""
    job_id, attempt = uuid.UUID(str(job["job_id"])), int(job["attempts"])
    last = 1 if result in (INVALID, TOO_MANY) else settings.fax.attempts
    async with pool.acquire() as connection, connection.transaction():
        row = (job_id, attempt, result.sent, last, result.error or "OK")
        state = await connection.fetchval(_QUERIES["settle"], *row)
        if state:
            detail = {"attempt": attempt, "result": result.error or "OK", "number": job["number"], "document": job["document"]}
            await connection.execute(_QUERIES["log"], f"fax:{job_id}", msgspec.json.encode(detail).decode())
    await asyncio.to_thread(fax_spool.forget, job_id, attempt)
    _log.info("a fax was tried", job=str(job_id), attempt=attempt, state=state, result=result.error or "OK")
