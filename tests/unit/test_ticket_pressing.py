"""What leaders order, who is pressed and supervised, and what is not granted (ESC-01 to ESC-09, SUP-01 to SUP-17, EXT-05)."""

from __future__ import annotations

import pytest

from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from tests.ticket_orders import LATER
from tests.ticket_world import REPLY, World, fresh, handled, refused, to_call_back


@pytest.mark.parametrize("kind", ["emergency", "hot_topic", "hard_problem", "unclear_competence", "neglected", "wide_influence"])
def test_what_is_reported_comes_back_as_an_order_to_a_unit_or_for_dispatch(kind: str) -> None:
    """ESC-01, ESC-02, ESC-04, ESC-06, ESC-09, LIF-11, LIF-18."""
    for named, state in (({"lead_unit": "HEATING"}, "dispatched"), ({}, "pending_dispatch")):
        world = World()
        world.do("agent", "accept")
        world.do("agent", "submit")
        world.do("dispatcher", "report", kind=kind, summary="多小区供热不足", proposal="请批示")
        assert refused(world, "leader", "instruct", **named) == "text_missing"
        change = world.do("leader", "instruct", text="三日内解决，报我。", due_on=LATER, **named)
        assert change.ticket.state == state and change.ticket.leader_item and change.ticket.open_supervisions == 1
        (seen,) = [one for one in change.kept if one.table == "papers" and not one.is_new]
        assert seen.values == {"seen_at": world.now}
        (chased,) = [clock for clock in change.clocks if clock.clock == "supervision"]
        assert (chased.verb, chased.until) == ("start", world.supervisions[0]["answer_due_at"])


def test_what_units_do_not_agree_on_waits_for_a_leader_who_names_the_lead() -> None:
    """LIF-17, ESC-05, TIM-34: from dispatch, or from the unit that has it."""
    for from_unit, profile in ((False, Profile()), (True, Profile()), (True, Profile(pause_on_countersign=False))):
        world = handled() if from_unit else World(profile=profile)
        world.profile = profile
        if not from_unit:
            world.do("agent", "accept", 1)
            world.do("agent", "submit", 1)
        change = world.do("dispatcher", "countersign", 1, reason="供热和房管意见不一")
        assert (ClockOrder("pause", "handle") in change.clocks) is profile.pause_on_countersign
        assert world.ticket.state == "countersign"
        assert refused(world, "dispatcher", "dispatch", lead_unit="HOUSING") == "wrong_state"
        change = world.do("leader", "instruct", 1, text="由房管牵头", lead_unit="HOUSING", co_units=["HEATING"])
        assert (change.ticket.lead_unit, change.ticket.co_units, change.ticket.item_kind) == (
            "HOUSING",
            ("HEATING",),
            "countersign",
        )
        assert [(task.unit, task.kind) for task in world.around().open_tasks()] == [("HOUSING", "lead"), ("HEATING", "helping")]


def test_a_refused_extension_goes_back_to_the_unit_with_the_reason() -> None:
    """EXT-02, EXT-05, TKT-09."""
    world = handled()
    due_at = world.ticket.due_at
    change = world.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=3)
    assert change.detail["form"] == "T2026112300001，配件未到，申请延期3天"
    change = world.do("dispatcher", "refuse_extension", 1, reason="配件本地可购，请抓紧办理")
    assert (change.ticket.state, change.ticket.due_at, change.ticket.extensions) == ("in_progress", due_at, 0)
    assert (world.requests[0]["approved"], world.requests[0]["opinion"]) == (False, "配件本地可购，请抓紧办理")
    second = handled()
    second.do("unit_clerk", "ask_extension", 1, reason="配件未到", days=3)
    second.do("dispatcher", "approve_extension", 1)
    second.do("unit_leader", "ask_second_extension", 1, reason="管网改造", days=3, signed_by="张局长")
    second.do("dispatcher", "refuse_extension", 1, reason="督办室未同意")  # EXT-08
    assert (second.ticket.state, second.ticket.special_extensions) == ("in_progress", 0)


@pytest.mark.parametrize("mode", ["electronic", "telephone", "written", "on_site"])
@pytest.mark.parametrize("kind", ["ordinary", "leader", "media", "leader_again"])
def test_supervision_has_its_modes_and_its_grounds(mode: str, kind: str) -> None:
    """SUP-01, SUP-02, SUP-03, SUP-05, SUP-08, SUP-17, LIF-14: who, how, of whom, what, until when."""
    world = handled()
    said = {"mode": mode, "kind": kind, "answer_due_at": "2026-12-01T00:00:00Z"}
    assert refused(world, "supervision_office", "supervise", **said) == "text_missing"
    assert refused(world, "dispatcher", "supervise", **said, demand="请说明") == "not_allowed"
    assert refused(world, "supervision_office", "supervise", **said, demand="请说明", addressee="NOWHERE") == "unknown_unit"
    change = world.do("supervision_office", "supervise", **said, demand="请说明进展和原因")
    (row,) = world.supervisions
    assert (row["mode"], row["kind"], row["addressee"], row["demand"]) == (mode, kind, "HEATING", "请说明进展和原因")
    (clock,) = change.clocks
    assert (clock.verb, clock.clock, clock.until) == ("start", "supervision", row["answer_due_at"])
    assert world.ticket.state == "in_progress"
    world.do("unit_clerk", "answer_supervision", text="抢修中")
    world.do("supervision_office", "end_supervision", reason="已恢复供热，通报表扬")  # SUP-12
    assert (world.supervisions[0]["answer"], world.supervisions[0]["result"]) == ("抢修中", "已恢复供热，通报表扬")


def test_whoever_has_it_is_pressed() -> None:
    """CAL-03, CAL-05, DSP-17, SUP-07, SUP-15."""
    world = World()
    world.do("agent", "accept", 1)
    for who, action, values, addressee in (
        ("agent", "submit", {}, "dispatcher"),
        ("dispatcher", "dispatch", {"lead_unit": "HEATING"}, "HEATING"),
        ("unit_leader", "receive", {}, "HEATING"),
        ("unit_leader", "reply", REPLY, "callback_agent"),
    ):
        world.do(who, action, 1, **values)
        world.do("agent", "urge", 1, note="来电人再次来电催办")
        assert (world.supervisions[-1]["addressee"], world.supervisions[-1]["kind"]) == (addressee, "urge"), action
    assert world.ticket.open_supervisions == 0


def test_a_case_of_accountability_is_opened_in_any_state_by_those_who_watch() -> None:
    """GEN-17, SUP-10, SUP-11, SUP-13, RET-06."""
    for world in (handled(), to_call_back(), World(fresh(state="archived"))):
        said = {"unit": "HEATING", "persons": "值班负责人", "reason": "长期推诿"}
        assert refused(world, "dispatcher", "open_accountability", **said) == "not_allowed"
        assert refused(world, "observer", "open_accountability", **{**said, "unit": "NOWHERE"}) == "unknown_unit"
        (paper,) = world.do("observer", "open_accountability", **said).kept
        assert (paper.values["kind"], paper.values["unit"], paper.values["text"]) == ("accountability", "HEATING", "长期推诿")
    world = handled()
    world.do("observer", "supervise", mode="written", demand="请说明首接单位为何未牵头")
    assert world.supervisions[0]["demand"]


def test_the_first_contact_with_the_citizen_has_its_time() -> None:
    """RPL-20: the first one counts."""
    world = handled()
    world.do("unit_clerk", "contact_citizen", 1)
    first = world.now
    world.do("unit_clerk", "contact_citizen", 1)
    assert world.tasks[0]["first_contact_at"] == first < world.now
