-- Places and whose they are (TKT-30).

-- name: search
-- $1 words in small letters; each is in the name or another name, or a name is in the word (湖滨小区 in 湖滨小区三号楼漏水).
-- The unit: the one named, else the deepest that has the territory. $3: the words with blanks between them; the first look at a
-- place is cheap, because most are not meant.
WITH found AS (
    SELECT p.*, (
        SELECT coalesce(sum(CASE
            WHEN lower(p.name COLLATE "C") = word THEN 32
            WHEN strpos(lower(p.name COLLATE "C"), word) > 0 THEN 16
            WHEN EXISTS (SELECT FROM unnest(p.words) AS w WHERE strpos(lower(w COLLATE "C"), word) > 0) THEN 12
            WHEN length(p.name) > 1 AND strpos(word, lower(p.name COLLATE "C")) > 0 THEN 8
            WHEN EXISTS (SELECT FROM unnest(p.words) AS w WHERE length(w) > 1 AND strpos(word, lower(w COLLATE "C")) > 0) THEN 4
            ELSE -1000 END), 0)
        FROM unnest($1::text[]) AS word
    ) AS rank
    FROM places AS p
    WHERE strpos($3, lower(p.name COLLATE "C")) > 0 OR strpos(lower(p.name COLLATE "C"), $1[1]) > 0
       OR (p.words <> '{}' AND (strpos(lower(array_to_string(p.words, ' ') COLLATE "C"), $1[1]) > 0
           OR EXISTS (SELECT FROM unnest(p.words) AS w WHERE strpos($3, lower(w COLLATE "C")) > 0)))
)
SELECT f.code, f.name, f.kind, f.territory, f.note, coalesce(u.code, '') AS unit, coalesce(u.name, '') AS unit_name
FROM found AS f LEFT JOIN LATERAL (
    SELECT u.code, u.name FROM units AS u
    WHERE u.removed_at IS NULL AND (u.code = f.unit OR (f.unit = '' AND u.is_territorial
          AND EXISTS (SELECT FROM unnest(u.territories) AS t WHERE starts_with(f.territory, t))))
    ORDER BY (SELECT max(length(t)) FROM unnest(u.territories) AS t WHERE starts_with(f.territory, t)) DESC NULLS LAST, u.code LIMIT 1
) AS u ON true
WHERE f.rank > 0 ORDER BY f.rank DESC, length(f.territory) DESC, f.name, f.code LIMIT $2
