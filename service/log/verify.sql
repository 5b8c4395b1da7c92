-- name: read_events
-- Some of the log in order, with all that its hashes were made of and what follows from it.
-- $1 after bigint  $2 until bigint  $3 limit bigint
SELECT
    position,
    event_id,
    type,
    recorded_at,
    recorded_by,
    target_position,
    payload,
    salt,
    payload_hash,
    hash,
    body_digest,
    on_lo,
    on_hi,
    erased_by
FROM events
WHERE position > $1::bigint AND position <= $2::bigint
ORDER BY position
LIMIT $3::bigint;

-- name: read_subjects
-- Whom and what some of the log is kept as being about.
-- $1 after bigint  $2 until bigint
SELECT
    kind,
    subject_id,
    position,
    is_fact,
    is_link
FROM event_subjects
WHERE position > $1::bigint AND position <= $2::bigint;

-- name: read_stray_subjects
-- Positions beyond either end of the log that somebody is kept as named by.
-- $1 limit bigint
SELECT DISTINCT position
FROM event_subjects
WHERE position < 1 OR position > (SELECT coalesce(max(position), 0) FROM events)
ORDER BY position
LIMIT $1::bigint;

-- name: read_erasures_at
-- What stands at some positions that events are kept as erased by.
-- $1 positions bigint[]
SELECT position, event_id, type, payload, erased_by
FROM events
WHERE position = ANY ($1::bigint[]) AND type = 'erasure';

-- name: read_erased_by
-- Events by their ids, with what they are kept as erased by.
-- $1 event_ids uuid[]
SELECT event_id, erased_by
FROM events
WHERE event_id = ANY ($1::uuid[]);

-- name: find_hash
-- The position whose hash this is; no row if the log never came by it.
-- $1 hash bytea
SELECT position
FROM events
WHERE hash = $1::bytea;

-- name: read_head_at
-- An event's place in the chain; no row if it is missing.
-- $1 position bigint
SELECT position, hash, recorded_at
FROM events
WHERE position = $1::bigint;
