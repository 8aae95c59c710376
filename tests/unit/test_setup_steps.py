"""Set-up as a whole: the environment and its stamp, nothing twice, no network the second time, and errors that say what to do."""

from __future__ import annotations

import ast
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from hotline import messages, paths
from hotline.asterisk import installation
from hotline.setup import python, steps
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress

NO_NETWORK = dict.fromkeys(("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"), "http://127.0.0.1:9")
"""Whoever asks the network is sent to a port where nobody listens."""


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout of the test's own with an empty lock file; its path holds a space. Nothing may come from the network.

    Where Python has no ensurepip (Debian keeps it apart), the pip that set-up fetched for the real checkout is at hand.
    """
    folder = tmp_path / "a tree"
    folder.mkdir()
    fetched = paths.cache() / "pip"
    if fetched.exists():
        (folder / ".cache").mkdir()
        (folder / ".cache" / "pip").symlink_to(fetched)
    (folder / "requirements.lock").write_text("# nothing\n")
    monkeypatch.setattr(paths, "TREE", folder)
    for name, value in (NO_NETWORK | {"PIP_NO_INDEX": "1"}).items():
        monkeypatch.setenv(name, value)
    return folder


def listing(*folders: Path) -> dict[str, tuple[int, int]]:
    """Every file with its time of change and size; Python's own caches do not count."""
    return {
        str(path): (path.lstat().st_mtime_ns, path.lstat().st_size)
        for folder in folders
        for path in folder.rglob("*")
        if "__pycache__" not in path.parts and not path.is_dir()
    }


