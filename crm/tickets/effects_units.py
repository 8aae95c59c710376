"""What units do, and what is done with what they ask for: tasks, returns, extensions, replies. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from crm.tickets import content
from crm.tickets.case import Case
from crm.tickets.draft import Draft
from crm.tickets.orders import Commit
from crm.tickets.ticket import number

_ELEMENTS = ("basis", "reasons", "policy", "time_limit", "analysis", "present_state", "result", "opinions", "is_true", "solvable",
             "outcome", "citizen_told", "told_at", "head_signed")  # fmt: skip


def assign(case: Case, draft: Draft, lead: str, helping: tuple[str, ...], note: str, *, ended_by: str) -> None:
    """These units work on it from now on, nobody else does (LIF-19, LIF-20, TKT-05)."""
    draft.end_tasks(case.around.open_tasks(), ended_by, case.now)
    for kind, code in (("lead", lead), *(("helping", one) for one in helping)):
        unit = case.around.units.get(code)
        contact, phone = (unit.contact, unit.phone) if unit else ("", "")
        draft.keep("tasks", unit=code, kind=kind, above=None, note=note, contact=contact, phone=phone)
    draft.values |= {"lead_unit": lead, "co_units": helping}


def _received(case: Case, draft: Draft) -> None:
    draft.values["received_at"] = case.now
    _task_received(case, draft)


def _task_received(case: Case, draft: Draft) -> None:
    if case.own_task is not None and case.own_task.received_at is None:
        draft.complete("tasks", {"task_id": case.own_task.task_id}, received_at=case.now)


def _first_contact(case: Case, draft: Draft) -> None:
    """RPL-20: the first one counts, the history has them all."""
    if case.own_task is not None and case.own_task.first_contact_at is None:
        draft.complete("tasks", {"task_id": case.own_task.task_id}, first_contact_at=case.now)


def _sub_assigned(case: Case, draft: Draft) -> None:
    """LIF-34: the unit above remains responsible for the reply."""
    unit = case.around.units[case.values.unit]
    above = case.own_task.task_id if case.own_task else None
    draft.keep("tasks", unit=unit.code, kind="sub", above=above, note=case.values.note, contact=unit.contact, phone=unit.phone)
    draft.detail["unit"] = unit.code


def _co_replied(case: Case, draft: Draft) -> None:
    """LIF-20, LIF-22: what a helping unit, or one below, says to the one that replies."""
    if case.own_task is not None:
        ended = {"ended_at": case.now, "ended_by": "replied", "opinion": case.values.text}
        draft.complete("tasks", {"task_id": case.own_task.task_id}, **ended)


def _return_asked(case: Case, draft: Draft) -> None:
    """RET-01, RET-02; too late is no hindrance, but it is noted (ASM-14)."""
    is_late = case.around.return_due_at is not None and case.now > case.around.return_due_at
    draft.keep("requests", kind="return", unit=case.person.unit, reason=case.values.reason, days=None,
               suggested=case.values.suggested, late=is_late, signed_by="")  # fmt: skip
    if is_late:
        draft.warnings.append("return_late")


def _extension_asked(case: Case, draft: Draft) -> None:
    """EXT-01, EXT-02, EXT-07: the request in its fixed form begins with the ticket's number (TKT-09)."""
    said, ticket = case.values, case.ticket
    draft.detail["form"] = f"{number(ticket.ticket_id, ticket.channel)}，{said.reason.strip()}，申请延期{said.days}天"
    is_second = case.action == "ask_second_extension"
    draft.values["endorsed"] = False
    draft.keep("requests", kind="second_extension" if is_second else "extension", unit=case.person.unit,
               reason=case.values.reason, days=case.values.days, suggested="", late=False,
               signed_by=case.values.signed_by if is_second else "")  # fmt: skip
    if is_second and "extension_form" not in case.around.attachments:
        draft.warnings.append("extension_form_missing")


def settle(case: Case, draft: Draft, is_approved: bool, opinion: str, **more: object) -> None:
    """The open request is decided."""
    draft.complete("requests", {"decided_at": None}, decided_at=case.now, decided_by=case.person.username, approved=is_approved,
                   opinion=opinion, **more)  # fmt: skip


def _return_approved(case: Case, draft: Draft) -> None:
    """RET-03, RET-07: the unit is out of it, and those who helped it."""
    settle(case, draft, True, case.values.opinion)
    for task in case.around.open_tasks():
        draft.end_tasks((task,), "returned" if task.kind == "lead" else "given_on", case.now)
    draft.values |= {"lead_unit": "", "co_units": (), "dispatched_at": None, "received_at": None, "due_at": None, "doubt": ""}
    if case.around.request is not None and case.around.request.suggested:
        draft.detail["suggested"] = case.around.request.suggested


