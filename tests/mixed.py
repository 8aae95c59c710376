"""Many different calls on a real Asterisk while things break, and each of them compared with what the telephones saw.

``run(stack, phases(calls, faults))`` plays stories (tests/stories.py) in phases; a phase may have a fault (tests/faults.py). In
the end every row of the tables is held against SIPp's truth, and against a replay of the journal.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from acd.parts import Parts
from ami_bridge.lines import Request, Turn
from ami_bridge.recorded import replay
from ami_bridge.recorded.replay import Asked
from hotline import clock, database, paths
from tests import stories, stories_acd
from tests.comings import Comings, quiet, units
from tests.faults import AmiProxy, Faults
from tests.judge import CallSeen, judge, judge_calls, near_a_gap
from tests.judge_pauses import Noted, judge_pauses
from tests.play import Story
from tests.stage import Stage
from tests.trial import Trial, wait_until
from tests.truth import CallTruth, Window

MAIN_AGENTS = tuple(str(user) for user in (*range(1001, 1041), *range(1061, 1081)))
ENGLISH_AGENTS = tuple(str(user) for user in range(1041, 1047))
COLLEAGUES = tuple(str(user) for user in range(1056, 1061))
SUPERVISORS = tuple(str(user) for user in range(1047, 1051))
MOST_WAITING = 50
SETTINGS: dict[str, dict[str, object]] = {
    "agents": {"last": 1080, "missed_calls": 2},
    "queue": {
        "wrapup_seconds": 0,
        "wait_seconds": 18,
        "ring_seconds": 6,
        "max_waiting": MOST_WAITING,
        "announce_seconds": 600,
        "english_strategy": "ringall",
        "english_agents": [int(user) for user in ENGLISH_AGENTS],
    },
    "control": {"ring_seconds": 6},
    "threeway": {"silence_seconds": 600, "ring_seconds": 6, "pause_seconds": 1},
    "ivr": {"flow": "mixed"},
    "calendar": {"night": []},
    "ami": {"ping_seconds": 1, "silence_seconds": 4},
}
SETTLE_SECONDS = 90.0

OFTEN: dict[Story, int] = {
    stories.answered_early: 30,
    stories.answered_late: 3,
    stories.abandons_short: 10,
    stories.abandons_long: 6,
    stories.times_out: 4,
    stories.called_back_after_time_out: 2,
    stories.presses_for_call_back: 5,
    stories.presses_for_mailbox: 5,
    stories.menu_only: 6,
    stories.refused_then_answered: 6,
    stories.missed_then_answered: 5,
    stories.asks_again: 6,
    stories.sent_to_agent: 4,
    stories.sent_to_agent_who_declines: 2,
    stories.sent_to_queue: 4,
    stories.sent_to_queue_and_abandons: 2,
    stories.sent_nowhere: 1,
    stories.joined_with_agent: 2,
    stories.consulted_only: 1,
    stories.joined_with_queue_answered: 1,
    stories.joined_with_queue_waiting: 1,
    stories.on_hold: 2,
    stories_acd.hold_and_resume: 3,
    stories_acd.agent_dies_on_hold: 2,
    stories_acd.parked_and_picked_up: 2,
    stories_acd.consulted_back: 2,
    stories_acd.consulted_completed: 2,
    stories_acd.sent_by_order: 2,
    stories_acd.sent_to_queue_by_order: 3,
    stories_acd.three_way_answered: 3,
    stories_acd.three_way_busy_twice: 2,
    stories_acd.three_way_caller_hangs_up_while_dialling: 1,
    stories_acd.three_way_agent_dies_joined: 2,
    stories_acd.listened_to: 2,
    stories_acd.taken_over: 2,
    stories_acd.missed_by_two: 2,
    stories_acd.gives_up_and_the_next_is_called_back: 3,
}
"""Stories of everybody's queue, and how often each is among about 140."""
ENGLISH: dict[str, dict[Story, int]] = {
    "rings_all": {stories.rings_all: 10},
    "overflows": {stories.overflows_and_is_answered: 6, stories.overflows_and_abandons: 4},
    "empty": {stories.english_empty: 6, stories.nobody_there: 4},
    "full": {},
}
"""What callers of the English queue come to, by kind of phase: they would be in each other's way."""


class Phase(msgspec.Struct, frozen=True):
    """Some calls, and the faults that happen meanwhile, each at a share of the time in which citizens dial."""

    kind: str
    calls: int
    faults: tuple[tuple[float, str], ...] = ()


class _Cast(msgspec.Struct, frozen=True):
    """Who plays in a phase: the first one's place among all citizens, and how many begin in a second."""

    stories: list[Story]
    first: int
    rate: float


