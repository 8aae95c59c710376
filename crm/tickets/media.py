"""What a file is, by its content: the kinds that may be attached to a ticket, and names that are safe to save under (TKT-27)."""

from __future__ import annotations

import codecs
import re
import struct
import zipfile
from collections.abc import Mapping
from pathlib import Path

EXTENSIONS: Mapping[str, tuple[str, ...]] = {
    "application/pdf": (".pdf",),
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "image/tiff": (".tif", ".tiff"),
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": (".docx",),
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": (".xlsx",),
    "text/plain": (".txt",),
    "audio/wav": (".wav",),
    "audio/mpeg": (".mp3",),
}
"""Media type -> how a name of it may end; the first is put there when it ends otherwise."""
_BEGINS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF-", "application/pdf"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"II*\x00", "image/tiff"),
    (b"MM\x00*", "image/tiff"),
    (b"ID3", "audio/mpeg"),
    (b"\xff\xfb", "audio/mpeg"),
    (b"\xff\xf3", "audio/mpeg"),
    (b"\xff\xf2", "audio/mpeg"),
)
_OFFICE = {
    "word/document.xml": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    "xl/workbook.xml": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
}
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f]")
_CHUNK = 1 << 16
_MOST_PARTS, _LONGEST_LIST = 10_000, 1_000_000
_LONGEST_END = 22 + 0xFFFF
"""Of an archive: the record that says where its list is, and a comment."""
_UNSAFE = re.compile(r'[\x00-\x1f\x7f/\\:*?"<>|\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]')
_LONGEST_NAME = 120


def sniffed(file: Path) -> str | None:
    """Its media type, or None for one that may not be attached. Reads the file; for a thread."""
    with file.open("rb") as opened:
        head = opened.read(16)
    for begins, media_type in _BEGINS:
        if head.startswith(begins):
            return media_type
    if head[:4] == b"RIFF" and head[8:12] == b"WAVE":
        return "audio/wav"
    if head.startswith(b"PK\x03\x04"):
        return _office(file)
    return "text/plain" if _is_text(file) else None


def _office(file: Path) -> str | None:
    """A document of an office program without macros; the list of its parts is read, the parts are not unpacked."""
    if not _has_short_list(file):
        return None
    try:
        with zipfile.ZipFile(file) as parts:
            names = set(parts.namelist())
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError):
        return None
    if len(names) > _MOST_PARTS or "[Content_Types].xml" not in names or any(name.endswith(".bin") for name in names):
        return None
    return next((media_type for part, media_type in _OFFICE.items() if part in names), None)


def _has_short_list(file: Path) -> bool:
    """Whether the list of parts may be read at all: 20 MB can name half a million, which would fill the memory."""
    with file.open("rb") as opened:
        opened.seek(max(file.stat().st_size - _LONGEST_END, 0))
        tail = opened.read()
    place = tail.rfind(b"PK\x05\x06")
    if place < 0 or b"PK\x06\x07" in tail or len(tail) < place + 22:  # the second: with 64 bits, for what is too large anyhow
        return False
    parts, size = struct.unpack_from("<HL", tail, place + 10)
    return bool(parts <= _MOST_PARTS and size <= _LONGEST_LIST)


def _is_text(file: Path) -> bool:
    return any(_decodes(file, encoding) for encoding in ("utf-8-sig", "gb18030"))


def _decodes(file: Path, encoding: str) -> bool:
    decoder = codecs.getincrementaldecoder(encoding)()
    try:
        with file.open("rb") as opened:
            while chunk := opened.read(_CHUNK):
                if _NOT_TEXT.search(decoder.decode(chunk)):
                    return False
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return True


def safe_name(name: str, media_type: str) -> str:
    """A name that no system takes for something else, ending as its content does."""
    plain = _UNSAFE.sub("_", name).strip(" .") or "file"
    stem, dot, ending = plain.rpartition(".")
    known = EXTENSIONS[media_type]
    if dot and stem.strip(" .") and f".{ending.lower()}" in known:
        return f"{stem[:_LONGEST_NAME]}.{ending.lower()}"
    return f"{plain[:_LONGEST_NAME]}{known[0]}"
