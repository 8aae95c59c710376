"""The supervisor with real child processes: small Python programs as parts, in a state folder of the test's own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from hotline import clock, messages, paths
from hotline.errors import MigrationError, StartError
from hotline.stack import supervisor
from hotline.stack.parts import Part, log_file
from tests.trial import wait_until

CALM = "import signal, sys, time\nprint('up', flush=True)\nwhile True: time.sleep(60)"
STUBBORN = f"import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n{CALM}"
"""A part that does not leave when asked."""
LINGERING = f"import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.5), sys.exit(0)))\n{CALM}"
"""A part that takes its time to leave, as FastAGI does while calls finish."""
SHORT_LIVED = "import sys; print('up', flush=True); sys.exit(3)"
BROKEN = "import sys; print('first line'); print('cannot bind'); print('giving up'); sys.exit(7)"
ORDERLY = """
import signal, sys, time
from pathlib import Path
diary, name = Path(sys.argv[1]), sys.argv[2]
def leave(*_):
    with diary.open("a") as out: out.write(f"-{name}\\n")
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
with diary.open("a") as out: out.write(f"+{name}\\n")
while True: time.sleep(60)
"""


@pytest.fixture(autouse=True)
def state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A state folder of the test's own, with a space in it; at the end no process of it is left."""
    folder = tmp_path / "a state"
    monkeypatch.setenv("HOTLINE_VAR", str(folder))
    yield folder
    assert processes(str(tmp_path)) == []


def processes(word: str) -> list[int]:
    """Living processes whose command line holds ``word``."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if word in (folder / "cmdline").read_text(errors="replace"):
                found.append(int(folder.name))
        except OSError:
            continue
    return found


def states_of_children() -> list[str]:
    """The state letter of each child process of the test."""
    children = Path(f"/proc/{os.getpid()}/task/{os.getpid()}/children").read_text().split()
    return [Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] for pid in children]


async def works() -> str | None:
    """A check that is always content."""
    return None


def printed(name: str) -> Callable[[], Awaitable[str | None]]:
    """A check that waits for the part's first words."""

    async def check() -> str | None:
        return None if log_file(name).exists() and "up" in log_file(name).read_text() else "not up yet"

    return check


def part(name: str, program: str, state: Path, **more: object) -> Part:
    """A part that runs ``program``; its command line names the state folder, by which its processes are found."""
    known: dict[str, object] = {"alive": printed(name), "stop_seconds": 5.0, "every": 0.05} | more
    return Part(name=name, command=[sys.executable, "-S", "-c", program, str(state / "diary"), name], **known)  # type: ignore[arg-type]


