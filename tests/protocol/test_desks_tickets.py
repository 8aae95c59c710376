"""Tickets over HTTP with a real database: a route for each action, views by role, lists, files (LIF-40, TKT-21, TKT-27)."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import zipfile
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from acd.permissions import ROLES
from crm.permissions import MATRIX
from crm.tickets import attachments, media
from crm.tickets.orders import VALUES
from desks.routes import ROUTES
from desks.tables.ticket_words import CALLED
from hotline import clock
from tests.desks_peer import Desks, as_, refused, said, with_desks
from tests.ticket_desk import CONTENT, FORM, NUMBER, REPLY, units

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from tests.conftest import Postgres

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 500


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    return tmp_path / "var" / "attachments"


def with_units(server: Postgres, work: Callable[[Desks], Awaitable[None]]) -> None:
    async def run(desks: Desks) -> None:
        await units(desks.writer)
        await work(desks)

    with_desks(server, run)


async def dispatched(desks: Desks, unit: str = "U01", **given: Any) -> str:
    """A ticket that is with the unit; its path."""
    async with await as_(desks, "agent", "1001") as agent, await as_(desks, "dispatcher") as dispatcher:
        opened = await said(agent, "POST /api/tickets", {**FORM, **given, "accept": True})
        path = f"/api/tickets/{opened['number']}"
        await said(agent, f"POST {path}/submit", {})
        await said(dispatcher, f"POST {path}/dispatch", {"lead_unit": unit})
        return path


def test_every_action_has_a_route_that_describes_its_values_and_is_open_to_who_may() -> None:
    assert set(CALLED) == set(VALUES)
    routes = {(route.method, route.path): route for route in ROUTES}
    for action, values in VALUES.items():
        route = routes["POST", f"/api/tickets/{{number}}/{action}"]
        assert route.roles == frozenset(MATRIX[f"ticket.{action}"])
        assert isinstance(route.body, type) and issubclass(route.body, values)
        assert set(route.body.__struct_fields__) == {"version", *values.__struct_fields__}
        assert route.claims


def test_a_ticket_is_opened_changed_and_shown_with_what_may_be_done_to_it_now(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.call(7)
        async with await as_(desks, "agent", "1001") as agent:
            opened = await said(agent, "POST /api/tickets", {"node": "n1", "call_id": "c7", "content": CONTENT, "nature": "help"})
            path = f"/api/tickets/{opened['number'][1:]}"
            shown = await said(agent, f"GET {path}")
            assert (shown["number"], shown["version"], shown["ticket"]["state"]) == (opened["number"], 1, "draft")
            assert shown["identity"]["calling_number"] == "13800000007"
            assert (shown["call"]["call_id"], shown["call"]["recordings"]) == ("c7", [])
            assert {"edit", "accept", "answer", "reject"} <= set(shown["actions"]) and "dispatch" not in shown["actions"]
            accepted = await said(agent, f"POST {path}/accept", {"version": 1})
            assert (accepted["state"], accepted["version"]) == ("accepted", 2)
            async with agent.post(f"{path}/edit", json={"demand": "修好"}, headers={"If-Match": '"1"'}) as answer:
                told = await answer.json()
                assert (answer.status, told["error"]["code"]) == (409, "changed_meanwhile")
                assert told["error"]["details"]["changes"][0]["action"] == "accept"
            assert await refused(agent, f"POST {path}/edit", {"content": "x\u0000y"}, 400) == "bad_body"
            assert await refused(agent, f"POST {path}/edit", {"content": "长" * 20_001}, 400) == "bad_body"
            assert await refused(agent, f"POST {path}/submit", {}, 422) == "form_incomplete"
            assert await refused(agent, "GET /api/tickets/T1", None, 404) == "unknown_ticket"
            assert await refused(agent, "GET /api/tickets/T2020010100001", None, 404) == "unknown_ticket"
            lines = (await said(agent, f"GET {path}/history?limit=1"))["events"]
            assert [line["action"] for line in lines] == ["accept"]
            older = await said(agent, f"GET {path}/history?before=2")
            assert ([line["action"] for line in older["events"]], older["next"]) == (["open"], None)
            contacts = (await said(agent, f"GET {path}/contacts"))["contacts"]
            assert [(one["kind"], one["number"]) for one in contacts] == [("first", "13800000007")]

    with_units(empty_database, work)


def test_a_second_contact_is_written_down_with_the_ticket_and_makes_none(empty_database: Postgres) -> None:
    """CAL-04, TAX-02."""

    async def work(desks: Desks) -> None:
        path = await dispatched(desks)
        await desks.call(8)
        async with await as_(desks, "agent", "1002") as other, await as_(desks, "unit_clerk", unit="U01") as clerk:
            again = {"kind": "repeat", "node": "n1", "call_id": "c8", "note": "还没修"}
            first = await said(other, f"POST {path}/contacts", again)
            assert (await said(other, f"POST {path}/contacts", again))["version"] == first["version"], "a call counts once"
            kinds = [one["kind"] for one in (await said(other, f"GET {path}/contacts"))["contacts"]]
            assert sorted(kinds) == ["first", "repeat"]
            assert await refused(other, f"POST {path}/contacts", {**again, "call_id": "c9"}, 404) == "unknown_call"
            assert await refused(clerk, f"GET {path}/contacts", None, 403) == "forbidden"
            code = await said(other, f"POST {path}/code")
            assert code["code"].isdigit() and len(code["code"]) == 6
        assert await desks.writer.fetchval("SELECT count(*) FROM tickets") == 1

    with_units(empty_database, work)


def test_a_unit_is_shown_its_tickets_as_the_citizen_allows_and_no_others(empty_database: Postgres) -> None:
    """SEC-03, TKT-13, TKT-21: nothing of the citizen anywhere in what a unit is answered."""

    async def work(desks: Desks) -> None:
        open_one = await dispatched(desks)
        secret = await dispatched(desks, hidden=["all"], caller_name="李秘密", caller_phone="13711112222", anonymous=False)
        async with await as_(desks, "agent", "1001") as agent:
            await said(agent, f"POST {secret}/note", {"text": "来电人李秘密,电话 13711112222,请勿外传"})
        async with await as_(desks, "unit_clerk", unit="U01") as clerk, await as_(desks, "unit_clerk", unit="U02") as other:
            shown = await said(clerk, f"GET {open_one}")
            assert (shown["identity"]["caller_name"], shown["call"]) == ("张小明", None)
            answers = [await said(clerk, f"GET {secret}{part}") for part in ("", "/history")]
            answers += [await said(clerk, "GET /api/tickets"), await said(clerk, "GET /api/units/U01/tickets")]
            assert not any(word in str(answers) for word in ("李秘密", "13711112222")), answers
            assert answers[0]["identity"] is None and "receive" in answers[0]["actions"]
            assert [line["action"] for line in answers[1]["events"]][:2] == ["note", "dispatch"]
            for path in (open_one, secret):
                assert await refused(other, f"GET {path}", None, 403) == "not_allowed"
                assert await refused(other, f"GET {path}/history", None, 403) == "not_allowed"
                assert await refused(other, f"POST {path}/receive", {}, 403) == "not_allowed"
            assert (await said(other, "GET /api/tickets"))["tickets"] == []
            assert await refused(other, "GET /api/units/U01/tickets", None, 403) == "not_allowed"
            assert (await said(other, "GET /api/units/U02/tickets"))["tickets"] == []
        lines = await desks.writer.fetch("SELECT detail::text FROM audit_log WHERE action = 'ticket.read'")
        assert len(lines) == 2, "each look at a ticket leaves a line"

    with_units(empty_database, work)


def test_lists_are_filtered_and_paged_and_desks_have_theirs(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "agent", "1001") as agent, await as_(desks, "dispatcher") as dispatcher:
            made = []
            for at in range(5):
                body = {
                    **FORM,
                    "accept": True,
                    "category": "C2.01" if at == 0 else "C1.03",
                    "urgent": at == 3,
                    "leader_event": at == 4,
                    "green_channel": at == 2,
                }
                made.append((await said(agent, "POST /api/tickets", body))["number"])
                await said(agent, f"POST /api/tickets/{made[-1]}/submit", {})

            async def numbers(query: str) -> list[str]:
                return [line["number"] for line in (await said(agent, f"GET /api/tickets{query}"))["tickets"]]

            assert await numbers("") == made[::-1]
            first = await said(agent, "GET /api/tickets?limit=2")
            assert await numbers(f"?limit=2&before={first['next']}") == made[2:0:-1]
            assert await numbers("?category=C2.01") == await numbers("?category=C2") == made[:1]
            assert await numbers("?urgent=true") == [made[3]]
            assert await numbers("?green_channel=true") == [made[2]]  # LIF-33
            assert await numbers("?state=accepted") == [] == await numbers("?agent=1002")
            assert len(await numbers("?mine=true&nature=help&state=pending_dispatch,accepted")) == 5
            assert await refused(agent, "GET /api/tickets?state=x", None, 400) == "bad_choice"
            assert await refused(agent, "GET /api/tickets?before=x", None, 400) == "bad_cursor"
            work_list = (await said(dispatcher, "GET /api/lists/dispatch"))["tickets"]
            assert [line["number"] for line in work_list] == [made[3], made[4], *made[:3]]
            assert all(line["due_at"] for line in work_list)
            await said(dispatcher, f"POST /api/tickets/{made[0]}/return_to_acceptor", {"reason": "地址不清"})
            assert [line["number"] for line in (await said(agent, "GET /api/lists/returned"))["tickets"]] == [made[0]]
            assert await refused(agent, "GET /api/lists/dispatch", None, 403) == "forbidden"
            for at, unit in ((1, "U01"), (2, "U0101"), (3, "U02")):
                await said(dispatcher, f"POST /api/tickets/{made[at]}/dispatch", {"lead_unit": unit})
            assert await numbers("?unit=U01") == [made[2], made[1]]
            assert await numbers(f"?due_before={clock.now().isoformat().replace('+', '%2B')}") == []
        async with await as_(desks, "unit_clerk", unit="U01") as clerk, await as_(desks, "unit_leader", unit="U01") as head:
            await said(clerk, f"POST /api/tickets/{made[1]}/receive", {})
            for path in ("units/U01/tickets", "tickets"):
                assert {line["number"] for line in (await said(clerk, f"GET /api/{path}"))["tickets"]} == {made[1], made[2]}
            assert len((await said(clerk, "GET /api/units/U0101/tickets"))["tickets"]) == 1
            await said(head, f"POST /api/tickets/{made[1]}/reply", REPLY)
        async with await as_(desks, "callback_agent") as caller, await as_(desks, "office") as office:
            assert [line["number"] for line in (await said(caller, "GET /api/lists/callbacks"))["tickets"]] == [made[1]]
            assert (await said(office, "GET /api/tickets/adrift"))["tickets"] == []
            await desks.writer.execute("UPDATE ticket_tasks SET ended_at = now(), ended_by = 'recalled' WHERE unit = 'U02'")
            await desks.writer.execute(
                "UPDATE tickets SET updated_at = now() - interval '31 days' WHERE state = 'returned_to_acceptor'"
            )
            lost = (await said(office, "GET /api/tickets/adrift"))["tickets"]
            assert [(one["number"], one["lacks"]) for one in lost] == [(made[0], ["next_action"]), (made[3], ["owner"])]

    with_units(empty_database, work)


async def sent(client: aiohttp.ClientSession, path: str, content: Any, query: str, status: int = 200) -> Any:
    headers = {"Content-Type": "application/octet-stream"}
    async with client.post(f"{path}/attachments?{query}", data=content, headers=headers) as answer:
        found = await answer.json()
        assert answer.status == status, found
        return found


def test_a_file_is_attached_shown_to_whom_it_is_for_downloaded_and_withdrawn(empty_database: Postgres, folder: Path) -> None:
    """TKT-27."""

    async def work(desks: Desks) -> None:
        path = await dispatched(desks)
        async with await as_(desks, "agent", "1001") as agent, await as_(desks, "unit_clerk", unit="U01") as clerk:
            plain = (await sent(agent, path, PNG, "name=../../路灯%22.png&kind=photo"))["attachment"]
            secret = (await sent(agent, path, b"%PDF-1.7 x", "name=id.exe&for_units=false"))["attachment"]
            theirs = (
                await sent(clerk, path, "退件意见".encode("gb18030"), "name=opinion.txt&kind=return_opinion&for_units=false")
            )["attachment"]
            assert [one["name"] for one in (plain, secret, theirs)] == ["_.._路灯_.png", "id.exe.pdf", "opinion.txt"]
            digest = hashlib.sha256(PNG).hexdigest()
            assert (folder / digest[:2] / digest).read_bytes() == PNG
            assert list((folder / "growing").iterdir()) == []
            seen = [{one["attachment_id"] for one in (await said(who, f"GET {path}"))["attachments"]} for who in (agent, clerk)]
            ids = [one["attachment_id"] for one in (plain, secret, theirs)]
            assert seen == [set(ids), {ids[0], ids[2]}]
            async with clerk.get(f"{path}/attachments/{ids[0]}") as answer:
                assert (answer.status, await answer.read()) == (200, PNG)
                assert answer.headers["Content-Disposition"] == "attachment; filename*=UTF-8''_.._%E8%B7%AF%E7%81%AF_.png"
                assert (answer.headers["Content-Type"], answer.headers["X-Content-Type-Options"]) == ("image/png", "nosniff")
            assert await refused(clerk, f"GET {path}/attachments/{ids[1]}", None, 404) == "unknown_attachment"
            assert await refused(clerk, f"POST {path}/attachments/{ids[0]}/withdraw", {"reason": "x"}, 403) == "not_allowed"
            await said(agent, f"POST {path}/attachments/{ids[0]}/withdraw", {"reason": "传错"})
            assert await refused(agent, f"GET {path}/attachments/{ids[0]}", None, 404) == "unknown_attachment"
            assert (folder / digest[:2] / digest).exists(), "withdrawn is not deleted"
        async with await as_(desks, "unit_clerk", unit="U02") as other:
            await sent(other, path, PNG, "name=x.png", 403)
            assert await refused(other, f"GET {path}/attachments/{ids[2]}", None, 403) == "not_allowed"

    with_units(empty_database, work)


def test_a_file_that_is_too_large_or_not_what_may_be_attached_leaves_nothing(empty_database: Postgres, folder: Path) -> None:
    async def work(desks: Desks) -> None:
        path = await dispatched(desks)

        async def large() -> Any:
            yield PNG
            for _ in range(21):
                yield b"\x00" * 1_000_000

        async with await as_(desks, "agent", "1001") as agent:
            assert (await sent(agent, path, large(), "name=x.png", 422))["error"]["code"] == "file_too_large"
            for content in (b"", b"MZ\x90\x00program", b"\x7fELF", b"PK\x03\x04 broken", b"text\x00with nul"):
                assert (await sent(agent, path, content, "name=x.png", 422))["error"]["code"] == "bad_file"
            await sent(agent, path, PNG, "name=x%0d%0a.png", 400)
            same = await asyncio.gather(*(sent(agent, path, PNG, f"name={at}.png") for at in range(4)))
            assert len({one["attachment"]["attachment_id"] for one in same}) == 4
        assert sum(len(files) for _, _, files in os.walk(folder)) == 1
        assert await desks.writer.fetchval("SELECT count(*) FROM ticket_attachments") == 4

    with_units(empty_database, work)


def test_an_upload_that_breaks_off_leaves_nothing(empty_database: Postgres, folder: Path) -> None:
    async def work(desks: Desks) -> None:
        path = await dispatched(desks)

        async def broken() -> Any:
            yield PNG
            raise ConnectionError

        async with await as_(desks, "agent", "1001") as agent:
            with pytest.raises((aiohttp.ClientError, ConnectionError)):
                await sent(agent, path, broken(), "name=x.png")
            await sent(agent, path, b"%PDF-1.7", "name=x.pdf")
        names = [name for _, _, files in os.walk(folder) for name in files]
        assert names == [hashlib.sha256(b"%PDF-1.7").hexdigest()]

    with_units(empty_database, work)


def office_file(*parts: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as file:
        for part in parts:
            file.writestr(part, "x")
    return made.getvalue()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"II*\x00", "image/tiff"),
        (b"RIFF\x00\x00\x00\x00WAVEfmt ", "audio/wav"),
        (b"ID3\x04", "audio/mpeg"),
        ("市民来信\r\n".encode(), "text/plain"),
        (
            office_file("[Content_Types].xml", "word/document.xml"),
            "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        ),
        (
            office_file("[Content_Types].xml", "xl/workbook.xml"),
            "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        ),
        (office_file("[Content_Types].xml", "word/document.xml", "word/vbaProject.bin"), None),
        (office_file("evil.exe"), None),
        (b"\x1f\x8b\x08", None),
    ],
)
def test_what_a_file_is_is_told_by_its_content(tmp_path: Path, content: bytes, expected: str | None) -> None:
    (tmp_path / "x").write_bytes(content)
    assert media.sniffed(tmp_path / "x") == expected


def test_who_may_do_nothing_of_this_is_told_so_on_every_route(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        path = await dispatched(desks)
        paths = {f"/api/tickets/{{number}}/{action}" for action in VALUES}
        routes = [one for one in ROUTES if one.method == "POST" and one.path in paths]
        assert len(routes) == len(VALUES)
        for role in ROLES:
            async with await as_(desks, role, unit="U02" if role.startswith("unit") else "") as client:
                for route in routes:
                    if role not in MATRIX[route.action or ""]:
                        action = route.path.rpartition("/")[2]
                        assert await refused(client, f"POST {path}/{action}", {}, 403) in ("forbidden", "not_allowed"), (
                            role,
                            action,
                        )

    with_units(empty_database, work)


def test_an_action_that_is_asked_for_twice_under_one_key_is_done_once(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "agent", "1001") as agent:
            for _ in range(2):
                opened = await said(agent, "POST /api/tickets", FORM, Idempotency_Key="open-00001")
            assert await desks.writer.fetchval("SELECT count(*) FROM tickets") == 1
            path = f"/api/tickets/{opened['number']}"
            found = [await said(agent, f"POST {path}/accept", {}, Idempotency_Key="accept-00001") for _ in range(2)]
            assert found[0] == found[1] and found[0]["version"] == 2
        assert NUMBER not in str(found)
        assert attachments.folder().name == "attachments"

    with_units(empty_database, work)
