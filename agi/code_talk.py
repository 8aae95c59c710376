"""The talk about a feature code: one order to ``acd``, and what its telephone is told. Pure.

The dialplan (asterisk-conf/codes.conf.j2) asks ``agi://…/code`` with the order, the seat, and up to two words that were keyed in.
Before anything is done the channel is told what to say should this process die: that nobody knows (``code/unclear``). One that
is not even reached leaves the dialplan with its own word (``code/away``): nothing was done.
"""

from __future__ import annotations

from agi.codec import Environment, Reply, execute
from agi.session import MARGIN_SECONDS, End, Fetch, Resolve, Send, Step, Wait, set_variables
from ivr_flows.lookups import Answer

SCRIPT = "code"
ASKS = "code"
"""The question's name among the look-ups."""
SAYS = "CODE_SAYS"
UNCLEAR = "code/unclear"
_SPEECH_SECONDS = 30.0
_ASK_SECONDS = 60.0
_PLAY, _ASK = "play", "ask"
"""Among an answer's values: prompts, with spaces between them, to be played, or to be interrupted by a key (``CODE_KEY``); the
others are variables."""
_READ = "CODE_KEY,{},1,,2,10"


class CodeSession:
    """One order; see ``agi.session.Session``."""

    gone = False
    caller = ""

    def __init__(self, environment: Environment, resolve: Resolve, language: str = "zh") -> None:
        self._environment, self._resolve, self._language = environment, resolve, language
        self._rest: list[Send] = []
        self._is_asked = False

    @property
    def call_id(self) -> str:
        """The uniqueid of the telephone's channel."""
        return self._environment.uniqueid

    def begin(self) -> Step:
        """What is said if nobody can say any more."""
        return Send(set_variables({SAYS: UNCLEAR}), MARGIN_SECONDS)

    def answered(self, reply: Reply) -> Step:
        """Then the order, then what came of it, then the end."""
        if 100 <= reply.code < 200:
            return Wait()
        if reply.code != 200 or self.gone:
            return End(finished=False)
        if not self._is_asked:
            self._is_asked = True
            names = ("what", "seat", "first", "second")
            return Fetch(ASKS, {name: self._environment.argument(place) for place, name in enumerate(names, start=1)})
        return self._rest.pop(0) if self._rest else End(finished=True)

    def looked(self, answer: Answer) -> Step:
        """What came of it; in time or not at all."""
        if self.gone:
            return End(finished=False)
        if answer.exit != "found":
            return End(finished=True)
        values = {name: value for name, value in answer.values.items() if name not in (_PLAY, _ASK)}
        if played := self._files(answer.values.get(_PLAY, "")):
            self._rest.append(Send(execute("Playback", played), _SPEECH_SECONDS))
        if asked := self._files(answer.values.get(_ASK, "")):
            self._rest.append(Send(execute("Read", _READ.format(asked)), _ASK_SECONDS))
        return Send(set_variables({SAYS: "", **values}), MARGIN_SECONDS)

    def _files(self, prompts: str) -> str:
        return "&".join(self._resolve(prompt, self._language) for prompt in prompts.split())

    def hung_up(self) -> Step:
        """Nobody listens; the order goes on."""
        self.gone = True
        return End(finished=False)

    def still_looking(self) -> Step:
        """Nobody is told."""
        return Wait()

    def kept(self, *, safe: bool) -> Step:
        """Nothing is kept here."""
        del safe
        return End(finished=True)

    def stored(self) -> Step:
        """Nothing is stored here."""
        return End(finished=True)
