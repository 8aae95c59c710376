"""The automatic checks of calls, as a table and as properties (QUA-01, QUA-04, QUA-06, QUA-07)."""

from __future__ import annotations

import itertools
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crm.quality import checks, phrases, spans
from crm.quality.call import HangUp, Matter, Record, Threeway
from crm.quality.rules import Rules, digest
from recordings.manifest import Gap, Manifest, Segment, Speech, Voice
from recordings.transcription.transcript import Turn, Word

CALLER = Voice(who="caller", to_ms=60_000)
AGENT = Voice(who="agent", name="1001", track="right", from_ms=0, to_ms=60_000)
UNIT = Voice(who="unit", name="U1", track="right", from_ms=20_000, to_ms=60_000)
STEADY = ((0, 9_000), (10_000, 19_000), (20_000, 29_000), (30_000, 39_000), (40_000, 49_000), (50_000, 59_000))
WORDS = ("greeting", "closing", "forbidden_words", "threeway_consent_asked", "hang_up_warning")
POLITE = (("right", 0, "您好 , 12345 热线"), ("left", 4_000, "路灯 不 亮"), ("right", 55_000, "感谢 您的 来电 再见"))


def turn(track: str, at: int, text: str) -> Turn:
    """Words of 400 ms each."""
    said = text.split()
    words = tuple(Word(at + 400 * n, at + 400 * n + 400, 0.9, word) for n, word in enumerate(said))
    return Turn(track=track, from_ms=at, to_ms=at + 400 * len(said), text=text, confidence=0.9, words=words)  # type: ignore[arg-type]


def manifest(**values: Any) -> Manifest:
    speech = (Speech(track="left", spans=STEADY), Speech(track="right", spans=((9_000, 10_000), (49_000, 50_000))))
    known: dict[str, Any] = {"node": "n1", "call_id": "c1", "kind": "conversation", "started_at": None, "length_ms": 60_000}
    segments = (Segment(kind="conversation", from_ms=0, to_ms=60_000, parties=(0, 1)),)
    return Manifest(**(known | {"voices": (CALLER, AGENT, UNIT), "segments": segments, "speech": speech} | values))


def matter(said: tuple[tuple[str, int, str], ...] | None = POLITE, record: Record | None = None, **values: Any) -> Matter:
    turns = None if said is None else tuple(turn(*one) for one in said)
    return Matter(manifest=manifest(**values), record=record or Record(), rules=Rules(), turns=turns)


def held(begin: int, end: int, parties: tuple[int, ...] = (0,)) -> dict[str, Any]:
    parts = ((0, begin, "conversation", (0, 1)), (begin, end, "held", parties), (end, 60_000, "conversation", (0, 1)))
    return {"segments": tuple(Segment(kind=k, from_ms=a, to_ms=b, parties=p) for a, b, k, p in parts)}  # type: ignore[arg-type]


def spoken(left: tuple[tuple[int, int], ...], right: tuple[tuple[int, int], ...]) -> dict[str, Any]:
    return {"speech": (Speech(track="left", spans=left), Speech(track="right", spans=right))}


