"""What Asterisk said while stories were played, and what the telephones knew (tests/traces/stories/README.md): the same."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from ami_bridge.lines import Request, Turn
from ami_bridge.recorded import replay
from ami_bridge.recorded.replay import Asked
from hotline.settings import Settings
from tests.judge import judge
from tests.truth import CallTruth

STORIES = Path(__file__).parent.parent / "traces" / "stories"
NAMES = sorted(path.stem for path in STORIES.glob("*.ami"))


def truths(name: str) -> list[CallTruth]:
    return msgspec.json.decode((STORIES / f"{name}.truth.json").read_bytes(), type=list[CallTruth])


def replayed(name: str, *, log: bool) -> tuple[list[Request], list[Turn]]:
    logs = (STORIES / f"{name}.queue_log",) if log else ()
    rows = replay.replay(Asked(paths=(STORIES / f"{name}.ami",), queue_logs=logs), Settings()).rows
    return [request for row in rows for request in row.requests], [turn for row in rows for turn in row.turns]


def test_there_are_stories() -> None:
    assert len(NAMES) >= 30


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("log", [False, True], ids=["stream", "stream and queue log"])
def test_the_rows_are_what_the_telephones_saw(name: str, log: bool) -> None:
    assert judge(truths(name), *replayed(name, log=log)) == []
