"""Suggestions for dispatch on a real PostgreSQL: what speaks for a unit, what was chosen, how often that was right (DSP-14)."""

from __future__ import annotations

import datetime as dt
import json
import uuid
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd.permissions import Person
from crm.errors import RefusedError
from crm.units import contacts, overview, places, returns, rules, suggestions, taxonomy, tree
from crm.units.rules import DispatchRule
from crm.units.suggest import Matter
from hotline import clock
from hotline.directory import files, sheet_store, sheets, store
from tests.ticket_desk import AGENT, CLERK, DISPATCHER, OFFICE, SUPERVISION, Desk, with_desk

if TYPE_CHECKING:
    from tests.conftest import Postgres

LAMP: dict[str, Any] = {"content": "湖滨北路的路灯不亮，灯杆 12 号，已经三天", "category": "C1.03", "territory": "371402001"}
SECTION = Person("lamp", "unit_clerk", unit="CG-LD")


def with_city(server: Postgres, work: Callable[[Desk], Awaitable[None]]) -> None:
    """The desk of the samples' city: units with their people, places, taxonomy."""

    async def begin(desk: Desk) -> None:
        async with desk.parts.pool.acquire() as connection:
            await files.put_samples(connection)
            await connection.execute("UPDATE units SET removed_at = NULL")  # those of the desk, too
        await work(desk)

    with_desk(server, begin)


def rule(unit: str, **more: Any) -> DispatchRule:
    return DispatchRule(unit=unit, valid_from=taxonomy.today(), **more)


async def suggested(desk: Desk, **fields: Any) -> list[str]:
    matter = Matter(
        **{
            "text": LAMP["content"],
            **{name: value for name, value in LAMP.items() if name != "content"},
            **fields,
        }
    )
    return [one.unit for one in (await suggestions.of_fields(desk.parts.pool, DISPATCHER, matter)).units]


def test_a_unit_is_suggested_by_competence_and_place_and_never_below_who_is_accused(empty_database: Postgres) -> None:
    """DSP-14, GEN-05, SEC-02, TKT-26."""

    async def work(desk: Desk) -> None:
        assert (await suggested(desk))[:2] == ["CG-LD", "DC-XH"]
        assert (await suggested(desk, category="C1.01", text="占道经营"))[:3] == ["DC", "CG", "DC-XH"]
        assert (await suggested(desk, category="C1.01", text="占道经营", territory=""))[0] == "CG"
        assert await suggested(desk, category="", text="", territory="") == []
        ticket = await desk.open(**LAMP, accused_unit="CG")
        found = await suggestions.of_ticket(desk.parts.pool, DISPATCHER, ticket)
        assert ([one.unit for one in found.units], found.terms) == (["DC-XH", "DC"], ("路灯不亮",))

    with_city(empty_database, work)


def test_default_units_of_a_leaf_are_suggested(empty_database: Postgres) -> None:
    """TAX-21."""

    async def work(desk: Desk) -> None:
        items = files.read_sheet("taxonomy", files.TAXONOMY)
        changed = [msgspec.structs.replace(one, units=("GD", "RQ")) if one.code == "C9.12" else one for one in items]
        async with desk.parts.pool.acquire() as connection:
            await sheet_store.put(connection, "taxonomy", changed, actor="test", file="test")
        assert await suggested(desk, category="C9.12", text="老人", territory="") == ["GD", "RQ"]

    with_city(empty_database, work)


