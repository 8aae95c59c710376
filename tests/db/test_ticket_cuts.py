"""The line to the database is cut in the middle of each use case: before each of its statements, the commit among them.

What it was about to do is done not at all - no row of any table differs, the audit log's included - and asked again it is done.
"""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from acd import drafts
from acd.drafts import Draft
from crm import configuration
from crm.callers import persons
from crm.clocks import suspensions
from crm.knowledge import entries
from crm.knowledge.entry import Content
from crm.profiles import store as profiles
from crm.tickets import attachments, contacts, intake
from crm.tickets.attachments import Offered
from crm.tickets.contacts import NewContact
from crm.tickets.intake import Opening
from crm.units import rules, taxonomy
from crm.units.rules import DispatchRule
from crm.webhooks import subscriptions
from hotline import clock
from hotline.accounts import store as accounts
from hotline.accounts.rules import Profile as Account
from hotline.directory import store
from hotline.directory.kinds import UnitEntry
from hotline.settings import Settings
from tests.ticket_desk import AGENT, CONTENT, NUMBER, OFFICE, SHIFT, Desk, with_desk
from tests.ticket_ways import BEGINNINGS, PEOPLE, Cut, Step, everything, take, ways

if TYPE_CHECKING:
    from tests.conftest import Postgres

HOUR = dt.timedelta(hours=1)
CUTS_EACH = 2
"""Of the first statements of an action; other use cases are cut before each."""


async def cut_everywhere(desk: Desk, cut: Cut, what: Callable[[], Awaitable[object]], only: Sequence[int] = ()) -> int:
    """Cut ``what`` off before each of its statements, or ``only`` before these; how many it has until it is committed."""
    before = await everything(desk.owner)
    for at in only or range(1, 500):
        is_cut = await cut.before(at, what())
        if (after := await everything(desk.owner)) != before:
            assert not is_cut or cut.is_committed, (at, [name for name in after if after[name] != before[name]])
            return cut.statements
    await what()
    return 0


@pytest.fixture(scope="module")
def all_ways() -> dict[str, tuple[int, list[Step]]]:
    return ways()


def test_each_action_of_the_life_cycle_is_done_as_a_whole_or_not_at_all(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch, all_ways: dict[str, tuple[int, list[Step]]]
) -> None:
    chance = random.Random(6)

    async def work(desk: Desk) -> None:
        cut = Cut(desk.owner)
        cut.install(monkeypatch)
        await taxonomy.put_first(desk.owner)
        other = await desk.replied()
        for action, (beginning, way) in all_ways.items():
            who, given = BEGINNINGS[beginning]
            given = {**given, "upstream_no": action} if "upstream_no" in given else given
            one = await desk.open(PEOPLE[who], **given)
            for step in way[:-1]:
                await take(desk, step, one, other)
            places = chance.sample(range(2, 12), CUTS_EACH)
            assert not await cut_everywhere(desk, cut, partial(take, desk, way[-1], one, other), places), action
            event = "SELECT count(*) FROM ticket_events WHERE ticket_id = $1 AND action = $2"
            times = sum(step[1] == action for step in way)
            assert await desk.value(event, one, action) == times, action

    with_desk(empty_database, work, trainee_release=True)


