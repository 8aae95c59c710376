"""Steps told to whoever answers calls: read from both witnesses, kept in the journal until they are stored."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from ami_bridge import cel, codec, facts
from ami_bridge.book import Book
from ami_bridge.facts import AcdStep

TRACES = Path(__file__).parent.parent / "traces" / "stories"
NOW = dt.datetime(2026, 11, 22, 3, 0, 1, 500000, tzinfo=dt.UTC)
STEP = AcdStep(
    at=NOW, call_id="n-1.0", uniqueid="n-1.1", number=2, step="threeway:dialled", detail="attempt=1;number=83120001;result=BUSY"
)
EVENT = (
    b"Event: UserEvent\r\nPrivilege: user,all\r\nTimestamp: 1795316401.500000\r\nChannel: PJSIP/1001-00000001\r\n"
    b"Uniqueid: n-1.1\r\nLinkedid: n-1.0\r\nUserEvent: AcdStep\r\nNumber: 2\r\nStep: threeway:dialled\r\n"
    b"Detail: attempt=1;number=83120001;result=BUSY\r\n\r\n"
)
LINE = (
    b'"1795316401.500100","USER_DEFINED","AcdStep","n-1.0","n-1.1","PJSIP/1001-00000001","threeway-agent","s","1001","",'
    b'"CELGenUserEvent","","","{""extra"":""2 threeway:dialled attempt=1;number=83120001;result=BUSY""}"'
)


class Kept:
    """What waits to be stored."""

    def __init__(self) -> None:
        self.steps: list[AcdStep] = []
        self.stored: set[str] = set()

    def put(self, found: object) -> None:
        assert isinstance(found, AcdStep)
        self.steps.append(found)

    def waiting(self) -> set[str]:
        return {f"{step.uniqueid} {step.number}" for step in self.steps} - self.stored


def frames() -> list[codec.Frame]:
    return [frame for frame in codec.Decoder(facts.WANTED).feed(EVENT) if frame.kind == "event"]


def test_the_event_says_the_step() -> None:
    (frame,) = frames()
    assert facts.from_event(frame.name, frame.headers, NOW) == STEP


def test_the_event_log_says_the_same_step() -> None:
    line = cel.parse(LINE)
    assert line is not None
    (step,) = cel.evidence(line)
    assert isinstance(step, AcdStep)
    assert (step.uniqueid, step.number, step.step, step.detail) == (STEP.uniqueid, STEP.number, STEP.step, STEP.detail)


@pytest.mark.parametrize(
    "told",
    [
        ("0", "threeway:left", ""),
        ("", "threeway:left", ""),
        ("1234567", "threeway:left", ""),
        ("²", "threeway:left", ""),
        ("1", "threeway", ""),
        ("1", "Threeway:Left", ""),
        ("1", "threeway:left", "a b"),
        ("1", "threeway:left", "x" * 257),
        ("1", "threeway:left", "${SHELL(true)}"),
    ],
)
def test_what_is_no_step_says_nothing(told: tuple[str, str, str]) -> None:
    assert facts.acd_step(NOW, "n-1.0", "n-1.1", told) is None


def test_a_step_is_kept_in_the_journal_until_it_is_stored(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    book.journal.rotate()
    book.hear(frames(), NOW)
    book.journal.rotate()
    needed = book.oldest_needed()
    again = Kept()
    Book(tmp_path, again).replay(needed)
    assert again.steps == [STEP]
    kept.stored = kept.waiting()
    assert book.oldest_needed() > needed


def test_in_a_gap_the_event_log_gives_the_step(tmp_path: Path) -> None:
    kept = Kept()
    book = Book(tmp_path, kept)
    assert book.read_log([LINE], NOW) == 0
    book.open_gap(NOW - dt.timedelta(seconds=1), NOW + dt.timedelta(seconds=1), "cut")
    assert book.read_log([LINE], NOW) == 1
    assert [step.number for step in kept.steps] == [2]


def test_a_telephone_that_puts_another_one_in_its_place_tells_a_step_of_that_one() -> None:
    """Recorded of a real Asterisk: the agent at 1041 has asked the one at 1051, and joins the citizen with that one."""
    stream = codec.Decoder(facts.WANTED).feed((TRACES / "joined_with_agent.ami").read_bytes())
    told = [facts.attended(frame.name, frame.headers, NOW) for frame in stream if frame.kind == "event"]
    (step,) = [one for one in told if one is not None]
    assert isinstance(step, AcdStep)
    assert (step.step, step.call_id, step.uniqueid) == ("call:attended", "node1-1795306956.72", "node1-1795306959.75")
    assert step.detail == "citizen=node1-1795306956.72;before=node1-1795306956.73;seat=1051"


def test_a_transfer_that_failed_or_into_a_queue_puts_nobody_there() -> None:
    headers = {
        "origtransfererlinkedid": "n-1.0",
        "origtransfereruniqueid": "n-1.1",
        "transfertargetchannel": "PJSIP/1051-0000004b",
    }
    assert facts.attended("AttendedTransfer", headers, NOW) is None
    headers["transfertargetuniqueid"] = "n-1.3"
    assert facts.attended("AttendedTransfer", headers, NOW) is not None
    assert facts.attended("AttendedTransfer", headers | {"result": "Fail"}, NOW) is None
    assert facts.attended("AttendedTransfer", headers | {"transfertargetchannel": "Local/x@y-0000004b;1"}, NOW) is None
