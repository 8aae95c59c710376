"""The recordings worker against a real PostgreSQL and a real disk: nothing lost, nothing twice, wherever it is cut off."""

from __future__ import annotations

import asyncio
import datetime as dt
import errno
import hashlib
import io
import json
import os
import resource
import signal
import subprocess
import sys
import wave
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING

import asyncpg
import msgspec
import pytest

from hotline import clock, credentials, database, paths
from recordings import happenings, intake
from recordings.errors import AlreadyRunningError, ChangedError, FileTakenError, UnknownRecordingError
from recordings.facts import Folder, Take
from recordings.files import Disk
from recordings.manifest import Voice
from recordings.store import Row, Store
from recordings.worker import Worker, lock

if TYPE_CHECKING:
    from tests.conftest import Postgres

ID = "1763740799.7"
DAY = "2025/11/21"
CONVERSATION, MESSAGE = f"{DAY}/node1-{ID}.wav", f"{DAY}/node1-message-{ID}.wav"
CALLER, AGENT = f"{ID}.caller.raw", f"{ID}.agent.1763740801.8.raw"
RAW = bytes(range(256)) * 125  # 2 s of one voice
SILENCE = b"\0\0"
Work = Callable[[Worker], Awaitable[object]]


class Place:
    """A ``var`` folder with the worker's folders, and the rows beside it."""

    def __init__(self, var: Path, server: Postgres) -> None:
        self.var, self.server = var, server
        self.root = var / "recordings"
        Disk(self.root).prepare()

    def raw(self, name: str = CALLER, content: bytes = RAW, quiet: float = 60) -> Path:
        """A voice in the spool that nobody wrote to for ``quiet`` seconds."""
        return _aged(self.root / Folder.SPOOL / name, content, quiet)

    def message(self, content: bytes, *, finished: bool = True, other: dict[str, object] | None = None) -> None:
        """A night message and its sidecar in the inbox."""
        started = clock.now() - dt.timedelta(seconds=70)
        sidecar: dict[str, object] = {
            "node": "node1",
            "call_id": ID,
            "uniqueid": ID,
            "caller_number": "13800000000",
            "reason": "out_of_hours",
        }
        sidecar |= {"started_at": started.isoformat()} | ({"finished_at": clock.now().isoformat()} if finished else {})
        _aged(self.root / Folder.INBOX / f"{ID}.json", json.dumps(sidecar | (other or {})).encode(), 60)
        _aged(self.root / Folder.INBOX / f"{ID}.wav", content, 60)

    def do(self, *works: Work) -> None:
        """Run works on fresh workers, one after another, in one loop."""

        async def run() -> None:
            async with await database.pool(self.server.dsn, name="test") as pool:
                for work in works:
                    await work(Worker(self.var, "node1", Store(pool)))

        asyncio.run(run())

    def owner(self, statement: str) -> None:
        """Change the tables."""

        async def run() -> None:
            connection = await asyncpg.connect(self.server.owner)
            await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

    def rows(self, query: str) -> list[tuple[object, ...]]:
        async def ask() -> list[tuple[object, ...]]:
            connection = await asyncpg.connect(self.server.dsn)
            rows = await connection.fetch(query)
            await connection.close()
            return [tuple(row) for row in rows]

        return asyncio.run(ask())

    def recordings(self) -> list[tuple[object, ...]]:
        return self.rows("SELECT kind, file, call_id, length_ms, channels, sha256 FROM recordings ORDER BY file")

    def files(self) -> list[str]:
        """Every file below ``var/recordings``."""
        return sorted(str(path.relative_to(self.root)) for path in self.root.rglob("*") if not path.is_dir())


def _aged(path: Path, content: bytes, quiet: float) -> Path:
    path.write_bytes(content)
    then = clock.now().timestamp() - quiet
    os.utime(path, (then, then))
    return path


def stereo(left: bytes, right: bytes) -> bytes:
    """What lies behind the header when the shorter voice is filled up with silence."""
    count = max(len(left), len(right)) // 2 * 2
    left, right = left.ljust(count, SILENCE[:1]), right.ljust(count, SILENCE[:1])
    return b"".join(left[i : i + 2] + right[i : i + 2] for i in range(0, count, 2))


