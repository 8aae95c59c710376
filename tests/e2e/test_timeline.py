"""Every call plays as one timeline: sent on, parked, in a conference, on hold, paused, barged into; also when Asterisk is killed
(TWC-15, QUA-01, IVR-21). Each telephone says a tone of its own; the stories are played once, several at a time, at one stack.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

import asyncpg
import msgspec
import pytest

from acd import control_orders, pauses, sessions, supervision_orders, threeways
from acd.errors import RefusedError
from acd.permissions import Person
from acd.supervision import Wish
from hotline import clock
from hotline.phones import hearing
from hotline.phones.talk import Talk
from hotline.phones.voices import SeatPhone
from recordings import happenings
from recordings.manifest import Manifest
from tests import trial
from tests.sounds import samples
from tests.threeway import Meeting, Office, office
from tests.trial import Trial, wait_until
from tests.voices import hear_each_other

BOSS = Person("chen", "supervisor")
TOLERANCE = dt.timedelta(milliseconds=500)
LONGEST_PAUSE = 10
Track = list[tuple[dt.datetime, frozenset[int]]]


class Told(msgspec.Struct):
    """What a story did: who spoke from when until when on which track, and when nothing was kept."""

    call_id: str
    spoke: list[tuple[str, int, dt.datetime, dt.datetime]] = []
    nothing: list[tuple[dt.datetime, dt.datetime]] = []
    more: dict[str, Any] = {}

    async def speak(self, *talks: tuple[str, Talk], seconds: float = 1.6) -> None:
        """These are heard on these tracks for a while."""
        began = clock.now()
        await asyncio.sleep(seconds)
        self.spoke += [(track, talk.tone, began, clock.now()) for track, talk in talks]

    async def hush(self, seconds: float = 1.6) -> None:
        """Nothing of this stretch is kept."""
        began = clock.now()
        await asyncio.sleep(seconds)
        self.nothing.append((began, clock.now()))


class Cast(msgspec.Struct):
    """Who takes part beside citizen and agent: three colleagues whom no queue rings."""

    one: SeatPhone
    two: SeatPhone
    boss: SeatPhone


Story = Callable[[Office, Meeting, Cast, Told], Awaitable[Any]]
STORIES: dict[str, Story] = {}


def story(play: Story) -> Story:
    STORIES[play.__name__] = play
    return play


def person(phone: Talk | SeatPhone) -> Person:
    return Person(phone.name, "agent", phone.name)


@story
async def sent_on_twice_and_three_at_the_end(at: Office, m: Meeting, cast: Cast, told: Told) -> None:
    """Blind to a colleague, who asks another one and hands over, who calls a unit into the conversation."""
    (unit,) = await at.unit("U-TIME", ("83126001", ("answer",)))
    await told.speak(("left", m.citizen), ("right", m.agent))
    await control_orders.transfer(at.parts, m.person, "agent", cast.one.name)
    first = await (await cast.one.rings()).answer()
    await hear_each_other(m.citizen, first)
    await told.speak(("left", m.citizen), ("right", first))
    await taken(at, m, cast.one)
    await control_orders.consult(at.parts, person(cast.one), "agent", cast.two.name)
    second = await (await cast.two.rings()).answer()
    await hear_each_other(first, second)
    await told.speak(("right", first), ("right", second))
    await control_orders.complete(at.parts, person(cast.one))
    await hear_each_other(m.citizen, second)
    await told.speak(("left", m.citizen), ("right", second))
    await taken(at, m, cast.two)
    begun = await threeways.begin(at.parts, person(cast.two), unit="U-TIME", consent=True, question="?", contact_number="1390000")
    called = await unit.rings()
    await hear_each_other(second, called)
    await told.speak(("right", second), ("right", called))
    await threeways.join(at.parts, person(cast.two), begun.threeway_id)
    await hear_each_other(m.citizen, second, called)
    await told.speak(("left", m.citizen), ("right", second), ("right", called))


@story
async def parked_and_a_conference(at: Office, m: Meeting, cast: Cast, told: Told) -> None:
    """A colleague takes the parked call, asks somebody outside, all three talk, and the fire brigade makes four."""
    await told.speak(("left", m.citizen), ("right", m.agent))
    now = await control_orders.park(at.parts, m.person)
    await m.citizen.until_music()
    call = await (await cast.one.dial(now.slot)).answered()
    await hear_each_other(m.citizen, call)
    await told.speak(("left", m.citizen), ("right", call))
    await taken(at, m, cast.one)
    expert = await at.floor.unit("83126002", "answer")
    await control_orders.consult(at.parts, person(cast.one), "outside", "83126002")
    asked = await expert.rings()
    await hear_each_other(call, asked)
    await told.speak(("right", call), ("right", asked))
    await in_place(at, m, "consulted")
    await control_orders.three(at.parts, person(cast.one))
    await hear_each_other(m.citizen, call, asked)
    await told.speak(("left", m.citizen), ("right", call), ("right", asked))
    brigade = await at.floor.unit("119", "answer")
    await control_orders.emergency(at.parts, person(cast.one), "fire")
    fire = await brigade.rings()
    await hear_each_other(m.citizen, call, asked, fire)
    await told.speak(("left", m.citizen), ("right", call), ("right", asked), ("right", fire))


@story
async def paused_and_barged_into(at: Office, m: Meeting, cast: Cast, told: Told) -> None:
    """A card number that nobody keeps, not even of the supervisor who comes meanwhile; then on hold and back."""
    await told.speak(("left", m.citizen), ("right", m.agent))
    await pauses.pause(at.parts, m.person, reason="card")
    with pytest.raises(RefusedError, match="recording_paused"):
        await pauses.pause(at.parts, m.person)
    await told.hush()
    async with asyncio.TaskGroup() as tasks:
        wish = Wish(target="call", whom=m.call_id, reason="card")
        begun = tasks.create_task(supervision_orders.begin(at.parts, BOSS, wish, cast.boss.name))
        boss = await (await cast.boss.rings()).answer()
    await boss.until_hears({m.citizen.tone, m.agent.tone})
    await supervision_orders.change(at.parts, BOSS, begun.result().supervision_id, "barge")
    await hear_each_other(m.citizen, m.agent, boss)
    await told.hush()
    await pauses.resume(at.parts, m.person)
    with pytest.raises(RefusedError, match="recording_not_paused"):
        await pauses.resume(at.parts, m.person)
    await told.speak(("left", m.citizen), ("right", m.agent), ("right", boss))
    await boss.hang_up()
    await hear_each_other(m.citizen, m.agent)
    await told.speak(("left", m.citizen), ("right", m.agent))
    await control_orders.hold(at.parts, m.person)
    await m.citizen.until_music()
    await control_orders.resume(at.parts, m.person)
    await hear_each_other(m.citizen, m.agent)
    await told.speak(("left", m.citizen), ("right", m.agent))
    told.more["refused"] = await refused(pauses.pause(at.parts, person(cast.one), m.agent.name))


@story
async def a_pause_ends_by_itself(at: Office, m: Meeting, cast: Cast, told: Told) -> None:
    """After the longest time; and with the transfer to somebody else. By code, at the telephone."""
    await m.agent.press("*56")
    await paused(at, m, count=1, is_open=True)
    await told.hush()
    await paused(at, m, count=1, is_open=False)
    await told.speak(("left", m.citizen), ("right", m.agent))
    await pauses.pause(at.parts, m.person)
    await told.hush()
    await control_orders.transfer(at.parts, m.person, "agent", cast.two.name)
    call = await (await cast.two.rings()).answer()
    await hear_each_other(m.citizen, call)
    await paused(at, m, count=2, is_open=False)
    await told.speak(("left", m.citizen), ("right", call))


@story
async def joined_by_the_telephone(at: Office, m: Meeting, cast: Cast, told: Told) -> None:
    """The agent's own telephone asks a colleague and puts citizen and colleague together."""
    await m.agent.hold()
    m.agent.mute()  # the telephone has one tone: sent by both of its calls, it could cancel itself out in the recording
    telephone = next(phone for phone in at.floor.phones if phone.name == m.agent.name)
    other = await telephone.dial(cast.one.name)
    call = await (await cast.one.rings()).answer()
    await hear_each_other(other, call)
    await told.speak(("right", other), ("right", call))
    await m.agent.join(other)
    await hear_each_other(m.citizen, call)
    await told.speak(("left", m.citizen), ("right", call))


