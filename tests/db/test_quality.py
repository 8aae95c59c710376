"""Quality on a real PostgreSQL: calls are checked once, samples drawn once, scores appealed against (QUA)."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.errors import RefusedError
from crm.quality import appeals, calibrations, checking, loop, plans, scores, sheets, views
from crm.quality.checking import Checker
from crm.quality.rules import Rules
from crm.quality.sampling import Rule
from crm.quality.scores import Score
from hotline import clock, database
from hotline.settings import Settings
from recordings.manifest import Manifest, Segment, Speech, Voice

if TYPE_CHECKING:
    from tests.conftest import Postgres

SETTINGS = Settings()
LI, WU, XU = Person("li", "quality"), Person("wu", "shift_leader"), Person("xu", "supervisor", "1002")
AGENT, OFFICE = Person("1001", "agent", "1001"), Person("zhou", "office")
NOW = clock.now()
EVER = (NOW - dt.timedelta(days=60), NOW + dt.timedelta(days=1))
STEADY = tuple((at, at + 9_000) for at in range(0, 60_000, 10_000))


def with_pool(server: Postgres, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(pool)

    asyncio.run(run())


async def stored(
    pool: asyncpg.Pool, call_id: str, agent: str = "1001", at: dt.datetime | None = None, sealed: dt.datetime | None = None
) -> int:
    """A conversation of a minute, with a hold of 35 s without a word."""
    began = at or NOW - dt.timedelta(minutes=10)
    manifest = Manifest(
        node="n1",
        call_id=call_id,
        kind="conversation",
        started_at=began,
        length_ms=60_000,
        voices=(
            Voice(who="caller", to_ms=60_000),
            Voice(who="agent", name=agent, track="right", to_ms=60_000),
        ),
        segments=(
            Segment(kind="conversation", from_ms=0, to_ms=10_000, parties=(0, 1)),
            Segment(kind="held", from_ms=10_000, to_ms=45_000, parties=(0,)),
            Segment(kind="conversation", from_ms=45_000, to_ms=60_000, parties=(0, 1)),
        ),
        speech=(Speech(track="left", spans=STEADY), Speech(track="right", spans=())),
    )
    await pool.execute(
        "INSERT INTO calls (node, call_id, started_at, connected_at, agent, source) VALUES ('n1', $1, $2, $2, $3, 'ami')",
        call_id,
        began,
        agent,
    )
    made: int = await pool.fetchval(
        "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, state, manifest, object,"
        " wrapped_key, sealed_at) VALUES ('n1', $1, 'conversation', $1, $2, 60000, 2, '', 'stored', $3, 'o', '', $4)"
        " RETURNING recording_id",
        call_id,
        began,
        msgspec.json.encode(manifest).decode(),
        sealed or clock.now(),
    )
    return made


async def transcribed(pool: asyncpg.Pool, recording: int, *said: tuple[str, int, str]) -> None:
    await pool.execute(
        "INSERT INTO transcripts (recording_id, state, made_at) VALUES ($1, 'done', clock_timestamp())"
        " ON CONFLICT (recording_id) DO UPDATE SET made_at = clock_timestamp()",
        recording,
    )
    await pool.execute("DELETE FROM transcript_turns WHERE recording_id = $1", recording)
    for number, (track, at, text) in enumerate(said, 1):
        await pool.execute(
            "INSERT INTO transcript_turns (recording_id, number, track, from_ms, to_ms, text, confidence)"
            " VALUES ($1, $2, $3, $4, $4 + 2000, $5, 0.9)",
            recording,
            number,
            track,
            at,
            text,
        )


async def found(pool: asyncpg.Pool) -> list[tuple[str, int, str]]:
    rows = await pool.fetch(
        "SELECT code, from_ms, agent FROM quality_findings WHERE superseded_at IS NULL ORDER BY recording_id, from_ms, code"
    )
    return [tuple(row) for row in rows]


async def outcomes(pool: asyncpg.Pool, recording: int) -> dict[str, str]:
    text = await pool.fetchval("SELECT outcomes FROM quality_checks WHERE recording_id = $1", recording)
    return dict(msgspec.json.decode(text))


async def lately(pool: asyncpg.Pool) -> int:
    return await Checker(pool, SETTINGS).lately(clock.now())


def test_a_call_is_checked_when_it_is_stored_and_its_words_when_they_are_there(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        assert (await lately(pool), await lately(pool)) == (1, 0)
        assert await found(pool) == [("hold_without_word", 10_000, "1001")]
        assert (await outcomes(pool, one))["greeting"] == "not_checked"
        await transcribed(pool, one, ("right", 500, "喂"), ("right", 50_000, "这不合理 再见"))
        assert (await lately(pool), await lately(pool)) == (1, 0)
        hold = ("hold_without_word", 10_000, "1001")
        assert await found(pool) == [("greeting", 0, "1001"), hold, ("forbidden_words", 50_000, "1001")]
        assert (await outcomes(pool, one))["closing"] == "passed"

    with_pool(empty_database, work)


def test_what_is_known_of_a_call_beside_its_sound_is_looked_at(empty_database: Postgres) -> None:
    """Flags, dispositions, three-way calls, the wait for an agent, and the caller's rating; a flag that comes late too."""

    async def work(pool: asyncpg.Pool) -> None:
        at = NOW - dt.timedelta(minutes=10)
        await stored(pool, "c1", at=at)
        await lately(pool)
        await pool.execute(
            "INSERT INTO quality_flags (node, call_id, number, agent, kind, at)"
            " VALUES ('n1', 'c1', 1, '1001', 'agent_hung_up_first', $1)",
            at + dt.timedelta(seconds=58),
        )
        await pool.execute(
            "INSERT INTO requests (node, call_id, number, kind, caller, queue, first_queue, skill, requested_at, ended_at,"
            " outcome, wait_us, agent, source, version)"
            " VALUES ('n1', 'c1', 1, 'caller', '', 'q', 'q', 's', $1, $2, 'answered', 21000000, '1001', 'ami', 1)",
            at - dt.timedelta(seconds=21),
            at,
        )
        await pool.execute(
            "INSERT INTO survey_ratings VALUES (gen_random_uuid(), 'n1', 'c1', 'inbound', '1001', 'dissatisfied', $1)", at
        )
        await pool.execute(
            "INSERT INTO threeways (node, call_id, caller_channel, agent, agent_channel, unit, consent, attempts, begun_at,"
            " caller_is, agent_is, unit_is) VALUES ('n1', 'c1', '', '1001', '', 'U1', true, '[{}]', $1, 'room', 'room', 'room')",
            at + dt.timedelta(seconds=30),
        )
        assert await lately(pool) == 1
        hold, end = ("hold_without_word", 10_000, "1001"), 60_000
        assert await found(pool) == [("slow_answer", 0, "1001"), hold, ("agent_hung_up_first", 58_000, "1001"),
                                     ("dissatisfied", end, "1001")]  # fmt: skip
        one = await pool.fetchval("SELECT recording_id FROM recordings")
        said = await outcomes(pool, one)
        assert (said["threeway_consent"], said["threeway_consent_asked"]) == ("passed", "not_checked")

    with_pool(empty_database, work)


