-- name: store
INSERT INTO callback_requests (request_id, node, call_id, number, queue, asked_at, waiting_since)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (request_id) DO NOTHING

-- name: waiting
SELECT request_id, node, call_id, number, queue, asked_at, waiting_since
FROM callback_requests WHERE state = 'waiting' AND queue = $1
ORDER BY waiting_since, asked_at, request_id
