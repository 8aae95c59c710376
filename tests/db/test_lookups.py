"""The look-ups of a flow on a real PostgreSQL: there, away, slow, and holding what it should not."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit, urlunsplit

import asyncpg
import pytest

from agi import lookup
from agi.errors import LookupFailed
from agi.lookup import Lookups
from hotline import clock, query_codes
from hotline.settings import Calendar
from ivr_flows.lookups import EXITS, LOOKUPS, Answer

if TYPE_CHECKING:
    from tests.conftest import Postgres

OWNER = "13800138000"
CODE = query_codes.hashed("480913")
FILL = f"""
INSERT INTO ticket_answers (ticket_no, caller_number, query_code_hash, confidential, state, result, updated_at) VALUES
    ('20260001', '13800138000', '{CODE}', false, 'ticket-state-answered', 'ticket-result-solved', '2026-11-01T16:30:00Z'),
    ('20260002', '13800138000', '{CODE}', true, 'ticket-state-handling', '', '2026-11-02T00:00:00Z'),
    ('20260003', '', NULL, false, 'ticket-state-accepted', '', '2026-11-03T00:00:00Z');
"""
TREE = """
INSERT INTO spoken_articles (code, parent, position, title, prompts, document) VALUES
    ('1000', NULL, 1, 'Policies', '', NULL), ('2000', NULL, 2, 'Procedures', 'kb/intro', NULL),
    ('1001', '1000', 1, 'Pensions', 'kb/1001', 'pension.pdf'), ('1002', '1000', 3, 'Contracts', 'kb/1002', NULL)
"""
HOTLINES = """
INSERT INTO other_hotlines (code, position, number, name, prompts, hours) VALUES
    ('110', 1, '110', 'police', 'hotline/110', '{}'),
    ('12315', 2, '12315', 'consumers', 'hotline/12315', '{"sunday": []}'),
    ('12333', 3, '12333', 'broken', 'hotline/12333', '{"someday": []}')
