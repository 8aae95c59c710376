"""Replaying recordings: the laws of metrics, section 7, over every trace and every way in which a recording may reach us."""

from __future__ import annotations

import datetime as dt
import gzip
import itertools
import json
import random
import re
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import settings as examples
from hypothesis import strategies as st

from ami_bridge import __main__ as command
from ami_bridge import codec, facts, journal
from ami_bridge.book import Book, Reckoning
from ami_bridge.errors import UnreadableStreamError
from ami_bridge.figures.metrics import LITERAL, MENU, NAMES
from ami_bridge.journal import Kind
from ami_bridge.lines import ENDED, OUTCOMES
from ami_bridge.recorded import replay
from ami_bridge.recorded.connections import NEVER
from ami_bridge.recorded.replay import Asked
from ami_bridge.rows import CallFacts
from hotline.settings import Settings

TRACES = Path(__file__).parent.parent / "traces"
MADE = TRACES / "made"
OTHERS = ("asterisk18_other_dialplan", "asterisk20_unfiltered")
STORIES = sorted((TRACES / "stories").glob("*.ami"))
OURS = [*sorted(TRACES.glob("*.ami")), *STORIES]
STREAMS = [*OURS, *sorted(path for path in MADE.glob("*.ami") if path.stem != "no_clock")]
QUEUE_LOG = TRACES / "queue_log"
BROKEN = ("reconnected", "restart")
"""Stories with a gap of their own."""
REPAIRABLE = [
    "abandons_long",
    "answered_early",
    "answered_late",
    "asks_again",
    "consulted_only",
    "english_empty",
    "missed_then_answered",
    "on_hold",
    "overflows_and_abandons",
    "overflows_and_is_answered",
    "presses_for_mailbox",
    "refused_then_answered",
    "rings_all",
    "sent_to_agent",
    "sent_to_queue",
    "sent_to_queue_and_abandons",
    "times_out",
]
"""Stories of which a queue log knows everything. It knows no refusal, no call-back, and not who was joined with whom."""
END = b"\r\n\r\n"
SOME = examples(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
Shown = dict[str, Any]


def shown(*paths: Path, logs: Sequence[Path] = (), at: dt.datetime | None = None, queue: str = "") -> Shown:
    """What ``--json`` prints."""
    asked = Asked(paths=paths, queue_logs=tuple(logs), at=at)
    found: Shown = json.loads(msgspec.json.encode(replay.document(asked, Settings(), queue=queue)))
    return found


def figures(found: Shown) -> Shown:
    """Without what is said about the reading itself."""
    return {key: value for key, value in found.items() if key not in ("events", "warnings")}


def blocks(path: Path) -> list[bytes]:
    return [block + END for block in path.read_bytes().split(END) if block.strip()]


def read(path: Path) -> list[bytes]:
    """The events of a file that say something, and have a time."""
    frames = codec.Decoder(facts.READABLE).feed(path.read_bytes())
    return [frame.raw for frame in frames if frame.kind == "event" and frame.headers.get("timestamp")]


def write(folder: Path, name: str, parts: Iterable[bytes]) -> Path:
    path = folder / name
    path.write_bytes(b"".join(parts))
    return path


def outcomes(found: Shown) -> list[tuple[str, str, bool]]:
    return [(line["caller"], line["outcome"], line["repaired"]) for line in found["lines"]]


def check_sums(found: Shown) -> None:
    """Conservation, and that the sum over the lines is the rate (metrics, sections 2 and 5)."""
    for part in (found, *found["queues"].values()):
        counts = part["requests"]
        assert counts["total"] == sum(counts[outcome] for outcome in OUTCOMES)
    assert found["requests"]["total"] == len(found["lines"])
    assert found["requests"]["total"] == sum(queue["requests"]["total"] for queue in found["queues"].values())
    said = [line["why"] for line in (*found["lines"], *found["calls_without_request"])]
    for name in NAMES:
        figure = found["metrics"][name]
        assert figure["n"] == sum(why[name] == "counted" for why in said), name
        assert name == MENU or figure["d"] == sum(why[name] in ("counted", "counted_in_denominator") for why in said), name
        assert figure["value"] == (figure["n"] / figure["d"] if figure["d"] else None), name
    for queue, part in found["queues"].items():
        mine = [line["why"] for line in found["lines"] if line["queue"] == queue]
        for name in set(NAMES) - {MENU, LITERAL}:
            assert part["metrics"][name]["n"] == sum(why[name] == "counted" for why in mine), (queue, name)


each = pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)


