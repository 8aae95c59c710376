"""The rules of the life cycle one by one, each from a ticket that came there by orders."""

from __future__ import annotations

import datetime as dt
from typing import Any

import msgspec
import pytest

from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.surroundings import Surroundings
from tests.ticket_orders import FITTING, LATER, PLANNED, WHY
from tests.ticket_world import (
    DISSATISFIED,
    REPLY,
    SATISFIED,
    TARGET,
    World,
    abandoned,
    dispatched,
    fresh,
    handled,
    refused,
    to_call_back,
)


def test_a_form_is_passed_on_when_it_has_what_dispatch_checks() -> None:
    """TKT-04, TKT-10, DSP-01."""
    for values in ({"category": ""}, {"has_identity": False}):
        world = World(fresh(**values))
        world.do("agent", "accept")
        assert refused(world, "agent", "submit") == "form_incomplete"
    world = World(fresh(has_identity=False, anonymous=True))
    world.do("agent", "accept")
    assert world.do("agent", "submit").ticket.state == "pending_dispatch"  # CNF-07: asked for, not demanded
    assert refused(World(fresh(content="暖气")), "agent", "accept") == "text_too_short"
    assert refused(World(fresh(nature=None)), "agent", "accept") == "nature_missing"


def test_where_the_city_says_so_a_report_needs_the_whole_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """TKT-15."""
    strict = Profile(require_identity_for=("complaint", "report"))
    world = World(fresh(nature="report", anonymous=True), strict)
    world.do("agent", "accept")
    assert refused(world, "agent", "submit") == "identity_needed"
    world = World(fresh(nature="report"), strict)
    world.do("agent", "accept")
    around = msgspec.structs.replace(world.around(), identity_missing=("home_address",))
    with monkeypatch.context() as patched:
        patched.setattr(World, "around", lambda _self: around)
        assert refused(world, "agent", "submit") == "identity_needed"
    assert world.do("agent", "submit").values["state"] == "pending_dispatch"


def test_a_report_goes_neither_to_the_accused_unit_nor_below_it() -> None:
    """SEC-02, CNF-31; an ordinary complaint may go to the unit itself."""
    for guarded in ({"nature": "report"}, {"nature": "complaint", "misconduct": True}):
        world = World(fresh(accused_unit="HEATING", **guarded))
        world.do("agent", "accept")
        world.do("agent", "submit")
        for named in ({"lead_unit": "HEATING"}, {"lead_unit": "HEATING.EAST"}, {"lead_unit": "CITY", "co_units": ["HEATING"]}):
            assert refused(world, "dispatcher", "dispatch", **named) == "unit_accused"
            assert refused(world, "leader", "instruct", text="请办", **named) == "unit_accused"
        assert world.do("dispatcher", "dispatch", lead_unit="CITY").ticket.lead_unit == "CITY"
    world = dispatched(nature="complaint", accused_unit="HEATING")
    assert world.ticket.lead_unit == "HEATING"


def test_units_are_known_in_use_and_named_once_and_the_mode_fits() -> None:
    """DSP-05, LIF-13."""
    world = World()
    world.do("agent", "accept")
    world.do("agent", "submit")
    for values, code in (
        ({"lead_unit": "NOWHERE"}, "unknown_unit"),
        ({"lead_unit": ""}, "unit_missing"),
        ({"lead_unit": "CLOSED"}, "unit_not_active"),
        ({"lead_unit": "HEATING", "co_units": ["HEATING"]}, "unit_twice"),
        ({"lead_unit": "HEATING", "co_units": ["HOUSING", "HOUSING"]}, "unit_twice"),
        ({"lead_unit": "HEATING", "mode": "joint"}, "mode_does_not_fit"),
        ({"lead_unit": "HEATING", "mode": "direct", "co_units": ["HOUSING"]}, "mode_does_not_fit"),
        ({"lead_unit": "HEATING", "mode": "assign"}, "form_incomplete"),
        ({"lead_unit": "HEATING", "mode": "assign", "due_on": "2026-11-01"}, "day_past"),
    ):
        assert refused(world, "dispatcher", "dispatch", **values) == code, values
    change = world.do("dispatcher", "dispatch", lead_unit="HEATING", mode="assign", due_on=LATER)
    (handle,) = [clock for clock in change.clocks if clock.clock == "handle"]
    assert handle.until is not None and handle.until.isoformat() == "2026-12-31T18:00:00+08:00"
    assert world.tasks[0] | {"unit": "HEATING", "contact": "李工", "phone": "05342000001"} == world.tasks[0]  # TKT-05


