"""Mixed calls while the link breaks, the bridge and acd die: every row is what the telephones saw (metrics, sections 6 and 7).

The long run, with all faults, is ``python -m bench mixed``.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests import mixed
from tests.mixed import Phase
from tests.trial import Trial

SETTINGS = mixed.SETTINGS | {"queue": mixed.SETTINGS["queue"] | {"wait_seconds": 9, "ring_seconds": 3}}
"""Nobody waits as long as in the long run."""


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack with the flow of the stories; its bridge will be hurt."""
    trial = Trial(tmp_path_factory.mktemp("mixed"), SETTINGS)
    mixed.prepare(trial)
    try:
        trial.start()
        yield trial
    finally:
        if trial.process:
            trial.stop()


def test_every_call_is_what_the_telephones_saw_though_the_link_breaks_and_the_bridge_dies(stack: Trial) -> None:
    """Two queues with overflow, ring-all, transfers, keys, time-outs, orders of agents and supervisors, agents who come and go.

    Law 1: tables and journal say the same.
    """
    planned = [
        Phase("overflows", 30, ((0.4, "cut_ami"), (0.6, "second_bridge"))),
        Phase("rings_all", 24, ((0.2, "kill_acd"), (0.4, "kill_bridge"), (0.5, "freeze_acd"))),
    ]
    found = asyncio.run(mixed.run(stack, planned, rate=4))
    assert found.broken == []
    assert found.differences == []
    assert found.calls == 54
    assert found.gaps >= 2, "each fault is recorded"
    assert found.comings["pause"] and found.comings["log_out"], "agents came and went"
