"""A small flow with everything that a session has to do, for tests of what is around the engine."""

from __future__ import annotations

import datetime as dt
import re

from agi.codec import Environment
from agi.session import Session
from hotline.clock import SHANGHAI
from ivr_flows import reading
from ivr_flows.flow import Flow
from ivr_flows.turns import Moment, State

TEXT = """\
spec = 1
title = "小流程"
english = "Small"

[entry]
inbound = "main"
survey = "survey"

[exits.all]
error = "sorry"
hangup = "gone"

[nodes.main]
verb = "menu"
prompt = ["menu"]
tries = 2
exits = { 1 = "connecting", 2 = "number", 3 = "english", 4 = "callback", invalid = "bye", timeout = "bye" }

[nodes.connecting]
verb = "say"
prompt = ["to-agent"]
exits = { next = "queue" }

[nodes.queue]
verb = "enqueue"
queue = "main"
exits = { answered = "survey", timeout = "message", full = "message", empty = "message", 1 = "callback", 2 = "message" }

[nodes.message]
verb = "record"
kind = "message"
reason = "no_agents"
exits = { saved = "bye", empty = "bye", error = "bye" }

[nodes.number]
verb = "gather"
prompt = ["enter-ticket"]
into = "ticket"
exits = { match = "look", invalid = "main", timeout = "main" }

[nodes.look]
verb = "lookup"
what = "ticket"
arguments = { number = "{ticket}" }
exits = { found = "tell", refused = "sorry", not_found = "sorry", timeout = "sorry" }

[nodes.tell]
verb = "menu"
prompt = ["your-ticket", "{ticket|digits}", "{state|prompt}"]
exits = { 0 = "main", invalid = "bye", timeout = "bye" }

[nodes.english]
verb = "set"
language = "en"
tag = "english"
exits = { next = "main" }

[nodes.callback]
verb = "callback"
number = "{caller}"
queue = "main"
exits = { kept = "bye" }

[nodes.survey]
verb = "survey"
prompt = ["survey"]
exits = { rated = "bye", dissatisfied = "bye", not_rated = "bye" }

[nodes.sorry]
verb = "say"
prompt = ["trouble"]
exits = { next = "message" }

[nodes.bye]
verb = "hangup"
prompt = ["goodbye"]

[nodes.gone]
verb = "set"
disposition = "self_service"
exits = { next = "end" }

[nodes.end]
verb = "hangup"
"""
NOON = Moment(dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI), True, "working_day")


def read(text: str = TEXT) -> Flow:
    """The flow; it must be well formed."""
    flow, problems = reading.read("small", text)
    assert flow is not None, problems
    return flow


FLOW = read()


def played(prompt: str, language: str) -> str:
    """What stands for a prompt: itself in Mandarin, ``en/…`` in English, so that tests see the language."""
    return prompt if language == "zh" else f"{language}/{prompt}"


def session(environment: Environment, state: State | None = None) -> Session:
    """A session of the small flow at noon."""
    return Session(FLOW, environment, state, moment=lambda: NOON, resolve=played)


def edited(ours: str, document: str) -> str:
    """Our flow after what somebody does who follows docs/flows.md: a key more in the main menu, and a node at the end."""
    (line,) = set(re.findall(r'`(7 = "\w+")`', document))
    (block,) = re.findall(r"^```toml\n(.*?)^```$", document, re.MULTILINE | re.DOTALL)
    head, _, rest = ours.partition("[nodes.main]")
    return f"{head}[nodes.main]{rest.replace('exits = { ', f'exits = {{ {line}, ', 1)}\n{block}"
