"""Is any event lost? The same calls counted by the telephones, the journal, Asterisk's queue log, records and recordings."""

from __future__ import annotations

import msgspec

from ami_bridge import codec, journal
from ami_bridge.journal import Kind
from bench.load import Outcome, wants_agent
from tests import trial
from tests.trial import Trial

_RECORDS = """
SELECT count(*) AS calls, count(ended_at) AS finished, count(queued_at) AS queued, count(connected_at) AS connected,
    count(*) FILTER (WHERE menu_path = '') AS without_path
FROM calls WHERE caller_number LIKE '139%'
"""
_RECORDINGS = (
    "SELECT count(DISTINCT call_id) AS kept FROM recordings JOIN calls USING (node, call_id) WHERE kind = 'conversation'"
)


class Counts(msgspec.Struct, frozen=True, kw_only=True):
    """One thing counted by several witnesses, who must agree."""

    what: str
    witnesses: dict[str, int]

    @property
    def lost(self) -> int:
        """How many the worst witness is short of the best."""
        return max(self.witnesses.values()) - min(self.witnesses.values())

    def __str__(self) -> str:
        return f"{self.what}: " + ", ".join(f"{witness} {count}" for witness, count in self.witnesses.items())


def gather(stack: Trial, outcome: Outcome) -> list[Counts]:
    """Wait (two minutes at most) for records and recordings, then count."""
    made, talked = len(outcome.calls), sum(call.answered_at is not None for call in outcome.seat_calls)
    _wait(stack, made, talked)
    (record,), (recording,) = stack.fetch(_RECORDS), stack.fetch(_RECORDINGS)
    events, log = _journal(stack), _queue_log(stack)
    wanted = sum(wants_agent(place) for arrived in outcome.arrivals for place in range(arrived.step.count))
    queued = {
        "callers": wanted,
        "journal": events["QueueCallerJoin"],
        "queue log": log["ENTERQUEUE"],
        "records": record["queued"],
    }
    connected = {
        "seats": talked,
        "journal": events["AgentConnect"],
        "queue log": log["CONNECT"],
        "records": record["connected"],
        "recordings": recording["kept"],
    }
    return [
        Counts(
            what="calls",
            witnesses={"callers": made, "records": record["calls"], "with a path": record["calls"] - record["without_path"]},
        ),
        Counts(what="ended", witnesses={"callers": made, "records": record["finished"]}),
        Counts(what="queued", witnesses=queued),
        Counts(what="connected", witnesses=connected),
    ]


def _wait(stack: Trial, made: int, talked: int) -> None:
    """Records that do not come are counted as lost, not waited for without end."""
    try:
        trial.wait_until(
            lambda: stack.fetch(_RECORDS)[0]["finished"] >= made and stack.fetch(_RECORDINGS)[0]["kept"] >= talked, seconds=120
        )
    except AssertionError:
        return


def _journal(stack: Trial) -> dict[str, int]:
    """Events in the bridge's journal, by name."""
    found = {"QueueCallerJoin": 0, "AgentConnect": 0}
    for _, path in journal.segments(stack.var / "journal" / stack.settings.asterisk.node):
        for entry in journal.read(path):
            for frame in codec.Decoder().feed(entry.payload) if entry.kind == Kind.STREAM else []:
                if frame.name in found:
                    found[frame.name] += 1
    return found


def _queue_log(stack: Trial) -> dict[str, int]:
    """Lines of Asterisk's own queue log, by event."""
    found = {"ENTERQUEUE": 0, "CONNECT": 0}
    for line in (stack.var / "asterisk" / "log" / "queue_log").read_text().splitlines():
        event = (line.split("|") + [""] * 5)[4]
        if event in found:
            found[event] += 1
    return found
