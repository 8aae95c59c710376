-- Flags, malicious callers, blocks.

-- name: flags
SELECT flag_id, node, call_id, agent, kind, at FROM quality_flags
WHERE at >= $1 AND at < $2 AND ($3 = '' OR agent = $3) ORDER BY at DESC, flag_id DESC LIMIT 1000

-- name: marked
SELECT number, count(*)::integer AS marks, (array_agg(level ORDER BY mark_id DESC))[1]::integer AS level,
       max(marked_at) AS last_at, (array_agg(marked_by ORDER BY mark_id DESC))[1] AS last_by,
       bool_or(reported_at IS NOT NULL) AS reported
FROM malicious_marks WHERE marked_at >= $1 AND reset_at IS NULL
GROUP BY number ORDER BY last_at DESC LIMIT 500

-- name: blocks
SELECT block_id, number, from_at, until_at, reason, set_by FROM caller_blocks
WHERE from_at <= $1 AND until_at > $1 AND lifted_at IS NULL ORDER BY until_at LIMIT 500
