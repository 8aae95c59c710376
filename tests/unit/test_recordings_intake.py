"""What the worker decides from one look at the folders."""

from __future__ import annotations

import datetime as dt

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi import takes
from agi.draft import Sidecar as Written
from recordings import audio, intake
from recordings.errors import SidecarError
from recordings.facts import Call, Entry, Folder, Forget, Ignore, Job, Piece, Round, SetAside, Sidecar, Stored, Take

NOW = dt.datetime(2025, 11, 21, 12, 0, tzinfo=dt.UTC)
ID = "1763726400.7"  # 2025-11-21 20:00 in Shanghai
CALLER, AGENT = f"{ID}.caller.raw", f"{ID}.agent.1763726405.8.raw"
SIDECAR = Sidecar(
    node="node1", call_id=ID, uniqueid=ID, caller_number="13800000000", started_at=NOW, reason="out_of_hours"
)  # fmt: skip


def ago(seconds: float) -> dt.datetime:
    return NOW - dt.timedelta(seconds=seconds)


def entry(name: str, *, quiet: float, size: int = 100, regular: bool = True) -> Entry:
    return Entry(name=name, size=size, modified=ago(quiet), regular=regular)


def call(*, ended: float | None) -> dict[str, Call]:
    """The record of ``ID``, ended that many seconds ago or open."""
    return {ID: Call(ID, ago(200), None if ended is None else ago(ended))}


def decide(
    *,
    spool: list[Entry] | None = None,
    inbox: list[Entry] | None = None,
    sidecar: Sidecar | str | None = None,
    calls: dict[str, Call] | None = None,
    stored: frozenset[str] = frozenset(),
    written: dt.datetime | None = None,
) -> list[Job]:
    sidecars = {} if sidecar is None else {ID: sidecar}
    facts = Round(
        now=NOW,
        node="node1",
        spool=spool or [],
        inbox=inbox or [],
        sidecars=sidecars,
        calls=calls or {},
        stored=stored,
        written={ID: written} if written else {},
    )
    return intake.decide(facts)


@pytest.mark.parametrize(
    ("quiet", "calls", "taken"),
    [
        (4, call(ended=4), True),
        (1, call(ended=4), False),
        (4, call(ended=1), False),
        (4, call(ended=-1), False),
        (100_000, call(ended=None), False),
        (599, {}, False),
        (600, {}, True),
    ],
    ids=["at rest", "still written", "just ended", "ends later", "open", "no record", "no record and forgotten"],
)
def test_a_conversation_is_taken_when_it_is_finished(quiet: float, calls: dict[str, Call], taken: bool) -> None:
    jobs = decide(spool=[entry(CALLER, quiet=quiet, size=102), entry(AGENT, quiet=5000)], calls=calls)
    assert bool(jobs) is taken
    assert jobs == decide(spool=[entry(CALLER, quiet=5000, size=102), entry(AGENT, quiet=quiet)], calls=calls)
    if taken:
        assert jobs == [
            Take(
                folder=Folder.SPOOL,
                pieces=(Piece(CALLER, 102, "caller"), Piece(AGENT, 100, "agent")),
                file=f"2025/11/21/node1-{ID}.wav",
                node="node1",
                call_id=ID,
                started_at=ago(200) if calls else None,
            )
        ]


def test_the_empty_file_of_a_caller_who_reached_nobody_is_forgotten_and_no_other() -> None:
    abandoned = {ID: Call(ID, None, ago(4))}
    empty = [entry(CALLER, quiet=5, size=0)]
    assert decide(spool=empty, calls=abandoned) == [Forget(Folder.SPOOL, CALLER)]
    assert [type(job) for job in decide(spool=empty, calls=call(ended=4))] == [Take], "the connected call's is looked into"
    assert [type(job) for job in decide(spool=[entry(CALLER, quiet=5, size=2)], calls=abandoned)] == [Take]
    assert decide(spool=empty, calls={ID: Call(ID, None, None)}) == [], "it may still be answered"


