"""The rates against the worked example that leaders read, and where they begin and end (metrics, section 4)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ami_bridge.figures import metrics, tally
from ami_bridge.figures.metrics import Calls, Rules
from ami_bridge.lines import ENDED, OUTCOMES, Request
from hotline.paths import TREE

BOOKS = [TREE / "docs" / name for name in ("metrics.md", "metrics.zh-CN.md")]
START = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def request(outcome: str, wait_us: int = 0) -> Request:
    return Request(
        node="n",
        call_id="1",
        number=1,
        kind="caller",
        caller="",
        queue="hotline",
        first_queue="hotline",
        requested_at=START,
        ended_at=None if outcome == "waiting" else START + dt.timedelta(microseconds=wait_us),
        outcome=outcome,
    )


def example(text: str) -> list[Request]:
    rows = re.findall(r"^\| \d+ \| [^|]+ \| (\w+) \| ([0-9.]+|–) \|$", text, re.MULTILINE)
    return [request(outcome, round(float(wait) * 1e6) if wait != "–" else 0) for outcome, wait in rows]


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_the_worked_example_of_the_book_is_what_the_system_computes(book: object) -> None:
    text = TREE.joinpath(str(book)).read_text(encoding="utf-8")
    found = example(text)
    assert len(found) == 12
    figures = metrics.figures(metrics.of_requests(found), Calls(calls=14, answered=6, ivr_hangups=2), Rules())
    said = re.findall(r"^\| `(\w+)` \| (\d+) \| (\d+|–) \| ([0-9.]+ %|–) \|$", text, re.MULTILINE)
    assert [name for name, *_ in said] == list(metrics.NAMES)
    for name, n, d, value in said:
        figure = figures[name]
        assert (str(figure.n), "–" if figure.d is None else str(figure.d)) == (n, d), name
        assert value == ("–" if figure.value is None else f"{figure.value:.1%}".replace("%", " %")), name
    waits = metrics.waits(metrics.of_requests(found))
    assert waits["answered_mean"] == pytest.approx(20.76666, abs=0.001)
    assert (waits["answered_median"], waits["answered_p90"]) == (15, 64)


@pytest.mark.parametrize("book", BOOKS, ids=lambda book: book.name)
def test_the_book_explains_every_outcome_and_every_figure(book: object) -> None:
    text = TREE.joinpath(str(book)).read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in (*OUTCOMES, *metrics.NAMES))


def test_of_nothing_there_is_no_rate() -> None:
    figures = metrics.figures(tally.EMPTY, Calls(), Rules())
    assert {figure.value for figure in figures.values()} == {None}
    assert set(metrics.waits(tally.EMPTY).values()) == {None}


def test_fifteen_seconds_are_in_time_and_a_microsecond_more_is_not() -> None:
    found = metrics.of_requests([request("answered", 15_000_000), request("answered", 15_000_001)])
    assert metrics.figures(found, Calls(), Rules())["answer_timely_connected"].n == 1


WAITS = st.integers(0, 9_000_000_000) | st.integers(14_000_000, 16_000_000)
LINES = st.lists(st.builds(request, st.sampled_from(OUTCOMES), WAITS), max_size=40)


@given(LINES, st.builds(Rules, answer_seconds=st.integers(1, 60), second_answer_seconds=st.integers(1, 60)))
def test_the_sum_over_the_lines_is_the_rate(found: list[Request], rules: Rules) -> None:
    figures = metrics.figures(metrics.of_requests(found), Calls(), rules)
    reasons = [metrics.why(one, rules, is_first_of_call=True, call_is_answered=False) for one in found]
    for name in metrics.RATES:
        said = [reason[name] for reason in reasons]
        assert figures[name].n == said.count("counted"), name
        assert figures[name].d == said.count("counted") + said.count("counted_in_denominator"), name


@given(LINES, st.data())
def test_a_tally_is_the_sum_of_the_tallies_of_any_parts(found: list[Request], data: st.DataObject) -> None:
    cut = data.draw(st.integers(0, len(found)))
    parts = [metrics.of_requests(found[:cut]), metrics.of_requests(found[cut:])]
    whole = metrics.of_requests(found)
    assert tally.total(parts) == whole == tally.unpack(tally.pack(whole))
    assert whole.counts()["total"] == len(found)


@given(st.lists(WAITS, min_size=1, max_size=60), st.sampled_from([0.1, 0.5, 0.9, 1.0]))
def test_a_percentile_is_the_first_second_that_holds_so_many(waits: list[int], share: float) -> None:
    found = tally.of([("answered", wait, False) for wait in waits]).waits(*ENDED)
    seconds = tally.percentile(found, share)
    assert seconds is not None
    assert sum(tally.second(wait) <= seconds for wait in waits) >= share * len(waits)
    assert sum(tally.second(wait) < seconds for wait in waits) < share * len(waits)


def test_a_transfer_is_in_no_rate() -> None:
    sent = Request(
        node="n",
        call_id="1",
        number=2,
        kind="transfer",
        caller="",
        queue="q",
        first_queue="q",
        requested_at=START,
        ended_at=START,
        outcome="answered",
    )
    assert set(metrics.why(sent, Rules(), is_first_of_call=False, call_is_answered=True).values()) == {"excluded: transfer"}
    assert metrics.of_requests([sent]) == tally.EMPTY
