"""Logins, roles, figures of any time and the lines behind them, exclusions, gaps and alarms, over real connections."""

from __future__ import annotations

import datetime as dt
import uuid
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from ami_bridge.figures import exclusions, metrics
from desks import login
from desks.parameters import PARTS
from hotline import clock
from tests.desks_peer import PASSWORDS, Desks, eventually, raw_status, with_desks

if TYPE_CHECKING:
    from tests.conftest import Postgres

ENDINGS = ("answered", "answered", "answered", "abandoned", "short_abandoned", "timed_out", "queue_full", "waiting", "callback")


async def a_day(desks: Desks) -> str:
    """Forty calls of the last ten minutes, most with a request, in two queues; returns a query for their time."""
    for number in range(40):
        ago = 15 + 14 * number
        answered = clock.now() if ENDINGS[number % 9] == "answered" else None
        await desks.call(number, ago=ago, connected_at=answered, disposition="ivr_hangup" if number % 5 == 4 else None)
        if number % 5 < 3:
            queue, skill = ("english", "english") if number % 4 == 0 else ("hotline", "mandarin")
            more = {
                "queue": queue,
                "skill": skill,
                "repaired": number % 7 == 0,
                "excluded": "overload" if number % 6 == 0 else None,
            }
            await desks.request(number, ENDINGS[number % 9], ago=ago - 1, wait=number, **more)
    begin, end = (clock.now() - dt.timedelta(hours=1)).isoformat(), (clock.now() + dt.timedelta(seconds=1)).isoformat()
    return f"from={begin}&to={end}".replace("+", "%2B")


async def get(client: aiohttp.ClientSession, path: str, status: int = 200) -> Any:
    async with client.get(path, headers={"Accept-Language": "en"}) as answer:
        assert answer.status == status, await answer.text()
        return await answer.json()


async def pages(client: aiohttp.ClientSession, path: str, section: str, limit: int = 7) -> list[dict[str, Any]]:
    """Every page of a list."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        page = await get(client, f"{path}&limit={limit}{after}")
        assert len(page[section]) <= limit
        found += page[section]
        if page["next"] is None:
            return found
        after = f"&after={page['next']}"


def test_the_sum_over_the_lines_is_the_rate_for_every_figure_raw_and_net(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        time = await a_day(desks)
        async with desks.client() as client:
            for only in ("", "&queue=english", "&skill=mandarin&node=n1"):
                said = await get(client, f"/api/metrics?{time}{only}")
                assert said["figures"]["requests"]["raw"]["total"] > 5
                for name in metrics.NAMES:
                    for basis in ("raw", "net"):
                        figure = said["figures"]["metrics"][name][basis]
                        counts = {}
                        for part in PARTS:
                            query = f"/api/metrics/lines?{time}{only}&rate={name}&part={part}&basis={basis}"
                            lines = await pages(client, query, "lines")
                            assert all(line["why"].partition(":")[0] == part for line in lines)
                            counts[part] = len(lines)
                        if basis == "net" and name in (metrics.LITERAL, metrics.MENU):
                            continue  # calls are not excluded; the same on both sides
                        assert figure["n"] == counts["counted"], (name, basis, only)
                        expected = None if name == metrics.MENU else counts["counted"] + counts["counted_in_denominator"]
                        assert figure["d"] == expected, (name, basis, only)

    with_desks(empty_database, work)


def test_a_live_figure_is_the_figure_of_the_same_time_from_the_stored_facts(empty_database: Postgres) -> None:
    """Metrics, section 7.1: every window, view and side; and the alarms look at today's, net."""

    async def work(desks: Desks) -> None:
        await a_day(desks)
        async with desks.client() as client:

            async def is_read() -> bool:
                return bool((await get(client, "/api/live"))["set"]["requests"]["24h/whole"]["raw"]["total"] == 24)

            await eventually(is_read)
            live = (await get(client, "/api/live"))["set"]
            for window, span in live["windows"].items():
                for view in live["now"]:
                    kind, _, name = view.partition(":")
                    only = f"&{kind}={name}" if name else ""
                    said = (await get(client, f"/api/metrics?from={span['from']}&to={span['to']}{only}"))["figures"]
                    for rate in metrics.NAMES:
                        shown = live["figures"].get(f"{window}/{view}/{rate}")
                        for side in ("raw", "net") if shown else ():
                            stored = said["metrics"][rate][side] | {"goal": said["metrics"][rate]["goal"]}
                            assert shown[side] == stored, (window, view, rate, side)
                    counts = live["requests"][f"{window}/{view}"]
                    assert {side: counts[side] for side in ("raw", "net")} == said["requests"]
                    assert live["waits"][f"{window}/{view}"] == said["waits"]
                    assert {"raw": counts["repaired"], "net": counts["repaired_net"]} == said["repaired"]
            readings = desks.parts.feed.readings()
            assert readings is not None
            whole, rate = live["requests"]["today/whole"]["net"], live["figures"]["today/whole/connection_rate"]["net"]
            assert (readings.requests, readings.figures["connection_rate"].n) == (whole["total"], rate["n"])

    with_desks(empty_database, work)