def test_what_was_dispatched_before_speaks_for_a_unit_and_what_it_returned_against_it(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        matter: dict[str, Any] = {**LAMP, "category": "C9.12", "content": "老年人活动室关门，老人没有地方活动", "territory": ""}
        assert await suggested(desk, category="C9.12", text=matter["content"], territory="") == []
        for _ in range(3):
            await desk.dispatched("GD", **matter)
        one = await desk.dispatched("U01", **matter)
        assert (await suggested(desk, category="C9.12", text=matter["content"], territory=""))[0] == "GD"
        await desk.act(CLERK, one, "ask_return", reason="不属于我单位职责", suggested="GD")
        await desk.act(DISPATCHER, one, "approve_return")
        assert await suggested(desk, category="C9.12", text=matter["content"], territory="") == ["GD"]

    with_city(empty_database, work)


def test_each_dispatch_keeps_what_was_suggested_and_the_accuracy_is_measured(empty_database: Postgres) -> None:
    """DSP-14, KPI-25: 1 - returns that were right / dispatches."""

    async def work(desk: Desk) -> None:
        for unit in ("CG-LD", "DC", "U01"):
            one = await desk.dispatched(unit, **LAMP)
        await desk.act(CLERK, one, "ask_return", reason="不属于我单位职责", suggested="CG-LD")
        await desk.act(DISPATCHER, one, "approve_return")
        await desk.act(DISPATCHER, one, "dispatch", lead_unit="CG-LD")
        rows = await desk.owner.fetch("SELECT chosen, rank, suggested::text, by FROM dispatch_suggestions ORDER BY at")
        assert [(row["chosen"], row["rank"]) for row in rows] == [("CG-LD", 1), ("DC", 3), ("U01", None), ("CG-LD", 1)]
        kept = json.loads(rows[0]["suggested"])
        assert (kept[0]["unit"], rows[0]["by"]) == ("CG-LD", "sun")
        assert "keywords" in kept[0]["reasons"]
        now = clock.now()
        found = await suggestions.accuracy(desk.parts.pool, OFFICE, now - dt.timedelta(hours=1), now + dt.timedelta(hours=1))
        assert (found.dispatches, found.suggested, found.first, found.first_three) == (4, 4, 2, 3)
        assert (found.first_share, found.first_three_share, found.dispatch_accuracy) == (0.5, 0.75, 0.75)
        nothing = await suggestions.accuracy(desk.parts.pool, OFFICE, now - dt.timedelta(days=9), now - dt.timedelta(days=8))
        assert (nothing.dispatches, nothing.first_share, nothing.dispatch_accuracy) == (0, None, None)
        with pytest.raises(RefusedError, match="not_allowed"):
            await suggestions.accuracy(desk.parts.pool, CLERK, now, now)
        with pytest.raises(RefusedError, match="not_allowed"):
            await suggestions.of_ticket(desk.parts.pool, CLERK, one)

    with_city(empty_database, work)


def test_what_a_consultation_concludes_is_a_rule_until_the_next_concludes_otherwise(empty_database: Postgres) -> None:
    """LIF-23."""

    async def work(desk: Desk) -> None:
        one = await desk.open(**LAMP, accept=True)
        await desk.act(AGENT, one, "submit")
        for unit in ("GD", "GD", "CG"):
            given: dict[str, Any] = {"participants": ["编办", "司法局"], "conclusion": "灯杆归该单位", "unit": unit}
            await desk.act(SUPERVISION, one, "consult", **given)
        found = (await rules.listed(desk.parts.pool, OFFICE, ended=True)).rules
        assert [(r.unit, r.ended_by, r.origin, r.ticket_id) for r in found] == [
            ("CG", "", "consultation", one),
            ("GD", "du", "consultation", one),
        ]
        assert (found[0].category, found[0].territory, found[0].note) == ("C1.03", "371402001", "灯杆归该单位")
        assert (await suggested(desk))[0] == "CG"
        await rules.end(desk.parts.pool, OFFICE, found[0].rule_id)
        assert (await suggested(desk))[0] == "CG-LD"
        with pytest.raises(RefusedError, match="rule_ended"):
            await rules.end(desk.parts.pool, OFFICE, found[0].rule_id)
        audited = await desk.owner.fetch("SELECT action FROM audit_log WHERE action LIKE 'dispatch_rule%' ORDER BY entry_id")
        assert [row["action"].partition(".")[2] for row in audited] == ["add", "end", "add", "end"]

    with_city(empty_database, work)


def test_rules_of_the_office_hold_from_their_first_to_their_last_day(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        pool, today, day = desk.parts.pool, taxonomy.today(), dt.timedelta(days=1)
        for unit, first, last in (("RS", today + day, None), ("JY", today - 2 * day, today - day), ("SC", today, today)):
            one = msgspec.structs.replace(rule(unit, category="C1"), valid_from=first, valid_to=last)
            assert (await rules.add(pool, OFFICE, one)).made_by == "office"
        found = await suggested(desk)
        assert (found[0], {"RS", "JY"} & set(found)) == ("SC", set())
        wrong = (
            ("bad_rule", rule("GD")),
            ("bad_rule", rule("GD", category="C7.99")),
            ("bad_rule", msgspec.structs.replace(rule("GD", words="电"), valid_to=today - day)),
            ("unknown_unit", rule("nobody", words="电")),
        )
        for code, one in wrong:
            with pytest.raises(RefusedError, match=code):
                await rules.add(pool, OFFICE, one)
        for person in (AGENT, DISPATCHER, CLERK):
            with pytest.raises(RefusedError, match="not_allowed"):
                await rules.add(pool, person, rule("GD", words="电"))
        with pytest.raises(RefusedError, match="unknown_rule"):
            await rules.end(pool, OFFICE, uuid.uuid4())
        assert (await rules.listed(pool, DISPATCHER, unit="SC")).total == 1

    with_city(empty_database, work)


def test_a_place_is_found_by_what_is_said_and_leads_to_the_unit_that_has_it(empty_database: Postgres) -> None:
    """TKT-30."""

    async def work(desk: Desk) -> None:
        for text, name, territory, unit in (
            ("湖滨小区", "湖滨小区", "371402001001", "DC-XH-01"),
            ("湖滨花园3号楼漏水", "湖滨小区", "371402001001", "DC-XH-01"),
            ("湖滨路", "湖滨北路", "371402001", "DC-XH"),
            ("三八路", "三八中路", "371402", "DC"),
            ("新湖", "新湖街道", "371402001", "DC-XH"),
        ):
            found = await places.search(desk.parts.pool, text)
            assert (found[0].name, found[0].territory, found[0].unit) == (name, territory, unit), text
        for text in ("", " ", "天安门", "%", "湖滨 天安门", "\x00"):
            assert await places.search(desk.parts.pool, text) == []

    with_city(empty_database, work)


def test_a_leaf_is_found_by_what_citizens_say_as_it_is_valid_on_the_day_and_in_the_city(empty_database: Postgres) -> None:
    """TAX-13, TAX-20, TAX-31."""

    async def work(desk: Desk) -> None:
        pool = desk.parts.pool
        for text, code in (
            ("黑车", "C4.10"),
            ("street lamps", "C1.03"),
            ("路灯不亮了", "C1.03"),
            ("C3.16", "C3.16"),
            ("驾校", "C4.14"),
        ):
            found = await taxonomy.search(pool, text, "dezhou")
            assert (found.items[0].code, found.version) == (code, 1), text
        warned = [one.code for one in (await taxonomy.tree(pool, "dezhou")).items if one.out_of_scope]
        assert warned == ["C3.16", "C3.17"]  # TAX-30
        for category in ("C1", "T.01", "C1.99"):
            with pytest.raises(RefusedError):
                await desk.open(**{**LAMP, "category": category})
        assert [one.code for one in (await taxonomy.search(pool, "水电十三局", "dezhou")).items] == ["C1.35"]
        assert (await taxonomy.search(pool, "水电十三局", "karamay")).items == []
        assert len((await taxonomy.tree(pool, "dezhou")).items) == 168
        assert len((await taxonomy.tree(pool, "karamay")).items) == 164
        assert [one.zh for one in (await taxonomy.tree(pool, "x", scheme="call_type")).items][1:] == [
            "咨询预约",
            "沟通协调",
            "投诉建议",
        ]
        items = [one for one in files.read_sheet("taxonomy", files.TAXONOMY) if one.code != "C1.03"]
        lamps = sheets.ItemEntry(code="C1.36", parent="C1", zh="城市照明", en="city lighting", words=("路灯",))
        tomorrow = taxonomy.today() + dt.timedelta(days=1)
        async with pool.acquire() as connection:
            await sheet_store.put(connection, "taxonomy", [*items, lamps], actor="test", file="t", valid_from=tomorrow)
        assert [one.code for one in (await taxonomy.search(pool, "路灯", "dezhou")).items] == ["C1.03"]
        assert [one.code for one in (await taxonomy.search(pool, "路灯", "dezhou", on=tomorrow)).items] == ["C1.36"]
        old = await taxonomy.leaf(pool, "C1.03", "dezhou", tomorrow)
        assert old and (old.zh, old.active) == ("路灯", False)
        assert [(one.version, one.items) for one in await taxonomy.versions(pool)] == [(2, 211), (1, 210)]

    with_city(empty_database, work)


def test_tickets_are_counted_by_what_their_leaf_was_called_on_their_day(empty_database: Postgres) -> None:
    """TAX-31."""

    async def work(desk: Desk) -> None:
        for _ in range(2):
            await desk.open(**LAMP)
        today, items = taxonomy.today(), files.read_sheet("taxonomy", files.TAXONOMY)
        changed = [msgspec.structs.replace(one, en="city lamps") if one.code == "C1.03" else one for one in items]
        async with desk.parts.pool.acquire() as connection:
            await sheet_store.put(
                connection, "taxonomy", changed, actor="test", file="t", valid_from=today + dt.timedelta(days=1)
            )
        later = int(f"{today + dt.timedelta(days=2):%Y%m%d}") * 1_000_000 + 100_000
        await desk.owner.execute(
            "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, category)"
            " VALUES ($1, 'web', 'draft', 'dezhou', now(), 'x', now(), 'C1.03')",
            later,
        )
        found = await taxonomy.counts(desk.parts.pool, today, today + dt.timedelta(days=3))
        assert [(one.en, one.version, one.tickets) for one in found] == [("street lamps", 1, 2), ("city lamps", 2, 1)]
        assert [one.tickets for one in await taxonomy.counts(desk.parts.pool, today, today)] == [2]

    with_city(empty_database, work)


def test_returns_of_a_month_are_counted_for_each_unit_and_seen_by_it_alone(empty_database: Postgres) -> None:
    """RET-04, RET-08, RET-09."""

    async def work(desk: Desk) -> None:
        right = await desk.dispatched("U01", **LAMP)
        wrong = await desk.dispatched("U01", **LAMP)
        for one in (right, wrong):
            await desk.act(CLERK, one, "ask_return", reason="不属于我单位职责", suggested="CG")
        await desk.act(DISPATCHER, right, "approve_return")
        month = f"{clock.now().astimezone(clock.SHANGHAI):%Y-%m}"
        (counted,) = (await returns.of_month(desk.parts.pool, OFFICE, month)).units
        assert (counted.unit, counted.asked, counted.approved, counted.undecided, counted.dispatched) == ("U01", 2, 1, 1, 2)
        await desk.act(DISPATCHER, wrong, "refuse_return", reason="属于你单位职责")
        (counted,) = (await returns.of_month(desk.parts.pool, CLERK, month)).units
        assert (counted.approved, counted.refused, counted.undecided) == (1, 1, 0)
        assert [one.ticket_id for one in await returns.listed(desk.parts.pool, OFFICE, month)] == [right, wrong]
        assert (await returns.of_month(desk.parts.pool, SECTION, month)).units == []
        assert (await returns.of_month(desk.parts.pool, OFFICE, "2020-01")).units == []
        assert await desk.value("SELECT count(*) FROM audit_log WHERE action = 'unit.returns'") == 1

    with_city(empty_database, work)


def test_a_unit_has_people_a_telephone_for_now_and_open_tickets_in_the_tree(empty_database: Postgres) -> None:
    """GEN-14, GEN-15, ORG-06, DSP-10, LIF-19."""

    async def work(desk: Desk) -> None:
        one = await desk.dispatched("CG-LD", **LAMP)
        assert await tree.first_receiver(desk.parts.pool, one) == "CG-LD"
        assert await tree.first_receiver(desk.parts.pool, 1) == ""
        unit = await contacts.profile(desk.parts.pool, "CG")
        assert [(who.name, who.role, who.deputy) for who in unit.staff] == [
            ("刘洋", "clerk", "A"),
            ("陈静", "clerk", "B"),
            ("王明", "leader", ""),
            ("张伟", "head", ""),
        ]
        assert (unit.handling_section, unit.contact.person, unit.contact.number) == ("热线办", "刘洋", "83120001")
        assert await contacts.contact(desk.parts.pool, "nobody") == contacts.Contact()
        with pytest.raises(RefusedError, match="unknown_unit"):
            await contacts.profile(desk.parts.pool, "nobody")
        nodes = {node.code: node for node in (await overview.of(desk.parts.pool, DISPATCHER)).units}
        assert (nodes["CG"].open_tickets, nodes["CG"].open_tickets_below, nodes["CG-LD"].depth) == (0, 1, 2)
        own = {node.code: node.open_tickets for node in (await overview.of(desk.parts.pool, SECTION)).units}
        assert {code for code, tickets in own.items() if tickets is not None} == {"CG-LD"}
        assert [node.code for node in (await overview.of(desk.parts.pool, SECTION, unit="DC")).units] == [
            "DC",
            "DC-XH",
            "DC-XH-01",
        ]

    with_city(empty_database, work)


def test_the_samples_of_a_new_database_hold_people_for_units_that_are_there(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        async with desk.parts.pool.acquire() as connection:
            with pytest.raises(Exception, match="unit_staff_unit_fkey"):
                await store.put(
                    connection, "unit-staff", [msgspec.structs.replace(_clerk(), unit="NOBODY")], actor="test", file="t"
                )

    with_city(empty_database, work)


def _clerk() -> Any:
    return files.read("unit-staff", files.SAMPLES / "unit-staff.toml")[0]
