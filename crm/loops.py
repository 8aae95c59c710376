"""What the process runs for ever, or until it is done."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from acd.parts import Parts
from crm import alarms, configuration, idempotency, retention
from crm.clocks import calendars, sweep
from crm.knowledge import care
from crm.messages import loop as messages
from crm.profiles import keeping
from crm.quality import loop as quality
from crm.transcripts import indexing, surges
from crm.units import taxonomy
from crm.webhooks import sending
from hotline.audit import store as audit

LOOPS: Mapping[str, Callable[[Parts], Coroutine[Any, Any, None]]] = {
    "profile": keeping.run,
    "settings": configuration.run,
    "taxonomy": taxonomy.run,
    "sweep": sweep.run,
    "calendar": calendars.run,
    "alarms": alarms.run,
    "webhooks": sending.run,
    "keys": idempotency.run,
    "knowledge": care.run,
    "messages": messages.run,
    "transcripts": indexing.run,
    "surges": surges.run,
    "quality": quality.run,
    "retention": retention.run,
    "seals": lambda parts: audit.keep_sealed(parts.pool),
}
"""Each by what it is called in the log; PostgreSQL may be away for any of them."""
