"""``hotline doctor``: each thing that can be wrong is found, named, and nothing is changed by looking."""

from __future__ import annotations

import datetime as dt
import json
import os
import re
import shlex
import socket
import stat
import sys
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

import pytest

from hotline import clock, commands, credentials, doctor, messages
from hotline.asterisk import installation
from hotline.doctor import Finding
from hotline.setup import python
from hotline.stack import supervisor
from tests.trial import Trial

SWITCH = """
import signal, socket, sys, time
from pathlib import Path
if "-V" in sys.argv:
    print("Asterisk 22.10.0~dfsg")
    sys.exit(0)
mode = Path(sys.argv[0]).with_name("mode").read_text()
booted = Path(sys.argv[0]).with_name("booted")
if "-rx" in sys.argv:
    if booted.exists():
        print("Asterisk has fully booted.")
    else:
        print("Unable to connect to remote asterisk")
        sys.exit(1)
    sys.exit(0)
assert "-f" in sys.argv
if mode == "dies":
    print("[WARNING] something\\nERROR: pbx_config could not be loaded\\n")
    sys.exit(1)
if mode == "stubborn":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
if mode != "mute":
    booted.touch()
time.sleep(60)
"""
"""A program that behaves to its callers as Asterisk does, well or badly, as the file ``mode`` beside it says."""


@pytest.fixture
def well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Trial:
    """An installation that has not been started, with nothing wrong, and a switch of the test's own."""
    trial = Trial(tmp_path / "an installation")
    for name, value in trial.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(switch(tmp_path / "switch", "boots")))
    monkeypatch.setenv("HOTLINE_SIPP", sys.executable)
    return trial


def switch(prefix: Path, mode: str) -> Path:
    """The switch as an installed program with modules and documentation."""
    program = prefix / "sbin" / "asterisk"
    (prefix / "lib" / "asterisk" / "modules").mkdir(parents=True)
    (prefix / "lib" / "asterisk" / "modules" / "chan_pjsip.so").touch()
    (prefix / "share" / "asterisk" / "documentation").mkdir(parents=True)
    program.parent.mkdir()
    script = program.with_name("asterisk.py")
    script.write_text(SWITCH)
    program.write_text(f'#!/bin/sh\nexec {shlex.quote(sys.executable)} -S {shlex.quote(str(script))} "$@"\n')
    program.with_name("mode").write_text(mode)
    program.chmod(0o700)
    return program


def checks(findings: list[Finding]) -> list[str]:
    """The names of the checks that found something."""
    return [finding.check for finding in findings]


def only(findings: list[Finding], check: str) -> Finding:
    """The one finding, which is of this check."""
    assert checks(findings) == [check], findings
    return findings[0]


def test_a_healthy_installation_has_no_finding(well: Trial) -> None:
    assert doctor.examine() == []


def test_a_healthy_installation_that_has_run_before_has_no_finding(well: Trial) -> None:
    credentials.ensure(well.settings)
    (well.var / "recordings").mkdir(mode=0o700)
    assert doctor.examine() == []