def test_parts_by_queue_hour_and_day_add_up_to_the_whole_and_gaps_are_told(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        time = await a_day(desks)
        await desks.writer.execute("INSERT INTO gaps VALUES ($1, 'n1', now() - interval '5 minutes', NULL, 'link')", uuid.uuid4())
        async with desks.client("office") as client:
            for by in ("queue", "hour", "day"):
                said = await get(client, f"/api/metrics?{time}&by={by}")
                whole = said["figures"]["requests"]["raw"]
                summed = {name: sum(part["figures"]["requests"]["raw"][name] for part in said["parts"]) for name in whole}
                assert summed == whole
                assert [gap["cause"] for gap in said["gaps"]] == ["link"]
                assert all(part["key"].endswith("+08:00") for part in said["parts"]) or by == "queue"
            assert [gap["node"] for gap in (await get(client, f"/api/gaps?{time}"))["gaps"]] == ["n1"]
            assert (await get(client, f"/api/gaps?{time}&node=n2"))["gaps"] == []

    with_desks(empty_database, work)


def test_calls_come_page_by_page_with_their_requests_and_every_look_is_audited(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        time = await a_day(desks)
        async with desks.client("leader") as client:
            everything = await pages(client, f"/api/calls?{time}", "calls")
            assert len({call["call_id"] for call in everything}) == 40
            assert [call["started_at"] for call in everything] == sorted(call["started_at"] for call in everything)
            abandoned = await pages(client, f"/api/calls?{time}&outcome=abandoned&queue=hotline", "calls", limit=1)
            assert abandoned
            assert all([r["outcome"] for r in call["requests"]] == ["abandoned"] for call in abandoned)
            await pages(client, f"/api/metrics/lines?{time}&rate=connection_rate", "lines", limit=500)
        rows = await desks.writer.fetch("SELECT actor, action, detail FROM audit_log WHERE subject = 'calls' ORDER BY entry_id")
        assert {(row["actor"], row["action"]) for row in rows} == {("leader", "calls.viewed"), ("leader", "lines.viewed")}
        assert f'"{everything[0]["call_id"]}"' in rows[0]["detail"].replace(" ", "")
        assert everything[0]["caller"] not in "".join(row["detail"] for row in rows)

    with_desks(empty_database, work)


NONSENSE: list[tuple[str, str, str | None]] = [
    ("", "missing_parameter", "from"),
    ("from=2026-01-01", "missing_parameter", "to"),
    ("from=2026-01-01T00:00:00&to=2026-01-02", "bad_time", "from"),
    ("from=yesterday&to=2026-01-02", "bad_time", "from"),
    ("from=1990-01-01&to=2026-01-02", "bad_time", "from"),
    ("from=0001-01-01T00:00:00%2B23:59&to=2026-01-02", "bad_time", "from"),
    ("from=2026-01-02&to=2026-01-01", "bad_interval", None),
    ("from=2026-01-01T00:00:00Z&to=2026-01-01T08:00:00%2B08:00", "bad_interval", None),
    ("from=2026-01-01&to=2026-03-01&by=hour", "interval_too_long", "by"),
    ("from=2026-01-01&to=2026-01-02&by=agent", "bad_choice", "by"),
    ("from=2026-01-01&to=2026-01-02&queue=%27%3B--", "bad_text", "queue"),
    ("from=2026-01-01&to=2026-01-02&queue=a&queue=b", "repeated_parameter", "queue"),
    ("from=2026-01-01&to=2026-01-02&frm=1", "unknown_parameter", "frm"),
]
NO_PAGES = (
    ("limit=0", "bad_number"),
    ("limit=501", "bad_number"),
    ("limit=x", "bad_number"),
    ("after=!", "bad_cursor"),
    ("after=WzFd", "bad_cursor"),
)


def test_a_question_that_makes_no_sense_is_told_why_in_both_languages(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client() as client:
            for query, code, parameter in NONSENSE:
                for language, sign in (("en", "."), ("zh-CN", "。")):
                    async with client.get(f"/api/metrics?{query}", headers={"Accept-Language": language}) as answer:
                        error = (await answer.json())["error"]
                        assert (answer.status, error["code"], error["details"].get("parameter")) == (400, code, parameter)
                        assert sign in error["message"]
            for query, code in NO_PAGES:
                said = await get(client, f"/api/calls?from=2026-01-01&to=2026-01-02&{query}", 400)
                assert said["error"]["code"] == code, query

    with_desks(empty_database, work)


def test_a_date_is_a_day_of_shanghai_and_a_plus_sign_need_not_be_escaped(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client() as client:
            said = await get(client, "/api/metrics?from=2026-01-01&to=2026-01-01")
            assert (said["from"], said["to"]) == ("2025-12-31T16:00:00Z", "2026-01-01T16:00:00Z")
            async with client.get("/api/metrics?from=2026-01-01T00:00:00+08:00&to=2026-01-01") as answer:
                assert (await answer.json())["from"] == "2025-12-31T16:00:00Z"

    with_desks(empty_database, work)


def test_only_programs_of_this_machine_read_the_metrics_without_a_login(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            async with client.get("/metrics") as answer:
                assert answer.status == 200
            for passed_on in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
                async with client.get("/metrics", headers={passed_on: "127.0.0.1"}) as answer:
                    assert answer.status == 401

    with_desks(empty_database, work)


def test_guessing_is_limited_per_user_and_leaves_lines_in_the_audit_log_without_passwords(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            statuses = []
            for attempt in range(10):
                async with client.post("/api/login", json={"username": "admin", "password": f"guess{attempt}"}) as answer:
                    statuses.append(answer.status)
            assert statuses == [401] * 8 + [429] * 2
            async with client.post("/api/login", json={"username": "hunter2", "password": "admin"}) as answer:
                assert answer.status == 401
            async with client.post("/api/login", json={"username": "leader", "password": PASSWORDS["leader"]}) as answer:
                assert answer.status == 200
        rows = [tuple(row) for row in await desks.writer.fetch("SELECT actor, action, subject FROM audit_log ORDER BY entry_id")]
        failed = ("login.failed", "address:127.0.0.1")
        came = [("first login", "account.add", "user:leader"), ("leader", "login", "address:127.0.0.1")]
        assert rows == [("admin", *failed)] * 8 + [("unknown", *failed), *came]

    with_desks(empty_database, work)


def test_one_address_cannot_try_every_user(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            statuses = []
            for attempt in range(41):
                async with client.post("/api/login", json={"username": f"u{attempt}", "password": "x"}) as answer:
                    statuses.append(answer.status)
        assert statuses == [401] * 40 + [429]

    with_desks(empty_database, work)


def test_a_login_that_is_none_says_so(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            for body in (
                b"",
                b"{}",
                b"[]",
                b'{"username": 1, "password": ""}',
                b'{"username": "a", "password": "b", "c": 1}',
                b"\xff",
            ):
                async with client.post("/api/login", data=body) as answer:
                    assert (answer.status, (await answer.json())["error"]["code"]) == (400, "bad_body"), body

    with_desks(empty_database, work)


def test_a_session_is_a_cookie_that_scripts_and_other_sites_do_not_have_and_ends_with_the_logout(
    empty_database: Postgres,
) -> None:
    async def work(desks: Desks) -> None:
        async with aiohttp.ClientSession(base_url=desks.url) as client:
            async with client.post("/api/login", json={"username": "1001", "password": PASSWORDS["1001"]}) as answer:
                said = await answer.json()
                cookie = answer.headers["Set-Cookie"]
            assert all(mark in cookie for mark in ("HttpOnly", "SameSite=Strict", "Path=/"))
            assert (said["username"], said["role"]) == ("1001", "agent")
            stored = await desks.writer.fetchrow("SELECT token_hash, username FROM web_sessions")
            assert said["token"].encode() not in stored["token_hash"]
            bearer = {"Authorization": f"bearer {said['token']}"}
            for method, path, headers, status in (
                ("GET", "/api/live", bearer, 200),
                ("GET", "/api/live", bearer | {"Origin": "http://evil.example"}, 403),
                ("GET", "/api/live", {"Authorization": "Bearer x"}, 401),
                ("POST", "/api/logout", bearer, 200),
                ("GET", "/api/live", bearer, 401),
            ):
                async with client.request(method, path, headers=headers) as answer:
                    assert answer.status == status, (method, path)

    with_desks(empty_database, work)


def test_headers_that_are_no_text_or_no_address_are_refused_as_any_other(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        token = (await desks.token("shift_leader")).encode()
        for method, headers, status in (
            (b"GET", b"Origin: http://[", 403),
            (b"GET", b"Authorization: Bearer \xff\xfe", 401),
            (b"GET", b"Cookie: hotline_session=\xff\xfe", 401),
            (b"GET", b"Authorization: Bearer %s\xff" % token, 401),
            (b"GET", b"Authorization: Bearer %s" % token, 200),
        ):
            assert await raw_status(desks, method + b" /api/live", headers) == status, headers

    with_desks(empty_database, work)


def test_a_session_ends_with_its_time_and_a_logout_elsewhere_is_noticed(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(login, "_SURE_SECONDS", 0.1)

    async def work(desks: Desks) -> None:
        async with desks.client() as one, desks.client() as other:
            for client, change in ((one, "DELETE FROM web_sessions"), (other, "UPDATE web_sessions SET expires_at = now()")):
                async with client.get("/api/live") as answer:
                    assert answer.status == 200
                await desks.writer.execute(
                    f"{change} WHERE token_hash = (SELECT token_hash FROM web_sessions ORDER BY made_at LIMIT 1)"
                )

                async def is_out(client: aiohttp.ClientSession = client) -> bool:
                    async with client.get("/api/live") as answer:
                        return answer.status == 401

                await eventually(is_out)

    with_desks(empty_database, work)


def test_an_exclusion_needs_two_people_and_is_settled_once(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client("leader") as leader, desks.client("office") as office, desks.client() as admin:

            async def post(client: aiohttp.ClientSession, path: str, body: Any = None) -> tuple[int, Any]:
                async with client.post(f"/api/exclusions{path}", json=body) as answer:
                    said = await answer.json()
                    return answer.status, said.get("error", {}).get("code") or said

            good = {"from": "2026-01-01T00:00:00+08:00", "to": "2026-01-01T01:00:00+08:00", "reason": "system_fault"}
            assert await post(leader, "", good | {"to": good["from"]}) == (400, "bad_interval")
            assert await post(leader, "", good | {"reason": "overload"}) == (400, "bad_body")
            assert await post(leader, "", good | {"from": "2026-01-01T00:00:00"}) == (400, "bad_body")
            assert await post(leader, "", good | {"note": "\0"}) == (400, "bad_body")
            assert await post(leader, "", good | {"to": "9999-12-31T23:59:59-10:00"}) == (400, "bad_time")
            assert await post(leader, "", good | {"to": "2026-02-03T00:00:00+08:00"}) == (400, "interval_too_long")
            assert await post(office, "", good) == (403, "forbidden")
            assert await post(office, f"/{uuid.uuid4()}/confirm") == (404, "not_found")
            assert await post(office, "/x/confirm") == (404, "not_found")
            key = (await post(admin, "", good))[1]["exclusion_id"]
            assert await post(leader, f"/{key}/confirm") == (403, "forbidden")
            assert await post(admin, f"/{key}/confirm") == (409, "same_person")
            assert await post(office, f"/{key}/confirm") == (200, {"requests": 0})
            assert await post(office, f"/{key}/confirm") == (409, "already_settled")
            assert await post(leader, f"/{key}/withdraw") == (200, {"requests": 0})
            assert await post(leader, f"/{key}/withdraw") == (409, "already_settled")
            (one,) = (await get(office, "/api/exclusions?from=2026-01-01&to=2026-01-01"))["exclusions"]
            assert (one["person"], one["confirmed_by"], one["withdrawn_by"]) == ("admin", "office", "leader")

    with_desks(empty_database, work)


def test_an_exclusion_that_was_left_open_is_ended_and_what_begins_later_counts_again(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        async with desks.client("leader") as leader, desks.client("office") as office:

            async def post(client: aiohttp.ClientSession, path: str, body: Any) -> tuple[int, Any]:
                async with client.post(f"/api/exclusions{path}", json=body) as answer:
                    said = await answer.json()
                    return answer.status, said.get("error", {}).get("code") or said

            begin = clock.now() - dt.timedelta(minutes=10)
            key = (await post(leader, "", {"from": begin.isoformat(), "reason": "sudden_event"}))[1]["exclusion_id"]
            for call, ago in enumerate((500, 100, 50)):
                await desks.request(call, "answered", ago=ago)
            assert (await post(office, f"/{key}/confirm", None)) == (200, {"requests": 3})
            assert await post(office, f"/{key}/end", {}) == (403, "forbidden")
            assert await post(leader, f"/{uuid.uuid4()}/end", {}) == (404, "not_found")
            for body, code in (
                ({"at": begin.isoformat()}, "bad_interval"),
                ({"at": "9999-12-31T23:59:59-10:00"}, "bad_time"),
                ({"at": (begin + dt.timedelta(days=32)).isoformat()}, "interval_too_long"),
                ({"at": "2026-01-01T00:00:00"}, "bad_body"),
                ({"to": begin.isoformat()}, "bad_body"),
            ):
                assert await post(leader, f"/{key}/end", body) == (400, code), body
            at = (begin + dt.timedelta(seconds=300)).isoformat()
            assert await post(leader, f"/{key}/end", {"at": at}) == (200, {"requests": 2})
            assert await post(leader, f"/{key}/end", {"at": at}) == (409, "already_settled")
            said = await desks.writer.fetchrow(
                "SELECT actor, detail->>'at' AS at FROM audit_log WHERE action = 'exclusion ended' AND subject = $1",
                f"exclusion:{key}",
            )
            assert (said["actor"], dt.datetime.fromisoformat(said["at"])) == ("leader", dt.datetime.fromisoformat(at))

            before, pool = clock.now(), desks.parts.pool
            scope = exclusions.Scope(before - dt.timedelta(days=60))
            forgotten = await exclusions.propose(pool, scope, "sudden_event", "leader")
            assert await post(leader, f"/{forgotten}/end", {}) == (200, {"requests": 0})
            ended = await desks.writer.fetchval("SELECT to_at FROM exclusions WHERE exclusion_id = $1", forgotten)
            assert before <= ended <= clock.now()
            own = await exclusions.overload(pool, scope)
            assert await post(leader, f"/{own}/end", {}) == (403, "forbidden"), "the system's own ends by itself"

    with_desks(empty_database, work)


def test_an_alarm_is_listed_and_seen_by_the_first_who_says_so(empty_database: Postgres) -> None:
    async def work(desks: Desks) -> None:
        key = uuid.uuid4()
        await desks.writer.execute(
            "INSERT INTO alarms (alarm_id, kind, subject, raised_at, value, limit_value)"
            " VALUES ($1, 'lag', 'n1', now() - interval '9 days', 30, 10)",
            key,
        )
        async with desks.client("leader") as client:
            assert [alarm["kind"] for alarm in (await get(client, "/api/alarms"))["alarms"]] == ["lag"]
            for first in (True, False):
                async with client.post(f"/api/alarms/{key}/seen") as answer:
                    assert await answer.json() == {"first": first}
            async with client.post(f"/api/alarms/{uuid.uuid4()}/seen") as answer:
                assert answer.status == 404
            assert (await get(client, "/api/alarms"))["alarms"][0]["seen_by"] == "leader"

    with_desks(empty_database, work)
