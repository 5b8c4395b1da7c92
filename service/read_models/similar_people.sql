-- name: try_lock_similar
-- Let one process at a time look; until the transaction ends.
SELECT pg_try_advisory_xact_lock(7240005);

-- name: lock_similar
-- Wait for whoever looks, and let nobody look until the transaction ends.
SELECT pg_advisory_xact_lock(7240005);

-- name: set_threshold
-- How near names have to be for the operator %, until the transaction ends.
-- $1 similarity text
SELECT set_config('pg_trgm.similarity_threshold', $1::text, true);

-- name: fetch_checkpoint
-- The position up to which people were looked at.
SELECT checkpoint
FROM similar_people_state;

-- name: set_checkpoint
-- $1 position bigint
UPDATE similar_people_state
SET checkpoint = $1::bigint;

-- name: fetch_named_next
-- The people whom the next events name, so many names and the rest of the last event.
-- $1 after bigint  $2 limit bigint
WITH named AS (
    SELECT position
    FROM event_subjects
    WHERE kind = 'person' AND position > $1::bigint
    ORDER BY position
    LIMIT $2::bigint
)
SELECT s.subject_id, max(s.position) AS position
FROM event_subjects AS s
WHERE s.kind = 'person'
    AND s.position > $1::bigint
    AND s.position <= (SELECT max(position) FROM named)
GROUP BY s.subject_id;

-- name: find_same_names
-- Who has a name that one of some people has, not one with them; at most so many for each name.
-- $1 ids text[]  $2 limit bigint
SELECT own.subject_id, found.other_id
FROM names AS own
CROSS JOIN LATERAL (
    SELECT n.subject_id AS other_id
    FROM names AS n
    WHERE n.kind = 'person'
        AND n.folded = own.folded
        AND n.known_to = 9223372036854775807
        AND n.canonical_id <> own.canonical_id
    ORDER BY n.subject_id
    LIMIT $2::bigint
) AS found
WHERE own.subject_id = ANY ($1::text[])
    AND own.kind = 'person'
    AND own.known_to = 9223372036854775807;

-- name: find_near_names
-- Who has a name near one of some people's, with the same digits, and was at one of their labs.
-- $1 ids text[]  $2 limit bigint  $3 candidates bigint
SELECT own.subject_id, found.other_id, found.similarity
FROM (
    SELECT
        subject_id,
        canonical_id,
        folded,
        regexp_replace(folded, '[^0-9]', '', 'g') AS digits,
        -- Digits are what generated names differ in: the index finds those that have them too.
        '%' || coalesce((regexp_match(folded, '[0-9]{2,}'))[1], '') || '%' AS pattern
    FROM names
    WHERE subject_id = ANY ($1::text[])
        AND kind = 'person'
        AND known_to = 9223372036854775807
) AS own
CROSS JOIN LATERAL (
    SELECT near.other_id, near.similarity
    FROM (
        SELECT
            n.subject_id AS other_id,
            n.canonical_id,
            similarity(n.folded, own.folded) AS similarity
        FROM names AS n
        WHERE n.folded % own.folded
            AND n.folded LIKE own.pattern
            AND n.folded <> own.folded
            AND n.kind = 'person'
            AND n.known_to = 9223372036854775807
            AND n.canonical_id <> own.canonical_id
            AND regexp_replace(n.folded, '[^0-9]', '', 'g') = own.digits
        -- Of names that are like thousands of others not all are tried.
        LIMIT $3::bigint
    ) AS near
    WHERE EXISTS (
        SELECT
        FROM stints AS a
        JOIN stints AS b ON b.lab_id = a.lab_id
        WHERE a.person_id = own.canonical_id
            AND a.known_to = 9223372036854775807
            AND b.person_id = near.canonical_id
            AND b.known_to = 9223372036854775807
    )
    ORDER BY near.similarity DESC, near.other_id
    LIMIT $2::bigint
) AS found;

-- name: delete_similar
-- Forget what was found of some people.
-- $1 ids text[]
DELETE FROM similar_people
WHERE person_id = ANY ($1::text[]) OR other_id = ANY ($1::text[]);

-- name: delete_every_similar
-- Forget everything.
DELETE FROM similar_people;

-- name: count_similar
-- How many pairs some people are in.
-- $1 ids text[]
SELECT ids.id, count(*) AS count
FROM unnest($1::text[]) AS ids (id)
JOIN similar_people AS s ON s.person_id = ids.id OR s.other_id = ids.id
GROUP BY ids.id;

-- name: insert_similar
-- $1 person_ids text[]  $2 other_ids text[]  $3 reasons text[]  $4 similarities double precision[]
INSERT INTO similar_people (person_id, other_id, reason, similarity)
SELECT s.person_id, s.other_id, s.reason, s.similarity
FROM unnest($1::text[], $2::text[], $3::text[], $4::double precision[])
    AS s (person_id, other_id, reason, similarity);

-- name: fetch_similar
-- Pairs of people who may be one, by today's ids and without those that are settled by now.
-- $1 person_ids text[]  $2 lab_id text  $3 after_person text  $4 after_other text
-- $5 limit bigint
WITH pairs AS (
    SELECT DISTINCT ON (1, 2)
        least(a.canonical_id, b.canonical_id) AS person_id,
        greatest(a.canonical_id, b.canonical_id) AS other_id,
        s.reason,
        s.similarity
    FROM similar_people AS s
    JOIN people AS a ON a.person_id = s.person_id AND a.known_to = 9223372036854775807
    JOIN people AS b ON b.person_id = s.other_id AND b.known_to = 9223372036854775807
    WHERE ($1::text[] IS NULL OR s.person_id = ANY ($1::text[]) OR s.other_id = ANY ($1::text[]))
        AND a.canonical_id <> b.canonical_id
    ORDER BY 1, 2, s.similarity DESC
)
SELECT
    pairs.person_id,
    pairs.other_id,
    pairs.reason,
    pairs.similarity,
    ARRAY(
        SELECT DISTINCT a.lab_id
        FROM stints AS a
        JOIN stints AS b ON b.lab_id = a.lab_id
        WHERE a.person_id = pairs.person_id
            AND a.known_to = 9223372036854775807
            AND b.person_id = pairs.other_id
            AND b.known_to = 9223372036854775807
        ORDER BY a.lab_id
    ) AS lab_ids
FROM pairs
JOIN people AS whole
    ON whole.person_id = pairs.person_id AND whole.known_to = 9223372036854775807
WHERE (pairs.person_id, pairs.other_id) > ($3::text COLLATE "C", $4::text COLLATE "C")
    AND ($2::text IS NULL OR EXISTS (
        SELECT
        FROM stints AS s
        WHERE s.person_id IN (pairs.person_id, pairs.other_id)
            AND s.known_to = 9223372036854775807
            AND s.lab_id = $2::text
    ))
    AND NOT EXISTS (
        SELECT
        FROM json_array_elements_text(whole.content::json -> 'different_from') AS apart (id)
        JOIN people AS p ON p.person_id = apart.id AND p.known_to = 9223372036854775807
        WHERE p.canonical_id = pairs.other_id
    )
ORDER BY pairs.person_id, pairs.other_id
LIMIT $5::bigint;
