"""Quality over HTTP: what each role sees and may do (QUA-01, QUA-08 to QUA-13, SEC-13)."""

from __future__ import annotations

import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from crm.quality import checks, sheets
from crm.quality.checking import Checker
from hotline import clock
from tests.db.test_quality import IN_WEEK, WEEK, stored
from tests.desks_peer import Desks, as_, refused, said, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

EVER = "from=2026-01-01&to=2099-01-01"


@pytest.fixture
def served(empty_database: Postgres) -> Callable[[Callable[[Desks], Awaitable[None]]], None]:
    return lambda work: with_desks(empty_database, work)


async def checked(desks: Desks, *agents: str, at: dt.datetime | None = None) -> list[int]:
    """A call of each agent, checked; and the score sheets."""
    pool = desks.parts.pool
    made = [await stored(pool, f"c{number}", agent, at) for number, agent in enumerate(agents)]
    await Checker(pool, desks.parts.settings).walk()
    async with pool.acquire() as connection:
        await sheets.ensure(connection)
    return made


async def score(client: aiohttp.ClientSession, begin: dict[str, object], share: float) -> dict[str, Any]:
    """Begun, saved and submitted."""
    begun = await said(client, "POST /api/quality/scores", begin)
    sheet = await said(client, f"GET /api/quality/sheets/{begun['sheet']}?number={begun['version']}")
    points = {item["code"]: item["most"] * share // 5 * 5 for stage in sheet["content"]["stages"] for item in stage["items"]}
    one = f"/api/quality/scores/{begun['score_id']}"
    await said(client, f"PUT {one}", {"points": points, "remark": "听完"})
    return dict(await said(client, f"POST {one}/submit"))


def test_findings_say_why_and_where_and_each_sees_what_is_theirs(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        one, two = await checked(desks, "1001", "1002")
        async with await as_(desks, "quality") as quality, await as_(desks, "agent", "1001") as agent:
            listed = await said(quality, f"GET /api/quality/findings?{EVER}&check=hold_without_word&limit=1&page=2")
            assert (listed["total"], len(listed["findings"])) == (2, 1)
            (own,) = (await said(agent, f"GET /api/quality/findings?{EVER}"))["findings"]
            assert (own["agent"], own["from_ms"], own["to_ms"], own["rule"]) == ("1001", 10_000, 45_000, "QUA-07")
            assert own["why"] == [
                "来电人等待 35.0 秒没有人说话,上限 30 秒",
                "The caller waited 35.0 s without a word; the limit is 30 s",
            ]
            assert await refused(agent, f"GET /api/quality/findings?{EVER}&agent=1002", None, 403) == "not_allowed"
            assert (await said(agent, f"GET /api/quality/calls/{one}"))["outcomes"]["greeting"] == "not_checked"
            assert await refused(agent, f"GET /api/quality/calls/{two}", None, 403) == "not_allowed"
            assert await refused(quality, f"GET /api/quality/calls/{10**9}", None, 404) == "unknown_recording"
            assert (await said(agent, f"GET /api/quality/agents/me?{EVER}"))["calls"] == 1
            assert await refused(agent, f"GET /api/quality/agents/1002?{EVER}", None, 403) == "not_allowed"
            assert await refused(agent, "GET /api/quality/live", None, 403) == "forbidden"
            judged = f"POST /api/quality/findings/{own['finding_id']}/judge"
            assert await refused(agent, judged, {"judged": "dismissed"}, 403) == "forbidden"
            await said(quality, judged, {"judged": "confirmed", "note": "没有提醒"})
            assert (
                await refused(quality, "POST /api/quality/findings/999999/judge", {"judged": "confirmed"}, 404)
                == "unknown_finding"
            )
            assert (await said(quality, f"GET /api/quality/findings?{EVER}&judged=confirmed"))["total"] == 1
        async with await as_(desks, "observer") as observer, await as_(desks, "unit_clerk", "ma", "U1") as clerk:
            assert (await said(observer, f"GET /api/quality/findings?{EVER}"))["total"] == 2
            assert len((await said(observer, "GET /api/quality/checks"))["checks"]) == len(checks.CHECKS)
            assert (await said(observer, "GET /api/quality/live"))["findings"] == 2
            for path in ("findings", "agents/1001", "scores"):
                assert await refused(clerk, f"GET /api/quality/{path}?{EVER}", None, 403) == "forbidden"
        looks = await desks.writer.fetch("SELECT DISTINCT actor, action FROM audit_log WHERE action LIKE 'quality.%'")
        assert {("1001", "quality.call"), ("1001", "quality.see.refused"), ("quality", "quality.findings")} <= {
            tuple(row) for row in looks
        }

    served(work)


def test_a_sample_is_drawn_scored_appealed_and_reviewed(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        await checked(desks, *["1001"] * 5, at=IN_WEEK)
        async with (
            await as_(desks, "quality", "li") as quality,
            await as_(desks, "shift_leader", "wu") as leader,
            await as_(desks, "agent", "1001") as agent,
            await as_(desks, "observer", "yan") as observer,
        ):
            plan = await said(quality, "POST /api/quality/plans", {"name": "每周抽检", "rule": {"per_agent": 2}})
            one = f"/api/quality/plans/{plan['plan_id']}"
            assert await refused(leader, "POST /api/quality/plans", {"name": "x"}, 403) == "forbidden"
            drawn = await said(quality, f"POST {one}/draw", {"week": WEEK.isoformat()})
            assert (drawn["calls"], drawn["drawn"]) == (5, 2)
            assert await said(quality, f"POST {one}/draw", {"week": WEEK.isoformat()}) == drawn
            assert (await said(observer, "GET /api/quality/plans"))["plans"][0]["seed"] == plan["seed"]
            samples = (await said(quality, f"GET /api/quality/samples?plan={plan['plan_id']}"))["samples"]
            assert await refused(agent, "GET /api/quality/samples", None, 403) == "forbidden"
            done = await score(quality, {"sample": samples[0]["sample_id"]}, 0.5)
            assert (await said(quality, "GET /api/quality/samples"))["total"] == 1
            assert (await said(quality, "GET /api/quality/samples?done=true"))["total"] == 2
            assert await refused(leader, "POST /api/quality/scores", {"sample": samples[0]["sample_id"]}, 409) == "scored_already"
            assert await refused(leader, "POST /api/quality/scores", {}, 422) == "bad_values"
            here = f"/api/quality/scores/{done['score_id']}"
            assert (await said(agent, f"GET {here}"))["total"] == done["total"] < done["most"]
            assert await refused(observer, f"POST {here}/appeal", {"reason": "x"}, 403) == "forbidden"
            appeal = await said(agent, f"POST {here}/appeal", {"reason": "当时系统卡顿"})
            assert await refused(agent, f"POST {here}/appeal", {"reason": "x"}, 409) == "appealed_already"
            review = f"POST /api/quality/appeals/{appeal['appeal_id']}/settle"
            assert await refused(quality, review, {"answer": "x"}, 403) == "own_score"
            assert await refused(agent, review, {"answer": "x"}, 403) == "forbidden"
            assert (await said(leader, review, {"answer": "评分有据"}))["state"] == "kept"
            assert (await said(agent, "GET /api/quality/appeals?state=kept"))["appeals"][0]["answer"] == "评分有据"
            assert (await said(observer, f"GET /api/quality/scores?{EVER}"))["total"] == 1
            await said(quality, f"POST {one}/end")
            assert await refused(quality, f"POST {one}/end", None, 409) == "plan_ended"

    served(work)


def test_sheets_and_rules_are_changed_by_who_keeps_them(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        (one,) = await checked(desks, "1001")
        async with await as_(desks, "office", "zhou") as office, await as_(desks, "agent", "1001") as agent:
            sheet = (await said(agent, "GET /api/quality/sheets/manner"))["content"]
            sheet["title"] = "电话礼仪"
            changed = await said(office, "PUT /api/quality/sheets", {"sheet": "manner", "content": sheet})
            assert (changed["version"], changed["content"]["title"]) == (2, "电话礼仪")
            assert (await said(agent, "GET /api/quality/sheets/manner?number=1"))["content"]["title"] != "电话礼仪"
            assert await refused(agent, "PUT /api/quality/sheets", {"sheet": "manner", "content": sheet}, 403) == "forbidden"
            twice = {"title": "x", "stages": [sheet["stages"][0], sheet["stages"][0]]}
            assert await refused(office, "PUT /api/quality/sheets", {"sheet": "x", "content": twice}, 422) == "sheet_twice"
            assert await refused(office, "GET /api/quality/sheets/nothing", None, 404) == "unknown_sheet"
            rules = (await said(agent, "GET /api/quality/rules"))["rules"]
            await said(office, "PUT /api/quality/rules", {"rules": {**rules, "silence_seconds": 8, "forbidden": ["随便"]}})
            now = (await said(office, "GET /api/quality/rules"))["rules"]
            assert (now["silence_seconds"], now["forbidden"]) == (8, rules["forbidden"])
            span = {"begin": "2020-01-01T00:00:00Z", "end": "2099-01-01T00:00:00Z"}
            assert (await said(office, "POST /api/quality/check-again", span))["calls"] == 1
            assert (await said(office, f"GET /api/quality/calls/{one}"))["is_wanted"] is True
            assert await refused(agent, "POST /api/quality/check-again", span, 403) == "forbidden"

    served(work)


def test_scorers_asked_for_a_calibration_see_each_other_when_it_is_closed(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        (one,) = await checked(desks, "1001")
        async with await as_(desks, "quality", "li") as li, await as_(desks, "shift_leader", "wu") as wu:
            made = await said(li, "POST /api/quality/calibrations", {"recording": one, "scorers": ["li", "wu"]})
            here = f"/api/quality/calibrations/{made['calibration_id']}"
            for client, share in ((li, 1.0), (wu, 0.5)):
                await score(client, {"calibration": made["calibration_id"]}, share)
            assert (await said(wu, f"GET {here}"))["agreement"] is None
            assert await refused(wu, f"POST {here}/close", None, 403) == "forbidden"
            await said(li, f"POST {here}/close")
            result = await said(wu, f"GET {here}")
            assert [pair["one"] + pair["other"] for pair in result["agreement"]["pairs"]] == ["liwu"]
            assert len(result["given"]) == 2
            assert (await said(wu, "GET /api/quality/calibrations"))["total"] == 1

    served(work)


def test_errors_complaints_suggestions_and_mystery_calls_are_written_down(served: Callable[..., None]) -> None:
    async def work(desks: Desks) -> None:
        at = (clock.now() - dt.timedelta(hours=1)).isoformat()
        await checked(desks, "1001")
        async with (
            await as_(desks, "quality", "li") as quality,
            await as_(desks, "agent", "1001") as agent,
            await as_(desks, "leader", "shi") as leader,
            await as_(desks, "unit_clerk", "ma", "U1") as clerk,
        ):
            error = {"agent": "1001", "kind": "wrong_unit", "at": at, "ticket": "D2026010100001"}
            made = await said(quality, "POST /api/quality/errors", error)
            ahead = {**error, "at": "2098-01-01T00:00:00Z"}
            assert await refused(quality, "POST /api/quality/errors", ahead, 422) == "time_ahead"
            assert await refused(agent, "POST /api/quality/errors", error, 403) == "forbidden"
            assert (await said(agent, f"GET /api/quality/errors?{EVER}"))["errors"][0]["kind"] == "wrong_unit"
            assert (await said(agent, f"GET /api/quality/agents/me?{EVER}"))["errors"] == {"wrong_unit": 1}
            gone = f"POST /api/quality/errors/{made['error_id']}/withdraw"
            await said(quality, gone, {"why": "单位确认无误"})
            assert await refused(quality, gone, {"why": "x"}, 409) == "settled_already"
            nothing = f"POST /api/quality/errors/{uuid.uuid4()}/withdraw"
            assert await refused(quality, nothing, {"why": "x"}, 404) == "unknown_error_event"

            rude = {"about": "attitude", "step": "acceptance", "at": at, "text": "态度不好", "agent": "1001"}
            complaint = await said(quality, "POST /api/quality/complaints", rude)
            assert await refused(agent, f"GET /api/quality/complaints?{EVER}", None, 403) == "forbidden"
            check = f"POST /api/quality/complaints/{complaint['complaint_id']}/check"
            assert await refused(leader, check, {"validity": "valid", "conclusion": "x"}, 403) == "forbidden"
            assert (await said(quality, check, {"validity": "valid", "conclusion": "录音属实"}))["state"] == "valid"
            assert await refused(quality, check, {"validity": "invalid", "conclusion": "x"}, 409) == "settled_already"
            counted = await said(leader, f"GET /api/quality/complaints?{EVER}")
            assert (counted["logged"], counted["valid"], counted["rate"]) == (1, 1, 1.0)
            assert (await said(agent, f"GET /api/quality/agents/me?{EVER}"))["valid_complaints"] == 1

            idea = await said(clerk, "POST /api/quality/suggestions", {"text": "转办单附上录音摘要"})
            assert idea["unit"] == "U1"
            assert (await said(agent, "GET /api/quality/suggestions"))["total"] == 0
            answer = f"POST /api/quality/suggestions/{idea['suggestion_id']}/answer"
            assert await refused(clerk, answer, {"state": "accepted", "answer": "x"}, 403) == "forbidden"
            await said(quality, answer, {"state": "accepted", "answer": "列入年度修订"})
            assert (await said(clerk, "GET /api/quality/suggestions"))["suggestions"][0]["answer"] == "列入年度修订"

            tries = [{"result": "busy"}, {"result": "solved", "ring_seconds": 4, "wait_seconds": 12.5, "solve_seconds": 90}]
            test = {"line": "12345", "at": at, "attempts": tries}
            assert (await said(quality, "POST /api/quality/mystery-calls", test))["passed"] is True
            await said(quality, "POST /api/quality/mystery-calls", {**test, "attempts": [{"result": "no_answer"}]})
            assert await refused(quality, "POST /api/quality/mystery-calls", {**test, "attempts": tries * 2}, 400) == "bad_body"
            (line,) = (await said(quality, f"GET /api/quality/mystery-calls?{EVER}"))["lines"]
            assert (line["tests"], line["passed"], line["attempts"], line["wait_seconds"]) == (2, 1, 1.5, 12.5)

    served(work)


def test_replies_of_units_are_looked_through_by_chance_and_checked(served: Callable[..., None]) -> None:
    """QUA-08."""

    async def work(desks: Desks) -> None:
        await desks.writer.execute(
            "INSERT INTO tickets (ticket_id, made_at, updated_at, channel, state, profile, made_by)"
            " VALUES (2026010100001, now(), now(), 'telephone', 'replied', 'dezhou', '1001')"
        )
        await desks.writer.execute(
            "INSERT INTO ticket_replies (reply_id, ticket_id, unit, at, by, is_true, solvable, outcome, citizen_told, state,"
            " warnings) SELECT gen_random_uuid(), 2026010100001, 'U' || n, now() - n * interval '1 hour', 'ma', 'yes', 'yes',"
            " 'resolved', true, 'sent', CASE WHEN n = 1 THEN ARRAY['reply_short'] ELSE '{}' END FROM generate_series(1, 6) AS n"
        )
        async with await as_(desks, "quality") as quality, await as_(desks, "agent", "1001") as agent:
            assert (await said(quality, f"GET /api/quality/replies?{EVER}"))["total"] == 6
            (one,) = (await said(quality, f"GET /api/quality/replies?{EVER}&warned=true"))["replies"]
            assert (one["unit"], one["warnings"], "text" in one) == ("U1", ["reply_short"], False)
            first = await said(quality, f"GET /api/quality/replies?{EVER}&seed=7&limit=3")
            assert first == await said(quality, f"GET /api/quality/replies?{EVER}&seed=7&limit=3")
            check = f"POST /api/quality/replies/{one['reply_id']}/check"
            await said(quality, check, {"verdict": "not_true", "note": "现场未修"})
            assert (await said(quality, f"GET /api/quality/replies?{EVER}&warned=true"))["replies"][0]["verdict"] == "not_true"
            nothing = f"POST /api/quality/replies/{uuid.uuid4()}/check"
            assert await refused(quality, nothing, {"verdict": "true"}, 404) == "unknown_reply"
            assert await refused(agent, f"GET /api/quality/replies?{EVER}", None, 403) == "forbidden"

    served(work)
