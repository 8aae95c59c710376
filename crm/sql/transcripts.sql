-- Transcripts: their words, search, hot words.

-- name: to_index
-- One after another, each for one process; those that were written down anew come again.
SELECT t.recording_id, coalesce(r.started_at, r.stored_at) AS at, r.kind, w.said AS said_before, w.at AS at_before
FROM transcripts AS t JOIN recordings AS r USING (recording_id) LEFT JOIN transcript_words AS w USING (recording_id)
WHERE t.state = 'done' AND (t.words_at IS NULL OR t.words_at < t.made_at)
ORDER BY t.recording_id LIMIT $1 FOR UPDATE OF t SKIP LOCKED

-- name: turns
SELECT number, track, from_ms, to_ms, text, confidence FROM transcript_turns WHERE recording_id = $1 ORDER BY number

-- name: put_words
INSERT INTO transcript_words (recording_id, at, words, said, terms) VALUES ($1, $2, array_to_tsvector($3::text[]), $4, $5)
ON CONFLICT (recording_id) DO UPDATE SET at = excluded.at, words = excluded.words, said = excluded.said, terms = excluded.terms

-- name: indexed
UPDATE transcripts SET words_at = greatest(made_at, $2) WHERE recording_id = $1

-- name: count_words
INSERT INTO hot_words AS known (day, word, calls) SELECT $1, word, 1 FROM unnest($2::text[]) AS word ORDER BY word
ON CONFLICT (day, word) DO UPDATE SET calls = known.calls + 1

-- name: take_back_words
UPDATE hot_words SET calls = calls - 1 WHERE day = $1 AND word = ANY ($2::text[]) AND calls > 0

-- name: hot
-- Words of the day $1, with what was usual on the same weekday of four weeks: a word counts the more, the rarer it usually is.
SELECT word, h.calls, coalesce(u.usual, 0)::double precision AS usual
FROM hot_words AS h LEFT JOIN (
    SELECT word, sum(calls) / 4.0 AS usual FROM hot_words
    WHERE day IN ($1::date - 7, $1::date - 14, $1::date - 21, $1::date - 28) GROUP BY word
) AS u USING (word)
WHERE h.day = $1 AND h.calls >= $2
ORDER BY h.calls * ln((h.calls + 1.0) / (coalesce(u.usual, 0) + 1.0) + 1.1) DESC, word LIMIT $3

-- name: found
-- Recordings whose words fit ($1), from $2 until before $3, in which this agent spoke ('': of any); before recording $5, the newest first.
SELECT w.recording_id, w.at, r.node, r.call_id, r.kind, r.length_ms
FROM transcript_words AS w JOIN recordings AS r USING (recording_id)
WHERE w.words @@ $1::tsquery AND w.at >= $2 AND w.at < $3 AND r.state <> 'deleted'
  AND ($4 = '' OR r.voices @> jsonb_build_array(jsonb_build_object('name', $4::text))
       OR EXISTS (SELECT FROM agent_turns AS a WHERE a.node = r.node AND a.call_id = r.call_id AND a.agent = $4 AND a.result = 'answered'))
  AND ($5::timestamptz IS NULL OR (w.at, w.recording_id) < ($5, $6::bigint))
ORDER BY w.at DESC, w.recording_id DESC LIMIT $7

-- name: masks
SELECT from_ms, to_ms FROM recording_masks WHERE recording_id = $1 AND lifted_at IS NULL

-- name: transcript
SELECT recording_id, state, why, engine, model, confidence, made_at FROM transcripts WHERE recording_id = $1
