-- name: fetch_state
-- By which code the read models were made, and how far the last replay had read.
SELECT code_version, checkpoint, replayed_at
FROM state;

-- name: set_state
-- $1 code_version integer  $2 checkpoint bigint  $3 replayed_at timestamptz
UPDATE state
SET code_version = $1::integer, checkpoint = $2::bigint, replayed_at = $3::timestamptz;

-- name: look_at_next
-- Until the transaction ends the statements of the read models mean the new tables.
SET LOCAL search_path = read_models_next, public;

-- name: read_concerned
-- Whom the events of a span of positions concern.
-- $1 after bigint  $2 until bigint
SELECT DISTINCT kind, subject_id, is_fact
FROM event_subjects
WHERE position > $1::bigint AND position <= $2::bigint;

-- name: drop_next
DROP SCHEMA IF EXISTS read_models_next CASCADE;

-- name: create_next
-- Empty tables of the same shape, indexes and constraints included.
CREATE SCHEMA read_models_next;
CREATE TABLE read_models_next.stints (LIKE read_models.stints INCLUDING ALL);
CREATE TABLE read_models_next.findings (LIKE read_models.findings INCLUDING ALL);
CREATE TABLE read_models_next.people (LIKE read_models.people INCLUDING ALL);
CREATE TABLE read_models_next.labs (LIKE read_models.labs INCLUDING ALL);
CREATE TABLE read_models_next.names (LIKE read_models.names INCLUDING ALL);
CREATE TABLE read_models_next.state (LIKE read_models.state INCLUDING ALL);
-- LIKE copies a key, not its name.
ALTER INDEX read_models_next.state_pkey RENAME TO state_is_one;
INSERT INTO read_models_next.state (code_version, checkpoint) VALUES (0, 0);

-- name: analyze_next
-- COPY leaves neither statistics nor a visibility map.
ANALYZE read_models_next.stints, read_models_next.findings, read_models_next.people,
    read_models_next.labs, read_models_next.names;

-- name: drop_before
-- Waits for those who still read them, and therefore not under the log's lock.
DROP SCHEMA IF EXISTS read_models_before CASCADE;

-- name: switch
-- One step: whoever asks next is answered from the new tables. Plans that name the old schema
-- are made anew, since renaming a schema invalidates them.
ALTER SCHEMA read_models RENAME TO read_models_before;
ALTER SCHEMA read_models_next RENAME TO read_models;

-- name: read_every_person
-- Every id of a person that an event names, as a cursor reads it.
SELECT DISTINCT subject_id
FROM event_subjects
WHERE kind = 'person'
ORDER BY subject_id;

-- name: read_every_lab
SELECT DISTINCT subject_id
FROM event_subjects
WHERE kind = 'lab';

-- name: drift_of_stints
-- Rows in which the kept and the replayed read model differ, up to a position.
-- $1 position bigint  $2 limit bigint
WITH kept AS (
    SELECT person_id, known_from, content,
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to
    FROM read_models.stints
    WHERE known_from <= $1::bigint
),
replayed AS (
    SELECT person_id, known_from, content, known_to
    FROM read_models_next.stints
)
(SELECT 'kept' AS side, * FROM (TABLE kept EXCEPT ALL TABLE replayed) AS gone LIMIT $2::bigint)
UNION ALL
(SELECT 'replayed', * FROM (TABLE replayed EXCEPT ALL TABLE kept) AS new LIMIT $2::bigint);

-- name: drift_of_findings
-- $1 position bigint  $2 limit bigint
WITH kept AS (
    SELECT person_id, known_from, content,
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to
    FROM read_models.findings
    WHERE known_from <= $1::bigint
),
replayed AS (
    SELECT person_id, known_from, content, known_to
    FROM read_models_next.findings
)
(SELECT 'kept' AS side, * FROM (TABLE kept EXCEPT ALL TABLE replayed) AS gone LIMIT $2::bigint)
UNION ALL
(SELECT 'replayed', * FROM (TABLE replayed EXCEPT ALL TABLE kept) AS new LIMIT $2::bigint);

