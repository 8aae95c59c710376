"""Agreement between scorers against values worked out by hand, samples by chance, and what a score must be."""

from __future__ import annotations

import tomllib
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.errors import RefusedError
from crm.quality import calibration, sampling, sheet
from crm.quality.calibration import agreement, weighted_kappa
from crm.quality.sampling import Candidate, Rule
from crm.quality.sheet import Item, Sheet, Stage, Veto

SHEETS = tomllib.loads((Path(sheet.__file__).parent / "sheets.toml").read_text(encoding="utf-8"))
SMALL = Sheet("t", (Stage("one", "o", (Item(code="a", title="a", most=2, step=0.5),)),), (Veto("v", "v"),))


def test_plain_kappa_of_two_scorers_is_the_value_of_the_textbook() -> None:
    """50 judgements: 20 both yes, 15 both no, 5 and 10 apart: observed 0.70, by chance 0.50, kappa 0.40."""
    one = [1] * 20 + [1] * 5 + [0] * 10 + [0] * 15
    other = [1] * 20 + [0] * 5 + [1] * 10 + [0] * 15
    assert weighted_kappa(one, other, 2, power=0) == pytest.approx(0.4)


def test_linear_and_quadratic_weights_are_the_values_worked_out_by_hand() -> None:
    """Pairs (0,0) (1,1) (2,2) (0,2): seen 2/4 and 4/4. Shares 2,1,1 and 1,1,2 of 4:
    chance by distance (2*1+2*2*2+1*1+1*2+1*2+1*1)/16 = 16/16, by its square (2*1+2*2*4+1*1+1*2+1*4+1*1)/16 = 26/16."""
    one, other = [0, 1, 2, 0], [0, 1, 2, 2]
    assert weighted_kappa(one, other, 3) == pytest.approx(1 - 0.5 / 1.0)
    assert weighted_kappa(one, other, 3, power=2) == pytest.approx(1 - 1.0 / (26 / 16))


def test_kappa_is_not_said_where_chance_is_certain() -> None:
    assert weighted_kappa([], []) is None
    assert weighted_kappa([3, 3], [3, 3]) is None
    assert weighted_kappa([0, 4], [4, 0]) == pytest.approx(-1.0)


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=30), st.integers(0, 2))
def test_kappa_is_the_same_both_ways_and_never_above_1(pairs: list[tuple[int, int]], power: int) -> None:
    one, other = [a for a, _ in pairs], [b for _, b in pairs]
    found, back = weighted_kappa(one, other, power=power), weighted_kappa(other, one, power=power)
    assert (found is None) == (back is None)
    if found is not None and back is not None:
        assert found == pytest.approx(back)
        assert found <= 1 + 1e-9
    if one == other and found is not None:
        assert found == pytest.approx(1)


def test_the_agreement_of_three_scorers_names_each_item_and_each_pair() -> None:
    """Shares 1, 0.5 / 1, 0 / 0.5, 0.5: differences 0.25, 0.25, 0.5; the mean is a third."""
    scores = {"li": {"a": 10.0, "b": 5.0}, "wu": {"a": 10.0, "b": 0.0}, "xu": {"a": 5.0, "b": 5.0, "c": 1.0}}
    found = agreement({"a": 10, "b": 10, "c": 1}, scores)
    assert [(one.item, one.spread) for one in found.items] == [("a", 5.0), ("b", 5.0)]
    assert [(pair.one, pair.other, pair.difference) for pair in found.pairs] == [
        ("li", "wu", 0.25),
        ("li", "xu", 0.25),
        ("wu", "xu", 0.5),
    ]
    assert found.difference == pytest.approx(1 / 3)
    assert [calibration.level(points, 10) for points in (0, 1.2, 1.3, 5, 10)] == [0, 0, 1, 2, 4]
    assert agreement({"a": 10}, {}) == calibration.Agreement((), (), 0.0, None)
    assert agreement({"a": 10}, {"li": {"a": 3.0}}).pairs == ()


CALLS = st.lists(
    st.builds(
        Candidate,
        recording_id=st.integers(1, 10**6),
        agent=st.sampled_from(["1001", "1002", ""]),
        direction=st.sampled_from(["inbound", "outbound"]),
        rating=st.sampled_from(["dissatisfied", "satisfied"]),
        findings=st.sampled_from([frozenset[str](), frozenset(("greeting",))]),
        seconds=st.sampled_from([5.0, 60.0]),
    ),
    max_size=40,
    unique_by=lambda one: one.recording_id,
)
RULES = st.builds(
    Rule,
    per_agent=st.integers(0, 6),
    directions=st.sampled_from([(), ("inbound",)]),
    findings=st.sampled_from([(), ("greeting",)]),
    strata=st.sampled_from([(), ("rating",), ("direction", "finding")]),
)


