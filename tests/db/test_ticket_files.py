"""Files of tickets when the disk fails, a file is gone, or what comes is made to do harm (TKT-27)."""

from __future__ import annotations

import asyncio
import errno
import io
import os
import resource
import struct
import tracemalloc
import zipfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from crm import idempotency
from crm.errors import RefusedError
from crm.idempotency import Asked, RepeatedError
from crm.tickets import attachments, contacts, media
from crm.tickets.attachments import Attached, Offered
from crm.tickets.contacts import NewContact
from tests.ticket_desk import AGENT, CLERK, OTHER, Desk, with_desk

if TYPE_CHECKING:
    from tests.conftest import Postgres

PDF = b"%PDF-1.7\n" + b"x" * 100_000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    return tmp_path / "var" / "attachments"


async def pieces(content: bytes, size: int = 4096) -> AsyncIterator[bytes]:
    for at in range(0, len(content), size):
        yield content[at : at + size]


async def attach(desk: Desk, ticket_id: int, content: bytes = PDF, name: str = "照片.pdf", **more: Any) -> Attached:
    return await attachments.attach(desk.parts, more.get("person", AGENT), ticket_id, Offered(name=name), pieces(content))


async def refused(code: str, work: Any) -> None:
    with pytest.raises(RefusedError) as told:
        await work
    assert told.value.code == code, told.value


def files(folder: Path) -> list[str]:
    return sorted(name for _, _, names in os.walk(folder) for name in names)


def the_file(folder: Path) -> Path:
    (place,) = [file for file in folder.rglob("*") if file.is_file()]
    return place


def put_in_the_way(place: Path) -> None:
    """Something that is no folder, where one is wanted; again: it is out of the way."""
    if place.is_file():
        place.unlink()
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_text("no folder")


@contextmanager
def full_disk(most: int = 20_000) -> Iterator[None]:
    """No file of this process grows beyond so many bytes."""
    kept = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, kept[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, kept)


def test_a_disk_that_is_full_is_said_to_be_full_and_keeps_nothing(empty_database: Postgres, folder: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        for content in (PDF, b"%PDF-1.7\n" + b"x" * 24_000):
            with full_disk():
                await refused("file_not_kept", attach(desk, one, content))
        assert files(folder) == []
        assert await desk.value("SELECT version FROM tickets") == 2
        assert await desk.value("SELECT count(*) FROM ticket_attachments") == 0
        assert (await attach(desk, one)).version == 3

    with_desk(empty_database, work)


def test_a_place_that_is_no_folder_is_said_and_changes_nothing(empty_database: Postgres, folder: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        put_in_the_way(folder)
        await refused("file_not_kept", attach(desk, one))
        put_in_the_way(folder)
        kept = (await attach(desk, one)).attachment
        place = the_file(folder)
        place.unlink()
        place.parent.rmdir()
        put_in_the_way(place.parent)
        await refused("file_not_kept", attach(desk, one))
        assert await desk.value("SELECT count(*) FROM ticket_attachments") == 1
        await refused("file_lost", attachments.read(desk.parts, AGENT, one, kept.attachment_id))

    with_desk(empty_database, work)


def test_a_file_that_is_gone_from_the_disk_is_not_said_to_have_never_been(empty_database: Postgres, folder: Path) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        kept = (await attach(desk, one)).attachment
        place = the_file(folder)
        place.unlink()
        await refused("file_lost", attachments.read(desk.parts, AGENT, one, kept.attachment_id))
        await attach(desk, one, name="again.pdf")
        assert (await attachments.read(desk.parts, AGENT, one, kept.attachment_id))[1].read_bytes() == PDF

    with_desk(empty_database, work)


def test_the_same_file_twice_and_at_once_is_one_file_and_two_lines(empty_database: Postgres, folder: Path) -> None:
    async def work(desk: Desk) -> None:
        one, two = await desk.dispatched("U01"), await desk.open(accept=True)
        await asyncio.gather(*(attach(desk, each) for each in (one, one, two, two)), attach(desk, one, person=CLERK))
        assert len(files(folder)) == 1
        assert await desk.value("SELECT count(*) FROM ticket_attachments") == 5
        await refused("not_allowed", attach(desk, one, person=OTHER))
        found = await desk.owner.fetch("SELECT attachment_id FROM ticket_attachments WHERE ticket_id = $1", two)
        for row in found:
            await refused("not_allowed", attachments.read(desk.parts, CLERK, two, row["attachment_id"]))
            await refused("unknown_attachment", attachments.read(desk.parts, CLERK, one, row["attachment_id"]))

    with_desk(empty_database, work)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "..\\..\\x.exe", "/etc/shadow", "a\u202egpj.exe", ".", "..", "con:", "'; rm -rf ~; '", "x" * 200]
)
def test_a_name_leads_nowhere(empty_database: Postgres, folder: Path, name: str) -> None:
    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        kept = (await attach(desk, one, name=name)).attachment
        assert not set(kept.name) & set('/\\:*?"<>|\u202e\x00') and kept.name.endswith(".pdf") and len(kept.name) <= 130
        assert [len(file) for file in files(folder)] == [64]

    with_desk(empty_database, work)


