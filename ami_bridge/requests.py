"""The requests of a call, each with exactly one outcome (metrics, sections 1 and 2). Pure.

A request is a chain of visits of queues: a visit that begins without the caller's doing after one that ended in vain is an
overflow and belongs to the same request. A key pressed in between, a choice in a menu, an answer by an agent or a transfer by
one begins another.
"""

from __future__ import annotations

import datetime as dt
from itertools import pairwise

import msgspec

from ami_bridge import calls, facts, outcomes, visits
from ami_bridge.calls import Call, Source
from ami_bridge.lines import Kind, Request
from ami_bridge.outcomes import End
from ami_bridge.visits import Visit

_CALLED_BACK = "disposition:callback_requested"
_WHOLE_SECOND_US = 1_000_000
_A_SECOND = dt.timedelta(seconds=1)
_AT_ONCE = dt.timedelta(milliseconds=100)


class Rules(msgspec.Struct, frozen=True):
    """What a city may set (CFG-05)."""

    short_abandon_us: int = 5_000_000


class _Chain(msgspec.Struct):
    """A request in the making: its visits, how the last one ended, and when the next request of the call begins."""

    kind: Kind
    visits: list[Visit]
    outcome: str = "waiting"
    until: dt.datetime | None = None


def of_call(call: Call, rules: Rules, node: str = "") -> tuple[Request, ...]:
    """The requests of this call, in the order of their starts; none of an agent's own call."""
    if not call.is_inbound or not call.told:
        return ()
    visited = visits.of_call(call)
    if not visited:
        return ()
    found = _chains(call, visited)
    for chain, following in pairwise(found):
        chain.until = following.visits[0].joined_at
    return tuple(_request(call, chain, rules, node, number) for number, chain in enumerate(found, start=1))


def _chains(call: Call, found: list[Visit]) -> list[_Chain]:
    transfers = _transfers(call)
    choices = _choices(call) if transfers or len(found) > 1 else []
    chains: list[_Chain] = []
    for index, visit in enumerate(found):
        chain = chains[-1] if chains else None
        before = chain.visits[-1] if chain else None
        begins = _at_the_latest(visit)
        since = _ended(call, before, chain.outcome) if chain and before else None
        if chain and since and chain.outcome in outcomes.GOES_ON and not _any_between(choices, since, begins):
            chain.visits.append(visit)
        else:
            sent = _is_sent(call, visit, found[:index], transfers, choices)
            chain = _Chain("transfer" if sent else "caller", [visit])
            chains.append(chain)
        chain.outcome = outcomes.of_visit(_end(call, visit, found[index + 1] if index + 1 < len(found) else None))
    return chains


def _is_sent(call: Call, visit: Visit, earlier: list[Visit], transfers: list[dt.datetime], choices: list[dt.datetime]) -> bool:
    """Whether an agent sent the caller here: by a transfer, or by waiting here in the caller's place (another channel joined)."""
    if visit.channel != call.call_id and any(one.connection for one in earlier):
        return True
    begins = _at_the_latest(visit) if earlier else visit.joined_at
    sent = _any_between(transfers, earlier[-1].joined_at if earlier else None, begins)
    return bool(sent) and not _any_between(choices, max(sent), begins)


def _at_the_latest(visit: Visit) -> dt.datetime:
    """When it began: of the queue log's whole second, the end; and a transfer may be told just after what it led to."""
    return visit.joined_at + (_A_SECOND if Source.QUEUE_LOG in visit.sources else _AT_ONCE)


def _end(call: Call, visit: Visit, following: Visit | None) -> End:
    gone = call.ended.at if call.ended else None
    if call.asked is not None and (gone is None or call.asked < gone):
        gone = call.asked
    since = visit.left_at or visit.joined_at
    went_on = following is not None or (visit.left_at is not None and any(at > since for at, _, _ in call.walked))
    return End(visit=visit, gone_at=gone, went_on=went_on, lost=call.lost and call.ended is None)


