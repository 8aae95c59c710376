"""The arithmetic of the benchmarks: a figure that is wrong is worse than none."""

from __future__ import annotations

import datetime as dt
import os
import re
import subprocess
import sys

import msgspec
import pytest

from bench import ami_parse, cpu, live_latency
from bench.__main__ import BENCHMARKS
from bench.figure import Figure
from bench.load import Step, citizens, percentile, seats, wants_agent, worst_gaps
from bench.peak_day import GREETING, KINDS, Day
from bench.watch import Sample, shares, slope
from hotline import paths
from hotline.phones.call_log import Call
from hotline.phones.plan import Gap, Report

NOON = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("figure", "ratio", "reached"),
    [
        (Figure(name="a", ours=5, peer=4, unit="ms", limit=1.25), 1.25, True),
        (Figure(name="a", ours=6, peer=4, unit="ms", limit=1.25), 1.5, False),
        (Figure(name="a", ours=6, peer=4, unit="ms"), 1.5, True),
        (Figure(name="a", ours=499, unit="ms", limit=500), 0.998, True),
        (Figure(name="a", ours=501, unit="ms", limit=500), 1.002, False),
        (Figure(name="a", ours=1, unit="calls", limit=0), None, False),
        (Figure(name="a", ours=0, unit="calls", limit=0), None, True),
        (Figure(name="a", ours=2.5, unit="x", aim=3), 0.8333, False),
        (Figure(name="a", ours=3, unit="x", aim=3), 1.0, True),
        (Figure(name="a", ours=3, unit="x"), None, True),
    ],
)
def test_a_figure_knows_its_ratio_and_whether_it_keeps_its_limit(figure: Figure, ratio: float | None, reached: bool) -> None:
    assert (figure.ratio, figure.is_reached) == (ratio, reached)


def test_a_figure_is_one_line_of_json_with_the_agreed_keys() -> None:
    said = msgspec.json.decode(Figure(name="a", ours=1, peer=4, unit="ms", limit=0.5, note="why").line())
    assert said == {
        "name": "a",
        "ours": 1,
        "peer": 4,
        "ratio": 0.25,
        "unit": "ms",
        "limit": 0.5,
        "reached": True,
        "note": "why",
    }


def test_the_cpu_of_a_child_that_has_ended_counts_with_its_parent_unless_alone() -> None:
    me = {"me": os.getpid()}
    before, alone_before = cpu.seconds(me)["me"], cpu.seconds(me, alone=frozenset({"me"}))["me"]
    burn = "import time\nwhile time.process_time() < 0.5: pass"
    subprocess.run([sys.executable, "-c", burn], check=True)
    assert cpu.seconds(me)["me"] - before > 0.45  # ticks of 10 ms, cut off four times
    assert cpu.seconds(me, alone=frozenset({"me"}))["me"] - alone_before < 0.3


def test_memory_is_that_of_a_process_that_lives_and_nothing_for_one_that_does_not() -> None:
    mine = cpu.memory(os.getpid(), alone=True)
    assert 1 < mine.pss <= mine.rss
    assert cpu.memory(2**22 + 1).rss == 0


def test_53_of_a_hundred_callers_stay_in_the_menu_and_agents_talk_80_seconds_on_average() -> None:
    assert sum(wants_agent(place) for place in range(100)) == 47
    group = citizens(Step(1.0, 600), "139")
    assert len(group) == 858
    assert {citizen.keys for citizen in group} == {"1", "2222"}
    assert len({citizen.number for citizen in group}) == 858
    talks = [seat.talk_seconds for seat in seats([str(user) for user in range(1001, 1061)])]
    assert 78 < sum(talks) / len(talks) < 82
    assert min(talks) >= 40
    assert max(talks) <= 120


