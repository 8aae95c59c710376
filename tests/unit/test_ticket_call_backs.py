"""Call-backs, redo, countersigning and the archive, rule by rule: no reply ends without the citizen's word (CBK, ARC-02)."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from crm.errors import RefusedError
from crm.profiles.profile import Profile
from crm.tickets.case import SATISFIED as GRADES_SATISFIED
from crm.tickets.life_cycle import SAME, TABLE
from crm.tickets.ticket import Rating
from tests.ticket_orders import FITTING, LATER, WHY
from tests.ticket_world import DISSATISFIED, PERSONS, REPLY, SATISFIED, World, fresh, handled, order, to_call_back

BY_THE_CITIZENS_WORD = {"call_back", "told_on_call"}


def refused(world: World, who: str, action: str, **values: Any) -> str:
    with pytest.raises(RefusedError) as found:
        world.do(who, action, 1, **values)
    return found.value.code


def test_a_reply_of_a_unit_is_closed_by_nothing_but_a_call_back() -> None:
    """CBK-02, CNF-12: one by one, all of them; an office closes only what was dissatisfied at a call-back."""
    closing = {(row.action, state) for row in TABLE if row.to == "closed" for state in row.states}
    assert {state for action, state in closing if action == "close"} == {"answered"}  # never was with a unit
    assert {state for action, state in closing if action in BY_THE_CITIZENS_WORD} == {"callback_pending", "unreachable_1"}
    assert {pair for pair in closing if pair[0] not in {"close", *BY_THE_CITIZENS_WORD}} == {("close_demand", "review")}
    assert {row.action for row in TABLE if row.to == "review"} == BY_THE_CITIZENS_WORD
    replies = {row.to for row in TABLE if row.action in ("reply", "approve_reply", "pass_reply")}
    assert replies == {"reply_proposed", "replied", "callback_pending"}


@pytest.mark.parametrize("grade", get_args(Rating))
def test_each_grade_is_kept_and_satisfied_ones_close(grade: Rating) -> None:
    """CBK-01, CBK-05, CBK-08, CBK-23: very satisfied is a grade of its own; process and result are two values."""
    world = to_call_back()
    said = {**SATISFIED, "process_satisfaction": "basically_satisfied", "result_satisfaction": grade, "opinions": "希望更快"}
    more = {} if grade in GRADES_SATISFIED or grade == "not_rated" else {"judgement": "reasonable", "reason": "仍不热"}
    change = world.do("callback_agent", "call_back", **said, **more, node="node1", call_id="1764000000.17")
    assert (change.ticket.process_satisfaction, change.ticket.result_satisfaction) == ("basically_satisfied", grade)
    assert change.ticket.state == ("review" if more else "closed")
    (kept,) = [kept.values for kept in change.kept if kept.table == "callbacks"]
    assert (kept["opinions"], kept["call_id"], kept["result_satisfaction"]) == ("希望更快", "1764000000.17", grade)  # CBK-24


def test_who_cannot_judge_leaves_it_to_the_supervision_office() -> None:
    """CBK-11, CBK-25: reasonable or not is a mark with its reason, or stays open."""
    for judgement, expected in (("reasonable", True), ("not_reasonable", False), ("cannot_judge", None)):
        world = to_call_back()
        change = world.do("callback_agent", "call_back", **{**DISSATISFIED, "judgement": judgement})
        assert (change.ticket.state, change.ticket.reasonable) == ("review", expected)
        assert refused(world, "callback_agent", "send_redo", **WHY) == "not_allowed"
        assert refused(world, "callback_agent", "close_demand", **WHY) == "not_allowed"


def test_in_karamay_the_hotline_office_decides_whether_it_is_assigned_again() -> None:
    """CBK-13, CNF-13: the office that the profile names, and no other one."""
    world = to_call_back()
    world.profile = Profile(redo_by="office")
    world.do("callback_agent", "call_back", **DISSATISFIED)
    assert refused(world, "supervision_office", "send_redo", **WHY) == "not_yours_to_judge"
    assert world.copy().do("office", "send_redo", **WHY).ticket.state == "redo"
    assert world.do("office", "close_demand", **WHY).ticket.state == "closed"


def test_a_result_that_is_found_untrue_is_instructed_by_a_leader_and_done_again() -> None:
    """CBK-14, CBK-16, CBK-19: closed, found untrue, submitted to a leader, supervised, reported back."""
    world = to_call_back()
    world.do("callback_agent", "call_back", **SATISFIED)
    world.do("office", "assign_again", reason="抽查发现未落实")
    world.do("dispatcher", "report", kind="neglected", summary="结果不实", proposal="请县领导批示")
    world.do("leader", "instruct", text="重新办理", lead_unit="HEATING", due_on=LATER)
    assert world.supervisions[-1]["kind"] == "leader"
    world.do("unit_clerk", "receive")
    world.do("unit_leader", "reply", **{**REPLY, "head_signed": "李局长"})
    assert "report_to_leader" in world.do("callback_agent", "call_back", **SATISFIED).warnings


def test_a_consultation_over_a_ticket_is_kept_with_who_met_and_what_came_of_it() -> None:
    """LIF-23, CNF-25: the meeting reviews; the dispatch desk still approves the extension."""
    world = handled()
    world.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=3)
    assert refused(world, "supervision_office", "consult", conclusion="同意") == "conclusion_missing"
    change = world.do("supervision_office", "consult", 1, participants=["供热", "房管"], conclusion="同意延期", due_on=LATER)
    assert change.ticket.state == "extension_requested"
    assert world.do("dispatcher", "approve_extension", 1).ticket.state == "in_progress"


def test_what_is_archived_takes_remarks_and_nothing_else() -> None:
    """ARC-02: read-only; corrections are notes beside it."""
    world = World(fresh(state="archived", result_satisfaction="satisfied"))
    beside = {row.action for row in TABLE if "archived" in row.states}
    assert {row.to for row in TABLE if "archived" in row.states} == {SAME}
    assert beside == {"note", "end_supervision", "report_result", "open_accountability", "publish"}
    for who, action, values in FITTING:
        if action not in beside:
            with pytest.raises(RefusedError):
                world.copy().take(PERSONS[who], order(action, **values))
    change = world.do("agent", "note", text="更正：应为幸福里二期")
    assert change.ticket.content == fresh().content and change.detail["text"] == "更正：应为幸福里二期"


def test_a_countersign_by_leaders_stops_the_time_of_the_unit_only_where_the_city_says_so() -> None:
    """TIM-34: by default it does."""
    for is_paused in (True, False):
        world = handled()
        world.profile = Profile(pause_on_countersign=is_paused)
        change = world.do("dispatcher", "countersign", 1, **WHY)
        assert (("pause", "handle") in {(one.verb, one.clock) for one in change.clocks}) is is_paused
    assert Profile().pause_on_countersign and not Profile().pause_on_return
