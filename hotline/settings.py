"""Settings: ``hotline.toml`` parsed into types at the boundary, each key checked by name.

``load()`` reads the file named by ``HOTLINE_CONFIG``, else ``hotline.toml`` in the tree, else the defaults below, which are
the development profile. An unknown key, a wrong type or a value that its place does not allow is a ``SettingsError`` that
names the file and the key. Defaults: CFG-02 and interfaces, section 2.
"""

from __future__ import annotations

import datetime as dt
import ipaddress
import os
import re
import tomllib
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from hotline import paths
from hotline.errors import SettingsError

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86400)]
HHMM = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
Number = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")]
Skill = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Strategy = Literal["leastrecent", "ringall", "fewestcalls", "random", "rrmemory", "rrordered", "wrandom", "linear"]
"""Whom app_queue rings."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class _Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a key that is not listed is an error, not silence."""


class Asterisk(_Section, frozen=True):
    """One Asterisk node: where it listens."""

    node: Name = "node1"
    sip_address: str = "127.0.0.1"
    sip_port: Port = 5060
    http_address: str = "127.0.0.1"
    http_port: Port = 8088
    rtp_first: Port = 10000
    rtp_last: Port = 11999


class Trunks(_Section, frozen=True):
    """The two trunks: citizens arrive from one address, undertaking units (承办单位) are dialled through the other."""

    citizen_address: str = "127.0.0.2"
    unit_address: str = "127.0.0.3"
    unit_port: Port = 5080
    hotline_number: Number = "12345"


class Agents(_Section, frozen=True):
    """The seats: SIP user names from ``first`` to ``last``; how agents log in at them, pause, and leave.

    ``login``: each ``telephone`` has the agent of its number from the first start, or everybody logs in with a ``code``.
    ``missed_calls``: so many calls not answered, one after another, pause an agent; 0: never. ``shift_grace_minutes``: so long
    after the end of the shift an agent not in a call is logged out; 0: never.
    """

    first: Annotated[int, msgspec.Meta(ge=100, le=99999)] = 1001
    last: Annotated[int, msgspec.Meta(ge=100, le=99999)] = 1060
    login: Literal["telephone", "code"] = "telephone"
    pause_reasons: list[Skill] = msgspec.field(default_factory=lambda: ["break", "meal", "meeting", "training", "other"])
    missed_calls: Annotated[int, msgspec.Meta(ge=0, le=20)] = 2
    shift_grace_minutes: Annotated[int, msgspec.Meta(ge=0, le=720)] = 0

    def numbers(self) -> list[str]:
        """Every agent number, as text, in order."""
        return [str(n) for n in range(self.first, self.last + 1)]


class Queue(_Section, frozen=True):
    """The queues: ``name`` is everybody's, ``english_name`` that of ``english_agents`` (IVR-25).

    ``exit_keys`` are the keys that a waiting caller may press, as the flow says what for. A call that begins to wait behind
    ``overload_waiting`` others while no agent is free gets the tag ``capacity`` (IVR-19).
    """

    name: Name = "hotline"
    wait_seconds: Seconds = 600
    ring_seconds: Seconds = 20
    wrapup_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 5
    announce_seconds: Seconds = 30
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 500
    exit_keys: Annotated[str, msgspec.Meta(pattern=r"^[0-9*#]{1,12}$")] = "12"
    overload_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 10
    strategy: Strategy = "rrmemory"
    english_name: Name = "english"
    english_strategy: Strategy = "rrmemory"
    english_agents: list[Annotated[int, msgspec.Meta(ge=100, le=99999)]] = []
    overflow_to: str = ""
    overflow_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 0
    overflow_waiting: Annotated[int, msgspec.Meta(ge=0, le=100000)] = 0

    def english(self) -> list[str]:
        """The agents of the English queue, as text."""
        return [str(n) for n in self.english_agents]

    def by_word(self) -> dict[str, str]:
        """The two queues by the words that flows have for them."""
        return {"main": self.name, "english": self.english_name}


