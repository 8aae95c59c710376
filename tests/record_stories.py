"""``python -m tests.record_stories [NAME…]``: play each story on a real Asterisk and keep what it said, in tests/traces/stories.

For each: NAME.ami (the stream as the reading user is sent it), NAME.queue_log and NAME.csv (queue log and channel event log of
the same time) and NAME.truth.json (tests/truth.py). ``unfiltered`` is a story with everything that Asterisk can say.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec

from acd.parts import Parts
from hotline import clock, database, paths
from tests import stories, stories_acd
from tests.comings import quiet, units
from tests.play import Play, Story
from tests.stage import Stage
from tests.trial import Trial, wait_until

FOLDER = paths.TREE / "tests" / "traces" / "stories"
QUEUE_AGENTS = ("1001", "1002", "1003", "1004")
ENGLISH_AGENTS = ("1041", "1042", "1043")
COLLEAGUES, SUPERVISORS = ("1056", "1057"), ("1047", "1048")
SETTINGS: dict[str, dict[str, object]] = {
    "queue": {
        "wrapup_seconds": 0,
        "wait_seconds": 18,
        "ring_seconds": 6,
        "max_waiting": 6,
        "announce_seconds": 600,
        "english_strategy": "ringall",
        "english_agents": [1041, 1042, 1043],
    },
    "control": {"ring_seconds": 6},
    "threeway": {"silence_seconds": 600, "ring_seconds": 6, "pause_seconds": 1},
    "ivr": {"flow": "mixed"},
    "calendar": {"night": []},
}
LOGS = {".queue_log": "queue_log", ".csv": "cel-custom/calls.csv"}


def prepare(stack: Trial) -> None:
    """Put the flow of the stories where the city's flows are."""
    flows = stack.var / "flows"
    flows.mkdir(parents=True, exist_ok=True)
    (flows / "mixed.toml").write_text((paths.TREE / "tests" / "flows" / "mixed.toml").read_text())


def action(stack: Trial, **fields: str) -> str:
    """One AMI action of the bridge's user, on a connection of its own; returns the answer."""
    user = stack.credentials.ami
    with socket.create_connection((stack.settings.ami.host, stack.settings.ami.port), timeout=10) as link:
        for headers in ({"Action": "Login", "Username": user.user, "Secret": user.secret, "Events": "off"}, fields):
            link.sendall("".join(f"{name}: {value}\r\n" for name, value in headers.items()).encode() + b"\r\n")
            said = b""
            while b"Response:" not in said or not said.endswith(b"\r\n\r\n"):
                said += link.recv(65536)
        return said.decode()


@contextlib.contextmanager
def recording(stack: Trial, name: str) -> Iterator[Callable[[], None]]:
    """Keep the stream and the logs of the time inside; gives a function that breaks the recording's connection."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    file = FOLDER / f"{name}.ami"
    file.unlink(missing_ok=True)
    logs = {suffix: stack.var / "asterisk" / "log" / log for suffix, log in LOGS.items()}
    begins = {suffix: log.stat().st_size if log.exists() else 0 for suffix, log in logs.items()}
    recorder: list[subprocess.Popen[bytes]] = []

    def connect() -> None:
        for old in recorder:
            old.send_signal(signal.SIGTERM)
            old.wait()
        size = file.stat().st_size if file.exists() else 0
        command = [sys.executable, "-m", "ami_bridge", "record", str(file)]
        recorder.append(subprocess.Popen(command, cwd=paths.TREE, env=os.environ | stack.environment, stderr=subprocess.DEVNULL))
        wait_until(lambda: file.exists() and b"FullyBooted" in file.read_bytes()[size:], what="the recording has begun")

    connect()
    try:
        yield connect
        _silence(file)
    finally:
        recorder[-1].send_signal(signal.SIGTERM)
        recorder[-1].wait()
    for suffix, log in logs.items():
        (FOLDER / f"{name}{suffix}").write_bytes(log.read_bytes()[begins[suffix] :])


def _silence(file: Path) -> None:
    """Wait until nothing has been said for a second."""
    sizes = [file.stat().st_size]

    def quiet() -> bool:
        sizes.append(file.stat().st_size)
        return len(sizes) > 10 and len(set(sizes[-10:])) == 1

    wait_until(quiet, what="the stream is quiet")


def play(stack: Trial, name: str, played: list[Story], *, english: bool = True, first: int, rate: float = 2.0) -> None:
    """Play stories while everything is kept."""
    away = (*stories.COLLEAGUES, *COLLEAGUES, *SUPERVISORS)

    async def run() -> Stage:
        async with await database.pool(stack.credentials.database, name="test") as pool:
            parts = Parts(stack.settings, pool, stack.settings.asterisk.node)
            return await on(Stage(stack, parts, colleagues=COLLEAGUES, supervisors=SUPERVISORS))

    async def on(stage: Stage) -> Stage:
        users = (*QUEUE_AGENTS, *away, *(ENGLISH_AGENTS if english else ()))
        async with stage.seats(users) as seats, stage.units():
            await quiet(stage.parts, away)
            with recording(stack, name) as reconnect:
                stage.reconnect = reconnect
                await stage.play(played, first, rate)
                await asyncio.sleep(0.5)
            await seats.leave()
        return stage

    stage = asyncio.run(run())
    for fault in stage.faults:
        print(f"{name}: {fault}\n{stage.complaints}", file=sys.stderr)
    assert not stage.faults, stage.faults
    text = msgspec.json.format(msgspec.json.encode(stage.truths), indent=1)
    (FOLDER / f"{name}.truth.json").write_bytes(text + b"\n")


# --- stories that need a hand on the system --------------------------------------------------------------------------------


async def reconnected(play: Play) -> None:
    """The reader's connection breaks while they talk, and once more while another waits."""
    await play.asks(stories.TO_MAIN, stories.MAIN)
    line = await play.rung()
    await asyncio.to_thread(play.stage.reconnect)
    await play.answers(line)
    await play.after(1.0)
    await asyncio.to_thread(play.stage.reconnect)
    await play.after(1.0)
    await play.hangs_up()


