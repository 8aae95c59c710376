"""One call from the telephone to whoever may hear it: nothing is stubbed, and nobody does anything in between (QUA-01, QUA-02).

Two agents after the first one and a unit take part. It is taken in, sealed, transcribed, checked and indexed by the stack alone;
it is played over HTTP, a ticket of it goes to a unit, and each role is shown exactly what it may see, with a line of each look
(IVR-13, SEC-02, SEC-12, SEC-13, SEC-15, CNF-31). Another one is in the middle of all that when its processes are killed. The
engine has a Korean model: what it understands does not matter.
"""

from __future__ import annotations

import asyncio
import collections
import datetime as dt
import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, NamedTuple

import msgspec
import numpy as np
import pytest

from acd import sessions
from acd.permissions import Person
from hotline.phones import hearing, sound
from recordings.manifest import Manifest, Segment, Voice
from tests import ticket_people, trial
from tests.e2e.test_timeline import (
    TOLERANCE,
    Cast,
    Told,
    kinds,
    sent_on_twice_and_three_at_the_end,
    talk,
)
from tests.sealed_calls import SPEECH, decoded
from tests.sounds import likeness
from tests.speech_models import vosk_model
from tests.threeway import Meeting, office
from tests.ticket_people import People, people
from tests.ticket_story import TYPED
from tests.trial import Trial, wait_until

OFFICE, QUALITY, OBSERVER, GUEST = "office", "qian", "jian", "ke"
COLLEAGUE, LAST, NOBODY = "1051", "1052", "1003"
WHY = "reason=投诉核查"
CITIZEN, STRANGER = "13905340071", "13905340072"
SILENCE = 2
LIKE = 0.75
SPEECH_SECONDS, HUSH_SECONDS = 5.0, 3.4


_YES, _NO, _WHY = 200, 403, 422
SEES: dict[str, tuple[int, ...]] = {
    # who:      read, audio, transcript, download, plays, search, is in lists
    "liu":      (_YES, _YES, _YES, _NO, _NO, _NO, True),
    "chen":     (_NO, _NO, _NO, _NO, _NO, _NO, False),
    "1001":     (_YES, _YES, _YES, _NO, _NO, _YES, True),
    COLLEAGUE:  (_YES, _YES, _YES, _NO, _NO, _YES, True),
    LAST:       (_YES, _YES, _YES, _NO, _NO, _YES, True),
    NOBODY:     (_NO, _NO, _NO, _NO, _NO, _YES, False),
    "sun":      (_NO, _NO, _NO, _NO, _NO, _NO, False),
    QUALITY:    (_YES, _YES, _YES, _YES, _YES, _YES, True),
    OBSERVER:   (_YES, _WHY, _WHY, _NO, _YES, _YES, True),
    GUEST:      (_NO, _NO, _NO, _NO, _NO, _NO, _NO),
}  # fmt: skip
"""The clerk of the ticket's unit and one of another, the agents who spoke, one who did not, who dispatched it, and so on."""


LINES = (
    ("recording.read", "recording.read"),
    ("recording.hear", "recording.hear"),
    ("recording.hear", "transcript.read"),
    ("recording.download", "recording.download"),
    ("recording.plays", "recording.plays"),
    ("", "transcript.search"),
    ("recording.read", "recording.list"),
)
"""The right that a look needs, and its line in the audit log."""


class Played(NamedTuple):
    """The stack, who is logged in, what was said when, and the row of the recording that became of it."""

    stack: Trial
    tokens: dict[str, str]
    told: Told
    row: dict[str, Any]

    @property
    def manifest(self) -> Manifest:
        """Of the row."""
        return msgspec.json.decode(self.row["manifest"], type=Manifest)

    @property
    def path(self) -> str:
        """Of the recording."""
        return f"/api/recordings/{self.row['recording_id']}"


