"""Orders over HTTP with a real database: who may, what is refused and why, what is written down (ORG-20 to ORG-36, SEC-12).

Nothing answers calls here: an order that needs Asterisk says that its outcome is not known.
"""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd.permissions import ROLES
from hotline import clock, credentials
from tests.desks_peer import Desks, as_, refused, said, with_desks

if TYPE_CHECKING:
    from pathlib import Path

    from tests.conftest import Postgres

HOUR = "from=2026-01-01T00:00:00Z&to=2026-01-02T00:00:00Z"


@pytest.fixture(autouse=True)
def secrets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, postgres_server: Postgres) -> None:
    """PINs of agents who may work at another seat."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    credentials._write(msgspec.structs.replace(postgres_server.credentials, pins={"1001": "246810"}))


async def an_agent(desks: Desks, agent: str = "1001", role: str = "agent", **more: Any) -> None:
    """A row of table agents."""
    values = {"agent": agent, "role": role, "origin": "directory", **more}
    names, places = ", ".join(values), ", ".join(f"${number + 1}" for number in range(len(values)))
    await desks.writer.execute(f"INSERT INTO agents ({names}) VALUES ({places})", *values.values())


async def at_work(desks: Desks, agent: str = "1001", role: str = "agent", *, state: str = "ready") -> None:
    """An agent with a session at its own seat, as the bridge sees it."""
    await an_agent(desks, agent, role)
    await desks.writer.execute(
        "INSERT INTO agent_sessions (agent, seat, opened_by, opened_how) VALUES ($1, $1, 'test', 'api')", agent
    )
    row = {"node": "n1", "agent": agent, "state": state, "since": clock.now(), "at": clock.now(), "queues": ["hotline"]}
    await desks.commit("agent_states", row)


async def audited(desks: Desks, action: str) -> list[tuple[str, str]]:
    rows = await desks.writer.fetch("SELECT actor, subject FROM audit_log WHERE action = $1 ORDER BY entry_id", action)
    return [(row["actor"], row["subject"]) for row in rows]


def test_an_agent_logs_in_and_out_pauses_and_is_ready_and_sees_what_it_did(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await an_agent(desks)
        async with await as_(desks, "agent", "1001") as me:
            there = await said(me, "POST /api/agents/me/login", {})
            assert (there["agent"], there["seat"], there["paused"]) == ("1001", "1001", False)
            paused = await said(me, "POST /api/agents/me/pause", {"reason": "meal"})
            assert (paused["paused"], paused["pause_reason"]) == (True, "meal")
            assert await refused(me, "POST /api/agents/1001/pause", {"reason": "meal"}, 409) == "already_paused"
            assert await refused(me, "POST /api/agents/me/pause", {"reason": "holiday"}, 422) == "unknown_reason"
            assert (await said(me, "POST /api/agents/me/ready"))["paused"] is False
            assert await refused(me, "POST /api/agents/me/login", {"seat": "1001"}, 409) == "already_logged_in"
            assert await refused(me, "POST /api/agents/me/login", {"seat": "99"}, 400) == "bad_body"
            assert await refused(me, "POST /api/agents/me/login", {"seat": "9999"}, 404) == "unknown_seat"
            assert await refused(me, "POST /api/agents/me/login", {"seat": "1002", "pin": "000000"}, 403) == "wrong_pin"
            moved = await said(me, "POST /api/agents/me/login", {"seat": "1002", "pin": "246810"})
            assert moved["seat"] == "1002"
            assert (await said(me, "POST /api/agents/me/logout"))["state"] == "offline"
            assert await refused(me, "POST /api/agents/me/logout", None, 409) == "not_logged_in"
            day = f"from={clock.now().date()}&to={clock.now().date().replace(year=2027)}"
            events = (await said(me, f"GET /api/agents/me/history?{day}"))["events"]
            assert [one["what"] for one in events] == ["log_out", "log_in", "wrong_pin", "ready", "pause", "log_in"]
            assert {one["agent"] for one in (await said(me, "GET /api/agents"))["agents"]} == {"1001"}
        assert await audited(desks, "agent.pause") == [("1001", "agent:1001")]

    with_desks(empty_database, work)


def test_an_agent_may_not_order_for_another_and_that_leaves_a_line(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks, "1001")
        await at_work(desks, "1002")
        async with await as_(desks, "agent", "1001") as me:
            assert await refused(me, "POST /api/agents/1002/pause", {"reason": "meal"}, 403) == "not_allowed"
            assert await refused(me, "GET /api/agents/1002", None, 403) == "not_allowed"
            error = (await said(me, "POST /api/agents/1002/force-out", {}, 403))["error"]
            assert (error["code"], error["details"]["role"]) == ("forbidden", "agent")
            assert "supervisor" in error["details"]["allowed"]
        assert await audited(desks, "agent.work.refused") == [("1001", "agent:1002")]
        assert await audited(desks, "refused") == [("1001", "POST /api/agents/{agent}/force-out")]
        async with await as_(desks, "shift_leader") as leader:
            assert (await said(leader, "POST /api/agents/1002/force-out", {"reason": "left"}))["state"] == "offline"
            assert await refused(leader, "POST /api/agents/4711/force-out", {}, 404) == "unknown_agent"
            assert await refused(leader, "POST /api/agents/me/logout", None, 404) == "unknown_agent"
        assert ("shift_leader", "agent:1002") in await audited(desks, "agent.force_out")

    with_desks(empty_database, work)


def test_two_buttons_at_once_are_one_order_and_one_refusal(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks)
        async with await as_(desks, "agent", "1001") as me:

            async def pressed() -> int:
                async with me.post("/api/agents/me/pause", json={"reason": "meal"}) as answer:
                    return answer.status

            assert sorted(await asyncio.gather(*(pressed() for _ in range(5)))) == [200, 409, 409, 409, 409]
        assert len(await audited(desks, "agent.pause")) == 1

    with_desks(empty_database, work)


def test_an_agent_has_the_role_of_its_row_and_none_when_it_is_no_agent_any_more(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await an_agent(desks, "1001", "shift_leader")
        async with desks.client("1001") as client:
            async with client.post("/api/agents/1002/force-out", json={}) as answer:
                assert answer.status == 404, "a shift leader may; there is no 1002"
            await desks.writer.execute("UPDATE agents SET active = false")
            async with client.post("/api/login", json={"username": "1001", "password": "s"}) as answer:
                assert answer.status == 401
        await desks.writer.execute("UPDATE agents SET active = true, role = 'agent'")
        async with desks.client("1001") as client, client.post("/api/agents/1002/force-out", json={}) as answer:
            assert answer.status == 403

    with_desks(empty_database, work)


def test_a_shift_plan_is_set_by_who_keeps_agents_and_seen_by_whose_it_is(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await an_agent(desks, "1001")
        await an_agent(desks, "1002")
        early = {"begins": "2026-01-01T00:00:00Z", "ends": "2026-01-01T08:00:00Z"}
        late = {"begins": "2026-01-01T08:00:00Z", "ends": "2026-01-01T16:00:00Z"}
        span = {"from": "2026-01-01T00:00:00Z", "to": "2026-01-02T00:00:00Z"}
        async with await as_(desks, "shift_leader") as leader, await as_(desks, "agent", "1002") as other:
            await said(leader, "PUT /api/agents/1001/shifts", {**span, "shifts": [late]})
            await said(leader, "PUT /api/agents/1002/shifts", {**span, "shifts": [early]})
            plan = (await said(leader, "PUT /api/agents/1001/shifts", {**span, "shifts": [late, early]}))["shifts"]
            assert [one["begins"] for one in plan] == [early["begins"], late["begins"]]
            crossed = [early, {**late, "begins": "2026-01-01T07:00:00Z"}]
            assert await refused(leader, "PUT /api/agents/1001/shifts", {**span, "shifts": crossed}, 400) == "bad_interval"
            assert await refused(leader, "PUT /api/agents/4711/shifts", {**span, "shifts": []}, 404) == "unknown_agent"
            assert await refused(other, "PUT /api/agents/1002/shifts", {**span, "shifts": []}, 403) == "forbidden"
            assert len((await said(leader, f"GET /api/shifts?{HOUR}"))["shifts"]) == 3
            assert [one["agent"] for one in (await said(other, f"GET /api/shifts?{HOUR}"))["shifts"]] == ["1002"]

    with_desks(empty_database, work)


def test_skills_are_set_with_levels_and_anything_else_is_refused(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await an_agent(desks)
        async with await as_(desks, "administrator") as keeper:
            done = await said(keeper, "PUT /api/agents/1001/skills", {"skills": {"english": 4}})
            assert done["skills"] == {"english": 4}
            for wrong in ({"english": 6}, {"Ünglish": 1}, {"a b": 1}, {"english": "4"}):
                assert await refused(keeper, "PUT /api/agents/1001/skills", {"skills": wrong}, 400) == "bad_body"

    with_desks(empty_database, work)


def test_units_are_found_by_words_and_category_and_one_is_read_by_its_code(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.writer.execute(
            "INSERT INTO units (code, name, keywords, categories, numbers)"
            " VALUES ('2001', '城管局', '{路灯}', '{C1}', '[{\"number\": \"83120001\"}]'), ('2002', '水务局', '{}', '{C2}',"
            ' \'[{"number": "83120002", "line": "service"}]\')'
        )
        async with await as_(desks, "agent", "1001") as me:
            found = await said(me, "GET /api/units?text=路灯")
            assert ([one["code"] for one in found["units"]], found["total"]) == (["2001"], 1)
            assert [one["code"] for one in (await said(me, "GET /api/units?category=C2&limit=5&page=1"))["units"]] == ["2002"]
            assert (await said(me, "GET /api/units/2002"))["numbers"][0]["is_service_line"] is True
            assert await refused(me, "GET /api/units/9999", None, 404) == "unknown_unit"
            assert await refused(me, "GET /api/units?page=0", None, 400) == "bad_number"
            assert await refused(me, "GET /api/unit-calls?number=83120001", None, 409) == "not_in_a_call"
            assert await refused(me, "GET /api/unit-calls?number=83120009", None, 404) == "unknown_unit"
            assert await refused(me, "GET /api/units?text=%00", None, 400) == "bad_text"
        async with await as_(desks, "shift_leader") as leader:
            calls = await said(leader, "GET /api/unit-calls?number=83120001")
            assert (calls["unit"]["name"], calls["drafts"]) == ("城管局", [])
        async with await as_(desks, "quality") as other:
            assert await refused(other, "GET /api/units", None, 403) == "forbidden"

    with_desks(empty_database, work)


def test_a_draft_is_seen_and_amended_by_whose_call_it_was_and_each_look_leaves_a_line(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        draft = uuid.uuid4()
        await desks.writer.execute(
            "INSERT INTO ticket_drafts (draft_id, node, call_id, caller, outcome, made_by, made_at)"
            " VALUES ($1, 'n1', 'c1', '13800000001', 'unreachable', '1001', now())",
            draft,
        )
        async with await as_(desks, "agent", "1001") as me, await as_(desks, "agent", "1002") as other:
            amended = await said(me, f"PATCH /api/drafts/{draft}", {"question": "路灯\n不亮", "contact_number": "13900000000"})
            assert (amended["question"], amended["contact_number"]) == ("路灯\n不亮", "13900000000")
            assert await refused(me, f"PATCH /api/drafts/{draft}", {"outcome": "answered"}, 400) == "bad_body"
            assert await refused(me, f"PATCH /api/drafts/{draft}", {"contact_number": "'; DROP"}, 400) == "bad_body"
            assert await refused(other, f"GET /api/drafts/{draft}", None, 403) == "not_allowed"
            assert await refused(other, f"GET /api/drafts/{uuid.uuid4()}", None, 404) == "unknown_draft"
            assert await refused(other, "GET /api/drafts/7", None, 404) == "not_found"
            assert (await said(me, "GET /api/drafts"))["total"] == 1
            assert (await said(other, "GET /api/drafts?taken=true"))["total"] == 0
        async with await as_(desks, "office") as office:
            assert (await said(office, f"GET /api/drafts/{draft}"))["caller"] == "13800000001"
        assert await audited(desks, "draft.read") == [("office", f"draft:{draft}")]

    with_desks(empty_database, work)


def test_the_call_back_list_is_taken_given_back_and_withdrawn(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks, "1001")
        await at_work(desks, "1002")
        entry = uuid.uuid4()
        await desks.writer.execute(
            "INSERT INTO callback_entries (entry_id, node, number, queue, waiting_since)"
            " VALUES ($1, $2, '13800000001', 'hotline', now() - interval '1 hour')",
            entry,
            desks.parts.settings.asterisk.node,
        )
        async with await as_(desks, "agent", "1001") as me, await as_(desks, "agent", "1002") as other:
            assert [one["number"] for one in (await said(me, "GET /api/callbacks"))["entries"]] == ["13800000001"]
            assert await refused(me, f"POST /api/callbacks/{entry}/give-back", None, 409) == "entry_not_yours"
            assert await refused(me, f"POST /api/callbacks/{uuid.uuid4()}/give-back", None, 404) == "unknown_entry"
            assert await refused(other, f"POST /api/callbacks/{entry}/withdraw", {"note": "x"}, 403) == "not_allowed"
            assert (await said(other, "GET /api/callbacks?open=false"))["entries"] == []
        async with await as_(desks, "supervisor") as leader:
            done = await said(leader, f"POST /api/callbacks/{entry}/withdraw", {"note": "duplicate"})
            assert (done["state"], done["result"]) == ("settled", "withdrawn")
            assert await refused(leader, f"POST /api/callbacks/{entry}/withdraw", {}, 409) == "entry_not_open"
        assert ("supervisor", f"callback:{entry}") in await audited(desks, "callback.withdraw")

    with_desks(empty_database, work)


def test_a_three_way_call_without_consent_is_a_draft_and_what_cannot_be_is_refused(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        node = desks.parts.settings.asterisk.node
        await at_work(desks, "1001")
        await desks.writer.execute(
            "INSERT INTO units (code, name, numbers) VALUES ('2001', '城管局', '[{\"number\": \"83120001\"}]')"
        )
        async with await as_(desks, "agent", "1001") as me, await as_(desks, "agent", "1002") as other:
            wish = {"unit": "2001", "consent": False, "question": "路灯不亮", "contact_number": "13900000000"}
            assert await refused(me, "POST /api/threeways", wish, 409) == "not_in_a_call"
            assert await refused(me, "POST /api/threeways", {"unit": "2001"}, 400) == "bad_body"
            talking = {"state": "talking", "call_id": f"{node}-1700000000.1", "channel": f"{node}-1700000000.2"}
            row = {"node": node, "agent": "1001", "since": clock.now(), "at": clock.now(), "queues": ["hotline"]}
            await desks.writer.execute("DELETE FROM agent_states")
            await desks.commit("agent_states", row | talking)
            assert await refused(me, "POST /api/threeways", {**wish, "unit": "2999"}, 404) == "unknown_unit"
            done = await said(me, "POST /api/threeways", wish)
            assert (done["outcome"], done["phase"], done["question"]) == ("no_consent", "over", "路灯不亮")
            one = f"/api/threeways/{done['threeway_id']}"
            assert (await said(me, f"GET /api/threeways?call={node}-1700000000.1"))["threeway_id"] == done["threeway_id"]
            looks = "SELECT count(*) FROM audit_log WHERE action = $1 AND actor = '1001'"
            before = await desks.writer.fetchval(looks, "threeway.read")
            await said(me, f"GET {one}")
            assert await desks.writer.fetchval(looks, "threeway.read") == before + 1, "SEC-12"
            assert (await said(me, "GET /api/outbound"))["calls"] == []
            assert await desks.writer.fetchval(looks, "outbound.list") == 1, "SEC-12"
            assert await refused(me, "GET /api/threeways?call=nothing", None, 404) == "unknown_threeway"
            assert await refused(me, f"POST {one}/join", None, 409) == "wrong_phase"
            assert await refused(other, f"GET {one}", None, 403) == "not_allowed"
            assert await refused(me, "POST /api/threeways/0/join", None, 404) == "unknown_threeway"
            assert await refused(me, "POST /api/threeways/x/join", None, 404) == "not_found"
            assert await refused(me, f"POST {one}/digits", {"digits": "1;2"}, 400) == "bad_body"
            assert await refused(me, f"GET /api/threeways/figures?{HOUR}", None, 403) == "forbidden"
            more = await said(me, f"PATCH {one}", {"further_questions": "何时修好"})
            assert more["further_questions"] == "何时修好"
            assert (await said(me, "GET /api/drafts"))["drafts"][0]["further_questions"] == "何时修好"
        async with await as_(desks, "office") as office:
            span = f"from=2026-01-01&to={clock.now().year + 1}-01-01"
            figures = await said(office, f"GET /api/threeways/figures?{span}")
            assert (figures["total"]["without_consent"], figures["agents"][0]["dialled"], figures["units"]) == (1, 0, [])

    with_desks(empty_database, work)


def test_without_a_call_every_order_for_it_is_refused_with_that_reason(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks)
        bodies: dict[str, Any] = {
            "consult": {"kind": "queue", "name": "hotline"},
            "transfer": {"kind": "agent", "name": "1002"},
            "searching": {},
            "emergency": {"kind": "police"},
            "hang-up": {"disposition": "silent"},
            "malicious": {},
        }
        plain = ("hold", "resume", "back", "complete", "join", "drop", "park", "survey", "silent")
        async with await as_(desks, "agent", "1001") as me:
            assert await refused(me, "GET /api/agents/me/call", None, 409) == "not_in_a_call"
            for word in (*plain, *bodies):
                assert await refused(me, f"POST /api/agents/me/call/{word}", bodies.get(word), 409) == "not_in_a_call", word
                assert await refused(me, f"POST /api/agents/1002/call/{word}", bodies.get(word), 403) == "not_allowed", word
            assert await refused(me, "POST /api/agents/me/call/emergency", {"kind": "plumber"}, 400) == "bad_body"
            assert await refused(me, "POST /api/agents/me/dial", {"number": "1 2"}, 400) == "bad_body"
            assert await refused(me, f"GET /api/outbound/{uuid.uuid4()}", None, 404) == "unknown_call"
            assert (await said(me, "GET /api/outbound"))["calls"] == []
            assert (await said(me, "GET /api/parked"))["parked"] == []

    with_desks(empty_database, work)


def test_blocks_are_the_office_s_and_marks_are_counted_anew_by_who_leads(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.writer.execute(
            "INSERT INTO malicious_marks (number, node, call_id, agent, level, marked_by, marked_at)"
            " SELECT '13800000001', 'n1', 'c' || one, '1001', one, '1001', now() FROM generate_series(1, 2) AS one"
        )
        async with await as_(desks, "office") as office, await as_(desks, "shift_leader") as leader:
            (caller,) = (await said(leader, "GET /api/malicious"))["callers"]
            assert (caller["number"], caller["marks"], caller["level"]) == ("13800000001", 2, 2)
            wish = {"number": "13800000001", "until": _in_a_week(), "reason": "threats"}
            assert await refused(leader, "POST /api/blocks", wish, 403) == "forbidden"
            past = {**wish, "until": "2020-01-01T00:00:00Z"}
            assert await refused(office, "POST /api/blocks", past, 422) == "bad_time"
            made = (await said(office, "POST /api/blocks", wish))["block_id"]
            (block,) = (await said(leader, "GET /api/blocks"))["blocks"]
            assert (block["block_id"], block["set_by"]) == (made, "office")
            assert (await said(office, "POST /api/blocks/lift", {"number": "13800000001"})) == {"count": 1}
            assert (await said(leader, "POST /api/malicious/reset", {"number": "13800000001"})) == {"count": 2}
            assert (await said(leader, "GET /api/malicious"))["callers"] == []
        assert len(await audited(desks, "caller.list_malicious")) == 2

    with_desks(empty_database, work)


def test_quality_flags_are_seen_by_who_leads_and_by_whose_they_are(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await desks.writer.execute(
            "INSERT INTO quality_flags (node, call_id, number, agent, kind, at)"
            " SELECT 'n1', 'c1', 1, agent, 'agent_hung_up_first', '2026-01-01 05:00Z' FROM (VALUES ('1001')) AS one (agent)"
        )
        async with await as_(desks, "quality") as quality, await as_(desks, "agent", "1002") as other:
            assert [one["agent"] for one in (await said(quality, f"GET /api/quality-flags?{HOUR}"))["flags"]] == ["1001"]
            assert (await said(other, f"GET /api/quality-flags?{HOUR}"))["flags"] == []
            assert await refused(other, f"GET /api/quality-flags?{HOUR}&agent=1001", None, 403) == "not_allowed"

    with_desks(empty_database, work)


def test_supervision_needs_a_reason_somebody_to_hear_and_the_right(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks, "1001")
        await at_work(desks, "1002", "supervisor")
        wish = {"target": "agent", "whom": "1001", "mode": "monitor", "reason": "coaching"}
        async with await as_(desks, "supervisor", "1002") as leader, await as_(desks, "agent", "1001") as agent:
            assert await refused(leader, "POST /api/supervisions", {**wish, "reason": ""}, 400) == "bad_body"
            assert await refused(leader, "POST /api/supervisions", {**wish, "reason": " "}, 422) == "reason_missing"
            assert await refused(leader, "POST /api/supervisions", {**wish, "whom": "4711"}, 404) == "unknown_agent"
            assert (
                await refused(leader, "POST /api/supervisions", {**wish, "target": "queue", "whom": "q"}, 404) == "unknown_queue"
            )
            assert await refused(leader, "POST /api/supervisions", {**wish, "target": "call", "whom": "c"}, 404) == "unknown_call"
            assert await refused(leader, "POST /api/supervisions", {**wish, "mode": "barge"}, 409) == "not_in_a_call"
            assert await refused(agent, "POST /api/supervisions", {**wish, "whom": "1002"}, 403) == "not_allowed"
            gone = f"/api/supervisions/{uuid.uuid4()}"
            assert await refused(leader, f"POST {gone}/stop", None, 404) == "unknown_supervision"
            assert await refused(leader, f"PUT {gone}/mode", {"mode": "whisper"}, 404) == "unknown_supervision"
            assert (await said(leader, f"GET /api/supervisions?{HOUR}"))["supervisions"] == []
            assert await refused(agent, f"GET /api/supervisions?{HOUR}", None, 403) == "forbidden"
        assert await audited(desks, "supervision.list") == [("1002", "supervisions")]
        assert await audited(desks, "call.listen.refused") == [("1001", "agent:1002")]

    with_desks(empty_database, work)


def _in_a_week() -> str:
    return (clock.now() + dt.timedelta(days=7)).isoformat()


def test_an_order_that_no_asterisk_takes_says_that_its_outcome_is_not_known(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        await at_work(desks)
        await desks.writer.execute("INSERT INTO queue_listings VALUES ('n1', now())")
        async with await as_(desks, "agent", "1001") as me:
            assert await refused(me, "POST /api/agents/me/pause", {"reason": "meal"}, 504) == "outcome_unknown"

    with_desks(empty_database, work)


def test_who_may_do_nothing_of_this_is_told_so_on_every_route(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        for role in ROLES:
            async with await as_(desks, role) as client:
                for path in ("/api/agents/me/pause", "/api/threeways"):
                    code = (await said(client, f"POST {path}", {}, 400 if role in _ORDERS else 403))["error"]["code"]
                    assert code == ("bad_body" if role in _ORDERS else "forbidden"), (role, path)

    with_desks(empty_database, work)


_ORDERS = {"agent", "trainee", "dispatcher", "dispatch_lead", "callback_agent", "shift_leader", "supervisor"}