class Control(_Section, frozen=True):
    """What agents order for a call that stands: parking places, ring times and limits (IVR-21 to IVR-23, CAL-07, CAL-08).

    ``outbound_prefix``: digits that the carrier wants before an outside number. ``police``, ``fire``, ``medical``: whom the
    emergency hand-over dials.
    """

    park_first: Annotated[int, msgspec.Meta(ge=10, le=99999)] = 701
    park_last: Annotated[int, msgspec.Meta(ge=10, le=99999)] = 720
    park_seconds: Seconds = 120
    ring_seconds: Annotated[int, msgspec.Meta(ge=1, le=120)] = 30
    outbound_prefix: Annotated[str, msgspec.Meta(pattern=r"^[0-9]{0,8}$")] = ""
    police: Number = "110"
    fire: Number = "119"
    medical: Number = "120"
    emergency_ring_seconds: Annotated[int, msgspec.Meta(ge=1, le=120)] = 20
    search_seconds: Annotated[int, msgspec.Meta(ge=5, le=600)] = 30
    silence_seconds: Annotated[int, msgspec.Meta(ge=1, le=60)] = 2
    malicious_days: Annotated[int, msgspec.Meta(ge=1, le=3650)] = 30

    def slots(self) -> list[str]:
        """The parking places: numbers that an agent dials."""
        return [str(n) for n in range(self.park_first, self.park_last + 1)]


class Threeway(_Section, frozen=True):
    """Three-way calls with undertaking units (TWC-08): how long a unit's telephone rings, and the pause before the second attempt.

    ``silence_seconds``: a seat's or unit's telephone that sends no sound for so long is dead; one that holds the call is not.
    """

    ring_seconds: Annotated[int, msgspec.Meta(ge=2, le=120)] = 25
    pause_seconds: Annotated[int, msgspec.Meta(ge=0, le=60)] = 3
    silence_seconds: Annotated[int, msgspec.Meta(ge=2, le=3600)] = 30


class Supervision(_Section, frozen=True):
    """Listening to live calls (QUA-03). ``tone``: the parties hear a short tone when somebody begins to listen."""

    tone: bool = False


class Hours(_Section, frozen=True):
    """When agents serve (CH-39): a weekly pattern, days closed on top of it and make-up days; empty list = closed.

    Each entry is ``["HH:MM", "HH:MM"]`` on the wall clock of Asia/Shanghai, the second after the first; a night is two entries.
    Dates are ``2025-10-01``, with or without quotes; ``open_dates`` follow Monday's pattern, and a closed date stays closed.
    The calendar's make-up days follow Monday's pattern too; its public holidays that of their weekday, or they are ``closed``.
    """

    monday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    tuesday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    wednesday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    thursday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    friday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    saturday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    sunday: list[tuple[HHMM, HHMM]] = msgspec.field(default_factory=lambda: [("00:00", "24:00")])
    public_holidays: Literal["as_weekday", "closed"] = "as_weekday"
    closed_dates: list[dt.date] = []
    open_dates: list[dt.date] = []

    def pattern(self, day: int) -> list[tuple[HHMM, HHMM]]:
        """The entries of a weekday, 0 = Monday."""
        spans: list[tuple[HHMM, HHMM]] = getattr(self, DAYS[day])
        return spans


