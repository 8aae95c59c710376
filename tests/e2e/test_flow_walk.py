"""The 12345 flow, walked on a real Asterisk: every exit of every node, each prompt heard, the path in the record.

Calls are derived from the flow itself (``tests/flow_paths.py``), so a changed flow is walked as it is. The world is changed
between the phases: who is on duty, what the calendar says, what the database does, which folders can be written.
"""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import itertools
import json
import os
import re
import signal
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from functools import cache, partial
from pathlib import Path

import asyncpg
import pytest

from agi import lookup
from agi.errors import LookupFailed
from hotline import calendar, clock, query_codes
from hotline.phones.citizens import WITHHELD, Citizen, Citizens
from hotline.phones.seats import Seat, Seats
from ivr_flows import library
from ivr_flows.flow import Record
from ivr_flows.lookups import Answer
from ivr_flows.turns import Moment
from tests import flow_paths, trial
from tests.flow_paths import Edge, Phase, Trip
from tests.sounds import likeness, samples
from tests.trial import Trial, wait_until

FLOW = library.load(library.OURS / "12345.toml")
IN_MEMORY = {name for name, node in FLOW.nodes.items() if getattr(node, "what", "") in ("caller", "announcement", "hotline")}
"""Look-ups that are answered from memory: they take no time, so that they cannot be late, and nobody hangs up within them."""
NOT_HERE: Mapping[Edge, str] = {
    ("english-on-duty", "closed"): "only when the hours end between the menu and the key; the engine's tests take it",
    ("ticket-look", "not_found"): "without a code the answer is refused, whether there is such a ticket or not (SEC-06)",
    ("hotlines", "closed"): "a list of hotlines holds the open ones only",
    ("hotline-look", "error"): "answered from memory, and an empty one is noticed at the node before",
    **{(name, taken): "answered from memory" for name in IN_MEMORY for taken in ("timeout", "hangup")},
    **dict.fromkeys(
        [(name, "error") for name in ("announcement", "article", "folder", "hotline-choice", "ticket-say", "hotline-dial")],
        "the database's types refuse what could not be spoken or dialled; tests/unit/test_flow_engine.py takes these exits",
    ),
    **{
        (
            f"message-{why}",
            "error",
        ): "the script that takes messages fails in the same way as at message-fault, mailbox and complaint"
        for why in ("closed", "no-agents", "queue-full", "timed-out")
    },
    ("fax-here", "sent"): "needs a fax machine: tests/e2e/test_fax.py",
    ("fax-mark", "next"): "needs a fax machine: tests/e2e/test_fax.py",
    ("fax-sent", "next"): "needs a fax machine: tests/e2e/test_fax.py",
}

