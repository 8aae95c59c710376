"""Many people at once on few tickets: whatever they do, nothing is lost, doubled or left behind (LIF-40, LIF-41)."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from typing import TYPE_CHECKING, Any

import asyncpg

from crm.errors import CODES, RefusedError
from crm.tickets.life_cycle import TABLE
from crm.tickets.ticket import ENDED
from tests.ticket_desk import NUMBER, Desk, with_desk
from tests.ticket_orders import FITTING
from tests.ticket_ways import PEOPLE, take

if TYPE_CHECKING:
    from tests.conftest import Postgres

SUBSCRIBED = """INSERT INTO webhook_subscriptions (subscription_id, name, url, secret, made_by)
    VALUES (gen_random_uuid(), 'province', 'https://example.org/x', 'x', 'x')"""
STATE = "SELECT state FROM tickets WHERE ticket_id = $1"
LAST = """SELECT seq, actor, action, from_state, to_state FROM ticket_events WHERE ticket_id = $1
    ORDER BY seq DESC LIMIT 12"""
PEOPLE_AT_ONCE, ORDERS = 20, 300
SOUND = {
    "a line of the history for each version": """
        SELECT t.ticket_id FROM tickets AS t, LATERAL (
            SELECT count(*) AS lines, max(seq) AS last FROM ticket_events AS e WHERE e.ticket_id = t.ticket_id
        ) AS told WHERE t.version <> lines OR t.version <> last""",
    "each line begins where the last one ended": """
        SELECT ticket_id FROM (
            SELECT ticket_id, seq, from_state, lag(to_state, 1, '') OVER (PARTITION BY ticket_id ORDER BY seq) AS was
            FROM ticket_events
        ) AS e WHERE from_state <> was""",
    "the last line ends where the ticket is": """
        SELECT ticket_id FROM tickets AS t
        WHERE state <> (SELECT to_state FROM ticket_events AS e WHERE e.ticket_id = t.ticket_id ORDER BY seq DESC LIMIT 1)""",
    "lines are in the order of time": """
        SELECT ticket_id FROM (
            SELECT ticket_id, at < lag(at) OVER (PARTITION BY ticket_id ORDER BY seq) AS back FROM ticket_events
        ) AS e WHERE back""",
    "a request is open exactly while the ticket waits for it": """
        SELECT ticket_id FROM tickets AS t
        WHERE (t.state IN ('return_requested', 'extension_requested', 'extension_second_review'))
           <> ((SELECT count(*) FROM ticket_requests AS r WHERE r.ticket_id = t.ticket_id AND r.decided_at IS NULL) = 1)""",
    "no clock runs in a ticket that is over": """
        SELECT ticket_id FROM tickets JOIN ticket_clocks USING (ticket_id)
        WHERE state IN ('answered', 'rejected', 'withdrawn', 'closed', 'archived') AND stopped_at IS NULL""",
    "a clock of each kind runs once": """
        SELECT ticket_id FROM ticket_clocks WHERE stopped_at IS NULL AND kind <> 'supervision' GROUP BY ticket_id, kind
        HAVING count(*) > 1""",
    "no unit has a ticket that is over": """
        SELECT ticket_id FROM tickets JOIN ticket_tasks USING (ticket_id)
        WHERE state IN ('answered', 'rejected', 'withdrawn', 'merged', 'closed', 'archived') AND ended_at IS NULL""",
    "one unit leads while units have it": """
        SELECT ticket_id FROM tickets AS t
        WHERE state IN ('dispatched', 'received', 'in_progress', 'return_requested', 'extension_requested',
                        'extension_second_review', 'reply_proposed', 'committed', 'redo')
          AND ARRAY[lead_unit] <> (SELECT coalesce(array_agg(unit), '{}') FROM ticket_tasks AS k
                                   WHERE k.ticket_id = t.ticket_id AND kind = 'lead' AND ended_at IS NULL)""",
    "a proposed reply waits exactly while the ticket does": """
        SELECT ticket_id FROM tickets AS t WHERE (state = 'reply_proposed')
            <> EXISTS (SELECT FROM ticket_replies AS p WHERE p.ticket_id = t.ticket_id AND p.state = 'proposed')""",
    "the menu says what is true": """
        SELECT ticket_id FROM tickets AS t JOIN ticket_answers AS a ON a.ticket_no = t.ticket_id::text
        WHERE t.state NOT IN ('merged', 'archived') AND a.state IS DISTINCT FROM CASE
            WHEN t.state IN ('replied', 'callback_pending', 'unreachable_1', 'review') THEN 'ticket-state-answered'
            WHEN t.state = 'redo' THEN 'ticket-state-returned'
            WHEN t.state IN ('dispatched', 'return_requested') THEN 'ticket-state-assigned'
            WHEN t.state IN ('received', 'in_progress', 'extension_requested', 'extension_second_review', 'reply_proposed',
                             'committed') THEN 'ticket-state-handling'
            WHEN t.state IN ('answered', 'rejected', 'withdrawn', 'closed') THEN 'ticket-state-closed'
            ELSE 'ticket-state-accepted' END""",
    "the menu knows each ticket": """
        SELECT ticket_id FROM tickets AS t
        WHERE NOT EXISTS (SELECT FROM ticket_answers AS a WHERE a.ticket_no = t.ticket_id::text)""",
    "other systems are told of each line": """
        SELECT e.ticket_id FROM ticket_events AS e LEFT JOIN webhook_deliveries AS d
            ON d.ticket_id = e.ticket_id AND (d.body::jsonb ->> 'version')::int = e.seq
        WHERE EXISTS (SELECT FROM webhook_subscriptions) GROUP BY e.ticket_id, e.seq HAVING count(d.*) <> 1""",
    "each line is audited": """
        SELECT e.ticket_id FROM ticket_events AS e WHERE NOT EXISTS (
            SELECT FROM audit_log AS a WHERE a.subject = 'ticket:' || e.ticket_id AND a.actor = e.actor
                AND (a.detail ->> 'version')::int = e.seq)""",
    "a ticket that was merged leads to one that is there": """
        SELECT ticket_id FROM tickets WHERE (state = 'merged' AND merged_into IS NULL) OR merged_into = ticket_id""",
}
"""What holds whatever was done: the name, and a query that finds the tickets of which it does not."""


async def sound(owner: asyncpg.Connection) -> None:
    """Raise for the first of ``SOUND`` that does not hold."""
    for name, query in SOUND.items():
        found = await owner.fetch(query)
        assert not found, (name, [tuple(row) for row in found][:5], await _told(owner, found[0][0]))


async def _told(owner: asyncpg.Connection, ticket_id: int) -> list[tuple[Any, ...]]:
    rows = await owner.fetch(
        LAST,
        ticket_id,
    )
    return [tuple(row) for row in rows]


def _legal(chance: random.Random, state: str) -> tuple[str, str, dict[str, Any]]:
    """Something that may be done in this state, rather what leads on than what leaves it, and seldom what ends it."""
    here = [one for one in FITTING if any(row.action == one[1] and state in row.states for row in TABLE)]
    leads = {row.action: row.to for row in TABLE if state in row.states}
    weights = [1 if leads[action] is None or leads[action] in ENDED else 6 for _, action, _ in here]
    return chance.choices(here, weights)[0]


def test_twenty_people_who_do_what_they_like_to_five_tickets_at_once_leave_them_sound(empty_database: Postgres) -> None:
    async def work(desk: Desk) -> None:
        await desk.owner.execute(SUBSCRIBED)
        agent = PEOPLE["agent"]
        tickets = [await desk.open(agent, accept=bool(number % 2), calling_number=NUMBER) for number in range(5)]
        found: Counter[str] = Counter()
        chance = random.Random(20261122)

        async def one_of(_: int) -> None:
            while found["done"] < ORDERS:
                ticket_id, other = chance.sample(tickets, 2)
                who, action, values = _legal(chance, await desk.parts.pool.fetchval(STATE, ticket_id))
                try:
                    done = await take(desk, (who, action, values), ticket_id, other)
                except RefusedError as refused:
                    assert refused.code in CODES, refused
                    found[refused.code] += 1
                else:
                    found["done"] += 1
                    found[f"{action} done"] += 1
                    is_left = done.state == "archived" or (done.state in ENDED and chance.random() < 0.3)
                    if is_left and ticket_id in tickets:
                        place = tickets.index(ticket_id)
                        tickets[place] = await desk.open(agent, accept=True)

        await asyncio.gather(*(one_of(number) for number in range(PEOPLE_AT_ONCE)))
        assert sum(name.endswith(" done") for name in found) > 25, found
        await sound(desk.owner)

    with_desk(empty_database, work)
