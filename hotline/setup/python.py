"""The virtual environment ``.venv``: exactly the versions and hashes of ``requirements.lock``. Standard library only."""

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


def environment() -> Path:
    """Where the virtual environment is."""
    return paths.TREE / ".venv"


def _stamp() -> str:
    lock = (paths.TREE / "requirements.lock").read_bytes()
    return f"{sys.version_info[0]}.{sys.version_info[1]} {hashlib.sha256(lock).hexdigest()}"


def ready() -> bool:
    """Whether the environment is complete for this lock file and this Python."""
    stamp = environment() / "hotline-stamp"
    return stamp.exists() and stamp.read_text() == _stamp() and (environment() / "bin" / "python").exists()


def ensure(progress: Progress) -> None:
    """Make or renew the environment; raises ``SetupError`` with what pip said when it cannot."""
    if sys.version_info < OLDEST:
        raise SetupError(messages.text("setup.old_python", version=sys.version.split()[0]))
    if ready():
        progress.note("setup.there")
        return
    (environment() / "hotline-stamp").unlink(missing_ok=True)
    pip = _make(progress)
    progress.note("setup.installing_python")
    lock = paths.TREE / "requirements.lock"
    command = [*pip, "install", "--quiet", "--disable-pip-version-check", "--require-hashes", "-r", str(lock)]
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | _pip_path(pip), check=False)
    if done.returncode:
        raise SetupError("\n".join([messages.text("setup.pip_failed"), *done.stderr.splitlines()[-4:]]))
    (environment() / "hotline-stamp").write_text(_stamp())


def _make(progress: Progress) -> list[str]:
    """Create ``.venv``; returns how to call pip in it. Where ensurepip is missing (Debian), pip comes through apt."""
    shutil.rmtree(environment(), ignore_errors=True)
    python = str(environment() / "bin" / "python")
    if importlib.util.find_spec("ensurepip"):
        done = subprocess.run([sys.executable, "-m", "venv", str(environment())], capture_output=True, text=True, check=False)
        if done.returncode == 0:
            return [python, "-m", "pip"]
        shutil.rmtree(environment(), ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment())], check=True)
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
