-- name: read_export
-- Some of the log in order with all that its hashes were made of.
-- $1 after bigint  $2 until bigint  $3 limit bigint
SELECT
    position,
    event_id,
    type,
    recorded_at,
    recorded_by,
    payload,
    salt,
    payload_hash,
    hash,
    erased_by
FROM events
WHERE position > $1::bigint AND position <= $2::bigint
ORDER BY position
LIMIT $3::bigint;
