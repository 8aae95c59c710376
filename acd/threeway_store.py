"""Three-way calls as rows of table ``threeways``: what is stored is all that is known of them (TWC-15)."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import asyncpg
import msgspec

from acd.errors import RefusedError
from acd.threeway_state import Attempt, Dialled, Outcome, State
from hotline import sql

QUERIES = sql.load(Path(__file__).parent / "sql" / "threeways.sql")
_WHOLE = {"numbers": list[Dialled], "attempts": list[Attempt], "heard": dict[str, int]}
_CHANGING = (
    "agent",
    "agent_channel",
    "unit_channel",
    "attempts",
    "connected_at",
    "joined_at",
    "ended_at",
    "caller_is",
    "agent_is",
    "unit_is",
    "disposition",
    "outcome",
    "left",
    "asked",
    "asked_at",
    "heard",
)
"""The parameters of the query ``save``, behind the id."""


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """What the agent wrote down: whether the citizen agreed (TWC-04), the question, the contact, further questions."""

    consent: bool
    question: str
    contact_number: str
    further_questions: str


class Threeway(msgspec.Struct, frozen=True, kw_only=True):
    """A three-way call as it is shown: ``acd.threeway_state`` says what the words mean. ``end_order``: who left, first first."""

    threeway_id: int
    node: str
    call_id: str
    agent: str
    unit: str
    unit_name: str
    phase: str
    numbers: list[Dialled]
    attempts: list[Attempt]
    is_service_line: bool
    begun_at: dt.datetime
    connected_at: dt.datetime | None
    joined_at: dt.datetime | None
    ended_at: dt.datetime | None
    disposition: str
    outcome: Outcome | None
    end_order: list[str]
    consent: bool
    question: str
    contact_number: str
    further_questions: str


async def load(connection: asyncpg.Connection, threeway_id: int, *, lock: bool = False) -> tuple[State, Words]:
    """Read one; ``lock`` keeps others out until the transaction ends. Raises ``RefusedError``: ``unknown_threeway``."""
    if lock:
        await connection.fetchval(QUERIES["lock_hand"], threeway_id)
        await connection.fetchval(QUERIES["lock"], threeway_id)
    row = await connection.fetchrow(QUERIES["get"], threeway_id)
    if row is None:
        raise RefusedError("unknown_threeway")
    plain = {name: row[name] for name in State.__struct_fields__ if name not in _WHOLE}
    whole = {name: msgspec.json.decode(row[name], type=kind) for name, kind in _WHOLE.items()}
    return State(**plain, **whole), Words(**{name: row[name] for name in Words.__struct_fields__})


async def save(connection: asyncpg.Connection, state: State) -> None:
    """Write what changes."""
    values = {name: getattr(state, name) for name in _CHANGING}
    for name in _WHOLE.keys() & values.keys():
        values[name] = msgspec.json.encode(values[name]).decode()
    await connection.execute(QUERIES["save"], state.threeway_id, *values.values())


def shown(state: State, words: Words) -> Threeway:
    """As it is answered to a person."""
    values = {name: getattr(state, name) for name in Threeway.__struct_fields__ if hasattr(state, name)}
    noted = msgspec.structs.asdict(words)
    return Threeway(**{**values, **noted, "end_order": list(state.left)})
