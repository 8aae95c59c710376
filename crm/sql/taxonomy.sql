-- The taxonomy, by version.

-- name: version_on
SELECT version FROM taxonomy_versions WHERE valid_from <= $1 ORDER BY valid_from DESC, version DESC LIMIT 1

-- name: items
-- $1 version, $2 scheme, $3 profile, $4 the day; $5: also what has ended.
SELECT code, parent, zh, en, scheme, units, words,
       active AND coalesce(valid_from <= $4, true) AND coalesce(valid_to >= $4, true) AS active
FROM taxonomy_items
WHERE version = $1 AND scheme = $2 AND (profiles = '{}' OR $3 = ANY (profiles))
  AND ($5 OR (active AND coalesce(valid_from <= $4, true) AND coalesce(valid_to >= $4, true)))
ORDER BY code

-- name: search
-- Leaves that have every word ($5, in small letters): in their name, in what citizens say, or what citizens say in the word.
WITH found AS (
    SELECT i.*, c.zh AS category_zh, c.en AS category_en, (
        SELECT coalesce(sum(CASE
            WHEN i.zh = word OR lower(i.code) = word THEN 16
            WHEN strpos(i.zh, word) > 0 OR strpos(lower(i.en), word) > 0 THEN 8
            WHEN EXISTS (SELECT FROM unnest(i.words) AS w WHERE strpos(lower(w), word) > 0) THEN 6
            WHEN strpos(word, i.zh) > 0 OR EXISTS (SELECT FROM unnest(i.words) AS w WHERE length(w) > 1 AND strpos(word, lower(w)) > 0) THEN 4
            WHEN strpos(c.zh, word) > 0 OR strpos(lower(c.en), word) > 0 THEN 1
            ELSE -1000 END), 0)
        FROM unnest($5::text[]) AS word
    ) AS rank
    FROM taxonomy_items AS i JOIN taxonomy_items AS c ON c.version = i.version AND c.code = i.parent
    WHERE i.version = $1 AND i.scheme = $2 AND (i.profiles = '{}' OR $3 = ANY (i.profiles))
      AND i.active AND coalesce(i.valid_from <= $4, true) AND coalesce(i.valid_to >= $4, true)
)
SELECT code, parent, zh, en, scheme, units, words, true AS active FROM found WHERE rank > 0 ORDER BY rank DESC, code LIMIT $6

-- name: leaf
SELECT code, parent, zh, en, scheme, units, words,
       active AND parent <> '' AND (profiles = '{}' OR $3 = ANY (profiles))
           AND coalesce(valid_from <= $4, true) AND coalesce(valid_to >= $4, true) AS active
FROM taxonomy_items WHERE version = $1 AND code = $2

-- name: versions
SELECT v.version, v.valid_from, v.made_at, v.made_by, v.file, count(i.code)::int AS items
FROM taxonomy_versions AS v LEFT JOIN taxonomy_items AS i ON i.version = v.version GROUP BY v.version ORDER BY v.version DESC LIMIT 200

-- name: counts
-- Tickets by leaf, as it was called on the day of each (TAX-31). $1 to $2: the first id and the one after the last; after the
-- 99,999th of a day they have a digit more.
WITH valid AS (
    SELECT version, valid_from, lead(valid_from) OVER (ORDER BY version) AS until FROM taxonomy_versions
), counted AS (
    SELECT t.category, v.version, count(*)::int AS tickets
    FROM tickets AS t LEFT JOIN valid AS v
      ON v.valid_from <= to_date(left(t.ticket_id::text, 8), 'YYYYMMDD')
     AND coalesce(to_date(left(t.ticket_id::text, 8), 'YYYYMMDD') < v.until, true)
    WHERE (t.ticket_id >= $1 AND t.ticket_id < $2 OR t.ticket_id >= $1 * 10 AND t.ticket_id < $2 * 10) AND t.category <> ''
    GROUP BY 1, 2
)
SELECT c.category AS code, coalesce(i.parent, '') AS parent, coalesce(i.zh, c.category) AS zh, coalesce(i.en, c.category) AS en,
       coalesce(c.version, 0) AS version, c.tickets
FROM counted AS c LEFT JOIN taxonomy_items AS i ON i.version = c.version AND i.code = c.category
ORDER BY 1, 5

-- name: subject_terms
SELECT term, words FROM subject_terms WHERE removed_at IS NULL AND ($1 = '' OR strpos(term || ' ' || array_to_string(words, ' '), $1) > 0)
ORDER BY term LIMIT 500
