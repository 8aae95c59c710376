"""The rates: one table, from which a figure and the reason for each of its lines are read (metrics, sections 4 and 5). Pure.

A rate is computed from a tally by the same table that says of a single request whether it is counted, so the sum over the lines
is the rate by construction. Nothing is read from Asterisk's own counters.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal

import msgspec

from ami_bridge.figures import tally
from ami_bridge.figures.tally import Tally
from ami_bridge.lines import ENDED, Request

Limit = Literal["", "answer", "second"]
_SECOND_US = 1_000_000
_ANSWERED = frozenset({"answered"})
_ENDED = frozenset(ENDED)
_NET = _ENDED - {"short_abandoned"}
_LEFT_THE_QUEUE = frozenset({"short_abandoned", "abandoned", "timed_out"})


class Rules(msgspec.Struct, frozen=True):
    """What a city may set (CFG-05): whole seconds; goals as shares of 1."""

    answer_seconds: int = 15
    second_answer_seconds: int = 20
    answer_goal: float = 0.80
    connection_goal: float = 0.95


class Rate(msgspec.Struct, frozen=True, kw_only=True):
    """``counted`` of ``base`` are outcomes; with a limit, only those that waited no longer than it are counted."""

    chinese: str
    counted: frozenset[str]
    base: frozenset[str]
    limit: Limit = ""
    goal: Literal["", "answer", "connection"] = ""


RATES: dict[str, Rate] = {
    "answer_timely_connected": Rate(chinese="人工应答及时率", counted=_ANSWERED, base=_ANSWERED, limit="answer", goal="answer"),
    "answer_timely_offered": Rate(chinese="15秒接通率(请求口径)", counted=_ANSWERED, base=_NET, limit="answer"),
    "answer_timely_connected_second": Rate(chinese="20秒应答及时率", counted=_ANSWERED, base=_ANSWERED, limit="second"),
    "answer_timely_offered_second": Rate(chinese="20秒接通率(请求口径)", counted=_ANSWERED, base=_NET, limit="second"),
    "connection_rate": Rate(chinese="人工接通率", counted=_ANSWERED, base=_ENDED, goal="connection"),
    "connection_rate_net": Rate(chinese="有效接通率", counted=_ANSWERED, base=_NET),
    "abandon_rate": Rate(chinese="放弃率", counted=frozenset({"abandoned"}), base=_NET),
    "asterisk_sl": Rate(chinese="app_queue ServicelevelPerf", counted=_ANSWERED, base=_ANSWERED, limit="answer"),
    "asterisk_sl2": Rate(
        chinese="app_queue ServicelevelPerf2",
        counted=_ANSWERED | _LEFT_THE_QUEUE,
        base=_ANSWERED | _LEFT_THE_QUEUE,
        limit="answer",
    ),
    "wazo_qos": Rate(chinese="Wazo QoS", counted=_ANSWERED, base=_ANSWERED, limit="answer"),
    "wazo_answered_rate": Rate(
        chinese="Wazo answered rate",
        counted=_ANSWERED,
        base=_ANSWERED | {"short_abandoned", "abandoned", "queue_full", "no_agents", "timed_out"},
    ),
}
"""The rates over requests. The two over calls follow: they need calls that never asked for an agent."""
LITERAL, MENU = "connection_rate_literal", "ivr_hangups"
NAMES = (*RATES, LITERAL, MENU)


class Calls(msgspec.Struct, frozen=True):
    """Calls, those of them that an agent answered, and those that ended in the menu with nothing (``ivr_hangups``)."""

    calls: int = 0
    answered: int = 0
    ivr_hangups: int = 0

    def __add__(self, other: Calls) -> Calls:
        return Calls(self.calls + other.calls, self.answered + other.answered, self.ivr_hangups + other.ivr_hangups)


class Figure(msgspec.Struct, frozen=True):
    """``n`` of ``d``; ``value`` is their quotient, None when there is nothing to divide by. ``d`` is None for a plain count."""

    n: int
    d: int | None
    value: float | None
    goal: float | None = None


def figures(found: Tally, calls: Calls, rules: Rules) -> dict[str, Figure]:
    """Every figure of section 4, by name."""
    named = {name: _rate(rate, found, rules) for name, rate in RATES.items()}
    named[LITERAL] = _figure(calls.answered, calls.calls)
    named[MENU] = Figure(calls.ivr_hangups, None, None)
    return named


def why(request: Request, rules: Rules, *, is_first_of_call: bool, call_is_answered: bool) -> dict[str, str]:
    """Of each rate: ``counted``, ``counted_in_denominator`` or ``excluded: <reason>`` (metrics, section 5)."""
    if request.kind == "transfer":
        return dict.fromkeys(NAMES, "excluded: transfer")
    return {name: _part(rate, request, rules) for name, rate in RATES.items()} | {
        LITERAL: _literal(is_first_of_call, call_is_answered),
        MENU: "excluded: asked for an agent",
    }


def why_of_call(*, is_answered: bool, is_menu_hangup: bool) -> dict[str, str]:
    """The same of a call, for the two figures over calls."""
    return {
        LITERAL: "counted" if is_answered else "counted_in_denominator",
        MENU: "counted" if is_menu_hangup else "excluded: it did not end in the menu with nothing",
    }


def waits(found: Tally) -> dict[str, float | int | None]:
    """Seconds of waiting, of the answered and of all ended: true mean and longest (exact), median and p90 (whole seconds)."""
    return _waits("answered", found.waits("answered")) | _waits("all", found.waits(*ENDED))


def of_requests(requests: Iterable[Request]) -> Tally:
    """The tally of these requests, transfers left out (they are counted by themselves)."""
    return tally.of((one.outcome, one.wait_us(), one.repaired) for one in requests if one.kind == "caller")


def _waits(name: str, found: tally.Waits) -> dict[str, float | int | None]:
    return {
        f"{name}_mean": found.sum_us / found.n / _SECOND_US if found.n else None,
        f"{name}_median": tally.percentile(found, 0.5),
        f"{name}_p90": tally.percentile(found, 0.9),
        f"{name}_max": found.max_us / _SECOND_US if found.n else None,
    }


def _rate(rate: Rate, found: Tally, rules: Rules) -> Figure:
    seconds = _seconds(rate, rules)
    counted = found.n(rate.counted) if seconds is None else found.within(rate.counted, seconds)
    goal = {"answer": rules.answer_goal, "connection": rules.connection_goal}.get(rate.goal)
    return _figure(counted, found.n(rate.base), goal)


def _part(rate: Rate, request: Request, rules: Rules) -> str:
    if request.outcome not in rate.base:
        return f"excluded: {request.outcome}"
    seconds = _seconds(rate, rules)
    in_time = seconds is None or request.wait_us() <= seconds * _SECOND_US
    return "counted" if request.outcome in rate.counted and in_time else "counted_in_denominator"


def _literal(is_first_of_call: bool, call_is_answered: bool) -> str:
    if not is_first_of_call:
        return "excluded: another request of the same call"
    return "counted" if call_is_answered else "counted_in_denominator"


def _seconds(rate: Rate, rules: Rules) -> int | None:
    return {"": None, "answer": rules.answer_seconds, "second": rules.second_answer_seconds}[rate.limit]


def _figure(n: int, d: int, goal: float | None = None) -> Figure:
    return Figure(n, d, n / d if d else None, goal)
