"""What comes after the reply, and what ends a ticket: call-backs, redo, closing, filing, withdrawal, merging. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import get_args

from crm.tickets.case import Case
from crm.tickets.draft import Draft
from crm.tickets.effects_units import assign, settle
from crm.tickets.needs import asked_to_stop
from crm.tickets.ticket import ClosingGround

GROUNDS: tuple[str, ...] = get_args(ClosingGround)
_UNRATED = {"process_satisfaction": None, "result_satisfaction": None, "solved": None, "reasonable": None}
_SHARED = ("unit", "by", "kind", "basis", "reasons", "policy", "time_limit", "analysis", "present_state", "result", "is_true",
           "solvable", "outcome", "planned_on", "approved_by", "approved_at", "head_signed", "state", "warnings")  # fmt: skip
_JUDGED = {"reasonable": True, "not_reasonable": False, "cannot_judge": None, None: None}


def close(ground: str, case: Case, draft: Draft) -> None:
    """LIF-42; what leaders instructed is to be reported to them (ESC-03, CBK-19)."""
    draft.values |= {"closing_ground": ground, "closed_at": case.now}
    if case.ticket.leader_item:
        draft.warnings.append("report_to_leader")


def _attempted(case: Case, draft: Draft) -> None:
    """CBK-07: each attempt with its call."""
    said = case.values
    draft.keep("callbacks", reached=False, on_call=False, node=said.node, call_id=said.call_id, reason=said.reason,
               opinions=said.opinions)  # fmt: skip
    draft.values |= {"attempts": case.ticket.attempts + 1, "last_attempt_at": case.now}
    if not said.call_id:
        draft.warnings.append("call_unknown")


def _called_back(case: Case, draft: Draft) -> None:
    """CBK-05, CBK-06, CBK-23, CBK-25. Who was not asked about the process (the unit never replied) did not rate it."""
    said = case.values
    process = said.process_satisfaction
    if process is None and said.result_satisfaction is not None:
        process = "not_rated"
    answers = {
        "process_satisfaction": process,
        "result_satisfaction": said.result_satisfaction,
        "solved": said.solved,
        "reasonable": _JUDGED[said.judgement],
    }
    on_call = case.action == "told_on_call"
    draft.keep("callbacks", **answers, reached=True, on_call=on_call, node=said.node, call_id=said.call_id,
               unit_replied=said.unit_replied, reason=said.reason, opinions=said.opinions, verified=said.verified)  # fmt: skip
    draft.values |= {**answers, "callbacks_done": case.ticket.callbacks_done + 1}
    if on_call:
        draft.keep("contacts", channel="telephone", kind="result", node=said.node, call_id=said.call_id, note=said.opinions)
    if said.unit_replied is False:
        draft.warnings.append("unit_did_not_reply")


def _redone(case: Case, draft: Draft) -> None:
    """CBK-15 to CBK-17: the same units, a new reply, new call-backs."""
    draft.complete("replies", {"state": "sent"}, state="refused", opinion=case.values.reason)
    assign(case, draft, case.ticket.lead_unit, case.ticket.co_units, case.values.reason, ended_by="redo")
    draft.values |= {**_UNRATED, "redos": case.ticket.redos + 1, "received_at": None, "replied_at": None, "attempts": 0,
                     "last_attempt_at": None}  # fmt: skip


def _file_reviewed(case: Case, draft: Draft) -> None:
    draft.values["reviewed_at"] = case.now


def _reopened(case: Case, draft: Draft) -> None:
    """CBK-13, CBK-14: the hotline office assigns it again."""
    draft.values |= {**_UNRATED, "lead_unit": "", "co_units": (), "dispatched_at": None, "received_at": None, "due_at": None,
                     "replied_at": None, "promised_at": None, "closing_ground": None, "closed_at": None, "reviewed_at": None,
                     "attempts": 0, "last_attempt_at": None, "doubt": ""}  # fmt: skip
    draft.end_tasks(case.around.open_tasks(), "given_on", case.now)


def _archived(case: Case, draft: Draft) -> None:
    draft.values["archived_at"] = case.now


def _withdrawn(case: Case, draft: Draft) -> None:
    """TKT-20, LIF-30."""
    draft.end_tasks(case.around.open_tasks(), "withdrawn", case.now)
    drop_request(case, draft)
    draft.keep("contacts", channel="telephone", kind="withdrawal", node="", call_id="", note=case.values.reason)


def _unit_told_to_stop(case: Case, draft: Draft) -> None:
    """Each is to confirm that it stopped."""
    draft.detail["stop_asked"] = sorted({task.unit for task in case.around.open_tasks()})


def drop_request(case: Case, draft: Draft) -> None:
    """What was asked for has no object any more."""
    if case.around.request is not None:
        settle(case, draft, False, case.values.reason)
    if case.ticket.state == "reply_proposed":
        draft.complete("replies", {"state": "proposed"}, state="sent_back", opinion=case.values.reason)


def _stop_confirmed(case: Case, draft: Draft) -> None:
    for task_id in asked_to_stop(case):
        draft.complete("tasks", {"task_id": task_id}, stop_confirmed_at=case.now)


def _merged(case: Case, draft: Draft) -> None:
    """TKT-17. The other ticket gets a contact (``cases.py``)."""
    draft.values["merged_into"] = case.values.into
    draft.end_tasks(case.around.open_tasks(), "merged", case.now)
    drop_request(case, draft)


def _answer_taken(case: Case, draft: Draft) -> None:
    """TKT-18: the unit answered once; this citizen gets the answer, and a call-back of his own. What the unit had from the other
    citizen - when he was told, what he thinks of it - is not this one's."""
    above = case.around.above
    if above is None or above.reply is None:
        return
    theirs = {name: getattr(above.reply, name) for name in _SHARED}
    draft.keep("replies", **theirs, citizen_told=False)
    draft.end_tasks(case.around.open_tasks(), "given_on", case.now)
    draft.values |= {
        "lead_unit": above.ticket.lead_unit,
        "co_units": above.ticket.co_units,
        "handling_mode": above.ticket.handling_mode,
        "dispatched_at": case.ticket.dispatched_at or above.ticket.dispatched_at,
        "replied_at": case.now,
        "doubt": "",
    }
    draft.detail["answer_of"] = above.ticket.ticket_id


def _unmerged(case: Case, draft: Draft) -> None:
    """The units that worked on it go on."""
    draft.values["merged_into"] = None
    if case.ticket.lead_unit:
        assign(case, draft, case.ticket.lead_unit, case.ticket.co_units, case.values.reason, ended_by="merged")


def _result_reported(case: Case, draft: Draft) -> None:
    """ESC-03."""
    draft.keep("papers", kind="result", text=case.values.text, unit=case.ticket.lead_unit, due_at=None, detail={})


EFFECTS: Mapping[str, Callable[[Case, Draft], None]] = {
    "attempted": _attempted,
    "called_back": _called_back,
    "redone": _redone,
    "file_reviewed": _file_reviewed,
    "reopened": _reopened,
    "archived": _archived,
    "withdrawn": _withdrawn,
    "unit_told_to_stop": _unit_told_to_stop,
    "stop_confirmed": _stop_confirmed,
    "merged": _merged,
    "answer_taken": _answer_taken,
    "unmerged": _unmerged,
    "result_reported": _result_reported,
}
