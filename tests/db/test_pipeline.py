"""The pipeline against a real PostgreSQL, a real disk and ffmpeg: one sealed recording of each, wherever it is cut off."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
import json
import os
import random
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import numpy as np
import pytest

from hotline import clock, credentials, database, paths
from hotline.setting_sections import Recordings
from hotline.settings import Settings
from recordings import audio, commands, ffmpeg
from recordings.audio import Shape
from recordings.facts import Kind
from recordings.manifest import Manifest
from recordings.pipeline import jobs
from recordings.pipeline import sound as pipeline_sound
from recordings.pipeline.processing import Processor
from recordings.pipeline.queue import TRIES, Line
from recordings.storage import envelope, sound
from recordings.storage.keys import Keyring
from recordings.storage.local import LocalStorage
from recordings.store import Row, Store
from tests import killer
from tests.trial import wait_until

if TYPE_CHECKING:
    from tests.conftest import Postgres

DAY = "2026/11/21"
RATE = 8000


def tone(seconds: float, hertz: float = 300.0, loud: float = 0.1) -> np.ndarray[Any, Any]:
    at = np.arange(int(seconds * RATE)) / RATE
    return (np.sin(2 * np.pi * hertz * at) * loud * 32767).astype("<i2")


def quiet(seconds: float) -> np.ndarray[Any, Any]:
    return np.zeros(int(seconds * RATE), dtype="<i2")


def noise(seconds: float, loud: float = 0.002) -> np.ndarray[Any, Any]:
    return (np.random.default_rng(7).normal(0, loud, int(seconds * RATE)) * 32767).astype("<i2")


def spoken(seconds: float, loud: float = 0.1) -> np.ndarray[Any, Any]:
    """Syllables: it has pauses, and more than one frequency."""
    at = np.arange(int(seconds * RATE)) / RATE
    voice = sum(np.sin(2 * np.pi * hertz * at) / n for n, hertz in enumerate((140, 410, 730, 1190, 2410), start=1))
    return (voice * loud * 16000 * (np.sin(2 * np.pi * 1.5 * at) > -0.6)).astype("<i2")


def wav(*tracks: np.ndarray[Any, Any]) -> bytes:
    shape = Shape(offset=44, frames=len(tracks[0]), channels=len(tracks), rate=RATE)
    return audio.wav_header(shape) + np.stack(tracks, axis=1).tobytes()


MESSAGE = wav(spoken(3))
NOTHING_TO_DO = "SELECT count(*) = 0 FROM pgqueuer WHERE status <> 'failed' AND entrypoint LIKE 'process%'"


async def until(is_so: Callable[[], Awaitable[object]]) -> None:
    while True:
        if await is_so():
            return
        await asyncio.sleep(0.05)


class Place:
    """A ``var`` folder whose recordings were taken in, and the rows beside it."""

    def __init__(self, var: Path, server: Postgres) -> None:
        self.var, self.server = var, server
        self.root = var / "recordings"
        self.settings = Settings(recordings=Recordings(workers=2))

    def add(self, name: str, content: bytes, *, row: bytes | None = None) -> str:
        """As the intake does; ``row``: what was taken in, when the file is not that any more."""
        file = f"{DAY}/node1-{name}.wav"
        path = self.root / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        taken_in = row or content
        shape = audio.wav_shape(taken_in[: audio.HEAD], len(taken_in))
        kind: Kind = "message" if shape.channels == 1 else "conversation"
        self.insert(
            Row(
                node="node1",
                call_id=name,
                kind=kind,
                file=file,
                started_at=clock.now(),
                length_ms=shape.length_ms,
                channels=shape.channels,
                sha256=hashlib.sha256(taken_in).hexdigest(),
            )
        )
        return file

    def number(self, file: str) -> int:
        return int(self.rows("SELECT recording_id FROM recordings WHERE file = $1", file)[0][0])

    def insert(self, row: Row) -> None:
        async def add(pool: asyncpg.Pool) -> None:
            await Store(pool).add(row)

        self.do(add)

    def do(self, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
        async def run() -> None:
            async with await database.pool(self.server.dsn, name="test", connect_seconds=30) as pool:
                await work(pool)

        asyncio.run(run())

    def line(self, pool: asyncpg.Pool, stop: asyncio.Event) -> Line:
        processor = Processor(self.var, pool, self.settings, lambda: not stop.is_set())
        processor.prepare()
        return Line(self.server.dsn, "node1", processor, workers=2, first_pause=dt.timedelta(milliseconds=50))

    def process(self, recording_id: int) -> None:
        """The steps of one recording alone."""

        async def run(pool: asyncpg.Pool) -> None:
            await Processor(self.var, pool, self.settings).process(recording_id)

        (self.root / "work").mkdir(exist_ok=True)
        self.do(run)

    def drain(self, *, seconds: float = 30) -> None:
        """Work until no job waits or runs."""

        async def run(pool: asyncpg.Pool) -> None:
            stop = asyncio.Event()
            line = self.line(pool, stop)
            async with asyncio.timeout(seconds), asyncio.TaskGroup() as group:
                group.create_task(line.run(stop))
                await until(lambda: pool.fetchval(NOTHING_TO_DO))
                stop.set()

        self.do(run)

    def rows(self, query: str, *arguments: object) -> list[tuple[Any, ...]]:
        found: list[tuple[Any, ...]] = []

        async def ask(pool: asyncpg.Pool) -> None:
            found.extend(tuple(row) for row in await pool.fetch(query, *arguments))

        self.do(ask)
        return found

    def states(self) -> list[tuple[Any, ...]]:
        return self.rows("SELECT state, quality FROM recordings ORDER BY recording_id")

    def files(self) -> list[str]:
        """Every file below ``var/recordings`` that has its name: a storage that was killed may leave sealed drafts."""
        found = [path for path in self.root.rglob("*") if path.is_file() and path.suffix != ".part"]
        return sorted(str(path.relative_to(self.root)) for path in found)

    def sounds(self) -> list[tuple[Manifest, bytes]]:
        """What each stored row opens to; its hashes, and those of its envelope, are compared."""
        columns = "storage, object, object_bytes, object_sha256, key_id, wrapped_key"
        rows = self.rows(f"SELECT {columns}, manifest FROM recordings WHERE state = 'stored' ORDER BY recording_id")
        storage, keyring = LocalStorage(self.root / "stored"), Keyring(self.var / "recording-keys.json")
        found = []
        for *where, text in rows:
            one = sound.Stored(**dict(zip(sound.Stored.__struct_fields__, where, strict=True)))
            manifest = msgspec.json.decode(text, type=Manifest)
            opened = sound.open_sound(one, storage, keyring)
            plain = opened.read(0, opened.size)
            assert hashlib.sha256(plain).hexdigest() == manifest.sound_sha256
            assert hashlib.sha256(storage.read(one.object, 0, one.object_bytes)).hexdigest() == one.object_sha256
            assert envelope.manifest(envelope.read(storage, one.object), keyring) == manifest
            found.append((manifest, plain))
        return found


@pytest.fixture
def place(tmp_path: Path, empty_database: Postgres, monkeypatch: pytest.MonkeyPatch) -> Place:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    return Place(tmp_path, empty_database)


def test_a_message_becomes_one_sealed_recording_with_a_manifest_a_picture_and_a_transcript_to_be(place: Place) -> None:
    file = place.add("1", MESSAGE)
    place.drain()
    ((manifest, plain),) = place.sounds()
    assert place.states() == [("stored", "")]
    assert place.files() == [f"stored/{file[:-4]}.manifest", f"stored/{file[:-4]}.opus"]
    assert abs(len(b"".join(ffmpeg.pcm([plain]))) / 16 - 3000) < 50
    assert manifest.wav_sha256 == hashlib.sha256(MESSAGE).hexdigest()
    assert manifest.segments[0].sha256 == hashlib.sha256(MESSAGE[44:]).hexdigest()
    assert place.rows("SELECT length(peaks) FROM recordings") == [(800,)]
    assert place.rows("SELECT state FROM transcripts") == [("waiting",)]
    assert place.rows("SELECT entrypoint, priority, convert_from(payload, 'UTF8') FROM pgqueuer") == [
        ("transcribe:node1", 10, str(place.number(file)))
    ]
    assert jobs.recording_of(b"1") == 1


def test_a_conversation_keeps_both_voices_apart_and_each_gets_its_level(place: Place) -> None:
    loud, soft = spoken(4, 0.6), np.concatenate([quiet(4), spoken(4, 0.01)])
    place.add("1", wav(np.concatenate([loud, quiet(4)]), soft))
    place.drain()
    ((manifest, plain),) = place.sounds()
    left, right = (np.frombuffer(b"".join(ffmpeg.pcm([plain], track=one)), "<i2").astype(float) for one in manifest.tracks)
    assert abs(right[: 3 * RATE]).max() < 20 and abs(left[5 * RATE : 7 * RATE]).max() < 20, "one is heard in the other"
    assert 1000 < abs(right).max() < 32767 and abs(left).max() < 32767
    (of_left, of_right) = manifest.levels
    assert of_left.gain < 0 < of_right.gain and of_left.loudness and of_left.loudness > (of_right.loudness or 0)
    (speech,) = [one.spans for one in manifest.speech if one.track == "right"]
    assert speech and all(4000 <= begin < end <= 8000 for begin, end in speech)
    assert place.rows("SELECT length(peaks) FROM recordings") == [(1600,)]


CNG = np.concatenate([np.concatenate([tone(0.5, 1100), quiet(3)]) for _ in range(4)])
CONTENTS: dict[str, tuple[bytes, str]] = {
    "somebody speaks": (MESSAGE, ""),
    "zeros": (wav(quiet(5)), "empty"),
    "a line on which nobody speaks": (wav(noise(5)), "silent"),
    "a fax machine calls": (wav(CNG + noise(14)), "fax"),
    "a fax machine a little off": (wav(np.concatenate([tone(0.5, 1136), quiet(3)] * 3)), "fax"),
    "a fax machine answers": (wav(np.concatenate([quiet(1), tone(3, 2100), quiet(2)])), "fax"),
    "somebody speaks beside a fax machine": (wav(np.concatenate([CNG, spoken(6)])), ""),
    "a conversation without a word": (wav(noise(5), quiet(5)), "silent"),
    "a conversation of one": (wav(quiet(5), spoken(5)), ""),
}


def test_what_is_no_speech_is_stored_and_set_aside_and_not_transcribed(place: Place) -> None:
    """IVR-08, IVR-10: empty, silent and fax messages are kept; each is known for what it is."""
    for name, (content, _) in CONTENTS.items():
        place.add(name.replace(" ", "-"), content)
    place.drain()
    wanted = [quality for _, quality in CONTENTS.values()]
    assert dict(zip(CONTENTS, place.states(), strict=True)) == {
        name: ("stored", quality) for name, quality in zip(CONTENTS, wanted, strict=True)
    }
    assert len(place.sounds()) == len(CONTENTS)
    assert place.rows("SELECT state FROM transcripts ORDER BY recording_id") == [
        ("done" if quality else "waiting",) for quality in wanted
    ]
    assert len(place.rows("SELECT FROM pgqueuer WHERE entrypoint = 'transcribe:node1'")) == wanted.count("")


DAMAGED: dict[str, bytes] = {
    "truncated": MESSAGE[:20000],
    "without its header": bytes(44) + MESSAGE[44:],
    "with half a header": MESSAGE[:20] + bytes(24) + MESSAGE[44:],
    "with zeros in it": MESSAGE[:10000] + bytes(4096) + MESSAGE[14096:],
    "longer": MESSAGE + bytes(4000),
}


def test_a_damaged_file_is_stored_as_far_as_it_can_be_heard_and_the_file_itself_is_set_aside(place: Place) -> None:
    for name, content in DAMAGED.items():
        place.add(name.replace(" ", "-"), content, row=MESSAGE)
    place.drain()
    assert place.states() == [("stored", "damaged")] * len(DAMAGED)
    lengths = [len(b"".join(ffmpeg.pcm([plain]))) // 16 for _, plain in place.sounds()]
    assert [abs(length - (len(content) - 44) // 16) < 50 for length, content in zip(lengths, DAMAGED.values(), strict=True)]
    kept = sorted((place.root / "set-aside").iterdir())
    assert sorted(path.read_bytes() for path in kept) == sorted(DAMAGED.values())


UNUSABLE: dict[str, bytes] = {
    "empty": b"",
    "a header alone": MESSAGE[:44],
    "another format": b"ID3\x03" + bytes(range(256)) * 100,
}


def test_what_is_no_sound_is_given_up_at_once_and_kept_and_tried_again_when_it_is_there(
    place: Place, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    files = [place.add(name.replace(" ", "-"), content, row=MESSAGE) for name, content in UNUSABLE.items()]
    files.append(place.add("lost", MESSAGE))
    (place.root / files[-1]).unlink()
    place.drain()
    assert place.states() == [("taken_in", "damaged")] * 4
    assert [(place.root / file).read_bytes() for file in files[:-1]] == list(UNUSABLE.values())
    credentials._write(place.server.credentials)
    capsys.readouterr()
    assert command("failed", "--json") == 1
    found = json.loads(capsys.readouterr().out)
    assert [one["file"] for one in found] == files
    assert all("Error" in one["why"] for one in found)
    assert command("retry", "999") == 1 and command("status") == 0 and command("failed") == 1
    for file in files:
        (place.root / file).write_bytes(MESSAGE)
    assert command("retry") == 0
    place.drain()
    assert place.states() == [("stored", "")] * 4
    assert command("failed") == 0
    assert len(place.sounds()) == 4


def command(*words: str) -> int:
    chosen = commands.parser().parse_args(words)
    return int(chosen.run(chosen))


def test_an_hour_is_heard_in_slices(tmp_path: Path) -> None:
    """In a process of its own: what it needs at most does not grow with the file; six hours: ``bench pipeline``."""
    length = 3600
    path = tmp_path / "long.wav"
    shape = Shape(offset=44, frames=length * RATE, channels=1, rate=RATE)
    with path.open("wb") as file:
        file.write(audio.wav_header(shape))
        file.write(spoken(10).tobytes())
        file.truncate(44 + shape.size)
    manifest = Manifest(node="node1", call_id="1", kind="message", started_at=None, length_ms=length * 1000)

    def child() -> None:
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        heard = pipeline_sound.hear(path, manifest, channels=1, level=-20)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        assert heard.manifest.speech[0].spans and grown < 40 * 1024, grown

    assert forked(child) == 0


def forked(work: Callable[[], None]) -> int:
    """Do it in a process like this one; its exit status, below 0 a signal's number."""
    child = os.fork()
    if child == 0:
        try:
            work()
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def test_a_worker_killed_before_any_step_leaves_one_recording_of_each_and_nothing_half_done(place: Place) -> None:
    """Steps are statements and changes of files; whoever comes next goes on with what was left."""
    step, status = 0, -signal.SIGKILL
    while status == -signal.SIGKILL:
        step += 1
        number = place.number(place.add(f"{step}", MESSAGE))
        status = forked(partial(killed_before, step, place, number))
        assert status in (0, -signal.SIGKILL) and step < 100
    assert step > 15, "it was not killed"
    place.drain()
    complete(place, step)