def done(stack: Trial, call_id: str) -> dict[str, Any]:
    """The only recording of a call, once it is stored, transcribed, checked with its words, and indexed."""
    query = (
        "SELECT r.*, t.made_at FROM recordings r JOIN transcripts t USING (recording_id)"
        " JOIN transcript_words USING (recording_id) JOIN quality_checks q USING (recording_id)"
        " WHERE r.call_id = $1 AND r.state = 'stored' AND t.state = 'done' AND q.words_of = t.made_at"
    )
    wait_until(lambda: stack.fetch(query, call_id), seconds=90, what=f"the call is done with\n{stack.logs()}")
    (row,) = stack.fetch(query, call_id)
    return row


async def spoken(m: Meeting) -> None:
    """Real speech of both at once, and then nobody says a word for longer than the rules have it."""
    for phone, name in ((m.citizen, "lamp"), (m.agent, "pension")):
        phone.say(sound.frames(sound.read_wav((SPEECH / f"{name}.wav").read_bytes(), name)))
    await asyncio.sleep(SPEECH_SECONDS)
    m.citizen.mute()
    m.agent.mute()
    await asyncio.sleep(HUSH_SECONDS)
    for phone in (m.citizen, m.agent):
        phone.play(phone.tone)


async def called(stack: Trial, tokens: dict[str, str]) -> Told:
    """The call: sent on twice, and three at the end; quality wants silences to be short."""
    async with office(stack) as at, people(stack, tokens) as who:
        rules = (await who.get(QUALITY, "/api/quality/rules"))["rules"]
        await who.put(QUALITY, "/api/quality/rules", {"rules": {**rules, "silence_seconds": SILENCE}})
        await at.seat("1001")
        cast = []
        for user in (COLLEAGUE, LAST):
            cast.append(await at.floor.seat(user))
            await sessions.pause(at.parts, Person(user, "agent", user), user, "training")
        meeting = await at.meeting(CITIZEN)
        told = Told(meeting.call_id)
        await spoken(meeting)
        await sent_on_twice_and_three_at_the_end(at, meeting, Cast(cast[0], cast[1], cast[1]), told)
        for phone in (meeting.citizen, meeting.agent, *(one for seat in cast for one in seat.talks)):
            await phone.hang_up()
        return told


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Played]:
    """A call, and the stack has done everything with it."""
    chosen: dict[str, dict[str, object]] = {
        "queue": {"wrapup_seconds": 0, "ring_seconds": 5},
        "recordings": {"workers": 2},
        "transcription": {"engine": "vosk", "model": str(vosk_model().folder), "workers": 2},
    }
    with trial.running(tmp_path_factory.mktemp("story"), chosen) as stack:
        more = {QUALITY: "quality", OBSERVER: "observer", GUEST: "guest"}
        tokens = ticket_people.begin(stack, tmp_path_factory.mktemp("directory"), more, ("1001", COLLEAGUE, LAST, NOBODY))
        told = asyncio.run(called(stack, tokens))
        row = done(stack, told.call_id)
        yield Played(stack, tokens, told, row)


def with_people(played: Played, work: Callable[[People], Any]) -> None:
    async def run() -> None:
        async with people(played.stack, played.tokens) as who:
            await work(who)

    asyncio.run(run())


def files(stack: Trial) -> list[str]:
    """What lies below the folder of recordings."""
    folder = stack.var / "recordings"
    return sorted(str(one.relative_to(folder)) for one in folder.rglob("*") if one.is_file())


async def heard(who: People, person: str, path: str) -> tuple[Any, ...]:
    """The sides of a recording as this person hears them."""
    status, _, content = await who.fetch(person, path)
    assert status == 200, (person, path, status, content)
    return await decoded(content)


def share(tone: int, side: Any, began: dt.datetime, first: dt.datetime, last: dt.datetime) -> float:
    """In how much of a stretch, its ends left out, this telephone speaks."""
    begin, end = (round((at - began).total_seconds() * 8000) for at in (first + TOLERANCE, last - TOLERANCE))
    windows = [hearing.present(side[at : at + 1280].tolist()) for at in range(begin, end - 1280, 320)]
    assert len(windows) >= 8, (tone, first, last)
    return sum(tone in tones for tones in windows) / len(windows)


