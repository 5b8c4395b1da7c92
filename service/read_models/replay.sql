-- name: fetch_state
-- By which code and which replay the read models were made, and where they began to be in use.
SELECT code_version, checkpoint, replay_id, is_due
FROM state;

-- name: find_before
-- Whether the read models before those in use are still there.
SELECT to_regnamespace('read_models_before') IS NOT NULL;
