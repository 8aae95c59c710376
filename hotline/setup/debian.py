"""Debian packages without root: apt with a state of its own downloads them, ``dpkg-deb -x`` unpacks them into a folder.

The mirror is the machine's own (read from its apt sources), signatures are checked with the archive keyring. A package that
has left one suite is looked for in the next one. Standard library only. Source of the method: notes on Asterisk, section 1.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import unquote

from hotline import messages
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress


@dataclass(frozen=True)
class Source:
    """A mirror and the options that apt's sources give it: ``signed-by=…`` or ``trusted=yes``, else the empty text."""

    address: str
    options: str = ""


@dataclass(frozen=True)
class Archive:
    """Where a distribution keeps Asterisk: suites and mirrors in the order of trial, components, keyring."""

    suites: tuple[str, ...]
    components: str
    keyring: str
    mirrors: tuple[Source, ...] = ()


DISTRIBUTIONS = {
    "debian": Archive(("forky", "duke", "sid"), "main", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Archive(("noble", "questing", "resolute"), "main universe", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}
_SCHEME = re.compile(r"^(https?|file|copy|ftp|mirror(\+\w+)?):")
_USUAL = re.compile(r"/(debian|ubuntu|ubuntu-ports)(\.list)?/?$")
_OFF = ("no", "false", "without", "off", "disable", "0")


def mirrors(sources: list[tuple[str, str]]) -> list[Source]:
    """The mirrors in apt's sources, given as (file name, text), that may hold the main archive, the likely ones first.

    Reads one-line entries (``deb [options] URI suite component…``) and deb822 stanzas. Passed over are sources that are
    switched off, security archives, and what has no component ``main``, which are other people's archives.
    """
    found: list[Source] = []
    for name, text in sources:
        entries = _stanzas(text) if name.endswith(".sources") else _lines(text)
        found += [
            Source(uri, options) for uris, suites, parts, options in entries for uri in uris if _is_main(uri, suites, parts)
        ]
    return sorted(dict.fromkeys(found), key=lambda source: _USUAL.search(source.address) is None)


_Entry = tuple[list[str], list[str], list[str], str]


def _is_main(uri: str, suites: list[str], components: list[str]) -> bool:
    security = re.search(r"://(\w+\.)*security\.|[/-]security\b", uri) or all(suite.endswith("security") for suite in suites)
    return bool(_SCHEME.match(uri)) and not security and "main" in components


def _lines(text: str) -> Iterator[_Entry]:
    for match in re.finditer(r"^[ \t]*deb[ \t]+(?:\[([^\]]*)\][ \t]*)?([^#\n]+)", text, re.MULTILINE):
        uri, *rest = match[2].split()
        given = dict(option.split("=", 1) for option in (match[1] or "").split() if "=" in option)
        yield [uri], rest[:1], rest[1:], _options(given)


def _stanzas(text: str) -> Iterator[_Entry]:
    for stanza in re.split(r"\n[ \t]*\n", text):
        fields: dict[str, str] = {}
        last = ""
        for line in stanza.splitlines():
            if line.startswith((" ", "\t")) and last:
                fields[last] += f" {line.strip()}"
            elif not line.startswith("#") and ":" in line:
                last, _, value = line.partition(":")
                last = last.strip().lower()
                fields[last] = value.strip()
        if fields.get("enabled", "yes").lower() not in _OFF and "deb" in fields.get("types", "").split():
            uris, suites, components = (fields.get(name, "").split() for name in ("uris", "suites", "components"))
            yield uris, suites, components, _options(fields)


def _options(given: dict[str, str]) -> str:
    """Those that decide whose signature counts; a key that stands in the source itself (deb822) is left to the keyring."""
    if given.get("trusted", "no").lower() == "yes":
        return "trusted=yes"
    keyring = given.get("signed-by", "")
    return f"signed-by={keyring}" if re.fullmatch(r"/[^\s,\]]+", keyring) else ""


def _system_sources() -> list[tuple[str, str]]:
    etc = Path("/etc/apt")
    files = [*sorted(etc.glob("sources.list.d/*.sources")), etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]
    return [(file.name, file.read_text(errors="replace")) for file in files if file.is_file()]


def _own_archive() -> Archive:
    """The archive of the distribution that this machine runs, at the machine's own mirrors; raises ``SetupError``."""
    release = Path("/etc/os-release")
    fields = dict(re.findall(r'^(\w+)="?(.*?)"?$', release.read_text() if release.exists() else "", re.MULTILINE))
    for name in [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]:
        if name in DISTRIBUTIONS:
            found = tuple(mirrors(_system_sources()))
            if not found:
                raise SetupError(messages.text("setup.no_mirror"))
            return replace(DISTRIBUTIONS[name], mirrors=found)
    raise SetupError(messages.text("setup.not_debian", system=fields.get("PRETTY_NAME", "?")))


def fetch(packages: list[str], folder: Path, progress: Progress, *, archive: Archive | None = None) -> str:
    """Download ``packages`` and all they depend on, unpack them into ``folder/root``; returns the suite they came from.

    ``folder/archives`` keeps the files, ``folder/packages.json`` their versions and SHA-256. ``root`` appears only when it is
    complete. ``archive`` is by default the machine's own. Raises ``SetupError`` when apt is missing, there is no mirror, or no
    suite has the packages.
    """
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise SetupError(messages.text("setup.no_apt", program=program))
    chosen = archive or _own_archive()
    reasons: list[str] = []
    for mirror in chosen.mirrors:
        for suite in chosen.suites:
            try:
                apt = _current(_apt(folder, chosen, mirror, suite), suite, progress)
                archives = _download(packages, folder, apt, progress)
            except subprocess.CalledProcessError as error:
                reasons.append(f"{suite}: {_reason(error.stderr or error.stdout)}")
                progress.note("setup.next_suite", suite=suite, reason=_reason(error.stderr or error.stdout))
                continue
            _unpack(archives, folder, progress)
            return suite
    raise SetupError(messages.text("setup.no_suite", packages=" ".join(packages), reasons="; ".join(reasons)))


def _current(apt: list[str], suite: str, progress: Progress) -> list[str]:
    """Fetch the suite's lists; returns the command to go on with.

    An internal copy of the archive (a network without a way out) may hold lists whose time has run out: they are used with a
    notice. Their signature is checked all the same.
    """
    try:
        _run([*apt, "update", "--error-on=any"])
    except subprocess.CalledProcessError as error:
        if "is expired" not in (error.stderr or ""):
            raise
        progress.note("setup.expired", suite=suite)
        apt = [*apt, "-o", "Acquire::Check-Valid-Until=false"]
        _run([*apt, "update", "--error-on=any"])
    return apt


def _reason(output: str | None) -> str:
    """What apt says first of what is wrong: what follows are its consequences."""
    lines = [line for line in (output or "").splitlines() if line.strip()]
    return next((line for line in lines if line.startswith("E:")), (lines or ["?"])[-1])


def _apt(folder: Path, archive: Archive, mirror: Source, suite: str) -> list[str]:
    """The apt-get command line with a private state for one suite."""
    options = mirror.options or (f"signed-by={archive.keyring}" if Path(archive.keyring).exists() else "")
    address = re.sub(r"^file:/+", "copy:/", mirror.address)  # what comes from file: is used in its place and not kept
    state = folder / "apt" / suite
    for sub in ("lists/partial", "cache"):
        (state / sub).mkdir(parents=True, exist_ok=True)
    (folder / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    (state / "sources.list").write_text(f"deb [{options}] {address} {suite} {archive.components}\n".replace("[] ", ""))
    settings = {
        "Dir::State": state,
        "Dir::State::lists": state / "lists",
        "Dir::State::status": state / "status",
        "Dir::Cache": state / "cache",
        "Dir::Cache::archives": folder / "archives",
        "Dir::Etc::sourcelist": state / "sources.list",
        "Dir::Etc::sourceparts": "/dev/null",
        "Dir::Etc::preferences": "/dev/null",
        "Dir::Etc::preferencesparts": "/dev/null",
        "Debug::NoLocking": "1",
        "APT::Sandbox::User": "root",  # that is: nobody else; it counts only when root runs this
        "APT::Install-Recommends": "false",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    return ["apt-get", "-q", "-y", *(part for key, value in settings.items() for part in ("-o", f"{key}={value}"))]


def _run(command: list[str]) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL).stdout


def _download(packages: list[str], folder: Path, apt: list[str], progress: Progress) -> list[Path]:
    """Let apt fetch what is missing while the size of the folder is watched; returns the files that belong together."""
    archives = folder / "archives"
    (folder / "apt" / "none" / "partial").mkdir(parents=True, exist_ok=True)
    nothing_kept = ["-o", f"Dir::Cache::archives={folder / 'apt' / 'none'}"]
    listed = _run([*apt, *nothing_kept, "--download-only", "--print-uris", "install", *packages])
    wanted = {name: int(size) for name, size in re.findall(r"^'[^']+' (\S+\.deb) (\d+)", listed, re.MULTILINE)}
    total = sum(wanted.values())
    progress.note("setup.downloading", count=len(wanted), megabytes=total // 1_000_000)
    said = folder / "apt.log"
    with (
        said.open("wb") as log,
        subprocess.Popen(
            [*apt, "--download-only", "install", *packages], stdout=log, stderr=log, stdin=subprocess.DEVNULL
        ) as process,
    ):
        while process.poll() is None:
            done = sum(_size(archives / name) or _size(archives / "partial" / name) for name in wanted)
            progress.percent(min(done, total), total)
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(0.5)
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "apt-get", said.read_text(errors="replace"))
    progress.percent(total, total)
    return [archives / name for name in sorted(wanted)]


def _size(file: Path) -> int:
    try:
        return file.stat().st_size
    except FileNotFoundError:
        return 0


def _unpack(archives: list[Path], folder: Path, progress: Progress) -> None:
    progress.note("setup.unpacking", count=len(archives))
    fresh = folder / "root.new"
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    written = []
    for number, archive in enumerate(archives, start=1):
        subprocess.run(["dpkg-deb", "-x", str(archive), str(fresh)], check=True, capture_output=True)
        name, version = archive.name.removesuffix(".deb").split("_")[:2]
        written.append({"package": name, "version": unquote(version), "sha256": hashlib.sha256(archive.read_bytes()).hexdigest()})
        progress.percent(number, len(archives))
    (folder / "packages.json").write_text(json.dumps(written, indent=1))
    shutil.rmtree(folder / "root", ignore_errors=True)
    fresh.rename(folder / "root")
