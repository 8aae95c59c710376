-- Ticket drafts: what a call leaves to be done, until the ticket system takes it.

-- name: make
INSERT INTO ticket_drafts (draft_id, node, call_id, threeway_id, caller, contact_number, unit, unit_name, question, consent,
                           attempts, joined_at, end_order, outcome, further_questions, made_by, made_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11::jsonb, $12, $13, $14, $15, $16, $17)
ON CONFLICT (node, call_id, threeway_id) DO NOTHING

-- name: known
SELECT draft_id FROM ticket_drafts WHERE node = $1 AND call_id = $2 AND threeway_id = $3

-- name: get
SELECT draft_id, node, call_id, threeway_id, caller, contact_number, unit, unit_name, question, consent, attempts::text, joined_at,
       end_order, outcome, further_questions, made_by, made_at, taken_at
FROM ticket_drafts WHERE draft_id = $1

-- name: list
-- $1 whose ('': everybody's), $2 whether those taken are wanted too.
SELECT draft_id, node, call_id, threeway_id, caller, contact_number, unit, unit_name, question, consent, attempts::text, joined_at,
       end_order, outcome, further_questions, made_by, made_at, taken_at, count(*) OVER () AS total
FROM ticket_drafts WHERE ($1 = '' OR made_by = $1) AND ($2 OR taken_at IS NULL)
ORDER BY made_at DESC, draft_id LIMIT $3 OFFSET $4

-- name: of_unit
SELECT draft_id, node, call_id, threeway_id, caller, contact_number, unit, unit_name, question, consent, attempts::text, joined_at,
       end_order, outcome, further_questions, made_by, made_at, taken_at
FROM ticket_drafts WHERE unit = $1 AND taken_at IS NULL ORDER BY made_at DESC, draft_id LIMIT $2

-- name: amend
-- NULL leaves a value as it is. One that was taken is amended in its ticket.
UPDATE ticket_drafts SET
    contact_number = coalesce($2, contact_number), question = coalesce($3, question),
    further_questions = coalesce($4, further_questions)
WHERE draft_id = $1 AND taken_at IS NULL RETURNING true

-- name: take
UPDATE ticket_drafts SET taken_at = now() WHERE draft_id = $1 AND taken_at IS NULL RETURNING true