def test_it_is_one_timeline_of_all_who_spoke(played: Played) -> None:
    """Twice sent on, and three at the end (QUA-01, TWC-15)."""
    manifest = played.manifest
    wanted = ["conversation", "consult", "conversation", "consult", "three_way"]
    assert talk(manifest)[: len(wanted)] == wanted, kinds(manifest)
    edges = [one.from_ms for one in manifest.segments] + [manifest.length_ms]
    assert edges[0] == 0 and edges == sorted(set(edges)) and [one.to_ms for one in manifest.segments] == edges[1:]
    names = {(voice.who, voice.name) for voice in manifest.voices}
    assert names == {("caller", ""), ("agent", "1001"), ("agent", COLLEAGUE), ("colleague", LAST), ("unit", "U-TIME")}
    assert manifest.gaps == () and manifest.call_id == played.told.call_id

    async def work(who: People) -> None:
        shown = await who.get(OFFICE, played.path)
        assert msgspec.convert(shown["segments"], tuple[Segment, ...]) == manifest.segments
        assert msgspec.convert(shown["voices"], tuple[Voice, ...]) == manifest.voices
        states = (shown["state"], shown["format"], shown["transcript"], shown["sha256"])
        assert states == ("stored", "opus", "done", manifest.sound_sha256)

    with_people(played, work)


def test_it_is_sealed_and_nothing_plain_is_left(played: Played) -> None:
    """SEC-15."""
    name = f"stored/{played.row['object']}"
    assert files(played.stack) == [name.replace(".opus", ".manifest"), name]
    sealed = (played.stack.var / "recordings" / name).read_bytes()
    envelope = (played.stack.var / "recordings" / name.replace(".opus", ".manifest")).read_bytes()

    async def work(who: People) -> None:
        status, headers, plain = await who.fetch(OFFICE, f"{played.path}/audio")
        assert (status, headers["Content-Type"]) == (200, "audio/ogg; codecs=opus")
        assert hashlib.sha256(plain).hexdigest() == played.manifest.sound_sha256
        assert len(plain) <= len(sealed) <= len(plain) + len(plain) // 100 + 1000
        pieces = [plain[at : at + 16] for at in range(0, len(plain) - 16, 16)]
        assert not any(piece in sealed for piece in (b"OggS", b"OpusHead", *pieces) if len(set(piece)) > 2)
        assert b"1001" not in envelope and b"conversation" not in envelope

    with_people(played, work)


def test_everybody_is_heard_over_http_when_they_spoke_and_on_their_side(played: Played) -> None:
    async def work(who: People) -> None:
        left, right = await heard(who, OFFICE, f"{played.path}/audio")
        began = played.row["started_at"]
        sides = {"left": left, "right": right}
        for track, tone, first, last in played.told.spoke:
            assert share(tone, sides[track], began, first, last) > 0.3, (track, tone, first, last)  # a busy machine leaves gaps
            assert share(tone, sides["right" if track == "left" else "left"], began, first, last) == 0, (track, tone, first, last)
        lamp, pension = SPEECH / "lamp.wav", SPEECH / "pension.wav"
        beginning = [side[: int(8000 * (SPEECH_SECONDS + 1))].tolist() for side in (left, right)]
        for side, said, not_said in zip(beginning, (lamp, pension), (pension, lamp), strict=True):
            assert likeness(side, said) > LIKE > likeness(side, not_said)
        for side, whole in (("left", left), ("right", right)):
            (alone,) = await heard(who, OFFICE, f"{played.path}/audio?format=wav&side={side}&from_ms=1000&to_ms=5000")
            assert len(alone) == 32000 and likeness(whole[8000:40000].tolist(), alone.tolist()) > 0.95

    with_people(played, work)


