"""Whom a matter is for: rules before territory before points, never who is accused (GEN-05, LIF-21, LIF-23, SEC-02)."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.profiles.profile import Profile
from crm.units import natures
from crm.units.suggest import Evidence, Facts, Matter, Past, Rule, suggest

LAMP = Matter(category="C1.03", label="路灯", territory="371402001", text="湖滨北路的路灯不亮 灯杆 12 号", terms=("路灯不亮",))
CITY = Facts(code="CG-LD", name="路灯管理处", categories=("C1/路灯",), keywords=("路灯", "灯杆"), path=("CG", "CG-LD"))
DISTRICT = Facts(code="DC", name="德城区", is_territorial=True, territories=("371402",), categories=("C1.03",), path=("DC",))
STREET = Facts(code="XH", name="新湖街道", is_territorial=True, territories=("371402001",), path=("DC", "XH"))
OTHER = Facts(code="NJ", name="宁津县", is_territorial=True, territories=("371422",), categories=("C1.03",), path=("NJ",))
GAS = Facts(code="RQ", name="燃气公司", categories=("C1/供气",), keywords=("煤气",), path=("RQ",))
ALL = (CITY, DISTRICT, STREET, OTHER, GAS)


def codes(matter: Matter = LAMP, units: tuple[Facts, ...] = ALL, evidence: Evidence | None = None) -> list[str]:
    return [one.unit for one in suggest(matter, units, evidence or Evidence())]


def test_where_competence_and_territory_both_fit_the_territorial_unit_is_first() -> None:
    """GEN-05. A government that is not competent comes after who is; one of another place, or another matter, not at all."""
    assert codes() == ["DC", "CG-LD", "XH"]
    assert [reason.code for reason in suggest(LAMP, ALL, Evidence())[0].reasons] == ["leaf", "territory", "first"]


def test_what_was_agreed_goes_before_everything_and_the_rule_with_more_conditions_first() -> None:
    """LIF-23."""
    wide, narrow = Rule(category="C1", unit="RQ", origin="consultation"), Rule(category="C1.03", territory="3714", unit="CG-LD")
    assert codes(evidence=Evidence(rules=(wide,)))[0] == "RQ"
    first, second, *_ = suggest(LAMP, ALL, Evidence(rules=(wide, narrow)))
    assert (first.unit, second.unit, first.is_certain, second.is_certain) == ("CG-LD", "RQ", True, True)
    assert (first.reasons[0].code, second.reasons[0].zh) == ("rule_office", "会商确定由该单位办理")


@pytest.mark.parametrize(
    ("rule", "fits"),
    [
        (Rule(category="C1.04", unit="RQ"), False),
        (Rule(category="C1", unit="RQ"), True),
        (Rule(term="路灯不亮", unit="RQ"), True),
        (Rule(term="停水", unit="RQ"), False),
        (Rule(territory="371402", unit="RQ"), True),
        (Rule(territory="371402001001", unit="RQ"), False),
        (Rule(words="灯杆 湖滨", unit="RQ"), True),
        (Rule(words="灯杆 小区", unit="RQ"), False),
    ],
)
def test_a_rule_holds_when_each_of_its_conditions_does(rule: Rule, fits: bool) -> None:
    assert ("RQ" in codes(evidence=Evidence(rules=(rule,)))) == fits


def test_the_closest_function_has_most_points() -> None:
    """LIF-21, TAX-21: the default of the leaf and the leaf by name before the whole category, that before a keyword."""
    units = (
        Facts(code="A", name="a", keywords=("路灯",)),
        Facts(code="B", name="b", categories=("C1",)),
        Facts(code="C", name="c", categories=("C1.03",)),
        Facts(code="D", name="d", categories=("C1/路灯",), keywords=("路灯",)),
        Facts(code="E", name="e"),
        Facts(code="F", name="f"),
    )
    assert codes(units=units, evidence=Evidence(defaults=("E", "F"))) == ["D", "C", "E", "F", "B"]


def test_past_tickets_speak_for_a_unit_and_returns_against_it() -> None:
    other = msgspec.structs.replace(CITY, code="AA", path=("AA",))
    assert codes(units=(CITY, other)) == ["AA", "CG-LD"]
    past = {"CG-LD": Past(8, 4, 2), "AA": Past(2)}
    assert codes(units=(CITY, other), evidence=Evidence(past=past)) == ["CG-LD", "AA"]
    evidence = Evidence(past=past, returned={"CG-LD": 4})
    assert codes(units=(CITY, other), evidence=evidence) == ["AA", "CG-LD"]
    assert suggest(LAMP, (CITY,), evidence)[0].reasons[-1].points == -60


def test_a_territorial_unit_that_rightly_returned_such_tickets_goes_first_no_more() -> None:
    assert codes(evidence=Evidence(returned={"DC": 3}))[0] == "CG-LD"
    assert codes(evidence=Evidence(returned={"DC": 3}, past={"DC": Past(50)}))[0] == "DC"


def test_a_unit_of_a_part_of_the_city_counts_less_when_the_place_is_not_known() -> None:
    assert codes(msgspec.structs.replace(LAMP, territory="")) == ["CG-LD", "DC", "NJ"]


units_of_any_kind = st.builds(
    Facts,
    code=st.sampled_from("ABCDEFGH"),
    name=st.just("x"),
    territories=st.lists(st.sampled_from(("371402", "371402001", "371422")), max_size=2).map(tuple),
    is_territorial=st.booleans(),
    categories=st.lists(st.sampled_from(("C1", "C1.03", "C1/路灯", "C2")), max_size=3).map(tuple),
    keywords=st.lists(st.sampled_from(("路灯", "灯杆", "煤气", "灯")), max_size=3).map(tuple),
    path=st.lists(st.sampled_from("ABCDEFGH"), max_size=3).map(tuple),
)
anything = st.builds(
    Evidence,
    rules=st.lists(
        st.builds(Rule, unit=st.sampled_from("ABCDEFGH"), category=st.sampled_from(("C1", "C1.03", "C2"))), max_size=3
    ).map(tuple),
    defaults=st.lists(st.sampled_from("ABCDEFGH"), max_size=2).map(tuple),
    past=st.dictionaries(st.sampled_from("ABCDEFGH"), st.builds(Past, *[st.integers(0, 400)] * 3)),
    returned=st.dictionaries(st.sampled_from("ABCDEFGH"), st.integers(0, 50)),
)


@given(st.lists(units_of_any_kind, max_size=8, unique_by=lambda one: one.code), anything, st.sampled_from("ABCDEFGH"))
def test_who_is_accused_and_who_stands_below_is_never_suggested(units: list[Facts], evidence: Evidence, accused: str) -> None:
    """SEC-02."""
    found = suggest(msgspec.structs.replace(LAMP, accused_unit=accused), units, evidence)
    below = {one.code for one in units if accused in one.path}
    assert not {accused, *below} & {one.unit for one in found}
    assert len(found) <= 5
    assert list(found) == list(suggest(msgspec.structs.replace(LAMP, accused_unit=accused), reversed(units), evidence))
    for one in found:
        assert one.reasons
        assert one.score == sum(reason.points for reason in one.reasons)
        assert all(reason.zh and reason.en for reason in one.reasons)


@given(units_of_any_kind, anything)
def test_territory_first_holds_whatever_else_speaks_for_the_other(rival: Facts, evidence: Evidence) -> None:
    """GEN-05: but for rules, and for returns that were right."""
    evidence = msgspec.structs.replace(evidence, rules=(), returned={})
    rival = msgspec.structs.replace(rival, is_territorial=False, code="A")
    local = msgspec.structs.replace(DISTRICT, code="Z", path=("Z",))
    assert codes(units=(rival, local), evidence=evidence)[0] == "Z"


def test_a_city_shows_its_own_natures_and_counts_the_others_among_them() -> None:
    """TAX-01, TAX-04 to TAX-06."""
    dezhou, karamay = Profile(), Profile(nature_set=("consult", "help", "complaint", "report", "suggest", "praise", "other"))
    assert [natures.shown_as(one, dezhou) for one in natures.NATURES] == [
        "consult", "help", "complaint", "complaint", "suggest", "suggest", "consult",
    ]  # fmt: skip
    assert [natures.shown_as(one, karamay) for one in natures.NATURES] == list(natures.NATURES)
    assert [(one.nature, one.zh, one.stands_for) for one in natures.shown(dezhou)] == [
        ("consult", "咨询", ("other",)),
        ("help", "求助", ()),
        ("suggest", "建议", ("praise",)),
        ("complaint", "投诉", ("report",)),
    ]
