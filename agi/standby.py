"""The standby script: what Asterisk runs itself when FastAGI cannot be reached, and for every message.

``python -m agi.standby inbound | after-queue STATUS | message``. It needs neither database nor network nor settings, only the
file that ``HOTLINE_STANDBY`` names (see ``hotline/standby_config.py``). Who goes to the agents and who is asked for a message is
decided by the same flow as always (``ivr_flows/first_flow.py``).

A message is ``<uniqueid>.wav`` in the inbox, and ``<uniqueid>.json`` beside it is safe on disk before the recording begins: when
the caller hangs up in the middle, what was said is there with number and time, and nobody has to write anything more.
"""

from __future__ import annotations

import os
import re
import sys
from itertools import count
from pathlib import Path
from typing import Literal, assert_never

import msgspec

from agi.errors import CallerGone, CommandFailed
from agi.telephone import Telephone
from hotline import calendar, clock
from hotline.standby_config import StandbyConfig
from ivr_flows import engine
from ivr_flows.engine import Call, Gather, Instruction, Next, Note, Reason, Say
from ivr_flows.errors import FlowError
from ivr_flows.first_flow import FLOW

LONGEST_MS = 120_000
SILENCE_SECONDS = 6
SAMPLES_PER_SECOND = 8000
TRIES = 2
_HEADER_BYTES = 44
REASONS = frozenset({"out_of_hours", "no_agents", "timed_out", "queue_full", "fault"})
_SAFE_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")


class Sidecar(msgspec.Struct, frozen=True):
    """What is known of a message before the caller speaks; ``started_at`` is ISO 8601 in UTC."""

    node: str
    call_id: str
    uniqueid: str
    caller_number: str
    started_at: str
    reason: str


# --- decisions, pure ---


def instructions(stage: str, status: str, *, staffed: bool) -> tuple[Instruction, ...]:
    """What the flow says for a stage of the dialplan: ``inbound`` (without its menu) or ``after-queue``."""
    entry = "standby" if stage == "inbound" else stage
    state, found = engine.start(FLOW, entry, Call(staffed=staffed, status=status))
    if state is not None:
        raise FlowError(f"the stage {entry!r} waits for a key: not on standby")
    return found


def reason_of(value: str) -> str:
    """The reason for a message, from the channel variable; what is not known is a fault."""
    return value if value in REASONS else "fault"


