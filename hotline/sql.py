"""Named SQL: ``<package>/sql/*.sql`` holds queries one after another, each under ``-- name: query_name``."""

from __future__ import annotations

import re
from pathlib import Path

from hotline.errors import SqlFileError

_MARK = re.compile(r"^\s*--\s*name\s*:", re.IGNORECASE)
_NAME = re.compile(r"^--\s*name:\s*([a-z][a-z0-9_]*)\s*$")


def load(file: Path) -> dict[str, str]:
    """Read one file into ``{name: sql}``; raises ``SqlFileError`` on text before a name, a bad, doubled or empty query."""
    queries: dict[str, list[str]] = {}
    current: list[str] | None = None
    for number, line in enumerate(file.read_text(encoding="utf-8").splitlines(), start=1):
        match = _NAME.match(line)
        if match:
            if match[1] in queries:
                raise SqlFileError(f"{file}:{number}: the query name {match[1]} is used twice")
            current = queries[match[1]] = []
        elif _MARK.match(line):
            raise SqlFileError(f"{file}:{number}: a query name is small letters, digits and underscores")
        elif current is not None:
            current.append(line)
        elif line.strip() and not line.lstrip().startswith("--"):
            raise SqlFileError(f"{file}:{number}: SQL before the first '-- name:' line")
    finished = {name: "\n".join(lines).strip() for name, lines in queries.items()}
    for name, text in finished.items():
        if not text:
            raise SqlFileError(f"{file}: the query {name} is empty")
    return finished