-- name: drift_of_people
-- $1 position bigint  $2 limit bigint
WITH kept AS (
    SELECT person_id, known_from, content,
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to
    FROM read_models.people
    WHERE known_from <= $1::bigint
),
replayed AS (
    SELECT person_id, known_from, content, known_to
    FROM read_models_next.people
)
(SELECT 'kept' AS side, * FROM (TABLE kept EXCEPT ALL TABLE replayed) AS gone LIMIT $2::bigint)
UNION ALL
(SELECT 'replayed', * FROM (TABLE replayed EXCEPT ALL TABLE kept) AS new LIMIT $2::bigint);

-- name: drift_of_labs
-- $1 position bigint  $2 limit bigint
WITH kept AS (
    SELECT lab_id AS person_id, known_from, content,
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to
    FROM read_models.labs
    WHERE known_from <= $1::bigint
),
replayed AS (
    SELECT lab_id AS person_id, known_from, content, known_to
    FROM read_models_next.labs
)
(SELECT 'kept' AS side, * FROM (TABLE kept EXCEPT ALL TABLE replayed) AS gone LIMIT $2::bigint)
UNION ALL
(SELECT 'replayed', * FROM (TABLE replayed EXCEPT ALL TABLE kept) AS new LIMIT $2::bigint);

-- name: drift_of_names
-- $1 position bigint  $2 limit bigint
WITH kept AS (
    SELECT subject_id AS person_id, known_from, content,
        CASE WHEN known_to > $1::bigint THEN 9223372036854775807 ELSE known_to END AS known_to
    FROM read_models.names
    WHERE known_from <= $1::bigint
),
replayed AS (
    SELECT subject_id AS person_id, known_from, content, known_to
    FROM read_models_next.names
)
(SELECT 'kept' AS side, * FROM (TABLE kept EXCEPT ALL TABLE replayed) AS gone LIMIT $2::bigint)
UNION ALL
(SELECT 'replayed', * FROM (TABLE replayed EXCEPT ALL TABLE kept) AS new LIMIT $2::bigint);

-- name: start_replay
-- $1 replay_id uuid  $2 is_check boolean  $3 started_at timestamptz  $4 total bigint
INSERT INTO replays (replay_id, state, is_check, started_at, done, total, drift)
VALUES ($1::uuid, 'running', $2::boolean, $3::timestamptz, 0, $4::bigint, '[]');

-- name: note_progress
-- $1 replay_id uuid  $2 done bigint  $3 events_per_second double precision
UPDATE replays
SET done = $2::bigint, events_per_second = $3::double precision
WHERE replay_id = $1::uuid;

-- name: finish_replay
-- $1 replay_id uuid  $2 state text  $3 finished_at timestamptz  $4 drift text  $5 detail text
UPDATE replays
SET state = $2::text,
    finished_at = $3::timestamptz,
    drift = $4::text,
    detail = $5::text,
    done = CASE WHEN $2::text = 'done' THEN total ELSE done END
WHERE replay_id = $1::uuid;

-- name: fetch_replay
-- $1 replay_id uuid
SELECT replay_id, state, is_check, started_at, finished_at, done, total, events_per_second,
    drift, detail
FROM replays
WHERE replay_id = $1::uuid;

-- name: fetch_replays
SELECT replay_id, state, is_check, started_at, finished_at, done, total, events_per_second,
    drift, detail
FROM replays
ORDER BY started_at DESC
LIMIT 100;

-- name: try_lock_replay
-- One replay at a time: held by a connection of its own until it ends, however it ends.
SELECT pg_try_advisory_lock(7240003);

-- name: unlock_replay
SELECT pg_advisory_unlock(7240003);

-- name: abandon_replays
-- Replays that say they run while nobody holds their lock were killed.
-- $1 finished_at timestamptz
UPDATE replays
SET state = 'failed', finished_at = $1::timestamptz, detail = 'The process was ended.'
WHERE state = 'running';