def speech(seconds: float) -> bytes:
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8000)
        writer.writeframes(b"\x34\x12" * int(8000 * seconds))
    return file.getvalue()


def ended_call(place: Place, *, call_id: str = ID, ended: bool = True) -> None:
    async def add() -> None:
        connection = await asyncpg.connect(place.server.dsn)
        now = clock.now()
        start = now - dt.timedelta(minutes=3)
        times = (start, start + dt.timedelta(seconds=30), now - dt.timedelta(seconds=30) if ended else None)
        columns = "node, call_id, started_at, connected_at, ended_at, source"
        query = f"INSERT INTO calls ({columns}) VALUES ('node1', $1, $2, $3, $4, 'ami')"
        await connection.execute(query, call_id, *times)
        await connection.close()

    asyncio.run(add())


@pytest.fixture
def place(tmp_path: Path, empty_database: Postgres) -> Place:
    return Place(tmp_path / "a folder", empty_database)


async def one_round(worker: Worker) -> None:
    await worker.round()


async def job_of(worker: Worker) -> Take:
    """The one job that the worker sees now."""
    spool, inbox = worker.disk.scan(Folder.SPOOL), worker.disk.scan(Folder.INBOX)
    (job,) = intake.decide(await worker._facts(clock.now(), spool, inbox))
    assert isinstance(job, Take)
    return job


async def until_copied(worker: Worker) -> None:
    await worker.copy(await job_of(worker))


async def until_named(worker: Worker) -> None:
    job = await job_of(worker)
    await worker.settle(job, await worker.copy(job))


async def until_recorded(worker: Worker) -> None:
    job = await job_of(worker)
    await worker.record(job, await worker.settle(job, await worker.copy(job)))


async def until_half_cleared(worker: Worker) -> None:
    job = await job_of(worker)
    await worker.record(job, await worker.settle(job, await worker.copy(job)))
    worker.disk.forget(job.folder, job.sources[0])


MESSAGES = """
    SELECT m.call_id, caller_number, reason, m.kind, left_at = started_at, file
    FROM messages m JOIN recordings USING (recording_id)
"""
CUTS: list[tuple[Work, ...]] = [(), (until_copied,), (until_named,), (until_recorded,)]
CUTS += [(until_copied, until_named), (until_named, until_named), (until_named, until_copied), (until_recorded, until_copied)]
CUTS += [(until_recorded, until_named), (until_recorded, until_recorded)]


@pytest.mark.parametrize(
    "cuts", [*CUTS, (until_half_cleared,)], ids=lambda cuts: "+".join(cut.__name__ for cut in cuts) or "whole"
)
def test_a_conversation_is_stored_once_wherever_the_worker_is_cut_off(place: Place, cuts: tuple[Work, ...]) -> None:
    place.raw(CALLER, RAW + b"\x01")
    place.raw(AGENT, RAW[:8000] + b"\x01")
    place.raw(f"{ID}.agent.1763740809.9.raw", RAW[:4000])
    ended_call(place)
    place.do(*cuts, one_round, one_round)
    stored = (place.root / CONVERSATION).read_bytes()
    assert place.files() == [CONVERSATION]
    assert stored[44:] == stereo(RAW, RAW[:8000] + RAW[:4000])
    assert place.recordings() == [("conversation", CONVERSATION, ID, 2000, 2, hashlib.sha256(stored).hexdigest())]
    assert place.rows("SELECT r.started_at = c.connected_at FROM recordings r JOIN calls c USING (node, call_id)") == [(True,)]


@pytest.mark.parametrize(
    "cuts", [*CUTS, (until_half_cleared,)], ids=lambda cuts: "+".join(cut.__name__ for cut in cuts) or "whole"
)
def test_a_message_is_stored_once_wherever_the_worker_is_cut_off(place: Place, cuts: tuple[Work, ...]) -> None:
    place.message(speech(2.5))
    place.do(*cuts, one_round, one_round)
    assert place.files() == [MESSAGE]
    assert (place.root / MESSAGE).read_bytes() == speech(2.5)
    assert [row[:5] for row in place.recordings()] == [("message", MESSAGE, ID, 2500, 1)]
    assert place.rows(MESSAGES) == [(ID, "13800000000", "out_of_hours", "message", True, MESSAGE)]