def killed_before(step: int, place: Place, number: int) -> None:
    killer.arm(step)
    place.process(number)


def complete(place: Place, count: int) -> None:
    """``count`` messages, each stored once, sealed, with one transcript to be; nothing else lies around."""
    assert place.rows("SELECT state, quality, count(*) FROM recordings GROUP BY 1, 2") == [("stored", "", count)]
    assert place.rows("SELECT count(*), count(DISTINCT object) FROM recordings") == [(count, count)]
    assert place.rows("SELECT count(*) FROM transcripts") == [(count,)]
    states = place.rows("SELECT DISTINCT state FROM transcripts")
    jobs_left = place.rows("SELECT count(*), count(DISTINCT payload) FROM pgqueuer WHERE status <> 'successful'")
    assert jobs_left == [(count, count)] or states == [("no_model",)]
    assert len(place.sounds()) == count
    assert len(place.files()) == 2 * count
    assert len([name for name in place.files() if name.startswith("stored/") and name.endswith(".opus")]) == count


COUNT = int(os.environ.get("PIPELINE_FILES", "24"))


def stored(place: Place) -> int:
    """How many are; asked again and again, so by one connection, not by a pool."""

    async def ask() -> int:
        connection = await asyncpg.connect(place.server.dsn)
        try:
            return int(await connection.fetchval(STORED))
        finally:
            await connection.close()

    return asyncio.run(ask())