class Scene:
    """One run of the supervisor beside the test's own steps."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.ready = asyncio.Event()
        self.said: list[str] = []

    async def play(self, parts: list[Part], steps: Callable[[Scene], Awaitable[None]]) -> None:
        """Run the parts, the steps once all are ready, then stop."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(supervisor.run(parts, stop=self.stop, say=self.said.append, ready=self.ready.set))
                await self.ready.wait()
                try:
                    await steps(self)
                finally:
                    self.stop.set()
        except ExceptionGroup as group:
            raise group.exceptions[0] from None

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for a condition, beside the supervisor."""
        async with asyncio.timeout(20):
            while not condition():  # noqa: ASYNC110  the condition is about processes, which set no event
                await asyncio.sleep(0.01)

    def heard(self, key: str) -> list[str]:
        """The lines said so far under this key of the catalogue."""
        start = messages.text(key, **dict.fromkeys(("part", "status", "seconds", "log"), "\0")).split("\0")
        return [line for line in self.said if all(piece in line for piece in start)]


def play(parts: list[Part], steps: Callable[[Scene], Awaitable[None]]) -> Scene:
    """A scene in a loop of its own."""

    async def whole() -> Scene:
        scene = Scene()
        await scene.play(parts, steps)
        return scene

    return asyncio.run(whole())


async def nothing(_: Scene) -> None:
    """No steps: stop at once."""


def test_parts_start_in_order_and_stop_in_the_reverse_order(state: Path) -> None:
    state.mkdir()
    diary = state / "diary"

    def started(name: str) -> Callable[[], Awaitable[str | None]]:
        async def check() -> str | None:
            return None if diary.exists() and f"+{name}" in diary.read_text() else "not yet"

        return check

    parts = [part(name, ORDERLY, state, alive=started(name)) for name in ("first", "second", "third")]
    scene = play(parts, nothing)
    assert diary.read_text().split() == ["+first", "+second", "+third", "-third", "-second", "-first"]
    assert [line for line in scene.said if "third" in line], scene.said
    assert list((state / "run").glob("*.pid")) == []


def test_what_dies_is_restarted_with_a_growing_pause(state: Path) -> None:
    async def steps(scene: Scene) -> None:
        await scene.until(lambda: len(scene.heard("up.died")) >= 4)

    scene = play([part("dies", SHORT_LIVED, state, alive=works)], steps)
    pauses = [float(seconds) for line in scene.heard("up.died")[:4] for seconds in re.findall(r"restarting in ([\d.]+) s", line)]
    assert pauses == [0.2, 0.4, 0.8, 1.6]
    assert all("(3)" in line for line in scene.heard("up.died")), "the exit status is named"


def test_a_part_killed_from_outside_comes_back_under_another_number(state: Path) -> None:
    numbers: list[int | None] = []

    async def steps(scene: Scene) -> None:
        numbers.append(supervisor.running("one"))
        assert numbers[0]
        os.kill(numbers[0], signal.SIGKILL)
        await scene.until(lambda: supervisor.running("one") not in (None, numbers[0]))
        numbers.append(supervisor.running("one"))

    scene = play([part("one", CALM, state)], steps)
    assert len(scene.heard("up.died")) == 1
    assert len(set(numbers)) == 2


def test_what_hangs_is_killed_after_its_patience_and_started_anew(state: Path) -> None:
    asked: list[bool] = []
    hangs = asyncio.Event()

    async def alive() -> str | None:
        asked.append(hangs.is_set())
        return "no answer" if hangs.is_set() else None

    async def steps(scene: Scene) -> None:
        before = supervisor.running("one")
        hangs.set()
        await scene.until(lambda: scene.heard("up.stuck"))
        hangs.clear()
        await scene.until(lambda: supervisor.running("one") not in (None, before))

    scene = play([part("one", CALM, state, alive=alive, patience=4)], steps)
    assert asked.count(True) >= 4
    assert len(scene.heard("up.stuck")) == 1
    assert "(-9)" in scene.heard("up.died")[0]


def test_a_check_that_fails_now_and_then_kills_nothing(state: Path) -> None:
    answers = iter([None] * 1 + ["once", "twice", None] * 20)
    done = asyncio.Event()

    async def alive() -> str | None:
        answer = next(answers, "end")
        if answer == "end":
            done.set()
            return None
        return answer

    async def steps(scene: Scene) -> None:
        before = supervisor.running("one")
        await scene.until(done.is_set)
        assert supervisor.running("one") == before

    scene = play([part("one", CALM, state, alive=alive, patience=3, every=0.005)], steps)
    assert scene.heard("up.stuck") == []


def test_a_check_that_raises_counts_as_failed(state: Path) -> None:
    hangs = asyncio.Event()

    async def alive() -> str | None:
        if hangs.is_set():
            raise ValueError("the check itself is broken")
        return None

    async def steps(scene: Scene) -> None:
        hangs.set()
        await scene.until(lambda: scene.heard("up.stuck"))
        hangs.clear()

    play([part("one", CALM, state, alive=alive, patience=2)], steps)


def test_a_part_that_dies_at_the_start_is_named_with_its_last_words(state: Path) -> None:
    parts = [part("good", CALM, state), part("bad", BROKEN, state, alive=printed("nobody"))]
    with pytest.raises(StartError) as raised:
        play(parts, nothing)
    text = str(raised.value)
    assert "bad" in text
    assert "cannot bind | giving up" in text
    assert str(log_file("bad")) in text
    assert supervisor.running("good") is None, "what was started is stopped"


def test_a_part_that_stays_mute_at_the_start_is_given_up_after_its_time(state: Path) -> None:
    async def mute() -> str | None:
        return "port 4573: no answer"

    with pytest.raises(StartError, match="port 4573: no answer"):
        play([part("mute", CALM, state, alive=mute, start_seconds=0.3)], nothing)


def test_a_program_that_does_not_exist_is_a_start_error(state: Path) -> None:
    missing = Part(name="missing", command=[str(state / "no such program")], alive=works)
    with pytest.raises(StartError, match="no such program"):
        play([part("good", CALM, state), missing], nothing)


def test_a_program_that_vanishes_is_tried_again_until_it_is_back(state: Path, tmp_path: Path) -> None:
    """As while a package is upgraded: the others go on."""
    link = tmp_path / "program"
    link.symlink_to(sys.executable)
    one = Part(name="one", command=[str(link), "-S", "-c", CALM, str(state)], alive=works, every=0.05)

    async def steps(scene: Scene) -> None:
        before, other = supervisor.running("one"), supervisor.running("other")
        assert before
        link.unlink()
        os.kill(before, signal.SIGKILL)
        await scene.until(lambda: len(scene.heard("up.died")) >= 2)
        link.symlink_to(sys.executable)
        await scene.until(lambda: supervisor.running("one") not in (None, before))
        assert supervisor.running("other") == other

    play([part("other", CALM, state), one], steps)


def test_what_fails_after_the_start_is_the_error_of_the_whole(state: Path) -> None:
    async def migrate() -> None:
        raise MigrationError("0001_calls.sql was changed")

    with pytest.raises(MigrationError, match=r"0001_calls\.sql was changed"):
        play([part("postgres", CALM, state, after=migrate)], nothing)


def test_after_is_done_once_and_before_the_next_part(state: Path) -> None:
    order: list[str] = []

    async def after() -> None:
        order.append("after")
        assert supervisor.running("second") is None

    async def steps(scene: Scene) -> None:
        number = supervisor.running("first")
        assert number
        os.kill(number, signal.SIGKILL)
        await scene.until(lambda: supervisor.running("first") not in (None, number))

    play([part("first", CALM, state, after=after), part("second", CALM, state)], steps)
    assert order == ["after"]


def test_a_stop_while_a_part_is_still_coming_up_is_obeyed_at_once(state: Path) -> None:
    """Ctrl-C during the start does not wait for the part's minute to pass."""

    async def whole() -> float:
        scene = Scene()

        async def never() -> str | None:
            return "not yet"

        parts = [part("good", CALM, state), part("slow", CALM, state, alive=never)]
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(supervisor.run(parts, stop=scene.stop, say=scene.said.append, ready=scene.ready.set))
            await scene.until(lambda: supervisor.running("slow"))
            began = clock.monotonic()
            scene.stop.set()
        assert not scene.ready.is_set()
        return clock.monotonic() - began

    assert asyncio.run(whole()) < 3


