"""Whom a matter is for (GEN-05, LIF-21, LIF-23, TAX-21, DSP-14): units with points and the reasons for them. Pure.

The order is: what was agreed (a rule, the one with most conditions first); where competence and territory both fit, the
territorial unit; then whoever has most points. A unit that is accused, or stands below one that is, is never among them (SEC-02).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

MOST = 5
"""Suggestions that are shown."""
_CLASS, _LEAF, _DEFAULT, _HELPER = 15, 40, 40, 25
_KEYWORD, _KEYWORDS = 10, 30
_PAST, _NEAR, _ALIKE = 30, 15, 15
_TERRITORY, _DEPTH = 10, 10
_ELSEWHERE = -10
_RETURNED, _RETURNS = -15, -60
_HABIT = 3
"""So many tickets of a kind that were kept show competence; so many that were returned, and more than were kept, disprove it."""


class Matter(msgspec.Struct, frozen=True, kw_only=True):
    """What a ticket is about. ``label``: the leaf in Chinese; ``text`` in small letters; empty is what is not known."""

    category: str = ""
    label: str = ""
    territory: str = ""
    text: str = ""
    terms: tuple[str, ...] = ()
    accused_unit: str = ""


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """What the directory says of a unit; ``path``: from the root of the tree to the unit itself."""

    code: str
    name: str
    name_en: str = ""
    territories: tuple[str, ...] = ()
    is_territorial: bool = False
    categories: tuple[str, ...] = ()
    keywords: tuple[str, ...] = ()
    path: tuple[str, ...] = ()


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """To whom matters of a kind go; an empty condition is none. ``category`` is a leaf or a whole category."""

    category: str = ""
    term: str = ""
    territory: str = ""
    words: str = ""
    unit: str
    origin: str = "office"


class Past(msgspec.Struct, frozen=True):
    """Newest tickets of the leaf that the unit kept; ``near``: of the territory, ``alike``: with a word of this text."""

    tickets: int = 0
    near: int = 0
    alike: int = 0


class Evidence(msgspec.Struct, frozen=True, kw_only=True):
    """What speaks for units: ``defaults`` of the leaf, the lead first; ``past`` and ``returned`` by unit."""

    rules: tuple[Rule, ...] = ()
    defaults: tuple[str, ...] = ()
    past: Mapping[str, Past] = {}
    returned: Mapping[str, int] = {}


class Reason(msgspec.Struct, frozen=True):
    """Why a unit has points, for people who read Chinese or English."""

    code: str
    points: int
    zh: str
    en: str


class Suggestion(msgspec.Struct, frozen=True):
    """A unit and why; ``is_certain``: a rule names it."""

    unit: str
    name: str
    name_en: str
    score: int
    is_certain: bool
    reasons: tuple[Reason, ...]


_WORDS = {
    "rule_consultation": ("会商确定由该单位办理", "a consultation gave such matters to it"),
    "rule_office": ("转办规则指定", "a dispatch rule names it"),
    "default": ("该分类的默认承办单位", "by default for this category"),
    "helper": ("该分类的协办单位", "helps in this category"),
    "leaf": ("职责包含“{what}”", "its competence has {what}"),
    "class": ("职责包含大类 {what}", "its competence has the whole category {what}"),
    "keywords": ("内容提到：{what}", "the text says {what}"),
    "past": ("近期同类工单中办理 {what}", "of late tickets of this kind it had {what}"),
    "near": ("同一区域的同类工单 {what} 件", "{what} of them in this territory"),
    "alike": ("说法相近的同类工单 {what} 件", "{what} of them with such words"),
    "territory": ("管辖发生地", "the place is in its territory"),
    "first": ("属地优先", "territory first"),
    "elsewhere": ("发生地不明，单位只管辖部分区域", "the place is not known, and it has a part of the city only"),
    "returned": ("同类工单曾获准退回 {what} 件", "it returned {what} of this kind, rightly"),
}
"""Each reason in Chinese and in English."""


def suggest(matter: Matter, units: Iterable[Facts], evidence: Evidence, most: int = MOST) -> tuple[Suggestion, ...]:
    """The units that fit, the best first; each unit of ``units`` is one that may get tickets."""
    past_total = sum(one.tickets for one in evidence.past.values())
    found: list[tuple[tuple[int, bool, int], Suggestion]] = []
    for unit in units:
        if matter.accused_unit and matter.accused_unit in (unit.code, *unit.path):
            continue
        judged = _judged(matter, unit, evidence, past_total)
        if judged:
            found.append(judged)
    found.sort(key=lambda one: ([-int(part) for part in one[0]], one[1].unit))
    return tuple(suggestion for _, suggestion in found[:most])


def fits(rule: Rule, matter: Matter) -> bool:
    """Whether every condition of the rule holds."""
    return (
        (not rule.category or rule.category in categories(matter))
        and (not rule.term or rule.term in matter.terms)
        and (not rule.territory or matter.territory.startswith(rule.territory))
        and (not rule.words or all(word in matter.text for word in rule.words.lower().split()))
    )


def categories(matter: Matter) -> tuple[str, ...]:
    """As units and rules may name it: the leaf by code and by name, and the whole category."""
    whole = matter.category.partition(".")[0]
    return tuple(one for one in (matter.category, f"{whole}/{matter.label}" if matter.label else "", whole) if one)


def _judged(matter: Matter, unit: Facts, evidence: Evidence, total: int) -> tuple[tuple[int, bool, int], Suggestion] | None:
    agreed = [rule for rule in evidence.rules if rule.unit == unit.code and fits(rule, matter)]
    reasons = _competence(matter, unit, evidence)
    habit = _habit(evidence.past.get(unit.code), total)
    returns = evidence.returned.get(unit.code, 0)
    kept = evidence.past.get(unit.code, Past()).tickets
    is_competent = bool(reasons) or kept >= _HABIT
    place = _place(matter, unit)
    if place is None and not agreed:
        return None
    if not (agreed or is_competent or habit or (unit.is_territorial and place and place.code == "territory")):
        return None
    reasons += habit + ([place] if place and place.points else [])
    goes_first = unit.is_territorial and is_competent and place is not None and place.code == "territory"
    if goes_first and not (returns >= _HABIT and returns > kept):
        reasons.append(_reason("first", 0))
    else:
        goes_first = False
    if returns:
        reasons.append(_reason("returned", max(returns * _RETURNED, _RETURNS), returns))
    specific = max((_conditions(rule) for rule in agreed), default=0)
    if agreed:
        chosen = max(agreed, key=_conditions)
        reasons.insert(0, _reason(f"rule_{chosen.origin}", 100))
    score = sum(reason.points for reason in reasons)
    if score <= 0 and not agreed:
        return None
    said = Suggestion(unit.code, unit.name, unit.name_en, score, bool(agreed), tuple(reasons))
    return (specific, goes_first, score), said


def _competence(matter: Matter, unit: Facts, evidence: Evidence) -> list[Reason]:
    """What says that such matters are its own: the closest function has most points (LIF-21)."""
    reasons = []
    if unit.code in evidence.defaults:
        is_lead = evidence.defaults[0] == unit.code
        reasons.append(_reason("default", _DEFAULT) if is_lead else _reason("helper", _HELPER))
    named = [category for category in categories(matter) if category in unit.categories]
    whole = matter.category.partition(".")[0]
    if any(category != whole for category in named):
        reasons.append(_reason("leaf", _LEAF, matter.label or matter.category))
    elif named:
        reasons.append(_reason("class", _CLASS, whole))
    said = [word for word in unit.keywords if len(word) > 1 and word.lower() in matter.text]
    if said:
        reasons.append(_reason("keywords", min(len(said) * _KEYWORD, _KEYWORDS), "、".join(said[:5])))
    return reasons


def _habit(past: Past | None, total: int) -> list[Reason]:
    if past is None or not past.tickets or not total:
        return []
    reasons = [_reason("past", round(_PAST * past.tickets / total), f"{past.tickets}/{total}")]
    if past.near:
        reasons.append(_reason("near", round(_NEAR * past.near / past.tickets), past.near))
    if past.alike:
        reasons.append(_reason("alike", round(_ALIKE * past.alike / past.tickets), past.alike))
    return reasons


def _place(matter: Matter, unit: Facts) -> Reason | None:
    """Points for the place; a unit of another territory is none that fits: None."""
    if not unit.territories:
        return _reason("territory_any", 0)
    if not matter.territory:
        return _reason("elsewhere", _ELSEWHERE)
    deepest = max((len(one) for one in unit.territories if matter.territory.startswith(one)), default=0)
    return _reason("territory", _TERRITORY + min(deepest, _DEPTH)) if deepest else None


def _conditions(rule: Rule) -> int:
    return sum(bool(one) for one in (rule.category, rule.term, rule.territory, rule.words))


def _reason(code: str, points: int, what: object = "") -> Reason:
    zh, en = _WORDS.get(code, ("", ""))
    return Reason(code, points, zh.format(what=what), en.format(what=what))