KINDS = {"plain": "1380001", "elderly": "1380002", "vip": "1380003"}
DAYS = [(clock.shanghai_now().date() + dt.timedelta(days=n)).isoformat() for n in range(2)]
"""Today, and tomorrow in case it becomes that."""
ENGLISH = [1051, 1052, 1053, 1054]
AGENTS = [Seat(user=str(1001 + n), talk_seconds=1, speech=None, mode="drop") for n in range(24)]
ENGLISH_AGENTS = [Seat(user=str(user), talk_seconds=1, speech=None, mode="drop") for user in ENGLISH]
SILENT = [Seat(user="1031", behaviour="silent"), Seat(user="1054", behaviour="silent")]
UNITS = [
    Seat(user="8101", talk_seconds=1, speech=None, mode="drop"),
    Seat(user="8102", behaviour="busy"),
    Seat(user="8103", behaviour="silent"),
    Seat(user="8104", behaviour="decline"),
]
CODE = "480913"
DATA = f"""
DELETE FROM spoken_articles;
DELETE FROM other_hotlines;
INSERT INTO ticket_answers (ticket_no, caller_number, query_code_hash, state, result, updated_at)
    SELECT '1380001' || lpad(n::text, 4, '0'), '1380001' || lpad(n::text, 4, '0'), NULL, 'ticket-state-answered',
           'ticket-result-solved', '2026-11-01T16:30:00Z' FROM generate_series(0, 999) n;
INSERT INTO ticket_answers (ticket_no, caller_number, query_code_hash, state, result, updated_at) VALUES
    ('20260001', '13900000001', '{query_codes.hashed(CODE)}', 'ticket-state-handling', '', '2026-11-02T00:00:00Z'),
    ('20260666', '13900000001', '{query_codes.hashed(CODE)}', 'ticket-state-handling', '', '2026-11-02T00:00:00Z');
INSERT INTO ticket_query_failures (caller_number, ticket_no) SELECT '13900000002', '20260666' FROM generate_series(1, 11);
INSERT INTO caller_groups (number, "group")
    SELECT '1380002' || lpad(n::text, 4, '0'), 'elderly' FROM generate_series(0, 99) n
    UNION SELECT '1380003' || lpad(n::text, 4, '0'), 'vip' FROM generate_series(0, 99) n;
INSERT INTO spoken_articles (code, parent, position, title, prompts, document) VALUES
    ('1000', NULL, 1, 'policies', 'kb/1000-title', NULL), ('2000', NULL, 2, 'procedures', 'kb/2000-title', NULL),
    ('1001', '1000', 1, 'pensions', 'kb/1001', 'not-there'), ('1002', '1000', 2, 'contracts', 'kb/1002', NULL),
    ('2001', '2000', 1, 'identity cards', 'kb/2001', NULL);
INSERT INTO other_hotlines (code, position, number, name, prompts, hours) VALUES
    ('12315', 1, '8101', 'answers', 'hotline/12315', '{{}}'), ('12333', 2, '8102', 'busy', 'hotline/12333', '{{}}'),
    ('12348', 3, '8103', 'silent', 'hotline/12348', '{{}}'), ('110', 4, '8104', 'declines', 'hotline/110', '{{}}'),
    ('119', 5, '8105', 'closed', 'hotline/119',
     '{{"monday": [], "tuesday": [], "wednesday": [], "thursday": [], "friday": [], "saturday": [], "sunday": []}}');
"""
ENTRIES: Mapping[Edge, Mapping[str, str]] = {
    ("group", "elderly"): {"caller": "elderly"},
    ("group", "next"): {"caller": "vip"},
    ("callback", "error"): {"caller": "withheld"},
    ("ticket-look", "found"): {"ticket": "{caller}"},
    ("ticket-code-look", "found"): {"ticket": "20260001", "ticket-code": CODE},
    ("ticket-code-look", "refused"): {"ticket": "20260666", "ticket-code": "111111"},
    ("ticket-code-look", "not_found"): {"ticket": "9{caller}", "ticket-code": "111111"},
    ("knowledge-look", "not_found"): {"folder": "7777"},
    ("knowledge-kind", "next"): {"folder": "1"},
    ("fax-here", "error"): {"folder": "1002"},
    ("hotline-look", "not_found"): {"hotline-choice": "99"},
    ("hotline-look", "closed"): {"hotline-choice": "119"},
    ("hotline-dial", "busy"): {"hotline-choice": "2"},
    ("hotline-dial", "no_answer"): {"hotline-choice": "3"},
    ("hotline-dial", "unavailable"): {"hotline-choice": "4"},
}
USUAL = {
    "ticket": "9{caller}",
    "ticket-code": CODE,
    "folder": "1001",
    "hotline-choice": "1",
    "fax-number": "05341234567",
    "callback-number": "05341234567",
}
DAY: Mapping[str, Sequence[str]] = {
    "on-duty": ["open"],
    "agent": ["open"],
    "english-on-duty": ["open"],
    "news": ["not_found"],
    "knowledge": ["found"],
    "hotlines": ["found"],
    "ticket-look": ["found", "refused"],
    "queue": ["answered"],
    "english-queue": ["answered"],
    "fax-here": ["failed", "error"],
    "callback": ["1", "2", "0", "9", "invalid", "timeout", "hangup", "error"],
}
RECORDS_FAIL = {name: ["error"] for name, node in FLOW.nodes.items() if isinstance(node, Record)}
AROUND: Sequence[Edge] = (
    ("news", "not_found"),
    ("queue", "answered"),
    ("survey", "not_rated"),
    ("more", "0"),
    ("main", "2"),
    ("self-service", "3"),
)
"""From ``trouble`` to an agent and back into self-service."""
SECONDS: Mapping[Edge, float] = {
    ("queue", "answered"): 3.0,
    ("english-queue", "answered"): 3.0,
    ("queue", "timeout"): 14.0,
    ("english-queue", "timeout"): 14.0,
    ("hotline-dial", "answered"): 2.5,
    ("hotline-dial", "no_answer"): 3.6,
}


