"""Which language a person reads, and the texts in it (``desks/messages/*.toml``)."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

DEFAULT = "zh-CN"
_BY_PREFIX = {"zh": "zh-CN", "en": "en"}
LANGUAGES = tuple(_BY_PREFIX.values())


def chosen(accepted: str) -> str:
    """``zh-CN`` or ``en``, whichever an Accept-Language header prefers; Chinese when it names neither or is malformed."""
    wishes: list[tuple[float, int, str]] = []
    for place, wish in enumerate(accepted.split(",")[:20]):
        tag, _, weight = wish.partition(";")
        language = _BY_PREFIX.get(tag.strip().lower().split("-")[0])
        quality = _quality(weight)
        if language and quality > 0:
            wishes.append((-quality, place, language))
    return min(wishes)[2] if wishes else DEFAULT


def text(code: str, language: str) -> str:
    """The sentence for ``code``; raises ``KeyError`` for an unknown one."""
    return catalogue(language)[code]


@cache
def catalogue(language: str) -> dict[str, str]:
    """Every sentence in one language."""
    file = Path(__file__).parent / "messages" / f"{language}.toml"
    return tomllib.loads(file.read_text(encoding="utf-8"))


def _quality(weight: str) -> float:
    name, _, value = weight.strip().partition("=")
    if not name:
        return 1.0
    try:
        quality = float(value)
    except ValueError:
        return 0.0
    return quality if name.strip() == "q" and 0 <= quality <= 1 else 0.0
