"""Whatever a citizen presses, in whatever step a citizen hangs up: nobody is lost, and each call has its record."""

from __future__ import annotations

import asyncio
from typing import Any

from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from tests.trial import Trial, wait_until

SILENT = ",".join(["self-service:timeout"] * 3)
PRESSES = {
    "": "main:timeout,main:timeout",
    "1": "main:1",
    "2,1": f"main:2,self-service:1,knowledge:found,folder:timeout,folder:timeout,folder:timeout,{SILENT}",
    "*": "main:invalid,main:timeout",
    "#": "main:invalid,main:timeout",
    "9": "main:9",
    "0123456789": "main:0,main:1",
    "1111111111": "main:1",
    "2222222222": "main:2,self-service:2,ticket:match,ticket-look:refused,ticket-code:timeout,ticket-code:timeout,"
    f"ticket-code:timeout,{SILENT}",
    "*#*#1": "main:invalid,main:invalid",
}
"""No digits, a wrong one, star, pound, ten in a burst; and the way to the agent from the first menu on."""
AFTER_THE_WELCOME = ("*", "#", "9", "2222222222")
"""Pressed in the menu; the others interrupt the welcome."""
PATIENCE_SECONDS = 240
"""Whoever says nothing has three tries in each menu on the way back, and is asked for a rating in the end."""


def records(stack: Trial, prefix: str, count: int) -> list[dict[str, Any]]:
    """The finished records of callers whose number begins with ``prefix``, in order of number."""
    query = "SELECT * FROM calls WHERE caller_number LIKE $1 AND ended_at IS NOT NULL ORDER BY caller_number, started_at"
    wait_until(lambda: len(stack.fetch(query, f"{prefix}%")) >= count, seconds=40, what=f"{count} records of {prefix}")
    rows = stack.fetch(query, f"{prefix}%")
    assert len(rows) == count, rows
    return rows


async def _calls(stack: Trial, citizens: list[Citizen], seats: list[Seat], rate: float) -> list[Call]:
    async with Seats(stack.settings, stack.credentials.agents, seats), Citizens(stack.settings, citizens, rate=rate) as group:
        return await group.results(max(citizen.stay_seconds for citizen in citizens) + 60)


def test_every_key_leads_to_an_agent_in_the_end(stack: Trial) -> None:
    """IVR-01, IVR-03: no key and no silence hangs up on the caller."""
    citizens = [
        Citizen(
            number=f"1380000200{n}",
            keys=keys,
            stay_seconds=PATIENCE_SECONDS,
            first_key_ms=5500 if keys in AFTER_THE_WELCOME else 1500,
            apart_ms=9000 if "," in keys else 250,
            speech=None,
        )
        for n, keys in enumerate(PRESSES)
    ]
    seats = [Seat(user=f"{1011 + n}", talk_seconds=2, speech=None) for n in range(len(PRESSES))]
    calls = asyncio.run(_calls(stack, citizens, seats, rate=5))
    assert [call.ended_by for call in calls] == ["other"] * len(PRESSES), "nobody had to give up"
    rows = records(stack, "1380000200", len(PRESSES))
    assert [row["disposition"] for row in rows] == ["answered"] * len(PRESSES), [(r["menu_path"], r["disposition"]) for r in rows]
    for row, path in zip(rows, PRESSES.values(), strict=True):
        assert f",on-duty:open,{path},agent:open," in row["menu_path"], row["menu_path"]
        assert row["menu_path"].endswith(",queue:answered,survey:not_rated,more:timeout"), row["menu_path"]


def test_a_hang_up_in_any_step_leaves_one_true_record(stack: Trial) -> None:
    """During the welcome, the menu, the announcement before the queue, in the queue."""
    places = [
        (0.3, "", ""),
        (2.0, "", ""),
        (5.5, "", "main:hangup"),
        (3.0, "1", "main:1"),
        (7.0, "1", "main:1"),
        (11.0, "1", "main:1"),
    ]
    citizens = [
        Citizen(number=f"1380000300{n}", keys=keys, stay_seconds=stay, speech=None, first_key_ms=200)
        for n, (stay, keys, _) in enumerate(places)
    ]
    seats = [Seat(user="1031", behaviour="silent")]
    calls = asyncio.run(_calls(stack, citizens, seats, rate=5))
    rows = records(stack, "1380000300", len(places))
    assert [row["hung_up_by"] for row in rows] == ["caller"] * len(places)
    assert [row["disposition"] for row in rows] == ["ivr_hangup"] * 4 + ["abandoned"] * 2
    for call, row, (_, _, path) in zip(calls, rows, places, strict=True):
        assert row["menu_path"].partition(",on-duty:open,")[2].removesuffix(",agent:open,news:not_found") == path
        assert call.ended_at is not None
        assert abs((row["ended_at"] - call.ended_at).total_seconds()) < 0.1


NAMES = {
    "quotes": 'O"Brien \\ "张"',
    "chinese": "张伟（幸福小区3号楼）",
    "emoji": "😀📞🇨🇳",
    "long": "长" * 300,
    "shell": "${SHELL(touch HACKED)}",
    "dialplan": "$[1/0]${CHANNEL(hangupsource)}|,;)(",
    "newlines": "a\r\nAction: Originate\r\nb",
    "ami": "x Variable: HOTLINE_NEXT=goodbye",
}


def test_a_callers_name_is_text_and_nothing_else(stack: Trial) -> None:
    """Stored as it came, never evaluated; the call goes on as any other."""

    async def dial() -> None:
        seats = [Seat(user=f"{1041 + n}", talk_seconds=1, speech=None) for n in range(len(NAMES))]
        async with Seats(stack.settings, stack.credentials.agents, seats), asyncio.TaskGroup() as group:
            for number, name in enumerate(NAMES.values()):
                group.create_task(one(f"1380000400{number}", name))

    async def one(number: str, name: str) -> None:
        async with Citizens(stack.settings, [Citizen(number=number, stay_seconds=40, speech=None)], name=name) as citizens:
            await citizens.results(90)

    asyncio.run(dial())
    rows = records(stack, "1380000400", len(NAMES))
    assert [row["disposition"] for row in rows] == ["answered"] * len(NAMES)
    stored = dict(zip(NAMES, (row["caller_name"] for row in rows), strict=True))
    for kind in ("quotes", "chinese", "emoji", "shell", "dialplan", "ami"):
        assert stored[kind] == NAMES[kind], kind
    assert stored["long"] and set(stored["long"]) == {"长"}, "cut, but not in the middle of a character"
    assert "\n" not in stored["newlines"] and stored["newlines"].startswith("a")
    assert not list(stack.folder.rglob("HACKED"))
    complaints = [line for line in stack.asterisk_complaints() if "CallerID Name" not in line]
    assert complaints == [], "Asterisk says itself that it cut the long name"
