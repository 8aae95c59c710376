"""``hotline status``: what runs and whether it works, part by part."""

from __future__ import annotations

import asyncio

import msgspec

from hotline import credentials as secrets
from hotline import messages, probes
from hotline import settings as configuration_file
from hotline.asterisk import configuration, installation
from hotline.errors import StartError
from hotline.stack import parts, supervisor


class PartReport(msgspec.Struct, frozen=True):
    """One process: its number, whether it works, what is wrong, and what it last said of itself."""

    pid: int | None
    healthy: bool
    problem: str | None
    says: dict[str, object]


class Report(msgspec.Struct, frozen=True):
    """The whole stack."""

    running: bool
    healthy: bool
    parts: dict[str, PartReport]


def report() -> Report:
    """Ask every part whether it works."""
    return asyncio.run(_report())


async def _report() -> Report:
    settings = configuration_file.load()
    running = supervisor.running("up", "hotline") is not None
    if not secrets.path().exists():
        return Report(running, False, {})
    credentials = secrets.load()
    asterisk = installation.find()
    if asterisk is None:
        raise StartError(messages.text("doctor.asterisk_missing"))
    table = parts.table(settings, credentials, asterisk, configuration.folders(asterisk), migrate=_nothing)
    found: dict[str, PartReport] = {}
    for part in table:
        pid = supervisor.running(part.name)
        problem = await (part.well or part.alive)() if pid else "does not run"
        found[part.name] = PartReport(pid, problem is None, problem, probes.heartbeat(part.name))
    return Report(running, running and all(one.healthy for one in found.values()), found)


async def _nothing() -> None:
    """Status changes nothing."""
