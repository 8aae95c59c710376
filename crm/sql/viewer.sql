-- name: set
WITH known AS MATERIALIZED (SELECT coalesce(current_setting($1, true), '') AS before)
SELECT before FROM known, LATERAL (SELECT set_config($1, $2, true) WHERE before IS NOT NULL) AS done
