"""Parameters of a request: whatever is given, a value that fits or a refusal that says why."""

from __future__ import annotations

import base64
import datetime as dt
import json
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import MultiDict

from desks import figures, parameters
from desks.errors import RefusedError
from desks.parameters import Parameter
from hotline.clock import SHANGHAI

ALL = [one for one in vars(parameters).values() if isinstance(one, Parameter)]
times = st.from_regex(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}(T[0-9]{2}:[0-9]{2}(:[0-9]{2}(\.[0-9]{1,9})?)?([Zz]|[ +-][0-9]{2}:?[0-9]{2})?)?", fullmatch=True
)
texts = st.one_of(
    st.text(max_size=90), times, st.text(string.printable, max_size=12), st.sampled_from(["9999-12-31", "0001-01-01"])
)
places = st.lists(st.one_of(times, st.text(max_size=4), st.integers(), st.none()), max_size=5)


@given(st.sampled_from(ALL), texts)
def test_a_text_is_a_value_or_refused(parameter: Parameter, text: str) -> None:
    try:
        found = parameters.read([parameter], MultiDict({parameter.name: text}))[parameter.name]
    except RefusedError as refused:
        assert refused.details["parameter"] == parameter.name
    else:
        assert found is not None
        if isinstance(found, dt.datetime):
            assert found.utcoffset() == dt.timedelta(0)
            assert 2000 <= found.year <= 2100


@given(places)
def test_a_cursor_is_what_was_given_out_or_refused(place: list[object]) -> None:
    text = base64.urlsafe_b64encode(json.dumps(place).encode()).decode()
    try:
        found = parameters.cursor("after", text)
    except RefusedError:
        return
    assert parameters.cursor("after", parameters.cursor_text(found)) == found


@pytest.mark.parametrize(
    ("begin", "end", "length", "count", "first"),
    [
        ("2026-03-01T00:00:00+08:00", "2026-03-04T00:00:00+08:00", 24, 3, "2026-03-01T00:00:00+08:00"),
        ("2026-03-01T23:30:00+08:00", "2026-03-02T00:30:00+08:00", 24, 2, "2026-03-01T23:30:00+08:00"),
        ("2026-03-01T10:59:59.5+08:00", "2026-03-01T11:00:00.5+08:00", 1, 2, "2026-03-01T10:59:59.500000+08:00"),
    ],
)
def test_an_interval_is_cut_into_days_and_hours_of_shanghai(begin: str, end: str, length: int, count: int, first: str) -> None:
    since, until = (dt.datetime.fromisoformat(text).astimezone(dt.UTC) for text in (begin, end))
    found = list(figures.steps(since, until, dt.timedelta(hours=length)))
    assert (len(found), found[0][0].astimezone(SHANGHAI).isoformat()) == (count, first)
    assert [a for a, _ in found[1:]] == [b for _, b in found[:-1]]
    assert (found[0][0], found[-1][1]) == (since, until)
