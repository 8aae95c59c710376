"""What a log line looks like, whoever wrote it."""

from __future__ import annotations

import json
import subprocess
import sys

from hotline import paths

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