def test_the_oldest_conversation_is_first() -> None:
    spool = [entry(f"{n}.1.caller.raw", quiet=n) for n in (700, 900, 800)]
    assert [job.call_id for job in decide(spool=spool) if isinstance(job, Take)] == ["900.1", "800.1", "700.1"]


def test_agents_follow_one_another_as_their_legs_began() -> None:
    legs = ["1763726400.8", "1763726399.12", "1763726400.10", "node1-1763726410.2", "1763726405.1"]
    spool = [entry(f"{ID}.agent.{leg}.raw", quiet=4) for leg in legs] + [entry(CALLER, quiet=4)]
    (job,) = decide(spool=spool, calls=call(ended=4))
    assert isinstance(job, Take)
    assert [piece.side for piece in job.pieces] == ["caller"] + ["agent"] * 5
    assert [piece.name.split(".agent.")[1] for piece in job.pieces[1:]] == [
        "1763726399.12.raw",
        "1763726400.8.raw",
        "1763726400.10.raw",
        "1763726405.1.raw",
        "node1-1763726410.2.raw",
    ]
    assert job.sources == tuple(piece.name for piece in job.pieces), "the caller's goes first"


def voice(part: str, seconds: float, *, size: int = 100, quiet: float = 4) -> Entry:
    """A voice whose recorder was started so many seconds after ``NOW`` less 100."""
    began = ago(100 - seconds)
    return entry(f"{ID}.{part}@{began:%Y%m%dT%H%M%S}.{began.microsecond // 1000:03}.raw", quiet=quiet, size=size)


def placed(spool: list[Entry], calls: dict[str, Call] | None = None) -> tuple[list[tuple[str, int | None]], dt.datetime | None]:
    """Side and place of each piece of the one conversation, and when that begins."""
    (job,) = decide(spool=spool, calls=call(ended=4) if calls is None else calls)
    assert isinstance(job, Take)
    return [(piece.side, piece.at_ms) for piece in job.pieces], job.started_at


def test_every_voice_lies_where_it_was_spoken_and_the_conversation_begins_with_the_first_agent() -> None:
    """TWC-15: agent, unit and a second agent, while the caller is there all the time."""
    spool = [
        voice("agent.1763726400.30", 90),
        voice("unit.1763726400.20", 41.5),
        voice("agent.1763726400.8", 12.25),
        voice("caller", 2),
    ]
    pieces, began = placed(spool)
    assert pieces == [("caller", -10250), ("agent", 0), ("unit", 29250), ("agent", 77750)]
    assert began == ago(87.75)


def test_a_caller_who_came_back_to_the_queue_has_two_files_and_the_first_goes_first() -> None:
    spool = [voice("caller.2", 40), voice("agent.1763726400.8", 50), voice("caller", 2)]
    (job,) = decide(spool=spool, calls=call(ended=4))
    assert isinstance(job, Take)
    assert [piece.at_ms for piece in job.pieces] == [-48000, -10000, 0]
    assert job.sources[0].startswith(f"{ID}.caller@")
    left = [file for file in spool if file.name != job.sources[0]]
    assert {type(job) for job in decide(spool=left, calls=call(ended=4), written=ago(3))} == {Forget}


def test_a_conversation_without_a_served_leg_begins_as_the_record_says_or_with_the_caller() -> None:
    assert placed([voice("caller", 2)], {ID: Call(ID, ago(90), ago(4))}) == ([("caller", -8000)], ago(90))
    assert placed([voice("caller", 2, quiet=601)], {}) == ([("caller", 0)], ago(98))


def test_what_was_recorded_of_a_caller_who_only_waited_is_forgotten() -> None:
    waited = [voice("caller", 2, size=16000), voice("caller.2", 40, size=8000)]
    assert decide(spool=waited, calls={ID: Call(ID, None, ago(4))}) == [Forget(Folder.SPOOL, e.name) for e in reversed(waited)]
    assert decide(spool=waited, calls={ID: Call(ID, None, None)}) == [], "it may still be answered"
    served = [*waited, voice("agent.1763726400.8", 50)]
    assert [type(job) for job in decide(spool=served, calls={ID: Call(ID, None, ago(4))})] == [Take], "somebody was there"


