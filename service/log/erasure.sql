-- name: bound_waits
-- Whoever holds what an erasure needs is not waited for without end, until the transaction ends.
SET LOCAL lock_timeout = '10s';

-- name: erase
-- Let the events that the erasure at the head names say nothing any more; the caller holds the
-- log's lock.
-- $1 position bigint
SELECT public.erase($1::bigint);

-- name: read_chains_of_erased
-- The events that an erasure took, with the originals and all other log events of their chains.
-- $1 position bigint
WITH roots AS (
    SELECT coalesce(target_position, position) AS position
    FROM events
    WHERE erased_by = $1::bigint
)
SELECT e.position, e.event_id, e.type, e.payload, e.target_position, e.erased_by
FROM events AS e
WHERE e.position IN (SELECT position FROM roots)
    OR e.target_position IN (SELECT position FROM roots)
ORDER BY e.position;

-- name: read_mentions
-- Events that were not erased whose payloads hold one of some patterns, after a position.
-- $1 after bigint  $2 patterns text[]
SELECT position, event_id, type, recorded_at, recorded_by, payload
FROM events
WHERE position > $1::bigint AND erased_by IS NULL AND payload ILIKE ANY ($2::text[])
ORDER BY position;

-- name: read_together_with
-- What was recorded in one transaction with an event, before it.
-- $1 position bigint
SELECT
    e.position, e.event_id, e.type, e.recorded_at, e.recorded_by, e.target_position, e.payload,
    e.hash, e.body_digest
FROM events AS own
JOIN events AS e ON e.recorded_at = own.recorded_at AND e.position < own.position
WHERE own.position = $1::bigint
ORDER BY e.position;

-- name: read_taken_by
-- The events that an erasure took, by their places.
-- $1 position bigint
SELECT position, event_id, type, recorded_at, recorded_by
FROM events
WHERE erased_by = $1::bigint
ORDER BY position;

-- name: read_erasures
-- For events by their positions, those of them that were erased: by which erasure.
-- $1 positions bigint[]
SELECT
    erased.position AS erased_position,
    erasure.position,
    erasure.recorded_at,
    erasure.payload
FROM events AS erased
JOIN events AS erasure ON erasure.position = erased.erased_by
WHERE erased.position = ANY ($1::bigint[]);
