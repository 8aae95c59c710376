"""What a citizen hears while waiting: music, and the place in the queue in Mandarin."""

from __future__ import annotations

import asyncio
from pathlib import Path

from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests.e2e.test_menu import records
from tests.sounds import likeness, samples
from tests.trial import Trial


def test_waiting_callers_hear_music_and_their_place(stack: Trial, tmp_path: Path) -> None:
    """The only agent does not pick up: one caller is first, the other second; both leave in the end, as abandoned."""

    async def wait() -> None:
        citizens = [
            Citizen(
                number=f"1380000700{n}",
                stay_seconds=24,
                first_key_ms=300,
                speech=None,
                mode="record",
                recording=tmp_path / str(n),
            )
            for n in range(2)
        ]
        ringing = Seats(stack.settings, stack.credentials.agents, [Seat(user="1060", behaviour="silent")])
        async with ringing, Citizens(stack.settings, citizens, rate=1) as waiting:
            await waiting.results(60)

    asyncio.run(wait())
    sounds = stack.var / "asterisk" / "sounds" / "zh"
    (first,) = samples(tmp_path / "0.wav")
    (second,) = samples(tmp_path / "1.wav")
    assert likeness(second, sounds / "queue-thereare.wav") > 0.8
    assert likeness(second, sounds / "queue-callswaiting.wav") > 0.8
    (music,) = samples(stack.var / "asterisk" / "moh" / "default" / "hold.wav")
    for heard in (first, second):
        assert likeness(music, heard[-8000 * 4 : -8000]) > 0.8
    rows = records(stack, "1380000700", 2)
    assert [(row["disposition"], row["hung_up_by"]) for row in rows] == [("abandoned", "caller")] * 2
