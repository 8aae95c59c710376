"""A comparison as a migrating city reads it: a table per queue, and under it the reasons with their calls."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table

from ami_bridge.recorded import replay_tables
from ami_bridge.recorded.compare import Result
from ami_bridge.recorded.comparison import Compared, Counters, Why
from hotline import clock, messages

_ROWS = (
    ("Completed", "completed", "compare.completed"),
    ("Abandoned", "abandoned", "compare.abandoned"),
    ("ServicelevelPerf", "perf", "compare.perf"),
    ("ServicelevelPerf2", "perf2", "compare.perf2"),
    ("Holdtime", "holdtime", "compare.holdtime"),
)
_SOURCES = {"asterisk": "compare.from_asterisk", "stream": "compare.from_stream", "calls": "compare.from_calls"}
_CALLS_SHOWN = 5


def show(result: Result, console: Console) -> None:
    """All queues."""
    at = f"{result.at.astimezone(clock.SHANGHAI):%F %T}"
    console.print(messages.text(_SOURCES[result.counters_from], at=at))
    for warning in result.warnings:
        console.print(" / ".join(warning.values()), style="yellow")
    for one in result.queues:
        since = f"{one.since.astimezone(clock.SHANGHAI):%F %T}" if one.since else "?"
        console.print(messages.text("compare.queue", queue=one.queue, node=one.node, since=since), style="bold")
        console.print(_counters(one))
        for why in one.why:
            console.print(_reason(why))
        if one.unexplained and (one.unexplained.completed or one.unexplained.abandoned):
            console.print(_unexplained(one.unexplained), style="red")


def _counters(one: Compared) -> Table:
    made = replay_tables.table("compare.counter", "compare.theirs", "compare.mine", "compare.difference")
    for name, field, key in _ROWS:
        theirs, ours, difference = (getattr(part, field) for part in (one.app_queue or one.expected, one.ours, one.difference))
        made.add_row(f"{name}\n{replay_tables.title(key)}", _number(theirs), _number(ours), _number(difference), end_section=True)
    return made


def _reason(why: Why) -> str:
    """The counters that it changes, what it is, and some of its calls."""
    changes = [f"{count:+d} {name}" for name, count in (("Completed", why.completed), ("Abandoned", why.abandoned)) if count]
    calls = ", ".join(why.calls[:_CALLS_SHOWN]) + (" …" if len(why.calls) > _CALLS_SHOWN else "")
    return f"  {', '.join(changes) or '±0'}  {messages.text(f'compare.{why.reason}', count=len(why.calls))}  [{calls}]"


def _unexplained(left: Counters) -> str:
    return "  " + messages.text("compare.unexplained", completed=f"{left.completed:+d}", abandoned=f"{left.abandoned:+d}")


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4g}" if isinstance(value, float) else str(value)
