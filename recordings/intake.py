"""What there is to do with the files that Asterisk left, decided from one listing of the folders. Pure.

Rules. A conversation is finished when its call's record has an end and the file is at rest; without a record, when nothing
was written for ten minutes; a call whose record is open keeps its file. A message is finished, beside that, when its sidecar
says so, and after ten minutes at rest whatever the record says. Where a file goes depends on its unique id alone, so that a
second attempt after a crash arrives at the same name.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import count

import msgspec

from hotline.clock import SHANGHAI
from recordings.errors import SidecarError
from recordings.facts import (
    Call,
    Entry,
    Folder,
    Forget,
    Identifier,
    Ignore,
    Job,
    Round,
    SetAside,
    Sidecar,
    Stored,
    Take,
)

AT_REST = dt.timedelta(seconds=3)
"""Asterisk flushes and closes within moments of the hang-up."""
FORGOTTEN = dt.timedelta(minutes=10)
DELAYED = dt.timedelta(seconds=30)
"""A file that nobody wrote to for so long counts as backlog."""
_NAME = re.compile(r"([A-Za-z0-9_.-]{1,100})\.(raw|wav|json)")
_KINDS = {Folder.SPOOL: {"raw"}, Folder.INBOX: {"wav", "json"}}
_EPOCH = re.compile(r"(?:.*-)?([0-9]{9,10})\.[0-9]+")


def decide(facts: Round) -> list[Job]:
    """The jobs of this round, conversations first, each kind oldest first."""
    return [*_strangers(facts), *_conversations(facts), *_messages(facts)]


def split(folder: Folder, entry: Entry) -> tuple[str, str] | None:
    """(unique id, suffix) of a file that belongs in ``folder``, None for anything else."""
    match = _NAME.fullmatch(entry.name)
    return (match[1], match[2]) if match and match[2] in _KINDS[folder] and entry.regular else None


def read_sidecar(content: bytes) -> Sidecar:
    """Check a sidecar's bytes; raises ``SidecarError``."""
    try:
        return msgspec.json.decode(content, type=Sidecar)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise SidecarError(f"the sidecar is not what it should be: {error}") from error


def conversation_file(node: Identifier, uniqueid: str, otherwise: dt.datetime) -> str:
    """``YYYY/MM/DD/<node>-<uniqueid>.wav``; ``otherwise`` gives the day when the unique id does not."""
    return f"{_day(uniqueid, otherwise)}/{node}-{uniqueid.removeprefix(f'{node}-')}.wav"


def message_file(stem: str, sidecar: Sidecar) -> str:
    """``YYYY/MM/DD/<node>-message-<stem>.wav``; ``stem``, the name of the message in the inbox, is the unique id as a rule."""
    return f"{_day(stem, sidecar.started_at)}/{sidecar.node}-message-{stem.removeprefix(f'{sidecar.node}-')}.wav"


def place(preferred: str, sha256: str, stored: list[Stored]) -> str:
    """The file for audio with this digest beside what its call already has: the same one again, or the first free name."""
    taken = {row.file: row.sha256 for row in stored}
    names = (preferred if n == 1 else f"{preferred.removesuffix('.wav')}~{n}.wav" for n in count(1))
    return next(name for name in names if taken.get(name, sha256) == sha256)


def backlog(entries: list[Entry], now: dt.datetime) -> tuple[int, int]:
    """(how many files wait though nobody writes to them, age of the oldest in whole seconds)."""
    ages = [now - entry.modified for entry in entries if entry.regular and now - entry.modified >= DELAYED]
    return len(ages), int(max(ages, default=dt.timedelta()).total_seconds())


def _day(uniqueid: str, otherwise: dt.datetime) -> str:
    """The hotline's calendar day on which the channel began, as a path."""
    match = _EPOCH.fullmatch(uniqueid)
    began = dt.datetime.fromtimestamp(int(match[1]), SHANGHAI) if match else otherwise.astimezone(SHANGHAI)
    return f"{began:%Y/%m/%d}"


def _over(modified: dt.datetime, call: Call | None, now: dt.datetime) -> bool:
    if call is None:
        return now - modified >= FORGOTTEN
    return call.ended_at is not None and min(now - call.ended_at, now - modified) >= AT_REST


def _oldest_first(entries: list[Entry]) -> list[Entry]:
    return sorted(entries, key=lambda entry: (entry.modified, entry.name))


def _strangers(facts: Round) -> Iterator[Job]:
    for folder, entries in ((Folder.SPOOL, facts.spool), (Folder.INBOX, facts.inbox)):
        for entry in entries:
            if split(folder, entry) is None and facts.now - entry.modified >= FORGOTTEN:
                yield Ignore(folder, entry.name)


def _conversations(facts: Round) -> Iterator[Job]:
    for entry in _oldest_first(facts.spool):
        parts = split(Folder.SPOOL, entry)
        if not parts:
            continue
        call = facts.calls.get(parts[0])
        if not _over(entry.modified, call, facts.now):
            continue
        yield Take(
            folder=Folder.SPOOL,
            source=entry.name,
            size=entry.size,
            file=conversation_file(facts.node, parts[0], entry.modified),
            node=facts.node,
            call_id=parts[0],
            started_at=call.connected_at if call else None,
        )


def _messages(facts: Round) -> Iterator[Job]:
    pairs: dict[str, dict[str, Entry]] = {}
    for entry in _oldest_first(facts.inbox):
        parts = split(Folder.INBOX, entry)
        if parts:
            pairs.setdefault(parts[0], {})[parts[1]] = entry
    for stem, halves in pairs.items():
        job = _message(stem, halves, facts)
        if job:
            yield job


def _message(stem: str, halves: dict[str, Entry], facts: Round) -> Job | None:
    """The job for one message; ``halves`` holds its ``wav`` and its ``json``, or one of them."""
    sidecar = facts.sidecars.get(stem, "there is no sidecar")
    names = tuple(entry.name for entry in halves.values())
    modified = max(entry.modified for entry in halves.values())
    if isinstance(sidecar, str):
        done = _over(modified, facts.calls.get(stem), facts.now)
        return SetAside(Folder.INBOX, names, sidecar) if done else None
    call = facts.calls.get(sidecar.call_id)
    rested = facts.now - modified >= FORGOTTEN
    if not (sidecar.finished_at or rested or _over(modified, call, facts.now)):
        return None
    file = message_file(stem, sidecar)
    if "wav" in halves:
        return Take(
            folder=Folder.INBOX,
            source=halves["wav"].name,
            size=halves["wav"].size,
            file=file,
            node=sidecar.node,
            call_id=sidecar.call_id,
            started_at=sidecar.started_at,
            sidecar=sidecar,
        )
    if file in facts.stored:
        return Forget(Folder.INBOX, halves["json"].name)
    return SetAside(Folder.INBOX, names, "there is no audio beside the sidecar")