def _refused(case: Case, draft: Draft) -> None:
    """RET-07, EXT-05: with the reason, back to the unit."""
    settle(case, draft, False, case.values.reason)
    draft.values["endorsed"] = False


def _extension_endorsed(case: Case, draft: Draft) -> None:
    draft.values["endorsed"] = True
    draft.complete("requests", {"decided_at": None}, endorsed_at=case.now, endorsed_by=case.person.username)


def _extension_approved(case: Case, draft: Draft) -> None:
    """EXT-13: the new due time, which the clock computes, replaces the old one."""
    settle(case, draft, True, case.values.opinion, old_due_at=case.ticket.due_at)
    counted = "special_extensions" if case.ticket.state == "extension_second_review" else "extensions"
    draft.values |= {counted: getattr(case.ticket, counted) + 1, "endorsed": False}


def _committed(case: Case, draft: Draft) -> None:
    """LIF-16."""
    draft.values |= {"item_kind": "commitment", "promised_at": case.end_of(case.values.promised_on)}


def _reply_kept(case: Case, draft: Draft) -> None:
    """RPL-02 to RPL-04; of a commitment the first of two (LIF-16)."""
    said = case.values
    is_first = isinstance(said, Commit)
    is_proposed = draft.values.get("state") == "reply_proposed"
    warnings = _warnings(case)
    leader = case.person.username if case.person.role == "unit_leader" else ""
    draft.keep(
        "replies",
        **{name: getattr(said, name) for name in _ELEMENTS},
        unit=case.person.unit,
        kind="first" if is_first else "final",
        planned_on=said.promised_on if isinstance(said, Commit) else said.planned_on,
        state="proposed" if is_proposed else "sent",
        approved_by=leader,
        approved_at=case.now if leader else None,
        warnings=warnings,
    )
    draft.warnings += warnings


def _warnings(case: Case) -> list[str]:
    """What whoever approves should look at (RPL-06)."""
    is_vague = content.empty_phrases(case.values.result, case.profile.empty_answer_patterns)
    has_helpers = any(task.kind == "helping" for task in case.around.open_tasks())
    return [*(["vague_phrases"] if is_vague else []), *(["helpers_not_heard"] if has_helpers else [])]


def _replied(case: Case, draft: Draft) -> None:
    """CBK-03 counts from here."""
    draft.values["replied_at"] = case.now
    draft.end_tasks(case.around.open_tasks(), "replied", case.now)


def _reply_approved(case: Case, draft: Draft) -> None:
    """RPL-07, CBK-16."""
    signed = {"head_signed": case.values.head_signed} if case.values.head_signed.strip() else {}
    draft.complete("replies", {"state": "proposed"}, state="sent", approved_by=case.person.username, approved_at=case.now,
                   opinion=case.values.opinion, **signed)  # fmt: skip


def _reply_sent_back(case: Case, draft: Draft) -> None:
    draft.complete("replies", {"state": "proposed"}, state="sent_back", opinion=case.values.reason)


def _reply_passed(case: Case, draft: Draft) -> None:
    """RPL-13, TKT-22."""
    if case.values.opinion.strip():
        draft.complete("replies", {"state": "sent"}, opinion=case.values.opinion)


def _reply_refused(case: Case, draft: Draft) -> None:
    """RPL-14: the same units go on."""
    draft.complete("replies", {"state": "sent"}, state="refused", opinion=case.values.reason)
    assign(case, draft, case.ticket.lead_unit, case.ticket.co_units, case.values.reason, ended_by="given_on")
    draft.values["replied_at"] = None


EFFECTS: Mapping[str, Callable[[Case, Draft], None]] = {
    "received": _received,
    "task_received": _task_received,
    "started": lambda _case, _draft: None,
    "first_contact": _first_contact,
    "sub_assigned": _sub_assigned,
    "co_replied": _co_replied,
    "return_asked": _return_asked,
    "return_approved": _return_approved,
    "return_refused": _refused,
    "extension_asked": _extension_asked,
    "extension_endorsed": _extension_endorsed,
    "extension_approved": _extension_approved,
    "extension_refused": _refused,
    "committed": _committed,
    "reply_kept": _reply_kept,
    "replied": _replied,
    "reply_approved": _reply_approved,
    "reply_sent_back": _reply_sent_back,
    "reply_passed": _reply_passed,
    "reply_refused": _reply_refused,
}
