"""Texts of the terminal: Chinese first, English second, from ``hotline/messages.toml``. Standard library only."""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path


@cache
def _catalogue() -> dict[str, dict[str, str]]:
    return tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))


def text(key: str, **values: object) -> str:
    """Both languages of one message on one line, ``中文 / English``; raises ``KeyError`` for an unknown key."""
    entry = _catalogue()[key]
    return f"{entry['zh']} / {entry['en']}".format(**values)


def languages(key: str, **values: object) -> dict[str, str]:
    """The message apart by language: ``{"zh": …, "en": …}``, for JSON output."""
    return {language: words.format(**values) for language, words in _catalogue()[key].items()}
