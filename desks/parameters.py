"""The parameters of a request: one table entry reads a value, refuses what does not fit, and describes itself for OpenAPI."""

from __future__ import annotations

import base64
import datetime as dt
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any

import msgspec
from multidict import MultiMapping

from ami_bridge.figures.metrics import NAMES
from ami_bridge.figures.windows import NAMES as WINDOWS
from ami_bridge.lines import OUTCOMES
from desks.errors import RefusedError
from hotline.clock import SHANGHAI

_DATE = re.compile(r"\d{4}-\d{2}-\d{2}")
_TEXT = re.compile(r"[\w.:@*#+-]{1,80}")
_FIRST, _LAST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC)
_LARGEST_PAGE, _PAGE = 500, 100


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter: ``read`` turns text into a value or raises ``RefusedError``; ``default`` stands when it is not given."""

    name: str
    read: Callable[[str, str], Any]
    schema: dict[str, Any]
    chinese: str
    english: str
    needed: bool = False
    default: Any = None


def moment(name: str, text: str) -> dt.datetime:
    """An ISO 8601 time with zone; or a date: Shanghai's day, whose beginning it is, and whose end when ``name`` is ``to``."""
    try:
        if _DATE.fullmatch(text):
            day = dt.datetime.fromisoformat(text).replace(tzinfo=SHANGHAI)
            return within(name, day + dt.timedelta(days=name == "to"))
        at = dt.datetime.fromisoformat(text[:11] + text[11:].replace(" ", "+"))  # a plus sign that was not escaped
    except (ValueError, OverflowError):
        raise RefusedError("bad_time", parameter=name) from None
    if at.tzinfo is None:
        raise RefusedError("bad_time", parameter=name)
    return within(name, at)


def within(name: str, at: dt.datetime) -> dt.datetime:
    """The time in UTC, when it is one that a figure can be of."""
    try:
        if _FIRST <= at <= _LAST:
            return at.astimezone(dt.UTC)
    except OverflowError:
        pass
    raise RefusedError("bad_time", parameter=name)


def name_of(name: str, text: str) -> str:
    """A queue, a skill, a node: a word that exists or does not."""
    if not _TEXT.fullmatch(text):
        raise RefusedError("bad_text", parameter=name)
    return text


def one_of(allowed: Sequence[str]) -> Callable[[str, str], str]:
    """One of these words."""

    def read(name: str, text: str) -> str:
        if text not in allowed:
            raise RefusedError("bad_choice", parameter=name, allowed=list(allowed))
        return text

    return read


def words_of(allowed: Sequence[str] | None) -> Callable[[str, str], tuple[str, ...]]:
    """Words with commas between them, each one of these; or any names."""

    def read(name: str, text: str) -> tuple[str, ...]:
        each = one_of(allowed) if allowed else name_of
        return tuple(each(name, word) for word in text.split(","))

    return read


def number_of_page(name: str, text: str) -> int:
    """From 1."""
    if not re.fullmatch(r"[1-9][0-9]{0,3}", text):
        raise RefusedError("bad_number", parameter=name, least=1, most=9999)
    return int(text)


def words(name: str, text: str) -> str:
    """What somebody looks for, in a few words."""
    if len(text) > 100 or not text.isprintable():
        raise RefusedError("bad_text", parameter=name)
    return text


def yes_no(name: str, text: str) -> bool:
    """``true`` or ``false``."""
    return one_of(("true", "false"))(name, text) == "true"


def page_size(name: str, text: str) -> int:
    """From 1 to the largest page."""
    if not re.fullmatch(r"[0-9]{1,4}", text) or not 1 <= int(text) <= _LARGEST_PAGE:
        raise RefusedError("bad_number", parameter=name, least=1, most=_LARGEST_PAGE)
    return int(text)


_Text = Annotated[str, msgspec.Meta(pattern=r"^[\w.:@-]{1,100}$")]
Place = tuple[Annotated[dt.datetime, msgspec.Meta(tz=True)], _Text, _Text, Annotated[int, msgspec.Meta(ge=0, le=32767)]]
"""Where a page ended: start, node, call, number."""


def cursor(name: str, text: str) -> Place:
    """What ``cursor_text`` made."""
    try:
        place: Place = msgspec.json.decode(base64.urlsafe_b64decode(text), type=Place)
        within(name, place[0])
        return place
    except (ValueError, msgspec.DecodeError, RefusedError):
        raise RefusedError("bad_cursor", parameter=name) from None


def cursor_text(place: Place) -> str:
    """For the next page's ``after``."""
    return base64.urlsafe_b64encode(msgspec.json.encode(place)).decode()


_TIME = {"type": "string", "format": "date-time"}
_WORD = {"type": "string", "pattern": f"^{_TEXT.pattern}$"}


def _words(allowed: Sequence[str]) -> dict[str, Any]:
    return {"type": "string", "enum": list(allowed)}


