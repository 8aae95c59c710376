"""The keys of recordings: made once, never overwritten, added, removed, and noticed when they are not what they should be."""

from __future__ import annotations

import base64
import datetime as dt
import json
import stat
import threading
from pathlib import Path

import pytest

from hotline import clock
from recordings.storage import keys
from recordings.storage.errors import KeyInUseError, KeysError, LostKeyError, WrongKeyError
from recordings.storage.keys import Keyring

NAME = "2026/11/22/node1-1.1.opus"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    keys.make(tmp_path / "recording-keys.json")
    return tmp_path / "recording-keys.json"


def test_the_file_is_its_owners_alone_and_is_never_made_twice(file: Path) -> None:
    content = file.read_bytes()
    keys.make(file)
    assert file.read_bytes() == content
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert list(file.parent.iterdir()) == [file]
    said = json.loads(content)
    assert len(base64.b64decode(said["keys"][said["current"]])) == 32


def test_of_many_that_make_it_at_once_one_wins(tmp_path: Path) -> None:
    file, seen = tmp_path / "keys.json", set[str]()
    gate = threading.Barrier(8)

    def make() -> None:
        gate.wait()
        keys.make(file)
        seen.add(Keyring(file).current)

    threads = [threading.Thread(target=make) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(seen) == 1 and list(tmp_path.iterdir()) == [file]


def test_what_is_wrapped_is_unwrapped_for_its_own_recording_alone(file: Path) -> None:
    ring, key = Keyring(file), keys.data_key()
    key_id, wrapped = ring.wrap(key, NAME)
    assert ring.unwrap(key_id, wrapped, NAME) == key and key not in wrapped
    for name, content in (
        (NAME.replace("1.1", "2.1"), wrapped),
        (NAME, wrapped[:-1] + bytes([wrapped[-1] ^ 1])),
        (NAME, b""),
        (NAME, b"x" * 5),
    ):
        with pytest.raises(WrongKeyError):
            ring.unwrap(key_id, content, name)


def test_a_ring_that_is_open_sees_a_key_that_another_process_added(file: Path) -> None:
    one, other = Keyring(file), Keyring(file)
    old = one.wrap(keys.data_key(), NAME)
    fresh = other.add()
    assert one.current == fresh and len(one.ids) == 2
    assert one.wrap(keys.data_key(), NAME)[0] == fresh
    assert other.unwrap(*old, NAME) == one.unwrap(*old, NAME)


def test_keys_added_at_once_are_all_there(file: Path) -> None:
    threads = [threading.Thread(target=lambda: Keyring(file).add()) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Keyring(file).ids) == 7


def test_a_key_is_removed_only_when_it_has_long_had_a_successor(file: Path) -> None:
    ring = Keyring(file)
    old = ring.current
    with pytest.raises(KeyInUseError):
        ring.remove(old, clock.now() + dt.timedelta(days=9))
    wrapped = ring.wrap(keys.data_key(), NAME)
    fresh = ring.add()
    with pytest.raises(KeyInUseError):
        ring.remove(old, clock.now())
    with pytest.raises(LostKeyError):
        ring.remove("k1", clock.now())
    ring.remove(old, clock.now() + keys.AT_REST)
    assert ring.ids == [fresh]
    with pytest.raises(LostKeyError, match="backup"):
        ring.unwrap(*wrapped, NAME)


def test_a_file_that_is_gone_is_an_error_and_not_made_anew(file: Path) -> None:
    ring = Keyring(file)
    file.rename(file.with_name("elsewhere"))
    for attempt in (lambda: ring.wrap(keys.data_key(), NAME), ring.add, lambda: Keyring(file)):
        with pytest.raises(LostKeyError, match="backup"):
            attempt()
    assert not file.exists()
    file.with_name("elsewhere").rename(file)
    assert ring.unwrap(*ring.wrap(bytes(32), NAME), NAME) == bytes(32)


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[]", b'{"current": "a", "keys": {}}', b'{"current": "a", "keys": {"a": "AAAA"}}',
     b'{"current": "a", "keys": {"a": "!!"}}', b'{"current": "a", "keys": {"a": 1}}'],
)  # fmt: skip
def test_a_file_that_is_broken_is_an_error_and_stays_as_it_is(file: Path, content: bytes) -> None:
    file.write_bytes(content)
    with pytest.raises(KeysError, match="backup"):
        Keyring(file)
    assert file.read_bytes() == content


def test_a_file_that_others_can_read_is_refused(file: Path) -> None:
    file.chmod(0o640)
    with pytest.raises(KeysError, match="chmod 600"):
        Keyring(file)
