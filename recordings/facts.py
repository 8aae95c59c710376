"""What the worker knows in a round, and what there is to do about it: values. Pure."""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from recordings.manifest import Who

Identifier = Annotated[str, msgspec.Meta(pattern=r"\A[A-Za-z0-9_.-]+\Z", max_length=100)]
"""A node's name: nothing that could leave a folder."""
Text = Annotated[str, msgspec.Meta(pattern=r"\A[^\x00]*\Z", max_length=512)]
"""What PostgreSQL can hold. A caller's number is whatever the caller's side sent."""
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Kind = Literal["conversation", "message"]
Reason = Literal["out_of_hours", "no_agents", "timed_out", "queue_full", "fault", "chosen"]
MessageKind = Literal["message", "mailbox", "complaint", "survey"]
"""What a message is for (IVR-08, IVR-09, IVR-11)."""


class Folder(StrEnum):
    """The two folders that Asterisk writes to, below ``var/recordings``."""

    SPOOL = "spool"
    INBOX = "messages-inbox"


class Entry(msgspec.Struct, frozen=True):
    """One directory entry; ``modified`` is its last write, ``size`` in bytes; ``regular`` is false for links, folders, pipes."""

    name: str
    size: int
    modified: dt.datetime
    regular: bool = True


class Call(msgspec.Struct, frozen=True):
    """What the call's record says; ``ended_at`` is None while the call lasts."""

    call_id: str
    connected_at: dt.datetime | None
    ended_at: dt.datetime | None


class Sidecar(msgspec.Struct, frozen=True):
    """The JSON file that the standby script writes before it records a message, and again when it is done (agi/draft.py).

    The file's own name is safe and unlike any other; ``uniqueid`` is what Asterisk said, and may be anything. With
    ``finished_at`` comes ``take``, the number of the take that counts; 0 leaves it to us.
    """

    node: Identifier
    call_id: Text
    uniqueid: Text
    caller_number: Text
    started_at: Moment
    reason: Reason
    kind: MessageKind = "message"
    finished_at: Moment | None = None
    take: int = 0


class Stored(msgspec.Struct, frozen=True):
    """A row of ``recordings`` that a call already has; ``taken_away_at``: None while its WAV file belongs where it is."""

    recording_id: int
    file: str
    sha256: str
    taken_away_at: dt.datetime | None = None


class Round(msgspec.Struct, frozen=True, kw_only=True):
    """Everything a round of the worker is decided from.

    ``sidecars`` maps a message's stem to its sidecar, or to the reason why it cannot be used; ``calls`` maps call id to record;
    ``stored`` holds the files (below ``var/recordings``) of messages that are in the table; ``written`` maps the id of a call
    that has a stored conversation to the time when its newest file was written.
    """

    now: dt.datetime
    node: str
    spool: list[Entry]
    inbox: list[Entry]
    sidecars: dict[str, Sidecar | str]
    calls: dict[str, Call]
    stored: frozenset[str]
    written: dict[str, dt.datetime]


class Piece(msgspec.Struct, frozen=True):
    """A file as it was listed: the audio of a message, or what one telephone said in a conversation; ``size`` in bytes.

    ``at_ms`` is when it begins, counted from the beginning of the conversation (below 0: the first part of it does not belong
    there); None: it follows what there is of its channel.
    """

    name: str
    size: int
    side: Who
    at_ms: int | None = None


class Take(msgspec.Struct, frozen=True, kw_only=True):
    """Store ``pieces``, files of ``folder``, as the one ``file`` below ``var/recordings``.

    A message has one piece, a ``sidecar``, and in ``beside`` the names of the takes that do not count. A conversation (from the
    spool) has the caller's pieces first, if there are any, and then everybody else's. ``started_at`` is when the audio
    began, if known.
    """

    folder: Folder
    pieces: tuple[Piece, ...]
    file: str
    node: str
    call_id: str
    started_at: dt.datetime | None
    sidecar: Sidecar | None = None
    beside: tuple[str, ...] = ()

    @property
    def kind(self) -> Kind:
        """Its kind in the table."""
        return "message" if self.sidecar else "conversation"

    @property
    def sources(self) -> tuple[str, ...]:
        """Every file of ``folder`` that goes when this is stored, in this order: what does not count, the caller's, a sidecar.

        What is left when that is cut short still says what happened: a sidecar without audio, agents without a caller.
        """
        names = tuple(piece.name for piece in self.pieces)
        if not self.sidecar:
            return names
        stem = names[0].removesuffix(".wav").partition("~")[0]
        return (*self.beside, *names, f"{stem}.json")


class SetAside(msgspec.Struct, frozen=True):
    """Move ``names`` out of ``folder`` for a person to look at."""

    folder: Folder
    names: tuple[str, ...]
    why: str


class Forget(msgspec.Struct, frozen=True):
    """Delete what is left of something that is stored: the worker was stopped while it cleared."""

    folder: Folder
    name: str


class Ignore(msgspec.Struct, frozen=True):
    """Say once that ``name`` does not belong in ``folder``, and leave it alone."""

    folder: Folder
    name: str


Job = Take | SetAside | Forget | Ignore