def test_workers_killed_at_random_lose_nothing_and_do_nothing_twice(place: Place) -> None:
    """Whole processes, ended by ``kill -9``; PIPELINE_FILES=1000 for as many files."""
    (place.var / "hotline.toml").write_text('[transcription]\nengine = "none"\n')
    credentials._write(place.server.credentials)
    for number in range(COUNT):
        place.add(f"{number}", SHORT)
    chance = random.Random(12345)
    environment = dict(os.environ) | {"HOTLINE_CONFIG": str(place.var / "hotline.toml")}
    left, kills = stored(place), 0
    with (place.var / "log").open("ab") as log:
        while left < COUNT:
            process = subprocess.Popen(
                [sys.executable, "-m", "recordings"], cwd=paths.TREE, env=environment, stdout=log, stderr=log
            )
            try:
                aim = min(left + chance.randint(COUNT // 8, COUNT // 3), COUNT)
                wait_until(lambda aim=aim: stored(place) >= aim, seconds=120)  # type: ignore[misc]
            finally:
                process.kill()
                process.wait()
            left, kills = stored(place), kills + 1
    assert kills > 2
    place.drain()
    complete(place, COUNT)


SHORT = wav(spoken(2))
STORED = "SELECT count(*) FROM recordings WHERE state = 'stored'"


def test_a_full_disk_is_waited_for(place: Place) -> None:
    """The limit of a file's size is what a full disk is to every write of ours and of ffmpeg."""
    place.add("1", wav(spoken(60)))

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (30_000, resource.RLIM_INFINITY))
        place.drain(seconds=4)

    assert forked(full) == 1, "it ended, or did not wait"
    assert place.states() == [("taken_in", "")]
    assert place.rows("SELECT status, attempts FROM pgqueuer") in ([("queued", 0)], [("picked", 0)])
    place.drain()
    complete(place, 1)


def test_a_storage_that_is_away_is_waited_for_and_counts_for_no_try(place: Place) -> None:
    place.add("1", MESSAGE)
    folder = place.var / "a disk that is not mounted"
    place.settings = Settings(recordings=Recordings(workers=2, folder=str(folder)))

    async def run(pool: asyncpg.Pool) -> None:
        stop = asyncio.Event()
        line = place.line(pool, stop)
        async with asyncio.timeout(30), asyncio.TaskGroup() as group:
            group.create_task(line.run(stop))
            await until(lambda: pool.fetchval("SELECT count(*) = 1 FROM pgqueuer WHERE execute_after > created"))
            assert await pool.fetchval("SELECT sum(attempts) FROM pgqueuer") == 0
            folder.mkdir()
            await until(lambda: pool.fetchval(NOTHING_TO_DO))
            stop.set()

    place.do(run)
    assert place.states() == [("stored", "")]
    assert len(list(folder.rglob("*.opus"))) == 1


def test_connections_that_are_cut_again_and_again_only_delay(place: Place) -> None:
    for number in range(12):
        place.add(f"{number}", SHORT)

    async def run(pool: asyncpg.Pool) -> None:
        stop = asyncio.Event()
        line = place.line(pool, stop)
        other = await asyncpg.connect(place.server.dsn)
        async with asyncio.timeout(60), asyncio.TaskGroup() as group:
            group.create_task(line.run(stop))
            for count in (2, 5, 8):
                await until(partial(other.fetchval, f"SELECT count(*) >= {count} FROM recordings WHERE state = 'stored'"))
                await other.execute(CUT)
            await until(partial(other.fetchval, NOTHING_TO_DO))
            stop.set()
        await other.close()

    place.do(run)
    complete(place, 12)


CUT = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'hotline' AND pid <> pg_backend_pid()"


def test_a_recording_that_fails_is_tried_and_then_held_and_others_go_on(place: Place) -> None:
    """Its row makes no sense: nobody else has that trouble."""
    place.add("1", MESSAGE)
    place.rows("UPDATE recordings SET voices = '[{}]' RETURNING 1")
    place.add("2", MESSAGE)
    place.drain()
    assert place.states() == [("taken_in", "damaged"), ("stored", "")]
    assert place.rows("SELECT status::text, attempts FROM pgqueuer WHERE entrypoint = 'process:node1'") == [("failed", TRIES - 1)]


def test_a_recording_without_a_job_is_found_and_one_that_was_given_up_is_not(place: Place) -> None:
    place.add("1", MESSAGE)
    place.rows("DELETE FROM pgqueuer RETURNING 1")
    place.add("2", b"nonsense", row=MESSAGE)

    async def find(pool: asyncpg.Pool) -> None:
        line = place.line(pool, asyncio.Event())
        assert await line.find(pool) == 1
        assert await line.find(pool) == 0

    place.do(find)
    place.drain()
    assert place.states() == [("stored", ""), ("taken_in", "damaged")]
    place.do(lambda pool: nothing_found(place, pool))


async def nothing_found(place: Place, pool: asyncpg.Pool) -> None:
    assert await place.line(pool, asyncio.Event()).find(pool) == 0


def test_a_job_that_ends_its_worker_each_time_is_held(place: Place) -> None:
    number = place.number(place.add("1", MESSAGE))
    place.rows("UPDATE pgqueuer SET status = 'picked', attempts = 19 RETURNING 1")
    told: list[str] = []

    async def work(pool: asyncpg.Pool) -> None:
        async with pool.acquire() as listening:
            heard: Callable[..., None] = lambda *values: told.append(values[3])  # noqa: E731
            await listening.add_listener("recordings", heard)
            stop = asyncio.Event()
            async with asyncio.timeout(30), asyncio.TaskGroup() as group:
                group.create_task(place.line(pool, stop).run(stop))
                await until(lambda: pool.fetchval(NOTHING_TO_DO))
                stop.set()
            await listening.remove_listener("recordings", heard)

    place.do(work)
    assert place.rows("SELECT status::text FROM pgqueuer") == [("failed",)]
    assert place.states() == [("taken_in", "damaged")] and told == [f"damaged:{number}"]


def test_a_name_that_leads_out_of_the_folder_is_never_touched(place: Place) -> None:
    place.add("1", MESSAGE)
    outside = place.var / "outside.wav"
    outside.write_bytes(MESSAGE)
    place.rows("UPDATE recordings SET file = '2026/11/21/../../../../outside.wav' RETURNING 1")
    place.drain()
    assert place.states() == [("taken_in", "damaged")]
    assert outside.read_bytes() == MESSAGE
