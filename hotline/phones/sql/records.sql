-- name: of_callers
-- $1: caller numbers, $2: the first INVITE; closed = the record is complete.
SELECT count(*) AS records,
       count(*) FILTER (WHERE ended_at IS NOT NULL) AS closed,
       count(*) FILTER (WHERE connected_at IS NOT NULL) AS connected
FROM calls
WHERE caller_number = ANY($1::text[])
  AND started_at >= $2
