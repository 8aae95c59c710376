"""What a flow may ask the data, by name: the arguments, the variables that the answer gives, and the exits. Pure.

Every look-up has the exits ``timeout`` and ``error`` beside its own: the session takes them when no answer came. Arguments and
results are text; an argument that a flow leaves out is empty. ``agi/lookup.py`` answers.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

import msgspec


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One look-up: the names of its arguments and results, and its own exits."""

    arguments: tuple[str, ...] = ()
    results: tuple[str, ...]
    exits: tuple[str, ...]


class Answer(msgspec.Struct, frozen=True):
    """The exit to take, and values for the results; a result that is not there keeps the value it had."""

    exit: str
    values: Mapping[str, str] = MappingProxyType({})


LOOKUPS: Mapping[str, Question] = MappingProxyType(
    {
        # IVR-06, SEC-06. state, result: prompts; updated: date and time. Without a code the caller's number decides, and
        # "refused" does not tell whether there is such a ticket. With one, "refused" means too many wrong codes.
        "ticket": Question(
            arguments=("number", "code"), results=("state", "result", "updated"), exits=("found", "refused", "not_found")
        ),
        # IVR-05. at: the code where the caller is ("" is the root). entered: "" (stay here), a key of this folder's menu, "0"
        # (back to the parent), or a code. kb: the code found; kb_kind: folder or article; kb_prompts: prompts, a folder's with
        # the keys; kb_document: to be faxed, or "".
        "knowledge": Question(
            arguments=("at", "entered"), results=("kb", "kb_kind", "kb_prompts", "kb_document"), exits=("found", "not_found")
        ),
        # IVR-04. entered: "" lists those open now with their keys (hotline_prompts), else a key or a code.
        "hotline": Question(
            arguments=("entered",),
            results=("hotline_code", "hotline_number", "hotline_prompts"),
            exits=("found", "not_found", "closed"),
        ),
        # IVR point 3: callers who are served in a way of their own, such as elderly.
        "caller": Question(results=("caller_group",), exits=("found", "not_found")),
        # IVR-33: what to play before queueing while many call for one reason.
        "announcement": Question(results=("announcement_prompts",), exits=("found", "not_found")),
        # Whole minutes that callers of the last half hour waited; not_found when there were too few to tell.
        "wait": Question(results=("wait_minutes",), exits=("found", "not_found")),
    }
)

EXITS: Mapping[str, tuple[str, ...]] = MappingProxyType({name: question.exits for name, question in LOOKUPS.items()})
"""The own exits of each look-up, as ``flow.required`` takes them."""
