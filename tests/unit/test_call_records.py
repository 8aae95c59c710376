"""``docs/call-records.md`` tells the table of dispositions as it is."""

from __future__ import annotations

import re
import tomllib

from ami_bridge import dispositions
from hotline import paths


def test_the_document_lists_the_dispositions_in_their_order_and_who_gives_them() -> None:
    text = (paths.TREE / "docs" / "call-records.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| (✓?) ?\| .+? \| .+? \|$", text, re.MULTILINE)
    assert [name for name, _ in rows] == list(dispositions.DISPOSITIONS)
    assert {name for name, by_flow in rows if by_flow} == dispositions.BY_FLOW


def test_our_flows_give_only_dispositions_that_a_flow_may_give() -> None:
    flows = [tomllib.loads(file.read_text(encoding="utf-8")) for file in (paths.TREE / "ivr_flows" / "flows").glob("*.toml")]
    given = {node["disposition"] for flow in flows for node in flow["nodes"].values() if "disposition" in node}
    assert given and given <= dispositions.BY_FLOW
