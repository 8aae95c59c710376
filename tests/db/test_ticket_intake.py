"""Tickets are opened from every channel on a real PostgreSQL (TKT-01 to TKT-25, ORG-21), and heard of in the menu (IVR-06)."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from acd import drafts
from acd.drafts import Draft
from acd.errors import RefusedError as OrderRefusedError
from agi.lookup import Lookups
from crm.errors import RefusedError
from crm.tickets import answers, history, intake, numbering, store
from crm.tickets.intake import Opening
from crm.tickets.ticket import STATES
from hotline import clock, database, paths
from tests.ticket_desk import (
    AGENT,
    CALLER_BACK,
    CLERK,
    CONTENT,
    DISPATCHER,
    HEAD,
    LEADER,
    NUMBER,
    OFFICE,
    REPLY,
    TRAINEE,
    Desk,
    with_desk,
)

if TYPE_CHECKING:
    from tests.conftest import Postgres

SATISFIED: dict[str, Any] = {
    "unit_replied": True,
    "process_satisfaction": "satisfied",
    "result_satisfaction": "satisfied",
    "solved": True,
}


async def refused(code: str, work: Any) -> dict[str, Any]:
    with pytest.raises(RefusedError) as told:
        await work
    assert told.value.code == code, told.value
    return told.value.details


def test_a_live_call_fills_in_what_it_knows(empty_database: Postgres) -> None:
    """TKT-07: nothing to type but the text."""

    async def work(desk: Desk) -> None:
        await desk.call("c7")
        done = await intake.open_ticket(desk.parts, AGENT, Opening(call_id="c7", node="node1", content=CONTENT))
        row = await desk.owner.fetchrow("SELECT channel, node, call_id, accept_agent, state, version FROM tickets")
        assert tuple(row) == ("telephone", "node1", "c7", "1001", "draft", 1)
        assert done.number[0] == "T"
        assert await desk.value("SELECT calling_number FROM ticket_identities") == NUMBER
        contact = await desk.owner.fetchrow(
            "SELECT kind, number, call_id, at = (SELECT started_at FROM calls) FROM ticket_contacts"
        )
        assert tuple(contact) == ("first", NUMBER, "c7", True)
        assert await desk.value("SELECT detail -> 'call' ->> 'menu_path' FROM ticket_events") == "2,1"
        assert await desk.value("SELECT count(*) FROM caller_numbers WHERE number = $1", NUMBER) == 1
        recording = await desk.value(
            "INSERT INTO recordings (node, call_id, kind, file, length_ms, channels, sha256)"
            " VALUES ('node1', 'c7', 'conversation', 'x.wav', 1000, 2, 'x') RETURNING recording_id"
        )
        shown = await history.view(desk.parts, AGENT, await desk.value("SELECT ticket_id FROM tickets"))
        assert shown.call is not None and shown.call.recordings == (recording,), "IVR-13: also one that comes later"

    with_desk(empty_database, work)


def test_a_person_who_was_known_and_is_picked_is_not_typed_again(empty_database: Postgres) -> None:
    """TKT-01, TKT-04, TKT-07: name, workplace and address come with the person; what is typed counts; not of the anonymous."""

    async def work(desk: Desk) -> None:
        await desk.call("c7")
        first = await desk.open(call_id="c7", node="node1", workplace="德州纺织厂", home_address="幸福小区 3 号楼")
        person = await desk.value("SELECT caller_id FROM ticket_identities WHERE ticket_id = $1", first)
        text: dict[str, Any] = {"content": CONTENT, "nature": "help", "category": "C1.03", "caller_id": person}
        names = "SELECT caller_name, workplace, home_address, caller_id FROM ticket_identities WHERE ticket_id = $1"
        cases: tuple[tuple[dict[str, Any], tuple[Any, ...]], ...] = (
            ({}, ("张小明", "德州纺织厂", "幸福小区 3 号楼", person)),
            ({"workplace": "水务局"}, ("张小明", "水务局", "幸福小区 3 号楼", person)),
            ({"anonymous": True}, ("", "", "", person)),
        )
        for given, wanted in cases:
            opening = Opening(call_id="c7", node="node1", another=True, accept=True, **{**text, **given})
            number = (await intake.open_ticket(desk.parts, AGENT, opening)).number
            assert tuple(await desk.owner.fetchrow(names, int(number[1:]))) == wanted
            await desk.act(AGENT, int(number[1:]), "submit")

    with_desk(empty_database, work)


def test_a_call_that_has_a_ticket_says_so_unless_it_is_about_another_matter(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        await desk.call("c7")
        at_once = await asyncio.gather(*(desk.open(call_id="c7", node="node1") for _ in range(4)), return_exceptions=True)
        (one,) = [each for each in at_once if isinstance(each, int)]
        assert {each.code for each in at_once if isinstance(each, RefusedError)} == {"call_has_ticket"}
        assert (await refused("call_has_ticket", desk.open(call_id="c7", node="node1")))["number"] == f"T{one}"
        assert await desk.open(call_id="c7", node="node1", another=True) == one + 1
        await refused("unknown_call", desk.open(call_id="c8", node="node1"))
        assert await desk.value("SELECT last FROM ticket_days") == 2, "what was refused used no number"

    with_desk(empty_database, work)


def test_a_draft_a_message_and_an_upstream_number_become_a_ticket_once(empty_database: Postgres) -> None:
    """TWC-15, IVR-08, TKT-22."""

    async def work(desk: Desk) -> None:
        draft = Draft(node="node1", call_id="c1", caller=f"0{NUMBER}", question="路灯不亮", further_questions="几点修?",
                      outcome="unreachable", made_by="1001", made_at=clock.now())  # fmt: skip
        async with desk.parts.pool.acquire() as connection:
            await drafts.make(connection, draft)
        done = await intake.open_ticket(desk.parts, AGENT, Opening(draft=draft.draft_id))
        assert tuple(await desk.owner.fetchrow("SELECT content, call_id FROM tickets")) == ("路灯不亮\n几点修?", "c1")
        assert await desk.value("SELECT taken_at IS NOT NULL FROM ticket_drafts")
        again = await refused("draft_taken", intake.open_ticket(desk.parts, AGENT, Opening(draft=draft.draft_id, another=True)))
        assert again["draft"] == str(draft.draft_id) and done.state == "draft"

        message = await desk.value(
            "WITH r AS (INSERT INTO recordings (node, call_id, kind, file, length_ms, channels, sha256)"
            " VALUES ('node1', 'c2', 'message', 'x.wav', 1000, 1, 'x') RETURNING recording_id)"
            " INSERT INTO messages (node, call_id, caller_number, left_at, reason, recording_id)"
            " SELECT 'node1', 'c2', $1, now(), 'night', recording_id FROM r RETURNING message_id",
            NUMBER,
        )
        done = await intake.open_ticket(desk.parts, AGENT, Opening(message=message))
        assert done.number[0] == "V"
        assert (await refused("already_opened", intake.open_ticket(desk.parts, AGENT, Opening(message=message))))[
            "number"
        ] == done.number
        await refused("unknown_message", intake.open_ticket(desk.parts, AGENT, Opening(message=message + 1)))

        sent = {"channel": "upstream", "upstream_system": "省平台", "upstream_no": "S-1"}
        one = await desk.open(OFFICE, **sent)
        assert (await refused("already_opened", desk.open(OFFICE, **sent)))["number"] == f"U{one}"
        await refused("form_incomplete", desk.open(OFFICE, upstream_no="S-2"))
        for channel, letter in (("sms", "S"), ("web", "W"), ("mailbox", "M"), ("fax", "F"), ("window", "C")):
            given = {"channel": channel, "source": f"{channel}:1", "calling_number": "+86 0534-2612345"}
            opened = await desk.open(OFFICE, **given)
            assert (await refused("already_opened", desk.open(OFFICE, **given)))["number"] == f"{letter}{opened}"
        assert await desk.value("SELECT count(*) FROM ticket_identities WHERE calling_number = '5342612345'") == 5

    with_desk(empty_database, work)


def test_a_recorded_complaint_is_a_ticket_of_this_nature_and_the_mailbox_one_of_its_channel(empty_database: Postgres) -> None:
    """IVR-08, IVR-09: still to be classified by an agent; it is about anybody, not about the hotline (LIF-26)."""

    async def work(desk: Desk) -> None:
        for at, (kind, found) in enumerate((("complaint", ("message", "complaint")), ("mailbox", ("mailbox", None)))):
            message = await desk.value(
                "WITH r AS (INSERT INTO recordings (node, call_id, kind, file, length_ms, channels, sha256)"
                " VALUES ('node1', $1, 'message', $1, 1000, 1, $1) RETURNING recording_id)"
                " INSERT INTO messages (node, call_id, caller_number, left_at, reason, kind, recording_id)"
                " SELECT 'node1', $1, $2, now(), 'chosen', $3, recording_id FROM r RETURNING message_id",
                f"c{at}",
                NUMBER,
                kind,
            )
            done = await intake.open_ticket(desk.parts, AGENT, Opening(message=message))
            row = await desk.owner.fetchrow(
                "SELECT channel, nature, service_complaint FROM tickets WHERE ticket_id = $1", numbering.id_of(done.number)
            )
            assert tuple(row) == (*found, False)

    with_desk(empty_database, work)


def test_a_draft_whose_ticket_is_refused_is_not_taken(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        draft = Draft(node="node1", call_id="c1", outcome="failed", made_by="1001", made_at=clock.now())
        async with desk.parts.pool.acquire() as connection:
            await drafts.make(connection, draft)
        opening = Opening(draft=draft.draft_id, content="短", accept=True, nature="help")
        await refused("text_too_short", intake.open_ticket(desk.parts, AGENT, opening))
        assert await desk.value("SELECT taken_at IS NULL FROM ticket_drafts")
        assert await desk.value("SELECT count(*) FROM tickets") == 0

    with_desk(empty_database, work)


def test_a_trainees_ticket_waits_for_the_shift_leader_where_the_city_says_so(empty_database: Postgres) -> None:
    """ORG-21."""

    async def work(desk: Desk) -> None:
        one = await desk.open(TRAINEE, accept=True)
        assert await desk.value("SELECT released FROM tickets") is False
        await desk.act(TRAINEE, one, "submit")
        await refused("not_released_yet", desk.act(DISPATCHER, one, "dispatch", lead_unit="U01"))
        await desk.act(OFFICE, one, "release")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U01")

    with_desk(empty_database, work, trainee_release=True)


def test_a_report_again_names_a_ticket_that_has_ended(empty_database: Postgres) -> None:
    """TKT-17."""

    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        assert (await refused("still_open", desk.open(report_again_of=one)))["number"] == f"T{one}"
        await desk.act(AGENT, one, "withdraw", reason="已自行解决")
        two = await desk.open(report_again_of=one)
        assert await desk.value("SELECT report_again_of FROM tickets WHERE ticket_id = $1", two) == one
        await refused("unknown_ticket", desk.open(report_again_of=2020010100001))

    with_desk(empty_database, work)


def test_what_the_citizen_wants_hidden_is_kept_from_the_first_moment_and_strange_values_change_nothing(
    empty_database: Postgres,
) -> None:
    async def work(desk: Desk) -> None:
        await desk.open(hidden=["phone", "name", "phone"], publishable=True)
        assert tuple(await desk.owner.fetchrow("SELECT hidden, publishable FROM tickets")) == (["name", "phone"], False)
        await refused("bad_values", desk.open(caller_phone="0000"))
        await desk.owner.execute(
            "INSERT INTO taxonomy_versions (version, valid_from, made_by, file) VALUES (1, '2026-01-01', 'x', 'x')"
        )
        await refused("unknown_category", desk.open(category="C9.99"))
        assert "complaint" in (await refused("unknown_nature", desk.open(nature="report")))["known"]  # TAX-06: Dezhou has four
        await refused("not_allowed", desk.open(LEADER))
        await refused("not_allowed", desk.open(CLERK))
        assert await desk.value("SELECT count(*) FROM tickets") == 1
        nasty = "<script>alert(1)</script>'; DROP TABLE tickets; --=cmd|' /C calc'!A0 \u202e %s {} 中文" * 200
        one = await desk.open(content=nasty[:20_000], category="")
        assert await desk.value("SELECT content FROM tickets WHERE ticket_id = $1", one) == nasty[:20_000]

    with_desk(empty_database, work)


def test_the_citizen_hears_in_the_menu_what_is_true_now(empty_database: Postgres) -> None:
    """IVR-06: state and result follow each step; the number and the code as in SEC-06."""

    async def work(desk: Desk) -> None:
        lookups = Lookups(desk.parts.pool, desk.parts.settings.calendar)

        async def heard(one: int, caller: str = NUMBER, code: str = "") -> tuple[str, str, str]:
            answer = await lookups.ask("ticket", {"number": str(one), "code": code}, caller, "c1")
            return answer.exit, answer.values.get("state", ""), answer.values.get("result", "")

        one = await desk.open(calling_number=NUMBER, accept=True)
        assert await heard(one) == ("found", "ticket-state-accepted", "ticket-result-none")
        assert (await heard(one, "13900000009"))[0] == "refused"
        await desk.act(AGENT, one, "submit")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="U01")
        assert (await heard(one))[1] == "ticket-state-assigned"
        await desk.act(CLERK, one, "receive")
        assert (await heard(one))[1:] == ("ticket-state-handling", "ticket-result-none")
        await desk.act(HEAD, one, "reply", **REPLY)
        assert (await heard(one))[1:] == ("ticket-state-answered", "ticket-result-solved")
        told = await intake.issue_code(desk.parts, AGENT, one)
        assert (await heard(one, "13900000009", told.code)) == ("found", "ticket-state-answered", "ticket-result-solved")
        newer = await intake.issue_code(desk.parts, AGENT, one)
        assert (await heard(one, "13900000009", told.code if told.code != newer.code else "x"))[0] == "not_found"
        stored = await desk.value("SELECT query_code_hash FROM ticket_answers")
        assert stored.startswith("scrypt$") and newer.code not in stored
        await desk.act(CALLER_BACK, one, "call_back", **SATISFIED)
        assert (await heard(one))[1:] == ("ticket-state-closed", "ticket-result-solved")
        secret = await desk.open(calling_number=NUMBER, hidden=["all"])
        assert (await heard(secret))[0] == "refused", "a confidential ticket needs its code, too"

    with_desk(empty_database, work)


def test_every_state_is_said_by_a_prompt_that_there_is() -> None:
    assert set(answers.STATES) == set(STATES)
    texts = (paths.TREE / "ivr_flows" / "prompts" / "zh" / "texts.tsv").read_text(encoding="utf-8")
    known = {line.split("\t")[0] for line in texts.splitlines()}
    assert {*answers.STATES.values(), *answers.RESULTS} <= known


def test_a_draft_that_nobody_knows_is_refused(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        with pytest.raises(OrderRefusedError, match="unknown_draft"):
            await desk.open(draft=str(uuid.uuid4()))

    with_desk(empty_database, work)


@pytest.mark.parametrize("step", ["call", "alone", "next_number", "add", "put_identity", "add_contacts", "add_event", "told"])
def test_an_opening_whose_connection_is_lost_leaves_nothing_and_no_number(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The line to the database is cut right before this step; asked again, there is one ticket, with the first number."""

    async def work(desk: Desk) -> None:
        await desk.call("c7")
        kept = {name: getattr(asyncpg.Connection, name) for name in ("fetch", "fetchval", "fetchrow", "execute")}

        def dying(name: str) -> Any:
            async def run(self: asyncpg.Connection, query: str, *values: Any, **more: Any) -> Any:
                if query == store.QUERIES[step]:
                    self.terminate()
                return await kept[name](self, query, *values, **more)

            return run

        with monkeypatch.context() as patched:
            for name in kept:
                patched.setattr(asyncpg.Connection, name, dying(name))
            with pytest.raises(database.AWAY):
                await desk.open(node="node1", call_id="c7", accept=True)
        for table in ("tickets", "ticket_days", "ticket_identities", "callers", "ticket_answers", "ticket_events"):
            assert await desk.value(f"SELECT count(*) FROM {table}") == 0, table
        assert str(await desk.open(node="node1", call_id="c7", accept=True)).endswith("00001")

    with_desk(empty_database, work)
