-- What an agent's desk shows.

-- name: calls
-- Calls that agents have: from a queue, or dialled. $1: beginning of the day, $2: since when marks count.
SELECT had.agent, had.node, had.call_id, had.state, caller.number AS caller, caller.began AS since, coalesce(book.place, '') AS place,
       coalesce(book.colleague, '') AS colleague, coalesce(book.slot, '') AS slot, coalesce(book.result, '') AS result,
       coalesce(book.emergency, '') AS emergency, book.searching_since, book.silent_since,
       (SELECT count(DISTINCT before.call_id) FROM requests AS before
        WHERE before.caller = caller.number AND caller.number <> '' AND before.requested_at >= $1
          AND before.call_id <> had.call_id)::integer AS earlier_today,
       (SELECT count(*) FROM malicious_marks AS mark
        WHERE mark.number = caller.number AND mark.marked_at >= $2 AND mark.reset_at IS NULL)::integer AS malicious
FROM (
    SELECT agent, node, call_id, call_id AS citizen, state FROM agent_states
    WHERE call_id IS NOT NULL AND state IN ('ringing', 'talking', 'holding')
    UNION ALL
    SELECT agent, node, call_id, citizen, 'dialled' FROM control_calls AS hand
    WHERE agent <> '' AND place IN ('talking', 'held', 'consulting', 'consulted', 'party') AND changed_at > now() - interval '12 hours'
      AND NOT EXISTS (SELECT FROM agent_states AS busy WHERE busy.agent = hand.agent AND busy.call_id IS NOT NULL
                      AND busy.state IN ('ringing', 'talking', 'holding'))
      AND NOT EXISTS (SELECT FROM calls AS over WHERE over.node = hand.node AND over.call_id = hand.call_id
                      AND over.ended_at IS NOT NULL)
) AS had
LEFT JOIN control_calls AS book ON book.node = had.node AND book.citizen = had.citizen AND book.agent = had.agent
CROSS JOIN LATERAL (
    SELECT coalesce(
               (SELECT number FROM outbound_calls AS dialled WHERE dialled.node = had.node AND dialled.call_id = had.call_id LIMIT 1),
               (SELECT caller_number FROM calls AS call WHERE call.node = had.node AND call.call_id = had.call_id),
               (SELECT split_part(detail, 'number=', 2) FROM acd_steps AS told
                WHERE told.node = had.node AND told.uniqueid = had.call_id AND told.step = 'call:unit' LIMIT 1), ''
           ) AS number,
           (SELECT started_at FROM calls AS call WHERE call.node = had.node AND call.call_id = had.call_id) AS began
) AS caller
ORDER BY had.agent

-- name: threeways
SELECT DISTINCT ON (agent) threeway_id FROM threeways
WHERE ended_at IS NULL OR ended_at > now() - interval '2 minutes' ORDER BY agent, threeway_id DESC

-- name: entries
SELECT agent, entry_id, number, queue, waiting_since, state, tries FROM callback_entries
WHERE state IN ('claimed', 'calling') AND agent IS NOT NULL

-- name: seen
-- Once for each person and call.
INSERT INTO audit_log (actor, action, subject, detail)
SELECT $1, 'caller.seen', $2, '{}'
WHERE NOT EXISTS (SELECT FROM audit_log WHERE subject = $2 AND actor = $1 AND action = 'caller.seen')

-- name: opened
-- Tickets that were opened for calls. $1, $2: nodes and calls.
SELECT ticket.node, ticket.call_id, ticket.ticket_id, ticket.channel, ticket.state
FROM unnest($1::text[], $2::text[]) AS asked (node, call_id) JOIN tickets AS ticket USING (node, call_id)
WHERE ticket.call_id <> '' ORDER BY ticket.ticket_id