def voices(place: Place) -> list[Voice]:
    """Of the only recording."""
    ((found,),) = place.rows("SELECT voices FROM recordings")
    return msgspec.json.decode(str(found), type=list[Voice])


def test_the_row_knows_every_voice_by_its_samples_and_which_were_torn(place: Place) -> None:
    place.raw(CALLER, RAW)
    place.raw(f"{ID}.agent.1763740801.8+1001.raw", RAW[:8000] + b"\x01")
    place.raw(f"{ID}.other.1763740809.9+110.raw", RAW[:4000])
    ended_call(place)
    place.do(one_round)
    caller, agent, other = voices(place)
    assert caller == Voice(who="caller", channel=ID, to_ms=2000, sha256=hashlib.sha256(RAW).hexdigest())
    sha256 = hashlib.sha256(RAW[:8000]).hexdigest()
    known = {"track": "right", "repaired": True, "to_ms": 500}
    assert agent == Voice(who="agent", name="1001", channel="1763740801.8", sha256=sha256, **known)  # type: ignore[arg-type]
    assert (other.who, other.name, other.from_ms, other.to_ms, other.repaired) == ("other", "110", 500, 750, False)


@pytest.mark.parametrize("ended", [True, False], ids=["resumed", "to the end of the call"])
def test_what_a_recorder_kept_of_a_paused_stretch_is_not_taken_in(place: Place, ended: bool) -> None:
    place.raw(CALLER, RAW)
    place.raw(AGENT, RAW)
    ended_call(place)
    resumed = "connected_at + interval '1.25 seconds'" if ended else "NULL"
    place.rows(f"""
        INSERT INTO recording_pauses (node, call_id, agent, paused_by, paused_at, resumed_at)
        SELECT node, call_id, '1001', '1001', connected_at + interval '0.5 seconds', {resumed} FROM calls
    """)
    place.do(until_named, one_round)
    (row,) = place.recordings()
    stored = (place.root / CONVERSATION).read_bytes()[44:]
    first, last = 4000 * 4, (10008 if ended else 16000) * 4
    whole = stereo(RAW, RAW)
    assert row[1] == CONVERSATION and place.files() == [CONVERSATION]
    assert stored == whole[:first] + bytes(last - first) + whole[last:]


def test_voices_are_named_by_who_sat_there_and_a_manifest_is_made_of_them(place: Place) -> None:
    stamp = (clock.now() - dt.timedelta(minutes=2)).astimezone(dt.UTC)
    name = f"@{stamp:%Y%m%dT%H%M%S}.000.raw"
    place.raw(f"{ID}.caller{name}", RAW)
    for who, leg in (
        ("agent", "n-1763740801.1+1001"),
        ("unit", "n-1763740801.2+83120001"),
        ("supervisor", "n-1763740801.3+1003"),
    ):
        place.raw(f"{ID}.{who}.{leg}{name}", RAW)
    ended_call(place)

    async def known(worker: Worker) -> None:
        del worker
        connection = await asyncpg.connect(place.server.dsn)
        await connection.execute(
            """
            INSERT INTO agents (agent, name, origin) VALUES ('2001', 'x', 'directory');
            INSERT INTO agent_sessions (agent, seat, since, opened_by, opened_how)
            VALUES ('2001', '1001', now() - interval '1 hour', 'x', 'api');
            INSERT INTO supervisions (supervision_id, node, person, role, seat, channel, target, whom, reason, may, mode)
            VALUES (gen_random_uuid(), 'node1', 'li', 'supervisor', '1003', 'n-1763740801.3', 'agent', '2001', 'x', 3, 'barge');
            """
        )
        await connection.close()

    manifests = []

    async def describe(worker: Worker) -> None:
        del worker
        connection = await asyncpg.connect(place.server.dsn)
        manifests.append(await happenings.describe(connection, await connection.fetchval("SELECT recording_id FROM recordings")))
        with pytest.raises(UnknownRecordingError):
            await happenings.describe(connection, 0)
        await connection.close()

    place.do(known, one_round, describe)
    assert [(one.who, one.name) for one in voices(place)] == [
        ("caller", ""), ("agent", "2001"), ("unit", "83120001"), ("supervisor", "li")
    ]  # fmt: skip
    (manifest,) = manifests
    assert [(one.kind, one.from_ms, one.to_ms, one.parties) for one in manifest.segments] == [("barge", 0, 2000, (0, 1, 2, 3))]
    assert (manifest.call_id, manifest.length_ms, manifest.gaps) == (ID, 2000, ())


