"""Sealed recordings: any stretch of them is what was sealed, and whatever is done to them is noticed (SEC-15)."""

from __future__ import annotations

import hashlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from recordings.storage import keys, port, sealed
from recordings.storage.errors import BadNameError, DamagedError, StorageError, WrongKeyError
from recordings.storage.sealed import CHUNK, HEAD, TAG, Reader

NAME, OTHER = "2026/11/22/node1-1.1.opus", "2026/11/22/node1-2.1.opus"
KEY = bytes(range(32))
WHOLE = CHUNK + TAG
LENGTHS = st.sampled_from((0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 777))


def plain_of(length: int) -> bytes:
    return (hashlib.sha256(str(length).encode()).digest() * (length // 32 + 1))[:length]


def sealed_of(plain: bytes, key: bytes = KEY, name: str = NAME) -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "plain", Path(folder) / "sealed"
        source.write_bytes(plain)
        size, sha256 = sealed.seal(source, target, key, name)
        content = target.read_bytes()
    assert (size, sha256) == (len(content), hashlib.sha256(content).hexdigest())
    return content


def reader(content: bytes, key: bytes = KEY, name: str = NAME) -> Reader:
    return Reader(lambda start, count: content[start : start + count], len(content), key, name)


SEALED = {length: sealed_of(plain_of(length)) for length in (0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 3 * CHUNK + 777)}


@settings(deadline=None)
@given(LENGTHS, st.integers(-5, 4 * CHUNK), st.integers(-5, 4 * CHUNK))
def test_any_stretch_is_that_of_the_plain_recording(length: int, start: int, count: int) -> None:
    plain, found = plain_of(length), reader(SEALED[length])
    assert found.size == length
    assert found.read(start, count) == (plain[start : start + max(count, 0)] if start >= 0 else b"")


@pytest.mark.parametrize("length", SEALED)
def test_the_whole_is_opened_and_its_hash_is_the_plain_ones(length: int) -> None:
    assert reader(SEALED[length]).check() == hashlib.sha256(plain_of(length)).hexdigest()


def test_a_stretch_touches_its_own_chunks_alone() -> None:
    touched, content = [], SEALED[3 * CHUNK + 777]

    def read(start: int, count: int) -> bytes:
        touched.append((start, count))
        return content[start : start + count]

    found = Reader(read, len(content), KEY, NAME)
    found.read(CHUNK + 5, 10)
    found.read(2 * CHUNK - 1, 2)
    assert touched == [(0, HEAD), (HEAD + WHOLE, WHOLE), (HEAD + WHOLE, 2 * WHOLE)]


@settings(deadline=None)
@given(LENGTHS, st.data())
def test_any_changed_byte_is_noticed(length: int, data: st.DataObject) -> None:
    content = bytearray(SEALED[length])
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises((DamagedError, WrongKeyError)):
        reader(bytes(content)).check()


@settings(deadline=None)
@given(LENGTHS, st.data())
def test_any_truncation_and_anything_put_behind_is_noticed(length: int, data: st.DataObject) -> None:
    content = SEALED[length]
    cut = data.draw(st.integers(0, len(content) - 1))
    for wrong in (content[:cut], content + b"\0" * (cut + 1), content[: HEAD + cut // WHOLE * WHOLE]):
        if wrong != content:
            with pytest.raises((DamagedError, WrongKeyError)):
                reader(wrong).check()


def test_chunks_that_change_places_or_are_left_out_or_doubled_are_noticed() -> None:
    content = SEALED[3 * CHUNK]
    head, *chunks = content[:HEAD], *(content[at : at + WHOLE] for at in range(HEAD, len(content), WHOLE))
    for order in ((1, 0, 2), (0, 2), (0, 0, 2), (0, 1, 1, 2), (0, 1), (2,)):
        with pytest.raises(DamagedError):
            reader(head + b"".join(chunks[number] for number in order)).check()


def test_a_chunk_of_another_recording_is_noticed_though_the_key_is_the_same() -> None:
    one, other = sealed_of(plain_of(3 * CHUNK)), sealed_of(plain_of(3 * CHUNK))
    with pytest.raises(DamagedError):
        reader(one[: HEAD + WHOLE] + other[HEAD + WHOLE :]).check()


def test_a_recording_under_another_name_or_with_another_key_does_not_open() -> None:
    with pytest.raises(DamagedError):
        reader(SEALED[CHUNK], name=OTHER).check()
    with pytest.raises(WrongKeyError):
        reader(SEALED[CHUNK], key=keys.data_key())


@given(st.binary(max_size=300))
def test_what_is_no_sealed_recording_is_said_so(content: bytes) -> None:
    with pytest.raises(StorageError):
        reader(content).check()


@settings(deadline=None)
@given(st.integers(0, 300000))
def test_sealing_the_same_twice_gives_nothing_alike(length: int) -> None:
    plain = plain_of(length % 1000)
    one, other = sealed_of(plain), sealed_of(plain)
    assert one[HEAD:] != other[HEAD:] and len(one) == len(other)


BAD = ("", "/etc/passwd", "../2026/11/22/a.opus", "2026/11/22/../../../x.opus", "2026/11/22/.hidden.opus", "2026/11/22/a.wav",
       "2026/11/22/a/b.opus", "2026/11/22/a.opus\n", "2026/11/22/a\0.opus", "2026/11/22/ä.opus", "2026/11/22/a b.opus",
       "2026/1/2/a.opus", "٢٠٢٦/11/22/a.opus", "2026/11/22/" + "a" * 300 + ".opus")  # fmt: skip


@pytest.mark.parametrize("name", BAD)
def test_a_name_that_is_not_one_of_a_recording_is_refused(name: str) -> None:
    with pytest.raises(BadNameError):
        port.checked(name)


def test_names_are_those_of_the_wav_file_with_other_endings() -> None:
    assert port.sound_name("2026/11/22/node1-1763740799.7~2.wav") == "2026/11/22/node1-1763740799.7~2.opus"
    assert port.envelope_name("2026/11/22/node1-1763740799.7~2.opus") == "2026/11/22/node1-1763740799.7~2.manifest"
    for wrong in ("../../etc/passwd.wav", "/x.wav"):
        with pytest.raises(BadNameError):
            port.sound_name(wrong)
