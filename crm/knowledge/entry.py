"""What an entry of the knowledge base holds (KBA-01 to KBA-03, KBA-10 to KBA-13), and what must be right in it. Pure.

An entry belongs to a unit, or to the centre (KBA-04); its content is one value, and every change of it is a version.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Mapping
from typing import Annotated, Literal

import msgspec

from crm.errors import RefusedError
from crm.knowledge import words

Kind = Literal["answer", "guide", "announcement", "troubleshooting", "notice", "expert"]
Topic = Literal[
    "policy", "city_guide", "procedure", "investment", "departments", "everyday", "hot_topic", "outage", "market", "other"
]  # fmt: skip
"""KBA-01, KBA-11."""
_TEXT = r"^[^\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]*$"
Title = Annotated[str, msgspec.Meta(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Short = Annotated[str, msgspec.Meta(max_length=200, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Text = Annotated[str, msgspec.Meta(max_length=20_000, pattern=_TEXT)]
Answer = Annotated[str, msgspec.Meta(max_length=4000, pattern=_TEXT)]
Term = Annotated[str, msgspec.Meta(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f\ud800-\udfff]*$")]
Category = Annotated[str, msgspec.Meta(pattern=r"^([A-Z][A-Z0-9]{0,7}(\.[0-9]{2,3})?)?$")]
MenuCode = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{2,8})?$")]
MenuKey = Annotated[int, msgspec.Meta(ge=1, le=8)]
PromptName = Annotated[str, msgspec.Meta(max_length=128, pattern=r"^[a-z0-9][a-z0-9-]*(/[a-z0-9][a-z0-9-]*)?$")]
Document = Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9-]{0,63})?$")]
StepName = Annotated[str, msgspec.Meta(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]
Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]


class Choice(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the citizen may answer, and the step that follows; without one the guidance ends, with ``ends``."""

    label: Title
    to: Annotated[str, msgspec.Meta(pattern=r"^([a-z0-9][a-z0-9_-]{0,31})?$")] = ""
    ends: Literal["", "solved", "send_staff"] = ""


class Step(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One step of guidance by telephone (KBA-10, LIF-27): what to say or ask."""

    name: StepName
    text: Answer
    choices: Annotated[tuple[Choice, ...], msgspec.Meta(min_length=1, max_length=10)]


class Content(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The content of an entry; columns of ``knowledge_entries`` have the same names.

    ``answer`` is the standard answer; what is ``binding`` is told word for word (LIF-05, RPL-15). ``code``, ``folder``, ``key``:
    the place in the telephone menu; ``prompts``: the recordings of its text. ``secret`` entries are for agents alone (KBA-12).
    """

    kind: Kind = "answer"
    topic: Topic = "everyday"
    title: Title
    body: Text = ""
    answer: Answer = ""
    binding: bool = False
    category: Category = ""
    subject_terms: Annotated[tuple[Term, ...], msgspec.Meta(max_length=30)] = ()
    author: Short = ""
    code: MenuCode = ""
    folder: MenuCode = ""
    key: MenuKey | None = None
    prompts: Annotated[tuple[PromptName, ...], msgspec.Meta(max_length=20)] = ()
    document: Document = ""
    for_agents: bool = True
    for_ivr: bool = False
    for_web: bool = False
    secret: bool = False
    valid_from: Moment | None = None
    valid_to: Moment | None = None
    review_on: dt.date | None = None
    steps: Annotated[tuple[Step, ...], msgspec.Meta(max_length=60)] = ()


def check(content: Content) -> None:
    """Raise ``RefusedError`` when an entry may not be so: ``entry_incomplete`` (what is missing), ``bad_times``,
    ``secret_for_citizens``, ``steps_broken`` (where)."""
    if missing := list(_missing(content)):
        raise RefusedError("entry_incomplete", missing=missing)
    if content.valid_from and content.valid_to and content.valid_from >= content.valid_to:
        raise RefusedError("bad_times", valid_from=content.valid_from, valid_to=content.valid_to)
    if content.secret and (content.for_ivr or content.for_web):
        raise RefusedError("secret_for_citizens")
    if broken := list(_broken(content.steps)):
        raise RefusedError("steps_broken", steps=broken)


def is_valid(content: Content, now: dt.datetime) -> bool:
    """Whether it may be told now."""
    return (content.valid_from is None or content.valid_from <= now) and (content.valid_to is None or now < content.valid_to)


def heading(content: Content) -> str:
    """The tsvector of what counts most: the title, and the terms with the category."""
    return words.vector([(content.title, "A"), *((term, "B") for term in content.subject_terms)])


def all_words(content: Content) -> list[str]:
    """Every word by which it is found, each once."""
    guidance = [text for step in content.steps for text in (step.text, *(choice.label for choice in step.choices))]
    texts = (content.title, *content.subject_terms, content.body, content.answer, content.author, *guidance)
    return sorted({word for text in texts for word in words.words(text)})


def changed(before: Content, after: Content) -> list[str]:
    """The names of what differs."""
    return [name for name in Content.__struct_fields__ if getattr(before, name) != getattr(after, name)]


def _missing(content: Content) -> Iterator[str]:
    if not content.title.strip():
        yield "title"
    if not (content.body.strip() or content.answer.strip() or content.steps):
        yield "body"
    if content.kind == "announcement":
        yield from (name for name in ("answer", "valid_from", "valid_to") if not getattr(content, name))
        if not content.binding:
            yield "binding"
    if content.kind == "troubleshooting" and not content.steps:
        yield "steps"
    if content.kind in ("expert", "notice") and not content.author.strip():
        yield "author"
    if content.code and content.key is None:
        yield "key"


def _broken(steps: tuple[Step, ...]) -> Iterator[str]:
    """Names of steps that are twice there, lead nowhere or in a circle, or are never come to."""
    known: Mapping[str, Step] = {step.name: step for step in steps}
    if len(known) != len(steps):
        yield from sorted({step.name for step in steps if sum(other.name == step.name for other in steps) > 1})
        return
    yield from (
        step.name for step in steps for one in step.choices if bool(one.to) == bool(one.ends) or (one.to and one.to not in known)
    )
    if steps:
        reached, circles = _walked(known, steps[0].name)
        yield from sorted(circles)
        yield from (name for name in known if name not in reached)


def _walked(known: Mapping[str, Step], first: str) -> tuple[set[str], set[str]]:
    """Steps that are come to from the first, and those from which one comes to them again."""
    done: set[str] = set()
    circles: set[str] = set()
    path: list[str] = []
    todo: list[tuple[str, bool]] = [(first, False)]
    while todo:
        name, leaving = todo.pop()
        if leaving:
            path.pop()
            done.add(name)
        elif name in path:
            circles.add(name)
        elif name in known and name not in done:
            path.append(name)
            todo.append((name, True))
            todo += [(choice.to, False) for choice in known[name].choices if choice.to]
    return done, circles
