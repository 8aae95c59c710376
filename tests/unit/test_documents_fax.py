"""Documents to be faxed: what is kept, what is refused and how to mend it (IVR-07)."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hotline import documents, paths
from hotline.errors import DocumentError
from tests.unit.test_tiff import made

GUIDE = documents.OURS / "welcome-guide.tif"
FAX = {256: (3, 1728), 257: (3, 100), 258: (3, 1), 259: (3, 4)}


@pytest.fixture(autouse=True)
def var(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A state folder of the test's own."""
    monkeypatch.setenv("HOTLINE_VAR", str(tmp_path / "var"))
    return tmp_path / "var"


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """``python -m hotline documents …``."""
    argv = [sys.executable, "-m", "hotline", "documents", *arguments]
    return subprocess.run(argv, cwd=paths.TREE, capture_output=True, text=True, check=False)


def test_a_fax_is_kept_listed_and_replaced(var: Path) -> None:
    assert command("add", "guide-2", str(GUIDE)).returncode == 0
    assert command("add", "guide-2", str(GUIDE)).returncode == 0
    assert "guide-2" in command("list").stdout
    kept = var / "fax" / "guide-2.tif"
    assert kept.read_bytes() == GUIDE.read_bytes()
    assert kept.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in kept.parent.iterdir()] == ["guide-2.tif"]


def test_ours_are_installed_once_and_the_citys_stay(var: Path) -> None:
    documents.install()
    assert (var / "fax" / "welcome-guide.tif").read_bytes() == GUIDE.read_bytes()
    (var / "fax" / "welcome-guide.tif").write_bytes(b"the city's")
    documents.install()
    assert (var / "fax" / "welcome-guide.tif").read_bytes() == b"the city's"
    assert dict(documents.installed()) == {"welcome-guide": 0}, "one that cannot be faxed is listed with no pages"


@pytest.mark.parametrize("name", ["", "a b", "A", "../a", "-a", "a.tif", "a/b", "a" * 41, "指南"])
def test_a_name_that_the_dialplan_would_not_take_is_refused(name: str) -> None:
    with pytest.raises(DocumentError, match=r"40"):
        documents.put(name, GUIDE)


@pytest.mark.parametrize(
    "fields",
    [{256: (3, 1700)}, {258: (3, 8)}, {259: (3, 5)}, {257: (3, 0)}, {}],
    ids=["width", "grey", "compression", "empty", "resolution"],
)
def test_a_page_that_is_no_fax_is_refused_with_the_command_that_makes_one(
    tmp_path: Path, fields: dict[int, tuple[int, int]]
) -> None:
    file = tmp_path / "a.tif"
    file.write_bytes(made("<", FAX | fields))
    with pytest.raises(DocumentError, match=r"gs .*tiffg4.*tiffcp -c g4") as raised:
        documents.put("a", file)
    assert str(file) in str(raised.value)


def test_a_pdf_is_refused_by_the_command_line_without_a_traceback(tmp_path: Path) -> None:
    file = tmp_path / "a.pdf"
    file.write_bytes(b"%PDF-1.7")
    done = command("add", "a", str(file))
    assert (done.returncode, len(done.stderr.splitlines())) == (1, 1)
    assert "gs " in done.stderr
