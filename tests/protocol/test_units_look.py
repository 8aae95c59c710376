"""A unit looks for the citizen over HTTP by every route there is, those included that are added later (SEC-02, SEC-03, SEC-13).

Its own confidential ticket, another unit's, one in which it is accused, one that it gave back, that was taken from it, merged,
linked, done again or given to a unit below: no answer, list, error or file may hold anything of the citizen, and none may differ
by whether a guess is right.
"""

from __future__ import annotations

import io
import json
import re
import uuid
import zipfile
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from crm.callers import persons, viewer
from crm.tickets.life_cycle import TABLE
from crm.tickets.orders import VALUES
from crm.tickets.ticket import Identity
from desks.desk import Route
from desks.routes import ROUTES
from tests.citizens import ZHANG, task, ticket, units
from tests.desks_peer import Desks, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

TREE = {"GOV": None, "CITY": "GOV", "CITY-1": "CITY", "OTHER": "GOV"}
SECRETS = [value for name, value in ZHANG.items() if name != "caller_title"]
GUESSES = [
    ("张三丰", "李四丰"),
    ("13905340001", "13905340999"),
    ("13905340002", "13905340998"),
    ("棉纺", "面坊"),
    ("湖滨北路88号", "湖滨北路99号"),
]
CLERKS = ("unit_clerk", "unit_leader")
PERIOD = {"from": "2026-11-01", "to": "2026-11-30", "month": "2026-11"}
FIRST = [["T2026112200001"], *([f"202611220000{number}"] for number in range(2, 6))]
"""Of these everything is tried."""
BODIES: tuple[dict[str, Any], ...] = (
    {},
    {"text": "x"},
    {"reason": "x"},
    {"reason": "张三丰 13905340001 湖滨北路88号2单元301"},
    {"said": "x"},
    {"content": "x", "caller_name": "x"},
)


async def seeded(desks: Desks) -> list[str]:
    """Everything that could tell; the ids that a unit may try."""
    writer = desks.writer
    await units(writer, TREE)
    caller = await persons.remember(writer, msgspec.convert(ZHANG, Identity), by="1001")
    common: dict[str, Any] = ZHANG | {"caller_id": caller, "call_id": "c1", "node": "n1"}
    plain = await ticket(writer, 5, caller_name="王小五", caller_phone="13905347777", lead_unit="CITY", state="in_progress")
    await task(writer, plain, "CITY")
    own = await ticket(writer, 1, **common, hidden=["all"], lead_unit="CITY", state="in_progress")
    other = await ticket(writer, 2, **common | {"call_id": "c2"}, lead_unit="OTHER", state="in_progress")
    accusing = await ticket(writer, 3, **common | {"call_id": "c3"}, nature="report", accused_unit="CITY", state="in_progress")
    given_back = await ticket(writer, 4, **common | {"call_id": "c4"}, state="pending_dispatch")
    ids = [str(caller)]
    calls = (f"c{number}" for number in range(5, 20))
    secret = {"hidden": ["all"], "call_id": next(calls)}
    merged = await ticket(writer, 6, **common | secret, state="merged", merged_into=plain, lead_unit="CITY")
    taken_back = await ticket(writer, 7, **common | secret, state="pending_dispatch")
    again = await ticket(writer, 8, **common | secret, state="redo", lead_unit="CITY")
    below = await ticket(writer, 9, **common | secret, state="in_progress", lead_unit="CITY")
    helped = await ticket(writer, 10, **common | secret, state="in_progress", lead_unit="OTHER", co_units=["CITY"])
    # another caller of the same event: answered with the ticket above, which the unit has; the unit never had this one
    shared = await ticket(
        writer, 11, **common | {"call_id": next(calls)}, state="callback_pending", lead_unit="CITY", parent_id=plain
    )
    hanging = await ticket(writer, 12, **common | {"call_id": next(calls)}, parent_id=own)
    repeated = await ticket(writer, 13, **common | {"call_id": next(calls)}, state="accepted", report_again_of=plain)
    for one, unit, values in (
        (merged, "CITY", {"ended_by": "merged"}),
        (taken_back, "CITY", {"ended_by": "recalled"}),
        (again, "CITY", {"ended_by": "redo"}),
        (again, "CITY", {}),
        (below, "CITY", {}),
        (below, "CITY-1", {"kind": "sub"}),
        (helped, "OTHER", {}),
        (helped, "CITY", {"kind": "helping"}),
    ):
        ids.append(str(await task(writer, one, unit, **values)))
    for one in (merged, again, below, shared, hanging, repeated):
        await _beside(desks, one)
    for one, unit, values in (
        (own, "CITY", {}),
        (other, "OTHER", {}),
        (accusing, "CITY", {}),
        (given_back, "CITY", {"ended_by": "returned"}),
    ):
        ids.append(str(await task(writer, one, unit, **values)))
        ids += await _beside(desks, one)
    return ids


