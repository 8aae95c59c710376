"""Recordings in a folder: whole or not at all, by their own names, and never outside of it."""

from __future__ import annotations

import errno
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from recordings.errors import DiskFullError
from recordings.storage.errors import BadNameError, NotStoredError, StorageAwayError
from recordings.storage.local import LocalStorage

NAME, OTHER = "2026/11/22/node1-1.1.opus", "2026/11/23/node1-2.1.opus"


@pytest.fixture
def storage(tmp_path: Path) -> LocalStorage:
    return LocalStorage(tmp_path / "stored")


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(bytes(range(256)) * 1000)
    return file


def test_what_is_put_is_read_by_ranges_and_listed(storage: LocalStorage, source: Path) -> None:
    storage.put(NAME, source)
    storage.put(NAME, source)
    storage.put_bytes(OTHER.replace(".opus", ".manifest"), b"{}")
    assert storage.size(NAME) == 256000
    assert (
        storage.read(NAME, 255, 3) == b"\xff\0\1"
        and storage.read(NAME, 255999, 10) == b"\xff"
        and not storage.read(NAME, 10**9, 1)
    )
    assert list(storage.names()) == [NAME, OTHER.replace(".opus", ".manifest")]
    assert not [name for _, _, files in os.walk(storage.folder) for name in files if name.startswith(".")]


def test_what_was_left_half_is_written_over(storage: LocalStorage, source: Path) -> None:
    storage.put_bytes(NAME, b"x")
    (storage.folder / "2026/11/22/.node1-1.1.opus.part").write_bytes(b"half" * 100_000)
    assert list(storage.names()) == [NAME]
    storage.put(NAME, source)
    assert [file.name for file in (storage.folder / "2026/11/22").iterdir()] == ["node1-1.1.opus"]
    assert storage.size(NAME) == 256000


def test_what_a_killed_process_left_is_swept_when_it_is_old_and_ours(storage: LocalStorage, tmp_path: Path) -> None:
    storage.put_bytes(NAME, b"x")
    folder, outside = storage.folder / "2026/11/22", tmp_path / "outside"
    outside.mkdir()
    swept = [folder / ".node1-3.1.opus.part", folder / ".node1-3.1.manifest.part"]
    young = folder / ".node1-4.1.opus.part"
    others = [
        folder / ".notes.part",
        folder / "node1-3.1.opus.part",
        storage.folder / ".node1-3.1.opus.part",
        outside / ".x.opus.part",
    ]
    for file in (*swept, young, *others):
        file.write_bytes(b"half")
        os.utime(file, (0, 0))
    os.utime(young)
    os.utime(folder / "node1-1.1.opus", (0, 0))
    (folder / ".a-folder.opus.part").mkdir()
    (folder / ".link.opus.part").symlink_to(outside / ".x.opus.part")
    (storage.folder / "2026/11/24").symlink_to(outside)
    assert (storage.sweep(), storage.sweep()) == (2, 0)
    assert not any(file.exists() for file in swept) and all(file.exists() for file in (young, *others))
    assert list(storage.names()) == [NAME]


@pytest.mark.parametrize("taken", ["node1-1.1.opus", ".node1-1.1.opus.part"])
def test_a_name_that_a_folder_has_is_a_fault_of_that_recording_and_not_a_storage_that_is_away(
    storage: LocalStorage, source: Path, taken: str
) -> None:
    (storage.folder / "2026/11/22" / taken).mkdir(parents=True)
    with pytest.raises(BadNameError):
        storage.put(NAME, source)
    storage.put(OTHER, source)


def test_what_is_not_there_is_said_so_and_deleting_it_is_no_error(storage: LocalStorage, source: Path) -> None:
    for attempt in (lambda: storage.read(NAME, 0, 1), lambda: storage.size(NAME)):
        with pytest.raises(NotStoredError):
            attempt()
    storage.delete(NAME)
    storage.put(NAME, source)
    storage.delete(NAME)
    storage.delete(NAME)
    assert list(storage.names()) == []


def test_nothing_outside_of_the_folder_is_read_written_or_deleted(storage: LocalStorage, source: Path, tmp_path: Path) -> None:
    storage.put(NAME, source)
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x.opus").write_bytes(b"secret")
    (storage.folder / "2026/11/24").symlink_to(outside)
    (storage.folder / "2026/11/22/link.opus").symlink_to(outside / "x.opus")
    os.mkfifo(storage.folder / "2026/11/22/pipe.opus")
    for name in (
        "2026/11/24/x.opus",
        "2026/11/22/link.opus",
        "2026/11/22/pipe.opus",
        "../outside/x.opus",
        str(outside / "x.opus"),
    ):
        with pytest.raises(BadNameError):
            storage.read(name, 0, 9)
        with pytest.raises(BadNameError):
            storage.size(name)
    for name in ("2026/11/24/x.opus", "../outside/x.opus"):
        with pytest.raises(BadNameError):
            storage.put(name, source)
        with pytest.raises(BadNameError):
            storage.delete(name)
    storage.put("2026/11/22/link.opus", source)  # the link goes, not what it led to
    assert (outside / "x.opus").read_bytes() == b"secret" and [file.name for file in outside.iterdir()] == ["x.opus"]


def test_a_full_disk_is_told_and_leaves_nothing_half(storage: LocalStorage, source: Path, tmp_path: Path) -> None:
    storage.put(NAME, source)
    program = (
        "import sys, pathlib, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "from recordings.storage.local import LocalStorage\n"
        "from recordings.errors import DiskFullError\n"
        "try: LocalStorage(pathlib.Path(sys.argv[1])).put(sys.argv[3], pathlib.Path(sys.argv[2]))\n"
        "except DiskFullError: sys.exit(7)\n"
    )
    for name in (NAME, OTHER):
        done = subprocess.run(
            [sys.executable, "-c", program, storage.folder, source, name],
            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
            check=False,
        )
        assert done.returncode == 7
    assert storage.size(NAME) == 256000
    assert list(storage.names()) == [NAME]
    assert not [name for _, _, files in os.walk(storage.folder) for name in files if name.startswith(".")]


def test_a_disk_that_refuses_is_a_full_disk_or_away(storage: LocalStorage, monkeypatch: pytest.MonkeyPatch) -> None:
    for number, expected in ((errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EIO, StorageAwayError)):

        def refuse(*_: object, number: int = number, **__: object) -> None:
            raise OSError(number, os.strerror(number))

        with monkeypatch.context() as patch, pytest.raises(expected):
            patch.setattr("os.rename", refuse)
            storage.put_bytes(NAME, b"x")
    assert list(storage.names()) == []


def test_a_configured_folder_that_is_not_mounted_is_away_and_not_made(tmp_path: Path) -> None:
    storage = LocalStorage(tmp_path / "mount", must_exist=True)
    for attempt in (lambda: storage.put_bytes(NAME, b"x"), lambda: storage.size(NAME), lambda: list(storage.names())):
        with pytest.raises(StorageAwayError, match="mounted"):
            attempt()
    assert not (tmp_path / "mount").exists()
