"""The journal: what was written is read, whatever happened to the file's end; a refusing disk stops the journal alone."""

from __future__ import annotations

import datetime as dt
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import journal
from ami_bridge.journal import Entry, Journal, Kind
from hotline import paths

NOW = dt.datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=dt.UTC)


def entries(folder: Path) -> list[Entry]:
    return [entry for _, path in journal.segments(folder) for entry in journal.read(path)]


def test_what_was_written_is_read_with_its_time_and_connection(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    book.connection = 3
    assert book.write(Kind.STREAM, NOW, b"one")
    assert book.write(Kind.ALIVE, NOW + dt.timedelta(microseconds=1), b"")
    assert entries(tmp_path) == [
        Entry(Kind.STREAM, NOW, 3, b"one"),
        Entry(Kind.ALIVE, NOW + dt.timedelta(microseconds=1), 3, b""),
    ]


def test_each_segment_begins_with_its_heading_as_it_is_then(tmp_path: Path) -> None:
    known = [b"first", b"second"]
    book = Journal(tmp_path, heading=lambda: (Kind.KNOWN, known.pop(0)))
    for payload in (b"one", b"two"):
        book.write(Kind.STREAM, NOW, payload)
        book.write(Kind.ALIVE, NOW, b"")
        book.rotate()
    assert [(entry.kind, entry.payload) for entry in entries(tmp_path)] == [
        (Kind.KNOWN, b"first"),
        (Kind.STREAM, b"one"),
        (Kind.ALIVE, b""),
        (Kind.KNOWN, b"second"),
        (Kind.STREAM, b"two"),
        (Kind.ALIVE, b""),
    ]


def test_a_segment_that_is_still_being_written_is_readable_to_its_last_record(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    for number in range(100):
        book.write(Kind.STREAM, NOW, str(number).encode())
        assert entries(tmp_path)[-1].payload == str(number).encode()


@given(st.data())
def test_a_file_torn_anywhere_gives_every_record_that_was_complete(
    tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("torn")
    book, sizes = Journal(folder), []
    payloads = data.draw(st.lists(st.binary(max_size=300), min_size=1, max_size=8))
    (path,) = [folder / "0000000001.journal"]
    for payload in payloads:
        book.write(Kind.STREAM, NOW, payload)
        sizes.append(path.stat().st_size)
    length = data.draw(st.integers(0, 10_000)) % (sizes[-1] + 1)
    os.truncate(path, length)
    complete = sum(size <= length for size in sizes)
    assert [entry.payload for entry in entries(folder)][:complete] == payloads[:complete]


def test_a_damaged_middle_keeps_what_came_before(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    path = tmp_path / "0000000001.journal"
    book.write(Kind.STREAM, NOW, b"good")
    size = path.stat().st_size
    book.write(Kind.STREAM, NOW, os.urandom(1000))
    with path.open("r+b") as file:
        file.seek(size)
        file.write(b"\xff" * 20)
    assert [entry.payload for entry in entries(tmp_path)][:1] == [b"good"]


@given(place=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_one_bit_that_fell_over_ends_a_segment_and_not_the_bridge(
    tmp_path_factory: pytest.TempPathFactory, place: float, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("flipped")
    book, payloads = Journal(folder), [f"Event: Hangup\r\nUniqueid: n-{n}.{n * 7919}\r\n\r\n".encode() for n in range(60)]
    for payload in payloads:
        book.write(Kind.STREAM, NOW, payload)
    path = folder / "0000000001.journal"
    content = bytearray(path.read_bytes())
    content[2 + int(place * (len(content) - 2))] ^= 1 << bit
    path.write_bytes(content)
    for found in entries(folder):
        assert isinstance(found.payload, bytes)


def test_kill_9_in_the_middle_of_writing_loses_no_record_that_was_written(tmp_path: Path) -> None:
    program = (
        "import sys, datetime as dt; from pathlib import Path; from ami_bridge.journal import Journal, Kind\n"
        "book = Journal(Path(sys.argv[1])); n = 0\n"
        "while True:\n"
        " book.write(Kind.STREAM, dt.datetime(2026, 1, 1, tzinfo=dt.UTC), str(n).encode()); n += 1; print(n, flush=True)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program, str(tmp_path)], stdout=subprocess.PIPE, cwd=paths.TREE)
    assert process.stdout
    for line in process.stdout:
        if int(line) >= 300:
            break
    process.kill()
    said = [int(line) for line in process.stdout.read().split()]
    process.stdout.close()
    process.wait()
    assert [int(entry.payload) for entry in entries(tmp_path)][: max(said, default=300)] == list(range(max(said, default=300)))


def test_a_new_segment_begins_by_size_by_age_and_when_asked(tmp_path: Path) -> None:
    book = Journal(tmp_path, segment_bytes=1000)
    for _ in range(10):
        book.write(Kind.STREAM, NOW, os.urandom(400))
    assert len(journal.segments(tmp_path)) == 4
    aged = Journal(tmp_path, segment_seconds=0)
    aged.write(Kind.STREAM, NOW, b"a")
    aged.write(Kind.STREAM, NOW, b"b")
    assert len(journal.segments(tmp_path)) == 6
    book = Journal(tmp_path)
    book.write(Kind.STREAM, NOW, b"c")
    book.rotate()
    book.write(Kind.STREAM, NOW, b"d")
    assert [number for number, _ in journal.segments(tmp_path)] == list(range(1, 9))
    assert book.segment == 8
    assert len(entries(tmp_path)) == 14


def test_only_segments_that_are_old_and_not_needed_are_removed(tmp_path: Path) -> None:
    book = Journal(tmp_path)
    for _ in range(4):
        book.write(Kind.STREAM, NOW, b"x")
        book.rotate()
    for number in (1, 2, 4):
        os.utime(tmp_path / f"{number:010d}.journal", (0, 0))
    assert book.prune(before_segment=4, older_than=NOW - dt.timedelta(days=30)) == 2
    assert [number for number, _ in journal.segments(tmp_path)] == [3, 4]


def test_a_full_disk_stops_the_journal_and_not_the_caller_and_it_writes_again_later(tmp_path: Path) -> None:
    book = Journal(tmp_path, retry_seconds=0)
    assert book.write(Kind.STREAM, NOW, b"before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (300, hard))
    try:
        assert not book.write(Kind.STREAM, NOW, os.urandom(5000))
        assert not book.write(Kind.STREAM, NOW, os.urandom(5000))
        assert book.failed_since == NOW
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert book.write(Kind.STREAM, NOW, b"after")
    assert book.failed_since is None
    assert [entry.payload for entry in entries(tmp_path)] == [b"before", b"after"]


def test_a_refusing_disk_is_not_asked_at_every_event(tmp_path: Path) -> None:
    book = Journal(tmp_path / "gone", retry_seconds=60)
    (tmp_path / "gone").rmdir()
    assert not book.write(Kind.STREAM, NOW, b"x")
    (tmp_path / "gone").mkdir()
    assert not book.write(Kind.STREAM, NOW, b"x")
