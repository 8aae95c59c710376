"""``docs/conformance.md``: every rule has a line, and what a line names is there."""

from __future__ import annotations

import re

import pytest

from hotline import paths

RULES = [
    *(f"IVR-{number:02}" for number in range(1, 36)),
    *(f"CH-{number}" for number in (13, *range(30, 41))),
    *(f"SCR-{number:02}" for number in (3, 8, 20, 30, 31, 32, 42, 68, 69)),
    *(f"TWC-{number:02}" for number in range(1, 17)),
    *(f"CAL-{number:02}" for number in range(1, 16)),
    *(f"GEN-{number:02}" for number in (4, 5, 6, *range(10, 24))),
    *(f"TKT-{number:02}" for number in range(1, 31)),
    *(f"TAX-{number:02}" for number in (*range(1, 15), 20, 21, 30, 31)),
    *(f"LIF-{number:02}" for number in (*range(1, 35), *range(40, 44))),
    *(f"DSP-{number:02}" for number in range(1, 18)),
    *(f"RET-{number:02}" for number in range(1, 10)),
    *(f"EXT-{number:02}" for number in range(1, 14)),
    *(f"ESC-{number:02}" for number in range(1, 12)),
    *(f"SUP-{number:02}" for number in range(1, 19)),
    *(f"RPL-{number:02}" for number in range(1, 21)),
    "REP-11",
    *(f"QUA-{number:02}" for number in range(1, 14)),
    *(f"ORG-{number:02}" for number in (*range(1, 13), *range(20, 37), *range(40, 52))),
    *(f"KPI-{number:02}" for number in [*range(1, 34), *range(40, 46)]),
    *(f"SEC-{number:02}" for number in range(1, 19)),
    *(f"CBK-{number:02}" for number in range(1, 26)),
    *(f"ARC-{number:02}" for number in range(1, 10)),
    *(f"TIM-{number:02}" for number in (*range(1, 27), *range(30, 37))),
    *(f"KBA-{number:02}" for number in range(1, 14)),
    *(f"CNF-{number:02}" for number in range(1, 32)),
    *(f"CFG-{number:02}" for number in range(1, 9)),
    "CAP-35",
]
PARTS = {"agi", "ivr_flows", "acd", "ami_bridge", "recordings", "crm", "desks", "hotline"}
TEXT = (paths.TREE / "docs" / "conformance.md").read_text(encoding="utf-8")
LINES = re.findall(r"^\| ([A-Z]+-\d+) \| (.+?) \| (.*?) ?\| (.+) \|$", TEXT, re.MULTILINE)


def test_every_rule_has_one_line_in_its_order() -> None:
    assert [line[0] for line in LINES] == RULES
    assert len(re.findall(r"^\| [A-Z]+-\d", TEXT, re.MULTILINE)) == len(RULES)


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_the_files_and_tests_of_a_line_exist(line: tuple[str, str, str, str]) -> None:
    _, _, built, shown = line
    files = re.findall(r"`([^`]+)`", built)
    assert [file for file in files if not (paths.TREE / file).is_file()] == []
    for file, name in re.findall(r"`(tests/[^`:]+)::(\w+)`", shown):
        assert re.search(rf"^(async )?def {name}\(", (paths.TREE / file).read_text(encoding="utf-8"), re.MULTILINE), name
    assert re.findall(r"`(tests/[^`]*)`", shown) == ["::".join(found) for found in re.findall(r"`(tests/[^`:]+)::(\w+)`", shown)]


@pytest.mark.parametrize("line", LINES, ids=lambda line: line[0])
def test_a_line_has_a_test_or_a_reason_with_the_part_that_will_bring_it(line: tuple[str, str, str, str]) -> None:
    shown = line[3]
    reasons = re.findall(r"(not ours|not yet \(\w+\)): (.+?)(?=; not |$)", shown)
    assert "::" in shown or reasons
    assert all(len(reason) > 20 for _, reason in reasons)
    assert set(re.findall(r"not yet \((\w+)\)", shown)) <= PARTS
    assert len(reasons) == shown.count("not yet") + shown.count("not ours")
    assert ("`" in line[2]) or reasons
