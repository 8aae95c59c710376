"""Speech models below ``var/models``: which there are, how to get one, and whether one is still as it was added.

A model is a folder of the shape its engine needs. ``hotline models add`` writes what is in it to ``hotline-model.json``.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import IO, Literal

import msgspec

from hotline import paths
from hotline.errors import ModelError
from hotline.setting_sections import Transcription

Engine = Literal["vosk", "whisper"]
MANIFEST = "hotline-model.json"
MOST_FILES, MOST_BYTES = 2000, 12_000_000_000
"""Of a model that is added; the largest that we know has 5 GB."""
_PIECE = 1 << 20
_SHAPES: dict[Engine, tuple[tuple[str, ...], ...]] = {
    "vosk": (
        ("am/final.mdl", "conf/mfcc.conf", "graph/HCLG.fst"),
        ("am/final.mdl", "conf/mfcc.conf", "graph/HCLr.fst", "graph/Gr.fst"),
        ("final.mdl", "mfcc.conf", "HCLG.fst"),
        ("final.mdl", "mfcc.conf", "HCLr.fst", "Gr.fst"),
    ),
    "whisper": (("model.bin", "config.json", "tokenizer.json"), ("model.bin", "config.json", "vocabulary.txt")),
}


class Known(msgspec.Struct, frozen=True):
    """A model that is known to be of use here. ``sha256``: of the file at ``url``; empty: its maker does not publish one."""

    name: str
    engine: Engine
    megabytes: int
    url: str
    zh: str
    en: str
    sha256: str = ""


KNOWN: tuple[Known, ...] = (
    Known(
        "vosk-model-small-cn-0.22",
        "vosk",
        42,
        "https://alphacephei.com/vosk/models/vosk-model-small-cn-0.22.zip",
        "普通话，小模型，占用内存少",
        "Mandarin, small, needs little memory",
    ),
    Known(
        "vosk-model-cn-0.22",
        "vosk",
        1300,
        "https://alphacephei.com/vosk/models/vosk-model-cn-0.22.zip",
        "普通话，大模型，更准，每进程约 4 GB 内存",
        "Mandarin, large, better, about 4 GB of memory for each process",
    ),
    Known(
        "faster-whisper-base",
        "whisper",
        145,
        "https://huggingface.co/Systran/faster-whisper-base",
        "多语言，需安装 faster-whisper",
        "many languages, needs faster-whisper",
    ),
    Known(
        "faster-whisper-small",
        "whisper",
        484,
        "https://huggingface.co/Systran/faster-whisper-small",
        "多语言，更准，约慢三倍，需安装 faster-whisper",
        "many languages, better, about three times slower, needs faster-whisper",
    ),
)


class Model(msgspec.Struct, frozen=True, kw_only=True):
    """A folder that has the shape of a model."""

    name: str
    engine: Engine
    folder: Path


class File(msgspec.Struct, frozen=True):
    """A file of a model as it was added."""

    bytes: int
    sha256: str


class Manifest(msgspec.Struct, frozen=True, kw_only=True):
    """What was added. ``source_sha256``: of the ZIP file; empty when it was a folder."""

    name: str
    engine: Engine
    source_sha256: str = ""
    files: dict[str, File]


def folder() -> Path:
    """Where models are."""
    return paths.var() / "models"


def engine_of(path: Path) -> Engine | None:
    """For which engine this folder has the shape; None: for none."""
    for engine, shapes in _SHAPES.items():
        if any(all((path / name).is_file() for name in shape) for shape in shapes):
            return engine
    return None


def installed() -> list[Model]:
    """Those below ``var/models``: the ones that are known first, in their order, then by name."""
    order = [one.name for one in KNOWN]
    names = sorted(_folders(), key=lambda name: (order.index(name) if name in order else len(order), name))
    found = [(name, engine_of(folder() / name)) for name in names]
    return [Model(name=name, engine=engine, folder=folder() / name) for name, engine in found if engine]


def find(settings: Transcription) -> Model | None:
    """The model that the settings mean; None: there is none of the right shape, or no engine is wanted."""
    if settings.engine == "none":
        return None
    if settings.model:
        path = Path(settings.model)
        path = path if path.is_absolute() else folder() / path
        return Model(name=path.name, engine=settings.engine, folder=path) if engine_of(path) == settings.engine else None
    return next((model for model in installed() if model.engine == settings.engine), None)


def fingerprint(model: Model) -> str:
    """Changes when a file of the model does, as far as sizes and times tell."""
    digest = hashlib.sha256()
    for name in _files(model.folder):
        known = (model.folder / name).stat()
        digest.update(f"{name}\0{known.st_size}\0{known.st_mtime_ns}\0".encode(errors="surrogateescape"))
    return digest.hexdigest()


def add(source: Path, *, name: str = "", sha256: str = "") -> Manifest:
    """Copy a folder or unpack a ZIP file into ``var/models``. ``sha256``: what the ZIP file must have.

    Raises ``ModelError``; nothing is left behind then.
    """
    name = name or (source.name.removesuffix(".zip") if source.is_file() else source.resolve().name)
    if not name.isascii() or not name.replace("-", "").replace("_", "").replace(".", "").isalnum() or name.startswith("."):
        raise ModelError(f"{name!r}: a model's name is letters, digits, dot, minus and underscore")
    if (folder() / name).exists():
        raise ModelError(f"{folder() / name} is there already: remove it first")
    folder().mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".adding-", dir=folder()) as place:
        draft = Path(place) / "model"
        digest = _take(source, draft, sha256 or next((one.sha256 for one in KNOWN if one.name == name), ""))
        root = _root(draft)
        engine = engine_of(root)
        if engine is None:
            raise ModelError(f"{source} is no model: it has neither the files of vosk nor those of faster-whisper")
        manifest = Manifest(name=name, engine=engine, source_sha256=digest, files=_described(root))
        (root / MANIFEST).write_bytes(msgspec.json.format(msgspec.json.encode(manifest)))
        root.chmod(0o755)
        root.rename(folder() / name)
    return manifest


def check(model: Model) -> list[str]:
    """What is different from when the model was added; raises ``ModelError`` when nobody knows how it was."""
    try:
        manifest = msgspec.json.decode((model.folder / MANIFEST).read_bytes(), type=Manifest)
    except (OSError, msgspec.MsgspecError) as error:
        raise ModelError(f"{model.name}: {MANIFEST} is missing or damaged; add the model with hotline models add") from error
    now = _described(model.folder)
    gone = [f"{name}: missing" for name in sorted(manifest.files.keys() - now.keys())]
    more = [f"{name}: was not there" for name in sorted(now.keys() - manifest.files.keys())]
    return (
        gone + more + [f"{name}: changed" for name in sorted(now) if name in manifest.files and now[name] != manifest.files[name]]
    )


def _folders() -> list[str]:
    try:
        return [one.name for one in folder().iterdir() if one.is_dir() and not one.name.startswith(".")]
    except FileNotFoundError:
        return []


def _take(source: Path, draft: Path, wanted: str) -> str:
    """Make ``draft`` of the source; returns the SHA-256 of a ZIP file."""
    if source.is_dir():
        draft.mkdir()
        names = list(_files(source))
        _refuse_too_much(len(names), sum((source / name).stat().st_size for name in names), draft)
        for name in names:
            (draft / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(source / name, draft / name)
        return ""
    try:
        digest = _digest(source)
        if wanted and digest != wanted.lower():
            raise ModelError(f"{source}: its SHA-256 is {digest} and should be {wanted.lower()}: load it again")
        with zipfile.ZipFile(source) as archive:
            _unpack(archive, draft)
    except zipfile.BadZipFile as error:
        raise ModelError(f"{source}: not a ZIP file, or a damaged one ({error})") from error
    except (OSError, RuntimeError, NotImplementedError, EOFError, zlib.error) as error:
        raise ModelError(f"{source}: {error}") from error
    return digest


def _unpack(archive: zipfile.ZipFile, draft: Path) -> None:
    """Regular files alone, none of them outside ``draft``, and not more than they say they are."""
    entries = [one for one in archive.infolist() if not one.is_dir()]
    for one in entries:
        path, mode = PurePosixPath(one.filename), one.external_attr >> 16
        if (
            path.is_absolute()
            or ".." in path.parts
            or "\\" in one.filename
            or (mode and stat.S_IFMT(mode) not in (0, stat.S_IFREG))
        ):
            raise ModelError(f"the ZIP file has an entry that leads elsewhere: {one.filename!r}")
    _refuse_too_much(len(entries), sum(one.file_size for one in entries), draft.parent)
    for one in entries:
        target = draft / one.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        with archive.open(one) as packed, target.open("xb") as out:
            _copy(packed, out, one.file_size)


def _copy(packed: IO[bytes], out: IO[bytes], size: int) -> None:
    while piece := packed.read(_PIECE):
        size -= len(piece)
        if size < 0:
            raise ModelError("the ZIP file has an entry that is larger than it says")
        out.write(piece)


def _refuse_too_much(files: int, size: int, place: Path) -> None:
    if files > MOST_FILES or size > MOST_BYTES:
        raise ModelError(f"{files} files of {size} bytes are no model: at most {MOST_FILES} of {MOST_BYTES} bytes")
    if size > shutil.disk_usage(place).free:
        raise ModelError(f"there is no room for {size} bytes below {folder()}")


def _root(draft: Path) -> Path:
    """Archives hold a folder that holds the model."""
    entries = list(draft.iterdir()) if draft.is_dir() else []
    return entries[0] if len(entries) == 1 and entries[0].is_dir() and engine_of(draft) is None else draft


def _files(root: Path) -> Iterator[str]:
    """Regular files below ``root`` by their names, in order; links are not followed, our own manifest is none of them."""
    for place, folders, names in os.walk(root):
        folders.sort()
        for name in sorted(names):
            path = Path(place) / name
            if path.is_file() and not path.is_symlink() and (found := path.relative_to(root).as_posix()) != MANIFEST:
                yield found


def _described(root: Path) -> dict[str, File]:
    return {name: File((root / name).stat().st_size, _digest(root / name)) for name in _files(root)}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
