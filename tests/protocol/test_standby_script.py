"""The standby script, the talk about messages aside (test_message_script.py)."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotline import clock, paths
from ivr_flows import files
from tests.standby_script import ENVIRONMENT, Script, scripts

OK = "200 result=0 endpos=8000"
SET = "200 result=1"
GREETING = 'STREAM FILE "standby-greeting" ""'
NEXT_AGENTS = [('SET VARIABLE "HOTLINE_QUEUE" "main"', SET), ('SET VARIABLE "HOTLINE_NEXT" "agents"', SET)]
NEXT_HANGUP = ('SET VARIABLE "HOTLINE_NEXT" "hangup"', SET)


def noted(step: str) -> list[tuple[str, str]]:
    """How a step is told and added to the path."""
    return [
        (f'EXEC UserEvent "HotlineStep,Step: {step}"', "200 result=0"),
        ('GET VARIABLE "CHANNEL(userfield)"', "200 result=1 (main:1)"),
        (f'SET VARIABLE "CHANNEL(userfield)" "main:1,{step}"', SET),
    ]


FLOW = noted(f"flow:{files.standby().identity}")
NOTE = [*FLOW, *noted("agents-on-duty:open")]


def message(reason: str) -> list[tuple[str, str]]:
    """The call goes on to leave a message."""
    values = {"HOTLINE_KIND": "message", "HOTLINE_REASON": reason, "HOTLINE_NEXT": "message"}
    return [(f'SET VARIABLE "{name}" "{value}"', SET) for name, value in values.items()]


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Script]]:
    """Starts the script; nothing of it is left at the end."""
    with scripts() as started:

        def start(*arguments: str, config: dict[str, object] | None = None) -> Script:
            started.append(Script(tmp_path, *arguments, config=config))
            return started[-1]

        yield start


def test_a_call_is_greeted_and_goes_to_the_agents(run: Callable[..., Script]) -> None:
    assert run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, OK), *NEXT_AGENTS).ended() == ""


def test_the_first_word_comes_within_a_second(run: Callable[..., Script]) -> None:
    """The quickest of five: the others tell of the machine."""

    def seconds() -> float:
        began = clock.monotonic()
        run("inbound").send(ENVIRONMENT).talk(*NOTE).line()
        return clock.monotonic() - began

    assert min(seconds() for _ in range(5)) < 1.0


def test_out_of_hours_the_call_is_asked_for_a_message(run: Callable[..., Script]) -> None:
    closed: dict[str, list[str]] = {
        day: [] for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    }
    script = run("inbound", config={"node": "node1", "inbox": "/x", "hours": closed}).send(ENVIRONMENT)
    script.talk(*FLOW, *noted("agents-on-duty:closed"), (GREETING, OK), ('STREAM FILE "out-of-hours" ""', OK))
    script.talk(*message("out_of_hours")).ended()


@pytest.mark.parametrize(("status", "reason"), [("TIMEOUT", "timed_out"), ("FULL", "queue_full"), ("", "fault")])
def test_a_caller_whom_the_queue_gave_back_is_asked_for_a_message(run: Callable[..., Script], status: str, reason: str) -> None:
    script = run("after-queue", status).send(ENVIRONMENT).talk(*FLOW, *(noted(f"after-queue:{status}") if status else []))
    script.talk(('STREAM FILE "agents-busy" ""', OK), *message(reason)).ended()


def test_after_the_agent_has_hung_up_comes_goodbye(run: Callable[..., Script]) -> None:
    script = run("after-queue", "CONTINUE").send(ENVIRONMENT).talk(*FLOW, *noted("after-queue:CONTINUE"))
    script.talk(('STREAM FILE "goodbye" ""', OK), NEXT_HANGUP).ended()


def test_after_a_message_comes_goodbye(run: Callable[..., Script]) -> None:
    run("after-message", "saved").send(ENVIRONMENT).talk(*FLOW, ('STREAM FILE "goodbye" ""', OK), NEXT_HANGUP).ended()


def test_a_missing_prompt_does_not_stop_the_caller(run: Callable[..., Script]) -> None:
    script = run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, "200 result=-1 endpos=0"), *NEXT_AGENTS)
    assert "STREAM FILE" in script.ended()


@pytest.mark.parametrize("config", [{}, {"hours": 5}, {"hours": {"monday": [["25:00", "x"]]}}])
def test_without_its_file_a_call_still_goes_to_the_agents(run: Callable[..., Script], config: dict[str, object]) -> None:
    run("inbound", config=config).send(ENVIRONMENT).talk(*NOTE, (GREETING, OK), *NEXT_AGENTS).ended()


def test_a_signal_between_two_commands_ends_the_script_quietly(run: Callable[..., Script]) -> None:
    script = run("inbound").send(ENVIRONMENT)
    assert script.line() == NOTE[0][0]
    script.process.send_signal(signal.SIGHUP)
    script.send("200 result=0\n")
    assert script.ended() == ""


@pytest.mark.parametrize("talked", range(7))
def test_the_end_of_its_input_ends_the_script_quietly(run: Callable[..., Script], talked: int) -> None:
    script = run("inbound").send(ENVIRONMENT).talk(*[*NOTE, (GREETING, OK)][:talked])
    script.line()
    assert script.process.stdin
    script.process.stdin.close()
    assert script.process.wait(10) == 0


@pytest.mark.parametrize("data", ["", "agi_request: x", "520-Usage\nmore"])
def test_an_end_within_the_headers_or_a_usage_text_does_not_spin(run: Callable[..., Script], data: str) -> None:
    script = run("inbound").send(f"{ENVIRONMENT}{data}" if data.startswith("520") else data)
    assert script.process.stdin
    script.process.stdin.close()
    assert script.process.wait(10) == 0


@pytest.mark.parametrize(
    "answer", ["", "rubbish", "520-Usage\nmore\n520 End of proper usage.", "510 Invalid or unknown command", "200"]
)
def test_an_answer_that_is_none_counts_as_a_prompt_that_failed(run: Callable[..., Script], answer: str) -> None:
    run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, answer), *NEXT_AGENTS).ended()


@pytest.mark.parametrize("name", [b"\xff\xfe", "张伟".encode("gbk"), b'"\\" ${SHELL(reboot)}', "😀".encode() * 100])
def test_a_name_of_any_bytes_changes_nothing(run: Callable[..., Script], name: bytes) -> None:
    headers = ENVIRONMENT.encode().replace("张伟".encode(), name)
    assert run("inbound").send(headers).talk(*NOTE, (GREETING, OK), *NEXT_AGENTS).ended() == ""


def test_it_needs_no_web_framework_no_database_driver_and_no_event_loop() -> None:
    unwanted = ["asyncio", "asyncpg", "aiohttp", "jinja2", "structlog"]
    code = f"import sys, agi.standby; print([m for m in {unwanted} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], cwd=paths.TREE, capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
