"""Samples, scores, calibrations and appeals over HTTP (QUA-01, QUA-04, QUA-05)."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import Annotated

import msgspec

from acd.permissions import Person
from crm.errors import RefusedError
from crm.quality import appeals, calibrations, plans, scores
from crm.quality.appeals import Appeal, Appeals
from crm.quality.calibrations import Calibration, Calibrations, Result
from crm.quality.plans import Draw, Plan, Plans, Samples
from crm.quality.sampling import Rule
from crm.quality.scores import Score, Scores
from desks import parameters
from desks.desk import Ask, Route
from desks.ordering import Line, Said, ordered
from desks.parameters import Parameter, one_of

SheetName = Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_]{0,39}$")]
Points = Annotated[dict[SheetName, Annotated[float, msgspec.Meta(ge=0, le=100)]], msgspec.Meta(max_length=200)]
Vetoes = Annotated[list[SheetName], msgspec.Meta(max_length=20)]
User = Annotated[str, msgspec.Meta(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.@-]{0,39}$")]
Recording = Annotated[int, msgspec.Meta(ge=1, le=2**53)]
Words = Annotated[Said, msgspec.Meta(min_length=1)]


class NewPlan(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A plan: how many of each agent a week, and of which calls."""

    name: Annotated[Line, msgspec.Meta(min_length=1)]
    rule: Rule = Rule()
    sheet: SheetName = "call"


class Drawing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which week: its Monday."""

    week: dt.date


class NewScore(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One of the three; ``sheet``: of a recording that is no sample."""

    sample: uuid.UUID | None = None
    calibration: uuid.UUID | None = None
    recording: Recording | None = None
    sheet: SheetName = "call"


