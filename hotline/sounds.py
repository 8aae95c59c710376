"""The sounds that Asterisk plays: ours, or the city's own recordings in their place, in the formats that need no transcoding.

Ours are in ``ivr_flows/prompts``; a city drops its recordings into ``var/prompts/zh/NAME.wav`` and ``var/prompts/en/NAME.wav``
and its music into ``var/prompts/music/*.wav``. Each sound is installed twice, as linear ``.wav`` and as raw A-law ``.alaw`` (what
trunks carry): Asterisk opens the one that is nearest to the call's codec.

What a citizen hears between two parts of a conversation, the music and ``BETWEEN``, is there as ``.wav`` alone. Asterisk as
Debian makes it passes a frame by whoever hooks into a channel (a supervisor who talks with all) when its RTP sequence number lies
behind that of the frame before (``ast_translate``), for up to eleven minutes, and A-law from a file has the number 0: after the
music, half of all agents would lie behind. Linear frames are not looked at. (Where one telephone comes after another, as when an
agent has asked a colleague, nothing helps: docs/feature-codes.md.)
"""

from __future__ import annotations

import io
import re
import shlex
import wave
from collections.abc import Container, Iterable, Iterator
from pathlib import Path

import msgspec

from hotline import g711, paths

OURS = paths.TREE / "ivr_flows" / "prompts"
LANGUAGES = ("zh", "en")
PLACES = {language: Path("sounds") / language for language in LANGUAGES} | {"music": Path("moh") / "default"}
"""Folder of recordings (ours or the city's) to the folder that Asterisk reads, below ``var/asterisk``."""

