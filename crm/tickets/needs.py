"""What an action needs, and which row of the table fits (``needs`` and ``when`` of ``life_cycle.py``). Pure.

A need gives ``None`` when it holds, or the code of the refusal and its details. What concerns texts of units and what citizens
said is in ``needs_answers.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from msgspec import UNSET

from crm.tickets import content, needs_answers
from crm.tickets.case import SATISFIED, Case
from crm.tickets.needs_answers import Need, Refused, needed
from crm.tickets.surroundings import UnitKnown
from crm.tickets.ticket import ENDED

_ANSWERED = frozenset(("callback_pending", "unreachable_1", "closed", "archived"))
_OWN_REASONS = frozenset(("out_of_scope", "empty", "malicious", "advertising"))
SERVICE_STEPS = ("announced", "verified", "heard", "analysed", "decided", "told", "announced_again")
"""LIF-25, in this order."""


def _given(name: str, code: str) -> Need:
    """The text of this name may not be empty."""
    return lambda case: None if getattr(case.values, name).strip() else (code, {"missing": [name]})


def _fields_valid(case: Case) -> Refused:
    """TKT-10, TAX-06: something is given, of a nature of the city and a known class; the problem stays described, and
    upstream numbers name their system."""
    given = {name: value for name in case.values.__struct_fields__ if (value := getattr(case.values, name)) is not UNSET}
    if not given:
        return "nothing_to_change", {}
    nature = given.get("nature")
    if nature is not None and nature not in case.profile.nature_set:
        return "unknown_nature", {"nature": nature, "known": list(case.profile.nature_set)}
    if not case.around.category_known:
        return "unknown_category", {"category": given.get("category", ""), "related_category": given.get("related_category", "")}
    if case.ticket.state != "draft" and content.words(given.get("content", case.ticket.content)) < case.profile.least_words:
        return "text_too_short", {"least": case.profile.least_words}
    number = given.get("upstream_no", case.ticket.upstream_no)
    if number and not given.get("upstream_system", case.ticket.upstream_system):
        return "form_incomplete", {"missing": ["upstream_system"]}
    accused = given.get("accused_unit", "")
    return ("unknown_unit", {"unit": accused}) if accused and accused not in case.around.units else None


def _text_given(case: Case) -> Refused:
    least = case.profile.least_words
    return None if content.words(case.ticket.content) >= least else ("text_too_short", {"least": least})


def _form_complete(case: Case) -> Refused:
    """TKT-04, DSP-01: contact person and telephone (or the mark anonymous), classes, reply information, the problem."""
    ticket = case.ticket
    found = {
        "caller_name": ticket.has_identity or ticket.anonymous,
        "caller_phone": ticket.has_identity or ticket.anonymous,
        "category": bool(ticket.category),
        "nature": ticket.nature is not None,
        "reply_wanted": ticket.has_identity or not ticket.reply_wanted or ticket.anonymous,
        "content": content.words(ticket.content) >= case.profile.least_words,
    }
    lacking = [name for name, is_there in found.items() if not is_there]
    return ("form_incomplete", {"missing": lacking}) if lacking else None


def _identity_given(case: Case) -> Refused:
    """TKT-15, CNF-07: where the city says so, complaints and reports carry name, contact, workplace and home address."""
    ticket = case.ticket
    if ticket.nature not in case.profile.require_identity_for:
        return None
    if ticket.anonymous or not ticket.has_identity or case.around.identity_missing:
        return "identity_needed", {"missing": list(case.around.identity_missing), "nature": ticket.nature}
    return None


def _unit_fits(case: Case) -> Refused:
    """The units exist and work, none is named twice, and none is the accused one or below it (SEC-02, CNF-31)."""
    wanted = case.values
    lead, helping = (wanted.lead_unit, wanted.co_units) if hasattr(wanted, "lead_unit") else (wanted.unit, ())
    if not lead:
        return "unit_missing", {}
    for code in (lead, *helping):
        refused = _unit_may(case, code)
        if refused:
            return refused
    if len({lead, *helping}) != 1 + len(helping):
        return "unit_twice", {"lead_unit": lead, "co_units": list(helping)}
    return None


def _unit_may(case: Case, code: str) -> Refused:
    unit = case.around.units.get(code)
    if unit is None:
        return "unknown_unit", {"unit": code}
    if not unit.active:
        return "unit_not_active", {"unit": code}
    return _not_accused(case, unit)


def _not_accused(case: Case, unit: UnitKnown) -> Refused:
    accused, is_guarded = case.ticket.accused_unit, case.ticket.nature == "report" or case.ticket.misconduct
    return ("unit_accused", {"unit": unit.code}) if is_guarded and accused and accused in (unit.code, *unit.above) else None


def _unit_if_given(case: Case) -> Refused:
    return _unit_may(case, case.values.unit) if case.values.unit else None


def _suggested_known(case: Case) -> Refused:
    code = case.values.suggested
    return ("unknown_unit", {"unit": code}) if code and code not in case.around.units else None


def _unit_known(case: Case) -> Refused:
    code = case.values.unit
    return None if code in case.around.units else ("unknown_unit", {"unit": code})


def _unit_below(case: Case) -> Refused:
    """LIF-34: a unit below one's own that does not have it yet."""
    refused = _unit_may(case, case.values.unit) if case.values.unit else ("unit_missing", {})
    if refused:
        return refused
    if case.person.unit not in case.around.units[case.values.unit].above:
        return "unit_not_below", {"unit": case.values.unit}
    has_it = case.values.unit in {task.unit for task in case.around.open_tasks()}
    return ("unit_twice", {"unit": case.values.unit}) if has_it else None


