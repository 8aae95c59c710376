"""Chinese numerals in a sentence that are numbers to whoever reads a ticket: 一百二十号 is 120号, 三天 is 3天. Pure.

Everything else stays as it was said: 一下, 十分, 万一, 七八个, 第一, 星期三, and names such as 五一路.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import cn2an

_DIGIT = "零〇一二三四五六七八九幺"
_NUMERAL = f"{_DIGIT}两十百千万亿"
_RUN = re.compile(f"(?P<percent>百分之)?(?P<whole>[{_NUMERAL}]+)(?:点(?P<part>[{_DIGIT}]+))?")
_ADDRESS = "号|楼|栋|幢|单元|室|座|弄|组|期|区"
_CLOCK = "点|时|分钟|小时|钟头|秒|天|日|月份|月|个|年|年级|周|岁"
_AMOUNT = "元|块|毛|角|公里|米|厘米|平方|平米|平|亩|公斤|斤|克|吨|升|度|倍|成|折|瓦|千瓦|兆|伏|寸|万|亿"
_COUNT = "人|名|位|户|家|台|辆|件|份|张|页|条|项|层|路|班|次|趟|遍|套|间|根|盏|棵|只|箱|袋|瓶|包|批|种|笔|支|门|口|米|站|多|余"
_MEASURE = re.compile(f"(?:{_ADDRESS}|{_CLOCK}|{_AMOUNT}|{_COUNT})")
_OF_ONE = re.compile(r"(?:号|楼|栋|幢|单元|室|月份|点半|点钟|点整|年级)")  # 一家, 一天, 一点 say no number
_MORNING = re.compile(r"(?:上午|下午|中午|凌晨|早上|晚上|夜里|半夜)$")
_OF_PARTS = re.compile(f"(?:{_AMOUNT}|小时|个|岁|层)")
_ABOUT = re.compile(r"(?:[一两]二|两三|二三|三四|三五|四五|五六|六七|七八|八九)")
_BEFORE_NAME = re.compile(r"(?:第|星期|礼拜|周|初|老|小|大|十|几|数|好)$")
_IDIOMS = re.compile(
    r"""(?x)
    一五一十 | 三番五次 | 七上八下 | 四面八方 | 五花八门 | 乱七八糟 | 三心二意 | 接二连三 | 丢三落四 | 朝三暮四 |
    三三两两 | 四通八达 | 五颜六色 | 七嘴八舌 | 十有八九 | 九牛一毛 | 不管三七二十一 | 三七二十一 | 千方百计 | 千万 |
    万一 | 万分 | 百分百 | 一分一秒 | 一天到晚 | 三天两头 | 三天打鱼两天晒网 | 三更半夜 | 五湖四海 | 三轮 | 三农 |
    三包 | 四周 | 二维 | 二手 | 十字 | 三角 | 三明 | 四川 | 九江 | 两边 | 两旁 | 两侧 | 八成 | 九一八 | 二人转 |
    一百一
    """
)
_POSITIONAL = re.compile(f"[{_DIGIT}]+")
_READ = str.maketrans("幺〇", "一零")
_LATIN = str.maketrans("零〇一二三四五六七八九幺", "001234567891")
_LARGE = re.compile(r"^(?P<head>.+)(?P<unit>[万亿])$")


def numbers(text: str) -> Iterator[tuple[int, int, str]]:
    """(from, to, digits) of every stretch of ``text`` that is a number, in order; they do not overlap."""
    kept = [match.span() for match in _IDIOMS.finditer(text)]
    for match in _RUN.finditer(text):
        if any(start < match.end() and match.start() < end for start, end in kept):
            continue
        yield from _number(text, match)


def _number(text: str, match: re.Match[str]) -> Iterator[tuple[int, int, str]]:
    before, whole, part = text[: match.start()], match["whole"], match["part"]
    start = match.start("whole")
    if match["percent"]:
        digits = _value(whole)
        if digits:
            yield match.start(), match.end(), f"{digits}{'.' + part.translate(_LATIN) if part else ''}%"
        return
    after = text[match.end() :]
    if part and _is_fraction(part, after):
        digits = _value(whole)
        if digits:
            yield start, match.end(), f"{digits}.{part.translate(_LATIN)}"
        return
    if part:  # 三点五十, 七点二十: a time of day, two numbers
        yield from _plain(before, whole, text[match.end("whole") :], start)
        minutes = re.match(f"[{_NUMERAL}]+", text[match.start("part") :])
        if minutes and len(minutes[0]) > 1 and (digits := _value(minutes[0])):
            yield match.start("part"), match.start("part") + len(minutes[0]), digits
        return
    yield from _plain(before, whole, after, start)


def _plain(before: str, whole: str, after: str, start: int) -> Iterator[tuple[int, int, str]]:
    if _counts(before, whole, after) and (digits := _value(whole)):
        yield start, start + len(whole), digits


def _is_fraction(part: str, after: str) -> bool:
    if after[:1] in ("十", "百"):
        return False
    return len(part) > 1 or bool(_OF_PARTS.match(after))


def _counts(before: str, whole: str, after: str) -> bool:
    """Whether it says how many or which one, and is no name and no estimate."""
    if _POSITIONAL.fullmatch(whole) and len(whole) > 1:
        return len(whole) > 2 or (after.startswith("年") and not _ABOUT.fullmatch(whole))
    if _ABOUT.search(whole) or whole[0] in "百千万亿" or (len(whole) == 1 and _BEFORE_NAME.search(before)):
        return False
    if whole == "一":
        of_date = after.startswith("日") and before.endswith("月")
        return bool(_OF_ONE.match(after)) or of_date or (after.startswith("点") and bool(_MORNING.search(before)))
    return bool(_MEASURE.match(after)) or len(whole) > 2


def _value(whole: str) -> str:
    """In digits; 三百万 stays 300万; empty when it is no number."""
    if _POSITIONAL.fullmatch(whole):
        return whole.translate(_LATIN)
    large = _LARGE.match(whole)
    if large and (head := _value(large["head"])):
        return head + large["unit"]
    try:
        return str(cn2an.cn2an(whole.translate(_READ), "smart"))
    except (ValueError, KeyError, IndexError):
        return ""
