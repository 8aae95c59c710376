"""The life of a ticket as one table (LIF-40 to LIF-43): what may be done in which state, by whom, on which conditions. Pure.

A row that is not here is an illegal action: it changes nothing and says why. The first row whose action, state and ``when`` fit
is the one that counts; then each of ``needs`` must hold, or the order is refused with that need's code. ``does`` names effects,
on the ticket's clocks (``start:handle``; ``pause:handle?key`` if the profile says so) and on what is kept beside it
(``return_asked``); the functions are in ``needs.py`` and
``effects.py``. Permissions, API, documents and the diagram are made of this table.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crm.tickets.ticket import AT_UNIT, ENDED, STATES

Whom = Mapping[str, str]
"""Role -> whose tickets: ``self`` (accepted by this person), ``unit`` (with this person's unit, or below it), ``anyone``."""

_OFFICE = {"office": "anyone"}
_ACCEPT = {"agent": "self", "trainee": "self", "shift_leader": "anyone", **_OFFICE}
_AT_CALL = {**dict.fromkeys(("agent", "trainee", "shift_leader"), "anyone"), **_OFFICE}
"""Whoever takes the call in which a citizen asks for it: seldom the person who took the first one."""
_DISPATCH = {"dispatcher": "anyone", "dispatch_lead": "anyone", **_OFFICE}
_SUPERVISE = {"supervision_office": "anyone", **_OFFICE}
_CALL_BACK = {"callback_agent": "anyone", **_OFFICE}
_CLERK = {"unit_clerk": "unit", "unit_leader": "unit"}
_UNIT_LEADER = {"unit_leader": "unit"}
_LEADER = {"leader": "anyone"}
_CENTRE = {**_AT_CALL, **_DISPATCH, **_CALL_BACK, **_SUPERVISE}

_OPEN = tuple(state for state in STATES if state not in ENDED)
_HANDLED = ("received", "in_progress")
_BEFORE_REPLY = tuple(state for state in _OPEN if state not in ("replied", "callback_pending", "unreachable_1", "review"))
_WITH_UNIT = tuple(state for state in STATES if state in AT_UNIT)
_TO_CALL_BACK = ("callback_pending", "unreachable_1")
SAME = None


class Transition(msgspec.Struct, frozen=True):
    """One row. ``to``: ``SAME`` leaves the state as it is, ``"before"`` leads back to where the request came from."""

    action: str
    states: tuple[str, ...]
    to: str | None
    who: Whom
    needs: tuple[str, ...] = ()
    does: tuple[str, ...] = ()
    when: tuple[str, ...] = ()
    rules: str = ""


_ = Transition
TABLE: tuple[Transition, ...] = (
    # intake
    _("edit", ("draft", "accepted", "returned_to_acceptor"), SAME, _ACCEPT, ("fields_valid", "keeps_the_wish"), ("edited",),
      rules="TKT-10, TKT-14"),
    _("edit", ("pending_dispatch",), SAME, {**_DISPATCH, "shift_leader": "anyone"}, ("fields_valid", "keeps_the_wish"),
      ("edited",), rules="DSP-01, TKT-14"),
    _("accept", ("draft",), "accepted", _ACCEPT, ("text_given", "nature_given"), ("accepted", "start:dispatch"),
      rules="LIF-01"),
    _("answer", ("draft", "accepted", "returned_to_acceptor"), "answered", _ACCEPT, ("text_given", "answer_given",
      "service_decided"),
      ("answered", "stop:dispatch", "stop:correct"), rules="LIF-03..10, LIF-26, DSP-03"),
    _("reject", ("draft", "accepted", "returned_to_acceptor"), "rejected", _ACCEPT, ("reason_code",), ("rejected",
      "stop:dispatch", "stop:correct"),
      rules="GEN-10, GEN-11, CNF-08"),
    _("submit", ("accepted", "returned_to_acceptor"), "pending_dispatch", _ACCEPT, ("form_complete", "identity_given"),
      ("submitted", "stop:correct", "start:dispatch"), rules="TKT-04, TKT-15, SUP-18"),
    _("release", ("pending_dispatch",), SAME, {"shift_leader": "anyone", **_OFFICE}, ("not_released",), ("released",),
      rules="ORG-21"),
    # dispatch
    _("return_to_acceptor", ("pending_dispatch",), "returned_to_acceptor", _DISPATCH, ("reason",),
      ("sent_back", "stop:dispatch", "start:correct"), rules="DSP-02, DSP-03, TKT-29"),
    _("ask_dispatch_lead", ("pending_dispatch",), SAME, _DISPATCH, ("reason",), ("doubted",), rules="DSP-04, RET-05"),
    _("ask_supervision_office", ("pending_dispatch",), SAME, {"dispatch_lead": "anyone", **_OFFICE}, ("reason",),
      ("doubted_higher",),
      rules="DSP-04, SUP-14"),
    _("decide_unit", ("pending_dispatch",), SAME, {"dispatch_lead": "anyone", **_SUPERVISE}, ("reason", "unit_fits"),
      ("decided",),
      rules="DSP-04, ORG-23"),
    _("dispatch", ("pending_dispatch",), "dispatched", _DISPATCH,
      ("form_complete", "is_released", "doubt_settled", "unit_fits", "mode_fits", "identity_protected"),
      ("dispatched", "stop:dispatch", "start:receive", "start:return", "start:handle"),
      rules="DSP-05..10, LIF-13, LIF-19, SEC-02, TKT-13"),
    _("recall", ("dispatched",), "pending_dispatch", _DISPATCH, ("reason",),
      ("recalled", "stop:receive", "stop:return", "stop:handle", "start:dispatch"), rules="DSP-05"),
    _("recall", tuple(state for state in _WITH_UNIT if state != "dispatched"), "pending_dispatch", _DISPATCH,
      ("reason", "unit_gone"),
      ("recalled", "stop:receive", "stop:return", "stop:handle", "stop:promise", "start:dispatch"), rules="DSP-05, RET-07"),
    _("report", ("accepted", "pending_dispatch"), "reported", {"shift_leader": "anyone", **_DISPATCH, **_SUPERVISE},
      ("paper_complete",), ("reported", "pause:dispatch"), rules="ESC-01, ESC-07, LIF-18"),
    _("instruct", ("reported", "countersign", "pending_dispatch"), "dispatched", _LEADER,
      ("text", "unit_fits", "day_ahead", "identity_protected"),
      ("instructed", "dispatched", "stop:dispatch", "resume:handle", "start:receive", "start:return", "start:handle",
      "supervised"),
      when=("unit_named",), rules="ESC-02, ESC-05, LIF-17"),
    _("instruct", ("reported",), "pending_dispatch", _LEADER, ("text", "day_ahead"), ("instructed", "resume:dispatch",
      "supervised"),
      rules="ESC-02"),
    _("instruct", _OPEN, SAME, _LEADER, ("text", "unit_unnamed", "day_ahead"), ("instructed", "supervised"), rules="ESC-09"),
    _("countersign", ("pending_dispatch", "received", "in_progress"), "countersign", {**_DISPATCH, **_SUPERVISE},
      ("reason",),
      ("countersigned", "stop:receive", "stop:return", "pause:handle?pause_on_countersign", "pause:dispatch"),
      rules="LIF-17, TIM-34"),
    # at the unit
    _("receive", ("dispatched", "redo"), "received", _CLERK, ("has_task",), ("received", "stop:receive"), when=("is_lead",),
      rules="DSP-13"),
    _("receive", _WITH_UNIT, SAME, _CLERK, ("has_task", "not_received"), ("task_received",), rules="DSP-13, LIF-20"),
    _("start", ("received",), "in_progress", _CLERK, ("is_lead",), ("started",), rules="LIF-40"),
    _("contact_citizen", (*_HANDLED, "committed"), SAME, _CLERK, ("has_task", "may_contact"), ("first_contact",),
      rules="RPL-20, TKT-13"),
    _("sub_assign", (*_HANDLED, "committed"), SAME, _CLERK, ("has_task", "unit_below"), ("sub_assigned",), rules="LIF-34"),
    _("co_reply", (*_HANDLED, "committed"), SAME, _CLERK, ("is_helping", "text"), ("co_replied",), rules="LIF-20, LIF-22"),
    _("ask_return", ("dispatched", "received", "in_progress"), "return_requested", _CLERK, ("reason", "is_lead",
      "no_overlap", "suggested_known"),
      ("return_asked", "pause:return", "pause:handle?pause_on_return"), rules="RET-01, RET-02, RET-06, CNF-27, TIM-34"),
    _("approve_return", ("return_requested",), "pending_dispatch", _DISPATCH, ("request_open",),
      ("return_approved", "stop:return", "stop:receive", "stop:handle", "start:dispatch"), rules="RET-03, RET-07"),
    _("refuse_return", ("return_requested",), "before", _DISPATCH, ("reason", "request_open"),
      ("return_refused", "resume:return", "resume:handle?pause_on_return"),
      rules="RET-07"),
    _("ask_extension", _HANDLED, "extension_requested", _CLERK, ("reason", "is_lead", "days_fit", "not_overdue",
      "first_extension"),
      ("extension_asked",), rules="EXT-01..06"),
    _("ask_second_extension", _HANDLED, "extension_second_review", _UNIT_LEADER,
      ("reason", "is_lead", "days_fit", "not_overdue", "second_extension", "signed"), ("extension_asked",),
      rules="EXT-07, EXT-09"),
    _("endorse_extension", ("extension_second_review",), SAME, _SUPERVISE, ("request_open", "not_endorsed"),
      ("extension_endorsed",),
      rules="EXT-08, ORG-26"),
    _("approve_extension", ("extension_requested",), "before", _DISPATCH, ("request_open",), ("extension_approved",
      "extend:handle"),
      rules="EXT-04, EXT-13"),
    _("approve_extension", ("extension_second_review",), "before", _DISPATCH, ("request_open", "is_endorsed"),
      ("extension_approved", "extend:handle"), rules="EXT-08"),
    _("refuse_extension", ("extension_requested",), "before", _DISPATCH, ("reason", "request_open"), ("extension_refused",),
      rules="EXT-05"),
    _("refuse_extension", ("extension_second_review",), "before", {**_DISPATCH, **_SUPERVISE},
      ("reason", "request_open"), ("extension_refused",),
      rules="EXT-05, EXT-08"),
    _("commit", _HANDLED, "committed", _CLERK, ("is_lead", "promise_ahead", "reply_complete", "words_allowed",
      "not_empty", "citizen_told"),
      ("committed", "reply_kept", "stop:handle", "stop:return", "start:promise"), rules="LIF-16, TIM-22"),
    _("reply", (*_HANDLED, "committed"), "reply_proposed", {"unit_clerk": "unit"},
      ("is_lead", "reply_complete", "words_allowed", "not_empty", "citizen_told"), ("reply_kept",),
      when=("approval_wanted",),
      rules="RPL-01..07"),
    _("reply", (*_HANDLED, "committed"), "replied", _CLERK,
      ("is_lead", "reply_complete", "words_allowed", "not_empty", "citizen_told", "head_signed"),
      ("reply_kept", "replied", "stop:handle", "stop:return", "stop:promise", "start:review"), when=("review_wanted",),
      rules="RPL-07, RPL-13"),
    _("reply", (*_HANDLED, "committed"), "callback_pending", _CLERK,
      ("is_lead", "reply_complete", "words_allowed", "not_empty", "citizen_told", "head_signed"),
      ("reply_kept", "replied", "stop:handle", "stop:return", "stop:promise", "start:callback"), rules="RPL-07, CBK-03"),
    _("approve_reply", ("reply_proposed",), "replied", _UNIT_LEADER, ("head_signed",),
      ("reply_approved", "replied", "stop:handle", "stop:return", "stop:promise", "start:review"), when=("review_wanted",),
      rules="RPL-07, ORG-30"),
    _("approve_reply", ("reply_proposed",), "callback_pending", _UNIT_LEADER, ("head_signed",),
      ("reply_approved", "replied", "stop:handle", "stop:return", "stop:promise", "start:callback"), rules="RPL-07, ORG-30"),
    _("send_back_reply", ("reply_proposed",), "before", _UNIT_LEADER, ("reason",), ("reply_sent_back",), rules="RPL-07"),
    _("pass_reply", ("replied",), "callback_pending", {**_CALL_BACK, **_DISPATCH, **_SUPERVISE}, (),
      ("reply_passed", "stop:review", "start:callback"), rules="RPL-13, TKT-22"),
    _("refuse_reply", ("replied",), "in_progress", {**_CALL_BACK, **_DISPATCH, **_SUPERVISE}, ("reason",),
      ("reply_refused", "stop:review", "restart:handle"), rules="RPL-14"),
    # call-back
    _("call_back", ("callback_pending",), "unreachable_1", _CALL_BACK, (), ("attempted",), when=("not_reached",),
      rules="CBK-07"),
    _("call_back", ("unreachable_1",), "closed", _CALL_BACK, ("attempts_apart",), ("attempted", "closed:unreachable",
      "stop:callback"),
      when=("not_reached", "last_attempt"), rules="CBK-07, TIM-17, LIF-42"),
    _("call_back", ("unreachable_1",), SAME, _CALL_BACK, ("attempts_apart",), ("attempted",), when=("not_reached",),
      rules="CBK-07"),
    _("call_back", _TO_CALL_BACK, "closed", _CALL_BACK, ("answers_given", "person_verified"),
      ("called_back", "closed:confidential_told", "stop:callback"), when=("is_satisfied", "is_confidential"),
      rules="CBK-22, LIF-42"),
    _("call_back", _TO_CALL_BACK, "closed", _CALL_BACK, ("answers_given",), ("called_back", "closed:callback",
      "stop:callback"),
      when=("is_satisfied",), rules="CBK-01..08, LIF-42"),
    _("call_back", _TO_CALL_BACK, "review", _CALL_BACK, ("answers_given", "person_verified", "judged"),
      ("called_back", "stop:callback", "start:judgement"), rules="CBK-09..13, CBK-22"),
    _("told_on_call", _TO_CALL_BACK, "closed", {**_AT_CALL, "callback_agent": "anyone"}, ("person_verified",),
      ("called_back", "closed:told_on_call", "stop:callback"), when=("not_asked",), rules="CBK-04, LIF-09, CNF-12"),
    _("told_on_call", _TO_CALL_BACK, "closed", {**_AT_CALL, "callback_agent": "anyone"}, ("answers_given", "person_verified"),
      ("called_back", "closed:told_on_call", "stop:callback"), when=("is_satisfied",), rules="CBK-04, LIF-09"),
    _("told_on_call", _TO_CALL_BACK, "review", {**_AT_CALL, "callback_agent": "anyone"}, ("answers_given",
      "person_verified", "judged"),
      ("called_back", "stop:callback", "start:judgement"), rules="CBK-04, CAL-06"),
    _("send_redo", ("review",), "redo", _SUPERVISE, ("reason", "may_judge"),
      ("redone", "stop:judgement", "start:receive", "start:handle"), rules="CBK-12, CBK-15..17"),
    _("close_demand", ("review",), "closed", _SUPERVISE, ("reason", "may_judge"), ("closed:demand_closed", "stop:judgement"),
      rules="CBK-10, SUP-14, LIF-42"),
    # the end
    _("close", ("answered",), "closed", {**_CENTRE}, (), ("closed:answered",), rules="LIF-42"),
    _("review_file", ("answered", "rejected", "withdrawn", "merged", "closed"), SAME, _OFFICE, ("reason",),
      ("file_reviewed",),
      rules="LIF-43"),
    _("assign_again", ("closed", "answered"), "pending_dispatch", _OFFICE, ("reason",), ("reopened", "start:dispatch"),
      rules="CBK-13, CBK-14"),
    _("archive", ("answered", "rejected", "withdrawn", "merged", "closed"), "archived", {**_CALL_BACK,
      "supervision_office": "anyone"},
      ("satisfied_or_reviewed",), ("archived", "stop:all"), rules="LIF-43, ARC-02"),
    _("withdraw", ("draft", "accepted", "returned_to_acceptor", "pending_dispatch", "reported"), "withdrawn",
      {**_AT_CALL, **_DISPATCH, "callback_agent": "anyone"}, ("reason",), ("withdrawn", "stop:all"), rules="TKT-20, LIF-30"),
    _("withdraw", (*_WITH_UNIT, "countersign"), "withdrawn", {**_AT_CALL, **_DISPATCH, "callback_agent": "anyone"},
      ("reason",),
      ("withdrawn", "unit_told_to_stop", "stop:all"), rules="TKT-20, LIF-30"),
    _("confirm_stop", ("withdrawn",), SAME, _CLERK, ("stop_asked",), ("stop_confirmed",), rules="LIF-30"),
    _("merge", _BEFORE_REPLY, "merged", {**_ACCEPT, **_DISPATCH}, ("target_fits",), ("merged", "pause:all"),
      rules="TKT-17"),
    _("unmerge", ("merged",), "before", _DISPATCH, ("reason",), ("unmerged", "resume:all"), rules="TKT-17"),
    _("take_answer", ("accepted", "returned_to_acceptor", "pending_dispatch", "dispatched", *_HANDLED), "callback_pending",
      {**_DISPATCH, **_CALL_BACK}, ("above_answered", "answer_fits", "identity_protected"),
      ("answer_taken", "stop:dispatch", "stop:correct", "stop:receive", "stop:return", "stop:handle", "start:callback"),
      rules="TKT-18, CBK-03"),
    _("link", _OPEN, SAME, {**_AT_CALL, **_DISPATCH}, ("parent_fits",), ("linked",), rules="TKT-18"),
    # beside the way
    _("note", STATES, SAME, {**_CENTRE, **_CLERK, **_LEADER, "observer": "anyone", "quality": "anyone"}, ("text",),
      ("noted",),
      rules="ARC-02, LIF-41"),
    _("mark_urgent", _OPEN, SAME, {**_AT_CALL, **_DISPATCH}, ("reason",), ("marked_urgent", "recompute:all"),
      rules="TKT-23, DSP-08"),
    _("protect", _OPEN, SAME, _CENTRE, ("protection_changes",), ("protected",), rules="TKT-13, TKT-14, SEC-08"),
    _("urge", tuple(state for state in _OPEN if state != "draft"), SAME, _CENTRE, (), ("urged",),
      rules="CAL-02, CAL-03, CAL-05, SUP-07, SUP-15, DSP-17"),
    _("supervise", (*_WITH_UNIT, "replied", "review"), SAME, {**_SUPERVISE, "leader": "anyone", "observer": "anyone"},
      ("demand_given",), ("supervised",), rules="SUP-01..08, SUP-17"),
    _("answer_supervision", (*_WITH_UNIT, "replied", "review", "callback_pending"), SAME, _CLERK, ("supervision_open",
      "text"),
      ("supervision_answered",), rules="SUP-17"),
    _("end_supervision", STATES, SAME, _SUPERVISE, ("supervision_known", "reason"), ("supervision_ended",),
      rules="SUP-12, SUP-17"),
    _("consult", _OPEN, SAME, _SUPERVISE,
      ("conclusion_given", "unit_if_given", "day_ahead"), ("consulted",), rules="LIF-23, EXT-12"),
    _("report_result", ("closed", "archived"), SAME, {**_CALL_BACK, **_SUPERVISE}, ("text",), ("result_reported",),
      rules="ESC-03, CBK-19"),
    _("write_letter", (*_HANDLED, "committed", "reply_proposed", "replied", "callback_pending", "review", "closed"), SAME,
      {**_CLERK, **_SUPERVISE}, ("letter_complete",), ("letter_written",), rules="TKT-28, RPL-17"),
    _("open_accountability", STATES, SAME, {"observer": "anyone", "supervision_office": "anyone", **_OFFICE}, ("reason",
      "unit_known"),
      ("accountability_opened",), rules="GEN-17, SUP-10, SUP-12"),
    _("mark_untrue", tuple(state for state in STATES if state != "archived"), SAME, {**_SUPERVISE,
      "callback_agent": "anyone"}, ("reason",), ("marked_untrue",),
      rules="CAL-15, ARC-02"),
    _("service_step", ("accepted", "pending_dispatch", "returned_to_acceptor", "answered", "closed"), SAME,
      {"shift_leader": "anyone", "supervisor": "anyone", "quality": "anyone", **_OFFICE},
      ("service_complaint", "service_order", "text"), ("service_stepped",), rules="LIF-25, LIF-26"),
    _("publish", ("closed", "archived"), SAME, _OFFICE, ("text", "publishable"), ("published",), rules="RPL-12, CNF-24, CH-22"),
)  # fmt: skip
"""Every transition there is."""

ACTIONS: tuple[str, ...] = tuple(dict.fromkeys(row.action for row in TABLE))