def test_a_voice_without_a_time_follows_what_there_is() -> None:
    pieces, began = placed([entry(CALLER, quiet=4), voice("unit.1763726400.20", 30)])
    assert pieces == [("caller", None), ("unit", 0)]
    assert began == ago(70)


@pytest.mark.parametrize("only", [CALLER, AGENT])
def test_a_conversation_of_which_a_side_is_missing_is_taken(only: str) -> None:
    (job,) = decide(spool=[entry(only, quiet=4)], calls=call(ended=4))
    assert isinstance(job, Take)
    assert job.sources == (only,)


def test_agents_that_are_left_of_a_stored_conversation_are_forgotten() -> None:
    spool = [entry(AGENT, quiet=40), entry(f"{ID}.agent.1763726400.9.raw", quiet=41)]
    jobs = decide(spool=spool, calls=call(ended=30), written=ago(39))
    assert jobs == [Forget(Folder.SPOOL, spool[1].name), Forget(Folder.SPOOL, AGENT)]


def test_an_agent_who_spoke_after_the_conversation_was_stored_is_taken() -> None:
    assert isinstance(decide(spool=[entry(AGENT, quiet=40)], calls=call(ended=30), written=ago(41))[0], Take)
    both = [entry(AGENT, quiet=40), entry(CALLER, quiet=40)]
    assert isinstance(decide(spool=both, calls=call(ended=30), written=ago(39))[0], Take)


@pytest.mark.parametrize(
    "name",
    [
        "a b.caller.raw",
        "x.wav",
        "x.raw",
        ".caller.raw",
        "x.caller.raw\n",
        "x;y.caller.raw",
        "号码.caller.raw",
        "\x00.caller.raw",
        "x" * 101 + ".caller.raw",
        "x.caller.RAW",
        "x.caller.raw.part",
        "x.agent.raw",
        "x.agent..raw",
        "x.agent./y.raw",
        "x.agent." + "y" * 101 + ".raw",
        "x.unit.raw",
        "x.caller.y.raw",
        "x.caller@.raw",
        "x.caller@20251121T120000.raw",
        "x.caller@20251121T120000.000.000.raw",
        ".agent.y.raw",
    ],
)
def test_a_name_that_asterisk_would_not_write_is_ignored_and_left(name: str) -> None:
    assert decide(spool=[entry(name, quiet=601)]) == [Ignore(Folder.SPOOL, name)]
    assert decide(spool=[entry(name, quiet=599)]) == []


def test_links_folders_and_pipes_are_ignored() -> None:
    assert decide(spool=[entry(CALLER, quiet=601, regular=False)]) == [Ignore(Folder.SPOOL, CALLER)]


@given(st.text(max_size=30), st.datetimes(timezones=st.just(dt.UTC)))
def test_no_name_leads_out_of_the_folder(name: str, otherwise: dt.datetime) -> None:
    parts = intake.split(Folder.SPOOL, Entry(name=f"{name}.caller.raw", size=1, modified=NOW))
    if parts and otherwise.year < 9999:
        *day, file = intake.conversation_file("node1", parts[0], otherwise).split("/")
        assert len(day) == 3
        assert all(part.isdigit() for part in day)
        assert file.startswith("node1-")
        assert len(file) < 200