def test_a_confidential_ticket_whose_text_names_the_citizen_is_not_dispatched() -> None:
    """TKT-13."""
    world = World(fresh(hidden=("name",), identity_in_text=True))
    world.do("agent", "accept")
    world.do("agent", "submit")
    assert refused(world, "dispatcher", "dispatch", lead_unit="HEATING") == "citizen_named"
    world.ticket = msgspec.structs.replace(world.ticket, identity_in_text=False)
    assert world.do("dispatcher", "dispatch", lead_unit="HEATING").ticket.state == "dispatched"


def test_a_doubt_is_settled_by_those_who_were_asked() -> None:
    """DSP-04, RET-05."""
    world = World()
    world.do("agent", "accept")
    world.do("agent", "submit")
    world.do("dispatcher", "ask_dispatch_lead", **WHY)
    assert refused(world, "dispatcher", "dispatch", lead_unit="HEATING") == "unit_in_doubt"
    world.do("dispatch_lead", "ask_supervision_office", **WHY)
    assert refused(world, "dispatch_lead", "dispatch", lead_unit="HEATING") == "unit_in_doubt"
    change = world.do("supervision_office", "decide_unit", **WHY, lead_unit="HEATING")
    assert change.detail["lead_unit"] == "HEATING" and not world.ticket.lead_unit
    assert world.do("dispatcher", "dispatch", lead_unit="HEATING").ticket.state == "dispatched"


def test_a_trainees_ticket_waits_for_the_shift_leader() -> None:
    """ORG-21."""
    world = World(fresh(accept_agent="trainee"), Profile(trainee_release=True))
    world.do("trainee", "accept")
    world.do("trainee", "submit")
    assert refused(world, "dispatcher", "dispatch", lead_unit="HEATING") == "not_released_yet"
    world.do("shift_leader", "release")
    assert refused(world, "shift_leader", "release") == "nothing_to_change"
    assert world.do("dispatcher", "dispatch", lead_unit="HEATING").ticket.state == "dispatched"


def test_an_agent_edits_and_passes_on_his_own_tickets_only() -> None:
    """ORG-20."""
    world = World(fresh(accept_agent="trainee"))
    assert refused(world, "agent", "edit", demand="供热") == "not_allowed"
    assert world.do("trainee", "edit", demand="供热").detail["changed"] == {"demand": ["", "供热"]}
    assert refused(world, "trainee", "edit") == "nothing_to_change"


def test_the_history_has_names_of_identity_fields_but_not_what_stands_in_them() -> None:
    """SEC-12, LIF-41."""
    change = World().do("agent", "edit", caller_name="张晓明", callback_phone="13805340001", nature="complaint")
    assert change.detail == {"identity_changed": ["callback_phone", "caller_name"], "changed": {"nature": ["help", "complaint"]}}
    assert change.kept[0].table == "identities" and change.kept[0].values["caller_name"] == "张晓明"
    assert "张晓明" not in str(change.values)


def test_only_the_lead_unit_decides_and_overlap_is_no_ground_for_a_return() -> None:
    """LIF-19, RET-06, CNF-27."""
    world = handled()
    assert refused(world, "helper", "ask_return", reason="不属于本单位") == "not_the_lead_unit"
    assert refused(world, "foreign", "ask_return", reason="不属于本单位") == "not_allowed"
    assert refused(world, "unit_clerk", "ask_return", reason="职能交叉", own_part=True) == "overlap_no_ground"
    assert refused(world, "unit_clerk", "ask_return") == "reason_missing"
    world.do("unit_clerk", "ask_return", 1, reason="不属于供热范围", suggested="HOUSING")
    assert world.ticket.before == "in_progress"
    change = world.do("dispatcher", "refuse_return", 1, reason="属于供热范围")
    assert change.ticket.state == "in_progress" and change.ticket.before is None
    assert ClockOrder("resume", "return") in change.clocks
    assert not any(clock.clock == "handle" for clock in change.clocks)  # RET-07: the deadline kept running
    world.do("unit_clerk", "ask_return", 1, reason="不属于供热范围", suggested="HOUSING")
    change = world.do("dispatcher", "approve_return", 1)
    assert change.detail["suggested"] == "HOUSING" and not world.around().open_tasks()
    assert [task.ended_by for task in world.around().tasks] == ["returned", "given_on"]
    assert world.do("dispatcher", "dispatch", 1, lead_unit="HOUSING").ticket.lead_unit == "HOUSING"
    assert refused(world, "unit_clerk", "receive") == "no_task_of_yours"


