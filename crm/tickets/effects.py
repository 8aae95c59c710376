"""What an action does: the words of ``does`` in the table, each a function that writes into the draft of the decision. Pure.

``start:handle`` is an order to a clock, ``pause:handle?pause_on_countersign`` one that depends on a key of the profile,
``closed:callback`` closes on this ground (LIF-42). What units do is in ``effects_units.py``, what comes after their reply in
``effects_endings.py``.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from msgspec import UNSET

from crm.tickets import effects_endings, effects_units
from crm.tickets.case import Case
from crm.tickets.draft import Draft
from crm.tickets.effects_units import assign
from crm.tickets.needs_answers import chosen_supervision
from crm.tickets.ticket import AT_UNIT

VERBS = frozenset(("start", "stop", "pause", "resume", "extend", "restart", "recompute"))
CLOCKS = frozenset(
    ("dispatch", "correct", "receive", "return", "handle", "promise", "review", "callback", "judgement", "supervision", "all")
)
Effect = Callable[[Case, Draft], None]
_IDENTITY = frozenset(
    ("caller_id", "caller_name", "caller_title", "workplace", "home_address", "caller_phone", "calling_number", "callback_phone")
)
_PRESSED = {
    "pending_dispatch": "dispatcher",
    "reported": "leader",
    "countersign": "leader",
    "replied": "callback_agent",
    "callback_pending": "callback_agent",
    "unreachable_1": "callback_agent",
    "review": "supervision_office",
}
"""State -> who has a ticket that is with no unit (CAL-03, CAL-05)."""


def apply(word: str, case: Case, draft: Draft) -> None:
    """One word of ``does``."""
    verb, _, rest = word.partition(":")
    if verb == "closed":
        effects_endings.close(rest, case, draft)
    elif rest:
        clock, _, key = rest.partition("?")
        if not key or getattr(case.profile, key):
            _clock(verb, clock, case, draft)
    else:
        EFFECTS[word](case, draft)


def _clock(verb: str, clock: str, case: Case, draft: Draft) -> None:
    if (verb, clock) == ("extend", "handle"):
        request = case.around.request
        draft.clock(verb, clock, days=(request.days or 0) if request else 0)
        return
    if (verb, clock) == ("start", "callback") and "replied_at" not in draft.values:
        draft.clock(verb, clock, since=case.ticket.replied_at)  # CBK-03: it was reviewed since
        return
    until: dt.datetime | None = None
    if (verb, clock) == ("start", "promise"):
        until = draft.values["promised_at"]
    elif (verb, clock) == ("start", "handle"):
        until = case.end_of(getattr(case.values, "due_on", None))
    draft.clock(verb, clock, until=until)


def nothing(_case: Case, _draft: Draft) -> None:
    """The history says it all: who, when, why."""


def _edited(case: Case, draft: Draft) -> None:
    """The names of identity fields go into the history, never what stands in them (SEC-12)."""
    given = {name: value for name in case.values.__struct_fields__ if (value := getattr(case.values, name)) is not UNSET}
    who = {name: value for name, value in given.items() if name in _IDENTITY}
    draft.values |= {name: value for name, value in given.items() if name not in _IDENTITY}
    if "hidden" in given:
        draft.values["hidden"] = tuple(sorted(set(given["hidden"])))
    if draft.values.get("hidden"):
        draft.values["publishable"] = False
    if who:
        draft.complete("identities", {}, **who)
        draft.detail["identity_changed"] = sorted(who)


def _accepted(case: Case, draft: Draft) -> None:
    draft.values["accept_agent"] = case.ticket.accept_agent or case.person.username


def _answered(case: Case, draft: Draft) -> None:
    """LIF-03 to LIF-10."""
    _accepted(case, draft)
    draft.values |= {"handling_mode": "answer", "answer_case": case.values.case, "answer": case.values.answer}
    if case.values.source:
        draft.detail["source"] = case.values.source


def _rejected(case: Case, draft: Draft) -> None:
    _accepted(case, draft)
    draft.values |= {"reject_reason": case.values.code, "answer": case.values.explanation}


def _submitted(case: Case, draft: Draft) -> None:
    """ORG-21: a trainee's waits for the shift leader, where the city says so."""
    draft.values |= {"handling_mode": "transfer", "doubt": ""}
    if case.person.role == "trainee" and case.profile.trainee_release:
        draft.values["released"] = False
    _repeated(case, draft)


def _repeated(case: Case, draft: Draft) -> None:
    """SUP-18: at the first report again, an instruction of the leaders is proposed."""
    if case.ticket.report_again_of is not None:
        draft.warnings.append("propose_instruction")


