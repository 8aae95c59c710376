"""Persons who call on a real PostgreSQL: found or made at intake, several numbers, merged and back (TKT-01, TKT-06, GEN-12)."""

from __future__ import annotations

import asyncio
import uuid
from typing import TYPE_CHECKING, Any

import pytest

from acd.parts import Parts
from acd.permissions import Person
from crm.callers import persons
from crm.callers.persons import Changes
from crm.errors import RefusedError
from crm.tickets.ticket import Identity
from tests.citizens import ticket, with_parts

if TYPE_CHECKING:
    from tests.conftest import Postgres

AGENT, CLERK = Person("1001", "agent", "1001"), Person("u", "unit_clerk", unit="U01")


async def remembered(parts: Parts, **identity: Any) -> uuid.UUID | None:
    async with parts.pool.acquire() as connection:
        return await persons.remember(connection, Identity(**identity), by="1001")


async def refused(work: Any) -> str:
    with pytest.raises(RefusedError) as caught:
        await work
    return caught.value.code


def test_the_same_number_and_name_is_the_same_person_however_both_are_written(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        first = await remembered(parts, caller_name="张 三", calling_number="13905340001", workplace="棉纺厂")
        assert await remembered(parts, caller_name="张三", caller_phone="+8613905340001", callback_phone="0534-2312345") == first
        assert await remembered(parts, caller_name="张三", calling_number="5342312345", workplace="别处") == first
        assert await remembered(parts, caller_name="李四", calling_number="13905340001") != first
        assert first
        known = await persons.get(parts, AGENT, first)
        assert {one.number for one in known.numbers} == {"13905340001", "5342312345"}
        assert (known.name, known.workplace) == ("张 三", "棉纺厂")

    with_parts(empty_database, work)


def test_who_gives_no_name_is_the_only_one_at_the_number_or_nobody_in_particular(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        nameless = await remembered(parts, calling_number="13905340001")
        assert await remembered(parts, calling_number="13905340001") == nameless
        assert await remembered(parts, calling_number="13905340001", caller_name="张三") == nameless
        assert await remembered(parts, calling_number="13905340001") == nameless
        other = await remembered(parts, calling_number="13905340001", caller_name="李四")
        unknown = await remembered(parts, calling_number="13905340001")
        assert len({nameless, other, unknown}) == 3
        assert await remembered(parts, calling_number="13905340001") == unknown
        assert await remembered(parts) is None
        assert await remembered(parts, calling_number="anonymous") is None
        assert await remembered(parts, caller_name="王五") is not None

    with_parts(empty_database, work)


def test_two_intakes_of_a_number_at_once_make_one_person(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        made = await asyncio.gather(
            *(remembered(parts, caller_name="张三", calling_number="13905340001", caller_phone="13905340002") for _ in range(4))
        )
        assert len(set(made)) == 1

    with_parts(empty_database, work)


def test_a_merge_brings_history_and_numbers_together_and_its_undo_takes_them_apart(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        one = await remembered(parts, caller_name="张三", calling_number="13905340001")
        two = await remembered(parts, caller_name="张珊", calling_number="13905340002")
        three = await remembered(parts, caller_name="张删", calling_number="13905340003")
        assert one and two and three
        async with parts.pool.acquire() as connection:
            await ticket(connection, 1, caller_id=one, calling_number="13905340001")
            await ticket(connection, 2, caller_id=two, calling_number="13905340002")
            await ticket(connection, 3, caller_id=three, calling_number="13905340003")
        await persons.merge(parts, AGENT, two, three)
        whole = await persons.merge(parts, AGENT, one, two, "同一人")
        assert [t.number for t in whole.tickets] == ["T2026112200003", "T2026112200002", "T2026112200001"]
        assert len(whole.numbers) == 3 and len(whole.merges) == 2
        assert await remembered(parts, caller_name="张珊", calling_number="13905340002") == one
        assert await remembered(parts, calling_number="13905340003") == one
        found = await persons.search(parts, AGENT, number="139 0534 0003")
        assert [one.caller_id for one in found.callers] == [one]
        assert await refused(persons.merge(parts, AGENT, one, two)) == "caller_merged"
        assert await refused(persons.merge(parts, AGENT, two, one)) == "caller_merged"
        assert await refused(persons.merge(parts, AGENT, one, one)) == "same_caller"
        assert await refused(persons.edit(parts, AGENT, two, Changes(name="x"))) == "caller_merged"
        merge = next(merge for merge in whole.merges if merge.gone == two)
        back = await persons.unmerge(parts, AGENT, merge.merge_id)
        assert (back.caller_id, [t.number for t in back.tickets]) == (two, ["T2026112200003", "T2026112200002"])
        assert [t.number for t in (await persons.get(parts, AGENT, one)).tickets] == ["T2026112200001"]
        assert await refused(persons.unmerge(parts, AGENT, merge.merge_id)) == "unknown_merge"

    with_parts(empty_database, work)


def test_two_merges_against_each_other_at_once_make_no_circle(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        one = await remembered(parts, caller_name="张三", calling_number="13905340001")
        two = await remembered(parts, caller_name="李四", calling_number="13905340002")
        assert one and two
        both = await asyncio.gather(
            persons.merge(parts, AGENT, one, two), persons.merge(parts, AGENT, two, one), return_exceptions=True
        )
        assert sorted(type(result).__name__ for result in both) == ["Caller", "RefusedError"]

    with_parts(empty_database, work)


def test_an_edit_says_when_somebody_else_was_first(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        one = await remembered(parts, caller_name="张三", calling_number="13905340001")
        assert one
        changes = Changes(special_group="elderly", note="听力不好", add_numbers=("0534-2312345",), end_numbers=("13905340001",))
        known = await persons.edit(parts, AGENT, one, changes, version=1)
        assert (known.version, known.special_group, [n.number for n in known.numbers]) == (2, "elderly", ["5342312345"])
        assert await refused(persons.edit(parts, AGENT, one, Changes(name="x"), version=1)) == "changed_meanwhile"
        assert await refused(persons.edit(parts, AGENT, one, Changes(add_numbers=("110; DROP TABLE",)))) == "bad_values"
        assert await refused(persons.get(parts, AGENT, uuid.uuid4())) == "unknown_caller"
        assert (await persons.get(parts, AGENT, one)).name == "张三"

    with_parts(empty_database, work)


def test_names_are_found_by_their_beginning_a_page_at_a_time(empty_database: Postgres) -> None:
    async def work(parts: Parts) -> None:
        for n in range(5):
            await remembered(parts, caller_name=f"张三{n}", calling_number=f"1390534000{n}")
        await remembered(parts, caller_name="李四", calling_number="13905340009")
        page = await persons.search(parts, AGENT, name="张三", limit=3)
        assert ([one.name for one in page.callers], page.more) == (["张三0", "张三1", "张三2"], True)
        page = await persons.search(parts, AGENT, name="张三", limit=3, page=2)
        assert ([one.name for one in page.callers], page.more) == (["张三3", "张三4"], False)
        assert (await persons.search(parts, AGENT, name="%")).callers == []
        assert await refused(persons.search(parts, AGENT)) == "bad_values"

    with_parts(empty_database, work)


def test_every_look_leaves_a_line_and_nobody_without_the_right_looks(empty_database: Postgres) -> None:
    """SEC-12, SEC-13."""

    async def work(parts: Parts) -> None:
        one = await remembered(parts, caller_name="张三", calling_number="13905340001")
        assert one
        await persons.get(parts, AGENT, one)
        await persons.search(parts, AGENT, number="13905340001")
        lines = await parts.pool.fetch("SELECT actor, action, subject FROM audit_log ORDER BY action")
        assert [tuple(line) for line in lines] == [
            ("1001", "caller.read", f"caller:{one}"),
            ("1001", "caller.search", "caller:13905340001"),
        ]
        for person in (CLERK, Person("g", "guest"), Person("a", "analyst"), Person("x", "administrator")):
            assert await refused(persons.get(parts, person, one)) == "not_allowed"
            assert await refused(persons.search(parts, person, name="张")) == "not_allowed"
            assert await refused(persons.edit(parts, person, one, Changes())) == "not_allowed"
            assert await refused(persons.merge(parts, person, one, uuid.uuid4())) == "not_allowed"

    with_parts(empty_database, work)
