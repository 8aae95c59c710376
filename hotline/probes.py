"""Does a process work? Questions that the supervisor, ``hotline status`` and the web application's health page all ask.

Each answers None when it does, else what is wrong, in a few words for the operator; none raises.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from typing import NamedTuple

from hotline import clock, paths

STALE_SECONDS = 20.0
"""A process that did not touch its file for so long is taken for hung."""
_PROBE_SECONDS = 2.0
_MANY_WAIT = 100


async def listens(host: str, port: int) -> str | None:
    """Whether somebody takes TCP connections there."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            _, writer = await asyncio.open_connection(host, port)
    except (OSError, TimeoutError) as error:
        return f"{host}:{port}: {reason(error)}"
    writer.close()
    return None


async def answers_a_probe(host: str, port: int) -> str | None:
    """Connect and say goodbye: a FastAGI server that works closes its side too; one that hangs does not."""
    try:
        async with asyncio.timeout(_PROBE_SECONDS):
            reader, writer = await asyncio.open_connection(host, port)
            try:
                writer.write_eof()
                await reader.read()
            finally:
                writer.close()
    except (OSError, TimeoutError) as error:
        return f"{host}:{port}: {reason(error)}"
    return None


async def beats(name: str) -> str | None:
    """Whether the process touched its file ``var/run/<name>.alive`` a short while ago."""
    file = paths.var() / "run" / f"{name}.alive"
    try:
        age = clock.now().timestamp() - file.stat().st_mtime
    except OSError:
        return f"{file.name}: not there yet"
    return None if age < STALE_SECONDS else f"no sign of life for {age:.0f} s"


class Bridge(NamedTuple):
    """The AMI bridge as it told of itself: since when it has no link, why it is taken for hung, what it cannot keep."""

    down_since: str | None = None
    silent: str | None = None
    journal_failing: bool = False
    backlog: int = 0
    """Calls that wait for PostgreSQL; 0 when they are few."""


async def bridge() -> Bridge:
    """A bridge without a link writes its file every second, with when it lost it."""
    file, said = paths.var() / "run" / "ami_bridge.alive", heartbeat("ami_bridge")
    if not file.exists():
        return Bridge(down_since="its start")
    is_down, backlog = said.get("connected") is False, said.get("store_backlog")
    return Bridge(
        down_since=_on_the_clock(said.get("down_since")) if is_down else None,
        silent=await beats("ami_bridge"),
        journal_failing=said.get("journal_failing") is True,
        backlog=backlog if isinstance(backlog, int) and backlog > _MANY_WAIT else 0,
    )


def _on_the_clock(moment: object) -> str:
    """A moment in UTC as the hotline's wall clock shows it."""
    try:
        return dt.datetime.fromisoformat(str(moment)).astimezone(clock.SHANGHAI).isoformat(timespec="seconds")
    except ValueError:
        return "its start"


async def bridge_works() -> str | None:
    """Whether the AMI bridge hears Asterisk and keeps what it hears. One that does not may live: it is not to be started anew."""
    it = await bridge()
    wrong = [f"no link to Asterisk since {it.down_since}"] if it.down_since else []
    wrong += [it.silent] if it.silent else []
    wrong += ["the journal cannot be written"] if it.journal_failing else []
    wrong += [f"{it.backlog} calls wait for PostgreSQL"] if it.backlog else []
    return "; ".join(wrong) or None


async def members_in_place() -> str | None:
    """Whether the acd process lives and has found every queue with the members that it should have."""
    wrong = await beats("acd")
    if wrong is None and heartbeat("acd").get("members_in_place") is not True:
        wrong = "the members of the queues are not in place yet"
    return wrong


def reason(error: BaseException) -> str:
    """What an exception says, in words; one that says nothing, as a timeout, is named."""
    return str(error) or ("no answer" if isinstance(error, TimeoutError) else type(error).__name__)


def heartbeat(name: str) -> dict[str, object]:
    """What a process last said of itself; empty when it said nothing readable."""
    try:
        said = json.loads((paths.var() / "run" / f"{name}.alive").read_text())
    except (OSError, ValueError):
        return {}
    return said if isinstance(said, dict) else {}
