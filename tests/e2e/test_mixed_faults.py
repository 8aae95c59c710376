"""Every other fault while mixed calls go on, on one stack: what no gap touched is what the telephones saw (metrics, section 6).

The link half open and flapping, the journal on a full disk, the database away, the bridge away and started in the middle of the
day, a storm of 10,000 events a second, acd killed and frozen, Asterisk killed. Cuts and kills of the bridge:
tests/e2e/test_mixed.py; each with 2,000 calls: ``python -m bench mixed``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests import mixed
from tests.mixed import Phase
from tests.trial import Trial

PHASES = [
    Phase("overflows", 14, ((0.3, "half_open_ami"), (0.5, "journal_full"))),
    Phase("rings_all", 14, ((0.2, "postgres_away"), (0.4, "flapping_ami"))),
    Phase("overflows", 14, ((0.1, "kill_acd"), (0.3, "bridge_away"), (0.6, "freeze_acd"))),
    Phase("rings_all", 30, ((0.1, "storm"), (1.0, "kill_asterisk"))),
]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack with the flow of the stories."""
    trial = Trial(tmp_path_factory.mktemp("faults"), mixed.SETTINGS)
    mixed.prepare(trial)
    try:
        trial.start()
        yield trial
    finally:
        if trial.process:
            trial.stop()


def test_whatever_breaks_every_call_is_what_it_was(stack: Trial) -> None:
    """In a gap, lines may be less exact; they say so, and the table still is what the journal says (law 1)."""
    found = asyncio.run(mixed.run(stack, PHASES, rate=2))
    assert sorted(found.faults) == sorted(name for phase in PHASES for _, name in phase.faults)
    assert found.broken == []
    assert found.differences == []
    assert found.calls >= sum(phase.calls for phase in PHASES) - 3, "who dials while Asterisk is dead has no call"
    assert sum(found.outcomes.values()) == found.requests, "conserved"
    assert found.outcomes.get("waiting", 0) == 0