def test_what_is_taken_in_again_after_it_was_stored_elsewhere_leaves_no_file_behind(place: Place) -> None:
    """The worker died before it cleared, and the pipeline has stored the sound and deleted the WAV file since."""
    place.raw(CALLER)
    place.raw(AGENT)
    ended_call(place)

    async def stored(worker: Worker) -> None:
        connection = await asyncpg.connect(place.server.dsn)
        values = "state = 'stored', manifest = '{}', object = 'x', wrapped_key = ''"
        file = await connection.fetchval(f"UPDATE recordings SET {values} RETURNING file")
        await connection.close()
        (worker.disk.root / file).unlink()

    place.do(until_recorded, stored, one_round)
    assert place.files() == []
    place.raw(AGENT, quiet=120)
    place.do(one_round)
    assert place.files() == []
    assert len(place.recordings()) == 1


@pytest.mark.parametrize("finished", [True, False])
@pytest.mark.parametrize(
    "cuts", [*CUTS, (until_half_cleared,)], ids=lambda cuts: "+".join(cut.__name__ for cut in cuts) or "whole"
)
def test_a_message_of_several_takes_is_stored_once_wherever_the_worker_is_cut_off(
    place: Place, cuts: tuple[Work, ...], finished: bool
) -> None:
    """IVR-08, IVR-09: the take that the caller kept, or the newest that is long enough; nothing of the others is left."""
    known: dict[str, object] = {"kind": "complaint", "reason": "chosen"} | ({"take": 2} if finished else {})
    place.message(speech(9), finished=finished, other=known)
    for number, seconds in ((2, 4.0), (3, 1.0)):
        _aged(place.root / Folder.INBOX / f"{ID}~{number}.wav", speech(seconds), 60)
    ended_call(place, ended=not finished)
    place.do(*cuts, one_round, one_round)
    assert place.files() == [MESSAGE]
    assert (place.root / MESSAGE).read_bytes() == speech(4)
    assert place.rows(MESSAGES) == [(ID, "13800000000", "chosen", "complaint", True, MESSAGE)]


@pytest.mark.parametrize("missing", [None, CALLER, AGENT])
def test_the_stored_conversation_is_a_stereo_wav_with_the_caller_on_the_left(place: Place, missing: str | None) -> None:
    """A minute, in several pieces of the memory that is used; a side that is missing is silence."""
    spoken = {CALLER: b"\x01\x01" * 600_000, AGENT: b"\x02\x02" * 600_000}
    for name, voice in spoken.items():
        if name != missing:
            place.raw(name, voice)
    left, right = (SILENCE * 600_000 if name == missing else voice for name, voice in spoken.items())
    ended_call(place)
    place.do(one_round)
    assert place.files() == [CONVERSATION]
    with wave.open(str(place.root / CONVERSATION), "rb") as reader:
        frames = reader.readframes(reader.getnframes())
        assert (reader.getnchannels(), reader.getframerate(), reader.getsampwidth()) == (2, 8000, 2)
    assert b"".join(frames[i : i + 2] for i in range(0, len(frames), 4)) == left
    assert b"".join(frames[i + 2 : i + 4] for i in range(0, len(frames), 4)) == right


def test_a_three_way_call_is_one_recording_with_everybody_at_the_time_of_speaking(place: Place) -> None:
    """TWC-15: the caller waits for 2 s, and talks with the agent; 1.5 s later a unit speaks at the same time as the agent."""

    def voice(part: str, at: str, seconds: float, sample: int) -> None:
        place.raw(f"{ID}.{part}@20251121T1600{at}.raw", sample.to_bytes(2, "little") * int(8000 * seconds))

    voice("caller", "00.000", 6, 0x0101)
    voice("agent.1763740801.8", "02.000", 4, 0x0202)
    voice("unit.1763740803.9", "03.500", 1.5, 0x0404)
    ended_call(place)
    place.do(one_round)
    assert place.files() == [CONVERSATION]
    with wave.open(str(place.root / CONVERSATION), "rb") as reader:
        frames = memoryview(reader.readframes(reader.getnframes())).cast("h").tolist()
    left, right = frames[0::2], frames[1::2]
    assert left == [0x0101] * 32000
    assert right == [0x0202] * 12000 + [0x0606] * 12000 + [0x0202] * 8000
    (began,) = place.rows("SELECT started_at FROM recordings")[0]
    assert began == dt.datetime(2025, 11, 21, 16, 0, 2, tzinfo=dt.UTC)


