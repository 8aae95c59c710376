"""Secrets of one installation: ``var/credentials.json``, mode 0600, made at first start (interfaces, section 2).

``ami`` is the user that reads and commands, ``ami_reader`` the one that only reads; ``database`` is the DSN of the
application role, ``database_owner`` that of the role that migrates. ``web`` holds the users of the web application: ``admin``,
the shift ``leader``, the hotline ``office``, and the agents. ``pins``: six digits by which an agent logs in at another seat.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from pathlib import Path

import msgspec

from hotline import paths
from hotline.errors import CredentialsError
from hotline.settings import Settings


class AmiUser(msgspec.Struct, frozen=True):
    """Name and secret of one manager user."""

    user: str
    secret: str


class Credentials(msgspec.Struct, frozen=True):
    """Everything secret that the stack needs; ``agents`` and ``web`` map a user to a secret."""

    ami: AmiUser
    ami_reader: AmiUser
    agents: dict[str, str]
    web: dict[str, str]
    database: str
    database_owner: str
    pins: dict[str, str] = {}


def path() -> Path:
    """Where the file is."""
    return paths.var() / "credentials.json"


def ensure(settings: Settings) -> Credentials:
    """Load the credentials; make the file, the secrets of new agents, and the DSNs of other database settings, when needed.

    A secret that is there stays. Raises ``CredentialsError``.
    """
    known = load() if path().exists() else None
    made = Credentials(
        ami=known.ami if known else AmiUser("hotline", _secret()),
        ami_reader=known.ami_reader if known else AmiUser("reader", _secret()),
        agents=_secrets(known.agents if known else {}, settings.agents.numbers()),
        web=_secrets(known.web if known else {}, ["admin", "leader", "office", *settings.agents.numbers()]),
        pins=_pins(known.pins if known else {}, settings.agents.numbers()),
        database=_dsn(settings, known.database if known else "", "hotline"),
        database_owner=_dsn(settings, known.database_owner if known else "", "hotline_owner"),
    )
    if made != known:
        _write(made)
    return made


def ensure_pins(agents: Iterable[str]) -> None:
    """Make the PINs of agents that have none."""
    known = load()
    made = msgspec.structs.replace(known, pins=_pins(known.pins, agents))
    if made != known:
        _write(made)


def load() -> Credentials:
    """Read the file; raises ``CredentialsError`` when it is missing, open to others, or not what it should be."""
    try:
        if path().stat().st_mode & 0o077:
            raise CredentialsError(f"{path()}: other users can read this file; run: chmod 600 '{path()}'")
        return msgspec.json.decode(path().read_bytes(), type=Credentials)
    except FileNotFoundError as error:
        raise CredentialsError(f"{path()}: not there yet; it is made at the first start (hotline up)") from error
    except (OSError, msgspec.DecodeError) as error:
        raise CredentialsError(f"{path()}: cannot be read: {error}") from error


def _secrets(known: dict[str, str], users: list[str]) -> dict[str, str]:
    """Those known, and new ones for the users that have none."""
    return known | {user: _secret() for user in users if not known.get(user)}


def _pins(known: dict[str, str], agents: Iterable[str]) -> dict[str, str]:
    return known | {agent: f"{secrets.randbelow(1_000_000):06}" for agent in agents if not known.get(agent)}


def _dsn(settings: Settings, known: str, role: str) -> str:
    """The DSN of the settings, or else that of the embedded cluster, whose password is kept."""
    if settings.database.dsn:
        return settings.database.dsn
    embedded = re.fullmatch(rf"(postgresql://{role}:[^:@/]+@127\.0\.0\.1:)[0-9]+/hotline", known)
    start = embedded[1] if embedded else f"postgresql://{role}:{_secret()}@127.0.0.1:"
    return f"{start}{settings.database.port}/hotline"


def _secret() -> str:
    return secrets.token_urlsafe(18)


def _write(credentials: Credentials) -> None:
    path().parent.mkdir(parents=True, exist_ok=True)
    temporary = path().with_suffix(".new")
    temporary.unlink(missing_ok=True)  # one that was left over could be open to others
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=2))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path())
