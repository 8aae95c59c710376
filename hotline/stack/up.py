"""``hotline up``: prepares everything that the parts need, then hands over to the supervisor."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import Callable

import asyncpg

from hotline import credentials as secrets
from hotline import database, doctor, documents, log, messages, paths, probes, sounds
from hotline import settings as configuration_file
from hotline.asterisk import configuration, installation
from hotline.directory import files
from hotline.errors import StartError
from hotline.settings import Settings
from hotline.stack import parts, postgres, supervisor

_DIRECTORY = "0002_flows"
"""The migration that makes the directory's tables."""


def run(*, as_json: bool = False) -> None:
    """The whole stack in the foreground until SIGINT or SIGTERM; raises ``HotlineError`` when it cannot start.

    ``as_json`` prints one object a line: ``{"says": …}``.
    """
    settings = configuration_file.load()
    os.umask(0o077)
    for name in ("run", "log", "journal", "recordings"):
        (paths.var() / name).mkdir(parents=True, exist_ok=True)
    already = supervisor.running("up", "hotline")
    if already:
        raise StartError(messages.text("up.already", pid=already))
    supervisor.write_pid("up", os.getpid())
    try:
        asyncio.run(_run(settings, as_json=as_json))
    finally:
        supervisor.pid_file("up").unlink(missing_ok=True)


async def _run(settings: Settings, *, as_json: bool) -> None:
    say = speaker(as_json=as_json)
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await supervisor.predecessors_leave(say, staying=("up", "asterisk"), seconds=settings.agi.drain_seconds + 5)
    if taken := list(doctor.ports(settings)):
        raise StartError("\n".join(f"{finding.zh} / {finding.en}" for finding in taken))
    credentials = secrets.ensure(settings)
    asterisk = installation.find()
    if asterisk is None:
        raise StartError(messages.text("doctor.asterisk_missing"))
    for warning in sounds.install(paths.var() / "asterisk", paths.var() / "prompts"):
        say(messages.text("doctor.prompt", file=warning.file, reason=warning.reason))
    documents.install()
    folders = configuration.render(settings, credentials, asterisk)
    if settings.database.dsn:
        await _migrate(credentials.database_owner, say, samples=False)
    else:
        await asyncio.to_thread(postgres.prepare, postgres.cluster(settings), credentials)

    async def migrate() -> None:
        await _migrate(credentials.database_owner, say, samples=True)

    table = parts.table(settings, credentials, asterisk, folders, migrate=migrate)
    await supervisor.run(table, stop=stop, say=say, ready=lambda: say(_welcome(settings)))


async def _migrate(dsn: str, say: Callable[[str], None], *, samples: bool) -> None:
    """Bring the tables to this checkout's state; a private database begins with samples in the directory.

    A database that is away does not keep the telephones from working.
    """
    try:
        connection = await asyncpg.connect(dsn, timeout=10)
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        say(messages.text("up.no_database", reason=probes.reason(error)))
        return
    try:
        applied = await database.migrate(connection)
        for name in applied:
            say(messages.text("up.migrated", name=name))
        if samples and _DIRECTORY in applied:
            await files.put_samples(connection)
    finally:
        await connection.close()


def _welcome(settings: Settings) -> str:
    return messages.text(
        "up.all_ready",
        sip=_place(settings.asterisk.sip_address, settings.asterisk.sip_port),
        web=f"http://{_place(settings.web.host, settings.web.port)}",
        credentials=secrets.path(),
    )


def _place(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def speaker(*, as_json: bool) -> Callable[[str], None]:
    """Prints one line of progress, as text or as a JSON object; once nobody can hear it any more, it goes on in silence."""
    output = log.Lossy(sys.stdout)

    def say(line: str) -> None:
        print(json.dumps({"says": line}, ensure_ascii=False) if as_json else line, file=output, flush=True)

    return say
