"""What the process is made of: who takes the dialplan's steps of which area, and what runs beside them."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import Any

from acd import callbacks, control_callers, control_steps, missed, pauses, shifts, steps, supervision_steps, threeway_steps
from acd.parts import Parts

AREAS: Mapping[str, steps.Handler] = {
    "call": threeway_steps.attended,
    "control": control_steps.hear,
    "threeway": threeway_steps.hear,
    "record": pauses.hear,
    "supervise": supervision_steps.hear,
}
"""Who takes the steps of which area."""
LOOPS: tuple[Callable[[Parts], Coroutine[Any, Any, None]], ...] = (
    callbacks.run,
    control_callers.run,
    missed.run,
    pauses.run,
    shifts.run,
    supervision_steps.run,
    threeway_steps.run,
)
"""What runs for ever."""
