-- Scores, calibrations, appeals. crm/quality/scores.py, calibrations.py, appeals.py.

-- name: begin
INSERT INTO quality_scores (score_id, recording_id, agent, sample_id, calibration_id, sheet, version, scorer, most, begun_at)
VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT DO NOTHING RETURNING score_id

-- name: score
SELECT s.score_id, s.recording_id, s.agent, s.sample_id, s.calibration_id, s.sheet, s.version, s.scorer, s.state, s.points, s.vetoes,
       s.remark, s.total, s.most, s.begun_at, s.submitted_at, q.node, q.call_id
FROM quality_scores s JOIN quality_checks q USING (recording_id) WHERE s.score_id = $1 FOR UPDATE OF s

-- name: save
UPDATE quality_scores SET points = $2, vetoes = $3, remark = $4, total = $5 WHERE score_id = $1

-- name: submit
UPDATE quality_scores SET state = 'submitted', submitted_at = $2 WHERE score_id = $1

-- name: scores
-- Submitted between $1 and $2, of an agent or of all, without calibrations; $4: also this scorer's drafts; $5, $6: page.
SELECT s.score_id, s.recording_id, s.agent, s.sample_id, s.calibration_id, s.sheet, s.version, s.scorer, s.state, s.points, s.vetoes,
       s.remark, s.total, s.most, s.begun_at, s.submitted_at, q.node, q.call_id, count(*) OVER () AS total_rows
FROM quality_scores s JOIN quality_checks q USING (recording_id)
WHERE s.calibration_id IS NULL AND ($3 = '' OR s.agent = $3)
  AND ((s.state = 'submitted' AND s.submitted_at >= $1 AND s.submitted_at < $2)
       OR (s.state = 'draft' AND $4 <> '' AND s.scorer = $4 AND s.begun_at >= $1 AND s.begun_at < $2))
ORDER BY coalesce(s.submitted_at, s.begun_at) DESC, s.score_id LIMIT $5 OFFSET $6

-- name: add_calibration
INSERT INTO quality_calibrations (calibration_id, recording_id, sheet, version, scorers, made_at, made_by)
VALUES ($1, $2, $3, $4, $5, $6, $7)

-- name: calibration
SELECT calibration_id, recording_id, sheet, version, scorers, made_at, made_by, closed_at, closed_by
FROM quality_calibrations WHERE calibration_id = $1 FOR UPDATE

-- name: calibrations
-- Those that $1 was asked for or made; all with an empty one.
SELECT calibration_id, recording_id, sheet, version, scorers, made_at, made_by, closed_at, closed_by, count(*) OVER () AS total,
       array(SELECT scorer FROM quality_scores s
             WHERE s.calibration_id = c.calibration_id AND s.state = 'submitted' ORDER BY scorer) AS done
FROM quality_calibrations c WHERE $1 = '' OR $1 = ANY (scorers) OR made_by = $1
ORDER BY made_at DESC, calibration_id LIMIT $2 OFFSET $3

-- name: scores_of_calibration
SELECT scorer, points, vetoes, total, remark FROM quality_scores WHERE calibration_id = $1 AND state = 'submitted' ORDER BY scorer

-- name: close_calibration
UPDATE quality_calibrations SET closed_at = $2, closed_by = $3 WHERE calibration_id = $1

-- name: add_appeal
INSERT INTO quality_appeals (appeal_id, score_id, agent, by, reason, made_at, before) VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (score_id) DO NOTHING RETURNING appeal_id

-- name: appeal
SELECT a.appeal_id, a.score_id, a.agent, a.by, a.reason, a.made_at, a.state, a.before, a.after, a.answer, a.settled_by, a.settled_at
FROM quality_appeals a WHERE a.appeal_id = $1 FOR UPDATE

-- name: appeals
SELECT appeal_id, score_id, agent, by, reason, made_at, state, before, after, answer, settled_by, settled_at, count(*) OVER () AS total
FROM quality_appeals WHERE ($1 = '' OR agent = $1) AND ($2 = '' OR state = $2)
ORDER BY made_at DESC, appeal_id LIMIT $3 OFFSET $4

-- name: settle_appeal
UPDATE quality_appeals SET state = $2, after = $3, answer = $4, settled_by = $5, settled_at = $6 WHERE appeal_id = $1
