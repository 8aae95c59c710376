"""Renders ``asterisk-conf/`` into ``var/asterisk/etc`` and lays out the folders Asterisk works in.

Templates (``*.j2``, Jinja2) see ``settings``, ``credentials``, ``dirs``, ``documents`` (the folder of what is faxed, as it stands
between quotes in the dialplan), ``newer_filters``, ``queues`` by name, and ``queue_gosub``: the
place of an argument of ``Queue()`` that 21 has no more; every value that a template
prints is checked for its place: a newline, a semicolon, a bracket or a control character is refused with the name of the
file and of the value, so that no setting can end a line, a value or a section. Files are of mode 0600, folders of mode 0700.
"""

from __future__ import annotations

import hashlib
import ipaddress
import os
import re
import shlex
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import jinja2
import msgspec

from hotline import messages, paths
from hotline.asterisk.installation import Installation
from hotline.credentials import Credentials
from hotline.errors import SettingsError
from hotline.settings import Settings
from hotline.standby_config import standby_config

TEMPLATES = paths.TREE / "asterisk-conf"
_UNSAFE = re.compile(r"[\x00-\x1f\x7f;\[\]]")
_UNSAFE_IN_PATH = re.compile(r"[\x00-\x1f\x7f;\[\]{}*&\\\ud800-\udfff]")
_LONGEST_SOCKET_PATH = 100


class _UnfitValue(ValueError):
    """A value that would break the file it is printed into."""


class _Bracketed(str):
    """An IPv6 address in the brackets that a port behind it demands; they are ours, not the setting's."""


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


def is_fit(folder: Path) -> bool:
    """Whether Asterisk's files can name this folder: as text, as a pattern of file names, which it takes every path for, and
    in a list of files to fax."""
    return _UNSAFE_IN_PATH.search(str(folder)) is None


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
    if not is_fit(paths.var()):
        raise SettingsError(messages.text("doctor.path", folder=paths.var()))
    dirs = folders(installation)
    _make(dirs, installation)
    environment = _environment()
    known = {
        "settings": settings,
        "credentials": credentials,
        "dirs": dirs,
        "documents": str(paths.var() / "fax").replace('"', '\\"'),
        "newer_filters": installation.newer_event_filters(),
        "queues": settings.every_queue(),
        "queue_gosub": "," if installation.version[0] < 21 else "",
    }
    for source in sorted(TEMPLATES.iterdir()):
        if source.suffix == ".j2":
            text = _rendered(environment, source.name, known)
        elif source.suffix == ".conf":
            text = source.read_text(encoding="utf-8")
        else:
            continue
        if source.name == "modules.conf":
            text = _only_present(text, installation.modules)
        _write(dirs.etc / source.name.removesuffix(".j2"), text, mode=0o600)
    _standby_script(dirs, settings)
    _write(dirs.agi / "fax-result", _start("agi.fax_result", HOTLINE_VAR=paths.var()), mode=0o700)
    return dirs


def _rendered(environment: jinja2.Environment, name: str, known: Mapping[str, object]) -> str:
    """One template as text; raises ``SettingsError`` with the file and the name of the value that may not stand in it."""
    try:
        return environment.get_template(name).render(known)
    except _UnfitValue as error:
        value = str(error)
        names = [path for path, text in _leaves(known) if text == value] or ["a value"]
        shown = "" if names[0].startswith("credentials.") else f" {value!r}"
        raise SettingsError(
            f"{name.removesuffix('.j2')}: {', '.join(names)}{shown} may not stand in an Asterisk file: "
            "it holds a newline, a control character, a semicolon or a bracket"
        ) from None


def _leaves(value: object, path: str = "") -> Iterator[tuple[str, str]]:
    """Every single value below ``value`` as text, with its name in dots."""
    plain = msgspec.to_builtins(value, enc_hook=str, str_keys=True)
    if isinstance(plain, dict):
        for name, inner in plain.items():
            yield from _leaves(inner, f"{path}.{name}" if path else str(name))
    elif isinstance(plain, list):
        for index, inner in enumerate(plain):
            yield from _leaves(inner, f"{path}.{index}")
    else:
        yield path, str(plain)


def _environment() -> jinja2.Environment:
    """Strict: an unknown variable is an error; every printed value is checked. ``| host`` is an address with a port behind it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        finalize=_checked,
        autoescape=False,  # noqa: S701  these are not HTML files; _checked refuses what would break their format
        keep_trailing_newline=True,
        trim_blocks=True,
        comment_start_string="{##",
        comment_end_string="##}",
    )
    environment.filters["host"] = _host
    return environment


def _host(address: str) -> str:
    return _Bracketed(f"[{address}]") if ipaddress.ip_address(address).version == 6 else address


def _checked(value: object) -> object:
    """The value as it may stand in an Asterisk file."""
    if isinstance(value, jinja2.Undefined | _Bracketed):
        return value
    text = str(value)
    if _UNSAFE.search(text):
        raise _UnfitValue(text)
    return text


def _only_present(text: str, modules: Path) -> str:
    """Modules that this version of Asterisk does not have are left out (``require`` lines stay: without them nothing works)."""

    def keep(line: str) -> bool:
        match = re.match(r"\s*load\s*=\s*(\S+)", line)
        return match is None or (modules / match[1]).exists()

    return "\n".join(line for line in text.splitlines() if keep(line)) + "\n"


def _make(dirs: Folders, installation: Installation) -> None:
    recordings = paths.var() / "recordings"
    for folder in (
        dirs.etc.parent,
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
        recordings,
        recordings / "spool",
        recordings / "messages-inbox",
        dirs.spool / "outgoing",
        paths.var() / "fax",
        paths.var() / "fax" / "results",
    ):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        if folder.is_symlink() and folder == dirs.run:
            raise SettingsError(f"{folder}: is a link that somebody made; remove it")
        folder.chmod(0o700)
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
    """``agi-bin/standby``: starts the pyst2 script, which needs one file of facts."""
    known = standby_config(settings, paths.var() / "recordings" / "messages-inbox")
    facts = dirs.agi / "standby.json"
    _write(facts, msgspec.json.encode(known).decode(), mode=0o600)
    _write(dirs.agi / "standby", _start("agi.standby", HOTLINE_STANDBY=facts), mode=0o700)


def _start(module: str, **environment: Path) -> str:
    """A shell script that starts the module with our Python and what it needs to know."""
    known = " ".join(f"{name}={shlex.quote(str(value))}" for name, value in environment.items())
    python, tree = (shlex.quote(str(part)) for part in (sys.executable, paths.TREE))
    return f'#!/bin/sh\ncd {tree} && {known} exec {python} -m {module} "$@"\n'


def _write(file: Path, text: str, *, mode: int) -> None:
    temporary = file.with_name(file.name + ".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text)
    temporary.chmod(mode)
    temporary.replace(file)
