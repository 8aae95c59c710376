"""How many three-way calls at once (TWC-01, TWC-10, TWC-15)? Citizen, agent and unit in a room, recorded, in rising levels.

Calls are added until a level does not hold: somebody was not joined, the sound had gaps, a leg heard anybody but the other two,
or a voice was not being recorded. All telephones say a tone of their own all the time, and one call in five keeps what its three
legs hear. ``BENCH_THREEWAYS`` (``10,20,30,40,50,60,70,80``) sets the levels, ``BENCH_HOLD_SECONDS`` (20) how long each is held.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import os
import tempfile
from collections.abc import Iterable
from pathlib import Path

import asyncpg
import msgspec

from ami_bridge import commands
from bench.busy_hour import GAP_LIMIT_MS, describe
from bench.figure import Figure, say
from bench.load import gaps_between, percentile
from bench.stack import PYTHON_PARTS, SUPERVISOR, check_unchanged, groups, running
from bench.watch import Watch, shares
from hotline import clock, database
from hotline.phones import hearing, sound
from hotline.phones.call_log import Call
from hotline.phones.citizens import Citizen, Citizens
from hotline.phones.plan import Gap
from hotline.phones.rtp import FRAME
from hotline.phones.seats import Seat, Seats
from tests.trial import Trial, wait_until

AIM = 30
LEVELS = [int(count) for count in os.environ.get("BENCH_THREEWAYS", "10,20,30,40,50,60,70,80").split(",")]
HOLD_SECONDS = float(os.environ.get("BENCH_HOLD_SECONDS", "20"))
_ROOM = LEVELS[-1] + 5
_SETTINGS: dict[str, dict[str, object]] = {
    "agents": {"first": 1001, "last": 1000 + _ROOM},
    "queue": {"wrapup_seconds": 0},
    "asterisk": {"rtp_first": 10000, "rtp_last": 13998},
}
_RATE = 3.0
_SAMPLE = 5
_FULL_PERCENT = 97.0
_PATIENCE_SECONDS = 90.0
_LISTEN, _LISTEN_FRAMES = dt.timedelta(seconds=4), 150
_TALKING = """
SELECT caller_number, call_id, state.agent, channel FROM agent_states state JOIN calls USING (node, call_id)
WHERE state.state = 'talking' AND channel <> '' AND caller_number = ANY($1)
"""
_KEPT = "SELECT count(DISTINCT call_id) AS kept FROM recordings JOIN calls USING (node, call_id) WHERE kind = 'conversation'"


class Trio(msgspec.Struct, frozen=True):
    """One three-way call: the numbers of citizen, agent and unit; ``call`` is its id."""

    citizen: str
    agent: str
    unit: str
    call: str
    agent_channel: str

    @property
    def numbers(self) -> tuple[str, str, str]:
        """All three."""
        return self.citizen, self.agent, self.unit


class Level(msgspec.Struct, kw_only=True):
    """So many three-way calls at once: the span in which they were held, and what went wrong."""

    wanted: int
    trios: list[Trio]
    begun: dt.datetime
    ended: dt.datetime
    used: dict[str, float]
    faults: list[str]


def tone(number: str) -> int:
    """What the telephone of this number says: six tones each for citizens, agents and units, so that neighbours differ."""
    kind = 0 if number.startswith("139") else 6 if number.startswith("1") else 12
    return hearing.TONES[kind + int(number) % 6]


def measure() -> list[Figure]:
    """Run the levels on one stack; the figure is the largest one that held, and all below it."""
    with running(_SETTINGS) as stack, tempfile.TemporaryDirectory(prefix="hotline-threeways-") as folder:
        parts = groups(stack)
        run = Run(stack, Path(folder))
        levels = asyncio.run(run.through())
        for level in levels:
            level.faults += run.heard(level)
        most = max(len(level.trios) for level in levels)
        kept = _kept(stack, most)
        check_unchanged(stack, parts)
        for complaint in stack.asterisk_complaints()[:5]:
            say(f"threeways: Asterisk complained: {complaint}")
    for level in levels:
        say(f"threeways {level.wanted}: {'; '.join(level.faults) or 'held'} ({describe(level.used)})")
    first = next((place for place, level in enumerate(levels) if level.faults), len(levels))
    lost = Figure(name="threeway_recordings_lost", ours=most - kept, unit="calls", limit=0, note=f"of {most}")
    held = levels[first - 1].wanted if first else 0
    return [Figure(name="threeways", ours=held, unit="three-way calls at once", aim=AIM, note=_where(levels, first)), lost]


def _where(levels: list[Level], first: int) -> str:
    level = levels[min(first, len(levels) - 1)]
    what = "; ".join(level.faults) or "nothing gave up to the last level that was tried"
    return f"at {level.wanted}: {what}; on {os.cpu_count()} cores, telephones included: {describe(level.used)}"


def _own(level: Level) -> float:
    """What the stack and the telephones used, without what else the machine did: percent of a core."""
    return sum(level.used.values()) - level.used["machine"]


def _kept(stack: Trial, made: int) -> int:
    """How many conversations are stored; what does not come within two minutes is lost."""
    with contextlib.suppress(AssertionError):
        wait_until(lambda: stack.fetch(_KEPT)[0]["kept"] >= made, seconds=120)
    return int(stack.fetch(_KEPT)[0]["kept"])


class Run:
    """All telephones at one stack, and the levels."""

    def __init__(self, stack: Trial, folder: Path) -> None:
        self._stack, self._folder = stack, folder
        self._settings = stack.settings
        self._telephones: dict[str, int] = {"bench": os.getpid()}
        self.calls: dict[str, Call] = {}
        self.stalls: list[Gap] = []
        self.watch = Watch(lambda: groups(stack) | self._telephones, self._python)

    async def through(self) -> list[Level]:
        """Level by level until one does not hold, or stack and telephones fill the machine; then everybody hangs up."""
        users = self._settings.agents.numbers()
        seats = Seats(self._settings, self._stack.credentials.agents, [self._seat(user) for user in users])
        units = Seats(self._settings, None, [self._seat(self._unit(place)) for place in range(_ROOM)])
        callers: list[Citizens] = []
        async with contextlib.AsyncExitStack() as opened, asyncio.TaskGroup() as tasks:
            pool = await opened.enter_async_context(await database.pool(self._stack.credentials.database, name="bench"))
            for name, called in (("seats", seats), ("units", units)):
                await opened.enter_async_context(called)
                self._name(name, called)
            watching = tasks.create_task(self.watch.run())
            levels: list[Level] = []
            for wanted in LEVELS:
                before = levels[-1].trios if levels else []
                callers.append(await opened.enter_async_context(self._citizens(len(before), wanted)))
                self._name(f"citizens {wanted}", callers[-1])
                levels.append(await self._level(pool, units, callers[-1], before, wanted))
                if levels[-1].faults or _own(levels[-1]) > _FULL_PERCENT * (os.cpu_count() or 1):
                    break
            watching.cancel()
            await self._leave(units, callers)
        for ended in (seats, units, *callers):
            self.calls |= {call.party: call for call in ended.calls}
            self.stalls += ended.own.stalls if ended.own else []
        return levels

    @staticmethod
    async def _leave(units: Seats, callers: list[Citizens]) -> None:
        """The units hang up, and then the citizens (TWC-12)."""
        for group in (units, *callers):
            for call in group.calls:
                group.hang_up(call)
        for group in callers:
            await group.results(_PATIENCE_SECONDS)

    async def _level(self, pool: asyncpg.Pool, units: Seats, callers: Citizens, before: list[Trio], wanted: int) -> Level:
        """Add calls up to ``wanted``, bring each into its room, and hold them all."""
        say(f"threeways: {wanted} at once")
        added = await self._answered(pool, callers, wanted - len(before))
        prefix = f"{self._settings.asterisk.node}-"
        begin = [
            {
                "channel": trio.call,
                "context": "threeway-caller",
                "exten": f"{place}*{trio.unit}",
                "extra_channel": trio.agent_channel,
                "extra_context": "threeway-dial",
                "extra_exten": f"{place}*{trio.unit}*{trio.call.removeprefix(prefix)}",
            }
            for place, trio in enumerate(added, len(before) + 1)
        ]
        await self._order(pool, begin)
        trios = [*before, *added]
        await units.until(lambda: sum(bool(call.answered_at) for call in units.calls) >= len(trios), 30.0)
        join = [
            {"channel": trio.call, "context": "threeway-join", "exten": str(place)}
            for place, trio in enumerate(added, len(before) + 1)
        ]
        await self._order(pool, join)
        rooms = await self._rooms(len(trios))
        faults = [f"{rooms} of {wanted} calls had all three in the room"] if rooms < wanted else []
        return await self._hold(trios, wanted, faults)

    async def _hold(self, trios: list[Trio], wanted: int, faults: list[str]) -> Level:
        begun, monotonic, sizes = clock.now(), clock.monotonic(), self._recorded()
        await asyncio.sleep(HOLD_SECONDS)
        grown = sum(size > sizes.get(file, 0) for file, size in self._recorded().items())
        if grown < 3 * wanted:
            faults.append(f"{grown} of {3 * wanted} voices were being recorded")
        self.watch.look()
        used = shares(self.watch.between(monotonic, clock.monotonic()))
        return Level(wanted=wanted, trios=trios, begun=begun, ended=clock.now(), used=used, faults=faults)

    async def _answered(self, pool: asyncpg.Pool, callers: Citizens, count: int) -> list[Trio]:
        """Wait until agents talk to these citizens; whoever is not answered in time is left out."""
        rows: list[asyncpg.Record] = []
        deadline = clock.monotonic() + _PATIENCE_SECONDS
        while len(rows) < count and clock.monotonic() < deadline:
            await asyncio.sleep(0.5)
            rows = await pool.fetch(_TALKING, [call.party for call in callers.calls])
        return [
            Trio(row["caller_number"], row["agent"], self._unit(int(row["caller_number"][3:])), row["call_id"], row["channel"])
            for row in rows
        ]

    async def _order(self, pool: asyncpg.Pool, redirects: Iterable[dict[str, str]]) -> None:
        node = self._settings.asterisk.node
        for parameters in redirects:
            asked = await commands.ask(pool, node, "Redirect", parameters, asked_by="bench", reason="bench", within_seconds=30)
            outcome = await commands.wait(pool, asked, seconds=30)
            if outcome is None or outcome.state != "done":
                say(f"threeways: {parameters['channel']} was not redirected: {outcome}")

    async def _rooms(self, wanted: int) -> int:
        """How many rooms hold three, once all do or 20 s have passed."""
        deadline, full = clock.monotonic() + 20, 0
        while full < wanted and clock.monotonic() < deadline:
            await asyncio.sleep(0.5)
            lines = (await asyncio.to_thread(self._stack.asterisk, "confbridge list")).splitlines()
            full = sum(line.startswith("threeway-") and line.split()[1] == "3" for line in lines)
        return full

    def _recorded(self) -> dict[str, int]:
        """The size of each voice that is being recorded now, by file."""
        return {str(file): file.stat().st_size for file in self._stack.var.rglob("*.raw")}

    def heard(self, level: Level) -> list[str]:
        """What was wrong with the sound of a level, now that all calls have ended and their telephones have reported."""
        calls = [self.calls[number] for trio in level.trios for number in trio.numbers if number in self.calls]
        gap = percentile(gaps_between(calls, self.stalls, level.begun, level.ended), 0.99)
        faults = [f"sound gaps of {gap:.0f} ms at p99"] if gap > GAP_LIMIT_MS else []
        wrong = []
        for trio in level.trios:
            for number in trio.numbers if self._is_kept(trio.citizen) else ():
                others = {tone(other) for other in trio.numbers if other != number}
                found = _tones(self.calls[number], level.ended) if number in self.calls else frozenset()
                wrong += [f"{number} heard {sorted(found)}, not {sorted(others)}"] if found != others else []
        return faults + wrong[:3]

    def _citizens(self, first: int, last: int) -> Citizens:
        citizens = [
            Citizen(
                number=(number := f"139{place:08d}"),
                stay_seconds=0,
                speech=self._speech(number),
                mode="record" if self._is_kept(number) else "measure",
                recording=self._folder / number,
            )
            for place in range(first, last)
        ]
        return Citizens(self._settings, citizens, rate=_RATE)

    def _seat(self, user: str) -> Seat:
        """Agents and units: all keep what they hear, as it is not known before who talks to whom."""
        return Seat(user=user, speech=self._speech(user), mode="record", recording=self._folder / user)

    def _speech(self, number: str) -> Path:
        file = self._folder / f"tone-{tone(number)}.wav"
        if not file.exists():
            file.write_bytes(sound.write_wav(sound.linear(hearing.tone(tone(number)))))
        return file

    @staticmethod
    def _unit(place: int) -> str:
        return f"8312{place:04d}"

    @staticmethod
    def _is_kept(citizen: str) -> bool:
        return int(citizen[3:]) % _SAMPLE == 0

    def _name(self, name: str, phones: Citizens | Seats) -> None:
        self._telephones |= {f"sipp/{name}": phones.sipp.pid, f"sound engine/{name}": phones.engine.pid}

    def _python(self) -> dict[str, int]:
        parts = groups(self._stack)
        return {part: parts[part] for part in (*PYTHON_PARTS, SUPERVISOR)}


def _tones(call: Call, until: dt.datetime) -> frozenset[int]:
    """The tones in the last seconds before ``until`` of what a telephone kept."""
    if call.sound is None or call.sound.recording is None or call.sound.first_packet_at is None:
        return frozenset()
    linear = sound.read_wav(Path(call.sound.recording).read_bytes(), call.sound.recording)
    since = until - _LISTEN - dt.datetime.fromisoformat(call.sound.first_packet_at)
    first = 2 * FRAME * int(since / dt.timedelta(seconds=FRAME / sound.RATE))
    ear = hearing.Hearing()
    for place, frame in enumerate(sound.frames(linear[first : first + _LISTEN_FRAMES * 2 * FRAME])):
        ear.take(frame, place * 20_000_000)
    return ear.between(0, _LISTEN_FRAMES * 20_000_000)
