"""A session for each connection of Asterisk: which flow it walks, what time it is, and what stands in for a missing prompt."""

from __future__ import annotations

from agi import code_talk
from agi.code_talk import CodeSession
from agi.codec import Environment
from agi.routing import SCRIPT, RouteSession
from agi.session import Session, saved_state
from hotline import calendar, clock, paths
from hotline.settings import Settings
from ivr_flows.library import Library
from ivr_flows.turns import Moment
from ivr_flows.voice import Voice


class Sessions:
    """Makes sessions; holds the flows and the voice of this process."""

    def __init__(self, settings: Settings) -> None:
        """Raises ``FlowRefused`` or ``FlowError`` when there is no flow to begin with."""
        self._settings = settings
        self._library = Library(settings)
        self._voice = Voice(paths.var() / "asterisk" / "sounds")

    def make(self, environment: Environment) -> Session | RouteSession | CodeSession:
        """A call that begins gets the flow as it is now; one that comes back gets its own version."""
        if environment.script == SCRIPT:
            return RouteSession(environment)
        if environment.script == code_talk.SCRIPT:
            return CodeSession(environment, self._voice.resolve)
        state = saved_state(environment)
        flow = self._library.version(state.flow) if state else self._library.current()
        return Session(flow, environment, state, moment=self._moment, resolve=self._voice.resolve)

    def _moment(self) -> Moment:
        now = clock.shanghai_now()
        today = calendar.moment(self._settings, now)
        return Moment(now, today.staffed, today.situation)
