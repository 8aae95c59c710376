"""The clocks of a ticket: what starts each, what it is due by, who is told (TIM-01 to TIM-36). One table. Pure.

The rules themselves are functions of ``due.py``, of the same names. ``docs/deadlines.md`` is made of this table.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from crm.profiles.profile import SupervisionStep

_ = SupervisionStep


class Kind(msgspec.Struct, frozen=True, kw_only=True):
    """``again``: what a start does to a clock that runs: it ``begins_anew``, ``goes_on``, or another runs ``beside`` it.

    ``steps``: what is fired around the due time; None: the profile's plan of supervision (SUP-09). ``pauses_in``: paused time is
    added in working or in calendar time (TIM-34). ``sets_due``: the ticket's own due time is this clock's.
    """

    name: str
    chinese: str
    english: str
    starts_chinese: str
    starts_english: str
    rule_chinese: str
    rule_english: str
    again: Literal["begins_anew", "goes_on", "beside"] = "begins_anew"
    pauses_in: Literal["working", "calendar"] = "working"
    steps: tuple[SupervisionStep, ...] | None = ()
    sets_due: bool = False
    rules: str = ""


TABLE: tuple[Kind, ...] = (
    Kind(
        name="dispatch",
        chinese="转办",
        english="Dispatch",
        starts_chinese="受理、提交转办、批准退件、撤回",
        starts_english="accepted, submitted, return approved, recalled",
        rule_chinese="当日 17:00 前；17:00 至次日 8:30 的，次日 12:00 前；截止前 30 分钟内的计入下一时段；下级平台 12 小时",
        rule_english="by 17:00 of the day; from 17:00 to 08:30, by 12:00; within 30 minutes of the cut-off, the next window; "
        "at a lower-level node within 12 hours",
        pauses_in="calendar",
        steps=(
            _(-1, "calendar", addressee="dispatcher"),
            _(0, "calendar", addressee="shift_leader", level=1),
        ),
        rules="TIM-01, TIM-02, TIM-05, TIM-31, TIM-32, CNF-10",
    ),
    Kind(
        name="correct",
        chinese="补正",
        english="Correction",
        starts_chinese="退回受理坐席",
        starts_english="sent back to the accepting agent",
        rule_chinese="2 个工作小时",
        rule_english="2 working hours",
        steps=(_(0, addressee="acceptor"), _(2, addressee="shift_leader", level=1)),
        rules="TKT-29, DSP-02",
    ),
    Kind(
        name="receive",
        chinese="签收",
        english="Receipt by the unit",
        starts_chinese="转办、领导批示、退回重办",
        starts_english="dispatched, instructed, sent back for redo",
        rule_chinese="2 个工作小时",
        rule_english="2 working hours",
        steps=(_(0), _(0, mode="telephone", addressee="dispatcher", level=1)),
        rules="DSP-13",
    ),
    Kind(
        name="return",
        chinese="退件",
        english="Return by the unit",
        starts_chinese="转办",
        starts_english="dispatched",
        rule_chinese="24 小时，休息日不计；从严时当日下班前",
        rule_english="24 hours, of which rest days do not count; strict: by the end of office hours of the same day",
        rules="RET-02, TIM-09, TIM-35, CNF-04",
    ),
    Kind(
        name="handle",
        chinese="办理",
        english="Handling",
        starts_chinese="转办、退回重办",
        starts_english="dispatched, sent back for redo",
        rule_chinese="按性质的工作日数，最后一日下班时；紧急 24 小时；有规定或指定期限的从其规定；不迟于上级时限；延期顺加",
        rule_english="the nature's working days, at the end of office hours; urgent 24 hours; a regulation's limit or a named "
        "day comes before it; never after the upstream one; an extension is added",
        again="goes_on",
        steps=None,
        sets_due=True,
        rules="TIM-06, TIM-08, TIM-30, TIM-34, TKT-22, TKT-23, TKT-25, EXT-03, EXT-10, EXT-13, CBK-17, CNF-03",
    ),
    Kind(
        name="promise",
        chinese="承诺",
        english="Commitment",
        starts_chinese="单位承诺办结日期",
        starts_english="the unit promised a date",
        rule_chinese="承诺的日期",
        rule_english="the promised date",
        steps=None,
        sets_due=True,
        rules="LIF-16, TIM-22",
    ),
    Kind(
        name="review",
        chinese="审核回复",
        english="Review of the reply",
        starts_chinese="单位回复",
        starts_english="the unit replied",
        rule_chinese="1 个工作日",
        rule_english="1 working day",
        steps=(_(0, addressee="supervision_office"),),
        rules="RPL-13, TKT-22",
    ),
    Kind(
        name="callback",
        chinese="回访",
        english="Call-back",
        starts_chinese="单位回复",
        starts_english="the unit replied",
        rule_chinese="3 日（自然日，可设为工作日）",
        rule_english="3 days (calendar days; working days if so set)",
        pauses_in="calendar",
        steps=(_(-4, addressee="callback_agent"), _(0, addressee="shift_leader", level=1)),
        rules="CBK-03, TIM-11, TIM-33, CNF-23",
    ),
    Kind(
        name="judgement",
        chinese="督办室判定",
        english="Judgement",
        starts_chinese="回访不满意",
        starts_english="dissatisfied at the call-back",
        rule_chinese="2 个工作日",
        rule_english="2 working days",
        steps=(_(0, addressee="supervision_office"), _(9.5, addressee="office", level=1)),
        rules="CBK-09, CBK-11, CBK-12, SUP-14",
    ),
    Kind(
        name="supervision",
        chinese="督办答复",
        english="Answer to supervision",
        starts_chinese="督办、领导批示",
        starts_english="supervised, instructed",
        rule_chinese="督办要求的日期；未写明的 2 个工作日",
        rule_english="the demanded date; 2 working days if none was named",
        again="beside",
        steps=(_(-4), _(0, mode="written", addressee="supervision_office", level=1)),
        rules="SUP-17",
    ),
)  # fmt: skip

KINDS: Mapping[str, Kind] = {kind.name: kind for kind in TABLE}
