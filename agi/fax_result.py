"""What Asterisk runs at the end of a call that faxes a document: ``fax-result JOB ATTEMPT STATUS ERROR…`` (IVR-07).

It writes one file (``agi/fax_spool.py``) and needs neither database nor network: the result is kept whoever else is down.
"""

from __future__ import annotations

import sys
import uuid

from agi import fax_spool
from agi.fax_spool import Result

NOT_CONNECTED = {"1": "NOANSWER", "3": "NOANSWER", "5": "BUSY", "8": "CONGESTION"}
"""Asterisk's reason for a call that did not come about, behind ``NO_CALL_``; for busy and refused alike SIP gives 0."""
_LONGEST = 200


def result(status: str, error: str) -> Result:
    """From FAXSTATUS and FAXERROR."""
    if status == "SUCCESS":
        return Result(sent=True)
    reason = error.removeprefix("NO_CALL_")
    word = error if reason == error else NOT_CONNECTED.get(reason, "BUSY_OR_REFUSED")
    return Result(sent=False, error="".join(c for c in word if c.isprintable())[:_LONGEST] or "HANGUP")


def main(arguments: list[str]) -> None:
    """Write the file; an argument that is not what it should be is for Asterisk's log."""
    job, attempt, status, *error = [*arguments, "", "", ""]
    fax_spool.report(uuid.UUID(job), int(attempt), result(status, ",".join(error).strip(",")))


if __name__ == "__main__":
    main(sys.argv[1:])