class FurtherQueue(_Section, frozen=True):
    """A queue beside the two of ``[queue]``: a skill, a sub-centre (IVR-27), or both.

    Its agents have ``skill`` at ``least_level`` or above, and are of ``sub_centre`` when it names one. ``step_seconds``: so long
    the agents of each level are rung alone before those of the next one; 0: all from the start. ``overflow_to`` names the queue
    that takes callers who waited ``overflow_seconds``, who come when ``overflow_waiting`` wait already (0: never), or outside of
    ``hours``.
    """

    skill: Skill = "mandarin"
    least_level: Annotated[int, msgspec.Meta(ge=1, le=5)] = 1
    sub_centre: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9_-]{0,32}$")] = ""
    trainees: bool = True
    strategy: Strategy = "rrmemory"
    wait_seconds: Seconds = 600
    wrapup_seconds: Annotated[int, msgspec.Meta(ge=0, le=3600)] = 5
    max_waiting: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 500
    step_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 0
    overflow_to: str = ""
    overflow_seconds: Annotated[int, msgspec.Meta(ge=0, le=86400)] = 0
    overflow_waiting: Annotated[int, msgspec.Meta(ge=0, le=100000)] = 0
    hours: Hours = msgspec.field(default_factory=Hours)
    chinese_name: Annotated[str, msgspec.Meta(max_length=64)] = ""
    english_name: Annotated[str, msgspec.Meta(max_length=64)] = ""


class Routing(_Section, frozen=True):
    """Who is put through how (acd/policy.py).

    ``priority`` (IVR-32): callers of ``priority_groups`` and, with ``priority_overdue``, those with an overdue ticket go ahead of
    the others, of whom nobody is overtaken any more who has waited ``priority_limit_seconds``. They ring no trainee (IVR-26) for
    the first ``trainee_hold_seconds``. ``trainees``: rung ``last``, or as everybody else (``equal``).

    Who calls again within ``same_agent_minutes`` is first put through to the same agent; who had given up and calls again within
    ``keep_place_minutes`` keeps the waiting time; 0: never.
    """

    priority: bool = False
    priority_groups: list[Skill] = msgspec.field(default_factory=lambda: ["elderly"])
    priority_overdue: bool = True
    priority_limit_seconds: Seconds = 120
    trainee_hold_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 20
    trainees: Literal["last", "equal"] = "last"
    same_agent_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 30
    keep_place_minutes: Annotated[int, msgspec.Meta(ge=0, le=120)] = 10


class Callbacks(_Section, frozen=True):
    """The call-back list. ``missed``: callers who gave up waiting are called back too.

    A number that does not answer is tried ``tries`` times, ``retry_minutes`` apart; after ``keep_hours`` nobody is called any more.
    ``offer_seconds``: how long an agent may think about the next entry before it goes back.
    """

    missed: bool = True
    tries: Annotated[int, msgspec.Meta(ge=1, le=9)] = 2
    retry_minutes: Annotated[int, msgspec.Meta(ge=0, le=1440)] = 15
    offer_seconds: Annotated[int, msgspec.Meta(ge=10, le=3600)] = 120
    keep_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24


class Calendar(_Section, frozen=True):
    """What the city knows better than the public table of holidays (IVR-10, SCR-02); a date stands in one list at most.

    ``ordinary_days`` are what their weekday says, whatever the public table says. ``night`` is ``["HH:MM", "HH:MM"]``, over
    midnight when the second is not after the first, or empty: no night.
    """

    holidays: frozenset[dt.date] = frozenset()
    make_up_days: frozenset[dt.date] = frozenset()
    ordinary_days: frozenset[dt.date] = frozenset()
    night: Annotated[list[HHMM], msgspec.Meta(max_length=2)] = msgspec.field(default_factory=lambda: ["22:00", "06:00"])


class Ivr(_Section, frozen=True):
    """What callers do without an agent: ``flow`` is the name of the flow (``12345``, ``direct``, or the city's own)."""

    flow: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "12345"
    transfer_ring_seconds: Seconds = 30


class Fax(_Section, frozen=True):
    """Documents by fax (IVR-07): T.38 and its ports, and how often and how long one is sent to another number.

    ``per_day``: the most that one caller may order, and that one number may be sent, within a day.
    """

    t38: bool = True
    first_port: Port = 4000
    last_port: Port = 4499
    attempts: Annotated[int, msgspec.Meta(ge=1, le=10)] = 3
    retry_seconds: Seconds = 300
    longest_seconds: Annotated[int, msgspec.Meta(ge=60, le=7200)] = 1200
    per_day: Annotated[int, msgspec.Meta(ge=1, le=1000)] = 5


