"""What there is to do with the files that Asterisk left, decided from one listing of the folders. Pure.

Rules. A conversation is every voice of a call: the caller's, and one for the leg of each agent, colleague, unit, supervisor and
of anybody else who was called. Each name says when
its recorder was started (TWC-15): the conversation begins with the first agent or unit, and every voice lies where it was spoken;
what the caller said before, while waiting, is not kept. It is finished when its call's record has an end and all files are at
rest; without a record, when nothing was written for ten minutes; a call whose record is open keeps its files. A message is
finished, beside that, when its sidecar says so, and after ten minutes at rest whatever the record says; of several takes the one
counts that the sidecar names, else the newest that is long enough (IVR-10). Where audio goes depends on its unique id alone, so
that a second attempt after a crash arrives at the same name.

The caller's first file is the first to be deleted after all are stored. Other files without it, older than the stored
conversation of their call, are therefore in that conversation, and what is left of them is forgotten. So is what was recorded of
a caller who was not connected to anybody.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from itertools import count

import msgspec

from hotline.clock import SHANGHAI
from recordings.audio import SHORTEST_MESSAGE_BYTES
from recordings.errors import SidecarError
from recordings.facts import (
    Call,
    Entry,
    Folder,
    Forget,
    Identifier,
    Ignore,
    Job,
    Piece,
    Round,
    SetAside,
    Sidecar,
    Stored,
    Take,
)
from recordings.manifest import Who

AT_REST = dt.timedelta(seconds=3)
"""Asterisk flushes and closes within moments of the hang-up."""
FORGOTTEN = dt.timedelta(minutes=10)
DELAYED = dt.timedelta(seconds=30)
"""A file that nobody wrote to for so long counts as backlog."""
_ID = r"[A-Za-z0-9_.-]{1,100}"
_NUMBER = r"(?:\+[0-9]{0,20})?"
_SINCE = r"(?:@[0-9]{8}T[0-9]{6}\.[0-9]{3})?"
_NAMES = {
    Folder.SPOOL: re.compile(
        rf"(?P<id>{_ID}?)\.(?P<part>(?:caller(?:\.[0-9]+)?|(?:agent|colleague|unit|supervisor|other)\.{_ID}{_NUMBER}){_SINCE})\.raw"
    ),
    Folder.INBOX: re.compile(rf"(?P<id>{_ID})(?:\.(?!~)|(?=~))(?P<part>wav|json|~[2-9]\.wav)"),
}
_SIDES: dict[str, Who] = {
    "agent": "agent",
    "colleague": "colleague",
    "unit": "unit",
    "supervisor": "supervisor",
    "other": "other",
}
_NEVER = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_EPOCH = re.compile(r"(?:.*-)?([0-9]{9,10})\.([0-9]+)")


def decide(facts: Round) -> list[Job]:
    """The jobs of this round, conversations first, each kind oldest first."""
    return [*_strangers(facts), *_conversations(facts), *_messages(facts)]


def split(folder: Folder, entry: Entry) -> tuple[str, str] | None:
    """(unique id, part) of a file that belongs in ``folder``, None for anything else.

    The part is ``wav``, ``~2.wav`` (a second take) or ``json`` of a message; of a conversation ``caller``, ``caller.2`` (the same
    caller, back in the queue), ``agent.<unique id of the leg>`` or so of a colleague, a unit, a supervisor or another, with the
    telephone's number behind a +, and behind an @ when its recorder was started, in UTC to the millisecond.
    """
    match = _NAMES[folder].fullmatch(entry.name)
    return (match["id"], match["part"]) if match and entry.regular else None


def speaker(name: str) -> tuple[Who, str, str]:
    """Whose voice a file of the spool is: who, the unique id of the channel and the number of the telephone, as far as known."""
    found = split(Folder.SPOOL, Entry(name, 0, _NEVER))
    part = found[1].partition("@")[0] if found else ""
    who = _side(part)
    if not found or who == "caller":
        return "caller", found[0] if found else "", ""
    leg, _, number = part.partition(".")[2].partition("+")
    return who, leg, number


def is_first(part: str) -> bool:
    """Whether this is the caller's first file."""
    return part.partition("@")[0] == "caller"


def read_sidecar(content: bytes) -> Sidecar:
    """Check a sidecar's bytes; raises ``SidecarError``."""
    try:
        sidecar = msgspec.json.decode(content, type=Sidecar)
        sidecar.started_at.astimezone(SHANGHAI)
    except (msgspec.DecodeError, UnicodeDecodeError, OverflowError) as error:
        raise SidecarError(f"the sidecar is not what it should be: {error}") from error
    return sidecar


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


