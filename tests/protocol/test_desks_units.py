"""Units, taxonomy, places, suggestions and dispatch rules over HTTP: who may ask, what is answered, what is refused."""

from __future__ import annotations

import asyncio
import csv
import io
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from acd.permissions import ROLES
from crm.permissions import MATRIX
from hotline import clock
from hotline.directory import files
from tests.desks_peer import Desks, as_, refused, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

HOUR = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"
ROUTES = (
    ("GET /api/unit-tree", "unit.tree"),
    ("GET /api/units/CG/profile", "unit.tree"),
    ("GET /api/units/returns?month=2026-11", "unit.returns"),
    ("GET /api/units/returns.csv?month=2026-11", "unit.returns"),
    ("GET /api/taxonomy", "taxonomy.read"),
    ("GET /api/taxonomy/search?text=x", "taxonomy.read"),
    ("GET /api/taxonomy/versions", "taxonomy.read"),
    ("GET /api/taxonomy/counts?first=2026-11-01&last=2026-11-02", "taxonomy.counts"),
    ("GET /api/natures", "taxonomy.read"),
    ("GET /api/subject-terms", "taxonomy.read"),
    ("GET /api/places?text=x", "place.search"),
    (f"GET /api/suggestions/accuracy?{HOUR}", "dispatch.accuracy"),
    ("GET /api/dispatch-rules", "dispatch.rules"),
)


def with_city(server: Postgres, work: Callable[[Desks], Awaitable[None]]) -> None:
    async def begin(desks: Desks) -> None:
        async with desks.parts.pool.acquire() as connection:
            await files.put_samples(connection)
        await work(desks)

    with_desks(server, begin)


async def a_ticket(desks: Desks, content: str = "路灯不亮", unit: str = "") -> int:
    number = int(f"{clock.now().astimezone(clock.SHANGHAI):%Y%m%d}00001")
    await desks.writer.execute(
        "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, category, content, territory)"
        " VALUES ($1, 'telephone', 'pending_dispatch', 'dezhou', now(), 'x', now(), 'C1.03', $2, '371402001')",
        number,
        content,
    )
    if unit:
        await desks.writer.execute(
            "INSERT INTO ticket_requests (request_id, ticket_id, kind, unit, asked_at, asked_by, reason, decided_at, approved)"
            " VALUES ($1, $2, 'return', $3, now(), 'x', '=cmd|calc', now(), true)",
            uuid.uuid4(),
            number,
            unit,
        )
    return number


def test_each_role_is_answered_what_the_matrix_allows(empty_database: Postgres) -> None:
    """ORG-20 to ORG-36; somebody of a unit whose account names none sees nothing of units."""

    async def work(desks: Desks) -> None:
        wrong = []
        for role in ROLES:
            async with await as_(desks, role) as me:
                for what, action in ROUTES:
                    async with me.get(what.removeprefix("GET ")) as answer:
                        if answer.status != (200 if MATRIX[action].get(role) == "anyone" else 403):
                            wrong.append((role, what, answer.status))
        assert wrong == []

    with_city(empty_database, work)


def test_the_tree_and_a_unit_are_shown_with_people_and_telephones(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "dispatcher") as me:
            nodes = (await said(me, "GET /api/unit-tree?unit=DC"))["units"]
            assert [(one["code"], one["depth"], one["level"]) for one in nodes] == [
                ("DC", 1, "county"),
                ("DC-XH", 2, "township"),
                ("DC-XH-01", 3, "village"),
            ]
            unit = await said(me, "GET /api/units/CG/profile")
            assert (unit["contact"], len(unit["staff"]), len(unit["numbers"])) == ({"person": "刘洋", "number": "83120001"}, 4, 2)
            assert await refused(me, "GET /api/units/NOBODY/profile", None, 404) == "unknown_unit"

    with_city(empty_database, work)


def test_a_leaf_and_a_place_are_found_by_words(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "agent") as me:
            assert (await said(me, "GET /api/taxonomy/search?text=黑车"))["items"][0]["code"] == "C4.10"
            assert len((await said(me, "GET /api/taxonomy"))["items"]) == 168
            assert (await said(me, "GET /api/taxonomy?on=1999-12-31", status=400))["error"]["code"] == "bad_time"
            assert (await said(me, "GET /api/natures"))["natures"][-1]["stands_for"] == ["report"]
            assert (await said(me, "GET /api/subject-terms?text=没水"))["terms"][0]["term"] == "停水"
            place = (await said(me, "GET /api/places?text=湖滨小区"))["places"][0]
            assert (place["territory"], place["unit"]) == ("371402001001", "DC-XH-01")
        async with await as_(desks, "office") as me:
            await a_ticket(desks)
            day = f"{clock.now().astimezone(clock.SHANGHAI):%Y-%m-%d}"
            counts = (await said(me, f"GET /api/taxonomy/counts?first={day}&last={day}"))["counts"]
            assert [(one["zh"], one["tickets"]) for one in counts] == [("路灯", 1)]
            for days, code in (
                ("2026-11-02&last=2026-11-01", "bad_interval"),
                ("2024-11-02&last=2026-11-01", "interval_too_long"),
            ):
                assert await refused(me, f"GET /api/taxonomy/counts?first={days}", None, 400) == code

    with_city(empty_database, work)


