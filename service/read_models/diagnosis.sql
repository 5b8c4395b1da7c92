-- name: fetch_running_progress
-- How far the replay is that runs; no row if none does, or if it was killed.
SELECT done, total
FROM replays
WHERE state = 'running'
    AND EXISTS (
        SELECT
        FROM pg_locks
        WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = 0
            AND objid = 7240003
            AND objsubid = 1
            AND granted
    )
ORDER BY started_at DESC
LIMIT 1;

-- name: fetch_last_comparison
-- The last replay that compared rows or put others in their place. Of one that failed only what
-- it found counts.
SELECT
    finished_at,
    CASE
        WHEN rolls_back IS NOT NULL THEN NULL
        WHEN state = 'done' AND NOT is_check THEN 0
        ELSE drift_rows
    END AS drift_rows
FROM replays
WHERE finished_at IS NOT NULL AND (state = 'done' OR drift_rows > 0)
ORDER BY finished_at DESC
LIMIT 1;
