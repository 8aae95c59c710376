"""What every handler is given: the parts of the application, and a request that has been let in and read."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncpg
from aiohttp import web

from acd import parts as acd_parts
from ami_bridge.figures import live, metrics
from crm.permissions import MATRIX
from desks.desk_feed import DeskFeed
from desks.feed import Feed
from desks.health import Health
from desks.login import Session, Sessions
from desks.parameters import Parameter
from hotline.settings import Settings

ANYBODY = None


@dataclass(frozen=True)
class Parts:
    """Of the application."""

    settings: Settings
    pool: asyncpg.Pool
    health: Health
    sessions: Sessions
    feed: Feed
    desk_feed: DeskFeed

    @property
    def rules(self) -> metrics.Rules:
        """What the figures count by."""
        return rules(self.settings)

    @property
    def acd(self) -> acd_parts.Parts:
        """What the orders of ``acd`` want."""
        return acd_parts.Parts(self.settings, self.pool, self.settings.asterisk.node)


@dataclass(frozen=True)
class Ask:
    """A request: who asks (None where anybody may), its parameters and body as the route's table entry says."""

    request: web.Request
    parts: Parts
    who: Session | None
    query: Mapping[str, Any]
    body: Any

    @property
    def person(self) -> Session:
        """Who asks, where a login is needed."""
        assert self.who is not None
        return self.who


@dataclass(frozen=True)
class Route:
    """An entry of the table ``desks/routes.py``. ``action``: of ``crm.permissions``; None: anybody may, without a login.

    ``answer``: its type, or media type; ``body``: the same, of one that the handler reads as it comes;
    ``claims``: its use case keeps its answer in its own transaction (``crm.idempotency``);
    ``is_open_to_this_machine``: without a login from loopback, for a program that watches; ``comes_first``: also while the
    password must be changed; ``is_secret``: what is asked or answered holds a password, and is kept nowhere;
    ``also``: other statuses that it answers with.
    """

    method: str
    path: str
    handler: Callable[[Ask], Awaitable[web.StreamResponse]]
    action: str | None
    chinese: str
    english: str
    query: tuple[Parameter, ...] = ()
    body: type | str | None = None
    answer: type | str = "text/plain"
    status: int = 200
    is_open_to_this_machine: bool = False
    claims: bool = False
    comes_first: bool = False
    is_secret: bool = False
    also: tuple[int, ...] = ()

    @property
    def roles(self) -> frozenset[str] | None:
        """Who may ask for it at all; whom or which ticket it may concern is decided by the order."""
        return None if self.action is None else frozenset(MATRIX[self.action])


def rules(settings: Settings) -> metrics.Rules:
    """Limits and goals (CFG-05)."""
    chosen = settings.figures
    return metrics.Rules(chosen.answer_seconds, chosen.second_answer_seconds, chosen.answer_goal, chosen.connection_goal)


def live_rules(settings: Settings) -> live.Rules:
    """What the live figures need to know."""
    queues = {queue: settings.skill(queue) for queue in (settings.queue.name, settings.queue.english_name, *settings.queues)}
    return live.Rules(rules(settings), tuple(settings.figures.shifts), queues)
