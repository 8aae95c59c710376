-- name: calls
-- Inbound calls that started from $1 up to $2, with a request of outcome $3 and queue $4 (NULL: any), after the call of $5 to $7;
-- $8: how many. No request of theirs is older than $1 - $9 or younger than $2 + $9.
SELECT node, call_id, caller_number, started_at, answered_at, connected_at, ended_at, agent, menu_path, disposition, repaired,
       coalesce(asked.requests, '[]'::json) AS requests
FROM calls
LEFT JOIN LATERAL (
    SELECT json_agg(json_build_object(
               'number', number, 'kind', kind, 'queue', queue, 'requested_at', requested_at, 'outcome', outcome,
               'wait_ms', wait_us / 1000, 'agent', agent, 'excluded', excluded
           ) ORDER BY number) AS requests
    FROM requests
    WHERE requests.node = calls.node AND requests.call_id = calls.call_id AND NOT void
      AND requested_at >= $1::timestamptz - $9::interval AND requested_at < $2::timestamptz + $9::interval
) AS asked ON true
WHERE direction = 'inbound' AND started_at >= $1 AND started_at < $2
  AND ($5::timestamptz IS NULL OR (started_at, node, call_id) > ($5, $6::text, $7::text))
  AND (($3::text IS NULL AND $4::text IS NULL) OR EXISTS (
      SELECT FROM requests
      WHERE requests.node = calls.node AND requests.call_id = calls.call_id AND NOT void
        AND requested_at >= $1::timestamptz - $9::interval AND requested_at < $2::timestamptz + $9::interval
        AND ($3::text IS NULL OR outcome = $3) AND ($4::text IS NULL OR queue = $4)
  ))
ORDER BY started_at, node, call_id
LIMIT $8

-- name: call_lines
-- Calls for the two figures over calls; $3: the node (NULL: any), $4 to $6: after this call, $7: how many, $8: as $9 above.
SELECT node, call_id, caller_number, started_at, ended_at, agent, repaired, connected_at IS NOT NULL AS is_answered,
       disposition = 'ivr_hangup' AND NOT EXISTS (
           SELECT FROM requests
           WHERE requests.node = calls.node AND requests.call_id = calls.call_id AND NOT void
             AND requested_at >= $1::timestamptz - $8::interval AND requested_at < $2::timestamptz + $8::interval
       ) AS is_menu_hangup
FROM calls
WHERE direction = 'inbound' AND started_at >= $1 AND started_at < $2 AND ($3::text IS NULL OR node = $3)
  AND ($4::timestamptz IS NULL OR (started_at, node, call_id) > ($4, $5::text, $6::text))
ORDER BY started_at, node, call_id
LIMIT $7
