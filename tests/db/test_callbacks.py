"""The call-back list over a real database: one entry per number, who waited longest first, nobody twice."""

from __future__ import annotations

import asyncio
import datetime as dt
import uuid
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd import callback_orders, callbacks, control_callers, control_orders, control_outbound
from acd.callbacks import Request
from acd.errors import RefusedError
from acd.parts import Parts
from acd.permissions import Person
from acd.steps import Step
from ami_bridge.rows import CallFacts
from hotline import clock
from hotline.settings import Callbacks, FurtherQueue, Settings
from tests import stored_calls
from tests.stored_calls import Kept

if TYPE_CHECKING:
    from tests.conftest import Postgres

NOW = clock.now().replace(microsecond=0)
AGENT, OTHER, LEADER = Person("1001", "agent", "1001"), Person("1002", "agent", "1002"), Person("leader", "shift_leader")
AT_ONCE = Settings(callbacks=Callbacks(retry_minutes=0))


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


def asked(number: str, waited: float, queue: str = "hotline") -> Request:
    since = ago(waited)
    return Request(
        request_id=uuid.uuid4(),
        node="n",
        call_id=f"n-{number}",
        number=number,
        queue=queue,
        asked_at=since + dt.timedelta(seconds=30),
        waiting_since=since,
    )


def called(name: str, number: str, waited: float, outcome: str, **changes: Any) -> CallFacts:
    """A call whose request began ``waited`` seconds ago, and ended 20 s later unless it waits still."""
    ended = None if outcome == "waiting" else ago(waited - 20)
    request = stored_calls.request(name, ago(waited), outcome=outcome, ended_at=ended, caller=number, **changes)
    return stored_calls.call(name, ago(waited + 10), request, caller_number=number, ended_at=ended)


def listing(server: Postgres, folder: Path, work: Callable[[Kept, Parts], Awaitable[None]], settings: Settings = AT_ONCE) -> None:
    async def run() -> None:
        async with stored_calls.opened(server, folder) as kept:
            for agent, queues in (("1001", ["hotline", "english"]), ("1002", ["hotline"])):
                await kept.pool.execute(
                    "INSERT INTO agent_states (node, agent, state, since, queues, at, version)"
                    " VALUES ('n', $1, 'ready', now(), $2, now(), 1)",
                    agent,
                    queues,
                )
            await work(kept, Parts(settings, kept.pool, "n"))

    asyncio.run(run())


async def kept_up(parts: Parts) -> None:
    async with parts.pool.acquire() as connection:
        await callbacks.keep(connection, parts)


async def tried(parts: Parts, person: Person, entry_id: uuid.UUID, result: str | None) -> None:
    """The agent says yes, and this comes of it."""
    outbound = uuid.uuid4()
    async with parts.pool.acquire() as connection, connection.transaction():
        await callback_orders.begin(connection, person, entry_id, outbound)
    async with parts.pool.acquire() as connection, connection.transaction():
        await callback_orders.ended(connection, parts, outbound, result)  # type: ignore[arg-type]
        await callback_orders.ended(connection, parts, outbound, "failed")


