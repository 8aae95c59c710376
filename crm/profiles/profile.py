"""The keys of a city's profile (CFG-01 to CFG-07), with the defaults of section 29 of the requirements (CNF). Pure.

Times of day are ``HH:MM`` on the hotline's wall clock. A ticket keeps the rules that were valid when it was assigned (CFG-08).
Beside them stand those keys of ``hotline.toml`` that calls need: ``[hours]`` and ``[calendar]`` (``hours.*``, ``holidays``),
``[figures]`` (``answer_seconds``, ``answer_seconds_alt``), ``[threeway]`` (``threeway_attempts``, ``hold_talk_seconds``): CFG-02.
``limits`` are working days; ``limit_hours`` are hours of the clock and come before them (TIM-19, TIM-20).
``recording_years_of``: of recordings of a class of tickets (the longest beginning that fits); all others: ``recording_years``.
"""

from __future__ import annotations

from typing import Annotated, Literal

import msgspec

Nature = Literal["consult", "help", "complaint", "report", "suggest", "praise", "other"]
"""咨询、求助、投诉、举报、建议、表扬、其他 (TAX-04, TAX-06)."""
Unit = Literal["calendar", "working"]
Addressee = Literal["unit", "unit_leader", "acceptor", "dispatcher", "dispatch_lead", "shift_leader", "callback_agent",
                    "supervision_office", "office", "leader"]  # fmt: skip
ClockTime = Annotated[str, msgspec.Meta(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$")]
Count = Annotated[int, msgspec.Meta(ge=0, le=1000)]
TicketClass = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,39}$")]
"""A leaf of the taxonomy (``C1.03``), or all below a beginning of it (``C1``)."""
UrgentKind = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,31}$")]
UrgentWord = Annotated[str, msgspec.Meta(min_length=1, max_length=40)]
"""``urgent_words``: beside those of ``crm/messages/words.toml``, kind by kind; a star is up to six characters."""

KARAMAY_LIMITS: dict[Nature, Count] = {
    "consult": 3,
    "help": 5,
    "complaint": 5,
    "report": 10,
    "suggest": 5,
    "praise": 3,
    "other": 3,
}
"""TIM-06, in working days."""


Hours = Annotated[float, msgspec.Meta(ge=-1000, le=1000)]

_EMPTY = (
    "已安排 已联系 已协调 已转办 已转交 已转相关部门 已反映 已上报 已督促 已责成 已通知 已知悉 已受理 已派人 已要求"
    " 正在安排 正在联系 正在协调 正在处理 正在办理 正在核实 正在研究 正在跟进 正在解决 正在督促"
    " 尽快安排 尽快处理 尽快解决 尽快办理 尽快落实 积极协调 高度重视 持续跟进 妥善处理 协调解决 逐步解决 加强管理"
)
EMPTY_PHRASES = tuple(_EMPTY.split())
"""RPL-06: what stands for having done nothing yet; 已经 and 了 make no difference."""


