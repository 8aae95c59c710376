"""Live figures: equal to a recount from the rows for every window and view, and the same for every client (metrics, 7.1, 7.3)."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ami_bridge.figures import live, live_document, metrics, tally, windows
from ami_bridge.figures.live_now import views
from ami_bridge.figures.live_rows import AgentRow, BridgeRow, CallRow, GapRow, RequestRow, Row, TurnRow
from ami_bridge.figures.live_totals import Group
from ami_bridge.lines import OUTCOMES
from hotline.clock import SHANGHAI

BEGIN = dt.datetime(2026, 3, 1, 3, 4, 5, 123456, tzinfo=dt.UTC)
RULES = live.Rules(queues={"hotline": "mandarin"})
SKILL = {"hotline": "mandarin", "english": "english"}
seconds = st.one_of(st.integers(-90_000, 300), st.integers(-400, 5))
STARTS = {1: -95_000, 2: -86_000, 3: -40_000, 4: -3000, 5: -300, 6: -5}
"""When each call began; its requests come later."""


def request(
    call: int = 1, number: int = 1, *, start: float = -10, wait: float = 3.0, outcome: str = "answered", **changes: object
) -> RequestRow:
    began = BEGIN + dt.timedelta(seconds=start)
    fields: dict[str, object] = {
        "node": "n1",
        "call_id": f"c{call}",
        "number": number,
        "kind": "caller",
        "queue": "hotline",
        "skill": "mandarin",
        "requested_at": began,
        "ended_at": None if outcome == "waiting" else began + dt.timedelta(seconds=wait),
        "outcome": outcome,
        "wait_us": 0 if outcome == "waiting" else round(wait * 1e6),
        "repaired": False,
        "excluded": None,
        "void": False,
    }
    return msgspec.convert(fields | changes, RequestRow)


def call(
    number: int = 1, *, start: float = -12, answered: bool = False, disposition: str | None = None, node: str = "n1"
) -> CallRow:
    began = BEGIN + dt.timedelta(seconds=start)
    return CallRow(node, f"c{number}", began, began if answered else None, disposition)


def turn(
    number: int = 1, *, start: float = -5, result: str = "answered", agent: str = "1001", void: bool = False, talk: int = 7
) -> TurnRow:
    return TurnRow(
        "n1", f"c{number}", 1, agent, BEGIN + dt.timedelta(seconds=start), result, talk * 1_000_000, 1, 5_000_000, void
    )


def bridge(node: str = "n1", *, at: dt.datetime = BEGIN, connected: bool = True) -> BridgeRow:
    return BridgeRow(node, at, connected, None, 3, 1, 2, None, 0, 0, 0, 0, 0, 0, 0, 0, 0)


@st.composite
def requests(draw: st.DrawFn) -> RequestRow:
    queue, number = draw(st.sampled_from(sorted(SKILL))), draw(st.sampled_from(sorted(STARTS)))
    return request(
        number,
        draw(st.integers(1, 2)),
        start=STARTS[number] + draw(st.one_of(st.sampled_from([1, 250]), st.integers(0, 95_000))),
        wait=draw(st.sampled_from([0, 0.5, 14.999999, 15, 15.000001, 20, 77, 8000])),
        outcome=draw(st.sampled_from(OUTCOMES)),
        node=draw(st.sampled_from(["n1", "n1", "n2"])),
        queue=queue,
        skill=SKILL[queue],
        kind=draw(st.sampled_from(["caller", "caller", "transfer"])),
        repaired=draw(st.booleans()),
        excluded=draw(st.sampled_from([None, None, "overload", "sudden_event"])),
        void=draw(st.sampled_from([False, False, False, True])),
    )


calls = st.builds(
    lambda number, **changes: call(number, start=STARTS[number], **changes),
    st.sampled_from(sorted(STARTS)),
    answered=st.booleans(),
    disposition=st.sampled_from([None, "ivr_hangup", "answered"]),
    node=st.sampled_from(["n1", "n2"]),
)
turns = st.builds(
    turn,
    st.integers(1, 4),
    start=seconds,
    result=st.sampled_from(["answered", "ring_no_answer", "ringing"]),
    agent=st.sampled_from(["1001", "1002"]),
    void=st.booleans(),
)
agents = st.builds(
    AgentRow,
    st.sampled_from(["n1", "n2"]),
    st.sampled_from(["1001", "1002"]),
    st.sampled_from(["ready", "talking", "offline"]),
    st.just(BEGIN),
    st.just(False),
    st.just(""),
    st.sampled_from([(), ("hotline",), ("hotline", "english")]),
)
times = st.one_of(st.none(), seconds.map(lambda n: BEGIN + dt.timedelta(seconds=n)))
gaps = st.builds(GapRow, st.sampled_from("ab"), st.sampled_from(["n1", "n2"]), times, times, st.just("bridge"))
bridges = st.builds(bridge, st.sampled_from(["n1", "n2"]), connected=st.booleans())
LATER = [0, 0, 0.4, 1, 7, 299, 301, 4000, 30_000, 80_000, -2, -1800]
batches = st.lists(st.one_of(requests(), requests(), calls, turns, agents, gaps, bridges), max_size=12)
steps = st.lists(
    st.tuples(st.sampled_from([0, 0, 0.4, 1, 7, 299, 301, 4000, 30_000, 80_000, -2, -1800]), batches, st.booleans()), max_size=8
)


def newest(rows: Iterable[Row]) -> tuple[list[RequestRow], list[CallRow], list[TurnRow]]:
    """The last version of each row; a request that began at another time is another one."""
    asked = {(row.node, row.call_id, row.number, row.requested_at): row for row in rows if isinstance(row, RequestRow)}
    called = {(row.node, row.call_id): row for row in rows if isinstance(row, CallRow)}
    rung = {(row.node, row.call_id, row.number, row.rang_at): row for row in rows if isinstance(row, TurnRow)}
    return [r for r in asked.values() if not r.void], list(called.values()), [t for t in rung.values() if not t.void]


def recount(rows: list[Row], view: str, span: tuple[int, int], *, net: bool) -> tuple[tally.Tally, metrics.Calls]:
    """From scratch, as the history does it."""

    def inside(at: dt.datetime) -> bool:
        return span[0] <= windows.microseconds(at) < span[1]

    asked, called, _ = newest(rows)
    chosen = [
        (row.outcome, row.wait_us, row.repaired)
        for row in asked
        if row.kind == "caller" and inside(row.requested_at) and not (net and row.excluded)
        if view in views(Group(row.node, row.queue, row.skill, row.kind, row.excluded or ""))
    ]
    with_request = {(row.node, row.call_id) for row in asked}
    counted = [row for row in called if inside(row.started_at) and view in ("whole", f"node:{row.node}")]
    hung_up = sum(row.disposition == "ivr_hangup" and (row.node, row.call_id) not in with_request for row in counted)
    return tally.of(chosen), metrics.Calls(len(counted), sum(row.connected_at is not None for row in counted), hung_up)


def check_recount(figures: live.Live, rows: list[Row]) -> None:
    sections = figures.snapshot().set
    for window, span in windows.spans(figures.state.at, RULES.shifts).items():
        for view in sections["now"]:
            for side in ("raw", "net"):
                found, found_calls = recount(rows, view, span, net=side == "net")
                expected = metrics.figures(found, found_calls, RULES.rates)
                shown = {
                    key.rpartition("/")[2]: getattr(pair, side)
                    for key, pair in sections["figures"].items()
                    if key.startswith(f"{window}/{view}/")
                }
                assert shown == {name: expected[name] for name in shown}
                assert set(shown) >= set(metrics.RATES) - live.COMPARED
                assert getattr(sections["waits"][f"{window}/{view}"], side) == metrics.waits(found)
                assert getattr(sections["requests"][f"{window}/{view}"], side) == found.counts()


@settings(max_examples=100, deadline=None)
@given(steps)
def test_live_figures_are_a_recount_and_every_client_sees_the_same(steps: list[tuple[float, list[Row], bool]]) -> None:
    """Whatever was merged or missed, whichever way the clock went; and from scratch it is the same document."""
    figures, at, rows = live.Live(RULES, BEGIN), BEGIN, list[Row]()
    clients: list[tuple[int, dict[str, dict[str, object]]]] = []
    for later, batch, fetches in steps:
        at += dt.timedelta(seconds=later)
        figures.tick(at)
        figures.apply(batch)
        rows += batch
        if fetches:
            first = figures.snapshot()
            clients = [(m.seq, live_document.merged(k, m)) for s, k in clients[1:] for m in [figures.delta(s)]] + clients[:1]
            clients.append((first.seq, live_document.merged({}, first)))
    fresh = live_document.merged({}, figures.snapshot())
    for seq, known in clients:
        assert live_document.merged(known, figures.delta(seq)) == fresh
    check_recount(figures, rows)
    again = live.Live(RULES, at)
    again.apply(rows)
    assert differences(live_document.merged({}, again.snapshot()), fresh) == {}


def differences(one: dict[str, dict[str, object]], other: dict[str, dict[str, object]]) -> dict[str, object]:
    flat, against = ({(s, k): v for s, values in d.items() for k, v in values.items()} for d in (one, other))
    return {str(k): (flat.get(k), against.get(k)) for k in flat.keys() | against.keys() if flat.get(k) != against.get(k)}


def test_every_window_holds_the_second_that_runs_and_begins_where_it_says() -> None:
    at = dt.datetime(2026, 3, 2, 7, 59, 59, 999_999, tzinfo=SHANGHAI)
    found = {
        name: (windows.moment(a), windows.moment(b)) for name, (a, b) in windows.spans(at, ("08:00", "16:00", "00:00")).items()
    }
    end = dt.datetime(2026, 3, 2, 8, 0, tzinfo=SHANGHAI)
    assert {last for _, last in found.values()} == {end}
    assert found["5min"][0] == end - dt.timedelta(minutes=5)
    assert found["24h"][0] == end - dt.timedelta(hours=24)
    assert found["today"][0] == found["shift"][0] == dt.datetime(2026, 3, 2, tzinfo=SHANGHAI)


@pytest.mark.parametrize(
    ("clock", "shifts", "begin"),
    [
        ("02 08:00", ("08:00", "16:00", "00:00"), "02 08:00"),
        ("02 15:59", ("08:00", "16:00", "00:00"), "02 08:00"),
        ("02 06:00", ("08:00", "20:30"), "01 20:30"),
        ("02 06:00", ("08:00",), "01 08:00"),
        ("02 23:59", ("24:00",), "02 00:00"),
    ],
)
def test_a_shift_lasts_until_the_next_one_begins(clock: str, shifts: tuple[str, ...], begin: str) -> None:
    at, expected = (dt.datetime.strptime(f"2026 03 {text}", "%Y %m %d %H:%M").replace(tzinfo=SHANGHAI) for text in (clock, begin))
    assert windows.moment(windows.spans(at, shifts)["shift"][0]) == expected


def test_a_request_enters_at_once_and_leaves_a_window_to_the_microsecond() -> None:
    figures = live.Live(RULES, BEGIN)
    figures.apply([request(start=0)])
    counts = figures.snapshot().set["requests"]
    assert all(counts[f"{window}/whole"].raw["answered"] == 1 for window in windows.NAMES)
    begin = BEGIN.replace(microsecond=0)
    figures.apply([request(1, requested_at=begin), request(2, requested_at=begin - dt.timedelta(microseconds=1))])
    figures.tick(begin + dt.timedelta(minutes=5) - dt.timedelta(seconds=1))
    assert figures.snapshot().set["requests"]["5min/whole"].raw["total"] == 2


def test_the_longest_wait_is_found_again_when_it_leaves() -> None:
    figures = live.Live(RULES, BEGIN)
    figures.apply([request(1, start=-299, wait=90), request(2, start=-100, wait=30), request(3, start=-50, wait=20)])
    longest = [figures.snapshot().set["waits"]["5min/whole"].raw["all_max"]]
    figures.tick(BEGIN + dt.timedelta(seconds=2))
    longest += [figures.snapshot().set["waits"]["5min/whole"].raw["all_max"]]
    assert longest == [90.0, 30.0]


def test_what_is_not_one_outcome_raises_the_flag_and_is_not_corrected() -> None:
    figures = live.Live(RULES, BEGIN)
    figures.apply([request(1), request(2, ended_at=None)])
    counts = figures.snapshot().set["requests"]["today/whole"]
    assert (counts.conserved, counts.raw["total"], counts.raw["answered"]) == (False, 2, 2)
    figures.apply([request(2)])
    assert figures.snapshot().set["requests"]["today/whole"].conserved


def test_figures_are_as_old_as_the_last_word_of_the_bridge_or_the_gap_that_is_open() -> None:
    figures = live.Live(RULES, BEGIN)
    lost = BEGIN - dt.timedelta(seconds=40)
    figures.apply([bridge("n1"), bridge("n2", connected=False), GapRow("g", "n2", lost, None, "link")])
    sections = figures.snapshot().set
    assert [sections["nodes"][node].as_of for node in ("n1", "n2")] == [BEGIN, lost]
    marked = {view: sections["requests"][f"5min/{view}"].gap for view in ("whole", "queue:hotline", "node:n1", "node:n2")}
    assert marked == {"whole": True, "queue:hotline": True, "node:n1": False, "node:n2": True}


def test_an_agent_whom_two_nodes_know_counts_once_in_the_most_active_state() -> None:
    figures = live.Live(RULES, BEGIN)
    known = [
        AgentRow(node, "1001", state, BEGIN, False, "", ("hotline",)) for node, state in (("n1", "ready"), ("n2", "talking"))
    ]
    figures.apply([*known, bridge("n1"), bridge("n2")])
    states = figures.snapshot().set["states"]
    assert {view: {state for state, n in states[view].items() if n} for view in states} == {
        "whole": {"talking"},
        "queue:hotline": {"talking"},
        "skill:mandarin": {"talking"},
        "node:n1": {"ready"},
        "node:n2": {"talking"},
    }


def test_a_client_that_was_away_longer_than_what_is_gone_is_remembered_gets_everything() -> None:
    document = live_document.Document()
    document.put("a", "0", 0)
    document.close()
    away = document.seq
    for number in range(6000):
        document.put("a", str(number + 1), number)
        document.drop("a", str(number + 1))
        document.close()
    assert document.delta(away, BEGIN).since is None
    assert document.delta(document.seq + 1, BEGIN).since is None
    assert document.delta(document.seq - 10, BEGIN).since == document.seq - 10


def test_the_memory_of_a_document_does_not_grow_with_its_changes() -> None:
    document = live_document.Document()
    for number in range(1000):
        document.put("a", str(number % 7), number)
        document.close()
    assert len(document.delta(0, BEGIN).set["a"]) == 7
