"""Packages without root: reading apt's sources, and the real apt against an archive that the test builds."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hotline.setup import debian
from hotline.setup.debian import Archive, Source, mirrors
from hotline.setup.errors import SetupError
from hotline.setup.progress import Progress

KEYRING = "signed-by=/usr/share/keyrings/debian-archive-keyring.gpg"
DEB822 = """# by the installer
Types: deb deb-src
# a comment in the middle
URIs: http://archive.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Types: deb
URIs: http://archive.example/debian-security
Suites: bookworm-security
Components: main
"""


def addresses(name: str, text: str) -> list[str]:
    """The mirrors found in one file."""
    return [source.address for source in mirrors([(name, text)])]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://archive.example/debian bookworm main\n", ["http://archive.example/debian"]),
        ("  deb\thttps://mirrors.tuna.tsinghua.edu.cn/debian/  bookworm  main contrib # usual", 1),
        ("deb [arch=amd64] http://a.example/debian bookworm main", ["http://a.example/debian"]),
        ("# deb http://a.example/debian bookworm main", []),
        ("deb-src http://a.example/debian bookworm main", []),
        ("deb http://security.debian.org/debian-security bookworm-security main", []),
        ("deb http://archive.example/debian-security bookworm-security main", []),
        ("deb http://security.ubuntu.com/ubuntu noble-security main universe", []),
        ("deb http://cn.archive.ubuntu.com/ubuntu/ noble main universe", ["http://cn.archive.ubuntu.com/ubuntu/"]),
        ("deb http://ports.ubuntu.com/ubuntu-ports noble main", ["http://ports.ubuntu.com/ubuntu-ports"]),
        ("deb https://download.docker.com/linux/debian bookworm stable", []),
        ("deb cdrom:[Debian GNU/Linux 12 _Bookworm_]/ bookworm main", []),
        ("deb file:/srv/mirror/debian bookworm main", ["file:/srv/mirror/debian"]),
        ("deb http://nexus.gov.example/repository/apt-proxy bookworm main", ["http://nexus.gov.example/repository/apt-proxy"]),
        ("deb http://a.example/flat ./", []),
        ("deb", []),
        ("", []),
    ],
)
def test_one_line_sources_give_the_mirrors_of_the_main_archive(text: str, expected: list[str] | int) -> None:
    found = addresses("sources.list", text)
    assert found == expected if isinstance(expected, list) else len(found) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (DEB822, ["http://archive.example/debian"]),
        (DEB822.replace("Types: deb deb-src", "Types: deb-src"), []),
        ("Enabled: no\n" + DEB822, []),
        ("Types: deb\nEnabled: False\nURIs: http://a.example/debian\nSuites: x\nComponents: main\n", []),
        ("types: deb\nuris: http://a.example/debian\nsuites: x\ncomponents: main", ["http://a.example/debian"]),
        (
            "Types: deb\nURIs:\n http://a.example/debian\n http://b.example/debian\nSuites: x\nComponents: main\n",
            ["http://a.example/debian", "http://b.example/debian"],
        ),
        (
            "Types: deb\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n",
            ["mirror+file:///etc/apt/mirrors/debian.list"],
        ),
        ("Types: deb\nURIs: mirror+file:///etc/apt/debian-security.list\nSuites: bookworm-security\nComponents: main\n", []),
        ("Types: deb\nURIs: https://download.docker.com/linux/ubuntu\nSuites: noble\nComponents: stable\n", []),
        ("\n\n   \n", []),
    ],
)
def test_deb822_sources_give_the_mirrors_of_the_main_archive(text: str, expected: list[str]) -> None:
    assert addresses("debian.sources", text) == expected


def test_other_peoples_archives_come_after_the_distributions() -> None:
    found = mirrors(
        [
            ("a.sources", "Types: deb\nURIs: https://repo.example/product\nSuites: bookworm\nComponents: main\n"),
            ("debian.sources", DEB822),
            ("sources.list", "deb http://archive.example/debian bookworm main\ndeb http://b.example/debian bookworm main"),
        ]
    )
    assert [source.address for source in found] == [
        "http://archive.example/debian",
        "http://archive.example/debian",
        "http://b.example/debian",
        "https://repo.example/product",
    ], "the first two differ in their signature's keyring"
    assert found[0].options == KEYRING and found[1].options == ""


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("[signed-by=/etc/apt/keyrings/city.gpg arch=amd64]", "signed-by=/etc/apt/keyrings/city.gpg"),
        ("[trusted=yes]", "trusted=yes"),
        ("[trusted=no]", ""),
        ("[arch=amd64,arm64]", ""),
        ("[signed-by=0123456789ABCDEF]", ""),
    ],
)
def test_the_signature_that_a_source_names_goes_with_its_mirror(options: str, kept: str) -> None:
    assert mirrors([("sources.list", f"deb {options} http://a.example/debian bookworm main")]) == [
        Source("http://a.example/debian", kept)
    ]


def test_a_key_that_stands_in_the_source_itself_is_not_taken_for_a_file() -> None:
    text = DEB822.replace("Signed-By: /usr", "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY\n X: /usr")
    assert [source.options for source in mirrors([("debian.sources", text)])] == [""]


# --- the real apt ---------------------------------------------------------------------------------------------------------


class Mirror:
    """A small archive in a folder, unsigned, as a DVD or a mounted mirror is."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "pool").mkdir(parents=True)

    def package(self, suite: str, name: str, version: str = "1.0", *, depends: str = "", text: str = "hello") -> Path:
        """Build a package that installs ``usr/share/NAME`` and list it in the suite."""
        tree = self.folder / "build"
        (tree / "DEBIAN").mkdir(parents=True)
        fields = {"Package": name, "Version": version, "Architecture": "all", "Maintainer": "t <t@example>", "Description": "t"}
        fields |= {"Depends": depends} if depends else {}
        control = "".join(f"{key}: {value}\n" for key, value in fields.items())
        (tree / "DEBIAN" / "control").write_text(control)
        (tree / "usr" / "share").mkdir(parents=True)
        (tree / "usr" / "share" / name).write_text(text)
        file = self.folder / "pool" / f"{name}_{version.rpartition(':')[2]}_all.deb"
        subprocess.run(["dpkg-deb", "--root-owner-group", "-b", str(tree), str(file)], check=True, capture_output=True)
        shutil.rmtree(tree)
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        listed = f"{control}Filename: pool/{file.name}\nSize: {file.stat().st_size}\nSHA256: {digest}\n\n"
        self.suite(suite, listed)
        return file

    def suite(self, suite: str, listed: str) -> None:
        """Add to the lists of a suite, and write its table of contents anew."""
        folder = self.folder / "dists" / suite
        (folder / "main" / "binary-all").mkdir(parents=True, exist_ok=True)
        entries = []
        for architecture in ("all", *_architecture()):
            packages = folder / "main" / f"binary-{architecture}" / "Packages"
            packages.parent.mkdir(exist_ok=True)
            with packages.open("a") as out:
                out.write(listed if architecture != "all" else "")
            data = packages.read_bytes()
            entries.append(f" {hashlib.sha256(data).hexdigest()} {len(data)} main/binary-{architecture}/Packages\n")
        head = f"Suite: {suite}\nCodename: {suite}\nComponents: main\nArchitectures: all {' '.join(_architecture())}\n"
        (folder / "Release").write_text(f"{head}Date: Thu, 01 Jan 2026 00:00:00 UTC\nSHA256:\n{''.join(entries)}")

    def archive(self, *suites: str) -> Archive:
        """The archive as set-up is told of it."""
        return Archive(suites, "main", "/nonexistent", (Source(f"file:{self.folder}", "trusted=yes"),))


