"""The commands as a person types them, against a running stack and around its start and its end."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ami_bridge import codec
from hotline import clock, messages, paths
from tests.trial import Trial, wait_until

PARTS = ["postgres", "asterisk", "agi", "ami_bridge", "acd", "crm", "recordings", "desks"]


@contextlib.contextmanager
def long_running(stack: Trial, *arguments: str, ready: Callable[[str], bool]) -> Iterator[subprocess.Popen[str]]:
    """A command that runs until Ctrl-C, once ``ready`` (asked for each line it says) holds; killed at the end if need be."""
    process = subprocess.Popen(
        [sys.executable, "-m", *arguments],
        cwd=paths.TREE,
        env=os.environ | stack.environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    assert process.stdout
    try:
        said = []
        for line in process.stdout:
            said.append(line)
            if ready(line):
                break
        else:
            assert process.stderr
            raise AssertionError(f"it ended before it was ready: {said} {process.stderr.read()}")
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=20)


def interrupt(process: subprocess.Popen[str], seconds: float = 20) -> tuple[str, str]:
    """Ctrl-C; returns what it said afterwards on both outputs."""
    process.send_signal(signal.SIGINT)
    return process.communicate(timeout=seconds)


def one_line(done: subprocess.CompletedProcess[str], code: int = 1) -> str:
    """The single line of an expected error."""
    assert done.returncode == code, done
    assert done.stdout == ""
    (line,) = done.stderr.splitlines()
    return line


# --- against the running stack ----------------------------------------------------------------------------------------------


def test_status_lists_every_part_as_healthy(stack: Trial) -> None:
    done = stack.command("hotline", "status")
    assert done.returncode == 0, done
    lines = [line.split() for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == PARTS
    assert all(line[1].isdigit() and "healthy" in line for line in lines)


def test_status_in_json_names_process_health_problem_and_words_of_each_part(stack: Trial) -> None:
    done = stack.command("hotline", "status", "--json")
    assert done.returncode == 0, done
    found = json.loads(done.stdout)
    assert found.keys() == {"running", "healthy", "parts"}
    assert (found["running"], found["healthy"], list(found["parts"])) == (True, True, PARTS)
    for name, part in found["parts"].items():
        assert part.keys() == {"pid", "healthy", "problem", "says"}
        assert (part["pid"], part["healthy"], part["problem"]) == (stack.pid(name), True, None)


def test_the_doctor_finds_nothing_wrong_with_a_running_stack_and_leaves_it_alone(stack: Trial) -> None:
    before = {name: stack.pid(name) for name in PARTS}
    done = stack.command("hotline", "doctor", "--json")
    said = json.loads(done.stdout)
    assert (done.returncode, said["findings"]) == (0, []), done
    assert {one["check"] for one in said["warnings"]} <= {"alarm"}, "one may still be on from the start"
    assert stack.command("hotline", "doctor").stdout.splitlines()[0] == messages.text("doctor.ok")
    assert {name: stack.pid(name) for name in PARTS} == before


def test_the_doctor_in_json_names_check_and_mend_in_both_languages(stack: Trial, tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("[agi]\nprot = 1\n")
    stack_environment, stack.environment = stack.environment, stack.environment | {"HOTLINE_CONFIG": str(tmp_path / "bad.toml")}
    try:
        done = stack.command("hotline", "doctor", "--json")
        shown = stack.command("hotline", "doctor")
    finally:
        stack.environment = stack_environment
    assert done.returncode == 1
    (finding,) = json.loads(done.stdout)["findings"]
    assert finding.keys() == {"check", "zh", "en"}
    assert finding["check"] == "settings"
    assert "agi.prot" in finding["zh"] and "agi.prot" in finding["en"]
    assert shown.returncode == 1
    assert shown.stdout == f"✗ [settings] {finding['zh']}\n  {finding['en']}\n"


def test_up_beside_a_running_stack_says_so_and_disturbs_nothing(stack: Trial) -> None:
    assert stack.process
    before = {name: stack.pid(name) for name in PARTS}
    assert one_line(stack.command("hotline", "up")) == messages.text("up.already", pid=stack.process.pid)
    assert {name: stack.pid(name) for name in PARTS} == before


def test_agents_answer_the_calls_that_call_places_and_the_json_is_the_agreed_one(stack: Trial) -> None:
    with long_running(stack, "hotline", "agents", "--count", "4", "--talk", "2", ready=lambda line: "1001" in line) as agents:
        done = stack.command("hotline", "call", "--count", "4", "--rate", "2", "--keys", "1", "--talk", "0", "--json")
        assert done.returncode == 0, done
        rest, errors = interrupt(agents)
    result = json.loads(done.stdout)
    assert result.keys() == {"calls", "answered_by_system", "answered_by_agent", "failed", "setup_ms_p99", "details"}
    assert {key: result[key] for key in ("calls", "answered_by_system", "answered_by_agent", "failed")} == {
        "calls": 4,
        "answered_by_system": 4,
        "answered_by_agent": 4,
        "failed": 0,
    }, result
    assert 0 < result["setup_ms_p99"] < 5000
    assert (agents.returncode, errors) == (0, "")
    assert messages.text("phones.served", count=4) in rest
    wait_until(lambda: "1001" not in stack.asterisk("pjsip show contacts"), what="the agents have unregistered")


def test_a_recorded_stream_can_be_read_again(stack: Trial, tmp_path: Path) -> None:
    file = tmp_path / "a trace.ami"
    with subprocess.Popen(
        [sys.executable, "-m", "ami_bridge", "record", str(file)],
        cwd=paths.TREE,
        env=os.environ | stack.environment,
        stderr=subprocess.PIPE,
        text=True,
    ) as recording:
        try:
            wait_until(lambda: file.exists() and b"Response: Success" in file.read_bytes(), what="the recorder is logged in")
            done = stack.command("hotline", "call", "--hangup-after", "1", "--keys", "", "--caller", "13800007777")
            assert done.returncode == 0, done
            wait_until(lambda: b"Event: Hangup\r\n" in file.read_bytes(), what="the end of the call is recorded")
            _, errors = interrupt(recording)
        finally:
            recording.kill()
    assert recording.returncode == 0
    assert {json.loads(line)["level"] for line in errors.splitlines()} <= {"info"}, errors
    decoder = codec.Decoder()
    frames = decoder.feed(file.read_bytes())
    assert (decoder.counts.junk, decoder.counts.oversized, decoder.counts.undecodable) == (0, 0, 0)
    ours = [frame for frame in frames if frame.headers.get("calleridnum") == "13800007777"]
    assert {"Newchannel", "Hangup"} <= {frame.name for frame in ours}
    assert all("timestamp" in frame.headers for frame in ours)


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["call", "--count", "0"], "--count 0"),
        (["call", "--count", "-3"], "--count -3"),
        (["call", "--rate", "0"], "rate"),
        (["call", "--rate", "nan"], "rate"),
        (["call", "--keys", "1x"], "1x"),
        (["call", "--caller", "abc;def"], "abc;def"),
        (["call", "--talk", "-1"], "--talk"),
        (["call", "--speech", "nowhere.wav"], "nowhere.wav"),
        (["call", "--speech", "README.md"], "README.md"),
        (["agents", "--count", "0"], "--count 0"),
        (["agents", "--count", "61"], "1 to 60"),
        (["agents", "--count", "1", "--speech", "nowhere.wav"], "nowhere.wav"),
    ],
)
def test_an_argument_that_does_not_fit_is_named_in_one_line(stack: Trial, arguments: list[str], named: str) -> None:
    assert named in one_line(stack.command("hotline", *arguments))


@pytest.mark.parametrize("arguments", [["call", "--count", "two"], ["call", "--frobnicate"], ["dance"], []])
def test_a_command_that_cannot_be_read_is_a_usage_error(stack: Trial, arguments: list[str]) -> None:
    done = stack.command("hotline", *arguments)
    assert done.returncode == 2
    assert done.stderr.startswith("usage: hotline")
    assert "Traceback" not in done.stderr


def test_a_recording_that_cannot_be_written_is_one_line(stack: Trial, tmp_path: Path) -> None:
    assert str(tmp_path / "no" / "file") in one_line(stack.command("ami_bridge", "record", str(tmp_path / "no" / "file")))


# --- where nothing runs -------------------------------------------------------------------------------------------------------


@pytest.fixture
def idle(tmp_path: Path) -> Trial:
    """A stack that was never started."""
    return Trial(tmp_path / "idle")


def test_telephones_without_a_stack_say_so_in_one_line(idle: Trial) -> None:
    for arguments in (["call", "--count", "1"], ["agents", "--count", "1"]):
        line = one_line(idle.command("hotline", *arguments))
        assert "hotline up" in line or "make run" in line, line


def test_status_and_down_without_a_stack_say_so(idle: Trial) -> None:
    done = idle.command("hotline", "status")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, messages.text("status.not_running"))
    assert json.loads(idle.command("hotline", "status", "--json").stdout) == {"running": False, "healthy": False, "parts": {}}
    done = idle.command("hotline", "down")
    assert (done.returncode, done.stdout.strip()) == (0, messages.text("down.not_running"))
    assert json.loads(idle.command("hotline", "down", "--json").stdout) == {"was_running": False, "stopped": True}
    assert not idle.var.exists(), "asking makes nothing"


def test_recording_without_a_stack_says_so_in_one_line(idle: Trial, tmp_path: Path) -> None:
    assert "credentials.json" in one_line(idle.command("ami_bridge", "record", str(tmp_path / "trace.ami")))


def test_a_state_folder_that_cannot_be_made_is_one_line(idle: Trial) -> None:
    idle.environment["HOTLINE_VAR"] = "/proc/hotline/var"
    assert "/proc/hotline" in one_line(idle.command("hotline", "up"))


def test_settings_that_are_wrong_are_one_line_for_every_command(idle: Trial) -> None:
    idle.config.write_text("[queue]\nname = 'a;b'\n")
    for arguments in (["up"], ["status"], ["call"], ["agents"]):
        assert "queue.name" in one_line(idle.command("hotline", *arguments)), arguments


# --- a stack of one's own, started and stopped in every way ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack that this module starts and stops itself."""
    trial = Trial(tmp_path_factory.mktemp("own stack"))
    yield trial
    for pid in processes(trial):
        os.kill(pid, signal.SIGKILL)


