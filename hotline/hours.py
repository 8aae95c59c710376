"""Opening hours (CH-39): are agents on duty at a moment of the hotline's wall clock? Pure.

"The line is open" is not "a deadline clock runs" (CH-40): working-day arithmetic for deadlines is another matter.
"""

from __future__ import annotations

import datetime as dt

from hotline.settings import Hours

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


def staffed(hours: Hours, at: dt.datetime) -> bool:
    """Whether agents serve at ``at`` (aware, any zone already turned into the hotline's wall clock)."""
    date = at.date().isoformat()
    if date in hours.closed_dates:
        return False
    day = "monday" if date in hours.open_dates else _DAYS[at.weekday()]
    spans: list[tuple[str, str]] = getattr(hours, day)
    clock = f"{at:%H:%M}"
    return any(begin <= clock < end for begin, end in spans)
