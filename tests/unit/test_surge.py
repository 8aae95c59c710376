"""What is a surge of one topic (REP-11): three times what is usual and twenty in an hour, or five at one place on a day."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.transcripts import surge
from crm.transcripts.surge import Rules

RULES = Rules()


@pytest.mark.parametrize(
    ("now", "weeks", "is_one"),
    [
        (19, [0, 0, 0, 0], False),
        (20, [0, 0, 0, 0], True),
        (20, [6, 7, 6, 7], True),
        (20, [7, 7, 7, 7], False),
        (21, [7, 7, 7, 7], True),
        (60, [100, 0, 0, 0], False),
        (75, [100, 0, 0, 0], True),
        (20, [], True),
    ],
)
def test_an_hour_is_compared_with_four_weeks_and_with_the_least(now: int, weeks: list[int], is_one: bool) -> None:
    found = surge.of_hour({"c:C1.03": now}, [{"c:C1.03": count} for count in weeks], RULES)
    assert [one.topic for one in found] == ["c:C1.03"] * is_one


def test_five_at_one_place_on_a_day_are_a_surge_and_nowhere_is_no_place() -> None:
    counts = [("c:C1.03", "幸福小区", 5), ("c:C1.03", "建设路", 4), ("c:C1.03", "", 50), ("c:C2.01", "人民路", 7)]
    found = surge.at_places(counts, RULES)
    assert [(one.topic, one.place, one.contacts) for one in found] == [("c:C2.01", "人民路", 7), ("c:C1.03", "幸福小区", 5)]


@given(
    st.dictionaries(st.sampled_from("abc"), st.integers(0, 200)),
    st.lists(st.dictionaries(st.sampled_from("abc"), st.integers(0, 200)), max_size=4),
    st.integers(1, 100),
)
def test_more_contacts_never_end_a_surge_and_more_that_is_usual_never_begins_one(
    now: dict[str, int], before: list[dict[str, int]], more: int
) -> None:
    surged = {one.topic for one in surge.of_hour(now, before, RULES)}
    assert surged <= {one.topic for one in surge.of_hour({t: n + more for t, n in now.items()}, before, RULES)}
    assert surged >= {one.topic for one in surge.of_hour(now, [{t: n + more for t, n in week.items()} for week in before], RULES)}
