-- name: hold_still
-- Waits for a switch under way, and then means the tables that it put in place: LOCK TABLE takes
-- no snapshot and looks its names up anew after it waited.
LOCK TABLE
    read_models.stints,
    read_models.findings,
    read_models.people,
    read_models.labs,
    read_models.names,
    read_models.state
IN ACCESS SHARE MODE;

-- name: take_tables
-- Against those who hold the old tables still: they finish first. Without it their later
-- statements would mean the new tables, of which their snapshot knows nothing. Whoever waits
-- behind this lock waits for no longer than its own time-out.
SET LOCAL lock_timeout = '100ms';
LOCK TABLE
    read_models.stints,
    read_models.findings,
    read_models.people,
    read_models.labs,
    read_models.names,
    read_models.state
IN ACCESS EXCLUSIVE MODE;

-- name: look_at_next
-- Until the transaction ends the statements of the read models mean the new tables.
SET LOCAL search_path = read_models_next, public;

-- name: look_at_before
-- Until the transaction ends the statements of the read models mean those before the last switch.
SET LOCAL search_path = read_models_before, public;

-- name: read_concerned
-- Whom the events of a span of positions concern, and by what.
-- $1 after bigint  $2 until bigint
SELECT DISTINCT s.kind, s.subject_id, s.is_fact, e.type
FROM event_subjects AS s
JOIN events AS e ON e.position = s.position
WHERE s.position > $1::bigint AND s.position <= $2::bigint;

-- name: hold_state
-- Up to where the read models that are looked at are true, and who made them; whoever else would
-- bring them further waits until the transaction ends, and then sees what came of it.
SELECT checkpoint, replay_id
FROM state
FOR UPDATE;

-- name: set_checkpoint
-- Up to where the read models that are looked at are true.
-- $1 checkpoint bigint
UPDATE state
SET checkpoint = $1::bigint;

-- name: set_state
-- By which code and which replay the read models that are looked at were made, and where they
-- begin to be those in use: up to there the ones before them are true.
-- $1 code_version integer  $2 checkpoint bigint  $3 replay_id uuid
UPDATE state
SET code_version = $1::integer,
    checkpoint = $2::bigint,
    replay_id = $3::uuid,
    replayed_at = (SELECT recorded_at FROM events WHERE position = $2::bigint);

-- name: drop_before
-- What the last replay left for a way back.
DROP SCHEMA IF EXISTS read_models_before CASCADE;

-- name: switch_to_next
-- One step: whoever asks next is answered from the new tables. Plans that name the old schema
-- are made anew, since renaming a schema invalidates them.
ALTER SCHEMA read_models RENAME TO read_models_before;
ALTER SCHEMA read_models_next RENAME TO read_models;

-- name: switch_to_before
-- The two change places, so that this too can be taken back.
ALTER SCHEMA read_models RENAME TO read_models_next;
ALTER SCHEMA read_models_before RENAME TO read_models;
ALTER SCHEMA read_models_next RENAME TO read_models_before;
