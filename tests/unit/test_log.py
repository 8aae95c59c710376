"""What a log line looks like, whoever wrote it."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import BinaryIO

import pytest

from hotline import log, paths

PROGRAM = """
import asyncio, logging, structlog
from hotline import log
log.configure("trial")
structlog.get_logger().info("市民来电", caller="'\\n\\"")
structlog.get_logger().debug("quiet")
logging.getLogger("library").warning("said %s", "something")
logging.getLogger("library").info("quiet")
secret = "geheim"
try:
    raise ValueError("broken")
except ValueError:
    structlog.get_logger().exception("failed")
    logging.getLogger("library").exception("failed too")
"""


def lines() -> list[dict[str, str]]:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", PROGRAM], cwd=paths.TREE, capture_output=True, encoding="utf-8", check=True
    )
    assert done.stdout == ""
    return [json.loads(line) for line in done.stderr.splitlines()]


def test_every_line_is_one_json_object_with_process_level_and_time_in_utc() -> None:
    found = lines()
    assert [line["event"] for line in found] == ["市民来电", "said something", "failed", "failed too"]
    assert [line["level"] for line in found] == ["info", "warning", "error", "error"]
    assert {line["process"] for line in found} == {"trial"}
    assert all(line["timestamp"].endswith("Z") for line in found)
    assert found[0]["caller"] == "'\n\""


def test_a_traceback_is_told_without_the_values_of_variables() -> None:
    for line in lines()[2:]:
        assert "ValueError: broken" in line["exception"]
        assert "geheim" not in line["exception"]


@pytest.mark.parametrize("place", ["a full disk", "nobody who reads"])
def test_words_that_cannot_be_written_are_lost_and_the_process_goes_on(place: str) -> None:
    """What a process has to say of a full disk must not end it."""
    program = PROGRAM + "\nimport os\nos._exit(7)"
    with Path("/dev/full").open("wb") if place == "a full disk" else _a_broken_pipe() as gone:
        done = subprocess.run([sys.executable, "-W", "error", "-c", program], cwd=paths.TREE, stderr=gone, check=False)
    assert done.returncode == 7


def _a_broken_pipe() -> BinaryIO:
    reader, writer = os.pipe()
    os.close(reader)
    return os.fdopen(writer, "wb")


def test_a_stream_that_was_closed_ends_nobody() -> None:
    """As when a test's captured output is gone, or a process's own."""
    stream = io.StringIO()
    stream.close()
    lossy = log.Lossy(stream)
    assert lossy.write("one word") == 8
    lossy.flush()