ASKED = Threeway("1001", 30_000, consent=True, was_dialled=True)
TABLE: list[tuple[str, str, Matter, str, list[tuple[int, int]]]] = [
    ("a greeting", "greeting", matter(), "passed", []),
    ("no greeting", "greeting", matter((("right", 1000, "什么 事"),)), "failed", [(0, 15_000)]),
    ("a greeting too late", "greeting", matter((("right", 100, "喂"), ("right", 16_000, "您好"))), "failed", [(0, 15_000)]),
    ("the caller's greeting is none", "greeting", matter((("left", 0, "您好"), ("right", 900, "喂"))), "failed", [(0, 15_000)]),
    ("speech that was not understood", "greeting", matter(()), "not_checked", []),
    ("a closing", "closing", matter(), "passed", []),
    ("no closing", "closing", matter((("right", 45_000, "好 的"),)), "failed", [(40_000, 60_000)]),
    ("forbidden words over two words", "forbidden_words", matter((("right", 7000, "您 这 不 合理"),)), "failed", [(7800, 8600)]),
    ("the caller may say so", "forbidden_words", matter((("left", 7000, "这 不 合理"),)), "passed", []),
    ("no silence", "long_silence", matter(None), "passed", []),
    ("silence", "long_silence", matter(None, **spoken(((0, 10_000),), ((27_000, 60_000),))), "failed", [(10_000, 27_000)]),
    ("silence of the limit itself", "long_silence", matter(None, **spoken(((0, 10_000),), ((25_000, 60_000),))), "passed", []),
    ("a pause of the recording is no silence", "long_silence",
     matter(None, gaps=(Gap(from_ms=12_000, to_ms=26_000, why="paused"),), **spoken(((0, 10_000),), ((27_000, 60_000),))),
     "passed", []),
    ("a hold is no silence", "long_silence",
     matter(None, **held(10_000, 27_000), **spoken(((0, 10_000),), ((27_000, 60_000),))), "passed", []),
    ("both at once", "both_talking", matter(None, **spoken(((0, 20_000),), ((16_000, 25_000),))), "failed", [(16_000, 20_000)]),
    ("both at once for a moment", "both_talking", matter(None, **spoken(((0, 18_000),), ((16_000, 25_000),))), "passed", []),
    ("no hold", "hold_without_word", matter(None), "not_applicable", []),
    ("a hold over the limit", "hold_without_word", matter(None, **held(10_000, 41_000)), "failed", [(10_000, 41_000)]),
    ("a hold of the limit itself", "hold_without_word", matter(None, **held(10_000, 40_000)), "passed", []),
    ("a word that the caller hears", "hold_without_word",
     matter(None, **held(5_000, 50_000, (0, 1)), **spoken((), ((25_000, 26_000),))), "passed", []),
    ("a word that the caller does not hear", "hold_without_word",
     matter(None, **held(5_000, 50_000), **spoken((), ((25_000, 26_000),))), "failed", [(5_000, 50_000)]),
    ("a caller who speaks", "silent_call", matter(), "not_applicable", []),
    ("a silent caller, by the script", "silent_call",
     matter(None, Record(said_silent=True), **spoken((), ((0, 9000),))), "passed", []),
    ("a silent caller, with the disposition", "silent_call",
     matter(None, Record(dispositions=frozenset(("silent",))), **spoken((), ())), "passed", []),
    ("a silent caller, in the script's words", "silent_call",
     matter((("right", 900, "听不到 您的 声音"),), **spoken((), ((0, 9000),))), "passed", []),
    ("a silent caller, left alone", "silent_call", matter(None, **spoken((), ())), "failed", [(0, 60_000)]),
    ("no three-way call", "threeway_consent", matter(), "not_applicable", []),
    ("consent on record", "threeway_consent", matter(record=Record(threeways=(ASKED,))), "passed", []),
    ("a unit dialled without consent", "threeway_consent",
     matter(record=Record(threeways=(msgspec.structs.replace(ASKED, consent=False),))), "failed", [(30_000, 30_000)]),
    ("refused, and nobody dialled", "threeway_consent",
     matter(record=Record(threeways=(msgspec.structs.replace(ASKED, consent=False, was_dialled=False),))), "not_applicable", []),
    ("asked for consent", "threeway_consent_asked",
     matter((("right", 25_000, "帮您 联系 单位 可以 吗"),), Record(threeways=(ASKED,))), "passed", []),
    ("asked for no consent", "threeway_consent_asked",
     matter((("right", 25_000, "我 打 给 他们"),), Record(threeways=(ASKED,))), "failed", [(0, 35_000)]),
    ("asked, at a time that nobody knows", "threeway_consent_asked",
     matter(record=Record(threeways=(msgspec.structs.replace(ASKED, at_ms=None),))), "not_checked", []),
    ("the caller hung up", "hang_up_warning", matter(), "not_applicable", []),
    ("hung up with a warning", "hang_up_warning",
     matter((("right", 50_000, "请 您 挂机"),), Record(hang_ups=(HangUp("1001", 60_000, False),))), "passed", []),
    ("hung up without a warning", "hang_up_warning",
     matter((("right", 50_000, "不 知道"),), Record(hang_ups=(HangUp("1001", 60_000, False),))), "failed", [(20_000, 60_000)]),
    ("hung up for a reason", "agent_hung_up_first", matter(record=Record(hang_ups=(HangUp("1001", 9, False),))), "passed", []),
    ("hung up for none", "agent_hung_up_first", matter(record=Record(hang_ups=(HangUp("1001", 9, True),))), "failed", [(9, 9)]),
    ("answered in time", "slow_answer", matter(record=Record(wait_ms=15_000)), "passed", []),
    ("answered late", "slow_answer", matter(record=Record(wait_ms=15_001)), "failed", [(0, 0)]),
    ("a call that nobody waited for", "slow_answer", matter(), "not_applicable", []),
    ("not satisfied", "dissatisfied", matter(record=Record(rating="dissatisfied")), "failed", [(60_000, 60_000)]),
    ("neutral", "dissatisfied", matter(record=Record(rating="neutral")), "passed", []),
    ("a damaged file", "long_silence", matter(None, quality="damaged", **spoken((), ())), "not_checked", []),
    ("a file that was not measured", "both_talking", matter(None, speech=()), "not_checked", []),
]  # fmt: skip


