-- name: read_export
-- The log in order with all that its hashes were made of, as a cursor reads it.
-- $1 until bigint
SELECT
    position,
    event_id,
    type,
    recorded_at,
    recorded_by,
    payload,
    salt,
    payload_hash,
    hash
FROM events
WHERE position <= $1::bigint
ORDER BY position;

-- name: find_hash
-- The position whose hash this is; no row if the log never came by it.
-- $1 hash bytea
SELECT position
FROM events
WHERE hash = $1::bytea;

-- name: take_identity
-- A restored log is the one that was exported, in a later epoch: cursors of before are refused.
-- $1 log_id uuid  $2 epoch integer
UPDATE log_identity
SET log_id = $1::uuid, epoch = greatest(epoch, $2::integer) + 1;
