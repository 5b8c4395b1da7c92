-- name: find_subjects
-- The ids and names that some texts may mean, as known at a position.
-- $1 kinds text[]  $2 texts text[]  $3 foldeds text[]  $4 position bigint
WITH asked AS (
    SELECT DISTINCT a.kind, a.text, a.folded
    FROM unnest($1::text[], $2::text[], $3::text[]) AS a (kind, text, folded)
),
by_name AS (
    SELECT n.kind, n.subject_id, n.canonical_id, n.folded
    FROM asked AS a
    JOIN names AS n
        ON n.kind = a.kind
        AND n.folded = a.folded
        AND n.known_from <= $4::bigint
        AND n.known_to > $4::bigint
),
ids AS (
    SELECT kind, text AS subject_id FROM asked
    UNION
    SELECT kind, subject_id FROM by_name
    UNION
    SELECT kind, canonical_id FROM by_name
)
SELECT 'person' AS kind, p.person_id AS subject_id, p.canonical_id, p.content, NULL AS folded
FROM ids
JOIN people AS p
    ON ids.kind = 'person'
    AND p.person_id = ids.subject_id
    AND p.known_from <= $4::bigint
    AND p.known_to > $4::bigint
UNION ALL
SELECT 'lab', l.lab_id, l.canonical_id, l.content, NULL
FROM ids
JOIN labs AS l
    ON ids.kind = 'lab'
    AND l.lab_id = ids.subject_id
    AND l.known_from <= $4::bigint
    AND l.known_to > $4::bigint
UNION ALL
SELECT kind, subject_id, canonical_id, NULL, folded
FROM by_name;

-- name: find_slugs
-- Which ids are taken among some slugs and their numbered followers.
-- $1 kinds text[]  $2 slugs text[]
SELECT DISTINCT 'person' AS kind, p.person_id AS subject_id, p.canonical_id
FROM unnest($1::text[], $2::text[]) AS a (kind, slug)
JOIN people AS p
    ON a.kind = 'person'
    AND (p.person_id = a.slug OR (
        p.person_id > a.slug || '-' AND p.person_id < a.slug || '.'
    ))
WHERE p.known_to = 9223372036854775807
UNION ALL
SELECT DISTINCT 'lab', l.lab_id, l.canonical_id
FROM unnest($1::text[], $2::text[]) AS a (kind, slug)
JOIN labs AS l
    ON a.kind = 'lab'
    AND (l.lab_id = a.slug OR (l.lab_id > a.slug || '-' AND l.lab_id < a.slug || '.'))
WHERE l.known_to = 9223372036854775807;

-- name: find_near
-- Who has a name near a folded one, nearest first, as known at a position.
-- $1 kind text  $2 folded text  $3 position bigint  $4 limit bigint
SELECT n.canonical_id, max(similarity(n.folded, $2::text)) AS similarity
FROM names AS n
WHERE n.kind = $1::text
    AND n.folded % $2::text
    AND n.known_from <= $3::bigint
    AND n.known_to > $3::bigint
GROUP BY n.canonical_id
ORDER BY similarity DESC, n.canonical_id
LIMIT $4::bigint;

-- name: find_alike
-- Who has a name that contains a folded text or is near it, best first, after one of them, as known
-- at a position: those whose name contains it before the others, then the nearest.
-- $1 kind text  $2 pattern text  $3 folded text  $4 position bigint  $5 after text  $6 limit bigint
WITH alike AS (
    SELECT
        n.canonical_id,
        CASE WHEN bool_or(n.folded LIKE $2::text) THEN 0 ELSE 1 END AS rank,
        1 - max(similarity(n.folded, $3::text)) AS distance
    FROM names AS n
    WHERE n.kind = $1::text
        AND (n.folded LIKE $2::text OR n.folded % $3::text)
        AND n.known_from <= $4::bigint
        AND n.known_to > $4::bigint
    GROUP BY n.canonical_id
)
SELECT canonical_id
FROM alike
WHERE $5::text = ''
    OR (rank, distance, canonical_id) > (
        SELECT a.rank, a.distance, a.canonical_id
        FROM alike AS a
        WHERE a.canonical_id = $5::text
    )
