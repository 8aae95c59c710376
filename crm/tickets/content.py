"""What texts say and do not say: elements of an answer, forbidden words, empty phrases, the citizen named in a text. Pure.

RPL-02 to RPL-06, TKT-10, TKT-13. Texts are compared after Unicode normalisation (NFKC), without white space: a space or a
full-width letter hides nothing.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator

import msgspec

from crm.tickets.orders import Commit, Reply, Values
from crm.tickets.ticket import Identity, Ticket

LEAST_CONTENT = 4
"""So many characters must be left of an answer when empty phrases and words that say nothing are taken away."""
_WORD = re.compile(r"[\u3400-\u9fff\uf900-\ufaff]|[^\W\d_]+|\d+")
_INVISIBLE = re.compile(r"[\s\u200b-\u200f\u2028-\u202f\u2060\ufeff]+")
_TIME = re.compile(
    r"\d+(年|月|日|号|天|周|小时|时|点|个工作日|:)|[一二三四五六七八九十]+(月|日|号|天|周|小时|个工作日)"
    r"|(今|明|后|当)[天日]|本[周月]"
)
_EMPTY_WORDS = (
    "您好 您 你 我单位 我局 我们 贵 相关 有关 部门 单位 人员 工作人员 工作 科室 领导 该 此 本 问题 情况 事项 事宜 反映 诉求"
    " 市民 群众 来电人 投诉人 请 耐心 等待 谅解 感谢 支持 理解 知悉 积极 及时 认真 尽快 尽早 立即 进行 处理 解决 办理"
    " 落实 跟进 核实 研究 协调 联系 安排 督促 妥善 得到 做好 加强 进一步 一步 下 予以 给予 后续 目前 现 已 正 将 会 并 对 于"
    " 等 的 地 得 与 和 由 向 其 之 中 也 请您 谢谢 收到 同意 无 好 是"
)
_FILLERS = sorted(_EMPTY_WORDS.split(), key=len, reverse=True)
_IDENTITY = ("caller_name", "workplace", "home_address", "caller_phone", "calling_number", "callback_phone")
_HIDDEN = {
    "name": ("caller_name",),
    "phone": ("caller_phone", "calling_number", "callback_phone"),
    "workplace": ("workplace", "home_address"),
    "result": (),
    "all": _IDENTITY,
}
"""What the citizen wants hidden -> which fields of the identity that is (TKT-14); a sensitive result is none of them (SEC-09)."""


def normal(text: str) -> str:
    """As texts are compared: without white space, invisible characters, and differences of width and case."""
    return _INVISIBLE.sub("", unicodedata.normalize("NFKC", text)).casefold()


def words(text: str) -> int:
    """How many words: each Chinese character is one (TKT-10)."""
    return len(_WORD.findall(text))


def missing(reply: Reply) -> list[str]:
    """The elements that this answer lacks (RPL-02 to RPL-04): names of fields.

    Basis, present state and result always; what is to be done and is not done yet needs its day; what is not true, or cannot be
    solved, needs the policy that says so.
    """
    lacking = [name for name in ("basis", "present_state", "result") if not getattr(reply, name).strip()]
    refused = reply.is_true == "no" or reply.solvable == "no"
    planned = reply.promised_on if isinstance(reply, Commit) else reply.planned_on
    if refused and not reply.policy.strip():
        lacking.append("policy")
    if not refused and reply.outcome != "resolved" and planned is None:
        lacking.append("planned_on")
    return lacking


def contradicts(reply: Reply) -> bool:
    """Whether the outcome (GEN-16) does not go with what is said about truth and solvability (RPL-03)."""
    if isinstance(reply, Commit) and reply.outcome != "planned":
        return True
    return {
        "resolved": reply.is_true == "no" or reply.solvable != "yes",
        "planned": reply.is_true == "no" or reply.solvable == "no",
        "explained": False,
        "not_true": reply.is_true == "yes",
    }[reply.outcome]


def answers(reply: Reply) -> str:
    """All that the citizen would read."""
    return "\n".join(text for text in texts(reply) if text)


def forbidden(text: str, banned: Iterable[str]) -> list[str]:
    """The forbidden words in it (RPL-05)."""
    plain = normal(text)
    return [word for word in banned if word and normal(word) in plain]


def empty_phrases(text: str, phrases: Iterable[str]) -> list[str]:
    """The phrases in it that may stand for having done nothing (RPL-06)."""
    plain = _flat(text)
    return [phrase for phrase in phrases if phrase and _flat(phrase) in plain]


def is_empty(text: str, phrases: Iterable[str]) -> bool:
    """Whether nothing is said when such phrases, and words without content, are taken away (RPL-06)."""
    plain = _flat(text)
    for phrase in sorted(map(_flat, phrases), key=len, reverse=True):
        plain = plain.replace(phrase, " ") if phrase else plain
    for filler in _FILLERS:
        plain = plain.replace(filler, " ")
    return sum(one.isalnum() for one in plain) < LEAST_CONTENT


def says_when(text: str) -> bool:
    """Whether a day or a time limit is named in it."""
    return bool(_TIME.search(normal(text)))


def _flat(text: str) -> str:
    """Normal, and without the particles that only lengthen a phrase: 已经安排了 is 已安排."""
    return normal(text).replace("已经", "已").replace("正在", "正").replace("了", "")


def names_citizen(identity: Identity, hidden: Iterable[str], given: Iterable[str]) -> bool:
    """Whether one of the texts gives away what is to be hidden of the citizen (TKT-13, SEC-03).

    A name has two characters at least, a telephone number seven digits (its last eleven count, however it is written), an address
    or a workplace four characters: shorter ones would be found everywhere.
    """
    fields = {field for what in hidden for field in _HIDDEN[what]}
    plain = normal("\n".join(given))
    digits = re.sub(r"(?<=\d)[-().+*]+(?=\d)", "", plain)
    for field in fields:
        value = normal(getattr(identity, field))
        if field in _HIDDEN["phone"]:
            number = value.removeprefix("+86").lstrip("+")
            if len(number) >= 7 and number in digits:
                return True
        elif len(value) >= (2 if field == "caller_name" else 4) and value in plain:
            return True
    return False


def hidden_in(action: str, ticket: Ticket) -> tuple[str, ...]:
    """What must not be in the texts of an order: of what is published nothing at all of the citizen (SEC-03)."""
    return ("all",) if action == "publish" else ticket.hidden


def of_ticket(ticket: Ticket) -> tuple[str, ...]:
    """The texts of a ticket that a unit reads."""
    return (ticket.content, ticket.event_time, ticket.event_place, ticket.persons, ticket.demand, ticket.answer)


def texts(values: Values) -> Iterator[str]:
    """Every free text of an order."""
    for value in msgspec.structs.astuple(values):
        if isinstance(value, str):
            yield value
        elif isinstance(value, tuple):
            yield from (one for one in value if isinstance(one, str))
