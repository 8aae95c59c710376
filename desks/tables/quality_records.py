"""Errors, complaints about staff, suggestions and mystery calls over HTTP (QUA-09, QUA-10, QUA-12, QUA-13)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated, get_args

import msgspec

from acd.permissions import Person
from crm.quality import improving, records
from crm.quality.improving import Answer, Attempt, Mysteries, Mystery, Suggestion, Suggestions
from crm.quality.records import About, Complaint, Complaints, Error, ErrorKind, Errors, Step, Validity
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import AgentNumber, Line, Said, ordered
from desks.parameters import Parameter, choice, name_of

Moment = Annotated[dt.datetime, msgspec.Meta(tz=True)]
MaybeAgent = Annotated[str, msgspec.Meta(pattern=r"^([0-9]{3,5})?$")]
Ticket = Annotated[str, msgspec.Meta(pattern=r"^([A-Za-z]?[0-9]{13,18})?$")]
Words = Annotated[Said, msgspec.Meta(min_length=1)]
LineName = Annotated[str, msgspec.Meta(pattern=r"^[\w.:@*#+-]{1,80}$")]


class NewError(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An error of an agent, in a ticket or a recording."""

    agent: AgentNumber
    kind: ErrorKind
    at: Moment
    ticket: Ticket = ""
    recording_id: Annotated[int, msgspec.Meta(ge=1, le=2**53)] | None = None
    note: Line = ""


class Withdrawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why it was none."""

    why: Annotated[Line, msgspec.Meta(min_length=1)]


class NewComplaint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A complaint about staff; ``agent`` empty: not known."""

    about: About
    step: Step
    at: Moment
    text: Words
    agent: MaybeAgent = ""
    ticket: Ticket = ""


