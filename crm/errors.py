"""What the ticket system refuses: each code and its kind; the sentences stand in the catalogues of ``desks``."""

from __future__ import annotations

from hotline import refusals
from hotline.refusals import Kind

CODES: dict[str, Kind] = {
    "not_allowed": "forbidden",
    "unknown_ticket": "unknown",
    "unknown_action": "unknown",
    "wrong_state": "conflict",
    "changed_meanwhile": "conflict",
    "bad_values": "invalid",
    "unknown_caller": "unknown",
    "caller_merged": "conflict",
    "same_caller": "invalid",
    "unknown_merge": "unknown",
    "unknown_report": "unknown",
    "too_many_rows": "invalid",
    "key_used": "invalid",
    "unknown_webhook": "unknown",
    "unknown_delivery": "unknown",
    "bad_webhook_url": "invalid",
    "not_settled": "conflict",
}
"""Every code and its kind; kept in the order in which a person would look for them."""


class RefusedError(refusals.RefusedError):
    """Nothing was changed; ``code`` says why, ``details`` where."""

    codes = CODES
