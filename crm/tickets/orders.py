"""What can be ordered about a ticket: an action of the table, and the values that it takes (the body of its address). Pure.

Every text is limited and free of control characters; days are days of Shanghai. What a value has to be *for this ticket* is a
matter of ``needs.py``: here is only what it may be at all.
"""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Mapping
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from crm.profiles.profile import Nature
from crm.tickets.ticket import Hide, Rating

_NO_CONTROL = r"^[^\x00-\x1f\x7f\ud800-\udfff]*(?!\n)$"
_NO_CONTROL_BUT_LINES = r"^[^\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]*$"

Line = Annotated[str, Meta(max_length=200, pattern=_NO_CONTROL)]
"""A few words in one line."""
Words = Annotated[str, Meta(max_length=2000, pattern=_NO_CONTROL_BUT_LINES)]
"""A reason, a remark, an opinion."""
Text = Annotated[str, Meta(max_length=20_000, pattern=_NO_CONTROL_BUT_LINES)]
"""What a citizen said, what a unit found out."""
Code = Annotated[str, Meta(max_length=64, pattern=r"^([A-Za-z0-9][A-Za-z0-9_.:-]*)?(?!\n)$")]
"""A unit or a class, or nothing."""
Phone = Annotated[str, Meta(max_length=21, pattern=r"^(\+?[0-9]{3,20})?(?!\n)$")]
TicketId = Annotated[int, Meta(ge=2000010100001, le=99991231999999)]
Days = Annotated[int, Meta(ge=1, le=1000)]
Moment = Annotated[dt.datetime, Meta(tz=True)]
Names = Annotated[tuple[Line, ...], Meta(max_length=50)]
Codes = Annotated[tuple[Code, ...], Meta(max_length=50)]

AnswerCase = Literal["knowledge", "unified", "outage", "other_source", "same_ticket", "own_ticket", "threeway"]
"""The six cases of LIF-04 to LIF-09, and an answer in a three-way call (LIF-11)."""
ServiceMode = Literal["", "window", "telephone", "online", "home_visit"]
"""GEN-13."""
Outcome = Literal["resolved", "planned", "explained", "not_true"]
"""GEN-16."""


