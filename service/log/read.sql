-- name: read_head
-- The last event's place in the chain; no row of an empty log.
SELECT position, hash, recorded_at
FROM events
ORDER BY position DESC
LIMIT 1;

-- name: read_position_at
-- The greatest position recorded by an instant; null before the first.
-- $1 instant timestamptz
SELECT position
FROM events
WHERE recorded_at <= $1::timestamptz
ORDER BY recorded_at DESC, position DESC
LIMIT 1;

-- name: read_recorded_at
-- $1 position bigint
SELECT recorded_at
FROM events
WHERE position = $1::bigint;

-- name: read_instants
-- When some positions were recorded.
-- $1 positions bigint[]
SELECT position, recorded_at
FROM events
WHERE position = ANY ($1::bigint[]);

-- name: read_by_ids
-- Events by their ids, each original with the log events about it.
-- $1 event_ids uuid[]
SELECT
    e.position,
    e.event_id,
    e.type,
    e.recorded_at,
    e.recorded_by,
    e.target_position,
    e.payload,
    e.hash,
    e.body_digest
FROM events AS e
WHERE e.event_id = ANY ($1::uuid[])
    OR e.target_position IN (
        SELECT o.position FROM events AS o WHERE o.event_id = ANY ($1::uuid[])
    )
ORDER BY e.position;

-- name: read_last_words
-- Of events by their ids, in order, who recorded each and each event about it, and what was sent.
-- $1 event_ids uuid[]
WITH named AS MATERIALIZED (
    SELECT position, event_id
    FROM events
    WHERE event_id = ANY ($1::uuid[])
)
SELECT n.event_id, e.position, e.recorded_by, e.body_digest
FROM named AS n
JOIN events AS e ON e.position = n.position
UNION ALL
SELECT n.event_id, e.position, e.recorded_by, e.body_digest
FROM named AS n
JOIN events AS e ON e.target_position = n.position
ORDER BY position;

-- name: read_by_positions
-- Events by their positions.
-- $1 positions bigint[]
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
FROM events
WHERE position = ANY ($1::bigint[])
ORDER BY position;

-- name: read_chains
-- Originals and the log events about them, by the originals' positions.
-- $1 positions bigint[]
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
FROM events
WHERE position = ANY ($1::bigint[]) OR target_position = ANY ($1::bigint[])
ORDER BY position;

-- name: read_by_subjects
-- Every event that concerns one of some people, and those that are facts of some labs.
-- $1 people text[]  $2 labs text[]
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
FROM events
WHERE position IN (
    SELECT position
    FROM event_subjects
    WHERE kind = 'person' AND subject_id = ANY ($1::text[])
    UNION
    SELECT position
    FROM event_subjects
    WHERE kind = 'lab' AND subject_id = ANY ($2::text[]) AND is_fact
)
ORDER BY position;

-- name: read_linked
-- The given subjects and all that any event ever linked with them.
-- $1 kinds text[]  $2 subject_ids text[]
WITH RECURSIVE linked AS (
    SELECT g.kind COLLATE "C" AS kind, g.subject_id COLLATE "C" AS subject_id
    FROM unnest($1::text[], $2::text[]) AS g (kind, subject_id)
    UNION
    SELECT other.kind, other.subject_id
    FROM linked
    JOIN event_subjects AS own
        ON own.kind = linked.kind AND own.subject_id = linked.subject_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = own.kind AND other.is_link
)
SELECT kind, subject_id
FROM linked;

-- name: read_histories
-- Every event that concerns one of some people and those that are facts of some labs, and of all
-- that any event ever linked with them, each with its original and all that was said about it, as
-- known at a position.
-- $1 kinds text[]  $2 subject_ids text[]  $3 position bigint
-- Rows are looked up, whatever the planner thinks of how many there are.
WITH RECURSIVE linked AS (
    SELECT g.kind COLLATE "C" AS kind, g.subject_id COLLATE "C" AS subject_id
    FROM unnest($1::text[], $2::text[]) AS g (kind, subject_id)
    UNION
    SELECT other.kind, other.subject_id
    FROM linked
    JOIN event_subjects AS own
        ON own.kind = linked.kind AND own.subject_id = linked.subject_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = own.kind AND other.is_link
),
concerned AS (
    SELECT position
    FROM event_subjects
    WHERE kind = 'person'
        AND subject_id = ANY (ARRAY(SELECT subject_id FROM linked WHERE kind = 'person'))
    UNION
    SELECT position
    FROM event_subjects
    WHERE kind = 'lab'
        AND subject_id = ANY (ARRAY(SELECT subject_id FROM linked WHERE kind = 'lab'))
        AND is_fact
),
roots AS MATERIALIZED (
    SELECT DISTINCT coalesce(target_position, position) AS position
    FROM events
    WHERE position = ANY (ARRAY(SELECT position FROM concerned))
)
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
FROM events
WHERE (
        position = ANY (ARRAY(SELECT position FROM roots))
        OR target_position = ANY (ARRAY(SELECT position FROM roots))
    )
    AND position <= $3::bigint
ORDER BY position;

-- name: read_people_of_labs
-- Everyone whom an event names together with one of some labs.
-- $1 labs text[]
SELECT DISTINCT person.subject_id
FROM event_subjects AS lab
JOIN event_subjects AS person
    ON person.position = lab.position AND person.kind = 'person'
WHERE lab.kind = 'lab' AND lab.subject_id = ANY ($1::text[]);

-- name: read_receipt
-- $1 api_key text  $2 idempotency_key text
SELECT request_digest, positions
FROM receipts
WHERE api_key = $1::text AND idempotency_key = $2::text;

-- name: read_identity
-- Which log this is.
SELECT log_id, epoch
FROM log_identity;

-- name: read_page
-- Events in order, by the filters that are given.
-- $1 after bigint  $2 until bigint  $3 type text  $4 people text[]  $5 labs text[]
-- $6 from_on date  $7 to_on date  $8 limit bigint
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
WHERE position > $1::bigint
    AND position <= $2::bigint
    -- Of its type is what says something of the kind.
    AND ($3::text IS NULL OR (type = $3::text AND erased_by IS NULL))
    AND ($4::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'person'
            AND s.subject_id = ANY ($4::text[])
    ))
    AND ($5::text[] IS NULL OR EXISTS (
        SELECT FROM event_subjects AS s
        WHERE s.position = e.position
            AND s.kind = 'lab'
            AND s.subject_id = ANY ($5::text[])
    ))
    AND ($6::date IS NULL OR on_hi >= $6::date)
    AND ($7::date IS NULL OR on_lo <= $7::date)
ORDER BY position
LIMIT $8::bigint;

-- name: read_timeline
-- The events of one lab by the greatest position first, before one.
-- $1 labs text[]  $2 before bigint  $3 limit bigint
SELECT
    e.position,
    e.event_id,
    e.type,
    e.recorded_at,
    e.recorded_by,
    e.target_position,
    e.payload,
    e.hash,
    e.body_digest
FROM events AS e
WHERE e.position IN (
        -- Of each lab only as many as are shown: it can have very many.
        SELECT latest.position
        FROM unnest($1::text[]) AS l (lab_id)
        CROSS JOIN LATERAL (
            SELECT s.position
            FROM event_subjects AS s
            WHERE s.kind = 'lab' AND s.subject_id = l.lab_id AND s.position < $2::bigint
            ORDER BY s.position DESC
            LIMIT $3::bigint
        ) AS latest
    )
ORDER BY e.position DESC
LIMIT $3::bigint;
