"""The commands ``up``, ``down``, ``status`` and ``doctor``: what they print, and their exit status (0 well, 1 not well)."""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import time

import msgspec

from hotline import clock, doctor, messages
from hotline.stack import status, supervisor, up

_DOWN_SECONDS = 60


def add(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register the four commands."""
    for name, function, words in (
        ("up", _up, "start everything in the foreground"),
        ("down", _down, "stop everything"),
        ("status", _status, "what runs and is healthy"),
        ("doctor", _doctor, "what is wrong and how to mend it"),
    ):
        parser = subparsers.add_parser(name, help=words)
        parser.add_argument("--json", action="store_true", help="print one JSON object")
        parser.set_defaults(run=function)


def _up(arguments: argparse.Namespace) -> int:
    up.run(as_json=arguments.json)
    return 0


def _down(arguments: argparse.Namespace) -> int:
    pid = supervisor.running("up", "hotline")
    if pid is not None:
        os.kill(pid, signal.SIGTERM)
        deadline = clock.monotonic() + _DOWN_SECONDS
        while not (stopped := supervisor.running("up", "hotline") is None) and clock.monotonic() < deadline:
            time.sleep(0.1)
    else:
        stopped = supervisor.stop_left_behind("asterisk", seconds=_DOWN_SECONDS)
    if arguments.json:
        print(json.dumps({"was_running": pid is not None, "stopped": stopped}))
    elif pid is None:
        print(messages.text("down.not_running"))
    elif not stopped:
        print(messages.text("down.timeout", seconds=_DOWN_SECONDS, pid=pid), file=sys.stderr)
    else:
        print(messages.text("up.stopped"))
    return 0 if stopped else 1


def _status(arguments: argparse.Namespace) -> int:
    found = status.report()
    if arguments.json:
        print(msgspec.json.encode(found).decode())
    elif not found.running:
        print(messages.text("status.not_running"))
    for name, part in ({} if arguments.json else found.parts).items():
        words = messages.text("status.ok") if part.healthy else f"{messages.text('status.bad')}: {part.problem}"
        print(f"{name:12s} {part.pid or '-':>8}  {words}")
    return 0 if found.healthy else 1


def _doctor(arguments: argparse.Namespace) -> int:
    """Warnings do not make the exit status 1: nothing is wrong yet."""
    findings, warnings = doctor.examine(), doctor.warn()
    if arguments.json:
        print(json.dumps(msgspec.to_builtins({"findings": findings, "warnings": warnings}), ensure_ascii=False))
        return 1 if findings else 0
    if not findings:
        print(messages.text("doctor.ok"))
    for sign, found in [("✗", one) for one in findings] + [("!", one) for one in warnings]:
        print(f"{sign} [{found.check}] {found.zh}\n  {found.en}")
    return 1 if findings else 0
