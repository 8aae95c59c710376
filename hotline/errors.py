"""What can go wrong in the kernel: one class per cause; the docstring is the operator's explanation."""

from __future__ import annotations


class HotlineError(Exception):
    """Base of every error that this project raises on purpose; its text is readable to an operator."""


class SettingsError(HotlineError):
    """A setting is unknown, of the wrong type, out of range, or holds characters that its place does not allow.

    The text names the file and the key. Mend the key in ``hotline.toml`` and start again.
    """


class CredentialsError(HotlineError):
    """``var/credentials.json`` is missing, unreadable, incomplete, or readable to other users than its owner."""


class SqlFileError(HotlineError):
    """A file of named SQL queries is malformed: a query without a name, a name used twice, or text before a name."""


class MigrationError(HotlineError):
    """The database's migrations and those of this checkout differ: an applied migration was changed or is unknown."""


class PostgresError(HotlineError):
    """The embedded PostgreSQL could not be made or started; the text holds what it said."""


class StartError(HotlineError):
    """A part of the stack did not start; the text names it, what it said last, and its log."""


class DocumentError(HotlineError):
    """A document cannot be faxed: its name, or its file, is not as fax needs it; the text says how to make one that is."""


class AccountError(HotlineError):
    """An account cannot be made or changed like this, or PostgreSQL is away; the text says which."""


class AuditError(HotlineError):
    """The audit log could not be read."""


class ModelError(HotlineError):
    """A speech model could not be added, or is not as it was when it was added; the text says why."""


def expected(error: BaseException) -> HotlineError:
    """The first error of ours, alone or in a group of tasks that failed together; raises ``error`` again when there is none.

    Not ``except*``, because Python 3.11.2 wraps again what is raised there.
    """
    if isinstance(error, HotlineError):
        return error
    if isinstance(error, BaseExceptionGroup) and (ours := error.subgroup(HotlineError)):
        return expected(ours.exceptions[0])
    raise error
