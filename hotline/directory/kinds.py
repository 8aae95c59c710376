"""The files of the directory: the fields of an entry of each kind, and what must hold of all together. Pure.

A file is a TOML table array, ``[[hotlines]]`` and so on, one entry after another. Each problem is one line that names the file,
the line where the entry begins, the entry, and what is wrong.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from hotline import numbers
from hotline.clock import SHANGHAI
from hotline.errors import HotlineError
from hotline.settings import DAYS, Hours

PromptName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?$")]
Prompts = Annotated[list[PromptName], msgspec.Meta(min_length=1, max_length=20)]
Code = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{2,8}$")]
Key = Annotated[int, msgspec.Meta(ge=1, le=8)]
"""The keys 9 and 0 lead to an agent and back on every level."""
Line = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{1,200}$")]
Word = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
AgentNumber = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3,5}$")]
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
AgentRole = Literal[
    "agent",
    "trainee",
    "dispatcher",
    "dispatch_lead",
    "callback_agent",
    "shift_leader",
    "supervisor",
    "supervision_office",
    "quality",
    "office",
    "leader",
    "observer",
    "editor",
    "analyst",
    "administrator",
]
"""Every role but a guest's and those of units, which need an account with its unit."""
UnitCode = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,31}$")]
Category = Annotated[str, msgspec.Meta(pattern=r"^C[1-9](\.[0-9]{2,3}|/[^/\x00-\x1f\x7f]{1,60})?$")]
Territory = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9]{1,20}$")]
Short = Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")]


class DirectoryError(HotlineError):
    """A file of the directory cannot be used, and nothing of it was taken; each line of the text says what is wrong and where."""


class _Entry(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One entry of a file."""


class HotlineEntry(_Entry, frozen=True, kw_only=True):
    """Another hotline: ``key`` in the menu, ``hours`` like the settings' ``[hours]`` (nothing: always open)."""

    code: Code
    key: Key
    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3,20}$")]
    name: Line
    prompts: Prompts
    hours: dict[str, Any] = {}


class CallerEntry(_Entry, frozen=True, kw_only=True):
    """A caller's number, however written, and the group; callers of ``elderly`` go straight to an agent."""

    number: str
    group: Word


class ArticleEntry(_Entry, frozen=True, kw_only=True):
    """A folder or an article of the knowledge tree; its title is spoken by the prompt ``kb/CODE-title``.

    ``parent`` is the code of the folder it is in (none: at the root), ``document`` the name of what can be faxed.
    """

    code: Code
    parent: str = ""
    key: Key
    title: Line
    text: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$", max_length=20000)] = ""
    prompts: Annotated[list[PromptName], msgspec.Meta(max_length=20)] = []
    document: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")] = ""


class AnnouncementEntry(_Entry, frozen=True, kw_only=True):
    """Played before queueing from ``starts_at`` until before ``ends_at``."""

    prompts: Prompts
    starts_at: Moment
    ends_at: Moment
    reason: Line
    person: Line


class TicketEntry(_Entry, frozen=True, kw_only=True):
    """What may be told about a ticket. ``query_code``: six digits, ``""`` for none, left out to leave it as it is."""

    ticket_no: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{6,20}$")]
    caller_number: str = ""
    query_code: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{6})?$")] | None = None
    confidential: bool = False
    state: PromptName
    result: PromptName | None = None
    updated_at: Moment


class UnitNumber(_Entry, frozen=True, kw_only=True):
    """A telephone of a unit. ``line``: ``service`` is staffed for callers; at an ``office`` the unit hangs up first (TWC-12).

    ``hours`` as the settings' ``[hours]`` (nothing: always). ``duty``: the telephone of whoever is on duty, dialled first and
    only from ``duty_from`` until before ``duty_to``, as far as they are given.
    """

    number: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{3,20}$")]
    label: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")] = ""
    position: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")] = ""
    line: Literal["service", "office"] = "office"
    hours: dict[str, Any] = {}
    duty: bool = False
    duty_from: Moment | None = None
    duty_to: Moment | None = None


