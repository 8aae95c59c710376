"""What must not be lost is on disk, whole and closed to others, when ``put`` returns."""

from __future__ import annotations

import errno
import json
import os
import uuid
from pathlib import Path

import pytest

from hotline import outbox


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "a b"))
    return tmp_path / "a b"


def test_a_thing_kept_is_one_closed_file_with_its_uuid_and_time(var: Path) -> None:
    outbox.put("survey", {"call_id": "1.1", "rating": "满意"})
    (file,) = outbox.folder().iterdir()
    key, kind, ending = file.name.split(".")
    content = json.loads(file.read_bytes())
    assert (str(uuid.UUID(key)), kind, ending) == (key, "survey", "json")
    assert content.pop("at").endswith("+00:00")
    assert content == {"id": key, "call_id": "1.1", "rating": "满意"}
    assert file.stat().st_mode & 0o777 == 0o600
    assert outbox.folder().stat().st_mode & 0o777 == 0o700


def test_the_values_do_not_replace_uuid_and_time() -> None:
    outbox.put("fax", {"id": "mine", "at": "never"})
    (file,) = outbox.folder().iterdir()
    assert json.loads(file.read_bytes())["id"] == file.name[:36]


def test_a_kind_that_nobody_drains_is_refused() -> None:
    with pytest.raises(ValueError, match="letter"):
        outbox.put("letter", {})


@pytest.mark.parametrize("step", ["write", "fsync", "replace"])
def test_a_full_disk_is_said_and_leaves_nothing(var: Path, step: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    places = {"write": (os, "open"), "fsync": (os, "fsync"), "replace": (Path, "replace")}
    monkeypatch.setattr(*places[step], full)
    with pytest.raises(OSError, match="the disk is full; callback was not kept") as raised:
        outbox.put("callback", {"call_id": "1"})
    assert raised.value.errno == errno.ENOSPC
    monkeypatch.undo()
    assert list((var / "outbox").iterdir()) == []


def test_a_really_full_disk_is_said_and_leaves_nothing(var: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def onto_the_full_device(file: Path, flags: int, mode: int) -> int:
        os.close(os_open(file, flags, mode))
        return os_open("/dev/full", os.O_WRONLY)

    os_open = os.open
    outbox.folder().mkdir(parents=True)
    monkeypatch.setattr(os, "open", onto_the_full_device)
    with pytest.raises(OSError, match="the disk is full"):
        outbox.put("survey", {"call_id": "1"})
    assert list((var / "outbox").iterdir()) == []


def test_a_folder_that_cannot_be_made_is_an_error(var: Path) -> None:
    var.mkdir()
    (var / "outbox").write_text("a file")
    with pytest.raises(OSError, match=r"."):
        outbox.put("survey", {})
