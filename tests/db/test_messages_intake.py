"""Messages become drafts on a real PostgreSQL, one each, whatever happens meanwhile (IVR-08 to IVR-11, CH-13, TIM-02)."""

from __future__ import annotations

import asyncio
import datetime as dt
import random
from functools import partial
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from acd.parts import Parts
from crm.errors import RefusedError
from crm.messages import drafting, loop, worklist
from crm.messages.suggesting import Suggestions
from crm.messages.worklist import Wanted
from crm.tickets import intake as tickets
from crm.tickets import lists
from crm.tickets.intake import Opening
from crm.units import taxonomy
from hotline import clock
from hotline.clock import SHANGHAI
from hotline.settings import Settings
from tests.db.test_ticket_cuts import cut_everywhere
from tests.night_messages import NUMBER, found_to_be, hear, leave, row_of
from tests.ticket_desk import AGENT, COLLEAGUE, OFFICE, SHIFT, TRAINEE, Desk, with_desk
from tests.ticket_ways import Cut

if TYPE_CHECKING:
    from tests.conftest import Postgres

FIRE = "幸福小区三号楼着火了 路灯不亮 请快来"
OPEN_ALARMS = "SELECT array_agg(subject ORDER BY subject) FROM alarms WHERE kind = 'urgent_message' AND cleared_at IS NULL"


def patient(desk: Desk) -> Parts:
    """As where nothing is processed: nobody waits for it."""
    settings = msgspec.convert({"recordings": {"workers": 0}}, Settings)
    return Parts(settings, desk.parts.pool, "node1")


async def turn(desk: Desk) -> None:
    await loop.turn(patient(desk))


async def refused(code: str, work: Any) -> dict[str, Any]:
    with pytest.raises(RefusedError) as told:
        await work
    assert told.value.code == code, told.value
    return told.value.details


def test_a_message_is_a_draft_at_once_and_its_transcript_is_filled_in_later(empty_database: Postgres) -> None:
    """IVR-08, IVR-09, CH-13: number, time, recording; not transcribed at first; the text says that a machine heard it."""

    async def work(desk: Desk) -> None:
        await taxonomy.put_first(desk.owner)
        one = await leave(desk.owner)
        mailbox, complaint = await leave(desk.owner, kind="mailbox"), await leave(desk.owner, kind="complaint")
        survey = await leave(desk.owner, kind="survey")
        await turn(desk)
        rows = [await row_of(desk.owner, each) for each in (one, mailbox, complaint)]
        assert [(row["state"], row["ticket_state"], row["channel"], row["nature"], row["content"]) for row in rows] == [
            ("open", "draft", "message", None, ""),
            ("open", "draft", "mailbox", None, ""),
            ("open", "draft", "message", "complaint", ""),
        ]
        assert await row_of(desk.owner, survey) is None, "an answer to a survey is no matter of the citizen's"
        assert (
            await desk.value("SELECT calling_number FROM ticket_identities WHERE ticket_id = $1", rows[0]["ticket_id"]) == NUMBER
        )
        shown = await worklist.one(desk.parts, AGENT, one)
        assert (shown.transcript, shown.text, shown.length_ms, shown.caller_number) == ("waiting", "", 8000, NUMBER)
        await hear(desk.owner, one, "幸福路的路灯三天不亮了")
        for _ in range(2):
            await turn(desk)
            row = await row_of(desk.owner, one)
            assert row["content"] == "幸福路的路灯三天不亮了\n（机器转写，可信度 62%，以录音为准）"
            assert (row["version"], row["own_version"], row["is_urgent"]) == (2, 2, False), "once, however often it is looked at"
        suggestions = msgspec.json.decode(row["suggestions"], type=Suggestions)
        assert suggestions.categories[0].code == "C1.03"
        assert "路灯" in suggestions.categories[0].words
        assert suggestions.nature is not None and suggestions.nature.nature == "help"
        assert set(suggestions.same_number) == set(), "those that were left later are told of this one"
        assert await desk.value("SELECT count(*) FROM tickets") == 3

    with_desk(empty_database, work)