class UnitEntry(_Entry, frozen=True, kw_only=True):
    """An undertaking unit (TWC-07, GEN-14, GEN-15). ``numbers`` as they are dialled.

    ``categories`` of the taxonomy: ``C1``, ``C1.03`` or ``C1/路灯``. ``territories``: codes of what it is responsible for, and of
    everything whose code begins so; ``territorial``: a government, which goes first there (GEN-05). ``active_to``: the last day.
    """

    code: UnitCode
    name: Line
    name_en: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")] = ""
    parent: Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z0-9][A-Za-z0-9-]{0,31})?$")] = ""
    keywords: Annotated[list[Line], msgspec.Meta(max_length=100)] = []
    categories: Annotated[list[Category], msgspec.Meta(max_length=100)] = []
    competence: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x09\x0b-\x1f\x7f]*$", max_length=5000)] = ""
    numbers: Annotated[list[UnitNumber], msgspec.Meta(min_length=1, max_length=20)]
    level: Literal["", "province", "city", "county", "township", "village", "section"] = ""
    territorial: bool = False
    territories: Annotated[list[Territory], msgspec.Meta(max_length=500)] = []
    handling_section: Short = ""
    responsible_leader: Short = ""
    group: Annotated[str, msgspec.Meta(pattern=r"^([a-z][a-z0-9_]{0,31})?$")] = ""
    active_from: dt.date | None = None
    active_to: dt.date | None = None


class UnitStaffEntry(_Entry, frozen=True, kw_only=True):
    """Somebody of a unit (GEN-15, ORG-06 to ORG-08): ``deputy`` A and B stand in for each other, ``username`` is the account."""

    unit: UnitCode
    name: Line
    role: Literal["head", "leader", "clerk", "contact"] = "clerk"
    deputy: Literal["", "A", "B"] = ""
    position: Short = ""
    duty: Short = ""
    number: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{3,20})?$")] = ""
    username: Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9._-]{0,64}$")] = ""


class SubjectTermEntry(_Entry, frozen=True, kw_only=True):
    """A controlled word (TKT-26) and what else is said for it."""

    term: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x20\x7f]{1,40}$")]
    words: Annotated[list[Line], msgspec.Meta(max_length=50)] = []


class AgentEntry(_Entry, frozen=True, kw_only=True):
    """An agent (ORG-20): ``skills`` with levels 1 to 5 (IVR-25); a trainee, until the end of a day, with a mentor (IVR-26)."""

    agent: AgentNumber
    name: Line
    name_en: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,200}$")] = ""
    role: AgentRole = "agent"
    skills: dict[Word, Annotated[int, msgspec.Meta(ge=1, le=5)]] = {}
    sub_centre: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,32}$")] = ""
    team: Annotated[str, msgspec.Meta(pattern=r"^[^\x00-\x1f\x7f]{0,64}$")] = ""
    trainee: bool = False
    trainee_until: dt.date | None = None
    mentor: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{3,5})?$")] = ""


class ShiftEntry(_Entry, frozen=True, kw_only=True):
    """When an agent is planned to be logged in."""

    agent: AgentNumber
    begins: Moment
    ends: Moment


Entry: TypeAlias = (
    HotlineEntry
    | CallerEntry
    | ArticleEntry
    | AnnouncementEntry
    | TicketEntry
    | UnitEntry
    | UnitStaffEntry
    | SubjectTermEntry
    | AgentEntry
    | ShiftEntry
)
KINDS: Mapping[str, type[Entry]] = {
    "hotlines": HotlineEntry,
    "callers": CallerEntry,
    "articles": ArticleEntry,
    "announcements": AnnouncementEntry,
    "ticket-answers": TicketEntry,
    "units": UnitEntry,
    "unit-staff": UnitStaffEntry,
    "subject-terms": SubjectTermEntry,
    "agents": AgentEntry,
    "shifts": ShiftEntry,
}
"""What can be imported and exported, by the word of the command line."""


def table_of(kind: str) -> str:
    """The name of the file's table array."""
    return kind.replace("-", "_")