@pytest.mark.parametrize(
    ("uniqueid", "file"),
    [
        ("1763740799.0", "2025/11/21/node1-1763740799.0.wav"),
        ("1763740800.0", "2025/11/22/node1-1763740800.0.wav"),  # midnight in Shanghai, 16:00 UTC
        ("node1-1763740800.0", "2025/11/22/node1-1763740800.0.wav"),
        ("other-1763740800.0", "2025/11/22/node1-other-1763740800.0.wav"),
        ("odd", "2025/11/21/node1-odd.wav"),
        ("99999999999999.1", "2025/11/21/node1-99999999999999.1.wav"),
    ],
)
def test_the_day_is_that_of_the_unique_id_in_shanghai(uniqueid: str, file: str) -> None:
    assert intake.conversation_file("node1", uniqueid, NOW) == file


MESSAGE = Take(
    folder=Folder.INBOX,
    pieces=(Piece(f"{ID}.wav", 100, "caller"),),
    file=f"2025/11/21/node1-message-{ID}.wav",
    node="node1",
    call_id=ID,
    started_at=NOW,
    sidecar=SIDECAR,
)


@pytest.mark.parametrize(
    ("quiet", "finished", "calls", "taken"),
    [
        (0, True, call(ended=None), True),
        (4, False, call(ended=None), False),
        (4, False, call(ended=4), True),
        (1, False, call(ended=4), False),
        (599, False, {}, False),
        (600, False, {}, True),
        (600, False, call(ended=None), True),
    ],
)
def test_a_message_is_taken_when_it_is_finished(quiet: float, finished: bool, calls: dict[str, Call], taken: bool) -> None:
    sidecar = msgspec.structs.replace(SIDECAR, finished_at=NOW) if finished else SIDECAR
    inbox = [entry(f"{ID}.wav", quiet=quiet), entry(f"{ID}.json", quiet=quiet + 60)]
    expected = [msgspec.structs.replace(MESSAGE, sidecar=sidecar)] if taken else []
    assert decide(inbox=inbox, sidecar=sidecar, calls=calls) == expected


def test_a_second_message_of_one_call_has_a_name_of_its_own() -> None:
    jobs = intake.decide(
        Round(
            now=NOW,
            node="node1",
            spool=[],
            inbox=[entry(f"{ID}-2.wav", quiet=60), entry(f"{ID}-2.json", quiet=70)],
            sidecars={f"{ID}-2": SIDECAR},
            calls=call(ended=50),
            stored=frozenset([MESSAGE.file]),
            written={},
        )
    )
    (job,) = jobs
    assert isinstance(job, Take)
    assert (job.file, job.sources, job.call_id) == (
        f"2025/11/21/node1-message-{ID}-2.wav",
        (f"{ID}-2.wav", f"{ID}-2.json"),
        ID,
    )


def test_a_sidecar_waits_for_the_tone_while_the_call_lasts() -> None:
    assert decide(inbox=[entry(f"{ID}.json", quiet=30)], sidecar=SIDECAR, calls=call(ended=None)) == []


def test_a_sidecar_without_audio_after_the_call_is_set_aside() -> None:
    jobs = decide(inbox=[entry(f"{ID}.json", quiet=30)], sidecar=SIDECAR, calls=call(ended=20))
    assert jobs == [SetAside(Folder.INBOX, (f"{ID}.json",), "there is no audio beside the sidecar")]


def test_a_sidecar_whose_message_is_stored_is_forgotten() -> None:
    jobs = decide(inbox=[entry(f"{ID}.json", quiet=600)], sidecar=SIDECAR, stored=frozenset([MESSAGE.file]))
    assert jobs == [Forget(Folder.INBOX, f"{ID}.json")]


def test_audio_without_a_sidecar_is_set_aside_when_it_is_at_rest() -> None:
    audio = [entry(f"{ID}.wav", quiet=100)]
    assert decide(inbox=audio) == []
    assert decide(inbox=audio, calls=call(ended=None)) == []
    assert decide(inbox=audio, calls=call(ended=50)) == [SetAside(Folder.INBOX, (f"{ID}.wav",), "there is no sidecar")]


def test_a_message_with_a_bad_sidecar_is_set_aside_whole() -> None:
    inbox = [entry(f"{ID}.wav", quiet=601), entry(f"{ID}.json", quiet=700)]
    assert decide(inbox=inbox, sidecar="torn") == [SetAside(Folder.INBOX, (f"{ID}.json", f"{ID}.wav"), "torn")]


