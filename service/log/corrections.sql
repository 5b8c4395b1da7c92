-- name: read_corrections
-- Corrections and retractions by the filters that are given, newest first, before a position; not
-- those that were erased, which say nothing.
-- $1 before bigint  $2 type text  $3 people text[]  $4 labs text[]  $5 recorded_by text
-- $6 recorded_from timestamptz  $7 recorded_before timestamptz  $8 limit bigint
SELECT
    position,
    event_id,
    type,
    recorded_at,
    recorded_by,
    target_position,
    payload,
    hash,
    body_digest
FROM events AS e
WHERE target_position IS NOT NULL
    AND erased_by IS NULL
    AND position < $1::bigint
    AND ($2::text IS NULL OR type = $2::text)
    AND ($3::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'person'
            AND s.subject_id = ANY ($3::text[])
    ))
    AND ($4::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'lab'
            AND s.subject_id = ANY ($4::text[])
    ))
    AND ($5::text IS NULL OR recorded_by = $5::text)
    AND ($6::timestamptz IS NULL OR recorded_at >= $6::timestamptz)
    AND ($7::timestamptz IS NULL OR recorded_at < $7::timestamptz)
ORDER BY position DESC
LIMIT $8::bigint;

-- name: count_reasons
-- How many corrections and retractions there are for each reason, the most frequent first.
-- $1 before bigint  $2 type text  $3 people text[]  $4 labs text[]  $5 recorded_by text
-- $6 recorded_from timestamptz  $7 recorded_before timestamptz  $8 limit bigint
SELECT
    (payload::json ->> 'reason') COLLATE "C" AS reason,
    count(*) AS count,
    (sum(count(*)) OVER ())::bigint AS total
FROM events AS e
WHERE target_position IS NOT NULL
    AND erased_by IS NULL
    AND position < $1::bigint
    AND ($2::text IS NULL OR type = $2::text)
    AND ($3::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'person'
            AND s.subject_id = ANY ($3::text[])
    ))
    AND ($4::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'lab'
            AND s.subject_id = ANY ($4::text[])
    ))
    AND ($5::text IS NULL OR recorded_by = $5::text)
    AND ($6::timestamptz IS NULL OR recorded_at >= $6::timestamptz)
    AND ($7::timestamptz IS NULL OR recorded_at < $7::timestamptz)
GROUP BY 1
ORDER BY count DESC, reason
LIMIT $8::bigint;

-- name: read_concerned_at
-- Whom some events concern.
-- $1 positions bigint[]
SELECT DISTINCT kind, subject_id
FROM event_subjects
WHERE position = ANY ($1::bigint[]) AND (kind = 'person' OR is_fact);

-- name: read_between
-- What was recorded about some people at some labs, or nowhere, after a position up to another.
-- $1 people text[]  $2 labs text[]  $3 after bigint  $4 until bigint
SELECT s.subject_id, e.position, e.event_id, e.type, e.recorded_at, e.recorded_by
FROM event_subjects AS s
JOIN events AS e ON e.position = s.position
WHERE s.kind = 'person'
    AND s.subject_id = ANY ($1::text[])
    AND s.position > $3::bigint
    AND s.position <= $4::bigint
    AND (
        EXISTS (
            SELECT FROM event_subjects AS l
            WHERE l.position = s.position AND l.kind = 'lab' AND l.subject_id = ANY ($2::text[])
        )
        OR NOT EXISTS (
            SELECT FROM event_subjects AS l WHERE l.position = s.position AND l.kind = 'lab'
        )
    )
ORDER BY e.position;

-- name: read_facts_between
-- What was recorded about some labs themselves after a position up to another.
-- $1 labs text[]  $2 after bigint  $3 until bigint
SELECT DISTINCT e.position, e.event_id, e.type, e.recorded_at, e.recorded_by
FROM event_subjects AS s
JOIN events AS e ON e.position = s.position
WHERE s.kind = 'lab'
    AND s.subject_id = ANY ($1::text[])
    AND s.is_fact
    AND s.position > $2::bigint
    AND s.position <= $3::bigint
ORDER BY e.position;

-- name: find_last_correction
-- The position of the last correction or retraction up to a position; null where there is none.
-- $1 until bigint
SELECT greatest(
    (
        SELECT max(position)
        FROM events
        WHERE type = 'correction' AND position <= $1::bigint
    ),
    (
        SELECT max(position)
        FROM events
        WHERE type = 'retraction' AND position <= $1::bigint
    )
);
