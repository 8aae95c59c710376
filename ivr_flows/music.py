"""Music on hold: an original tune, composed by this file and nobody else, so that no licence is owed to anybody. Pure.

Sixteen bars of four beats at 96 beats a minute: 40 seconds of a plucked melody on the pentatonic scale over broken chords.
Everything is mixed into a circle, so the last note rings on into the first bar and the loop has no seam. The same numbers
come out on every machine, but for the last bit of the sine.
"""

from __future__ import annotations

import math

RATE = 8000
BEAT = 5000
"""Samples of one beat: 0.625 s."""

LENGTH = 16 * 4 * BEAT
"""Samples of the loop: 40 s."""

LEVEL = 10 ** (-26 / 20)
"""Root mean square of the loop: -26 dBFS, below the voice of an announcement (-23 LUFS)."""

PEAK = 10 ** (-3 / 20)

_SEMITONES = {"C": 0, "D": 2, "E": 4, "F": 5, "G": 7, "A": 9, "B": 11}

MELODY = """
    E5:2 G5:1 A5:1 | G5:3 E5:1 | D5:2 E5:1 G5:1 | D5:4
    C5:2 D5:1 E5:1 | G5:2 A5:1 G5:1 | E5:2 D5:1 C5:1 | D5:4
    A5:2 C6:1 A5:1 | G5:3 E5:1 | A5:1 G5:1 E5:1 D5:1 | E5:4
    G5:2 E5:1 D5:1 | C5:2 D5:1 E5:1 | D5:1 E5:1 D5:1 A4:1 | C5:4
"""
"""Bars of notes, each with its beats."""

CHORDS = """
    C4,E4,G4 | C4,E4,A4 | D4,G4,B4 | D4,G4,B4
    C4,E4,A4 | C4,F4,A4 | C4,E4,G4 | D4,G4,B4
    C4,F4,A4 | C4,E4,G4 | D4,F4,A4 | C4,E4,A4
    C4,E4,G4 | C4,F4,A4 | D4,G4,B4 | C4,E4,G4
"""
"""One chord a bar, broken into eighth notes: low, middle, high, middle, twice."""

_BROKEN = (0, 1, 2, 1, 0, 1, 2, 1)
_PARTIALS = ((1, 1.0, 1.0), (2, 0.35, 1.8), (3, 0.12, 2.6))
"""Of one plucked note: multiple of its frequency, strength, how many times faster it fades."""


def compose() -> list[float]:
    """The loop: samples at 8 kHz, full scale 1.0."""
    circle = [0.0] * LENGTH
    for at, frequency, beats in melody():
        _pluck(circle, at, frequency, strength=1.0, fade=0.7 + 0.35 * beats)
    for bar, chord in enumerate(_bars(CHORDS)):
        tones = [pitch(name) for name in chord.split(",")]
        for eighth, tone in enumerate(_BROKEN):
            _pluck(circle, (8 * bar + eighth) * BEAT // 2, tones[tone], strength=0.32, fade=0.6)
    loudness = math.sqrt(sum(sample * sample for sample in circle) / LENGTH)
    return [_held(sample * LEVEL / loudness) for sample in circle]


def melody() -> list[tuple[int, float, float]]:
    """Every note of the melody: the sample it begins at, its frequency in hertz, its beats."""
    notes, at = [], 0
    for bar in _bars(MELODY):
        for note in bar.split():
            name, beats = note.split(":")
            notes.append((at, pitch(name), float(beats)))
            at += int(beats) * BEAT
    return notes


def pitch(name: str) -> float:
    """The frequency in hertz of a note such as ``A4`` (440)."""
    return 440.0 * math.exp2((_SEMITONES[name[0]] - 9) / 12 + int(name[1]) - 4)


def _bars(score: str) -> list[str]:
    return [bar.strip() for line in score.strip().splitlines() for bar in line.split("|")]


def _pluck(circle: list[float], at: int, frequency: float, *, strength: float, fade: float) -> None:
    """Add one note, struck at ``at`` and fading by 1/e in ``fade`` seconds, until it can no longer be heard."""
    attack = RATE // 125
    for multiple, share, faster in _PARTIALS:
        step = 2 * math.pi * frequency * multiple / RATE
        decay = math.exp(-faster / (fade * RATE))
        size = strength * share
        for n in range(min(LENGTH, int(5 * fade * RATE / faster))):
            circle[(at + n) % LENGTH] += size * min(1.0, n / attack) * math.sin(step * n)
            size *= decay


def _held(sample: float) -> float:
    return max(-PEAK, min(PEAK, sample))