def test_a_return_pauses_the_deadline_only_where_the_city_says_so() -> None:
    """TIM-34."""
    for is_paused in (False, True):
        world = handled()
        world.profile = Profile(pause_on_return=is_paused)
        change = world.do("unit_clerk", "ask_return", 1, reason="不属于供热范围")
        assert (ClockOrder("pause", "handle") in change.clocks) is is_paused


def test_a_late_return_is_taken_and_noted(monkeypatch: pytest.MonkeyPatch) -> None:
    """RET-02, ASM-14."""
    world = handled()
    around: Surroundings = msgspec.structs.replace(world.around(), return_due_at=world.now)
    monkeypatch.setattr(World, "around", lambda _self: around)
    change = world.do("unit_clerk", "ask_return", 1, reason="不属于供热范围")
    assert change.warnings == ("return_late",) and world.requests[-1]["late"] is True


def test_extensions_one_by_dispatch_one_more_by_the_supervision_office_and_no_third() -> None:
    """EXT-01 to EXT-09, EXT-13."""
    world = handled()
    assert refused(world, "unit_clerk", "ask_extension", reason="配件未到", days=8) == "extension_too_long"
    assert refused(world, "unit_leader", "ask_second_extension", **WHY, days=7, signed_by="张") == "first_extension_first"
    world.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=7)
    assert refused(world, "dispatcher", "refuse_extension") == "reason_missing"
    change = world.do("dispatcher", "approve_extension", 1)
    assert change.clocks == (ClockOrder("extend", "handle", days=7),) and change.ticket.extensions == 1
    assert refused(world, "unit_clerk", "ask_extension", reason="配件未到", days=7) == "no_more_extensions"
    assert refused(world, "unit_leader", "ask_second_extension", **WHY, days=7) == "signature_missing"
    change = world.do("unit_leader", "ask_second_extension", 1, **WHY, days=7, signed_by="张局长")
    assert change.warnings == ("extension_form_missing",)
    assert refused(world, "dispatcher", "approve_extension") == "not_endorsed_yet"
    world.do("supervision_office", "endorse_extension", 1)
    change = world.do("dispatcher", "approve_extension", 1)
    assert (change.ticket.special_extensions, change.ticket.state) == (1, "in_progress")
    assert refused(world, "unit_leader", "ask_second_extension", **WHY, days=1, signed_by="张局长") == "no_more_extensions"


def test_no_extension_after_the_deadline_or_beyond_the_most_that_a_ticket_may_take() -> None:
    """EXT-06, EXT-10."""
    world = handled()
    assert refused(world, "unit_clerk", "ask_extension", 24 * 6, reason="配件未到", days=7) == "overdue"
    world.profile = Profile(max_total_days=8)
    assert refused(world, "unit_clerk", "ask_extension", reason="配件未到", days=4) == "extension_too_long"
    assert world.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=3).ticket.state == "extension_requested"


def test_a_commitment_has_two_replies_and_a_day() -> None:
    """LIF-16, TIM-22."""
    world = handled()
    assert refused(world, "unit_clerk", "commit", **PLANNED, promised_on="2026-11-20") == "day_past"
    assert refused(world, "unit_clerk", "commit", **{**PLANNED, "outcome": "resolved"}, promised_on=LATER) == "reply_contradicts"
    change = world.do("unit_clerk", "commit", **PLANNED, promised_on=LATER)
    (promise,) = [clock for clock in change.clocks if clock.verb == "start"]
    assert (promise.clock, promise.until) == ("promise", change.ticket.promised_at)
    assert (world.replies[0]["kind"], world.replies[0]["planned_on"]) == ("first", dt.date(2026, 12, 31))
    world.do("unit_leader", "reply", **REPLY)
    assert [row["kind"] for row in world.replies] == ["first", "final"] and world.ticket.state == "callback_pending"


def test_who_tells_the_citizen() -> None:
    """RPL-01, RPL-11, TKT-11, TKT-13, CNF-06."""
    world = handled()
    untold = {**REPLY, "citizen_told": False}
    assert refused(world, "unit_clerk", "reply", **untold) == "citizen_not_told"
    world.profile = Profile(who_replies="hotline")
    assert world.copy().do("unit_clerk", "reply", **untold)
    assert handled(reply_wanted=False).do("unit_clerk", "reply", **untold)
    hidden = handled(hidden=("phone",))
    assert refused(hidden, "unit_clerk", "contact_citizen") == "hotline_tells"
    assert refused(hidden, "unit_clerk", "reply", **REPLY) == "hotline_tells"
    assert hidden.do("unit_clerk", "reply", **untold)
    late = (world.now + dt.timedelta(days=3)).isoformat()
    assert refused(world, "unit_clerk", "reply", **REPLY, told_at=late) == "time_ahead"


