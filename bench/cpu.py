"""What processes cost, from ``/proc``: CPU time with that of their children, living and reaped, and memory.

A *group* is a named process with its descendants. Time is ``utime + stime`` of each that lives and ``cutime + cstime`` (children
that have ended and were waited for), so that a process per call is counted with its parent. Seconds; a tick is 10 ms.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec

_TICKS = os.sysconf("SC_CLK_TCK")
_MIB = 1024.0


class Process(msgspec.Struct, frozen=True):
    """One line of ``/proc/PID/stat``: own CPU time and that of reaped children, in seconds."""

    pid: int
    parent: int
    own: float
    reaped: float


class Memory(msgspec.Struct, frozen=True):
    """Resident memory in MiB: ``rss`` counts shared pages in each process, ``pss`` each page once over all its users."""

    rss: float
    pss: float


def processes() -> dict[int, Process]:
    """All processes that can be seen."""
    found = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit() and (process := _read(int(folder.name))):
            found[process.pid] = process
    return found


def seconds(groups: Mapping[str, int], *, alone: frozenset[str] = frozenset()) -> dict[str, float]:
    """CPU seconds so far of each group, by name, from the pid of its first process; ``alone``: without its children."""
    table = processes()
    children = _children(table)
    used = {}
    for name, pid in groups.items():
        members = [pid] if name in alone else list(_tree(pid, children))
        living = [table[member] for member in members if member in table]
        used[name] = sum(process.own + (0.0 if name in alone else process.reaped) for process in living)
    return used


def difference(before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, float]:
    """What was used between two readings of ``seconds``."""
    return {name: after[name] - before[name] for name in before}


def machine() -> tuple[float, float]:
    """Busy and total CPU seconds of the whole machine since it started."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:9]]
    idle = fields[3] + fields[4]
    return (sum(fields) - idle) / _TICKS, sum(fields) / _TICKS


def memory(pid: int, *, alone: bool = False) -> Memory:
    """Memory of a process and, unless ``alone``, of its descendants."""
    children = {} if alone else _children(processes())
    rss = pss = 0.0
    for member in _tree(pid, children):
        try:
            lines = Path(f"/proc/{member}/smaps_rollup").read_text().splitlines()
        except (OSError, ValueError):
            continue
        values = {line.split(":")[0]: int(line.split()[1]) for line in lines[1:]}
        rss, pss = rss + values["Rss"] / _MIB, pss + values["Pss"] / _MIB
    return Memory(rss, pss)


def _read(pid: int) -> Process | None:
    try:
        text = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return None
    fields = text.rsplit(")", 1)[1].split()
    own, reaped = int(fields[11]) + int(fields[12]), int(fields[13]) + int(fields[14])
    return Process(pid, int(fields[1]), own / _TICKS, reaped / _TICKS)


def _children(table: Mapping[int, Process]) -> dict[int, list[int]]:
    children: dict[int, list[int]] = {}
    for process in table.values():
        children.setdefault(process.parent, []).append(process.pid)
    return children


def _tree(pid: int, children: Mapping[int, list[int]]) -> Iterator[int]:
    yield pid
    for child in children.get(pid, []):
        yield from _tree(child, children)