class Messages(_Section, frozen=True):
    """The limits of a recorded message (IVR-08 to IVR-11); the longest is shorter than the recordings worker's patience."""

    longest_seconds: Annotated[int, msgspec.Meta(ge=10, le=480)] = 180
    silence_seconds: Annotated[int, msgspec.Meta(ge=2, le=60)] = 6


class Agi(_Section, frozen=True):
    """The FastAGI server; ``processes`` share one port."""

    host: str = "127.0.0.1"
    port: Port = 4573
    processes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    drain_seconds: Seconds = 20


class Ami(_Section, frozen=True):
    """Where Asterisk's manager interface listens, and how patient the bridge is."""

    host: str = "127.0.0.1"
    port: Port = 5038
    ping_seconds: Seconds = 5
    silence_seconds: Seconds = 12


class Figures(_Section, frozen=True):
    """What the figures count by (metrics, CFG-05): limits in seconds, goals as shares of 1, and when alarms are raised.

    ``shifts``: when each shift begins, on the wall clock; it lasts until the next one does. ``lag_alarm_seconds``: how old the
    newest figure may be. ``calls_for_alarm``: a day's rate is not held against its goal before so many requests.
    """

    answer_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 15
    second_answer_seconds: Annotated[int, msgspec.Meta(ge=1, le=3600)] = 20
    short_abandon_seconds: Annotated[int, msgspec.Meta(ge=0, le=600)] = 5
    answer_goal: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.80
    connection_goal: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.95
    shifts: Annotated[list[HHMM], msgspec.Meta(min_length=1, max_length=12)] = msgspec.field(
        default_factory=lambda: ["08:00", "16:00", "00:00"]
    )
    lag_alarm_seconds: Seconds = 10
    calls_for_alarm: Annotated[int, msgspec.Meta(ge=1, le=100000)] = 20


class Database(_Section, frozen=True):
    """PostgreSQL: an empty ``dsn`` means the embedded cluster, which listens on ``port`` of loopback."""

    dsn: str = ""
    port: Port = 5433


class Web(_Section, frozen=True):
    """The web application."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Settings(_Section, frozen=True):
    """All of ``hotline.toml``. ``var`` is not a key: it comes from ``HOTLINE_VAR``."""

    asterisk: Asterisk = Asterisk()
    trunks: Trunks = Trunks()
    agents: Agents = msgspec.field(default_factory=Agents)
    queue: Queue = Queue()
    queues: dict[Name, FurtherQueue] = {}
    routing: Routing = msgspec.field(default_factory=Routing)
    control: Control = Control()
    threeway: Threeway = Threeway()
    supervision: Supervision = Supervision()
    hours: Hours = msgspec.field(default_factory=Hours)
    callbacks: Callbacks = Callbacks()
    calendar: Calendar = msgspec.field(default_factory=Calendar)
    ivr: Ivr = Ivr()
    messages: Messages = Messages()
    fax: Fax = Fax()
    agi: Agi = Agi()
    ami: Ami = Ami()
    figures: Figures = msgspec.field(default_factory=Figures)
    database: Database = Database()
    web: Web = Web()

    def skill(self, queue: str) -> str:
        """What the agents of a queue are asked for; of an unknown queue, what those of everybody's are."""
        if queue == self.queue.english_name:
            return "english"
        return self.queues[queue].skill if queue in self.queues else "mandarin"

    def queue_of(self, word: str) -> str:
        """The queue that a flow means by a word or a name; everybody's when there is none of that name (as in the dialplan)."""
        name = self.queue.by_word().get(word, word)
        return name if name in (self.queue.english_name, *self.queues) else self.queue.name

    def every_queue(self) -> dict[str, FurtherQueue]:
        """All queues by name, everybody's first, then that for English."""
        own = self.queue
        english = FurtherQueue(
            skill="english",
            strategy=own.english_strategy,
            wait_seconds=own.wait_seconds,
            wrapup_seconds=own.wrapup_seconds,
            max_waiting=own.max_waiting,
        )
        everybodys = msgspec.structs.replace(
            english,
            skill="mandarin",
            strategy=own.strategy,
            overflow_to=own.overflow_to,
            overflow_seconds=own.overflow_seconds,
            overflow_waiting=own.overflow_waiting,
        )
        return {own.name: everybodys, own.english_name: english, **self.queues}


