"""What may be wrong in a flow file, in both languages: one entry a problem, what it is and how to mend it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from ivr_flows.errors import Problem, Words

Four = tuple[str, str, str, str]

TABLE: Mapping[str, Four] = MappingProxyType(
    {
        # code: what (zh, en), how to mend it (zh, en)
        "not_toml": (
            "不是正确的 TOML：{detail}",
            "not TOML: {detail}",
            "参见 docs/flows.zh-CN.md 的示例",
            "see the examples in docs/flows.md",
        ),
        "twice": (
            "同一个键写了两次：{detail}",
            "a key is there twice: {detail}",
            "只保留其中一个",
            "keep one of them",
        ),
        "too_large": (
            "文件有 {size} 字节，超过 {most} 字节",
            "the file has {size} bytes, more than {most}",
            "拆分或精简流程",
            "make the flow smaller",
        ),
        "too_deep": (
            "表嵌套得太深",
            "tables are nested too deeply",
            "每个节点写一个表",
            "write one table a node",
        ),
        "misfit": (
            "{where}：取值不对（{detail}）",
            "{where}: {detail}",
            "参见 docs/flows.zh-CN.md 中该字段的取值",
            "see docs/flows.md for what this field takes",
        ),
        "unknown_field": (
            "{where}：没有字段 {field}",
            "{where}: {field!r} is not a field here",
            "参见 docs/flows.zh-CN.md 中该动词的字段",
            "see docs/flows.md for the fields of this verb",
        ),
        "bad_name": (
            "{name} 不能作为名称",
            "{name!r} cannot be a name",
            "只用小写字母、数字和连字符，以字母或数字开头，最多 40 个",
            "small letters, digits and hyphens, at most 40, beginning with one of the first two",
        ),
        "unknown_verb": (
            "{node}：没有动词 {verb}",
            "{node}: the verb {verb} is not known",
            "使用其中之一：{known}",
            "use one of {known}",
        ),
        "unknown_default": (
            "[exits.{name}]：没有这个动词",
            "[exits.{name}]: there is no such verb",
            "使用其中之一：{known}",
            "use one of {known}",
        ),
        "idle_default": (
            "[exits.{name}]：没有节点会用到出口 {exit}",
            "[exits.{name}]: no node has an exit {exit!r}",
            "改正名称或删去该行",
            "correct its name, or take the line out",
        ),
        "no_languages": (
            "languages 中没有语言，或有重复",
            "languages names none, or one twice",
            '写成 languages = ["zh", "en"] 或 ["zh"]',
            'write languages = ["zh", "en"] or ["zh"]',
        ),
        "no_inbound": (
            "[entry] 中没有 inbound：来电无处开始",
            "[entry] has no inbound: a call has nowhere to begin",
            '加上 inbound = "节点名"',
            'add inbound = "the first node"',
        ),
        "entry_nowhere": (
            "入口 {entry} 指向不存在的节点 {node}",
            "the entry {entry} leads to {node!r}, which is no node",
            "改成存在的节点，或添加 [nodes.{node}]{guess_zh}",
            "name a node, or add [nodes.{node}]{guess_en}",
        ),
        "missing_exit": (
            "{node}：{verb} 缺少出口 {exit}",
            "{node}: {verb} lacks the exit {exit!r}",
            "在该节点的 exits 或 [exits.{verb}] 中写明它通向哪里",
            "say where it leads, in the node's exits or in [exits.{verb}]",
        ),
        "exit_nowhere": (
            "{node}：出口 {exit} 指向不存在的节点 {target}",
            "{node}: the exit {exit!r} leads to {target!r}, which is no node",
            "改成存在的节点，或添加 [nodes.{target}]{guess_zh}",
            "name a node, or add [nodes.{target}]{guess_en}",
        ),
        "unknown_exit": (
            "{node}：{verb} 没有出口 {exit}",
            "{node}: {verb} has no exit {exit!r}",
            "它的出口是：{known}",
            "its exits are: {known}",
        ),
        "limit_exit": (
            "{node}：有出口 limit，却没有设 limit",
            "{node}: there is an exit limit, but no limit is set",
            "加上 limit = 3，或删去该出口",
            "add limit = 3, or take the exit out",
        ),
        "unreachable": (
            "{node}：没有任何路径通到这里",
            "{node}: no way leads here",
            "让某个出口通向它，或删去该节点",
            "let an exit lead to it, or take it out",
        ),
        "not_quiet": (
            "{node}：{verb} 在挂机之后（经 {origin}）执行，但它需要来电人在线",
            "{node}: {verb} comes after a hang-up (through {origin}), but it needs the caller",
            "挂机之后只能是 set、goto 或 hangup",
            "after a hang-up only set, goto or hangup may follow",
        ),
        "endless": (
            "{way}：来电人什么也不做也会一直循环",
            "{way}: goes round without the caller doing anything",
            "在其中一个节点加上 limit = 3 和出口 limit，或让出口通向别处",
            "add limit = 3 and an exit limit to one of them, or lead an exit elsewhere",
        ),
        "no_key": (
            "{node}：菜单没有任何按键",
            "{node}: a menu without any key",
            '在 exits 中加上按键，例如 1 = "节点名"',
            'add a key to its exits, such as 1 = "a node"',
        ),
        "shortest": (
            "{node}：shortest（{shortest}）大于 longest（{longest}）",
            "{node}: shortest ({shortest}) is more than longest ({longest})",
            "对调二者，或改其中一个",
            "change one of them",
        ),
        "no_values": (
            "{node}：goto 写了 on，却没有以变量值命名的出口",
            "{node}: a goto with on, but no exit is named after a value",
            '加上如 policy = "节点名" 的出口，或删去 on',
            'add an exit such as policy = "a node", or take on out',
        ),
        "unknown_queue": (
            "{node}：没有队列 {queue}",
            "{node}: there is no queue {queue!r}",
            "使用其中之一：{known}，或在设置中添加 [queues.{queue}]{guess_zh}",
            "use one of {known}, or add [queues.{queue}] to the settings{guess_en}",
        ),
        "key_not_offered": (
            "{node}：排队时不提供按键 {key}",
            "{node}: the queue does not offer the key {key}",
            "排队按键由设置 queue.exit_keys 决定，现为 {keys}",
            "the setting queue.exit_keys says which it offers, now {keys}",
        ),
        "key_not_led": (
            "{node}：排队时可按 {key}，但该节点没有这个出口",
            "{node}: a waiting caller may press {key}, and the node has no such exit",
            "为按键 {key} 加上出口，或修改设置 queue.exit_keys（现为 {keys}）",
            "add an exit for {key}, or change the setting queue.exit_keys (now {keys})",
        ),
        "unknown_lookup": (
            "{node}：没有查询 {what}",
            "{node}: there is no look-up {what!r}",
            "使用其中之一：{known}",
            "use one of {known}",
        ),
        "unknown_argument": (
            "{node}：查询 {what} 没有参数 {argument}",
            "{node}: the look-up {what} takes no argument {argument!r}",
            "它的参数是：{known}",
            "its arguments are: {known}",
        ),
        "unknown_variable": (
            "{node}：变量 {variable} 从未被赋值",
            "{node}: nothing ever sets the variable {variable!r}",
            "可用的变量：{known}",
            "what there is: {known}",
        ),
        "unknown_how": (
            "{node}：{item} 的读法 {how} 不存在",
            "{node}: {item}: {how!r} is no way to say a value",
            "使用其中之一：{known}",
            "use one of {known}",
        ),
        "bad_item": (
            "{node}：{item} 既不是提示音名称，也不是 {{变量|读法}}",
            "{node}: {item!r} is neither the name of a prompt nor {{variable|how}}",
            "参见 docs/flows.zh-CN.md",
            "see docs/flows.md",
        ),
        "bad_template": (
            "{node}：{item} 中的花括号不成对，或其中不是变量",
            "{node}: the braces in {item!r} do not hold a variable",
            "写成 {{变量}}",
            "write {{variable}}",
        ),
        "unknown_disposition": (
            "{node}：流程不能给出结果 {disposition}",
            "{node}: a flow cannot give the disposition {disposition!r}",
            "使用其中之一：{known}",
            "use one of {known}",
        ),
        "bad_number": (
            "{node}：{item} 不是电话号码",
            "{node}: {item!r} is no telephone number",
            "只写数字，或写 {{变量}}",
            "write digits, or {{variable}}",
        ),
        "no_prompt": (
            "{node}：没有提示音 {prompt}",
            "{node}: there is no prompt {prompt!r}",
            "在 texts.tsv 中写明文字，并配好录音{guess_zh}",
            "give it a text in texts.tsv and a recording{guess_en}",
        ),
        "no_text": (
            "{node}：提示音 {prompt} 没有 {language} 文字",
            "{node}: the prompt {prompt!r} has no text in {language}",
            "在 prompts/{language}/texts.tsv 中补上",
            "add it to prompts/{language}/texts.tsv",
        ),
        "no_audio": (
            "{node}：提示音 {prompt} 没有 {language} 录音",
            "{node}: the prompt {prompt!r} has no recording in {language}",
            "补录 prompts/{language}/{prompt}.wav",
            "record prompts/{language}/{prompt}.wav",
        ),
    }
)


def problem(code: str, line: int, **values: object) -> Problem:
    """The problem ``code`` at ``line``; raises ``KeyError`` for a code or a value that is not there."""
    what_zh, what_en, mend_zh, mend_en = (text.format(**values) for text in TABLE[code])
    return Problem(line, code, Words(what_zh, what_en), Words(mend_zh, mend_en))
