"""The floor: what each agent does now, who is a member, and whether a queue is overloaded (metrics, section 3).

Not part of the journal: nothing here is assumed over a gap. After each login the list of all queues restates every member and
every waiting caller; a window of overload that was open when the link broke ended when Asterisk was last heard of.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Mapping

from ami_bridge import facts, members, membership, overload
from ami_bridge.fact import Fact
from ami_bridge.member_facts import ListingEnded, QueueListed, WaitingSeen
from ami_bridge.members import AgentState
from ami_bridge.membership import Listed, Member
from ami_bridge.overload import Effect
from hotline.settings import Queue


class Floor:
    """Agents, members and waiting callers of one node, as they are told.

    ``show`` gets each agent that changed, ``keep`` each member, ``mark`` each window. ``wrapups``: of queues that have their own.
    """

    def __init__(
        self,
        settings: Queue,
        show: Callable[[AgentState], None],
        mark: Callable[[Effect], None],
        keep: Callable[[Member | Listed], None],
        wrapups: Mapping[str, int] = {},
    ) -> None:
        self._show, self._mark, self._keep = show, mark, keep
        self._members = members.State(wrapup_seconds=settings.wrapup_seconds, wrapups=wrapups)
        self._membership = membership.State()
        self._overload = overload.State(waiting_limit=settings.overload_waiting)
        self._waiting: dict[str, set[str]] = {}
        self._listed: dict[str, set[str]] = {}
        self._is_known = False

    def hear(self, fact: Fact) -> None:
        """One fact, in order."""
        self._tell(members.apply(self._members, fact))
        for member in membership.apply(self._membership, fact):
            self._keep(member)
        match fact:
            case facts.CallerJoined():
                self._waiting.setdefault(fact.queue, set()).add(fact.uniqueid)
            case facts.CallerLeft() | facts.CallerAbandoned():
                self._waiting.get(fact.queue, set()).discard(fact.uniqueid)
            case facts.ChannelEnded():
                for callers in self._waiting.values():
                    callers.discard(fact.uniqueid)
            case QueueListed():
                self._listed.setdefault(fact.queue, set())
            case WaitingSeen():
                self._listed.setdefault(fact.queue, set()).add(fact.uniqueid)
            case ListingEnded():
                self._waiting, self._listed, self._is_known = self._listed, {}, True
            case _:
                return
        self._judge(fact.at)

    def list_all(self, found: Iterable[Fact]) -> None:
        """The list of all queues, after a login."""
        self._listed = {}
        membership.begin(self._membership)
        for fact in found:
            self.hear(fact)

    def unlike(self, listing: Iterable[Fact]) -> set[membership.Key]:
        """The members about which a list of all queues says otherwise."""
        return membership.unlike(self._membership, listing)

    def recall(self, found: Iterable[Fact]) -> None:
        """What the evidence says of conversations that go on, once a gap is repaired (``ami_bridge/hands.py``)."""
        for fact in found:
            self.hear(fact)

    def tick(self, at: dt.datetime) -> None:
        """Time has passed."""
        due = members.next_deadline(self._members)
        if due is not None and due <= at:
            self._tell(members.tick(self._members, at))

    def lose(self, heard_at: dt.datetime) -> None:
        """The link is gone."""
        self._is_known = False
        for effect in overload.lose(self._overload, heard_at):
            self._mark(effect)

    def _tell(self, changed: list[AgentState]) -> None:
        for agent in changed:
            self._show(agent)
        if changed:
            self._judge(max(agent.at for agent in changed))

    def _judge(self, at: dt.datetime) -> None:
        """Whether each queue is overloaded now; unknown until all queues were listed."""
        if not self._is_known:
            return
        for queue in overload.queues(self._members) | self._overload.open.keys():
            waiting = len(self._waiting.get(queue, ()))
            if waiting <= self._overload.waiting_limit and queue not in self._overload.open:
                continue
            for effect in overload.step(self._overload, queue, waiting, overload.staff(self._members, queue), at):
                self._mark(effect)
