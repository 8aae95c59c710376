"""How often somebody may guess."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from desks.attempts import Attempts


@given(st.lists(st.floats(0, 50), min_size=1, max_size=60))
def test_never_more_failures_than_allowed_within_the_time(pauses: list[float]) -> None:
    attempts, now, failed = Attempts(3, 100), 0.0, list[float]()
    for pause in pauses:
        now += pause
        is_allowed = len([at for at in failed if at > now - 100]) < 3
        assert attempts.is_allowed("a", now) == is_allowed
        assert attempts.is_allowed("b", now)
        if is_allowed:
            attempts.failed("a", now)
            failed.append(now)


def test_a_success_forgets_what_went_before_and_the_memory_is_bounded() -> None:
    attempts = Attempts(1, 100)
    attempts.failed("a", 0)
    attempts.succeeded("a")
    assert attempts.is_allowed("a", 0)
    for number in range(20_000):
        attempts.failed(str(number), 0)
    assert attempts.is_allowed("0", 0)
    assert not attempts.is_allowed("19999", 0)