def test_a_player_gets_the_range_that_it_asks_for(played: Played) -> None:
    async def work(who: People) -> None:
        _, headers, whole = await who.fetch(OFFICE, f"{played.path}/audio")
        size, tag = len(whole), headers["ETag"]
        for asked, begin, end in (("0-99", 0, 100), (f"{size - 5000}-", size - 5000, size), ("-7", size - 7, size)):
            status, headers, part = await who.fetch(OFFICE, f"{played.path}/audio", Range=f"bytes={asked}")
            assert (status, part, headers["ETag"]) == (206, whole[begin:end], tag), asked
            assert headers["Content-Range"] == f"bytes {begin}-{end - 1}/{size}"
        status, headers, _ = await who.fetch(OFFICE, f"{played.path}/audio", Range=f"bytes={size}-")
        assert (status, headers["Content-Range"]) == (416, f"bytes */{size}")

    with_people(played, work)


def test_it_was_transcribed_and_checked_by_itself(played: Played) -> None:
    """Each side's words are where it spoke; the silence is found where nobody did (QUA-01, QUA-04)."""
    limit = round((SPEECH_SECONDS + 3) * 1000)

    async def work(who: People) -> None:
        read = await who.get(OFFICE, f"{played.path}/transcript")
        assert (read["state"], read["engine"]) == ("done", "vosk")
        assert [turn["number"] for turn in read["turns"]] == list(range(1, len(read["turns"]) + 1))
        spoken = [turn for turn in read["turns"] if turn["from_ms"] < limit]
        assert {turn["side"] for turn in spoken} == {"left", "right"} and all(turn["text"] for turn in read["turns"])
        checked = await who.get(OFFICE, f"/api/quality/calls/{played.row['recording_id']}")
        assert "not_checked" not in (checked["outcomes"][one] for one in ("long_silence", "forbidden_words", "threeway_consent"))
        assert checked["outcomes"]["threeway_consent"] == "passed"
        (silence,) = [one for one in checked["findings"] if one["code"] == "long_silence" and one["from_ms"] < limit]
        assert silence["agent"] == "1001" and silence["to_ms"] - silence["from_ms"] > SILENCE * 1000
        assert played.manifest.segments[0].from_ms <= silence["from_ms"] < played.manifest.segments[0].to_ms
        for agent, sees in (("1001", True), (COLLEAGUE, False), (NOBODY, None)):
            status = 200 if sees is not None else 403
            mine = await who.get(agent, f"/api/quality/calls/{played.row['recording_id']}", status)
            assert sees is None or {one["agent"] for one in mine["findings"]} <= {agent}
            assert sees is None or (silence in mine["findings"]) == sees

    with_people(played, work)


async def dispatched(who: People, played: Played) -> None:
    """A ticket of the call, which is with a unit."""
    opening = {**TYPED, "node": played.row["node"], "call_id": played.told.call_id, "accept": True}
    path = f"/api/tickets/{(await who.post('1001', '/api/tickets', opening))['number']}"
    await who.post("1001", f"{path}/submit")
    await who.post("sun", f"{path}/dispatch", {"lead_unit": "CG"})


async def looked(who: People, person: str, played: Played, why: str = "") -> tuple[Any, ...]:
    """What each way to look at the recording answers this person, and whether it is in the list of the ticket's recordings."""
    recording, ways = played.row["recording_id"], ("", f"/audio?{why}", f"/transcript?{why}", f"/download?{why}", "/plays")
    statuses = [(await who.fetch(person, played.path + way))[0] for way in ways]
    word, ticket = await asyncio.to_thread(known, played)
    searched, _, content = await who.fetch(person, f"/api/transcripts/search?text={word}")
    if searched == _YES and word:
        found = [one["recording_id"] for one in msgspec.json.decode(content)["recordings"]]
        assert found == [recording] * (statuses[0] == _YES), person
    listed, _, content = await who.fetch(person, f"/api/recordings?ticket={ticket}")
    lines = [one["recording_id"] for one in msgspec.json.decode(content)["recordings"]] if listed == _YES else []
    assert lines in ([], [recording])
    return *statuses, searched, bool(lines) if listed == _YES else listed


