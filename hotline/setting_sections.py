"""The tables of ``hotline.toml`` about the system, its hours, and what callers do without an agent; the types of values. Pure.

The tables about agents and their queues are in ``setting_agents.py``.
"""

from __future__ import annotations

import datetime as dt
from typing import Annotated, Any, Literal

import msgspec

Port = Annotated[int, msgspec.Meta(ge=1, le=65535)]
Seconds = Annotated[int, msgspec.Meta(ge=1, le=86400)]
HHMM = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Name = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,31}$")]
Number = Annotated[str, msgspec.Meta(pattern=r"^[0-9]{1,20}$")]
Skill = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
Strategy = Literal["leastrecent", "ringall", "fewestcalls", "random", "rrmemory", "rrordered", "wrandom", "linear"]
"""Whom app_queue rings."""
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


class Section(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A table of the file; a key that is not listed is an error, not silence."""


class Asterisk(Section, frozen=True):
    """One Asterisk node: where it listens."""

    node: Name = "node1"
    sip_address: str = "127.0.0.1"
    sip_port: Port = 5060
    http_address: str = "127.0.0.1"
    http_port: Port = 8088
    rtp_first: Port = 10000
    rtp_last: Port = 11999


class Trunks(Section, frozen=True):
    """The two trunks: citizens arrive from one address, undertaking units (承办单位) are dialled through the other."""

    citizen_address: str = "127.0.0.2"
    unit_address: str = "127.0.0.3"
    unit_port: Port = 5080
    hotline_number: Number = "12345"


class Hours(Section, frozen=True):
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


class Calendar(Section, frozen=True):
    """What the city knows better than the public table of holidays (IVR-10, SCR-02); a date stands in one list at most.

    ``ordinary_days`` are what their weekday says, whatever the public table says. ``night`` is ``["HH:MM", "HH:MM"]``, over
    midnight when the second is not after the first, or empty: no night.
    """

    holidays: frozenset[dt.date] = frozenset()
    make_up_days: frozenset[dt.date] = frozenset()
    ordinary_days: frozenset[dt.date] = frozenset()
    night: Annotated[list[HHMM], msgspec.Meta(max_length=2)] = msgspec.field(default_factory=lambda: ["22:00", "06:00"])


class City(Section, frozen=True):
    """Whose rules count for tickets (CFG-01): the name of a profile, and keys that differ here (``crm/profiles/profile.py``)."""

    profile: Skill = "dezhou"
    override: dict[str, Any] = {}


class Ivr(Section, frozen=True):
    """What callers do without an agent: ``flow`` is the name of the flow (``12345``, ``direct``, or the city's own)."""

    flow: Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9-]{0,39}$")] = "12345"
    transfer_ring_seconds: Seconds = 30


class Messages(Section, frozen=True):
    """The limits of a recorded message (IVR-08 to IVR-11); the longest is shorter than the recordings worker's patience."""

    longest_seconds: Annotated[int, msgspec.Meta(ge=10, le=480)] = 180
    silence_seconds: Annotated[int, msgspec.Meta(ge=2, le=60)] = 6


class Recordings(Section, frozen=True):
    """What becomes of what was recorded (QUA-01): how it is encoded and where it lies; for how long, the city's profile says.

    ``workers``: how many are processed at once; 0: none here, they wait as WAV files. The secrets of ``s3`` are in
    ``var/storage.json``.
    """

    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 2
    kilobits: Annotated[int, msgspec.Meta(ge=8, le=128)] = 16
    level: Annotated[float, msgspec.Meta(ge=-40, le=-6)] = -20.0
    storage: Literal["local", "s3"] = "local"
    folder: str = ""
    s3_url: str = ""
    s3_bucket: str = "recordings"
    s3_region: str = ""
    longest_pause_seconds: Annotated[int, msgspec.Meta(ge=10, le=3600)] = 300


class Transcription(Section, frozen=True):
    """Speech to text: the engine and its model (a folder; empty: below ``var/models``), and what is transcribed.

    ``workers``: processes; 0: as many as there are cores. Messages come before conversations.
    """

    engine: Literal["vosk", "whisper", "none"] = "vosk"
    model: str = ""
    workers: Annotated[int, msgspec.Meta(ge=0, le=64)] = 0
    conversations: bool = True


class Fax(Section, frozen=True):
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


class Agi(Section, frozen=True):
    """The FastAGI server; ``processes`` share one port."""

    host: str = "127.0.0.1"
    port: Port = 4573
    processes: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    drain_seconds: Seconds = 20


class Ami(Section, frozen=True):
    """Where Asterisk's manager interface listens, and how patient the bridge is."""

    host: str = "127.0.0.1"
    port: Port = 5038
    ping_seconds: Seconds = 5
    silence_seconds: Seconds = 12


class Figures(Section, frozen=True):
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


class Database(Section, frozen=True):
    """PostgreSQL: an empty ``dsn`` means the embedded cluster, which listens on ``port`` of loopback."""

    dsn: str = ""
    port: Port = 5433


class Web(Section, frozen=True):
    """The web application."""

    host: str = "127.0.0.1"
    port: Port = 8080


class Webhooks(Section, frozen=True):
    """Who else is told what happens to tickets. Receivers in the ``networks`` are allowed, also without encryption; of all others
    only public addresses, by https: a webhook is no way into the hotline's own network.

    After ``retry_seconds`` it is tried again, then after three times as long each time, an hour at most, for ``give_up_hours``.
    """

    networks: list[str] = []
    timeout_seconds: Seconds = 10
    retry_seconds: Seconds = 5
    give_up_hours: Annotated[int, msgspec.Meta(ge=1, le=168)] = 24


class Tickets(Section, frozen=True):
    """Tickets: ``file_megabytes``, the largest file that may be attached (TKT-27)."""

    file_megabytes: Annotated[int, msgspec.Meta(ge=1, le=500)] = 20