FROM = Parameter(name="from", read=moment, schema=_TIME, chinese="开始时间(含)", english="Beginning (included)", needed=True)
TO = Parameter(
    name="to",
    read=moment,
    schema=_TIME,
    chinese="结束时间(不含);日期则含当日",
    english="End (not included); a date includes its day",
    needed=True,
)
QUEUE = Parameter(name="queue", read=name_of, schema=_WORD, chinese="队列", english="Queue")
SKILL = Parameter(name="skill", read=name_of, schema=_WORD, chinese="技能", english="Skill")
NODE = Parameter(name="node", read=name_of, schema=_WORD, chinese="节点", english="Node")
BY = Parameter(
    name="by",
    read=one_of(("queue", "day", "hour")),
    schema=_words(("queue", "day", "hour")),
    chinese="分组",
    english="Grouped by",
)
OUTCOME = Parameter(
    name="outcome", read=one_of(OUTCOMES), schema=_words(OUTCOMES), chinese="人工请求结果", english="Outcome of a request"
)
RATE = Parameter(name="rate", read=one_of(NAMES), schema=_words(NAMES), chinese="指标", english="Figure", needed=True)
PARTS = ("counted", "counted_in_denominator", "excluded")
PART = Parameter(name="part", read=one_of(PARTS), schema=_words(PARTS), chinese="在指标中的位置", english="Part in the figure")
BASES = ("raw", "net")
BASIS = Parameter(
    name="basis",
    read=one_of(BASES),
    schema=_words(BASES),
    chinese="原始或剔除后",
    english="Raw, or net of exclusions",
    default="raw",
)
LIMIT = Parameter(
    name="limit",
    read=page_size,
    schema={"type": "integer", "minimum": 1, "maximum": _LARGEST_PAGE, "default": _PAGE},
    chinese="每页行数",
    english="Lines in a page",
    default=_PAGE,
)
AGENT = Parameter(name="agent", read=name_of, schema=_WORD, chinese="坐席", english="Agent")
PAGE = Parameter(
    name="page",
    read=number_of_page,
    schema={"type": "integer", "minimum": 1, "maximum": 9999, "default": 1},
    chinese="第几页",
    english="Which page",
    default=1,
)
TEXT = Parameter(
    name="text",
    read=words,
    schema={"type": "string", "maxLength": 100},
    chinese="关键词",
    english="Words to look for",
    default="",
)
CATEGORY = Parameter(
    name="category",
    read=words,
    schema={"type": "string", "maxLength": 100},
    chinese="分类,如 C1 或 C1/路灯",
    english="Category, such as C1 or C1/路灯",
    default="",
)
AFTER = Parameter(name="after", read=cursor, schema={"type": "string"}, chinese="上一页的 next", english="The page before's next")
SHOWN_WINDOWS = Parameter(
    name="windows",
    read=words_of(WINDOWS),
    schema={"type": "string"},
    chinese="只要这些时间窗口,逗号分隔",
    english="Only these windows, with commas",
)
SHOWN_VIEWS = Parameter(
    name="views",
    read=words_of(None),
    schema={"type": "string"},
    chinese="只要这些视图,逗号分隔",
    english="Only these views, with commas",
)


def flag(name: str, chinese: str, english: str, *, default: bool) -> Parameter:
    """A parameter that is ``true`` or ``false``."""
    schema = {"type": "boolean", "default": default}
    return Parameter(name=name, read=yes_no, schema=schema, chinese=chinese, english=english, default=default)


def word(name: str, chinese: str, english: str) -> Parameter:
    """A parameter that is a word, or is not given."""
    return Parameter(name=name, read=name_of, schema=_WORD, chinese=chinese, english=english, default="")


def choice(name: str, allowed: tuple[str, ...], chinese: str, english: str, default: str | None = "") -> Parameter:
    """A parameter that is one of these, or is not given."""
    schema = {"type": "string", "enum": list(allowed)}
    return Parameter(name=name, read=one_of(allowed), schema=schema, chinese=chinese, english=english, default=default)


def read(table: Sequence[Parameter], given: MultiMapping[str]) -> Mapping[str, Any]:
    """Every parameter of the table by name; raises ``RefusedError`` for the first that does not fit."""
    known = {parameter.name for parameter in table}
    for name in given:
        if name not in known:
            raise RefusedError("unknown_parameter", parameter=name[:80], allowed=sorted(known))
        if len(given.getall(name)) > 1:
            raise RefusedError("repeated_parameter", parameter=name)
    found = {parameter.name: _value(parameter, given) for parameter in table}
    begin, end = found.get("from"), found.get("to")
    if begin and end and begin >= end:
        raise RefusedError("bad_interval", **{"from": begin, "to": end})
    return found


def _value(parameter: Parameter, given: MultiMapping[str]) -> Any:
    text = given.get(parameter.name)
    if text is not None:
        return parameter.read(parameter.name, text)
    if parameter.needed:
        raise RefusedError("missing_parameter", parameter=parameter.name)
    return parameter.default