def _released(_case: Case, draft: Draft) -> None:
    draft.values["released"] = True


def _sent_back(case: Case, draft: Draft) -> None:
    draft.values["doubt"] = ""
    if case.values.answered_by:
        draft.detail["answered_by"] = case.values.answered_by


def _doubted(_case: Case, draft: Draft) -> None:
    draft.values["doubt"] = "dispatch_lead"


def _doubted_higher(_case: Case, draft: Draft) -> None:
    draft.values["doubt"] = "supervision_office"


def _decided(case: Case, draft: Draft) -> None:
    """The unit does not have it yet: that is the dispatch's."""
    draft.values["doubt"] = ""
    draft.detail |= {"lead_unit": case.values.lead_unit, "co_units": list(case.values.co_units)}


def _dispatched(case: Case, draft: Draft) -> None:
    """DSP-10, LIF-13, LIF-19: the unit that is named first leads."""
    wanted, is_instructed = case.values, case.action == "instruct"
    mode = "instruct" if is_instructed else wanted.mode or ("joint" if wanted.co_units else "direct")
    assign(case, draft, wanted.lead_unit, wanted.co_units, "" if is_instructed else wanted.note, ended_by="given_on")
    draft.values |= {
        "handling_mode": mode,
        "item_kind": "countersign" if case.ticket.state == "countersign" else "time_limited",
        "dispatched_at": case.now,
        "received_at": None,
        "doubt": "",
    }
    if not is_instructed:
        draft.values["assign_agent"] = case.person.username
        _repeated(case, draft)


def _recalled(case: Case, draft: Draft) -> None:
    """Where the unit is gone (``unit_gone``), what it asked for or proposed goes with it."""
    draft.end_tasks(case.around.open_tasks(), "recalled", case.now)
    effects_endings.drop_request(case, draft)
    take_back(draft)
    draft.values["promised_at"] = None


def take_back(draft: Draft) -> None:
    """No unit has it any more."""
    draft.values |= {"lead_unit": "", "co_units": (), "dispatched_at": None, "received_at": None, "due_at": None}


def _reported(case: Case, draft: Draft) -> None:
    """ESC-01."""
    said = case.values
    draft.keep("papers", kind="report", text=said.summary, unit="", due_at=None,
               detail={"kind": said.kind, "proposal": said.proposal, "category": case.ticket.category})  # fmt: skip


def _instructed(case: Case, draft: Draft) -> None:
    """ESC-02, ESC-11: the text is kept as it is, for good."""
    said = case.values
    draft.values["leader_item"] = True
    if case.ticket.state == "reported":
        draft.complete("papers", {"kind": "report", "seen_at": None}, seen_at=case.now)
    draft.keep("papers", kind="instruction", text=said.text, unit=said.lead_unit, due_at=case.end_of(said.due_on), detail={})


def _supervised(case: Case, draft: Draft) -> None:
    """SUP-08, SUP-17; what leaders instruct is under supervision (ESC-02)."""
    said = case.values
    if case.action == "instruct":
        row = {"mode": "written", "kind": "leader", "level": 0, "addressee": said.lead_unit or case.ticket.lead_unit,
               "demand": said.text, "answer_due_at": case.end_of(said.due_on)}  # fmt: skip
    else:
        row = {"mode": said.mode, "kind": said.kind, "level": said.level, "addressee": said.addressee or case.ticket.lead_unit,
               "demand": said.demand, "answer_due_at": said.answer_due_at}  # fmt: skip
    draft.keep("supervisions", **row)
    draft.values["open_supervisions"] = case.ticket.open_supervisions + 1
    if row["answer_due_at"] is not None:
        draft.clock("start", "supervision", until=row["answer_due_at"])


def _supervision_answered(case: Case, draft: Draft) -> None:
    _complete_supervision(case, draft, answered_at=case.now, answered_by=case.person.username, answer=case.values.text)


def _supervision_ended(case: Case, draft: Draft) -> None:
    _complete_supervision(case, draft, ended_at=case.now, result=case.values.reason)
    draft.values["open_supervisions"] = max(case.ticket.open_supervisions - 1, 0)


def _complete_supervision(case: Case, draft: Draft, **values: object) -> None:
    """Its own clock stops, which others do not share (SUP-17)."""
    chosen = chosen_supervision(case)
    if chosen is None:
        return
    draft.complete("supervisions", {"supervision_id": chosen.supervision_id}, **values)
    if chosen.answer_due_at is not None and not chosen.answered:
        draft.clock("stop", "supervision", until=chosen.answer_due_at)


