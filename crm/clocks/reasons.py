"""Why a due time is what it is, in Chinese and English (TIM-36). Pure."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from crm.units.natures import NATURES


class Reason(msgspec.Struct, frozen=True):
    """``code`` of ``TEXTS``, and what stands in its gaps."""

    code: str
    values: Mapping[str, str | int] = {}


TEXTS: Mapping[str, tuple[str, str]] = {
    "by_cutoff": ("当日 {time} 前转办", "dispatched by {time} of the same day"),
    "overnight": ("夜间件，次日 {time} 前转办", "taken overnight: dispatched by {time}"),
    "next_window": ("{time} 以后提交，计入下一时段", "submitted after {time}: counts in the next window"),
    "desk_closed": (
        "转办岗 {days} 日不上班，顺延至上班后首个上午",
        "dispatch desk closed for {days} days: first morning after",
    ),
    "hours": ("{hours} 小时内", "within {hours} hours"),
    "working_hours": ("{hours} 个工作小时内", "within {hours} working hours"),
    "working_days": ("{days} 个工作日，当日下班 {time} 止", "{days} working days, until offices close at {time}"),
    "calendar_days": ("{days} 个自然日", "{days} calendar days"),
    "same_day": ("当日下班前", "by the end of office hours of the same day"),
    "nature": ("性质：{nature}", "nature: {nature}"),
    "no_nature": ("未定性质，用默认时限", "no nature: the default limit"),
    "redo": ("退回重办", "sent back for redo"),
    "urgent": ("紧急件，{hours} 小时内", "urgent: within {hours} hours"),
    "regulatory": ("法规规定的时限", "the limit of a regulation"),
    "upstream": ("不得迟于上级时限", "never after the upstream due time"),
    "extension": ("延期 {days} 日（自然日）", "extended by {days} calendar days"),
    "extension_working": ("延期 {days} 个工作日", "extended by {days} working days"),
    "longest": ("总时限不超过 {days} 个工作日", "at most {days} working days in all"),
    "named": ("指定的时间", "the time that was named"),
    "paused": ("暂停 {minutes} 分钟，顺延", "paused for {minutes} minutes, which are added"),
    "moved_on": ("遇休息日顺延至 {date}", "falls on a rest day: moved on to {date}"),
    "holidays": ("期间法定节假日：{dates}", "public holidays within: {dates}"),
    "unknown_year": ("{year} 年节假日尚未公布，暂按星期计算", "holidays of {year} are not known yet: by weekdays for now"),
    "calendar": ("节假日安排有变，重新计算", "the calendar changed: computed anew"),
    "resumed": ("恢复计时", "set running again"),
    "begun_anew": ("重新起算", "begun anew"),
}


def text(reason: Reason, language: str) -> str:
    """The sentence, ``zh-CN`` or else English; a code that is not known (of an older version) stands for itself."""
    known = TEXTS.get(reason.code)
    if known is None:
        return reason.code
    is_english = language != "zh-CN"
    words: Mapping[str | int, tuple[str, str]] = NATURES  # type: ignore[assignment]
    values = {key: words[value][is_english] if value in words else value for key, value in reason.values.items()}
    return known[is_english].format_map(_Gaps(values))


class _Gaps(dict[str, object]):
    def __missing__(self, key: str) -> str:
        return "?"
