-- name: try_lock_replay
-- One replay at a time, in all processes: held by the connection that does its work.
SELECT pg_try_advisory_lock(7240003);

-- name: unlock_replay
SELECT pg_advisory_unlock(7240003);

-- name: notice_ended_client
-- A long statement of a client that was killed ends too, and with it the lock that it holds.
SET client_connection_check_interval = '1s';

-- name: find_right_to_create
-- Whether this role may make a schema, and who and where that is.
SELECT
    has_database_privilege(current_database(), 'CREATE') AS may_create,
    current_database()::text AS database,
    current_user::text AS role;

-- name: abandon_replays
-- Replays that say they run while nobody holds their lock were killed.
-- $1 finished_at timestamptz  $2 detail text
UPDATE replays
SET state = 'failed', finished_at = $1::timestamptz, detail = $2::text
WHERE state = 'running';

-- name: join_writers
-- Nobody takes the new tables away until the transaction ends. What is there is looked at in a
-- statement of its own: this one may have waited.
SELECT pg_advisory_xact_lock_shared(7240006);

-- name: find_next
-- Whether the new tables are those of this replay.
-- $1 replay_id uuid
SELECT EXISTS (SELECT FROM read_models_next.state WHERE replay_id = $1::uuid);

-- name: wait_for_writers
-- Until the transaction ends nobody writes into what is built, see `join_writers`: with whoever
-- still did, dropping the tables one after the other could come to a deadlock.
SELECT pg_advisory_xact_lock(7240006);

-- name: drop_next
-- What a replay began to build.
DROP SCHEMA IF EXISTS read_models_next CASCADE;

-- name: take_replays
-- Nobody says that a replay begins, or what it came to, until the transaction ends.
LOCK TABLE replays IN SHARE ROW EXCLUSIVE MODE;

-- name: overtake_replays
-- Replays that run read what was erased; and what older ones told of rows may be of it, too.
-- $1 finished_at timestamptz  $2 detail text
UPDATE replays
SET drift = '[]',
    state = CASE WHEN state = 'running' THEN 'failed' ELSE state END,
    finished_at = CASE WHEN state = 'running' THEN $1::timestamptz ELSE finished_at END,
    detail = CASE WHEN state = 'running' THEN $2::text ELSE detail END
WHERE state = 'running' OR drift <> '[]';

-- name: start_replay
-- $1 replay_id uuid  $2 is_check boolean  $3 rolls_back uuid  $4 started_at timestamptz
INSERT INTO replays (replay_id, state, is_check, rolls_back, started_at, done, total, drift)
VALUES ($1::uuid, 'running', $2::boolean, $3::uuid, $4::timestamptz, 0, 0, '[]');

-- name: note_progress
-- $1 replay_id uuid  $2 step text  $3 done bigint  $4 total bigint
-- $5 events_per_second double precision  $6 switch_waits integer
UPDATE replays
SET step = $2::text,
    done = $3::bigint,
    total = $4::bigint,
    events_per_second = $5::double precision,
    switch_waits = $6::integer
WHERE replay_id = $1::uuid AND state = 'running';

-- name: finish_replay
-- $1 replay_id uuid  $2 state text  $3 finished_at timestamptz  $4 drift text
-- $5 drift_rows bigint  $6 detail text  $7 checkpoint bigint
UPDATE replays
SET state = $2::text,
    finished_at = $3::timestamptz,
    drift = $4::text,
    drift_rows = $5::bigint,
    detail = $6::text,
    checkpoint = $7::bigint
-- One that was overtaken has its end, and what it came to is not told.
WHERE replay_id = $1::uuid AND state = 'running';

-- name: fetch_replays
-- One replay, or the last hundred, and whether the one that may run holds its lock.
-- $1 replay_id uuid
SELECT
    replay_id,
    state,
    step,
    is_check,
    rolls_back,
    started_at,
    finished_at,
    done,
    total,
    events_per_second,
    switch_waits,
    checkpoint,
    drift,
    drift_rows,
    detail,
    EXISTS (
        SELECT
        FROM pg_locks
        WHERE locktype = 'advisory'
            AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
            AND classid = 0
            AND objid = 7240003
            AND objsubid = 1
            AND granted
    ) AS is_lock_held
FROM replays
WHERE $1::uuid IS NULL OR replay_id = $1::uuid
ORDER BY started_at DESC
LIMIT 100;
