"""The end of every command: its exit status, and an expected error as readable lines instead of a traceback."""

from __future__ import annotations

import argparse
import sys

from hotline import messages
from hotline.errors import HotlineError

_INTERRUPTED = 130


def run(chosen: argparse.Namespace) -> int:
    """Run the chosen command; an expected error goes to standard error, with status 1."""
    try:
        status: int = chosen.run(chosen)
    except HotlineError as error:
        print(error, file=sys.stderr)
        return 1
    except OSError as error:
        print(messages.text("system_error", reason=error), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return _INTERRUPTED
    return status
