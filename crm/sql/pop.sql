-- Who calls, as the telephone rings (IVR-24, CAL-01). All of it within viewer.staff.

-- name: pop
-- $1: the number in its one form; $2: the forms in which calls may have it; $3: since when marks count; $4: how many tickets;
-- $5: the beginning of the day. Of each way to a ticket the newest 50 count.
WITH RECURSIVE there AS (
    SELECT c.caller_id, c.merged_into, n.last_seen FROM caller_numbers n JOIN callers c USING (caller_id)
    WHERE n.number = $1::text AND n.ended_at IS NULL
    UNION
    SELECT c.caller_id, c.merged_into, t.last_seen FROM there t JOIN callers c ON c.caller_id = t.merged_into
), persons AS MATERIALIZED (
    SELECT c.caller_id, c.name, c.title, c.workplace, c.special_group, c.note, max(t.last_seen) AS last_seen
    FROM there t JOIN callers c USING (caller_id) WHERE t.merged_into IS NULL
    GROUP BY c.caller_id ORDER BY last_seen DESC, c.caller_id LIMIT 10
), everybody AS (
    SELECT caller_id FROM persons
    UNION
    SELECT c.caller_id FROM everybody e JOIN callers c ON c.merged_into = e.caller_id
), ids AS MATERIALIZED (
    SELECT DISTINCT ticket_id FROM (
        (SELECT ticket_id FROM ticket_identities
         WHERE calling_number = $1::text AND calling_number <> '' ORDER BY ticket_id DESC LIMIT 50)
        UNION ALL
        (SELECT ticket_id FROM ticket_identities WHERE caller_phone = $1::text AND caller_phone <> '' ORDER BY ticket_id DESC LIMIT 50)
        UNION ALL
        (SELECT ticket_id FROM ticket_identities
         WHERE callback_phone = $1::text AND callback_phone <> '' ORDER BY ticket_id DESC LIMIT 50)
        UNION ALL
        SELECT i.ticket_id FROM everybody e, LATERAL (
            SELECT ticket_id FROM ticket_identities WHERE caller_id = e.caller_id ORDER BY ticket_id DESC LIMIT 50
        ) i
    ) AS ways
), known AS MATERIALIZED (
    SELECT t.ticket_id, t.channel, t.state, t.due_at FROM ids JOIN tickets t USING (ticket_id)
), shown AS (
    SELECT t.ticket_id, t.channel, t.state, t.made_at, t.due_at, t.nature, t.category, t.urgent, t.hidden, left(t.content, 120) AS content,
           t.lead_unit AS unit, coalesce(u.name, '') AS unit_name, coalesce(nullif(t.assign_agent, ''), t.accept_agent) AS agent,
           coalesce(nullif(t.answer, ''), r.result, '') AS result, m.channel AS merged_channel, t.merged_into,
           $1::text IN (i.calling_number::text, i.caller_phone::text, i.callback_phone::text) AS same_number,
           (SELECT count(*) FROM ticket_contacts k WHERE k.ticket_id = t.ticket_id AND k.kind = 'repeat') AS repeats
    FROM (SELECT * FROM known ORDER BY ticket_id DESC LIMIT $4) AS newest
    JOIN tickets t USING (ticket_id) JOIN ticket_identities i USING (ticket_id)
    LEFT JOIN units u ON u.code = t.lead_unit
    LEFT JOIN tickets m ON m.ticket_id = t.merged_into
    LEFT JOIN LATERAL (
        SELECT left(result, 400) AS result FROM ticket_replies
        WHERE ticket_id = t.ticket_id AND state = 'sent' ORDER BY at DESC LIMIT 1
    ) r ON true
)
SELECT coalesce((SELECT json_agg(p ORDER BY p.last_seen DESC) FROM persons p), '[]')::text AS persons,
       coalesce((SELECT json_agg(s ORDER BY s.ticket_id DESC) FROM shown s), '[]')::text AS tickets,
       coalesce((SELECT json_agg(k) FROM known k), '[]')::text AS known,
       (SELECT count(*) FROM calls WHERE caller_number = ANY ($2::text[]) AND caller_number <> '' AND started_at >= $5) AS calls_today,
       (SELECT count(*) FROM malicious_marks WHERE number = ANY ($2::text[]) AND reset_at IS NULL AND marked_at >= $3) AS malicious,
       EXISTS (
           SELECT FROM caller_blocks WHERE number = $1::text AND lifted_at IS NULL AND from_at <= now() AND until_at > now()
       ) AS is_blocked