def set_up(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """``python3 -m hotline.setup`` in the tree, as make calls it."""
    return subprocess.run(
        list(arguments) or [sys.executable, "-m", "hotline.setup"],
        cwd=paths.TREE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_the_second_run_needs_no_network_and_no_apt_and_changes_nothing() -> None:
    folders = (python.environment(), paths.cache(), paths.TREE / "ivr_flows" / "prompts")
    before = listing(*folders)
    done = set_up(PATH="", **NO_NETWORK)
    assert done.returncode == 0, done.stdout + done.stderr
    assert listing(*folders) == before
    assert done.stderr == ""
    assert [line[:5] for line in done.stdout.splitlines() if line.startswith("[")] == ["[1/4]", "[2/4]", "[3/4]", "[4/4]"]
    assert messages.text("setup.there") in done.stdout


def test_an_environment_is_made_once_for_its_lock_file(tree: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert not python.ready()
    python.ensure(Progress())
    assert python.ready()
    assert (tree / ".venv" / "bin" / "python").exists()
    assert messages.text("setup.installing_python") in capsys.readouterr().out
    before = listing(tree)
    python.ensure(Progress())
    assert listing(tree) == before
    assert messages.text("setup.there") in capsys.readouterr().out


@pytest.fixture
def made(tree: Path) -> Path:
    """An environment that counts as complete."""
    (tree / ".venv" / "bin").mkdir(parents=True)
    (tree / ".venv" / "bin" / "python").symlink_to(sys.executable)
    digest = hashlib.sha256((tree / "requirements.lock").read_bytes()).hexdigest()
    stamp = tree / ".venv" / "hotline-stamp"
    stamp.write_text(f"{sys.version_info[0]}.{sys.version_info[1]} {digest}")
    assert python.ready()
    return tree


def test_another_lock_file_means_another_environment(made: Path) -> None:
    (made / "requirements.lock").write_text("# changed\n")
    assert not python.ready()


def test_another_python_means_another_environment(made: Path) -> None:
    stamp = made / ".venv" / "hotline-stamp"
    stamp.write_text(stamp.read_text().replace(f"3.{sys.version_info[1]} ", "3.99 "))
    assert not python.ready()


def test_a_python_that_is_gone_means_another_environment(made: Path) -> None:
    (made / ".venv" / "bin" / "python").unlink()
    (made / ".venv" / "bin" / "python").symlink_to(made / "gone")
    assert not python.ready()


def test_an_installation_that_was_interrupted_is_not_taken_for_complete(made: Path) -> None:
    (made / ".venv" / "hotline-stamp").unlink()
    assert not python.ready()


def test_a_package_that_cannot_be_had_stops_with_what_pip_says_and_leaves_no_stamp(made: Path) -> None:
    (made / "requirements.lock").write_text(f"no-such-package-anywhere==1.0 --hash=sha256:{'0' * 64}\n")
    with pytest.raises(SetupError) as raised:
        python.ensure(Progress())
    assert messages.text("setup.pip_failed") in str(raised.value)
    assert "no-such-package-anywhere" in str(raised.value)
    assert not python.ready()


def test_an_old_python_stops_the_step(made: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(python, "OLDEST", (4, 0))
    with pytest.raises(SetupError, match=r"too old: 3\.11 or newer"):
        python.ensure(Progress())


def test_an_old_python_is_told_so_before_anything_that_it_lacks_is_imported() -> None:
    pretend = (
        "import sys; sys.version_info = (3, 9, 2, 'final', 0); sys.version = '3.9.2 (main)'; sys.modules['tomllib'] = None\n"
    )
    run = "import runpy; runpy.run_module('hotline.setup', run_name='__main__')"
    done = set_up(sys.executable, "-c", pretend + run)
    assert done.returncode == 1
    assert done.stderr.splitlines() == [messages.text("setup.old_python", version="3.9.2")]


@pytest.mark.parametrize("name", ["hotline/__init__.py", "hotline/setup/__init__.py", "hotline/setup/__main__.py"])
def test_what_an_old_python_reads_first_is_written_so_that_it_can(name: str) -> None:
    ast.parse((paths.TREE / name).read_text(encoding="utf-8"), feature_version=(3, 7))


@pytest.fixture
def old_pythons(tmp_path: Path) -> Path:
    """A folder of programs where every Python is too old."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for name in ("python3", "python3.11"):
        (folder / name).write_text("#!/bin/sh\nexit 1\n")
        (folder / name).chmod(0o755)
    for name in ("sh", "echo", "test", "[", "tr"):
        found = shutil.which(name)
        if found:
            (folder / name).symlink_to(found)
    return folder


def test_make_without_a_new_enough_python_says_so(old_pythons: Path) -> None:
    make = shutil.which("make")
    assert make
    done = set_up(make, "setup", PATH=str(old_pythons))
    assert done.returncode == 2
    assert "Python 3.11 or newer is needed" in done.stdout
    assert "需要 Python 3.11" in done.stdout


def test_make_takes_a_newer_python_that_has_another_name(old_pythons: Path) -> None:
    (old_pythons / "python3.11").write_text('#!/bin/sh\n[ "$1" = -c ] || echo "this one: $*"\nexit 0\n')
    done = set_up(str(shutil.which("make")), "setup", PATH=str(old_pythons))
    assert done.returncode == 0, done.stderr
    assert done.stdout == "this one: -m hotline.setup\n"


RUBBISH = {
    "nothing": None,
    "a text": b"hello\n",
    "a program that is no asterisk": b"#!/bin/sh\necho 'Asterisk? no'\n",
    "an asterisk that is too old": b"#!/bin/sh\necho 'Asterisk 18.10.0'\n",
    "an asterisk without modules": b"#!/bin/sh\necho 'Asterisk 22.1.0'\n",
    "a program that speaks no text": b"#!/bin/sh\nprintf '\\377\\376'\n",
    "a damaged program": b"\x7fELF\x02\x01rubbish",
}


@pytest.mark.parametrize("content", RUBBISH.values(), ids=RUBBISH.keys())
def test_a_named_asterisk_that_is_rubbish_stops_with_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None
) -> None:
    program = tmp_path / "sbin" / "asterisk"
    if content is not None:
        program.parent.mkdir()
        program.write_bytes(content)
        program.chmod(0o755)
    monkeypatch.setenv("HOTLINE_ASTERISK", str(program))
    done = set_up(PATH="", **NO_NETWORK)
    assert done.returncode == 1
    assert messages.text("setup.stopped") in done.stderr
    assert f"HOTLINE_ASTERISK={program} cannot be used" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_folder_named_as_asterisk_stops_with_its_name(tmp_path: Path) -> None:
    done = set_up(HOTLINE_ASTERISK=str(tmp_path))
    assert done.returncode == 1
    assert f"HOTLINE_ASTERISK={tmp_path} cannot be used" in done.stderr


def test_without_asterisk_and_without_apt_the_missing_program_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(installation, "PLACES", ())
    monkeypatch.setenv("HOTLINE_CACHE", str(tmp_path))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(SetupError, match="apt-get is missing: set-up needs apt and dpkg"):
        steps.run()
    assert "[2/4]" in capsys.readouterr().out