def test_an_open_call_keeps_its_file_and_an_unknown_one_gives_it_up_after_ten_minutes(place: Place) -> None:
    place.raw(quiet=5000)
    place.raw("1763740799.8.caller.raw", quiet=590)
    place.raw("1763740799.9.caller.raw", quiet=610)
    ended_call(place, ended=False)
    place.do(one_round)
    assert [row[2] for row in place.recordings()] == ["1763740799.9"]
    assert place.files() == [f"{DAY}/node1-1763740799.9.wav", "spool/1763740799.7.caller.raw", "spool/1763740799.8.caller.raw"]
    assert place.rows("SELECT started_at FROM recordings") == [(None,)]


def test_a_file_that_grows_while_it_is_taken_in_is_left_whole_and_stored_beside_the_first(place: Place) -> None:
    async def grow_before_clearing(worker: Worker) -> None:
        job = await job_of(worker)
        await worker.record(job, await worker.settle(job, await worker.copy(job)))
        place.raw(AGENT, RAW + RAW)
        with pytest.raises(ChangedError):
            await worker.clear(job)
        await worker._attempt(job)

    place.raw()
    place.raw(AGENT)
    ended_call(place)
    place.do(grow_before_clearing)
    assert {file.name for file in (place.root / "spool").iterdir()} == {CALLER, AGENT}
    place.do(one_round)
    assert place.files() == [CONVERSATION, f"{DAY}/node1-{ID}~2.wav"]
    assert [row[3] for row in place.recordings()] == [2000, 4000]


def test_a_stored_file_that_was_lost_is_written_again(place: Place) -> None:
    place.raw()
    ended_call(place)
    place.do(until_recorded)
    (place.root / CONVERSATION).unlink()
    place.do(one_round)
    assert place.files() == [CONVERSATION]
    assert len(place.recordings()) == 1


def test_an_empty_conversation_is_set_aside_and_never_overwrites_another(place: Place) -> None:
    ended_call(place)
    for _ in range(3):
        place.raw(content=b"")
        place.raw(AGENT, b"\x01")
        place.do(one_round)
    names = (AGENT.removesuffix(".raw"), CALLER.removesuffix(".raw"))
    assert place.files() == [f"set-aside/{name}{number}.raw" for name in names for number in ("", "~2", "~3")]
    assert place.recordings() == []


