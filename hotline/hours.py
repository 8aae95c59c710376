"""Opening hours (CH-39): are agents on duty at a moment of the hotline's wall clock? Pure.

"The line is open" is not "a deadline clock runs" (CH-40): working-day arithmetic for deadlines is another matter.
"""

from __future__ import annotations

import datetime as dt

from hotline.settings import Hours

_MONDAY = 0


def staffed(hours: Hours, at: dt.datetime) -> bool:
    """Whether agents serve at ``at`` (aware, any zone already turned into the hotline's wall clock)."""
    date = at.date()
    if date in hours.closed_dates:
        return False
    clock = f"{at:%H:%M}"
    spans = hours.pattern(_MONDAY if date in hours.open_dates else at.weekday())
    return any(begin <= clock < end for begin, end in spans)