async def taken(at: Office, m: Meeting, phone: SeatPhone) -> None:
    await in_place(at, m, "talking", agent=phone.name)


async def in_place(at: Office, m: Meeting, place: str, agent: str = "%") -> None:
    async def is_there() -> object:
        query = "SELECT 1 FROM control_calls WHERE call_id = $1 AND place = $2 AND agent LIKE $3"
        return await at.rows(query, m.call_id, place, agent)

    await at.until(is_there, f"{place} {agent}")


async def paused(at: Office, m: Meeting, *, count: int, is_open: bool) -> None:
    """So many pauses, of which the last one lasts or not."""

    async def is_so() -> object:
        rows = await at.rows("SELECT resumed_at FROM recording_pauses WHERE call_id = $1 ORDER BY pause_id", m.call_id)
        return len(rows) == count and (rows[-1]["resumed_at"] is None) == is_open

    await at.until(is_so, f"pause {count}, open: {is_open}", within=LONGEST_PAUSE + 10)


async def refused(order: Awaitable[object]) -> str:
    with pytest.raises(RefusedError) as error:
        await order
    return error.value.code


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Trial, dict[str, Any]]]:
    """The stack, and each story's name to what it told or the error that it ended with."""
    chosen: dict[str, dict[str, object]] = {
        "queue": {"wrapup_seconds": 0, "ring_seconds": 5},
        "control": {"park_seconds": 30, "ring_seconds": 8, "emergency_ring_seconds": 8},
        "recordings": {"longest_pause_seconds": LONGEST_PAUSE},
    }
    with trial.running(tmp_path_factory.mktemp("timeline"), chosen) as stack:
        found = asyncio.run(_play(stack))
        found["complaints"] = stack.asterisk_complaints()
        found["killed"] = asyncio.run(_killed(stack))
        yield stack, found


