"""The rules of the settings that span keys or need more than a pattern. Pure."""

from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING

from hotline.errors import SettingsError
from hotline.setting_sections import DAYS, Calendar, Hours

if TYPE_CHECKING:
    from hotline.settings import Settings

_NO_QUEUES = frozenset({"general", "queue", "personal"})
"""Sections of queues.conf that are none."""


def check_together(settings: Settings, source: str) -> None:
    """Raises ``SettingsError`` that names ``source`` and the key."""
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
    _check_networks(settings.webhooks.networks, source)
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
    for key, high, below, low in (
        ("asterisk.rtp_last", settings.asterisk.rtp_last, "asterisk.rtp_first", settings.asterisk.rtp_first),
        ("fax.last_port", settings.fax.last_port, "fax.first_port", settings.fax.first_port),
        ("ami.silence_seconds", settings.ami.silence_seconds, "ami.ping_seconds", settings.ami.ping_seconds),
    ):
        if high <= low:
            raise SettingsError(f"{source}: {key}: must be above {below}")
    if ipaddress.ip_address(settings.trunks.citizen_address) == ipaddress.ip_address(settings.asterisk.sip_address):
        raise SettingsError(f"{source}: trunks.citizen_address: must differ from asterisk.sip_address (agents register there)")


def _check_networks(networks: list[str], source: str) -> None:
    """Each is one."""
    for network in networks:
        try:
            ipaddress.ip_network(network)
        except ValueError as error:
            raise SettingsError(f"{source}: webhooks.networks: {network!r} is not a network such as 10.1.0.0/16") from error


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
    _check_queue_names(settings, source)
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


def _check_queue_names(settings: Settings, source: str) -> None:
    """To Asterisk capital and small letters are one, and some sections of queues.conf are no queues."""
    known: dict[str, str] = {}
    for name in settings.every_queue():
        key = f"{source}: {f'queues.{name}' if name in settings.queues else 'queue'}"
        if name.lower() in _NO_QUEUES:
            raise SettingsError(f"{key}: no queue may be called {name!r}, which is another section of queues.conf")
        if (other := known.setdefault(name.lower(), name)) != name:
            raise SettingsError(f"{key}: is the name of {other!r} to Asterisk already")


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
