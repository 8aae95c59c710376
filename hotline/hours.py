"""Opening hours (CH-39): are agents on duty at a moment of the hotline's wall clock? Pure.

"The line is open" is not "a deadline clock runs" (CH-40): working-day arithmetic for deadlines is another matter.
"""

from __future__ import annotations

import datetime as dt

from hotline.settings import Hours

_MONDAY = 0


def staffed(hours: Hours, at: dt.datetime, day: str) -> bool:
    """Whether agents serve at ``at`` (aware, any zone already turned into the hotline's wall clock), a ``calendar.Day``.

    What the dates of ``[hours]`` say of a day comes before what kind of day it is. Asked through ``calendar.moment``.
    """
    date = at.date()
    if date in hours.closed_dates:
        return False
    made_up = date in hours.open_dates
    if day == "public_holiday" and hours.public_holidays == "closed" and not made_up:
        return False
    clock = f"{at:%H:%M}"
    spans = hours.pattern(_MONDAY if made_up or day == "make_up_day" else at.weekday())
    return any(begin <= clock < end for begin, end in spans)
