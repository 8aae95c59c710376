-- The archive by person, place, class and period (ARC-07). Within viewer.staff.

-- name: search
-- $1, $2: ids from, to (not included); $3: a number in its one form, or ''; $4: a name, or ''; $5: a place, or the code of a territory;
-- $6: a class or leaf; $7: the id before which the page begins; $8: how many. The newest first.
SELECT t.ticket_id, t.channel, t.state, t.made_at, t.nature, t.category, t.territory, t.event_place, t.hidden, left(t.content, 80) AS content
FROM tickets t
WHERE t.ticket_id >= $1 AND t.ticket_id < least($2::bigint, $7::bigint)
  AND ($3 = '' OR t.ticket_id IN (
      SELECT ticket_id FROM ticket_identities WHERE calling_number = $3::text AND calling_number <> ''
      UNION SELECT ticket_id FROM ticket_identities WHERE caller_phone = $3::text AND caller_phone <> ''
      UNION SELECT ticket_id FROM ticket_identities WHERE callback_phone = $3::text AND callback_phone <> ''))
  AND ($4 = '' OR t.ticket_id IN (SELECT ticket_id FROM ticket_identities WHERE caller_name = $4::text AND caller_name <> ''))
  AND ($5 = '' OR position($5 IN t.event_place) > 0 OR starts_with(t.territory, $5))
  AND ($6 = '' OR t.category = $6 OR t.category LIKE $6 || '.%')
ORDER BY t.ticket_id DESC LIMIT $8

-- name: plan_each
SET LOCAL plan_cache_mode = force_custom_plan
