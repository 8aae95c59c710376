"""Messages on a real Asterisk: review, kill -9 of what takes part, a full disk. What was said arrives, and once (IVR-10)."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from hotline.phones.call_log import Call
from hotline.phones.citizens import SPEECH, Citizen, Citizens
from tests.sounds import likeness, samples
from tests.trial import Trial, wait_until

FLOW = """
spec = 1
title = "信箱"
english = "Mailbox"

[entry]
inbound = "mailbox"

[nodes.mailbox]
verb = "record"
kind = "mailbox"
exits = { saved = "goodbye", empty = "goodbye", error = "goodbye" }

[nodes.goodbye]
verb = "hangup"
prompt = ["goodbye"]
"""
SKIP = "1wwww#"
"""Keys that cut short the welcome and the guidance; the tone follows, and then the caller speaks."""
_SECOND = 8000


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack whose flow is a mailbox; its path holds a space."""
    trial = Trial(tmp_path_factory.mktemp("a mailbox"), {"ivr": {"flow": "post"}})
    flows = trial.var / "flows"
    flows.mkdir(parents=True)
    (flows / "post.toml").write_text(FLOW)
    try:
        trial.start()
        yield trial
    finally:
        trial.stop()


def inbox(stack: Trial) -> Path:
    return stack.var / "recordings" / "messages-inbox"


def script(stack: Trial) -> int:
    """The process of the standby script that takes a message now."""
    inside = str(stack.var / "asterisk" / "agi-bin" / "standby.json").encode()
    for process in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if b"agi.standby\0message" in (process / "cmdline").read_bytes() and inside in (process / "environ").read_bytes():
                return int(process.name)
    raise AssertionError("no script takes a message")


def seconds_on_disk(stack: Trial) -> float:
    """How much of the newest message lies in the inbox."""
    return max((file.stat().st_size / 16000 for file in inbox(stack).glob("*.wav")), default=0.0)


def call(stack: Trial, citizen: Citizen, *, when: Callable[[], object] | None = None, do: Callable[[], object] = list) -> Call:
    """One call; ``do`` is done as soon as ``when`` holds."""

    async def run() -> Call:
        async with Citizens(stack.settings, [citizen]) as group:
            if when:
                await asyncio.to_thread(wait_until, when, what=f"the moment in the call\n{stack.logs()}")
                do()
            return (await group.results(120))[0]

    return asyncio.run(run())


def messages(stack: Trial, number: str) -> list[dict[str, Any]]:
    """The messages of a number, when nothing waits any more."""
    wait_until(lambda: not list(inbox(stack).glob("*.wav")), seconds=60, what=f"an empty inbox\n{stack.logs()}")
    query = "SELECT m.*, file, length_ms FROM messages m JOIN recordings USING (recording_id) WHERE caller_number = $1"
    return stack.fetch(query, number)


def path(stack: Trial, number: str) -> str:
    """The path of the number's call, once it has ended."""
    query = "SELECT menu_path FROM calls WHERE caller_number = $1 AND ended_at IS NOT NULL"
    wait_until(lambda: stack.fetch(query, number), what=f"the record of {number}\n{stack.logs()}")
    found: str = stack.fetch(query, number)[0]["menu_path"]
    return found


def prompt(stack: Trial, name: str) -> Path:
    return stack.var / "asterisk" / "sounds" / "zh" / f"{name}.wav"


def test_a_caller_listens_and_keeps(stack: Trial, tmp_path: Path) -> None:
    """IVR-08: pound ends the message; at the review 1 plays it, pound keeps it; then the caller hears that it is saved."""
    keys = f"{SKIP}wwww#www1www#"
    citizen = Citizen(number="13800007001", keys=keys, stay_seconds=0, speech=None, mode="record", recording=tmp_path / "heard")
    done = call(stack, citizen)
    assert done.ended_by == "other"
    (message,) = messages(stack, "13800007001")
    assert (message["kind"], message["reason"]) == ("mailbox", "chosen")
    assert 2000 <= message["length_ms"] <= 6000
    assert "message:saved" in path(stack, "13800007001").split(",")
    (heard,) = samples(tmp_path / "heard.wav")
    (guide,) = samples(prompt(stack, "mailbox-guide"))
    assert likeness(heard, guide[:_SECOND]) > 0.8, "the guidance, which the caller cuts short after two seconds"
    for name in ("message-review", "message-saved", "goodbye"):
        assert likeness(heard, prompt(stack, name)) > 0.8, name


