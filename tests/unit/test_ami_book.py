"""The book: state is a function of the journal, also after a time without one; gaps decide what the event log may say."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge import cel, codec, facts
from ami_bridge.book import Book
from ami_bridge.calls import CallRecord
from ami_bridge.rows import CallFacts

TRACES = Path(__file__).parent.parent / "traces"
STREAM = b"".join((TRACES / f"{name}.ami").read_bytes() for name in ("answered", "queue_full", "timed_out", "agent_hangs_up"))
FRAMES = [frame for frame in codec.Decoder(facts.WANTED).feed(STREAM) if frame.kind == "event"]
LOG = (TRACES / "channel_log.csv").read_bytes().splitlines()
NOW = dt.datetime(2026, 11, 21, 17, 49, tzinfo=dt.UTC)
FIRST = [frame for frame in FRAMES if frame.headers.get("linkedid") == "node1-1795283301.0"]
LATER = [frame for frame in FRAMES if frame.headers.get("linkedid") not in (None, "node1-1795283301.0")]


class Kept:
    """Records as a dict; ``stored`` are no longer waiting."""

    def __init__(self) -> None:
        self.records: dict[str, CallRecord] = {}
        self.rows: dict[str, CallFacts] = {}
        self.stored: set[str] = set()
        self.steps: list[facts.AcdStep] = []

    def put(self, found: CallFacts | facts.AcdStep) -> None:
        if isinstance(found, facts.AcdStep):
            self.steps.append(found)
            return
        self.records[found.call_id] = found.record
        self.rows[found.call_id] = found
        self.stored.discard(found.call_id)

    def waiting(self) -> set[str]:
        return self.records.keys() - self.stored


def replayed(folder: Path, first: int = 0, linger: dt.timedelta | None = None) -> Kept:
    kept = Kept()
    book = Book(folder, kept)
    book.state.linger = linger or book.state.linger
    book.replay(first)
    return kept


def at(second: float) -> dt.datetime:
    """A moment of the minute in which the traces were made."""
    return NOW + dt.timedelta(seconds=second - 60)


def log_until(second: float) -> list[bytes]:
    """The event log as it was then."""
    return [raw for raw in LOG if (line := cel.parse(raw)) and line.at <= at(second)]


@settings(max_examples=30, deadline=None)
@given(data=st.data())
def test_a_replay_from_the_oldest_segment_needed_gives_back_what_is_open_or_not_stored(
    tmp_path_factory: object, data: st.DataObject
) -> None:
    folder = Path(str(tmp_path_factory.mktemp("book")))  # type: ignore[attr-defined]
    kept = Kept()
    book = Book(folder, kept)
    needed = 0
    for frame in FRAMES[: data.draw(st.integers(0, len(FRAMES)))]:
        book.hear([frame], NOW)
        if data.draw(st.booleans()):
            book.journal.rotate()
        if data.draw(st.booleans()):
            needed = book.oldest_needed()
            kept.stored |= kept.records.keys()
    again = replayed(folder, needed)
    for call_id in kept.waiting() | {call.call_id for call in book.state.open()}:
        assert again.records[call_id] == kept.records[call_id]
    for call_id, record in again.records.items():
        assert record == kept.records[call_id]
    shutil.rmtree(folder)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_wherever_a_replay_begins_its_rows_are_those_that_were_stored(tmp_path_factory: object, data: st.DataObject) -> None:
    """Gaps one after the other, whose log is read again and again, and calls that are over long before they are repaired."""
    folder, linger = Path(str(tmp_path_factory.mktemp("book"))), dt.timedelta(seconds=8)  # type: ignore[attr-defined]
    kept = Kept()
    book = Book(folder, kept)
    book.state.linger, needed, heard = linger, 0, at(20)
    for frame in sorted(FRAMES, key=lambda frame: frame.headers.get("timestamp", "")):
        now = max(heard, facts.timestamp(frame.headers.get("timestamp", "0")))
        match data.draw(st.sampled_from(("heard", "heard", "heard", "missed", "flapped", "repaired", "stored"))):
            case "missed":
                continue
            case "flapped":
                book.journal.rotate()
                book.open_gap(heard, now, "cut")
                book.read_log([raw for raw in LOG if (line := cel.parse(raw)) and line.at <= now], now)
            case "repaired":
                book.close_gaps(now)
            case "stored":
                needed = book.oldest_needed()
                kept.stored |= kept.records.keys()
        book.hear([frame], now)
        heard = now
    for call_id, found in replayed(folder, needed, linger).rows.items():
        assert found == kept.rows[call_id]
    assert replayed(folder, 0, linger).rows == kept.rows
    shutil.rmtree(folder)


def test_a_call_that_was_over_before_the_segment_needed_is_not_begun_again_by_the_log_in_it(tmp_path: Path) -> None:
    """Its row says what AMI told in the segments before; the log alone knows less."""
    kept = Kept()
    book = Book(tmp_path, kept)
    book.state.linger = dt.timedelta(seconds=5)
    book.hear([frame for frame in FIRST if frame.name != "Hangup"], at(24.81))
    book.journal.rotate()
    book.open_gap(at(24.81), at(25), "cut")
    assert book.read_log(log_until(25), at(25)) > 0
    book.close_gaps(at(25))
    assert kept.records["node1-1795283301.0"].repaired
    book.hear(LATER, at(57))
    kept.stored |= kept.records.keys()
    assert "node1-1795283301.0" not in book.state.calls
    needed = book.oldest_needed()
    assert needed == 2
    again = replayed(tmp_path, needed, book.state.linger)
    assert again.rows == {call: rows for call, rows in kept.rows.items() if call != "node1-1795283301.0"}


def test_a_call_that_is_over_stays_as_it_was_when_the_log_of_a_gap_is_read_again(tmp_path: Path) -> None:
    """While a gap is not repaired, the log is read from its beginning after each login."""
    kept = Kept()
    book = Book(tmp_path, kept)
    book.state.linger = dt.timedelta(seconds=5)
    book.hear([frame for frame in FIRST if frame.name != "Hangup"], at(24.81))
    book.open_gap(at(24.81), at(25), "cut")
    book.read_log(log_until(25), at(25))
    book.hear(LATER, at(57))
    known = dict(kept.rows)
    book.open_gap(at(57), at(58), "cut again")
    book.read_log(log_until(25), at(58))
    assert kept.rows == known
    book.close_gaps(at(58))
    assert replayed(tmp_path, 0, book.state.linger).rows == known


def test_a_gap_that_was_not_repaired_is_needed_although_nobody_called(tmp_path: Path) -> None:
    book = Book(tmp_path, Kept())
    book.open_gap(NOW, NOW + dt.timedelta(seconds=9), "cut")
    book.journal.rotate()
    book.open_gap(NOW + dt.timedelta(seconds=10), NOW + dt.timedelta(seconds=11), "cut again")
    again = Book(tmp_path, Kept())
    again.replay(book.oldest_needed())
    assert again.unrepaired == book.unrepaired
    assert again.oldest_needed() == 1
    book.close_gaps(NOW)
    assert book.oldest_needed() == book.journal.segment == 2


@pytest.mark.parametrize(
    "hostile",
    [
        {"Event": "AgentConnect", "HoldTime": "99999999999"},
        {"Event": "AgentComplete", "Reason": "caller", "TalkTime": "99999999999"},
        {"Event": "QueueCallerAbandon", "HoldTime": "99999999999"},
        {"Event": "AgentRingNoAnswer", "RingTime": "100000", "Timestamp": "-62135596800"},
        {"Event": "QueueCallerJoin", "Timestamp": "253402300799.999999"},
        {"Event": "Hangup", "Cause": "9" * 30},
        {"Event": "Hangup", "Cause": "4294967296"},
    ],
)
def test_no_number_that_is_told_stops_the_bridge_or_its_next_start(tmp_path: Path, hostile: dict[str, str]) -> None:
    """It is in the journal before it is applied: what raised now would raise at each start."""
    kept = Kept()
    book = Book(tmp_path, kept)
    known = {"Timestamp": "1795283301.000001", "Uniqueid": "n-1.0", "Linkedid": "n-1.0", "Channel": "PJSIP/citizens-1"}
    known |= {"Context": "citizens", "Exten": "12345", "CallerIDNum": "138", "CallerIDName": "", "Queue": "hotline"}
    for told in ({"Event": "Newchannel"}, {"MemberName": "1001"} | hostile, {"Event": "Hangup", "Cause": "16"}):
        headers = {"Event": told["Event"]} | known | told
        block = "".join(f"{name}: {value}\r\n" for name, value in headers.items()) + "\r\n"
        book.hear(codec.Decoder().feed(block.encode()), NOW)
    book.journal.rotate()
    assert replayed(tmp_path).rows == kept.rows
    (found,) = kept.rows.values()
    assert msgspec.json.encode(found)
    assert found.record.hangup_cause in (0, 16)


def test_an_agents_own_call_is_needed_too_a_transfer_may_make_it_a_citizens(tmp_path: Path) -> None:
    book = Book(tmp_path, Kept())
    (joined,) = (frame for frame in FIRST if frame.name == "QueueCallerJoin")
    raw = joined.raw.replace(b"PJSIP/citizens-", b"PJSIP/1001-")
    book.hear([frame for frame in codec.Decoder().feed(raw) if frame.kind == "event"], NOW)
    (call,) = book.state.open()
    assert not call.is_inbound
    book.journal.rotate()
    book.alive(NOW)
    assert (book.oldest_needed(), book.journal.segment) == (1, 2)


def test_a_call_that_ended_without_a_journal_is_let_go_of_after_a_replay(tmp_path: Path) -> None:
    book = Book(tmp_path / "j", Kept())
    book.journal._retry_seconds = 0
    book.hear(FIRST[:3], NOW)
    book.journal.rotate()
    (tmp_path / "j").rename(tmp_path / "away")
    book.hear(FIRST[3:], NOW)
    (tmp_path / "away").rename(tmp_path / "j")
    book.alive(NOW)
    again = Book(tmp_path / "j", Kept())
    again.state.linger = dt.timedelta(seconds=5)
    again.replay(0)
    assert again.state.calls.keys() == {"node1-1795283301.0"}
    assert not again.state.open()
    again.hear(LATER, NOW)
    assert "node1-1795283301.0" not in again.state.calls


def test_a_time_without_a_journal_is_bridged_by_the_calls_as_they_are_after_it(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path / "j", kept)
    half = len(FRAMES) // 3
    for frame in FRAMES[:half]:
        book.hear([frame], NOW)
    book.journal._retry_seconds = 0
    book.journal.rotate()
    (tmp_path / "j").rename(tmp_path / "away")
    for frame in FRAMES[half : half + 10]:
        book.hear([frame], NOW)
    assert book.journal.failed_since
    (tmp_path / "away").rename(tmp_path / "j")
    for frame in FRAMES[half + 10 :]:
        book.hear([frame], NOW)
    assert replayed(tmp_path / "j").records == kept.records


def test_the_event_log_speaks_only_of_gaps(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    assert book.read_log(LOG, NOW) == 0
    begin = dt.datetime(2026, 11, 21, 17, 48, 25, tzinfo=dt.UTC)
    book.open_gap(begin, begin + dt.timedelta(seconds=5), "test")
    used = book.read_log(LOG, NOW)
    assert 0 < used < len(LOG)
    book.close_gaps(NOW)
    assert book.read_log(LOG, NOW) == 0
    assert replayed(tmp_path).records == kept.records


def test_an_unknown_past_is_read_whole_and_gives_every_call(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    book.open_gap(None, NOW, "first start")
    assert book.read_log(LOG, NOW) == len(LOG)
    expected = [
        record for file in TRACES.glob("*.json") for record in msgspec.json.decode(file.read_bytes(), type=list[CallRecord])
    ]
    assert kept.records.keys() == {record.call_id for record in expected}
    assert all(record.repaired and record.ended_at for record in kept.records.values())


def test_a_gap_that_was_not_repaired_is_known_after_a_restart_and_so_is_the_last_sign_of_life(tmp_path: Path) -> None:
    book = Book(tmp_path, Kept())
    gap = book.open_gap(NOW, NOW + dt.timedelta(seconds=9), "cut")
    book.alive(NOW + dt.timedelta(seconds=20))
    again = Book(tmp_path, Kept())
    again.replay(0)
    assert again.unrepaired == [gap]
    assert again.heard_at == NOW + dt.timedelta(seconds=20)


def test_a_lost_call_ends_when_the_link_was_last_up(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    book.hear(FRAMES[:4], NOW)
    (call,) = book.state.open()
    begin = call.started.at + dt.timedelta(seconds=30)
    book.open_gap(begin, NOW, "Asterisk was killed")
    book.lose([call.call_id], NOW)
    record = kept.records[call.call_id]
    assert (record.ended_at, record.disposition, record.hung_up_by, record.repaired) == (begin, "system_fault", "system", True)
    assert replayed(tmp_path).records == kept.records


def test_a_call_that_was_open_across_a_gap_may_be_watched_in_the_log_to_its_end(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    steps = [frame for frame in FRAMES if frame.headers.get("userevent") == "HotlineStep"]
    call_id = steps[0].headers["linkedid"]
    book.hear([frame for frame in FRAMES if frame not in steps], NOW)
    assert kept.records[call_id].menu_path == ""
    assert book.read_log(LOG, NOW) == 0
    assert book.read_log(LOG, NOW, {call_id}) > 0
    record = kept.records[call_id]
    assert (record.menu_path, record.source, record.repaired) == ("main:1", "ami", False)
    assert replayed(tmp_path).records == kept.records
