"""The standby script as Asterisk runs it: a process with two pipes, and a scripted Asterisk at their other ends."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from hotline import paths

ENVIRONMENT = (
    "agi_request: standby\nagi_uniqueid: node1-1.1\nagi_callerid: 13800000000\nagi_calleridname: 张伟\nagi_arg_1: message\n\n"
)


class Script:
    """One run of the script, and the folder of its messages (with a space in its path)."""

    def __init__(
        self,
        folder: Path,
        *arguments: str,
        config: dict[str, object] | None = None,
        program: tuple[str, ...] = ("-m", "agi.standby"),
    ) -> None:
        self.inbox = folder / "messages inbox"
        file = folder / "standby.json"
        file.write_text(json.dumps({"node": "node1", "inbox": str(self.inbox)} if config is None else config))
        environment = {"PATH": os.environ["PATH"], "HOTLINE_STANDBY": str(file), "PYTHONWARNINGS": "error", "LC_ALL": "C"}
        command = [sys.executable, *program, *arguments]
        pipe = subprocess.PIPE
        self.process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=pipe, cwd=paths.TREE, env=environment)

    def send(self, data: str | bytes) -> Script:
        """Say something to it."""
        assert self.process.stdin
        self.process.stdin.write(data.encode() if isinstance(data, str) else data)
        self.process.stdin.flush()
        return self

    def line(self) -> str:
        """Its next command; empty when it has ended."""
        assert self.process.stdout
        return self.process.stdout.readline().decode().strip()

    def talk(self, *exchanges: tuple[str, str]) -> Script:
        """Expect each command and give its answer."""
        for command, answer in exchanges:
            assert self.line() == command
            self.send(f"{answer}\n")
        return self

    def ended(self) -> str:
        """Nothing more is said and the script ends well; what it wrote to standard error."""
        assert self.process.stdin
        assert self.line() == ""
        self.process.stdin.close()
        assert self.process.wait(10) == 0
        assert self.process.stderr
        return self.process.stderr.read().decode()

    def close(self) -> None:
        """Nothing of it is left."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout, self.process.stderr):
            assert pipe
            with suppress(BrokenPipeError):
                pipe.close()


@contextmanager
def scripts() -> Iterator[list[Script]]:
    """A list whose scripts are closed at the end of the block."""
    started: list[Script] = []
    try:
        yield started
    finally:
        for script in started:
            script.close()
