"""Who is heard: tones of telephones are found in A-law, noise and company, and nowhere else (TWC-01..16 are judged by them)."""

from __future__ import annotations

import random
from array import array
from collections.abc import Sequence
from itertools import combinations
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hotline import g711
from hotline.phones import hearing, sound, tones
from hotline.phones.hearing import TONES, Hearing
from hotline.phones.rtp import FRAME

PROMPTS = Path(__file__).parents[2] / "ivr_flows" / "prompts"
SPEECH = Path(hearing.__file__).parent / "speech"
FRAME_NS = 20_000_000
SILENCE = bytes([g711.SILENCE]) * FRAME


def linear(alaw: Sequence[bytes]) -> array[int]:
    samples = array("h")
    samples.frombytes(g711.decode(b"".join(alaw)))
    return samples


def mixed(frames: int, *voices: Sequence[bytes], noise: int = 0, seed: int = 0) -> list[bytes]:
    """Voices that loop, added up as a conference does (16 bit, clipped), with white noise of this peak, as A-law again."""
    chance = random.Random(seed)
    looped = [linear(voice) for voice in voices]
    values = (
        sum(voice[n % len(voice)] for voice in looped) + (chance.randint(-noise, noise) if noise else 0)
        for n in range(frames * FRAME)
    )
    return sound.frames(array("h", (max(-32768, min(32767, value)) for value in values)).tobytes())


def heard_in(frames: Sequence[bytes], every_ns: int = FRAME_NS) -> Hearing:
    ear = Hearing()
    for place, frame in enumerate(frames):
        ear.take(frame, place * every_ns)
    return ear


def tones_of(frames: Sequence[bytes]) -> frozenset[int]:
    """What is heard in the whole of it, and it must be so at the end too."""
    ear = heard_in(frames)
    everything = ear.between(0, len(frames) * FRAME_NS)
    assert ear.now(len(frames) * FRAME_NS) <= everything
    return everything


def read(path: Path) -> list[bytes]:
    return sound.frames(sound.read_wav(path.read_bytes(), path.name))


@pytest.mark.parametrize("frequency", [*TONES, hearing.BEEP, hearing.ANNOUNCEMENT, hearing.FAX_CALLING, hearing.FAX_ANSWERING])
def test_every_tone_is_heard_as_itself_and_as_nothing_else(frequency: int) -> None:
    assert tones_of(mixed(25, hearing.tone(frequency))) == {frequency}
    assert tones_of(mixed(25, hearing.tone(frequency), noise=1500)) == {frequency}


def test_no_two_tones_are_near_each_other_or_a_key() -> None:
    everything = (*TONES, hearing.BEEP, hearing.ANNOUNCEMENT, hearing.FAX_CALLING, hearing.FAX_ANSWERING)
    assert min(abs(one - other) for one, other in combinations(everything, 2)) >= 40
    keys = (697, 770, 852, 941, 1209, 1336, 1477, 1633)
    assert min(abs(tone - key) for tone in everything for key in keys) >= 30


@settings(max_examples=15, deadline=None)
@given(
    said=st.sets(st.sampled_from(TONES), min_size=2, max_size=7),
    noise=st.integers(0, 1500),
    shift=st.integers(0, 799),
    seed=st.integers(0, 2**16),
)
def test_all_who_speak_at_once_are_heard_and_nobody_else(said: set[int], noise: int, shift: int, seed: int) -> None:
    voices = []
    for frequency in sorted(said):
        turned = linear(hearing.tone(frequency))
        voices.append(sound.frames((turned[shift:] + turned[:shift]).tobytes()))
    assert tones_of(mixed(22, *voices, noise=noise, seed=seed)) == said


@pytest.mark.parametrize("path", sorted(SPEECH.glob("*.wav")), ids=lambda path: path.stem)
def test_nobody_is_heard_in_speech(path: Path) -> None:
    assert tones_of(read(path)) == frozenset()


def test_nobody_is_heard_in_silence_noise_keys_and_the_tones_of_exchanges() -> None:
    assert tones_of([SILENCE] * 50) == frozenset()
    assert tones_of(mixed(50, noise=20000)) == frozenset()
    assert tones_of([frame for key in "123A456B789C*0#D" for frame in tones.tone(key, 400)]) == frozenset()
    for frequency in (420, 440, 450):
        assert tones_of(mixed(25, hearing.tone(frequency))) == frozenset()


def test_music_on_hold_is_known_from_tones_and_from_speech() -> None:
    music = read(PROMPTS / "music" / "hold.wav")
    assert tones_of(music[: len(music) // 2]) == frozenset()
    places = range(50, len(music), 97)
    assert all(heard_in(music[place - 40 : place]).is_music(40 * FRAME_NS) for place in places)
    speech = read(SPEECH / "lamp.wav")
    assert not any(heard_in(speech[place - 40 : place]).is_music(40 * FRAME_NS) for place in range(50, len(speech), 97))
    assert not heard_in(mixed(50, hearing.tone(1010), hearing.tone(1400))).is_music(50 * FRAME_NS)
    assert not heard_in([SILENCE] * 50).is_music(50 * FRAME_NS)


def test_a_tone_over_speech_is_heard_all_the_same() -> None:
    assert tones_of(mixed(200, hearing.tone(2220), read(SPEECH / "pension.wav"))) == {2220}


def test_the_time_says_who_was_heard_when() -> None:
    one, other = hearing.tone(1010) * 10, hearing.tone(1400) * 10
    ear = heard_in([*one, *other, *[SILENCE] * 50])
    second = 50 * FRAME_NS
    assert ear.between(0, second) == {1010}
    assert ear.between(second, 2 * second) == {1400}
    assert ear.between(0, 3 * second) == {1010, 1400}
    assert ear.between(2 * second, 3 * second) == frozenset()
    assert ear.now(3 * second) == frozenset()
    assert ear.is_silent_of({1010, 1400}, 3 * second)


def test_a_sound_that_has_stopped_coming_is_not_heard_now() -> None:
    ear = heard_in(mixed(50, hearing.tone(1010)))
    last = 49 * FRAME_NS
    assert ear.now(last) == {1010}
    assert not ear.is_silent_of({1010}, last)
    assert ear.is_audible(last)
    later = last + 500_000_000
    assert ear.now(later) == frozenset()
    assert ear.is_silent_of({1010}, later)
    assert not ear.is_audible(later)


def test_packets_that_come_late_and_all_at_once_change_nothing() -> None:
    """A machine that stutters: bursts of ten frames every 200 ms."""
    ear = Hearing()
    for place, frame in enumerate(mixed(60, hearing.tone(1690))):
        ear.take(frame, place // 10 * 10 * FRAME_NS)
    assert ear.now(60 * FRAME_NS) == {1690}


def test_a_second_of_one_voice_and_a_word_of_another_is_not_taken_for_both_now() -> None:
    ear = heard_in([*hearing.tone(1010) * 10, *hearing.tone(1400) * 2])
    assert ear.now(60 * FRAME_NS) == frozenset()


@pytest.mark.parametrize("frequency", [1015, 0, 4000, -10])
def test_a_tone_that_does_not_loop_is_refused(frequency: int) -> None:
    with pytest.raises(ValueError, match="multiple of 10 Hz"):
        hearing.tone(frequency)


def test_an_ear_that_has_heard_too_little_knows_nothing() -> None:
    ear = heard_in(hearing.tone(1010))
    assert (ear.now(0), ear.is_music(0), ear.between(0, 10**12)) == (frozenset(), False, frozenset())
    assert Hearing().is_silent_of({1010}, 0)
