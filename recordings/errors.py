"""What can go wrong with recordings: one class per cause; the docstring is the operator's explanation."""

from __future__ import annotations

from hotline.errors import HotlineError


class RecordingsError(HotlineError):
    """Base of every error of this package."""


class UnusableError(RecordingsError):
    """Base of what makes a file unfit to be stored: it is moved to ``var/recordings/set-aside`` and never deleted."""


class EmptyAudioError(UnusableError):
    """The file holds no audio at all."""


class TooShortError(UnusableError):
    """A message under two seconds: the caller hung up at the tone."""


class TooLongError(UnusableError):
    """More audio than a WAV file can hold (4 GiB, 37 hours of a conversation)."""


class NotWavError(UnusableError):
    """A message file is not a WAV file of 16-bit PCM."""


class SidecarError(UnusableError):
    """The JSON file beside a message cannot be read or does not say what it must."""


class ChangedError(RecordingsError):
    """The file grew, or was replaced, while it was being taken in: it is left alone and taken in later."""


class DiskFullError(RecordingsError):
    """There is no room below ``var/recordings``: what Asterisk recorded stays where it is until there is."""


class DatabaseAwayError(RecordingsError):
    """PostgreSQL cannot be reached or is not migrated: files wait on disk and are taken in when it is back."""


class FileTakenError(RecordingsError):
    """Another call's recording already has this file name in the table: two calls had one unique id."""


class UnknownRecordingError(RecordingsError):
    """No row of the table has this number."""


class AlreadyRunningError(RecordingsError):
    """Another recordings worker works on this ``var`` folder; one is enough for one node."""


class FfmpegMissingError(RecordingsError):
    """There is no ffmpeg to encode or play recordings with: ``make setup`` brings one."""


class ConversionError(RecordingsError):
    """ffmpeg could not read or write a recording, or did not end."""


class NoModelError(RecordingsError):
    """There is no speech model that can be used: ``hotline models`` says how to get one; what waits is transcribed then."""


class TranscriberError(RecordingsError):
    """The process that transcribes ended, or said nothing for too long: another one is tried."""


class LostFileError(UnusableError):
    """A recording that was taken in is not on the disk any more: its job is given up and shown by ``recordings failed``."""


class StoppedError(RecordingsError):
    """The worker was told to end: the recording is processed after its next start."""