def _together(folder: Folder, entries: list[Entry]) -> dict[str, dict[str, Entry]]:
    """What belongs in ``folder``: unique id to part to file, the oldest first."""
    found: dict[str, dict[str, Entry]] = {}
    for entry in _oldest_first(entries):
        names = split(folder, entry)
        if names:
            found.setdefault(names[0], {})[names[1]] = entry
    return found


def _conversations(facts: Round) -> Iterator[Job]:
    for call_id, voices in _together(Folder.SPOOL, facts.spool).items():
        call = facts.calls.get(call_id)
        last = max(entry.modified for entry in voices.values())
        if not _over(last, call, facts.now):
            continue
        written = facts.written.get(call_id)
        if _nobody_spoke(voices, call) or (not any(map(is_first, voices)) and written and last < written):
            yield from (Forget(Folder.SPOOL, entry.name) for entry in voices.values())
            continue
        connected_at = call.connected_at if call else None
        began = _beginning(voices, connected_at)
        yield Take(
            folder=Folder.SPOOL,
            pieces=tuple(_piece(voices[part], part, began) for part in sorted(voices, key=_turn)),
            file=conversation_file(facts.node, call_id, last),
            node=facts.node,
            call_id=call_id,
            started_at=began or connected_at,
        )


def _nobody_spoke(voices: dict[str, Entry], call: Call | None) -> bool:
    """A caller who waited and reached nobody: what was recorded of the waiting is not a conversation."""
    waited = all(_side(part) == "caller" and (_stamp(part) or not entry.size) for part, entry in voices.items())
    return waited and call is not None and call.connected_at is None


def _beginning(voices: dict[str, Entry], connected_at: dt.datetime | None) -> dt.datetime | None:
    """When the conversation begins: with the first agent or unit, else when the call's record says; None: no file has a time."""
    times = [(_side(part) == "caller", at) for part in voices if (at := _stamp(part))]
    served = [at for waits, at in times if not waits]
    return min(served, default=(connected_at or min(at for _, at in times)) if times else None)


def _piece(entry: Entry, part: str, began: dt.datetime | None = None) -> Piece:
    at = _stamp(part)
    return Piece(entry.name, entry.size, _side(part), (at - began) // dt.timedelta(milliseconds=1) if at and began else None)


def _side(part: str) -> Who:
    return _SIDES.get(part.partition(".")[0], "caller")


def _stamp(part: str) -> dt.datetime | None:
    """When the recorder of this voice was started, if its name says so."""
    try:
        return dt.datetime.strptime(f"{part.partition('@')[2]}000+0000", "%Y%m%dT%H%M%S.%f%z")
    except ValueError:
        return None


def _turn(part: str) -> tuple[bool, bool, int, int, str]:
    """The order of a conversation's files: the caller's, then the others' in the order in which their legs began."""
    match = _EPOCH.fullmatch(part.partition("@")[0].partition("+")[0].partition(".")[2])
    began = (int(match[1]), int(match[2])) if match else (0, 0)
    return (_side(part) != "caller", not is_first(part), *began, part)


def _messages(facts: Round) -> Iterator[Job]:
    for stem, halves in _together(Folder.INBOX, facts.inbox).items():
        job = _message(stem, halves, facts)
        if job:
            yield job


def _message(stem: str, halves: dict[str, Entry], facts: Round) -> Job | None:
    """The job for one message; ``halves`` holds its takes and its ``json``, or only one of the two."""
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
    takes = {_number(part): entry for part, entry in halves.items() if part != "json"}
    if takes:
        if sidecar.finished_at and sidecar.take and sidecar.take not in takes and not rested:
            return None  # it was recorded after the listing
        number = _counts(sidecar, takes)
        return Take(
            folder=Folder.INBOX,
            pieces=(_piece(takes[number], "wav"),),
            beside=tuple(entry.name for other, entry in sorted(takes.items()) if other != number),
            file=file,
            node=sidecar.node,
            call_id=sidecar.call_id,
            started_at=sidecar.started_at,
            sidecar=sidecar,
        )
    if file in facts.stored:
        return Forget(Folder.INBOX, halves["json"].name)
    return SetAside(Folder.INBOX, names, "there is no audio beside the sidecar")


def _number(part: str) -> int:
    """The number of a take: 1 for ``wav``, 2 for ``~2.wav``."""
    return int(part[1]) if part.startswith("~") else 1


def _counts(sidecar: Sidecar, takes: dict[int, Entry]) -> int:
    """The number of the take that counts: what the caller decided, else the newest that is long enough, else the newest."""
    if sidecar.take in takes:
        return sidecar.take
    return max((number for number, entry in takes.items() if entry.size >= SHORTEST_MESSAGE_BYTES), default=max(takes))
