"""One whole stack for the tests of this tier: its own Asterisk, PostgreSQL and processes, on ports and in a folder of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests import trial
from tests.trial import Trial


@pytest.fixture(scope="session")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A running stack; its path holds a space."""
    with trial.running(tmp_path_factory.mktemp("a stack"), {"queue": {"wrapup_seconds": 0}}) as running:
        yield running
