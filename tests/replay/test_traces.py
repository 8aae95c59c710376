"""Streams recorded on a real Asterisk 22 with SIPp telephones: the complete list of records, whatever is done to the stream."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge import calls, cel, codec, facts
from ami_bridge.calls import CallRecord, Source, State
from ami_bridge.facts import Fact

TRACES = Path(__file__).parent.parent / "traces"
STREAMS = sorted(TRACES.glob("*.ami"))
LOG = (TRACES / "channel_log.csv").read_bytes().splitlines()
RECEIVED = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)


def facts_of(stream: Path) -> list[Fact]:
    frames = codec.Decoder(facts.WANTED).feed(stream.read_bytes())
    found = (facts.from_event(frame.name, frame.headers, RECEIVED) for frame in frames)
    return [fact for fact in found if fact is not None]


def records_of(evidence: Iterable[tuple[Fact, Source]]) -> list[CallRecord]:
    state = State()
    for fact, source in evidence:
        calls.apply(state, fact, source)
    return sorted((calls.record(call) for call in state.calls.values()), key=lambda record: record.call_id)


def from_ami(found: Iterable[Fact]) -> list[CallRecord]:
    return records_of((fact, Source.AMI) for fact in found)


def expected(stream: Path) -> list[CallRecord]:
    return msgspec.json.decode(stream.with_suffix(".json").read_bytes(), type=list[CallRecord])


def test_there_are_traces() -> None:
    assert len(STREAMS) >= 9


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_a_trace_gives_exactly_its_records(stream: Path) -> None:
    assert from_ami(facts_of(stream)) == expected(stream)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_each_kind_of_ending_is_seen_as_it_happened(stream: Path) -> None:
    endings = {
        "abandoned": [("abandoned", "caller")],
        "agent_hangs_up": [("answered", "agent")],
        "answered": [("answered", "caller")],
        "answered_unfiltered": [("answered", "caller")],
        "hostile_name": [("ivr_hangup", "system")],
        "menu_hangup": [("ivr_hangup", "caller")],
        "queue_full": [("abandoned", "caller"), ("queue_full", "system")],
        "refused_empty": [("no_agents", "system")],
        "timed_out": [("message_left", "system")],
    }
    assert [(record.disposition, record.hung_up_by) for record in from_ami(facts_of(stream))] == endings[stream.stem]


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_duplicated_events_and_a_second_replay_change_nothing(stream: Path) -> None:
    found = facts_of(stream)
    assert from_ami([fact for fact in found for _ in range(2)]) == expected(stream)
    assert from_ami([*found, *found]) == expected(stream)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
@given(data=st.data())
def test_no_order_of_events_changes_a_record(stream: Path, data: st.DataObject) -> None:
    """Asterisk may swap neighbours; the law here is wider: any order at all after the caller's channel is there."""
    found = facts_of(stream)
    births = [fact for fact in found if isinstance(fact, facts.ChannelStarted)]
    others = data.draw(st.permutations([fact for fact in found if not isinstance(fact, facts.ChannelStarted)]))
    assert from_ami([*births, *others]) == expected(stream)


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
def test_the_channel_event_log_alone_gives_the_same_records(stream: Path) -> None:
    """Times may differ by the moment that the two writers need; everything else is the same, and marked as repaired."""
    wanted = {record.call_id for record in expected(stream)}
    lines = [line for line in map(cel.parse, LOG) if line is not None and line.linkedid in wanted]
    repaired = records_of((fact, Source.CEL) for line in lines for fact in cel.evidence(line))
    assert len(repaired) == len(expected(stream))
    for ours, truth in zip(repaired, expected(stream), strict=True):
        assert (ours.source, ours.repaired) == ("cel", True)
        for field in ("started_at", "answered_at", "queued_at", "connected_at", "ended_at"):
            mine, told = getattr(ours, field), getattr(truth, field)
            assert (mine is None) == (told is None), field
            assert mine is None or abs(mine - told) < dt.timedelta(milliseconds=50), field
        same = {field: getattr(truth, field) for field in ("started_at", "answered_at", "queued_at", "connected_at", "ended_at")}
        assert [one.step for one in ours.steps] == [one.step for one in truth.steps]  # the log does not tell their times
        same["steps"] = truth.steps
        assert msgspec.structs.replace(ours, source="ami", repaired=False, **same) == truth


@pytest.mark.parametrize("stream", STREAMS, ids=lambda path: path.stem)
@given(data=st.data())
def test_what_ami_missed_the_channel_event_log_fills_in_and_ami_wins_where_both_know(stream: Path, data: st.DataObject) -> None:
    """A gap swallows any run of events; the log is read afterwards, all of it; the record is whole."""
    found = facts_of(stream)
    first = data.draw(st.integers(0, len(found)))
    last = data.draw(st.integers(first, len(found)))
    heard = [(fact, Source.AMI) for fact in found[:first] + found[last:]]
    told = [(fact, Source.CEL) for line in map(cel.parse, LOG) if line is not None for fact in cel.evidence(line)]
    wanted = {record.call_id for record in expected(stream)}
    repaired = [record for record in records_of([*heard[:first], *told, *heard[first:]]) if record.call_id in wanted]
    for ours, truth in zip(repaired, expected(stream), strict=True):
        assert (ours.disposition, ours.agent, ours.queue, ours.menu_path) == (
            truth.disposition,
            truth.agent,
            truth.queue,
            truth.menu_path,
        )
        assert ours.hung_up_by == truth.hung_up_by
        assert ours.ended_at and truth.ended_at and abs(ours.ended_at - truth.ended_at) < dt.timedelta(milliseconds=50)
        if first == last:
            assert ours == truth


def test_an_unfiltered_stream_and_a_filtered_one_say_the_same() -> None:
    assert expected(TRACES / "answered.ami") == expected(TRACES / "answered_unfiltered.ami")


def test_a_hostile_name_is_the_name_that_the_caller_sent() -> None:
    (record,) = from_ami(facts_of(TRACES / "hostile_name.ami"))
    assert record.caller_name == 'Müller "${SHELL(id)}" 😀 %20 a,b: \\n'
