"""A message with the standby script as Asterisk runs it: every talk a caller can have (IVR-08 to IVR-11)."""

from __future__ import annotations

import datetime as dt
import json
import signal
import struct
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from hotline import clock
from tests.standby_script import ENVIRONMENT, Script, scripts

OK = "200 result=0 endpos=8000"
SET = "200 result=1"
FAILS = "200 result=-1 endpos=0"
ANY = "0123456789*#"
KIND = ('GET VARIABLE "HOTLINE_KIND"', "200 result=1 (mailbox)")
GUIDE = (f'STREAM FILE "mailbox-guide" "{ANY}"', OK)
REASON = ('GET VARIABLE "HOTLINE_REASON"', "200 result=1 (chosen)")
CLOSED = REASON  # the question whose answer tells that Asterisk has closed the file
REVIEW = 'GET OPTION "message-review" "12#" 5000'
KEEP, LISTEN, AGAIN = ((REVIEW, f"200 result={code} endpos=9000") for code in (0, 49, 50))
SHORT = ('STREAM FILE "message-too-short" ""', OK)
SAVED = ('STREAM FILE "message-saved" ""', OK)
NOT_SAVED = ('STREAM FILE "message-not-saved" ""', OK)
BEGIN = (KIND, GUIDE, REASON)
ENDINGS = ["200 result=-1 (hangup) endpos=37374\n", "HANGUP\n", "511 Command Not Permitted on a dead channel\n"]


def after(outcome: str) -> list[tuple[str, str]]:
    """How a message ends: the step, the path, and the result."""
    return [
        (f'EXEC UserEvent "HotlineStep,Step: message:{outcome}"', "200 result=0"),
        ('GET VARIABLE "CHANNEL(userfield)"', "200 result=1 (main:1)"),
        (f'SET VARIABLE "CHANNEL(userfield)" "main:1,message:{outcome}"', SET),
        (f'SET VARIABLE "HOTLINE_RESULT" "{outcome}"', SET),
    ]