ORDER BY rank, distance, canonical_id
LIMIT $6::bigint;

-- name: fetch_people
-- What is known of some ids of people, and of those for which they stand, at a position.
-- $1 ids text[]  $2 position bigint
SELECT content
FROM people
WHERE person_id IN (
        SELECT unnest($1::text[])
        UNION
        SELECT canonical_id
        FROM people
        WHERE person_id = ANY ($1::text[])
            AND known_from <= $2::bigint
            AND known_to > $2::bigint
    )
    AND known_from <= $2::bigint
    AND known_to > $2::bigint;

-- name: fetch_labs
-- What is known of some ids of labs, and of those for which they stand, at a position.
-- $1 ids text[]  $2 position bigint
SELECT content
FROM labs
WHERE lab_id IN (
        SELECT unnest($1::text[])
        UNION
        SELECT canonical_id
        FROM labs
        WHERE lab_id = ANY ($1::text[])
            AND known_from <= $2::bigint
            AND known_to > $2::bigint
    )
    AND known_from <= $2::bigint
    AND known_to > $2::bigint;

-- name: fetch_people_and_labs
-- What is known of some ids of people and of labs, and of those for which they stand, at a position.
-- $1 people text[]  $2 labs text[]  $3 position bigint
SELECT 'person' AS kind, content
FROM people
WHERE person_id IN (
        SELECT unnest($1::text[])
        UNION
        SELECT canonical_id
        FROM people
        WHERE person_id = ANY ($1::text[])
            AND known_from <= $3::bigint
            AND known_to > $3::bigint
    )
    AND known_from <= $3::bigint
    AND known_to > $3::bigint
UNION ALL
SELECT 'lab', content
FROM labs
WHERE lab_id IN (
        SELECT unnest($2::text[])
        UNION
        SELECT canonical_id
        FROM labs
        WHERE lab_id = ANY ($2::text[])
            AND known_from <= $3::bigint
            AND known_to > $3::bigint
    )
    AND known_from <= $3::bigint
    AND known_to > $3::bigint;

-- name: fetch_every_lab
-- Every canonical lab at a position.
-- $1 position bigint
SELECT content
FROM labs
WHERE lab_id = canonical_id AND known_from <= $1::bigint AND known_to > $1::bigint;

-- name: fetch_every_person
-- Canonical people at a position, by id.
-- $1 position bigint  $2 after text  $3 limit bigint
SELECT content
FROM people
WHERE person_id = canonical_id
    AND known_from <= $1::bigint
    AND known_to > $1::bigint
    AND person_id > $2::text
ORDER BY person_id
LIMIT $3::bigint;

-- name: fetch_ids_of
-- Every id that stands for a canonical one at a position.
-- $1 kind text  $2 canonical_id text  $3 position bigint
SELECT person_id AS subject_id
FROM people
WHERE $1::text = 'person'
    AND canonical_id = $2::text
    AND known_from <= $3::bigint
    AND known_to > $3::bigint
UNION ALL
SELECT lab_id
FROM labs
WHERE $1::text = 'lab'
    AND canonical_id = $2::text
    AND known_from <= $3::bigint
    AND known_to > $3::bigint;

-- name: fetch_lab_chains
-- What is believed now of some labs, of those for which they stand and of their successors.
-- $1 ids text[]
WITH RECURSIVE chain AS (
    SELECT l.lab_id, l.canonical_id, l.successor_id, l.content
    FROM labs AS l
    WHERE l.lab_id = ANY ($1::text[]) AND l.known_to = 9223372036854775807
    UNION
    SELECT l.lab_id, l.canonical_id, l.successor_id, l.content
    FROM chain
    JOIN labs AS l
        ON l.lab_id IN (chain.canonical_id, chain.successor_id)
        AND l.known_to = 9223372036854775807
)
SELECT content
FROM chain;