def test_every_statement_of_a_reply_may_be_the_last(empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """A whole use case, statement by statement, to the commit."""

    async def work(desk: Desk) -> None:
        cut = Cut(desk.owner)
        cut.install(monkeypatch)
        one, two = await desk.open(accept=True), await desk.open(accept=True)
        assert await cut_everywhere(desk, cut, lambda: desk.act(AGENT, one, "merge", into=two, reason="重复")) > 15
        assert await cut_everywhere(desk, cut, lambda: desk.act(OFFICE, one, "unmerge", reason="不是")) > 15
        assert await cut_everywhere(desk, cut, lambda: desk.act(AGENT, one, "link", parent=two, reason="同一处")) > 12

    with_desk(empty_database, work)


def test_a_ticket_from_a_call_a_draft_or_a_message_is_opened_as_a_whole_or_not_at_all(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(desk: Desk) -> None:
        cut = Cut(desk.owner)
        await desk.call("c7")
        draft = Draft(
            node="node1", call_id="c1", caller=NUMBER, question="路灯不亮", outcome="failed", made_by="1001", made_at=clock.now()
        )
        async with desk.parts.pool.acquire() as connection:
            await drafts.make(connection, draft)
        message = await desk.value(
            "WITH r AS (INSERT INTO recordings (node, call_id, kind, file, length_ms, channels, sha256)"
            " VALUES ('node1', 'c2', 'message', 'x.wav', 1000, 1, 'x') RETURNING recording_id)"
            " INSERT INTO messages (node, call_id, caller_number, left_at, reason, recording_id)"
            " SELECT 'node1', 'c2', $1, now(), 'night', recording_id FROM r RETURNING message_id", NUMBER,
        )  # fmt: skip
        cut.install(monkeypatch)
        for number, (opening, only) in enumerate(
            (
                (Opening(call_id="c7", node="node1", content=CONTENT, nature="help", caller_name="张三", accept=True), ()),
                (Opening(draft=draft.draft_id), (3, 5, 8, 13)),
                (Opening(message=message), (3, 5, 8, 13)),
            ),
            1,
        ):
            assert await cut_everywhere(desk, cut, partial(intake.open_ticket, desk.parts, AGENT, opening), only) > 12 or only
            assert await desk.value("SELECT last FROM ticket_days") == number == await desk.value("SELECT count(*) FROM tickets")

    with_desk(empty_database, work)


def test_what_is_added_beside_a_ticket_is_added_as_a_whole_or_not_at_all(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))

    async def content() -> AsyncIterator[bytes]:
        yield b"%PDF-1.7\n"
        yield b"x" * 1000

    async def work(desk: Desk) -> None:
        await desk.call("c9")
        one = await desk.open(accept=True)
        cut = Cut(desk.owner)
        cut.install(monkeypatch)
        said = NewContact(kind="repeat", node="node1", call_id="c9", note="又来电")
        assert await cut_everywhere(desk, cut, lambda: contacts.add(desk.parts, AGENT, one, said)) > 10
        assert await cut_everywhere(desk, cut, lambda: intake.issue_code(desk.parts, AGENT, one)) > 8
        offered = Offered(name="照片.pdf")
        assert await cut_everywhere(desk, cut, lambda: attachments.attach(desk.parts, AGENT, one, offered, content())) > 12
        assert [file.name for file in (tmp_path / "attachments" / "growing").iterdir()] == []
        (file,) = [file for file in (tmp_path / "attachments").rglob("*") if file.is_file()]
        assert file.name == await desk.value("SELECT sha256 FROM ticket_attachments")
        kept = await desk.value("SELECT attachment_id FROM ticket_attachments")
        assert await cut_everywhere(desk, cut, lambda: attachments.withdraw(desk.parts, AGENT, one, kept, "错传")) > 8

    with_desk(empty_database, work)


def test_what_belongs_to_no_ticket_is_changed_as_a_whole_or_not_at_all(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Knowledge, the directory, rules of the city, accounts, persons, rules of dispatch, suspended cut-offs, receivers."""

    async def work(desk: Desk) -> None:
        pool, settings = desk.parts.pool, desk.parts.settings
        editor, administrator = PEOPLE["editor"], PEOPLE["administrator"]

        def on(work: Callable[[asyncpg.Connection], Awaitable[object]]) -> Callable[[], Awaitable[object]]:
            async def run() -> object:
                async with pool.acquire() as connection:
                    return await work(connection)

            return run

        named = [{"code": code, "name": code, "numbers": [{"number": "83120001"}]} for code in ("U01", "U03")]
        units = msgspec.convert(named, list[UnitEntry])
        content = Content(kind="guide", topic="procedure", title="户口迁移", body="到派出所办理", answer="带身份证")
        one = (await on(lambda c: entries.create(c, editor, content))()).entry_id  # type: ignore[attr-defined]
        await desk.open(caller_phone="13800000002", caller_name="张小明")
        await desk.open(caller_phone="13800000003", caller_name="张晓明")
        kept, gone = [row[0] for row in await desk.owner.fetch("SELECT caller_id FROM callers ORDER BY caller_id LIMIT 2")]
        now = clock.now()
        day = clock.now().date()
        rule = DispatchRule(words="路灯", unit="U01", valid_from=day)
        account = Account(name="王丽", roles=["dispatcher"])
        work_of: dict[str, Callable[[], Awaitable[object]]] = {
            "release": on(lambda c: entries.release(c, editor, one, 1)),
            "units": on(lambda c: store.put(c, "units", units, actor="x", file="x")),
            "profile": on(lambda c: profiles.ensure(c, profiles.current(settings))),
            "settings": on(lambda c: configuration.note(c, Settings())),
            "account": on(lambda c: accounts.add(c, "wang.li", account, "x", actor="x", must_change=True)),
            "roles": on(lambda c: accounts.change(c, "wang.li", msgspec.structs.replace(account, roles=["office"]), actor="x")),
            "disable": on(lambda c: accounts.disable(c, "wang.li", actor="x", reason="left")),
            "rule": lambda: rules.add(pool, OFFICE, rule),
            "suspend": lambda: suspensions.suspend(pool, SHIFT, now, now + HOUR, "系统维护"),
            "webhook": lambda: subscriptions.add(desk.parts, administrator, name="省", url="https://example.org/x", events=[]),
            "merge": lambda: persons.merge(desk.parts, AGENT, kept, gone, "同一人"),
            "person": lambda: persons.edit(desk.parts, AGENT, kept, persons.Changes(name="张小明")),
        }
        cut = Cut(desk.owner)
        cut.install(monkeypatch)
        for name, what in work_of.items():
            assert await cut_everywhere(desk, cut, what) >= 3, name

    with_desk(empty_database, work)
