"""Figures of any time, what is behind them, exclusions, gaps, alarms (KPI-40, KPI-43, ORG-25)."""

from __future__ import annotations

import msgspec

from desks import figures, parameters, records
from desks.desk import Route

_READS, _SETS, _CONFIRMS, _WITHDRAWS = "figures.read", "exclusion.set", "exclusion.confirm", "exclusion.withdraw"
_TIME = (parameters.FROM, parameters.TO)
_ANY_TIME = tuple(msgspec.structs.replace(one, needed=False) for one in _TIME)
_ONLY = (parameters.QUEUE, parameters.SKILL, parameters.NODE)
_PAGE = (parameters.AFTER, parameters.LIMIT)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/api/metrics",
        figures.sheet,
        _READS,
        "任意时段的指标",
        "Figures of any time",
        query=(*_TIME, *_ONLY, parameters.BY),
        answer=figures.Figures,
    ),
    Route(
        "GET",
        "/api/metrics/lines",
        figures.lines,
        "figures.lines",
        "指标背后的每一条请求",
        "The lines behind a figure",
        query=(*_TIME, *_ONLY, parameters.RATE, parameters.PART, parameters.BASIS, *_PAGE),
        answer=figures.Lines,
    ),
    Route(
        "GET",
        "/api/calls",
        figures.calls,
        "figures.lines",
        "来电列表",
        "Calls",
        query=(*_TIME, parameters.QUEUE, parameters.OUTCOME, *_PAGE),
        answer=figures.CalledPage,
    ),
    Route(
        "GET",
        "/api/exclusions",
        records.list_exclusions,
        _READS,
        "剔除时段",
        "Exclusions",
        query=_TIME,
        answer=records.Exclusions,
    ),
    Route(
        "POST",
        "/api/exclusions",
        records.propose,
        _SETS,
        "提出剔除时段",
        "Propose an exclusion",
        body=records.NewExclusion,
        answer=records.Made,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/confirm",
        records.confirm,
        _CONFIRMS,
        "确认剔除时段",
        "Confirm an exclusion",
        answer=records.Changed,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/withdraw",
        records.withdraw,
        _WITHDRAWS,
        "撤销剔除时段",
        "Withdraw an exclusion",
        answer=records.Changed,
    ),
    Route(
        "POST",
        "/api/exclusions/{id}/end",
        records.end,
        _SETS,
        "结束剔除时段",
        "End an exclusion",
        body=records.NewEnd,
        answer=records.Changed,
    ),
    Route(
        "GET", "/api/gaps", records.list_gaps, _READS, "数据缺口", "Gaps", query=(*_TIME, parameters.NODE), answer=records.Gaps
    ),
    Route("GET", "/api/alarms", records.list_alarms, _READS, "告警", "Alarms", query=_ANY_TIME, answer=records.Alarms),
    Route("POST", "/api/alarms/{id}/seen", records.see, "alarm.see", "告警已阅", "An alarm was seen", answer=records.Seen),
)
