-- name: create_next
-- Empty tables of the same shape, without indexes: these are made when the rows are there.
CREATE SCHEMA read_models_next;
CREATE TABLE read_models_next.stints
    (LIKE read_models.stints INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE read_models_next.findings
    (LIKE read_models.findings INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE read_models_next.people
    (LIKE read_models.people INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE read_models_next.labs
    (LIKE read_models.labs INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE read_models_next.names
    (LIKE read_models.names INCLUDING ALL EXCLUDING INDEXES);
CREATE TABLE read_models_next.state
    (LIKE read_models.state INCLUDING ALL EXCLUDING INDEXES);

-- name: begin_state
-- Whose the new tables are, and up to where they will be true.
-- $1 replay_id uuid  $2 checkpoint bigint
INSERT INTO read_models_next.state (code_version, checkpoint, replay_id)
VALUES (0, $2::bigint, $1::uuid);

-- name: describe_indexes
-- Statements that make the indexes of the tables in use on those that are looked at: the large
-- ones first, so that the last to be made is a small one. Prettily printed they name no schema.
SELECT pg_get_indexdef(i.indexrelid, 0, true) AS statement
FROM pg_index AS i
JOIN pg_class AS t ON t.oid = i.indrelid
WHERE t.relnamespace = 'read_models'::regnamespace AND t.relkind = 'r'
ORDER BY pg_relation_size(i.indexrelid) DESC, i.indexrelid;

-- name: describe_keys
-- Statements that make keys of indexes which are there.
SELECT
    format(
        'ALTER TABLE %I ADD CONSTRAINT %I %s USING INDEX %I',
        t.relname,
        k.conname,
        CASE k.contype WHEN 'p' THEN 'PRIMARY KEY' ELSE 'UNIQUE' END,
        k.conname
    ) AS statement
FROM pg_constraint AS k
JOIN pg_class AS t ON t.oid = k.conrelid
WHERE t.relnamespace = 'read_models'::regnamespace AND k.contype IN ('p', 'u')
ORDER BY t.relname, k.conname;

-- name: prepare_indexing
-- Room to sort in, until the transaction ends.
SET LOCAL search_path = read_models_next, public;
SET LOCAL maintenance_work_mem = '128MB';
SET LOCAL max_parallel_maintenance_workers = 0;

-- name: prepare_keys
SET LOCAL search_path = read_models_next, public;

-- name: vacuum_stints
-- COPY leaves neither statistics nor a visibility map. The indexes are looked at in one process,
-- as they were made.
VACUUM (ANALYZE, PARALLEL 0) read_models_next.stints;

-- name: vacuum_findings
VACUUM (ANALYZE, PARALLEL 0) read_models_next.findings;

-- name: vacuum_people
VACUUM (ANALYZE, PARALLEL 0) read_models_next.people;

-- name: vacuum_labs
VACUUM (ANALYZE, PARALLEL 0) read_models_next.labs;

-- name: vacuum_names
VACUUM (ANALYZE, PARALLEL 0) read_models_next.names;
