"""The standby script as Asterisk runs it: a process with two pipes, and a scripted Asterisk at their other ends."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotline import clock, paths

ENVIRONMENT = (
    "agi_request: standby\nagi_uniqueid: node1-1.1\nagi_callerid: 13800000000\nagi_calleridname: 张伟\nagi_arg_1: message\n\n"
)
OK = "200 result=0 endpos=8000"
SET = "200 result=1"
GREETING = 'STREAM FILE "standby-greeting" ""'
NEXT_AGENTS = 'SET VARIABLE "HOTLINE_NEXT" "agents"'
NEXT_GOODBYE = 'SET VARIABLE "HOTLINE_NEXT" "goodbye"'
NOTE = [
    ('EXEC UserEvent "HotlineStep,Step: standby:inbound"', "200 result=0"),
    ('GET VARIABLE "CHANNEL(userfield)"', "200 result=1 ()"),
    ('SET VARIABLE "CHANNEL(userfield)" "standby:inbound"', SET),
]
LEAVE = ('STREAM FILE "leave-message" ""', OK)
REASON = ('GET VARIABLE "HOTLINE_REASON"', "200 result=1 (timed_out)")


def after(outcome: str) -> list[tuple[str, str]]:
    """How a message ends: the step, the path, and the way on."""
    return [
        (f'EXEC UserEvent "HotlineStep,Step: message:{outcome}"', "200 result=0"),
        ('GET VARIABLE "CHANNEL(userfield)"', "200 result=1 (main:1)"),
        (f'SET VARIABLE "CHANNEL(userfield)" "main:1,message:{outcome}"', SET),
        (NEXT_GOODBYE, SET),
    ]


class Script:
    """One run of the script, and the folder of its messages (with a space in its path)."""

    def __init__(self, folder: Path, *arguments: str, config: dict[str, object] | None = None) -> None:
        self.inbox = folder / "messages inbox"
        file = folder / "standby.json"
        file.write_text(json.dumps({"node": "node1", "inbox": str(self.inbox)} if config is None else config))
        environment = {"PATH": os.environ["PATH"], "HOTLINE_STANDBY": str(file), "PYTHONWARNINGS": "error", "LC_ALL": "C"}
        command = [sys.executable, "-m", "agi.standby", *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=paths.TREE, env=environment)

    def send(self, data: str | bytes) -> Script:
        assert self.process.stdin
        self.process.stdin.write(data.encode() if isinstance(data, str) else data)
        self.process.stdin.flush()
        return self

    def line(self) -> str:
        assert self.process.stdout
        return self.process.stdout.readline().decode().strip()

    def talk(self, *exchanges: tuple[str, str]) -> Script:
        """Expect each command and give its answer."""
        for command, answer in exchanges:
            assert self.line() == command
            self.send(f"{answer}\n")
        return self

    def record(self, name: str = "node1-1.1") -> tuple[str, Path]:
        """The command that records, and where."""
        file = self.inbox / name
        return f'RECORD FILE "{file}" wav "#" 120000 0 BEEP s=6', file

    def ended(self) -> str:
        """Nothing more is said and the script ends well; what it wrote to standard error."""
        assert self.process.stdin
        assert self.line() == ""
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        assert self.process.stderr
        return self.process.stderr.read().decode()


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Script]]:
    """Starts the script; nothing of it is left at the end."""
    scripts: list[Script] = []

    def start(*arguments: str, config: dict[str, object] | None = None) -> Script:
        scripts.append(Script(tmp_path, *arguments, config=config))
        return scripts[-1]

    yield start
    for script in scripts:
        script.process.kill()
        script.process.wait()
        for pipe in (script.process.stdin, script.process.stdout, script.process.stderr):
            assert pipe
            if not pipe.closed:
                pipe.close()


def test_a_call_is_greeted_and_goes_to_the_agents(run: Callable[..., Script]) -> None:
    assert run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, OK), (NEXT_AGENTS, SET)).ended() == ""


def test_the_first_word_comes_within_a_second(run: Callable[..., Script]) -> None:
    began = clock.monotonic()
    run("inbound").send(ENVIRONMENT).talk(*NOTE).line()
    assert clock.monotonic() - began < 1.0


def test_out_of_hours_the_call_is_asked_for_a_message(run: Callable[..., Script]) -> None:
    closed: dict[str, list[str]] = {
        day: [] for day in ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
    }
    script = run("inbound", config={"node": "node1", "inbox": "/x", "hours": closed}).send(ENVIRONMENT)
    script.talk(*NOTE, (GREETING, OK), ('STREAM FILE "out-of-hours" ""', OK))
    script.talk(('SET VARIABLE "HOTLINE_REASON" "out_of_hours"', SET), ('SET VARIABLE "HOTLINE_NEXT" "message"', SET)).ended()


@pytest.mark.parametrize(("status", "reason"), [("TIMEOUT", "timed_out"), ("FULL", "queue_full"), ("", "fault")])
def test_a_caller_whom_the_queue_gave_back_is_asked_for_a_message(run: Callable[..., Script], status: str, reason: str) -> None:
    script = run("after-queue", status).send(ENVIRONMENT).talk(('STREAM FILE "agents-busy" ""', OK))
    script.talk((f'SET VARIABLE "HOTLINE_REASON" "{reason}"', SET), ('SET VARIABLE "HOTLINE_NEXT" "message"', SET)).ended()


def test_after_the_agent_has_hung_up_comes_goodbye(run: Callable[..., Script]) -> None:
    run("after-queue", "CONTINUE").send(ENVIRONMENT).talk((NEXT_GOODBYE, SET)).ended()


def test_a_missing_prompt_does_not_stop_the_caller(run: Callable[..., Script]) -> None:
    script = run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, "200 result=-1 endpos=0"), (NEXT_AGENTS, SET))
    assert "STREAM FILE" in script.ended()


@pytest.mark.parametrize("config", [{}, {"hours": 5}, {"hours": {"monday": [["25:00", "x"]]}}])
def test_without_its_file_a_call_still_goes_to_the_agents(run: Callable[..., Script], config: dict[str, object]) -> None:
    run("inbound", config=config).send(ENVIRONMENT).talk(*NOTE, (GREETING, OK), (NEXT_AGENTS, SET)).ended()


def test_a_message_is_recorded_with_number_and_time_written_first(run: Callable[..., Script]) -> None:
    script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
    command, file = script.record()
    assert script.line() == command
    sidecar = json.loads(file.with_name("node1-1.1.json").read_text())
    started = dt.datetime.fromisoformat(sidecar.pop("started_at"))
    assert abs((clock.now() - started).total_seconds()) < 10
    assert started.utcoffset() == dt.timedelta(0)
    assert sidecar == {
        **{"node": "node1", "call_id": "node1-1.1", "uniqueid": "node1-1.1"},
        **{"caller_number": "13800000000", "reason": "timed_out"},
    }
    script.send("200 result=35 (dtmf) endpos=54792\n").talk(('STREAM FILE "message-saved" ""', OK), *after("saved"))
    assert script.ended() == ""
    assert [f.name for f in script.inbox.iterdir()] == ["node1-1.1.json"]


def test_a_message_that_is_too_short_gets_one_more_try(run: Callable[..., Script]) -> None:
    script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
    command, _ = script.record()
    script.talk((command, "200 result=113998 (timeout) endpos=8138"), ('STREAM FILE "message-too-short" ""', OK))
    script.talk((command, "200 result=35 (dtmf) endpos=16000"), ('STREAM FILE "message-saved" ""', OK), *after("saved")).ended()


def test_two_messages_that_are_too_short_are_kept_for_their_number(run: Callable[..., Script]) -> None:
    script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
    command, file = script.record()
    script.talk((command, "200 result=35 (dtmf) endpos=0"), ('STREAM FILE "message-too-short" ""', OK))
    script.talk((command, "200 result=35 (dtmf) endpos=0"), *after("short")).ended()
    assert file.with_name("node1-1.1.json").exists()


@pytest.mark.parametrize(
    "ending", ["200 result=-1 (hangup) endpos=37374\n", "HANGUP\n", "511 Command Not Permitted on a dead channel\n"]
)
def test_a_hang_up_in_the_middle_keeps_what_was_said(run: Callable[..., Script], ending: str) -> None:
    script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
    command, file = script.record()
    assert script.line() == command
    file.with_name("node1-1.1.wav").write_bytes(b"what was said")
    script.process.send_signal(signal.SIGHUP)
    assert script.send(ending).ended() == ""
    assert sorted(f.name for f in script.inbox.iterdir()) == ["node1-1.1.json", "node1-1.1.wav"]


def test_a_signal_between_two_commands_ends_the_script_quietly(run: Callable[..., Script]) -> None:
    script = run("inbound").send(ENVIRONMENT)
    assert script.line() == NOTE[0][0]
    script.process.send_signal(signal.SIGHUP)
    script.send("200 result=0\n")
    assert script.ended() == ""


@pytest.mark.parametrize("talked", range(4))
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
    run("inbound").send(ENVIRONMENT).talk(*NOTE, (GREETING, answer), (NEXT_AGENTS, SET)).ended()


@pytest.mark.parametrize("name", [b"\xff\xfe", "张伟".encode("gbk"), b'"\\" ${SHELL(reboot)}', "😀".encode() * 100])
def test_a_name_of_any_bytes_changes_nothing(run: Callable[..., Script], name: bytes) -> None:
    headers = ENVIRONMENT.encode().replace("张伟".encode(), name)
    assert run("inbound").send(headers).talk(*NOTE, (GREETING, OK), (NEXT_AGENTS, SET)).ended() == ""


@pytest.mark.parametrize("uniqueid", ["../../etc/passwd", "", "a/b", 'x" wav'])
def test_a_uniqueid_that_is_no_file_name_is_replaced(run: Callable[..., Script], uniqueid: str) -> None:
    script = run("message").send(ENVIRONMENT.replace("node1-1.1", uniqueid)).talk(LEAVE, REASON)
    assert script.line().startswith(f'RECORD FILE "{script.inbox}/unknown-2')


def test_a_second_message_of_a_call_does_not_overwrite_the_first(run: Callable[..., Script]) -> None:
    for name in ("node1-1.1", "node1-1.1-2", "node1-1.1-3"):
        script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
        assert script.line() == script.record(name)[0]


def test_a_number_that_is_withheld_is_empty(run: Callable[..., Script]) -> None:
    script = run("message").send(ENVIRONMENT.replace("13800000000", "unknown")).talk(LEAVE, REASON)
    script.line()
    assert json.loads(script.record()[1].with_name("node1-1.1.json").read_text())["caller_number"] == ""


def test_when_nothing_can_be_written_the_caller_is_told_and_goes_on(run: Callable[..., Script], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    script = run("message", config={"node": "node1", "inbox": str(tmp_path / "file" / "inbox")}).send(ENVIRONMENT)
    script.talk(LEAVE, ('STREAM FILE "agents-busy" ""', OK), *after("failed"))
    assert "a message could not be taken" in script.ended()


def test_when_asterisk_cannot_record_the_number_is_kept_and_the_caller_goes_on(run: Callable[..., Script]) -> None:
    script = run("message").send(ENVIRONMENT).talk(LEAVE, REASON)
    command, file = script.record()
    script.talk((command, "200 result=-1 (writefile) endpos=0"), ('STREAM FILE "agents-busy" ""', OK), *after("failed"))
    script.ended()
    assert file.with_name("node1-1.1.json").exists()


def test_it_needs_no_web_framework_no_database_driver_and_no_event_loop() -> None:
    unwanted = ["asyncio", "asyncpg", "aiohttp", "jinja2", "structlog"]
    code = f"import sys, agi.standby; print([m for m in {unwanted} if m in sys.modules])"
    printed = subprocess.run([sys.executable, "-c", code], cwd=paths.TREE, capture_output=True, text=True, check=True).stdout
    assert printed == "[]\n"
