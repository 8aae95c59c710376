"""Orders of faxes and their results, as files (IVR-07)."""

from __future__ import annotations

import os
import uuid
from pathlib import Path

import pytest

from agi import fax_result, fax_spool
from agi.fax_spool import LOST, Order, Result

JOB = uuid.UUID("00000000-0000-4000-8000-000000000001")
ORDER = Order(job_id=JOB, attempt=2, number="02012345678", document="welcome-guide", caller="12345")
SENT = Result(sent=True)


@pytest.fixture(autouse=True)
def spool(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of orders."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path))
    (tmp_path / "asterisk" / "spool" / "outgoing").mkdir(parents=True)
    (tmp_path / "fax" / "results").mkdir(parents=True)
    return fax_spool.outgoing()


def dialling(spool: Path, pid: int) -> Path:
    """Asterisk's note in the order that it dials."""
    (file,) = spool.iterdir()
    file.write_text(file.read_text() + f"StartRetry: {pid} 1 (1795293220)\n")
    return file


def test_an_order_is_one_whole_file_of_lines(spool: Path) -> None:
    fax_spool.place(ORDER)
    (file,) = spool.iterdir()
    assert file.name == f"{JOB}.2.call"
    lines = file.read_text().splitlines()
    assert lines[0] == "Channel: PJSIP/02012345678@units"
    assert {"CallerID: <12345>", "MaxRetries: 0", "Context: fax-job", f"Set: HOTLINE_JOB={JOB}"} <= set(lines)
    assert list((spool.parent / "tmp").iterdir()) == []


def test_an_attempt_is_ordered_once(spool: Path) -> None:
    """Whoever finds the order, or already its result, places no other."""
    fax_spool.place(ORDER)
    file = dialling(spool, 7)
    before = file.read_text()
    fax_spool.place(ORDER)
    assert file.read_text() == before
    fax_spool.report(JOB, 2, SENT)
    file.unlink()
    fax_spool.place(ORDER)
    assert list(spool.iterdir()) == []


def test_an_order_that_asterisk_has_not_begun_waits_however_long(spool: Path) -> None:
    fax_spool.place(ORDER)
    assert fax_spool.outcome(JOB, 2, -1e9, 7) is None


def test_an_order_under_way_is_waited_for(spool: Path) -> None:
    fax_spool.place(ORDER)
    dialling(spool, 7)
    assert fax_spool.outcome(JOB, 2, 60, 7) is None
    assert fax_spool.outcome(JOB, 2, 60, None) is None, "it is not known which Asterisk runs"


def test_an_order_of_a_dead_asterisk_is_given_up(spool: Path) -> None:
    fax_spool.place(ORDER)
    dialling(spool, 7)
    assert fax_spool.outcome(JOB, 2, 60, 8) == LOST
    assert fax_spool.outcome(JOB, 2, -121, None) == LOST, "it should have ended"


def test_a_result_counts_whatever_became_of_the_order(spool: Path) -> None:
    fax_spool.place(ORDER)
    dialling(spool, 7)
    fax_spool.report(JOB, 2, SENT)
    assert fax_spool.outcome(JOB, 2, 60, 8) == SENT
    fax_spool.report(JOB, 2, LOST)
    assert fax_spool.outcome(JOB, 2, 60, 7) == SENT, "the first report counts"
    fax_spool.forget(JOB, 2)
    fax_spool.forget(JOB, 2)
    assert list(spool.iterdir()) == list(fax_spool.results().iterdir()) == []
    assert fax_spool.outcome(JOB, 2, 60, 7) == LOST


def test_a_result_that_cannot_be_read_is_none(spool: Path) -> None:
    (fax_spool.results() / f"{JOB}.2.json").write_text("{")
    assert fax_spool.outcome(JOB, 2, 60, 7) == LOST


def test_a_full_disk_leaves_no_order(spool: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="space"):
        fax_spool.place(ORDER)
    assert list(spool.iterdir()) == []


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["SUCCESS", "OK"], SENT),
        (
            ["FAILED", "Disconnected after", " permitted retries"],
            Result(sent=False, error="Disconnected after, permitted retries"),
        ),
        (["", "NO_CALL_3"], Result(sent=False, error="NOANSWER")),
        (["", "NO_CALL_5"], Result(sent=False, error="BUSY")),
        (["", "NO_CALL_0"], Result(sent=False, error="BUSY_OR_REFUSED")),
        ([""], Result(sent=False, error="HANGUP")),
        ([], Result(sent=False, error="HANGUP")),
        (["FAILED", "x\n" * 300], Result(sent=False, error="x" * 200)),
    ],
)
def test_asterisks_words_become_a_result(arguments: list[str], expected: Result) -> None:
    fax_result.main([str(JOB), "2", *arguments])
    assert fax_spool.outcome(JOB, 2, 60, 7) == expected


@pytest.mark.parametrize("arguments", [[], ["../../x", "1"], [str(JOB), "one"]])
def test_a_result_of_no_job_is_not_written(arguments: list[str]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        fax_result.main(arguments)
    assert list(fax_spool.results().iterdir()) == []