def wav(seconds: float) -> bytes:
    """What Asterisk has on disk after so many seconds; in the middle of a recording the sizes in it are zero."""
    size = int(seconds * 8000) * 2
    return (
        b"RIFF\0\0\0\0WAVEfmt "
        + struct.pack("<IHHIIHH", 16, 1, 1, 8000, 16000, 2, 16)
        + b"data\0\0\0\0"
        + b"\x34\x12" * (size // 2)
    )


class Message(Script):
    """The script asked for a message; ``take`` plays the part of Asterisk that records."""

    def audio(self, number: int = 1, stem: str = "node1-1.1") -> Path:
        return self.inbox / f"{stem}{'' if number == 1 else f'~{number}'}.wav"

    def command(self, number: int = 1, stem: str = "node1-1.1") -> str:
        return f'RECORD FILE "{str(self.audio(number, stem)).removesuffix(".wav")}" wav "#" 180000 0 BEEP s=6'

    def take(self, seconds: float, number: int = 1, *, by: str = "dtmf", written: float | None = None) -> Message:
        """A take of so many seconds that the caller ended ``by`` pound or silence, or as long as it may be."""
        assert self.line() == self.command(number)
        self.audio(number).write_bytes(wav(seconds if written is None else written))
        self.send(f"200 result={35 if by == 'dtmf' else 0} ({by}) endpos={int(seconds * 8000)}\n")
        self.talk(CLOSED)
        return self

    def hang_up(self, seconds: float, number: int = 1, ending: str = ENDINGS[0]) -> Message:
        """The caller is gone in the middle of a take."""
        assert self.line() == self.command(number)
        self.audio(number).write_bytes(wav(seconds))
        self.send(ending)
        self.talk(CLOSED)
        return self

    def sidecar(self, stem: str = "node1-1.1") -> dict[str, object]:
        """What the script says about the message, without the times."""
        read: dict[str, object] = json.loads((self.inbox / f"{stem}.json").read_text())
        assert abs((clock.now() - dt.datetime.fromisoformat(str(read.pop("started_at")))).total_seconds()) < 20
        if "finished_at" in read:
            read["finished_at"] = dt.datetime.fromisoformat(str(read["finished_at"])).utcoffset() == dt.timedelta(0)
        return read

    def files(self) -> list[str]:
        return sorted(file.name for file in self.inbox.iterdir())


KNOWN = {
    **{"node": "node1", "call_id": "node1-1.1", "uniqueid": "node1-1.1", "caller_number": "13800000000"},
    **{"reason": "chosen", "kind": "mailbox"},
}


def finished(take: int, length_ms: int) -> dict[str, object]:
    return KNOWN | {"finished_at": True, "take": take, "length_ms": length_ms}


@pytest.fixture
def run(tmp_path: Path) -> Iterator[Callable[..., Message]]:
    """Starts the script and says who calls; nothing of it is left at the end."""
    with scripts() as started:

        def start(environment: str = ENVIRONMENT, *, config: dict[str, object] | None = None) -> Message:
            message = Message(tmp_path, "message", config=config)
            started.append(message)
            message.send(environment)
            return message

        yield start


def test_number_time_and_kind_are_on_disk_before_the_caller_speaks_and_the_message_before_he_hears_saved(
    run: Callable[..., Message],
) -> None:
    script = run()
    script.talk(*BEGIN)
    assert script.line() == script.command()
    assert script.files() == ["node1-1.1.json"]
    assert script.sidecar() == KNOWN
    script.audio().write_bytes(wav(6))
    script.send("200 result=35 (dtmf) endpos=48000\n").talk(CLOSED, KEEP)
    assert script.line() == SAVED[0]
    assert script.sidecar() == finished(1, 6000)
    script.send(f"{OK}\n").talk(*after("saved"))
    assert script.ended() == ""
    assert script.files() == ["node1-1.1.json", "node1-1.1.wav"]


@pytest.mark.parametrize(
    ("variable", "prompt", "kind"),
    [
        ("200 result=0", "message-guide", "message"),
        ("200 result=1 (message)", "message-guide", "message"),
        ("200 result=1 (complaint)", "complaint-guide", "complaint"),
        ("200 result=1 (survey)", "message-guide", "survey"),
        ("200 result=1 (../x)", "message-guide", "message"),
    ],
)
def test_each_kind_of_message_has_its_guidance(run: Callable[..., Message], variable: str, prompt: str, kind: str) -> None:
    script = run()
    script.talk((KIND[0], variable), (f'STREAM FILE "{prompt}" "{ANY}"', "200 result=49 endpos=200"), REASON)
    assert script.line() == script.command()
    assert script.sidecar()["kind"] == kind


def test_without_its_guidance_a_message_is_asked_for_all_the_same(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(KIND, (GUIDE[0], FAILS), (f'STREAM FILE "leave-message" "{ANY}"', FAILS), REASON)
    script.take(5).talk(KEEP, SAVED, *after("saved"))
    assert "STREAM FILE" in script.ended()


def test_the_limits_are_those_of_the_settings(run: Callable[..., Message], tmp_path: Path) -> None:
    limits = {"longest_seconds": 30, "silence_seconds": 3}
    script = run(config={"node": "node1", "inbox": str(tmp_path / "messages inbox"), "messages": limits})
    script.talk(*BEGIN)
    assert script.line().endswith('wav "#" 30000 0 BEEP s=3')


def test_a_second_message_of_a_call_does_not_overwrite_the_first(run: Callable[..., Message]) -> None:
    run().talk(*BEGIN).line()
    script = run()
    script.talk(*BEGIN)
    assert script.line() == script.command(stem="node1-1.1-2")
    script.audio(stem="node1-1.1-2").write_bytes(wav(3))
    script.send("200 result=35 (dtmf) endpos=24000\n").talk(CLOSED, KEEP, SAVED, *after("saved")).ended()


def test_at_the_review_the_caller_listens_and_keeps(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    heard = f'STREAM FILE "{script.inbox}/node1-1.1" "12#"'
    script.take(4).talk(LISTEN, (heard, OK), LISTEN, (heard, "200 result=49 endpos=100"), (heard, "200 result=35 endpos=100"))
    script.talk(SAVED, *after("saved")).ended()
    assert script.sidecar() == finished(1, 4000)


def test_recording_again_makes_a_new_take_and_keeps_the_old_one_until_then(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(4).talk(AGAIN)
    assert script.line() == script.command(2)
    assert script.files() == ["node1-1.1.json", "node1-1.1.wav"]
    assert script.sidecar() == KNOWN, "nothing is decided"
    script.audio(2).write_bytes(wav(3))
    script.send("200 result=35 (dtmf) endpos=24000\n").talk(CLOSED, AGAIN)
    script.take(7, 3).talk(LISTEN, (f'STREAM FILE "{script.inbox}/node1-1.1~3" "12#"', OK), KEEP, SAVED, *after("saved")).ended()
    assert script.sidecar() == finished(3, 7000)


def test_the_review_ends_after_eight_choices(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(4)
    for _ in range(8):
        script.talk(LISTEN, (f'STREAM FILE "{script.inbox}/node1-1.1" "12#"', OK))
    script.talk(SAVED, *after("saved")).ended()


def test_silence_that_ended_a_message_is_not_counted_and_too_short_gets_one_more_try(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(2.9, by="timeout").talk(SHORT)
    script.take(2.0).talk(KEEP, SAVED, *after("saved")).ended()
    assert script.sidecar() == finished(1, 2000)


def test_a_key_within_the_tone_gives_the_tone_again(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN, (script.command(), "200 result=35 (randomerror) endpos=0"))
    script.take(3).talk(KEEP, SAVED, *after("saved")).ended()


def test_two_that_are_too_short_are_no_message_and_leave_nothing(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(1.9).talk(SHORT)
    script.take(0).talk(*after("empty"))
    assert script.ended() == ""
    assert script.files() == []


def test_two_that_are_too_short_leave_the_take_before_them(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(9).talk(AGAIN)
    script.take(1, 2).talk(SHORT)
    script.take(1.5, 2).talk(SAVED, *after("saved")).ended()
    assert script.sidecar() == finished(1, 9000)


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_hang_up_in_the_middle_keeps_what_was_said(run: Callable[..., Message], ending: str) -> None:
    script = run()
    script.talk(*BEGIN)
    script.hang_up(2, ending=ending).talk(*after("saved"))
    assert script.ended() == ""
    assert script.sidecar() == finished(1, 2000)


def test_a_hang_up_before_two_seconds_is_no_message_and_leaves_nothing(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.hang_up(1.99).talk(*after("empty"))
    assert script.ended() == ""
    assert script.files() == []


@pytest.mark.parametrize(("seconds", "take", "length"), [(1.99, 1, 8000), (2.0, 2, 2000)])
def test_a_hang_up_in_a_second_take_keeps_the_first_until_two_seconds(
    run: Callable[..., Message], seconds: float, take: int, length: int
) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(8).talk(AGAIN)
    script.hang_up(seconds, 2).talk(*after("saved")).ended()
    assert script.sidecar() == finished(take, length)


@pytest.mark.parametrize("where", ["review", "listen", "tone", "saved"])
def test_a_hang_up_after_a_take_keeps_it(run: Callable[..., Message], where: str) -> None:
    """-1 is how Asterisk answers when the caller goes during a prompt; the next command of that kind is 511."""
    script = run()
    script.talk(*BEGIN)
    script.take(5)
    gone = "511 Command Not Permitted on a dead channel"
    if where == "review":
        script.talk((REVIEW, FAILS), (SAVED[0], gone))
    elif where == "listen":
        script.talk(LISTEN, (f'STREAM FILE "{script.inbox}/node1-1.1" "12#"', FAILS), (REVIEW, gone), CLOSED)
    elif where == "tone":
        script.talk(AGAIN, (script.command(2), "200 result=-1 (randomerror) endpos=0"), (NOT_SAVED[0], gone), CLOSED)
    else:
        script.talk(KEEP, (SAVED[0], FAILS))
    script.talk(*after("saved"))
    assert "ALARM" not in script.ended()
    assert script.sidecar() == finished(1, 5000)


def test_a_hang_up_during_the_guidance_is_no_message(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(KIND, (GUIDE[0], FAILS), (f'STREAM FILE "leave-message" "{ANY}"', "511 dead"), *after("empty"))
    script.ended()
    assert not script.inbox.exists()


def test_a_signal_in_the_middle_keeps_what_was_said(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    assert script.line() == script.command()
    script.audio().write_bytes(wav(4))
    script.process.send_signal(signal.SIGHUP)
    assert script.send(ENDINGS[0]).ended() == ""
    assert script.sidecar() == finished(1, 4000)


def test_when_asterisk_is_killed_the_message_is_finished_without_it(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    assert script.line() == script.command()
    script.audio().write_bytes(wav(4))
    assert script.process.stdin
    script.process.stdin.close()
    assert script.process.wait(10) == 0
    assert script.sidecar() == finished(1, 4000)


@pytest.mark.parametrize("uniqueid", ["../../etc/passwd", "", "a/b", 'x" wav', "x" * 81, "a~2"])
def test_a_uniqueid_that_is_no_file_name_is_replaced(run: Callable[..., Message], uniqueid: str) -> None:
    script = run(ENVIRONMENT.replace("node1-1.1", uniqueid))
    script.talk(*BEGIN)
    assert script.line().startswith(f'RECORD FILE "{script.inbox}/unknown-2')


def test_a_number_that_is_withheld_is_empty(run: Callable[..., Message]) -> None:
    script = run(ENVIRONMENT.replace("13800000000", "unknown"))
    script.talk(*BEGIN)
    script.line()
    assert script.sidecar()["caller_number"] == ""


def test_when_nothing_can_be_written_the_caller_is_told_and_goes_on(run: Callable[..., Message], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    script = run(config={"node": "node1", "inbox": str(tmp_path / "file" / "inbox")})
    script.talk(*BEGIN, NOT_SAVED, *after("failed"))
    assert "ALARM" in script.ended()


def test_without_the_word_that_it_failed_another_is_said(run: Callable[..., Message]) -> None:
    script = run(config={})
    script.talk(KIND, GUIDE, (NOT_SAVED[0], FAILS), ('STREAM FILE "agents-busy" ""', OK), *after("failed")).ended()


def test_when_asterisk_cannot_record_the_number_is_kept_and_the_caller_goes_on(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN, (script.command(), "200 result=-1 (writefile) endpos=0"), NOT_SAVED, *after("failed"))
    assert "ALARM" in script.ended()
    assert script.files() == ["node1-1.1.json"]


@pytest.mark.parametrize("written", [0, 3.0, 4.8])
def test_a_take_that_did_not_fit_on_the_disk_is_not_called_saved_and_what_is_there_is_left(
    run: Callable[..., Message], written: float
) -> None:
    """Asterisk goes on when it cannot write, and tells more than the file holds: tried with ENOSPC."""
    script = run()
    script.talk(*BEGIN)
    script.take(5, written=written).talk(NOT_SAVED, *after("failed"))
    assert "ALARM" in script.ended()
    assert script.sidecar() == KNOWN
    assert script.audio().read_bytes() == wav(written)


def test_a_take_of_which_asterisk_does_not_know_the_length_is_not_called_saved(run: Callable[..., Message]) -> None:
    """Where the disk takes nothing at all, the position in the file is -22: tried with /dev/full."""
    script = run()
    script.talk(*BEGIN, (script.command(), "200 result=35 (dtmf) endpos=-22"), NOT_SAVED, *after("failed"))
    assert "ALARM" in script.ended()


def test_a_second_take_that_did_not_fit_leaves_the_first(run: Callable[..., Message]) -> None:
    script = run()
    script.talk(*BEGIN)
    script.take(5).talk(AGAIN)
    script.take(5, 2, written=1).talk((NOT_SAVED[0], "511 dead"), *after("failed"))
    assert "ALARM" in script.ended()
    assert script.files() == ["node1-1.1.json", "node1-1.1.wav", "node1-1.1~2.wav"]
    assert script.sidecar() == KNOWN