def _architecture() -> list[str]:
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True, check=True).stdout.split()


@pytest.fixture
def mirror(tmp_path: Path) -> Mirror:
    """An archive with two suites; ``gone`` lacks the switch, which needs a library of ``later``."""
    found = Mirror(tmp_path / "mirror")
    found.package("gone", "unrelated")
    found.package("later", "switch", "1:22.10~x+1", depends="library (>= 2)")
    found.package("later", "library", "2.0")
    return found


def test_a_package_that_has_left_one_suite_is_taken_from_the_next(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "a cache"
    suite = debian.fetch(["switch"], folder, Progress(), archive=mirror.archive("gone", "later"))
    assert suite == "later"
    assert (folder / "root" / "usr" / "share" / "switch").read_text() == "hello"
    assert (folder / "root" / "usr" / "share" / "library").exists(), "what it depends on comes with it"
    assert not (folder / "root" / "usr" / "share" / "unrelated").exists()
    said = capsys.readouterr().out
    assert "not in gone, trying the next suite: E: Unable to locate package switch" in said
    assert "100 %" in said


def test_what_was_downloaded_is_kept_with_its_version_and_hash(mirror: Mirror, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    debian.fetch(["switch"], folder, Progress(), archive=mirror.archive("later"))
    known = {entry["package"]: entry for entry in json.loads((folder / "packages.json").read_text())}
    assert {name: entry["version"] for name, entry in known.items()} == {"switch": "1:22.10~x+1", "library": "2.0"}
    kept = {file.name.partition("_")[0]: file for file in (folder / "archives").glob("*.deb")}
    for name, file in kept.items():
        assert known[name]["sha256"] == hashlib.sha256(file.read_bytes()).hexdigest()
    assert kept.keys() == known.keys()


def test_a_second_fetch_replaces_the_tree_and_leaves_no_trace_of_the_first(mirror: Mirror, tmp_path: Path) -> None:
    folder = tmp_path / "cache"
    debian.fetch(["switch"], folder, Progress(), archive=mirror.archive("later"))
    (folder / "root" / "stale").touch()
    (folder / "root.new").mkdir()
    debian.fetch(["library"], folder, Progress(), archive=mirror.archive("later"))
    assert [path.name for path in (folder / "root" / "usr" / "share").iterdir()] == ["library"]
    assert not (folder / "root" / "stale").exists()
    assert not (folder / "root.new").exists()


def test_a_package_that_nobody_has_is_named_with_every_suite_and_reason(mirror: Mirror, tmp_path: Path) -> None:
    with pytest.raises(SetupError) as raised:
        debian.fetch(["nothing"], tmp_path / "cache", Progress(), archive=mirror.archive("gone", "later", "never"))
    text = str(raised.value)
    assert "nothing cannot be had from any suite" in text
    assert "gone: E: Unable to locate package nothing; later: E: Unable to locate package nothing; never: E: " in text
    assert not (tmp_path / "cache" / "root").exists()


def test_a_package_that_was_altered_is_refused(mirror: Mirror, tmp_path: Path) -> None:
    altered = mirror.package("later", "tampered")
    altered.write_bytes(altered.read_bytes()[:-1] + b"!")
    with pytest.raises(SetupError, match=r"later: E: Failed to fetch .*tampered_1\.0_all\.deb +Hash Sum mismatch"):
        debian.fetch(["tampered"], tmp_path / "cache", Progress(), archive=mirror.archive("later"))
    assert not (tmp_path / "cache" / "root").exists()


def test_a_mirror_that_is_away_gives_way_to_the_next(mirror: Mirror, tmp_path: Path) -> None:
    archive = mirror.archive("later")
    away = Source(f"file:{tmp_path}/nowhere", "trusted=yes")
    both = Archive(archive.suites, archive.components, archive.keyring, (away, *archive.mirrors))
    assert debian.fetch(["library"], tmp_path / "cache", Progress(), archive=both) == "later"


EXPIRED = """#!/bin/sh
case "$*" in
  *Check-Valid-Until=false*) exec {apt} "$@" ;;
esac
echo "E: Release file for http://a.example/InRelease is expired (invalid since 3d 2h)." >&2
exit 100
"""
"""In front of the real apt: what apt says of signed lists whose time has run out, until told to use them all the same."""


def test_lists_that_are_past_their_date_are_used_with_a_notice(
    mirror: Mirror, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bin").mkdir()
    program = tmp_path / "bin" / "apt-get"
    program.write_text(EXPIRED.format(apt=shutil.which("apt-get")))
    program.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path / "bin"), prepend=os.pathsep)
    assert debian.fetch(["library"], tmp_path / "cache", Progress(), archive=mirror.archive("later")) == "later"
    assert "lists of later are past their date" in capsys.readouterr().out


def test_an_archive_without_a_signature_is_refused_unless_the_machine_trusts_it(mirror: Mirror, tmp_path: Path) -> None:
    unsigned = Archive(("later",), "main", "/nonexistent", (Source(f"file:{mirror.folder}"),))
    with pytest.raises(SetupError, match="not signed"):
        debian.fetch(["library"], tmp_path / "cache", Progress(), archive=unsigned)


@pytest.mark.parametrize("present", [[], ["apt-get"]])
def test_without_apt_or_dpkg_the_missing_program_is_named(
    mirror: Mirror, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, present: list[str]
) -> None:
    for name in present:
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    monkeypatch.setenv("PATH", str(tmp_path))
    missing = "dpkg-deb" if present else "apt-get"
    with pytest.raises(SetupError, match=f"{missing} is missing"):
        debian.fetch(["switch"], tmp_path / "cache", Progress(), archive=mirror.archive("later"))
