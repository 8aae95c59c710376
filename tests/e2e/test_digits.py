"""Keys on a real Asterisk, in each way that a telephone may send them: within a prompt, after it, and faster than we ask."""

from __future__ import annotations

import asyncio
import datetime as dt
import json
from collections import Counter
from collections.abc import Iterator, Sequence

import asyncpg
import pytest

from hotline import clock
from hotline.phones.call_log import Call
from hotline.phones.citizens import CITIZEN_SPEECH, Citizen, Citizens
from hotline.phones.plan import Digits, Press
from tests import trial
from tests.trial import Trial, wait_until

WAYS: Sequence[Digits] = ("rfc4733", "info", "inband")
DAYS = [(clock.shanghai_now().date() + dt.timedelta(days=n)).isoformat() for n in range(2)]
"""Today, and tomorrow in case it becomes that."""
CALLER = "1380010%d%03d"
OWN = "1380020%d%03d"
"""Callers whose tickets bear their own numbers."""
FOUND = "main:2,self-service:2,ticket:match,ticket-look:found,after-result:hangup"


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of its own, on a working day."""
    with trial.running(tmp_path_factory.mktemp("digits"), {"calendar": {"ordinary_days": DAYS, "night": []}}) as stack:
        asyncio.run(_tickets(stack))
        yield stack


async def _tickets(stack: Trial) -> None:
    owner = await asyncpg.connect(stack.credentials.database_owner)
    try:
        await owner.execute(
            "INSERT INTO ticket_answers (ticket_no, caller_number, query_code_hash, state, result, updated_at)"
            " SELECT own, own, NULL, 'ticket-state-answered', 'ticket-result-solved', now() FROM unnest($1::text[]) own",
            [OWN % (way, n) for way in range(len(WAYS)) for n in range(100)],
        )
    finally:
        await owner.close()


def _lasts(stack: Trial, prompt: str) -> float:
    return (stack.var / "asterisk" / "sounds" / "zh" / f"{prompt}.alaw").stat().st_size / 8000


def _paths(stack: Trial, citizens: Sequence[Citizen]) -> dict[str, str]:
    """Make the calls; each caller's path, from the first menu on."""

    async def dial() -> list[Call]:
        async with Citizens(stack.settings, citizens, rate=6) as group:
            return await group.results(max(citizen.stay_seconds for citizen in citizens) + len(citizens) / 6 + 60)

    asyncio.run(dial())
    query = "SELECT caller_number, menu_path FROM calls WHERE caller_number = ANY($1) AND ended_at IS NOT NULL"
    numbers = [citizen.number for citizen in citizens]
    wait_until(lambda: len(stack.fetch(query, numbers)) >= len(numbers), what="a record of every call")
    return {row["caller_number"]: row["menu_path"].partition("on-duty:open,")[2] for row in stack.fetch(query, numbers)}


def _pressed(begin: float, keys: str, apart_ms: int) -> tuple[Press, ...]:
    return tuple(Press(round(begin * 1000) + n * apart_ms, key) for n, key in enumerate(keys))


def test_a_key_counts_within_the_welcome_within_a_prompt_and_after_it(stack: Trial) -> None:
    """Nobody has to hear a prompt out, however the telephone sends its keys."""
    welcome, menu = _lasts(stack, "welcome"), _lasts(stack, "menu")
    moments = {1.0: welcome - 0.5, welcome + 2.0: welcome + menu - 2.0, welcome + menu + 2.0: welcome + menu + 4.0}
    citizens = [
        Citizen(number=CALLER % (way, n), digits=digits, pressed=_pressed(at, "2", 0), stay_seconds=stay, speech=None)
        for way, digits in enumerate(WAYS)
        for n, (at, stay) in enumerate(moments.items())
    ]
    paths = _paths(stack, citizens)
    assert paths == {citizen.number: "main:2,self-service:hangup" for citizen in citizens}


def test_a_long_number_arrives_whole(stack: Trial) -> None:
    """IVR-06: eleven digits and ``#`` in the middle of the prompts; only the whole number finds the ticket."""
    citizens = []
    for way, digits in enumerate(WAYS):
        own = OWN % (way, 0)
        keys = _pressed(_lasts(stack, "welcome") + 1.5, f"22{own}#", 400)
        citizens.append(Citizen(number=own, digits=digits, pressed=keys, stay_seconds=35, speech=None))
    paths = _paths(stack, citizens)
    assert paths == {citizen.number: FOUND for citizen in citizens}


@pytest.mark.parametrize("digits", WAYS)
def test_keys_typed_ahead_are_not_lost(stack: Trial, digits: Digits) -> None:
    """Two menus and a ticket's number without a look at what is asked: fourteen keys, 150 ms each with its pause of 50 ms.

    Asterisk throws keys away while it waits for our next command. Who lost one must have typed while agi said that it was late.
    """
    citizens, begins = [], {}
    for n in range(1, 31):
        own = OWN % (WAYS.index(digits), n)
        begins[own] = (1.0 if n % 2 else _lasts(stack, "welcome") + 1.0) + n * 0.003
        keys = _pressed(begins[own], f"22{own}#", 150)
        citizens.append(Citizen(number=own, digits=digits, pressed=keys, stay_seconds=28, speech=None))
    paths = _paths(stack, citizens)
    lost = {number: path for number, path in paths.items() if path != FOUND}
    assert len(lost) <= 3, Counter(paths.values())
    late = _late(stack)
    for number, path in lost.items():
        typed = _typed(stack, number, begins[number])
        assert any(typed[0] <= moment <= typed[1] for moment in late), (number, path, typed, late)


def _typed(stack: Trial, number: str, begin: float) -> tuple[dt.datetime, dt.datetime]:
    """When this caller typed, as far as the second in which agi says that it was late goes."""
    [row] = stack.fetch("SELECT started_at FROM calls WHERE caller_number = $1 ORDER BY started_at DESC LIMIT 1", number)
    first = row["started_at"] + dt.timedelta(seconds=begin)
    return first - dt.timedelta(seconds=0.5), first + dt.timedelta(seconds=14 * 0.15 + 2.0)


def _late(stack: Trial) -> list[dt.datetime]:
    lines = (stack.var / "log" / "agi.log").read_text(encoding="utf-8").splitlines()
    said = [json.loads(line) for line in lines if '"late: keys' in line]
    return [dt.datetime.fromisoformat(line["timestamp"]) for line in said]


def test_what_a_caller_says_is_no_key(stack: Trial) -> None:
    """Tones are looked for in the sound of a telephone that offers no events: speech must not pass for them."""
    citizens = [
        Citizen(number=CALLER % (9, n), digits=digits, keys="", stay_seconds=_lasts(stack, "welcome") + 12, speech=CITIZEN_SPEECH)
        for n, digits in enumerate(WAYS)
    ]
    paths = _paths(stack, citizens)
    assert paths == {citizen.number: "main:hangup" for citizen in citizens}
