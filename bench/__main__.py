"""``python -m bench [NAME…]``: run benchmarks, all by default. Exit status 1 when a limit was not kept, 2 for an unknown name."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence

from bench import (
    agi_sessions,
    ami_parse,
    bridge_memory,
    busy_hour,
    ceiling,
    clicks,
    day,
    desk_memory,
    fairness,
    flow_engine,
    found,
    history,
    hour,
    ivr_cpu,
    live_latency,
    mixed,
    pipeline,
    policy,
    recording_cpu,
    ringing,
    sealing,
    speech,
    threeways,
    tickets,
)
from bench.figure import Figure, publish, say
from hotline import log

BENCHMARKS: dict[str, Callable[[], list[Figure]]] = {
    "flow_engine": flow_engine.measure,
    "policy": policy.measure,
    "fairness": fairness.measure,
    "agi_sessions": agi_sessions.measure,
    "ami_parse": ami_parse.measure,
    "day": day.measure,
    "bridge_memory": bridge_memory.measure,
    "history": history.measure,
    "desk_memory": desk_memory.measure,
    "live_latency": live_latency.measure,
    "clicks": clicks.measure,
    "ringing": ringing.measure,
    "ivr_cpu": ivr_cpu.measure,
    "busy_hour": busy_hour.measure,
    "ceiling": ceiling.measure,
    "hour": hour.measure,
    "mixed": mixed.measure,
    "threeways": threeways.measure,
    "tickets": tickets.measure,
    "found": found.measure,
    "speech": speech.measure,
    "sealing": sealing.measure,
    "pipeline": pipeline.measure,
    "recording_cpu": recording_cpu.measure,
}


def main(names: Sequence[str]) -> int:
    """Run them in the order of the table."""
    unknown = [name for name in names if name not in BENCHMARKS]
    if unknown:
        say(f"bench: no benchmark {', '.join(unknown)}; there are: {', '.join(BENCHMARKS)}")
        return 2
    log.configure("bench")  # to standard error
    missed = []
    for name, measure in BENCHMARKS.items():
        if names and name not in names:
            continue
        figures = measure()
        publish(figures)
        missed += [figure.name for figure in figures if not figure.is_reached]
    if missed:
        say(f"bench: not reached: {', '.join(missed)}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
