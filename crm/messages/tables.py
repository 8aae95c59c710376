"""The tables of words, read once: ``words.toml``, and what a city's profile changes of it."""

from __future__ import annotations

import functools
import tomllib
from collections.abc import Mapping
from pathlib import Path

import msgspec

from crm.messages.urgent import Negation
from crm.profiles.profile import Nature, Profile


class Tables(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """As in the file."""

    urgent: dict[str, tuple[str, ...]]
    negation: Negation
    nature: dict[Nature, tuple[str, ...]]


@functools.cache
def read() -> Tables:
    """The file, checked."""
    return msgspec.convert(tomllib.loads((Path(__file__).parent / "words.toml").read_text(encoding="utf-8")), Tables)


def urgent_words(profile: Profile) -> Mapping[str, tuple[str, ...]]:
    """Kind -> words; a kind that the city names has its words (none: it is switched off), and it may add kinds."""
    return {**read().urgent, **profile.urgent_words}