def test_an_archive_that_would_fill_the_memory_is_refused_before_its_list_is_read(tmp_path: Path) -> None:
    """Half a million names in a few megabytes; nothing is ever unpacked."""
    entry = struct.pack("<4s4B4HL2L5H2L", b"PK\x01\x02", 20, 0, 20, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0) + b"x"
    count = 400_000
    for told in (count & 0xFFFF, 3):
        end = struct.pack("<4s4H2LH", b"PK\x05\x06", 0, 0, told, told, len(entry) * count, 4, 0)
        (tmp_path / "bomb.docx").write_bytes(b"PK\x03\x04" + entry * count + end)
        tracemalloc.start()
        try:
            assert media.sniffed(tmp_path / "bomb.docx") is None
            assert tracemalloc.get_traced_memory()[1] < 10_000_000
        finally:
            tracemalloc.stop()


def test_a_document_that_unpacks_to_gigabytes_is_taken_as_it_is(tmp_path: Path) -> None:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("[Content_Types].xml", "<x/>")
        archive.writestr("word/document.xml", b"\x00" * 50_000_000)
    (tmp_path / "x.docx").write_bytes(made.getvalue())
    tracemalloc.start()
    try:
        assert str(media.sniffed(tmp_path / "x.docx")).endswith("document")
        assert tracemalloc.get_traced_memory()[1] < 5_000_000
    finally:
        tracemalloc.stop()


def test_a_line_that_breaks_is_not_taken_for_a_broken_disk(empty_database: Postgres, folder: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield PDF
        raise ConnectionResetError(errno.ECONNRESET, "reset")

    async def work(desk: Desk) -> None:
        one = await desk.open(accept=True)
        with pytest.raises(ConnectionResetError):
            await attachments.attach(desk.parts, AGENT, one, Offered(name="x.pdf"), broken())
        assert files(folder) == []

    with_desk(empty_database, work)


def test_what_is_saved_twice_at_once_under_one_key_is_saved_once(empty_database: Postgres, folder: Path) -> None:
    """Opening, an action, a file, its withdrawal, a contact: the second is told the answer of the first."""

    async def work(desk: Desk) -> None:
        await desk.call("c7")
        one = await desk.open(accept=True)
        kept = (await attach(desk, one, b"%PDF-1.7 first")).attachment.attachment_id
        said = NewContact(kind="repeat", note="又来电")
        wanted: dict[str, Callable[[], Awaitable[object]]] = {
            "open": lambda: desk.open(content="第二件事情的说明文字"),
            "act": lambda: desk.act(AGENT, one, "note", text="补充"),
            "attach": lambda: attach(desk, one),
            "withdraw": lambda: attachments.withdraw(desk.parts, AGENT, one, kept, "错传"),
            "contact": lambda: contacts.add(desk.parts, AGENT, one, said),
        }

        async def asked(name: str, digest: str = "x") -> str:
            with idempotency.asking(Asked("1001", f"key-{name}", digest)):
                try:
                    await wanted[name]()
                except RepeatedError:
                    return "repeated"
                except RefusedError as error:
                    return error.code
            return "done"

        count = "SELECT (SELECT count(*) FROM tickets) + (SELECT count(*) FROM ticket_events)"
        for name in wanted:
            before = await desk.value(count)
            found = await asyncio.gather(*(asked(name) for _ in range(5)))
            assert sorted(found) == ["done", *["repeated"] * 4], name
            assert await asked(name, "another question") == "key_used"
            assert await desk.value(count) == before + (2 if name == "open" else 1), name
        assert len(files(folder)) == 2

    with_desk(empty_database, work)
