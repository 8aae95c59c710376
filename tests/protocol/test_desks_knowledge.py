"""The knowledge base and the search for tickets over HTTP."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import pytest

from crm.knowledge import ticket_search
from crm.tickets.ticket import Ticket
from hotline import clock
from tests.desks_peer import Desks, as_, refused, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

GUIDE = {
    "kind": "guide",
    "topic": "procedure",
    "title": "户口迁移怎么办理",
    "body": "市内迁移到派出所办理。",
    "category": "C3.03",
}


@pytest.fixture
def served(empty_database: Postgres) -> Callable[[Callable[[Desks], Awaitable[None]]], None]:
    return lambda work: with_desks(empty_database, work)


def test_an_entry_is_written_released_found_read_corrected_and_withdrawn(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "editor", "qian") as editor, await as_(desks, "agent", "1001") as agent:
            made = await said(editor, "POST /api/knowledge", {"content": GUIDE})
            one = f"/api/knowledge/{made['entry_id']}"
            assert (made["version"], made["state"]) == (1, "draft")
            assert await refused(agent, f"GET {one}", None, 404) == "unknown_knowledge"
            released = await said(editor, f"POST {one}/release", {"version": 1})
            assert released["spoken"] == {"is_spoken": False, "why": "not_for_telephone", "silent": []}
            found = await said(agent, "GET /api/knowledge?text=户口&category=C3&limit=5")
            assert [(hit["title"], hit["title_spots"]) for hit in found["entries"]] == [(GUIDE["title"], [[0, 2]])]
            assert (await said(agent, f"GET {one}"))["content"]["body"] == GUIDE["body"]
            assert (await said(agent, f"GET {one}?used=false"))["used"] == 1
            report = await said(agent, f"POST {one}/reports", {"kind": "outdated", "text": "已改"})
            assert (await said(editor, "GET /api/knowledge-reports"))["reports"][0]["text"] == "已改"
            await said(editor, f"POST /api/knowledge-reports/{report['report_id']}/settle", {"note": "ok"})
            changed = await said(editor, f"PUT {one}", {"content": GUIDE | {"body": "网上办理"}, "version": 1})
            assert (changed["version"], changed["in_force"]) == (2, False)
            assert (
                await refused(editor, f"PUT {one}", {"content": GUIDE | {"body": "x"}, "version": 1}, 409) == "changed_meanwhile"
            )
            assert (await said(editor, f"GET {one}/newest"))["content"]["body"] == "网上办理"
            assert (await said(editor, f"POST {one}/restore", {"old": 1, "version": 2}))["version"] == 3
            assert [one["version"] for one in (await said(editor, f"GET {one}/versions"))["versions"]] == [3, 2, 1]
            assert (await said(editor, "GET /api/knowledge-entries?waiting=true"))["total"] == 1
            again = (clock.shanghai_now().date() + dt.timedelta(days=5)).isoformat()
            await said(editor, f"POST {one}/reviewed", {"again": again})
            assert (await said(editor, "GET /api/knowledge-reviews?days=30"))["total"] == 1
            await said(editor, f"POST {one}/withdraw", {"why": "no longer so"})
            assert (await said(agent, "GET /api/knowledge?text=户口"))["entries"] == []
            assert (await said(editor, "GET /api/knowledge-misses"))["misses"][0]["text"] == "户口"
            await said(editor, "POST /api/knowledge-misses/settle", {"text": "户口"})

    served(work)


def test_what_an_entry_may_not_be_is_refused_with_its_reason_in_both_languages(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "editor") as editor, await as_(desks, "agent", "1001") as agent:
            assert await refused(agent, "POST /api/knowledge", {"content": GUIDE}, 403) == "forbidden"
            for values, expected in (
                ({"title": ""}, "bad_body"),
                ({"title": "a\x00b"}, "bad_body"),
                ({"title": "a\nb"}, "bad_body"),
                ({"body": "x" * 20_001}, "bad_body"),
                ({"unknown": 1}, "bad_body"),
                ({"kind": "poem"}, "bad_body"),
                ({"code": "12'; DROP"}, "bad_body"),
                ({"prompts": ["../etc/passwd"]}, "bad_body"),
                ({"valid_from": "2026-01-01T00:00:00"}, "bad_body"),
            ):
                assert await refused(editor, "POST /api/knowledge", {"content": GUIDE | values}, 400) == expected
            broken: list[tuple[dict[str, Any], str]] = [
                ({"body": " "}, "entry_incomplete"),
                ({"secret": True, "for_ivr": True}, "secret_for_citizens"),
                ({"steps": [{"name": "a", "text": "x", "choices": [{"label": "y", "to": "b"}]}]}, "steps_broken"),
            ]
            for changed, expected in broken:
                assert await refused(editor, "POST /api/knowledge", {"content": GUIDE | changed}, 422) == expected
            assert await refused(editor, "POST /api/knowledge", {"content": GUIDE, "owner_unit": "U404"}, 404) == "unknown_unit"
            assert await refused(editor, f"GET /api/knowledge/{uuid.uuid4()}", None, 404) == "unknown_knowledge"
            assert await refused(editor, "GET /api/knowledge/7", None, 404) == "not_found"
            assert await refused(agent, "GET /api/knowledge?topic=poem", None, 400) == "bad_choice"
            for text in ("%27%3B%20DROP%20TABLE", "%7C%21%26%28", "a%5C%27", "%3Cscript%3E"):
                assert (await said(agent, f"GET /api/knowledge?text={text}"))["entries"] == []
            hostile = GUIDE | {"title": "<script>alert(1)</script>", "body": "=cmd|' /C calc'!A0"}
            made = await said(editor, "POST /api/knowledge", {"content": hostile})
            shown = await said(editor, f"GET /api/knowledge/{made['entry_id']}")
            assert shown["content"]["title"] == hostile["title"]

    served(work)


def test_tickets_are_found_over_http_page_by_page_and_by_likeness(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        at = clock.now()
        for number in range(3):
            ticket = Ticket(ticket_id=2026112200001 + number, made_at=at, made_by="li", content="路灯不亮", category="C1.03")
            await desks.writer.execute(
                "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, content, category,"
                " answer) VALUES ($1, 'telephone', 'answered', 'dezhou', $2, 'li', $2, $3, 'C1.03', '已修复')",
                ticket.ticket_id,
                at,
                ticket.content,
            )
            await ticket_search.index_ticket(desks.writer, ticket)
        async with await as_(desks, "agent", "1001") as agent:
            page = await said(agent, "GET /api/tickets/search?text=路灯&limit=2&states=answered,closed&category=C1")
            assert [hit["number"] for hit in page["tickets"]] == ["T2026112200003", "T2026112200002"]
            rest = await said(agent, f"GET /api/tickets/search?text=路灯&before={page['next']}")
            assert ([hit["number"] for hit in rest["tickets"]], rest["next"]) == (["T2026112200001"], None)
            alike = await said(agent, "GET /api/tickets/similar?text=我家门口路灯不亮&category=C1.03&ticket=T2026112200001")
            assert {one["answer"] for one in alike["tickets"]} == {"已修复"}
            assert await refused(agent, "GET /api/tickets/search?states=lost", None, 400) == "bad_choice"
            assert await refused(agent, "GET /api/tickets/search?before=-1", None, 400) == "bad_cursor"
            assert await refused(agent, "POST /api/tickets/T2026112200001/knowledge", None, 403) == "forbidden"
        async with await as_(desks, "editor") as editor:
            assert await refused(editor, "GET /api/tickets/search?text=路灯", None, 403) == "forbidden"
            made = "POST /api/tickets/T2026112200001/knowledge"
            assert await refused(editor, made, None, 403) == "not_for_publication"
            await desks.writer.execute("UPDATE tickets SET publishable = true")
            assert (await said(editor, made))["state"] == "draft"

    served(work)
