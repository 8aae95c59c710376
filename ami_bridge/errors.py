"""What can go wrong on the link to Asterisk: one class per cause; the docstring is the operator's explanation."""

from __future__ import annotations

from hotline.errors import HotlineError


class ActionRefusedError(HotlineError):
    """A value for an action holds a line break or a null byte: it would end the line and start an action of its own."""


class OutcomeUnknownError(HotlineError):
    """The link broke before Asterisk answered; the action may or may not have been done, and is never sent again."""


class LoginRefusedError(HotlineError):
    """Asterisk refused the AMI user. Compare ``var/credentials.json`` with the manager.conf that Asterisk runs with."""


class LinkLostError(HotlineError):
    """The AMI connection ended: closed by Asterisk, cut, or silent for longer than ``ami.silence_seconds``."""


class SecondBridgeError(HotlineError):
    """Another bridge already serves this node; two of them would write the same journal."""


class CommandRefusedError(HotlineError):
    """A command that may not be asked of Asterisk: an unknown action or parameter, or a value that does not fit (SEC-12)."""


class UnreadableStreamError(HotlineError):
    """A file that was given as a recorded AMI stream, a journal or a queue log is none, or holds no time at all."""


class UsageError(HotlineError):
    """A command was called with what it cannot understand; the text says what."""


class ExclusionError(HotlineError):
    """An exclusion that may not be set, confirmed, ended or withdrawn so; the text says why (KPI-40)."""
