"""Leaving a message: guidance, tone, recording, review, and "saved" only when it is safe on disk (IVR-08 to IVR-11).

What is kept is decided in agi/takes.py, the files are agi/draft.py's. In: the channel variables ``HOTLINE_KIND`` and
``HOTLINE_REASON``. Out: ``HOTLINE_RESULT`` (saved, empty or failed), and the step ``message:RESULT``. Where the call goes then
the flow decides.
"""

from __future__ import annotations

import sys
from contextlib import suppress
from pathlib import Path

from agi import takes
from agi.draft import Draft, Sidecar
from agi.errors import CallerGone, CommandFailed
from agi.takes import Do, Outcome, Talk
from agi.talk import note, say
from agi.telephone import Telephone
from hotline import clock
from hotline.standby_config import StandbyConfig

REVIEW_MS = 5000
TONES = 3
"""How often the tone is given to a caller who presses a key within it."""
ANY_KEY = "0123456789*#"


def leave_message(telephone: Telephone, config: StandbyConfig) -> None:
    """Ask for a message and keep it. Whatever fails, the caller gets a voice and the flow goes on."""
    message = _Message(telephone, config)
    try:
        outcome = message.taken()
    except CallerGone:
        outcome = message.adopted()
    note(telephone, f"message:{outcome}")
    telephone.set("HOTLINE_RESULT", outcome)


class _Message:
    """One caller's message, from the guidance to the disk."""

    def __init__(self, telephone: Telephone, config: StandbyConfig) -> None:
        self._telephone, self._config = telephone, config
        self._longest_ms = config.messages.longest_seconds * 1000
        self._talk = Talk()
        self._draft: Draft | None = None
        self._saved, self._broken = False, False

    def taken(self) -> Outcome:
        """The whole talk; raises ``CallerGone`` when the caller hangs up."""
        try:
            kind = takes.kind_of(self._telephone.get("HOTLINE_KIND"))
            say(self._telephone, takes.GUIDES[kind], "leave-message", keys=ANY_KEY)
            self._draft = self._begun(kind)
            self._converse(self._draft)
            self._finish(self._draft)
        except OSError as error:
            _alarm(error)
            self._broken = True
            return self._apologised()
        except CommandFailed as error:
            apologised = self._apologised()  # a hang-up within the tone looks like this, and ends here: it is no fault
            _alarm(error)
            return apologised
        if self._saved:
            say(self._telephone, "message-saved")
        return "saved" if self._saved else "empty"

    def adopted(self) -> Outcome:
        """The caller hung up instead of pressing a key: what was said counts as much."""
        if self._draft is None or self._broken:
            return "failed" if self._broken else "empty"
        try:
            if not self._saved:
                self._await_asterisk()
                self._talk = takes.closed(self._talk, self._draft.length_ms(self._talk.number))
                self._finish(self._draft)
        except OSError as error:
            _alarm(error)
            return "failed"
        return "saved" if self._saved else "empty"

    def _begun(self, kind: str) -> Draft:
        if not self._config.inbox:
            raise FileNotFoundError("no folder for messages is configured")
        moment, uniqueid = clock.now(), self._telephone.uniqueid()
        sidecar = Sidecar(
            node=self._config.node,
            call_id=uniqueid,
            uniqueid=uniqueid,
            caller_number=self._telephone.caller_number(),
            started_at=moment.isoformat(),
            reason=takes.reason_of(self._telephone.get("HOTLINE_REASON")),
            kind=kind,
        )
        return Draft(Path(self._config.inbox), sidecar, moment)

    def _converse(self, draft: Draft) -> None:
        """Record and review until there is nothing more to do."""
        do: Do = "record"
        while do != "end":
            draft.touch()
            match do:
                case "record" | "again":
                    if do == "again":
                        draft.discard(self._talk.number)
                        say(self._telephone, "message-too-short")
                    self._talk, do = takes.recorded(self._talk, self._record(draft))
                case "review":
                    self._talk, do = takes.chosen(self._talk, self._choice())
                case "listen":
                    key = say(self._telephone, str(draft.take(self._talk.counts)), keys=takes.REVIEW_KEYS)
                    self._talk, do = takes.heard(self._talk, key)

    def _record(self, draft: Draft) -> int:
        """One take, safe on disk; returns how long the caller spoke, in milliseconds."""
        number = self._talk.number
        file, silence_s = str(draft.take(number)), self._config.messages.silence_seconds
        for _ in range(TONES):
            samples, ended_by = self._telephone.record(file, longest_ms=self._longest_ms, silence_s=silence_s)
            if ended_by != "randomerror":
                break
        self._await_asterisk()
        draft.secure(number, samples // takes.SAMPLES_PER_MS)
        return takes.spoken_ms(samples, ended_by, self._longest_ms)

    def _choice(self) -> str:
        """The key pressed at the review; none when it cannot be asked, so that the message is kept."""
        try:
            return self._telephone.ask("message-review", takes.REVIEW_KEYS, REVIEW_MS)
        except CommandFailed as error:
            print(f"hotline standby: {error}", file=sys.stderr)
            return ""

    def _await_asterisk(self) -> None:
        """Asterisk tells how a recording ended before it closes the file; when it answers again, it has closed it."""
        with suppress(CallerGone, CommandFailed):
            self._telephone.get("HOTLINE_REASON")

    def _apologised(self) -> Outcome:
        """Nothing that is on the disk is touched: the worker takes in what is long enough."""
        say(self._telephone, "message-not-saved", "agents-busy")
        return "failed"

    def _finish(self, draft: Draft) -> None:
        if self._talk.counts:
            draft.finish(self._talk.counts, clock.now())
            self._saved = True
        else:
            draft.withdraw(self._talk.number)


def _alarm(error: Exception) -> None:
    print(f"hotline standby: ALARM: a message could not be taken: {error}", file=sys.stderr)
