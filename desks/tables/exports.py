"""Tickets as files: CSV and spreadsheets (ORG-33, GEN-18, REP-19), and the evidence about one (CAL-09)."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import IO, Any

import xlsxwriter
from aiohttp import web

from crm.callers import exports, identities
from crm.callers.exports import Export, Wanted
from crm.tickets import numbering
from crm.tickets.ticket import STATES
from desks import language, ordering, parameters, spreadsheet
from desks.desk import Ask, Route
from desks.parameters import Parameter

_STATES = Parameter(
    name="states",
    read=parameters.words_of(STATES),
    schema={"type": "string"},
    chinese="工单状态,逗号分隔",
    english="States, with commas",
)
_UNIT = Parameter(
    name="unit", read=parameters.name_of, schema={"type": "string"}, chinese="主办单位", english="Lead unit", default=""
)
_CATEGORY = Parameter(
    name="category",
    read=parameters.name_of,
    schema={"type": "string"},
    chinese="分类,如 C1 或 C1.03",
    english="Category, such as C1 or C1.03",
    default="",
)
_PUBLISHABLE = parameters.flag("publishable", "只要可公开的办结案例", "Only closed cases that may be published", default=False)
_FILTER = (parameters.FROM, parameters.TO, _STATES, _CATEGORY, _UNIT, _PUBLISHABLE)
_XLSX = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
_PIECE = 1 << 16


async def _begun(ask: Ask) -> Export:
    given = ask.query
    wanted = Wanted(
        begin=given["from"],
        end=given["to"],
        states=given["states"],
        category=given["category"],
        unit=given["unit"],
        publishable=given["publishable"],
    )
    return await exports.tickets_of(ask.parts.acd, ordering.person(ask), wanted)


def _titles(ask: Ask, export: Export) -> list[str]:
    if language.chosen(ask.request.headers.get("Accept-Language", "")) == "en":
        return [name.replace("_", " ") for name in export.columns]
    return [_CHINESE[name] for name in export.columns]


_CHINESE = {
    "number": "工单编号",
    "channel": "来源渠道",
    "state": "状态",
    "made_at": "受理时间",
    "nature": "性质",
    "category": "内容分类",
    "territory": "属地",
    "urgent": "紧急",
    "item_kind": "办理类型",
    "lead_unit": "主办单位代码",
    "unit_name": "主办单位",
    "dispatched_at": "转办时间",
    "received_at": "签收时间",
    "due_at": "办理期限",
    "replied_at": "回复时间",
    "closed_at": "办结时间",
    "process_satisfaction": "过程满意度",
    "result_satisfaction": "结果满意度",
    "solved": "是否解决",
    "reasonable": "诉求认定",
    "closing_ground": "办结依据",
    "special_group": "特殊人群",
    "content": "问题描述",
    "event_time": "发生时间",
    "event_place": "发生地点",
    "persons": "涉及人员",
    "demand": "诉求事项",
    "reply": "办理结果",
    "hidden": "保密事项",
    "caller_name": "来电人姓名",
    "caller_title": "称呼",
    "workplace": "工作单位",
    "home_address": "住址",
    "caller_phone": "联系电话",
    "callback_phone": "回访电话",
    "calling_number": "来电号码",
}


def _answer(media_type: str, name: str) -> web.StreamResponse:
    headers = {"Content-Type": media_type, "Content-Disposition": f'attachment; filename="{name}"'}
    return web.StreamResponse(headers=headers)


async def as_csv(ask: Ask) -> web.StreamResponse:
    """``GET /api/export/tickets.csv``: no cell is a formula."""
    export = await _begun(ask)
    response = _answer("text/csv; charset=utf-8", "tickets.csv")
    await response.prepare(ask.request)
    await response.write(spreadsheet.table(_titles(ask, export), []).encode())
    async for page in export.pages:
        await response.write(spreadsheet.lines(page).encode())
    await response.write_eof()
    return response


async def as_xlsx(ask: Ask) -> web.StreamResponse:
    """``GET /api/export/tickets.xlsx``: every cell is text. Written aside, row by row, then sent."""
    export = await _begun(ask)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "tickets.xlsx"
        book = xlsxwriter.Workbook(str(file), {"constant_memory": True, "tmpdir": folder})
        sheet = book.add_worksheet("tickets")
        _write(sheet, 0, [_titles(ask, export)])
        row = 1
        async for page in export.pages:
            await asyncio.to_thread(_write, sheet, row, page)
            row += len(page)
        await asyncio.to_thread(book.close)
        response = _answer(_XLSX, "tickets.xlsx")
        await response.prepare(ask.request)
        with await asyncio.to_thread(file.open, "rb") as source:
            await _send(response, source)
    await response.write_eof()
    return response


def _write(sheet: Any, first: int, rows: list[Any]) -> None:
    put: Callable[[int, int, str], object] = sheet.write_string
    for number, row in enumerate(rows, first):
        for column, value in enumerate(row):
            put(number, column, spreadsheet.plain(value)[:32767])


async def _send(response: web.StreamResponse, source: IO[bytes]) -> None:
    while piece := await asyncio.to_thread(source.read, _PIECE):
        await response.write(piece)


async def as_evidence(ask: Ask) -> web.StreamResponse:
    """``GET /api/tickets/{number}/evidence``: put together aside, then sent."""
    ticket_id = numbering.id_of(ask.request.match_info["number"])
    with tempfile.TemporaryFile() as file:
        await identities.evidence(ask.parts.acd, ordering.person(ask), ticket_id, file)
        response = _answer("application/zip", f"{ticket_id}.zip")
        response.content_length = file.tell()
        file.seek(0)
        await response.prepare(ask.request)
        await _send(response, file)
    await response.write_eof()
    return response


_EXPORT = "ticket.export"
ROUTES: tuple[Route, ...] = (
    Route("GET", "/api/export/tickets.csv", as_csv, _EXPORT, "导出工单(CSV)", "Tickets as CSV", query=_FILTER, answer="text/csv"),
    Route(
        "GET",
        "/api/export/tickets.xlsx",
        as_xlsx,
        _EXPORT,
        "导出工单(Excel)",
        "Tickets as a spreadsheet",
        query=_FILTER,
        answer=_XLSX,
    ),
    Route(
        "GET", "/api/tickets/{number}/evidence", as_evidence, "ticket.evidence", "证据材料", "Evidence", answer="application/zip"
    ),
)
