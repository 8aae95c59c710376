"""``docs/permissions.md`` and its Chinese twin, made of the matrix and of what a citizen's data look like to each role (SEC-13).

``python -m crm.permission_pages`` writes both; a test compares them.
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

from crm.callers import masks
from crm.permissions import MATRIX, OF_GOVERNMENT
from hotline.paths import TREE
from hotline.roles import ROLES

_WORDS: Mapping[str, tuple[str, str]] = {
    "title": ("权限", "Permissions"),
    "other": ("English: [permissions.md](permissions.md)", "中文:[permissions.zh-CN.md](permissions.zh-CN.md)"),
    "made": (
        "本页由 `crm/permission_pages.py` 按唯一的权限表 `crm/permissions.py` 生成,不要手工修改。表中没有写明的一律不允许;"
        "每次拒绝都记入审计日志。一个人可以有多个角色,每次登录只用其中一个(ORG-44)。",
        "This page is made by `crm/permission_pages.py` of the one matrix in `crm/permissions.py`; do not edit it. What is not "
        "written here is not allowed, and each refusal leaves a line in the audit log. A person may have several roles, and is "
        "logged in with one of them at a time (ORG-44).",
    ),
    "roles": ("角色", "Roles"),
    "role": ("角色", "Role"),
    "name": ("名称", "Name"),
    "rule": ("规则", "Rule"),
    "actions": ("操作", "Actions"),
    "action": ("操作", "Action"),
    "who": ("谁可以", "Who may"),
    "whose": (
        "括号内是范围:本人受理或本人的通话;所带的见习员;本单位及下级单位的工单。没有括号的不限范围。",
        "In brackets, whose: one's own calls, or tickets that one accepted; those of one's trainee; tickets with one's unit, or "
        "below it. Without brackets: everybody's.",
    ),
    "self": ("本人", "own"),
    "trainee": ("所带见习员", "one's trainee"),
    "unit": ("本单位", "own unit"),
    "operator": ("运营商人员", "Staff of the operator"),
    "not_operator": (
        "运营商人员(GEN-19)无论什么角色都不能做以下操作,除非管理员逐项授权:",
        "Staff of the operator (GEN-19) may not do the following in any role, unless the administrator granted it one by one:",
    ),
    "fields": ("市民信息", "A citizen's data"),
    "fields_are": (
        "每个角色看到的市民信息:✓ 全部,* 打码,空白为看不到。承办单位看到的还受市民保密要求限制。",
        "What each role is shown: ✓ all of it, * masked, blank nothing. What units are shown also follows the citizen's wish.",
    ),
    "comma": ("、", ", "),
}
_LANGUAGES = ("zh-CN", "en")
_MARKS = {"full": "✓", "masked": "\\*", "hidden": ""}


@cache
def names() -> Mapping[str, Mapping[str, list[str]]]:
    """``roles``, ``actions`` and ``fields``: each code's Chinese and English name; of a role also its rule."""
    return tomllib.loads(Path(__file__).with_name("names.toml").read_text(encoding="utf-8"))


def page(language: str) -> str:
    """The whole document in ``zh-CN`` or ``en``."""
    return "\n".join(_lines(_LANGUAGES.index(language))) + "\n"


def file(language: str) -> Path:
    """Where it stands."""
    return TREE / "docs" / ("permissions.zh-CN.md" if language == "zh-CN" else "permissions.md")


def _lines(place: int) -> Iterator[str]:
    words = {name: both[place] for name, both in _WORDS.items()}
    called = names()
    yield from (f"# {words['title']}", "", words["other"], "", words["made"], "", f"## {words['roles']}", "")
    roles = [(f"`{role}`", called["roles"][role][place], called["roles"][role][2]) for role in ROLES]
    yield from _table((words["role"], words["name"], words["rule"]), roles)
    yield from ("", f"## {words['actions']}", "", words["whose"], "")
    yield from _table((words["action"], words["name"], words["who"]), [_row(action, place, words) for action in sorted(MATRIX)])
    yield from ("", f"## {words['operator']}", "", words["not_operator"], "")
    yield from (f"- `{action}` {called['actions'][action][place]}" for action in sorted(OF_GOVERNMENT))
    yield from ("", f"## {words['fields']}", "", words["fields_are"], "")
    fields = [called["fields"][field][place] for field in masks.FIELDS]
    shown = masks.table()
    rows = [(called["roles"][role][place], *(_MARKS[shown[role][field]] for field in masks.FIELDS)) for role in ROLES]
    yield from _table((words["role"], *fields), rows)


def _row(action: str, place: int, words: Mapping[str, str]) -> tuple[str, str, str]:
    called, whose = names(), MATRIX[action]
    who = [
        called["roles"][role][place] + ("" if whose[role] == "anyone" else f" ({words[whose[role]]})")
        for role in ROLES
        if role in whose
    ]
    return f"`{action}`", called["actions"][action][place], words["comma"].join(who)


def _table(heads: tuple[str, ...], rows: list[Any]) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    yield from (f"| {' | '.join(row)} |" for row in rows)


def main() -> int:
    """Write both."""
    for language in _LANGUAGES:
        file(language).write_text(page(language), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
