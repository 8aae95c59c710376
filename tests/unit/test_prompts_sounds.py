"""What Asterisk's folders hold after an installation: ours, the city's where they are fit, and nothing else."""

from __future__ import annotations

import wave
from pathlib import Path

import pytest

from hotline import g711, sounds


def record(file: Path, *, rate: int = 8000, channels: int = 1, width: int = 2, frames: int = 800) -> bytes:
    """A WAV file; returns its samples."""
    linear = bytes(n % 251 for n in range(frames * channels * width))
    file.parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(file), "wb") as audio:
        audio.setparams((channels, width, rate, 0, "NONE", "not compressed"))
        audio.writeframes(linear)
    return linear


def installed(target: Path) -> dict[str, bytes]:
    return {file.relative_to(target).as_posix(): file.read_bytes() for file in target.rglob("*") if file.is_file()}


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "asterisk"


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return tmp_path / "prompts"


def test_every_sound_of_ours_is_there_as_linear_and_as_a_law_but_for_what_is_heard_between(target: Path) -> None:
    assert sounds.install(target, None) == []
    there = installed(target)
    spoken = [file for language in sounds.LANGUAGES for file in (sounds.OURS / language).rglob("*.wav")]
    expected = {f"sounds/{file.relative_to(sounds.OURS).with_suffix('').as_posix()}" for file in spoken}
    expected |= {"moh/default/hold", "sounds/zh/wait-estimate", "sounds/en/wait-estimate"}
    linear_only = {"moh/default/hold.alaw", "sounds/zh/threeway-wait.alaw", "sounds/en/threeway-wait.alaw"}
    assert set(there) == {f"{name}{ending}" for name in expected for ending in (".wav", ".alaw")} - linear_only
    assert there["sounds/zh/welcome.alaw"] == g711.encode(sounds.samples(sounds.OURS / "zh" / "welcome.wav"))
    assert sounds.samples(target / "sounds/zh/digits/9.wav") == sounds.samples(sounds.OURS / "zh" / "digits" / "9.wav")


def test_a_second_installation_writes_nothing(target: Path, city: Path) -> None:
    record(city / "zh" / "welcome.wav")
    sounds.install(target, city)
    before = {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in target.rglob("*") if file.is_file()}
    sounds.install(target, city)
    assert {file: (file.stat().st_mtime_ns, file.stat().st_ino) for file in target.rglob("*") if file.is_file()} == before


def test_a_recording_of_the_city_takes_the_place_of_ours_until_it_is_taken_away(target: Path, city: Path) -> None:
    theirs = record(city / "zh" / "digits" / "1.wav")
    assert sounds.install(target, city) == []
    assert installed(target)["sounds/zh/digits/1.alaw"] == g711.encode(theirs)
    (city / "zh" / "digits" / "1.wav").unlink()
    sounds.install(target, city)
    assert sounds.samples(target / "sounds/zh/digits/1.wav") == sounds.samples(sounds.OURS / "zh" / "digits" / "1.wav")


@pytest.mark.parametrize("language", sounds.LANGUAGES)
def test_a_recording_with_a_name_of_the_city_s_own_is_installed_and_later_removed(
    target: Path, city: Path, language: str
) -> None:
    record(city / language / "our-festival.wav")
    sounds.install(target, city)
    made = {f"sounds/{language}/our-festival.wav", f"sounds/{language}/our-festival.alaw"}
    assert {name for name in installed(target) if "our-festival" in name} == made
    (city / language / "our-festival.wav").unlink()
    sounds.install(target, city)
    assert not any("our-festival" in name for name in installed(target))


def test_music_of_the_city_replaces_all_of_ours(target: Path, city: Path) -> None:
    record(city / "music" / "anthem.wav")
    sounds.install(target, city)
    assert {name for name in installed(target) if name.startswith("moh/")} == {"moh/default/anthem.wav"}


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"rate": 44100}, "44100 Hz, 1 channel(s), 16 bits"),
        ({"channels": 2}, "8000 Hz, 2 channel(s), 16 bits"),
        ({"width": 1}, "8000 Hz, 1 channel(s), 8 bits"),
        ({"frames": 0}, "it holds no sound"),
    ],
)
def test_an_unfit_recording_is_named_and_ours_is_played(target: Path, city: Path, change: dict[str, int], said: str) -> None:
    record(city / "zh" / "welcome.wav", **change)
    [refused] = sounds.install(target, city)
    assert refused.file == city / "zh" / "welcome.wav"
    assert said in refused.reason
    assert sounds.samples(target / "sounds/zh/welcome.wav") == sounds.samples(sounds.OURS / "zh" / "welcome.wav")
    assert sounds.check(city) == [refused]


@pytest.mark.parametrize("content", [b"", b"RIFF", b"ID3\x04 this is an mp3", b"RIFF\x24\x00\x00\x00WAVEfmt "])
def test_a_file_that_is_no_wav_file_is_named_with_the_way_to_convert_it(target: Path, city: Path, content: bytes) -> None:
    file = city / "zh" / "welcome.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(content)
    [refused] = sounds.install(target, city)
    assert refused.file == file
    assert f"ffmpeg -i {file} -ar 8000 -ac 1" in refused.reason
    assert f"sox {file} -r 8000 -c 1 -b 16" in refused.reason


@pytest.mark.parametrize("name", ["欢迎.wav", "a b.wav", "a/b/c.wav", "x;y.wav"])
def test_a_name_that_asterisk_could_not_be_told_is_refused(target: Path, city: Path, name: str) -> None:
    record(city / "zh" / name)
    [refused] = sounds.install(target, city)
    assert "only letters, digits and hyphens" in refused.reason


def test_an_mp3_file_is_not_taken_for_nothing(city: Path) -> None:
    (city / "zh").mkdir(parents=True)
    (city / "zh" / "welcome.mp3").write_bytes(b"ID3")
    (city / "zh" / "README.md").write_text("ours to ignore")
    assert [refused.file.name for refused in sounds.check(city)] == ["welcome.mp3"]


def test_a_link_that_leads_nowhere_is_refused(target: Path, city: Path) -> None:
    (city / "zh").mkdir(parents=True)
    (city / "zh" / "welcome.wav").symlink_to(city / "gone.wav")
    [refused] = sounds.install(target, city)
    assert "cannot be read" in refused.reason


def test_an_odd_byte_at_the_end_of_a_recording_is_dropped(tmp_path: Path) -> None:
    file = tmp_path / "odd.wav"
    linear = record(file, frames=100)
    whole = bytearray(file.read_bytes() + b"\x07")
    whole[40:44] = (201).to_bytes(4, "little")
    file.write_bytes(whole)
    assert sounds.samples(file) == linear


def test_what_the_running_system_makes_is_silence_at_first_and_then_stays(target: Path, city: Path) -> None:
    record(city / "zh" / "wait-estimate.wav")
    sounds.install(target, city)
    assert sounds.samples(target / "sounds/zh/wait-estimate.wav") == sounds.SILENCE
    made = sounds.put(target / "sounds" / "zh", "wait-estimate", b"\x01\x00" * 400)
    sounds.install(target, city)
    assert sounds.samples(target / "sounds/zh/wait-estimate.wav") == b"\x01\x00" * 400
    for file in made:
        file.unlink()
    sounds.install(target, city)
    assert sounds.samples(target / "sounds/zh/wait-estimate.wav") == sounds.SILENCE
    assert not (target / "moh/default/wait-estimate.wav").exists()