def known(played: Played) -> tuple[str, str]:
    """A word that the engine understood, or an empty one, and the number of the call's ticket."""
    rows = played.stack.fetch(
        "SELECT coalesce((tsvector_to_array(words))[1], '') AS word, 'C' || ticket_id AS ticket"
        " FROM transcript_words JOIN recordings USING (recording_id) JOIN tickets USING (node, call_id) WHERE recording_id = $1",
        played.row["recording_id"],
    )
    return rows[0]["word"], rows[0]["ticket"]


def lines_of(played: Played) -> dict[str, dict[str, int]]:
    """Who did what to the recording, and listed and searched how often, as the audit log has it."""
    query = (
        "SELECT actor, action, count(*) AS times FROM audit_log"
        " WHERE subject IN ($1, 'recordings') AND action ~ '^(recording|transcript)' GROUP BY actor, action"
    )
    found: dict[str, dict[str, int]] = {}
    for row in played.stack.fetch(query, f"recording:{played.row['recording_id']}"):
        found.setdefault(row["actor"], {})[row["action"]] = row["times"]
    return found


def lines_for(answers: Sequence[int]) -> dict[str, int]:
    """What the audit log says when one was answered so; who has to say why first leaves no line, nor whom no route is open to."""
    lines = collections.Counter[str]()
    for (right, line), answer in zip(LINES, answers, strict=True):
        if answer not in (_NO, _WHY):
            lines[line] += 1
        elif answer == _NO and right in ("recording.read", "recording.hear") and answers[-1] is False:
            lines[f"{right}.refused"] += 1
    return dict(lines)


def test_each_sees_exactly_what_they_may_and_each_look_is_written_down(played: Played) -> None:
    """QUA-02, SEC-12, SEC-13."""

    async def work(who: People) -> None:
        await dispatched(who, played)
        found = {person: await looked(who, person, played) for person in SEES}
        assert found == SEES
        lines = await asyncio.to_thread(lines_of, played)
        assert {person: lines.get(person, {}) for person in SEES} == {
            person: lines_for(answers) for person, answers in SEES.items()
        }
        with_why = await looked(who, OBSERVER, played, WHY)
        assert with_why == (_YES, _YES, _YES, _NO, _YES, _YES, True)
        plays = (await who.get(OBSERVER, f"{played.path}/plays"))["plays"]
        told = {(one["listener"], one["kind"], one["reason"]) for one in plays if one["listener"] != OFFICE}
        hearers = {(person, "listened", "") for person, answers in SEES.items() if answers[1] == _YES}
        assert told == hearers | {(QUALITY, "downloaded", ""), (OBSERVER, "listened", WHY.partition("=")[2])}
        assert all(one["sent"] == [[0, played.row["length_ms"]]] for one in plays if one["listener"] != OFFICE)
        _, ticket = await asyncio.to_thread(known, played)
        (line,) = (await who.get("liu", f"/api/recordings?ticket={ticket}"))["recordings"]
        assert (line["call_id"], line["node"]) == ("", "") and CITIZEN not in str(line)

    with_people(played, work)


def test_a_masked_stretch_is_silent_for_the_agent_and_heard_by_quality(played: Played) -> None:
    begin, end = 1000, 5000

    async def loudest(who: People, person: str) -> list[int]:
        sides = await heard(who, person, f"{played.path}/audio?format=wav&from_ms={begin}&to_ms={end}")
        return [int(np.abs(side.astype(int)).max()) for side in sides]

    async def texts(who: People, person: str) -> list[str]:
        read = (await who.get(person, f"{played.path}/transcript"))["turns"]
        return [turn["text"] for turn in read if turn["from_ms"] < end and turn["to_ms"] > begin]

    async def work(who: People) -> None:
        assert min(await loudest(who, "1001")) > 1000 and all(await texts(who, "1001"))
        stretch = {"from_ms": begin, "to_ms": end, "reason": "银行卡号"}
        await who.post(NOBODY, f"{played.path}/masks", stretch, 403)
        mask = (await who.post("1001", f"{played.path}/masks", stretch))["mask_id"]
        for person in ("1001", COLLEAGUE, "liu"):
            assert await loudest(who, person) == [0, 0], person
            assert not any(await texts(who, person)), person
        assert min(await loudest(who, QUALITY)) > 1000 and all(await texts(who, QUALITY))
        await who.post("1001", f"{played.path}/masks/{mask}/lift", {"reason": "误设"})
        assert min(await loudest(who, COLLEAGUE)) > 1000

    with_people(played, work)


