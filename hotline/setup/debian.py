"""Debian packages without root: apt with a state of its own downloads them, ``dpkg-deb -x`` unpacks them into a folder.

The mirror is the machine's own (read from its apt sources), signatures are checked with the archive keyring. A package that
has left one suite is looked for in the next one. Standard library only. Source of the method: notes on Asterisk, section 1.
"""

from __future__ import annotations

import getpass
import hashlib
import json
import re
import shutil
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote

from hotline import messages
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress


@dataclass(frozen=True)
class Distribution:
    """Where a distribution keeps Asterisk: suites in the order of trial, components, keyring."""

    suites: tuple[str, ...]
    components: str
    keyring: str


DISTRIBUTIONS = {
    "debian": Distribution(("forky", "duke", "sid"), "main", "/usr/share/keyrings/debian-archive-keyring.gpg"),
    "ubuntu": Distribution(("noble", "questing", "resolute"), "main universe", "/usr/share/keyrings/ubuntu-archive-keyring.gpg"),
}


def mirror(sources: list[tuple[str, str]]) -> str | None:
    """The first mirror of the main archive in apt's sources, given as (file name, text); None when there is none.

    Reads one-line entries (``deb [options] URI suite …``) and deb822 stanzas (``URIs:``); security archives are passed over.
    """
    found: list[str] = []
    for name, text in sources:
        if name.endswith(".sources"):
            for stanza in re.split(r"\n\s*\n", text):
                fields = dict(re.findall(r"^(\w[\w-]*):[ \t]*(.*)$", stanza, re.MULTILINE))
                if fields.get("Enabled", "yes").lower() != "no" and "deb" in fields.get("Types", "").split():
                    found += fields.get("URIs", "").split()
        else:
            found += re.findall(r"^\s*deb\s+(?:\[[^\]]*\]\s*)?(\S+)", text, re.MULTILINE)
    distribution = re.compile(r"^(https?|file|ftp|mirror\+\w+)://?.*/(debian|ubuntu|ubuntu-ports)/?$")
    return next((uri for uri in found if distribution.match(uri)), None)


def _system_sources() -> list[tuple[str, str]]:
    etc = Path("/etc/apt")
    files = [*sorted(etc.glob("sources.list.d/*.sources")), etc / "sources.list", *sorted(etc.glob("sources.list.d/*.list"))]
    return [(file.name, file.read_text(errors="replace")) for file in files if file.is_file()]


def _distribution() -> Distribution:
    release = Path("/etc/os-release")
    fields = dict(re.findall(r'^(\w+)="?(.*?)"?$', release.read_text() if release.exists() else "", re.MULTILINE))
    for name in [fields.get("ID", ""), *fields.get("ID_LIKE", "").split()]:
        if name in DISTRIBUTIONS:
            return DISTRIBUTIONS[name]
    raise SetupError(messages.text("setup.not_debian", system=fields.get("PRETTY_NAME", "?")))


def fetch(packages: list[str], folder: Path, progress: Progress) -> str:
    """Download ``packages`` and all they depend on, unpack them into ``folder/root``; returns the suite they came from.

    ``folder/archives`` keeps the files, ``folder/packages.json`` their versions and SHA-256. ``root`` appears only when it is
    complete. Raises ``SetupError`` when apt is missing, there is no mirror, or no suite has the packages.
    """
    for program in ("apt-get", "dpkg-deb"):
        if not shutil.which(program):
            raise SetupError(messages.text("setup.no_apt", program=program))
    distribution = _distribution()
    address = mirror(_system_sources())
    if address is None:
        raise SetupError(messages.text("setup.no_mirror"))
    reasons: list[str] = []
    for suite in distribution.suites:
        try:
            archives = _download(
                packages, folder, _current(_apt(folder, distribution, address, suite), suite, progress), progress
            )
        except subprocess.CalledProcessError as error:
            reasons.append(f"{suite}: {_last_line(error.stderr or error.stdout)}")
            progress.note("setup.next_suite", suite=suite, reason=_last_line(error.stderr or error.stdout))
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


def _last_line(output: str | None) -> str:
    lines = [line for line in (output or "").splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("E:")]
    return (errors or lines or ["?"])[-1]


def _apt(folder: Path, distribution: Distribution, address: str, suite: str) -> list[str]:
    """The apt-get command line with a private state for one suite."""
    state = folder / "apt" / suite
    for sub in ("lists/partial", "cache"):
        (state / sub).mkdir(parents=True, exist_ok=True)
    (folder / "archives" / "partial").mkdir(parents=True, exist_ok=True)
    (state / "status").touch()
    signed = f" [signed-by={distribution.keyring}]" if Path(distribution.keyring).exists() else ""
    (state / "sources.list").write_text(f"deb{signed} {address} {suite} {distribution.components}\n")
    options = {
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
        "APT::Sandbox::User": getpass.getuser(),
        "APT::Install-Recommends": "false",
        "Acquire::Retries": "3",
        "Acquire::Languages": "none",
    }
    return ["apt-get", "-q", "-y", *(part for key, value in options.items() for part in ("-o", f"{key}={value}"))]


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
    process = subprocess.Popen(
        [*apt, "--download-only", "install", *packages],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=subprocess.DEVNULL,
        text=True,
    )
    while process.poll() is None:
        done = sum(_size(archives / name) or _size(archives / "partial" / name) for name in wanted)
        progress.percent(min(done, total), total)
        time.sleep(0.5)
    output = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise subprocess.CalledProcessError(process.returncode, "apt-get", output)
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
