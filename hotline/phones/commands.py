"""The commands ``hotline call`` and ``hotline agents``; ``python -m hotline.phones`` has them too."""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import sys
from pathlib import Path
from random import SystemRandom

from hotline import credentials, messages, settings
from hotline.phones import records, sound
from hotline.phones.call_log import Call
from hotline.phones.citizens import CITIZEN_SPEECH, Citizen, Citizens
from hotline.phones.errors import PlanError, SpeechError
from hotline.phones.seats import SEAT_SPEECH, Seat, Seats
from hotline.waiting import within

_RECORD_SECONDS = 15.0
_INTERRUPTED = 130


def add_call(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``hotline call``."""
    parser = subparsers.add_parser("call", help="real calls from citizens, to try the system")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many calls (1)")
    parser.add_argument("--rate", type=float, default=1.0, metavar="R", help="new calls a second (1)")
    parser.add_argument(
        "--keys", default="1", help="keys to press after the first prompt begins; w waits a second; '' for none (1)"
    )
    parser.add_argument("--speech", type=Path, metavar="FILE", help="what the citizen says: WAV, 8000 Hz, 16 bit, mono")
    parser.add_argument("--talk", type=float, metavar="SECONDS", help="stay so long after the answer, 0: until hung up on (20)")
    parser.add_argument("--caller", metavar="NUMBER", help="caller number of every call (one of its own for each)")
    parser.add_argument("--caller-name", default="", metavar="TEXT", help="caller name")
    parser.add_argument("--hangup-after", type=float, metavar="S", help="give up S seconds after the system's answer")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.set_defaults(run=_call)


def add_agents(subparsers: argparse._SubParsersAction[argparse.ArgumentParser]) -> None:
    """Register ``hotline agents``."""
    parser = subparsers.add_parser("agents", help="agents that register and answer, to try the system without telephones")
    parser.add_argument("--count", type=int, default=1, metavar="N", help="how many agents, from the first number on (1)")
    parser.add_argument("--answer-after", type=float, default=0.5, metavar="S", help="ring so long (0.5)")
    parser.add_argument(
        "--talk", type=float, default=0.0, metavar="SECONDS", help="hang up after so long; 0: the citizen does (0)"
    )
    parser.add_argument("--speech", type=Path, metavar="FILE", help="what the agent says: WAV, 8000 Hz, 16 bit, mono")
    parser.set_defaults(run=_agents)


def _call(arguments: argparse.Namespace) -> int:
    try:
        result = asyncio.run(_place(arguments))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return _INTERRUPTED
    if arguments.json:
        print(json.dumps(result, ensure_ascii=False))
    else:
        _print_table(result)
    return 0 if result["failed"] == 0 else 1


async def _place(arguments: argparse.Namespace) -> dict[str, object]:
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    _check_length("--talk", arguments.talk)
    _check_length("--hangup-after", arguments.hangup_after)
    stay = 20.0 if arguments.talk is None else arguments.talk
    if arguments.hangup_after is not None:
        stay = max(arguments.hangup_after, 0.001)
    if arguments.count < 1:
        raise PlanError(f"--count {arguments.count}: must be 1 or more")
    speech = _checked(arguments.speech) if arguments.speech else CITIZEN_SPEECH
    numbers = [arguments.caller] * arguments.count if arguments.caller else _own_numbers(arguments.count)
    group = [
        Citizen(number=number, keys=arguments.keys, stay_seconds=max(stay, 0.001) if stay else 0.0, speech=speech)
        for number in numbers
    ]
    async with Citizens(settings.load(), group, rate=arguments.rate, name=arguments.caller_name) as citizens:
        progress = _Progress(arguments.count, quiet=arguments.json)
        while not await citizens.until(lambda: len([c for c in citizens.calls if c.ended_at]) == arguments.count, 1.0):
            progress.show(citizens.calls)
            if not citizens.sipp.running:
                break
        calls = await citizens.results(60)
        progress.show(calls, last=True)
        refusals = citizens.sipp.refusals()
    answered = [call for call in calls if call.answered_at]
    since = min((call.invited_at for call in calls), default=None)
    agents, reason = (
        (0, "") if since is None else await records.answered_by_agent(numbers, since, len(answered), within=_RECORD_SECONDS)
    )
    return _result(
        arguments.count, calls, agents, {"answered_by_agent_unknown": reason, "refused": sorted(set(refusals.values()))}
    )


def _result(count: int, calls: list[Call], agents: int | None, reasons: dict[str, object]) -> dict[str, object]:
    """The JSON of interfaces, section 3; what more is known goes under ``details``."""
    answered = [call for call in calls if call.answered_at]
    prompts = [call.prompt_ms for call in answered if call.prompt_ms is not None]
    sounds = [call.sound for call in answered if call.sound]
    details: dict[str, object] = {
        "first_prompt_ms_p99": _p99(prompts),
        "heard_a_prompt": len(prompts),
        "hung_up_by_other_side": sum(call.ended_by == "other" for call in calls),
        "rtp_lost": sum(sound.lost or 0 for sound in sounds),
        "rtp_gaps_over_60_ms": sum(sound.gaps or 0 for sound in sounds),
        "rtp_max_gap_ms": max((sound.max_gap_ms or 0.0 for sound in sounds), default=None),
    }
    return {
        "calls": count,
        "answered_by_system": len(answered),
        "answered_by_agent": agents,
        "failed": count - len(answered),
        "setup_ms_p99": _p99([call.setup_ms for call in answered if call.setup_ms is not None]),
        "details": details | {key: value for key, value in reasons.items() if value},
    }


def _agents(arguments: argparse.Namespace) -> int:
    return asyncio.run(_serve(arguments))


async def _serve(arguments: argparse.Namespace) -> int:
    _check_length("--talk", arguments.talk)
    _check_length("--answer-after", arguments.answer_after)
    chosen = settings.load()
    users = chosen.agents.numbers()
    if not 1 <= arguments.count <= len(users):
        raise PlanError(f"--count {arguments.count}: must be 1 to {len(users)}, the agents of the settings")
    speech = _checked(arguments.speech) if arguments.speech else SEAT_SPEECH
    group = [
        Seat(user=user, ring_seconds=arguments.answer_after, talk_seconds=arguments.talk, mode="drop", speech=speech)
        for user in users[: arguments.count]
    ]
    stop = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, stop.set)
    async with Seats(chosen, credentials.load().agents, group) as seats:
        print(messages.text("phones.registered", count=len(group), first=users[0], last=group[-1].user), flush=True)
        while not stop.is_set() and seats.sipp.running:
            try:
                await within(stop.wait(), 1.0)
            except TimeoutError:
                continue
        print(messages.text("phones.leaving"), flush=True)
    print(messages.text("phones.served", count=sum(call.answered_at is not None for call in seats.calls)))
    return 0


class _Progress:
    """One line that is written over on a terminal, and a line every ten seconds elsewhere; nothing when ``quiet``."""

    def __init__(self, count: int, *, quiet: bool) -> None:
        self._count, self._quiet, self._terminal, self._turn = count, quiet, sys.stderr.isatty(), 0

    def show(self, calls: list[Call], *, last: bool = False) -> None:
        """Say how far it is."""
        self._turn += 1
        if self._quiet or not (self._terminal or last or self._turn % 10 == 0):
            return
        answered, ended = sum(call.answered_at is not None for call in calls), sum(call.ended_at is not None for call in calls)
        line = messages.text("phones.progress", dialled=len(calls), count=self._count, answered=answered, ended=ended)
        print(
            f"\r{line}" if self._terminal else line, end="" if self._terminal and not last else "\n", file=sys.stderr, flush=True
        )


def _print_table(result: dict[str, object]) -> None:
    details = result["details"]
    assert isinstance(details, dict)
    for key, value in (result | details).items():
        if key != "details":
            shown = (
                messages.text("phones.unknown") if value is None else f"{value:.1f}" if isinstance(value, float) else str(value)
            )
            print(f"{messages.text(f'phones.{key}')}: {shown}")


def _checked(path: Path) -> Path:
    """The speech file, read once to see that it can be used; raises ``SpeechError``."""
    try:
        sound.read_wav(path.read_bytes(), str(path))
    except OSError as error:
        raise SpeechError(f"--speech {path}: {error.strerror}") from error
    return path.resolve()


def _check_length(option: str, seconds: float | None) -> None:
    if seconds is not None and not 0 <= seconds <= 86400:
        raise PlanError(f"{option} {seconds}: must be 0 to 86400 seconds")


def _own_numbers(count: int) -> list[str]:
    """Mobile numbers that no other run has: 138, four random digits, four counted ones."""
    run = SystemRandom().randrange(10_000)
    return [f"138{run:04d}{place:04d}" for place in range(count)]


def _p99(values: list[float]) -> float | None:
    return round(sorted(values)[min(len(values) - 1, int(0.99 * len(values)))], 3) if values else None