@given(CALLS, RULES, st.integers(0, 2**53), st.randoms(use_true_random=False))
def test_a_sample_has_so_many_of_each_agent_and_can_be_drawn_again(
    calls: list[Candidate], rule: Rule, seed: int, mix: object
) -> None:
    drawn = sampling.draw(calls, rule, seed)
    other = list(calls)
    mix.shuffle(other)  # type: ignore[attr-defined]
    assert sampling.draw(other, rule, seed) == drawn
    assert all(sampling.fits(one, rule) for one in drawn)
    for agent in ("1001", "1002"):
        there = [one for one in calls if one.agent == agent and sampling.fits(one, rule)]
        assert len({one.recording_id for one in drawn if one.agent == agent}) == min(rule.per_agent, len(there))
    assert len(drawn) == len({one.recording_id for one in drawn})


@given(st.lists(st.integers(0, 50), max_size=8), st.integers(0, 60))
def test_every_stratum_has_its_share(sizes: list[int], wanted: int) -> None:
    given_ = sampling.shares(sizes, wanted)
    assert sum(given_) == min(wanted, sum(sizes))
    assert all(0 <= one <= size for one, size in zip(given_, sizes, strict=True))
    if wanted >= len([size for size in sizes if size]):
        assert all(one >= 1 for one, size in zip(given_, sizes, strict=True) if size)


def test_a_trainee_is_heard_more_often() -> None:
    calls = [Candidate(recording_id=n, agent=str(1001 + n % 2), is_trainee=n % 2 == 1, seconds=60) for n in range(40)]
    drawn = sampling.draw(calls, Rule(per_agent=2, per_trainee=5), 1)
    assert [one.agent for one in drawn] == ["1001"] * 2 + ["1002"] * 5


def test_the_sheets_that_there_are_at_first_are_what_the_rules_say() -> None:
    """QUA-04, QUA-05: four stages, among them connection and problem solving; QUA-11: 3, 3 and 4 points."""
    sheets = {name: msgspec.convert(one, Sheet) for name, one in SHEETS.items()}
    for one in sheets.values():
        sheet.check_sheet(one)
    assert [stage.code for stage in sheets["call"].stages] == ["opening", "connection", "solving", "closing"]
    assert sheets["call"].most == 100
    whole = {item.code: item.most for item in sheets["manner"].items()}
    assert sheet.by_stage(sheets["manner"], whole) == {"consultation": 3, "coordination": 3, "complaints": 4}


@pytest.mark.parametrize(
    ("points", "vetoes", "code"),
    [
        ({}, (), "points_missing"),
        ({"a": 3}, (), "bad_points"),
        ({"a": -0.5}, (), "bad_points"),
        ({"a": 0.7}, (), "bad_points"),
        ({"a": float("nan")}, (), "bad_points"),
        ({"b": 1}, (), "unknown_item"),
        ({"a": 1}, ("a",), "unknown_item"),
        ({"a": 1.5}, ("v",), ""),
    ],
)
def test_a_score_by_a_sheet_is_whole_and_within_its_points(points: dict[str, float], vetoes: tuple[str, ...], code: str) -> None:
    if not code:
        return sheet.check_points(SMALL, points, vetoes, whole=True)
    with pytest.raises(RefusedError) as refused:
        sheet.check_points(SMALL, points, vetoes, whole=True)
    assert refused.value.code == code
    return None


def test_half_a_score_may_be_kept_and_a_veto_makes_it_nothing() -> None:
    sheet.check_points(SMALL, {}, (), whole=False)
    assert (sheet.total({"a": 1.5}, ()), sheet.total({"a": 1.5}, ("v",))) == (1.5, 0.0)


def test_a_sheet_names_each_thing_once() -> None:
    twice = Sheet("t", (*SMALL.stages, Stage("two", "o", SMALL.stages[0].items)))
    with pytest.raises(RefusedError) as refused:
        sheet.check_sheet(twice)
    assert (refused.value.code, refused.value.details) == ("sheet_twice", {"codes": ["a"]})
