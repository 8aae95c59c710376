-- name: store_rating
INSERT INTO survey_ratings (rating_id, node, call_id, direction, agent, rating, rated_at)
VALUES ($1, $2, $3, $4, $5, $6, $7)
ON CONFLICT (rating_id) DO NOTHING

-- name: store_fax
INSERT INTO fax_jobs (job_id, node, call_id, number, document, asked_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (job_id) DO NOTHING