async def paused(play: Play) -> None:
    """While they talk, another agent is paused with a reason and unpaused, and one is taken out of the queue and put back."""
    line = await stories.asks_and_talks(play)
    other = next(user for user in QUEUE_AGENTS if user != line.call.party)
    member = {"Queue": stories.MAIN, "Interface": f"PJSIP/{other}"}
    for fields in (
        {"Action": "QueuePause", "Paused": "true", "Reason": "lunch", **member},
        {"Action": "QueuePause", "Paused": "false", **member},
        {"Action": "QueueRemove", **member},
        {"Action": "QueueAdd", "MemberName": other, "StateInterface": f"PJSIP/{other}", **member},
    ):
        await asyncio.to_thread(action, play.stage.stack, **fields)
        await play.after(0.5)
    await play.hangs_up()


async def three_way(play: Play) -> None:
    """A dual Redirect takes both out of the queue: the agent into a conference, the citizen to music and then into it, too."""
    line = await stories.asks_and_talks(play)
    stack = play.stage.stack
    await asyncio.to_thread(stack.asterisk, "module load app_confbridge.so")
    for extension in (
        "300,1,ConfBridge(story) into citizens",
        "301,1,MusicOnHold(,60) into citizens",
    ):
        await asyncio.to_thread(stack.asterisk, f"dialplan add extension {extension}")
    channels = (await asyncio.to_thread(stack.asterisk, "core show channels concise")).splitlines()
    names = [channel.partition("!")[0] for channel in channels]
    citizen = next(name for name in names if name.startswith("PJSIP/citizens-"))
    agent = next(name for name in names if name.startswith(f"PJSIP/{line.call.party}-"))
    place = {"Context": "citizens", "Priority": "1"}
    both = {f"Extra{name}": value for name, value in (*place.items(), ("Channel", agent), ("Exten", "300"))}
    await asyncio.to_thread(action, stack, Action="Redirect", Channel=citizen, Exten="301", **place, **both)
    await play.after(2.0)
    await asyncio.to_thread(action, stack, Action="Redirect", Channel=citizen, Exten="300", **place)
    await play.after(2.0)
    await play.hangs_up()
    await play.ends(line)


async def cut_while_talking(play: Play) -> None:
    """Asterisk dies while they talk, another waits, and a third is in the menu."""
    await stories.asks_and_talks(play)
    await play.after(60.0)


async def cut_while_waiting(play: Play) -> None:
    """See above."""
    await play.asks(stories.TO_MAIN, stories.MAIN)
    await play.rung()
    await play.after(60.0)


