"""A night with everything that can go wrong: 200 messages are spoken, and in the morning there are exactly 200 drafts.

Real calls to the mailbox, many at once, while agi, recordings, crm, desks, PostgreSQL and Asterisk are killed and the disk is
full (IVR-08 to IVR-11, CH-13). ``NIGHT_MESSAGES``: how many messages.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import signal
import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

from hotline.phones.call_log import Call
from hotline.phones.citizens import SPEECH, Citizen, Citizens
from tests.e2e.test_message_kills import FLOW
from tests.small_disk import SmallDisk, mounted
from tests.speech_models import vosk_model
from tests.trial import Trial, wait_until

MESSAGES = int(os.environ.get("NIGHT_MESSAGES", "200"))
KEYS = "1ww1w1"
"""Two of them cut short the welcome and the guidance, and the tone follows; one more, should a busy machine lose one. Only # ends
a message."""
CALLS_A_SECOND = 3.0
"""A message is a process of its own for its call: more at once would make it late for the tone on two cores."""
_BYTES_A_SECOND = 16000
_SPEECH = (SPEECH / "pension.wav", SPEECH / "lamp.wav")
Hurt = Callable[["Night"], None]


class Wave(NamedTuple):
    """``share`` of all messages are left at once; when half of the callers have said something (``all_speak``: all of them, for
    ``seconds``), ``hurt`` happens. Each hangs up ``stays`` seconds after the answer."""

    share: float
    hurt: Hurt
    stays: float
    seconds: float = 1.0
    all_speak: bool = False


class Night:
    """The stack, its disk for recordings, and who called."""

    def __init__(self, stack: Trial, disk: SmallDisk) -> None:
        self.stack, self.disk = stack, disk
        self.called = 0
        self.inbox = disk.folder / "messages-inbox"

    def one(self, query: str, *values: object) -> Any:
        """One value of the database."""
        return next(iter(self.stack.fetch(query, *values)[0].values()))

    def speaking(self, seconds: float) -> int:
        """How many messages lie in the inbox with so many seconds already on disk."""
        least = seconds * _BYTES_A_SECOND
        with contextlib.suppress(FileNotFoundError):
            return sum(file.stat().st_size >= least for file in self.inbox.glob("*.wav"))
        return 0

    def is_up(self) -> bool:
        """Whether the last wave is taken in, and the next one meets the menu; raises ``OSError`` while something is away."""
        if list(self.inbox.glob("*.wav")):
            return False
        with socket.create_connection((self.stack.settings.agi.host, self.stack.settings.agi.port), timeout=1):
            pass
        return "booted" in self.stack.asterisk("core waitfullybooted") and self.one("SELECT 1") == 1

    def all_said(self) -> bool:
        """Whether nobody speaks any more: each message is taken in, or lies there with a sidecar that says it is finished."""
        left = [file.read_bytes() for file in self.inbox.glob("*.json")]
        are_finished = all(b'"finished_at":"' in sidecar for sidecar in left)
        return are_finished and self.one("SELECT count(*) FROM messages") + len(left) >= self.called

    def call(self, wave: Wave) -> list[Call]:
        """One wave of citizens."""
        rest = MESSAGES - self.called
        count = rest if wave is WAVES[-1] else max(1, round(wave.share * MESSAGES))
        numbers = [f"1390000{self.called + n:04d}" for n in range(count)]
        citizens = [
            Citizen(number=number, keys=KEYS, stay_seconds=wave.stays, speech=_SPEECH[n % 2], mode="drop")
            for n, number in enumerate(numbers)
        ]
        before, enough = self.called, count if wave.all_speak else (count + 1) // 2
        self.called += count

        def half_have_spoken() -> bool:
            """On a slow machine the first have hung up before the last dial."""
            speaking = self.speaking(wave.seconds)
            taken_in = 0 if wave.all_speak else self.one("SELECT count(*) FROM messages") - before
            return speaking > 0 and speaking + taken_in >= enough

        async def run() -> list[Call]:
            async with Citizens(self.stack.settings, citizens, rate=CALLS_A_SECOND) as group:
                await asyncio.to_thread(wait_until, half_have_spoken, seconds=60, what="they speak")
                await asyncio.to_thread(wave.hurt, self)
                return await group.results(90)

        return asyncio.run(run())

    @contextlib.contextmanager
    def nobody_restarts(self) -> Iterator[None]:
        """The supervisor holds its breath, so that what is killed stays dead."""
        assert self.stack.process
        os.kill(self.stack.process.pid, signal.SIGSTOP)
        try:
            yield
        finally:
            os.kill(self.stack.process.pid, signal.SIGCONT)


def kill(*parts: str) -> Hurt:
    """kill -9 of these, one after the other."""

    def hurt(night: Night) -> None:
        for part in parts:
            night.stack.kill(part)

    return hurt


def disk_full(night: Night) -> None:
    """Whole messages lie in the inbox, and not a byte can be written; then there is room again."""
    stack, alive = night.stack, night.stack.var / "run" / "recordings.alive"
    log = stack.var / "log" / "recordings.log"

    def writers() -> list[int]:
        assert stack.process
        return [stack.process.pid, *([stack.pid("recordings")] if stack.is_running("recordings") else [])]

    def is_noticed() -> bool:
        return b"disk_full" in log.read_bytes()[begin:] or json.loads(alive.read_bytes())["backlog"] > 0

    with contextlib.ExitStack() as full:
        with night.nobody_restarts():
            night.stack.kill("recordings")
            wait_until(night.all_said, seconds=60, what="all have hung up")
            full.enter_context(night.disk.full(writers))
        begin = log.stat().st_size
        wait_until(is_noticed, seconds=90, what=f"it is noticed\n{stack.logs()}")


WAVES = (
    Wave(0.05, kill("agi", "recordings"), stays=14, all_speak=True),
    Wave(0.30, kill("postgres", "crm"), stays=11),
    Wave(0.05, kill("asterisk"), stays=20, seconds=4.0, all_speak=True),
    Wave(0.30, disk_full, stays=11),
    Wave(0.30, kill("desks", "crm", "recordings"), stays=11),
)


@pytest.fixture
def night(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Night]:
    """A stack whose flow is a mailbox, with pipeline and transcription, and a small disk for its recordings."""
    folder = tmp_path_factory.mktemp("night")
    overrides: dict[str, dict[str, object]] = {
        "ivr": {"flow": "post"},
        "recordings": {"workers": 2},
        "transcription": {"engine": "vosk", "model": str(vosk_model().folder), "workers": 2},
    }
    stack = Trial(folder, overrides)
    (stack.var / "flows").mkdir(parents=True)
    (stack.var / "flows" / "post.toml").write_text(FLOW)
    with mounted(stack.var / "recordings", 96) as disk:
        try:
            stack.start()
            yield Night(stack, disk)
        finally:
            stack.stop()


@pytest.mark.timeout(1800)
def test_every_message_of_a_night_is_one_draft_in_the_morning(night: Night) -> None:
    """Exactly as many drafts as messages, none twice; the audio is what was recorded; each has its transcript."""
    stack = night.stack
    for wave in WAVES:
        wait_until(night.is_up, seconds=60, what="all is up again")
        night.call(wave)
    drafts = "SELECT count(*) FROM tickets WHERE state = 'draft' AND made_by = 'night-intake'"
    wait_until(lambda: night.one(drafts) >= MESSAGES, seconds=120, what=f"the drafts\n{stack.logs()}")
    transcribed = "SELECT count(*) FROM message_intake JOIN transcripts t USING (recording_id) WHERE t.state = 'done'"
    wait_until(lambda: night.one(transcribed) >= MESSAGES, seconds=300 + 5 * MESSAGES, what=f"the transcripts\n{stack.logs()}")
    heard = "SELECT count(*) FROM message_intake WHERE state = 'open' AND heard_at IS NOT NULL"
    wait_until(lambda: night.one(heard) == MESSAGES, seconds=30, what=f"what was heard is filled in\n{stack.logs()}")
    _exactly(night)
    _intact(night)


def _exactly(night: Night) -> None:
    """One message, one recording, one draft of each caller; nothing is left over anywhere."""
    row = night.stack.fetch(
        "SELECT count(*) AS messages, count(DISTINCT caller_number) AS callers, count(DISTINCT i.ticket_id) AS drafts,"
        " count(DISTINCT m.recording_id) AS recordings, count(*) FILTER (WHERE t.content LIKE '%（机器转写%') AS with_text,"
        " count(*) FILTER (WHERE length_ms < 2000) AS short"
        " FROM messages m LEFT JOIN message_intake i USING (message_id) LEFT JOIN tickets t USING (ticket_id)"
        " LEFT JOIN recordings r ON r.recording_id = m.recording_id"
    )[0]
    assert row["short"] == 0
    assert {row[name] for name in ("messages", "callers", "drafts", "recordings")} == {MESSAGES}, row
    assert row["with_text"] > MESSAGES // 2, "Korean is heard in Mandarin, but not always anything"
    assert night.one("SELECT count(*) FROM tickets") == MESSAGES == night.one("SELECT last FROM ticket_days")
    assert list(night.inbox.iterdir()) == []


def _intact(night: Night) -> None:
    stored = "SELECT count(*) FROM recordings WHERE state = 'stored'"
    wait_until(lambda: night.one(stored) == MESSAGES, what=f"all are stored\n{night.stack.logs()}")
    done = night.stack.command("recordings", "verify")
    assert done.returncode == 0, done.stdout + done.stderr
    assert not list(night.disk.folder.rglob("*.wav")), "no plain file is left"