async def _beside(desks: Desks, one: int) -> list[str]:
    contact, attachment, report = uuid.uuid4(), uuid.uuid4(), uuid.uuid4()
    note = " ".join(SECRETS)
    async with viewer.staff(desks.writer):
        await desks.writer.execute(
            "INSERT INTO ticket_contacts (contact_id, ticket_id, at, channel, kind, number, note, by)"
            " VALUES ($1, $2, now(), 'telephone', 'first', '13905340002', $3, '1001')",
            contact,
            one,
            note,
        )
        await desks.writer.execute(
            "INSERT INTO retaliation_reports (report_id, ticket_id, at, by, said) VALUES ($1, $2, now(), '1001', $3)",
            report,
            one,
            note,
        )
    await desks.writer.execute(
        "INSERT INTO ticket_attachments (attachment_id, ticket_id, at, by, name, media_type, bytes, sha256, for_units)"
        " VALUES ($1, $2, now(), '1001', $3, 'image/png', 1, repeat('0', 64), false)",
        attachment,
        one,
        f"{note}.png",
    )
    return [str(contact), str(attachment), str(report)]


def addresses(route: Route, ids: list[str]) -> Iterator[str]:
    """The route's path with whatever may stand in it."""
    tickets = ["T2026112200001", *(f"20261122{number:05d}" for number in range(2, 14))]
    tried = {"number": tickets, "id": [*ids, *tickets], "unit": list(TREE), "agent": ["1001", "me"], "action": ["reply", "note"]}
    paths = [route.path]
    while any("{" in path for path in paths):
        name = re.findall(r"{(\w+)}", paths[0])[0]
        paths = [path.replace(f"{{{name}}}", value) for path in paths for value in tried.get(name, [*ids, *tickets])]
    return iter(paths)


def query(route: Route, **values: str) -> dict[str, str]:
    return {one.name: PERIOD[one.name] for one in route.query if one.needed and one.name in PERIOD} | values


async def text_of(answer: aiohttp.ClientResponse) -> str:
    """Also of what is packed."""
    content = await answer.read()
    if content.startswith(b"PK"):
        archive = zipfile.ZipFile(io.BytesIO(content))
        content = b"".join(archive.read(name) for name in archive.namelist() if "docProps" not in name)
    return content.decode()


async def answered(session: aiohttp.ClientSession, route: Route, path: str, **asked: Any) -> str:
    async with session.request(route.method, path, **asked) as answer:
        text = await text_of(answer)
        assert answer.status < 500, (route.method, path, asked, text)
        assert not any(secret in text for secret in SECRETS), (route.method, path, asked, text)
        return f"{answer.status} {text}"


def asked_of(role: str) -> list[Route]:
    return [one for one in ROUTES if one.status != 101 and (one.roles is None or role in one.roles) and "log" not in one.path]