def _ended(call: Call, visit: Visit, outcome: str) -> dt.datetime | None:
    """When this visit's waiting was over."""
    if outcome == "waiting":
        return None
    if outcome == "answered":
        return visit.connection.at if visit.connection else visit.left_at or visit.exited_at
    if outcome == "abandoned":
        return _given_up(call, visit)
    return visit.left_at or visit.exited_at or calls.closed_at(call) or call.last_at


def _given_up(call: Call, visit: Visit) -> dt.datetime:
    """When the caller hung up, by the telephone's own word: app_queue may notice only when the agent's has rung out."""
    told = [at for at in (call.asked, None if visit.is_reached else visit.left_at) if at and at >= visit.joined_at]
    return min(told, default=call.ended.at if call.ended else visit.left_at or call.last_at)


def _request(call: Call, chain: _Chain, rules: Rules, node: str, number: int) -> Request:
    first, last = chain.visits[0], chain.visits[-1]
    outcome, ended_at = chain.outcome, _ended(call, last, chain.outcome)
    if ended_at is not None:
        ended_at = max(ended_at, first.joined_at)
    if outcome in outcomes.MAY_BE_CALLED_BACK and _accepted_call_back(call, last.joined_at, chain.until):
        outcome = "callback"
    if outcome == "abandoned" and ended_at is not None:
        wait_us = (ended_at - first.joined_at) // dt.timedelta(microseconds=1)
        outcome = "short_abandoned" if wait_us < rules.short_abandon_us else outcome
    worst = _worst(call, chain, outcome)
    guessed = any(visit.is_guessed for visit in chain.visits) or _end_is_unseen(last, outcome)
    lost = outcome == "system_fault" and call.lost
    return Request(
        node=node,
        call_id=call.call_id,
        number=number,
        kind=chain.kind,
        caller=call.caller_number,
        queue=last.queue,
        first_queue=first.queue,
        requested_at=first.joined_at,
        ended_at=ended_at,
        outcome=outcome,
        agent=last.connection.agent if last.connection else None,
        hops=len(chain.visits) - 1,
        repaired=worst is not Source.AMI or guessed or lost,
        source="snapshot" if lost else worst.name.lower(),
        precision_us=_WHOLE_SECOND_US if worst is Source.QUEUE_LOG or guessed or lost else 1,
    )


def _end_is_unseen(visit: Visit, outcome: str) -> bool:
    """Whether the request ended in a way that app_queue would have told, and did not: something was missed."""
    if outcome == "answered":
        return visit.connection is None
    return outcome in ("abandoned", "short_abandoned") and visit.left_at is None


def _worst(call: Call, chain: _Chain, outcome: str) -> Source:
    """The least exact of those who told of this request."""
    told = {source for visit in chain.visits for source in visit.sources}
    if outcome in ("abandoned", "short_abandoned") and call.ended and chain.visits[-1].left_at is None:
        told.add(call.ended.source)
    return max(told, default=Source.AMI)


def _accepted_call_back(call: Call, since: dt.datetime, until: dt.datetime | None) -> bool:
    """Whether the caller accepted to be called back after this request and before the next (the log alone gives no times)."""
    times = [at for at, _, step in call.walked if step == _CALLED_BACK]
    if not times:
        return _CALLED_BACK in call.path_seen and until is None
    return any(since <= at and (until is None or at < until) for at in times)


def _choices(call: Call) -> list[dt.datetime]:
    """When the caller pressed a key, in a menu of ours or heard by Asterisk."""
    pressed = [at for at, _, step in call.walked if step.partition(":")[2] in _KEYS]
    return pressed + [at for at, _, fact in call.told if type(fact) is facts.KeyPressed and fact.uniqueid == call.call_id]


_KEYS = frozenset("0123456789*#")


def _transfers(call: Call) -> list[dt.datetime]:
    """When an agent sent the caller on."""
    return [
        at
        for at, _, fact in call.told
        if type(fact) is facts.Transferred or (type(fact) is facts.AgentCompleted and fact.reason == "transfer")
    ]


def _any_between(times: list[dt.datetime], begin: dt.datetime | None, end: dt.datetime) -> list[dt.datetime]:
    return [at for at in times if (begin is None or begin <= at) and at <= end]
