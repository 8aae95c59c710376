-- What is told about tickets by telephone.

-- name: outcome
SELECT outcome FROM ticket_replies WHERE ticket_id = $1 AND state = 'sent' ORDER BY at DESC, reply_id DESC LIMIT 1

-- name: tell
-- $1 the ticket, $2 state, $3 result, $4 confidential, $5 when. Those merged into it are told the same, to their own numbers.
WITH of AS (
    SELECT ticket_id::text AS ticket_no, $4 AS confidential FROM (SELECT $1::bigint AS ticket_id) AS this
    UNION ALL
    SELECT ticket_id::text, hidden <> '{}' FROM tickets WHERE merged_into = $1 AND state = 'merged'
)
UPDATE ticket_answers AS a SET state = $2, result = $3, confidential = of.confidential, updated_at = $5
FROM of WHERE a.ticket_no = of.ticket_no

-- name: tell_as
UPDATE ticket_answers AS a SET state = into_.state, result = into_.result, updated_at = $3
FROM ticket_answers AS into_ WHERE a.ticket_no = $1 AND into_.ticket_no = $2

-- name: tell_number
INSERT INTO ticket_answers AS known (ticket_no, caller_number, state, updated_at) VALUES ($1, $2, $3, $4)
ON CONFLICT (ticket_no) DO UPDATE SET caller_number = excluded.caller_number

-- name: put_code
UPDATE ticket_answers SET query_code_hash = $2 WHERE ticket_no = $1
