"""Recordings in a bucket of a real server that speaks S3, signed and over TLS, and what happens when it is away."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import asyncpg
import msgspec
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from crm import retention
from crm.profiles.profile import Profile
from hotline import clock, database
from hotline.setting_sections import Recordings
from hotline.settings import Settings
from recordings.storage import keys, opening, rewrap, s3, sealed
from recordings.storage.errors import BadNameError, NotStoredError, StorageAwayError, StorageError
from recordings.storage.opening import Storages
from recordings.storage.rewrap import Rewrapped
from recordings.storage.s3 import S3Storage, Secrets
from recordings.storage.sound import Stored, open_sound
from recordings.storage.verify import verify
from tests import stored_recordings
from tests.conftest import free_port

if TYPE_CHECKING:
    from tests.conftest import Postgres

NAME, OTHER = "2026/11/22/node1-1.1.opus", "2026/11/23/node1-2.1.opus"
SECRETS = Secrets("hotline", "a secret of the storage")


class Server:
    """``rclone serve s3`` over a folder that holds one bucket."""

    def __init__(self, folder: Path, *, certificate: tuple[Path, Path] | None = None) -> None:
        self.folder, self.port, self.certificate = folder, free_port(), certificate
        (folder / "recordings").mkdir(parents=True)
        self.url = f"{'https' if certificate else 'http'}://127.0.0.1:{self.port}"
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        argv = [str(Path(sys.executable).parent / "rclone"), "serve", "s3", str(self.folder), "--addr", f"127.0.0.1:{self.port}"]
        argv += ["--auth-key", f"{SECRETS.access_key},{SECRETS.secret_key}", "--vfs-cache-mode", "off"]
        if self.certificate:
            argv += ["--cert", str(self.certificate[0]), "--key", str(self.certificate[1])]
        environment = {"PATH": os.environ["PATH"], "RCLONE_CONFIG": "", "HOME": str(self.folder)}
        self.process = subprocess.Popen(argv, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        asyncio.run(self._answers())

    async def _answers(self) -> None:
        deadline = clock.monotonic() + 20
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", self.port)
            except OSError:
                assert clock.monotonic() < deadline
                await asyncio.sleep(0.02)
            else:
                writer.close()
                return

    def stop(self) -> None:
        if self.process:
            self.process.kill()
            self.process.wait()
            self.process = None


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    running = Server(tmp_path_factory.mktemp("s3"))
    running.start()
    yield running
    running.stop()


@pytest.fixture
def storage(server: Server) -> S3Storage:
    found = S3Storage(server.url, "recordings", "", SECRETS)
    for name in list(found.names()):
        found.delete(name)
    return found


@pytest.fixture
def source(tmp_path: Path) -> Path:
    file = tmp_path / "source"
    file.write_bytes(bytes(range(256)) * 1000)
    return file


def test_what_is_put_is_read_by_ranges_and_listed(storage: S3Storage, source: Path) -> None:
    storage.put(NAME, source)
    storage.put(NAME, source)
    storage.put_bytes(OTHER.replace(".opus", ".manifest"), b"{}")
    assert storage.size(NAME) == 256000
    assert storage.read(NAME, 255, 3) == b"\xff\0\1" and storage.read(NAME, 255999, 10) == b"\xff"
    assert not storage.read(NAME, 10**9, 1) and not storage.read(NAME, 0, 0)
    assert list(storage.names()) == [NAME, OTHER.replace(".opus", ".manifest")]
    storage.delete(NAME)
    storage.delete(NAME)
    for attempt in (lambda: storage.read(NAME, 0, 1), lambda: storage.size(NAME)):
        with pytest.raises(NotStoredError):
            attempt()


def test_a_sealed_recording_in_the_bucket_is_opened_by_ranges(storage: S3Storage, source: Path, tmp_path: Path) -> None:
    keys.make(tmp_path / "keys.json")
    ring, key = keys.Keyring(tmp_path / "keys.json"), keys.data_key()
    size, sha256 = sealed.seal(source, tmp_path / "sealed", key, NAME)
    storage.put(NAME, tmp_path / "sealed")
    key_id, wrapped = ring.wrap(key, NAME)
    row = Stored(storage="s3", object=NAME, object_bytes=size, object_sha256=sha256, key_id=key_id, wrapped_key=wrapped)
    sound = open_sound(row, storage, ring)
    assert sound.size == 256000 and sound.read(65530, 12) == source.read_bytes()[65530:65542]


@pytest.mark.parametrize("name", ["../recordings/x.opus", "/etc/passwd", "2026/11/22/x.wav"])
def test_names_that_are_not_a_recordings_never_reach_the_server(storage: S3Storage, source: Path, name: str) -> None:
    for attempt in (
        lambda: storage.put(name, source),
        lambda: storage.put_bytes(name, b""),
        lambda: storage.read(name, 0, 1),
        lambda: storage.size(name),
        lambda: storage.delete(name),
    ):
        with pytest.raises(BadNameError):
            attempt()


@pytest.mark.parametrize("wrong", [("hotline", "another"), ("somebody", "else")])
def test_a_wrong_secret_is_refused_and_nothing_is_stored(server: Server, source: Path, wrong: tuple[str, str]) -> None:
    with pytest.raises(StorageAwayError, match="refuses"):
        S3Storage(server.url, "recordings", "", Secrets(*wrong)).put(OTHER, source)
    with pytest.raises(NotStoredError):
        S3Storage(server.url, "recordings", "", SECRETS).size(OTHER)


def test_a_bucket_that_is_not_there_is_told(server: Server, source: Path) -> None:
    with pytest.raises(StorageAwayError, match="NoSuchBucket"):
        S3Storage(server.url, "other", "", SECRETS).put(NAME, source)


def test_a_server_that_is_away_is_told_and_goes_on_when_it_is_back(tmp_path: Path, source: Path) -> None:
    server = Server(tmp_path / "away")
    storage = S3Storage(server.url, "recordings", "", SECRETS)
    for attempt in (lambda: storage.put(NAME, source), lambda: storage.size(NAME), lambda: list(storage.names())):
        with pytest.raises(StorageAwayError):
            attempt()
    server.start()
    try:
        storage.put(NAME, source)
        assert storage.size(NAME) == 256000
    finally:
        server.stop()
    with pytest.raises(StorageAwayError):
        storage.read(NAME, 0, 1)


def test_tls_is_verified(tmp_path: Path, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = self_signed(tmp_path)
    server = Server(tmp_path / "tls", certificate=certificate)
    server.start()
    try:
        with pytest.raises(StorageAwayError, match="CERTIFICATE_VERIFY_FAILED"):
            S3Storage(server.url, "recordings", "", SECRETS).put(NAME, source)
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate[0]))
        storage = S3Storage(server.url, "recordings", "", SECRETS)
        storage.put(NAME, source)
        assert storage.size(NAME) == 256000
    finally:
        server.stop()


def test_recordings_in_a_bucket_are_verified_rewrapped_and_deleted_and_wait_while_it_is_away(
    empty_database: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    server = Server(tmp_path / "bucket")
    (tmp_path / "var").mkdir()
    (tmp_path / "var" / "storage.json").write_bytes(msgspec.json.encode(SECRETS))
    (tmp_path / "var" / "storage.json").chmod(0o600)
    storages = Storages(Settings(recordings=Recordings(storage="s3", s3_url=server.url)))

    async def work() -> None:
        async with await database.pool(empty_database.dsn, name="test") as pool:
            ring = await opening.keyring(pool)
            long_ago = clock.now() - dt.timedelta(days=4000)
            async with pool.acquire() as connection:
                for number, at in enumerate((clock.now(), clock.now(), long_ago)):
                    values: dict[str, Any] = {"call_id": f"{number}.1", "at": at, "where": "s3", "node": "node2"}
                    await stored_recordings.store(connection, storages["s3"], ring, tmp_path, **values)
            await verified(pool, ring, [])
            ring.add()
            server.stop()
            for attempt in (verify(pool, storages, ring, "node1", by="test"), rewrapped(pool, ring)):
                with pytest.raises(StorageAwayError):
                    await attempt
            assert await retention.delete_due(pool, storages, "node1", Profile(), clock.now()) == 1
            await asyncio.to_thread(server.start)
            assert (await rewrapped(pool, ring)).recordings == 2
            await verified(pool, ring, ["not_deleted", "not_deleted"])
            assert await retention.delete_due(pool, storages, "node1", Profile(), clock.now()) == 0
            await verified(pool, ring, [])
            row = await pool.fetchrow("SELECT * FROM recordings WHERE state = 'stored' LIMIT 1")
            file = server.folder / "recordings" / row["object"]
            content = file.read_bytes()
            file.write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
            await verified(pool, ring, ["damaged"])

    async def verified(pool: asyncpg.Pool, ring: keys.Keyring, wrong: list[str]) -> None:
        found = await verify(pool, storages, ring, "node1", by="test")
        assert [one.wrong for one in found.findings] == wrong

    async def rewrapped(pool: asyncpg.Pool, ring: keys.Keyring) -> Rewrapped:
        return await rewrap.rewrap(pool, storages, ring, "node1", by="test", shown=lambda *_: None)

    server.start()
    try:
        asyncio.run(work())
    finally:
        server.stop()


@pytest.mark.parametrize(
    "content", [b"", b"{}", b'{"access_key": "a"}', b'{"access_key": "a", "secret_key": "b", "c": 1}', b"\xff"]
)
def test_secrets_that_cannot_be_used_are_told(tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    file, settings = tmp_path / "storage.json", Recordings(storage="s3", s3_url="https://storage.example")
    with pytest.raises(StorageError, match=r"storage\.json"):
        s3.s3_storage(settings)
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(StorageError, match=r"storage\.json"):
        s3.s3_storage(settings)


def test_secrets_that_others_can_read_are_refused(tmp_path: Path) -> None:
    file = tmp_path / "storage.json"
    file.write_bytes(b'{"access_key": "a", "secret_key": "b"}')
    file.chmod(0o644)
    with pytest.raises(StorageError, match="chmod 600"):
        s3.read_secrets(file)
    file.chmod(0o600)
    assert s3.read_secrets(file) == Secrets("a", "b")


@pytest.mark.parametrize("url", ["", "ftp://x", "storage.example", "https://x/path", "https://x?a=b", "file:///etc"])
def test_an_address_that_is_none_is_told(url: str) -> None:
    with pytest.raises(StorageError, match="s3_url"):
        S3Storage(url, "recordings", "", SECRETS)


def self_signed(folder: Path) -> tuple[Path, Path]:
    """A certificate for loopback, and its key."""
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = clock.now()
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(days=1))
        .not_valid_after(now + dt.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    certificate, private = folder / "certificate.pem", folder / "private.pem"
    certificate.write_bytes(made.public_bytes(serialization.Encoding.PEM))
    unencrypted = serialization.NoEncryption()
    private.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, unencrypted))
    return certificate, private