Beside = Sequence[tuple[float, Callable[[], Awaitable[None]]]]
"""Something to be done while calls are made, with its second."""
RATE = 8.0


class World:
    """The stack and what is known of it: makes phases, makes calls, and keeps the account of what was walked."""

    def __init__(self, stack: Trial) -> None:
        self.stack = stack
        self.left = flow_paths.exits(FLOW) - set(NOT_HERE)
        self._numbers = {kind: itertools.count() for kind in KINDS}
        self._answers: dict[object, Answer] = {}
        self.checked: set[str] = set()
        self._holding: list[asyncio.Task[None]] = []

    def number(self, kind: str) -> str:
        """A number that nobody called from yet."""
        return WITHHELD if kind == "withheld" else f"{KINDS[kind]}{next(self._numbers[kind]):04d}"

    def owner(self, *statements: str) -> None:
        """Run SQL as the owner of the tables."""

        async def run() -> None:
            connection = await asyncpg.connect(self.stack.credentials.database_owner)
            for statement in statements:
                await connection.execute(statement)
            await connection.close()

        asyncio.run(run())

    def settle(self, **tables: Mapping[str, object]) -> None:
        """Other settings for agi, which is started anew with them; and the directory as it is in the database now."""
        self.stack.configure(tables)
        log = self.stack.var / "log" / "agi.log"
        begun = log.read_text().count('"listening"')
        os.kill(self.stack.pid("agi"), signal.SIGTERM)
        wait_until(lambda: log.read_text().count('"listening"') > begun, seconds=60, what="agi listens anew")

    def phase(
        self, name: str, *, only: Mapping[str, Sequence[str]], keeps: bool = True, forced: Mapping[str, str] | None = None
    ) -> Phase:
        """The world as it is now."""
        self._answers.clear()
        now = clock.shanghai_now()
        today = calendar.moment(self.stack.settings, now)
        return Phase(
            name=name,
            moment=Moment(now, today.staffed, today.situation),
            number=self.number,
            only={**DAY, "situation": [today.situation], **only},
            entries=ENTRIES,
            usual=USUAL,
            answer=self._answer,
            keeps=keeps,
            forced=forced or {},
            seconds=SECONDS,
            lasts=self.lasts,
            begin=self.lasts("welcome", "zh") + 0.2,
        )

    @cache  # noqa: B019  one world a test run
    def lasts(self, prompt: str, language: str) -> float:
        """The length of an installed prompt."""
        file = self.stack.var / "asterisk" / "sounds" / language / f"{prompt}.alaw"
        return file.stat().st_size / 8000

    def _answer(self, what: str, arguments: Mapping[str, str], caller: str) -> Answer:
        """What a look-up says now; what does not depend on the caller is asked once a phase."""
        key = (what, tuple(sorted(arguments.items())), caller if what in ("ticket", "caller") else "")
        if key not in self._answers:
            self._answers[key] = self._asked(what, arguments, caller)
        return self._answers[key]

    def _asked(self, what: str, arguments: Mapping[str, str], caller: str) -> Answer:
        async def ask() -> Answer:
            async with lookup.opened(self.stack.credentials.database, self.stack.settings.calendar) as lookups:
                try:
                    return await lookups.ask(what, arguments, caller if caller.isdigit() else "", "a look ahead")
                except LookupFailed as error:
                    return Answer("timeout" if isinstance(error.__cause__, TimeoutError) else "error")

        return asyncio.run(ask())

    def walk(self, phase: Phase, folder: Path, *, agents: Sequence[Seat] = (), wanted: Collection[Edge] | None = None) -> None:
        """Call until every exit that this phase allows, and nobody has taken yet, is taken; or those that are ``wanted``."""
        left = self.left if wanted is None else set(wanted)
        self.make(phase, flow_paths.trips(FLOW, "inbound", phase, left, self.checked), folder, agents=agents)

    def make(
        self,
        phase: Phase,
        trips: Sequence[Trip],
        folder: Path,
        *,
        agents: Sequence[Seat] = (),
        beside: Beside = (),
        fillers: Sequence[Citizen] = (),
    ) -> None:
        """Make the calls, look at the records and listen to what was heard.

        ``beside``: what is done at which second. ``fillers``: callers who wait in the queues before the others call.
        """
        assert trips, f"{phase.name}: nothing to walk"
        citizens = [
            Citizen(
                number=trip.caller,
                pressed=tuple(trip.presses),
                stay_seconds=trip.stay_seconds,
                speech=None,
                mode="record" if trip.heard else "drop",
                recording=folder / f"{phase.name}-{n}" if trip.heard else None,
            )
            for n, trip in enumerate(trips)
        ]
        asyncio.run(self._call(citizens, agents, beside, fillers))
        wrong = [text for n, trip in enumerate(trips) for text in self._faults(trip, folder / f"{phase.name}-{n}.wav")]
        assert not wrong, f"{phase.name}: {len(wrong)} faults in {len(trips)} calls\n" + "\n".join(wrong)
        self.left -= {edge for trip in trips for edge in trip.edges}

    async def _call(
        self, citizens: Sequence[Citizen], agents: Sequence[Seat], beside: Beside, fillers: Sequence[Citizen]
    ) -> None:
        async with contextlib.AsyncExitStack() as group:
            if agents:
                await group.enter_async_context(Seats(self.stack.settings, self.stack.credentials.agents, agents))
            await group.enter_async_context(Seats(self.stack.settings, None, UNITS))
            if fillers:
                await group.enter_async_context(Citizens(self.stack.settings, fillers))
                await asyncio.to_thread(wait_until, lambda: self._waiting() >= len(fillers), what="the queues are full")
            calls = await group.enter_async_context(Citizens(self.stack.settings, citizens, rate=RATE))
            begin = clock.monotonic()
            for second, act in sorted(beside, key=lambda one: one[0]):
                await asyncio.sleep(max(0.0, begin + second - clock.monotonic()))
                await act()
            longest = max(citizen.stay_seconds for citizen in citizens)
            await calls.results(longest + len(citizens) / RATE + 60)

    def _waiting(self) -> int:
        """Callers in all queues."""
        return len(re.findall(r"PJSIP/citizens-\S+ \(wait:", self.stack.asterisk("queue show")))

    @contextlib.contextmanager
    def queues(self, change: Callable[[str], str]) -> Iterator[None]:
        """Other queues inside the block."""
        file = self.stack.var / "asterisk" / "etc" / "queues.conf"
        before = file.read_text()
        try:
            file.write_text(change(before))
            self.stack.asterisk("queue reload all")
            yield
        finally:
            file.write_text(before)
            self.stack.asterisk("queue reload all")
            back = "the agents are back in a queue that was gone"
            wait_until(lambda: "PJSIP/1001" in self.stack.asterisk("queue show hotline"), seconds=90, what=back)

    @contextlib.contextmanager
    def without_inbox(self) -> Iterator[None]:
        """The standby script has no folder for messages inside the block."""
        file = self.stack.var / "asterisk" / "agi-bin" / "standby.json"
        before = file.read_text()
        try:
            file.write_text(json.dumps(json.loads(before) | {"inbox": "/dev/null/inbox"}))
            yield
        finally:
            file.write_text(before)

    @contextlib.contextmanager
    def without_outbox(self) -> Iterator[None]:
        """Nothing can be written to the outbox inside the block, not even by root."""
        outbox, aside = self.stack.var / "outbox", self.stack.var / "outbox-aside"
        outbox.mkdir(exist_ok=True)
        outbox.rename(aside)
        try:
            outbox.symlink_to("/proc/self/attr")
            yield
        finally:
            outbox.unlink()
            aside.rename(outbox)

    def spoiled(self, trips: Sequence[Trip], tables: Sequence[str], *, lock: bool, late: bool) -> Beside:
        """Acts that lock the tables or take them away: before the calls, or just before the last key of a trip."""
        act = self._lock if lock else self._take_away
        moments = [trip.presses[-1].at_ms / 1000 - 0.4 if late else 0.0 for trip in trips]
        return [(moment, partial(act, table)) for moment, table in zip(moments, tables, strict=True)]

    async def _lock(self, table: str) -> None:
        """Nobody reads the table any more, until all calls have ended."""

        async def hold() -> None:
            connection = await asyncpg.connect(self.stack.credentials.database_owner)
            async with connection.transaction():
                await connection.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
                await asyncio.Event().wait()

        self._holding.append(asyncio.get_running_loop().create_task(hold()))

    async def _take_away(self, table: str) -> None:
        await asyncio.to_thread(self.owner, f"ALTER TABLE {table} RENAME TO {table}_away")

    def mended(self, *tables: str) -> None:
        """The tables are back."""
        self.owner(*(f"ALTER TABLE {table}_away RENAME TO {table}" for table in tables))

    def _faults(self, trip: Trip, heard: Path) -> Iterator[str]:
        """What differs from what was to happen."""
        steps = self._steps(trip.caller)
        wanted = [step for step in trip.steps if ours(step)]
        steps = steps[: len(wanted)] if trip.given else steps
        if steps != wanted:
            common = next(
                (n for n, (a, b) in enumerate(zip(steps, wanted, strict=False)) if a != b), min(len(steps), len(wanted))
            )
            yield f"{trip.caller}: after {steps[max(0, common - 3) : common]} came {steps[common:]}, not {wanted[common:]}"
            return
        if not trip.heard:
            return
        (sound,) = samples(heard)
        for node, language, prompt, at in trip.heard:
            begin, length = int(max(0.0, at - 2.0) * 8000), int((self.lasts(prompt, language) + 5.0) * 8000)
            file = self.stack.var / "asterisk" / "sounds" / language / f"{prompt}.wav"
            score = heard_well(sound[begin : begin + length], file)
            if score < 0.75:
                yield f"{trip.caller}: {node}: {language}/{prompt} was not heard at {at:.1f} s (likeness {score:.2f})"

    def _steps(self, caller: str) -> list[str]:
        query = "SELECT steps FROM calls WHERE caller_number = $1 AND ended_at IS NOT NULL ORDER BY started_at DESC LIMIT 1"
        wait_until(lambda: self.stack.fetch(query, caller), what=f"the record of {caller}")
        return [step["step"] for step in json.loads(self.stack.fetch(query, caller)[0]["steps"]) if ours(step["step"])]


