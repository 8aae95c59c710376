"""The table of clocks for ``docs/deadlines.md``, in both languages: ``python -m crm.clocks.document en|zh-CN``. Pure."""

from __future__ import annotations

import sys

from crm.clocks.kinds import TABLE, Kind
from crm.profiles.profile import SupervisionStep

_HEADS = {
    "en": ("clock", "started when", "due", "a new start of one that runs", "paused time counts in", "fired", "rules"),
    "zh-CN": ("时限", "起算", "到期", "运行中再次起算", "暂停顺延按", "到期前后", "规则"),
}
_AGAIN = {
    "begins_anew": ("begins anew", "重新起算"),
    "goes_on": ("goes on", "继续"),
    "beside": ("another beside it", "另起一个"),
}
_PAUSES = {"working": ("working time", "工作时间"), "calendar": ("calendar time", "自然时间")}
_WHOM = {
    "unit": ("the unit", "承办单位"),
    "unit_leader": ("the unit's leader", "单位分管领导"),
    "acceptor": ("the accepting agent", "受理坐席"),
    "dispatcher": ("dispatch agent", "转办坐席"),
    "dispatch_lead": ("dispatch lead", "转办组长"),
    "shift_leader": ("shift leader", "值班长"),
    "callback_agent": ("call-back agent", "回访坐席"),
    "supervision_office": ("supervision office", "督办室"),
    "office": ("hotline office", "热线办"),
    "leader": ("leader", "领导"),
}


def table(language: str) -> str:
    """The table in Markdown; ``en`` or ``zh-CN``."""
    column = int(language == "zh-CN")
    heads = _HEADS[language]
    lines = ["| " + " | ".join(heads) + " |", "|" + " --- |" * len(heads)]
    return "\n".join([*lines, *(_row(kind, column) for kind in TABLE)]) + "\n"


def _row(kind: Kind, column: int) -> str:
    cells = (
        f"`{kind.name}` {(kind.english, kind.chinese)[column]}",
        (kind.starts_english, kind.starts_chinese)[column],
        (kind.rule_english, kind.rule_chinese)[column],
        _AGAIN[kind.again][column],
        _PAUSES[kind.pauses_in][column],
        _steps(kind.steps, column),
        kind.rules,
    )
    return "| " + " | ".join(cells) + " |"


def _steps(steps: tuple[SupervisionStep, ...] | None, column: int) -> str:
    if steps is None:
        return ("the profile's plan", "按城市方案的督办计划")[column]
    if not steps:
        return ("nothing", "无")[column]
    colon, between = ((": ", "; "), ("：", "；"))[column]
    return between.join(f"{_when(step, column)}{colon}{_WHOM[step.addressee][column]}" for step in steps)


def _when(step: SupervisionStep, column: int) -> str:
    if not step.hours:
        return ("when due", "到期时")[column]
    count = f"{abs(step.hours):g}"
    unit = {"working": ("working hours", "个工作小时"), "calendar": ("hours", "小时")}[step.unit][column]
    side = (("before", "前"), ("after", "后"))[step.hours > 0][column]
    if column:
        return f"{side} {count} {unit}"
    return f"{count} {unit.removesuffix('s') if count == '1' else unit} {side}"


if __name__ == "__main__":
    sys.stdout.write(table(sys.argv[1]))
