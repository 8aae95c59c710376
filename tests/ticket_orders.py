"""Orders that fit a ticket in the right state: of each action enough to take each row of the table."""

from __future__ import annotations

from typing import Any

from tests.ticket_world import DISSATISFIED, REPLY, SATISFIED, TARGET

WHY = {"reason": "情况说明"}
UNIT = {"lead_unit": "HEATING", "co_units": ["HOUSING"]}
LATER = "2026-12-31"
PLANNED = {**REPLY, "outcome": "planned", "solvable": "later", "result": "管网改造列入计划，年底前更换老旧主管道。"}
UNTOLD = {"citizen_told": False}
VERIFIED = {"verified": True}

FITTING: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("agent", "edit", {"event_place": "幸福小区"}),
    ("dispatcher", "edit", {"demand": "恢复供热"}),
    ("agent", "accept", {}),
    ("trainee", "accept", {}),
    ("agent", "answer", {"case": "knowledge", "answer": "供热期为十一月十五日至次年三月十五日。"}),
    ("agent", "reject", {"code": "malicious", "explanation": "已说明不属于受理范围。"}),
    ("agent", "submit", {}),
    ("trainee", "submit", {}),
    ("shift_leader", "release", {}),
    ("dispatcher", "return_to_acceptor", WHY),
    ("dispatcher", "ask_dispatch_lead", WHY),
    ("dispatch_lead", "ask_supervision_office", WHY),
    ("dispatch_lead", "decide_unit", {**WHY, **UNIT}),
    ("supervision_office", "decide_unit", {**WHY, **UNIT}),
    ("dispatcher", "dispatch", UNIT),
    ("dispatcher", "recall", WHY),
    ("dispatcher", "report", {"kind": "hard_problem", "summary": "多小区供热不足", "proposal": "请市领导批示"}),
    ("leader", "instruct", {"text": "请供热公司三日内解决。", "lead_unit": "HEATING", "due_on": LATER}),
    ("leader", "instruct", {"text": "请热线办跟进。"}),
    ("dispatcher", "countersign", WHY),
    ("unit_clerk", "receive", {}),
    ("helper", "receive", {}),
    ("unit_clerk", "start", {}),
    ("unit_clerk", "contact_citizen", {}),
    ("unit_clerk", "sub_assign", {"unit": "HEATING.EAST", "note": "请上门测温"}),
    ("helper", "co_reply", {"text": "房管部门已核对维修基金。"}),
    ("unit_clerk", "ask_return", {**WHY, "suggested": "HOUSING"}),
    ("dispatcher", "approve_return", {}),
    ("dispatcher", "refuse_return", WHY),
    ("unit_clerk", "ask_extension", {**WHY, "days": 7}),
    ("unit_leader", "ask_second_extension", {**WHY, "days": 7, "signed_by": "张局长"}),
    ("supervision_office", "endorse_extension", {}),
    ("dispatcher", "approve_extension", {}),
    ("dispatcher", "refuse_extension", WHY),
    ("unit_clerk", "commit", {**PLANNED, "promised_on": LATER}),
    ("unit_clerk", "commit", {**PLANNED, **UNTOLD, "promised_on": LATER}),
    ("unit_clerk", "reply", {**REPLY, "head_signed": "张局长"}),
    ("unit_clerk", "reply", {**REPLY, **UNTOLD}),
    ("unit_leader", "reply", {**REPLY, "head_signed": "张局长"}),
    ("unit_leader", "approve_reply", {"head_signed": "张局长"}),
    ("unit_leader", "send_back_reply", WHY),
    ("callback_agent", "pass_reply", {}),
    ("callback_agent", "refuse_reply", WHY),
    ("callback_agent", "call_back", {"reached": False, "call_id": "1764000000.17"}),
    ("callback_agent", "call_back", {**SATISFIED, **VERIFIED}),
    ("callback_agent", "call_back", {**DISSATISFIED, **VERIFIED}),
    ("agent", "told_on_call", VERIFIED),
    ("agent", "told_on_call", {**SATISFIED, **VERIFIED}),
    ("agent", "told_on_call", {**DISSATISFIED, **VERIFIED}),
    ("supervision_office", "send_redo", WHY),
    ("supervision_office", "close_demand", WHY),
    ("callback_agent", "close", {}),
    ("office", "review_file", WHY),
    ("office", "assign_again", WHY),
    ("callback_agent", "archive", {}),
    ("agent", "withdraw", WHY),
    ("unit_clerk", "confirm_stop", {}),
    ("dispatcher", "merge", {"into": TARGET.ticket_id}),
    ("dispatcher", "unmerge", WHY),
    ("agent", "link", {"parent": TARGET.ticket_id}),
    ("dispatcher", "take_answer", {}),
    ("agent", "note", {"text": "来电人补充情况"}),
    ("agent", "mark_urgent", WHY),
    ("agent", "protect", {"hidden": ["name", "phone"]}),
    ("agent", "urge", {}),
    ("supervision_office", "supervise", {"mode": "written", "demand": "请说明原因", "answer_due_at": "2026-12-31T10:00:00Z"}),
    ("unit_clerk", "answer_supervision", {"text": "正在抢修，今晚恢复。"}),
    ("supervision_office", "end_supervision", WHY),
    (
        "supervision_office",
        "consult",
        {"participants": ["编办", "司法局", "热线办"], "conclusion": "由供热公司负责", "unit": "HEATING"},
    ),
    ("callback_agent", "report_result", {"text": "已办结并回访满意。"}),
    (
        "unit_clerk",
        "write_letter",
        {
            "addressee": "省热线办",
            "reference": "省转〔2026〕17 号",
            "inspected_on": "2026-11-22",
            "way": "现场检查，入户测温",
            "findings": "十一月二十二日入户测温十二度，系三号楼阀门损坏。",
            "present_state": "已更换阀门，恢复供热。",
        },
    ),
    ("supervision_office", "open_accountability", {**WHY, "unit": "HEATING"}),
    ("callback_agent", "mark_untrue", WHY),
    ("office", "publish", {"text": "幸福小区供热已恢复。"}),
    ("quality", "service_step", {"step": "announced", "text": "已通报"}),
    ("quality", "service_step", {"step": "verified", "text": "已核实"}),
)
"""Who, what, with which values."""