def heard_well(sound: Sequence[int], prompt: Path) -> float:
    """How like the prompt was what was heard: as a whole, or two of its thirds, when a packet came late on a busy machine."""
    whole = likeness(sound, prompt)
    if whole >= 0.75:
        return whole
    (spoken,) = samples(prompt)
    third = len(spoken) // 3
    parts = sorted(likeness(sound, spoken[n * third : (n + 1) * third]) for n in range(3))
    return parts[1] if parts[1] > 0.9 else whole


def ours(step: str) -> bool:
    """A step that the flow takes, not the dialplan."""
    node = step.partition(":")[0]
    return node in FLOW.nodes or (node in ("flow", "disposition", "tag") and step != "tag:capacity")


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A stack of its own, with data for every question."""
    settings: dict[str, dict[str, object]] = {
        "calendar": {"ordinary_days": DAYS, "night": []},
        "queue": {"wrapup_seconds": 0, "wait_seconds": 12, "english_agents": ENGLISH},
        "ivr": {"transfer_ring_seconds": 3},
    }
    with trial.running(tmp_path_factory.mktemp("walk"), settings) as stack:
        world = World(stack)
        world.owner(DATA)
        world.settle()
        yield world


def test_a_working_day(world: World, tmp_path: Path) -> None:
    """Agents answer, data are there: most of the flow."""
    world.walk(world.phase("day", only={}), tmp_path, agents=[*AGENTS, *ENGLISH_AGENTS])


def test_wrong_again_and_again(world: World, tmp_path: Path) -> None:
    """IVR-06: three wrong codes lead to an agent; wrong choices come to an end."""
    phase = world.phase("again", only={})
    ways = flow_paths.ways(FLOW, "inbound", phase)
    code = [("ticket", "match"), ("ticket-look", "refused"), ("ticket-code", "match"), ("ticket-code-look", "not_found")]
    choice = [("knowledge-look", "found"), ("folder", "match"), ("knowledge-look", "not_found")]
    other = [("hotlines", "found"), ("hotline-choice", "match"), ("hotline-look", "not_found")]
    roads = [
        [*ways["ticket-code-look", "not_found"], *code * 2, ("ticket-wrong", "limit")],
        [*ways["knowledge-look", "not_found"], *choice * 3, ("knowledge-unknown", "limit")],
        [*ways["hotline-look", "not_found"], *other * 3, ("hotline-unknown", "limit")],
    ]
    world.make(phase, [flow_paths.travel(FLOW, "inbound", phase, road, world.checked) for road in roads], tmp_path, agents=AGENTS)


def test_all_agents_are_busy(world: World, tmp_path: Path) -> None:
    """Nobody answers: time-out, call-back and mailbox by key, and what follows."""
    waits = ["timeout", "1", "2"]
    only = {"queue": waits, "english-queue": waits, "callback": ["1", "2", "0", "9", "invalid", "timeout", "hangup", "error"]}
    phase = world.phase("busy", only=only)
    world.walk(phase, tmp_path, agents=SILENT)
    key: list[Edge] = [("agent", "open"), ("news", "not_found"), ("connecting", "next"), ("queue", "1"), ("callback", "error")]
    withheld = [*flow_paths.ways(FLOW, "inbound", phase)["main", "1"], *key]
    world.make(phase, [flow_paths.travel(FLOW, "inbound", phase, withheld, world.checked)], tmp_path, agents=SILENT)


def test_no_agent_is_logged_in(world: World, tmp_path: Path) -> None:
    """Refused at the door: a message; the English queue hands over to the other one."""
    world.walk(world.phase("empty", only={"queue": ["empty"], "english-queue": ["empty"]}), tmp_path)


def test_the_queue_is_full(world: World, tmp_path: Path) -> None:
    """One caller more than may wait; those who fill the queues wait longer than the others need to come to them."""
    world.settle(queue={"wait_seconds": 120})
    with world.queues(lambda text: text.replace("maxlen = 500", "maxlen = 1")):
        phase = world.phase("full", only={"queue": ["full"], "english-queue": ["full"]})
        trips = flow_paths.trips(FLOW, "inbound", phase, world.left, world.checked)
        early = [("main", "1", "1380009001"), ("main", "8", "1380009002")]
        fillers = [Citizen(number=number, keys=key, stay_seconds=240, first_key_ms=500, speech=None) for _, key, number in early]
        world.make(phase, trips, tmp_path, agents=SILENT, fillers=fillers)
    world.settle()


def test_the_queue_is_gone(world: World, tmp_path: Path) -> None:
    """A queue that the switch does not know is a fault, and ends in a message."""
    with world.queues(lambda text: text.partition("[hotline]")[0]):
        world.walk(world.phase("gone", only={"queue": ["error"], "english-queue": ["error"]}), tmp_path)


def test_out_of_hours(world: World, tmp_path: Path) -> None:
    """IVR-10, IVR-11: key 1 tells the hours and leads to a message, everything else is offered."""
    world.settle(hours={"closed_dates": DAYS})
    only = {"on-duty": ["closed"], "agent": ["closed"], "english-on-duty": ["closed"]}
    world.walk(world.phase("closed", only=only), tmp_path)


@pytest.mark.parametrize("situation", ["public_holiday", "make_up_day", "night"])
def test_each_day_has_its_greeting(world: World, tmp_path: Path, situation: str) -> None:
    """SCR-02: the calendar decides, with the city's own days first."""
    tables: dict[str, dict[str, object]] = {
        "public_holiday": {"ordinary_days": [], "holidays": DAYS},
        "make_up_day": {"ordinary_days": [], "make_up_days": DAYS},
        "night": {"night": ["00:00", "24:00"]},
    }
    world.settle(calendar=tables[situation])
    greeting = FLOW.nodes["situation"].exits[situation]
    world.walk(world.phase(situation, only={}), tmp_path, wanted=[("situation", situation), (greeting, "next")])


