"""What can go wrong with the telephones for trying the system."""

from __future__ import annotations

from hotline.errors import HotlineError


class SpeechError(HotlineError):
    """A speech file is missing, not a WAV file, or not 8000 Hz, 16 bit, one channel."""


class PlanError(HotlineError):
    """What was asked of the telephones cannot be done: a count, a rate, a key or a number is out of range or no number."""


class SippError(HotlineError):
    """SIPp is not to be found, did not start, or stopped on its own; the text carries what it said."""


class MediaError(HotlineError):
    """The process that sends and receives the sound did not start, ran out of ports, or died."""


class StackError(HotlineError):
    """The stack does not answer: it is not running (hotline up), or it refused the telephones."""


class PhoneError(HotlineError):
    """A steered telephone did not come to do or hear what was waited for; the text says what it heard instead."""
