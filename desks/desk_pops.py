"""Who calls, on an agent's desk from the first ring until the work after the call is done (CAL-01, IVR-24, SEC-12).

It is read once for a call and an agent, when somebody looks at that agent's desk; every further person who is shown it leaves an
audit line too. While nothing rings nothing is read. Which tickets were opened for the call is looked up when tickets change.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Literal, Protocol

import asyncpg
import msgspec
import structlog

from acd import orders
from acd.parts import Parts
from acd.permissions import Person
from crm.callers.pop import Pop, pop
from crm.permissions import may
from crm.tickets.ticket import number
from desks import language
from hotline import database

Hint = Literal["", "pop_no_history", "pop_withheld", "pop_failed"]
HINTS: tuple[Hint, ...] = ("pop_no_history", "pop_withheld", "pop_failed")
"""What is said when there is nothing to show; the sentences stand in the catalogues."""
SEES = "caller.read"
"""Whoever is shown it may do this."""
_LARGEST_NOTED = 100_000
_RUNG = ("ringing", "talking", "holding")
_log = structlog.get_logger()


class RungCall(Protocol):
    """The call in an agent's hands, as ``desk_feed.Call``."""

    @property
    def node(self) -> str: ...
    @property
    def call_id(self) -> str: ...
    @property
    def state(self) -> str: ...
    @property
    def caller(self) -> str: ...


class OfCall(msgspec.Struct, frozen=True):
    """A ticket that was opened for the call."""

    number: str
    state: str


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """Of one call. ``hint`` and its ``sentences`` (by language) where there is nothing to show; ``opened``: for this call."""

    node: str
    call_id: str
    caller: str
    hint: Hint = ""
    sentences: Mapping[str, str] = {}
    pop: Pop | None = None
    opened: tuple[OfCall, ...] = ()


class Pops:
    """``watched`` by the people at their desks; ``read`` makes what each agent is shown."""

    def __init__(self, parts: Parts, opened: str) -> None:
        """``opened`` is the query for the tickets of calls."""
        self._parts, self._opened = parts, opened
        self._watching: Counter[Person] = Counter()
        self._shown: dict[str, Shown] = {}
        self._noted: set[tuple[str, str, str]] = set()
        self._is_stale = False

    @property
    def is_empty(self) -> bool:
        """Nothing is shown to anybody."""
        return not self._shown

    def renew(self) -> None:
        """Tickets have changed."""
        self._is_stale = True

    @contextmanager
    def watched(self, person: Person) -> Iterator[None]:
        """Somebody looks at a desk."""
        self._watching[person] += 1
        try:
            yield
        finally:
            self._watching[person] -= 1
            if not self._watching[person]:
                del self._watching[person]

    async def read(
        self, connection: asyncpg.Connection, calls: Mapping[str, RungCall], states: Mapping[str, str]
    ) -> dict[str, Shown]:
        """By agent. ``states``: how each agent stands; who is at work after a call keeps what was shown."""
        before, kept = self._shown, dict[str, Shown]()
        for agent, person in self._people().items():
            shown, call = before.get(agent), calls.get(agent)
            if call is not None and call.state in _RUNG:
                if shown is None or (shown.node, shown.call_id, shown.caller) != (call.node, call.call_id, call.caller):
                    shown, self._is_stale = await self._look(person, call), True
                kept[agent] = shown
            elif shown is not None and call is None and states.get(agent) == "wrap_up":
                kept[agent] = shown
        self._shown = kept
        if kept and self._is_stale:
            self._is_stale = False
            await self._look_for_tickets(connection)
        return self._shown

    async def note(self, person: Person, shown: Shown) -> None:
        """Somebody is shown it: a line in the audit log, once for each call (SEC-12)."""
        key = (person.username, shown.node, shown.call_id)
        if shown.pop is None or not shown.pop.number or key in self._noted:
            return
        tickets = [one.number for one in shown.pop.tickets]
        await orders.audit(self._parts.pool, person, "caller.pop", f"caller:{shown.pop.number}", {"tickets": tickets})
        self._remember(key)

    def _people(self) -> dict[str, Person]:
        """Of each agent's desk that is looked at, somebody who may see callers."""
        return {person.agent: person for person in self._watching if person.agent and may(person, SEES)}

    async def _look(self, person: Person, call: RungCall) -> Shown:
        """``pop`` leaves the audit line of whoever is first."""
        try:
            found = await pop(self._parts, person, call.caller)
        except database.TROUBLE as error:
            database.stop_if_cancelled()
            _log.warning("who calls is not known", call=call.call_id, error=str(error) or type(error).__name__)
            return _shown(call, "pop_failed", None)
        self._remember((person.username, call.node, call.call_id))
        if not found.number:
            return _shown(call, "pop_withheld", found)
        return _shown(call, "" if found.persons or found.tickets else "pop_no_history", found)

    async def _look_for_tickets(self, connection: asyncpg.Connection) -> None:
        calls = list(self._shown.values())
        rows = await connection.fetch(self._opened, [one.node for one in calls], [one.call_id for one in calls])
        opened: dict[tuple[str, str], list[OfCall]] = {}
        for row in rows:
            opened.setdefault((row["node"], row["call_id"]), []).append(
                OfCall(number(row["ticket_id"], row["channel"]), row["state"])
            )
        self._shown = {
            agent: msgspec.structs.replace(one, opened=tuple(opened.get((one.node, one.call_id), ())))
            for agent, one in self._shown.items()
        }

    def _remember(self, key: tuple[str, str, str]) -> None:
        if len(self._noted) >= _LARGEST_NOTED:
            self._noted.clear()
        self._noted.add(key)


def _shown(call: RungCall, hint: Hint, found: Pop | None) -> Shown:
    sentences = {spoken: language.text(hint, spoken) for spoken in language.LANGUAGES} if hint else {}
    return Shown(node=call.node, call_id=call.call_id, caller=call.caller, hint=hint, sentences=sentences, pop=found)