class Checking(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Whether a complaint is valid; ``agent``: whom it turned out to be about."""

    validity: Validity
    conclusion: Words
    agent: MaybeAgent = ""


class NewSuggestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What could be better."""

    text: Words


class Answering(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What becomes of a suggestion."""

    state: Answer
    answer: Words


class NewMystery(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A line that was tried, three times at most; the last attempt counts."""

    line: LineName
    at: Moment
    attempts: Annotated[list[Attempt], msgspec.Meta(min_length=1, max_length=3)]
    note: Line = ""


async def add_error(ask: Ask, person: Person, *, at: dt.datetime, **values: object) -> Error:
    """``POST /api/quality/errors``."""
    async with ask.parts.pool.acquire() as connection:
        return await records.add_error(connection, person, at=parameters.within("at", at), **values)  # type: ignore[arg-type]


async def errors(ask: Ask, person: Person, *, agent: str | None, kind: str, page: int, limit: int, **time: dt.datetime) -> Errors:
    """``GET /api/quality/errors``."""
    chosen = {"agent": agent or "", "kind": kind}
    async with ask.parts.pool.acquire() as connection:
        return await records.errors(connection, person, time["from"], time["to"], **chosen, limit=limit, page=page)


async def withdraw_error(ask: Ask, person: Person, *, id: uuid.UUID, why: str) -> None:
    """``POST /api/quality/errors/{id}/withdraw``."""
    async with ask.parts.pool.acquire() as connection:
        await records.withdraw_error(connection, person, id, why)


async def add_complaint(ask: Ask, person: Person, *, at: dt.datetime, **values: object) -> Complaint:
    """``POST /api/quality/complaints``."""
    async with ask.parts.pool.acquire() as connection:
        return await records.add_complaint(connection, person, at=parameters.within("at", at), **values)  # type: ignore[arg-type]


async def complaints(
    ask: Ask, person: Person, *, agent: str | None, state: str, page: int, limit: int, **time: dt.datetime
) -> Complaints:
    """``GET /api/quality/complaints``."""
    chosen = {"agent": agent or "", "state": state}
    async with ask.parts.pool.acquire() as connection:
        return await records.complaints(connection, person, time["from"], time["to"], **chosen, limit=limit, page=page)


async def check_complaint(
    ask: Ask, person: Person, *, id: uuid.UUID, validity: Validity, conclusion: str, agent: str
) -> Complaint:
    """``POST /api/quality/complaints/{id}/check``."""
    async with ask.parts.pool.acquire() as connection:
        return await records.check_complaint(connection, person, id, validity, agent=agent, conclusion=conclusion)


async def suggest(ask: Ask, person: Person, *, text: str) -> Suggestion:
    """``POST /api/quality/suggestions``."""
    async with ask.parts.pool.acquire() as connection:
        return await improving.suggest(connection, person, text)


async def suggestions(ask: Ask, person: Person, *, state: str, page: int, limit: int) -> Suggestions:
    """``GET /api/quality/suggestions``."""
    async with ask.parts.pool.acquire() as connection:
        return await improving.suggestions(connection, person, state=state, limit=limit, page=page)


async def answer(ask: Ask, person: Person, *, id: uuid.UUID, state: Answer, answer: str) -> Suggestion:
    """``POST /api/quality/suggestions/{id}/answer``."""
    async with ask.parts.pool.acquire() as connection:
        return await improving.answer_suggestion(connection, person, id, state, answer)


async def add_mystery(ask: Ask, person: Person, *, line: str, at: dt.datetime, attempts: list[Attempt], note: str) -> Mystery:
    """``POST /api/quality/mystery-calls``."""
    at = parameters.within("at", at)
    async with ask.parts.pool.acquire() as connection:
        return await improving.add_mystery(connection, person, line=line, at=at, attempts=attempts, note=note)


async def mysteries(ask: Ask, person: Person, *, line: str, page: int, limit: int, **time: dt.datetime) -> Mysteries:
    """``GET /api/quality/mystery-calls``."""
    begin, end = time["from"], time["to"]
    async with ask.parts.pool.acquire() as connection:
        return await improving.mysteries(connection, person, begin, end, line=line, limit=limit, page=page)


_PAGED = (parameters.PAGE, parameters.LIMIT)
_TIME = (parameters.FROM, parameters.TO)
_KIND = choice("kind", get_args(ErrorKind), "差错类别", "Kind of error")
_CHECKED = choice("state", ("open", *get_args(Validity)), "核查结果", "What came of it")
_STATE = choice("state", ("open", *get_args(Answer)), "状态", "State")
_LINE = Parameter(
    name="line",
    read=name_of,
    schema={"type": "string", "pattern": "^[\\w.:@*#+-]{1,80}$"},
    chinese="线路",
    english="Line",
    default="",
)
_ERRORS, _COMPLAINTS, _SUGGESTIONS = "/api/quality/errors", "/api/quality/complaints", "/api/quality/suggestions"
_MYSTERY = "/api/quality/mystery-calls"
_LIST_ERRORS = (*_TIME, parameters.AGENT, _KIND, *_PAGED)
_LIST_COMPLAINTS = (*_TIME, parameters.AGENT, _CHECKED, *_PAGED)
ROUTES: tuple[Route, ...] = (
    ordered("GET", _ERRORS, errors, "quality.see", ("差错", "Errors of agents"), query=_LIST_ERRORS, answer=Errors),
    ordered("POST", _ERRORS, add_error, "quality.errors", ("登记差错", "Note an error"), body=NewError, answer=Error),
    ordered(
        "POST",
        f"{_ERRORS}/{{id}}/withdraw",
        withdraw_error,
        "quality.errors",
        ("撤销差错", "Withdraw an error"),
        body=Withdrawing,
    ),
    ordered(
        "GET",
        _COMPLAINTS,
        complaints,
        "quality.complaints",
        ("对工作人员的投诉", "Complaints about staff"),
        query=_LIST_COMPLAINTS,
        answer=Complaints,
    ),
    ordered(
        "POST",
        _COMPLAINTS,
        add_complaint,
        "quality.complain",
        ("登记对工作人员的投诉", "Log a complaint about staff"),
        body=NewComplaint,
        answer=Complaint,
    ),
    ordered(
        "POST",
        f"{_COMPLAINTS}/{{id}}/check",
        check_complaint,
        "quality.review",
        ("核查投诉", "Check a complaint"),
        body=Checking,
        answer=Complaint,
    ),
    ordered(
        "GET",
        _SUGGESTIONS,
        suggestions,
        "quality.suggest",
        ("改进建议", "Suggestions"),
        query=(_STATE, *_PAGED),
        answer=Suggestions,
    ),
    ordered("POST", _SUGGESTIONS, suggest, "quality.suggest", ("提出建议", "Suggest"), body=NewSuggestion, answer=Suggestion),
    ordered(
        "POST",
        f"{_SUGGESTIONS}/{{id}}/answer",
        answer,
        "quality.suggestions",
        ("答复建议", "Answer a suggestion"),
        body=Answering,
        answer=Suggestion,
    ),
    ordered(
        "GET",
        _MYSTERY,
        mysteries,
        "quality.plans",
        ("暗访电话和报告", "Mystery calls and their report"),
        query=(*_TIME, _LINE, *_PAGED),
        answer=Mysteries,
    ),
    ordered(
        "POST",
        _MYSTERY,
        add_mystery,
        "quality.mystery",
        ("登记暗访电话", "Record a mystery call"),
        body=NewMystery,
        answer=Mystery,
    ),
)
