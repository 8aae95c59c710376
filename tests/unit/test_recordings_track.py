"""One channel of a stored conversation: every voice at its time, mixed where several speak, else silence (TWC-15)."""

from __future__ import annotations

import io
import itertools
import struct

from hypothesis import given
from hypothesis import strategies as st

from recordings.facts import Piece
from recordings.files import _Track

VOICES = st.lists(
    st.tuples(st.one_of(st.none(), st.integers(-8, 8)), st.lists(st.integers(-20000, 20000), max_size=60), st.booleans()),
    max_size=5,
)


def expected(voices: list[tuple[int | None, list[int], bool]]) -> list[int]:
    """The same, sample by sample."""
    channel: list[int] = []
    for at, voice, _ in voices:
        begin = len(channel) if at is None else 8 * at
        channel += [0] * (begin + len(voice) - len(channel))
        for n, sample in enumerate(voice):
            if begin + n >= 0:
                channel[begin + n] = max(-32768, min(32767, channel[begin + n] + sample))
    return channel


@given(VOICES, st.lists(st.integers(1, 40), min_size=1, max_size=20))
def test_every_voice_lies_at_its_time_however_the_channel_is_read(
    voices: list[tuple[int | None, list[int], bool]], counts: list[int]
) -> None:
    sources = []
    for at, voice, torn in voices:
        content = struct.pack(f"={len(voice)}h", *voice) + b"\1" * torn
        sources.append((Piece("x", len(content), "agent", at), io.BytesIO(content)))
    track = _Track(sources)
    heard = b""
    for count in itertools.cycle(counts):
        if len(heard) >= track.size:
            break
        heard += track.read(2 * count)
    wanted = expected(voices)
    assert track.size == 2 * len(wanted)
    assert list(struct.unpack(f"={len(heard) // 2}h", heard))[: len(wanted)] == wanted
    assert not any(heard[track.size :])
