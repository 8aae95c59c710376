"""The files by which faxes are ordered from Asterisk, and by which it tells what came of them (IVR-07).

An order is a call file in Asterisk's spool, ``<job>.<attempt>.call``; Asterisk notes in it that it dials, and removes it when the
call is over. Before that its dialplan has written ``var/fax/results/<job>.<attempt>.json`` (``agi/fax_result.py``). Every file
gets its name only when it is whole and on disk: whoever dies, nothing is sent twice or forgotten.
"""

from __future__ import annotations

import os
import re
import uuid
from pathlib import Path

import msgspec

from hotline import clock, durable, paths

RING_SECONDS = 60
_A_DAY = 86400
_MARGIN_SECONDS = 60
_DIALLING = re.compile(rb"^StartRetry: ([0-9]+) ", re.MULTILINE)
"""Asterisk's note that it dials, with its process number."""


class Result(msgspec.Struct, frozen=True):
    """What came of one attempt; ``error`` is Asterisk's word for it, empty when all went well."""

    sent: bool
    error: str = ""


LOST = Result(sent=False, error="NO_RESULT")
"""Asterisk ended in the middle, or never said how the call went."""


class Order(msgspec.Struct, frozen=True):
    """One attempt to send ``document`` to ``number`` (digits); ``caller`` is the number that is shown there."""

    job_id: uuid.UUID
    attempt: int
    number: str
    document: str
    caller: str

    def call_file(self) -> str:
        """What Asterisk reads. A dead Asterisk's successor must not dial again by itself: hence the long RetryTime."""
        lines = {
            "Channel": f"PJSIP/{self.number}@units",
            "CallerID": f"<{self.caller}>",
            "WaitTime": RING_SECONDS,
            "MaxRetries": 0,
            "RetryTime": _A_DAY,
            "Context": "fax-job",
            "Extension": "s",
            "Priority": 1,
            "Set": f"HOTLINE_JOB={self.job_id}",
        }
        more = [f"Set: HOTLINE_ATTEMPT={self.attempt}", f"Set: HOTLINE_DOCUMENT={self.document}"]
        return "\n".join([*(f"{name}: {value}" for name, value in lines.items()), *more]) + "\n"


def results() -> Path:
    """Where the results are written."""
    return paths.var() / "fax" / "results"


def outgoing() -> Path:
    """Where Asterisk looks for orders."""
    return paths.var() / "asterisk" / "spool" / "outgoing"


def place(order: Order) -> None:
    """Have Asterisk dial, unless this attempt was ordered already. Raises ``OSError``."""
    if not _call(order.job_id, order.attempt).exists() and not _result(order.job_id, order.attempt).exists():
        _write(outgoing().parent / "tmp", _call(order.job_id, order.attempt), order.call_file().encode())


def outcome(job_id: uuid.UUID, attempt: int, longest_seconds: float, asterisk: int | None) -> Result | None:
    """What came of an order; None while it is under way, or waits for an Asterisk that is not there.

    An Asterisk that died leaves its order behind. It is given up when another (``asterisk``: the process that runs now, None when
    that is not known) has taken its place, or when the call should have ended long ago.
    """
    file = _call(job_id, attempt)
    try:
        dialling = _DIALLING.search(file.read_bytes())
        age = clock.now().timestamp() - file.stat().st_ctime
    except FileNotFoundError:
        return _read(_result(job_id, attempt)) or LOST  # asked in this order: the result is written before the call file goes
    found = _read(_result(job_id, attempt))
    if found or dialling is None:
        return found
    gone = asterisk is not None and asterisk != int(dialling[1])
    return LOST if gone or age > RING_SECONDS + longest_seconds + _MARGIN_SECONDS else None


def forget(job_id: uuid.UUID, attempt: int) -> None:
    """Remove what is left of an order whose outcome is stored."""
    _call(job_id, attempt).unlink(missing_ok=True)
    _result(job_id, attempt).unlink(missing_ok=True)


def report(job_id: uuid.UUID, attempt: int, result: Result) -> None:
    """Write down what came of an attempt; the first report counts. Raises ``OSError``."""
    file = _result(job_id, attempt)
    if not file.exists():
        _write(file.parent, file, msgspec.json.encode(result))


def _call(job_id: uuid.UUID, attempt: int) -> Path:
    return outgoing() / f"{job_id}.{attempt}.call"


def _result(job_id: uuid.UUID, attempt: int) -> Path:
    return results() / f"{job_id}.{attempt}.json"


def _read(file: Path) -> Result | None:
    try:
        return msgspec.json.decode(file.read_bytes(), type=Result)
    except FileNotFoundError:
        return None
    except msgspec.DecodeError:
        return LOST


def _write(draft_folder: Path, file: Path, content: bytes) -> None:
    """On disk when it returns; the draft is out of Asterisk's sight."""
    draft_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    durable.write(file, content, draft=draft_folder / f".{file.name}.{os.getpid()}")