def test_the_real_asterisk_loads_the_configuration(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOTLINE_ASTERISK")
    monkeypatch.delenv("HOTLINE_SIPP")
    assert doctor.examine() == []


@pytest.mark.parametrize(
    ("table", "key", "kind", "what"),
    [
        ("asterisk", "sip_port", socket.SOCK_DGRAM, "SIP"),
        ("asterisk", "sip_port", socket.SOCK_STREAM, "SIP"),
        ("asterisk", "http_port", socket.SOCK_STREAM, "WebSocket"),
        ("agi", "port", socket.SOCK_STREAM, "FastAGI"),
        ("ami", "port", socket.SOCK_STREAM, "AMI"),
        ("web", "port", socket.SOCK_STREAM, "web"),
        ("database", "port", socket.SOCK_STREAM, "PostgreSQL"),
    ],
)
def test_a_port_that_another_program_holds_is_named_with_its_setting(
    well: Trial, table: str, key: str, kind: socket.SocketKind, what: str
) -> None:
    port = getattr(getattr(well.settings, table), key)
    with socket.socket(socket.AF_INET, kind) as holder:
        holder.bind(("127.0.0.1", port))
        if kind is socket.SOCK_STREAM:
            holder.listen()
        found = only(doctor.examine(), "port")
    protocol = "UDP" if kind is socket.SOCK_DGRAM else "TCP"
    for text in (found.zh, found.en):
        assert f"{protocol} 127.0.0.1:{port}" in text
        assert what in text
        assert f"{table}.{key}" in text


def test_an_address_that_is_not_this_machines_is_not_called_taken(well: Trial) -> None:
    well.config.write_text(well.config.read_text().replace("[web]", '[web]\nhost = "192.0.2.1"'))
    found = only(doctor.examine(), "port")
    assert "cannot listen on TCP 192.0.2.1:" in found.en and "Cannot assign requested address" in found.en


def test_an_external_database_needs_no_port_here(well: Trial) -> None:
    port = well.settings.database.port
    well.config.write_text(well.config.read_text().replace("[database]", '[database]\ndsn = "postgresql://u:p@192.0.2.1/x"'))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", port))
        holder.listen()
        assert doctor.examine() == []


def test_a_disk_with_too_little_room_is_named(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """The real figure of the real disk, against a need that no disk meets."""
    monkeypatch.setattr(doctor, "_DISK_MEGABYTES", 10**12)
    found = only(doctor.examine(), "disk")
    assert str(well.folder) in found.en
    assert str(10**12) in found.en


def test_a_folder_that_cannot_be_written_is_named(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even by root: the kernel's own folder."""
    monkeypatch.setenv("HOTLINE_VAR", "/proc/hotline/var")
    found = doctor.examine()
    assert "write" in checks(found)
    assert "/proc" in next(one.en for one in found if one.check == "write")


@pytest.mark.parametrize("name", ["a;b", "a[b", "a]b", "a\nb", "a{b}", "a*b", "a\\b"])
def test_a_state_folder_that_asterisks_files_cannot_name_is_found(
    well: Trial, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setenv("HOTLINE_VAR", str(well.folder / name))
    assert "path" in checks(doctor.examine())


def test_without_apt_and_without_asterisk_both_are_named(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_ASTERISK", "")
    monkeypatch.setenv("HOTLINE_SIPP", "")
    monkeypatch.setenv("HOTLINE_CACHE", str(well.folder / "empty"))
    monkeypatch.setenv("PATH", "")
    monkeypatch.setattr(installation, "PLACES", ())
    found = doctor.examine()
    assert checks(found) == ["apt", "apt", "asterisk", "sipp"]
    assert "apt-get" in found[0].en and "dpkg-deb" in found[1].en
    assert "make setup" in found[2].en and "make setup" in found[3].zh


def test_a_named_asterisk_that_is_none_is_found(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_ASTERISK", str(well.config))
    assert "asterisk" in checks(doctor.examine())


def test_a_named_sipp_that_is_none_is_found(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOTLINE_SIPP", str(well.folder / "nothing"))
    only(doctor.examine(), "sipp")


def test_without_ffmpeg_that_is_named(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMAGEIO_FFMPEG_EXE", "/nowhere/ffmpeg")
    only(doctor.examine(), "ffmpeg")


def test_an_asterisk_that_dies_at_its_start_is_quoted(well: Trial) -> None:
    Path(os.environ["HOTLINE_ASTERISK"]).with_name("mode").write_text("dies")
    found = only(doctor.examine(), "asterisk")
    assert "ERROR: pbx_config could not be loaded" in found.en
    assert "ERROR: pbx_config could not be loaded" in found.zh


def test_an_asterisk_that_never_boots_is_found_and_stopped(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(os.environ["HOTLINE_ASTERISK"]).with_name("mode").write_text("mute")
    monkeypatch.setattr(doctor, "_BOOT_SECONDS", 0.5)
    only(doctor.examine(), "asterisk")


def test_an_asterisk_that_does_not_leave_is_ended(well: Trial, monkeypatch: pytest.MonkeyPatch) -> None:
    Path(os.environ["HOTLINE_ASTERISK"]).with_name("mode").write_text("stubborn")
    monkeypatch.setattr(doctor, "_LEAVE_SECONDS", 0.2)
    assert doctor.examine() == []


@pytest.mark.parametrize(
    ("name", "mode", "wanted"),
    [
        ("credentials.json", 0o644, "600"),
        ("credentials.json", 0o640, "600"),
        ("asterisk/etc", 0o755, "700"),
        ("recordings", 0o710, "700"),
        ("recording-keys.json", 0o640, "600"),
        ("storage.json", 0o604, "600"),
    ],
)
def test_what_others_can_read_is_named_with_the_command_that_mends_it(well: Trial, name: str, mode: int, wanted: str) -> None:
    credentials.ensure(well.settings)
    file = well.var / name
    if file.suffix:
        file.touch()
    else:
        file.mkdir(parents=True, exist_ok=True)
    file.chmod(mode)
    found = only(doctor.examine(), "mode")
    assert f"{mode:o}" in found.en
    assert f"chmod {wanted} '{file}'" in found.en and f"chmod {wanted} '{file}'" in found.zh


@pytest.mark.parametrize("own_folder", [False, True])
def test_keys_that_are_missing_beside_sealed_recordings_are_named_with_the_command(well: Trial, own_folder: bool) -> None:
    """SEC-15: before the first recording there are none, and nothing is wrong."""
    folder = well.var / "elsewhere" if own_folder else well.var / "recordings" / "stored"
    if own_folder:
        well.configure({"recordings": {"folder": str(folder)}})
    day = folder / "2026/11/22"
    day.mkdir(parents=True)
    if not own_folder:
        (well.var / "recordings").chmod(0o700)
    assert doctor.examine() == []
    (day / "node1-1.1.opus").touch()
    keys = well.var / "recording-keys.json"
    found = only(doctor.examine(), "keys")
    assert f"install -m 600 BACKUP '{keys}'" in found.en and str(keys) in found.zh
    keys.touch(0o600)
    assert doctor.examine() == []


def test_a_bucket_without_its_secrets_is_named_with_the_command(well: Trial) -> None:
    well.configure({"recordings": {"storage": "s3", "s3_url": "https://127.0.0.1:1"}})
    credentials.ensure(well.settings)
    secrets = well.var / "storage.json"
    found = only(doctor.examine(), "storage")
    assert f"install -m 600 /dev/null '{secrets}'" in found.en and f"install -m 600 /dev/null '{secrets}'" in found.zh
    secrets.touch(0o600)
    assert doctor.examine() == []


def test_credentials_that_cannot_be_read_are_named(well: Trial) -> None:
    credentials.ensure(well.settings)
    credentials.path().write_text("{")
    assert str(credentials.path()) in only(doctor.examine(), "credentials").en


def test_a_secret_that_asterisk_cannot_take_is_named(well: Trial) -> None:
    credentials.ensure(well.settings)
    text = credentials.path().read_text()
    secret = credentials.load().agents["1001"]
    credentials.path().write_text(text.replace(secret, "a;b"))
    assert "credentials.agents.1001" in only(doctor.examine(), "asterisk").en


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[asterisk]\nsip_prot = 5060\n", "asterisk.sip_prot"),
        ("[queue]\nwait_seconds = 'ten'\n", "queue.wait_seconds"),
        ("[queue]\nname = 'a;b'\n", "queue.name"),
        ("not toml", "hotline.toml"),
    ],
)
def test_settings_that_are_wrong_are_named_and_the_rest_is_examined(well: Trial, text: str, named: str) -> None:
    credentials.ensure(well.settings)
    credentials.path().chmod(0o644)
    well.config.write_text(text)
    found = doctor.examine()
    assert checks(found) == ["settings", "mode"]
    assert named in found[0].en and named in found[0].zh


def test_a_prompt_of_the_city_that_cannot_be_played_is_named(well: Trial) -> None:
    file = well.var / "prompts" / "zh" / "welcome.wav"
    file.parent.mkdir(parents=True)
    file.write_bytes(b"not a sound")
    assert str(file) in only(doctor.examine(), "prompt").en


def test_an_old_python_and_a_missing_environment_are_named(well: Trial, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(python, "OLDEST", (4, 0))
    monkeypatch.setattr(python, "environment", lambda: tmp_path / "nothing")
    found = doctor.examine()
    assert checks(found) == ["python", "python"]
    assert sys.version.split()[0] in found[0].en
    assert "make setup" in found[1].en


def _break_the_settings(trial: Trial) -> None:
    trial.config.write_text("x = 1")


def _open_the_secrets(trial: Trial) -> None:
    (trial.var / "credentials.json").chmod(0o644)


def _listing(folder: Path) -> dict[str, tuple[int, int, bytes]]:
    """Every path with its mode, time of change and content."""
    found = {}
    for path in [folder, *folder.rglob("*")]:
        known = path.lstat()
        time = 0 if path.is_dir() else known.st_mtime_ns
        found[str(path)] = (stat.S_IMODE(known.st_mode), time, path.read_bytes() if path.is_file() else b"")
    return found


@pytest.mark.parametrize("ruin", [str, _break_the_settings, _open_the_secrets])
def test_looking_changes_nothing(well: Trial, ruin: Callable[[Trial], object], monkeypatch: pytest.MonkeyPatch) -> None:
    temporary = well.folder / "tmp"
    temporary.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(temporary))
    credentials.ensure(well.settings)
    ruin(well)
    before = _listing(well.folder)
    doctor.examine()
    assert _listing(well.folder) == before


def test_looking_leaves_nothing_even_where_the_path_is_too_long_for_a_socket(
    well: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    deep = well.folder / ("d" * 100)
    deep.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(deep))
    assert doctor.examine() == []
    assert list(deep.iterdir()) == []


def test_a_year_without_holidays_is_warned_of_in_october_and_is_not_wrong_yet(
    well: Trial, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert doctor.warn() == []
    told = well.config.read_text()
    well.config.write_text(re.sub("holidays = .*", 'holidays = ["2098-10-01"]', told))
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2098, 9, 30, 16, tzinfo=dt.UTC))  # midnight in Shanghai
    warning = only(doctor.warn(), "calendar")
    assert "2099" in warning.zh and "2099" in warning.en and "calendar.holidays" in warning.en
    assert doctor.examine() == []
    monkeypatch.setattr(clock, "now", lambda: dt.datetime(2098, 9, 30, 15, 59, 59, tzinfo=dt.UTC))
    assert doctor.warn() == []
    _break_the_settings(well)
    assert doctor.warn() == []


@pytest.fixture
def bridge(well: Trial) -> Path:
    """An installation whose bridge runs, as far as its files say; where it tells of itself."""
    credentials.ensure(well.settings)
    supervisor.write_pid("ami_bridge", os.getpid())
    return well.var / "run" / "ami_bridge.alive"


@pytest.mark.parametrize(
    ("said", "mend"),
    [
        ('{"connected": false}', "has no link to Asterisk since"),
        ('{"connected": true, "journal_failing": true}', "Make room"),
        ('{"connected": true, "store_backlog": 501}', "the records of 501 calls wait"),
    ],
)
def test_what_troubles_the_bridge_is_named_with_its_mend(bridge: Path, said: str, mend: str) -> None:
    bridge.write_text('{"connected": true, "journal_failing": false, "store_backlog": 3}')
    assert doctor.examine() == []
    bridge.write_text(said)
    assert mend in only(doctor.examine(), "ami_bridge").en


def test_agents_whose_places_are_not_confirmed_are_named(well: Trial) -> None:
    credentials.ensure(well.settings)
    supervisor.write_pid("acd", os.getpid())
    alive = well.var / "run" / "acd.alive"
    alive.write_text('{"members_in_place": true}')
    assert doctor.examine() == []
    alive.write_text('{"members_in_place": false}')
    assert "are not confirmed (the members of the queues are not in place yet)" in only(doctor.examine(), "acd").en


def test_a_bridge_that_hangs_is_named(bridge: Path) -> None:
    bridge.write_text("{}")
    os.utime(bridge, (1, 1))
    assert "does not respond (no sign of life" in only(doctor.examine(), "ami_bridge").en


def test_status_says_that_the_link_is_down_and_since_when(well: Trial, bridge: Path, capsys: pytest.CaptureFixture[str]) -> None:
    own = '[database]\ndsn = "postgresql://u:p@127.0.0.1:1/x"'
    well.config.write_text(well.config.read_text().replace("[database]", own))
    for connected in (True, False):
        said = {"connected": connected} | ({} if connected else {"down_since": "2027-01-15T08:00:00.5Z"})
        bridge.write_text(json.dumps(said))
        commands._status(Namespace(json=True))
        part = json.loads(capsys.readouterr().out)["parts"]["ami_bridge"]
        assert (part["healthy"], part["says"]) == (connected, said)
    assert part["problem"] == "no link to Asterisk since 2027-01-15T16:00:00+08:00"
    assert commands._status(Namespace(json=False)) == 1
    (line,) = [line for line in capsys.readouterr().out.splitlines() if line.startswith("ami_bridge")]
    assert line.endswith(f"{messages.text('status.bad')}: {part['problem']}")


def test_a_database_that_does_not_answer_is_named_with_its_reason(well: Trial) -> None:
    well.config.write_text(well.config.read_text().replace("[database]", '[database]\ndsn = "postgresql://u:p@127.0.0.1:1/x"'))
    credentials.ensure(well.settings)
    found = only(doctor.examine(), "database")
    assert "database.dsn" in found.en and "Connect call failed" in found.en
    assert doctor.warn() == []


def test_every_finding_speaks_both_languages(well: Trial) -> None:
    _break_the_settings(well)
    found = only(doctor.examine(), "settings")
    assert found.zh.startswith("设置有误") and found.en.startswith("the settings are wrong")
    assert "unknown key x" in found.zh and "unknown key x" in found.en