_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f;\[\]]")


def load(path: Path | None = None) -> Settings:
    """Read and check the settings; raises ``SettingsError`` with file and key."""
    named = os.environ.get("HOTLINE_CONFIG")
    chosen = path or (Path(named) if named else paths.TREE / "hotline.toml")
    try:
        data = tomllib.loads(chosen.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if path or named:
            raise SettingsError(f"{chosen}: there is no such settings file") from error
        return Settings()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, RecursionError) as error:
        raise SettingsError(f"{chosen}: cannot be read: {error}") from error
    return parse(data, source=str(chosen))


def parse(data: object, *, source: str) -> Settings:
    """Check plain data (as TOML gives it) into ``Settings``; ``source`` is named in errors."""
    _refuse_unsafe_text(data, source)
    try:
        settings = msgspec.convert(data, Settings, strict=True)
    except msgspec.ValidationError as error:
        raise SettingsError(f"{source}: {_readable(error)}") from error
    _check_together(settings, source)
    return settings


def _readable(error: msgspec.ValidationError) -> str:
    text = str(error)
    match = re.match(r"Object contains unknown field `(.+?)`(?: - at `\$\.?(.*)`)?$", text)
    if match:
        return f"unknown key {'.'.join(part for part in (match[2], match[1]) if part)}"
    match = re.match(r"(.+) - at `\$\.(.+)`$", text)
    return f"{match[2]}: {match[1]}" if match else text


def _refuse_unsafe_text(data: object, source: str, key: str = "") -> None:
    """A newline, a semicolon or a bracket would end a line, a value or a section of an Asterisk file ."""
    match data:
        case dict():
            for name, value in data.items():
                _refuse_unsafe_text(value, source, f"{key}.{name}" if key else str(name))
        case list():
            for index, value in enumerate(data):
                _refuse_unsafe_text(value, source, f"{key}[{index}]")
        case str() if key != "database.dsn" and _FORBIDDEN.search(data):
            raise SettingsError(f"{source}: {key}: a newline, a control character, a semicolon or a bracket is not allowed here")
        case _:
            pass


