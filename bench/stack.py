"""A whole stack to measure: the processes of ours by name, as the measurements group them."""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from tests import trial
from tests.trial import Trial

PARTS = ("asterisk", "agi", "ami_bridge", "recordings", "desks", "postgres")
PYTHON_PARTS = ("agi", "ami_bridge", "recordings", "desks")
SUPERVISOR = "up"
ALONE = frozenset({SUPERVISOR})
"""The supervisor's children are the parts: only its own time is its own."""


@contextlib.contextmanager
def running(overrides: Mapping[str, Mapping[str, object]] | None = None) -> Iterator[Trial]:
    """A stack in a folder of its own, gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder, trial.running(Path(folder), overrides) as stack:
        yield stack


def groups(stack: Trial) -> dict[str, int]:
    """The first process of each part, by name."""
    assert stack.process
    return {part: stack.pid(part) for part in PARTS} | {SUPERVISOR: stack.process.pid}


def check_unchanged(stack: Trial, before: Mapping[str, int]) -> None:
    """Raise ``RuntimeError`` when a part was started anew since ``before``: its figures are then those of two processes."""
    changed = [part for part, pid in groups(stack).items() if before[part] != pid]
    if changed:
        raise RuntimeError(f"{', '.join(changed)} died during the measurement\n{stack.logs()}")
