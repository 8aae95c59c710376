"""What a telephone is told when an order is refused: a prompt for every code of ``acd.errors``. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from acd.errors import CODES
from hotline.refusals import Kind

_BY_KIND: Mapping[Kind, str] = {
    "invalid": "unknown",
    "forbidden": "not-allowed",
    "unknown": "unknown",
    "conflict": "not-now",
    "failed": "failed",
    "timeout": "unclear",
}
_BY_CODE: Mapping[str, str] = {
    "already_logged_in": "already",
    "already_ordered": "already",
    "already_paused": "already",
    "already_ready": "already",
    "already_supervising": "already",
    "in_a_call": "in-a-call",
    "not_in_a_call": "not-in-a-call",
    "not_logged_in": "not-logged-in",
    "recording_paused": "already",
    "seat_busy": "seat-taken",
    "seat_taken": "seat-taken",
    "too_many_attempts": "locked",
    "unknown_entry": "callback-none",
    "unknown_threeway": "not-now",
    "wrong_pin": "wrong-pin",
}


def refusal(code: str) -> str:
    """The prompt for a refused order."""
    return f"code/{_BY_CODE.get(code) or _BY_KIND[CODES[code]]}"
