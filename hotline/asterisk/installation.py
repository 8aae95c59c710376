"""Which Asterisk is run: the one ``HOTLINE_ASTERISK`` names, the private one under the cache folder, or an installed one (20+).

Standard library only, because set-up asks here too.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from hotline import paths

OLDEST = 20
PLACES = ("/usr/sbin/asterisk", "/usr/local/sbin/asterisk")
"""Where an installed one is although an ordinary user's PATH does not lead there."""


@dataclass(frozen=True)
class Installation:
    """How to start Asterisk: the command before its options, its modules, its documentation (needed to load), its version."""

    command: tuple[str, ...]
    modules: Path
    documentation: Path
    version: tuple[int, ...]

    def newer_event_filters(self) -> bool:
        """Whether manager.conf knows ``eventfilter(action(…),name(…))`` (22.1, 21.6, 20.11 and later)."""
        major, minor = self.version[0], self.version[1] if len(self.version) > 1 else 0
        return minor >= {20: 11, 21: 6, 22: 1}.get(major, 0) if major <= 22 else True


def private_root() -> Path:
    """Where set-up unpacks its own Asterisk and SIPp."""
    return paths.cache() / "asterisk" / "root"


def through_loader(root: Path, program: str) -> tuple[str, ...] | None:
    """The command that runs ``program`` (below ``root``) with the root's own loader and libraries; None when it is not there."""
    loaders = sorted(root.glob("usr/lib*/ld-linux*.so.*")) + sorted(root.glob("lib*/ld-linux*.so.*"))
    libraries = sorted(path for path in root.glob("usr/lib/*-linux-gnu*") if path.is_dir())
    if not loaders or not libraries or not (root / program).exists():
        return None
    return (str(loaders[0]), "--library-path", ":".join(str(path) for path in libraries), str(root / program))


def find() -> Installation | None:
    """The Asterisk to run, in the order of the module's first line; None when there is none that is new enough."""
    named = os.environ.get("HOTLINE_ASTERISK")
    if named:
        return _installed(Path(named))
    return _private() or next((found for found in map(_installed, _on_path()) if found), None)


def _on_path() -> list[Path]:
    candidates = [shutil.which("asterisk"), *PLACES]
    return [Path(candidate) for candidate in candidates if candidate and Path(candidate).exists()]


def _private() -> Installation | None:
    root = private_root()
    command = through_loader(root, "usr/sbin/asterisk")
    modules = next(iter(sorted(root.glob("usr/lib/*/asterisk/modules"))), None)
    if command is None or modules is None:
        return None
    version = _version(command)
    return Installation(command, modules, root / "usr/share/asterisk/documentation", version) if version else None


def _installed(program: Path) -> Installation | None:
    prefix = program.resolve().parent.parent
    places = [*sorted(prefix.glob("lib/*/asterisk/modules")), prefix / "lib64/asterisk/modules", prefix / "lib/asterisk/modules"]
    modules = next((place for place in places if (place / "chan_pjsip.so").exists()), None)
    texts = [prefix / "share/asterisk/documentation", Path("/var/lib/asterisk/documentation")]
    documentation = next((place for place in texts if place.is_dir()), None)
    version = _version((str(program),))
    if modules is None or documentation is None or not version or version[0] < OLDEST:
        return None
    return Installation((str(program),), modules, documentation, version)


def _version(command: tuple[str, ...]) -> tuple[int, ...]:
    try:
        output = subprocess.run([*command, "-V"], capture_output=True, timeout=20, check=False, stdin=subprocess.DEVNULL).stdout
    except (OSError, subprocess.TimeoutExpired):
        return ()
    match = re.search(rb"Asterisk (?:certified/)?(\d+)\.(\d+)(?:\.(\d+))?", output)
    return tuple(int(part) for part in match.groups(default="0")) if match else ()


def sipp() -> tuple[str, ...] | None:
    """How to run SIPp: ``HOTLINE_SIPP``, the private one, or an installed one; None when there is none that can be run."""
    named = os.environ.get("HOTLINE_SIPP")
    if named:
        return (named,) if shutil.which(named) else None
    installed = shutil.which("sipp")
    return through_loader(private_root(), "usr/bin/sipp") or ((installed,) if installed else None)
