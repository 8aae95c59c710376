"""Where everything is: the tree of the checkout, and the state under ``var/`` (``HOTLINE_VAR`` names another folder)."""

from __future__ import annotations

import os
from pathlib import Path

TREE = Path(__file__).resolve().parent.parent
"""The checkout this code runs from."""


def cache() -> Path:
    """What set-up downloaded and unpacked: ``.cache``, or the folder that ``HOTLINE_CACHE`` names (shared by checkouts)."""
    return Path(os.environ.get("HOTLINE_CACHE") or TREE / ".cache").resolve()


def var() -> Path:
    """The state folder: ``var``, or the folder that ``HOTLINE_VAR`` names."""
    return Path(os.environ.get("HOTLINE_VAR") or TREE / "var").resolve()