async def _play(stack: Trial) -> dict[str, Any]:
    async with office(stack) as at:
        for user in ("1001", "1002"):
            await at.seat(user)
        cast = []
        for user in ("1051", "1052", "1053", "1054", "1055", "1056"):
            cast.append(await at.floor.seat(user))
            await sessions.pause(at.parts, Person(user, "agent", user), user, "training")

        async def one(number: int, play: Story, cast: Cast) -> Told:
            meeting = await at.meeting(f"139000071{number:02}")
            told = Told(meeting.call_id)
            try:
                await play(at, meeting, cast, told)
            finally:
                for talk in (
                    meeting.citizen,
                    meeting.agent,
                    *(talk for seat in (cast.one, cast.two, cast.boss) for talk in seat.talks),
                ):
                    await talk.hang_up()
            return told

        ends: dict[str, Any] = {}
        stories = list(enumerate(STORIES.items()))
        for pair in (stories[:2], stories[2:3], stories[3:]):
            casts = (Cast(*cast[:3]), Cast(*cast[3:]))
            plays = [one(number, play, who) for (number, (_, play)), who in zip(pair, casts, strict=False)]
            done = await asyncio.gather(*plays, return_exceptions=True)
            ends |= {name: end for (_, (name, _)), end in zip(pair, done, strict=True)}
        return ends


