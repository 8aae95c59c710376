"""What an engine heard, as it is written: simplified, without spaces, numbers as digits, each word with its time (CH-13)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from recordings.transcription import vosk_result
from recordings.transcription.numerals import numbers
from recordings.transcription.text import joined, simplified, written
from recordings.transcription.transcript import Word
from recordings.transcription.turns import PAUSE_MS, transcript

TEXTS = st.text(alphabet=st.sampled_from("零一二三四五六七八九十百千万亿两点号路个年第分之 ab，門幺\x00\ud800"), max_size=12)


def said(*texts: str) -> list[Word]:
    return [Word(place * 100, place * 100 + 90, 0.5, text) for place, text in enumerate(texts)]


def as_written(*texts: str) -> str:
    return joined(written(said(*texts)))


@pytest.mark.parametrize(
    ("heard", "read"),
    [
        ("建设路一百二十号", "建设路120号"),
        ("路灯坏了三天了", "路灯坏了3天了"),
        ("三号楼二单元三零二室", "3号楼2单元302室"),
        ("十二路公交车的末班车延长到晚上十点", "12路公交车的末班车延长到晚上10点"),
        ("拖欠我们三个月的工资一共二十个人", "拖欠我们3个月的工资一共20个人"),
        ("晚上十一点还在施工", "晚上11点还在施工"),
        ("下午三点半", "下午3点半"),
        ("七点二十", "7点20"),
        ("晚上一点", "晚上1点"),
        ("拨打幺二三四五", "拨打12345"),
        ("幺三八零零零零零零零零", "13800000000"),
        ("二零二六年十月一日", "2026年10月1日"),
        ("一万两千块", "12000块"),
        ("三百万", "300万"),
        ("两亿元", "2亿元"),
        ("百分之三十", "30%"),
        ("百分之九十九点五", "99.5%"),
        ("两点五公里", "2.5公里"),
        ("二十四小时", "24小时"),
        ("二十多个", "20多个"),
        ("第十二条", "第12条"),
        ("零下五度", "零下5度"),
        ("一百二十号三十天", "120号30天"),
        ("五十一路", "51路"),
    ],
)
def test_numbers_are_digits(heard: str, read: str) -> None:
    assert as_written(heard) == read
    assert as_written(*heard) == read, "also when each character is a word"


@pytest.mark.parametrize(
    "heard",
    """请等一下 我一直在等 十分感谢 万一停水 千万不要 一点也不 有一点 一家饭店 一位外国朋友 提几点意见 七八个人 二三十人 十几个
    三四天 十七八个 第一希望施工 第二天 星期三 五一路 三八妇女节 一起 一定 一样 三更半夜 乱七八糟 一天到晚 三天两头 百分百
    老百姓 两边 一年到头 三七二十一 四川 九江 十字路口 二手房 三轮车 一些 统一 唯一 不一定 三农""".split(),  # noqa: SIM905
)
def test_what_is_no_number_stays_as_it_was_said(heard: str) -> None:
    assert as_written(heard) == heard
    assert as_written(*heard) == heard


def test_traditional_characters_become_simplified_by_their_neighbours() -> None:
    assert (
        simplified("我要反映一個問題，樓下的路燈壞了，頭髮發現乾淨皇后後面")
        == "我要反映一个问题，楼下的路灯坏了，头发发现干净皇后后面"
    )
    assert as_written("頭", "髮", "城鄉", "居民") == "头发城乡居民"


def test_spaces_stay_between_words_that_are_not_chinese() -> None:
    assert as_written("我", "要", "wi", "fi", "密码") == "我要wi fi密码"
    assert as_written("가나", "다") == "가나 다"
    assert as_written("我 要", "１２３４５", "ＡＢ", "吗", "?") == "我要12345 AB吗？"


def test_words_of_one_number_become_one_word_with_their_time() -> None:
    assert written(said("建设路", "一百", "二十", "号")) == (
        Word(0, 90, 0.5, "建设路"),
        Word(100, 290, 0.5, "120"),
        Word(300, 390, 0.5, "号"),
    )
    assert written([Word(0, 100, 1.0, "二"), Word(100, 400, 0.0, "十个")]) == (Word(0, 400, 0.25, "20个"),)


def test_what_cannot_be_kept_is_not_written() -> None:
    assert written([Word(5, 1, 7.0, "a\x00b\ud800"), Word(6, 7, -1.0, " \x01")]) == (Word(5, 5, 1.0, "a b"),)


@given(st.lists(TEXTS, max_size=8))
def test_every_utterance_can_be_written(texts: list[str]) -> None:
    words = said(*texts)
    found = written(words)
    assert len(found) <= len(words)
    assert all(one.text and 0 <= one.from_ms <= one.to_ms <= 90 + 100 * len(words) for one in found)
    assert [one.from_ms for one in found] == sorted(one.from_ms for one in found)
    text = joined(found)
    text.encode()
    assert "\x00" not in text and "門" not in text


@given(TEXTS)
def test_numbers_do_not_overlap(text: str) -> None:
    end = 0
    for start, stop, digits in numbers(text):
        assert end <= start < stop <= len(text) and digits
        end = stop


def test_a_result_of_vosk_is_words() -> None:
    text = '{"result": [{"conf": 0.9, "start": 1.2345, "end": 1.5, "word": "路灯"}, {"start": 2, "end": 1, "word": "坏"},'
    text += '{"conf": 1, "start": 3, "end": 4, "word": "[unk]"}], "text": "路灯 坏"}'
    assert vosk_result.words(text) == (Word(1234, 1500, 0.9, "路灯"), Word(2000, 2000, 0.0, "坏"))
    assert vosk_result.words('{"text": ""}') == vosk_result.words("") == vosk_result.words('{"result": [{"word": 1}]}') == ()


@given(st.text(max_size=60) | st.binary(max_size=60).map(lambda some: some.decode(errors="surrogateescape")))
def test_any_result_can_be_read(text: str) -> None:
    assert isinstance(vosk_result.words(text), tuple)


def test_both_sides_are_put_together_in_order_of_time() -> None:
    left = [[Word(1000, 1500, 1.0, "你好"), Word(1500 + PAUSE_MS + 1, 3000, 0.0, "在吗")], [Word(9000, 9100, 1.0, "喂")]]
    right = [[Word(2000, 2600, 0.5, "您"), Word(2600, 2700, 0.5, "好")]]
    made = transcript("vosk", "m", {"left": left, "right": right})
    assert [(turn.track, turn.from_ms, turn.to_ms, turn.text) for turn in made.turns] == [
        ("left", 1000, 1500, "你好"),
        ("right", 2000, 2700, "您好"),
        ("left", 1500 + PAUSE_MS + 1, 3000, "在吗"),
        ("left", 9000, 9100, "喂"),
    ]
    assert made.confidence == pytest.approx((500 + 350 + 100) / (500 + 299 + 700 + 100))
    assert transcript("vosk", "m", {"left": []}).confidence == 0
