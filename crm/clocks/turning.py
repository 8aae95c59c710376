"""What orders of a decision do to the clocks of a ticket (LIF-40, TIM-34, RET-07, EXT-13). Pure.

``start``      a clock that runs begins anew, goes on, or gets another beside it, as its kind says; one that was stopped gets the
               next round
``stop``       says whether it was in time; of one that is paused, whether it was when it was paused; of several beside each other
               it stops the one whose time is named (SUP-17), else the newest
``pause``, ``resume``   the time between is added (TIM-34)
``extend``     by days (EXT-13)
``restart``    one that was stopped runs again; the time between does not count (a reply that was refused: RPL-14)
``recompute``  what is known of the ticket changed
``all``        every clock; ``resume`` brings back those that ``stop`` of ``all`` took away (a merge that is undone: TKT-17)
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping, Sequence

import msgspec

from crm.clocks import plan
from crm.clocks.clock import Clock, Logged, set_due
from crm.clocks.due import Facts, due, working_time
from crm.clocks.kinds import KINDS
from crm.clocks.reasons import Reason
from crm.clocks.working import WorkingTime
from crm.profiles.profile import Profile
from crm.tickets.change import ClockOrder
from crm.tickets.ticket import AT_UNIT, Ticket
from hotline.settings import Calendar

UNITS_CLOCKS = frozenset(("receive", "return", "handle", "promise", "supervision"))
_replace = msgspec.structs.replace


class Turning:
    """The clocks of one ticket while orders are carried out; ``changed`` and ``log`` are what came of it."""

    def __init__(
        self,
        ticket: Ticket,
        clocks: Sequence[Clock],
        profiles: Mapping[int, Profile],
        version: int,
        calendar: Calendar,
    ) -> None:
        """``profiles`` by version: those of ``clocks`` and the one in force, ``version``."""
        self._ticket, self._profiles, self._version = ticket, profiles, version
        self._clocks = {(clock.kind, clock.round): clock for clock in clocks}
        self._workings = {number: working_time(profile, calendar) for number, profile in profiles.items()}
        self.changed: dict[tuple[str, int], Clock] = {}
        self.log: list[Logged] = []

    def carry_out(self, order: ClockOrder, now: dt.datetime) -> None:
        """One order. One to a clock that there is not, or that stands so already, does nothing."""
        for kind in KINDS if order.clock == "all" else (order.clock,):
            _VERBS[order.verb](self, kind, order, now)

    def end(self, now: dt.datetime) -> None:
        """The ticket is over: what still ran is taken away, neither in time nor late."""
        for clock in list(self._clocks.values()):
            if clock.stopped_at is None:
                stopped = _replace(self._unpaused(clock, now), stopped_at=now, stopped_with="one", next_fire_at=None)
                self._put(stopped, "stop", clock.due_at)

    def newest(self, kind: str) -> Clock | None:
        """The clock of the last round."""
        rounds = [number for name, number in self._clocks if name == kind]
        return self._clocks[kind, max(rounds)] if rounds else None

    def start(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        last, again = self.newest(kind), KINDS[kind].again
        if last is not None and last.stopped_at is None and again != "beside":
            if again == "goes_on":
                self._go_on(last, order, now)
            else:
                self._begin_anew(last, order, now)
            return
        clock = Clock(
            ticket_id=self._ticket.ticket_id,
            kind=kind,
            round=last.round + 1 if last else 1,
            unit=self._unit(kind),
            started_at=order.since or now,
            due_at=now,
            profile_version=self._version,
            facts=self._facts(kind, order),
        )
        self._keep(clock, "start", now, None, fresh=True)

    def _go_on(self, last: Clock, order: ClockOrder, now: dt.datetime) -> None:
        """It runs on, for the unit that has it now; a due time that is named counts (ESC-02)."""
        facts = _replace(last.facts, until=order.until or last.facts.until)
        kept = _replace(last, unit=self._unit(last.kind), facts=facts)
        if kept != last:
            self._keep(kept, "start", now, last)

    def _begin_anew(self, last: Clock, order: ClockOrder, now: dt.datetime) -> None:
        begun = _replace(
            last,
            unit=self._unit(last.kind),
            started_at=now,
            paused_at=None,
            facts=self._facts(last.kind, order),
            profile_version=self._version,
            extension=last.extension + 1,
            next_step=0,
        )
        self._keep(begun, "start", now, last, (Reason("begun_anew"),), fresh=True)

    def stop(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        is_all = order.clock == "all"
        for clock in self._running(kind, all_of_them=is_all, until=order.until):
            met = None if is_all else (clock.paused_at or now) <= clock.due_at
            stopped = _replace(self._unpaused(clock, now), stopped_at=now, stopped_with="all" if is_all else "one", met=met)
            self._put(_replace(stopped, next_fire_at=None), "stop", clock.due_at)

    def pause(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        for clock in self._running(kind, all_of_them=order.clock == "all"):
            if clock.paused_at is None:
                self._put(_replace(clock, paused_at=now, next_fire_at=None), "pause", clock.due_at)

    def resume(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        last, is_all = self.newest(kind), order.clock == "all"
        if is_all and last is not None and last.stopped_with == "all":
            self._reopen(last, "resume", now)
        for clock in self._running(kind, all_of_them=is_all):
            if clock.paused_at is not None:
                self._keep(self._unpaused(clock, now), "resume", now, clock, (Reason("resumed"),))

    def restart(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        last = self.newest(kind)
        if last is None:
            self.start(kind, order, now)
        elif last.stopped_at is not None:
            self._reopen(last, "restart", now)

    def extend(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        for clock in self._running(kind):
            facts = _replace(clock.facts, extensions=(*clock.facts.extensions, order.days))
            longer = _replace(clock, facts=facts, extension=clock.extension + 1, next_step=0)
            self._keep(longer, "extend", now, clock, fresh=True)

    def recompute(self, kind: str, order: ClockOrder, now: dt.datetime) -> None:
        for clock in self._running(kind, all_of_them=True):
            old = clock.facts
            kept = _replace(self._facts(kind, order), pauses=old.pauses, extensions=old.extensions, is_redo=old.is_redo)
            kept = _replace(kept, until=order.until or old.until)
            self._keep(_replace(clock, facts=kept), "recompute", now, clock)

    def _running(self, kind: str, *, all_of_them: bool = False, until: dt.datetime | None = None) -> list[Clock]:
        """Those that were not stopped, the newest first; of clocks beside each other only the newest, unless all are meant.

        ``until``: only what was started with this time."""
        found = [clock for (name, _), clock in sorted(self._clocks.items(), reverse=True) if name == kind]
        found = [clock for clock in found if clock.stopped_at is None and until in (None, clock.facts.until)]
        return found if all_of_them else found[:1]

    def _reopen(self, clock: Clock, verb: str, now: dt.datetime) -> None:
        assert clock.stopped_at is not None
        facts = _replace(clock.facts, pauses=(*clock.facts.pauses, (clock.stopped_at, now)))
        opened = _replace(clock, facts=facts, stopped_at=None, stopped_with="", met=None)
        self._keep(opened, verb, now, clock, (Reason("resumed"),))

    def _unpaused(self, clock: Clock, now: dt.datetime) -> Clock:
        if clock.paused_at is None:
            return clock
        facts = _replace(clock.facts, pauses=(*clock.facts.pauses, (clock.paused_at, now)))
        return _replace(clock, facts=facts, paused_at=None)

    def _facts(self, kind: str, order: ClockOrder) -> Facts:
        ticket = self._ticket
        if kind != "handle":
            until = order.until or (ticket.promised_at if kind == "promise" else None)
            return Facts(nature=ticket.nature if kind == "promise" else None, until=until)
        return Facts(
            nature=ticket.nature,
            urgent=ticket.urgent,
            is_redo=ticket.redos > 0 or ticket.state == "redo",
            until=order.until,
            regulatory_due_at=ticket.regulatory_due_at,
            upstream_due_at=ticket.upstream_due_at,
        )

    def _unit(self, kind: str) -> str:
        return self._ticket.lead_unit if kind in UNITS_CLOCKS and self._ticket.state in AT_UNIT else ""

    def _keep(
        self,
        clock: Clock,
        verb: str,
        now: dt.datetime,
        old: Clock | None,
        further: tuple[Reason, ...] = (),
        *,
        fresh: bool = False,
    ) -> None:
        """With its due time, armed. ``fresh``: reminders begin anew, those already past are left out."""
        profile, working = self._profiles[clock.profile_version], self._workings[clock.profile_version]
        found = due(clock.kind, clock.started_at, clock.facts, profile, working)
        reasons = (*found.why, *further)
        armed = plan.armed(set_due(clock, found), profile, working, since=now if fresh else None)
        self._put(armed, verb, old.due_at if old else None, reasons)

    def _put(self, clock: Clock, verb: str, old_due: dt.datetime | None, why: tuple[Reason, ...] = ()) -> None:
        self._clocks[clock.kind, clock.round] = self.changed[clock.kind, clock.round] = clock
        self.log.append(Logged(clock.kind, clock.round, verb, old_due, clock.due_at, why))


_VERBS: Mapping[str, Callable[[Turning, str, ClockOrder, dt.datetime], None]] = {
    "start": Turning.start,
    "stop": Turning.stop,
    "pause": Turning.pause,
    "resume": Turning.resume,
    "restart": Turning.restart,
    "extend": Turning.extend,
    "recompute": Turning.recompute,
}


def again(clock: Clock, profile: Profile, working: WorkingTime) -> Clock:
    """Computed anew, as after a change of the calendar; the steps that were fired stay fired."""
    found = due(clock.kind, clock.started_at, clock.facts, profile, working)
    return plan.armed(set_due(clock, found), profile, working)
