"""What the standby script must know without settings, database or network: one JSON file beside its wrapper in the AGI folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from hotline.settings import Calendar, Hours, Messages, Settings


class StandbyConfig(msgspec.Struct, frozen=True):
    """The node's name, the opening hours, the folder for messages, the city's calendar, and the limits of a message.

    An empty ``inbox`` means that no message can be taken. The defaults serve when the file is missing: better a queue without
    hours than no voice.
    """

    node: str = ""
    hours: Hours = msgspec.field(default_factory=Hours)
    inbox: str = ""
    calendar: Calendar = msgspec.field(default_factory=Calendar)
    messages: Messages = Messages()


def standby_config(settings: Settings, inbox: Path) -> dict[str, Any]:
    """The content of the file, as plain data for JSON; ``inbox`` is ``var/recordings/messages-inbox``."""
    config = StandbyConfig(
        node=settings.asterisk.node,
        hours=settings.hours,
        inbox=str(inbox),
        calendar=settings.calendar,
        messages=settings.messages,
    )
    return dict(msgspec.to_builtins(config))
