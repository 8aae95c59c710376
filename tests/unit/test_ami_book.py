"""The book: state is a function of the journal, also after a time without one; gaps decide what the event log may say."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge import codec, facts
from ami_bridge.book import Book
from ami_bridge.calls import CallRecord
from ami_bridge.rows import CallFacts

TRACES = Path(__file__).parent.parent / "traces"
STREAM = b"".join((TRACES / f"{name}.ami").read_bytes() for name in ("answered", "queue_full", "timed_out", "agent_hangs_up"))
FRAMES = [frame for frame in codec.Decoder(facts.WANTED).feed(STREAM) if frame.kind == "event"]
LOG = (TRACES / "channel_log.csv").read_bytes().splitlines()
NOW = dt.datetime(2026, 11, 21, 17, 49, tzinfo=dt.UTC)


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


def replayed(folder: Path, first: int = 0) -> Kept:
    kept = Kept()
    Book(folder, kept).replay(first)
    return kept


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
