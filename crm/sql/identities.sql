-- Who the citizen of a ticket is, and what else is kept from units.

-- name: of_staff
SELECT t.ticket_id, t.channel, t.hidden, t.nature, t.accused_unit, i.caller_id, coalesce(i.caller_name, '') AS caller_name,
       coalesce(i.caller_title, '') AS caller_title, coalesce(i.workplace, '') AS workplace,
       coalesce(i.home_address, '') AS home_address, coalesce(i.caller_phone::text, '') AS caller_phone,
       coalesce(i.calling_number::text, '') AS calling_number, coalesce(i.callback_phone::text, '') AS callback_phone
FROM tickets t LEFT JOIN ticket_identities i USING (ticket_id) WHERE t.ticket_id = $1

-- name: of_unit
-- Within viewer.unit.
SELECT t.ticket_id, t.channel, t.hidden, coalesce(i.caller_name, '') AS caller_name, coalesce(i.caller_title, '') AS caller_title,
       coalesce(i.workplace, '') AS workplace, coalesce(i.home_address, '') AS home_address,
       coalesce(i.caller_phone, '') AS caller_phone, coalesce(i.callback_phone, '') AS callback_phone
FROM unit_tickets t LEFT JOIN unit_ticket_identities i USING (ticket_id) WHERE t.ticket_id = $1

-- name: report
INSERT INTO retaliation_reports (report_id, ticket_id, at, by, said, against, node, call_id) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)

-- name: reports
SELECT r.report_id, t.ticket_id, t.channel, r.at, r.by, r.said, r.against, r.closed_at, r.closed_by, r.finding
FROM retaliation_reports r JOIN tickets t USING (ticket_id)
WHERE ($1 OR r.closed_at IS NULL) ORDER BY r.at DESC, r.report_id LIMIT $2 OFFSET $3

-- name: close_report
UPDATE retaliation_reports SET closed_at = $2, closed_by = $3, finding = $4
WHERE report_id = $1 AND closed_at IS NULL RETURNING ticket_id

-- name: ticket_known
SELECT EXISTS (SELECT FROM tickets WHERE ticket_id = $1)

-- name: evidence
-- Everything about a ticket, as it stands in the tables.
SELECT jsonb_build_object(
    'ticket', (SELECT to_jsonb(t) FROM tickets t WHERE t.ticket_id = $1),
    'identity', (SELECT to_jsonb(i) FROM ticket_identities i WHERE i.ticket_id = $1),
    'events', (SELECT coalesce(jsonb_agg(e ORDER BY e.seq), '[]') FROM ticket_events e WHERE e.ticket_id = $1),
    'contacts', (SELECT coalesce(jsonb_agg(c ORDER BY c.at), '[]') FROM ticket_contacts c WHERE c.ticket_id = $1),
    'tasks', (SELECT coalesce(jsonb_agg(k ORDER BY k.given_at), '[]') FROM ticket_tasks k WHERE k.ticket_id = $1),
    'requests', (SELECT coalesce(jsonb_agg(q ORDER BY q.asked_at), '[]') FROM ticket_requests q WHERE q.ticket_id = $1),
    'replies', (SELECT coalesce(jsonb_agg(r ORDER BY r.at), '[]') FROM ticket_replies r WHERE r.ticket_id = $1),
    'callbacks', (SELECT coalesce(jsonb_agg(b ORDER BY b.at), '[]') FROM ticket_callbacks b WHERE b.ticket_id = $1),
    'supervisions', (SELECT coalesce(jsonb_agg(s ORDER BY s.at), '[]') FROM ticket_supervisions s WHERE s.ticket_id = $1),
    'papers', (SELECT coalesce(jsonb_agg(p ORDER BY p.at), '[]') FROM ticket_papers p WHERE p.ticket_id = $1),
    'attachments', (SELECT coalesce(jsonb_agg(a ORDER BY a.at), '[]') FROM ticket_attachments a WHERE a.ticket_id = $1),
    'retaliation', (SELECT coalesce(jsonb_agg(x ORDER BY x.at), '[]') FROM retaliation_reports x WHERE x.ticket_id = $1),
    'calls', (SELECT coalesce(jsonb_agg(c ORDER BY c.started_at), '[]') FROM calls c WHERE (c.node, c.call_id) IN (
        SELECT node, call_id FROM tickets WHERE ticket_id = $1 AND call_id <> ''
        UNION SELECT node, call_id FROM ticket_contacts WHERE ticket_id = $1 AND call_id <> ''
        UNION SELECT node, call_id FROM ticket_callbacks WHERE ticket_id = $1 AND call_id <> '')),
    'recordings', (SELECT coalesce(jsonb_agg(to_jsonb(r) - '{wrapped_key,peaks}'::text[] ORDER BY r.recording_id), '[]') FROM recordings r WHERE (r.node, r.call_id) IN (
        SELECT node, call_id FROM tickets WHERE ticket_id = $1 AND call_id <> ''
        UNION SELECT node, call_id FROM ticket_contacts WHERE ticket_id = $1 AND call_id <> ''
        UNION SELECT node, call_id FROM ticket_callbacks WHERE ticket_id = $1 AND call_id <> ''))
)::text

-- name: missed_questions
-- Tickets that had gone to a unit before somebody wrote down that the citizen wants to stay unknown (QUA-12).
SELECT t.ticket_id, t.channel, t.accept_agent AS agent, gone.at AS dispatched_at, asked.at AS protected_at, asked.actor AS protected_by
FROM ticket_events asked
JOIN tickets t USING (ticket_id)
JOIN LATERAL (
    SELECT min(at) AS at FROM ticket_events WHERE ticket_id = asked.ticket_id AND action IN ('dispatch', 'instruct') AND seq < asked.seq
) gone ON gone.at IS NOT NULL
WHERE asked.action = 'protect' AND asked.ticket_id >= $1 AND asked.ticket_id < $2 AND ($3 = '' OR t.accept_agent = $3)
  AND NOT EXISTS (SELECT FROM ticket_events WHERE ticket_id = asked.ticket_id AND action = 'protect' AND seq < asked.seq)
ORDER BY t.ticket_id LIMIT $4 OFFSET $5