def test_urgent_words_are_an_alarm_at_once_and_go_to_the_top(empty_database: Postgres) -> None:
    """IVR-11, TKT-23: also at night; over as soon as somebody takes it on; a word that is denied is none."""

    async def work(desk: Desk) -> None:
        now = clock.now()
        old, new = [await leave(desk.owner, left_at=now - dt.timedelta(hours=hours)) for hours in (5, 1)]
        calm = await leave(desk.owner, number="13900000002")
        await turn(desk)
        await hear(desk.owner, new, FIRE)
        await hear(desk.owner, calm, "没有着火")
        await turn(desk)
        await turn(desk)
        row = await row_of(desk.owner, new)
        assert row["is_urgent"] and row["ticket_urgent"]
        assert "着火" in row["urgent"]
        assert await desk.value(OPEN_ALARMS) == [f"message:{new}"]
        reason = await desk.value("SELECT reason FROM ticket_events WHERE action = 'mark_urgent'")
        assert reason == "留言提到：着火"
        seen = await worklist.listed(desk.parts, AGENT, Wanted())
        assert [one.message_id for one in seen.messages] == [new, old, calm]
        assert (seen.counts.waiting, seen.counts.urgent, seen.counts.not_transcribed) == (3, 1, 1)
        assert seen.messages[0].suggestions.same_number == (old,)
        assert [one.message_id for one in (await worklist.listed(desk.parts, AGENT, Wanted(urgent=False))).messages] == [
            old,
            calm,
        ]
        await worklist.claim(desk.parts, AGENT, new)
        assert await desk.value(OPEN_ALARMS) is None
        await worklist.release(desk.parts, AGENT, new)
        assert await desk.value(OPEN_ALARMS) == [f"message:{new}"]

    with_desk(empty_database, work)