def _call(*gaps: Gap) -> Call:
    heard = Report(
        port=20000,
        ordinal=1,
        mode="measure",
        peer="127.0.0.1:10000",
        first_packet_at=None,
        first_audible_at=None,
        last_packet_at=None,
        packets=100,
        lost=0,
        gaps=len(gaps),
        pauses=0,
        max_gap_ms=max((gap.ms for gap in gaps), default=20.0),
        p99_gap_ms=20.0,
        gap_list=list(gaps),
        digits_heard="",
        digits_sent="",
        first_digit_at=None,
        packets_sent=100,
        recording=None,
    )
    return Call(call_id="1", party="138", port=20000, invited_at=NOON, sound=heard)


def _gap(after_ms: int, ms: float) -> Gap:
    return Gap((NOON + dt.timedelta(milliseconds=after_ms)).isoformat(), ms)


def test_a_gap_is_ours_unless_a_telephone_was_late_at_that_time() -> None:
    calls = [_call(_gap(1000, 80.0), _gap(5000, 70.0)), _call()]
    assert worst_gaps(calls, []) == [80.0, 0.0]
    assert worst_gaps(calls, [_gap(980, 90.0)]) == [70.0, 0.0]
    assert worst_gaps(calls, [_gap(980, 90.0), _gap(4990, 30.0)]) == [0.0, 0.0]
    assert worst_gaps(calls, [_gap(3000, 90.0)]) == [80.0, 0.0]


def test_a_percentile_of_nothing_is_an_error() -> None:
    assert percentile([float(value) for value in range(100)], 0.99) == 99
    with pytest.raises(RuntimeError):
        percentile([], 0.99)


def test_shares_are_percent_of_a_core_and_growth_is_per_hour() -> None:
    samples = [
        Sample(at=10.0 * n, used={"agi": 0.5 * n}, busy=100 + 4.0 * n, resident={"agi": 50 + 0.1 * n, "up": 50.0})
        for n in range(5)
    ]
    assert shares(samples) == {"machine": 40.0, "agi": 5.0}
    assert slope(samples) == pytest.approx(36.0)
    assert slope(samples, "agi") == pytest.approx(36.0)
    assert slope(samples, "up") == 0


def test_the_calls_of_a_made_day_are_read_as_what_they_were_made_as() -> None:
    """Interleaved, in pieces that end anywhere: outcomes, dispositions, and each wait to the microsecond."""
    day, reading = Day(120, first_hour=9, hours=2), ami_parse.Reading()
    for chunk in day.chunks(5000):
        reading.take(chunk.data)
        reading.derive()
    ami_parse.check(reading, day.truth)
    assert day.truth.dispositions.total() == 120
    assert set(day.truth.outcomes) == {kind.outcome for kind in KINDS if kind.outcome}


def test_the_same_seed_makes_the_same_day_in_the_order_of_time_and_no_call_twice() -> None:
    stream = b"".join(chunk.data for chunk in Day(40).chunks())
    assert stream == b"".join(chunk.data for chunk in Day(40).chunks(999))
    assert stream != b"".join(chunk.data for chunk in Day(40, seed=2).chunks())
    assert stream.startswith(GREETING)
    lines = stream.split(b"\r\n")
    times = [line for line in lines if line.startswith(b"Timestamp: ")]
    assert times == sorted(times)
    assert len({line for line in lines if line.startswith(b"Linkedid: ")}) == 40
    assert sum(share for share in (kind.share for kind in KINDS)) == 100


def test_a_change_was_on_the_screen_when_the_count_reached_it() -> None:
    at = [NOON + dt.timedelta(milliseconds=ms) for ms in (0, 10, 20, 500)]
    seen = [(0, NOON), (3, NOON + dt.timedelta(milliseconds=60)), (4, NOON + dt.timedelta(milliseconds=540))]
    assert live_latency.late(at, seen) == [60, 50, 40, 40]
    with pytest.raises(RuntimeError, match="the screen said 4, the table 5"):
        live_latency.late([*at, at[-1]], seen)


def test_every_benchmark_is_explained() -> None:
    text = (paths.TREE / "docs" / "benchmarks.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE)) == set(BENCHMARKS)
