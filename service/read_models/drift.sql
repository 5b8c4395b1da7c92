-- name: fetch_drift
-- The rows of which the read models in use have more or fewer than those replayed up to a
-- position, and how many there are: grouped rather than EXCEPT twice, so that both sides are
-- read once, and what does not fit in memory is spilled.
-- $1 until bigint  $2 limit bigint
WITH kept AS (
    SELECT
        'stints' AS model,
        'person' AS kind,
        person_id AS subject,
        array_to_json(ARRAY[lab_id, start_lo::text, end_hi::text])::text AS columns,
        known_from,
        known_to,
        content
    FROM read_models.stints
    UNION ALL
    SELECT
        'findings',
        CASE WHEN person_id IS NULL THEN 'lab' ELSE 'person' END,
        coalesce(person_id, lab_ids[1]),
        array_to_json(kind || lab_ids)::text,
        known_from,
        known_to,
        content
    FROM read_models.findings
    UNION ALL
    SELECT
        'people',
        'person',
        person_id,
        array_to_json(ARRAY[canonical_id])::text,
        known_from,
        known_to,
        content
    FROM read_models.people
    UNION ALL
    SELECT
        'labs',
        'lab',
        lab_id,
        array_to_json(ARRAY[canonical_id, successor_id])::text,
        known_from,
        known_to,
        content
    FROM read_models.labs
    UNION ALL
    SELECT
        'names',
        kind,
        subject_id,
        array_to_json(ARRAY[folded, canonical_id])::text,
        known_from,
        known_to,
        content
    FROM read_models.names
),
replayed AS (
    SELECT
        'stints' AS model,
        'person' AS kind,
        person_id AS subject,
        array_to_json(ARRAY[lab_id, start_lo::text, end_hi::text])::text AS columns,
        known_from,
        known_to,
        content
    FROM read_models_next.stints
    UNION ALL
    SELECT
        'findings',
        CASE WHEN person_id IS NULL THEN 'lab' ELSE 'person' END,
        coalesce(person_id, lab_ids[1]),
        array_to_json(kind || lab_ids)::text,
        known_from,
        known_to,
        content
    FROM read_models_next.findings
    UNION ALL
    SELECT
        'people',
        'person',
        person_id,
        array_to_json(ARRAY[canonical_id])::text,
        known_from,
        known_to,
        content
    FROM read_models_next.people
    UNION ALL
    SELECT
        'labs',
        'lab',
        lab_id,
        array_to_json(ARRAY[canonical_id, successor_id])::text,
        known_from,
        known_to,
        content
    FROM read_models_next.labs
    UNION ALL
    SELECT
        'names',
        kind,
        subject_id,
        array_to_json(ARRAY[folded, canonical_id])::text,
        known_from,
        known_to,
        content
    FROM read_models_next.names
),
counted AS (
    SELECT
        model,
        kind,
        subject,
        columns,
        known_from,
        -- What ended since was believed at the position.
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to,
        content,
        1 AS has
    FROM kept
    WHERE known_from <= $1::bigint
    UNION ALL
    SELECT model, kind, subject, columns, known_from, known_to, content, -1
    FROM replayed
),
differing AS (
    SELECT
        model,
        kind,
        subject,
        columns,
        known_from,
        known_to,
        content,
        sum(has) AS surplus
    FROM counted
    GROUP BY model, kind, subject, columns, known_from, known_to, content
    HAVING sum(has) <> 0
)
SELECT
    model,
    kind,
    subject,
    columns,
    known_from,
    known_to,
    content,
    surplus,
    (sum(abs(surplus)) OVER ())::bigint AS differing
FROM differing
ORDER BY kind DESC, subject, model, known_from, known_to, surplus DESC, content
LIMIT $2::bigint;