def spoken_samples(samples: int, ended_by: str) -> int:
    """How much was said: Asterisk leaves one second of the silence that ended a recording."""
    silent = ended_by == "timeout" and samples < (LONGEST_MS // 1000 - 1) * SAMPLES_PER_SECOND
    return max(0, samples - SAMPLES_PER_SECOND) if silent else samples


def verdict(spoken: int, attempt: int) -> Literal["saved", "again", "short"]:
    """What follows a recording of ``spoken`` samples: under a second is too short, once; the second try is kept in any case."""
    if spoken >= SAMPLES_PER_SECOND:
        return "saved"
    return "again" if attempt < TRIES else "short"


# --- the call ---


def perform(telephone: Telephone, steps: tuple[Instruction, ...]) -> None:
    """Do what the flow says. A prompt that cannot be played does not stop the caller."""
    for step in steps:
        match step:
            case Say():
                _say(telephone, step.prompt)
            case Note():
                note(telephone, step.step)
            case Reason():
                telephone.set("HOTLINE_REASON", step.reason)
            case Next():
                telephone.set("HOTLINE_NEXT", step.context)
            case Gather():
                raise FlowError("no keys on standby")
            case _:
                assert_never(step)


def note(telephone: Telephone, step: str) -> None:
    """Tell the bridge of a step, and add it to the path that the channel carries."""
    telephone.user_event(f"HotlineStep,Step: {step}")
    path = telephone.get("CHANNEL(userfield)")
    telephone.set("CHANNEL(userfield)", f"{path},{step}" if path else step)


def leave_message(telephone: Telephone, config: StandbyConfig) -> None:
    """Ask for a message and keep it. Whatever fails, the caller gets a voice and goes on to ``goodbye``."""
    try:
        _say(telephone, "leave-message")
        file = write_sidecar(telephone, config)
        outcome = _record(telephone, file)
    except (OSError, CommandFailed) as error:
        print(f"hotline standby: a message could not be taken: {error}", file=sys.stderr)
        outcome = "failed"
        _say(telephone, "agents-busy")
    if outcome == "saved":
        _say(telephone, "message-saved")
    note(telephone, f"message:{outcome}")
    telephone.set("HOTLINE_NEXT", "goodbye")


def _record(telephone: Telephone, file: Path) -> str:
    for attempt in count(1):
        try:
            samples, ended_by = telephone.record(str(file), longest_ms=LONGEST_MS, silence_s=SILENCE_SECONDS)
        except CallerGone:
            _note_what_was_said(telephone, file)
            raise
        outcome = verdict(spoken_samples(samples, ended_by), attempt)
        if outcome != "again":
            return outcome
        _say(telephone, "message-too-short")
    raise AssertionError("verdict ends the tries")


def _note_what_was_said(telephone: Telephone, file: Path) -> None:
    """The caller hung up instead of pressing pound: what was said counts as much (IVR-10)."""
    telephone.get("HOTLINE_REASON")  # when Asterisk answers this, it has closed the file
    recorded = file.with_name(f"{file.name}.wav")
    size = recorded.stat().st_size if recorded.exists() else 0
    note(telephone, f"message:{verdict(max(0, size - _HEADER_BYTES) // 2, TRIES)}")


def write_sidecar(telephone: Telephone, config: StandbyConfig) -> Path:
    """Write the message's JSON, safe on disk; returns the path of the message without its ending. Raises ``OSError``."""
    if not config.inbox:
        raise FileNotFoundError("no folder for messages is configured")
    inbox = Path(config.inbox)
    inbox.mkdir(parents=True, exist_ok=True)
    moment, uniqueid = clock.now(), telephone.uniqueid()
    stem = uniqueid if _SAFE_NAME.match(uniqueid) else f"unknown-{moment:%Y%m%d%H%M%S%f}"
    file = next(
        f for n in count(1) if not (f := inbox / (stem if n == 1 else f"{stem}-{n}")).with_name(f"{f.name}.json").exists()
    )
    reason = reason_of(telephone.get("HOTLINE_REASON"))
    sidecar = Sidecar(config.node, uniqueid, uniqueid, telephone.caller_number(), moment.isoformat(), reason)
    temporary = file.with_name(f"{file.name}.json.new")
    with temporary.open("wb") as opened:
        opened.write(msgspec.json.encode(sidecar))
        opened.flush()
        os.fsync(opened.fileno())
    temporary.replace(file.with_name(f"{file.name}.json"))
    folder = os.open(inbox, os.O_RDONLY)
    os.fsync(folder)
    os.close(folder)
    return file


def _say(telephone: Telephone, prompt: str) -> None:
    try:
        telephone.say(prompt)
    except CommandFailed as error:
        print(f"hotline standby: {error}", file=sys.stderr)


def load_config() -> StandbyConfig:
    """The file's content; when it cannot be read, the defaults, and a line on standard error."""
    try:
        return msgspec.json.decode(Path(os.environ.get("HOTLINE_STANDBY", "")).read_bytes(), type=StandbyConfig)
    except (OSError, msgspec.DecodeError) as error:
        print(f"hotline standby: HOTLINE_STANDBY cannot be read: {error}", file=sys.stderr)
        return StandbyConfig()


def main(arguments: list[str]) -> None:
    """Serve one call. That the caller hangs up is no fault."""
    stage, status = (*arguments, "", "")[:2]
    config = load_config()
    try:
        telephone = Telephone(sys.stdin.buffer, sys.stdout.buffer)
        if stage == "message":
            leave_message(telephone, config)
        else:
            staffed = calendar.moment(config, clock.shanghai_now()).staffed
            perform(telephone, instructions(stage, status, staffed=staffed))
    except CallerGone:
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
