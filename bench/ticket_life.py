"""A hotline's tickets to load: five years of them with their history, callers, tasks, words, and clocks of the open ones.

Made by the server itself from a few thousand sentences, each cut into words once; nothing is random, so that two runs compare.
The newest 200,000 tickets are open, whatever the total: that is what desks, units and the sweep work on.
"""

from __future__ import annotations

import datetime as dt
import itertools

import asyncpg

from bench.figure import say
from crm.knowledge import words
from hotline import clock

UNITS, OPEN, EVENTS_EACH, ENTRIES = 300, 200_000, 10, 15_000
FIRST_DAY = dt.date(2022, 1, 1)
_PLACES = (
    "幸福小区", "阳光花园", "东风路", "解放北街", "湖滨公园", "第二中学",
    "人民医院", "火车站广场", "工业园区", "李家村", "建设路菜市场", "新城一期",
)  # fmt: skip
_THINGS = (
    "路灯", "下水道", "垃圾桶", "井盖", "供暖", "自来水", "物业服务",
    "停车位", "夜间施工噪声", "公交站牌", "电梯", "社保卡", "房产证", "学校收费", "出租车",
    "拖欠工资", "广场舞噪声", "流浪犬", "违章建筑", "燃气",
)  # fmt: skip
_TROUBLES = (
    "不亮已有三天", "堵塞无人清理", "损坏影响出行", "温度不达标", "经常停用", "收费不合规定",
    "投诉多次没有回复", "存在安全隐患", "居民反映强烈", "办理手续复杂",
    "希望尽快维修", "市民请求协调处理",
    "夜间影响休息", "请有关部门核实", "要求说明原因", "建议增加设施",
)  # fmt: skip

