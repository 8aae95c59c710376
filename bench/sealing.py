"""Sealing and opening a recording, beside AES-256-GCM of the same bytes at once in memory, and beside a plain copy of the file.

Sealing is the whole way: read, encrypt in chunks, hash what is written, write, flush; opening reads the file by ranges of 1 MiB.
Megabytes a second of CPU, so that what else the machine does counts little; in turns, medians of the rounds. A round whose opened
bytes are not the plain ones is an error.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from bench.figure import Figure, say
from recordings.storage import keys, sealed
from recordings.storage.sealed import Reader

MEGABYTES = int(os.environ.get("BENCH_SEALING_MEGABYTES", "64"))
ROUNDS = 7
_NAME, _PIECE = "2026/11/22/node1-1.1.opus", 1 << 20


def measure() -> list[Figure]:
    """Megabytes a second of CPU, each way."""
    with tempfile.TemporaryDirectory() as folder:
        source, target, copied = (Path(folder) / name for name in ("plain", "sealed", "copied"))
        plain, key = secrets.token_bytes(MEGABYTES << 20), keys.data_key()
        source.write_bytes(plain)
        digest = hashlib.sha256(plain).hexdigest()
        ways: dict[str, Callable[[], object]] = {
            "seal": lambda: sealed.seal(source, target, key, _NAME),
            "open": lambda: _opened(target, key),
            "copy": lambda: _copy(source, copied),
            "encrypt": lambda: AESGCM(key).encrypt(bytes(12), plain, None),
            "hash": lambda: hashlib.sha256(plain).digest(),
        }
        found: dict[str, list[float]] = {name: [] for name in ways}
        for number in range(ROUNDS):
            for name, way in ways.items():
                begin = time.process_time()
                way()
                found[name].append(MEGABYTES / (time.process_time() - begin))
            say(f"sealing: round {number}: " + ", ".join(f"{name} {found[name][-1]:,.0f} MB/s" for name in ways))
        with target.open("rb") as file:
            if Reader(lambda start, count: _at(file.fileno(), start, count), target.stat().st_size, key, _NAME).check() != digest:
                raise AssertionError("what was opened is not what was sealed")
    rates = {name: statistics.median(values) for name, values in found.items()}
    both = 1 / (1 / rates["encrypt"] + 1 / rates["hash"])
    return [
        Figure(
            name="sealing",
            ours=rates["seal"],
            peer=both,
            unit="MB/s of CPU",
            note="peer: AES-256-GCM at once and SHA-256, in memory",
        ),
        Figure(
            name="sealing_beside_copy",
            ours=rates["seal"],
            peer=rates["copy"],
            unit="MB/s of CPU",
            note="peer: a copy that is flushed",
        ),
        Figure(
            name="opening",
            ours=rates["open"],
            peer=rates["encrypt"],
            unit="MB/s of CPU",
            note="peer: AES-256-GCM at once, in memory",
        ),
    ]


def _opened(target: Path, key: bytes) -> None:
    with target.open("rb") as file:
        reader = Reader(lambda start, count: _at(file.fileno(), start, count), target.stat().st_size, key, _NAME)
        for start in range(0, reader.size, _PIECE):
            reader.read(start, _PIECE)


def _at(descriptor: int, start: int, count: int) -> bytes:
    return os.pread(descriptor, count, start)


def _copy(source: Path, target: Path) -> None:
    with source.open("rb", buffering=0) as plain, target.open("wb", buffering=0) as out:
        while piece := plain.read(sealed.CHUNK):
            out.write(piece)
        os.fsync(out.fileno())
