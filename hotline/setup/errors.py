"""Why set-up can stop; the text says what is missing and how to mend it. Standard library only."""

from __future__ import annotations


class SetupError(Exception):
    """Set-up cannot go on; the text is for the person at the terminal."""
