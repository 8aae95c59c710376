"""Exclusions: who sets and confirms them, what they take out of the net figures, what withdrawing gives back (KPI-40, ORG-25)."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from ami_bridge.errors import ExclusionError
from ami_bridge.figures import exclusions, history, rollups
from ami_bridge.figures.exclusions import Scope
from tests.ami_peer import until
from tests.stored_calls import MINUTE, SECOND, Kept, call, opened, request

if TYPE_CHECKING:
    from tests.conftest import Postgres

NOON = dt.datetime(2026, 1, 5, 4, 0, tzinfo=dt.UTC)
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def in_a_database(server: Postgres, folder: Path, work: Callable[[Kept], Awaitable[None]]) -> None:
    async def run() -> None:
        async with opened(server, folder) as kept:
            await kept.put(
                call("a", NOON, request("a", NOON)),
                call("b", NOON, request("b", NOON + MINUTE, "abandoned", 9_000_000, queue="english")),
                call("c", NOON, request("c", NOON + HOUR, "timed_out", 9)),
            )
            await kept.put(call("d", NOON, request("d", NOON + MINUTE)), node="m")
            await work(kept)

    asyncio.run(run())


async def excluded(kept: Kept) -> dict[str, str | None]:
    return dict(await kept.rows("SELECT call_id, excluded::text FROM requests ORDER BY call_id"))


async def in_force(kept: Kept, scope: Scope, reason: exclusions.Reason = "sudden_event") -> uuid.UUID:
    made = await exclusions.propose(kept.pool, scope, reason, "leader", "storm")
    await exclusions.confirm(kept.pool, made, "office")
    return made


def test_a_proposal_counts_when_the_office_confirms_it_and_until_it_is_withdrawn(
    empty_database: Postgres, tmp_path: Path
) -> None:
    async def work(kept: Kept) -> None:
        made = await exclusions.propose(kept.pool, Scope(NOON, NOON + HOUR), "system_fault", "leader", "power cut")
        assert set((await excluded(kept)).values()) == {None}
        assert await exclusions.confirm(kept.pool, made, "office") == 3
        fault = "system_fault"
        assert await excluded(kept) == {"a": fault, "b": fault, "c": None, "d": fault}  # c started as it ended
        figures = await history.figures(kept.pool, NOON, NOON + DAY)
        assert (figures.whole.raw.counts()["total"], figures.whole.net.counts()["total"]) == (4, 1)
        assert await exclusions.withdraw(kept.pool, made, "office", "it was the other hotline") == 3
        assert set((await excluded(kept)).values()) == {None}
        (known,) = await exclusions.overlapping(kept.pool, NOON, NOON + MINUTE)
        assert (known.person, known.confirmed_by, known.withdrawn_by, known.is_in_force) == ("leader", "office", "office", False)
        assert await exclusions.overlapping(kept.pool, NOON + HOUR, NOON + DAY) == []

    in_a_database(empty_database, tmp_path, work)


@pytest.mark.parametrize(
    ("scope", "taken"),
    [
        (Scope(NOON, NOON + SECOND), "a"),
        (Scope(NOON - HOUR, NOON), ""),
        (Scope(NOON, None), "abcd"),
        (Scope(NOON, None, queue="english"), "b"),
        (Scope(NOON, None, node="m"), "d"),
        (Scope(NOON, NOON + HOUR + SECOND, "hotline", "n"), "ac"),
    ],
)
def test_a_scope_is_a_time_and_perhaps_a_queue_and_a_node(
    empty_database: Postgres, tmp_path: Path, scope: Scope, taken: str
) -> None:
    async def work(kept: Kept) -> None:
        await in_force(kept, scope)
        assert {call_id for call_id, reason in (await excluded(kept)).items() if reason} == set(taken)

    in_a_database(empty_database, tmp_path, work)


def test_of_overlapping_ones_the_earliest_set_gives_the_reason(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        first = await in_force(kept, Scope(NOON, NOON + SECOND), "sudden_event")
        await in_force(kept, Scope(NOON - HOUR, NOON + HOUR), "system_fault")
        assert (await excluded(kept))["a"] == "sudden_event"
        assert await exclusions.withdraw(kept.pool, first, "office") == 1
        assert (await excluded(kept))["a"] == "system_fault"

    in_a_database(empty_database, tmp_path, work)


def test_an_overload_is_in_force_at_once_and_open_until_it_ends(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        made = await exclusions.overload(kept.pool, Scope(NOON, None, "hotline", "n"))
        assert await excluded(kept) == {"a": "overload", "b": None, "c": "overload", "d": None}
        late = NOON + 2 * HOUR
        await kept.put(call("e", late, request("e", late)))
        assert (await excluded(kept))["e"] == "overload"
        assert await exclusions.end(kept.pool, made, NOON + MINUTE) == 2
        assert await excluded(kept) == {"a": "overload", "b": None, "c": None, "d": None, "e": None}
        with pytest.raises(ExclusionError, match="only an open exclusion ends"):
            await exclusions.end(kept.pool, made, late)

    in_a_database(empty_database, tmp_path, work)


def test_what_an_exclusion_changes_is_told_to_readers_and_rolled_up_anew(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        await rollups.fold(kept.pool, NOON + DAY)
        heard: list[str] = []
        listener = await asyncpg.connect(empty_database.dsn)
        await listener.add_listener("figures", lambda *told: heard.append(str(told[-1])))
        await in_force(kept, Scope(NOON, None, node="n"))
        assert await kept.rows("SELECT call_id, version FROM requests ORDER BY 1") == [("a", 2), ("b", 2), ("c", 2), ("d", 1)]
        assert await kept.rows("SELECT node, version FROM bridge_positions ORDER BY 1") == [("m", 1), ("n", 2)]
        assert await kept.rows("SELECT quarter, node FROM dirty_quarters ORDER BY 1") == [(NOON, "n"), (NOON + HOUR, "n")]
        await until(lambda: heard == ["n 2"])
        await listener.close()
        before = await history.figures(kept.pool, NOON, NOON + DAY)
        assert before.whole.net.counts()["total"] == 1
        await rollups.fold(kept.pool, NOON + DAY)
        assert await history.figures(kept.pool, NOON, NOON + DAY) == before
        cells = await kept.rows("SELECT DISTINCT level, node, excluded FROM rollups ORDER BY 1, 2, 3")
        assert cells == [(level, *who) for level in (1, 2, 3, 4) for who in (("m", ""), ("n", "sudden_event"))]

    in_a_database(empty_database, tmp_path, work)


def test_each_step_leaves_a_line_in_the_audit_log(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept) -> None:
        made = await in_force(kept, Scope(NOON, None))
        await exclusions.end(kept.pool, made, NOON + HOUR, "leader")
        await exclusions.withdraw(kept.pool, made, "head", "by mistake")
        found = await kept.rows("SELECT actor, action, subject FROM audit_log ORDER BY entry_id")
        subject = f"exclusion:{made}"
        assert found == [
            ("leader", "exclusion set", subject),
            ("office", "exclusion confirmed", subject),
            ("leader", "exclusion ended", subject),
            ("head", "exclusion withdrawn", subject),
        ]
        details = await kept.rows("SELECT detail->>'reason', detail->>'note', detail->>'begin' FROM audit_log ORDER BY entry_id")
        assert details[0] == ("sudden_event", "storm", "2026-01-05T04:00:00Z")
        assert details[3] == (None, "by mistake", None)

    in_a_database(empty_database, tmp_path, work)


async def _by_the_same_person(kept: Kept, made: uuid.UUID) -> Any:
    return await exclusions.confirm(kept.pool, made, "leader")


async def _by_nobody(kept: Kept, made: uuid.UUID) -> Any:
    return await exclusions.confirm(kept.pool, made, "")


async def _twice(kept: Kept, made: uuid.UUID) -> Any:
    await exclusions.confirm(kept.pool, made, "office")
    return await exclusions.confirm(kept.pool, made, "head")


async def _after_its_withdrawal(kept: Kept, made: uuid.UUID) -> Any:
    assert await exclusions.withdraw(kept.pool, made, "leader") == 0
    return await exclusions.confirm(kept.pool, made, "office")


async def _withdrawn_twice(kept: Kept, made: uuid.UUID) -> Any:
    await exclusions.withdraw(kept.pool, made, "office")
    return await exclusions.withdraw(kept.pool, made, "office")


async def _unknown(kept: Kept, _: uuid.UUID) -> Any:
    return await exclusions.withdraw(kept.pool, uuid.uuid4(), "office")


async def _backwards(kept: Kept, _: uuid.UUID) -> Any:
    return await exclusions.propose(kept.pool, Scope(NOON, NOON), "sudden_event", "leader")


async def _in_the_name_of_the_system(kept: Kept, _: uuid.UUID) -> Any:
    return await exclusions.propose(kept.pool, Scope(NOON, None), "sudden_event", "system")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (_by_the_same_person, "by another person"),
        (_by_nobody, "by another person"),
        (_twice, "confirmed or withdrawn already"),
        (_after_its_withdrawal, "confirmed or withdrawn already"),
        (_withdrawn_twice, "withdrawn already"),
        (_unknown, "no such exclusion"),
        (_backwards, "ends after its beginning"),
        (_in_the_name_of_the_system, "needs the person"),
    ],
)
def test_what_may_not_be_is_refused_and_changes_nothing(
    empty_database: Postgres, tmp_path: Path, wrong: Callable[[Kept, uuid.UUID], Awaitable[Any]], said: str
) -> None:
    async def work(kept: Kept) -> None:
        made = await exclusions.propose(kept.pool, Scope(NOON, NOON + HOUR), "sudden_event", "leader")
        with pytest.raises(ExclusionError, match=said):
            await wrong(kept, made)
        assert len(await kept.rows("SELECT * FROM exclusions")) == 1

    in_a_database(empty_database, tmp_path, work)


def test_the_database_itself_holds_the_two_persons_apart(empty_database: Postgres, tmp_path: Path) -> None:
    query = """
        INSERT INTO exclusions (exclusion_id, from_at, reason, person, confirmed_by, confirmed_at)
        VALUES (gen_random_uuid(), now(), $1, $2, $3, now())
    """

    async def work(kept: Kept) -> None:
        for row in [
            ("sudden_event", "leader", "leader"),
            ("sudden_event", "system", "office"),
            ("overload", "leader", "system"),
            ("system_fault", "leader", "system"),
            ("weather", "leader", "office"),
        ]:
            with pytest.raises(asyncpg.CheckViolationError):
                await kept.pool.execute(query, *row)

    in_a_database(empty_database, tmp_path, work)
