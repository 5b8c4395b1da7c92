-- name: look_at_kept
-- Until the transaction ends the statements of the read models mean those in use; with room for
-- as many sums as there are, and in one process, since others read and write meanwhile.
SET LOCAL search_path = read_models, public;
SET LOCAL work_mem = '32MB';
SET LOCAL max_parallel_workers_per_gather = 0;

-- name: look_at_replayed
-- Until the transaction ends the statements of the read models mean those just built.
SET LOCAL search_path = read_models_next, public;
SET LOCAL work_mem = '32MB';
SET LOCAL max_parallel_workers_per_gather = 0;

-- name: fetch_sums
-- What the rows of the read models that are looked at come to, as of a position: by bucket of
-- those whom they are about how many there are, and two sums of digests; and the rows of some
-- buckets themselves, as JSON. Sums need no order and no room, and rows that are the same on both
-- sides, all but a few, need not be compared one by one.
-- $1 until bigint  $2 buckets bigint  $3 shown bigint[]
WITH said AS (
    SELECT
        'stints' AS model,
        'person' AS kind,
        person_id AS subject,
        ROW(lab_id, start_lo, end_hi) AS columns,
        known_from,
        known_to,
        content
    FROM stints
    UNION ALL
    SELECT
        'findings',
        CASE WHEN person_id IS NULL THEN 'lab' ELSE 'person' END,
        coalesce(person_id, lab_ids[1]),
        ROW(kind, lab_ids),
        known_from,
        known_to,
        content
    FROM findings
    UNION ALL
    SELECT 'people', 'person', person_id, ROW(canonical_id), known_from, known_to, content
    FROM people
    UNION ALL
    SELECT 'labs', 'lab', lab_id, ROW(canonical_id, successor_id), known_from, known_to, content
    FROM labs
    UNION ALL
    SELECT 'names', kind, subject_id, ROW(folded, canonical_id), known_from, known_to, content
    FROM names
),
believed AS (
    SELECT
        model,
        kind,
        subject,
        columns,
        known_from,
        -- What ended since was believed at the position.
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to,
        content,
        (hashtextextended(coalesce(subject, ''), 0) & 9223372036854775807) % $2::bigint AS bucket
    FROM said
    WHERE known_from <= $1::bigint
)
SELECT
    bucket,
    count(*) AS rows,
    sum(hash_record_extended(
        ROW(
            model,
            kind,
            subject,
            hash_record_extended(columns, 1),
            known_from,
            known_to,
            content
        ),
        1
    ))::text AS one,
    sum(hash_record_extended(
        ROW(
            model,
            kind,
            subject,
            hash_record_extended(columns, 2),
            known_from,
            known_to,
            content
        ),
        2
    ))::text AS other,
    array_agg(
        json_build_array(model, kind, subject, columns, known_from, known_to, content)::text
    ) FILTER (WHERE bucket = ANY ($3::bigint[])) AS shown
FROM believed
WHERE cardinality($3::bigint[]) = 0 OR bucket = ANY ($3::bigint[])
GROUP BY bucket;
