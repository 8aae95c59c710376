"""Putting a city's flow into use and taking it back: whole files only, checked before they are moved, the last ones kept.

``var/flows/NAME.toml`` is in use; ``var/flows/before/NAME@NNNN.toml`` are those before it, an empty one where there was none
(then ours was in use). The running system looks every second (``library.py``).
"""

from __future__ import annotations

import re
from pathlib import Path

from hotline import durable
from hotline.settings import Settings
from ivr_flows import library
from ivr_flows.errors import FlowError
from ivr_flows.flow import NAME, Flow

KEPT = 20
"""How many flows of a name can be gone back to."""


def install(file: Path, settings: Settings) -> Flow:
    """Check a file and put it into use; raises ``FlowRefused`` or ``FlowError``, and then nothing has changed."""
    flow = library.checked(file, settings)
    content, target = flow.text.encode(), _city(flow.name)
    if target.exists() and target.read_bytes() == content:
        return flow
    _keep(flow.name)
    _write(target, content)
    return flow


def back(name: str) -> None:
    """Ours is in use again; raises ``FlowError`` when the city has none of that name, or we have none."""
    target = _city(name)
    if not target.exists():
        raise FlowError(f"{target}: there is no such file; ours is in use")
    if not (library.OURS / target.name).exists():
        raise FlowError(f"{name}: there is no flow of ours of that name")
    _keep(name)
    target.unlink()


def undo(name: str, settings: Settings) -> Flow | None:
    """What was in use before is in use again; None when that was ours.

    Raises ``FlowError`` when nothing is kept, ``FlowRefused`` when what is kept no longer passes the check.
    """
    target, kept = _city(name), _before(name)
    if not kept:
        raise FlowError(f"{name}: nothing is kept from before")
    content = kept[-1].read_bytes()
    flow = library.checked(kept[-1], settings) if content else None
    if content:
        _write(target, content)
    else:
        target.unlink(missing_ok=True)
    kept[-1].unlink()
    return flow


def _city(name: str) -> Path:
    if not re.fullmatch(NAME, name):
        raise FlowError(f"{name!r} is not the name of a flow")
    return library.city_flows() / f"{name}.toml"


def _before(name: str) -> list[Path]:
    """What is kept of a name, oldest first."""
    return sorted((library.city_flows() / "before").glob(f"{name}@[0-9][0-9][0-9][0-9].toml"))


def _keep(name: str) -> None:
    """Keep what is in use, and no more than the last ones."""
    target, kept = _city(name), _before(name)
    number = int(kept[-1].stem.rpartition("@")[2]) + 1 if kept else 1
    _write(library.city_flows() / "before" / f"{name}@{number:04d}.toml", target.read_bytes() if target.exists() else b"")
    for file in kept[: max(0, len(kept) + 1 - KEPT)]:
        file.unlink()


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    durable.write(target, content)