def _check_together(settings: Settings, source: str) -> None:
    """Rules that span keys or need more than a pattern."""
    for key, value in (
        ("asterisk.sip_address", settings.asterisk.sip_address),
        ("asterisk.http_address", settings.asterisk.http_address),
        ("trunks.citizen_address", settings.trunks.citizen_address),
        ("trunks.unit_address", settings.trunks.unit_address),
        ("agi.host", settings.agi.host),
        ("ami.host", settings.ami.host),
        ("web.host", settings.web.host),
    ):
        try:
            ipaddress.ip_address(value)
        except ValueError as error:
            raise SettingsError(f"{source}: {key}: {value!r} is not an IP address") from error
    _check_calendar(settings.calendar, source)
    _check_hours(settings.hours, f"{source}: hours")
    for queue, further in settings.queues.items():
        _check_hours(further.hours, f"{source}: queues.{queue}.hours")
    _check_queues(settings, source)
    if settings.database.dsn and not settings.database.dsn.startswith(("postgresql://", "postgres://")):
        raise SettingsError(f"{source}: database.dsn: must begin with postgresql://")
    if settings.agents.last < settings.agents.first:
        raise SettingsError(f"{source}: agents.last: must not be below agents.first")
    if settings.queue.english_name == settings.queue.name:
        raise SettingsError(f"{source}: queue.english_name: must differ from queue.name")
    if strangers := sorted(set(settings.queue.english()) - set(settings.agents.numbers())):
        raise SettingsError(f"{source}: queue.english_agents: {', '.join(strangers)} is not between agents.first and agents.last")
    if settings.control.park_last < settings.control.park_first:
        raise SettingsError(f"{source}: control.park_last: must not be below control.park_first")
    if taken := sorted({*settings.agents.numbers(), settings.trunks.hotline_number} & set(settings.control.slots())):
        raise SettingsError(f"{source}: control.park_first: {', '.join(taken)} is a parking place and a number that is dialled")
    if settings.asterisk.rtp_last <= settings.asterisk.rtp_first:
        raise SettingsError(f"{source}: asterisk.rtp_last: must be above asterisk.rtp_first")
    if settings.fax.last_port <= settings.fax.first_port:
        raise SettingsError(f"{source}: fax.last_port: must be above fax.first_port")
    if ipaddress.ip_address(settings.trunks.citizen_address) == ipaddress.ip_address(settings.asterisk.sip_address):
        raise SettingsError(f"{source}: trunks.citizen_address: must differ from asterisk.sip_address (agents register there)")


def _check_hours(hours: Hours, where: str) -> None:
    """Each span ends after it begins."""
    for day, name in enumerate(DAYS):
        for index, (begin, end) in enumerate(hours.pattern(day)):
            if begin >= end:
                raise SettingsError(f"{where}.{name}[{index}]: {end} does not come after {begin}")


def _check_queues(settings: Settings, source: str) -> None:
    """No two queues of one name; whoever overflows comes to a queue that there is, and never back to where it was."""
    if taken := sorted(settings.queues.keys() & {settings.queue.name, settings.queue.english_name}):
        raise SettingsError(f"{source}: queues.{taken[0]}: is the name of a queue of [queue] already")
    every = settings.every_queue()
    for word, meant in settings.queue.by_word().items():
        if word in every and word != meant:
            key = f"queues.{word}" if word in settings.queues else "queue"
            raise SettingsError(f"{source}: {key}: no queue may be called {word!r}, by which flows mean {meant!r}")
    for name, queue in every.items():
        key = f"{source}: {'queue' if name == settings.queue.name else f'queues.{name}'}"
        if queue.overflow_to and queue.overflow_to not in every:
            raise SettingsError(f"{key}.overflow_to: there is no queue {queue.overflow_to!r}")
        if not queue.overflow_to and (queue.overflow_seconds or queue.overflow_waiting):
            raise SettingsError(f"{key}.overflow_to: must be set when overflow_seconds or overflow_waiting is")
        if queue.overflow_seconds >= queue.wait_seconds:
            raise SettingsError(f"{key}.overflow_seconds: must be below wait_seconds")
    for name in every:
        passed = [name]
        while (following := every[passed[-1]].overflow_to) and following not in passed:
            passed.append(following)
        if following:
            key = "queue" if name == settings.queue.name else f"queues.{name}"
            raise SettingsError(f"{source}: {key}.overflow_to: leads in a circle: {', '.join([*passed, following])}")


def _check_calendar(calendar: Calendar, source: str) -> None:
    """A night has two ends, and no date is told to be two things."""
    if calendar.night and (len(calendar.night) != 2 or calendar.night[0] == calendar.night[1]):
        raise SettingsError(f"{source}: calendar.night: two different times, or an empty list")
    seen: dict[dt.date, str] = {}
    for name in ("holidays", "make_up_days", "ordinary_days"):
        for date in sorted(getattr(calendar, name)):
            if date in seen:
                raise SettingsError(f"{source}: calendar.{name}: {date} stands in calendar.{seen[date]} too")
            seen[date] = name
