"""The pipeline against a real PostgreSQL, a real disk and ffmpeg: one sealed recording of each, wherever it is cut off."""

from __future__ import annotations

import asyncio
import datetime as dt
import hashlib
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import numpy as np
import pytest

from hotline import clock, database
from hotline.setting_sections import Recordings
from hotline.settings import Settings
from recordings import audio, ffmpeg
from recordings.audio import Shape
from recordings.facts import Kind
from recordings.manifest import Manifest
from recordings.pipeline import jobs
from recordings.pipeline.processing import Processor
from recordings.pipeline.queue import Line
from recordings.storage import envelope, sound
from recordings.storage.keys import Keyring
from recordings.storage.local import LocalStorage
from recordings.store import Row, Store

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

    def insert(self, row: Row) -> None:
        async def add(pool: asyncpg.Pool) -> None:
            await Store(pool).add(row)

        self.do(add)

    def do(self, work: Callable[[asyncpg.Pool], Awaitable[None]]) -> None:
        async def run() -> None:
            async with await database.pool(self.server.dsn, name="test") as pool:
                await work(pool)

        asyncio.run(run())

    def line(self, pool: asyncpg.Pool, stop: asyncio.Event) -> Line:
        processor = Processor(self.var, pool, self.settings, lambda: not stop.is_set())
        processor.prepare()
        return Line(self.server.dsn, "node1", processor, workers=2, first_pause=dt.timedelta(milliseconds=50))

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
        """Every file below ``var/recordings``."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.is_file())

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
        ("transcribe:node1", 10, "1")
    ]
    assert jobs.recording_of(b"1") == 1
