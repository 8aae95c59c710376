"""Who may do what to a real ticket (ORG-20 to ORG-36, LIF-41): a trainee, a unit and the operator's staff try it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from acd.permissions import Person
from crm.errors import RefusedError
from crm.permissions import MATRIX
from crm.tickets import cases, history
from crm.tickets.life_cycle import ACTIONS
from crm.tickets.orders import NoValues
from tests.ticket_desk import CLERK, DISPATCHER, LEADER, OFFICE, OTHER, SHIFT, TRAINEE, Desk, with_desk

if TYPE_CHECKING:
    from tests.conftest import Postgres

THEIRS = Person("hired", "dispatcher", organisation="operator")
TRUSTED = Person(
    "trusted", "dispatcher", organisation="operator", granted=frozenset({"ticket.approve_return", "ticket.instructions"})
)
WORDS = "请三日内解决"


async def code_of(desk: Desk, person: Person, ticket_id: int, action: str) -> str:
    """Why it is refused, or ``""``."""
    try:
        await cases.act(desk.parts, person, ticket_id, action, NoValues())
    except RefusedError as refused:
        return refused.code
    return ""


def test_a_trainee_that_tries_every_action_on_a_colleagues_ticket_changes_nothing_and_leaves_lines(
    empty_database: Postgres,
) -> None:
    forbidden = [action for action in ACTIONS if MATRIX[f"ticket.{action}"].get("trainee") in (None, "self")]

    async def work(desk: Desk) -> None:
        ticket_id = await desk.open(SHIFT)
        before = await desk.value("SELECT to_jsonb(t)::text FROM tickets AS t")
        assert {action: await code_of(desk, TRAINEE, ticket_id, action) for action in forbidden} == dict.fromkeys(
            forbidden, "not_allowed"
        )
        assert await desk.value("SELECT to_jsonb(t)::text FROM tickets AS t") == before
        query = "SELECT count(DISTINCT action) FROM audit_log WHERE actor = '1003' AND action LIKE '%.refused'"
        assert await desk.value(query) == len(forbidden)
        assert len(forbidden) > 30

    with_desk(empty_database, work)


@pytest.mark.parametrize("stranger", [OTHER, Person("nowhere", "unit_clerk"), Person("x", "unit_leader", unit="U02")])
def test_a_unit_that_tries_every_action_on_another_units_ticket_changes_nothing(
    empty_database: Postgres, stranger: Person
) -> None:
    async def work(desk: Desk) -> None:
        ticket_id = await desk.dispatched("U01")
        before = await desk.value("SELECT to_jsonb(t)::text FROM tickets AS t")
        said = {action: await code_of(desk, stranger, ticket_id, action) for action in ACTIONS}
        assert said == dict.fromkeys(ACTIONS, "not_allowed")
        assert await desk.value("SELECT to_jsonb(t)::text FROM tickets AS t") == before
        with pytest.raises(RefusedError):
            await history.view(desk.parts, stranger, ticket_id)

    with_desk(empty_database, work)


def test_the_operators_staff_approve_nothing_and_see_no_instruction_unless_it_was_granted(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        ticket_id = await desk.dispatched("U01")
        await desk.act(LEADER, ticket_id, "instruct", text=WORDS)
        for person, sees in ((DISPATCHER, True), (OFFICE, True), (CLERK, True), (TRUSTED, True), (THEIRS, False)):
            seen = await history.view(desk.parts, person, ticket_id)
            assert (WORDS in str(seen.papers)) is sees, person
            assert (WORDS in str(seen)) is sees, person
            told = await history.history(desk.parts, person, ticket_id)
            assert "instruct" in [event.action for event in told.events]
            assert sees or WORDS not in str(told), person
        await desk.act(CLERK, ticket_id, "ask_return", reason="不属于我单位职责")
        assert await code_of(desk, THEIRS, ticket_id, "approve_return") == "not_allowed"
        await desk.act(TRUSTED, ticket_id, "approve_return")

    with_desk(empty_database, work)


def test_a_role_that_nobody_knows_does_nothing(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        ticket_id = await desk.open(SHIFT)
        for role in ("", "root"):
            assert {await code_of(desk, Person("x", role, unit="U01"), ticket_id, action) for action in ACTIONS} == {
                "not_allowed"
            }
        with pytest.raises(RefusedError):
            await desk.open(Person("x", "root"))

    with_desk(empty_database, work)


def test_each_look_at_a_confidential_ticket_is_written_down_with_who_looked_and_no_word_of_the_citizen(
    empty_database: Postgres,
) -> None:
    """SEC-12."""

    async def work(desk: Desk) -> None:
        ticket_id = await desk.dispatched("U01", hidden=["all"])
        for person in (DISPATCHER, CLERK, DISPATCHER):
            await history.view(desk.parts, person, ticket_id)
        with pytest.raises(RefusedError):
            await history.view(desk.parts, OTHER, ticket_id)
        rows = await desk.owner.fetch(
            "SELECT actor, detail::text AS detail FROM audit_log WHERE subject = $1 AND action LIKE 'ticket.read%'"
            " ORDER BY entry_id",
            f"ticket:{ticket_id}",
        )
        assert [row["actor"] for row in rows] == ["sun", "clerk", "sun", "other"]
        assert all('"confidential": true' in row["detail"] for row in rows[:3])
        told = str(await desk.owner.fetch("SELECT detail::text FROM audit_log"))
        assert "张小明" not in told and "13800000001" not in told

    with_desk(empty_database, work)