async def cut_in_the_menu(play: Play) -> None:
    """See above: the last to be played, it is the one that kills."""
    await play.press("0")
    await play.after(4.0)
    stack = play.stage.stack
    old = stack.kill("asterisk")
    await asyncio.to_thread(wait_until, lambda: stack.runs_anew("asterisk", old), what="a new one")
    await asyncio.to_thread(wait_until, lambda: "booted" in stack.asterisk("core waitfullybooted"), what="Asterisk is back")
    asyncio.get_running_loop().call_soon(play.stage.cut)
    await play.after(60.0)


ACD: tuple[Story, ...] = (
    stories_acd.hold_and_resume,
    stories_acd.agent_dies_on_hold,
    stories_acd.parked_and_picked_up,
    stories_acd.consulted_back,
    stories_acd.consulted_completed,
    stories_acd.sent_by_order,
    stories_acd.sent_to_queue_by_order,
    stories_acd.three_way_answered,
    stories_acd.three_way_busy_twice,
    stories_acd.three_way_caller_hangs_up_while_dialling,
    stories_acd.three_way_agent_dies_joined,
    stories_acd.listened_to,
    stories_acd.taken_over,
    stories_acd.missed_by_two,
)
ALONE: tuple[Story, ...] = (
    stories.answered_early,
    stories.answered_late,
    stories.abandons_short,
    stories.abandons_long,
    stories.times_out,
    stories.called_back_after_time_out,
    stories.presses_for_call_back,
    stories.presses_for_mailbox,
    stories.menu_only,
    stories.refused_then_answered,
    stories.missed_then_answered,
    stories.rings_all,
    stories.overflows_and_is_answered,
    stories.overflows_and_abandons,
    stories.asks_again,
    stories.sent_to_agent,
    stories.sent_to_agent_who_declines,
    stories.sent_to_queue,
    stories.sent_to_queue_and_abandons,
    stories.sent_nowhere,
    stories.joined_with_agent,
    stories.consulted_only,
    stories.joined_with_queue_answered,
    stories.joined_with_queue_waiting,
    stories.on_hold,
    reconnected,
    paused,
    three_way,
    *ACD,
)
TOGETHER: dict[str, list[Story]] = {
    "full": [*[stories.fills_the_queue] * 6, *[stories.finds_it_full] * 2],
    "restart": [cut_while_talking, cut_while_waiting, cut_in_the_menu],
    "mixed": [stories.answered_early, stories.sent_to_queue, stories.abandons_short, stories.joined_with_agent] * 2,
    "unfiltered": [stories.sent_to_queue],
}
WITHOUT_ENGLISH: tuple[Story, ...] = (stories.english_empty, stories.nobody_there)


def main(names: list[str]) -> None:
    """Record all stories, or those named."""
    with tempfile.TemporaryDirectory(prefix="hotline-stories-") as folder:
        stack = Trial(Path(folder), SETTINGS)
        prepare(stack)
        try:
            stack.start()
            asyncio.run(units(stack.credentials.database_owner))
            jobs: dict[str, tuple[list[Story], bool]] = {story.__name__: ([story], True) for story in ALONE}
            jobs |= {story.__name__: ([story], False) for story in WITHOUT_ENGLISH}
            jobs |= {name: (played, True) for name, played in TOGETHER.items()}
            for place, (name, (played, english)) in enumerate(jobs.items()):
                if not names or name in names:
                    print(name, file=sys.stderr, flush=True)
                    begun = clock.monotonic()
                    if name == "unfiltered":
                        _unfilter(stack)
                    play(stack, name, played, english=english, first=place * 100, rate=1.0 if name == "restart" else 4.0)
                    print(f"{name}: {clock.monotonic() - begun:.1f} s", file=sys.stderr, flush=True)
        finally:
            if stack.process:
                stack.stop()


def _unfilter(stack: Trial) -> None:
    """From now on the reading user is sent everything."""
    file = stack.var / "asterisk" / "etc" / "manager.conf"
    everything = "read = system,call,log,verbose,agent,user,config,dtmf,reporting,cdr,dialplan,cc,agi,security,message"
    text = re.sub(r"^eventfilter.*exclude.*$", "", file.read_text(), flags=re.MULTILINE)
    file.write_text(re.sub(r"^read = system,call,agent,user$", everything, text, flags=re.MULTILINE))
    stack.asterisk("manager reload")


if __name__ == "__main__":
    main(sys.argv[1:])