def test_a_surge_announcement_comes_before_the_queue(world: World, tmp_path: Path) -> None:
    """IVR-33: the same answer for everybody, before anybody waits; it is in the air within seconds."""
    world.owner(
        "INSERT INTO announcements (prompts, starts_at, ends_at, reason, person)"
        " VALUES ('surge-announcement', now() - interval '1 minute', now() + interval '1 hour', 'storm', 'shift leader')"
    )
    try:
        log = world.stack.var / "log" / "agi.log"
        wait_until(lambda: '"announcements": 1' in log.read_text(), what="agi knows the announcement")
        world.walk(world.phase("surge", only={"news": ["found"]}), tmp_path, wanted=[("news", "found"), ("announcement", "next")])
    finally:
        world.owner("DELETE FROM announcements")


def test_look_ups_that_fail_or_take_long(world: World, tmp_path: Path) -> None:
    """The table is locked (5 s, then an agent or a message is offered) or gone, before the call or in the middle of it."""
    reach = flow_paths.ways(FLOW, "inbound", world.phase("reach", only={}))
    table = {"knowledge": "spoken_articles", "knowledge-look": "spoken_articles"}
    for exits, lock in ((("timeout", "hangup"), True), (("error",), False)):
        for nodes, late in ((("knowledge", "ticket-look"), False), (("knowledge-look", "ticket-code-look"), True)):
            forced = dict.fromkeys(nodes, exits[0])
            phase = world.phase(f"{exits[0]}-{late}", only=dict.fromkeys(nodes, exits), forced=forced)
            roads = [[*reach[node, "found"][:-1], (node, taken)] for taken in exits for node in nodes]
            trips = [flow_paths.travel(FLOW, "inbound", phase, road, world.checked) for road in roads]
            tables = [table.get(node, "ticket_answers") for node in nodes]
            world.make(phase, trips, tmp_path, beside=world.spoiled(trips[:2], tables, lock=lock, late=late))
            if not lock:
                world.mended(*tables)