@pytest.mark.parametrize(("_case", "code", "given_", "outcome", "where"), TABLE, ids=[row[0] for row in TABLE])
def test_each_check_says_what_it_found_and_where(
    _case: str, code: str, given_: Matter, outcome: str, where: list[tuple[int, int]]
) -> None:
    found = checks.check(given_)
    assert found.outcomes[code] == outcome
    assert [(one.from_ms, one.to_ms) for one in found.findings if one.code == code] == where
    for one in found.findings:
        assert one.agent in ("1001", "")
        assert all("{" not in sentence for sentence in checks.why(one.code, one.detail))


def test_every_check_is_seen_to_pass_and_to_fail() -> None:
    seen = {(code, outcome) for _, code, _, outcome, _ in TABLE}
    assert {code for code, outcome in seen if outcome == "failed"} == set(checks.CODES)
    assert {code for code, outcome in seen if outcome == "passed"} == set(checks.CODES)


def test_without_a_transcript_no_check_of_words_passes() -> None:
    outcomes = checks.check(matter(None, Record(threeways=(ASKED,), hang_ups=(HangUp("1001", 9, True),)))).outcomes
    assert {code for code, outcome in outcomes.items() if outcome == "not_checked"} == set(WORDS)


def test_what_is_found_belongs_to_who_had_the_call_then() -> None:
    """After a transfer; and what a unit may have said in a three-way call is not laid to the agent as certain."""
    second = Voice(who="agent", name="1002", track="right", from_ms=30_000, to_ms=60_000)
    first = msgspec.structs.replace(AGENT, to_ms=30_000)
    parts = (
        Segment(kind="conversation", from_ms=0, to_ms=30_000, parties=(0, 1)),
        Segment(kind="three_way", from_ms=30_000, to_ms=60_000, parties=(0, 2, 3), after="transfer"),
    )
    said = (("right", 5_000, "这 不合理"), ("right", 45_000, "也 不合理"))
    found = checks.check(matter(said, voices=(CALLER, first, second, UNIT), segments=parts)).findings
    words = [(one.agent, one.detail["agent_alone"]) for one in found if one.code == "forbidden_words"]
    assert words == [("1001", True), ("1002", False)]


def test_the_closing_is_missed_by_who_ends_the_call() -> None:
    """Not by who sent it on a little before."""
    first = msgspec.structs.replace(AGENT, to_ms=50_000)
    voices = (CALLER, first, Voice(who="colleague", name="1002", track="right", from_ms=50_000, to_ms=60_000))
    parts = (
        Segment(kind="conversation", from_ms=0, to_ms=50_000, parties=(0, 1)),
        Segment(kind="conversation", from_ms=50_000, to_ms=60_000, parties=(0, 2), after="transfer"),
    )
    found = checks.check(matter((("right", 45_000, "好 的"),), voices=voices, segments=parts)).findings
    assert [(one.agent, one.from_ms) for one in found if one.code == "closing"] == [("1002", 40_000)]