"""


def asked(server: Postgres, work: Callable[[Lookups], Awaitable[None]], *statements: str, seconds: float = 4.5) -> None:
    """Run ``statements`` as the owner, then ``work`` with look-ups of the application."""

    async def run() -> None:
        owner = await asyncpg.connect(server.owner)
        for statement in statements:
            await owner.execute(statement)
        await owner.close()
        async with lookup.opened(server.dsn, Calendar(), seconds=seconds) as lookups:
            await work(lookups)

    asyncio.run(run())


async def ticket(lookups: Lookups, number: str, code: str = "", caller: str = OWNER) -> str:
    answer = await lookups.ask("ticket", {"number": number, "code": code}, caller, "call-1")
    assert answer.exit in EXITS["ticket"]
    assert set(answer.values) <= set(LOOKUPS["ticket"].results)
    return answer.exit


async def one(server: Postgres, query: str) -> object:
    connection = await asyncpg.connect(server.owner)
    value: object = await connection.fetchval(query)
    await connection.close()
    return value


def test_a_ticket_is_told_to_the_recorded_number_without_a_code(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        answer = await lookups.ask("ticket", {"number": "20260001", "code": ""}, f"+86{OWNER}", "call-1")
        expected = {"state": "ticket-state-answered", "result": "ticket-result-solved", "updated": "2026-11-02T00:30:00+08:00"}
        assert answer == Answer("found", expected)

    asked(empty_database, work, FILL)


def test_without_a_code_nobody_else_learns_even_whether_there_is_such_a_ticket(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        assert await ticket(lookups, "20260001", caller="13900139000") == "refused"
        assert await ticket(lookups, "20260001", caller="") == "refused"
        assert await ticket(lookups, "20260003", caller="anonymous") == "refused"
        assert await ticket(lookups, "20260002") == "refused"  # confidential
        assert await ticket(lookups, "99999999") == "refused"
        assert await ticket(lookups, "1' OR 1=1") == "refused"
        assert await ticket(lookups, "") == "refused"

    asked(empty_database, work, FILL)


def test_with_the_code_a_ticket_is_told_to_any_number_but_a_confidential_one_to_the_recorded_alone(
    empty_database: Postgres,
) -> None:
    async def work(lookups: Lookups) -> None:
        assert await ticket(lookups, "20260001", "480913", caller="13900139000") == "found"
        assert await ticket(lookups, "20260001", "480913", caller="") == "found"
        assert await ticket(lookups, "20260001", "480914") == "not_found"
        assert await ticket(lookups, "20260002", "480913", caller="13900139000") == "not_found"
        assert await ticket(lookups, "20260002", "480913", caller="") == "not_found"
        assert await ticket(lookups, "20260002", "480913") == "found"
        assert await ticket(lookups, "20260003", "0") == "not_found"
        assert await ticket(lookups, "99999999", "480913") == "not_found"
        answer = await lookups.ask("ticket", {"number": "20260002", "code": "480913"}, OWNER, "call-1")
        assert answer.values["result"] == "ticket-result-none"
        assert await one(empty_database, "SELECT count(*) FROM ticket_query_failures") == 5

    asked(empty_database, work, FILL)


def test_every_look_at_a_ticket_leaves_a_line_in_the_audit_log(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        await ticket(lookups, "20260001", caller="")
        await ticket(lookups, "20260001", "480913")
        lines = """
            SELECT string_agg(concat_ws(' ', actor, action, subject, detail->>'call_id', detail->>'by', detail->>'answer'), ';'
                              ORDER BY entry_id) FROM audit_log
        """
        assert await one(empty_database, lines) == (
            "caller:withheld ticket.query ticket:20260001 call-1 number refused;"
            f"caller:{OWNER} ticket.query ticket:20260001 call-1 code found"
        )

    asked(empty_database, work, FILL)


def test_after_ten_wrong_codes_from_a_number_none_is_looked_at_for_a_day(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        for number in range(10):
            assert await ticket(lookups, f"{number}", "1") == "not_found"
        assert await ticket(lookups, "20260001", "480913") == "refused"
        assert await ticket(lookups, "20260001", "480913", caller="13900139000") == "found"
        assert await ticket(lookups, "20260001") == "found"  # no code, nothing to guess
        owner = await asyncpg.connect(empty_database.owner)
        await owner.execute("UPDATE ticket_query_failures SET failed_at = failed_at - interval '25 hours'")
        await owner.close()
        assert await ticket(lookups, "20260001", "480913") == "found"

    asked(empty_database, work, FILL)


def test_after_ten_wrong_codes_on_a_ticket_none_is_looked_at_from_anywhere(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        for number in range(10):
            assert await ticket(lookups, "20260001", "1", caller=f"1390013900{number}" if number % 2 else "") == "not_found"
        assert await ticket(lookups, "20260001", "480913", caller="13700137000") == "refused"
        assert await ticket(lookups, "20260003", "1", caller="") == "not_found"  # a withheld number is nobody's: not counted
        assert await one(empty_database, "SELECT count(*) FROM ticket_query_failures") == 11

    asked(empty_database, work, FILL)


def test_right_codes_are_never_too_many(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        assert {await ticket(lookups, "20260001", "480913") for _ in range(12)} == {"found"}

    asked(empty_database, work, FILL)


def test_the_knowledge_tree_is_walked_by_keys_and_codes(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        async def go(at: str, entered: str) -> tuple[str, str, str, str] | None:
            answer = await lookups.ask("knowledge", {"at": at, "entered": entered}, "", "c")
            names = LOOKUPS["knowledge"].results
            return tuple(answer.values[name] for name in names) if answer.exit == "found" else None  # type: ignore[return-value]

        root = "kb/1000-title,option-press,digits/1,kb/2000-title,option-press,digits/2"
        folder = ("1000", "folder", "kb/1001-title,option-press,digits/1,kb/1002-title,option-press,digits/3", "")
        article = ("1001", "article", "kb/1001", "pension.pdf")
        assert await go("", "") == ("", "folder", root, "")
        assert await go("", "1") == await go("1000", "") == await go("2000", "1000") == await go("1001", "0") == folder
        assert await go("1000", "1") == await go("", "1001") == await go("1001", "") == article
        assert await go("", "2") == ("2000", "article", "kb/intro", "")
        assert await go("1000", "0") == await go("", "0") == await go("77", "0") == ("", "folder", root, "")
        for at, entered in (("", "9"), ("1000", "2"), ("1001", "1"), ("", "9999"), ("", "1*"), ("", "1" * 40), ("x", "")):
            assert await go(at, entered) is None

    asked(empty_database, work, TREE)


def test_an_empty_tree_has_no_menu(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        assert await lookups.ask("knowledge", {}, "", "c") == Answer("not_found")

    asked(empty_database, work)


def test_the_directory_is_renewed_when_it_changes_and_a_broken_entry_keeps_no_other_back(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        assert (await lookups.ask("hotline", {"entered": "110"}, "", "c")).exit == "found"
        assert (await lookups.ask("hotline", {"entered": "12315"}, "", "c")).exit in ("found", "closed")
        assert (await lookups.ask("hotline", {"entered": "12333"}, "", "c")).exit == "not_found"
        assert (await lookups.ask("caller", {}, OWNER, "c")).exit == "not_found"
        assert (await lookups.ask("announcement", {}, OWNER, "c")).exit == "not_found"
        owner = await asyncpg.connect(empty_database.owner)
        await owner.execute("INSERT INTO caller_groups VALUES ('13800138000', 'elderly')")
        await owner.execute(
            "INSERT INTO announcements (prompts, starts_at, ends_at, reason, person)"
            " VALUES ('surge-announcement', now(), now() + interval '1 hour', 'storm', 'leader')"
        )
        await lookups.renew()
        assert await lookups.ask("caller", {}, OWNER, "c") == Answer("found", {"caller_group": "elderly"})
        expected = Answer("found", {"announcement_prompts": "surge-announcement"})
        assert await lookups.ask("announcement", {}, "", "c") == expected
        await owner.execute("DELETE FROM announcements")
        await owner.execute("DELETE FROM other_hotlines")
        await owner.close()
        await lookups.renew()
        assert (await lookups.ask("announcement", {}, "", "c")).exit == "not_found"
        assert (await lookups.ask("hotline", {}, "", "c")).exit == "not_found"

    asked(empty_database, work, HOTLINES)


def test_a_directory_that_did_not_change_is_not_read_again(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        known = lookups._directory
        await lookups.renew()
        assert lookups._directory is known

    asked(empty_database, work, HOTLINES)


CALLS = """
INSERT INTO calls (node, call_id, started_at, queued_at, connected_at, ended_at, disposition, source)
SELECT 'node1', n::text, now() - interval '40 minutes', now() - interval '20 minutes',
       CASE WHEN n < 3 THEN now() - interval '20 minutes' + n * interval '100 seconds' END, now(), 'answered', 'ami'