class SupervisionStep(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of the plan of supervision (SUP-09, SUP-16): so long before (negative) or after the due time, who is told, how."""

    hours: Hours
    unit: Unit = "working"
    mode: Literal["electronic", "telephone", "written", "on_site"] = "electronic"
    addressee: Addressee = "unit"
    level: Count = 0
    repeat_daily: bool = False


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """The rules of a city."""

    name: str = "dezhou"
    chinese: str = "德州"
    english: str = "Dezhou"
    nature_set: tuple[Nature, ...] = ("consult", "help", "suggest", "complaint")
    limits: dict[Nature, Count] = msgspec.field(default_factory=lambda: dict(KARAMAY_LIMITS))
    limit_hours: dict[Nature, Count] = {}
    default_limit: Count = 5
    urgent_hours: Count = 24
    office_begins: ClockTime = "08:30"
    office_ends: ClockTime = "18:00"
    dispatch_cutoff: ClockTime = "17:00"
    overnight_from: ClockTime = "17:00"
    overnight_to: ClockTime = "08:30"
    overnight_cutoff: ClockTime = "12:00"
    cutoff_grace_minutes: Count = 30
    dispatch_on: Literal["every_day", "working_days"] = "every_day"
    lower_level: bool = False
    lower_level_dispatch_hours: Count = 12
    correct_hours: Count = 2
    receive_hours: Count = 2
    return_limit: Literal["24h", "same_day"] = "24h"
    extension_max_days: Count = 7
    extension_unit: Unit = "calendar"
    extension_count: Count = 1
    extension_special: Count = 1
    max_total_days: Count = 0
    redo_days: Count = 0
    review_days: Count = 1
    judgement_days: Count = 2
    supervision_days: Count = 2
    callback_days: Count = 3
    callback_unit: Unit = "calendar"
    callback_attempts: Count = 2
    callback_gap_hours: Count = 4
    pause_on_return: bool = False
    pause_on_countersign: bool = True
    reply_approval: bool = True
    reply_review: bool = False
    redo_by: Literal["supervision_office", "office"] = "supervision_office"
    who_replies: Literal["unit", "hotline", "both"] = "unit"
    public_reply_default: bool = False
    trainee_release: bool = False
    duplicate_policy: Literal["dezhou", "karamay"] = "dezhou"
    duplicate_days: Count = 90
    require_identity_for: tuple[Nature, ...] = ()
    least_words: Count = 5
    scope_exclusions: tuple[str, ...] = ("malicious", "empty", "advertising", "congress_court_procuratorate", "legal_remedy")
    forbidden_words: tuple[str, ...] = ("不合理", "无理要求", "无理诉求")
    empty_answer_patterns: tuple[str, ...] = EMPTY_PHRASES
    urgent_words: dict[UrgentKind, Annotated[tuple[UrgentWord, ...], msgspec.Meta(max_length=200)]] = {}
    malicious_warn_at: Count = 2
    malicious_police_at: Count = 3
    malicious_window_days: Count = 30
    supervision_plan: tuple[SupervisionStep, ...] = (
        SupervisionStep(-9.5),
        SupervisionStep(-4.0),
        SupervisionStep(0.0, mode="telephone", addressee="dispatcher", level=1),
        SupervisionStep(24.0, "calendar", mode="written", addressee="supervision_office", level=2, repeat_daily=True),
    )
    surge_factor: Annotated[float, msgspec.Meta(ge=1, le=100)] = 3.0
    surge_least: Annotated[int, msgspec.Meta(ge=2, le=100_000)] = 20
    surge_at_place: Annotated[int, msgspec.Meta(ge=2, le=100_000)] = 5
    ticket_years: Count = 10
    recording_years: Count = 2
    recording_years_of: dict[TicketClass, Count] = {}
    legal_notice: str = ""


def problem(profile: Profile) -> tuple[str, str] | None:
    """What no single key says: the key, and what is wrong with it; None when nothing is."""
    last = _minutes(profile.dispatch_cutoff) - profile.cutoff_grace_minutes
    steps = profile.supervision_plan
    checks = (
        ("office_ends", "must come after office_begins", profile.office_ends > profile.office_begins),
        ("overnight_cutoff", "must come after overnight_to", profile.overnight_cutoff > profile.overnight_to),
        ("overnight_cutoff", "must not come after dispatch_cutoff", profile.overnight_cutoff <= profile.dispatch_cutoff),
        ("overnight_to", "must come before dispatch_cutoff less cutoff_grace_minutes", _minutes(profile.overnight_to) < last),
        ("overnight_from", "must come after overnight_to", profile.overnight_from > profile.overnight_to),
        ("nature_set", "must name a nature", bool(profile.nature_set)),
        ("callback_attempts", "must be at least 1", profile.callback_attempts >= 1),
        ("recording_years", "must be at least 1", profile.recording_years >= 1),
        ("recording_years_of", "must be at least 1", all(years >= 1 for years in profile.recording_years_of.values())),
        ("supervision_plan", "only its last step may be repeated daily", not any(step.repeat_daily for step in steps[:-1])),
    )
    return next(((key, wrong) for key, wrong, holds in checks if not holds), None)


def _minutes(time: str) -> int:
    return int(time[:2]) * 60 + int(time[3:])
