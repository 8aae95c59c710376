"""Settings: ``hotline.toml`` parsed into types at the boundary, each key checked by name.

``load()`` reads the file named by ``HOTLINE_CONFIG``, else ``hotline.toml`` in the tree, else the defaults below, which are
the development profile. An unknown key, a wrong type or a value that its place does not allow is a ``SettingsError`` that
names the file and the key. Defaults: CFG-02 and interfaces, section 2.

The tables are in ``setting_sections.py`` and ``setting_agents.py`` and given on here; the rules that span keys in
``setting_checks.py``.
"""

from __future__ import annotations

import ipaddress
import os
import re
import tomllib
from pathlib import Path

import msgspec

from hotline import paths, setting_checks
from hotline.errors import SettingsError
from hotline.setting_agents import Agents, Callbacks, Control, FurtherQueue, Queue, Routing, Supervision, Threeway
from hotline.setting_sections import (
    DAYS,
    Agi,
    Ami,
    Asterisk,
    Calendar,
    City,
    Database,
    Fax,
    Figures,
    Hours,
    Ivr,
    Messages,
    Name,
    Recordings,
    Section,
    Tickets,
    Transcription,
    Trunks,
    Web,
    Webhooks,
)

__all__ = [
    "DAYS",
    "Agents",
    "Agi",
    "Ami",
    "Asterisk",
    "Calendar",
    "Callbacks",
    "City",
    "Control",
    "Database",
    "Fax",
    "Figures",
    "FurtherQueue",
    "Hours",
    "Ivr",
    "Messages",
    "Queue",
    "Recordings",
    "Routing",
    "Settings",
    "Supervision",
    "Threeway",
    "Tickets",
    "Transcription",
    "Trunks",
    "Web",
    "Webhooks",
    "load",
    "parse",
]


class Settings(Section, frozen=True):
    """All of ``hotline.toml``. ``var`` is not a key: it comes from ``HOTLINE_VAR``."""

    asterisk: Asterisk = Asterisk()
    trunks: Trunks = Trunks()
    agents: Agents = msgspec.field(default_factory=Agents)
    queue: Queue = Queue()
    queues: dict[Name, FurtherQueue] = msgspec.field(default_factory=dict)
    routing: Routing = msgspec.field(default_factory=Routing)
    control: Control = Control()
    threeway: Threeway = Threeway()
    supervision: Supervision = Supervision()
    callbacks: Callbacks = Callbacks()
    hours: Hours = msgspec.field(default_factory=Hours)
    calendar: Calendar = msgspec.field(default_factory=Calendar)
    city: City = msgspec.field(default_factory=City)
    ivr: Ivr = Ivr()
    messages: Messages = Messages()
    recordings: Recordings = Recordings()
    transcription: Transcription = Transcription()
    fax: Fax = Fax()
    agi: Agi = Agi()
    ami: Ami = Ami()
    figures: Figures = msgspec.field(default_factory=Figures)
    database: Database = Database()
    web: Web = Web()
    webhooks: Webhooks = msgspec.field(default_factory=Webhooks)
    tickets: Tickets = Tickets()

    def skill(self, queue: str) -> str:
        """What the agents of a queue are asked for; of an unknown queue, what those of everybody's are."""
        if queue == self.queue.english_name:
            return "english"
        return self.queues[queue].skill if queue in self.queues else "mandarin"

    def queue_of(self, word: str) -> str:
        """The queue that a flow means by a word or a name; everybody's when there is none of that name (as in the dialplan)."""
        name = self.queue.by_word().get(word, word)
        return name if name in (self.queue.english_name, *self.queues) else self.queue.name

    def tells_units_apart(self) -> bool:
        """Whether the units' trunk has an address of its own: neither the citizens' nor ours, where agents register."""
        others = (self.trunks.citizen_address, self.asterisk.sip_address)
        return ipaddress.ip_address(self.trunks.unit_address) not in {ipaddress.ip_address(other) for other in others}

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
    setting_checks.check_together(settings, source)
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
        case str() if key != "database.dsn" and not key.startswith("city.override.") and _FORBIDDEN.search(data):
            raise SettingsError(f"{source}: {key}: a newline, a control character, a semicolon or a bracket is not allowed here")
        case _:
            pass