# --- what a replay says -----------------------------------------------------------------------------------------------------


@each
def test_the_sum_over_the_lines_is_each_rate_and_requests_are_conserved(stream: Path) -> None:
    check_sums(shown(stream))
    for queue in shown(stream)["queues"]:
        check_sums(shown(stream, queue=queue))


def test_the_keys_are_those_of_the_interface() -> None:
    found = shown(TRACES / "answered.ami")
    assert found.keys() >= {"events", "calls", "gaps", "requests", "metrics", "queues", "agents", "lines"}
    assert list(found["requests"]) == ["total", *OUTCOMES]
    assert found["metrics"]["answer_timely_connected"].keys() >= {"n", "d", "value"}
    assert found["agents"]["1001"].keys() >= {"answered", "ring_no_answer", "talk_ms"}
    (line,) = found["lines"]
    named = "call_id caller queue requested_at ended_at wait_ms outcome agent hops repaired why"
    assert line.keys() >= set(named.split())
    assert line["why"].keys() == set(NAMES)


@pytest.mark.parametrize(
    ("name", "calls", "expected"),
    [
        ("answered", 1, ["answered"]),
        ("answered_unfiltered", 1, ["answered"]),
        ("abandoned", 1, ["short_abandoned"]),
        ("timed_out", 1, ["timed_out"]),
        ("queue_full", 2, ["short_abandoned", "queue_full"]),
        ("refused_empty", 1, ["no_agents"]),
        ("menu_hangup", 1, []),
        ("made/asterisk18_other_dialplan", 5, ["answered", "timed_out", "timed_out", "abandoned"]),
        ("made/asterisk20_unfiltered", 2, ["timed_out", "answered"]),
        ("made/restarted", 3, ["answered", "system_fault", "answered"]),
    ],
)
def test_each_trace_has_its_outcomes(name: str, calls: int, expected: list[str]) -> None:
    found = shown(TRACES / f"{name}.ami")
    assert (found["calls"], [line["outcome"] for line in found["lines"]]) == (calls, expected)


def test_other_dialplans_are_read_too() -> None:
    """Local members, agents' own calls, no exit status, or only the variable; an overflow between two queues is one request."""
    found = shown(MADE / "asterisk18_other_dialplan.ami")
    assert found["agents"]["Anna"]["answered"] == 1
    assert [call["caller"] for call in found["calls_without_request"]] == ["5550005"]
    found = shown(MADE / "asterisk20_unfiltered.ami")
    assert [(line["node"], line["first_queue"], line["queue"], line["hops"]) for line in found["lines"]] == [
        ("pbx2", "support", "support", 0),
        ("pbx2", "night", "support", 1),
    ]
    assert found["agents"]["李雷"]["ring_no_answer"] == 1


