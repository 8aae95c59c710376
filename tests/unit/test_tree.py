"""Rules of the tree itself: where packages come from, what they may import, and what may not be in a file."""

from __future__ import annotations

import ast
import importlib
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from hotline.paths import TREE

PACKAGES = ("agi", "ivr_flows", "acd", "ami_bridge", "recordings", "crm", "desks", "hotline")
PURE_NAMES = ("codec.py", "facts.py", "engine.py", "calls.py", "dispositions.py", "intake.py")
PURE_ELSEWHERE = {"hotline/phones/engine.py", "crm/tickets/intake.py"}  # a process; and not of files, but of tickets
SQL = re.compile(r"\bSELECT\s|\bINSERT\s+INTO\s|\bUPDATE\s.*\bSET\s|\bDELETE\s+FROM\s")
MACHINE = re.compile("|".join(f"/{folder}/" for folder in ("work", "root", "home/[a-z]+", "Users")) + "|/tmp/" + "lab")
CONFIGURATION = TREE / "pyproject.toml"


def tracked() -> list[Path]:
    """Every file under version control that is still there."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=TREE, capture_output=True, text=True, check=True).stdout
    return [TREE / name for name in listed.split("\0") if name and (TREE / name).is_file()]


def sources() -> Iterator[Path]:
    """Every Python file of the product."""
    for package in PACKAGES:
        yield from sorted((TREE / package).rglob("*.py"))


def lint(configuration: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the tree with this configuration."""
    program = Path(sys.executable).with_name("lint-imports")
    command = [str(program), "--config", str(configuration), "--no-cache", "--no-logo"]
    return subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_is_loaded_from_the_tree(package: str) -> None:
    loaded = importlib.import_module(package)
    assert loaded.__file__ is not None
    assert Path(loaded.__file__).resolve() == TREE / package / "__init__.py"


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_says_what_it_may_import(package: str) -> None:
    text = ast.get_docstring(ast.parse((TREE / package / "__init__.py").read_text(encoding="utf-8"))) or ""
    assert "May import" in text


def test_each_main_module_is_short() -> None:
    mains = [file for file in sources() if file.name == "__main__.py"]
    assert mains
    assert {str(file): lines for file in mains if (lines := len(file.read_text(encoding="utf-8").splitlines())) >= 60} == {}


def test_the_import_contracts_hold() -> None:
    done = lint(CONFIGURATION)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_import_contracts_would_notice_a_module_that_is_not_pure(tmp_path: Path) -> None:
    changed = CONFIGURATION.read_text(encoding="utf-8").replace('"recordings.intake"', '"recordings.worker"')
    (tmp_path / "pyproject.toml").write_text(changed, encoding="utf-8")
    done = lint(tmp_path / "pyproject.toml")
    assert done.returncode == 1, done.stdout + done.stderr
    assert "recordings.worker -> asyncio" in done.stdout


def test_every_module_that_calls_itself_pure_is_under_the_contract() -> None:
    contracts = tomllib.loads(CONFIGURATION.read_text(encoding="utf-8"))["tool"]["importlinter"]["contracts"]
    (listed,) = [set(contract["source_modules"]) for contract in contracts if contract["name"].startswith("pure modules")]
    called = set()
    for file in sources():
        name = file.relative_to(TREE)
        text = ast.get_docstring(ast.parse(file.read_text(encoding="utf-8"))) or ""
        by_name = file.name in PURE_NAMES and str(name) not in PURE_ELSEWHERE
        if file.name != "__init__.py" and (by_name or re.search(r"\bPure\b", text.partition("\n")[0])):
            called.add(".".join(name.with_suffix("").parts))
    assert called - listed == set()


def test_no_sql_is_written_in_python() -> None:
    found = [str(file.relative_to(TREE)) for file in sources() if SQL.search(file.read_text(encoding="utf-8"))]
    assert found == []


def test_no_tracked_file_names_a_folder_of_a_developers_machine() -> None:
    found = []
    for file in tracked():
        try:
            text = file.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # sound and pictures
        found += [f"{file.relative_to(TREE)}: {match[0]}" for match in MACHINE.finditer(text)]
    assert found == []


def test_no_state_or_secret_is_tracked() -> None:
    names = {str(file.relative_to(TREE)) for file in tracked()}
    assert not {
        name for name in names if name.startswith(("var/", ".venv/", ".cache/")) or name.endswith(("credentials.json", ".pyc"))
    }
