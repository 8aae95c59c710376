"""A ticket (工单) as its life cycle sees it: the fields of TKT-07 that decide, and what happened so far in numbers. Pure.

Who the citizen is stands apart (``Identity``), because hardly anybody needs it and units may be forbidden to (TKT-13, SEC-03).
"""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Literal, get_args

import msgspec

from crm.profiles.profile import Nature

Channel = Literal[
    "telephone", "message", "sms", "web", "mailbox", "fax", "window", "upstream", "wechat", "app", "email", "chat", "visit"
]
LETTERS = {
    "telephone": "T",
    "message": "V",
    "sms": "S",
    "web": "W",
    "mailbox": "M",
    "fax": "F",
    "window": "C",
    "upstream": "U",
    "wechat": "X",
    "app": "A",
    "email": "E",
    "chat": "L",
    "visit": "H",
}
"""What a number begins with where it is written (TKT-08); the digits alone are the ticket's id, and are typed on a telephone."""

State = Literal[
    "draft",
    "accepted",
    "returned_to_acceptor",
    "answered",
    "rejected",
    "withdrawn",
    "merged",
    "pending_dispatch",
    "reported",
    "countersign",
    "dispatched",
    "received",
    "in_progress",
    "return_requested",
    "extension_requested",
    "extension_second_review",
    "reply_proposed",
    "committed",
    "replied",
    "callback_pending",
    "unreachable_1",
    "review",
    "redo",
    "closed",
    "archived",
]
"""LIF-40, and ``reply_proposed``: the unit's leader has yet to approve (RPL-07). ``supervised`` is no state: it is counted."""
STATES: tuple[str, ...] = get_args(State)
AT_UNIT = frozenset(
    ("dispatched", "received", "in_progress", "return_requested", "extension_requested", "extension_second_review",
     "reply_proposed", "committed", "redo")
)  # fmt: skip
"""The unit has it."""
ENDED = frozenset(("answered", "rejected", "withdrawn", "merged", "closed", "archived"))

Hide = Literal["name", "phone", "workplace", "result", "all"]
Rating = Literal["very_satisfied", "satisfied", "basically_satisfied", "dissatisfied", "not_rated"]
"""CBK-23."""
ClosingGround = Literal["answered", "callback", "told_on_call", "unreachable", "confidential_told", "demand_closed"]
"""Why a ticket could be closed (LIF-42)."""


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """Who the citizen is (TKT-01, TKT-06). ``calling_number``: from the network; ``callback_phone`` was read to the caller."""

    caller_id: uuid.UUID | None = None
    caller_name: str = ""
    caller_title: str = ""
    workplace: str = ""
    home_address: str = ""
    caller_phone: str = ""
    calling_number: str = ""
    callback_phone: str = ""


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be decided about. Times are aware; lists are tuples. Table ``tickets`` has a column of each name, but for the
    last block, which is counted from the tables beside it."""

    ticket_id: int
    version: int = 1
    channel: Channel = "telephone"
    state: State = "draft"
    before: State | None = None  # to which a refused request leads back
    profile: str = "dezhou"
    made_at: dt.datetime
    made_by: str
    accept_agent: str = ""
    assign_agent: str = ""
    node: str = ""
    call_id: str = ""
    # what it is about (TKT-02)
    content: str = ""
    event_time: str = ""
    event_place: str = ""
    persons: str = ""
    demand: str = ""
    nature: Nature | None = None
    category: str = ""
    related_category: str = ""
    taxonomy_version: int = 0
    subject_terms: tuple[str, ...] = ()
    territory: str = ""
    special_group: str = ""
    service_mode: str = ""
    # how it is to be treated
    reply_wanted: bool = True
    hidden: tuple[Hide, ...] = ()
    anonymous: bool = False
    urgent: bool = False
    leader_event: bool = False
    leader_item: bool = False
    green_channel: bool = False
    service_complaint: bool = False
    misconduct: bool = False
    untrue: bool | None = None
    publishable: bool = False
    accused_unit: str = ""
    upstream_system: str = ""
    upstream_no: str = ""
    upstream_due_at: dt.datetime | None = None
    regulatory_due_at: dt.datetime | None = None
    # who has it
    handling_mode: str = ""
    item_kind: str = "time_limited"
    lead_unit: str = ""
    co_units: tuple[str, ...] = ()
    doubt: str = ""  # '', dispatch_lead, supervision_office (DSP-04)
    released: bool = True  # a trainee's ticket waits for the shift leader (ORG-21)
    dispatched_at: dt.datetime | None = None
    received_at: dt.datetime | None = None
    due_at: dt.datetime | None = None
    promised_at: dt.datetime | None = None
    replied_at: dt.datetime | None = None
    # how it ended
    answer_case: str = ""
    answer: str = ""
    reject_reason: str = ""
    process_satisfaction: Rating | None = None
    result_satisfaction: Rating | None = None
    solved: bool | None = None
    reasonable: bool | None = None
    closing_ground: ClosingGround | None = None
    reviewed_at: dt.datetime | None = None
    closed_at: dt.datetime | None = None
    archived_at: dt.datetime | None = None
    parent_id: int | None = None
    merged_into: int | None = None
    report_again_of: int | None = None
    # counted from the tables beside
    extensions: int = 0  # that were approved
    special_extensions: int = 0
    endorsed: bool = False  # the supervision office spoke for the second extension that is asked for (EXT-08)
    redos: int = 0
    attempts: int = 0  # call-backs that reached nobody
    last_attempt_at: dt.datetime | None = None
    callbacks_done: int = 0
    has_identity: bool = False
    identity_in_text: bool = False
    open_supervisions: int = 0


def is_confidential(ticket: Ticket) -> bool:
    """Whether the citizen asked that anything of the identity be kept from units (TKT-13, TKT-14)."""
    return bool(ticket.hidden)


def number(ticket_id: int, channel: str) -> str:
    """As it is written and read out: the channel's letter, and the digits that are typed on a telephone (TKT-08)."""
    return f"{LETTERS[channel]}{ticket_id}"
