"""Entries of the directory as a TOML file, to be read by people and to be imported again. Pure."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from hotline.clock import SHANGHAI


def written(table: str, entries: Iterable[msgspec.Struct]) -> str:
    """The file: one ``[[table]]`` after another; what has its default value is left out."""
    return "\n".join(_entry(table, entry) for entry in entries)


def _entry(table: str, entry: msgspec.Struct) -> str:
    return "\n".join([f"[[{table}]]", *(f"{name} = {_value(value)}" for name, value in _said(entry).items())]) + "\n"


def _said(entry: msgspec.Struct) -> dict[str, Any]:
    """The values that are not the defaults."""
    said = {}
    for field in msgspec.structs.fields(entry):
        value = getattr(entry, field.name)
        empty = field.default_factory() if field.default_factory is not msgspec.NODEFAULT else field.default
        if value is not None and value != empty:
            said[field.name] = value
    return said


def _value(value: Any) -> str:
    if isinstance(value, msgspec.Struct):
        return _value(_said(value))
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_text(key)} = {_value(one)}" for key, one in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_value(one) for one in value) + "]"
    if isinstance(value, dt.datetime):
        return value.astimezone(SHANGHAI).isoformat()
    if isinstance(value, dt.date):
        return value.isoformat()
    return _text(value) if isinstance(value, str) else json.dumps(value)


def _text(value: str) -> str:
    """A basic string: JSON's escapes are TOML's, but for the delete character, which TOML wants escaped."""
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
