"""What actions need of answers: those of units to citizens, of citizens who are called back, of units to supervision. Pure.

RPL-01 to RPL-07, CBK-04 to CBK-25, SUP-17.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping

from crm.tickets import content
from crm.tickets.case import SATISFIED, Case
from crm.tickets.surroundings import Supervision
from hotline.clock import SHANGHAI

Refused = tuple[str, Mapping[str, object]] | None
"""The code of the refusal, and its details; or nothing stands against it."""
Need = Callable[[Case], Refused]


def needed(code: str, holds: Callable[[Case], bool]) -> Need:
    """A need that holds or is refused with this code."""
    return lambda case: None if holds(case) else (code, {})


def _reply_complete(case: Case) -> Refused:
    """RPL-02 to RPL-04, GEN-16."""
    lacking = content.missing(case.values)
    if lacking:
        return "reply_incomplete", {"missing": lacking}
    if content.contradicts(case.values):
        return "reply_contradicts", {"outcome": case.values.outcome}
    day = case.values.planned_on
    if day is not None and case.values.outcome != "resolved" and day < case.today:
        return "day_past", {"planned_on": day.isoformat()}
    return None


def _words_allowed(case: Case) -> Refused:
    """RPL-05: what does not match is said to differ, and no demand is called unreasonable."""
    found = content.forbidden(content.answers(case.values), case.profile.forbidden_words)
    return ("forbidden_words", {"words": found}) if found else None


def _not_empty(case: Case) -> Refused:
    """RPL-06: more than that something was arranged; and where such phrases stand, until when."""
    phrases = case.profile.empty_answer_patterns
    result = case.values.result
    hits = content.empty_phrases(result, phrases)
    if content.is_empty(result, phrases):
        return "reply_empty", {"phrases": hits}
    planned = getattr(case.values, "promised_on", None) or case.values.planned_on
    is_dated = planned is not None or content.says_when(result) or content.says_when(case.values.time_limit)
    return ("reply_without_day", {"phrases": hits, "missing": ["planned_on"]}) if hits and not is_dated else None


def _citizen_told(case: Case) -> Refused:
    """RPL-01, RPL-11, TKT-11: the unit tells the citizen, unless the hotline does; never of a confidential one (TKT-13)."""
    if case.ticket.hidden and case.values.citizen_told:
        return "hotline_tells", {}
    if case.values.told_at is not None and case.values.told_at > case.now:
        return "time_ahead", {"told_at": case.values.told_at.isoformat()}
    return ("citizen_not_told", {}) if case.unit_tells and not case.values.citizen_told else None


def _head_signed(case: Case) -> Refused:
    """CBK-16: after a redo the head of the unit signs."""
    is_proposed = case.ticket.state == "reply_proposed" and case.around.proposed is not None
    earlier = case.around.proposed.head_signed if is_proposed and case.around.proposed else ""
    is_signed = case.values.head_signed.strip() or earlier.strip()
    return None if not case.ticket.redos or is_signed else ("head_must_sign", {"missing": ["head_signed"]})


def _attempts_apart(case: Case) -> Refused:
    """CBK-07: hours apart, and in another half of a day."""
    last = case.ticket.last_attempt_at
    if last is None:
        return None
    next_at = last + dt.timedelta(hours=case.profile.callback_gap_hours)
    is_other = _half_day(last) != _half_day(case.now)
    return None if case.now >= next_at and is_other else ("attempt_too_early", {"hours": case.profile.callback_gap_hours})


def _half_day(moment: dt.datetime) -> tuple[dt.date, bool]:
    local = moment.astimezone(SHANGHAI)
    return local.date(), local.hour < 12


def _answers_given(case: Case) -> Refused:
    """CBK-05, CBK-06, CBK-18: both questions are answered; who got no answer from the unit is asked about the result only."""
    said, lacking = case.values, []
    if case.unit_tells and said.unit_replied is None:
        lacking.append("unit_replied")
    if said.process_satisfaction is None and said.unit_replied is not False:
        lacking.append("process_satisfaction")
    if said.result_satisfaction is None:
        lacking.append("result_satisfaction")
    if said.solved is None and said.result_satisfaction != "not_rated":
        lacking.append("solved")
    return ("answers_missing", {"missing": lacking}) if lacking else None


def _person_verified(case: Case) -> Refused:
    """CBK-22, SEC-06: of a confidential ticket nothing is said before it is clear who is speaking (SEC-09: nor by a trainee)."""
    if "result" in case.ticket.hidden and case.person.role == "trainee":
        return "not_allowed", {"action": f"ticket.{case.action}", "role": case.person.role}
    return None if case.values.verified or not case.ticket.hidden else ("person_not_verified", {"missing": ["verified"]})


def _judged(case: Case) -> Refused:
    """CBK-09 to CBK-11, CBK-25: whether the demand is reasonable, or cannot be judged; and why."""
    lacking = [
        name for name, value in (("judgement", case.values.judgement), ("reason", case.values.reason.strip())) if not value
    ]
    return ("judgement_missing", {"missing": lacking}) if lacking else None


def is_satisfied(case: Case) -> bool:
    """CBK-08; who got neither reply nor solution is not (CBK-12), who did not rate but has it solved is."""
    said = case.values
    if said.unit_replied is False and said.solved is False:
        return False
    return said.result_satisfaction in SATISFIED or (said.result_satisfaction == "not_rated" and said.solved is True)


def not_asked(case: Case) -> bool:
    """The citizen got the result and nothing was answered to the questions: no second call-back, excluded (CBK-04)."""
    said = case.values
    return said.process_satisfaction is None and said.result_satisfaction is None and said.solved is None


def chosen_supervision(case: Case) -> Supervision | None:
    """The open supervision that the order names, or the newest that it can mean (SUP-17)."""
    wanted = case.values.supervision
    waiting = [one for one in case.around.supervisions if case.action != "answer_supervision" or _is_for(case, one)]
    fitting = [one for one in waiting if wanted in (None, one.supervision_id)]
    return fitting[-1] if fitting else None


def _is_for(case: Case, one: Supervision) -> bool:
    return not one.answered and one.addressee in ("", case.person.unit)


def _demand_given(case: Case) -> Refused:
    """SUP-17; the unit that is supervised is one of the directory."""
    if not case.values.demand.strip():
        return "text_missing", {"missing": ["demand"]}
    due = case.values.answer_due_at
    if due is not None and due <= case.now:
        return "day_past", {"answer_due_at": due.isoformat()}
    code = case.values.addressee
    return ("unknown_unit", {"unit": code}) if code and code not in case.around.units else None


def _conclusion_given(case: Case) -> Refused:
    """LIF-23: who met, and what came of it."""
    lacking = [name for name in ("participants", "conclusion") if not getattr(case.values, name)]
    return ("conclusion_missing", {"missing": lacking}) if lacking else None


def _letter_complete(case: Case) -> Refused:
    """TKT-28: to whom, on which letter, when and how it was looked into, what was found, how it stands."""
    said = case.values
    lacking = [name for name in ("addressee", "reference", "way", "findings", "present_state") if not getattr(said, name).strip()]
    if said.inspected_on is None:
        lacking.append("inspected_on")
    if lacking:
        return "letter_incomplete", {"missing": lacking}
    is_past = said.inspected_on <= case.today
    return None if is_past else ("time_ahead", {"inspected_on": said.inspected_on.isoformat()})


NEEDS: Mapping[str, Need] = {
    "reply_complete": _reply_complete,
    "words_allowed": _words_allowed,
    "not_empty": _not_empty,
    "citizen_told": _citizen_told,
    "may_contact": needed("hotline_tells", lambda case: not case.ticket.hidden),
    "head_signed": _head_signed,
    "attempts_apart": _attempts_apart,
    "answers_given": _answers_given,
    "person_verified": _person_verified,
    "judged": _judged,
    "demand_given": _demand_given,
    "supervision_open": needed("no_supervision", lambda case: chosen_supervision(case) is not None),
    "supervision_known": needed("no_supervision", lambda case: chosen_supervision(case) is not None),
    "conclusion_given": _conclusion_given,
    "letter_complete": _letter_complete,
}
CONDITIONS: Mapping[str, Callable[[Case], bool]] = {
    "not_reached": lambda case: not case.values.reached,
    "last_attempt": lambda case: case.ticket.attempts + 1 >= max(2, case.profile.callback_attempts),
    "is_satisfied": is_satisfied,
    "not_asked": not_asked,
}