def test_a_reply_is_approved_by_the_units_leader_who_may_also_write_it() -> None:
    """RPL-07."""
    world = handled()
    world.do("unit_clerk", "reply", **REPLY)
    assert refused(world, "unit_clerk", "approve_reply") == "not_allowed"
    world.do("unit_leader", "send_back_reply", **WHY)
    assert (world.ticket.state, world.replies[0]["state"]) == ("in_progress", "sent_back")
    change = world.do("unit_leader", "reply", **REPLY)
    assert (world.ticket.state, world.replies[1]["approved_by"]) == ("callback_pending", "unit_leader")
    assert ClockOrder("start", "callback") in change.clocks and not world.around().open_tasks()


def test_what_came_from_above_is_reviewed_before_it_goes_up() -> None:
    """TKT-22, RPL-13, RPL-14."""
    world = handled(upstream_system="province", upstream_no="省1")
    world.do("unit_leader", "reply", **REPLY)
    assert world.ticket.state == "replied"
    change = world.do("callback_agent", "refuse_reply", **WHY)
    assert ClockOrder("restart", "handle") in change.clocks and world.replies[0]["state"] == "refused"
    assert {task.unit for task in world.around().open_tasks()} == {"HEATING", "HOUSING"}
    world.do("unit_leader", "reply", **REPLY)
    passed = world.do("callback_agent", "pass_reply")
    assert passed.ticket.state == "callback_pending"
    (call_back,) = [one for one in passed.clocks if one.clock == "callback"]
    assert call_back.since == passed.ticket.replied_at, "CBK-03: the days begin with the reply"


def test_two_attempts_lie_hours_and_half_a_day_apart() -> None:
    """CBK-07, TIM-17; the first at ten in the morning."""
    world = to_call_back()
    world.do("callback_agent", "call_back", hours=(26 - (world.now.hour + 24)) % 24, reached=False)
    assert world.now.hour == 2 and world.ticket.state == "unreachable_1"
    for hours in (1, 1.9):
        assert refused(world, "callback_agent", "call_back", hours, reached=False) == "attempt_too_early"
    assert refused(world, "callback_agent", "call_back", 3, reached=False) == "attempt_too_early"
    change = world.do("callback_agent", "call_back", 5, reached=False)
    assert (change.ticket.state, change.ticket.closing_ground, change.ticket.attempts) == ("closed", "unreachable", 2)
    assert refused(world, "callback_agent", "archive") == "review_first"  # LIF-43
    world.do("office", "review_file", reason="无需再办")
    assert world.do("callback_agent", "archive").ticket.state == "archived"


def test_a_second_attempt_in_the_same_half_day_is_too_early_even_after_hours() -> None:
    """CBK-07."""
    world = to_call_back()
    world.do("callback_agent", "call_back", hours=(28 - world.now.hour) % 24, reached=False)
    assert world.now.hour == 4  # noon in Shanghai
    assert refused(world, "callback_agent", "call_back", 6, reached=False) == "attempt_too_early"


def test_both_questions_are_answered_or_the_result_alone_where_the_unit_did_not_reply() -> None:
    """CBK-05, CBK-06, CBK-18."""
    world = to_call_back()
    for left_out in ("unit_replied", "process_satisfaction", "result_satisfaction", "solved"):
        said = {name: value for name, value in SATISFIED.items() if name != left_out}
        assert refused(world, "callback_agent", "call_back", **said) == "answers_missing", left_out
    change = world.do("callback_agent", "call_back", unit_replied=False, result_satisfaction="satisfied", solved=True)
    assert (change.ticket.state, change.ticket.process_satisfaction) == ("closed", "not_rated")
    assert "unit_did_not_reply" in change.warnings
    assert world.do("callback_agent", "archive").ticket.state == "archived"


def test_who_got_neither_reply_nor_solution_is_not_satisfied() -> None:
    """CBK-12."""
    said = {"unit_replied": False, "result_satisfaction": "satisfied", "solved": False}
    assert refused(to_call_back(), "callback_agent", "call_back", **said) == "judgement_missing"


