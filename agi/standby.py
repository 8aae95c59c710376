"""The standby script: what Asterisk runs itself when FastAGI cannot be reached, and for every message.

``python -m agi.standby inbound | after-queue STATUS | message``. It needs neither database nor network nor settings, only the
file that ``HOTLINE_STANDBY`` names (see ``hotline/standby_config.py``). Who goes to the agents and who is asked for a message is
decided by a flow like any other (``ivr_flows/flows/standby.toml``).

The talk about a message is in agi/message.py.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import msgspec

from agi.errors import CallerGone
from agi.message import leave_message
from agi.talk import note, say
from agi.telephone import Telephone
from hotline import calendar, clock
from hotline.standby_config import StandbyConfig
from ivr_flows import engine, files
from ivr_flows.errors import FlowError
from ivr_flows.turns import Give, Instruction, Moment, Note, Play, Speak

# --- decisions, pure ---


def instructions(stage: str, result: str, moment: Moment) -> tuple[Instruction, ...]:
    """What the standby flow says for a stage of the dialplan: one of its entries, with how the application before it ended."""
    return engine.start(files.standby(), stage, moment, {"result": result})[1]


# --- the call ---


def perform(telephone: Telephone, steps: tuple[Instruction, ...]) -> None:
    """Do what the flow says. A prompt that cannot be played does not stop the caller."""
    for step in steps:
        match step:
            case Play():
                for prompt in step.prompts:
                    say(telephone, prompt)
            case Note():
                note(telephone, step.step)
            case Speak():
                telephone.set("CHANNEL(language)", step.language)
            case Give():
                for name, value in {**step.variables, "HOTLINE_NEXT": step.context}.items():
                    telephone.set(name, value)
            case _:
                raise FlowError("standby can neither ask nor look up")


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
            now = clock.shanghai_now()
            today = calendar.moment(config, now)
            perform(telephone, instructions(stage, status, Moment(now, today.staffed, today.situation)))
    except CallerGone:
        pass


if __name__ == "__main__":
    main(sys.argv[1:])
