-- Tickets in a file. $1, $2: ids from, to (not included); $3, $4: times from, to (not included); $5: states or NULL; $6: category, or
-- the class above it, or ''; $7: lead unit or ''; $8: only what may be published (GEN-18).

-- name: count
SELECT count(*) FROM (
    SELECT FROM tickets t
    WHERE t.ticket_id >= $1 AND t.ticket_id < $2 AND t.made_at >= $3 AND t.made_at < $4 AND ($5::text[] IS NULL OR t.state = ANY ($5))
      AND ($6 = '' OR t.category = $6 OR t.category LIKE $6 || '.%') AND ($7 = '' OR t.lead_unit = $7)
      AND (NOT $8 OR (t.publishable AND t.hidden = '{}' AND t.nature IS DISTINCT FROM 'report' AND NOT t.misconduct
                      AND t.state IN ('closed', 'archived')))
    LIMIT $9
) AS chosen

-- name: rows
-- The next $9 in the order of their numbers. Within viewer.staff.
SELECT t.*, u.name AS unit_name, i.caller_name, i.caller_title, i.workplace, i.home_address, i.caller_phone::text AS caller_phone,
       i.calling_number::text AS calling_number, i.callback_phone::text AS callback_phone, r.result AS reply
FROM tickets t LEFT JOIN ticket_identities i USING (ticket_id) LEFT JOIN units u ON u.code = t.lead_unit
LEFT JOIN LATERAL (SELECT result FROM ticket_replies WHERE ticket_id = t.ticket_id AND state = 'sent' ORDER BY at DESC LIMIT 1) r ON true
WHERE t.ticket_id >= $1 AND t.ticket_id < $2 AND t.made_at >= $3 AND t.made_at < $4 AND ($5::text[] IS NULL OR t.state = ANY ($5))
  AND ($6 = '' OR t.category = $6 OR t.category LIKE $6 || '.%') AND ($7 = '' OR t.lead_unit = $7)
  AND (NOT $8 OR (t.publishable AND t.hidden = '{}' AND t.nature IS DISTINCT FROM 'report' AND NOT t.misconduct
                  AND t.state IN ('closed', 'archived')))
ORDER BY t.ticket_id LIMIT $9

-- name: unit_count
-- Within viewer.unit.
SELECT count(*) FROM (
    SELECT FROM unit_tickets t
    WHERE t.ticket_id >= $1 AND t.ticket_id < $2 AND t.made_at >= $3 AND t.made_at < $4 AND ($5::text[] IS NULL OR t.state = ANY ($5))
      AND ($6 = '' OR t.category = $6 OR t.category LIKE $6 || '.%') AND ($7 = '' OR t.lead_unit = $7) AND NOT $8
    LIMIT $9
) AS chosen

-- name: unit_rows
SELECT t.*, u.name AS unit_name, i.caller_name, i.caller_title, i.workplace, i.home_address, i.caller_phone, i.callback_phone,
       r.result AS reply
FROM unit_tickets t LEFT JOIN unit_ticket_identities i USING (ticket_id) LEFT JOIN units u ON u.code = t.lead_unit
LEFT JOIN LATERAL (SELECT result FROM ticket_replies WHERE ticket_id = t.ticket_id AND state = 'sent' ORDER BY at DESC LIMIT 1) r ON true
WHERE t.ticket_id >= $1 AND t.ticket_id < $2 AND t.made_at >= $3 AND t.made_at < $4 AND ($5::text[] IS NULL OR t.state = ANY ($5))
  AND ($6 = '' OR t.category = $6 OR t.category LIKE $6 || '.%') AND ($7 = '' OR t.lead_unit = $7) AND NOT $8
ORDER BY t.ticket_id LIMIT $9
