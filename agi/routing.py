"""The talk about where a call goes: one question to ``acd.routing``, one command that sets the answer's variables. Pure.

The dialplan (asterisk-conf/routing.conf.j2) asks ``agi://…/route`` before each wait: the queue, how its queues stand, the wait so
far in whole seconds, and ``left`` when the caller has just left that queue. A session that fails sets nothing, and the dialplan
goes on with what it knows itself.
"""

from __future__ import annotations

from agi.codec import Environment, Reply
from agi.session import MARGIN_SECONDS, NUMBER, End, Fetch, Send, Step, Wait, set_variables
from ivr_flows.lookups import Answer

SCRIPT = "route"
ASKS = "route"
"""The question's name among the look-ups."""


class RouteSession:
    """One question; see ``agi.session.Session``."""

    gone = False

    def __init__(self, environment: Environment) -> None:
        self._environment = environment

    @property
    def call_id(self) -> str:
        """The caller's uniqueid."""
        return self._environment.uniqueid

    @property
    def caller(self) -> str:
        """The caller's number; empty when it is withheld or none."""
        number = self._environment.caller_number
        return number if NUMBER.match(number) else ""

    def begin(self) -> Step:
        """Ask where the call goes."""
        names = ("queue", "floor", "waited", "left")
        return Fetch(ASKS, {name: self._environment.argument(place) for place, name in enumerate(names, start=1)})

    def looked(self, answer: Answer) -> Step:
        """The variables of the route; without one the dialplan decides."""
        if answer.exit != "found" or self.gone:
            return End(finished=not self.gone)
        return Send(set_variables(answer.values), MARGIN_SECONDS)

    def answered(self, reply: Reply) -> Step:
        """All is set, or the caller is gone."""
        return Wait() if 100 <= reply.code < 200 else End(finished=reply.code == 200)

    def hung_up(self) -> Step:
        """There is nothing to route any more."""
        self.gone = True
        return End(finished=False)

    def still_looking(self) -> Step:
        """Nobody is told: the caller hears nothing yet."""
        return Wait()

    def kept(self, *, safe: bool) -> Step:
        """Nothing is kept here."""
        del safe
        return End(finished=True)

    def stored(self) -> Step:
        """Nothing is stored here."""
        return End(finished=True)
