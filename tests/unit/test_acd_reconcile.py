"""What is asked of Asterisk to make its queues as they should be: carried out, nothing is left to ask; pauses made there."""

from __future__ import annotations

import datetime as dt
import uuid

from hypothesis import given
from hypothesis import strategies as st

from acd import reconcile
from acd.reconcile import Command, Present, Wanted, Work
from ami_bridge import actions

NOW = dt.datetime(2026, 1, 1, 8, tzinfo=dt.UTC)
AGENTS = ("1001", "1002", "1003")
COMMAND = uuid.UUID(int=1)
QUEUES = ("hotline", "english", "hotline.1001")


def work(agent: str = "1001", seat: str = "1001", *, paused: bool = False, reason: str = "") -> Work:
    return Work(agent=agent, seat=seat, ordered_at=NOW, paused=paused, pause_reason=reason)


def member(key: reconcile.Key, one: Wanted, *, told_after: float | None = None) -> Present:
    told = None if told_after is None else NOW + dt.timedelta(seconds=told_after)
    return Present(
        queue=key[0],
        interface=key[1],
        agent=one.agent,
        penalty=one.penalty,
        paused=one.paused,
        pause_reason=one.pause_reason,
        status=1,
        paused_at=told,
    )


WANTED = st.builds(
    Wanted, agent=st.sampled_from(AGENTS), penalty=st.integers(0, 14), paused=st.just(False), pause_reason=st.just("")
) | st.builds(
    Wanted, agent=st.sampled_from(AGENTS), penalty=st.integers(0, 14), paused=st.just(True), pause_reason=st.just("meal")
)
KEYS = st.tuples(st.sampled_from(QUEUES), st.sampled_from([one for seat in AGENTS for one in reconcile.interfaces(seat)]))


def asterisk(there: dict[reconcile.Key, Present], commands: list[Command]) -> dict[reconcile.Key, Present]:
    """What app_queue makes of the commands, refusals included."""
    found = dict(there)
    for command in commands:
        given = command.parameters
        interface, queue = str(given["interface"]), str(given.get("queue", ""))
        paused, reason = bool(given.get("paused")), str(given.get("reason", ""))
        match command.action:
            case "QueueAdd" if (queue, interface) not in found:
                one = Wanted(agent=str(given["member"]), penalty=int(given["penalty"]), paused=paused, pause_reason=reason)
                found[queue, interface] = member((queue, interface), one)
            case "QueueRemove":
                found.pop((queue, interface), None)
            case "QueuePenalty":
                before = found[queue, interface]
                one = Wanted(
                    agent=before.agent, penalty=int(given["penalty"]), paused=before.paused, pause_reason=before.pause_reason
                )
                found[queue, interface] = member((queue, interface), one)
            case "QueuePause":
                for key, before in list(found.items()):
                    if key[1] == interface:
                        one = Wanted(agent=before.agent, penalty=before.penalty, paused=paused, pause_reason=reason)
                        found[key] = member(key, one)
            case _:
                pass
    return found


@st.composite
def plans(draw: st.DrawFn) -> dict[reconcile.Key, Wanted]:
    """One agent at each telephone, paused in all queues or in none, as sessions have it."""
    at_work = [
        work(agent, seat, paused=draw(st.booleans()), reason="")
        for agent, seat in zip(draw(st.permutations(AGENTS)), AGENTS, strict=True)
        if draw(st.booleans())
    ]
    at_work = [work(one.agent, one.seat, paused=one.paused, reason="meal" if one.paused else "") for one in at_work]
    pairs = draw(st.dictionaries(st.tuples(st.sampled_from(QUEUES), st.sampled_from(AGENTS)), st.integers(0, 14)))
    return reconcile.wanted(at_work, pairs)


@given(plans(), st.dictionaries(KEYS, WANTED))
def test_once_carried_out_nothing_is_left_to_ask_whatever_was_there(
    want: dict[reconcile.Key, Wanted], was: dict[reconcile.Key, Wanted]
) -> None:
    there = {key: member(key, one) for key, one in was.items()}
    for _ in range(2):  # members of one telephone that are paused in some queues only take a second look
        there = asterisk(there, reconcile.difference(want, there))
    assert reconcile.difference(want, there) == []
    assert {key: one.agent for key, one in there.items()} == {key: one.agent for key, one in want.items()}


@given(plans(), st.dictionaries(KEYS, WANTED))
def test_every_command_may_be_asked_of_asterisk(want: dict[reconcile.Key, Wanted], was: dict[reconcile.Key, Wanted]) -> None:
    there = {key: member(key, one) for key, one in was.items()}
    for command in [*reconcile.difference(want, there), *reconcile.renewal(want)]:
        assert actions.prepare(command.action, command.parameters, COMMAND).headers["Action"] == command.action


@given(plans(), plans())
def test_an_order_needs_no_sight_of_asterisk_to_come_from_what_was_wanted_to_what_is(
    before: dict[reconcile.Key, Wanted], after: dict[reconcile.Key, Wanted]
) -> None:
    there = {key: member(key, one) for key, one in before.items()}
    there = asterisk(there, reconcile.change(before, after))
    assert reconcile.difference(after, there) == []


def test_what_adds_comes_before_what_takes_away() -> None:
    before = reconcile.wanted([work()], {("hotline", "1001"): 0})
    after = reconcile.wanted([work(seat="1005")], {("hotline", "1001"): 0})
    assert [command.action for command in reconcile.change(before, after)] == ["QueueAdd"] * 2 + ["QueueRemove"] * 2


def test_a_member_that_is_no_telephone_of_a_seat_is_left_alone() -> None:
    key = ("hotline", "Local/1@elsewhere/n")
    there = {key: member(key, Wanted(agent="x", penalty=0, paused=False, pause_reason=""))}
    assert reconcile.difference({}, there) == []


def test_a_pause_made_at_asterisk_at_all_telephones_after_the_last_order_is_the_agents() -> None:
    paused = Wanted(agent="1001", penalty=0, paused=True, pause_reason="lunch")
    keys = list(reconcile.wanted([work()], {("hotline", "1001"): 0}))
    newer_by = dt.timedelta(seconds=2)

    def adopted(*told: float | None, one: Wanted = paused) -> object:
        return reconcile.adopted(
            [work()], [member(key, one, told_after=at) for key, at in zip(keys, told, strict=True)], newer_by
        )

    assert adopted(10, 11) == {"1001": (True, "lunch", NOW + dt.timedelta(seconds=10))}
    assert adopted(1, 11) == {}, "told before the order was carried out"
    assert adopted(None, 11) == {}, "only listed"
    ready = Wanted(agent="1001", penalty=0, paused=False, pause_reason="")
    assert adopted(10, 11, one=ready) == {}, "as it should be"
    half = [member(keys[0], paused, told_after=10), member(keys[1], ready, told_after=10)]
    assert reconcile.adopted([work()], half, newer_by) == {}, "at one telephone only"