def test_spaces_commas_and_capitals_make_no_difference_to_a_phrase() -> None:
    (spot,) = phrases.spots([turn("right", 1000, "你 好 , Hot line 好")], ["hotline"])
    assert (spot.from_ms, spot.to_ms) == (2200, 3000)
    whole = Turn(track="right", from_ms=5, to_ms=9, text="不合理", confidence=1, words=(Word(5, 9, 1, "不"),))
    assert [spot.from_ms for spot in phrases.spots([whole], ["不合理", " , "])] == [5]


def test_a_finding_of_an_older_program_still_has_a_sentence() -> None:
    assert checks.why("no_more", {}) == ("no_more", "no_more")
    assert checks.why("long_silence", {"old": 1}) == ("长时间静音", "Long silence")


def test_other_rules_have_another_digest() -> None:
    assert digest(Rules()) == digest(Rules()) != digest(Rules(silence_seconds=16))


SPANS = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)), max_size=8)


def moments(given_: list[tuple[int, int]]) -> set[int]:
    return {at for begin, end in given_ for at in range(begin, end)}


@given(SPANS, SPANS)
def test_stretches_are_what_their_moments_are(one: list[tuple[int, int]], other: list[tuple[int, int]]) -> None:
    for found, wanted in (
        (spans.union(one), moments(one)),
        (spans.both(one, other), moments(one) & moments(other)),
        (spans.without(one, other), moments(one) - moments(other)),
    ):
        assert moments(found) == wanted
        assert spans.total(found) == len(wanted)
        assert all(a < b for a, b in found)
        assert all(a[1] <= b[0] for a, b in itertools.pairwise(found))


KINDS = st.sampled_from(["conversation", "held", "consult", "three_way", "parked", "waiting"])
TIMES = st.lists(st.tuples(st.integers(0, 70_000), st.integers(0, 70_000)), max_size=6).map(lambda x: tuple(map(tuple, x)))
TEXTS = st.text("您好再见不合理 ,x", max_size=12)


@given(
    sides=st.tuples(TIMES, TIMES),
    gaps=TIMES,
    segments=st.lists(st.tuples(KINDS, st.integers(0, 60_000), st.integers(0, 60_000), st.lists(st.integers(0, 5))), max_size=5),
    said=st.none() | st.lists(st.tuples(st.sampled_from(["left", "right"]), st.integers(0, 70_000), TEXTS), max_size=5),
    hang_up=st.integers(-5000, 70_000),
)
def test_whatever_a_manifest_says_each_check_has_an_outcome_and_findings_lie_within(
    sides: Any, gaps: Any, segments: Any, said: Any, hang_up: int
) -> None:
    record = Record(hang_ups=(HangUp("1001", hang_up, True),), threeways=(Threeway("1001", hang_up, True, True),), wait_ms=9)
    parts = tuple(Segment(kind=k, from_ms=a, to_ms=b, parties=tuple(p)) for k, a, b, p in segments)
    holes = tuple(Gap(from_ms=a, to_ms=b, why="lost") for a, b in gaps)
    turns = None if said is None else tuple(said)
    found = checks.check(matter(turns, record, segments=parts, gaps=holes, **spoken(*sides)))
    assert set(found.outcomes) == set(checks.CODES)
    assert {one.code for one in found.findings} == {code for code, outcome in found.outcomes.items() if outcome == "failed"}
    assert all(0 <= one.from_ms <= one.to_ms <= 60_000 for one in found.findings)
    silent = [(one.from_ms, one.to_ms) for one in found.findings if one.code == "long_silence"]
    assert not spans.both(silent, gaps)
    assert said is not None or all(found.outcomes[code] in ("not_checked",) for code in WORDS)