def _mode_fits(case: Case) -> Refused:
    """LIF-13: direct is one unit, joint are several, assigned has its day; no day is in the past."""
    wanted = case.values
    if (wanted.mode == "direct" and wanted.co_units) or (wanted.mode == "joint" and not wanted.co_units):
        return "mode_does_not_fit", {"mode": wanted.mode}
    if wanted.mode == "assign" and wanted.due_on is None:
        return "form_incomplete", {"missing": ["due_on"]}
    return _day_ahead(case)


def _day_ahead(case: Case) -> Refused:
    day = case.values.due_on
    return ("day_past", {"due_on": day.isoformat()}) if day is not None and not _is_near(case, day) else None


def _is_near(case: Case, day: dt.date) -> bool:
    """Today or later, and not so late that it is a slip of the pen."""
    return case.today <= day <= case.today + dt.timedelta(days=3660)


def _promise_ahead(case: Case) -> Refused:
    """LIF-16."""
    day = case.values.promised_on
    return None if day > case.today and _is_near(case, day) else ("day_past", {"promised_on": day.isoformat()})


def _doubt_settled(case: Case) -> Refused:
    """DSP-04: while it is in doubt whose matter it is, only those who were asked, or stand above, send it on."""
    above = {"": case.person.role, "dispatch_lead": "dispatch_lead", "supervision_office": "supervision_office"}[
        case.ticket.doubt
    ]
    return None if case.person.role in (above, "office") else ("unit_in_doubt", {"asked": case.ticket.doubt})


def _days_fit(case: Case) -> Refused:
    """EXT-03, EXT-06, EXT-10."""
    days, profile = case.values.days, case.profile
    if not 1 <= days <= profile.extension_max_days:
        return "extension_too_long", {"most": profile.extension_max_days}
    usual = profile.limits.get(case.ticket.nature or "other", profile.default_limit)
    most = profile.max_total_days
    if most and usual + case.around.extended_days + days > most:
        return "extension_too_long", {"most": max(most - usual - case.around.extended_days, 0), "total": most}
    return None


def _first_extension(case: Case) -> Refused:
    return None if case.ticket.extensions < case.profile.extension_count else ("no_more_extensions", {})


def _second_extension(case: Case) -> Refused:
    """EXT-07, EXT-09: after the first, and as often as the city allows."""
    if case.ticket.extensions < case.profile.extension_count:
        return "first_extension_first", {}
    return None if case.ticket.special_extensions < case.profile.extension_special else ("no_more_extensions", {})


def _may_judge(case: Case) -> Refused:
    """CNF-13, SUP-14."""
    return None if case.person.role == case.profile.redo_by else ("not_yours_to_judge", {"by": case.profile.redo_by})


def _target_fits(case: Case) -> Refused:
    """A merge: another ticket of the same citizen that still goes on, nothing hangs under this one, and no circle (TKT-17).

    Another citizen's is linked, so that each is called back (TKT-18).
    """
    into, target = case.values.into, case.around.target
    if target is None or target.ticket_id != into:
        return "unknown_target_ticket", {"into": into}
    if into == case.ticket.ticket_id or case.ticket.ticket_id in case.around.target_chain:
        return "ticket_circle", {"into": into}
    if target.state in ENDED:
        return "target_ended", {"into": into, "state": target.state}
    if not case.around.same_citizen:
        return "another_citizen", {"into": into}
    return ("has_children", {}) if case.around.has_children else None