class Values(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The values of an order; each action has a type of its own."""


class NoValues(Values, frozen=True, kw_only=True):
    """The action says it all."""


class Reason(Values, frozen=True, kw_only=True):
    """Why: needed wherever the table says so."""

    reason: Words = ""


class Remark(Values, frozen=True, kw_only=True):
    """A text that is kept, and never changed (ARC-02)."""

    text: Text = ""


class Edit(Values, frozen=True, kw_only=True):
    """Fields of the form (TKT-01, TKT-02, TKT-07): those that are given are set, the others stay."""

    content: Text | UnsetType = UNSET
    event_time: Line | UnsetType = UNSET
    event_place: Line | UnsetType = UNSET
    persons: Words | UnsetType = UNSET
    demand: Words | UnsetType = UNSET
    nature: Nature | UnsetType = UNSET
    category: Code | UnsetType = UNSET
    related_category: Code | UnsetType = UNSET
    subject_terms: Names | UnsetType = UNSET
    territory: Line | UnsetType = UNSET
    special_group: Line | UnsetType = UNSET
    service_mode: ServiceMode | UnsetType = UNSET
    reply_wanted: bool | UnsetType = UNSET
    hidden: Annotated[tuple[Hide, ...], Meta(max_length=5)] | UnsetType = UNSET
    anonymous: bool | UnsetType = UNSET
    leader_event: bool | UnsetType = UNSET
    green_channel: bool | UnsetType = UNSET
    service_complaint: bool | UnsetType = UNSET
    misconduct: bool | UnsetType = UNSET
    publishable: bool | UnsetType = UNSET
    accused_unit: Code | UnsetType = UNSET
    upstream_system: Line | UnsetType = UNSET
    upstream_no: Line | UnsetType = UNSET
    upstream_due_at: Moment | UnsetType | None = UNSET
    regulatory_due_at: Moment | UnsetType | None = UNSET
    caller_id: uuid.UUID | UnsetType | None = UNSET
    caller_name: Line | UnsetType = UNSET
    caller_title: Line | UnsetType = UNSET
    workplace: Line | UnsetType = UNSET
    home_address: Line | UnsetType = UNSET
    caller_phone: Phone | UnsetType = UNSET
    callback_phone: Phone | UnsetType = UNSET


class Answer(Values, frozen=True, kw_only=True):
    """What the citizen was told at once, and from where it was known (LIF-03 to LIF-10)."""

    case: AnswerCase
    answer: Text
    source: Line = ""


class Reject(Values, frozen=True, kw_only=True):
    """Why it is not accepted (GEN-10), and where the citizen was told to turn to (GEN-11)."""

    code: Code
    explanation: Words


class SendBack(Values, frozen=True, kw_only=True):
    """What is wrong with the form (DSP-02), or whose entry of the knowledge base answers it (DSP-03)."""

    reason: Words = ""
    answered_by: Line = ""


class DecideUnit(Values, frozen=True, kw_only=True):
    """Whose matter it is when that was in doubt (DSP-04)."""

    reason: Words = ""
    lead_unit: Code
    co_units: Codes = ()


class Dispatch(Values, frozen=True, kw_only=True):
    """To whom it goes (DSP-10): one clear unit, several together, or assigned with a date to finish by (LIF-13)."""

    lead_unit: Code
    co_units: Codes = ()
    mode: Literal["direct", "joint", "assign"] | None = None
    due_on: dt.date | None = None
    note: Words = ""


class Paper(Values, frozen=True, kw_only=True):
    """A paper for perusal (呈阅件): ESC-01."""

    kind: Literal["emergency", "hot_topic", "hard_problem", "unclear_competence", "neglected", "wide_influence"]
    summary: Text
    proposal: Words


class Instruct(Values, frozen=True, kw_only=True):
    """A leader's written instruction (ESC-02); with a unit it is an order to this unit (ESC-05)."""

    text: Text = ""
    lead_unit: Code = ""
    co_units: Codes = ()
    due_on: dt.date | None = None


class SubAssign(Values, frozen=True, kw_only=True):
    """To which unit below, and what it shall do (LIF-34)."""

    unit: Code
    note: Words = ""


class AskReturn(Values, frozen=True, kw_only=True):
    """``own_part``: a part of the matter is the unit's own duty, others are concerned too: no ground for a return (CNF-27)."""

    reason: Words = ""
    suggested: Code = ""
    own_part: bool = False


class AskExtension(Values, frozen=True, kw_only=True):
    """EXT-01, EXT-02."""

    reason: Words = ""
    days: Days


class AskSecondExtension(Values, frozen=True, kw_only=True):
    """EXT-07: ``signed_by`` is the unit's leader in charge, under the stamped form."""

    reason: Words = ""
    days: Days
    signed_by: Line = ""


class Opinion(Values, frozen=True, kw_only=True):
    """A decision in favour may say why."""

    opinion: Words = ""


class Reply(Values, frozen=True, kw_only=True):
    """The elements of an answer (RPL-02 to RPL-04): a field for each."""

    basis: Words = ""
    reasons: Words = ""
    policy: Words = ""
    time_limit: Words = ""
    analysis: Words = ""
    present_state: Words = ""
    result: Text = ""
    opinions: Words = ""
    is_true: Literal["yes", "partly", "no"]
    solvable: Literal["yes", "later", "no"]
    outcome: Outcome
    planned_on: dt.date | None = None
    citizen_told: bool = False
    told_at: Moment | None = None
    head_signed: Line = ""


class Commit(Reply, frozen=True, kw_only=True):
    """The first reply of a commitment, and the day that is promised (LIF-16)."""

    promised_on: dt.date


class ApproveReply(Values, frozen=True, kw_only=True):
    """``head_signed``: the head of the unit, whose signature a reply after a redo needs (CBK-16)."""

    opinion: Words = ""
    head_signed: Line = ""


class ToldOnCall(Values, frozen=True, kw_only=True):
    """The citizen called and got the result (CBK-04), and what was answered to the two questions."""

    unit_replied: bool | None = None
    process_satisfaction: Rating | None = None
    result_satisfaction: Rating | None = None
    solved: bool | None = None
    judgement: Literal["reasonable", "not_reasonable", "cannot_judge"] | None = None
    reason: Words = ""
    opinions: Words = ""
    verified: bool = False
    node: Code = ""
    call_id: Line = ""


class CallBack(ToldOnCall, frozen=True, kw_only=True):
    """What the citizen said (CBK-05, CBK-23, CBK-25), or that nobody was reached (CBK-07)."""

    reached: bool = True


class Merge(Values, frozen=True, kw_only=True):
    """Into which ticket (TKT-17)."""

    into: TicketId
    reason: Words = ""


class Link(Values, frozen=True, kw_only=True):
    """Under which ticket, of the same event (TKT-18); none: on its own again."""

    parent: TicketId | None = None
    reason: Words = ""


class MarkUrgent(Values, frozen=True, kw_only=True):
    """TKT-23; ``urgent`` false takes the mark off."""

    urgent: bool = True
    reason: Words = ""


class Protect(Values, frozen=True, kw_only=True):
    """What the citizen wants hidden from units (TKT-14); nothing: the wish was withdrawn, and why."""

    hidden: Annotated[tuple[Hide, ...], Meta(max_length=5)] = ("all",)
    reason: Words = ""


class Urge(Values, frozen=True, kw_only=True):
    """The unit, or whoever has it, is pressed again (CAL-02, CAL-03, CAL-05)."""

    note: Words = ""


class Supervise(Values, frozen=True, kw_only=True):
    """SUP-01, SUP-02, SUP-08, SUP-17."""

    mode: Literal["electronic", "telephone", "written", "on_site"]
    kind: Literal["ordinary", "leader", "media", "leader_again", "urge"] = "ordinary"
    level: Annotated[int, Meta(ge=0, le=9)] = 0
    addressee: Code = ""
    demand: Words = ""
    answer_due_at: Moment | None = None


class AnswerSupervision(Values, frozen=True, kw_only=True):
    """What the unit says to it. ``supervision``: which one; none: the newest that waits for an answer."""

    text: Words = ""
    supervision: uuid.UUID | None = None


class EndSupervision(Values, frozen=True, kw_only=True):
    """What became of it (SUP-12, SUP-17)."""

    reason: Words = ""
    supervision: uuid.UUID | None = None


class Consult(Values, frozen=True, kw_only=True):
    """A consultation (会商) and what it came to: LIF-23."""

    participants: Names = ()
    conclusion: Words = ""
    unit: Code = ""
    due_on: dt.date | None = None


class Letter(Values, frozen=True, kw_only=True):
    """A formal reply (回复函) to the office that handed the matter over (TKT-28): ``reference`` is the number of its letter,
    ``further`` what more was sampled or tested, and what came of it."""

    addressee: Line = ""
    reference: Line = ""
    inspected_on: dt.date | None = None
    way: Words = ""
    findings: Text = ""
    present_state: Words = ""
    further: Words = ""


class Accountability(Values, frozen=True, kw_only=True):
    """A case against a unit, or persons of it (GEN-17, SUP-10)."""

    unit: Code = ""
    persons: Line = ""
    reason: Words = ""


class MarkUntrue(Values, frozen=True, kw_only=True):
    """Whether inquiry found that the report does not agree with the facts (CAL-15)."""

    untrue: bool = True
    reason: Words = ""


class Publish(Values, frozen=True, kw_only=True):
    """The answer as it may be published (RPL-12, CNF-24)."""

    text: Text = ""


class ServiceStep(Values, frozen=True, kw_only=True):
    """A step of a complaint about the hotline's own staff (LIF-25, LIF-26)."""

    step: Literal["announced", "verified", "heard", "analysed", "decided", "told", "announced_again"]
    text: Words = ""


VALUES: Mapping[str, type[Values]] = {
    "edit": Edit,
    "accept": NoValues,
    "answer": Answer,
    "reject": Reject,
    "submit": NoValues,
    "release": NoValues,
    "return_to_acceptor": SendBack,
    "ask_dispatch_lead": Reason,
    "ask_supervision_office": Reason,
    "decide_unit": DecideUnit,
    "dispatch": Dispatch,
    "recall": Reason,
    "report": Paper,
    "instruct": Instruct,
    "countersign": Reason,
    "receive": NoValues,
    "start": NoValues,
    "contact_citizen": Opinion,
    "sub_assign": SubAssign,
    "co_reply": Remark,
    "ask_return": AskReturn,
    "approve_return": Opinion,
    "refuse_return": Reason,
    "ask_extension": AskExtension,
    "ask_second_extension": AskSecondExtension,
    "endorse_extension": Opinion,
    "approve_extension": Opinion,
    "refuse_extension": Reason,
    "commit": Commit,
    "reply": Reply,
    "approve_reply": ApproveReply,
    "send_back_reply": Reason,
    "pass_reply": Opinion,
    "refuse_reply": Reason,
    "call_back": CallBack,
    "told_on_call": ToldOnCall,
    "send_redo": Reason,
    "close_demand": Reason,
    "close": NoValues,
    "review_file": Reason,
    "assign_again": Reason,
    "archive": NoValues,
    "withdraw": Reason,
    "confirm_stop": Opinion,
    "merge": Merge,
    "unmerge": Reason,
    "take_answer": NoValues,
    "link": Link,
    "note": Remark,
    "mark_urgent": MarkUrgent,
    "protect": Protect,
    "urge": Urge,
    "supervise": Supervise,
    "answer_supervision": AnswerSupervision,
    "end_supervision": EndSupervision,
    "consult": Consult,
    "report_result": Remark,
    "write_letter": Letter,
    "open_accountability": Accountability,
    "mark_untrue": MarkUntrue,
    "publish": Publish,
    "service_step": ServiceStep,
}
"""Action -> the type of its values; every action of the table is here."""


class Order(msgspec.Struct, frozen=True):
    """An action, and its values: of the type that ``VALUES`` names for it."""

    action: str
    values: Values
