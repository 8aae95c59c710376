-- Every conversation with its rating (IVR-20). Who hangs up before being asked, or does not answer, has not rated: a conversation
-- counts as not rated until a rating comes.
CREATE VIEW call_ratings AS
SELECT c.node, c.call_id, c.direction, c.connected_at, coalesce(nullif(s.agent, ''), c.agent) AS agent,
       coalesce(s.rating, 'not_rated') AS rating, s.rated_at
FROM calls c
LEFT JOIN survey_ratings s USING (node, call_id)
WHERE c.connected_at IS NOT NULL;
