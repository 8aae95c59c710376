"""``python -m tests.killer N MODULE ARGUMENTS…``: run a module, and kill -9 it just before its N-th step that others can see.

Steps are what changes files, what is said to the database, and what is written to standard output; of a bridge also each write
to its journal and each fact that it applies. The module is not changed.
"""

from __future__ import annotations

import asyncio
import functools
import os
import runpy
import signal
import sys
from collections.abc import Callable, Coroutine, Sequence
from typing import Any, BinaryIO

import asyncpg
from asyncpg.pool import PoolConnectionProxy

from ami_bridge import calls, journal

_FILES = ("fsync", "posix_fallocate", "rename", "replace", "unlink", "utime")
_DATABASE = ("execute", "fetch", "fetchrow", "fetchval")


class _Steps:
    """Counts down to the end, which is kill -9 unless another one is named."""

    def __init__(self, left: int, die: Callable[[], object] = lambda: os.kill(os.getpid(), signal.SIGKILL)) -> None:
        self.left, self._die = left, die

    def step(self) -> None:
        """One more."""
        self.left -= 1
        if self.left == 0:
            self._die()

    def before(self, function: Callable[..., Any]) -> Callable[..., Any]:
        """The function, a step before it."""

        @functools.wraps(function)
        def stepping(*arguments: Any, **named: Any) -> Any:
            self.step()
            return function(*arguments, **named)

        return stepping


class _Output:
    """Standard output whose bytes are steps."""

    def __init__(self, raw: BinaryIO, steps: _Steps) -> None:
        self._raw = raw
        self.write = steps.before(raw.write)
        self.flush = raw.flush


class _Stdout:
    """``sys.stdout`` with such a buffer; text goes its usual way."""

    def __init__(self, steps: _Steps) -> None:
        self._text = sys.stdout
        self.buffer = _Output(sys.stdout.buffer, steps)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._text, name)


def arm(left: int) -> _Steps:
    """Kill this process before its step number ``left``: of files and of the database."""
    steps = _Steps(left)
    for name in _FILES:
        setattr(os, name, steps.before(getattr(os, name)))
    for name in _DATABASE:
        setattr(asyncpg.Connection, name, steps.before(getattr(asyncpg.Connection, name)))
        setattr(PoolConnectionProxy, name, steps.before(getattr(PoolConnectionProxy, name)))
    return steps


def forked(left: int, files: Sequence[str], work: Callable[[], Coroutine[Any, Any, object]]) -> int:
    """Do ``work`` in a fork of this process; its exit status: 0 when all was done, 3 when it failed, 9 when it died on the way.

    It dies before its step number ``left``: one of the functions ``files`` of ``os``, or a statement that asyncpg executes.
    """
    child = os.fork()
    if child:
        return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    steps = _Steps(left, lambda: os._exit(9))
    for name in files:
        setattr(os, name, steps.before(getattr(os, name)))
    asyncpg.Connection.execute = steps.before(asyncpg.Connection.execute)
    try:
        asyncio.run(work())
    except BaseException:
        os._exit(3)
    os._exit(0)


def main() -> None:
    """See the module."""
    steps = arm(int(sys.argv[1]))
    journal.Journal._write_all = steps.before(journal.Journal._write_all)  # type: ignore[method-assign]
    calls.apply = steps.before(calls.apply)
    sys.stdout = _Stdout(steps)
    sys.argv = sys.argv[2:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


if __name__ == "__main__":
    main()