def test_links_and_strange_names_are_left_alone_and_named_once(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    secret = _aged(place.var / "secret", RAW, 9000)
    link = place.root / "spool" / "1763740799.1.caller.raw"
    link.symlink_to(secret)
    os.utime(link, (1, 1), follow_symlinks=False)
    place.raw("a b.raw", quiet=9000)

    async def two_rounds(worker: Worker) -> None:
        await worker.round()
        await worker.round()

    place.do(two_rounds)
    assert place.files() == ["spool/1763740799.1.caller.raw", "spool/a b.raw"]
    assert capsys.readouterr().out.count("does_not_belong_here") == 2
    assert place.recordings() == []


def test_a_link_that_takes_the_place_of_a_listed_file_is_not_followed(place: Place) -> None:
    path = place.raw()
    ended_call(place)

    async def swap(worker: Worker) -> None:
        job = await job_of(worker)
        path.rename(place.var / "elsewhere")
        path.symlink_to(place.var / "elsewhere")
        with pytest.raises(OSError, match="symbolic links") as caught:
            await worker.copy(job)
        assert caught.value.errno == errno.ELOOP

    place.do(swap)


def test_a_killed_recorder_leaves_a_message_that_is_repaired(place: Place) -> None:
    torn = bytearray(speech(2.0) + b"\x01")
    torn[4:8] = torn[40:44] = b"\x00\x00\x00\x00"
    place.message(bytes(torn), finished=False)
    ended_call(place)
    place.do(one_round)
    assert (place.root / MESSAGE).read_bytes() == speech(2.0)
    assert place.files() == [MESSAGE]


@pytest.mark.parametrize(
    ("content", "other"),
    [
        (speech(1.99), {}),
        (b"", {}),
        (speech(0), {}),
        (b"no wave", {}),
        (speech(2), {"reason": "boredom"}),
        (speech(2), {"call_id": "\x00"}),
        (speech(2), {"node": "../../x"}),
    ],
    ids=["short", "nothing", "header only", "not a wave", "bad reason", "no call", "path"],
)
def test_a_message_that_is_no_message_is_set_aside_with_its_sidecar(
    place: Place, content: bytes, other: dict[str, object]
) -> None:
    place.message(content, other=other)
    ended_call(place)
    place.do(one_round)
    assert place.files() == [f"set-aside/{ID}.json", f"set-aside/{ID}.wav"]
    assert place.recordings() == []


@pytest.mark.parametrize("lost", ["json", "wav"])
def test_half_a_message_is_set_aside(place: Place, lost: str) -> None:
    place.message(speech(2))
    ended_call(place)
    (place.root / Folder.INBOX / f"{ID}.{lost}").unlink()
    place.do(one_round)
    assert place.files() == [f"set-aside/{ID}.{'wav' if lost == 'json' else 'json'}"]


def test_a_caller_number_of_any_text_is_stored_as_it_is(place: Place) -> None:
    number = "'; DROP TABLE calls; -- \U0001f600\n市民${SHELL(id)}" + "9" * 300
    place.message(speech(2), other={"caller_number": number})
    place.do(one_round)
    assert place.rows("SELECT caller_number FROM messages") == [(number,)]


def test_one_file_that_fails_does_not_hold_up_the_others(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    place.raw("1763740799.1.caller.raw", quiet=9000)
    place.raw("1763740799.2.caller.raw", quiet=8000)
    (place.root / f"{DAY}/node1-1763740799.1.wav").mkdir(parents=True)
    place.do(one_round)
    assert [row[2] for row in place.recordings()] == ["1763740799.2"]
    assert (place.root / "spool" / "1763740799.1.caller.raw").exists()
    assert "failed" in capsys.readouterr().out


def test_a_database_whose_migrations_are_under_way_is_waited_for(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """It is no fault of the file, which would be tried again a minute later."""
    place.raw(quiet=9000)
    place.owner("ALTER TABLE recordings RENAME COLUMN state TO state_to_be")
    place.do(one_round)
    said = capsys.readouterr().out
    assert "database_away" in said and "failed" not in said
    place.owner("ALTER TABLE recordings RENAME COLUMN state_to_be TO state")
    place.do(one_round)
    assert place.files() == [CONVERSATION]


def test_the_file_name_of_another_call_is_not_taken_over(place: Place) -> None:
    row = Row(
        node="node1", call_id="a", kind="conversation", file="x.wav", started_at=None, length_ms=1, channels=2, sha256="aa"
    )  # fmt: skip

    async def add(worker: Worker) -> None:
        await worker._store.add(row)
        await worker._store.add(row)
        with pytest.raises(FileTakenError):
            await worker._store.add(msgspec.structs.replace(row, call_id="b"))

    place.do(add)
    assert len(place.recordings()) == 1


def test_a_full_disk_raises_an_alarm_and_loses_nothing(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    """A file size limit of the process (EFBIG) stands for the full disk: both cut a write short and then refuse it."""
    path = place.raw(content=RAW * 40)
    ended_call(place)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)

    async def round_without_room(worker: Worker) -> None:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, limit[1]))
        try:
            await worker.round()
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    place.do(round_without_room)
    assert place.files() == [f"spool/{CALLER}"]
    assert path.read_bytes() == RAW * 40
    assert "disk_full" in capsys.readouterr().out
    place.do(one_round)
    assert place.files() == [CONVERSATION]


def test_the_sign_of_life_tells_the_backlog(place: Place) -> None:
    place.raw(quiet=100)
    ended_call(place, ended=False)
    place.do(one_round)
    alive = json.loads((place.var / "run" / "recordings.alive").read_bytes())
    assert alive["backlog"] == 1
    assert 100 <= alive["oldest_seconds"] < 110


def test_one_worker_at_a_time_works_on_a_folder(tmp_path: Path) -> None:
    with lock(tmp_path), pytest.raises(AlreadyRunningError):
        lock(tmp_path)
    lock(tmp_path).close()


# The whole process.


@pytest.fixture
def environment(place: Place, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """What a worker process of its own needs: settings, credentials, folder."""
    (place.var / "hotline.toml").write_text("[recordings]\nworkers = 0\n")
    monkeypatch.setenv("HOTLINE_VAR", str(place.var))
    monkeypatch.setenv("HOTLINE_CONFIG", str(place.var / "hotline.toml"))
    credentials._write(place.server.credentials)
    return dict(os.environ)


def start(environment: dict[str, str], log: Path) -> subprocess.Popen[bytes]:
    with log.open("ab") as file:
        return subprocess.Popen([sys.executable, "-m", "recordings"], cwd=paths.TREE, env=environment, stdout=file, stderr=file)


def wait_until(true: Callable[[], bool], *, log: Path, seconds: float = 90) -> None:
    deadline = clock.monotonic() + seconds
    pause = asyncio.run
    while not true():
        assert clock.monotonic() < deadline, log.read_text()
        pause(asyncio.sleep(0.02))


def test_a_worker_killed_again_and_again_stores_every_conversation_once(place: Place, environment: dict[str, str]) -> None:
    ids = [f"1763740799.{n}" for n in range(60)]
    for n, call_id in enumerate(ids):
        place.raw(f"{call_id}.caller.raw", content=RAW + bytes([n]) * 4, quiet=1000)
        place.raw(f"{call_id}.agent.{call_id}9.raw", content=RAW, quiet=1000)
    log = place.var / "log"
    spool = place.root / Folder.SPOOL
    for left in (110, 89, 61, 20):
        process = start(environment, log)
        wait_until(lambda left=left: len(list(spool.iterdir())) <= left, log=log)  # type: ignore[misc]
        process.kill()
        process.wait()
    process = start(environment, log)
    wait_until(lambda: not list(spool.iterdir()), log=log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0, log.read_text()
    assert [row[2] for row in place.recordings()] == sorted(ids)
    assert place.files() == sorted(f"{DAY}/node1-{call_id}.wav" for call_id in ids)


def test_postgresql_away_at_the_start_and_in_the_middle_loses_nothing(
    tmp_path: Path, new_postgres: type[Postgres], monkeypatch: pytest.MonkeyPatch
) -> None:
    server = new_postgres(tmp_path / "pg")
    place = Place(tmp_path / "var", server)
    (place.var / "hotline.toml").write_text("[recordings]\nworkers = 0\n")
    monkeypatch.setenv("HOTLINE_VAR", str(place.var))
    monkeypatch.setenv("HOTLINE_CONFIG", str(place.var / "hotline.toml"))
    credentials._write(server.credentials)
    place.raw("1763740799.1.caller.raw", quiet=1000)
    log = place.var / "log"
    process = start(dict(os.environ), log)
    wait_until(lambda: "database_away" in log.read_text(), log=log)
    server.start()
    asyncio.run(migrate(server.owner))
    stored = place.root / DAY / "node1-1763740799.1.wav"
    wait_until(lambda: stored.exists() and not list((place.root / Folder.SPOOL).iterdir()), log=log)
    server.kill()
    place.raw("1763740799.2.caller.raw", quiet=1000)
    wait_until(lambda: log.read_text().count("database_away") == 2, log=log)
    assert (place.root / Folder.SPOOL / "1763740799.2.caller.raw").exists()
    server.start()
    wait_until(lambda: not list((place.root / Folder.SPOOL).iterdir()), log=log)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=10) == 0, log.read_text()
    assert [row[2] for row in place.recordings()] == ["1763740799.1", "1763740799.2"]
    server.stop()


async def migrate(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    await database.migrate(connection)
    await connection.close()


def test_a_worker_without_credentials_says_so_and_leaves_with_2(tmp_path: Path) -> None:
    environment = dict(os.environ) | {"HOTLINE_VAR": str(tmp_path), "HOTLINE_CONFIG": "/dev/null"}
    done = subprocess.run(
        [sys.executable, "-m", "recordings"], cwd=paths.TREE, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert "credentials.json" in done.stderr
    assert "Traceback" not in done.stderr
