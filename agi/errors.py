"""What can go wrong between Asterisk and an AGI session: one class per cause; the docstring is the operator's explanation.

In every case the socket is closed with the call untouched and ``HOTLINE_NEXT`` empty, so that the dialplan's standby path
serves the caller.
"""

from __future__ import annotations

from hotline.errors import HotlineError


class AgiError(HotlineError):
    """Base of the errors of this package."""


class HeadersTooLong(AgiError):
    """A peer sent more than 64 KiB of AGI headers without ending them: not an Asterisk, or one with absurd variables."""


class HeaderMalformed(AgiError):
    """A header line has no colon, or a header came twice: most likely a line break hidden in a caller's name."""


class LineTooLong(AgiError):
    """A reply line is longer than 8 KiB, or the usage text of a refused command is longer than 64 KiB."""


class ReplyMalformed(AgiError):
    """A line that should answer a command is not an AGI reply: not an Asterisk, or a line break hidden in a value."""


class ArgumentRefused(AgiError):
    """An argument of an AGI command holds a line break or a zero byte, is not text, or makes the line too long for Asterisk."""


class UnexpectedReply(AgiError):
    """Asterisk refused a command (510, 520, an application that is not loaded) or answered one that was not asked."""


class UnknownScript(AgiError):
    """The dialplan asked for a script that this server does not have: ``extensions.conf`` and the tree differ in version."""


class PeerSilent(AgiError):
    """A peer did not finish its headers within 5 s, or Asterisk did not answer a command within that command's time."""


class CallerGone(AgiError):
    """The caller has hung up, or Asterisk has ended the session of the standby script: nothing is wrong."""


class CommandFailed(AgiError):
    """Asterisk could not do what the standby script asked for: a prompt is missing, the disk is full, a module is not loaded."""


class CannotListen(AgiError):
    """The FastAGI server's address is taken by another process or is not of this machine: see ``agi.host`` and ``agi.port``."""


class StateUnreadable(AgiError):
    """The state that a call's channel carries cannot be read: another version of this program wrote it, or a fault of ours."""


class LookupFailed(AgiError):
    """The database is away, slow or refuses a question of the flow; the caller hears so and is offered an agent or a message."""