class Saving(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The whole draft as it is to be."""

    points: Points
    vetoes: Vetoes = []
    remark: Said = ""


class NewCalibration(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who is to score the same call blindly: user names."""

    recording: Recording
    scorers: Annotated[list[User], msgspec.Meta(min_length=2, max_length=20)]
    sheet: SheetName = "call"


class Appealing(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Why the score is not right."""

    reason: Words


class Settling(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``points``: as they are to be, with ``vetoes``; without them the score is kept."""

    answer: Words
    points: Points | None = None
    vetoes: Vetoes = []


def _uuid(name: str, text: str) -> uuid.UUID:
    try:
        return uuid.UUID(text)
    except ValueError:
        raise RefusedError("unknown_plan", parameter=name) from None


_ENDED = parameters.flag("ended", "包括已终止的", "Also those that have ended", default=False)
_DONE = parameters.flag("done", "包括已评分的", "Also those that were scored", default=False)
_PLAN = Parameter(
    name="plan", read=_uuid, schema={"type": "string", "format": "uuid"}, chinese="抽检计划", english="Of this plan"
)
_STATES = ("open", "kept", "changed")
_STATE = Parameter(
    name="state",
    read=one_of(_STATES),
    schema={"type": "string", "enum": list(_STATES)},
    chinese="状态",
    english="State",
    default="",
)


async def all_plans(ask: Ask, person: Person, *, ended: bool, page: int, limit: int) -> Plans:
    """``GET /api/quality/plans``."""
    async with ask.parts.pool.acquire() as connection:
        return await plans.listed(connection, person, ended=ended, limit=limit, page=page)


async def new_plan(ask: Ask, person: Person, *, name: str, sheet: str, rule: Rule) -> Plan:
    """``POST /api/quality/plans``."""
    async with ask.parts.pool.acquire() as connection:
        return await plans.make(connection, person, name, sheet, rule)


async def end_plan(ask: Ask, person: Person, *, id: uuid.UUID) -> None:
    """``POST /api/quality/plans/{id}/end``."""
    async with ask.parts.pool.acquire() as connection:
        await plans.end(connection, person, id)


async def draw(ask: Ask, person: Person, *, id: uuid.UUID, week: dt.date) -> Draw:
    """``POST /api/quality/plans/{id}/draw``."""
    async with ask.parts.pool.acquire() as connection:
        return await plans.draw(connection, person, id, week)


async def samples(ask: Ask, person: Person, *, plan: uuid.UUID | None, done: bool, page: int, limit: int) -> Samples:
    """``GET /api/quality/samples``."""
    async with ask.parts.pool.acquire() as connection:
        return await plans.samples(connection, person, plan=plan, done=done, limit=limit, page=page)


async def begin(
    ask: Ask, person: Person, *, sample: uuid.UUID | None, calibration: uuid.UUID | None, recording: int | None, sheet: str
) -> Score:
    """``POST /api/quality/scores``."""
    async with ask.parts.pool.acquire() as connection:
        if (sample is not None) + (calibration is not None) + (recording is not None) != 1:
            raise RefusedError("bad_values", fields=["sample", "calibration", "recording"])
        if sample is not None:
            return await scores.of_sample(connection, person, sample)
        if calibration is not None:
            return await calibrations.score(connection, person, calibration)
        return await scores.of_recording(connection, person, recording or 0, sheet)


async def save(ask: Ask, person: Person, *, id: uuid.UUID, points: dict[str, float], vetoes: list[str], remark: str) -> Score:
    """``PUT /api/quality/scores/{id}``."""
    async with ask.parts.pool.acquire() as connection:
        return await scores.save(connection, person, id, points, vetoes=vetoes, remark=remark)


async def submit(ask: Ask, person: Person, *, id: uuid.UUID) -> Score:
    """``POST /api/quality/scores/{id}/submit``."""
    async with ask.parts.pool.acquire() as connection:
        return await scores.submit(connection, person, id)


async def score(ask: Ask, person: Person, *, id: uuid.UUID) -> Score:
    """``GET /api/quality/scores/{id}``."""
    async with ask.parts.pool.acquire() as connection:
        return await scores.get(connection, person, id)


async def all_scores(ask: Ask, person: Person, *, agent: str | None, page: int, limit: int, **time: dt.datetime) -> Scores:
    """``GET /api/quality/scores``."""
    begin, end = time["from"], time["to"]
    async with ask.parts.pool.acquire() as connection:
        return await scores.listed(connection, person, begin, end, agent=agent or "", limit=limit, page=page)


async def appeal(ask: Ask, person: Person, *, id: uuid.UUID, reason: str) -> Appeal:
    """``POST /api/quality/scores/{id}/appeal``."""
    async with ask.parts.pool.acquire() as connection:
        return await appeals.appeal(connection, person, ask.parts.settings, id, reason)


async def all_appeals(ask: Ask, person: Person, *, agent: str | None, state: str, page: int, limit: int) -> Appeals:
    """``GET /api/quality/appeals``."""
    async with ask.parts.pool.acquire() as connection:
        return await appeals.listed(connection, person, agent=agent or "", state=state, limit=limit, page=page)


async def settle(
    ask: Ask, person: Person, *, id: uuid.UUID, answer: str, points: dict[str, float] | None, vetoes: list[str]
) -> Appeal:
    """``POST /api/quality/appeals/{id}/settle``."""
    async with ask.parts.pool.acquire() as connection:
        return await appeals.settle(connection, person, id, answer, None if points is None else (points, vetoes))


async def all_calibrations(ask: Ask, person: Person, *, page: int, limit: int) -> Calibrations:
    """``GET /api/quality/calibrations``."""
    async with ask.parts.pool.acquire() as connection:
        return await calibrations.listed(connection, person, limit=limit, page=page)


async def calibrate(ask: Ask, person: Person, *, recording: int, sheet: str, scorers: list[str]) -> Calibration:
    """``POST /api/quality/calibrations``."""
    async with ask.parts.pool.acquire() as connection:
        return await calibrations.make(connection, person, recording, sheet, scorers)


async def result(ask: Ask, person: Person, *, id: uuid.UUID) -> Result:
    """``GET /api/quality/calibrations/{id}``."""
    async with ask.parts.pool.acquire() as connection:
        return await calibrations.result(connection, person, id)


async def close(ask: Ask, person: Person, *, id: uuid.UUID) -> None:
    """``POST /api/quality/calibrations/{id}/close``."""
    async with ask.parts.pool.acquire() as connection:
        await calibrations.close(connection, person, id)


_PAGED = (parameters.PAGE, parameters.LIMIT)
_TIME = (parameters.FROM, parameters.TO)
_SEE, _KEEP, _SCORE = "quality.see", "quality.keep", "quality.score"
_PLANS, _SCORES, _APPEALS = "/api/quality/plans", "/api/quality/scores", "/api/quality/appeals"
_CALIBRATIONS = "/api/quality/calibrations"
_LIST_SCORES = (*_TIME, parameters.AGENT, *_PAGED)
ROUTES: tuple[Route, ...] = (
    ordered("GET", _PLANS, all_plans, "quality.plans", ("抽检计划", "Sample plans"), query=(_ENDED, *_PAGED), answer=Plans),
    ordered("POST", _PLANS, new_plan, _KEEP, ("新建抽检计划", "A new sample plan"), body=NewPlan, answer=Plan),
    ordered("POST", f"{_PLANS}/{{id}}/end", end_plan, _KEEP, ("终止抽检计划", "End a sample plan")),
    ordered("POST", f"{_PLANS}/{{id}}/draw", draw, _KEEP, ("抽样", "Draw a week"), body=Drawing, answer=Draw),
    ordered(
        "GET", "/api/quality/samples", samples, _SCORE, ("待评样本", "Samples"), query=(_PLAN, _DONE, *_PAGED), answer=Samples
    ),
    ordered("POST", _SCORES, begin, _SCORE, ("开始评分", "Begin a score"), body=NewScore, answer=Score),
    ordered("GET", _SCORES, all_scores, _SEE, ("评分", "Scores"), query=_LIST_SCORES, answer=Scores),
    ordered("GET", f"{_SCORES}/{{id}}", score, _SEE, ("一份评分", "A score"), answer=Score),
    ordered("PUT", f"{_SCORES}/{{id}}", save, _SCORE, ("保存评分", "Save a score"), body=Saving, answer=Score),
    ordered("POST", f"{_SCORES}/{{id}}/submit", submit, _SCORE, ("提交评分", "Submit a score"), answer=Score),
    ordered("POST", f"{_SCORES}/{{id}}/appeal", appeal, "quality.appeal", ("申诉", "Appeal"), body=Appealing, answer=Appeal),
    ordered("GET", _APPEALS, all_appeals, _SEE, ("申诉", "Appeals"), query=(parameters.AGENT, _STATE, *_PAGED), answer=Appeals),
    ordered(
        "POST",
        f"{_APPEALS}/{{id}}/settle",
        settle,
        "quality.review",
        ("复核申诉", "Review an appeal"),
        body=Settling,
        answer=Appeal,
    ),
    ordered("GET", _CALIBRATIONS, all_calibrations, _SCORE, ("评分校准", "Calibrations"), query=_PAGED, answer=Calibrations),
    ordered("POST", _CALIBRATIONS, calibrate, _KEEP, ("新建校准", "A new calibration"), body=NewCalibration, answer=Calibration),
    ordered("GET", f"{_CALIBRATIONS}/{{id}}", result, _SCORE, ("校准结果", "A calibration's result"), answer=Result),
    ordered("POST", f"{_CALIBRATIONS}/{{id}}/close", close, _KEEP, ("结束校准", "Close a calibration")),
)