def test_a_part_that_ignores_the_request_to_leave_is_killed_after_its_time(state: Path) -> None:
    began = clock.monotonic()
    play([part("stubborn", STUBBORN, state, stop_seconds=0.3)], nothing)
    assert 0.3 <= clock.monotonic() - began < 5


FORGETFUL = f"""
import signal, sys
asked = []
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0) if asked else asked.append(1))
{CALM}
"""
"""A part that forgets the first request, as Asterisk does while it boots."""


def test_a_part_that_forgets_a_request_is_asked_again(state: Path) -> None:
    began = clock.monotonic()
    play([part("forgetful", FORGETFUL, state, ask_again=0.1)], nothing)
    assert clock.monotonic() - began < 3


def test_a_part_is_asked_once_unless_it_forgets(state: Path) -> None:
    """A second request would cut short what our own processes do to leave in order."""
    began = clock.monotonic()
    play([part("forgetful", FORGETFUL, state, stop_seconds=0.5)], nothing)
    assert clock.monotonic() - began >= 0.5


def test_no_zombie_is_left_while_the_supervisor_goes_on(state: Path) -> None:
    async def steps(scene: Scene) -> None:
        await scene.until(lambda: len(scene.heard("up.died")) >= 3)
        assert "Z" not in states_of_children()

    play([part("dies", SHORT_LIVED, state, alive=works), part("calm", CALM, state)], steps)


def test_a_number_that_another_program_has_by_now_is_not_taken_for_the_part(state: Path) -> None:
    """After a restart of the machine the number in the file may be anybody's."""
    (state / "run").mkdir(parents=True)
    with subprocess.Popen([sys.executable, "-S", "-c", CALM, str(state)]) as stranger:
        supervisor.write_pid("asterisk", stranger.pid)
        assert supervisor.running("asterisk") == stranger.pid
        number, began = supervisor.pid_file("asterisk").read_text().split()
        supervisor.pid_file("asterisk").write_text(f"{number} {int(began) - 1}")
        assert supervisor.running("asterisk") is None
        supervisor.stop_left_behind("asterisk", seconds=1)
        assert stranger.poll() is None, "a stranger is not stopped"
        stranger.kill()


@pytest.mark.parametrize("content", ["", "abc", "12 x", "-1 5", "0 0", "99999999999999999999 1", "1 2 3", "\x00"])
def test_a_damaged_number_file_is_no_process(state: Path, content: str) -> None:
    (state / "run").mkdir(parents=True)
    supervisor.pid_file("one").write_text(content)
    assert supervisor.running("one") is None