def checked(kind: str, data: Mapping[str, Any], text: str, source: str) -> list[Any]:
    """The entries of a file: ``data`` as TOML gives it, ``text`` as it stands there. ``DirectoryError`` holds every problem."""
    table = table_of(kind)
    strange = sorted(set(data) - {table})
    rows = data.get(table, [])
    if strange or not isinstance(rows, list):
        raise DirectoryError(f"{source}: {strange[0] if strange else table}: a file of {kind} holds only [[{table}]] entries")
    begins = [n for n, line in enumerate(text.splitlines(), 1) if re.match(rf"\s*\[\[\s*{table}\s*\]\]", line)]
    lines = begins if len(begins) == len(rows) else [0] * len(rows)
    problems: list[str] = []
    entries: list[tuple[int, Any]] = []
    for number, (row, line) in enumerate(zip(rows, lines, strict=True)):
        try:
            entry = msgspec.convert(_zoned(row), KINDS[kind], strict=True)
            problems += [f"{_place(source, line, table, number)}: {what}" for what in _TOGETHER[kind](entry)]
            entries.append((number, entry))
        except msgspec.ValidationError as error:
            problems.append(f"{_place(source, line, table, number)}: {_readable(error)}")
    problems += [f"{_place(source, lines[number], table, number)}: {what}" for number, what in _between(kind, entries)]
    if problems:
        raise DirectoryError("\n".join(problems))
    return [entry for _, entry in entries]


def sounds_named(entries: Iterable[Any]) -> list[str]:
    """Every prompt that the entries name, each once, in order."""
    names: dict[str, None] = {}
    for entry in entries:
        match entry:
            case HotlineEntry() | AnnouncementEntry():
                names |= dict.fromkeys(entry.prompts)
            case ArticleEntry():
                names |= dict.fromkeys([f"kb/{entry.code}-title", *entry.prompts])
            case TicketEntry():
                names |= dict.fromkeys(name for name in (entry.state, entry.result) if name)
            case _:
                pass
    return list(names)


def _zoned(row: Any) -> Any:
    """A time of day without a zone is the hotline's wall clock."""
    match row:
        case dict():
            return {name: _zoned(value) for name, value in row.items()}
        case list():
            return [_zoned(value) for value in row]
        case dt.datetime() if row.tzinfo is None:
            return row.replace(tzinfo=SHANGHAI)
        case _:
            return row


def _place(source: str, line: int, table: str, number: int) -> str:
    return f"{source}:{line}: {table}[{number}]" if line else f"{source}: {table}[{number}]"


def _readable(error: msgspec.ValidationError, below: str = "") -> str:
    match = re.match(r"(.+) - at `\$\.?(.+)`$", str(error))
    where = ".".join(part for part in (below, match[2] if match else "") if part)
    what = match[1] if match else str(error)
    return f"{where}: {what}" if where else what


def _hours(written: Mapping[str, Any], where: str = "hours") -> Iterator[str]:
    try:
        hours = msgspec.convert(written, Hours, strict=True)
    except msgspec.ValidationError as error:
        yield _readable(error, where)
        return
    for day, name in enumerate(DAYS):
        for index, (begin, end) in enumerate(hours.pattern(day)):
            if begin >= end:
                yield f"{where}.{name}[{index}]: {end} does not come after {begin}"


def _hotline(entry: HotlineEntry) -> Iterator[str]:
    yield from _hours(entry.hours)


def _caller(entry: CallerEntry) -> Iterator[str]:
    if not numbers.normal(entry.number):
        yield f"number: {entry.number!r} is not a telephone number"


def _announcement(entry: AnnouncementEntry) -> Iterator[str]:
    if entry.ends_at < entry.starts_at:
        yield "ends_at: comes before starts_at"


def _ticket(entry: TicketEntry) -> Iterator[str]:
    if entry.caller_number and not numbers.normal(entry.caller_number):
        yield f"caller_number: {entry.caller_number!r} is not a telephone number"
    if entry.confidential and not entry.caller_number:
        yield "caller_number: a confidential ticket is told to the recorded number alone, and there is none"


def _unit(entry: UnitEntry) -> Iterator[str]:
    known: dict[str, int] = {}
    for index, number in enumerate(entry.numbers):
        where = f"numbers[{index}]"
        yield from _hours(number.hours, f"{where}.hours")
        if number.number in known:
            yield f"{where}.number: the same as in numbers[{known[number.number]}]"
        known.setdefault(number.number, index)
        if not number.duty and (number.duty_from or number.duty_to):
            yield f"{where}.duty: a telephone with times of duty is one of duty: duty = true"
        if number.duty_from and number.duty_to and number.duty_to <= number.duty_from:
            yield f"{where}.duty_to: does not come after duty_from"
    if entry.active_from and entry.active_to and entry.active_to < entry.active_from:
        yield "active_to: comes before active_from"
    if entry.territorial and not entry.territories:
        yield "territories: a territorial unit has at least one"