def test_of_a_confidential_ticket_nothing_is_told_before_the_person_is_known() -> None:
    """CBK-22, SEC-06."""
    said = {"process_satisfaction": "satisfied", "result_satisfaction": "very_satisfied", "solved": True}
    world = to_call_back(hidden=("all",))
    for who, action in (("callback_agent", "call_back"), ("agent", "told_on_call")):
        assert refused(world, who, action, **said) == "person_not_verified"
    change = world.do("callback_agent", "call_back", **said, verified=True)
    assert change.ticket.closing_ground == "confidential_told"


def test_a_sensitive_result_is_told_by_the_hotline_to_the_person_and_not_by_a_trainee() -> None:
    """SEC-09: health data, for instance; the unit knows who it is and still leaves the telling to the hotline."""
    said = {"process_satisfaction": "satisfied", "result_satisfaction": "satisfied", "solved": True}
    world = handled()
    world.do("agent", "protect", hidden=["result"])
    assert refused(world, "unit_clerk", "contact_citizen") == "hotline_tells"
    world = to_call_back(hidden=("result",))
    assert refused(world, "agent", "told_on_call", **said) == "person_not_verified"
    assert refused(world, "trainee", "told_on_call", **said, verified=True) == "not_allowed"
    assert world.do("agent", "told_on_call", **said, verified=True).ticket.state == "closed"


def test_a_dissatisfied_citizen_is_judged_and_the_office_that_the_rules_name_decides() -> None:
    """CBK-09 to CBK-17, CNF-13, SUP-14."""
    world = to_call_back()
    unjudged = {name: value for name, value in DISSATISFIED.items() if name != "judgement"}
    assert refused(world, "callback_agent", "call_back", **unjudged) == "judgement_missing"
    world.do("callback_agent", "call_back", **DISSATISFIED)
    assert (world.ticket.state, world.ticket.reasonable) == ("review", True)
    assert refused(world, "office", "send_redo", **WHY) == "not_yours_to_judge"
    change = world.do("supervision_office", "send_redo", **WHY)
    assert (change.ticket.redos, change.ticket.result_satisfaction) == (1, None)
    assert {clock.clock for clock in change.clocks if clock.verb == "start"} == {"receive", "handle"}
    world.do("unit_clerk", "receive")
    assert refused(world, "unit_leader", "reply", **REPLY) == "head_must_sign"
    world.do("unit_clerk", "reply", **REPLY)
    assert refused(world, "unit_leader", "approve_reply") == "head_must_sign"
    world.do("unit_leader", "approve_reply", head_signed="李局长")
    assert world.replies[-1]["head_signed"] == "李局长"
    world.do("callback_agent", "call_back", **SATISFIED)
    assert world.do("callback_agent", "archive").ticket.state == "archived"


def test_an_unreasonable_demand_is_closed_by_the_supervision_office_and_filed_after_review() -> None:
    """CBK-10, LIF-42, LIF-43."""
    world = to_call_back()
    world.do("callback_agent", "call_back", **{**DISSATISFIED, "judgement": "not_reasonable"})
    assert world.ticket.reasonable is False
    world.do("supervision_office", "close_demand", reason="与事实不相符")
    assert world.ticket.closing_ground == "demand_closed"
    assert refused(world, "callback_agent", "archive") == "review_first"


def test_who_got_the_result_when_calling_is_not_called_back_again() -> None:
    """CBK-04, LIF-09: with both answers it is a call-back done, without it is excluded."""
    for said in ({}, SATISFIED):
        world = to_call_back()
        change = world.do("agent", "told_on_call", **said)
        assert (change.ticket.state, change.ticket.closing_ground) == ("closed", "told_on_call")
        assert [kept.values["kind"] for kept in change.kept if kept.table == "contacts"] == ["result"]
        assert refused(world, "callback_agent", "call_back", **SATISFIED) == "wrong_state"


def test_the_office_may_assign_a_closed_ticket_again() -> None:
    """CBK-13, CBK-14."""
    world = to_call_back()
    world.do("callback_agent", "call_back", **SATISFIED)
    change = world.do("office", "assign_again", reason="复核发现未落实")
    assert (change.ticket.state, change.ticket.lead_unit, change.ticket.closing_ground) == ("pending_dispatch", "", None)


