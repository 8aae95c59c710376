"""Values are said as people say them: read back by a reader that knows nothing of how they were made (IVR-05, IVR-06)."""

from __future__ import annotations

import datetime as dt
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ivr_flows import saying, speech
from ivr_flows.errors import Unspeakable

TEXTS = {language: {prompt.name: prompt.text for prompt in speech.prompts(language)} for language in ("zh", "en")}


def heard(how: str, value: str, language: str = "zh") -> str:
    """What the citizen hears, by the texts of the catalogue."""
    words = [TEXTS[language][name].rstrip("，。") for name in saying.say(how, value, language)]
    return (" " if language == "en" else "").join(words)


FIGURES = {"零": 0, "一": 1, "二": 2, "两": 2, "三": 3, "四": 4, "五": 5, "六": 6, "七": 7, "八": 8, "九": 9}
UNITS = {"十": 10, "百": 100, "千": 1000}


def read_mandarin(text: str) -> int:
    """The value of a Mandarin numeral, by adding up figures and units from left to right."""
    total = group = figure = 0
    for sign in text.removeprefix("负"):
        if sign in FIGURES:
            figure = FIGURES[sign]
        elif sign in UNITS:
            group += (figure or 1) * UNITS[sign]
            figure = 0
        else:
            total = total * 10_000 if sign == "亿" and group + figure == 0 else total
            total += (group + figure) * {"万": 10**4, "亿": 10**8}[sign]
            group = figure = 0
    value = total + group + figure
    return -value if text.startswith("负") else value


DECADES = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
WORDS = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen"
SMALL = {word: value for value, word in enumerate([*WORDS.split(), "eighteen", "nineteen"])}
TENS = {word: 10 * value for value, word in enumerate(DECADES, start=2)}


def read_english(text: str) -> int:
    total = group = 0
    for word in text.removeprefix("minus ").split():
        if word == "hundred":
            group *= 100
        elif word in ("thousand", "million", "billion"):
            total += group * {"thousand": 10**3, "million": 10**6, "billion": 10**9}[word]
            group = 0
        else:
            group += (SMALL | TENS)[word]
    return -(total + group) if text.startswith("minus") else total + group


MISSPOKEN = re.compile(r"二[百千]|(?:^|亿)二[万亿]|两[十零]|两$|十两|零零|零$|零[十百千万亿]|^一十|[百千万亿]十")
"""What no speaker of Mandarin says."""


@given(st.integers(0, 10**9) | st.integers(0, 20_000) | st.integers(-saying.LARGEST, saying.LARGEST))
@example(10**9)
@example(10**8)
@example(100_050_000)
@example(12_000_500)
def test_every_number_is_read_back_from_what_is_heard(value: int) -> None:
    mandarin = heard("number", str(value))
    assert read_mandarin(mandarin) == value
    assert value == 0 or not MISSPOKEN.search(mandarin.removeprefix("负")), mandarin
    assert read_english(heard("number", str(value), "en")) == value


def test_every_number_up_to_ten_thousand_is_read_back() -> None:
    for value in range(1, 10_001):
        mandarin = heard("number", str(value))
        assert read_mandarin(mandarin) == value
        assert not MISSPOKEN.search(mandarin), mandarin


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("0", "零"),
        ("2", "二"),
        ("10", "十"),
        ("12", "十二"),
        ("15", "十五"),
        ("20", "二十"),
        ("22", "二十二"),
        ("100", "一百"),
        ("105", "一百零五"),
        ("110", "一百一十"),
        ("115", "一百一十五"),
        ("200", "两百"),
        ("222", "两百二十二"),
        ("1002", "一千零二"),
        ("1020", "一千零二十"),
        ("2200", "两千两百"),
        ("10010", "一万零一十"),
        ("20000", "两万"),
        ("100000", "十万"),
        ("150000", "十五万"),
        ("205000", "二十万五千"),
        ("220000", "二十二万"),
        ("1020304", "一百零二万零三百零四"),
        ("10010000", "一千零一万"),
        ("100000005", "一亿零五"),
        ("200000002", "两亿零二"),
        ("1200000000", "十二亿"),
        ("-7", "负七"),
    ],
)
def test_numbers_are_said_as_in_these_examples(value: str, text: str) -> None:
    assert heard("number", value) == text