def _parent_fits(case: Case) -> Refused:
    """TKT-18: one level, no circle; or none any more."""
    parent, target = case.values.parent, case.around.target
    if parent is None:
        return None if case.ticket.parent_id is not None else ("nothing_to_change", {})
    if target is None or target.ticket_id != parent:
        return "unknown_target_ticket", {"into": parent}
    if parent == case.ticket.ticket_id or case.ticket.ticket_id in case.around.target_chain:
        return "ticket_circle", {"into": parent}
    if target.parent_id is not None or case.around.has_children:
        return "has_children", {}
    return ("target_ended", {"into": parent, "state": target.state}) if target.state == "merged" else None


def _above_answered(case: Case) -> Refused:
    """TKT-18: its reply was sent, and nobody judges it now."""
    above = case.around.above
    is_answered = above is not None and above.reply is not None and above.ticket.state in _ANSWERED
    return None if is_answered else ("not_answered_above", {})


def _answer_fits(case: Case) -> Refused:
    """No other unit works on it, and after a redo the unit that answered would not get what accuses it (SEC-02)."""
    above = case.around.above
    theirs = above.ticket.lead_unit if above else ""
    if case.ticket.lead_unit not in ("", theirs):
        return "has_a_unit", {"unit": case.ticket.lead_unit}
    units = (case.around.units.get(code) for code in (theirs, *(above.ticket.co_units if above else ())))
    return next((refused for unit in units if unit and (refused := _not_accused(case, unit))), None)


def _unit_gone(case: Case) -> Refused:
    """The unit that has it is in the directory no more: nobody there will reply."""
    unit = case.around.units.get(case.ticket.lead_unit)
    return None if unit is None or not unit.active else ("unit_at_work", {"unit": unit.code})


def _publishable(case: Case) -> Refused:
    """RPL-12, CNF-24, SEC-02, SEC-03: flagged, not confidential, no accusation, and the citizen is not named."""
    ticket = case.ticket
    if ticket.hidden or ticket.nature == "report" or ticket.misconduct:
        return "not_for_publication", {}
    if not (ticket.publishable or case.profile.public_reply_default):
        return "not_for_publication", {"missing": ["publishable"]}
    return ("citizen_named", {}) if case.around.named_in_order else None


def _service_order(case: Case) -> Refused:
    """LIF-25: no step before the one that comes before it."""
    step = SERVICE_STEPS.index(case.values.step)
    lacking = [one for one in SERVICE_STEPS[:step] if one not in case.around.service_steps]
    return ("service_steps_missing", {"missing": lacking}) if lacking else None


def _service_decided(case: Case) -> Refused:
    """LIF-26: a complaint about the hotline itself is answered when it was looked into."""
    if not case.ticket.service_complaint or "decided" in case.around.service_steps:
        return None
    return "service_steps_missing", {"missing": [one for one in SERVICE_STEPS[:5] if one not in case.around.service_steps]}


def _reason_code(case: Case) -> Refused:
    """GEN-10, GEN-11, CNF-08: a code that the city knows, and where the citizen was told to turn to."""
    known = {*_OWN_REASONS, *case.profile.scope_exclusions}
    if case.profile.duplicate_policy == "karamay":
        known.add("repeated")
    if case.values.code not in known:
        return "unknown_reject_reason", {"known": sorted(known)}
    return None if case.values.explanation.strip() else ("text_missing", {"missing": ["explanation"]})


def _named(case: Case) -> bool:
    """Whether a unit would learn who wants to stay unknown (TKT-13)."""
    return bool(case.ticket.hidden) and (case.ticket.identity_in_text or case.around.named_in_order)


def _protection_changes(case: Case) -> Refused:
    """TKT-14: the wish is binding; who takes it back says so, and why."""
    if set(case.values.hidden) == set(case.ticket.hidden):
        return "nothing_to_change", {}
    return ("reason_missing", {"missing": ["reason"]}) if _opens(case) and not case.values.reason.strip() else None


def _opens(case: Case) -> bool:
    """Whether something is to be seen from now on that the citizen wanted hidden."""
    return bool(set(case.ticket.hidden) - set(case.values.hidden)) and "all" not in case.values.hidden


def _keeps_the_wish(case: Case) -> Refused:
    """TKT-14: once there is a ticket, the wish is taken back with ``protect``, which asks why, and not with the form."""
    is_taken_back = case.ticket.state != "draft" and case.values.hidden is not UNSET and _opens(case)
    return ("protected", {"order": "protect"}) if is_taken_back else None