def test_a_withdrawal_before_the_reply_tells_the_units_to_stop_and_they_confirm() -> None:
    """TKT-20, LIF-30."""
    world = handled()
    world.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=3)
    change = world.do("shift_leader", "withdraw", 1, reason="来电人撤单")
    assert change.detail["stop_asked"] == ["HEATING", "HOUSING"] and ClockOrder("stop", "all") in change.clocks
    assert world.around().request is None
    world.do("unit_clerk", "confirm_stop")
    assert refused(world, "unit_clerk", "confirm_stop") == "no_task_of_yours"
    assert [task.stop_confirmed_at is not None for task in world.around().tasks] == [True, False]
    assert refused(to_call_back(), "agent", "withdraw", **WHY) == "wrong_state"


def test_a_merge_goes_into_another_ticket_that_goes_on_and_can_be_undone() -> None:
    """TKT-17."""
    world = handled()
    assert refused(world, "dispatcher", "merge", into=2026112300007) == "unknown_target_ticket"
    assert refused(world, "dispatcher", "merge", into=world.ticket.ticket_id) == "unknown_target_ticket"
    world.do("unit_clerk", "ask_return", 1, reason="不属于供热范围")
    change = world.do("dispatcher", "merge", into=TARGET.ticket_id)
    assert (change.ticket.merged_into, change.ticket.before) == (TARGET.ticket_id, "in_progress")
    assert not world.around().open_tasks() and world.around().request is None
    assert world.do("dispatcher", "unmerge", reason="并错").ticket.state == "in_progress"
    assert {task.unit for task in world.around().open_tasks()} == {"HEATING", "HOUSING"}


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"target_chain": (2026112300001,)}, "ticket_circle"),
        ({"target": msgspec.structs.replace(TARGET, state="closed")}, "target_ended"),
        ({"has_children": True}, "has_children"),
    ],
)
def test_a_merge_makes_no_circle_and_leaves_nobody_behind(
    monkeypatch: pytest.MonkeyPatch, changed: dict[str, Any], code: str
) -> None:
    world = dispatched()
    around = msgspec.structs.replace(world.around(), **changed)
    monkeypatch.setattr(World, "around", lambda _self: around)
    assert refused(world, "dispatcher", "merge", into=TARGET.ticket_id) == code


def test_a_unit_gives_it_to_units_below_it_and_helpers_say_what_they_think() -> None:
    """LIF-20, LIF-22, LIF-34."""
    world = handled()
    assert refused(world, "unit_clerk", "sub_assign", unit="HOUSING") == "unit_not_below"
    world.do("unit_clerk", "sub_assign", unit="HEATING.EAST", note="请上门测温")
    assert world.tasks[-1]["above"] == world.tasks[0]["task_id"]
    world.do("below", "receive")
    assert refused(world, "below", "receive") == "received_already"
    assert refused(world, "below", "reply", **REPLY) == "not_the_lead_unit"
    world.do("below", "co_reply", text="室温十二度")
    assert refused(world, "unit_clerk", "co_reply", text="x") == "no_task_of_yours"
    assert world.do("helper", "co_reply", text="已核对").ticket.state == "in_progress"


def test_an_instruction_is_kept_makes_a_leader_item_and_is_reported_back() -> None:
    """ESC-02, ESC-03, ESC-05, CBK-19."""
    world = World()
    world.do("agent", "accept")
    world.do("shift_leader", "report", kind="hot_topic", summary="多小区停热", proposal="请批示")
    change = world.do("leader", "instruct", text="请供热公司办理", lead_unit="HEATING", due_on=LATER)
    assert (change.ticket.state, change.ticket.leader_item, change.ticket.handling_mode) == ("dispatched", True, "instruct")
    assert [kept.values["kind"] for kept in change.kept if kept.table == "papers" and kept.is_new] == ["instruction"]
    assert world.supervisions[0]["kind"] == "leader" and world.supervisions[0]["addressee"] == "HEATING"
    assert refused(world, "leader", "instruct", text="改由房管办理", lead_unit="HOUSING") == "has_a_unit"
    world.do("unit_clerk", "receive")
    world.do("unit_leader", "reply", **REPLY)
    assert "report_to_leader" in world.do("callback_agent", "call_back", **SATISFIED).warnings
    assert world.do("callback_agent", "report_result", text="已办结").ticket.state == "closed"


def test_a_formal_letter_has_all_that_the_superior_office_asks_for() -> None:
    """TKT-28, RPL-17."""
    world = handled(upstream_system="province", upstream_no="省1")
    (letter,) = [values for _, action, values in FITTING if action == "write_letter"]
    for left_out in letter:
        lacking = {name: value for name, value in letter.items() if name != left_out}
        assert refused(world, "unit_clerk", "write_letter", **lacking) == "letter_incomplete", left_out
    assert refused(world, "unit_clerk", "write_letter", **{**letter, "inspected_on": LATER}) == "time_ahead"
    (paper,) = world.do("unit_clerk", "write_letter", **letter, further="阀门已送检").kept
    assert (paper.values["kind"], paper.values["text"], paper.values["unit"]) == ("reply_letter", letter["findings"], "HEATING")
    assert paper.values["detail"]["reference"] == "省转〔2026〕17 号" and paper.values["detail"]["further"] == "阀门已送检"


