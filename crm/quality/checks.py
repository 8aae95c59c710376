"""The automatic checks of all calls (QUA-01, QUA-04, QUA-06, QUA-07, TIM-13, TIM-14): one table. Pure.

A check that looks at words says "not checked" without a transcript, never "passed". Words that ought to have been said are looked
for on the right side; where the right side speaks and the engine heard nothing, nothing is said about the agent either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeAlias

import msgspec

from crm.quality import phrases, spans
from crm.quality.call import Finding, Matter, Outcome, Severity
from recordings.transcription.transcript import Turn

Found: TypeAlias = "Sequence[_Hit] | Literal['not_applicable', 'not_checked']"
_LEAST_MS, _HEARD_MS, _ASKED_MS, _WARNED_MS = 5000, 500, 120_000, 40_000
_UNHAPPY = frozenset(("dissatisfied",))


class _Hit(msgspec.Struct, frozen=True):
    from_ms: int
    to_ms: int
    detail: dict[str, Any] = {}
    agent: str | None = None


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """``looks_at``: what it needs; ``why``: its finding in Chinese and in English, with the finding's values."""

    code: str
    looks_at: Literal["sound", "words", "record"]
    rule: str
    severity: Severity
    called: tuple[str, str]
    why: tuple[str, str]
    find: Callable[[Matter], Found]


class Checked(msgspec.Struct, frozen=True):
    """The outcome of every check by its code, and what was found, in order of time."""

    outcomes: dict[str, Outcome]
    findings: tuple[Finding, ...]


def check(matter: Matter) -> Checked:
    """All checks on one call."""
    outcomes: dict[str, Outcome] = {}
    findings: list[Finding] = []
    for one in CHECKS:
        found = one.find(matter) if _is_there(one, matter) else "not_checked"
        if isinstance(found, str):
            outcomes[one.code] = found
            continue
        outcomes[one.code] = "failed" if found else "passed"
        findings += [_finding(one, hit, matter) for hit in found]
    return Checked(outcomes, tuple(sorted(findings, key=lambda finding: (finding.from_ms, finding.code))))


def why(code: str, detail: Mapping[str, Any]) -> tuple[str, str]:
    """The sentence of a finding in Chinese and in English; of a check that is no more, its code."""
    known = BY_CODE.get(code)
    if known is None:
        return code, code
    try:
        chinese, english = (sentence.format_map(detail) for sentence in known.why)
    except (KeyError, ValueError, IndexError, AttributeError):
        return known.called
    return chinese, english


def _is_there(one: Check, matter: Matter) -> bool:
    if one.looks_at == "sound":
        return matter.is_measured
    return one.looks_at == "record" or matter.turns is not None


def _finding(one: Check, hit: _Hit, matter: Matter) -> Finding:
    last = matter.manifest.length_ms
    begin = min(max(hit.from_ms, 0), last)
    return Finding(
        code=one.code,
        agent=matter.agent_at(begin) if hit.agent is None else hit.agent,
        severity=one.severity,
        from_ms=begin,
        to_ms=min(max(hit.to_ms, begin), last),
        detail=hit.detail,
    )


def _seconds(begin: int, end: int) -> float:
    return round((end - begin) / 1000, 1)


def _agents_turns(matter: Matter, begin: int, end: int) -> list[Turn]:
    return [one for one in matter.turns or () if one.track == "right" and one.from_ms < end and one.to_ms > begin]


def _ought(matter: Matter, wanted: Sequence[str], begin: int, end: int, agent: str | None = None) -> Found:
    """One of these within this time; nothing is said when the side spoke and no word was understood."""
    begin, end = max(begin, 0), min(max(end, 0), matter.manifest.length_ms)
    turns = _agents_turns(matter, begin, end)
    if phrases.said(turns, wanted):
        return ()
    if not turns and spans.total(spans.both(matter.speech("right"), [(begin, end)])) > _HEARD_MS:
        return "not_checked"
    return [_Hit(begin, end, {"seconds": _seconds(begin, end)}, agent)]


def _greeting(matter: Matter) -> Found:
    begin = matter.agent_begins
    return _ought(matter, matter.rules.greeting, begin, begin + matter.rules.greeting_seconds * 1000)


