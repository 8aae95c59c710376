"""The virtual environment ``.venv``: exactly the versions and hashes of ``requirements.lock``. Standard library only.

``requirements-speech.lock`` holds what is wanted by tests, and by whoever chose the second speech engine: it comes on top.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

from hotline import messages, paths
from hotline.setup import debian
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress

OLDEST = (3, 11)
BASE, SPEECH = "requirements.lock", "requirements-speech.lock"
_STAMPS = {BASE: "hotline-stamp", SPEECH: "hotline-stamp-speech"}


def environment() -> Path:
    """Where the virtual environment is."""
    return paths.TREE / ".venv"


def _stamp(lock: str = BASE) -> str:
    content = (paths.TREE / lock).read_bytes()
    return f"{sys.version_info[0]}.{sys.version_info[1]} {hashlib.sha256(content).hexdigest()}"


def _stamp_file(lock: str) -> Path:
    return environment() / _STAMPS[lock]


def ready(lock: str = BASE) -> bool:
    """Whether the environment is complete for this lock file and this Python."""
    stamp = _stamp_file(lock)
    return stamp.exists() and stamp.read_text() == _stamp(lock) and (environment() / "bin" / "python").exists()


def ensure(progress: Progress) -> None:
    """Make or renew the environment; raises ``SetupError`` with what pip said when it cannot."""
    if sys.version_info < OLDEST:
        raise SetupError(messages.text("setup.old_python", version=sys.version.split()[0]))
    if ready():
        progress.note("setup.there")
        return
    _stamp_file(BASE).unlink(missing_ok=True)
    pip = _make(progress)
    progress.note("setup.installing_python")
    _install(pip, BASE)


def ensure_speech(progress: Progress) -> None:
    """What ``requirements-speech.lock`` holds, into the environment that is there; raises ``SetupError`` as ``ensure`` does."""
    if ready(SPEECH):
        progress.note("setup.there")
        return
    progress.note("setup.installing_speech")
    _install(_pip(progress), SPEECH)


def _install(pip: list[str], lock: str) -> None:
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(paths.TREE / lock)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | _pip_path(pip), check=False)
    if done.returncode:
        raise SetupError("\n".join([messages.text("setup.pip_failed"), *done.stderr.splitlines()[-4:]]))
    _stamp_file(lock).write_text(_stamp(lock))


def _make(progress: Progress) -> list[str]:
    """Create ``.venv``; returns how to call pip in it. Where ensurepip is missing (Debian), it has none of its own."""
    shutil.rmtree(environment(), ignore_errors=True)
    if importlib.util.find_spec("ensurepip"):
        done = subprocess.run([sys.executable, "-m", "venv", str(environment())], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return _pip(progress)
        shutil.rmtree(environment(), ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment())], check=True)
    return _pip(progress)


def _pip(progress: Progress) -> list[str]:
    """How to call pip in ``.venv``: its own, else the one that comes through apt."""
    python = str(environment() / "bin" / "python")
    if (environment() / "bin" / "pip").exists():
        return [python, "-m", "pip"]
    folder = paths.cache() / "pip"
    wheels = list(folder.glob("root/usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        debian.fetch(["python3-pip-whl"], folder, progress)
        wheels = list(folder.glob("root/usr/share/python-wheels/pip-*.whl"))
    if not wheels:
        raise SetupError(f"{messages.text('setup.pip_failed')} {folder}")
    return [python, f"{wheels[0]}/pip"]


def _pip_path(pip: list[str]) -> dict[str, str]:
    return {} if pip[1] == "-m" else {"PYTHONPATH": str(Path(pip[1]).parent)}
