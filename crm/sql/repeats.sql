-- Tickets that a contact may belong to. All of it within viewer.staff.

-- name: candidates
-- $1: numbers in their one form; $2: names; $3: category; $4: the least id that counts; $5: the ticket itself, or 0. Of each way the
-- newest. Of others' tickets not those with somebody to protect: nobody else is told of them (SEC-02, SEC-04, TKT-13).
WITH own AS (
    SELECT w.ticket_id FROM unnest($1::text[]) AS n (number), LATERAL (
        (SELECT ticket_id FROM ticket_identities
         WHERE calling_number = n.number AND calling_number <> '' AND ticket_id >= $4 ORDER BY ticket_id DESC LIMIT 40)
        UNION ALL
        (SELECT ticket_id FROM ticket_identities
         WHERE caller_phone = n.number AND caller_phone <> '' AND ticket_id >= $4 ORDER BY ticket_id DESC LIMIT 40)
        UNION ALL
        (SELECT ticket_id FROM ticket_identities
         WHERE callback_phone = n.number AND callback_phone <> '' AND ticket_id >= $4 ORDER BY ticket_id DESC LIMIT 40)
    ) w
    UNION
    (SELECT ticket_id FROM ticket_identities
     WHERE caller_name = $2 AND caller_name <> '' AND ticket_id >= $4 ORDER BY ticket_id DESC LIMIT 40)
), others AS (
    SELECT ticket_id FROM tickets
    WHERE category = $3 AND $3 <> '' AND ticket_id >= $4 AND hidden = '{}' AND nature IS DISTINCT FROM 'report' AND NOT misconduct
    ORDER BY ticket_id DESC LIMIT 100
), ids AS MATERIALIZED (
    SELECT ticket_id FROM own UNION SELECT ticket_id FROM others
)
SELECT t.ticket_id, t.channel, t.state, t.made_at, t.due_at, t.category, t.event_place AS place, left(t.content, 1000) AS content,
       t.hidden <> '{}' AS is_confidential, t.dispatched_at IS NOT NULL AS was_with_unit, coalesce(u.name, '') AS unit_name,
       array_remove(ARRAY[i.calling_number::text, i.caller_phone::text, i.callback_phone::text], '') AS numbers,
       coalesce(i.caller_name, '') AS name,
       (SELECT count(*) FROM ticket_contacts k WHERE k.ticket_id = t.ticket_id AND k.kind = 'repeat') AS repeats
FROM ids JOIN tickets t USING (ticket_id) LEFT JOIN ticket_identities i USING (ticket_id) LEFT JOIN units u ON u.code = t.lead_unit
WHERE t.ticket_id <> $5 AND t.state <> 'draft' ORDER BY t.ticket_id DESC LIMIT 200

-- name: of_ticket
SELECT t.ticket_id, t.category, t.event_place AS place, left(t.content, 1000) AS content, t.accept_agent,
       array_remove(ARRAY[i.calling_number::text, i.caller_phone::text, i.callback_phone::text], '') AS numbers,
       coalesce(i.caller_name, '') AS name
FROM tickets t LEFT JOIN ticket_identities i USING (ticket_id) WHERE t.ticket_id = $1
