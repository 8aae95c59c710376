"""What can go wrong with keys and stored recordings: one class per cause; the docstring is the operator's explanation. Pure."""

from __future__ import annotations

from recordings.errors import RecordingsError


class StorageError(RecordingsError):
    """Base of every error of keys and storage."""


class StorageAwayError(StorageError):
    """The storage cannot be reached, or refuses us, at the moment: nothing was changed, and the job is tried again."""


class NotStoredError(StorageError):
    """The storage has no object of this name."""


class BadNameError(StorageError):
    """The name of an object is not one of a recording, or leads through a link or out of the folder: it is never touched."""


class KeysError(StorageError):
    """``var/recording-keys.json`` cannot be used: open to others, no JSON, or without its current key."""


class LostKeyError(KeysError):
    """A key that recordings were sealed with is not in ``var/recording-keys.json``: bring the file back from its backup.

    A file that is missing while there are sealed recordings is not made anew: they could never be opened again.
    """


class KeyInUseError(KeysError):
    """The key may not be removed: it is the current one, or something is, or may still be, wrapped with it."""


class WrongKeyError(StorageError):
    """This is not the key that it was sealed with, or the beginning of the object was changed."""


class DamagedError(StorageError):
    """What is stored is not what was sealed: changed, cut off, put together otherwise, or another recording's."""