def test_who_began_to_wait_first_is_called_first_whether_asked_or_missed(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept.put(called("c2", "13800000002", 400, "abandoned"), called("c3", "13800000003", 200, "abandoned"))
        await kept_up(parts)
        await kept_up(parts)
        assert [(one.number[-1], one.kinds) for one in await callbacks.listed(parts.pool)] == [
            ("2", ["missed"]),
            ("1", ["asked"]),
            ("3", ["missed"]),
        ]

    listing(empty_database, tmp_path, work)


def test_a_number_has_one_entry_as_old_as_its_first_wait(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await kept.put(called("c1", "+8613800000001", 500, "abandoned"), called("c2", "13800000001", 400, "abandoned"))
        await callbacks.store(parts.pool, asked("13800000001", 100))
        await kept_up(parts)
        (entry,) = await callbacks.listed(parts.pool)
        assert (entry.number, entry.waiting_since, entry.kinds) == ("13800000001", ago(500), ["asked", "missed"])

    listing(empty_database, tmp_path, work)


def test_who_got_through_meanwhile_and_who_hung_up_at_once_needs_no_call(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await kept.put(called("c1", "13800000001", 500, "abandoned"), called("c2", "13800000002", 500, "short_abandoned"))
        await kept_up(parts)
        await kept.put(called("c3", "13800000001", 100, "answered", agent="1001"))
        await kept_up(parts)
        assert await callbacks.listed(parts.pool) == []
        (settled,) = await callbacks.listed(parts.pool, is_open=False)
        assert (settled.result, settled.settled_by) == ("answered_meanwhile", "system")

    listing(empty_database, tmp_path, work)


def test_missed_callers_are_called_back_only_where_the_city_wants_it(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await kept.put(called("c1", "13800000001", 500, "abandoned"))
        await kept_up(parts)
        assert await callbacks.listed(parts.pool) == []

    listing(empty_database, tmp_path, work, Settings(callbacks=Callbacks(missed=False)))


def test_an_agent_who_takes_several_times_at_once_has_one_entry_as_one_after_the_other(
    empty_database: Postgres, tmp_path: Path
) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        for number, waited in (("13800000001", 500), ("13800000002", 400)):
            await callbacks.store(parts.pool, asked(number, waited))
        await kept_up(parts)
        first, *others = await asyncio.gather(*(callback_orders.take(parts, AGENT) for _ in range(4)))
        assert first and first.number == "13800000001"
        assert others == [first] * 3
        lines = await parts.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'callback.take'")
        assert lines == 1

    listing(empty_database, tmp_path, work)


def test_two_agents_never_have_the_same_number(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept_up(parts)
        first, second = await asyncio.gather(callback_orders.take(parts, AGENT), callback_orders.take(parts, OTHER))
        assert (first is None) != (second is None)
        mine, person = (first, AGENT) if first else (second, OTHER)
        assert mine
        assert await callback_orders.take(parts, person) == mine, "asked again, the same"
        with pytest.raises(RefusedError, match="entry_not_yours"):
            await callback_orders.give_back(parts, OTHER if person is AGENT else AGENT, mine.entry_id)
        await callback_orders.give_back(parts, person, mine.entry_id)
        assert await callback_orders.take(parts, AGENT)

    listing(empty_database, tmp_path, work)


def test_nobody_is_called_before_a_caller_on_the_line_who_waits_longer(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept.put(called("c2", "13800000002", 400, "waiting"))
        await kept_up(parts)
        assert await callback_orders.take(parts, AGENT) is None
        await kept.put(called("c2", "13800000002", 400, "answered", agent="1002"))
        assert await callback_orders.take(parts, AGENT)

    listing(empty_database, tmp_path, work)


def test_nobody_is_called_while_in_a_call(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept.put(called("c1", "13800000001", 100, "waiting"))
        await kept_up(parts)
        assert await callback_orders.take(parts, AGENT) is None

    listing(empty_database, tmp_path, work)


def test_an_agent_is_given_the_numbers_of_its_own_queues(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300, "english"))
        await kept_up(parts)
        assert await callback_orders.take(parts, OTHER) is None
        assert await callback_orders.take(parts, AGENT)
        with pytest.raises(RefusedError, match="unknown_agent"):
            await callback_orders.take(parts, Person("1999", "agent", "1999"))
        with pytest.raises(RefusedError, match="not_allowed"):
            await callback_orders.take(parts, Person("q", "quality"))

    listing(empty_database, tmp_path, work)


def test_what_a_flow_calls_a_queue_is_the_queue_of_the_agents(empty_database: Postgres, tmp_path: Path) -> None:
    """Everybody's and the one for English by their words, others by their names; everybody's for one that is gone."""

    async def work(kept: Kept, parts: Parts) -> None:
        for number, word in enumerate(("main", "english", "hotline", "north", "gone")):
            await callbacks.store(parts.pool, asked(f"1380000000{number}", 300 - number, word))
        await kept_up(parts)
        assert [one.queue for one in await callbacks.listed(parts.pool)] == ["hotline", "english", "hotline", "north", "hotline"]
        assert await callback_orders.take(parts, OTHER)

    settings = msgspec.structs.replace(AT_ONCE, queues={"north": FurtherQueue(sub_centre="north")})
    listing(empty_database, tmp_path, work, settings)


def test_a_number_is_tried_twice_and_each_result_is_kept(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept_up(parts)
        for tries, result in ((1, "busy"), (2, "no_answer")):
            taken = await callback_orders.take(parts, AGENT)
            assert taken
            await tried(parts, AGENT, taken.entry_id, result)
            (entry,) = await callbacks.listed(parts.pool, is_open=tries == 1)
            assert (entry.tries, entry.result) == (tries, result)
        assert await callback_orders.take(parts, AGENT) is None

    listing(empty_database, tmp_path, work)


def test_an_agent_who_does_not_pick_up_the_own_telephone_has_tried_nobody(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept_up(parts)
        taken = await callback_orders.take(parts, AGENT)
        assert taken
        await tried(parts, AGENT, taken.entry_id, None)
        (entry,) = await callbacks.listed(parts.pool)
        assert (entry.state, entry.tries, entry.result) == ("waiting", 0, "")

    listing(empty_database, tmp_path, work)


def test_a_number_that_answered_is_done(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept_up(parts)
        taken = await callback_orders.take(parts, AGENT)
        assert taken
        await tried(parts, AGENT, taken.entry_id, "answered")
        (entry,) = await callbacks.listed(parts.pool, is_open=False)
        assert (entry.tries, entry.result, entry.agent) == (1, "answered", "1001")

    listing(empty_database, tmp_path, work)


def test_a_forgotten_claim_goes_back_and_who_leads_may_withdraw_an_entry(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await callbacks.store(parts.pool, asked("13800000001", 300))
        await kept_up(parts)
        taken = await callback_orders.take(parts, AGENT)
        assert taken
        await parts.pool.execute("UPDATE callback_entries SET claimed_until = now() - interval '1 s'")
        await kept_up(parts)
        with pytest.raises(RefusedError, match="not_allowed"):
            await callback_orders.withdraw(parts, OTHER, taken.entry_id, "")
        settled = await callback_orders.withdraw(parts, LEADER, taken.entry_id, "came in person")
        assert (settled.state, settled.result, settled.note, settled.settled_by) == (
            "settled",
            "withdrawn",
            "came in person",
            "leader",
        )
        lines = await parts.pool.fetch("SELECT actor, action FROM audit_log ORDER BY entry_id")
        assert [tuple(line) for line in lines][-1] == ("leader", "callback.withdraw")

    listing(empty_database, tmp_path, work)


def lately(seconds: float) -> dt.datetime:
    """So long before now: ``ago`` counts from when this file was read."""
    return clock.now() - dt.timedelta(seconds=seconds)


async def talks(parts: Parts, entry_id: uuid.UUID) -> uuid.UUID:
    """1001 calls the entry back, and it is answered, ten minutes ago; the call to outside."""
    told = await control_outbound.let_in(parts, AGENT, entry_id, "n-own")
    outbound = uuid.UUID(told["HOTLINE_OUTBOUND"])
    async with parts.pool.acquire() as connection, connection.transaction():
        for number, (channel, what) in enumerate((("n-own", "dialling"), ("n-citizen", "answered")), start=1):
            step = Step(
                node="n",
                call_id="n-own",
                uniqueid=channel,
                number=number,
                at=lately(590),
                step=f"control:outbound_{what}",
                detail=f"order={outbound}",
            )
            await control_outbound.hear(connection, parts, step)
    await parts.pool.execute("UPDATE outbound_calls SET ordered_at = $1", lately(600))
    return outbound


async def stands(parts: Parts, state: str, seconds: float) -> None:
    values = ("1001", state, lately(seconds))
    await parts.pool.execute("UPDATE agent_states SET state = $2, since = $3 WHERE agent = $1", *values)


async def at_work(parts: Parts) -> None:
    await parts.pool.execute("INSERT INTO agents (agent, origin) VALUES ('1001', 'settings')")
    await parts.pool.execute(
        "INSERT INTO agent_sessions (agent, seat, opened_by, opened_how) VALUES ('1001', '1001', 'x', 'api')"
    )


def test_a_call_back_that_died_with_asterisk_keeps_neither_the_agent_nor_the_number(
    empty_database: Postgres, tmp_path: Path
) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await at_work(parts)
        for number, waited in (("13800000001", 500), ("13800000002", 400)):
            await callbacks.store(parts.pool, asked(number, waited))
        await kept_up(parts)
        first = await callback_orders.take(parts, AGENT)
        assert first
        outbound = await talks(parts, first.entry_id)
        await stands(parts, "ready", 20)
        await control_callers.keep(parts)
        assert (await control_outbound.get(parts, outbound)).ended_at is None, "its last steps may be on their way"
        await stands(parts, "ready", 100)
        await control_callers.keep(parts)
        assert (await control_outbound.get(parts, outbound)).result == "unknown"
        with pytest.raises(RefusedError, match="not_in_a_call"):
            await control_orders.current(parts, AGENT)
        again = await callback_orders.take(parts, AGENT)
        assert again and (again.entry_id, again.state) == (first.entry_id, "claimed")
        await control_outbound.let_in(parts, AGENT, first.entry_id, "n-own-2")

    listing(empty_database, tmp_path, work)


def test_a_call_to_outside_goes_on_as_long_as_somebody_has_it(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await at_work(parts)
        await callbacks.store(parts.pool, asked("13800000001", 500))
        await kept_up(parts)
        entry = await callback_orders.take(parts, AGENT)
        assert entry
        outbound = await talks(parts, entry.entry_id)
        for state, since in (("elsewhere", 590), ("offline", 100), ("ready", 700)):
            await stands(parts, state, since)
            await control_callers.keep(parts)
            assert (await control_outbound.get(parts, outbound)).ended_at is None, state
        await stands(parts, "ready", 100)
        for place, agent in (("parked", ""), ("talking", "1002")):
            await parts.pool.execute("UPDATE control_calls SET place = $1, agent = $2", place, agent)
            await parts.pool.execute("UPDATE agent_states SET state = 'elsewhere', since = $1 WHERE agent = '1002'", lately(100))
            await control_callers.keep(parts)
            assert (await control_outbound.get(parts, outbound)).ended_at is None, "a colleague has it"

    listing(empty_database, tmp_path, work)


def test_a_caller_who_is_marked_again_in_the_call_after_a_reset_is_marked(empty_database: Postgres, tmp_path: Path) -> None:
    async def work(kept: Kept, parts: Parts) -> None:
        await at_work(parts)
        await callbacks.store(parts.pool, asked("13800000001", 500))
        await kept_up(parts)
        entry = await callback_orders.take(parts, AGENT)
        assert entry
        await talks(parts, entry.entry_id)
        await control_callers.mark_malicious(parts, AGENT, note="first")
        assert await control_callers.reset_malicious(parts, LEADER, "13800000001") == 1
        assert await control_callers.level_of(parts, "13800000001") == 0
        again = await control_callers.mark_malicious(parts, AGENT, note="second")
        assert again.level == 1
        assert await control_callers.level_of(parts, "13800000001") == 1
        kept_mark = await parts.pool.fetchrow("SELECT note, reset_by, reset_at FROM malicious_marks")
        assert tuple(kept_mark) == ("second", None, None)
        await control_callers.mark_malicious(parts, AGENT, note="third")
        lines = await parts.pool.fetch("SELECT detail ->> 'note' FROM audit_log WHERE action = 'caller.mark_malicious'")
        assert [line[0] for line in lines] == ["first", "second"]
        assert await control_callers.reset_malicious(parts, LEADER, "13800000001") == 1

    listing(empty_database, tmp_path, work)