def processes(stack: Trial) -> list[int]:
    """Living processes that were started with this stack's state folder."""
    word = f"HOTLINE_VAR={stack.var}".encode()
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if word in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found


def test_ctrl_c_stops_everything_quickly_and_leaves_no_process(own: Trial) -> None:
    own.start()
    assert own.process
    assert len(processes(own)) >= len(PARTS)
    began = clock.monotonic()
    rest, _ = interrupt(own.process, 30)
    assert own.process.returncode == 0
    assert clock.monotonic() - began < 10
    assert messages.text("up.stopped") in rest
    assert processes(own) == []
    assert list((own.var / "run").glob("*.pid")) == []


def test_the_second_start_takes_seconds_and_down_stops_it(own: Trial) -> None:
    began = clock.monotonic()
    own.start()
    assert clock.monotonic() - began < 15
    assert own.process
    done = own.command("hotline", "down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"was_running": True, "stopped": True})
    own.process.communicate(timeout=10)
    assert own.process.returncode == 0
    assert processes(own) == []
    done = own.command("hotline", "status")
    assert (done.returncode, done.stdout.splitlines()[0]) == (1, messages.text("status.not_running"))
    assert len(done.stdout.splitlines()) == 1 + len(PARTS)


def test_ctrl_c_during_the_start_stops_what_had_started(own: Trial) -> None:
    with long_running(own, "hotline", "up", "--json", ready=lambda line: "agi" in line) as starting:
        rest, errors = interrupt(starting, 30)
        assert (starting.returncode, errors) == (0, "")
    assert json.loads(rest.splitlines()[-1]) == {"says": messages.text("up.stopped")}
    assert processes(own) == []


def test_a_killed_supervisor_leaves_asterisk_which_the_next_takes_over_or_down_stops(own: Trial) -> None:
    own.start()
    assert own.process
    switch = own.pid("asterisk")
    own.process.kill()
    own.process.communicate()
    wait_until(lambda: processes(own) == [switch], what="all but Asterisk leave")
    own.start()
    assert own.pid("asterisk") == switch
    assert messages.text("up.adopted", part="asterisk") + "\n" in own.said
    assert own.command("hotline", "status").returncode == 0
    own.process.kill()
    own.process.communicate()
    wait_until(lambda: processes(own) == [switch], what="all but Asterisk leave")
    done = own.command("hotline", "down", "--json")
    assert (done.returncode, json.loads(done.stdout)) == (0, {"was_running": False, "stopped": True})
    assert processes(own) == []


def test_a_supervisor_that_is_started_again_at_once_waits_for_its_predecessors_parts(own: Trial) -> None:
    """As systemd does: the old parts still leave while the new ones come."""
    own.start()
    assert own.process
    own.process.kill()
    own.process.communicate()
    own.start()
    assert own.command("hotline", "status").returncode == 0, own.logs()
    own.stop()
    assert processes(own) == []


@pytest.mark.parametrize(
    ("table", "kind"), [("database", socket.SOCK_STREAM), ("asterisk", socket.SOCK_DGRAM), ("agi", socket.SOCK_STREAM)]
)
def test_a_port_that_is_taken_stops_the_start_by_name_before_anything_runs(
    own: Trial, table: str, kind: socket.SocketKind
) -> None:
    key = "sip_port" if table == "asterisk" else "port"
    port = getattr(getattr(own.settings, table), key)
    with socket.socket(type=kind) as holder:
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind is socket.SOCK_STREAM))
        holder.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        done = own.command("hotline", "up")
    assert f"127.0.0.1:{port} is taken" in one_line(done)
    assert f"{table}.{key}" in done.stderr
    assert processes(own) == []
    assert not (own.var / "run" / "up.pid").exists()
