-- name: take_identity
-- A restored log is the one that was exported, in a later epoch: cursors of before are refused.
-- $1 log_id uuid  $2 epoch integer
UPDATE log_identity
SET log_id = $1::uuid, epoch = greatest(epoch + 1, $2::integer);
