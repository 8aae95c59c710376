"""Telephone numbers as trunks and people write them, brought to one form, so that two can be compared. Pure.

The form: digits only, no country code of China, no 0 before an area code or a mobile number; a number abroad begins with 00.
"""

from __future__ import annotations

import re

_DIGITS = re.compile(r"\+?[0-9]+")
_DECORATION = re.compile(r"[\s().-]")
_BARE_COUNTRY_CODE = re.compile(r"86(1[3-9][0-9]{9})")
_MOBILE = re.compile(r"1[3-9][0-9]{9}")
_ABROAD = re.compile(r"00[1-9]")
_LONGEST = 20


def normal(number: str) -> str:
    """The one form of ``number``; ``""`` for what is none: withheld, empty, a name, or more than 20 digits.

    ``+86 138…``, ``0086138…``, ``86138…`` (mobile numbers alone: a local number may begin with 86) and ``0138…`` are ``138…``;
    ``010-1234 5678`` is ``1012345678``. A local number without its area code stays as it is and equals only itself.
    """
    plain = _DECORATION.sub("", number)
    if not plain.isascii() or not _DIGITS.fullmatch(plain):
        return ""
    if plain.startswith("+"):
        plain = f"00{plain[1:]}"
    if plain.startswith("0086"):
        plain = plain[4:]
    elif _ABROAD.match(plain):
        return plain if len(plain) <= _LONGEST else ""
    plain = plain.lstrip("0")
    if bare := _BARE_COUNTRY_CODE.fullmatch(plain):
        plain = bare[1]
    return plain if len(plain) <= _LONGEST else ""


def dialled(number: str) -> str:
    """How a number in its one form is dialled: an area code needs its 0; mobile, short and local numbers are as they are."""
    is_whole = len(number) <= 8 or number.startswith("00") or _MOBILE.fullmatch(number)
    return number if is_whole else f"0{number}"


def same(one: str, other: str) -> bool:
    """Whether both are the same number; a withheld number is never the same as another (SEC-06)."""
    known = normal(one)
    return bool(known) and known == normal(other)