def _urged(case: Case, draft: Draft) -> None:
    """CAL-02, CAL-03, CAL-05: whoever has it; nothing is waited for."""
    state, ticket = case.ticket.state, case.ticket
    addressee = ticket.lead_unit if state in AT_UNIT else _PRESSED.get(state, ticket.accept_agent)
    demand = case.values.note or "催办"
    draft.keep("supervisions", mode="electronic", kind="urge", level=0, addressee=addressee, demand=demand, answer_due_at=None,
               ended_at=case.now)  # fmt: skip


def _countersigned(case: Case, draft: Draft) -> None:
    """LIF-17."""
    draft.keep("papers", kind="countersign", text=case.values.reason, unit=case.ticket.lead_unit, due_at=None, detail={})


def _consulted(case: Case, draft: Draft) -> None:
    """LIF-23: of the conclusion a rule for dispatch may be made."""
    said = case.values
    draft.keep("papers", kind="consultation", text=said.conclusion, unit=said.unit, due_at=case.end_of(said.due_on),
               detail={"participants": list(said.participants), "category": case.ticket.category})  # fmt: skip
    if said.unit and case.ticket.doubt:
        draft.values["doubt"] = ""


def _noted(case: Case, draft: Draft) -> None:
    draft.detail["text"] = case.values.text


def _published(case: Case, draft: Draft) -> None:
    draft.values["publishable"] = True
    draft.detail["text"] = case.values.text


def _marked_urgent(case: Case, draft: Draft) -> None:
    draft.values["urgent"] = case.values.urgent


def _marked_untrue(case: Case, draft: Draft) -> None:
    draft.values["untrue"] = case.values.untrue


def _protected(case: Case, draft: Draft) -> None:
    """TKT-14. What a unit knew already cannot be taken back: the person at the desk is told so."""
    draft.values["hidden"] = tuple(sorted(set(case.values.hidden)))
    if case.values.hidden:
        draft.values["publishable"] = False
        if case.around.tasks:
            draft.warnings.append("unit_knew_citizen")
        if case.ticket.identity_in_text:
            draft.warnings.append("citizen_in_text")


def _linked(case: Case, draft: Draft) -> None:
    draft.values["parent_id"] = case.values.parent


def _letter_written(case: Case, draft: Draft) -> None:
    """TKT-28, RPL-17."""
    said = case.values
    fields = ("addressee", "reference", "way", "present_state", "further")
    detail = {name: getattr(said, name) for name in fields} | {"inspected_on": said.inspected_on.isoformat()}
    draft.keep("papers", kind="reply_letter", text=said.findings, unit=case.person.unit, due_at=None, detail=detail)


def _accountability_opened(case: Case, draft: Draft) -> None:
    said = case.values
    draft.keep("papers", kind="accountability", text=said.reason, unit=said.unit, due_at=None, detail={"persons": said.persons})


def _service_stepped(case: Case, draft: Draft) -> None:
    """LIF-25."""
    draft.detail |= {"step": case.values.step, "text": case.values.text}


EFFECTS: Mapping[str, Effect] = {
    "edited": _edited,
    "accepted": _accepted,
    "answered": _answered,
    "rejected": _rejected,
    "submitted": _submitted,
    "released": _released,
    "sent_back": _sent_back,
    "doubted": _doubted,
    "doubted_higher": _doubted_higher,
    "decided": _decided,
    "dispatched": _dispatched,
    "recalled": _recalled,
    "reported": _reported,
    "instructed": _instructed,
    "supervised": _supervised,
    "supervision_answered": _supervision_answered,
    "supervision_ended": _supervision_ended,
    "urged": _urged,
    "countersigned": _countersigned,
    "consulted": _consulted,
    "noted": _noted,
    "published": _published,
    "marked_urgent": _marked_urgent,
    "marked_untrue": _marked_untrue,
    "protected": _protected,
    "linked": _linked,
    "letter_written": _letter_written,
    "accountability_opened": _accountability_opened,
    "service_stepped": _service_stepped,
    **effects_units.EFFECTS,
    **effects_endings.EFFECTS,
}
"""Every effect of the table that is no clock's."""


def is_known(word: str) -> bool:
    """Whether the table may use it; whether a key of the profile exists is for a test to say."""
    verb, _, rest = word.partition(":")
    if verb == "closed":
        return rest in effects_endings.GROUNDS
    return (verb in VERBS and rest.partition("?")[0] in CLOCKS) if rest else word in EFFECTS