class _Found(msgspec.Struct, frozen=True):
    """Differences of calls that no gap touched, and of the others."""

    outside: list[str]
    inside: list[str]


class Comparison(msgspec.Struct, kw_only=True):
    """What came of a run; ``differences`` and ``broken`` must be empty (broken: a story that did not go as written).

    ``in_gaps``: differences of calls that a recorded gap touched.
    """

    calls: int
    requests: int
    outcomes: dict[str, int]
    stories: dict[str, int]
    faults: list[str]
    gaps: int
    repaired: int
    cut: int
    broken: list[str]
    doubtful: list[str]
    comings: dict[str, int]
    differences: list[str]
    in_gaps: list[str]
    seconds: float


def phases(calls: int, faults: Sequence[str]) -> list[Phase]:
    """``calls`` in phases of all kinds, two faults in each; the death of Asterisk at the end of one."""
    count = max(len(ENGLISH), -(-len(faults) // 2))
    sizes = [calls // count + (place < calls % count) for place in range(count)]
    return [
        Phase(
            list(ENGLISH)[place % len(ENGLISH)],
            size,
            tuple(
                (1.0 if name == "kill_asterisk" else at, name) for at, name in zip((0.2, 0.6), faults[2 * place :], strict=False)
            ),
        )
        for place, size in enumerate(sizes)
    ]


def cast(phase: Phase, chance: random.Random) -> list[Story]:
    """The stories of a phase, in the order in which they begin."""
    english = ENGLISH[phase.kind]
    if phase.kind == "full":
        filling = [stories.fills_the_queue] * MOST_WAITING + [stories.finds_it_full] * 6
        if phase.calls > len(filling):
            others = _mixture(OFTEN, phase.calls - len(filling), chance)
            return [*filling, *others]
    return _mixture(OFTEN | english, phase.calls, chance)


def _mixture(weights: dict[Story, int], count: int, chance: random.Random) -> list[Story]:
    """As even as can be: each story its share, the order by chance."""
    line = [story for story, weight in weights.items() for _ in range(weight)]
    chance.shuffle(line)
    times, rest = divmod(count, len(line))
    found = line * times + line[:rest]
    chance.shuffle(found)
    return found


def prepare(stack: Trial) -> None:
    """Before the stack starts: the flow of the stories, where the city's flows are."""
    flows = stack.var / "flows"
    flows.mkdir(parents=True, exist_ok=True)
    (flows / "mixed.toml").write_text((paths.TREE / "tests" / "flows" / "mixed.toml").read_text())


async def run(stack: Trial, planned: Sequence[Phase], *, rate: float) -> Comparison:
    """Play all phases on a running stack with ``SETTINGS``, then compare."""
    chance, begun = random.Random(12345), clock.monotonic()
    async with (
        AmiProxy((stack.settings.ami.host, stack.settings.ami.port)) as proxy,
        await database.pool(stack.credentials.database, name="test", largest=16) as pool,
    ):
        await _through(stack, proxy)
        await units(stack.credentials.database_owner)
        parts = Parts(stack.settings, pool, stack.settings.asterisk.node)
        stage = Stage(stack, parts, colleagues=COLLEAGUES, supervisors=SUPERVISORS)
        faults, comings, first = Faults(stack, proxy), Comings(parts, MAIN_AGENTS), 0
        for phase in planned:
            played = cast(phase, chance)
            await _play(stage, faults, comings, phase, _Cast(played, first, rate))
            first += len(played)
        found = await asyncio.to_thread(_settled, stack, stage.truths, faults.windows)
        return await asyncio.to_thread(_comparison, stack, stage, (faults, comings), found, clock.monotonic() - begun)


async def _through(stack: Trial, proxy: AmiProxy) -> None:
    """From now on the bridge goes through the proxy."""
    stack.configure({"ami": {**SETTINGS["ami"], "port": proxy.port}})
    stack.kill("ami_bridge")
    await asyncio.to_thread(
        wait_until, lambda: stack.fetch("SELECT 1 FROM bridge_status WHERE connected AND at > now() - interval '2 s'"), seconds=30
    )


async def _play(stage: Stage, faults: Faults, comings: Comings, phase: Phase, chosen: _Cast) -> None:
    away = (*stories.COLLEAGUES, *COLLEAGUES, *SUPERVISORS)
    users = (*MAIN_AGENTS, *away, *(() if phase.kind == "empty" else ENGLISH_AGENTS))
    faults.on_asterisk_gone = stage.cut
    async with stage.seats(users) as seats, stage.units():
        await quiet(stage.parts, away)
        async with comings, asyncio.TaskGroup() as tasks:
            for share, name in phase.faults:
                tasks.create_task(_later(share * len(chosen.stories) / chosen.rate, faults, name))
            await stage.play(chosen.stories, chosen.first, chosen.rate)
        await seats.leave()


async def _later(seconds: float, faults: Faults, name: str) -> None:
    await asyncio.sleep(seconds)
    await faults.commit(name)


def _settled(stack: Trial, truths: Sequence[CallTruth], faults: Sequence[Window]) -> _Found:
    """The differences, once there are none outside of gaps, or no fewer come."""
    found = _Found([], [])

    def agrees() -> bool:
        nonlocal found
        somebody_waits = any(row.outcome == "waiting" for row in _rows(stack)[0])
        found = _differences(stack, truths)
        return not found.outside and not somebody_waits

    with contextlib.suppress(AssertionError):
        wait_until(agrees, seconds=SETTLE_SECONDS, what="the tables agree with the truth")
    return _Found([*found.outside, *_replayed(stack), *_pauses(stack, truths, faults)], found.inside)


def _pauses(stack: Trial, truths: Sequence[CallTruth], faults: Sequence[Window]) -> list[str]:
    """Where agents were paused for calls that they had not missed, or were not for those that they had; not near a fault."""
    notes = [Noted(**row) for row in stack.fetch("SELECT agent, at, what, why FROM agent_events")]
    return judge_pauses(truths, notes, [*_gaps(stack), *faults], stack.settings.agents.missed_calls)


def _gaps(stack: Trial) -> list[Window]:
    return [
        Window(row["from_at"] or row["to_at"], row["to_at"] or clock.now())
        for row in stack.fetch("SELECT from_at, to_at FROM gaps")
        if row["from_at"] or row["to_at"]
    ]


def _differences(stack: Trial, truths: Sequence[CallTruth]) -> _Found:
    gaps = _gaps(stack)
    requests, turns = _rows(stack)
    calls, known = _calls(stack), {truth.caller for truth in truths}
    strangers = [row for row in requests if row.caller not in known]
    sides: tuple[list[str], list[str]] = ([], [])
    for truth in truths:
        mine = [row for row in requests if row.caller == truth.caller]
        theirs = {row.call_id for row in mine}
        said = judge([truth], mine, [turn for turn in turns if turn.call_id in theirs])
        said += judge_calls([truth], [call for call in calls if call.caller == truth.caller])
        sides[truth.in_doubt or near_a_gap(truth, gaps)].extend(said)
    return _Found([*sides[False], *judge([], strangers, [])], sides[True])


def _rows(stack: Trial) -> tuple[list[Request], list[Turn]]:
    requests = [_row(Request, row) for row in stack.fetch("SELECT * FROM requests WHERE NOT void")]
    return requests, [_row(Turn, row) for row in stack.fetch("SELECT * FROM agent_turns WHERE NOT void")]


def _calls(stack: Trial) -> list[CallSeen]:
    query = "SELECT caller_number AS caller, started_at, ended_at, connected_at, repaired FROM calls"
    return [CallSeen(**row) for row in stack.fetch(query)]


def _row(kind: Any, row: dict[str, Any]) -> Any:
    return kind(**{name: row[name] for name in kind.__struct_fields__})


def _replayed(stack: Trial) -> list[str]:
    """Where a replay of the journal differs from the tables (metrics, law 1)."""
    journal = stack.var / "journal" / stack.settings.asterisk.node
    rows = replay.replay(Asked(paths=(Path(journal),)), stack.settings).rows
    theirs = {(one.call_id, one.number): one for row in rows for one in row.requests}
    ours = {(one.call_id, one.number): one for one in _rows(stack)[0]}
    return [
        f"{key[0]} request {key[1]}: the table says {ours.get(key)}, a replay {theirs.get(key)}"
        for key in sorted(ours.keys() | theirs.keys())
        if ours.get(key) != theirs.get(key)
    ]


def _comparison(stack: Trial, stage: Stage, hands: tuple[Faults, Comings], found: _Found, seconds: float) -> Comparison:
    truths, requests = stage.truths, _rows(stack)[0]
    faults, comings = hands
    return Comparison(
        calls=len(truths),
        requests=len(requests),
        outcomes=_counted(one.outcome for one in requests),
        stories=_counted(truth.story for truth in truths),
        faults=faults.done,
        gaps=len(stack.fetch("SELECT 1 FROM gaps")),
        repaired=sum(one.repaired for one in requests),
        cut=sum(truth.cut_at is not None for truth in truths),
        broken=stage.faults,
        doubtful=stage.doubtful,
        comings=dict(comings.done),
        differences=found.outside,
        in_gaps=found.inside,
        seconds=round(seconds, 1),
    )


def _counted(names: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(names).items()))