def test_a_good_sidecar_is_read() -> None:
    assert intake.read_sidecar(msgspec.json.encode(SIDECAR)) == SIDECAR


@pytest.mark.parametrize("reason", sorted(takes.REASONS))
@pytest.mark.parametrize("kind", sorted(takes.GUIDES))
def test_what_the_standby_script_writes_is_read(reason: str, kind: str) -> None:
    begun = Written(
        node="node1", call_id=ID, uniqueid=ID, caller_number="", started_at=NOW.isoformat(), reason=reason, kind=kind
    )  # fmt: skip
    read = intake.read_sidecar(msgspec.json.encode(begun))
    assert (read.started_at, read.reason, read.kind, read.finished_at, read.take) == (NOW, reason, kind, None, 0)
    done = msgspec.structs.replace(begun, finished_at=NOW.isoformat(), take=2, length_ms=3000)
    read = intake.read_sidecar(msgspec.json.encode(done))
    assert (read.finished_at, read.take) == (NOW, 2)


def test_a_sidecar_of_an_earlier_version_is_of_the_plain_kind() -> None:
    names = ("node", "call_id", "uniqueid", "caller_number", "started_at", "reason")
    old = {name: value for name, value in msgspec.to_builtins(SIDECAR).items() if name in names}
    assert intake.read_sidecar(msgspec.json.encode(old)) == SIDECAR
    assert SIDECAR.kind == "message"


LONG, SHORT = audio.SHORTEST_MESSAGE_BYTES, audio.SHORTEST_MESSAGE_BYTES - 2


@pytest.mark.parametrize(
    ("sizes", "take", "counts"),
    [
        ([LONG, LONG], 1, 1),
        ([LONG, SHORT], 2, 2),
        ([LONG, LONG], 0, 2),
        ([LONG, LONG, SHORT], 0, 2),
        ([SHORT, LONG, SHORT], 0, 2),
        ([SHORT, SHORT], 0, 2),
        ([LONG], 0, 1),
    ],
)
def test_the_take_counts_that_the_sidecar_names_else_the_newest_that_is_long_enough(
    sizes: list[int], take: int, counts: int
) -> None:
    """The others go first: what is left when clearing is cut off gives the same message again."""
    names = [f"{ID}.wav", *(f"{ID}~{n}.wav" for n in range(2, 10))][: len(sizes)]
    inbox = [entry(name, quiet=9, size=size) for name, size in zip(names, sizes, strict=True)]
    sidecar = msgspec.structs.replace(SIDECAR, take=take, finished_at=NOW if take else None)
    (job,) = decide(inbox=[*inbox, entry(f"{ID}.json", quiet=10)], sidecar=sidecar, calls=call(ended=9))
    assert isinstance(job, Take)
    counting = names[counts - 1]
    assert job.pieces == (Piece(counting, sizes[counts - 1], "caller"),)
    assert job.file == MESSAGE.file
    assert job.sources == (*(name for name in names if name != counting), counting, f"{ID}.json")


def test_a_take_that_was_named_after_the_listing_is_waited_for() -> None:
    sidecar = msgspec.structs.replace(SIDECAR, take=2, finished_at=NOW)
    inbox = [entry(f"{ID}.wav", quiet=5, size=LONG), entry(f"{ID}.json", quiet=5)]
    assert decide(inbox=inbox, sidecar=sidecar) == []
    inbox = [entry(f"{ID}.wav", quiet=601, size=LONG), entry(f"{ID}.json", quiet=601)]
    (job,) = decide(inbox=inbox, sidecar=sidecar)
    assert isinstance(job, Take)
    assert job.pieces[0].name == f"{ID}.wav"