def test_a_hang_up_in_a_second_take_keeps_the_second(stack: Trial) -> None:
    """The first take is four seconds of silence; the second is speech, cut off by the hang-up."""
    call(stack, Citizen(number="13800007002", keys=f"{SKIP}wwww#www2", stay_seconds=26))
    (message,) = messages(stack, "13800007002")
    (left,) = samples(stack.var / "recordings" / message["file"])
    assert likeness(left, SPEECH / "lamp.wav") > 0.8
    assert "message:saved" in path(stack, "13800007002").split(",")


def test_the_script_and_the_worker_killed_in_the_middle_of_a_message_lose_nothing(stack: Trial) -> None:
    """Asterisk records on; the file is taken in when the call is over."""

    def kill() -> None:
        os.kill(script(stack), signal.SIGKILL)
        stack.kill("recordings")

    call(stack, Citizen(number="13800007003", keys=SKIP, stay_seconds=20), when=lambda: seconds_on_disk(stack) > 3, do=kill)
    (message,) = messages(stack, "13800007003")
    assert message["length_ms"] > 5000
    (left,) = samples(stack.var / "recordings" / message["file"])
    assert likeness(left, SPEECH / "lamp.wav") > 0.8


@pytest.mark.parametrize("where", ["recording", "review"])
def test_asterisk_killed_keeps_what_it_had_written(stack: Trial, where: str) -> None:
    """Asterisk writes 32 KiB at a time: of what was said, at most the last two seconds go with it."""
    number, keys = ("13800007004", SKIP) if where == "recording" else ("13800007005", f"{SKIP}wwwwww#")

    def far_enough() -> bool:
        if where == "recording":
            return seconds_on_disk(stack) > 6
        return any(
            b'"take"' not in file.read_bytes() and _closed(file.with_suffix(".wav")) for file in inbox(stack).glob("*.json")
        )

    before = stack.pid("asterisk")
    call(stack, Citizen(number=number, keys=keys, stay_seconds=22), when=far_enough, do=lambda: stack.kill("asterisk"))
    (message,) = messages(stack, number)
    assert message["length_ms"] >= 4000
    wait_until(lambda: stack.runs_anew("asterisk", before) and "uptime" in stack.asterisk("core show uptime").lower())


def _closed(file: Path) -> bool:
    """Whether Asterisk has finished the header."""
    return file.exists() and file.read_bytes()[40:44] != bytes(4)


def test_on_a_full_disk_the_caller_is_told_and_the_call_goes_on(stack: Trial, tmp_path: Path) -> None:
    """The take's file is a link to /dev/full: Asterisk opens it, and every write fails with ENOSPC."""

    def fill() -> None:
        (sidecar,) = inbox(stack).glob("*.json")
        sidecar.with_suffix(".wav").symlink_to("/dev/full")

    citizen = Citizen(number="13800007006", keys=f"{SKIP}wwwww#", stay_seconds=0, mode="record", recording=tmp_path / "heard")
    wait_until(lambda: not list(inbox(stack).glob("*.json")), what="an empty inbox")
    done = call(stack, citizen, when=lambda: list(inbox(stack).glob("*.json")), do=fill)
    assert done.ended_by == "other"
    assert "message:failed" in path(stack, "13800007006").split(",")
    assert "ALARM" in (stack.var / "log" / "asterisk.log").read_text()
    (heard,) = samples(tmp_path / "heard.wav")
    for name in ("message-not-saved", "goodbye"):
        assert likeness(heard, prompt(stack, name)) > 0.8, name
    for link in inbox(stack).glob("*.wav"):
        link.unlink()
    assert messages(stack, "13800007006") == []
