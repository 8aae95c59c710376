"""One whole stack for the tests of this tier: its own Asterisk, PostgreSQL and processes, on ports and in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import trial
from tests.trial import Trial

LONGEST = ("test_flow_walk.py", "test_night.py")
"""Begun before the others of this tier, so that nobody waits for them at the end."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The order is that of the files, but for the longest of this tier."""
    here = Path(__file__).parent
    items.sort(key=lambda item: (item.path.parent == here, item.path.name not in LONGEST and item.path.parent == here))


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A running stack; its path holds a space."""
    with trial.running(tmp_path_factory.mktemp("a stack"), {"queue": {"wrapup_seconds": 0}}) as running:
        yield running
