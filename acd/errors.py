"""An order that is refused or failed: one class, whose code names a sentence in the catalogues of whoever shows it."""

from __future__ import annotations

from hotline import refusals
from hotline.refusals import Kind

CODES: dict[str, Kind] = {
    "not_allowed": "forbidden",
    "unknown_agent": "unknown",
    "unknown_queue": "unknown",
    "unknown_call": "unknown",
    "unknown_draft": "unknown",
    "unknown_unit": "unknown",
    "draft_taken": "conflict",
    "not_in_a_call": "conflict",
    "unknown_entry": "unknown",
    "entry_not_yours": "conflict",
    "entry_not_open": "conflict",
    "unknown_seat": "unknown",
    "unknown_reason": "invalid",
    "bad_skills": "invalid",
    "wrong_pin": "forbidden",
    "too_many_attempts": "forbidden",
    "not_logged_in": "conflict",
    "already_logged_in": "conflict",
    "already_paused": "conflict",
    "already_ready": "conflict",
    "in_a_call": "conflict",
    "seat_busy": "conflict",
    "seat_taken": "conflict",
    "reason_missing": "invalid",
    "already_supervising": "conflict",
    "unknown_supervision": "unknown",
    "not_now": "conflict",
    "agent_not_there": "conflict",
    "agent_busy": "conflict",
    "agent_not_reached": "conflict",
    "unknown_target": "unknown",
    "unknown_kind": "invalid",
    "no_free_place": "conflict",
    "bad_number": "invalid",
    "bad_purpose": "invalid",
    "number_in_use": "conflict",
    "not_silent_yet": "conflict",
    "not_warned_yet": "conflict",
    "not_explained_yet": "conflict",
    "bad_time": "invalid",
    "no_number": "conflict",
    "unknown_threeway": "unknown",
    "unit_without_number": "conflict",
    "already_in_threeway": "conflict",
    "wrong_phase": "conflict",
    "already_ordered": "conflict",
    "unit_hangs_up_first": "conflict",
    "bad_digits": "invalid",
    "recording_paused": "conflict",
    "recording_not_paused": "conflict",
    "asterisk_refused": "failed",
    "outcome_unknown": "timeout",
}
"""Every code and its kind."""


class RefusedError(refusals.RefusedError):
    """The order was not carried out; ``code`` says why, ``details`` where."""

    codes = CODES
