"""Transcribing with a real engine, a real model and a real PostgreSQL: each recording once, wherever it is cut off (CH-13)."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import wave
from collections.abc import Callable, Coroutine, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import pytest

from hotline import clock, database
from hotline.models import Model
from hotline.paths import TREE
from hotline.settings import parse
from hotline.waiting import within
from recordings import ffmpeg
from recordings.errors import TranscriberError
from recordings.pipeline import jobs
from recordings.storage import keys
from recordings.storage.errors import BadNameError, StorageAwayError
from recordings.storage.keys import Keyring
from recordings.storage.local import LocalStorage
from recordings.storage.sealed import seal
from recordings.transcription import progress, sound, starting
from recordings.transcription.runner import Runner
from recordings.transcription.store import Store
from recordings.transcription.transcribers import Transcribers
from recordings.transcription.transcript import Transcript
from recordings.transcription.turns import transcript
from tests.speech_models import error_rate, vosk_model, whisper_model

if TYPE_CHECKING:
    from tests.conftest import Postgres

SPEECH = TREE / "hotline" / "phones" / "speech"
LAMP, PENSION = SPEECH / "lamp.wav", SPEECH / "pension.wav"
SECOND = 16000
WAITING = "INSERT INTO transcripts (recording_id, state) VALUES ($1, 'waiting')"
Sides = dict[str, Iterator[bytes]]


def spoken(seconds: float, file: Path = PENSION) -> bytes:
    """The beginning of an utterance."""
    with wave.open(str(file)) as sound_file:
        found: bytes = sound_file.readframes(int(seconds * 8000))
        return found


class Place:
    """Recordings in a database, and a runner that hears what the test gives it."""

    def __init__(self, server: Postgres) -> None:
        self.server = server
        self.choose: Callable[[], Model | None] = vosk_model
        self.open: Callable[[Mapping[str, Any]], Any] = lambda _: {"left": iter([spoken(1)])}

    def do(
        self, work: Callable[[Runner, Transcribers, asyncpg.Pool], Coroutine[Any, Any, None]], hang_seconds: float = 300
    ) -> None:
        """With processes that end with it."""

        async def run() -> None:
            transcribers = Transcribers(self._chosen, 1, hang_seconds=hang_seconds, nice=0)
            async with await database.pool(self.server.dsn, name="test") as pool:
                try:
                    await work(Runner(Store(pool), transcribers, self._open, node="node1", storage="local"), transcribers, pool)
                finally:
                    transcribers.close()

        asyncio.run(run())

    def rows(self, query: str, *arguments: object) -> list[tuple[object, ...]]:
        async def ask() -> list[tuple[object, ...]]:
            connection = await asyncpg.connect(self.server.dsn)
            rows = await connection.fetch(query, *arguments)
            await connection.close()
            return [tuple(row) for row in rows]

        return asyncio.run(ask())

    def recording(
        self, *, kind: str = "message", channels: int = 1, seconds: float = 1, quality: str = "", state: str = "stored"
    ) -> int:
        """One that waits for its transcript."""
        number = len(self.rows("SELECT FROM recordings"))
        ((recording_id,),) = self.rows(
            "INSERT INTO recordings (node, call_id, kind, file, started_at, length_ms, channels, sha256, quality, state,"
            " manifest, storage, object, wrapped_key) "
            " VALUES ('node1', $1, $2, $3, now(), $4, $5, 'x', $6, $7, '{}', 'local', 'o', '') RETURNING recording_id",
            *(f"1.{number}", kind, f"2025/11/21/node1-1.{number}.wav", int(seconds * 1000), channels, quality, state),
        )
        assert isinstance(recording_id, int)
        self.rows(WAITING, recording_id)
        return recording_id

    def transcript(self, recording_id: int) -> tuple[object, ...]:
        query = "SELECT state, engine, model, confidence > 0, made_at IS NOT NULL FROM transcripts WHERE recording_id = $1"
        return self.rows(query, recording_id)[0]

    def turns(self, recording_id: int) -> list[tuple[object, ...]]:
        return self.rows("SELECT number, track FROM transcript_turns WHERE recording_id = $1 ORDER BY number", recording_id)

    def _chosen(self) -> Model | None:
        return self.choose()

    async def _open(self, row: Mapping[str, Any]) -> Any:
        return self.open(row)


@pytest.fixture
def place(empty_database: Postgres) -> Place:
    """With nothing in it."""
    return Place(empty_database)


def test_a_transcriber_that_is_killed_in_the_middle_is_replaced_and_the_recording_heard_again(place: Place) -> None:
    conversation = place.recording(kind="conversation", channels=2, seconds=2)
    pieces = [spoken(2, LAMP)[start : start + 1001] for start in range(0, 2 * SECOND, 1001)]
    kills: list[int] = []

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        async with pool.acquire() as listener:
            told: asyncio.Queue[str] = asyncio.Queue()
            await listener.add_listener("recordings", lambda *said: told.put_nowait(said[-1]))

            def left() -> Iterator[bytes]:
                for number, piece in enumerate(pieces):
                    if number == 5 and len(kills) < 1:
                        kills.append(transcribers.pids[0])
                        os.kill(transcribers.pids[0], signal.SIGKILL)
                    yield piece

            place.choose = whisper_model
            place.open = lambda _: {"left": left(), "right": iter([bytes(SECOND)])}
            await runner.process(conversation)
            assert await told.get() == f"transcribed:{conversation}"
            await runner.process(conversation)
            assert transcribers.pids and transcribers.pids[0] != kills[0]
            await listener.reset()

    place.do(work)
    assert place.transcript(conversation) == ("done", "whisper", "whisper-base", True, True)
    turns = place.turns(conversation)
    assert turns and [number for number, _ in turns] == list(range(1, len(turns) + 1))
    assert {track for _, track in turns} == {"left"}
    ((seconds, heard),) = place.rows("SELECT seconds, done_seconds FROM transcripts")
    assert seconds == heard == 2.0


def test_a_recording_that_ends_every_transcriber_has_failed_and_can_be_tried_again(place: Place) -> None:
    message = place.recording()

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        def deadly() -> Iterator[bytes]:
            yield spoken(0.5)
            os.kill(transcribers.pids[0], signal.SIGSTOP)
            yield spoken(0.5)

        place.choose = whisper_model
        place.open = lambda _: {"left": deadly()}
        with pytest.raises(TranscriberError, match="said nothing for"):
            await runner.process(message)
        assert transcribers.pids == []
        assert (await pool.fetchval("SELECT state FROM transcripts")) == "waiting"
        await runner.damaged(message)

    place.do(work, hang_seconds=0.5)
    assert place.transcript(message)[0] == "failed"
    assert "said nothing" in str(place.rows("SELECT why FROM transcripts")[0][0])


def test_without_a_usable_model_nothing_is_lost_and_all_is_done_when_there_is_one(place: Place, tmp_path: Path) -> None:
    messages = [place.recording()]
    conversation = place.recording(kind="conversation", channels=2, seconds=2)
    sounds = {conversation: (spoken(2, LAMP), spoken(1)), **dict.fromkeys(messages, (spoken(0.4),))}
    place.open = lambda row: {
        track: iter([heard]) for track, heard in zip(("left", "right"), sounds[row["recording_id"]], strict=False)
    }
    broken = tmp_path / "broken"
    for name in ("am/final.mdl", "conf/mfcc.conf", "graph/HCLG.fst"):
        (broken / name).parent.mkdir(parents=True, exist_ok=True)
        (broken / name).write_bytes(b"\0BTransition garbage")

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        place.choose = lambda: None
        for recording_id in (*messages, conversation):
            await runner.process(recording_id)
        assert await runner.resume() == 0
        place.choose = lambda: Model(name="broken", engine="vosk", folder=broken)
        assert await runner.resume() == 0
        assert str(broken) in await transcribers.usable()
        assert await runner.resume() == 0
        assert {row["state"] for row in await pool.fetch("SELECT state FROM transcripts")} == {"no_model"}
        place.choose = vosk_model
        assert await runner.resume() == 2
        assert await runner.resume() == 0, "each has its job"
        queued = await pool.fetch("SELECT entrypoint, priority, payload FROM pgqueuer ORDER BY priority DESC, id")
        found = [(row["entrypoint"], row["priority"]) for row in queued]
        assert found == [("transcribe:node1", 10), ("transcribe:node1", 0)]
        for row in queued:
            await runner.process(jobs.recording_of(row["payload"]))

    place.do(work)
    assert {place.transcript(one)[0] for one in messages} == {"done"}
    assert place.transcript(conversation) == ("done", "vosk", "vosk-ko", True, True)
    turns = place.turns(conversation)
    assert [number for number, _ in turns] == list(range(1, len(turns) + 1))
    assert {track for _, track in turns} == {"left", "right"}
    ((words, text, whole),) = place.rows(
        "SELECT words -> 0, t.text, s.text FROM transcript_turns t JOIN transcripts s USING (recording_id)"
        " WHERE number = 1 AND recording_id = $1",
        conversation,
    )
    assert str(words).startswith("[") and str(text) == str(whole).split("\n")[0]


def test_a_worker_that_is_killed_takes_its_transcriber_along_and_the_work_is_done_again_once(place: Place) -> None:
    message = place.recording()
    program = (
        "import asyncio, sys, threading; from hotline import database; from tests.speech_models import whisper_model\n"
        "from recordings.transcription.runner import Runner; from recordings.transcription.store import Store\n"
        "from recordings.transcription.transcribers import Transcribers; from tests.db.test_transcription import spoken\n"
        "def left():\n    yield spoken(0.5)\n    print('\\n%d' % children.pids[0], flush=True)\n    threading.Event().wait()\n"
        "async def sides(row):\n    return {'left': left()}\n"
        "async def run():\n    global children\n    children = Transcribers(whisper_model, 1, nice=0)\n"
        "    async with await database.pool(sys.argv[1], name='test') as pool:\n"
        f"        await Runner(Store(pool), children, sides, node='node1', storage='local').process({message})\n"
        "asyncio.run(run())"
    )
    environment = {**os.environ, "PYTHONPATH": str(TREE)}
    command = [sys.executable, "-c", program, place.server.dsn]
    with subprocess.Popen(command, stdout=subprocess.PIPE, cwd=TREE, env=environment) as worker:
        assert worker.stdout
        pid = next(int(line) for line in worker.stdout if line.strip().isdigit())
        worker.kill()
    deadline = clock.monotonic() + 20
    while Path(f"/proc/{pid}/cmdline").exists() and Path(f"/proc/{pid}/cmdline").read_bytes():
        assert clock.monotonic() < deadline, "its transcriber goes on"
    assert place.transcript(message)[0] == "running"

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        await pool.execute("UPDATE transcripts SET asked_at = now() - interval '1 hour'")
        assert await runner.resume() == 1
        await asyncio.gather(runner.process(message), runner.process(message))

    place.choose = whisper_model
    place.do(work)
    assert place.transcript(message)[0] == "done"
    assert [number for number, _ in place.turns(message)] == list(range(1, len(place.turns(message)) + 1))


def test_silence_and_faxes_are_not_heard_and_what_is_deleted_is_not_transcribed(place: Place) -> None:
    silent, fax, gone = place.recording(quality="silent"), place.recording(quality="fax"), place.recording(state="deleted")

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        for recording_id in (silent, fax, gone):
            await runner.process(recording_id)
        assert transcribers.pids == []

    place.do(work)
    assert [place.transcript(one)[0] for one in (silent, fax, gone)] == ["done", "done", "waiting"]


def test_a_storage_that_is_away_leaves_the_recording_waiting(place: Place) -> None:
    message = place.recording()

    async def work(runner: Runner, transcribers: Transcribers, pool: asyncpg.Pool) -> None:
        def away(row: object) -> Sides:
            raise StorageAwayError("no route")

        place.open = away
        with pytest.raises(StorageAwayError):
            await runner.process(message)

    place.do(work)
    assert place.transcript(message)[0] == "waiting"


def test_the_worker_does_what_the_jobs_say_and_ends_when_it_is_told(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    message = place.recording(state="taken_in")
    wav = tmp_path / "recordings" / "2025" / "11" / "21" / "node1-1.0.wav"
    wav.parent.mkdir(parents=True)
    wav.write_bytes(PENSION.read_bytes())
    tables = {"transcription": {"engine": "whisper", "model": str(whisper_model().folder), "workers": 1}}

    async def run() -> None:
        stop = asyncio.Event()
        async with await database.pool(place.server.dsn, name="test") as pool, asyncio.TaskGroup() as tasks:
            async with pool.acquire() as listener:
                told = asyncio.Event()
                await listener.add_listener("recordings", lambda *_: told.set())
                await jobs.add(listener, "transcribe:node1", message, "message")
                tasks.create_task(starting.run(parse(tables, source="test"), place.server.dsn, pool, stop))
                await within(told.wait(), 120)
                await listener.reset()
            stop.set()

    asyncio.run(run())
    assert "材料" in str(place.rows("SELECT text FROM transcripts")[0][0])


def test_progress_says_how_much_waits_and_when_it_ends(place: Place) -> None:
    for seconds in (100, 20):
        place.recording(seconds=seconds)
    done, failed, lacking = (place.recording(seconds=40) for _ in range(3))
    place.rows(
        "UPDATE transcripts SET state = 'done', engine = 'vosk', seconds = 40, made_at = now(),"
        " begun_at = now() - interval '10 s' WHERE recording_id = $1",
        done,
    )
    place.rows("UPDATE transcripts SET state = 'failed' WHERE recording_id = $1", failed)
    place.rows("UPDATE transcripts SET state = 'no_model' WHERE recording_id = $1", lacking)

    async def look() -> progress.Progress:
        connection = await asyncpg.connect(place.server.dsn)
        try:
            return await progress.look(connection, 2)
        finally:
            await connection.close()

    began = clock.now()
    found = asyncio.run(look())
    assert (found.recordings, found.hours, found.lacking_model, found.failed) == (2, round(120 / 3600, 3), 1, 1)
    assert (found.speed, found.workers, found.done_last_day) == (4.0, 2, 1)
    assert found.ends_at is not None and abs((found.ends_at - began).total_seconds() - 15) < 5


def test_each_side_of_a_sealed_recording_and_of_a_wav_file_is_read_by_itself(tmp_path: Path) -> None:
    name, wav = "2025/11/21/node1-1.7", tmp_path / "2025" / "11" / "21" / "node1-1.7.wav"
    wav.parent.mkdir(parents=True)
    left, right = spoken(3, LAMP), bytes(3 * SECOND)
    with wave.open(str(wav), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"".join(left[at : at + 2] + right[at : at + 2] for at in range(0, len(left), 2)))
    ffmpeg.encode(wav, tmp_path / "sound.opus", kilobits=16, gains=(0, 0))
    keys.make(tmp_path / "keys.json")
    keyring, key = Keyring(tmp_path / "keys.json"), os.urandom(32)
    size, digest = seal(tmp_path / "sound.opus", tmp_path / "sealed", key, f"{name}.opus")
    key_id, wrapped = keyring.wrap(key, f"{name}.opus")
    storage = LocalStorage(tmp_path / "stored")
    storage.put(f"{name}.opus", tmp_path / "sealed")
    row = {
        "state": "stored", "file": f"{name}.wav", "channels": 2, "storage": "local", "object": f"{name}.opus",
        "object_bytes": size, "object_sha256": digest, "key_id": key_id, "wrapped_key": wrapped,
    }  # fmt: skip
    for known in (row, {**row, "state": "taken_in"}):
        heard = {track: b"".join(side) for track, side in sound.sides(known, tmp_path, {"local": storage}, keyring).items()}
        assert {track: abs(len(side) - 3 * SECOND) < SECOND // 10 for track, side in heard.items()} == {
            "left": True,
            "right": True,
        }
        assert max(heard["left"]) > 0 and max(abs(value) for value in memoryview(heard["right"]).cast("h")) < 300
    with pytest.raises(BadNameError):
        list(sound.sides({**row, "state": "taken_in", "file": "../../etc/passwd"}, tmp_path, {}, None)["left"])


def test_whisper_hears_mandarin_as_it_is_written_and_nothing_in_silence() -> None:
    sounds = {file: [spoken(60, file)] for file in (LAMP, PENSION)}

    async def run() -> list[Transcript]:
        transcribers = Transcribers(whisper_model, 1, nice=0)
        try:
            made = []
            for pieces in (*sounds.values(), [bytes(SECOND)] * 60):
                heard = await transcribers.hear({"left": pieces}, lambda _: None)
                made.append(transcript(heard.model.engine, heard.model.name, heard.sides))
            return made
        finally:
            transcribers.close()

    *found, silence = asyncio.run(run())
    assert silence.turns == ()
    texts = dict(line.split("\t") for line in (SPEECH / "texts.tsv").read_text(encoding="utf-8").splitlines()[1:])
    for file, made in zip(sounds, found, strict=True):
        assert error_rate(texts[file.name], "".join(turn.text for turn in made.turns)) < 0.35
    assert "3天" in found[0].turns[0].text and 0.5 < found[0].confidence <= 1
