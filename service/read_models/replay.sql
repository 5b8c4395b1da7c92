-- name: fetch_state
-- By which code and which replay the read models were made, and where they began to be in use.
SELECT code_version, checkpoint, replay_id
FROM state;

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

-- name: vacuum_next
-- COPY leaves neither statistics nor a visibility map, nor the trigrams of names in their place.
VACUUM (ANALYZE) read_models_next.stints, read_models_next.findings, read_models_next.people,
    read_models_next.labs, read_models_next.names;

-- name: read_people
-- Ids of people that an event names, in order: some at a time and each time anew, since a cursor
-- would hold back vacuum in the whole database for as long as the replay takes.
-- $1 after text  $2 limit bigint
SELECT DISTINCT subject_id
FROM event_subjects
WHERE kind = 'person' AND subject_id > $1::text
ORDER BY subject_id
LIMIT $2::bigint;

-- name: read_every_lab
SELECT DISTINCT subject_id
FROM event_subjects
WHERE kind = 'lab';

-- name: find_before
-- Whether the read models before those in use are still there.
SELECT to_regnamespace('read_models_before') IS NOT NULL;
