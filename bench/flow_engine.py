"""The pure parts of the flows on one core: turns of the engine a second, and the check of a large flow.

A turn is one ``resume`` with the state as a session holds it: a key in the menus of our own flow, a call through its self-service
again and again, wrong keys, digits, answers of look-ups. The check is of 500 nodes: reading the file, all rules.
"""

from __future__ import annotations

import datetime as dt
import statistics
from collections.abc import Callable

from bench.figure import Figure, say
from hotline import clock
from hotline.clock import SHANGHAI
from ivr_flows import engine, library, reading
from ivr_flows.check import World, check
from ivr_flows.flow import Flow
from ivr_flows.lookups import Answer
from ivr_flows.turns import Event, Moment, Pressed

WANTED_RESUMES, CHECK_SECONDS, NODES = 50_000, 1.0, 500
ROUNDS, TURNS = 7, 20_000
NOON = Moment(dt.datetime(2026, 3, 3, 12, tzinfo=SHANGHAI), True, "working_day")
_TICKET = Answer("found", {"state": "ticket-state-handling", "result": "ticket-result-none", "updated": "2026-03-02T16:30"})
LOOP: tuple[Event, ...] = (
    Pressed("2"),
    Pressed("2"),
    Pressed("202603010001"),
    _TICKET,
    Pressed("", timed_out=True),
    Pressed("1"),
    Pressed("8"),
    Pressed("0"),
    Pressed("0"),
)
"""From the main menu to the result of a ticket, heard twice, with a wrong key and a silence, and back."""


def measure() -> list[Figure]:
    """Medians of a few rounds."""
    flow = library.load(library.OURS / "12345.toml")
    resumes = statistics.median(_resumes_a_second(flow) for _ in range(ROUNDS))
    say(f"flow_engine: {resumes:.0f} resumes a second")
    text = large(NODES)
    seconds = statistics.median(_seconds(lambda: _checked(text)) for _ in range(ROUNDS))
    say(f"flow_engine: {NODES} nodes checked in {seconds:.3f} s")
    return [
        Figure(name="flow_resumes", ours=resumes, aim=WANTED_RESUMES, unit="resumes/s on one core"),
        Figure(name="flow_check", ours=seconds, limit=CHECK_SECONDS, unit=f"s for {NODES} nodes"),
    ]


def _resumes_a_second(flow: Flow) -> float:
    state, _ = engine.start(flow, "inbound", NOON, {"caller": "13800000000"})
    assert state is not None
    menu, _ = engine.resume(flow, state, Answer("not_found"), NOON)
    assert menu is not None
    began, turns = clock.monotonic(), 0
    while turns < TURNS:
        state = menu
        for event in LOOP:
            assert state is not None
            state, _ = engine.resume(flow, state, event, NOON)
        assert state is not None and state.node == menu.node, "the loop leads back"
        turns += len(LOOP)
    return turns / (clock.monotonic() - began)


def _seconds(work: Callable[[], object]) -> float:
    began = clock.monotonic()
    work()
    return clock.monotonic() - began


def _checked(text: str) -> None:
    flow, wrong = reading.read("large", text)
    both = frozenset({"zh", "en"})
    names = dict.fromkeys(("menu", "invalid", "no-input", "goodbye"), both)
    if flow is None or (wrong := check(flow, text, World(names, names))):
        raise RuntimeError(f"the large flow is wrong: {wrong[:3]}")


def large(nodes: int) -> str:
    """A flow of so many nodes: menus of five ways each, a chain with ways back to its beginning."""
    text = 'spec = 1\ntitle = "L"\nenglish = "L"\n[entry]\ninbound = "m-0"\n[exits.all]\nerror = "bye"\nhangup = "bye"\n'
    for number in range(nodes - 1):
        after = f"m-{number + 1}" if number < nodes - 2 else "bye"
        text += f'\n[nodes.m-{number}]\nverb = "menu"\nprompt = ["menu", "{{caller|digits}}"]\n'
        text += f'exits = {{ 1 = "{after}", 2 = "m-{number // 2}", 0 = "m-0", invalid = "bye", timeout = "{after}" }}\n'
    return text + '\n[nodes.bye]\nverb = "hangup"\nprompt = ["goodbye"]\n'
