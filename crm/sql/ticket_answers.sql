-- What is told about tickets by telephone.

-- name: outcome
SELECT outcome FROM ticket_replies WHERE ticket_id = $1 AND state = 'sent' ORDER BY at DESC, reply_id DESC LIMIT 1

-- name: tell
-- $1 the ticket, $2 state, $3 result, $4 confidential, $5 when. Those merged into it, and into those, are told the same, to their
-- own numbers.
WITH RECURSIVE of (ticket_id, confidential) AS (
    SELECT $1::bigint, $4::boolean
    UNION
    SELECT t.ticket_id, t.hidden <> '{}' FROM of JOIN tickets AS t ON t.merged_into = of.ticket_id
)
UPDATE ticket_answers AS a SET state = $2, result = $3, confidential = of.confidential, updated_at = $5
FROM of WHERE a.ticket_no = of.ticket_id::text

-- name: tell_as
-- $1 the ticket, $2 into which it was merged, $3 when, $4 confidential. Those merged into it go with it.
WITH RECURSIVE of (ticket_id, confidential) AS (
    SELECT $1::bigint, $4::boolean
    UNION
    SELECT t.ticket_id, t.hidden <> '{}' FROM of JOIN tickets AS t ON t.merged_into = of.ticket_id
)
UPDATE ticket_answers AS a SET state = into_.state, result = into_.result, confidential = of.confidential, updated_at = $3
FROM of, ticket_answers AS into_ WHERE a.ticket_no = of.ticket_id::text AND into_.ticket_no = $2

-- name: tell_number
INSERT INTO ticket_answers AS known (ticket_no, caller_number, state, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (ticket_no) DO UPDATE SET caller_number = excluded.caller_number

-- name: put_code
UPDATE ticket_answers SET query_code_hash = $2 WHERE ticket_no = $1
