"""``docs/call-records.md`` tells the table of dispositions as it is."""

from __future__ import annotations

import re

from ami_bridge import dispositions
from hotline import paths


def test_the_document_lists_the_dispositions_in_their_order_and_who_gives_them() -> None:
    text = (paths.TREE / "docs" / "call-records.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (✓?) ?\| .+? \| .+? \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == list(dispositions.DISPOSITIONS)
    assert {name for name, by_flow in rows if by_flow} == dispositions.BY_FLOW
