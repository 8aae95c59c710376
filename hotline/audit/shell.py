"""A line in the audit log from a command that needs no database for anything else (CFG-08)."""

from __future__ import annotations

import asyncio
import getpass
import os
import sys
from collections.abc import Mapping

import asyncpg

from hotline import credentials, database, messages
from hotline.audit import store
from hotline.errors import CredentialsError


def actor() -> str:
    """Who types: ``shell:`` and the user of the machine."""
    try:
        return f"shell:{getpass.getuser()}"
    except (KeyError, OSError):
        return f"shell:{os.getuid()}"


def write(action: str, subject: str, detail: Mapping[str, object]) -> bool:
    """Write a line; while that cannot be done, say so on standard error and go on. Blocks."""
    try:
        asyncio.run(_write(credentials.load().database, action, subject, detail))
    except (*database.TROUBLE, CredentialsError) as error:
        print(messages.text("audit.not_written", action=action, reason=error or type(error).__name__), file=sys.stderr)
        return False
    return True


async def _write(dsn: str, action: str, subject: str, detail: Mapping[str, object]) -> None:
    connection = await asyncpg.connect(dsn, timeout=3, server_settings={"application_name": "audit", "timezone": "UTC"})
    try:
        await store.write(connection, actor(), action, subject, detail)
    finally:
        await connection.close()