def _closing(matter: Matter) -> Found:
    if spans.total(matter.talk) < _LEAST_MS:
        return "not_applicable"
    end = matter.talk[-1][1]
    return _ought(matter, matter.rules.closing, end - matter.rules.closing_seconds * 1000, end, matter.agent_at(end - 1))


def _forbidden(matter: Matter) -> Found:
    turns = [one for one in matter.turns or () if one.track == "right"]
    return [
        _Hit(spot.from_ms, spot.to_ms, {"phrase": spot.phrase, "agent_alone": matter.is_agent_alone(spot.from_ms)})
        for spot in phrases.spots(turns, matter.rules.forbidden)
    ]


def _silence(matter: Matter) -> Found:
    if not matter.talk:
        return "not_applicable"
    limit = matter.rules.silence_seconds * 1000
    quiet = spans.without(matter.talk, [*matter.speech("left"), *matter.speech("right")])
    return [_Hit(*span, {"seconds": _seconds(*span), "limit": limit // 1000}) for span in spans.longer(quiet, limit)]


def _overlap(matter: Matter) -> Found:
    if not matter.talk:
        return "not_applicable"
    limit = matter.rules.overlap_seconds * 1000
    together = spans.both(spans.both(matter.speech("left"), matter.speech("right")), matter.talk)
    return [_Hit(*span, {"seconds": _seconds(*span), "limit": limit // 1000}) for span in spans.longer(together, limit)]


def _hold(matter: Matter) -> Found:
    if not matter.waits:
        return "not_applicable"
    limit = matter.rules.hold_seconds * 1000
    alone = spans.without(matter.waits, [*matter.said_to_caller(), *matter.gaps])
    return [_Hit(*span, {"seconds": _seconds(*span), "limit": limit // 1000}) for span in spans.longer(alone, limit)]


def _silent_call(matter: Matter) -> Found:
    is_silent = spans.total(matter.talk) >= _LEAST_MS and spans.total(matter.speech("left")) < _HEARD_MS
    if not is_silent:
        return "not_applicable"
    if matter.record.said_silent or "silent" in matter.record.dispositions:
        return ()
    if phrases.said(_agents_turns(matter, 0, matter.manifest.length_ms), matter.rules.silent):
        return ()
    return [_Hit(*matter.talk[0], {"seconds": _seconds(*matter.talk[0])})]


def _consent(matter: Matter) -> Found:
    asked = [one for one in matter.record.threeways if one.was_dialled]
    if not asked:
        return "not_applicable"
    return [_Hit(one.at_ms or 0, one.at_ms or 0, {}, one.agent) for one in asked if not one.consent]


def _consent_said(matter: Matter) -> Found:
    asked = [one for one in matter.record.threeways if one.was_dialled]
    if not asked:
        return "not_applicable"
    if any(one.at_ms is None for one in asked):
        return "not_checked"
    each = [
        _ought(matter, matter.rules.consent, one.at_ms - _ASKED_MS, one.at_ms + _LEAST_MS, one.agent)
        for one in asked
        if one.at_ms is not None
    ]
    return _together(each)


def _warned(matter: Matter) -> Found:
    if not matter.record.hang_ups:
        return "not_applicable"
    wanted = matter.rules.warning
    each = [_ought(matter, wanted, one.at_ms - _WARNED_MS, one.at_ms + 1000, one.agent) for one in matter.record.hang_ups]
    return _together(each)


def _together(each: Sequence[Found]) -> Found:
    hits = [hit for one in each if not isinstance(one, str) for hit in one]
    return hits if hits or "not_checked" not in each else "not_checked"


def _hung_up_first(matter: Matter) -> Found:
    return [_Hit(one.at_ms, one.at_ms, {}, one.agent) for one in matter.record.hang_ups if one.is_flagged]


def _slow(matter: Matter) -> Found:
    wait = matter.record.wait_ms
    if wait is None:
        return "not_applicable"
    limit = matter.rules.answer_seconds
    if wait <= limit * 1000:
        return ()
    rang = round((matter.record.ring_ms or 0) / 1000, 1)
    detail = {"seconds": round(wait / 1000, 1), "limit": limit, "rang": rang, "second": matter.rules.second_answer_seconds}
    detail["is_over_second"] = wait > matter.rules.second_answer_seconds * 1000
    return [_Hit(matter.agent_begins, matter.agent_begins, detail, matter.record.agent)]


def _rating(matter: Matter) -> Found:
    if matter.record.rating in ("", "not_rated"):
        return "not_applicable"
    end = matter.manifest.length_ms
    return [_Hit(end, end, {"rating": matter.record.rating})] if matter.record.rating in _UNHAPPY else ()


CHECKS: tuple[Check, ...] = (
    Check(code="greeting", looks_at="words", rule="QUA-04", severity="minor", find=_greeting,
          called=("问候语", "Greeting"),
          why=("开头 {seconds} 秒内没有听到问候语", "No greeting was heard within the first {seconds} s")),
    Check(code="closing", looks_at="words", rule="QUA-04", severity="minor", find=_closing,
          called=("结束语", "Closing"),
          why=("最后 {seconds} 秒内没有听到结束语", "No closing was heard within the last {seconds} s")),
    Check(code="forbidden_words", looks_at="words", rule="QUA-06", severity="serious", find=_forbidden,
          called=("禁用语", "Forbidden words"),
          why=("说了禁用语“{phrase}”", "The forbidden words “{phrase}” were said")),
    Check(code="long_silence", looks_at="sound", rule="QUA-04", severity="minor", find=_silence,
          called=("长时间静音", "Long silence"),
          why=("双方静音 {seconds} 秒,上限 {limit} 秒", "Both were silent for {seconds} s; the limit is {limit} s")),
    Check(code="both_talking", looks_at="sound", rule="QUA-04", severity="minor", find=_overlap,
          called=("抢话", "Both talking at once"),
          why=("双方同时说话 {seconds} 秒,上限 {limit} 秒", "Both talked at once for {seconds} s; the limit is {limit} s")),
    Check(code="hold_without_word", looks_at="sound", rule="QUA-07", severity="minor", find=_hold,
          called=("保持中没有提醒", "Hold without a word"),
          why=("来电人等待 {seconds} 秒没有人说话,上限 {limit} 秒",
               "The caller waited {seconds} s without a word; the limit is {limit} s")),
    Check(code="silent_call", looks_at="sound", rule="QUA-07", severity="minor", find=_silent_call,
          called=("无声来电", "Silent call"),
          why=("来电人没有声音,没有按无声来电处理({seconds} 秒)",
               "The caller said nothing, and the call was not handled as a silent one ({seconds} s)")),
    Check(code="threeway_consent", looks_at="record", rule="QUA-07", severity="serious", find=_consent,
          called=("三方通话同意", "Consent to a three-way call"),
          why=("没有记录来电人同意三方通话", "The caller's consent to a three-way call is not on record")),
    Check(code="threeway_consent_asked", looks_at="words", rule="QUA-07", severity="minor", find=_consent_said,
          called=("三方通话征求同意", "Consent to a three-way call asked for"),
          why=("三方通话前 {seconds} 秒内没有听到征求同意",
               "Nobody was heard asking for consent within {seconds} s before the three-way call")),
    Check(code="hang_up_warning", looks_at="words", rule="QUA-07", severity="minor", find=_warned,
          called=("挂机前提示", "Warning before hanging up"),
          why=("坐席先挂机,此前 {seconds} 秒内没有听到提示",
               "The agent hung up first, and no warning was heard within {seconds} s before")),
    Check(code="agent_hung_up_first", looks_at="record", rule="IVR-23", severity="serious", find=_hung_up_first,
          called=("坐席先挂机", "Agent hung up first"),
          why=("坐席先挂机,没有规定的理由", "The agent hung up first without a reason that allows it")),
    Check(code="slow_answer", looks_at="record", rule="TIM-13", severity="note", find=_slow,
          called=("接听超时", "Answered late"),
          why=("等待 {seconds} 秒后接听(其中振铃 {rang} 秒),上限 {limit} 秒",
               "Answered after {seconds} s, of which the telephone rang {rang} s; the limit is {limit} s")),
    Check(code="dissatisfied", looks_at="record", rule="QUA-01", severity="note", find=_rating,
          called=("来电人不满意", "Caller not satisfied"),
          why=("来电人评价不满意", "The caller was not satisfied")),
)  # fmt: skip
BY_CODE: Mapping[str, Check] = {one.code: one for one in CHECKS}
CODES = tuple(BY_CODE)
