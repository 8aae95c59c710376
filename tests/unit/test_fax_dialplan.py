"""The dialplan of faxes and transfers: what it expands, what it can dial, and the settings in it (IVR-04, IVR-07)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from hotline.asterisk import configuration
from hotline.asterisk.configuration import Folders
from hotline.asterisk.installation import Installation
from hotline.settings import Settings, parse
from tests.unit.test_configuration import credentials, dialplan, section


def rendered(var: Path, monkeypatch: pytest.MonkeyPatch, settings: Settings) -> Folders:
    """The configuration of these settings."""
    monkeypatch.setenv("HOTLINE_VAR", str(var))
    return configuration.render(settings, credentials(settings), Installation(("asterisk",), var, var, (22, 10)))


@pytest.fixture
def etc(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of the usual configuration."""
    return rendered(tmp_path, monkeypatch, Settings()).etc


def test_nothing_that_a_caller_sends_is_expanded(etc: Path) -> None:
    """What the flow has set is filtered: only digits are dialled, and a document's name leaves no folder."""
    text = "\n".join(dialplan_text(etc / name) for name in ("fax.conf", "transfer.conf"))
    assert set(re.findall(r"\$\{(\w+)", text)) == {
        *("FAXERROR", "FAXSTATUS", "FILTER", "HOTLINE_ATTEMPT", "HOTLINE_DIAL", "HOTLINE_DOCUMENT", "HOTLINE_FAX"),
        *("HOTLINE_JOB", "HOTLINE_NUMBER", "HOTLINE_RESULT", "DIALSTATUS", "IF", "REASON"),
        "CHANNEL",  # only its userfield, which is the path
    }
    assert re.findall(r".{13}\$\{HOTLINE_DIAL\}", text) == ["${FILTER(0-9,${HOTLINE_DIAL}"]
    assert set(re.findall(r".{18}\$\{HOTLINE_DOCUMENT\}", text)) == {"${FILTER(a-z0-9\\-,${HOTLINE_DOCUMENT}"}


def dialplan_text(file: Path) -> str:
    """A file without its comments."""
    return "\n".join(line.partition(";")[0] for line in file.read_text().splitlines())


def test_the_only_outside_numbers_dialled_go_through_the_units_trunk(etc: Path) -> None:
    applications = [
        application for extensions in dialplan(etc).values() for steps in extensions.values() for _, application in steps
    ]
    agent = re.compile(r"Dial\(PJSIP/(10[0-6][0-9])\$\{IF\(\$\[\"\$\{DEVICE_STATE\(PJSIP/\1@browser\)\}\"")
    dials = [application for application in applications if "Dial(" in application and not agent.match(application)]
    assert dials == ['ExecIf($["${HOTLINE_NUMBER}" != ""]?Dial(PJSIP/${HOTLINE_NUMBER}@units,30,g))']


def test_both_end_in_the_flow_or_with_the_call(etc: Path) -> None:
    contexts = {name: steps for name, steps in dialplan(etc).items() if name in ("fax", "fax-job", "transfer")}
    assert set(contexts) == {"fax", "fax-job", "transfer"}
    for name in ("fax", "transfer"):
        assert contexts[name]["s"][-1][1] == "Goto(flow,s,1)"
        assert contexts[name]["h"][-1][1].startswith(f"UserEvent(HotlineStep,Step: {name}:")
    assert {"failed", "h", "s"} == set(contexts["fax-job"])
    lines = (etc / "extensions.conf").read_text().splitlines()
    assert {f'#include "{name}.conf"' for name in ("handover", "transfer", "fax")} < set(lines)


@pytest.mark.parametrize("name", ["a, b", 'a"b', "a(b"])
def test_the_folder_of_documents_is_one_argument_whatever_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    etc = rendered(tmp_path / name, monkeypatch, Settings()).etc
    quoted = str(tmp_path / name / "fax").replace('"', '\\"')
    assert (etc / "fax.conf").read_text().count(f'SendFAX("{quoted}/${{FILTER(') == 2


def test_settings_of_fax_and_transfer_stand_in_their_places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings = parse(
        {
            "fax": {"t38": False, "first_port": 5000, "last_port": 5001, "longest_seconds": 60},
            "ivr": {"transfer_ring_seconds": 7},
            "asterisk": {"sip_address": "::1"},
        },
        source="test",
    )
    etc = rendered(tmp_path, monkeypatch, settings).etc
    assert section(etc / "udptl.conf", "general") == {"udptlstart": ["5000"], "udptlend": ["5001"]}
    assert "TIMEOUT(absolute)=60" in (etc / "fax.conf").read_text()
    assert "@units,7,g" in (etc / "transfer.conf").read_text()
    fax = section(etc / "pjsip.conf", "fax")
    assert (fax["t38_udptl"], fax["t38_bind_udptl_to_media_address"], fax["t38_udptl_ipv6"]) == (["no"], ["yes"], ["yes"])