def test_what_was_stored_long_ago_is_found_by_the_walk_and_nobody_checks_twice(empty_database: Postgres) -> None:
    """Two processes, and one that begins again: every call has one row, and every finding stands once."""

    async def work(pool: asyncpg.Pool) -> None:
        old = NOW - dt.timedelta(days=3)
        for number in range(120):
            await stored(pool, f"c{number}", at=old, sealed=old)
        assert await lately(pool) == 0
        await asyncio.gather(*(Checker(pool, SETTINGS).walk() for _ in range(3)))
        assert await pool.fetchval("SELECT count(*) FROM quality_checks") == 120
        assert await pool.fetchval("SELECT count(*) FROM quality_findings") == 120
        assert await Checker(pool, SETTINGS).walk() == 0

    with_pool(empty_database, work)


def test_a_process_that_dies_in_a_check_has_left_nothing_of_it(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        async with pool.acquire() as connection:
            in_force = await checking.ensure_rules(connection, SETTINGS)
            cut = connection.transaction()
            await cut.start()
            await checking.check_one(connection, one, in_force)
            await cut.rollback()
        assert await pool.fetchval("SELECT count(*) FROM quality_findings") == 0
        assert await lately(pool) == 1

    with_pool(empty_database, work)


def test_a_manifest_that_nobody_can_read_is_not_checked_and_holds_nobody_up(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one, two = await stored(pool, "c1"), await stored(pool, "c2")
        await pool.execute("UPDATE recordings SET manifest = '{}' WHERE recording_id = $1", one)
        assert await lately(pool) == 2
        assert set((await outcomes(pool, one)).values()) == {"not_checked"}
        assert (await outcomes(pool, two))["hold_without_word"] == "failed"

    with_pool(empty_database, work)


def test_other_rules_are_a_version_and_calls_are_checked_again_on_request(empty_database: Postgres) -> None:
    """What a person said about a finding stays with it; what is not found any more is kept as it was."""

    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        await transcribed(pool, one, ("right", 500, "喂 这不合理"))
        await lately(pool)
        async with pool.acquire() as connection:
            first = await sheets.rules(connection, LI, SETTINGS)
            assert first.rules.forbidden == ("不合理", "无理要求", "无理诉求")
            (words,) = (await views.findings(connection, LI, *EVER, check="forbidden_words")).findings
            assert words.why == ("说了禁用语“不合理”", "The forbidden words “不合理” were said")
            await views.judge(connection, LI, words.finding_id, "dismissed", "quoted the caller")
            changed = await sheets.change_rules(connection, LI, SETTINGS, Rules(greeting=("喂",), answer_seconds=600))
            assert (changed.version > first.version, changed.rules.answer_seconds) == (True, 15)
            assert (await sheets.change_rules(connection, LI, SETTINGS, changed.rules)).version == changed.version
            assert await lately(pool) == 0
            assert (await sheets.check_again(connection, LI, SETTINGS, *EVER)).calls == 1
            assert (await sheets.check_again(connection, LI, SETTINGS, *EVER)).calls == 0
            assert await lately(pool) == 1
            shown = (await views.call(connection, LI, one)).findings
            assert [(f.code, f.judged, f.rules) for f in shown if f.code in ("greeting", "forbidden_words")] == [
                ("forbidden_words", "dismissed", changed.version)
            ]
            gone = await pool.fetchrow("SELECT code, rules FROM quality_findings WHERE superseded_at IS NOT NULL")
            assert tuple(gone) == ("greeting", first.version)

    with_pool(empty_database, work)


WEEK = clock.shanghai_now().date() - dt.timedelta(days=clock.shanghai_now().weekday() + 7)
IN_WEEK = dt.datetime.combine(WEEK, dt.time(12), clock.SHANGHAI)


def test_a_week_of_a_plan_is_drawn_exactly_once_and_no_recording_twice(empty_database: Postgres) -> None:
    """QUA-01: also by several at once; a trainee is heard more; its seed gives the same sample."""

    async def work(pool: asyncpg.Pool) -> None:
        for number in range(24):
            at = IN_WEEK + dt.timedelta(hours=number % 3)
            await stored(pool, f"c{number}", str(1001 + number % 2), at)
        await pool.execute(
            "INSERT INTO agents (agent, trainee, origin) VALUES ('1001', false, 'settings'), ('1002', true, 'settings')"
        )
        await Checker(pool, SETTINGS).walk()
        async with pool.acquire() as connection:
            await sheets.ensure(connection)
            plan = await plans.make(connection, LI, "weekly", "call", Rule(per_agent=2, per_trainee=4, strata=("finding",)))
            await connection.execute("UPDATE quality_plans SET made_at = $1", IN_WEEK)

        async def due() -> int:
            async with pool.acquire() as connection:
                return await plans.draw_due(connection, clock.shanghai_now().date())

        await asyncio.gather(due(), due(), due())
        async with pool.acquire() as connection:
            drawn = await plans.draw(connection, LI, plan.plan_id, WEEK)
            assert (drawn.calls, drawn.drawn, drawn.drawn_by, drawn.seed) == (24, 6, "plan", plan.seed ^ WEEK.toordinal())
            of = await connection.fetch("SELECT agent, count(*) FROM quality_samples GROUP BY agent ORDER BY agent")
            assert [tuple(row) for row in of] == [("1001", 2), ("1002", 4)]
            before = WEEK - dt.timedelta(days=7)
            assert (await plans.draw(connection, LI, plan.plan_id, before)).drawn == 0
            own = (await plans.samples(connection, XU, plan=plan.plan_id, done=False, limit=100, page=1)).samples
            assert {one.agent for one in own} == {"1001"}
            for week, code in ((WEEK + dt.timedelta(days=1), "bad_week"), (WEEK + dt.timedelta(days=7), "week_not_over")):
                assert await refused(plans.draw(connection, LI, plan.plan_id, week)) == code
            await plans.end(connection, LI, plan.plan_id)
            assert await refused(plans.draw(connection, LI, plan.plan_id, before)) == "plan_ended"
            assert await plans.draw_due(connection, clock.shanghai_now().date()) == 0

    with_pool(empty_database, work)


async def refused(awaited: Awaitable[object]) -> str:
    with pytest.raises(RefusedError) as refusal:
        await awaited
    return refusal.value.code


def whole(sheet: Any, share: float = 1.0) -> dict[str, float]:
    return {item.code: (item.most if share == 1.0 else 0.0) for item in sheet.items()}


async def scored(connection: asyncpg.Connection, recording: int, person: Person = LI, share: float = 1.0) -> Score:
    begun = await scores.of_recording(connection, person, recording, "call")
    sheet = (await sheets.get(connection, "call", begun.version)).content
    await scores.save(connection, person, begun.score_id, whole(sheet, share), vetoes=(), remark="well")
    return await scores.submit(connection, person, begun.score_id)


def test_a_score_keeps_its_sheets_version_and_is_nobodys_own_call(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one, own = await stored(pool, "c1"), await stored(pool, "c2", "1002")
        await lately(pool)
        async with pool.acquire() as connection:
            await sheets.ensure(connection)
            await sheets.ensure(connection)
            assert [(kept.sheet, kept.version) for kept in (await sheets.listed(connection, LI)).sheets] == [
                ("call", 1),
                ("manner", 1),
            ]
            begun = await scores.of_recording(connection, LI, one, "call")
            assert await refused(scores.of_recording(connection, LI, one, "call")) == "scored_already"
            assert await refused(scores.of_recording(connection, XU, own, "call")) == "own_call"
            assert await refused(scores.of_recording(connection, LI, one, "none")) == "unknown_sheet"
            assert await refused(scores.of_recording(connection, LI, 10**9, "call")) == "unknown_recording"
            assert await refused(scores.get(connection, WU, begun.score_id)) == "unknown_score"
            assert await refused(scores.submit(connection, LI, begun.score_id)) == "points_missing"
            assert await refused(scores.save(connection, WU, begun.score_id, {}, vetoes=(), remark="")) == "not_your_score"
            sheet = (await sheets.get(connection, "call")).content
            newer = await sheets.change(connection, LI, "call", msgspec.structs.replace(sheet, vetoes=()))
            assert newer.version == 2
            kept = await scores.save(connection, LI, begun.score_id, whole(sheet), vetoes=("leak",), remark="told the address")
            assert (kept.version, kept.total) == (1, 0)
            await scores.save(connection, LI, begun.score_id, whole(sheet), vetoes=(), remark="well")
            done = await scores.submit(connection, LI, begun.score_id)
            assert (done.state, done.total, done.most) == ("submitted", 100, 100)
            assert await refused(scores.submit(connection, LI, begun.score_id)) == "scored_already"
            seen = await scores.listed(connection, AGENT, *EVER, agent="", limit=10, page=1)
            assert [(score.total, score.scorer) for score in seen.scores] == [(100, "li")]

    with_pool(empty_database, work)


def test_an_appeal_is_settled_by_somebody_else_and_both_values_are_kept(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        await lately(pool)
        async with pool.acquire() as connection:
            await sheets.ensure(connection)
            score = await scored(connection, one, share=0)
            stranger = Person("1003", "agent", "1003")
            assert await refused(appeals.appeal(connection, stranger, SETTINGS, score.score_id, "why")) == "not_your_score"
            made = await appeals.appeal(connection, AGENT, SETTINGS, score.score_id, "was polite")
            assert await refused(appeals.appeal(connection, AGENT, SETTINGS, score.score_id, "x")) == "appealed_already"
            assert await refused(appeals.settle(connection, LI, made.appeal_id, "no", None)) == "own_score"
            sheet = (await sheets.get(connection, "call")).content
            assert await refused(appeals.settle(connection, WU, made.appeal_id, "x", ({"greeting": 1}, ()))) == "points_missing"
            settled = await appeals.settle(connection, WU, made.appeal_id, "you are right", (whole(sheet), ()))
            assert settled.after is not None
            assert (settled.state, settled.before.total, settled.after.total, settled.settled_by) == ("changed", 0, 100, "wu")
            assert await refused(appeals.settle(connection, WU, made.appeal_id, "x", None)) == "settled_already"
            assert (await scores.get(connection, AGENT, score.score_id)).total == 100
            late = await scored(connection, await late_call(pool))
            await connection.execute("UPDATE quality_scores SET submitted_at = now() - interval '6 days'")
            assert await refused(appeals.appeal(connection, AGENT, SETTINGS, late.score_id, "x")) == "appeal_too_late"
            trail = await connection.fetch("SELECT action FROM audit_log WHERE action LIKE 'quality.appeal%' ORDER BY entry_id")
            assert [row["action"] for row in trail] == ["quality.appeal", "quality.appeal_changed"]

    with_pool(empty_database, work)


async def late_call(pool: asyncpg.Pool) -> int:
    made = await stored(pool, "late")
    await lately(pool)
    return made


def test_scorers_are_blind_until_a_calibration_is_closed(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        await lately(pool)
        async with pool.acquire() as connection:
            await sheets.ensure(connection)
            made = await calibrations.make(connection, LI, one, "call", ["li", "wu"])
            assert await refused(calibrations.make(connection, LI, one, "call", ["li", "li"])) == "bad_values"
            assert await refused(calibrations.score(connection, XU, made.calibration_id)) == "not_asked_to_score"
            sheet = (await sheets.get(connection, "call")).content
            given = {}
            for person, share in ((LI, 1.0), (WU, 0.0)):
                score = await calibrations.score(connection, person, made.calibration_id)
                points = whole(sheet, share) | {"thanks": 5.0, "greeting": 10.0}
                await scores.save(connection, person, score.score_id, points, vetoes=(), remark="")
                await scores.submit(connection, person, score.score_id)
                given[person.username] = score.score_id
            blind = await calibrations.result(connection, WU, made.calibration_id)
            assert (blind.given, blind.agreement, blind.calibration.done) == ([], None, ["li", "wu"])
            assert await refused(scores.get(connection, WU, given["li"])) == "unknown_score"
            assert (await scores.listed(connection, LI, *EVER, agent="1001", limit=9, page=1)).scores == []
            await calibrations.close(connection, LI, made.calibration_id)
            shown = await calibrations.result(connection, WU, made.calibration_id)
            assert shown.agreement is not None
            spread = {item.item: item.spread for item in shown.agreement.items}
            assert (spread["thanks"], spread["knowledge"], len(spread)) == (0, 15, 12)
            assert shown.agreement.difference == pytest.approx(10 / 12)
            assert shown.agreement.kappa is not None
            assert await refused(calibrations.score(connection, LI, made.calibration_id)) == "calibration_closed"

    with_pool(empty_database, work)


def test_an_agents_time_is_their_own_to_see_and_every_look_is_written_down(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        one = await stored(pool, "c1")
        await stored(pool, "c2", "1002")
        await lately(pool)
        async with pool.acquire() as connection:
            await sheets.ensure(connection)
            await scored(connection, one)
            seen = await views.of_agent(connection, AGENT, "1001", *EVER)
            assert (seen.calls, seen.calls_without_words, seen.scores, seen.share) == (1, 1, 1, 1.0)
            assert [(of.code, of.found) for of in seen.findings] == [("hold_without_word", 1)]
            assert sum(week.findings for week in seen.weeks) == 1
            assert [f.agent for f in (await views.findings(connection, AGENT, *EVER)).findings] == ["1001"]
            today = await views.today(connection, OFFICE)
            assert (today.checked, today.words_checked, today.findings, today.scores) == (2, 0, 2, 1)
            looks = await connection.fetch("SELECT subject FROM audit_log WHERE action = 'quality.agent'")
            assert [row["subject"] for row in looks] == ["agent:1001"]
            for seer in (views.of_agent(connection, AGENT, "1002", *EVER), views.call(connection, AGENT, one + 1)):
                with pytest.raises(Exception, match="not_allowed"):
                    await seer

    with_pool(empty_database, work)


def test_the_loop_checks_and_draws_by_itself(empty_database: Postgres) -> None:
    async def work(pool: asyncpg.Pool) -> None:
        await stored(pool, "c1", at=IN_WEEK)
        parts = Parts(SETTINGS, pool, "n1")
        checker = Checker(pool, SETTINGS)
        await loop.turn(parts, checker)
        async with pool.acquire() as connection:
            await plans.make(connection, LI, "weekly", "call", Rule())
            await connection.execute("UPDATE quality_plans SET made_at = $1", IN_WEEK)
        await loop.turn(parts, checker, rounds=1)
        assert await pool.fetchval("SELECT count(*) FROM quality_samples") == 0
        await loop.turn(parts, checker, rounds=300)
        assert await pool.fetchval("SELECT count(*) FROM quality_samples") == 1

    with_pool(empty_database, work)
