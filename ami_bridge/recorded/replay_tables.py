"""A replay as a person reads it: tables in Chinese and English."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.table import Table

from ami_bridge.figures.metrics import LITERAL, MENU, RATES, Figure
from ami_bridge.lines import OUTCOMES, Gap
from hotline import clock, messages

Shown = Mapping[str, Any]
_CHINESE = {name: rate.chinese for name, rate in RATES.items()} | {LITERAL: "接通率(全部呼入口径)", MENU: "IVR挂断"}


def show(shown: Shown, console: Console) -> None:
    """Everything but the lines, which are for ``--json``."""
    console.print(
        messages.text("replay.counted", events=shown["events"], calls=shown["calls"], requests=shown["requests"]["total"])
    )
    for warning in shown["warnings"]:
        console.print(" / ".join(warning.values()), style="yellow")
    for gap in shown["gaps"]:
        console.print(messages.text("replay.gap", span=_span(gap), node=gap.node, cause=gap.cause), style="yellow")
    if shown["repaired"]:
        console.print(messages.text("replay.repaired", count=shown["repaired"]), style="yellow")
    console.print(_outcomes(shown), _rates(shown["metrics"], shown["metrics_net"]), _waits(shown["waits"]))
    if shown["agents"]:
        console.print(_agents(shown["agents"]))


def table(*columns: str, first: int = 1) -> Table:
    """A table with these titles, keys of messages; the first so many columns are words, the others numbers."""
    made = Table()
    for number, column in enumerate(columns):
        made.add_column(title(column), justify="left" if number < first else "right", no_wrap=number >= first)
    return made


def title(key: str) -> str:
    """Both languages, one above the other."""
    return messages.text(key).replace(" / ", "\n")


def share(figure: Figure) -> str:
    """A rate in percent; ``-`` for nothing out of nothing."""
    return "-" if figure.value is None else f"{figure.value:.2%}"


def _span(gap: Gap) -> str:
    begin, end = (f"{at.astimezone(clock.SHANGHAI):%F %T}" if at else "…" for at in (gap.begin, gap.end))
    return f"{begin} – {end}"


def _outcomes(shown: Shown) -> Table:
    """Outcomes down, queues across."""
    queues: Sequence[str] = list(shown["queues"])
    made = Table()
    made.add_column(title("replay.outcome"), no_wrap=True)
    made.add_column(title("replay.all"), justify="right")
    for queue in queues:
        made.add_column(queue, justify="right")
    for outcome in ("total", *OUTCOMES):
        counts = [shown["requests"][outcome], *(shown["queues"][queue]["requests"][outcome] for queue in queues)]
        made.add_row(messages.text(f"outcome.{outcome}"), *map(str, counts), style="bold" if outcome == "total" else None)
    return made


def _rates(found: Mapping[str, Figure], net: Mapping[str, Figure]) -> Table:
    made = table("replay.rate", "replay.counted_n", "replay.counted_d", "replay.value", "replay.net", "replay.goal")
    for name, figure in found.items():
        missed = figure.goal is not None and figure.value is not None and figure.value < figure.goal
        goal = "" if figure.goal is None else f"{figure.goal:.0%}"
        d = "" if figure.d is None else str(figure.d)
        made.add_row(
            f"{_CHINESE[name]} {name}", str(figure.n), d, share(figure), share(net[name]), goal, style="red" if missed else None
        )
    return made


def _waits(found: Mapping[str, float | int | None]) -> Table:
    made = table("replay.waits", "replay.mean", "replay.median", "replay.p90", "replay.longest")
    for kind in ("answered", "all"):
        values = (found[f"{kind}_{name}"] for name in ("mean", "median", "p90", "max"))
        made.add_row(messages.text(f"replay.{kind}"), *("-" if value is None else f"{value:.4g}" for value in values))
    return made


def _agents(found: Mapping[str, Mapping[str, int]]) -> Table:
    made = table("replay.agent", "replay.answered", "replay.missed", "replay.talk", "replay.hold")
    for agent, sums in found.items():
        seconds = (f"{sums[name] / 1000:.0f}" for name in ("talk_ms", "hold_ms"))
        made.add_row(agent, str(sums["answered"]), str(sums["ring_no_answer"]), *seconds)
    return made