@each
def test_what_was_not_yet_is_not_told(stream: Path) -> None:
    """``--at`` any moment: conserved, nothing later, and who waits is waiting."""
    times = sorted({float(found) for found in re.findall(rb"Timestamp: ([\d.]+)", stream.read_bytes())})
    for moment in (dt.datetime.fromtimestamp(time, dt.UTC) for time in times[:: max(1, len(times) // 12)]):
        found = shown(stream, at=moment)
        check_sums(found)
        for line in found["lines"]:
            assert dt.datetime.fromisoformat(line["requested_at"]) <= moment
            assert (line["outcome"] in ENDED) is (line["ended_at"] is not None)
            assert line["ended_at"] is None or dt.datetime.fromisoformat(line["ended_at"]) <= moment
    assert shown(stream, at=dt.datetime(2100, 1, 1, tzinfo=dt.UTC)) == shown(stream)


def test_excluded_times_are_left_out_of_the_net_figures_alone(tmp_path: Path) -> None:
    """Raw and net side by side; what is not confirmed, or withdrawn, or of another queue, excludes nothing (KPI-40)."""
    stream = MADE / "reconnected.ami"
    raw = shown(stream)
    begin, end = raw["lines"][0]["requested_at"], raw["lines"][1]["requested_at"]
    said = {"from_at": begin, "to_at": end, "queue": "hotline", "node": None, "reason": "sudden_event", "confirmed_by": "office"}
    for change, excluded in (({}, 1), ({"confirmed_by": None}, 0), ({"withdrawn_by": "leader"}, 0), ({"queue": "english"}, 0)):
        file = write(tmp_path, "exclusions.json", [json.dumps({"exclusions": [said | change]}).encode()])
        found = json.loads(
            msgspec.json.encode(replay.document(Asked(paths=(stream,)), Settings(), exclusions=replay.exclusions_in(file)))
        )
        assert found["metrics"] == raw["metrics"] == raw["metrics_net"]
        assert found["metrics"]["connection_rate"]["d"] - found["metrics_net"]["connection_rate"]["d"] == excluded
        assert [line["excluded"] for line in found["lines"] if line["excluded"]] == ["sudden_event"] * excluded


# --- however it reaches us --------------------------------------------------------------------------------------------------


@each
def test_a_file_twice_and_overlapping_files_are_one(stream: Path, tmp_path: Path) -> None:
    whole, found = shown(stream), blocks(stream)
    copy = write(tmp_path, "copy.ami", found)
    assert figures(shown(stream, copy)) == figures(whole)
    first = write(tmp_path, "first.ami", found[: len(found) * 2 // 3])
    second = write(tmp_path, "second.ami", found[len(found) // 3 :])
    for paths in ((first, second), (second, first), (second, stream, first)):
        assert figures(shown(*paths)) == figures(whole)
        assert shown(*paths)["events"] >= whole["events"]


@each
@SOME
@given(data=st.data())
def test_a_stream_cut_anywhere_into_files_is_the_same_stream(stream: Path, tmp_path: Path, data: st.DataObject) -> None:
    raw = stream.read_bytes()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)), min_size=1, max_size=3)))
    parts = [raw[begin:end] for begin, end in itertools.pairwise([0, *cuts, len(raw)]) if end > begin]
    paths = [write(tmp_path, f"part{number}.ami", [part]) for number, part in enumerate(parts)]
    assume(all(b"Timestamp: " in b"".join(part.split(END)[1:-1]) for part in parts))  # each a file with an event of its own
    assert figures(shown(*data.draw(st.permutations(paths)))) == figures(shown(stream))


@each
@SOME
@given(data=st.data())
def test_repeated_and_swapped_events_change_nothing(stream: Path, tmp_path: Path, data: st.DataObject) -> None:
    """Neighbours that Asterisk may swap: all but a channel's own begin, a login, and what tells of a stop."""
    found = blocks(stream)
    fixed = re.compile(rb"^(Asterisk|Event: (Newchannel|FullyBooted|Shutdown|QueueCallerJoin|VarSet|Newexten|DTMF|AgentCalled))")
    for place in data.draw(st.lists(st.integers(0, len(found) - 2), max_size=6)):
        if not fixed.match(found[place]) and not fixed.match(found[place + 1]):
            found[place], found[place + 1] = found[place + 1], found[place]
    again = data.draw(st.sets(st.integers(0, len(found) - 1), max_size=8))
    doubled = [block for number, block in enumerate(found) for _ in range(1 + (number in again and b"FullyB" not in block))]
    got = figures(shown(write(tmp_path, "swapped.ami", doubled)))
    expected = figures(shown(stream))
    for one in (got, expected):
        one["gaps"] = [gap["cause"] for gap in one["gaps"]]  # an event moved to the edge of a gap moves the edge
    assert got == expected


def test_a_compressed_file_and_one_with_bare_line_ends_are_read(tmp_path: Path) -> None:
    raw = (TRACES / "answered.ami").read_bytes()
    packed = write(tmp_path, "a.ami.gz", [gzip.compress(raw[:3000]), gzip.compress(raw[3000:])])
    bare = write(tmp_path, "b.txt", [raw.replace(b"\r\n", b"\n")])
    assert shown(packed) == shown(bare) == shown(TRACES / "answered.ami")
    assert figures(shown(packed, bare)) == figures(shown(bare))


def test_a_torn_end_is_dropped_and_said(tmp_path: Path) -> None:
    raw = (TRACES / "answered.ami").read_bytes()
    found = shown(write(tmp_path, "torn.ami", [raw[:-20]]))
    assert "torn.ami" in found["warnings"][0]["en"]
    assert found["events"] == shown(TRACES / "answered.ami")["events"] - 1
    assert [line["outcome"] for line in found["lines"]] == ["answered"]
    cut = shown(write(tmp_path, "cut.ami.gz", [gzip.compress(raw)[:-40]]))
    assert cut["calls"] == 1


def test_streams_of_two_nodes_are_two_nodes(tmp_path: Path) -> None:
    raw = (TRACES / "abandoned.ami").read_bytes()
    other = write(tmp_path, "node2.ami", [raw.replace(b"node1", b"node2")])
    unnamed = write(tmp_path, "node3.ami", [raw.replace(b"SystemName: node1\r\n", b"").replace(b"node1", b"node3")])
    found = shown(TRACES / "abandoned.ami", other, unnamed)
    assert [line["node"] for line in found["lines"]] == ["node1", "node2", "node3"]
    assert len({line["call_id"] for line in found["lines"]}) == 3
    assert found["gaps"] == []
    mixed = [
        block for group in zip(*(blocks(path) for path in (TRACES / "abandoned.ami", other)), strict=True) for block in group
    ]
    found = shown(write(tmp_path, "mixed.ami", mixed[2:]))
    assert [line["outcome"] for line in found["lines"]] == ["short_abandoned", "short_abandoned"]


@pytest.mark.parametrize("stream", [path for path in OURS if path.stem not in BROKEN], ids=lambda path: path.stem)
def test_the_journal_gives_the_same_figures_as_the_stream(stream: Path, tmp_path: Path) -> None:
    at = dt.datetime.fromtimestamp(float(re.findall(rb"Timestamp: ([\d.]+)", stream.read_bytes())[0]), dt.UTC)
    folder = tmp_path / "journal" / "node1"
    written = journal.Journal(folder, segment_bytes=500)
    for frame in codec.Decoder().feed(stream.read_bytes()):
        if frame.kind == "event":
            written.write(Kind.STREAM, at, frame.raw)
    written.rotate()
    for path in (folder, folder.parent):
        assert figures(shown(path)) == figures(shown(stream))
    assert figures(shown(*sorted(folder.glob("*.journal"), reverse=True))) == figures(shown(stream))


def test_gaps_of_a_journal_are_told_as_they_are(tmp_path: Path) -> None:
    at = dt.datetime(2026, 11, 21, 18, 0, tzinfo=dt.UTC)
    written = journal.Journal(tmp_path / "n7")
    gaps: list[Shown] = [{"from": None, "to": at.isoformat(), "cause": "the bridge was not running"}]
    gaps += [
        {"from": (at + dt.timedelta(minutes=1)).isoformat(), "to": (at + dt.timedelta(minutes=2)).isoformat(), "cause": "cut"}
    ]
    for gap in gaps:
        written.write(Kind.GAP, dt.datetime.fromisoformat(gap["to"]), msgspec.json.encode(gap))
        written.write(Kind.ALIVE, dt.datetime.fromisoformat(gap["to"]) + dt.timedelta(seconds=30), b"")
    written.write(Kind.STREAM, at + dt.timedelta(minutes=3), blocks(TRACES / "answered.ami")[2].replace(b"node1", b"n7"))
    written.rotate()
    told = [(gap["node"], gap["from"], gap["to"], gap["cause"]) for gap in shown(tmp_path / "n7")["gaps"]]
    assert told == [
        ("n7", None, "2026-11-21T18:00:00Z", "the bridge was not running"),
        ("n7", "2026-11-21T18:01:00Z", "2026-11-21T18:02:00Z", "cut"),
    ]


class Kept:
    """The rows that a bridge would have stored."""

    def __init__(self) -> None:
        self.rows: dict[str, CallFacts] = {}

    def put(self, found: CallFacts | facts.AcdStep) -> None:
        if isinstance(found, CallFacts):
            self.rows[found.call_id] = found

    def waiting(self) -> set[str]:
        return set()


@pytest.mark.parametrize(
    "name", ["mixed", "asks_again", "sent_to_queue", "full", "presses_for_call_back", "overflows_and_abandons"]
)
@SOME
@given(data=st.data())
def test_what_a_bridge_stored_its_journal_gives_again(
    name: str, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Law 1, over everything that an entry may be: gaps repaired from both logs, calls given up, a clock that was set."""
    story = TRACES / "stories" / name
    frames = [
        frame for frame in codec.Decoder(facts.WANTED).feed(story.with_suffix(".ami").read_bytes()) if frame.kind == "event"
    ]
    times = [fact.at for frame in frames if (fact := facts.from_event(frame.name, frame.headers, NEVER)) and fact.at > NEVER]
    first = data.draw(st.integers(0, len(frames)))
    last = data.draw(st.integers(first, len(frames)))
    folder = tmp_path_factory.mktemp("law") / "journal" / "node1"
    kept = Kept()
    book = Book(folder, kept, Reckoning(node="node1", wrapup_us=5_000_000))
    book.hear(frames[:first], times[0])
    book.open_gap(times[0] if first else None, times[-1], "a gap")
    if data.draw(st.booleans()):
        book.journal.rotate()
    book.read_log(story.with_suffix(".csv").read_bytes().splitlines(), times[-1])
    book.read_queue_log(story.with_suffix(".queue_log").read_bytes().splitlines(), times[-1])
    if data.draw(st.booleans()):
        book.step_clock(dt.timedelta(seconds=data.draw(st.integers(-90, 90))), times[-1])
    book.lose([call.call_id for call in book.state.open() if data.draw(st.booleans())], times[-1])
    book.close_gaps(times[-1])
    book.hear(frames[last:], times[-1])
    book.journal.rotate()
    found = replay.replay(Asked(paths=(folder,)), Settings()).rows
    assert {row.call_id: (row.requests, row.turns) for row in found} == {
        call: (row.requests, row.turns) for call, row in kept.rows.items()
    }


def test_a_log_that_is_read_again_begins_no_call_that_is_long_over(tmp_path: Path) -> None:
    """The link breaks again before a gap is repaired: after the next login the log tells once more of calls that were over."""
    story = (TRACES / "answered.ami").read_bytes()
    later = re.sub(rb"1795283301", b"1795283421", re.sub(rb"Timestamp: 17952833", b"Timestamp: 17952835", story))
    frames, others = (
        [frame for frame in codec.Decoder(facts.WANTED).feed(stream) if frame.kind == "event" and frame.name != "FullyBooted"]
        for stream in (story, later)
    )
    log = [raw for raw in (TRACES / "channel_log.csv").read_bytes().splitlines() if b'"node1-1795283301.0"' in raw]
    begin, end = (facts.timestamp(frame.headers["timestamp"]) for frame in (frames[0], others[-1]))
    folder, kept = tmp_path / "journal" / "node1", Kept()
    book = Book(folder, kept, Reckoning(node="node1"))
    book.hear([frame for frame in frames if frame.name != "Hangup"], begin)
    book.open_gap(begin, end, "a gap")
    book.read_log(log, end)
    book.hear(others, end)
    book.open_gap(end, end, "another")
    book.read_log(log, end)
    book.close_gaps(end)
    book.journal.rotate()
    found = {row.call_id: row.requests for row in replay.replay(Asked(paths=(folder,)), Settings()).rows}
    assert found == {call: row.requests for call, row in kept.rows.items()}
    assert [request.source for requests in found.values() for request in requests] == ["ami", "ami"]


# --- gaps and the second witness -----------------------------------------------------------------------------------------------


def test_a_reconnect_is_a_gap_and_the_queue_log_fills_it_in() -> None:
    stream, log = MADE / "reconnected.ami", MADE / "reconnected.queue_log"
    (gap,) = shown(stream)["gaps"]
    assert gap == {
        "node": "node1",
        "from": "2024-07-03T09:47:09.900000Z",
        "to": "2024-07-03T09:48:10Z",
        "cause": "the connection was made anew",
    }
    found = shown(stream, logs=[log])
    check_sums(found)
    assert outcomes(found) == [
        ("13800000001", "answered", False),
        ("13800000002", "abandoned", True),
        ("13800000003", "answered", True),
        ("13800000004", "timed_out", True),
        ("13800000005", "answered", True),
        ("13800000006", "short_abandoned", False),
    ]
    assert {line["precision_us"] for line in found["lines"] if line["repaired"]} == {1_000_000}
    apart = ("13800000001", "13800000006")  # wholly outside the gap
    before, after = ([line for line in one["lines"] if line["caller"] in apart] for one in (shown(stream), found))
    assert before == after


@pytest.mark.parametrize("stream", [path for path in OURS if path.stem not in BROKEN], ids=lambda path: path.stem)
def test_without_a_gap_the_queue_log_changes_nothing(stream: Path) -> None:
    log = stream.with_suffix(".queue_log") if stream in STORIES else QUEUE_LOG
    assert shown(stream)["gaps"] == []
    assert shown(stream, logs=[log]) == shown(stream)
    assert shown(stream, logs=[log, log]) == shown(stream)


@pytest.mark.parametrize("name", OTHERS)
def test_where_a_stream_does_not_say_how_waiting_ended_the_queue_log_does(name: str) -> None:
    alone, both = shown(MADE / f"{name}.ami"), shown(MADE / f"{name}.ami", logs=[MADE / f"{name}.queue_log"])
    check_sums(both)
    changed = [(one["outcome"], two["outcome"]) for one, two in zip(alone["lines"], both["lines"], strict=True) if one != two]
    assert changed == ([("timed_out", "timed_out"), ("timed_out", "no_agents")] if "18" in name else [])
    assert all(line["repaired"] is (one != line) for one, line in zip(alone["lines"], both["lines"], strict=True))


@SOME
@given(data=st.data())
def test_a_gap_anywhere_is_repaired_to_the_same_outcomes(tmp_path: Path, data: st.DataObject) -> None:
    """All calls of a run, any stretch of it lost: requests are those of the whole, to the second, and conserved."""
    whole = [event for path in sorted_by_time(TRACES) for event in read(path)]
    login = blocks(TRACES / "answered.ami")[:2]
    login[1] = re.sub(rb"Uptime: \d+", b"Uptime: 99999", login[1])
    truth = shown(write(tmp_path, "whole.ami", [*login, *whole]), logs=[QUEUE_LOG])
    first = data.draw(st.integers(1, len(whole) - 2))
    last = data.draw(st.integers(first + 1, len(whole) - 1))
    found = shown(write(tmp_path, "cut.ami", [*login, *whole[:first], *login, *whole[last:]]), logs=[QUEUE_LOG])
    check_sums(found)
    assert len(found["gaps"]) == 1
    known = {line["call_id"]: line for line in found["lines"]}
    for line in truth["lines"]:
        if line["call_id"] not in QUEUE_LOG.read_text() or line["outcome"] == "queue_full":
            continue
        mine = known[line["call_id"]]
        assert mine["repaired"] or mine["outcome"] == line["outcome"]
        if "abandoned" not in line["outcome"]:  # to a second, an abandon of 4.9 s may be one of 5.0 s
            assert (mine["outcome"], mine["agent"], mine["queue"]) == (line["outcome"], line["agent"], line["queue"])
        assert abs(mine["wait_ms"] - line["wait_ms"]) <= 2000


@pytest.mark.parametrize("name", REPAIRABLE)
@SOME
@given(data=st.data())
def test_a_gap_anywhere_in_a_story_is_repaired(name: str, tmp_path: Path, data: st.DataObject) -> None:
    stream = TRACES / "stories" / f"{name}.ami"
    log = stream.with_suffix(".queue_log")
    body = read(stream)
    login = [blocks(stream)[0], re.sub(rb"Uptime: \d+", b"Uptime: 99999", blocks(stream)[1])]
    first = data.draw(st.integers(1, len(body) - 2))
    last = data.draw(st.integers(first + 1, len(body) - 1))
    found = shown(write(tmp_path, "cut.ami", [*login, *body[:first], *login, *body[last:]]), logs=[log])
    check_sums(found)
    truth = shown(stream)
    for kind in ("lines", "transfers"):
        mine, theirs = (
            [(line["call_id"], line["queue"], line["outcome"].removeprefix("short_"), line["agent"]) for line in one[kind]]
            for one in (found, truth)
        )
        assert mine == theirs


def sorted_by_time(folder: Path) -> list[Path]:
    streams = [path for path in folder.glob("*.ami") if "unfiltered" not in path.stem and QUEUE_LOG.exists()]
    first = {path: re.findall(rb"Timestamp: ([\d.]+)", path.read_bytes())[0] for path in streams}
    return sorted((path for path in streams if first[path].startswith(b"17952833")), key=lambda path: first[path])


def test_a_restart_ends_what_was_in_progress() -> None:
    found = shown(MADE / "restarted.ami")
    assert [gap["cause"] for gap in found["gaps"]] == ["Asterisk was stopped"]
    assert [(line["outcome"], line["source"], line["repaired"]) for line in found["lines"]][1] == (
        "system_fault",
        "snapshot",
        True,
    )


def test_lines_of_the_log_before_and_after_the_stream_are_not_taken_in(tmp_path: Path) -> None:
    lines = ["1795283000|node1-1795283000.9|rings|NONE|ENTERQUEUE||1|1", "1795283009|node1-1795283000.9|rings|NONE|ABANDON|1|1|9"]
    later = [line.replace("1795283", "1795284") for line in lines]
    log = write(tmp_path, "queue_log", [("\n".join([*lines, *later]) + "\n").encode()])
    assert shown(TRACES / "abandoned.ami", logs=[log]) == shown(TRACES / "abandoned.ami")


def test_the_queue_log_alone_gives_figures_to_the_second() -> None:
    found = shown(logs=[QUEUE_LOG])
    check_sums(found)
    assert all(line["repaired"] and line["source"] == "queue_log" for line in found["lines"])
    assert sorted(line["outcome"] for line in found["lines"]) == ["answered"] * 3 + ["short_abandoned"] * 2 + ["timed_out"]


def test_a_stream_without_times_has_no_figures_but_its_queue_log_has() -> None:
    with pytest.raises(UnreadableStreamError, match="timestampevents"):
        shown(MADE / "no_clock.ami")
    found = shown(MADE / "no_clock.ami", logs=[MADE / "no_clock.queue_log"])
    assert outcomes(found) == [("5550001", "abandoned", True)]
    assert "timestampevents" in found["warnings"][0]["en"]


# --- the command ---------------------------------------------------------------------------------------------------------------


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ami_bridge", *arguments])
    try:
        return command.main()
    except SystemExit as stopped:
        return int(str(stopped.code))


def test_the_command_prints_json_and_nothing_else(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    path = str(TRACES / "timed_out.ami")
    assert run(monkeypatch, "replay", path, "--json", "--at", "2100-01-01T00:00:00", "--queue", "rings") == 0
    assert json.loads(capfd.readouterr().out) == shown(Path(path))


def test_the_command_prints_tables_in_both_languages(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    arguments = (str(MADE / "reconnected.ami"), "--queue-log", str(MADE / "reconnected.queue_log"))
    assert run(monkeypatch, "replay", *arguments) == 0
    said = capfd.readouterr().out
    for part in ("人工接通率", "排队超时 / timed_out", "缺口", "4 requests were repaired", "1002"):
        assert part in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["no/such/file"], "no/such/file"),
        ([], "--queue-log"),
        (["{answered}", "--at", "yesterday"], "yesterday"),
        (["{garbage}"], "garbage"),
        (["{folder}"], "*.journal"),
        (["{answered}", "--queue-log", "{garbage}"], "queue_log"),
        (["{answered}", "--exclusions", "{garbage}"], "garbage"),
        (["{unclocked}"], "Timestamp"),
        (["{answered}", "--nonsense"], "--nonsense"),
    ],
)
def test_what_cannot_be_read_is_said_with_status_two(
    arguments: list[str], said: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    write(tmp_path, "garbage", [random.Random(7).randbytes(5000)])
    (tmp_path / "empty").mkdir()
    places = {
        "answered": TRACES / "answered.ami",
        "garbage": tmp_path / "garbage",
        "folder": tmp_path / "empty",
        "unclocked": MADE / "no_clock.ami",
    }
    assert run(monkeypatch, "replay", *(one.format(**places) for one in arguments), "--json") == 2
    captured = capfd.readouterr()
    assert captured.out == ""
    assert said in captured.err
    assert "Traceback" not in captured.err