def test_a_ticket_number_is_said_digit_by_digit_with_yao_for_one() -> None:
    assert heard("digits", "20261121001") == "二零二六幺幺二幺零零幺"
    assert heard("digits", "138-0013 8000") == "幺三八零零幺三八零零零"
    assert heard("digits", "+86*2#") == "加八六星号二井号"
    assert heard("digits", "2101", "en") == "two one zero one"


@given(st.text("0123456789", min_size=1, max_size=64))
def test_digits_are_read_back(value: str) -> None:
    figures = {"零": "0", "幺": "1", "二": "2", "三": "3", "四": "4", "五": "5", "六": "6", "七": "7", "八": "8", "九": "9"}
    assert "".join(figures[sign] for sign in heard("digits", value)) == value
    assert "".join(str(SMALL[word]) for word in heard("digits", value, "en").split()) == value


PARTS_OF_DAY = {"凌晨": range(6), "上午": range(6, 12), "中午": range(12, 13), "下午": range(13, 18), "晚上": range(18, 24)}


@pytest.mark.parametrize("hour", range(24))
def test_every_minute_of_the_day_is_read_back(hour: int) -> None:
    for minute in range(60):
        value = f"{hour:02}:{minute:02}"
        found = re.fullmatch(r"(..)(\w{1,2})点(?:(\w{1,3})分)?", heard("time", value))
        assert found
        part, clock, minutes = found.groups()
        said = read_mandarin(clock)
        assert clock != "二"
        assert hour in PARTS_OF_DAY[part]
        assert said == (hour if hour <= 12 else hour - 12)
        assert (minutes is None) == (minute == 0)
        assert read_mandarin(minutes or "零") == minute
        assert (minutes or "").startswith("零") == (0 < minute < 10)
        *numerals, half = heard("time", value, "en").replace("-", " ").split()
        assert half == ("P.M." if hour >= 12 else "A.M.")
        assert SMALL[numerals[0]] == (hour % 12 or 12)
        assert read_english(" ".join(numerals[1:]).removeprefix("oh ")) == minute


@pytest.mark.parametrize(
    ("value", "mandarin", "english"),
    [
        ("00:00", "凌晨零点", "twelve A.M."),
        ("00:30", "凌晨零点三十分", "twelve thirty A.M."),
        ("08:05", "上午八点零五分", "eight oh five A.M."),
        ("12:00", "中午十二点", "twelve P.M."),
        ("14:02", "下午两点零二分", "two oh two P.M."),
        ("22:12:59", "晚上十点十二分", "ten twelve P.M."),
    ],
)
def test_times_are_said_as_in_these_examples(value: str, mandarin: str, english: str) -> None:
    assert (heard("time", value), heard("time", value, "en")) == (mandarin, english)


@given(st.dates())
def test_every_date_is_read_back(day: dt.date) -> None:
    found = re.fullmatch(r"(\w{4})年(\w{1,2})月(\w{1,3})日", heard("date", day.isoformat()))
    assert found
    assert "".join(str(FIGURES[sign]) for sign in found[1]) == f"{day.year:04}"
    assert (read_mandarin(found[2]), read_mandarin(found[3])) == (day.month, day.day)
    assert heard("date", day.isoformat(), "en").startswith(day.strftime("%B "))


@pytest.mark.parametrize(
    ("value", "mandarin", "english"),
    [
        ("2026-11-21", "二零二六年十一月二十一日", "November twenty-first twenty twenty six"),
        ("2005-02-02", "二零零五年二月二日", "February second two thousand five"),
        ("1905-01-30", "一九零五年一月三十日", "January thirtieth nineteen oh five"),
        ("1900-12-10", "一九零零年十二月十日", "December tenth nineteen hundred"),
        ("2000-10-20", "二零零零年十月二十日", "October twentieth two thousand"),
        ("2026-11-21T20:00:00+00:00", "二零二六年十一月二十二日", "November twenty-second twenty twenty six"),
    ],
)
def test_dates_are_said_as_in_these_examples(value: str, mandarin: str, english: str) -> None:
    assert (heard("date", value), heard("date", value, "en")) == (mandarin, english)