def test_no_answer_to_a_unit_holds_anything_of_a_citizen_who_is_not_its_to_know(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        ids = await seeded(desks)
        for role in CLERKS:
            headers = {"Authorization": f"Bearer {await desks.token(role, role, unit='CITY')}"}
            said: list[str] = []
            async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as session:
                for route in asked_of(role):
                    for path in addresses(route, ids):
                        if route.method == "GET":
                            said.append(await answered(session, route, path, params=query(route)))
                        else:
                            most = len(BODIES) if role == "unit_leader" and path.split("/")[3:4] in FIRST else 2
                            for body in BODIES[:most] if route.body else ({},):
                                await answered(session, route, path, json=body)
            assert any("王小五" in one for one in said)  # who hides nothing is told to the unit that works on it

    with_desks(empty_database, work)


def test_no_search_of_a_unit_tells_whether_a_guess_is_right(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        ids = await seeded(desks)
        headers = {"Authorization": f"Bearer {await desks.token('unit_leader', 'leader', unit='CITY')}"}
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as session:
            for route in (one for one in asked_of("unit_leader") if one.method == "GET" and "{" not in one.path):
                for name in (one.name for one in route.query):
                    for right, wrong in GUESSES:
                        async with session.get(route.path, params=query(route, **{name: right})) as answer:
                            told = await text_of(answer)
                        async with session.get(route.path, params=query(route, **{name: wrong})) as answer:
                            assert told.replace(right, "?") == (await text_of(answer)).replace(wrong, "?"), (route.path, name)
        del ids

    with_desks(empty_database, work)


def test_no_order_of_a_unit_is_answered_by_whether_a_guess_in_it_is_right(empty_database: Postgres) -> None:
    """A word in a reply, a reason or a note that names a hidden citizen: refused or not, as any other word would be."""

    async def work(desks: Desks) -> None:
        await units(desks.writer, TREE)
        for number in (1, 2):
            one = await ticket(desks.writer, number, **ZHANG, hidden=["all"], lead_unit="CITY", state="in_progress")
            await task(desks.writer, one, "CITY")
        headers = {"Authorization": f"Bearer {await desks.token('unit_leader', 'leader', unit='CITY')}"}
        async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as session:
            for action in sorted({row.action for row in TABLE if "unit_leader" in row.who}):
                words = [one.name for one in msgspec.structs.fields(VALUES[action]) if one.name in _WORDS]
                for right, wrong in GUESSES:
                    told = []
                    for number, guess in ((1, right), (2, wrong)):
                        path, body = f"/api/tickets/202611220000{number}/{action}", dict.fromkeys(words, guess)
                        async with session.post(path, json=body) as answer:
                            found = json.loads(await answer.text())
                            told.append(
                                (answer.status, found.get("error", {}).get("code"), found.get("state"), found.get("warnings"))
                            )
                    assert told[0] == told[1], (action, right, told)

    with_desks(empty_database, work)


_WORDS = (
    "text",
    "reason",
    "opinion",
    "note",
    "basis",
    "reasons",
    "policy",
    "analysis",
    "present_state",
    "result",
    "opinions",
    "answer",
)


def test_what_is_not_open_to_units_is_closed_to_them(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await seeded(desks)
        for role in CLERKS:
            headers = {"Authorization": f"Bearer {await desks.token(role, role, unit='CITY')}"}
            async with aiohttp.ClientSession(base_url=desks.url, headers=headers) as session:
                for route in (
                    one for one in ROUTES if one.roles is not None and role not in one.roles and not one.is_open_to_this_machine
                ):
                    path = next(addresses(route, ["x"]))
                    async with session.request(route.method, path, json={} if route.body else None) as answer:
                        assert answer.status == 403, (role, route.method, path)

    with_desks(empty_database, work)


def test_the_views_of_units_hold_no_column_that_a_unit_must_not_read(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        rows = await desks.writer.fetch(
            "SELECT table_name, column_name FROM information_schema.columns WHERE table_name LIKE 'unit\\_ticket%'"
        )
        columns = {(row["table_name"], row["column_name"]) for row in rows}
        forbidden = {
            "caller_id",
            "calling_number",
            "call_id",
            "node",
            "accused_unit",
            "misconduct",
            "untrue",
            "given_by",
            "made_by",
        }
        assert columns and not {name for _, name in columns} & forbidden
        identity = {name for table, name in columns if table == "unit_ticket_identities"}
        assert identity == {"ticket_id", *msgspec.structs.asdict(Identity())} - {"caller_id", "calling_number"}

    with_desks(empty_database, work)
