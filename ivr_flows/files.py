"""The flow of a file, and our own flows. Light to import: the standby script begins anew for every call that it serves."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from ivr_flows import reading
from ivr_flows.errors import FlowError, FlowRefused
from ivr_flows.flow import Flow

OURS = Path(__file__).parent / "flows"


def load(file: Path) -> Flow:
    """The flow of a file that is well formed; raises ``FlowRefused`` with what is wrong with its form, or ``FlowError``."""
    try:
        text = file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise FlowError(f"{file}: cannot be read: {error}") from error
    flow, problems = reading.read(file.stem.partition("@")[0], text)
    if flow is None:
        raise FlowRefused(str(file), problems)
    return flow


@cache
def standby() -> Flow:
    """The flow of the standby script, which no city changes."""
    return load(OURS / "standby.toml")
