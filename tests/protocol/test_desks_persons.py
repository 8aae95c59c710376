"""Callers over HTTP: who may ask, what each role is shown, files without formulas, evidence (SEC-02 to SEC-13, CAL-09)."""

from __future__ import annotations

import csv
import datetime as dt
import io
import json
import uuid
import zipfile
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree

import aiohttp

from acd.permissions import ROLES
from crm.callers import exports, persons, viewer
from crm.permissions import MATRIX
from crm.tickets.ticket import Identity
from hotline import clock
from tests.citizens import ZHANG, task, ticket, units
from tests.desks_peer import Desks, as_, eventually, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

NUMBER, OTHER = "13905340002", "5342312345"
PERIOD = "from=2026-11-01&to=2026-11-30"
TREE = {"GOV": None, "CITY": "GOV", "CITY-1": "CITY", "OTHER": "GOV"}


async def person(desks: Desks, name: str = "张三", number: str = NUMBER) -> uuid.UUID:
    found = await persons.remember(desks.writer, Identity(caller_name=name, calling_number=number), by="1001")
    assert found
    return found


def test_an_agent_finds_corrects_merges_and_parts_callers(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        one, two = await person(desks), await person(desks, "张叁", OTHER)
        await ticket(desks.writer, 1, caller_id=two, calling_number=OTHER)
        async with await as_(desks, "agent") as agent:
            found = await said(agent, f"GET /api/callers?number=%2B86{NUMBER}")
            assert [row["caller_id"] for row in found["callers"]] == [str(one)]
            assert len((await said(agent, "GET /api/callers?name=张&limit=1"))["callers"]) == 1
            whole = await said(agent, f"PATCH /api/callers/{one}", {"special_group": "disabled", "version": 1})
            assert (whole["special_group"], whole["version"]) == ("disabled", 2)
            error = (await said(agent, f"PATCH /api/callers/{one}", {"name": "x", "version": 1}, 409))["error"]
            assert error["code"] == "changed_meanwhile"
            whole = await said(agent, f"POST /api/callers/{one}/merge", {"gone": str(two), "reason": "同一人"})
            assert [row["number"] for row in whole["tickets"]] == ["T2026112200001"]
            popped = await said(agent, f"GET /api/callers/pop?number={NUMBER}")
            assert [row["number"] for row in popped["tickets"]] == ["T2026112200001"]
            back = await said(agent, f"POST /api/caller-merges/{whole['merges'][0]['merge_id']}/undo")
            assert back["caller_id"] == str(two)
            assert (await said(agent, f"GET /api/callers/{one}"))["tickets"] == []
            await said(agent, f"GET /api/callers/{uuid.uuid4()}", status=404)
            await said(agent, "GET /api/callers", status=422)
            for bad in ({"name": "a\x00b"}, {"name": "x" * 300}, {"add_numbers": ["abc"]}, {"shoe": 1}, {"version": 0}):
                await said(agent, f"PATCH /api/callers/{one}", bad, 400)

    with_desks(empty_database, work)


def test_each_role_is_shown_the_identity_that_the_table_gives_it_and_each_look_is_written_down(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await units(desks.writer, TREE)
        one = await ticket(desks.writer, 1, **ZHANG, hidden=["phone"])
        await task(desks.writer, one, "CITY-1")
        unit_of = {"unit_clerk": "CITY", "unit_leader": "CITY-1"}
        for role in ROLES:
            async with await as_(desks, role, unit=unit_of.get(role, "")) as session:
                may = role in MATRIX["ticket.identity"]
                answer = await said(session, "GET /api/tickets/T2026112200001/identity", status=200 if may else 403)
                if may:
                    phones = [answer["identity"][name] for name in ("caller_phone", "calling_number", "callback_phone")]
                    assert answer["identity"]["caller_name"] == ZHANG["caller_name"]
                    assert phones == (["", "", ""] if role in unit_of else [ZHANG[f"{name}"] for name in _PHONES]), role
        lines = await desks.writer.fetchval("SELECT count(*) FROM audit_log WHERE action = 'ticket.identity'")
        assert lines == len(MATRIX["ticket.identity"])
        for unit, number in (("OTHER", 2026112200001), ("CITY", 2026112200009)):
            async with await as_(desks, "unit_clerk", unit=unit) as clerk:
                error = (await said(clerk, f"GET /api/tickets/{number}/identity", status=403))["error"]
                assert error["code"] == "not_allowed"

    with_desks(empty_database, work)


_PHONES = ("caller_phone", "calling_number", "callback_phone")
EVIL = '=HYPERLINK("http://x","张")'
CELLS = {"caller_name": "+cmd|' /C calc'!A0", "home_address": "@SUM(1)", "workplace": "＝1+1"}


def _rows(text: str) -> list[dict[str, str]]:
    assert text.startswith("\ufeff")
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


async def fetched(session: aiohttp.ClientSession, path: str, language: str = "en") -> bytes:
    async with session.get(path, headers={"Accept-Language": language}) as answer:
        assert answer.status == 200, await answer.text()
        return await answer.read()


def test_a_file_has_the_columns_of_the_role_and_no_formula(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await units(desks.writer, TREE)
        one = await ticket(desks.writer, 1, **ZHANG | CELLS, content=EVIL, lead_unit="CITY")
        await task(desks.writer, one, "CITY")
        await ticket(desks.writer, 2, **ZHANG, hidden=["all"], content="\t-1\r\n\x7f路灯", lead_unit="OTHER", category="C2.01")
        for role, names in exports.COLUMNS.items():
            async with await as_(desks, role, unit="CITY" if role == "unit_leader" else "") as session:
                rows = _rows((await fetched(session, f"/api/export/tickets.csv?{PERIOD}")).decode())
                assert [row["number"][-1] for row in rows] == (["1"] if role == "unit_leader" else ["1", "2"])
                assert list(rows[0]) == [name.replace("_", " ") for name in names]
                cells = [cell for row in rows for cell in row.values()]
                assert not any(cell.lstrip().startswith(("=", "+", "@", "-", "＝")) for cell in cells)
                if role == "analyst":
                    assert not any(word in cell for cell in cells for word in (*ZHANG.values(), *CELLS.values()))
                elif role == "office":
                    assert rows[0]["caller name"] == f"'{CELLS['caller_name']}"
                    assert rows[1]["caller phone"] == ZHANG["caller_phone"]
        async with await as_(desks, "office") as office:
            rows = _rows(
                (await fetched(office, f"/api/export/tickets.csv?{PERIOD}&category=C2&states=pending_dispatch")).decode()
            )
            assert [row["number"] for row in rows] == ["T2026112200002"]
            assert (await fetched(office, f"/api/export/tickets.csv?{PERIOD}", "zh-CN")).decode().startswith("\ufeff工单编号,")
            assert _rows((await fetched(office, "/api/export/tickets.csv?from=2026-11-23&to=2026-11-23")).decode()) == []
            book = zipfile.ZipFile(io.BytesIO(await fetched(office, f"/api/export/tickets.xlsx?{PERIOD}")))
            sheet = ElementTree.fromstring(book.read("xl/worksheets/sheet1.xml"))
            space = "{http://schemas.openxmlformats.org/spreadsheetml/2006/main}"
            assert not list(sheet.iter(f"{space}f")) and EVIL in [text.text for text in sheet.iter(f"{space}t")]
        exported = "SELECT detail FROM audit_log WHERE action = 'ticket.export' AND actor = 'office' ORDER BY at"
        lines = [json.loads(line["detail"]) for line in await desks.writer.fetch(exported)]
        assert (len(lines), lines[0]["count"], lines[0]["begin"][:10]) == (5, 2, "2026-10-31")

    with_desks(empty_database, work)


def test_only_the_roles_of_the_matrix_take_files_and_only_the_office_what_is_published_or_proof(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await ticket(desks.writer, 1, **ZHANG)
        for role in ROLES:
            async with await as_(desks, role, unit="CITY" if role.startswith("unit") else "") as session:
                for path, allowed in (
                    (f"/api/export/tickets.csv?{PERIOD}", role in MATRIX["ticket.export"]),
                    (f"/api/export/tickets.csv?{PERIOD}&publishable=true", role == "office"),
                    ("/api/tickets/2026112200001/evidence", role == "office"),
                    ("/api/retaliations", role in MATRIX["retaliation.list"]),
                    (f"/api/callers/pop?number={NUMBER}", role in MATRIX["caller.read"]),
                    ("/api/tickets/2026112200001/duplicates", role in MATRIX["ticket.duplicates"]),
                ):
                    async with session.get(path) as answer:
                        assert answer.status == (200 if allowed else 403), (role, path, await answer.text())

    with_desks(empty_database, work)


def test_what_is_published_names_nobody_and_leaves_out_who_is_to_be_protected(empty_database: Postgres) -> None:
    """GEN-18, RPL-12, SEC-03."""

    async def work(desks: Desks) -> None:
        shown: dict[str, Any] = {"publishable": True, "state": "closed", "closing_ground": "callback"}
        await ticket(desks.writer, 1, **ZHANG, **shown, content="我是张三丰,电话13905340001,在德州第二棉纺厂,路灯不亮")
        unfit: tuple[dict[str, Any], ...] = (
            {"hidden": ["name"]},
            {"nature": "report"},
            {"misconduct": True},
            {"publishable": False},
        )
        for n, changes in enumerate(unfit, 2):
            await ticket(desks.writer, n, **ZHANG, **shown | changes)
        await ticket(desks.writer, 9, **ZHANG, publishable=True)
        async with await as_(desks, "office") as office:
            (row,) = _rows((await fetched(office, f"/api/export/tickets.csv?{PERIOD}&publishable=true")).decode())
        assert row["content"] == "我是***,电话***0001,在***,路灯不亮"
        assert set(row) == {name.replace("_", " ") for name in exports.PUBLISHED}

    with_desks(empty_database, work)


def test_evidence_is_a_whole_ticket_with_the_hashes_of_its_parts(empty_database: Postgres) -> None:
    """CAL-09."""

    async def work(desks: Desks) -> None:
        one = await ticket(desks.writer, 1, **ZHANG, node="n1", call_id="c7")
        await desks.call(7, call_id="c7")
        async with viewer.staff(desks.writer):
            await desks.writer.execute(
                "INSERT INTO ticket_contacts (contact_id, ticket_id, at, channel, kind, by)"
                " VALUES ($1, $2, now(), 'telephone', 'first', 'x')",
                uuid.uuid4(),
                one,
            )
        async with await as_(desks, "office") as office:
            archive = zipfile.ZipFile(io.BytesIO(await fetched(office, "/api/tickets/T2026112200001/evidence")))
            assert archive.testzip() is None
            manifest = json.loads(archive.read("manifest.json"))
            assert manifest["taken_by"] == "office" and set(manifest["sha256"]) == set(archive.namelist()) - {"manifest.json"}
            assert json.loads(archive.read("identity.json"))["caller_name"] == ZHANG["caller_name"]
            assert len(json.loads(archive.read("contacts.json"))) == len(json.loads(archive.read("calls.json"))) == 1
            await said(office, "GET /api/tickets/2026112299999/evidence", status=404)

    with_desks(empty_database, work)


def test_retaliation_is_reported_by_whoever_takes_the_call_and_looked_into_once(empty_database: Postgres) -> None:
    """CAL-14, SEC-07: and it is not in the history, which units read."""

    async def work(desks: Desks) -> None:
        one = await ticket(desks.writer, 1, **ZHANG, nature="report")
        path = f"POST /api/tickets/{one}/retaliation"
        async with await as_(desks, "agent") as agent, await as_(desks, "supervision_office") as supervision:
            made = await said(agent, path, {"said": "被停职了", "against": "某局"})
            await said(agent, path, {"said": "  "}, 422)
            await said(agent, "POST /api/tickets/2026112299999/retaliation", {"said": "x"}, 404)
            listed = (await said(supervision, "GET /api/retaliations"))["reports"]
            assert [(row["report_id"], row["number"], row["said"]) for row in listed] == [
                (made["report_id"], "T2026112200001", "被停职了")
            ]
            close = f"POST /api/retaliations/{made['report_id']}/close"
            await said(supervision, close, {"finding": "属实,已移送"})
            await said(supervision, close, {"finding": "again"}, 404)
            assert (await said(supervision, "GET /api/retaliations"))["reports"] == []
            assert (await said(supervision, "GET /api/retaliations?closed=true"))["reports"][0]["finding"] == "属实,已移送"
        assert await desks.writer.fetchval("SELECT count(*) FROM ticket_events") == 0

    with_desks(empty_database, work)


def test_a_ticket_that_went_out_before_the_citizen_was_asked_about_secrecy_is_counted(empty_database: Postgres) -> None:
    """QUA-12."""

    async def work(desks: Desks) -> None:
        for number, actions in enumerate(
            (["open", "dispatch", "protect", "protect"], ["open", "protect", "dispatch"], ["dispatch"]), 1
        ):
            one = await ticket(desks.writer, number, accept_agent="1001")
            for seq, action in enumerate(actions, 1):
                await desks.writer.execute(
                    "INSERT INTO ticket_events (ticket_id, seq, at, actor, role, action, from_state, to_state)"
                    " VALUES ($1, $2, $3, '1002', 'agent', $4, 'x', 'x')",
                    one, seq, clock.now() + dt.timedelta(seconds=seq), action,
                )  # fmt: skip
        async with await as_(desks, "quality") as quality:
            rows = (await said(quality, f"GET /api/missed-confidentiality?{PERIOD}"))["tickets"]
            assert [(row["number"], row["agent"], row["protected_by"]) for row in rows] == [("T2026112200001", "1001", "1002")]
            assert (await said(quality, f"GET /api/missed-confidentiality?{PERIOD}&agent=1009"))["tickets"] == []
            for until, count in (("2026-11-22", 1), ("2026-11-22T12:00:00%2B08:00", 1), ("2026-11-22T00:00:00%2B08:00", 0)):
                found = await said(quality, f"GET /api/missed-confidentiality?from=2026-11-01&to={until}")
                assert len(found["tickets"]) == count, until

    with_desks(empty_database, work)


def test_a_download_that_breaks_off_leaves_nothing_open(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        for n in range(1, 4):
            await ticket(desks.writer, n, **ZHANG)
        async with await as_(desks, "office") as office:
            answers = [await office.get(f"/api/export/tickets.csv?{PERIOD}") for _ in range(6)]
            for answer in answers:
                answer.close()
            assert len(_rows((await fetched(office, f"/api/export/tickets.csv?{PERIOD}")).decode())) == 3

        async def is_over() -> bool:
            return not await desks.writer.fetchval(
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'desks' AND state LIKE 'idle in transaction%'"
            )

        await eventually(is_over)

    with_desks(empty_database, work)


def test_a_filter_that_cannot_be_is_refused(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with await as_(desks, "office") as office:
            await said(office, "GET /api/export/tickets.csv?from=2026-11-01", status=400)
            for bad in ("states=open", "category=';--", "x=1", "publishable=2", "unit=%00"):
                await said(office, f"GET /api/export/tickets.csv?{PERIOD}&{bad}", status=400)

    with_desks(empty_database, work)
