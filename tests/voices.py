"""Telephones with sound at a stack: ``async with floor(stack) as f`` (what they can do: hotline/phones/voices.py)."""

from __future__ import annotations

from hotline.phones.talk import Talk
from hotline.phones.voices import Floor, Phone
from tests.trial import Trial


def floor(stack: Trial) -> Floor:
    """All telephones of one test at this stack."""
    return Floor(stack.settings, stack.credentials.agents)


async def connect(citizen: Phone, seat: Phone, keys: str = "1") -> Talk:
    """The citizen, whom the hotline has answered, is put through to this seat; returns the seat's call. Both hear each other."""
    await citizen.talk.press(keys)
    call = await seat.rings()
    if not call.call.answered_at:
        await call.answer()
    await hear_each_other(citizen.talk, call)
    return call


async def hear_each_other(*talks: Talk) -> None:
    """Wait until each of them hears all the others, and no other telephone."""
    for talk in talks:
        await talk.until_hears({other.tone for other in talks if other is not talk})
