"""What a call that waits in the menu costs beside Asterisk: 5000 of them in one FastAGI process, and a pyst2 process for each.

No Asterisk: the sockets and pipes are ours and say what Asterisk says, up to the first question. Memory is each page once (PSS)
on top of the empty process; time is CPU from the connection, or the process's start, to the first question.
"""

from __future__ import annotations

import asyncio
import os
import resource
import subprocess
import sys
import tempfile
from pathlib import Path

from bench import cpu
from bench.figure import Figure, say
from hotline import paths
from tests import trial
from tests.trial import Trial

SESSIONS = int(os.environ.get("BENCH_SESSIONS", "5000"))
_PROCESSES = 20
_AT_ONCE = 100
_HEADERS = "".join(
    f"agi_{name}: {value}\n"
    for name, value in {
        "network": "yes",
        "network_script": "flow",
        "request": "agi://127.0.0.1:4573/flow",
        "channel": "PJSIP/citizens-00000001",
        "language": "zh",
        "type": "PJSIP",
        "uniqueid": "node1-1760000000.1",
        "version": "22.10.1",
        "callerid": "13800001001",
        "calleridname": "unknown",
        "callingpres": "0",
        "callingani2": "0",
        "callington": "0",
        "callingtns": "0",
        "dnid": "12345",
        "rdnis": "unknown",
        "context": "flow",
        "extension": "s",
        "priority": "3",
        "enhanced": "0.0",
        "accountcode": "",
        "threadid": "140000000000000",
        "arg_1": "",
    }.items()
)
_QUESTIONS = (b"GET DATA", b"EXEC Read", b"GET OPTION")
"""The command that asks for the first key; what comes before it is answered."""


def measure() -> list[Figure]:
    """Both ways; a session that is not served is an error."""
    ours_memory, ours_time = _in_one_process()
    peer_memory, peer_time = _a_process_each()
    note = f"{SESSIONS} sessions at once; peer: {_PROCESSES} pyst2 processes"
    return [
        Figure(name="agi_session_memory", ours=ours_memory, peer=peer_memory, unit="KiB/session", note=note),
        Figure(name="agi_session_cpu", ours=ours_time, peer=peer_time, unit="ms CPU to the first question", note=note),
    ]


def _in_one_process() -> tuple[float, float]:
    """KiB and milliseconds of a session."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with tempfile.TemporaryDirectory(prefix="hotline-bench-") as folder:
        configured = Trial(Path(folder))
        configured.make_credentials()
        command = [sys.executable, "-m", "agi"]
        environment = os.environ | configured.environment
        with subprocess.Popen(command, cwd=paths.TREE, env=environment, stderr=subprocess.DEVNULL) as process:
            try:
                return asyncio.run(_fill(process.pid, configured.settings.agi.port))
            finally:
                process.terminate()


async def _fill(pid: int, port: int) -> tuple[float, float]:
    await asyncio.to_thread(trial.wait_until, lambda: asyncio.run(_session(port)), what="the FastAGI server")
    memory, used = cpu.memory(pid).pss, cpu.seconds({"agi": pid})["agi"]
    held = []
    for begin in range(0, SESSIONS, _AT_ONCE):
        many = range(begin, min(begin + _AT_ONCE, SESSIONS))
        held += await asyncio.gather(*(_session(port) for _ in many))
    memory, used = cpu.memory(pid).pss - memory, cpu.seconds({"agi": pid})["agi"] - used
    say(f"agi_sessions: {SESSIONS} sessions in one process: {memory:.1f} MiB, {used:.2f} s of CPU")
    for writer in held:
        writer.close()
    return 1024 * memory / SESSIONS, 1000 * used / SESSIONS


async def _session(port: int) -> asyncio.StreamWriter:
    """One caller that is asked for a key."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(f"{_HEADERS}\n".encode())
    while not (line := await reader.readline()).startswith(_QUESTIONS):
        if not line:
            raise RuntimeError("not served")
        writer.write(b"200 result=0\n")
    return writer


def _a_process_each() -> tuple[float, float]:
    script = Path(__file__).with_name("pyst2_menu.py")
    running = [_start(script) for _ in range(_PROCESSES)]
    try:
        for process in running:
            assert process.stdout
            while not (line := process.stdout.readline()).startswith(_QUESTIONS):
                if not line:
                    raise RuntimeError("a pyst2 process died")
        memory = sum(cpu.memory(process.pid).pss for process in running)
        used = sum(cpu.seconds({"peer": process.pid})["peer"] for process in running)
    finally:
        for process in running:
            process.kill()
            process.communicate()
    say(f"agi_sessions: {_PROCESSES} pyst2 processes: {memory:.1f} MiB, {used:.2f} s of CPU")
    return 1024 * memory / _PROCESSES, 1000 * used / _PROCESSES


def _start(script: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, str(script)]
    pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere)
    assert process.stdin
    process.stdin.write(f"{_HEADERS}\n".encode())
    process.stdin.flush()
    return process
