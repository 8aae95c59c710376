"""Faxes over a real Asterisk to a fax machine, a second Asterisk behind the trunks (IVR-07). Pages are compared row by row."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from hotline import documents, tiff
from tests import fax_peer, trial
from tests.e2e.test_registration import open_places
from tests.fax_peer import Network
from tests.trial import Trial, wait_until

GUIDE = documents.OURS / "welcome-guide.tif"
SECONDS = 150
NETWORKS = Callable[..., AbstractContextManager[Network]]


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """A stack that tries again at once; 700 is a number that faxes the document that a global variable names."""
    with trial.running(tmp_path_factory.mktemp("a, fax"), {"fax": {"retry_seconds": 1}}) as running:
        for place, application in (
            ("700,1", "Answer()"),
            ("700,2", "Set(HOTLINE_DOCUMENT=${DOCUMENT})"),
            ("700,3", "Goto(fax,s,1)"),
        ):
            running.asterisk(f"dialplan add extension {place},{application} into citizens")
        for place, application in (
            ("s,1", "Set(GLOBAL(RESULTS)=${RESULTS}+${HOTLINE_RESULT})"),
            ("s,2", "Wait(1)"),
            ("s,3", "Goto(hangup,s,1)"),
        ):
            running.asterisk(f"dialplan add extension {place},{application} into flow replace")
        yield running


@pytest.fixture
def network(stack: Trial, tmp_path: Path) -> NETWORKS:
    """Starts the peer in the test's folder."""
    return lambda **how: fax_peer.network(tmp_path / "peer", stack.settings, **how)


def results(stack: Trial) -> list[str]:
    """HOTLINE_RESULT of every fax that came back to the flow."""
    lines = stack.asterisk("dialplan show globals").splitlines()
    return next((line.split("+")[1:] for line in lines if line.strip().startswith("RESULTS=")), [])


def document(stack: Trial, name: str) -> None:
    stack.asterisk(f"dialplan set global DOCUMENT {name}")
    stack.asterisk("dialplan set global RESULTS none")


def rows(file: Path) -> list[bytes]:
    """The pages of a fax."""
    return [page.rows for page in tiff.pages(file.read_bytes())]


def steps(stack: Trial, call: int = -1) -> list[str]:
    """The path of the newest call from the peer, when its record is complete."""
    query = "SELECT menu_path FROM calls WHERE dialled = '700' AND ended_at IS NOT NULL ORDER BY started_at"
    return [step for step in str(stack.fetch(query)[call]["menu_path"]).split(",") if step]


def ended(stack: Trial) -> int:
    """How many calls to 700 have a complete record."""
    (row,) = stack.fetch("SELECT count(*) AS n FROM calls WHERE dialled = '700' AND ended_at IS NOT NULL")
    return int(row["n"])


@pytest.mark.parametrize(("t38", "mode", "patience"), [(True, "T38", 0), (False, "audio", 8)])
def test_a_document_arrives_on_the_callers_machine_and_the_call_goes_on(
    stack: Trial, network: NETWORKS, t38: bool, mode: str, patience: int
) -> None:
    """T.38 where the other side takes it, G.711 where it refuses; the caller may hear more afterwards."""
    before = ended(stack)
    document(stack, "welcome-guide")
    with network(t38=t38) as peer:
        peer.call("700", patience=patience, stays=20)
        wait_until(lambda: results(stack), seconds=SECONDS, what=f"back in the flow\n{stack.logs()}")
        assert results(stack) == ["sent"]
        wait_until(peer.received, what="the machine's own report")
        ((file, status, used),) = peer.received()
        assert (status, used) == ("SUCCESS", mode)
        assert rows(file) == rows(GUIDE)
    wait_until(lambda: ended(stack) > before, what="the record")
    assert steps(stack) == ["fax:sent"]


def test_a_machine_that_hangs_up_at_the_end_has_its_fax_all_the_same(stack: Trial, network: NETWORKS) -> None:
    before = ended(stack)
    document(stack, "welcome-guide")
    with network() as peer:
        peer.call("700", stays=0)
        wait_until(lambda: ended(stack) > before, seconds=SECONDS, what=f"the record\n{stack.logs()}")
        assert steps(stack) == ["fax:sent"]
        ((file, _, _),) = peer.received()
        assert rows(file) == rows(GUIDE)


def test_a_machine_that_hangs_up_in_the_middle_leaves_a_failed_fax(stack: Trial, network: NETWORKS) -> None:
    """And while the fax goes out, its port is open where SIP listens and nowhere else."""
    before, places = ended(stack), open_places(stack)
    document(stack, "welcome-guide")
    with network() as peer:
        peer.call("700")
        wait_until(lambda: "Active" in stack.asterisk("fax show sessions"), what="the fax has begun")
        (port,) = [place for place in open_places(stack) - places if 4000 <= place[2] <= 4499]
        assert port[:2] == ("udp", "127.0.0.1")
        peer.hang_up("caller")
        wait_until(lambda: ended(stack) > before, what=f"the record\n{stack.logs()}")
    assert steps(stack) == ["fax:failed"]
    assert "0 active channels" in stack.asterisk("core show channels")