def _satisfied_or_reviewed(case: Case) -> Refused:
    """LIF-43."""
    is_done = case.ticket.result_satisfaction in SATISFIED or case.ticket.reviewed_at is not None
    return None if is_done else ("review_first", {})


def is_lead(case: Case) -> bool:
    """Whether the person works for the unit that leads (LIF-19)."""
    return bool(case.person.unit) and case.person.unit == case.ticket.lead_unit


NEEDS: Mapping[str, Need] = {
    "fields_valid": _fields_valid,
    "text_given": _text_given,
    "nature_given": needed("nature_missing", lambda case: case.ticket.nature is not None),
    "answer_given": _given("answer", "text_missing"),
    "reason_code": _reason_code,
    "form_complete": _form_complete,
    "identity_given": _identity_given,
    "not_released": needed("nothing_to_change", lambda case: not case.ticket.released),
    "is_released": needed("not_released_yet", lambda case: case.ticket.released),
    "reason": _given("reason", "reason_missing"),
    "text": _given("text", "text_missing"),
    "unit_fits": _unit_fits,
    "unit_if_given": _unit_if_given,
    "unit_known": _unit_known,
    "unit_unnamed": needed("has_a_unit", lambda case: not case.values.lead_unit),
    "unit_below": _unit_below,
    "suggested_known": _suggested_known,
    "mode_fits": _mode_fits,
    "day_ahead": _day_ahead,
    "doubt_settled": _doubt_settled,
    "identity_protected": needed("citizen_named", lambda case: not _named(case)),
    "paper_complete": lambda case: _given("summary", "text_missing")(case) or _given("proposal", "text_missing")(case),
    "is_lead": needed("not_the_lead_unit", is_lead),
    "has_task": needed("no_task_of_yours", lambda case: case.own_task is not None),
    "is_helping": needed("no_task_of_yours", lambda case: case.own_task is not None and case.own_task.kind != "lead"),
    "not_received": needed("received_already", lambda case: case.own_task is not None and case.own_task.received_at is None),
    "no_overlap": needed("overlap_no_ground", lambda case: not case.values.own_part),
    "request_open": needed("no_request", lambda case: case.around.request is not None),
    "days_fit": _days_fit,
    "not_overdue": needed("overdue", lambda case: case.ticket.due_at is None or case.now <= case.ticket.due_at),
    "first_extension": _first_extension,
    "second_extension": _second_extension,
    "signed": _given("signed_by", "signature_missing"),
    "not_endorsed": needed("nothing_to_change", lambda case: not case.ticket.endorsed),
    "is_endorsed": needed("not_endorsed_yet", lambda case: case.ticket.endorsed),
    "promise_ahead": _promise_ahead,
    "may_judge": _may_judge,
    "satisfied_or_reviewed": _satisfied_or_reviewed,
    "stop_asked": needed("no_task_of_yours", lambda case: bool(asked_to_stop(case))),
    "target_fits": _target_fits,
    "parent_fits": _parent_fits,
    "protection_changes": _protection_changes,
    "keeps_the_wish": _keeps_the_wish,
    "above_answered": _above_answered,
    "answer_fits": _answer_fits,
    "unit_gone": _unit_gone,
    "publishable": _publishable,
    "service_complaint": needed("no_service_complaint", lambda case: case.ticket.service_complaint),
    "service_order": _service_order,
    "service_decided": _service_decided,
    **needs_answers.NEEDS,
}
"""Every need of the table."""


def asked_to_stop(case: Case) -> list[object]:
    """The tasks of the person's unit that ended by a withdrawal, and of which it has not confirmed that it stopped (LIF-30)."""
    ended = [task for task in case.around.tasks if task.ended_by == "withdrawn" and task.stop_confirmed_at is None]
    return [task.task_id for task in ended if task.unit == case.person.unit]


CONDITIONS: Mapping[str, Callable[[Case], bool]] = {
    "unit_named": lambda case: bool(case.values.lead_unit),
    "is_lead": is_lead,
    "approval_wanted": lambda case: case.profile.reply_approval and case.person.role != "unit_leader",
    "review_wanted": lambda case: case.profile.reply_review or bool(case.ticket.upstream_no),
    "is_confidential": lambda case: bool(case.ticket.hidden),
    **needs_answers.CONDITIONS,
}
"""Every ``when`` of the table."""