async def _killed(stack: Trial) -> Told:
    """Asterisk dies in the middle of a conversation, while its recording is paused."""
    async with office(stack) as at:
        await at.seat("1001")
        meeting = await at.meeting("13900007199")
        told = Told(meeting.call_id)
        await told.speak(("left", meeting.citizen), ("right", meeting.agent))
        await pauses.pause(at.parts, meeting.person, reason="card")
        await told.hush(2.5)
        stack.kill("asterisk")
        return told


@pytest.fixture(scope="module")
def recorded(played: tuple[Trial, dict[str, Any]]) -> Callable[[str], tuple[Told, Manifest, dict[str, Track]]]:
    """What a story told, the manifest of its only recording, and the tones in each track of it."""
    stack, found = played
    known: dict[str, Any] = {}

    def look(name: str) -> tuple[Told, Manifest, dict[str, Track]]:
        told = found[name]
        if isinstance(told, BaseException):
            raise told
        if name not in known:
            query = "SELECT recording_id, file, started_at FROM recordings WHERE call_id = $1"
            wait_until(lambda: stack.fetch(query, told.call_id), what=f"the recording of {name}\n{stack.logs()}", seconds=60)
            (row,) = stack.fetch(query, told.call_id)
            left, right = samples(stack.var / "recordings" / row["file"])
            tracks = {track: tones(list(sound), row["started_at"]) for track, sound in (("left", left), ("right", right))}
            known[name] = asyncio.run(_described(stack, row["recording_id"])), tracks
        return told, *known[name]

    return look


async def _described(stack: Trial, recording_id: int) -> Manifest:
    connection = await asyncpg.connect(stack.credentials.database)
    try:
        return await happenings.describe(connection, recording_id)
    finally:
        await connection.close()


def tones(sound: list[int], began: dt.datetime) -> Track:
    """The middle of each window, and the tones in it."""
    found = []
    for at in range(0, len(sound) - 1280, 1280):
        found.append((began + dt.timedelta(seconds=(at + 640) / 8000), hearing.present(sound[at : at + 1280])))
    return found


def kinds(manifest: Manifest) -> list[tuple[str, tuple[str, ...]]]:
    """What went on, and who could be heard."""
    return [(one.kind, tuple(manifest.voices[index].who for index in one.parties)) for one in manifest.segments]


def talk(manifest: Manifest) -> list[str]:
    """The kinds without the times in which the citizen waited for somebody, which may be too short to be told."""
    return once([one for one in kinds(manifest) if one[0] not in ("waiting", "held")])


def once(found: list[tuple[str, tuple[str, ...]]]) -> list[str]:
    """The kinds in their order, neighbours that are alike once."""
    return [kind for place, (kind, _) in enumerate(found) if not place or found[place - 1][0] != kind]


@pytest.mark.parametrize("name", [*STORIES, "killed"])
def test_everybody_is_heard_when_they_spoke_and_nothing_of_what_was_paused(recorded: Any, name: str) -> None:
    told, manifest, tracks = recorded(name)
    for track, tone, first, last in told.spoke:
        heard = [tones for at, tones in tracks[track] if first + TOLERANCE < at < last - TOLERANCE]
        assert len(heard) >= 2, (name, track, tone, first, last)
        assert all(tone in tones for tones in heard), (name, track, tone, first, last, heard)
    for first, last in told.nothing:
        for track in ("left", "right"):
            kept = [tones for at, tones in tracks[track] if first + TOLERANCE / 4 < at < last - TOLERANCE / 4]
            assert kept and not any(kept), (name, track, first, last, kept)
            gaps = [(manifest.started_at + dt.timedelta(milliseconds=gap.from_ms), gap) for gap in manifest.gaps]
            assert any(gap.why == "paused" and begin <= first for begin, gap in gaps), manifest.gaps


