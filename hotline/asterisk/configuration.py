"""Renders ``asterisk-conf/`` into ``var/asterisk/etc`` and lays out the folders Asterisk works in.

Templates (``*.j2``, Jinja2) see ``settings``, ``credentials``, ``dirs`` and ``newer_filters``; every value that a template
prints is checked for its place: a newline, a semicolon, a bracket or a control character is refused with the name of the
file, so that no setting can end a line, a value or a section. Files with secrets are of mode 0600.
"""

from __future__ import annotations

import hashlib
import os
import re
import shlex
import sys
import tempfile
from pathlib import Path

import jinja2
import msgspec

from hotline import paths
from hotline.asterisk.installation import Installation
from hotline.credentials import Credentials
from hotline.errors import SettingsError
from hotline.settings import Settings
from hotline.standby_config import standby_config

TEMPLATES = paths.TREE / "asterisk-conf"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;\[\]]")
_LONGEST_SOCKET_PATH = 100


class Folders(msgspec.Struct, frozen=True):
    """Where Asterisk finds and keeps things; every path is absolute."""

    etc: Path
    modules: Path
    varlib: Path
    data: Path
    agi: Path
    spool: Path
    run: Path
    log: Path

    def control_socket(self) -> Path:
        """The socket of ``asterisk -r``."""
        return self.run / "asterisk.ctl"


def folders(installation: Installation) -> Folders:
    """The folders below ``var/asterisk``; the socket's folder moves to the temporary directory when the path is too long."""
    base = paths.var() / "asterisk"
    run = base / "run"
    if len(str(run / "asterisk.ctl")) > _LONGEST_SOCKET_PATH:
        digest = hashlib.sha256(str(base).encode()).hexdigest()[:12]
        run = Path(tempfile.gettempdir()) / f"hotline-{os.getuid()}-{digest}"
    return Folders(
        etc=base / "etc",
        modules=installation.modules,
        varlib=base / "lib",
        data=base / "data",
        agi=base / "agi-bin",
        spool=base / "spool",
        run=run,
        log=base / "log",
    )


def render(settings: Settings, credentials: Credentials, installation: Installation) -> Folders:
    """Write the whole configuration; returns the folders.

    Raises ``SettingsError`` naming the file and the value that may not stand in it.
    """
    dirs = folders(installation)
    _make(dirs, installation)
    environment = _environment()
    known = {"settings": settings, "credentials": credentials, "dirs": dirs, "newer_filters": installation.newer_event_filters()}
    for source in sorted(TEMPLATES.iterdir()):
        if source.suffix == ".j2":
            text = environment.get_template(source.name).render(known)
        elif source.suffix == ".conf":
            text = source.read_text(encoding="utf-8")
        else:
            continue
        if source.name == "modules.conf":
            text = _only_present(text, installation.modules)
        _write(dirs.etc / source.name.removesuffix(".j2"), text, mode=0o600)
    _standby_script(dirs, settings)
    return dirs


def _environment() -> jinja2.Environment:
    """Strict: an unknown variable is an error; every printed value is checked."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        finalize=_checked,
        autoescape=False,  # noqa: S701  these are not HTML files; _checked refuses what would break their format
        keep_trailing_newline=True,
        trim_blocks=True,
        comment_start_string="{##",
        comment_end_string="##}",
    )


def _checked(value: object) -> object:
    """The value as it may stand in an Asterisk file."""
    if isinstance(value, jinja2.Undefined):
        return value
    text = str(value)
    if _UNSAFE.search(text):
        raise SettingsError(f"{text!r} may not stand in an Asterisk file: newline, control character, semicolon or bracket")
    return text


def _only_present(text: str, modules: Path) -> str:
    """Modules that this version of Asterisk does not have are left out (``require`` lines stay: without them nothing works)."""

    def keep(line: str) -> bool:
        match = re.match(r"\s*load\s*=\s*(\S+)", line)
        return match is None or (modules / match[1]).exists()

    return "\n".join(line for line in text.splitlines() if keep(line)) + "\n"


def _make(dirs: Folders, installation: Installation) -> None:
    for folder in (
        dirs.etc,
        dirs.varlib,
        dirs.data,
        dirs.agi,
        dirs.spool,
        dirs.log,
        dirs.run,
        dirs.log / "cdr-csv",
        dirs.log / "cel-custom",
        dirs.varlib / "keys",
    ):
        folder.mkdir(parents=True, exist_ok=True)
    dirs.run.chmod(0o700)
    dirs.etc.chmod(0o700)
    recordings = paths.var() / "recordings"
    for folder in (recordings / "spool", recordings / "messages-inbox"):
        folder.mkdir(parents=True, exist_ok=True)
    recordings.chmod(0o700)
    _link(dirs.data / "documentation", installation.documentation)
    _link(dirs.data / "sounds", paths.var() / "asterisk" / "sounds")
    _link(dirs.data / "moh", paths.var() / "asterisk" / "moh")
    _link(dirs.spool / "monitor", recordings / "spool")


def _link(link: Path, target: Path) -> None:
    if link.is_symlink() and link.readlink() == target:
        return
    link.unlink(missing_ok=True)
    link.symlink_to(target)


def _standby_script(dirs: Folders, settings: Settings) -> None:
    """``agi-bin/standby``: a wrapper that starts the pyst2 script with our Python and the one file of facts it needs."""
    known = standby_config(settings, paths.var() / "recordings" / "messages-inbox")
    facts = dirs.agi / "standby.json"
    _write(facts, msgspec.json.encode(known).decode(), mode=0o600)
    python, tree, where = (shlex.quote(str(part)) for part in (sys.executable, paths.TREE, facts))
    start = f'#!/bin/sh\ncd {tree} && HOTLINE_STANDBY={where} exec {python} -m agi.standby "$@"\n'
    _write(dirs.agi / "standby", start, mode=0o700)


def _write(file: Path, text: str, *, mode: int) -> None:
    temporary = file.with_name(file.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    temporary.chmod(mode)
    temporary.replace(file)
