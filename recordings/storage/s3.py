"""Sealed recordings in a bucket that speaks S3; key and secret are in ``var/storage.json``, mode 0600. It blocks.

Certificates are verified, against the file that ``SSL_CERT_FILE`` names when there is one. What is away is not waited for long:
the job is tried again.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import certifi
import msgspec
import urllib3
from minio import Minio
from minio.error import InvalidResponseError, S3Error, ServerError

from hotline import paths
from hotline.setting_sections import Recordings
from recordings.storage import port
from recordings.storage.errors import DamagedError, NotStoredError, StorageAwayError, StorageError

_CONNECT_SECONDS, _READ_SECONDS, _TRIES = 5.0, 30.0, 2
_MISSING = {"NoSuchKey", "NotFound", "ResourceNotFound"}


class Secrets(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """``var/storage.json``."""

    access_key: str
    secret_key: str


class S3Storage:
    """One bucket, which is there already."""

    def __init__(self, url: str, bucket: str, region: str, secrets: Secrets) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path.strip("/") or parts.query:
            raise StorageError(f"recordings.s3_url is https://host or https://host:port, not {url!r}")
        self._url, self._bucket = url, bucket
        self._client = Minio(
            parts.netloc,
            secrets.access_key,
            secrets.secret_key,
            secure=parts.scheme == "https",
            region=region or "us-east-1",
            http_client=_patient(),
        )

    def put(self, name: str, source: Path) -> None:
        """See ``port.Storage``."""
        port.checked(name)
        size = source.stat().st_size
        with source.open("rb") as content, self._reaching(name):
            self._client.put_object(self._bucket, name, content, size)

    def put_bytes(self, name: str, content: bytes) -> None:
        """See ``port.Storage``."""
        port.checked(name)
        with self._reaching(name):
            self._client.put_object(self._bucket, name, io.BytesIO(content), len(content))

    def read(self, name: str, start: int, count: int) -> bytes:
        """See ``port.Storage``."""
        port.checked(name)
        if count <= 0:
            return b""
        with self._reaching(name):
            try:
                answer = self._client.get_object(self._bucket, name, offset=start, length=count)
            except (S3Error, InvalidResponseError) as error:
                if _code(error) == "InvalidRange":
                    return b""
                raise
            try:
                return answer.read()
            finally:
                answer.close()
                answer.release_conn()

    def size(self, name: str) -> int:
        """See ``port.Storage``."""
        port.checked(name)
        with self._reaching(name):
            found = self._client.stat_object(self._bucket, name).size
        if found is None:
            raise DamagedError(f"{name}: the storage does not say how long it is")
        return int(found)

    def delete(self, name: str) -> None:
        """See ``port.Storage``."""
        port.checked(name)
        with self._reaching(name):
            self._client.remove_object(self._bucket, name)

    def names(self) -> Iterator[str]:
        """See ``port.Storage``."""
        with self._reaching("the list of objects"):
            for found in self._client.list_objects(self._bucket, recursive=True):
                if found.object_name and port.is_name(found.object_name):
                    yield found.object_name

    @contextmanager
    def _reaching(self, name: str) -> Iterator[None]:
        try:
            yield
        except (S3Error, InvalidResponseError) as error:
            code = _code(error)
            if code in _MISSING:
                raise NotStoredError(f"{name} is not in the bucket {self._bucket} at {self._url}") from None
            raise StorageAwayError(f"{self._url} refuses {name}: {code or error}") from None
        except (ServerError, urllib3.exceptions.HTTPError, OSError) as error:
            raise StorageAwayError(f"{self._url} cannot be reached: {type(error).__name__}: {error}") from error


def _code(error: S3Error | InvalidResponseError) -> str:
    """The server's word for what is wrong; the client reads it only from what is called ``application/xml``."""
    if isinstance(error, S3Error):
        return str(error.code)
    found = re.search(r"<Code>(\w{1,60})</Code>", str(error))
    return found[1] if found else ""


def s3_storage(settings: Recordings) -> S3Storage:
    """The bucket of the settings; raises ``StorageError`` when it is not set, or its secrets cannot be used."""
    return S3Storage(settings.s3_url, settings.s3_bucket, settings.s3_region, read_secrets(paths.var() / "storage.json"))


def read_secrets(file: Path) -> Secrets:
    """``{"access_key": …, "secret_key": …}``; raises ``StorageError``."""
    try:
        if file.stat().st_mode & 0o077:
            raise StorageError(f"{file}: other users can read this file; run: chmod 600 '{file}'")
        return msgspec.json.decode(file.read_bytes(), type=Secrets)
    except (OSError, ValueError) as error:
        raise StorageError(f"{file} cannot be used: {error}; it is made by hand, see docs/recordings.md") from None


def _patient() -> urllib3.PoolManager:
    """A client that gives up in time."""
    return urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=_READ_SECONDS),
        maxsize=16,
        cert_reqs="CERT_REQUIRED",
        ca_certs=os.environ.get("SSL_CERT_FILE") or certifi.where(),
        retries=urllib3.Retry(total=_TRIES, backoff_factor=0.2, status_forcelist=[500, 502, 503, 504]),
    )