@pytest.mark.parametrize("name", [*STORIES, "killed"])
def test_the_segments_leave_nothing_out(recorded: Any, name: str) -> None:
    _, manifest, _ = recorded(name)
    edges = [one.from_ms for one in manifest.segments] + [manifest.length_ms]
    assert edges[0] == 0 and edges == sorted(set(edges))
    assert [one.to_ms for one in manifest.segments] == edges[1:]
    assert all(len(voice.sha256) == 64 and voice.to_ms > voice.from_ms for voice in manifest.voices)
    assert not [gap for gap in manifest.gaps if gap.why == "lost"], manifest


def test_a_call_that_is_sent_on_twice_and_ends_with_three_is_one_timeline(recorded: Any) -> None:
    _, manifest, _ = recorded("sent_on_twice_and_three_at_the_end")
    wanted = ["conversation", "consult", "conversation", "consult", "three_way"]
    assert talk(manifest)[: len(wanted)] == wanted, kinds(manifest)
    assert ("three_way", ("caller", "colleague", "unit")) in kinds(manifest)
    names = {(voice.who, voice.name) for voice in manifest.voices}
    assert {who for who, _ in names} == {"caller", "agent", "colleague", "unit"}
    assert ("unit", "U-TIME") in names and all(name for who, name in names if who != "caller")
    assert [one.after for one in manifest.segments if one.kind == "conversation"][:3] == ["", "transfer", "transfer"]


def test_a_parked_call_that_becomes_a_conference_is_one_timeline(recorded: Any) -> None:
    _, manifest, _ = recorded("parked_and_a_conference")
    wanted = ["conversation", "parked", "conversation", "consult", "three_way", "conference"]
    assert talk(manifest)[: len(wanted)] == wanted, kinds(manifest)
    assert {voice.name for voice in manifest.voices if voice.who == "other"} == {"83126002", "119"}


def test_hold_pause_and_barge_are_told(recorded: Any) -> None:
    told, manifest, _ = recorded("paused_and_barged_into")
    assert once(kinds(manifest)) == ["conversation", "barge", "conversation", "held", "conversation"], kinds(manifest)
    assert [(gap.why, gap.reason) for gap in manifest.gaps] == [("paused", "card")]
    assert [voice.name for voice in manifest.voices if voice.who == "supervisor"] == ["chen"]
    assert told.more["refused"] == "not_allowed"


def test_a_pause_by_code_ends_after_its_time_and_another_with_the_transfer(
    recorded: Any, played: tuple[Trial, dict[str, Any]]
) -> None:
    told, manifest, _ = recorded("a_pause_ends_by_itself")
    first, second = [(gap.from_ms, gap.to_ms) for gap in manifest.gaps]
    assert LONGEST_PAUSE * 1000 <= first[1] - first[0] <= (LONGEST_PAUSE + 4) * 1000
    assert second[1] < manifest.length_ms
    rows = played[0].fetch("SELECT paused_by, resumed_by FROM recording_pauses WHERE call_id = $1", told.call_id)
    assert all(row["paused_by"] and not row["resumed_by"] for row in rows)


def test_a_colleague_whom_the_agent_s_own_telephone_asked_is_in_the_recording(recorded: Any) -> None:
    _, manifest, _ = recorded("joined_by_the_telephone")
    assert once(kinds(manifest))[:3] == ["conversation", "consult", "conversation"], kinds(manifest)
    assert "colleague" in {voice.who for voice in manifest.voices}


def test_asterisk_has_nothing_to_complain_of(played: tuple[Trial, dict[str, Any]]) -> None:
    assert played[1]["complaints"] == []


def test_what_a_killed_asterisk_left_is_kept_and_nothing_of_the_pause_is_in_any_file(
    recorded: Any, played: tuple[Trial, dict[str, Any]]
) -> None:
    told, manifest, _ = recorded("killed")
    stack = played[0]
    assert manifest.length_ms > 1000
    assert [gap.why for gap in manifest.gaps][:1] == ["paused"]
    assert not [path for path in (stack.var / "recordings" / "spool").iterdir() if path.name.startswith(told.call_id)]
