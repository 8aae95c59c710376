-- Undertaking units, as the directory keeps them.

-- name: search
-- $1 words in small letters, $2 category ('': any), $3 limit, $4 offset. Every word is in the unit, or a keyword of two letters or
-- more is in the word (路灯 in 路灯不亮). A word counts where it stands highest: name 8, keyword 4, keyword in the word 2, else 1.
WITH found AS (
    SELECT u.*, (
        SELECT coalesce(sum(CASE
            WHEN strpos(lower(u.name || ' ' || u.name_en || ' ' || u.code), word) > 0 THEN 8
            WHEN EXISTS (SELECT FROM unnest(u.keywords) AS keyword WHERE strpos(lower(keyword), word) > 0) THEN 4
            WHEN EXISTS (SELECT FROM unnest(u.keywords) AS keyword WHERE length(keyword) > 1 AND strpos(word, lower(keyword)) > 0) THEN 2
            WHEN strpos(lower(u.competence || ' ' || array_to_string(u.categories, ' ')), word) > 0 THEN 1
            ELSE -1000 END), 0)
        FROM unnest($1::text[]) AS word
    ) AS rank
    FROM units AS u
    WHERE u.removed_at IS NULL AND ($2 = '' OR EXISTS (
        SELECT FROM unnest(u.categories) AS category
        WHERE category = $2 OR starts_with(category, $2 || '/') OR starts_with($2, category || '/')
           OR starts_with(category, $2 || '.') OR starts_with($2, category || '.')
    ))
)
SELECT code, name, name_en, coalesce(parent, '') AS parent, keywords, categories, competence, numbers::text,
       count(*) OVER () AS total
FROM found WHERE rank >= 0
ORDER BY rank DESC, name, code LIMIT $3 OFFSET $4

-- name: get
SELECT code, name, name_en, coalesce(parent, '') AS parent, keywords, categories, competence, numbers::text
FROM units WHERE code = $1 AND removed_at IS NULL

-- name: of_number
SELECT code, name, name_en, coalesce(parent, '') AS parent, keywords, categories, competence, numbers::text
FROM units WHERE numbers @> jsonb_build_array(jsonb_build_object('number', $1::text)) AND removed_at IS NULL
ORDER BY code LIMIT 1
