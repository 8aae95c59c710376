"""What the diagram calls verbs, exits and the rest, in Chinese and in English. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from ivr_flows.flow import (
    AnyNode,
    Callback,
    Dial,
    Enqueue,
    Fax,
    Gather,
    Goto,
    Hours,
    Lookup,
    Menu,
    Node,
    Record,
    Set,
    is_key,
)

Pair = tuple[str, str]
"""Chinese, English."""

VERBS: Mapping[str, Pair] = {
    "say": ("播放", "say"),
    "menu": ("菜单", "menu"),
    "gather": ("输入号码", "digits"),
    "hours": ("看日历", "calendar"),
    "lookup": ("查询", "look-up"),
    "record": ("留言", "message"),
    "enqueue": ("转人工", "agents"),
    "dial": ("转接", "transfer"),
    "fax": ("传真", "fax"),
    "callback": ("登记回电", "call-back"),
    "survey": ("满意度", "survey"),
    "set": ("标记", "mark"),
    "goto": ("分支", "branch"),
    "hangup": ("结束", "end"),
}
COLOURS: Mapping[str, str] = {
    "say": "#4a7fb5",
    "menu": "#1f4e8c",
    "gather": "#2b6ca3",
    "hours": "#8a6d1d",
    "lookup": "#6b4fa0",
    "record": "#a3542b",
    "enqueue": "#1d7a45",
    "dial": "#2f8f6b",
    "fax": "#7d5a3c",
    "callback": "#3b8f3b",
    "survey": "#a3356b",
    "set": "#70757d",
    "goto": "#8a6d1d",
    "hangup": "#3c3f45",
}
EXITS: Mapping[str, Pair] = {
    "next": ("", ""),
    "invalid": ("按错", "wrong key"),
    "timeout": ("超时", "too late"),
    "match": ("输入完", "entered"),
    "open": ("有人值班", "on duty"),
    "closed": ("不在服务时间", "closed"),
    "working_day": ("工作日", "working day"),
    "make_up_day": ("调休上班日", "make-up day"),
    "rest_day": ("休息日", "rest day"),
    "public_holiday": ("节假日", "holiday"),
    "night": ("夜间", "night"),
    "found": ("查到", "found"),
    "refused": ("不予告知", "refused"),
    "not_found": ("查无", "not found"),
    "saved": ("已留言", "saved"),
    "empty": ("没有留言", "nothing said"),
    "answered": ("通话结束", "after talking"),
    "full": ("队列已满", "queue full"),
    "busy": ("占线", "busy"),
    "no_answer": ("无人接听", "no answer"),
    "unavailable": ("接不通", "unavailable"),
    "sent": ("已发送", "sent"),
    "failed": ("未发送", "failed"),
    "queued": ("已登记", "queued"),
    "kept": ("已登记", "kept"),
    "rated": ("已评价", "rated"),
    "dissatisfied": ("不满意", "dissatisfied"),
    "not_rated": ("未评价", "not rated"),
    "limit": ("次数用完", "too often"),
    "error": ("出错", "fault"),
    "hangup": ("挂机", "hang-up"),
}
_SPECIAL: Mapping[tuple[type[Node], str], Pair] = {
    (Menu, "timeout"): ("不按键", "no key"),
    (Gather, "timeout"): ("不输入", "no digits"),
    (Gather, "invalid"): ("输错", "wrong digits"),
    (Enqueue, "timeout"): ("等候超时", "waited too long"),
    (Enqueue, "empty"): ("没有坐席", "no agents"),
    (Hours, "closed"): ("无人值班", "nobody on duty"),
    (Goto, "next"): ("其他", "else"),
}
KINDS: Mapping[str, Pair] = {
    "message": ("留言", "message"),
    "mailbox": ("市长信箱", "mayor's mailbox"),
    "complaint": ("投诉录音", "complaint"),
    "survey": ("评价说明", "why dissatisfied"),
}
LOOKUPS: Mapping[str, Pair] = {
    "ticket": ("工单办理结果", "result of a ticket"),
    "knowledge": ("政策与办事指南", "policies and procedures"),
    "hotline": ("其他热线", "other hotlines"),
    "caller": ("来电人名单", "lists of callers"),
    "announcement": ("突发公告", "announcement"),
    "wait": ("预计等候时间", "expected wait"),
}


def exit_label(node: AnyNode, name: str, place: int) -> str:
    """What the row of an exit says; ``place`` is 0 for Chinese, 1 for English."""
    if is_key(name) and isinstance(node, Menu | Gather | Enqueue):
        return f"{'按' if place == 0 else 'key'} {name}"
    pair = _SPECIAL.get((type(node), name)) or EXITS.get(name)
    return pair[place] if pair else name


def details(node: AnyNode, place: int, queues: Mapping[str, Pair]) -> list[str]:
    """What a node does that its prompts do not say; ``queues`` are their names, one that is not there has its own."""
    match node:
        case Hours():
            asked = {"staffed": ("是否有人值班", "are agents on duty?"), "situation": ("今天是什么日子", "what day is it?")}
            found = [asked[node.ask][place]]
        case Lookup():
            found = [LOOKUPS.get(node.what, (node.what, node.what))[place]]
        case Record():
            found = [KINDS[node.kind][place]]
        case Enqueue() | Callback():
            found = [queues.get(node.queue, (node.queue, node.queue))[place]]
        case Dial():
            found = [node.number]
        case Fax():
            found = [node.document if not node.number else f"{node.document} → {node.number}"]
        case Goto():
            found = [f"{'按变量' if place == 0 else 'by'} {node.on}"] if node.on else []
        case Gather():
            found = [f"{node.shortest}–{node.longest} {'位' if place == 0 else 'digits'} → {node.into}"]
        case Set():
            found = _marks(node)
        case _:
            found = []
    limit = [(f"最多 {node.limit} 次", f"at most {node.limit} times")[place]] if node.limit else []
    return [*(one.replace("{", "〔").replace("}", "〕") for one in found), *limit]


def _marks(node: Set) -> list[str]:
    values = [f"{name} = {value}" for name, value in node.values.items()]
    marks = {"language": node.language, "tag": node.tag, "disposition": node.disposition}
    return values + [f"{name}: {value}" for name, value in marks.items() if value]
