"""How a contact is sorted: answered at once, passed on or reported; sent back, withdrawn, heard again (GEN-04, LIF-02 to 14)."""

from __future__ import annotations

from typing import get_args

import pytest

from crm.tickets.change import ClockOrder
from crm.tickets.orders import AnswerCase, ServiceMode
from tests.ticket_orders import WHY
from tests.ticket_world import DISSATISFIED, World, refused, to_call_back


def test_sorting_answers_passes_on_or_reports() -> None:
    """GEN-04, LIF-02, LIF-14, ESC-01, ESC-07: three ways out of intake, each with its paper; at any hour."""
    world = World()
    world.do("agent", "accept", 12)  # nine in the evening
    answered, passed_on, reported = world.copy(), world.copy(), world.copy()
    answered.do("agent", "answer", 0, case="knowledge", answer="供热期到三月十五日。")
    assert (answered.ticket.state, answered.ticket.handling_mode) == ("answered", "answer")
    passed_on.do("agent", "submit", 0)
    assert (passed_on.ticket.state, passed_on.ticket.handling_mode) == ("pending_dispatch", "transfer")
    paper = {"kind": "emergency", "summary": "主管道爆裂，三个小区停热", "proposal": "请启动应急抢修"}
    for lacking in ("summary", "proposal"):
        assert refused(reported, "shift_leader", "report", 0, **{**paper, lacking: " "}) == "text_missing"
    assert refused(reported, "agent", "report", 0, **paper) == "not_allowed"
    (kept,) = [one for one in reported.do("shift_leader", "report", 0, **paper).kept if one.table == "papers"]
    assert reported.ticket.state == "reported" and reported.clocks[-1] == ClockOrder("pause", "dispatch")
    assert (kept.values["kind"], kept.values["text"]) == ("report", paper["summary"])
    assert kept.values["detail"] == {"kind": "emergency", "proposal": paper["proposal"], "category": "C1.20"}


@pytest.mark.parametrize("case", get_args(AnswerCase))
def test_an_answer_at_once_is_registered_with_what_was_said(case: str) -> None:
    """LIF-03 to LIF-11: the cases of a direct answer; the contact is a ticket all the same, with a note of the answer."""
    world = World()
    assert refused(world, "agent", "answer", case=case, answer=" ") == "text_missing"
    change = world.do("agent", "answer", case=case, answer="供热期到三月十五日。", source="供热公司公告")
    assert (change.ticket.state, change.ticket.answer_case, change.ticket.answer) == ("answered", case, "供热期到三月十五日。")
    assert change.detail["source"] == "供热公司公告"
    assert world.do("agent", "close").ticket.closing_ground == "answered"


def test_time_place_persons_course_demand_and_how_it_is_served_are_fields_of_the_form() -> None:
    """TKT-02, TKT-07, TAX-21, GEN-12, GEN-13: one nature and one leaf, a related one beside."""
    given = {
        "event_time": "昨晚八时",
        "event_place": "幸福小区三号楼",
        "persons": "物业值班员",
        "content": "暖气自昨晚八时起不热，物业称供热公司停供。",
        "demand": "恢复供热",
        "nature": "complaint",
        "category": "C1.14",
        "related_category": "C1.26",
        "special_group": "老年人",
    }
    world = World()
    for mode in get_args(ServiceMode)[1:]:
        ticket = world.do("agent", "edit", **given, service_mode=mode).ticket
        assert {name: getattr(ticket, name) for name in given} == given and ticket.service_mode == mode


def test_a_form_below_the_standard_goes_back_to_whoever_took_it_and_comes_again() -> None:
    """DSP-02, DSP-03, TKT-29: corrected and submitted, or answered from the knowledge base that is named."""
    world = World()
    world.do("agent", "accept", 1)
    world.do("agent", "submit", 1)
    assert refused(world, "dispatcher", "return_to_acceptor") == "reason_missing"
    change = world.do("dispatcher", "return_to_acceptor", 1, reason="知识库已有答复", answered_by="供热公司")
    assert (change.ticket.state, change.detail["answered_by"]) == ("returned_to_acceptor", "供热公司")
    assert {(clock.verb, clock.clock) for clock in change.clocks} == {("stop", "dispatch"), ("start", "correct")}
    corrected = world.copy()
    corrected.do("agent", "edit", 1, event_place="幸福小区三号楼二单元")
    assert corrected.do("agent", "submit", 1).ticket.state == "pending_dispatch"
    assert world.do("agent", "answer", 1, case="knowledge", answer="已按公告向来电人说明。").ticket.state == "answered"


def test_a_withdrawal_before_dispatch_ends_it_at_once() -> None:
    """TKT-20, LIF-30, LIF-42."""
    for action in ("accept", "submit"):
        world = World()
        world.do("agent", "accept", 1)
        if action == "submit":
            world.do("agent", "submit", 1)
        change = world.do("agent", "withdraw", 1, reason="已自行解决")
        assert change.ticket.state == "withdrawn" and "stop_asked" not in change.detail
        assert world.do("office", "review_file", 1, reason="撤单").ticket.reviewed_at == world.now


def test_who_calls_again_dissatisfied_is_heard_on_the_same_ticket() -> None:
    """LIF-31, CBK-04."""
    world = to_call_back()
    change = world.do("agent", "told_on_call", **DISSATISFIED)
    assert change.ticket.state == "review"
    assert [kept.values["kind"] for kept in change.kept if kept.table == "contacts"] == ["result"]
    assert world.do("supervision_office", "send_redo", **WHY).ticket.state == "redo"
