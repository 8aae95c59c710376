"""Recordings go when their time is over and stay when they are needed (ARC-09): on a real database, with kills at every step."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest

from acd.permissions import Person
from crm import legal_holds, retention
from crm.errors import RefusedError
from crm.legal_holds import Hold, Kind
from crm.messages import urgent
from crm.profiles.profile import Profile, problem
from crm.quality.checks import why
from crm.transcripts import indexing
from hotline import clock, database
from hotline.settings import Settings
from recordings.storage import keys
from recordings.storage.errors import StorageAwayError
from recordings.storage.keys import Keyring
from recordings.storage.local import LocalStorage
from recordings.storage.opening import Storages
from tests import killer, stored_recordings
from tests.desks_peer import eventually

if TYPE_CHECKING:
    from tests.conftest import Postgres

NOW = dt.datetime(2026, 11, 22, 4, tzinfo=dt.UTC)
PROFILE = Profile(recording_years=2, recording_years_of={"C1": 5, "C1.03": 3, "C10": 1})
OFFICE, OBSERVER, CLERK = Person("office", "office"), Person("eye", "observer"), Person("clerk", "unit_clerk", unit="U1")


class Bench:
    """A ``var`` folder with its storage, over an empty database."""

    def __init__(self, pool: asyncpg.Pool, var: Path) -> None:
        self.pool, self.var, self.storages = pool, var, Storages(Settings())
        keys.make(var / "recording-keys.json")
        self.ring = Keyring(var / "recording-keys.json")

    async def store(self, call: str, years: float, **values: Any) -> int:
        """A recording of so many years ago."""
        at = NOW - dt.timedelta(days=366 * years)
        async with self.pool.acquire() as connection:
            return await stored_recordings.store(
                connection, self.storages["local"], self.ring, self.var, call_id=call, at=at, **values
            )

    async def ticket(
        self, number: int, call: str, category: str = "", state: str = "closed", merged_into: int | None = None
    ) -> None:
        await self.pool.execute(
            "INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, node, call_id, category,"
            " merged_into, closing_ground)"
            " VALUES ($1, 'telephone', $2, 'dezhou', $3, '1001', $3, 'node1', $4, $5, $6, 'x')",
            2024010100000 + number,
            state,
            NOW,
            call,
            category,
            2024010100000 + merged_into if merged_into else None,
        )

    async def delete(self, now: dt.datetime = NOW, node: str = "node1") -> int:
        return await retention.delete_due(self.pool, self.storages, node, PROFILE, now)

    async def hold(self, kind: Kind, which: str, node: str = "", person: Person = OFFICE) -> Hold:
        async with self.pool.acquire() as connection:
            return await legal_holds.set_hold(connection, person, kind=kind, which=which, node=node, reason="court")

    async def lift(self, hold: Hold) -> None:
        async with self.pool.acquire() as connection:
            await legal_holds.lift(connection, OFFICE, hold.hold_id, reason="over")

    async def left(self) -> list[str]:
        rows = await self.pool.fetch("SELECT call_id FROM recordings WHERE state <> 'deleted' ORDER BY call_id")
        return [row["call_id"] for row in rows]

    def files(self) -> list[str]:
        return sorted(self.storages["local"].names())


def with_bench(server: Postgres, work: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(Bench(pool, Path(os.environ["HOTLINE_VAR"])))

    asyncio.run(run())


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return tmp_path


def outside_is_there(var: Path) -> bool:
    return sorted(file.name for file in var.glob("secret*")) == ["secret.opus", "secret.wav"]


async def transcribe(bench: Bench, number: int) -> None:
    await bench.pool.execute(
        "INSERT INTO transcripts (recording_id, state, text, made_at) VALUES ($1, 'done', '路灯坏了', $2)", number, NOW
    )
    await bench.pool.execute(
        "INSERT INTO transcript_turns (recording_id, number, track, from_ms, to_ms, text, confidence, words)"
        " VALUES ($1, 1, 'left', 0, 900, '路灯坏了', 1, '[[0, 900, 1, \"路灯\"]]')",
        number,
    )
    await bench.pool.execute(
        "INSERT INTO transcript_words (recording_id, at, words, said) VALUES ($1, $2, '''路灯''', '{路灯}')", number, NOW
    )


def test_what_is_too_old_goes_with_everything_that_was_said_and_the_row_stays(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        old, young = await bench.store("1.1", 2.1), await bench.store("2.1", 1.9)
        for number in (old, young):
            await transcribe(bench, number)
        assert await bench.delete() == 1 and await bench.delete() == 0
        row = await bench.pool.fetchrow("SELECT * FROM recordings WHERE recording_id = $1", old)
        assert (row["state"], row["deleted_at"], row["object"]) == ("deleted", NOW, "")
        assert (row["wrapped_key"], row["key_id"], row["peaks"]) == (None, "", None)
        for table in ("transcript_turns", "transcript_words"):
            assert [one["recording_id"] for one in await bench.pool.fetch(f"SELECT recording_id FROM {table}")] == [young]
        texts = await bench.pool.fetch("SELECT text FROM transcripts ORDER BY recording_id")
        assert [one["text"] for one in texts] == ["", "路灯坏了"]
        assert len(bench.files()) == 2 and await bench.left() == ["2.1"]
        lines = await bench.pool.fetch("SELECT actor, subject, detail FROM audit_log WHERE action = 'recording.delete'")
        assert [(line["actor"], line["subject"]) for line in lines] == [("retention", f"recording:{old}")]
        assert json.loads(lines[0]["detail"])["call"] == "1.1"

    with_bench(empty_database, work)


def test_words_that_were_taken_out_of_what_was_said_go_with_it(empty_database: Postgres) -> None:
    """ARC-09: the urgent words and suggestions of a message, the phrases of a finding, what is searched; not the counts."""

    async def work(bench: Bench) -> None:
        old, young = await bench.store("1.1", 2.1, kind="message"), await bench.store("2.1", 1.9, kind="message")
        for number in (old, young):
            await transcribe(bench, number)
            await find(bench, number)
        await bench.pool.execute("INSERT INTO hot_words (day, word, calls) VALUES ('2024-01-01', '路灯', 2)")
        assert await bench.delete() == 1
        intake = await bench.pool.fetch(
            "SELECT urgent::text, suggestions::text, is_urgent FROM message_intake ORDER BY recording_id"
        )
        gone, kept = [tuple(row.values()) for row in intake]
        assert (json.loads(gone[0]), gone[1], gone[2]) == ([{"kind": "fire", "word": "", "around": ""}] * 2, "{}", True)
        assert "着火" in kept[0] and "路灯" in kept[1]
        msgspec.json.decode(gone[0], type=tuple[urgent.Found, ...])
        details = await bench.pool.fetch("SELECT detail::text FROM quality_findings ORDER BY recording_id, code")
        assert [json.loads(row["detail"]) for row in details] == [
            {"agent_alone": True},
            {"seconds": 3},
            {"phrase": "不归我管", "agent_alone": True},
            {"seconds": 3},
        ]
        assert why("forbidden", {"agent_alone": True})  # it can still be said what was found
        assert [row["recording_id"] for row in await bench.pool.fetch("SELECT recording_id FROM transcript_words")] == [young]
        await indexing.index_some(bench.pool)
        words = await bench.pool.fetch("SELECT recording_id FROM transcript_words")
        assert [row["recording_id"] for row in words] == [young], "what was deleted before it was indexed is not indexed now"
        assert await bench.pool.fetchval("SELECT calls FROM hot_words") == 2

    with_bench(empty_database, work)


async def find(bench: Bench, number: int) -> None:
    """A message that is done with, whose words were urgent, and a forbidden phrase in it."""
    message = await bench.pool.fetchval(
        "INSERT INTO messages (node, call_id, caller_number, left_at, reason, recording_id)"
        " SELECT node, call_id, '', $2, 'out_of_hours', recording_id FROM recordings WHERE recording_id = $1"
        " RETURNING message_id",
        *(number, NOW),
    )
    found = [{"kind": "fire", "word": word, "around": f"这里{word}"} for word in ("着火", "冒烟")]
    suggestions = {"categories": [{"code": "C1", "zh": "x", "en": "x", "words": ["路灯"]}]}
    await bench.pool.execute(
        "INSERT INTO message_intake (message_id, recording_id, state, taken_at, due_at, is_urgent, urgent, suggestions)"
        " VALUES ($1, $2, 'done', $3, $3, true, $4, $5)",
        *(message, number, NOW, json.dumps(found), json.dumps(suggestions)),
    )
    await bench.pool.execute(
        "WITH rules AS (INSERT INTO quality_rules (digest, rules, made_at, made_by)"
        "  VALUES ('x', '{}', $2, 'x') RETURNING version),"
        " checks AS (INSERT INTO quality_checks (recording_id, node, call_id, agent, started_at, length_ms, rules,"
        "  checked_at, outcomes)"
        "  SELECT $1, 'node1', 'x', '1001', $2, 1, version, $2, '{}' FROM rules RETURNING rules)"
        " INSERT INTO quality_findings (recording_id, code, agent, severity, at, from_ms, to_ms, detail, rules, found_at)"
        " SELECT $1, code, '1001', 'note', $2, 0, 0, detail::jsonb, rules, $2 FROM checks,"
        """ (VALUES ('forbidden', '{"phrase": "不归我管", "agent_alone": true}'),"""
        """  ('hold', '{"seconds": 3}')) AS f (code, detail)""",
        *(number, NOW),
    )


def test_the_longest_time_of_the_classes_of_its_tickets_counts(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        for number, (call, years, categories) in enumerate(
            (
                ("01.other", 2.5, ["C2.01"]),  # 2
                ("02.leaf", 2.5, ["C1.03"]),  # 3
                ("03.leaf", 3.5, ["C1.03"]),
                ("04.class", 3.5, ["C1.04"]),  # 5
                ("05.short", 1.5, ["C10.01"]),  # 1, and not C1
                ("06.both", 1.5, ["C10.01", "C2.01"]),
                ("07.none", 1.5, []),
                ("08.both", 3.5, ["C1.03", "C1"]),
            )
        ):
            await bench.store(call, years)
            for place, category in enumerate(categories):
                await bench.ticket(10 * number + place, call, category)
        assert await bench.delete() == 3
        assert await bench.left() == ["02.leaf", "04.class", "06.both", "07.none", "08.both"]

    with_bench(empty_database, work)


def test_what_belongs_to_an_open_ticket_or_message_is_never_deleted(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        for call in ("1.open", "2.merged", "3.contact", "4.message", "5.closed", "6.draft"):
            await bench.store(call, 30, kind="message" if call in ("4.message", "6.draft") else "conversation")
        await bench.ticket(1, "1.open", state="dispatched")
        await bench.ticket(2, "2.merged", state="merged", merged_into=1)
        await bench.ticket(5, "5.closed")
        async with bench.pool.acquire() as connection, connection.transaction():
            await connection.execute("SET LOCAL hotline.viewer = 'staff'")
            await connection.execute(
                "INSERT INTO ticket_contacts (contact_id, ticket_id, at, channel, kind, node, call_id, by)"
                " VALUES (gen_random_uuid(), $1, $2, 'telephone', 'repeat', 'node1', '3.contact', '1001')",
                2024010100001,
                NOW,
            )
        for call, state, ticket in (("4.message", "open", 2024010100001), ("6.draft", "done", 2024010100001)):
            message = await bench.pool.fetchval(
                "INSERT INTO messages (node, call_id, caller_number, left_at, reason, recording_id)"
                " SELECT node, call_id, '', $2, 'out_of_hours', recording_id FROM recordings WHERE call_id = $1"
                " RETURNING message_id",
                call,
                NOW,
            )
            await bench.pool.execute(
                "INSERT INTO message_intake (message_id, recording_id, state, ticket_id, taken_at, due_at)"
                " SELECT message_id, recording_id, $2, $3, $4, $4 FROM messages WHERE message_id = $1",
                message,
                state,
                ticket,
                NOW,
            )
        assert await bench.delete() == 1
        assert await bench.left() == ["1.open", "2.merged", "3.contact", "4.message", "6.draft"]
        await bench.pool.execute("UPDATE tickets SET state = 'closed' WHERE ticket_id = 2024010100001")
        await bench.pool.execute("UPDATE message_intake SET state = 'done'")
        assert await bench.delete() == 5

    with_bench(empty_database, work)


def test_what_is_held_stays_until_the_last_hold_is_lifted(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        one = await bench.store("1.1", 9)
        await bench.store("2.1", 9)
        await bench.store("3.1", 9)
        await bench.store("3.1", 9, node="node2")
        await bench.ticket(2, "2.1")
        holds = [
            await bench.hold("recording", str(one)),
            await bench.hold("ticket", "2024010100002"),
            await bench.hold("call", "3.1", "node1"),
        ]
        again = await bench.hold("call", "1.1", "node1")
        assert await bench.delete() == 0
        for hold in holds:
            await bench.lift(hold)
        assert await bench.delete() == 2
        await bench.lift(again)
        assert await bench.delete() == 1
        assert await bench.left() == ["3.1"]  # the other node's, whose disk is elsewhere
        assert await bench.delete(node="node2") == 1
        actions = await bench.pool.fetch("SELECT action, count(*) FROM audit_log WHERE action ~ 'hold' GROUP BY 1 ORDER BY 1")
        assert [tuple(row) for row in actions] == [("recording.hold", 4), ("recording.hold.lift", 4)]

    with_bench(empty_database, work)


def test_holds_are_refused_for_what_is_not_there_and_for_who_may_not(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        one = await bench.store("1.1", 9)
        refused: list[tuple[Kind, str, str, Person, str]] = [
            ("recording", "99", "", OFFICE, "unknown_recording"),
            ("recording", "x", "", OFFICE, "unknown_recording"),
            ("recording", "9" * 30, "", OFFICE, "unknown_recording"),
            ("call", "1.1", "node2", OFFICE, "unknown_call"),
            ("ticket", "2024010100009", "", OFFICE, "unknown_ticket"),
            ("ticket", "x", "", OFFICE, "unknown_ticket"),
            ("recording", str(one), "", OBSERVER, "not_allowed"),
            ("recording", str(one), "", CLERK, "not_allowed"),
        ]
        for kind, which, node, person, code in refused:
            with pytest.raises(RefusedError) as caught:
                await bench.hold(kind, which, node, person)
            assert caught.value.code == code
        hold = await bench.hold("recording", str(one))
        await bench.lift(hold)
        with pytest.raises(RefusedError, match="hold_lifted"):
            await bench.lift(hold)
        await bench.delete()
        with pytest.raises(RefusedError, match="recording_deleted"):
            await bench.hold("recording", str(one))

    with_bench(empty_database, work)


def test_the_preview_says_what_goes_when_and_what_keeps_it_page_by_page(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)

    async def work(bench: Bench) -> None:
        numbers = [await bench.store(f"{place}.1", years) for place, years in enumerate((9, 8, 7, 1.99, 1.5))]
        await bench.hold("recording", str(numbers[0]))
        await bench.ticket(1, "1.1", state="dispatched")
        await bench.ticket(2, "2.1", category="C1.05")
        async with bench.pool.acquire() as connection:
            seen, after = [], None
            until = NOW + dt.timedelta(days=30)
            while True:
                page = await legal_holds.preview(connection, OBSERVER, PROFILE, until=until, after=after, limit=2)
                seen += page.recordings
                if (after := page.next) is None:
                    break
            assert [(one.recording_id, one.kept) for one in seen] == list(zip(numbers[:4], ("held", "open", "", ""), strict=True))
            assert seen[2].goes_at == seen[2].at.replace(year=seen[2].at.year + 5) and seen[2].tickets == [2024010100002]
            assert seen[3].goes_at > NOW
            with pytest.raises(RefusedError, match="not_allowed"):
                await legal_holds.preview(connection, CLERK, PROFILE, until=until, after=None, limit=2)

    with_bench(empty_database, work)


def test_a_recording_that_was_never_sealed_goes_too(empty_database: Postgres, var: Path) -> None:
    async def work(bench: Bench) -> None:
        number = await bench.store("1.1", 3)
        row = await bench.pool.fetchrow("SELECT file, object FROM recordings WHERE recording_id = $1", number)
        bench.storages["local"].delete(row["object"])
        plain = var / "recordings" / row["file"]
        plain.parent.mkdir(parents=True)
        aside = var / "recordings" / "set-aside" / f"{plain.stem}~{number}.wav"
        aside.parent.mkdir()
        for file in (plain, aside):
            file.write_bytes(b"RIFF")
        await bench.pool.execute("UPDATE recordings SET state = 'taken_in', object = '', storage = '', wrapped_key = NULL")
        assert await bench.delete() == 1
        assert not plain.exists() and not aside.exists() and bench.files() == []

    with_bench(empty_database, work)


@pytest.mark.parametrize("column", ["file", "object"])
def test_a_row_that_leads_outside_deletes_nothing_there(empty_database: Postgres, var: Path, column: str) -> None:
    async def work(bench: Bench) -> None:
        number = await bench.store("1.1", 3)
        (var / "secret.wav").write_bytes(b"secret")
        (var / "secret.opus").write_bytes(b"secret")
        outside = "../secret.wav" if column == "file" else "../../secret.opus"
        await bench.pool.execute(f"UPDATE recordings SET {column} = $1", outside)
        await bench.delete()
        assert outside_is_there(var)
        pending = await bench.pool.fetchval("SELECT object <> '' FROM recordings WHERE recording_id = $1", number)
        assert pending  # it is not said to be gone

    with_bench(empty_database, work)


def test_a_storage_that_is_away_keeps_the_file_for_the_next_round(
    empty_database: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(bench: Bench) -> None:
        await bench.store("1.1", 3)

        def away(*_: object) -> None:
            raise StorageAwayError("away")

        with monkeypatch.context() as patch:
            patch.setattr(LocalStorage, "delete", away)
            assert await bench.delete() == 1
            assert len(bench.files()) == 2
        assert await bench.delete() == 0
        assert bench.files() == []

    with_bench(empty_database, work)


def test_a_plain_file_that_another_node_set_aside_goes_though_the_bucket_is_everybodys(
    empty_database: Postgres, var: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """ARC-09: whichever node deletes the sealed one first; here a folder stands for the bucket."""

    async def work(bench: Bench) -> None:
        monkeypatch.setattr(Storages, "__getitem__", lambda *_: LocalStorage(var / "recordings" / "stored"))
        damaged, whole = await bench.store("1.1", 3, where="s3"), await bench.store("2.1", 3, where="s3")
        await bench.pool.execute("UPDATE recordings SET quality = 'damaged' WHERE recording_id = $1", damaged)
        aside = var / "recordings" / "set-aside" / f"node1-1.1~{damaged}.wav"
        aside.parent.mkdir()
        aside.write_bytes(b"RIFF")
        monkeypatch.setenv("HOTLINE_VAR", str(var / "node2"))
        assert await bench.delete(node="node2") == 2
        assert bench.files() == []
        assert await bench.pool.fetchval("SELECT object FROM recordings WHERE recording_id = $1", whole) == ""
        monkeypatch.setenv("HOTLINE_VAR", str(var))
        await bench.delete(node="node1")
        assert not aside.exists()
        assert await bench.pool.fetchval("SELECT count(*) FROM recordings WHERE object <> ''") == 0

    with_bench(empty_database, work)


def test_deleting_that_is_killed_at_any_step_ends_with_all_of_it_gone_once(empty_database: Postgres) -> None:
    async def prepare(bench: Bench) -> None:
        for number in range(3):
            await transcribe(bench, await bench.store(f"{number}.1", 3))
        await bench.store("9.1", 1)

    with_bench(empty_database, prepare)
    step = 1
    while (status := killed(empty_database.dsn, step)) == 9:
        step += 1
        assert step < 60
    assert status == 0 and step > 8

    async def finished(bench: Bench) -> None:
        assert await bench.left() == ["9.1"] and len(bench.files()) == 2
        assert await bench.pool.fetchval("SELECT count(*) FROM audit_log WHERE action = 'recording.delete'") == 3
        assert await bench.pool.fetchval("SELECT count(*) FROM transcript_turns") == 0
        assert await bench.pool.fetchval("SELECT count(*) FROM recordings WHERE state = 'deleted' AND object <> ''") == 0

    with_bench(empty_database, finished)


def killed(dsn: str, step: int) -> int:
    """Delete in a process of its own that dies at this step, before a statement, a flush or an unlinking; its exit status."""

    async def work() -> None:
        async with await database.pool(dsn, name="test") as pool:
            await Bench(pool, Path(os.environ["HOTLINE_VAR"])).delete()

    return killer.forked(step, ("unlink", "fsync"), work)


def test_a_time_of_no_years_is_refused() -> None:
    assert problem(PROFILE) is None
    for wrong in (Profile(recording_years=0), Profile(recording_years_of={"C1": 0})):
        found = problem(wrong)
        assert found and found[0].startswith("recording_years")


def test_a_hold_that_is_being_set_is_waited_for(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        one = await bench.store("1.1", 9)
        waits = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND NOT granted)"
        async with bench.pool.acquire() as connection, asyncio.TaskGroup() as group, connection.transaction():
            await connection.execute(retention.QUERIES["one_at_a_time"])
            deleting = group.create_task(bench.delete())
            await eventually(lambda: bench.pool.fetchval(waits))
            await connection.execute(
                "INSERT INTO legal_holds (hold_id, recording_id, reason, set_by, set_at)"
                " VALUES (gen_random_uuid(), $1, 'x', 'y', $2)",
                one,
                clock.now(),
            )
        assert deleting.result() == 0

    with_bench(empty_database, work)