def test_supervision_is_answered_by_the_unit_and_ended_by_the_office() -> None:
    """SUP-08, SUP-17."""
    world = handled()
    for kind, day in (("ordinary", 1), ("leader_again", 2)):
        until = f"2026-12-0{day}T00:00:00Z"
        world.do("supervision_office", "supervise", mode="written", kind=kind, demand="请说明", answer_due_at=until)
    clocks = [ClockOrder("stop", "supervision", until=row["answer_due_at"]) for row in world.supervisions]
    first = str(world.supervisions[0]["supervision_id"])
    assert refused(world, "helper", "answer_supervision", text="x") == "no_supervision"
    assert world.do("unit_clerk", "answer_supervision", text="抢修中", supervision=first).clocks == (clocks[0],)
    assert world.do("unit_clerk", "answer_supervision", text="抢修中").clocks == (clocks[1],)
    assert refused(world, "unit_clerk", "answer_supervision", text="x") == "no_supervision"
    assert not world.do("supervision_office", "end_supervision", reason="已落实").clocks
    assert world.ticket.open_supervisions == 1
    world.do("agent", "urge")
    assert (world.supervisions[-1]["kind"], world.ticket.open_supervisions) == ("urge", 1)


def test_the_first_report_again_proposes_an_instruction() -> None:
    """SUP-18."""
    world = World(fresh(report_again_of=2026110100001))
    world.do("agent", "accept")
    assert world.do("agent", "submit").warnings == ("propose_instruction",)


def test_a_nature_is_one_of_those_that_the_city_has() -> None:
    """TAX-06."""
    world = World()
    assert refused(world, "agent", "edit", nature="report") == "unknown_nature"
    world.profile = Profile(nature_set=("consult", "help", "complaint", "report", "suggest", "praise", "other"))
    assert world.do("agent", "edit", nature="report").ticket.nature == "report"


def test_a_refusal_names_a_code_that_the_city_knows() -> None:
    """GEN-10, GEN-11, CNF-08."""
    world = World()
    assert refused(world, "agent", "reject", code="repeated", explanation="已受理") == "unknown_reject_reason"
    assert refused(world, "agent", "reject", code="malicious", explanation=" ") == "text_missing"
    world.profile = Profile(duplicate_policy="karamay")
    assert world.do("agent", "reject", code="repeated", explanation="请关注原工单").ticket.reject_reason == "repeated"


def test_a_complaint_about_the_hotline_is_looked_into_step_by_step_before_it_is_answered() -> None:
    """LIF-25, LIF-26."""
    world = World(fresh(service_complaint=True))
    world.do("agent", "accept")
    said = {"case": "other_source", "answer": "已核实并批评教育。"}
    assert refused(world, "agent", "answer", **said) == "service_steps_missing"
    assert refused(world, "quality", "service_step", step="heard", text="x") == "service_steps_missing"
    for step in ("announced", "verified", "heard", "analysed", "decided"):
        world.do("quality", "service_step", step=step, text="已记录")
    assert world.do("agent", "answer", **said).ticket.state == "answered"
    assert refused(World(), "quality", "service_step", step="announced", text="x") == "wrong_state"


def test_what_is_confidential_or_a_report_is_never_published() -> None:
    """RPL-12, CNF-24, SEC-02."""
    for values, code in (
        ({"hidden": ("all",), "publishable": True}, "not_for_publication"),
        ({"nature": "report", "publishable": True}, "not_for_publication"),
        ({}, "not_for_publication"),
    ):
        world = World(fresh(state="archived", **values))
        assert refused(world, "office", "publish", text="已恢复供热") == code
    assert World(fresh(state="archived", publishable=True)).do("office", "publish", text="已恢复供热").detail["text"]


