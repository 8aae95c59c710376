"""From a citizen's call to the archive, on a real Asterisk, with real telephones and over HTTP: nothing is stubbed.

At each step: the state, the line of the history (who, from, to, why), each clock that runs with its due time, and what a citizen
who asks for the ticket is told (LIF-40 to LIF-43, TIM-01 to TIM-36, IVR-06).
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import asyncpg
import pytest

from hotline import clock
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.plan import Press, presses
from hotline.phones.voices import SeatPhone
from tests import ticket_people, trial
from tests.sounds import beginning, likeness, samples
from tests.threeway import Office, office
from tests.ticket_people import People, people
from tests.ticket_story import (
    CITIZEN,
    CLOSED,
    LOOK,
    REPLY,
    TEXT,
    TYPED,
    Story,
    called,
    calling,
    not_satisfied_then_satisfied,
    to_the_right_unit,
    to_the_wrong_unit_and_back,
)
from tests.trial import Trial, wait_until

STRANGER = "13905340072"
_LIKE = 0.75
SETTINGS: dict[str, dict[str, object]] = {"queue": {"ring_seconds": 15, "wrapup_seconds": 0}, "calendar": {"night": []}}


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack of this module's own: parts of it are killed."""
    with trial.running(tmp_path_factory.mktemp("tickets"), SETTINGS) as running:
        yield running