_UNITS = """
INSERT INTO units (code, name, parent, numbers, level)
SELECT 'B' || lpad(n::text, 3, '0'), '承办单位' || n, CASE WHEN n > 30 THEN 'B' || lpad((n % 30 + 1)::text, 3, '0') END,
       jsonb_build_array(jsonb_build_object('number', '8300' || lpad(n::text, 4, '0'), 'line', 'office')), 'county'
FROM generate_series(1, $1::int) AS n
"""
_SENTENCES = "CREATE TABLE bench_sentences (n integer PRIMARY KEY, text text NOT NULL, words text[] NOT NULL)"
_DAY = "($1::date + (k / $3)::int)"
_BASE = f"""
CREATE TABLE bench_tickets AS
SELECT k, to_char({_DAY}, 'YYYYMMDD')::bigint * 100000 + k % $3 + 1 AS ticket_id,
       ({_DAY}::timestamp + interval '8 hours' + (k % $3) * interval '36000 seconds' / $3) AT TIME ZONE 'Asia/Shanghai' AS at,
       hashint8(k) & 1073741823 AS h, k >= $2 - $4 AS is_open
FROM generate_series(0, $2 - 1) AS k
"""
_TICKETS = """
INSERT INTO tickets (ticket_id, channel, state, profile, made_at, made_by, updated_at, accept_agent, content, event_place, demand,
                     nature, category, territory, urgent, lead_unit, dispatched_at, received_at, due_at, replied_at,
                     closing_ground,
                     process_satisfaction, result_satisfaction, solved, closed_at, version, call_id, node)
SELECT b.ticket_id, 'telephone', state, 'dezhou', b.at, agent, b.at, agent, one.text || two.text, two.text,
       '请尽快处理',
       (ARRAY['consult', 'help', 'complaint', 'suggest'])[h % 4 + 1], 'C' || (h % 9 + 1) || '.0' || (h / 9 % 9 + 1), '',
       h % 97 = 0,
       CASE WHEN state = 'pending_dispatch' THEN '' ELSE unit END,
       CASE WHEN state <> 'pending_dispatch' THEN b.at + interval '2 hours' END,
       CASE WHEN state NOT IN ('pending_dispatch', 'dispatched') THEN b.at + interval '3 hours' END,
       now() + ((h / 7) % 200 - 40) * interval '1 hour', CASE WHEN NOT is_open THEN b.at + interval '3 days' END,
       CASE WHEN NOT is_open THEN 'callback' END, CASE WHEN NOT is_open THEN 'satisfied' END,
       CASE WHEN NOT is_open THEN 'satisfied' END,
       CASE WHEN NOT is_open THEN true END, CASE WHEN NOT is_open THEN b.at + interval '4 days' END,
       $3::int, 'bench-' || k, 'node1'
FROM bench_tickets AS b
JOIN bench_sentences AS one ON one.n = h % $4 JOIN bench_sentences AS two ON two.n = h / 64 % $4,
LATERAL (SELECT CASE WHEN NOT is_open THEN 'closed'
                     ELSE (ARRAY['pending_dispatch', 'dispatched', 'dispatched', 'received', 'callback_pending'] || array_fill(
                              'in_progress'::text, '{5}'))[h % 10 + 1] END AS state,
                (1001 + h % 60)::text AS agent, 'B' || lpad((h / 11 % $5 + 1)::text, 3, '0') AS unit) AS drawn
WHERE k >= $1 AND k < $2
"""
_IDENTITIES = """
INSERT INTO ticket_identities (ticket_id, caller_id, caller_name, caller_phone, calling_number, callback_phone)
SELECT ticket_id, md5('caller' || (h % $3::int))::uuid, '市民' || h % $3::int, number, number, number
FROM bench_tickets, LATERAL (SELECT (13000000000 + h % $3::int)::text AS number) AS drawn WHERE k >= $1 AND k < $2
"""
_EVENTS = """
INSERT INTO ticket_events (ticket_id, seq, at, actor, role, action, from_state, to_state, reason, detail)
SELECT ticket_id, seq, at + seq * interval '3 hours', '1003', 'agent', 'note', 'in_progress', 'in_progress',
       '按规定时限催办',
       '{"changed": {"nature": ["help", "complaint"]}, "text": "已与承办单位联系，正在现场核实情况"}'
FROM bench_tickets, generate_series(1, $3::int) AS seq WHERE k >= $1 AND k < $2
"""
_TASKS = """
INSERT INTO ticket_tasks (task_id, ticket_id, unit, kind, given_by, given_at, ended_at, ended_by)
SELECT md5('task' || t.ticket_id)::uuid, t.ticket_id, lead_unit, 'lead', 'zhuanban', dispatched_at, replied_at,
       CASE WHEN replied_at IS NULL THEN '' ELSE 'replied' END
FROM bench_tickets AS b JOIN tickets AS t ON t.ticket_id = b.ticket_id WHERE k >= $1 AND k < $2 AND lead_unit <> ''
"""
_WORDS = """
INSERT INTO ticket_words (ticket_id, words)
SELECT t.ticket_id, array_to_tsvector(ARRAY(SELECT DISTINCT unnest(one.words || two.words
           || ARRAY['c:C' || (h % 9 + 1), 'c:' || t.category, 'n:' || t.nature]
           || CASE WHEN lead_unit = '' THEN '{}' ELSE ARRAY['u:' || lead_unit] END)))
FROM bench_tickets AS b JOIN tickets AS t ON t.ticket_id = b.ticket_id
JOIN bench_sentences AS one ON one.n = h % $3 JOIN bench_sentences AS two ON two.n = h / 64 % $3
WHERE k >= $1 AND k < $2
"""
_CONTACTS = """
INSERT INTO ticket_contacts (contact_id, ticket_id, at, channel, kind, number, by)
SELECT md5('contact' || ticket_id)::uuid, ticket_id, at, 'telephone', 'first', (13000000000 + h % $3::int)::text, '1003'
FROM bench_tickets WHERE k >= $1 AND k < $2
"""
_CALLS = """
INSERT INTO calls (node, call_id, caller_number, dialled, started_at, answered_at, ended_at, disposition, source)
SELECT 'node1', 'bench-' || k, (13000000000 + h % $3::int)::text, '12345', at - interval '5 minutes', at - interval '5 minutes',
       at, 'answered', 'ami'
FROM bench_tickets WHERE k >= $1 AND k < $2
"""
_CALLERS = """
WITH made AS (
    INSERT INTO callers (caller_id, name, made_by, updated_by)
    SELECT md5('caller' || n)::uuid, '市民' || n, 'bench', 'bench' FROM generate_series(0, $1::int - 1) AS n RETURNING 1
)
INSERT INTO caller_numbers (number, caller_id)
SELECT (13000000000 + n)::text, md5('caller' || n)::uuid FROM generate_series(0, $1::int - 1) AS n
"""
_CLOCKS = """
INSERT INTO ticket_clocks (ticket_id, kind, round, unit, started_at, due_at, profile_version, facts, why, next_step, next_fire_at)
SELECT t.ticket_id, 'handle', 1, lead_unit, dispatched_at, due_at, $1, '{"nature": "help"}', '[]', 0,
       due_at - interval '9 hours 30 minutes'
FROM bench_tickets AS b JOIN tickets AS t ON t.ticket_id = b.ticket_id
WHERE is_open AND lead_unit <> '' AND t.state <> 'callback_pending'
"""
_ENTRIES = """
INSERT INTO knowledge_entries (entry_id, state, version, newest, kind, topic, title, body, answer, editor, made_at, changed_at,
                               released_at, released_by, heading_words, words)
SELECT md5('entry' || g)::uuid, 'released', 1, 1, 'answer', 'procedure', one.text || g, two.text || three.text,
       three.text, 'editor', now(), now(), now(), 'editor',
       setweight(array_to_tsvector(ARRAY(SELECT DISTINCT unnest(one.words))), 'A'),
       array_to_tsvector(ARRAY(SELECT DISTINCT unnest(one.words || two.words || three.words)))
FROM generate_series(1, $1::int) AS g
JOIN bench_sentences AS one ON one.n = (hashint4(g) & 1048575) % $2
JOIN bench_sentences AS two ON two.n = (hashint4(g + 1) & 1048575) % $2
JOIN bench_sentences AS three ON three.n = (hashint4(g + 2) & 1048575) % $2
"""
_PARTS = {
    "tickets": _TICKETS,
    "identities": _IDENTITIES,
    "events": _EVENTS,
    "tasks": _TASKS,
    "words": _WORDS,
    "contacts": _CONTACTS,
    "calls": _CALLS,
}
_BATCH = 100_000