def test_a_wish_to_stay_unknown_can_be_made_at_any_time_and_is_taken_back_only_with_a_reason() -> None:
    """TKT-13, TKT-14."""
    world = handled(publishable=True)
    change = world.do("callback_agent", "protect", hidden=["phone", "name"])
    assert change.ticket.hidden == ("name", "phone") and not change.ticket.publishable
    assert change.warnings == ("unit_knew_citizen",)
    assert refused(world, "agent", "protect", hidden=["name", "phone"]) == "nothing_to_change"
    assert refused(world, "agent", "protect", hidden=[]) == "reason_missing"
    assert world.do("agent", "protect", hidden=[], reason="来电人同意公开").ticket.hidden == ()


@pytest.mark.parametrize(("state", "role"), [("accepted", "agent"), ("pending_dispatch", "dispatcher")])
def test_a_correction_of_the_form_does_not_take_the_wish_back(state: str, role: str) -> None:
    """TKT-14: it would ask for no reason. In a draft the form is still being filled in."""
    world = World(fresh(state=state, hidden=("name", "phone")))
    assert refused(world, role, "edit", hidden=["phone"]) == "protected"
    assert refused(world, role, "edit", hidden=[]) == "protected"
    assert world.do(role, "edit", hidden=["phone", "name"], demand="维修").ticket.hidden == ("name", "phone")
    assert world.do(role, "edit", hidden=["all"]).ticket.hidden == ("all",)
    assert World(fresh(state="draft", hidden=("name",))).do("agent", "edit", hidden=[]).ticket.hidden == ()


def test_a_ticket_whose_unit_left_the_directory_is_taken_back_from_wherever_it_stands() -> None:
    """DSP-05: what it asked for or proposed goes with it, and a unit that is at work keeps its own."""
    for action, values in (
        ("", {}),
        ("ask_return", {"reason": "不属于供热范围"}),
        ("ask_extension", {"reason": "配件未到", "days": 3}),
        ("reply", REPLY),
        ("commit", {**REPLY, "outcome": "planned", "solvable": "later", "promised_on": "2026-12-31"}),
    ):
        world = abandoned()
        if action:
            world.do("unit_clerk", action, 1, **values)
        assert refused(world, "dispatcher", "recall") == "reason_missing"
        change = world.do("dispatcher", "recall", 1, reason="单位已撤销")
        assert (change.ticket.state, change.ticket.lead_unit, change.ticket.before) == ("pending_dispatch", "", None), action
        assert change.ticket.promised_at is None and world.around().request is None and not world.around().open_tasks()
        assert not [row for row in world.replies if row["state"] == "proposed"]
        world.do("dispatcher", "dispatch", 1, lead_unit="HOUSING")
    assert refused(handled(), "dispatcher", "recall", reason="x") == "unit_at_work"


def test_a_ticket_under_another_takes_its_answer_and_has_a_call_back_of_its_own() -> None:
    """TKT-18: the unit answered once; when its citizen was told, and what he thought, is not this one's."""
    world = World()
    world.do("agent", "accept", 1)
    assert refused(world, "dispatcher", "take_answer") == "not_answered_above"
    world.do("agent", "link", 1, parent=TARGET.ticket_id)
    change = world.do("dispatcher", "take_answer", 1)
    assert (change.ticket.state, change.ticket.lead_unit) == ("callback_pending", "HEATING")
    assert ClockOrder("start", "callback") in change.clocks
    (reply,) = world.replies
    assert reply["result"] == REPLY["result"] and reply["citizen_told"] is False and "told_at" not in reply
    world.do("callback_agent", "call_back", 1, **DISSATISFIED)
    world.do("supervision_office", "send_redo", 1, reason="未解决")
    assert [task.unit for task in world.around().open_tasks()] == ["HEATING"]
    other = World()
    other.do("agent", "accept", 1)
    other.do("agent", "submit", 1)
    other.do("dispatcher", "dispatch", 1, lead_unit="HOUSING")
    other.do("agent", "link", 1, parent=TARGET.ticket_id)
    assert refused(other, "dispatcher", "take_answer") == "has_a_unit"
    accusing = World(fresh(misconduct=True, accused_unit="HEATING"))
    accusing.do("agent", "accept", 1)
    accusing.do("agent", "link", 1, parent=TARGET.ticket_id)
    assert refused(accusing, "dispatcher", "take_answer") == "unit_accused"


def test_a_ticket_of_another_citizen_is_not_merged_away(monkeypatch: pytest.MonkeyPatch) -> None:
    """TKT-17, TKT-18: it is linked, so that each is called back."""
    world = dispatched()
    around = msgspec.structs.replace(world.around(), same_citizen=False)
    monkeypatch.setattr(World, "around", lambda _self: around)
    assert refused(world, "dispatcher", "merge", into=TARGET.ticket_id) == "another_citizen"