@pytest.mark.parametrize(
    "value", ["2026-11-21T14:05:00", "2026-11-21 14:05", "2026-11-21 06:05:07.123456Z", "2026-11-21 14:05:00+08"]
)
def test_a_moment_is_a_date_and_a_time_on_the_wall_clock_of_the_hotline(value: str) -> None:
    assert heard("datetime", value) == "二零二六年十一月二十一日下午两点零五分"
    assert heard("datetime", value) == heard("date", value) + heard("time", value)


@pytest.mark.parametrize(
    ("value", "mandarin", "english"),
    [
        ("0", "零元", "zero yuan"),
        ("2", "两元", "two yuan"),
        ("2.2", "两元两角", "two yuan twenty fen"),
        ("12.35", "十二元三角五分", "twelve yuan thirty five fen"),
        ("12.05", "十二元零五分", "twelve yuan five fen"),
        ("0.50", "五角", "fifty fen"),
        ("0.02", "两分", "two fen"),
        ("0.22", "两角二分", "twenty two fen"),
        ("1200.00", "一千两百元", "one thousand two hundred yuan"),
        ("-3.5", "负三元五角", "minus three yuan fifty fen"),
    ],
)
def test_money_is_said_in_yuan_jiao_and_fen(value: str, mandarin: str, english: str) -> None:
    assert (heard("money", value), heard("money", value, "en")) == (mandarin, english)


@given(st.integers(0, 10**11))
def test_every_amount_is_read_back(fen: int) -> None:
    found = re.fullmatch(r"(?:(\w+)元)?(?:(\w)角)?(?:(\w{1,2})分)?", heard("money", f"{fen // 100}.{fen % 100:02}"))
    assert found
    yuan, jiao, odd = (read_mandarin(part or "零") for part in found.groups())
    assert yuan * 100 + jiao * 10 + odd == fen


@pytest.mark.parametrize(
    ("value", "mandarin", "english"),
    [
        ("0", "零分钟", "zero minutes"),
        ("1", "一分钟", "one minute"),
        ("2", "两分钟", "two minutes"),
        ("12", "十二分钟", "twelve minutes"),
        ("61", "一小时一分钟", "one hour one minute"),
        ("120", "两小时", "two hours"),
        ("122", "两小时两分钟", "two hours two minutes"),
    ],
)
def test_lengths_of_time_are_said_in_hours_and_minutes(value: str, mandarin: str, english: str) -> None:
    assert (heard("minutes", value), heard("minutes", value, "en")) == (mandarin, english)


@pytest.mark.parametrize(
    ("how", "value"),
    [
        ("digits", ""),
        ("digits", " - "),
        ("digits", "12a"),
        ("digits", "１２"),
        ("digits", "1" * 65),
        ("number", ""),
        ("number", "1.5"),
        ("number", "+5"),
        ("number", "٣"),
        ("number", "1" * 13),
        ("number", "12\n"),
        ("money", "1.234"),
        ("money", "¥5"),
        ("minutes", "-1"),
        ("date", "2026-02-30"),
        ("date", "20261121"),
        ("date", "2026-W01-1"),
        ("date", "0000-01-01"),
        ("time", "24:00"),
        ("time", "8:05"),
        ("datetime", "2026-11-21"),
        ("datetime", "9999-12-31T23:00:00Z"),
        ("song", "1"),
    ],
)
@pytest.mark.parametrize("language", ["zh", "en"])
def test_what_cannot_be_said_is_refused_with_its_value(how: str, value: str, language: str) -> None:
    with pytest.raises(Unspeakable, match=how):
        saying.say(how, value, language)


def test_a_language_that_is_not_spoken_is_refused() -> None:
    with pytest.raises(Unspeakable, match="language 'fr'"):
        saying.say("number", "1", "fr")


@given(how=st.sampled_from(sorted(saying.MANNERS)), value=st.text(max_size=30), language=st.sampled_from(["zh", "en"]))
def test_any_text_is_either_said_with_prompts_of_the_catalogue_or_refused(how: str, value: str, language: str) -> None:
    try:
        names = saying.say(how, value, language)
    except Unspeakable:
        return
    assert names
    assert set(names) <= TEXTS[language].keys()