def _nothing(_: Entry) -> Iterator[str]:
    yield from ()


def _agent(entry: AgentEntry) -> Iterator[str]:
    if not entry.trainee and (entry.trainee_until or entry.mentor):
        yield "trainee: only a trainee has a mentor and a last day: trainee = true"
    if entry.mentor == entry.agent:
        yield "mentor: nobody is one's own"


def _shift(entry: ShiftEntry) -> Iterator[str]:
    if not dt.timedelta() < entry.ends - entry.begins <= dt.timedelta(days=1):
        yield "ends: comes after begins, within a day"


_TOGETHER: Mapping[str, Callable[[Any], Iterable[str]]] = {
    "hotlines": _hotline,
    "callers": _caller,
    "articles": _nothing,
    "announcements": _announcement,
    "ticket-answers": _ticket,
    "units": _unit,
    "unit-staff": _nothing,
    "subject-terms": _nothing,
    "agents": _agent,
    "shifts": _shift,
}
_UNIQUE: Mapping[str, tuple[tuple[str, Callable[[Any], object]], ...]] = {
    "hotlines": (("code", lambda e: e.code), ("key", lambda e: e.key)),
    "callers": (("number", lambda e: numbers.normal(e.number)),),
    "articles": (("code", lambda e: e.code), ("key", lambda e: (e.parent, e.key))),
    "announcements": (("entry", lambda e: (tuple(e.prompts), e.starts_at, e.ends_at, e.reason, e.person)),),
    "ticket-answers": (("ticket_no", lambda e: e.ticket_no),),
    "units": (("code", lambda e: e.code),),
    "unit-staff": (("name", lambda e: (e.unit, e.name)), ("username", lambda e: e.username or (e.unit, e.name))),
    "subject-terms": (("term", lambda e: e.term),),
    "agents": (("agent", lambda e: e.agent),),
    "shifts": (("begins", lambda e: (e.agent, e.begins)),),
}


def _between(kind: str, entries: list[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
    """What is wrong with entries beside the others: what must be there once, and the shape of the tree."""
    table = table_of(kind)
    for field, of in _UNIQUE[kind]:
        first: dict[object, int] = {}
        for number, entry in entries:
            if of(entry) in first:
                yield number, f"{field}: the same as in {table}[{first[of(entry)]}]"
            first.setdefault(of(entry), number)
    if kind == "articles":
        yield from _tree(entries)
    if kind == "units":
        yield from _parents(entries, "unit")
    if kind == "agents":
        known = {entry.agent for _, entry in entries}
        yield from (
            (n, f"mentor: there is no agent {one.mentor!r}") for n, one in entries if one.mentor and one.mentor not in known
        )
    if kind == "shifts":
        yield from _overlaps(entries)


def _overlaps(entries: list[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
    in_order = sorted(entries, key=lambda one: (one[1].agent, one[1].begins))
    for (_, before), (number, entry) in itertools.pairwise(in_order):
        if before.agent == entry.agent and before.begins < entry.begins < before.ends:
            yield number, f"begins: before the end of another shift of {entry.agent}"


def _tree(entries: list[tuple[int, Any]]) -> Iterator[tuple[int, str]]:
    wrong = dict(_parents(entries, "article"))
    folders = {entry.parent for _, entry in entries}
    for number, entry in entries:
        if number in wrong:
            yield number, wrong[number]
        elif not entry.prompts and entry.code not in folders:
            yield number, "prompts: an article that is no folder has to say something"


def _parents(entries: list[tuple[int, Any]], what: str) -> Iterator[tuple[int, str]]:
    parents = {entry.code: entry.parent for _, entry in entries}
    for number, entry in entries:
        if entry.parent and entry.parent not in parents:
            yield number, f"parent: there is no {what} {entry.parent!r}"
        elif _in_a_circle(entry.code, parents):
            yield number, f"parent: leads back to this {what}, never to the root"


def _in_a_circle(code: str, parents: Mapping[str, str]) -> bool:
    at, steps = parents[code], 0
    while at and steps <= len(parents):
        at, steps = parents.get(at, ""), steps + 1
    return bool(at)