RATE = 8000
MADE = ("wait-estimate",)
"""Sounds that the running system makes itself (``agi/wait_estimate.py``): silence at first, and then what is there stays."""
BETWEEN = ("threeway-wait",)
SILENCE = bytes(2 * RATE // 5)
"""Linear samples of 0.2 s in which nothing is heard."""
_LARGEST_BYTES = 32 * 1024 * 1024
_NAME = re.compile(r"^[A-Za-z0-9][A-Za-z0-9_-]{0,63}(/[A-Za-z0-9][A-Za-z0-9_-]{0,63})?$")
_IGNORED = re.compile(r"^(\.|readme)", re.IGNORECASE)


class Refused(msgspec.Struct, frozen=True):
    """A recording of the city that cannot be used, and why; ours is played instead."""

    file: Path
    reason: str


class UnfitRecording(ValueError):
    """A recording is not a WAV file of 8 kHz, one channel and 16 bits; the text says what it is and how to convert it."""


def install(target: Path, overrides: Path | None) -> list[Refused]:
    """Bring ``target`` (``var/asterisk``) to what it should play, writing only what changed; returns what was refused.

    ``overrides`` is the city's folder (``var/prompts``), which need not exist. Files of ``target`` that belong to no recording
    any more are removed, but for what the system makes itself (``MADE``).
    """
    refused: list[Refused] = []
    for source, place in PLACES.items():
        found = _recordings(OURS / source)
        city, unfit = _fit(overrides / source) if overrides else ({}, [])
        refused += unfit
        sounds = city if source == "music" and city else found | city
        if source == "music":
            _mirror(target / place, sounds, linear_only=sounds, made=())
        else:
            _mirror(target / place, sounds, linear_only=BETWEEN, made=MADE)
    return refused


def check(overrides: Path) -> list[Refused]:
    """The recordings of the city's folder that cannot be used, without installing anything."""
    return [unfit for source in PLACES for unfit in _fit(overrides / source)[1]]


def _recordings(folder: Path) -> dict[str, bytes]:
    """Every sound of a folder of ours: its name to its linear samples."""
    return {file.relative_to(folder).with_suffix("").as_posix(): samples(file) for file in sorted(folder.rglob("*.wav"))}


def _fit(folder: Path) -> tuple[dict[str, bytes], list[Refused]]:
    """The city's usable recordings by name, and the rest with reasons."""
    good: dict[str, bytes] = {}
    refused: list[Refused] = []
    for file in _files(folder):
        name = file.relative_to(folder).with_suffix("").as_posix()
        try:
            if not _NAME.match(name):
                raise UnfitRecording("文件名只能用英文字母、数字和连字符 / only letters, digits and hyphens may be in its name")
            good[name] = samples(file)
        except UnfitRecording as error:
            refused.append(Refused(file, str(error)))
        except OSError as error:
            refused.append(Refused(file, f"无法读取 / cannot be read: {error.strerror}"))
    return good, refused


def _files(folder: Path) -> Iterator[Path]:
    return (file for file in sorted(folder.rglob("*")) if not file.is_dir() and not _IGNORED.match(file.name))


def samples(file: Path) -> bytes:
    """The linear samples of a recording; raises ``UnfitRecording`` when it is not 8 kHz, one channel, 16 bits."""
    if file.stat().st_size > _LARGEST_BYTES:
        raise UnfitRecording(f"超过 32 MB / larger than 32 MB; {_mend(file)}")
    try:
        with wave.open(str(file), "rb") as audio:
            rate, channels, width = audio.getframerate(), audio.getnchannels(), audio.getsampwidth()
            if (rate, channels, width) != (RATE, 1, 2):
                raise UnfitRecording(f"{_wanted()} / it is {rate} Hz, {channels} channel(s), {8 * width} bits; {_mend(file)}")
            linear = audio.readframes(audio.getnframes())
    except (wave.Error, EOFError, RuntimeError) as error:
        raise UnfitRecording(f"{_wanted()} / not such a WAV file ({str(error) or 'cut short'}); {_mend(file)}") from error
    if len(linear) < 2:
        raise UnfitRecording("没有声音 / it holds no sound")
    return linear[: len(linear) & ~1]


def _wanted() -> str:
    return "需要 8 kHz、单声道、16 位的 WAV"


def _mend(file: Path) -> str:
    """The commands that convert a recording, ready to paste."""
    source, made = shlex.quote(str(file)), shlex.quote(f"{file.stem}-8k.wav")
    ffmpeg = f"ffmpeg -i {source} -ar 8000 -ac 1 -c:a pcm_s16le {made}"
    return f"转换 / convert: {ffmpeg}   |   sox {source} -r 8000 -c 1 -b 16 {made}"


def _mirror(folder: Path, sounds: dict[str, bytes], *, linear_only: Container[str], made: tuple[str, ...]) -> None:
    """Make ``folder`` hold exactly these sounds, in both formats but for some, and those ``made`` elsewhere as they are."""
    wanted: set[Path] = set()
    for name, linear in sounds.items():
        if name not in made:
            wanted.update(put(folder, name, linear, with_alaw=name not in linear_only))
    for name in made:
        there = {folder / f"{name}.wav", folder / f"{name}.alaw"}
        wanted |= there if all(file.is_file() for file in there) else put(folder, name, SILENCE)
    _remove(file for file in folder.rglob("*") if not file.is_dir() and file not in wanted)


def put(folder: Path, name: str, linear: bytes, *, with_alaw: bool = True) -> set[Path]:
    """Write one sound in both formats, each whole or not at all and only when it changed; returns the files."""
    contents = {folder / f"{name}.wav": _wav(linear)}
    if with_alaw:
        contents[folder / f"{name}.alaw"] = g711.encode(linear)
    for file, content in contents.items():
        _write(file, content)
    return set(contents)


def _wav(linear: bytes) -> bytes:
    """A WAV file with the plainest header, whatever the recording's own looked like."""
    whole = io.BytesIO()
    with wave.open(whole, "wb") as audio:
        audio.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        audio.writeframes(linear)
    return whole.getvalue()


def _write(file: Path, content: bytes) -> None:
    if file.is_file() and file.stat().st_size == len(content) and file.read_bytes() == content:
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_name(f"{file.name}.new")
    temporary.write_bytes(content)
    temporary.replace(file)


def _remove(files: Iterable[Path]) -> None:
    for file in list(files):
        file.unlink()
