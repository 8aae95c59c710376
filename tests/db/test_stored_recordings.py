"""Stored recordings: verification finds whatever is wrong, keys are rotated and nothing is ever lost by it (SEC-15)."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
import os
import shutil
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hotline import clock, credentials, database
from hotline.settings import Settings
from recordings import commands
from recordings.storage import envelope, keys, opening, port, rewrap
from recordings.storage.errors import KeyInUseError, LostKeyError, StorageAwayError
from recordings.storage.keys import Keyring
from recordings.storage.opening import Storages
from recordings.storage.rewrap import Rewrapped
from recordings.storage.sound import open_sound, stored
from recordings.storage.verify import Report, verify
from tests import killer, stored_recordings

if TYPE_CHECKING:
    from tests.conftest import Postgres


class Bench:
    """A ``var`` folder, its keys and its storage, over an empty database."""

    def __init__(self, pool: asyncpg.Pool, scratch: Path) -> None:
        self.pool, self.scratch, self.storages = pool, scratch, Storages(Settings())
        self.local = self.storages["local"]
        self.folder = scratch / "recordings" / "stored"

    async def keyring(self) -> Keyring:
        return await opening.keyring(self.pool)

    async def store(self, number: int, **values: Any) -> int:
        ring = await self.keyring()
        async with self.pool.acquire() as connection:
            call_id = f"17637407{number:02d}.1"
            return await stored_recordings.store(connection, self.local, ring, self.scratch, call_id=call_id, **values)

    async def object(self, number: int) -> str:
        name: str = await self.pool.fetchval("SELECT object FROM recordings WHERE recording_id = $1", number)
        return name

    async def verify(self, since: dt.datetime | None = None) -> Report:
        return await verify(self.pool, self.storages, await self.keyring(), "node1", by="test", since=since)

    async def wrong(self) -> list[tuple[str, int | None]]:
        return [(one.wrong, one.recording_id) for one in (await self.verify()).findings]

    async def rewrap(self) -> Rewrapped:
        return await rewrap.rewrap(self.pool, self.storages, await self.keyring(), "node1", by="test", shown=lambda *_: None)


def with_bench(server: Postgres, work: Callable[[Bench], Coroutine[Any, Any, None]]) -> None:
    async def run() -> None:
        async with await database.pool(server.dsn, name="test") as pool:
            await work(Bench(pool, Path(os.environ["HOTLINE_VAR"])))

    asyncio.run(run())


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return tmp_path


def test_what_is_as_it_was_sealed_is_clean_and_the_look_is_in_the_audit_log(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        for number in range(3):
            await bench.store(number, plain=b"x" * (70000 * number))
        found = await bench.verify()
        assert (found.recordings, found.findings) == (3, [])
        line = await bench.pool.fetchrow("SELECT actor, subject, detail FROM audit_log WHERE action = 'recording.verify'")
        assert (line["actor"], line["subject"]) == ("test", "node:node1") and json.loads(line["detail"])["findings"] == 0
        assert (await bench.verify(clock.now() + dt.timedelta(hours=1))).recordings == 0

    with_bench(empty_database, work)


def test_every_kind_of_damage_is_found_and_named(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        one, two, three, four, five, six, seven = [await bench.store(number) for number in range(7)]
        names = [await bench.object(number) for number in (one, two, three, four, five, six, seven)]
        files = [bench.folder / name for name in names]
        content = bytearray(files[0].read_bytes())
        content[70000] ^= 1
        files[0].write_bytes(content)
        os.truncate(files[1], files[1].stat().st_size - 1)
        files[2].unlink()
        files[3].rename(bench.scratch / "aside")
        files[4].rename(files[3])
        (bench.scratch / "aside").rename(files[4])
        (bench.folder / port.envelope_name(names[5])).unlink()
        beside = [bench.folder / port.envelope_name(name) for name in (names[6], names[0])]
        shutil.copy(beside[1], beside[0])
        (bench.folder / "2026").mkdir(exist_ok=True)
        (bench.folder / "2026/01/01").mkdir(parents=True)
        (bench.folder / "2026/01/01/node1-9.9.opus").write_bytes(b"nobody's")
        assert await bench.wrong() == [
            ("damaged", one),
            ("damaged", two),
            ("missing", three),
            ("wrong_key", four),
            ("wrong_key", five),
            ("no_envelope", six),
            ("bad_envelope", seven),
            ("no_row", None),
        ]

    with_bench(empty_database, work)


def test_a_row_that_was_changed_or_leads_outside_is_found_and_nothing_outside_is_touched(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        one, two, three, four, five = [await bench.store(number) for number in range(5)]
        outside = bench.scratch / "secret.opus"
        outside.write_bytes(b"secret")
        await bench.pool.execute("UPDATE recordings SET object = '../secret.opus' WHERE recording_id = $1", one)
        await bench.pool.execute("UPDATE recordings SET object = $2 WHERE recording_id = $1", two, str(outside))
        changed = "UPDATE recordings SET manifest = jsonb_set(manifest, '{length_ms}', '1') WHERE recording_id = $1"
        await bench.pool.execute(changed, three)
        await bench.pool.execute("UPDATE recordings SET object_sha256 = 'x' WHERE recording_id = $1", four)
        await bench.pool.execute("UPDATE recordings SET manifest = '[]' WHERE recording_id = $1", five)
        found = await bench.wrong()
        assert found[:5] == [
            ("bad_name", one),
            ("bad_name", two),
            ("other_manifest", three),
            ("damaged", four),
            ("damaged", five),
        ]
        assert {wrong for wrong, _ in found[5:]} == {"no_row"} and len(found) == 9
        again = await bench.rewrap()
        assert again.failures == []
        (await bench.keyring()).add()
        again = await bench.rewrap()
        assert [failure.recording_id for failure in again.failures] == [one, two, five]
        assert outside.read_bytes() == b"secret" and sorted(file.name for file in bench.scratch.glob("*.opus")) == ["secret.opus"]

    with_bench(empty_database, work)


def test_what_is_deleted_or_still_on_its_way_is_told_apart(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        deleted, on_its_way = await bench.store(1), await bench.store(2)
        await bench.pool.execute("UPDATE recordings SET state = 'deleted' WHERE recording_id = $1", deleted)
        await bench.pool.execute("UPDATE recordings SET state = 'taken_in', object = '' WHERE recording_id = $1", on_its_way)
        assert await bench.wrong() == [("not_deleted", None), ("not_deleted", None)]

    with_bench(empty_database, work)


def test_another_key_file_is_a_wrong_key_and_an_old_one_a_lost_key(empty_database: Postgres, var: Path) -> None:
    async def work(bench: Bench) -> None:
        one = await bench.store(1)
        file = var / "recording-keys.json"
        kept, known = file.read_bytes(), json.loads(file.read_bytes())
        other = {"current": known["current"], "keys": {known["current"]: "A" * 43 + "="}}
        file.write_text(json.dumps(other))
        assert await bench.wrong() == [("wrong_key", one)]
        file.write_text(json.dumps({"current": "k", "keys": {"k": "A" * 43 + "="}}))
        assert await bench.wrong() == [("lost_key", one)]
        assert (await bench.rewrap()).failures[0].recording_id == one
        file.write_bytes(kept)
        assert await bench.wrong() == []

    with_bench(empty_database, work)


def test_a_lost_key_file_is_never_made_anew_while_anything_is_sealed(empty_database: Postgres, var: Path) -> None:
    async def work(bench: Bench) -> None:
        one, file = await bench.store(1), var / "recording-keys.json"
        kept = file.read_bytes()
        file.unlink()
        with pytest.raises(LostKeyError, match="backup"):
            await bench.keyring()
        await bench.pool.execute("UPDATE recordings SET state = 'deleted' WHERE recording_id = $1", one)
        with pytest.raises(LostKeyError, match="backup"):  # the objects are there, though the database does not know them
            await bench.keyring()
        assert not file.exists()
        file.write_bytes(kept)
        file.chmod(0o600)
        assert (await bench.keyring()).file.read_bytes() == kept

    with_bench(empty_database, work)


def test_a_storage_that_is_away_says_nothing_about_recordings(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def work(bench: Bench) -> None:
        await bench.store(1)
        bench.folder.rename(tmp_path / "elsewhere")
        bench.folder.write_text("not a folder")
        for attempt in (bench.verify, bench.rewrap):
            (await bench.keyring()).add()
            with pytest.raises(StorageAwayError):
                await attempt()

    with_bench(empty_database, work)


def test_rewrapping_moves_every_recording_to_the_new_key_and_the_old_one_can_go(empty_database: Postgres) -> None:
    async def work(bench: Bench) -> None:
        numbers = [await bench.store(number) for number in range(4)]
        ring = await bench.keyring()
        old, sealed = ring.current, (bench.folder / await bench.object(numbers[0])).read_bytes()
        fresh = await rewrap.add(bench.pool, ring, by="test")
        (bench.folder / port.envelope_name(await bench.object(numbers[3]))).unlink()  # is made of its row
        with pytest.raises(KeyInUseError, match="rewrap"):
            await rewrap.remove(bench.pool, ring, old, by="test")
        done = await bench.rewrap()
        assert (done.key_id, done.recordings, done.failures) == (fresh, 4, [])
        assert (await bench.rewrap()).recordings == 0
        assert await bench.wrong() == []
        assert (bench.folder / await bench.object(numbers[0])).read_bytes() == sealed
        with pytest.raises(KeyInUseError, match="hour"):
            await rewrap.remove(bench.pool, ring, old, by="test")
        ring.remove(old, clock.now() + keys.AT_REST)
        assert await bench.wrong() == []
        lines = await rewrap.listed(bench.pool, await bench.keyring())
        assert [(line.key_id, line.current, line.here, line.recordings) for line in lines] == [(fresh, True, True, 4)]

    with_bench(empty_database, work)


def test_rewrapping_that_is_killed_at_any_step_loses_nothing_and_goes_on(empty_database: Postgres) -> None:
    dsn = empty_database.dsn

    async def prepare(bench: Bench) -> None:
        for number in range(3):
            await bench.store(number)
        (await bench.keyring()).add()

    async def check(bench: Bench) -> None:
        assert await bench.wrong() == []
        ring = await bench.keyring()
        for row in await bench.pool.fetch("SELECT * FROM recordings"):
            assert open_sound(stored(row), bench.local, ring).read(0, 4) == b"OggS"
            beside = envelope.read(bench.local, row["object"])
            assert envelope.manifest(beside, ring).call_id == row["call_id"]

    with_bench(empty_database, prepare)
    step = 1
    while (status := killed(dsn, step)) == 9:
        with_bench(empty_database, check)
        step += 1
        assert step < 60
    assert status == 0 and step > 10

    async def finished(bench: Bench) -> None:
        await check(bench)
        assert await bench.pool.fetchval("SELECT count(DISTINCT key_id) FROM recordings") == 1
        assert (await bench.rewrap()).recordings == 0

    with_bench(empty_database, finished)


def killed(dsn: str, step: int) -> int:
    """Rewrap in a process of its own that dies at this step, before a flush, a rename, or a statement; its exit status."""

    async def work() -> None:
        async with await database.pool(dsn, name="test") as pool:
            await Bench(pool, Path(os.environ["HOTLINE_VAR"])).rewrap()

    return killer.forked(step, ("rename", "fsync"), work)


def test_the_commands_say_what_is_wrong_by_their_words_and_exit_status(
    empty_database: Postgres, var: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(credentials, "load", lambda: empty_database.credentials)

    def command(*words: str) -> tuple[int, str]:
        chosen = commands.parser().parse_args(words)
        status = chosen.run(chosen)
        return status, capsys.readouterr().out

    with_bench(empty_database, _store_one)
    assert command("verify")[0] == 0
    assert command("verify", "--json") == (0, command("verify", "--json")[1])
    status, said = command("keys", "add")
    assert status == 0 and "rewrap" in said
    assert command("rewrap")[0] == 0
    status, said = command("keys", "list", "--json")
    assert status == 0 and [line["recordings"] for line in json.loads(said)] == [0, 1]
    with pytest.raises(KeyInUseError):
        command("keys", "remove", json.loads(said)[0]["key_id"])
    sound = next(iter((var / "recordings/stored").rglob("*.opus")))
    sound.write_bytes(sound.read_bytes()[:-20])
    status, said = command("verify")
    assert status == 1 and "damaged" in said and sound.name in said
    assert command("verify", "--since", "2099-01-01")[0] == 0


async def _store_one(bench: Bench) -> None:
    await bench.store(1)