def test_the_directory_was_never_read(world: World, tmp_path: Path) -> None:
    """What is answered from memory, and memory is empty: callers go on without it."""
    world.owner("ALTER TABLE other_hotlines RENAME TO other_hotlines_away")
    try:
        world.settle()
        nodes = ("who", "news", "hotlines")
        phase = world.phase("unread", only={node: ["error"] for node in nodes})
        offered = [("unavailable", taken) for taken in FLOW.nodes["unavailable"].exits]
        world.walk(phase, tmp_path, wanted=[*((node, "error") for node in nodes), *offered])
    finally:
        world.owner("ALTER TABLE other_hotlines_away RENAME TO other_hotlines")
        world.settle()


def test_messages_cannot_be_stored(world: World, tmp_path: Path) -> None:
    """The folder for messages is not there: the caller is told so, and goes on."""
    with world.without_inbox():
        phase = world.phase("no-inbox", only=RECORDS_FAIL)
        world.walk(phase, tmp_path, agents=AGENTS, wanted=[(node, "error") for node in RECORDS_FAIL])
        road = [
            *flow_paths.ways(FLOW, "inbound", phase)["mailbox", "error"],
            ("trouble", "next"),
            *AROUND,
            ("mailbox", "error"),
            ("trouble", "limit"),
            ("message-fault", "error"),
        ]
        world.make(phase, [flow_paths.travel(FLOW, "inbound", phase, road, world.checked)], tmp_path, agents=AGENTS)


