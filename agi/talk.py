"""Two things that every script at the caller's channel does: saying a prompt, whatever happens, and noting a step."""

from __future__ import annotations

import sys

from agi.errors import CommandFailed
from agi.telephone import Telephone


def say(telephone: Telephone, *prompts: str, keys: str = "") -> str:
    """Play the first of ``prompts`` that can be played; the key of ``keys`` that cut it short, or empty.

    That none can be played does not stop the caller; it is a line on standard error, which is Asterisk's log.
    """
    for prompt in prompts:
        try:
            return telephone.say(prompt, keys)
        except CommandFailed as error:
            print(f"hotline standby: {error}", file=sys.stderr)
    return ""


def note(telephone: Telephone, step: str) -> None:
    """Tell the bridge of a step, and add it to the path that the channel carries."""
    telephone.user_event(f"HotlineStep,Step: {step}")
    path = telephone.get("CHANNEL(userfield)")
    telephone.set("CHANNEL(userfield)", f"{path},{step}" if path else step)