@pytest.fixture(scope="module")
def tokens(stack: Trial, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Units are in the directory, everybody has an account and is logged in."""
    return ticket_people.begin(stack, tmp_path_factory.mktemp("directory"))


@contextlib.asynccontextmanager
async def everybody(stack: Trial, tokens: Mapping[str, str]) -> AsyncIterator[tuple[Office, People]]:
    """Telephones and desks."""
    async with office(stack) as at, people(stack, tokens) as who:
        yield at, who


def with_everybody(stack: Trial, tokens: Mapping[str, str], work: Callable[[Office, People], Awaitable[None]]) -> None:
    async def run() -> None:
        async with everybody(stack, tokens) as (at, who):
            await work(at, who)

    asyncio.run(run())


async def heard_by_telephone(story: Story, folder: Path) -> None:
    """The citizen calls again and hears state and result; a stranger is asked for the code and hears neither (IVR-06, SEC-06)."""
    stack = story.at.stack
    sounds = stack.var / "asterisk" / "sounds" / "zh"
    begin = (sounds / "welcome.alaw").stat().st_size // 8 + 1500
    keys = [Press(begin, "2"), Press(begin + 1500, "2")]
    keys += presses(f"{story.number[1:]}#", first_ms=begin + 3000, apart_ms=250)
    callers = [
        Citizen(number=number, pressed=tuple(keys), stay_seconds=28, speech=None, mode="record", recording=folder / number)
        for number in (CITIZEN, STRANGER)
    ]
    async with Citizens(stack.settings, callers) as group:
        await group.results(90)
    heard, strange = (samples(folder / f"{number}.wav")[0] for number in (CITIZEN, STRANGER))
    result, code = sounds / f"{CLOSED[1]}.wav", sounds / "enter-query-code.wav"
    assert likeness(heard, result) > _LIKE > likeness(heard, code)
    assert likeness(strange, code) > _LIKE > likeness(strange, result)
    before = heard[(beginning(heard, result) - 3000) * 8 : beginning(heard, result) * 8]
    states = {file.stem: likeness(before, file) for file in sounds.glob("ticket-state-*.wav")}
    assert max(states, key=states.__getitem__) == CLOSED[0], states
    lines = await story.at.rows(
        "SELECT actor, detail->>'answer' AS answer FROM audit_log"
        " WHERE action = 'ticket.query' AND subject = $1 AND detail->>'call_id' <> $2 ORDER BY actor",
        f"ticket:{story.number[1:]}",
        LOOK,
    )
    assert [(one["actor"], one["answer"]) for one in lines] == [(f"caller:{CITIZEN}", "found"), (f"caller:{STRANGER}", "refused")]


async def stays_unknown(at: Office, who: People, seat: SeatPhone, before: str) -> None:
    """The same citizen calls again, is known at once, and wants to stay unknown to units (CAL-01, TKT-13, SEC-08)."""
    async with calling(at, who, seat) as screen:
        shown = screen.known["pop"]["1001"]
        (person,), (known,) = shown["pop"]["persons"], shown["pop"]["tickets"]
        assert (person["name"], known["number"], known["state"]) == ("张小明", before, "archived")
        opening = {"node": shown["node"], "call_id": shown["call_id"], "caller_id": person["caller_id"], "hidden": ["all"]}
        named = {"content": TEXT + ",联系人张小明", "nature": "help", "category": "C1.03", "accept": True}
        number = (await who.post("1001", "/api/tickets", {**opening, **named}))["number"]
    path = f"/api/tickets/{number}"
    await who.post("1001", f"{path}/submit")
    to = {"lead_unit": "GD"}
    assert (await who.post("sun", f"{path}/dispatch", to, 409))["error"]["code"] == "citizen_named"
    await who.post("sun", f"{path}/edit", {"content": TEXT})
    await who.post("sun", f"{path}/dispatch", to)
    await who.post("chen", f"{path}/receive")
    told = [await who.get("chen", address) for address in (path, f"{path}/history", f"{path}/clocks", "/api/units/GD/tickets")]
    assert told[0]["identity"] is None and told[0]["call"] is None
    assert "张小明" not in str(told) and CITIZEN not in str(told) and before not in str(told[0])
    await who.get("chen", f"{path}/contacts", 403)
    assert (await who.post("chen", f"{path}/reply", REPLY, 403))["error"]["code"] == "hotline_tells"
    for other in ("liu", "wu"):
        await who.get(other, path, 403)


async def prepared(who: People, **more: Any) -> str:
    """A ticket of somebody at the window that waits to be dispatched; its path."""
    opening = {**TYPED, "channel": "window", "calling_number": STRANGER, "accept": True, **more}
    path = f"/api/tickets/{(await who.post('1001', '/api/tickets', opening))['number']}"
    await who.post("1001", f"{path}/submit")
    return path


async def insisted(at: Office, who: People, *order: Any) -> dict[int, Any]:
    """The same order under the same key, over and over until it is done: each status, and what was answered with it last."""
    answers: dict[int, Any] = {}

    async def is_done() -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            status, said = await who.order(*order)
            answers[status] = said
        return 200 in answers

    await at.until(is_done, f"{order} is done", 60)
    return answers


def test_from_the_call_to_the_archive_every_step_is_right(stack: Trial, tokens: dict[str, str], tmp_path: Path) -> None:
    async def work(at: Office, who: People) -> None:
        seat = await at.floor.seat("1001")
        story = await called(at, who, seat)
        await to_the_wrong_unit_and_back(story)
        await to_the_right_unit(story)
        await not_satisfied_then_satisfied(story)
        for nobody_of_it in ("liu", "wu"):
            await who.get(nobody_of_it, f"/api/tickets/{story.number}", 403)
            unit = ticket_people.UNIT_STAFF[nobody_of_it][1]
            assert story.number not in str(await who.get(nobody_of_it, f"/api/units/{unit}/tickets"))
        await asyncio.gather(heard_by_telephone(story, tmp_path), stays_unknown(at, who, seat, story.number))

    with_everybody(stack, tokens, work)


def test_a_dispatch_in_which_the_web_process_is_killed_is_done_once(stack: Trial, tokens: dict[str, str]) -> None:
    async def work(at: Office, who: People) -> None:
        path = await prepared(who)
        order = ("sun", f"{path}/dispatch", {"lead_unit": "GD"}, "dispatch-once-1")
        owner = await asyncpg.connect(stack.credentials.database_owner)

        async def is_cut_off() -> None:
            with pytest.raises(aiohttp.ClientError):
                await who.order(*order)

        async with asyncio.TaskGroup() as tasks, owner.transaction():
            await owner.execute("SELECT FROM tickets WHERE ticket_id = $1 FOR UPDATE", int(path[-13:]))
            tasks.create_task(is_cut_off())
            await at.until(lambda: at.rows("SELECT 1 FROM pg_locks WHERE NOT granted"), "it is in the middle of it")
            stack.kill("desks")
        await owner.close()
        first = (await insisted(at, who, *order))[200]
        assert (first["state"], await who.order(*order)) == ("dispatched", (200, first))
        lines = (await who.get("office", f"{path}/history"))["events"]
        assert [one["action"] for one in lines] == ["dispatch", "submit", "accept", "open"]
        assert len((await who.get("office", path))["tasks"]) == 1

    with_everybody(stack, tokens, work)


def test_what_fell_due_while_nobody_swept_is_fired_once(stack: Trial, tokens: dict[str, str]) -> None:
    """SUP-16: a limit that a regulation names (TKT-25) runs out while the process is dead; and it dies again afterwards."""

    async def fired(who: People, path: str) -> list[dict[str, Any]]:
        steps = (await who.get("office", f"{path}/clocks"))["escalations"]
        return [one for one in steps if one["kind"] == "handle"]

    async def ran_out(at: Office, who: People) -> str:
        due = clock.now() + dt.timedelta(seconds=3)
        path = await prepared(who, regulatory_due_at=due.isoformat())
        done = await who.post("sun", f"{path}/dispatch", {"lead_unit": "GD"})
        assert dt.datetime.fromisoformat(done["due_at"]) == due

        async def is_over() -> bool:
            if stack.is_running("crm") and clock.now() > due - dt.timedelta(seconds=0.5):
                stack.kill("crm")
            return clock.now() > due

        await at.until(is_over, "it runs out while nobody looks")
        (step,) = await at.until(lambda: fired(who, path), "it is fired after the start", 30)
        assert (step["mode"], step["level"], step["addressee"]) == ("telephone", 1, "dispatcher")
        assert dt.datetime.fromisoformat(step["was_due"]) == due < dt.datetime.fromisoformat(step["fired_at"])
        return path

    async def work(at: Office, who: People) -> None:
        first = await ran_out(at, who)
        await ran_out(at, who)
        assert len(await fired(who, first)) == 1
        assert len((await who.get("office", first))["supervisions"]) == 1

    with_everybody(stack, tokens, work)


def test_a_ticket_that_is_saved_while_postgresql_is_away_is_there_once(stack: Trial, tokens: dict[str, str]) -> None:
    async def work(at: Office, who: People) -> None:
        opening = {**TYPED, "content": TEXT + ",已报三次", "channel": "window", "calling_number": STRANGER}
        order = ("1001", "/api/tickets", opening, "saved-once-1")
        stack.kill("postgres")
        answers = await insisted(at, who, *order)
        assert set(answers) == {200, 503}
        away = answers[503]["error"]
        assert away["code"] == "unavailable" and any("一" <= one <= "鿿" for one in away["message"]), away
        assert await who.order(*order) == (200, answers[200])
        (row,) = await at.rows("SELECT ticket_id FROM tickets WHERE content = $1", opening["content"])
        assert answers[200]["number"] == f"C{row['ticket_id']}"

    with_everybody(stack, tokens, work)


def test_after_all_that_the_audit_log_is_whole(stack: Trial) -> None:
    """SEC-12: nothing that was cut off is missing from the chain."""
    wait_until(lambda: not stack.fetch("SELECT 1 FROM audit_unsealed LIMIT 1"), what="the newest lines are sealed")
    done = stack.command("hotline", "audit", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