def test_nothing_can_be_kept(world: World, tmp_path: Path) -> None:
    """The disk takes nothing more: the caller is not told that it was kept, and goes on."""
    waits = {"queue": ["1", "2"], "callback": ["1", "2"], "callback-keep": ["error"], "fax-send": ["error"]}
    with world.without_outbox():
        phase = world.phase("no-outbox", only={**waits, "survey": []}, keeps=False)
        lost = [("callback-keep", "error"), ("callback-failed", "next"), ("fax-send", "error")]
        world.walk(phase, tmp_path, agents=SILENT, wanted=lost)
        phase = world.phase("no-rating", only={"survey": ["error"]}, keeps=False)
        world.walk(phase, tmp_path, agents=AGENTS, wanted=[("survey", "error")])


def _last_read(log: Path) -> str:
    """What agi said when it last read the directory."""
    return next((line for line in reversed(log.read_text().splitlines()) if "directory read" in line), "")


def test_nothing_is_in_the_directory(world: World, tmp_path: Path) -> None:
    """No hotline and no article: the caller is told so, and is back in self-service."""
    world.owner("DELETE FROM spoken_articles", "DELETE FROM other_hotlines")
    log = world.stack.var / "log" / "agi.log"
    wait_until(lambda: '"hotlines": 0' in _last_read(log), what="agi knows that there is nothing")
    phase = world.phase("bare", only={"hotlines": ["not_found"], "knowledge": ["not_found"]})
    world.walk(phase, tmp_path, wanted=[("hotlines", "not_found"), ("knowledge", "not_found"), ("knowledge-empty", "next")])


def test_every_exit_of_every_node_was_taken(world: World) -> None:
    """What is left is another day of the week: a working day or a rest day, which lead to the same node."""
    others = {("situation", "working_day"), ("situation", "rest_day")}
    assert len(world.left & others) == 1
    assert not world.left - others, sorted(world.left - others)
