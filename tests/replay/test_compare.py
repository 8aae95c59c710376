"""app_queue's counters beside ours: every difference is the sum of its reasons, and each reason names its calls (metrics 4)."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ami_bridge import __main__ as command
from ami_bridge.recorded import compare
from ami_bridge.recorded.compare import Result
from ami_bridge.recorded.comparison import Compared
from hotline.settings import Settings

TRACES = Path(__file__).parent.parent / "traces"
STORIES = sorted((TRACES / "stories").glob("*.ami"))
MADE = TRACES / "made"
ASKED = (
    b"Event: QueueParams\r\nQueue: rings\r\nMax: 0\r\nStrategy: ringall\r\nCalls: 0\r\nHoldtime: 0\r\nTalkTime: 0\r\n"
    b"Completed: 0\r\nAbandoned: 1\r\nServiceLevel: 15\r\nServicelevelPerf: 0.0\r\nServicelevelPerf2: 100.0\r\nWeight: 0\r\n"
    b"ActionID: 7\r\n\r\n"
)


@pytest.fixture(autouse=True)
def _no_stack_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody can be asked: there are no credentials."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))


def compared(*streams: Path, logs: tuple[Path, ...] = ()) -> Result:
    return compare.compare(streams, logs, Settings(), ask=False)


def reasons(one: Compared) -> dict[str, tuple[int, int, int]]:
    return {why.reason: (why.completed, why.abandoned, len(why.calls)) for why in one.why}


@pytest.mark.parametrize("stream", STORIES, ids=lambda path: path.stem)
def test_the_difference_is_the_sum_of_its_reasons(stream: Path) -> None:
    for one in compared(stream, logs=(stream.with_suffix(".queue_log"),)).queues:
        assert one.expected.completed - one.ours.completed == sum(why.completed for why in one.why)
        assert one.expected.abandoned - one.ours.abandoned == sum(why.abandoned for why in one.why)
        assert all(len(set(why.calls)) > 0 for why in one.why)


@pytest.mark.parametrize(
    "stream", [path for path in STORIES if path.stem not in ("reconnected", "restart")], ids=lambda path: path.stem
)
def test_the_stream_and_the_queue_log_alone_expect_the_same_counters(stream: Path) -> None:
    """Two witnesses of what app_queue did: what it counts is in both."""

    def counted(result: Result) -> Iterator[tuple[str, int, int]]:
        return ((one.queue, *_counts(one)) for one in result.queues if any(_counts(one)))

    def _counts(one: Compared) -> tuple[int, int]:
        return one.expected.completed, one.expected.abandoned

    log = stream.with_suffix(".queue_log")
    assert list(counted(compared(stream, logs=(log,)))) == list(counted(compared(logs=(log,))))


@pytest.mark.parametrize(
    ("name", "queue", "expected"),
    [
        ("times_out", "hotline", {"timed_out": (0, 1, 1)}),
        ("abandons_short", "hotline", {"short_abandoned": (0, 1, 1)}),
        ("abandons_long", "hotline", {}),
        ("presses_for_mailbox", "hotline", {"key_exit": (0, 0, 1)}),
        ("called_back_after_time_out", "hotline", {"callback": (0, 1, 1)}),
        ("nobody_there", "english", {"refused": (0, 0, 1)}),
        ("sent_to_queue", "hotline", {"transfer": (1, 0, 1)}),
        ("overflows_and_is_answered", "english", {"hop": (0, 1, 1)}),
    ],
)
def test_each_reason_is_named(name: str, queue: str, expected: dict[str, tuple[int, int, int]]) -> None:
    found = {one.queue: reasons(one) for one in compared(TRACES / "stories" / f"{name}.ami").queues}
    assert found[queue] == expected


def test_a_restart_is_what_app_queue_forgets(tmp_path: Path) -> None:
    log = tmp_path / "queue_log"
    log.write_text("1720000092|NONE|NONE|NONE|QUEUESTART|\n" + (MADE / "reconnected.queue_log").read_text())
    log.write_text("".join(sorted(log.read_text().splitlines(keepends=True))))
    (one,) = compared(MADE / "reconnected.ami", logs=(log,)).queues
    assert one.since is not None
    assert reasons(one)["restart"] == (-1, -1, 3), "an answered call, an abandon and a time-out"
    assert one.expected.completed == 2


def test_what_asterisk_said_in_a_stream_is_held_against_the_calls(tmp_path: Path) -> None:
    stream = tmp_path / "asked.ami"
    stream.write_bytes((TRACES / "abandoned.ami").read_bytes() + ASKED)
    result = compared(stream)
    (one,) = result.queues
    assert result.counters_from == "stream"
    assert one.app_queue == one.expected
    assert (one.app_queue.perf, one.app_queue.perf2) == (None, 100.0), "hung up at once, and that is a perfect service level"
    assert (one.ours.abandoned, reasons(one)) == (0, {"short_abandoned": (0, 1, 1)})
    stream.write_bytes((TRACES / "abandoned.ami").read_bytes() + ASKED.replace(b"Abandoned: 1", b"Abandoned: 4"))
    (one,) = compared(stream).queues
    assert one.unexplained is not None and (one.unexplained.completed, one.unexplained.abandoned) == (0, 3)


def run(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["ami_bridge", "compare", *arguments])
    return command.main()


def test_a_queue_log_alone_on_a_laptop(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--queue-log", str(TRACES / "stories" / "times_out.queue_log"), "--json") == 0
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    (one,) = found["queues"]
    assert (found["counters_from"], one["app_queue"], one["unexplained"]) == ("calls", None, None)
    assert one["expected"].keys() == {"completed", "abandoned", "servicelevel_perf", "servicelevel_perf2", "holdtime"}
    assert one["difference"]["abandoned"] == 1


def test_the_table_names_the_reasons_and_the_calls(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    story = TRACES / "stories" / "times_out"
    assert run(monkeypatch, "--stream", f"{story}.ami", "--queue-log", f"{story}.queue_log") == 0
    said = " ".join(capfd.readouterr().out.split())
    assert "排队超时" in said and "1 time-outs, counted as abandoned" in said
    assert "+1 Abandoned" in said and "[node1-" in said


def test_nothing_to_compare_is_said_with_status_two(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(monkeypatch, "--stream", "no/such/file") == 2
    assert "no/such/file" in capfd.readouterr().err
    assert run(monkeypatch) == 2, "no journal here"