FROM generate_series(1, 3) AS n
"""


def test_the_wait_is_the_mean_of_who_was_connected_or_gave_up_and_silent_with_fewer_than_three(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        assert (await lookups.ask("wait", {}, "", "c")).exit == "not_found"
        owner = await asyncpg.connect(empty_database.owner)
        await owner.execute(
            "UPDATE calls SET disposition = 'abandoned', ended_at = queued_at + interval '1 minute' WHERE call_id = '3'"
        )
        await owner.close()
        assert await lookups.ask("wait", {}, "", "c") == Answer("found", {"wait_minutes": "2"})  # 100, 200 and 60 s

    asked(empty_database, work, CALLS)


def away(dsn: str, port: int) -> str:
    parts = urlsplit(dsn)
    return urlunsplit(parts._replace(netloc=f"{parts.netloc.rsplit(':', 1)[0]}:{port}"))


QUESTIONS = {"ticket": {"number": "1", "code": "2"}, "knowledge": {}, "wait": {}, "hotline": {}, "caller": {}, "announcement": {}}


def test_a_database_that_was_never_there_fails_every_look_up_quickly(postgres_server: Postgres) -> None:
    async def run() -> None:
        async with lookup.opened(away(postgres_server.dsn, 1), Calendar()) as lookups:
            begun = clock.monotonic()
            for what, arguments in QUESTIONS.items():
                with pytest.raises(LookupFailed):
                    await lookups.ask(what, arguments, OWNER, "c")
            assert clock.monotonic() - begun < 2

    assert set(QUESTIONS) == set(LOOKUPS)
    asyncio.run(run())


def test_a_server_that_takes_connections_and_says_nothing_fails_within_two_seconds(postgres_server: Postgres) -> None:
    async def run(port: int) -> None:
        begun = clock.monotonic()
        async with lookup.opened(away(postgres_server.dsn, port), Calendar()) as lookups:
            with pytest.raises(LookupFailed, match="knowledge"):
                await lookups.ask("knowledge", {}, "", "c")
        assert clock.monotonic() - begun < 4  # once for the directory, once for the question

    with socket.create_server(("127.0.0.1", 0)) as silent:
        asyncio.run(run(silent.getsockname()[1]))


def test_a_slow_database_is_given_up_and_answers_again_later(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        owner = await asyncpg.connect(empty_database.owner)
        async with owner.transaction():
            await owner.execute("LOCK TABLE ticket_answers IN ACCESS EXCLUSIVE MODE")
            begun = clock.monotonic()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(failed(lookups)) for _ in range(10)]
            assert all(task.result() for task in tasks)
            assert clock.monotonic() - begun < 3
        await owner.close()
        assert await ticket(lookups, "20260001") == "found"

    async def failed(lookups: Lookups) -> bool:
        with pytest.raises(LookupFailed, match="TimeoutError"):
            await ticket(lookups, "20260001")
        return True

    asked(empty_database, work, FILL, seconds=0.5)


def test_when_the_database_goes_the_directory_stays_and_the_rest_comes_back_with_it(
    new_postgres: type[Postgres], migrate: Callable[[str], None], tmp_path_factory: pytest.TempPathFactory
) -> None:
    server = new_postgres(tmp_path_factory.mktemp("pg") / "postgres")
    server.start()
    migrate(server.owner)

    async def work(lookups: Lookups) -> None:
        assert (await lookups.ask("hotline", {"entered": "1"}, "", "c")).exit == "found"
        server.kill()
        await lookups.renew()
        assert (await lookups.ask("hotline", {"entered": "1"}, "", "c")).exit == "found"
        assert (await lookups.ask("caller", {}, OWNER, "c")).exit == "not_found"
        with pytest.raises(LookupFailed):
            await lookups.ask("knowledge", {}, "", "c")
        await asyncio.to_thread(server.start)
        assert (await lookups.ask("knowledge", {}, "", "c")).exit == "not_found"
        await lookups.renew()
        assert (await lookups.ask("caller", {}, OWNER, "c")).exit == "not_found"

    try:
        asked(server, work, HOTLINES)
    finally:
        server.stop()


def test_an_unknown_question_and_a_hash_that_is_none_are_failures_too(empty_database: Postgres) -> None:
    async def work(lookups: Lookups) -> None:
        with pytest.raises(LookupFailed, match="nothing is known"):
            await lookups.ask("weather", {}, "", "c")
        with pytest.raises(LookupFailed, match="ticket"):
            await ticket(lookups, "20260003", "1")

    asked(empty_database, work, FILL, "UPDATE ticket_answers SET query_code_hash = 'md5$1' WHERE ticket_no = '20260003'")