def test_a_confidential_ticket_takes_it_away_from_the_unit(played: Played) -> None:
    """A voice tells who somebody is (SEC-08, CNF-31)."""
    ticket = f"/api/tickets/{known(played)[1]}"

    async def work(who: People) -> None:
        assert await looked(who, "liu", played) == SEES["liu"]
        await who.post("1001", f"{ticket}/protect", {"hidden": ["all"], "reason": "来电人要求"})
        await who.get("liu", ticket)
        assert await looked(who, "liu", played) == SEES["chen"]
        assert await looked(who, "1001", played) == SEES["1001"]

    with_people(played, work)


async def cut_off(stack: Trial) -> str:
    """A call, after which recordings and crm are killed whenever one of them has begun something; its id."""
    async with office(stack) as at:
        await at.seat("1001")
        meeting = await at.meeting(STRANGER)
        await spoken(meeting)
        await meeting.citizen.hang_up()
        await meeting.agent.ended()

        async def is_so(query: str) -> object:
            return await at.rows(f"SELECT 1 FROM recordings r LEFT JOIN transcripts t USING (recording_id) WHERE {query}", call)

        call = meeting.call_id
        for query, parts in (
            ("r.call_id = $1", ("recordings", "crm")),
            ("r.call_id = $1 AND t.state = 'running'", ("recordings", "crm")),
            ("r.call_id = $1 AND t.state = 'done'", ("crm",)),
        ):
            await at.until(partial(is_so, query), query, 60)
            for part in parts:
                await asyncio.to_thread(wait_until, partial(stack.is_running, part), what=part)
                stack.kill(part)
        return call


def test_a_call_that_is_cut_off_in_each_step_is_one_recording_all_the_same(played: Played) -> None:
    """kill -9 while it is sealed, while it is transcribed, and while it is checked (SEC-15)."""
    stack = played.stack
    row = done(stack, asyncio.run(cut_off(stack)))
    names = [one["object"] for one in stack.fetch("SELECT object FROM recordings")]
    assert len(names) == 2 and row["object"] in names
    wait_until(lambda: not stack.fetch("SELECT 1 FROM pgqueuer"), what="no job is left")
    assert files(stack) == sorted(f"stored/{name[:-4]}{ending}" for name in names for ending in ("opus", "manifest"))
    verified = stack.command("recordings", "verify")
    assert verified.returncode == 0, verified.stdout + verified.stderr
    (transcript,) = stack.fetch("SELECT * FROM transcripts WHERE recording_id = $1", row["recording_id"])
    turns = stack.fetch("SELECT number, text FROM transcript_turns WHERE recording_id = $1 ORDER BY number", row["recording_id"])
    assert [turn["number"] for turn in turns] == list(range(1, len(turns) + 1))
    assert transcript["text"] == "\n".join(turn["text"] for turn in turns)
    found = "SELECT count(*) AS times FROM quality_findings WHERE recording_id = $1 GROUP BY code, agent, from_ms"
    assert {one["times"] for one in stack.fetch(found, row["recording_id"])} == {1}
    assert stack.fetch("SELECT 1 FROM quality_findings WHERE recording_id = $1 AND code = 'long_silence'", row["recording_id"])
    said = "SELECT word, count(*)::integer AS calls FROM transcript_words, unnest(said) AS word GROUP BY word ORDER BY word"
    assert stack.fetch(said) == stack.fetch("SELECT word, calls FROM hot_words WHERE calls > 0 ORDER BY word")
