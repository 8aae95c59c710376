"""A request that is repeated with its ``Idempotency-Key`` is done once and answered the same (``docs/api.md``).

Use cases that keep their answer in their own transaction (``Route.claims``, ``crm.idempotency``) are done exactly once. Of the
others the key is written down before and the answer after: they are done at most once, and if the process dies between, who
repeats is told that nobody knows what became of it (``outcome_unknown``), as with every order to Asterisk.
"""

from __future__ import annotations

import asyncio
import hashlib
import re
from weakref import WeakValueDictionary

import asyncpg
import msgspec
from aiohttp import web

from acd.errors import RefusedError as OrderRefusedError
from crm import idempotency
from crm.idempotency import QUERIES, Asked, RepeatedError
from desks import answers
from desks.desk import Ask, Route
from desks.errors import RefusedError
from hotline import clock, refusals

HEADER = "Idempotency-Key"
METHODS = frozenset({"POST", "PUT", "PATCH", "DELETE"})
PATTERN = r"^[A-Za-z0-9_:.-]{8,100}$"
REPLAYED = "Idempotent-Replay"
_FINAL = frozenset({200, 201, 202, 403, 404, 409, 422, 504})
"""What asking again would not change, or must not."""
_PATIENCE_SECONDS, _LOOK_SECONDS = 15.0, 0.05
_locks: WeakValueDictionary[tuple[str, str], asyncio.Lock] = WeakValueDictionary()


def keeps(route: Route) -> bool:
    """Whether a key has a meaning here: something is changed by somebody, and no password would be kept."""
    return route.method in METHODS and route.roles is not None and not route.is_secret


async def once(route: Route, ask: Ask) -> web.StreamResponse:
    """What the route answers; with a key that was used before, what it answered then, and a header that says so."""
    key = ask.request.headers.get(HEADER)
    if key is None or not keeps(route) or ask.who is None:
        return await route.handler(ask)
    if not re.fullmatch(PATTERN, key):
        raise RefusedError("bad_key")
    asked = Asked(ask.who.username, key, await _digest(ask))
    lock = _locks.setdefault((asked.actor, asked.key), asyncio.Lock())
    async with lock:
        try:
            return await _first(route, ask, asked)
        except RepeatedError as known:
            body = known.answer.encode()
            headers = {REPLAYED: "true"}
            return web.Response(body=body, status=known.status, content_type="application/json", charset="utf-8", headers=headers)


async def _first(route: Route, ask: Ask, asked: Asked) -> web.StreamResponse:
    """Carry out what was not asked before; raises ``RepeatedError`` when it was."""
    pool = ask.parts.pool
    idempotency.answered(asked, await pool.fetchrow(QUERIES["known"], asked.actor, asked.key))
    if not route.claims:
        await _begin(pool, asked)
    try:
        with idempotency.asking(asked):
            response = await route.handler(ask)
    except (RefusedError, refusals.RefusedError) as refused:
        response = answers.refused(ask.request, refused)
    except RepeatedError:
        raise
    except Exception:
        await pool.execute(QUERIES["forget"], asked.actor, asked.key)
        raise
    await _keep(pool, asked, response)
    return response


async def _keep(pool: asyncpg.Pool, asked: Asked, response: web.StreamResponse) -> None:
    """The answer, unless the use case kept the same; an answer that another try may change is forgotten."""
    body = response.body if isinstance(response, web.Response) else None
    if response.status not in _FINAL or not isinstance(body, bytes) or response.content_type != "application/json":
        await pool.execute(QUERIES["forget"], asked.actor, asked.key)
    elif not asked.is_kept or asked.kept != body:
        await idempotency.store(pool, asked, response.status, body)


async def _begin(pool: asyncpg.Pool, asked: Asked) -> None:
    """Write down that it is begun. If another process is at it, wait for its answer, which is raised as ``RepeatedError``.

    Raises ``RefusedError`` (``outcome_unknown``) when that process died.
    """
    deadline = clock.monotonic() + _PATIENCE_SECONDS
    while not await pool.fetchval(QUERIES["begin"], asked.actor, asked.key, asked.digest):
        known = await pool.fetchrow(QUERIES["known"], asked.actor, asked.key)
        idempotency.answered(asked, known)
        if (known is not None and known["is_old"]) or clock.monotonic() > deadline:
            raise OrderRefusedError("outcome_unknown")
        await asyncio.sleep(_LOOK_SECONDS)


async def _digest(ask: Ask) -> str:
    """Of what makes two requests the same: method, path, parameters, version that is meant, body."""
    request = ask.request
    body = await request.read() if ask.body is not None else b""
    version = request.headers.get("If-Match", "").encode(errors="backslashreplace").decode()  # it may be no text
    meant = [request.method, request.path_qs, version]
    return hashlib.sha256(msgspec.json.encode(meant) + body).hexdigest()
