"""Logging: one JSON object a line on standard error, or readable lines on a terminal; times in UTC."""

from __future__ import annotations

import errno
import logging
import os
import sys
from pathlib import Path
from typing import TextIO, cast

import structlog

_GONE = (errno.EPIPE, errno.EIO)


class Lossy:
    """A stream for words that may be lost: a full disk, or nobody who reads them any more, ends no process."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """As a text stream does; does not raise ``OSError``, nor ``ValueError`` when it is closed."""
        try:
            self._stream.write(text)
        except (OSError, ValueError) as error:
            self._lose(error)
        return len(text)

    def flush(self) -> None:
        """As ``write``."""
        try:
            self._stream.flush()
        except (OSError, ValueError) as error:
            self._lose(error)

    def _lose(self, error: OSError | ValueError) -> None:
        """Who is gone does not come back; a disk may have room again."""
        if isinstance(error, OSError) and error.errno in _GONE:
            with Path(os.devnull).open("wb") as nowhere:
                os.dup2(nowhere.fileno(), self._stream.fileno())


def configure(process: str, *, level: int = logging.INFO) -> None:
    """Set up structlog for this process; every line carries ``process``. Warnings of libraries go the same way.

    Tracebacks are plain, without the values of variables, which may be secret.
    """
    output = cast(TextIO, Lossy(sys.stderr))
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    last: list[structlog.typing.Processor] = [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(ensure_ascii=False),
    ]
    if sys.stderr.isatty():
        last = [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
    structlog.configure(
        processors=[*shared, *last],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(output),
        cache_logger_on_first_use=True,
    )
    structlog.contextvars.bind_contextvars(process=process)
    handler = logging.StreamHandler(output)
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=[remove, *last]))
    logging.basicConfig(level=logging.WARNING, handlers=[handler], force=True)