@pytest.mark.parametrize("name", ["nothing-of-this-name", "../../credentials", "broken"])
def test_a_document_that_cannot_be_sent_does_not_end_the_call(stack: Trial, network: NETWORKS, name: str) -> None:
    (stack.var / "fax" / "broken.tif").write_bytes(b"no picture")
    document(stack, name)
    with network() as peer:
        peer.call("700", stays=20)
        wait_until(lambda: results(stack), seconds=SECONDS, what=f"back in the flow\n{stack.logs()}")
        assert results(stack) == ["failed"]


# --- to another number ---------------------------------------------------------------------------------------------------------


def job(stack: Trial, number: str, name: str = "welcome-guide") -> uuid.UUID:
    """Order a fax to a number."""
    key = uuid.uuid4()
    query = "INSERT INTO fax_jobs (job_id, node, call_id, number, document, asked_at) VALUES ($1, $2, $3, $4, $5, now())"
    stack.fetch(query, key, stack.settings.asterisk.node, "a call", number, name)
    return key


def state(stack: Trial, key: uuid.UUID) -> dict[str, Any]:
    """The job's row."""
    (row,) = stack.fetch("SELECT state, attempts, result, finished_at FROM fax_jobs WHERE job_id = $1", key)
    return row


def attempts(stack: Trial, key: uuid.UUID) -> list[str]:
    """The results in the audit log, in order."""
    query = "SELECT detail ->> 'result' AS result FROM audit_log WHERE subject = $1 ORDER BY entry_id"
    return [row["result"] for row in stack.fetch(query, f"fax:{key}")]


def finished(stack: Trial, key: uuid.UUID) -> dict[str, Any]:
    wait_until(lambda: state(stack, key)["finished_at"], seconds=SECONDS, what=f"the job is over\n{stack.logs()}")
    return state(stack, key)


def test_a_number_that_is_busy_twice_gets_its_fax_the_third_time(stack: Trial, network: NETWORKS) -> None:
    """Two retries; the number that the machine sees is the hotline's."""
    with network() as peer:
        peer.machine("busy")
        key = job(stack, "02055550001")
        wait_until(lambda: len(attempts(stack, key)) == 2, seconds=SECONDS, what=f"two attempts\n{stack.logs()}")
        peer.machine("receives")
        row = finished(stack, key)
        assert (row["state"], row["attempts"], row["result"]) == ("sent", 3, "OK")
        assert attempts(stack, key) == ["BUSY_OR_REFUSED", "BUSY_OR_REFUSED", "OK"]
        assert peer.seen() == [("12345", "02055550001")] * 3
        ((file, _, _),) = peer.received()
        assert rows(file) == rows(GUIDE)
    assert list((stack.var / "fax" / "results").iterdir()) == []
    assert list((stack.var / "asterisk" / "spool" / "outgoing").iterdir()) == []


def test_after_three_attempts_a_job_has_failed(stack: Trial, network: NETWORKS) -> None:
    with network() as peer:
        peer.machine("busy")
        key = job(stack, "02055550002")
        row = finished(stack, key)
        assert (row["state"], row["attempts"], row["result"]) == ("failed", 3, "BUSY_OR_REFUSED")
        assert len(peer.seen()) == 3


@pytest.mark.parametrize(("number", "name"), [("", "welcome-guide"), ("12a", "welcome-guide"), ("02055550003", "../secret")])
def test_a_job_that_makes_no_sense_is_refused_and_nobody_is_dialled(
    stack: Trial, network: NETWORKS, number: str, name: str
) -> None:
    with network() as peer:
        row = finished(stack, job(stack, number, name))
        assert (row["state"], row["attempts"], row["result"]) == ("failed", 1, "INVALID")
        assert peer.seen() == []


def test_a_fax_that_is_under_way_does_not_mind_that_agi_dies(stack: Trial, network: NETWORKS) -> None:
    with network() as peer:
        key = job(stack, "02055550004")
        wait_until(lambda: "Active" in stack.asterisk("fax show sessions"), seconds=60, what="the fax has begun")
        stack.kill("agi")
        row = finished(stack, key)
        assert (row["state"], row["attempts"]) == ("sent", 1)
        assert len(peer.seen()) == 1


# The last: the new Asterisk does not know the number 700.
def test_a_fax_whose_asterisk_dies_is_sent_again(stack: Trial, network: NETWORKS) -> None:
    """Its order is still there; the new Asterisk does not dial by itself, and the attempt counts as lost."""
    with network() as peer:
        key = job(stack, "02055550005")
        wait_until(lambda: "Active" in stack.asterisk("fax show sessions"), seconds=60, what="the fax has begun")
        stack.kill("asterisk")
        peer.hang_up("machine")
        row = finished(stack, key)
        assert (row["state"], row["attempts"]) == ("sent", 2)
        assert attempts(stack, key) == ["NO_RESULT", "OK"]