def test_a_suggestion_says_why_in_both_languages(empty_database: Postgres) -> None:
    """DSP-14, SEC-02."""

    async def work(desks: Desks) -> None:
        number = await a_ticket(desks)
        async with await as_(desks, "dispatcher") as me:
            for written in (str(number), f"T{number}"):
                first = (await said(me, f"GET /api/tickets/{written}/suggestion"))["units"][0]
                assert (first["unit"], first["reasons"][0]["zh"], first["reasons"][0]["en"]) == (
                    "CG-LD",
                    "职责包含“路灯”",
                    "its competence has 路灯",
                )
            assert await refused(me, "GET /api/tickets/2026010100001/suggestion", None, 404) == "unknown_ticket"
            assert await refused(me, "GET /api/tickets/x/suggestion", None, 404) == "unknown_ticket"
            fields = {"text": "<script>'; DROP TABLE units; -- 路灯", "category": "C1.03", "accused_unit": "CG"}
            assert [one["unit"] for one in (await said(me, "POST /api/suggestions", fields))["units"]] == []
            for wrong in ({"category": "c1"}, {"text": "\x00"}, {"text": "x" * 20_001}, {"territory": "'"}, {"more": 1}):
                assert await refused(me, "POST /api/suggestions", wrong, 400) == "bad_body"

    with_city(empty_database, work)


def test_a_rule_of_the_office_is_kept_used_and_ended(empty_database: Postgres) -> None:
    """LIF-23."""

    async def work(desks: Desks) -> None:
        number = await a_ticket(desks)
        async with await as_(desks, "office") as office, await as_(desks, "dispatcher") as dispatcher:
            rule = await said(office, "POST /api/dispatch-rules", {"unit": "GD", "words": "路灯", "note": "=1+1"})
            first = (await said(dispatcher, f"GET /api/tickets/{number}/suggestion"))["units"][0]
            assert (first["unit"], first["is_certain"]) == ("GD", True)
            assert (await said(dispatcher, "GET /api/dispatch-rules"))["total"] == 1
            end = f"POST /api/dispatch-rules/{rule['rule_id']}/end"
            assert await refused(dispatcher, end, None, 403) == "forbidden"
            assert (await said(office, end))["ended_by"] == "office"
            assert await refused(office, end, None, 409) == "rule_ended"
            assert await refused(office, f"POST /api/dispatch-rules/{uuid.uuid4()}/end", None, 404) == "unknown_rule"
            assert await refused(office, "POST /api/dispatch-rules", {"unit": "GD"}, 422) == "bad_rule"
            assert await refused(office, "POST /api/dispatch-rules", {"unit": "NO", "words": "x"}, 404) == "unknown_unit"
            assert (await said(dispatcher, "GET /api/dispatch-rules?ended=true"))["rules"][0]["note"] == "=1+1"

    with_city(empty_database, work)


def test_the_returns_of_a_month_are_listed_for_a_spreadsheet_without_formulas(empty_database: Postgres) -> None:
    """RET-04, RET-09."""

    async def work(desks: Desks) -> None:
        number = await a_ticket(desks, unit="CG")
        month = f"{clock.now().astimezone(clock.SHANGHAI):%Y-%m}"
        async with await as_(desks, "office") as me:
            units = (await said(me, f"GET /api/units/returns?month={month}"))["units"]
            assert [(one["unit"], one["approved"]) for one in units] == [("CG", 1)]
            text = await said(me, f"GET /api/units/returns.csv?month={month}")
            rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"))))
            assert (rows[0][0], rows[1][0], rows[1][4]) == ("ticket", str(number), "'=cmd|calc")
            for wrong in ("2026-13", "2026-1", "x", "２０２６-11"):
                assert await refused(me, f"GET /api/units/returns?month={wrong}", None, 400) == "bad_time"

    with_city(empty_database, work)


def test_many_suggestions_at_once_are_answered(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        number = await a_ticket(desks)
        async with await as_(desks, "dispatcher") as me:
            found = await asyncio.gather(*(said(me, f"GET /api/tickets/{number}/suggestion") for _ in range(20)))
            assert len({one["units"][0]["unit"] for one in found}) == 1

    with_city(empty_database, work)
