"""A caller is put through to another hotline and comes back (IVR-04), over two real Asterisks."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests import fax_peer, trial
from tests.fax_peer import Machine, Network
from tests.trial import Trial, wait_until


@pytest.fixture(scope="module")
def stack(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Trial]:
    """701 is a number that dials what a global variable holds, with letters and signs that do not belong there."""
    with trial.running(tmp_path_factory.mktemp("transfer"), {"ivr": {"transfer_ring_seconds": 4}}) as running:
        for place in (
            "701,1,Answer() into citizens",
            "701,2,Set(HOTLINE_DIAL=${DIAL}) into citizens",
            "701,3,Goto(transfer,s,1) into citizens",
            "s,1,Set(GLOBAL(RESULT)=${HOTLINE_RESULT}) into flow replace",
            "s,2,Wait(1) into flow replace",
            "s,3,Goto(hangup,s,1) into flow replace",
        ):
            running.asterisk(f"dialplan add extension {place}")
        yield running


@pytest.fixture
def network(stack: Trial, tmp_path: Path) -> Iterator[Network]:
    """The public network."""
    stack.asterisk("dialplan set global RESULT none")
    with fax_peer.network(tmp_path / "peer", stack.settings) as peer:
        yield peer


def result(stack: Trial) -> str:
    """HOTLINE_RESULT of the newest transfer that came back to the flow."""
    lines = stack.asterisk("dialplan show globals").splitlines()
    return next(line.split("=", 1)[1] for line in lines if line.strip().startswith("RESULT="))


def path(stack: Trial) -> str | None:
    """The path of the newest call, when its record is complete."""
    rows = stack.fetch("SELECT menu_path, ended_at FROM calls WHERE dialled = '701' ORDER BY started_at DESC LIMIT 1")
    return str(rows[0]["menu_path"]) if rows and rows[0]["ended_at"] else None


def nobody_is_left(stack: Trial) -> None:
    wait_until(lambda: "0 active channels" in stack.asterisk("core show channels"), what="no call is left")


@pytest.mark.parametrize(
    ("does", "outcome"), [("talks", "ANSWER"), ("busy", "BUSY"), ("silent", "NOANSWER")], ids=["answered", "busy", "no answer"]
)
def test_the_caller_comes_back_to_the_flow(stack: Trial, network: Network, does: Machine, outcome: str) -> None:
    """However it went; the other hotline sees the caller's own number."""
    stack.asterisk("dialplan set global DIAL 02012345")
    network.machine(does)
    network.call("701", patience=60)
    wait_until(lambda: result(stack) != "none", what=f"back in the flow\n{stack.logs()}")
    assert result(stack) == outcome
    assert network.seen() == [("13800007001", "02012345")]
    nobody_is_left(stack)
    wait_until(lambda: path(stack) is not None, what="the record")
    assert path(stack) == f"transfer:{outcome}"


@pytest.mark.parametrize(("does", "outcome"), [("stays", "ANSWER"), ("silent", "CANCEL")])
def test_a_caller_who_hangs_up_ends_both_calls(stack: Trial, network: Network, does: Machine, outcome: str) -> None:
    stack.asterisk("dialplan set global DIAL 02012345")
    network.machine(does)
    network.call("701", patience=60)
    wait_until(network.seen, what="the other hotline is called")
    if does == "stays":
        wait_until(lambda: stack.asterisk("core show channels concise").count("!Up!") == 2, what="they talk")
    network.hang_up("caller")
    nobody_is_left(stack)
    wait_until(lambda: path(stack) == f"transfer:{outcome}", what=f"the record; {path(stack)}")
    assert result(stack) == "none"


def test_nothing_but_digits_is_dialled(stack: Trial, network: Network) -> None:
    stack.asterisk("dialplan set global DIAL 02x&PJSIP/1001@units,99,g")
    network.machine("busy")
    network.call("701", patience=60)
    wait_until(lambda: result(stack) != "none", what="back in the flow")
    assert [dialled for _, dialled in network.seen()] == ["02100199"]


def test_no_number_is_no_call(stack: Trial, network: Network) -> None:
    stack.asterisk("dialplan set global DIAL none")
    network.call("701", patience=60)
    wait_until(lambda: result(stack) != "none", what="back in the flow")
    assert (result(stack), network.seen()) == ("CHANUNAVAIL", [])