def test_takes_with_a_bad_sidecar_are_set_aside_together() -> None:
    inbox = [entry(name, quiet=700) for name in (f"{ID}.json", f"{ID}.wav", f"{ID}~2.wav")]
    assert decide(inbox=inbox, sidecar="torn") == [SetAside(Folder.INBOX, tuple(e.name for e in inbox), "torn")]


@pytest.mark.parametrize("name", [f"{ID}~1.wav", f"{ID}~10.wav", f"{ID}~2.json", f"{ID}~.wav", f"{ID}wav"])
def test_what_is_no_take_is_ignored_and_left(name: str) -> None:
    assert decide(inbox=[entry(name, quiet=601)]) == [Ignore(Folder.INBOX, name)]


@pytest.mark.parametrize(
    "change",
    [
        {"node": "../x"},
        {"node": "a\n"},
        {"node": ""},
        {"uniqueid": "x" * 513},
        {"call_id": "\x00"},
        {"caller_number": "1\x00"},
        {"caller_number": None},
        {"started_at": "yesterday"},
        {"started_at": "2025-11-21T12:00:00"},
        {"started_at": "9999-12-31T23:00:00Z"},
        {"reason": "boredom"},
        {"kind": "letter"},
        {"kind": None},
        {"take": "2"},
    ],
    ids=str,
)
def test_a_sidecar_with_a_wrong_value_is_refused(change: dict[str, object]) -> None:
    content = msgspec.json.encode(msgspec.to_builtins(SIDECAR) | change)
    with pytest.raises(SidecarError):
        intake.read_sidecar(content)


@given(st.binary(max_size=200))
def test_any_bytes_beside_a_message_are_refused_and_break_nothing(content: bytes) -> None:
    with pytest.raises(SidecarError):
        intake.read_sidecar(content)


def test_a_lone_surrogate_in_a_sidecar_is_refused() -> None:
    content = msgspec.json.encode(SIDECAR).replace(b"13800000000", b"\\ud800")
    with pytest.raises(SidecarError):
        intake.read_sidecar(content)


def test_the_same_audio_goes_to_the_same_file_and_other_audio_beside_it() -> None:
    first = Stored(1, "d/n-1.wav", "aa")
    second = Stored(2, "d/n-1~2.wav", "bb")
    assert intake.place("d/n-1.wav", "aa", []) == "d/n-1.wav"
    assert intake.place("d/n-1.wav", "aa", [first, second]) == "d/n-1.wav"
    assert intake.place("d/n-1.wav", "bb", [first, second]) == "d/n-1~2.wav"
    assert intake.place("d/n-1.wav", "cc", [first, second]) == "d/n-1~3.wav"


def test_the_backlog_counts_what_nobody_writes_to() -> None:
    entries = [
        entry("a.raw", quiet=29),
        entry("b.raw", quiet=30),
        entry("c.raw", quiet=95.5),
        entry("d", quiet=99, regular=False),
    ]
    assert intake.backlog(entries, NOW) == (2, 95)
    assert intake.backlog([], NOW) == (0, 0)


@pytest.mark.parametrize(
    ("name", "wanted"),
    [
        (f"{ID}.caller.raw", ("caller", ID, "")),
        (f"{ID}.caller.2@20251121T160000.123.raw", ("caller", ID, "")),
        (f"{ID}.agent.node1-1763740801.8.raw", ("agent", "node1-1763740801.8", "")),
        (f"{ID}.colleague.node1-1763740801.8+1002@20251121T160000.123.raw", ("colleague", "node1-1763740801.8", "1002")),
        (f"{ID}.supervisor.command-0a1b+@20251121T160000.123.raw", ("supervisor", "command-0a1b", "")),
        (f"{ID}.other.node1-1763740801.9+110@20251121T160000.123.raw", ("other", "node1-1763740801.9", "110")),
    ],
)
def test_a_files_name_says_who_speaks(name: str, wanted: tuple[str, str, str]) -> None:
    assert intake.split(Folder.SPOOL, entry(name, quiet=1)) is not None
    assert intake.speaker(name) == wanted
