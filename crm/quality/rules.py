"""What a call is held against: phrases and limits (QUA-04, QUA-06, QUA-07, TIM-13, TIM-14). Pure.

Each set of rules that was in force is a version in ``quality_rules``, and each result names its version. ``of_city`` are those
that stand elsewhere: in the city's profile and in ``hotline.toml``.
"""

from __future__ import annotations

import hashlib
from typing import Annotated

import msgspec

Seconds = Annotated[int, msgspec.Meta(ge=1, le=3600)]
Phrase = Annotated[str, msgspec.Meta(min_length=1, max_length=40, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]+$")]
Phrases = Annotated[tuple[Phrase, ...], msgspec.Meta(min_length=1, max_length=100)]


class Rules(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of the phrases must be heard, in simplified characters; limits in seconds.

    ``greeting``: within ``greeting_seconds`` of the agent's beginning (SCR-01 to SCR-03, SCR-30, SCR-55); ``closing``: within
    ``closing_seconds`` of the end (SCR-21, SCR-32); ``warning``: before the agent hangs up (SCR-20, SCR-65 to SCR-69);
    ``consent``: before a unit is called in (SCR-39); ``silent``: to who says nothing (SCR-20). ``appeal_days``: how long an
    agent may appeal against a score.
    """

    greeting: Phrases = ("您好", "你好", "12345", "节日快乐", "新年好", "很高兴为您服务")
    greeting_seconds: Seconds = 15
    closing: Phrases = ("再见", "感谢您的来电", "谢谢您的来电", "欢迎再次拨打", "祝您生活愉快", "打扰您了")
    closing_seconds: Seconds = 20
    warning: Phrases = ("挂机", "挂断", "挂电话", "再次拨打", "重新拨打", "再见")
    consent: Phrases = ("三方通话", "可以吗", "是否同意", "同意吗", "好吗", "稍等", "稍候")
    silent: Phrases = ("听不到您的声音", "听不见您的声音", "听不到声音", "电话已接通", "电话已经接通", "请讲话")
    silence_seconds: Seconds = 15
    overlap_seconds: Seconds = 3
    hold_seconds: Seconds = 30
    answer_seconds: Seconds = 15
    second_answer_seconds: Seconds = 20
    appeal_days: Annotated[int, msgspec.Meta(ge=1, le=60)] = 5
    forbidden: Annotated[tuple[Phrase, ...], msgspec.Meta(max_length=200)] = ("不合理", "无理要求", "无理诉求")


OF_CITY = ("forbidden", "hold_seconds", "answer_seconds", "second_answer_seconds")
"""Rules that nobody changes here."""


def digest(rules: Rules) -> str:
    """The same for the same rules."""
    return hashlib.sha256(msgspec.json.encode(rules, order="deterministic")).hexdigest()
