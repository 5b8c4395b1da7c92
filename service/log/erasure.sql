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