def test_a_webhook_is_told_of_an_urgent_message(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        await desk.owner.execute(
            "INSERT INTO webhook_subscriptions (subscription_id, name, url, events, secret, made_by)"
            " VALUES (gen_random_uuid(), 'duty', 'https://example.org/x', '{mark_urgent}', 's', 'admin')"
        )
        one = await leave(desk.owner)
        await turn(desk)
        await hear(desk.owner, one, FIRE)
        await turn(desk)
        body = msgspec.json.decode(await desk.value("SELECT body FROM webhook_deliveries"))
        assert (body["event"], body["urgent"], body["state"]) == ("mark_urgent", True, "draft")

    with_desk(empty_database, work)


@pytest.mark.parametrize("quality", ["empty", "silent", "fax"])
def test_what_says_nothing_is_set_aside_and_can_be_brought_back(empty_database: Postgres, quality: str) -> None:
    """Before its draft was made there is none; after it the draft stays, off the list. Nothing is deleted."""

    async def work(desk: Desk) -> None:
        one = await leave(desk.owner, quality=quality)
        two = await leave(desk.owner)
        await turn(desk)
        await found_to_be(desk.owner, two, quality)
        await turn(desk)
        rows = [await row_of(desk.owner, each) for each in (one, two)]
        assert [(row["state"], row["reason"], row["ticket_state"]) for row in rows] == [
            ("set_aside", quality, None),
            ("set_aside", quality, "draft"),
        ]
        aside = await worklist.listed(desk.parts, AGENT, Wanted(state="set_aside"))
        assert ({each.message_id for each in aside.messages}, aside.counts.set_aside, aside.counts.waiting) == ({one, two}, 2, 0)
        await desk.owner.execute("UPDATE tickets SET updated_at = now() - interval '60 days'")
        assert await lists.lost(desk.owner, clock.now()) == [], "what was set aside is not adrift"
        for each in (one, two):
            await worklist.bring_back(desk.parts, AGENT, each)
            await refused("message_waits", worklist.bring_back(desk.parts, AGENT, each))
        for _ in range(2):
            await turn(desk)
            assert [(await row_of(desk.owner, each))["state"] for each in (one, two)] == ["open", "open"]
        assert await desk.value("SELECT count(*) FROM tickets") == 2

    with_desk(empty_database, work)


def test_a_message_that_is_still_processed_waits_a_little_for_what_is_found(empty_database: Postgres) -> None:
    """Then it is a draft all the same: a pipeline that stands still holds nobody's message up."""

    async def work(desk: Desk) -> None:
        fresh = await leave(desk.owner)
        late = await leave(desk.owner, stored_at=clock.now() - dt.timedelta(minutes=1))
        await loop.turn(desk.parts)
        assert await row_of(desk.owner, fresh) is None
        assert (await row_of(desk.owner, late))["state"] == "open"
        await found_to_be(desk.owner, fresh, "silent")
        await loop.turn(desk.parts)
        assert (await row_of(desk.owner, fresh))["ticket_id"] is None

    with_desk(empty_database, work)


def test_a_transcript_without_words_of_a_message_without_a_voice_is_set_aside(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        quiet, voiced = await leave(desk.owner), await leave(desk.owner)
        await turn(desk)
        for message, spans in ((quiet, "[]"), (voiced, "[[100, 900]]")):
            manifest = f'{{"speech": [{{"track": "left", "spans": {spans}}}]}}'
            await desk.owner.execute(
                "UPDATE recordings SET manifest = $2::jsonb WHERE recording_id = (SELECT recording_id FROM messages"
                " WHERE message_id = $1)",
                message,
                manifest,
            )
            await hear(desk.owner, message, "", 0.0)
        await turn(desk)
        assert [(await row_of(desk.owner, each))["state"] for each in (quiet, voiced)] == ["set_aside", "open"]
        assert (await row_of(desk.owner, quiet))["reason"] == "nothing_said"
        assert (await row_of(desk.owner, voiced))["content"] == ""

    with_desk(empty_database, work)


def test_whoever_takes_a_message_on_has_its_draft_and_nothing_is_written_over(empty_database: Postgres) -> None:
    """ORG-20: an agent edits one's own tickets; a transcript that comes later is shown beside."""

    async def work(desk: Desk) -> None:
        one = await leave(desk.owner)
        await turn(desk)
        ticket = (await row_of(desk.owner, one))["ticket_id"]
        await refused("not_allowed", desk.act(AGENT, ticket, "edit", content="我听了录音，路灯不亮"))
        taken = await worklist.claim(desk.parts, AGENT, one)
        assert (taken.claimed_by, taken.version) == ("1001", 2)
        assert (await worklist.claim(desk.parts, AGENT, one)).version == 2, "again is nothing"
        for what in (worklist.claim, worklist.release, worklist.done):
            assert await refused("message_claimed", what(desk.parts, COLLEAGUE, one)) == {"by": "1001"}
        await hear(desk.owner, one, FIRE)
        await turn(desk)
        row = await row_of(desk.owner, one)
        assert (row["content"], row["is_urgent"], row["ticket_urgent"], row["accept_agent"]) == ("", True, True, "1001")
        await refused("draft_waits", worklist.done(desk.parts, AGENT, one))
        await desk.act(AGENT, ticket, "edit", content="三号楼着火，请消防到场", nature="help")
        await desk.act(AGENT, ticket, "accept")
        assert (await worklist.listed(desk.parts, AGENT, Wanted())).total == 0, "off the list in the same moment"
        await turn(desk)
        ended = (await worklist.listed(desk.parts, AGENT, Wanted(state="done", claimed_by="1001"))).messages
        assert [(each.message_id, each.ended_by) for each in ended] == [(one, "1001")]
        await refused("message_ended", worklist.claim(desk.parts, AGENT, one))
        assert (
            await desk.value("SELECT count(*) FROM audit_log WHERE subject = $1 AND action = 'message.claim'", f"message:{one}")
            == 2
        )

    with_desk(empty_database, work)


def test_a_message_that_was_given_back_untouched_is_filled_in(empty_database: Postgres) -> None:
    """And one that a shift leader gives back for somebody who went home; a trainee's draft waits for its release (ORG-21)."""

    async def work(desk: Desk) -> None:
        one, two = await leave(desk.owner), await leave(desk.owner)
        await turn(desk)
        for who, message in ((TRAINEE, one), (AGENT, two)):
            await worklist.claim(desk.parts, who, message)
        assert await desk.value("SELECT array_agg(released ORDER BY ticket_id) FROM tickets") == [False, True]
        await worklist.release(desk.parts, SHIFT, one)
        await desk.act(AGENT, (await row_of(desk.owner, two))["ticket_id"], "edit", content="这是我写的内容，不要覆盖")
        await worklist.release(desk.parts, AGENT, two)
        for message in (one, two):
            await hear(desk.owner, message, "路灯不亮")
        await turn(desk)
        rows = [await row_of(desk.owner, each) for each in (one, two)]
        assert rows[0]["content"].startswith("路灯不亮\n")
        assert rows[1]["content"] == "这是我写的内容，不要覆盖"
        assert {row["accept_agent"] for row in rows} == {drafting.NIGHT.username}
        assert await desk.value("SELECT bool_and(released) FROM tickets")

    with_desk(empty_database, work, trainee_release=True)


def test_what_cannot_be_a_draft_stays_on_the_list_with_the_reason_and_is_tried_again(empty_database: Postgres) -> None:
    """A table that takes no such row: nothing is lost; who takes it on meanwhile has the draft when there is one."""

    async def work(desk: Desk) -> None:
        await desk.owner.execute("ALTER TABLE ticket_contacts ADD CONSTRAINT broken CHECK (source NOT LIKE 'message:%')")
        try:
            one = await leave(desk.owner)
            await turn(desk)
            row = await row_of(desk.owner, one)
            assert (row["state"], row["problem"], row["tries"], row["ticket_id"]) == ("refused", "system_fault", 1, None)
            await worklist.claim(desk.parts, AGENT, one)
            await hear(desk.owner, one, FIRE)
            await turn(desk)
            (seen,) = (await worklist.listed(desk.parts, AGENT, Wanted())).messages
            assert (seen.ticket, seen.problem, seen.is_urgent) == (None, "system_fault", True)
        finally:
            await desk.owner.execute("ALTER TABLE ticket_contacts DROP CONSTRAINT broken")
        await desk.owner.execute("UPDATE message_intake SET next_at = now()")
        await turn(desk)
        row = await row_of(desk.owner, one)
        assert (row["state"], row["problem"], row["accept_agent"]) == ("open", "", "1001")

    with_desk(empty_database, work)


def test_a_ticket_that_somebody_opened_of_a_message_is_the_messages(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await leave(desk.owner)
        number = (await tickets.open_ticket(desk.parts, AGENT, Opening(message=one))).number
        await turn(desk)
        assert (await worklist.one(desk.parts, AGENT, one)).ticket == number
        await hear(desk.owner, one, "路灯不亮")
        await turn(desk)
        assert (await row_of(desk.owner, one))["content"] == "", "what somebody opened is not written over"

    with_desk(empty_database, work)


def test_two_processes_at_once_make_one_draft_of_each_message(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        each = [await leave(desk.owner, number=f"138{n:08d}") for n in range(8)]
        await asyncio.gather(*(turn(desk) for _ in range(3)))
        for message in each:
            await hear(desk.owner, message, FIRE)
        await asyncio.gather(*(turn(desk) for _ in range(3)))
        assert await desk.value("SELECT count(*) FROM tickets") == 8
        assert await desk.value("SELECT count(*) FROM message_intake WHERE state = 'open' AND heard_at IS NOT NULL") == 8
        assert await desk.value("SELECT count(*) FROM ticket_events WHERE action = 'edit'") == 8
        assert len(await desk.value(OPEN_ALARMS)) == 8

    with_desk(empty_database, work)


def test_every_statement_may_be_the_last(empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken, heard (cut at some of its statements), claimed: as a whole or not at all; asked again it is done, once."""

    async def work(desk: Desk) -> None:
        await taxonomy.put_first(desk.owner)
        cut = Cut(desk.owner)
        one = await leave(desk.owner)
        cut.install(monkeypatch)
        assert await cut_everywhere(desk, cut, partial(drafting.take, desk.parts, one)) > 20
        await hear(desk.owner, one, FIRE)
        places = random.Random(7).sample(range(1, 50), 14)
        assert not await cut_everywhere(desk, cut, partial(drafting.hear, desk.parts, one), places)
        assert await desk.value(OPEN_ALARMS) == [f"message:{one}"]
        assert await cut_everywhere(desk, cut, partial(worklist.claim, desk.parts, AGENT, one)) > 8
        assert await cut_everywhere(desk, cut, partial(worklist.set_aside, desk.parts, AGENT, one, "玩笑")) > 8
        assert await desk.value("SELECT count(*) FROM tickets") == 1 == await desk.value("SELECT last FROM ticket_days")

    with_desk(empty_database, work)


@pytest.mark.parametrize(
    ("left", "due"),
    [
        ("2026-11-18T20:00", "2026-11-19T12:00"),
        ("2026-11-19T03:00", "2026-11-19T12:00"),
        ("2026-11-19T10:00", "2026-11-19T17:00"),
    ],
)
def test_what_was_left_overnight_is_due_at_noon(empty_database: Postgres, left: str, due: str) -> None:
    """TIM-01, TIM-02, DSP-06: by the rules of the dispatch clock."""

    async def work(desk: Desk) -> None:
        one = await leave(desk.owner, left_at=dt.datetime.fromisoformat(left).replace(tzinfo=SHANGHAI))
        await turn(desk)
        wanted = dt.datetime.fromisoformat(due).replace(tzinfo=SHANGHAI)
        shown = await worklist.one(desk.parts, OFFICE, one)
        assert (shown.due_at, shown.is_overdue) == (wanted, wanted < clock.now())
        late = await worklist.listed(desk.parts, OFFICE, Wanted(overdue=True))
        assert (late.total == late.counts.overdue == 1) == shown.is_overdue

    with_desk(empty_database, work)


def test_a_person_sets_a_message_aside_with_a_reason_and_units_see_none(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        one = await leave(desk.owner)
        await turn(desk)
        aside = await worklist.set_aside(desk.parts, AGENT, one, "打错了电话")
        assert (aside.state, aside.reason, aside.ended_by) == ("set_aside", "打错了电话", "1001")
        await refused("message_ended", worklist.set_aside(desk.parts, AGENT, one, "再一次"))
        await refused("unknown_message", worklist.claim(desk.parts, AGENT, one + 99))
        clerk = msgspec.structs.replace(AGENT, role="unit_clerk", unit="U01")
        await refused("not_allowed", worklist.listed(desk.parts, clerk, Wanted()))
        await refused("not_allowed", worklist.claim(desk.parts, clerk, one))
        lines = await desk.owner.fetch("SELECT action FROM audit_log WHERE actor = '1001' ORDER BY 1")
        assert {"message.set_aside", "message.list.refused", "message.work.refused"} <= {line["action"] for line in lines}

    with_desk(empty_database, work)