def sentences() -> list[str]:
    """Every place with every thing and trouble."""
    return [f"{place}{thing}{trouble}，" for place, thing, trouble in itertools.product(_PLACES, _THINGS, _TROUBLES)]


async def load(owner: asyncpg.Connection, tickets: int, profile_version: int) -> int:
    """Load ``tickets`` tickets up to today, ten lines of history each; returns how many persons call."""
    texts, persons = sentences(), max(tickets // 5, 1)
    days = (clock.shanghai_now().date() - FIRST_DAY).days + 1
    a_day = -(-tickets // days)
    await owner.execute(_SENTENCES)
    rows = [(n, text, words.without_numbers(words.words(text))) for n, text in enumerate(texts)]
    await owner.copy_records_to_table("bench_sentences", records=rows)
    await owner.execute(_UNITS, UNITS)
    first = clock.shanghai_now().date() - dt.timedelta(days=tickets // a_day + 2)
    await owner.execute(_BASE, first, tickets, a_day, OPEN, timeout=3600)
    for half in range(2022 * 2, (clock.shanghai_now().year + 1) * 2):
        await owner.execute("SELECT ensure_ticket_words($1)", (half // 2 * 100 + (7 if half % 2 else 1)) * 10_000_000 + 1)
    arguments = {
        "tickets": (EVENTS_EACH, len(texts), UNITS),
        "events": (EVENTS_EACH,),
        "words": (len(texts),),
        "tasks": (),
    }
    for begin in range(0, tickets, _BATCH):
        for name, query in _PARTS.items():
            await owner.execute(query, begin, min(begin + _BATCH, tickets), *arguments.get(name, (persons,)), timeout=3600)
        say(f"tickets: {min(begin + _BATCH, tickets)} of {tickets}")
    await owner.execute(_CALLERS, persons, timeout=3600)
    await owner.execute(_CLOCKS, profile_version, timeout=3600)
    await owner.execute(_ENTRIES, ENTRIES, len(texts), timeout=600)
    await owner.execute("VACUUM (ANALYZE)", timeout=3600)
    return persons
