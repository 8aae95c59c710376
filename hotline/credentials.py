"""Secrets of one installation: ``var/credentials.json``, mode 0600, made at first start (interfaces, section 2).

``ami`` is the user that reads and commands, ``ami_reader`` the one that only reads; ``database`` is the DSN of the
application role, ``database_owner`` that of the role that migrates.
"""

from __future__ import annotations

import os
import secrets
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


def path() -> Path:
    """Where the file is."""
    return paths.var() / "credentials.json"


def ensure(settings: Settings) -> Credentials:
    """Load the credentials, making the file, and any secret that is missing for a new agent, when needed."""
    agents = settings.agents.numbers()
    if path().exists():
        known = load()
        missing = [agent for agent in agents if agent not in known.agents or agent not in known.web]
        if not missing:
            return known
        made = msgspec.structs.replace(
            known,
            agents=known.agents | {a: known.agents.get(a) or _secret() for a in missing},
            web=known.web | {a: known.web.get(a) or _secret() for a in missing},
        )
    else:
        owner, application = _secret(), _secret()
        address = f"127.0.0.1:{settings.database.port}/hotline"
        made = Credentials(
            ami=AmiUser("hotline", _secret()),
            ami_reader=AmiUser("reader", _secret()),
            agents={agent: _secret() for agent in agents},
            web={"admin": _secret()} | {agent: _secret() for agent in agents},
            database=settings.database.dsn or f"postgresql://hotline:{application}@{address}",
            database_owner=settings.database.dsn or f"postgresql://hotline_owner:{owner}@{address}",
        )
    _write(made)
    return made


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


def _secret() -> str:
    return secrets.token_urlsafe(18)


def _write(credentials: Credentials) -> None:
    path().parent.mkdir(parents=True, exist_ok=True)
    temporary = path().with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(credentials), indent=2))
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path())