@pytest.fixture
def supervised(state: Path, tmp_path: Path) -> Path:
    """A program that supervises two parts: one that outlives it and one that does not."""
    program = tmp_path / "supervise.py"
    program.write_text(f"""
import asyncio, signal, sys
from hotline import log
from hotline.stack import supervisor, up
from hotline.stack.parts import Part

async def works():
    return None

def part(name, outlives):
    command = [{sys.executable!r}, "-S", "-c", {CALM!r}, {str(state)!r} + "/" + name]
    return Part(name=name, command=command, alive=works, outlives=outlives)

async def main():
    stop = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)
    log.configure("hotline")
    say = up.speaker(as_json=False)
    parts = [part("switch", True), part("menu", False)]
    await supervisor.run(parts, stop=stop, say=say, ready=lambda: say("READY"))

asyncio.run(main())
""")
    return program


def _supervise(program: Path, closing: tuple[str, ...] = ()) -> tuple[subprocess.Popen[str], list[str]]:
    """Start the program and wait until it says READY; returns what it said before."""
    process = subprocess.Popen(
        [sys.executable, str(program)],
        cwd=paths.TREE,
        env=os.environ | {"PYTHONPATH": os.pathsep.join([str(paths.TREE), *sys.path])},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT if "stderr" in closing else None,
        text=True,
    )
    assert process.stdout
    said: list[str] = []
    for line in process.stdout:
        if line == "READY\n":
            return process, said
        said.append(line)
    raise AssertionError(said)


def test_children_die_with_a_killed_supervisor_except_what_outlives_and_the_next_adopts_it(supervised: Path) -> None:
    first, _ = _supervise(supervised)
    with first:
        switch, menu = supervisor.running("switch"), supervisor.running("menu")
        assert switch and menu
        first.kill()
    wait_until(lambda: supervisor.running("menu") is None, what="the menu leaves with its supervisor")
    assert supervisor.running("switch") == switch

    second, said = _supervise(supervised)
    with second:
        assert messages.text("up.adopted", part="switch") + "\n" in said
        assert supervisor.running("switch") == switch
        assert supervisor.running("menu") not in (None, menu)
        os.kill(switch, signal.SIGKILL)
        wait_until(lambda: supervisor.running("switch") not in (None, switch), what="what was adopted is watched too")
        second.terminate()
        rest, _ = second.communicate(timeout=20)
    assert second.returncode == 0
    assert messages.text("up.stopped") in rest
    assert supervisor.running("switch") is None and supervisor.running("menu") is None


@pytest.mark.parametrize(("seconds", "program"), [(20.0, LINGERING), (0.2, STUBBORN)])
def test_parts_of_a_killed_supervisor_are_waited_for_and_killed_after_their_time(
    state: Path, seconds: float, program: str
) -> None:
    said: list[str] = []
    (state / "run").mkdir(parents=True)
    with (
        subprocess.Popen([sys.executable, "-S", "-c", program, str(state)], stdout=subprocess.PIPE) as old,
        subprocess.Popen([sys.executable, "-S", "-c", CALM, str(state)], stdout=subprocess.PIPE) as switch,
    ):
        assert old.stdout and old.stdout.readline() == b"up\n"
        supervisor.write_pid("menu", old.pid)
        supervisor.write_pid("asterisk", switch.pid)
        old.terminate()
        asyncio.run(supervisor.predecessors_leave(said.append, staying=("up", "asterisk"), seconds=seconds))
        assert old.wait(0) == (0 if program is LINGERING else -signal.SIGKILL)
        assert switch.poll() is None
        switch.kill()
    assert said == [messages.text("up.predecessor", part="menu", pid=old.pid)]


def test_a_part_that_outlived_its_supervisor_is_stopped_by_name(supervised: Path) -> None:
    first, _ = _supervise(supervised)
    with first:
        first.kill()
    assert supervisor.running("switch")
    assert supervisor.stop_left_behind("switch", seconds=10)
    assert supervisor.running("switch") is None
    wait_until(lambda: supervisor.running("menu") is None)


@pytest.mark.parametrize("streams", [("stdout",), ("stdout", "stderr")])
def test_a_supervisor_whom_nobody_can_hear_any_more_goes_on_and_stops_everything_in_order(
    supervised: Path, streams: tuple[str, ...]
) -> None:
    """As behind a pager that was closed, or with a terminal that is gone."""
    supervised.write_text(supervised.read_text().replace("alive=works", "alive=works, stop_seconds=0.2"))
    supervised.write_text(supervised.read_text().replace(repr(CALM), repr(STUBBORN)))
    one, _ = _supervise(supervised, closing=streams)
    with one:
        assert one.stdout
        one.stdout.close()
        menu = supervisor.running("menu")
        assert menu
        os.kill(menu, signal.SIGKILL)
        wait_until(lambda: supervisor.running("menu") not in (None, menu), what="what died is restarted all the same")
        one.terminate()
        assert one.wait(20) == 0
    assert supervisor.running("switch") is None and supervisor.running("menu") is None
