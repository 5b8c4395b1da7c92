-- name: fetch_current
-- The head of the log, by what the read models in use were made, and what was erased last.
SELECT
    h.position,
    h.hash,
    h.recorded_at,
    s.code_version,
    s.checkpoint,
    s.replay_id,
    (
        SELECT position FROM events WHERE type = 'erasure' ORDER BY position DESC LIMIT 1
    ) AS last_erasure
FROM state AS s
LEFT JOIN (
    SELECT position, hash, recorded_at
    FROM events
    ORDER BY position DESC
    LIMIT 1
) AS h ON true;

-- name: fetch_current_and_known
-- The same, and beside it the states of knowledge that some positions and instants mean.
-- $1 positions bigint[]  $2 instants timestamptz[]
WITH known AS (
    SELECT
        e.position AS asked_position,
        NULL::timestamptz AS asked_instant,
        e.position AS known_position,
        e.recorded_at AS known_recorded_at
    FROM events AS e
    WHERE e.position = ANY ($1::bigint[])
    UNION ALL
    SELECT NULL, a.instant, e.position, e.recorded_at
    FROM unnest($2::timestamptz[]) AS a (instant)
    CROSS JOIN LATERAL (
        SELECT position, recorded_at
        FROM events
        WHERE recorded_at <= a.instant
        ORDER BY recorded_at DESC, position DESC
        LIMIT 1
    ) AS e
)
SELECT
    h.position,
    h.hash,
    h.recorded_at,
    s.code_version,
    s.checkpoint,
    s.replay_id,
    (
        SELECT position FROM events WHERE type = 'erasure' ORDER BY position DESC LIMIT 1
    ) AS last_erasure,
    k.asked_position,
    k.asked_instant,
    k.known_position,
    k.known_recorded_at
FROM state AS s
LEFT JOIN (
    SELECT position, hash, recorded_at
    FROM events
    ORDER BY position DESC
    LIMIT 1
) AS h ON true
LEFT JOIN known AS k ON true;

-- name: fetch_moved
-- Whom the events of a span of positions can have moved: people under every id that a same_as
-- ever joined, the labs at which those are or were believed to be, and labs of whose own facts
-- such an event is one.
-- $1 after bigint  $2 until bigint
WITH RECURSIVE named AS (
    SELECT DISTINCT kind, subject_id, is_fact
    FROM event_subjects
    WHERE position > $1::bigint AND position <= $2::bigint
),
people AS (
    SELECT subject_id
    FROM named
    WHERE kind = 'person'
    UNION
    SELECT other.subject_id
    FROM people
    JOIN event_subjects AS own
        ON own.kind = 'person' AND own.subject_id = people.subject_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = 'person' AND other.is_link
)
SELECT 'person' AS kind, subject_id, false AS is_fact
FROM people
UNION ALL
SELECT DISTINCT 'lab', s.lab_id, false
FROM people
JOIN stints AS s ON s.person_id = people.subject_id AND s.known_to > $1::bigint
UNION ALL
SELECT 'lab', subject_id, true
FROM named
WHERE kind = 'lab' AND is_fact;
