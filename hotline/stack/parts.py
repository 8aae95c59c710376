"""The table of processes that make up the stack, in the order of their start.

Each part says how it is started, how one sees that it works, and how it is asked to leave. ``alive`` is asked again and
again while the part runs: a part that fails it ``patience`` times in a row is killed and started anew, because a process
that hangs is worse than one that is gone (a FastAGI server that is gone sends its calls to the standby path at once).
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import asyncpg
import msgspec

from hotline import paths, probes
from hotline.asterisk.configuration import Folders
from hotline.asterisk.installation import Installation
from hotline.credentials import Credentials
from hotline.settings import Settings
from hotline.stack import postgres

Check = Callable[[], Awaitable[str | None]]
"""Asks whether a part works: None when it does, else what is wrong."""

_PROBE_SECONDS = 2.0


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """One process of the stack."""

    name: str
    command: list[str]
    alive: Check
    well: Check | None = None
    """What ``status`` asks instead: whether it can do its work. One that lives and cannot is not started anew for that."""
    settles_within: float = 0.0
    """How long the stack waits for this part to be well, once all parts are up, before it says that it is ready."""
    patience: int = 3
    every: float = 1.0
    start_seconds: float = 60.0
    """How long it may take to come up the first time."""
    stop: signal.Signals = signal.SIGTERM
    stop_seconds: float = 10.0
    ask_again: float | None = None
    """Pause after which a request to leave is repeated: Asterisk forgets one that comes while it boots."""
    after: Callable[[], Awaitable[None]] | None = None
    """What is done once, when the part has come up for the first time."""
    outlives: bool = False
    """Whether it goes on when the supervisor dies, to be taken over by the next one: calls must survive."""


def table(
    settings: Settings,
    credentials: Credentials,
    asterisk: Installation,
    folders: Folders,
    *,
    migrate: Callable[[], Awaitable[None]],
) -> list[Part]:
    """Every process, in the order of start; they stop in the reverse order. ``migrate`` updates an embedded database."""
    python = [sys.executable, "-m"]
    parts = [
        Part(
            name="asterisk",
            command=[*asterisk.command, "-C", str(folders.etc / "asterisk.conf"), "-f"],
            alive=lambda: probes.listens(settings.ami.host, settings.ami.port),
            patience=10,
            ask_again=1.0,
            outlives=True,
        ),
        Part(
            name="agi",
            command=[*python, "agi"],
            alive=lambda: probes.answers_a_probe(settings.agi.host, settings.agi.port),
            patience=2,
            stop_seconds=settings.agi.drain_seconds + 5,
        ),
        Part(
            name="ami_bridge",
            command=[*python, "ami_bridge"],
            alive=lambda: probes.beats("ami_bridge"),
            well=probes.bridge_works,
            patience=30,
        ),
        Part(
            name="acd",
            command=[*python, "acd"],
            alive=lambda: probes.beats("acd"),
            well=probes.members_in_place,
            patience=60,
            settles_within=20.0,
        ),
        Part(name="crm", command=[*python, "crm"], alive=lambda: probes.beats("crm"), patience=60),
        Part(name="recordings", command=[*python, "recordings"], alive=lambda: probes.beats("recordings"), patience=60),
        Part(
            name="desks",
            command=[*python, "desks"],
            alive=lambda: probes.listens(settings.web.host, settings.web.port),
            patience=10,
        ),
    ]
    if settings.database.dsn:
        return parts
    database = Part(
        name="postgres",
        command=postgres.command(postgres.cluster(settings)),
        alive=lambda: _database_answers(credentials.database),
        every=5.0,  # each look is a login, and its password costs both sides milliseconds
        patience=120,  # recovery after a crash may take minutes, and killing it then begins it anew
        start_seconds=600,
        after=migrate,
        stop=signal.SIGINT,
        stop_seconds=20,
    )
    return [database, *parts]


def log_file(name: str) -> Path:
    """Where a part's standard error goes."""
    return paths.var() / "log" / f"{name}.log"


async def _database_answers(dsn: str) -> str | None:
    try:
        async with asyncio.timeout(_PROBE_SECONDS * 2):
            connection = await asyncpg.connect(dsn)
            await connection.close()
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
        return str(error) or "no answer"
    return None
