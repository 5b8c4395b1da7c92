-- name: act_as_user
-- As whoever connected, until the transaction ends: a role that others act as is not shown what
-- their sessions do.
SET LOCAL ROLE NONE;

-- name: fetch_server
-- How the server is, and how long the longest transaction in this database has been open.
SELECT
    split_part(current_setting('server_version'), ' ', 1) AS version,
    current_setting('server_version_num')::integer / 10000 AS major,
    pg_is_in_recovery()
    OR current_setting('default_transaction_read_only')::boolean AS is_read_only,
    clock_timestamp() AS instant,
    pg_database_size(current_database()) AS database_bytes,
    (SELECT sum(numbackends) FROM pg_stat_database)::bigint AS connections,
    current_setting('max_connections')::bigint AS connections_max,
    (
        SELECT coalesce(max(extract(epoch FROM clock_timestamp() - xact_start)), 0)
        FROM pg_stat_activity
        WHERE datname = current_database()
            AND pid <> pg_backend_pid()
            AND backend_type = 'client backend'
    )::double precision AS longest_transaction_seconds;

-- name: fetch_long_transactions
-- Who has had a transaction open for so long, the longest first.
-- $1 seconds double precision
SELECT
    pid,
    usename::text AS user_name,
    application_name,
    state,
    extract(epoch FROM clock_timestamp() - xact_start)::double precision AS seconds
FROM pg_stat_activity
WHERE datname = current_database()
    AND pid <> pg_backend_pid()
    AND backend_type = 'client backend'
    AND extract(epoch FROM clock_timestamp() - xact_start) > $1::double precision
ORDER BY xact_start
LIMIT 20;

-- name: fetch_tables
-- How tables of some schemas are read.
-- $1 schemas text[]
SELECT
    format('%I.%I', schemaname, relname) AS name,
    n_live_tup AS rows,
    seq_scan AS whole_reads,
    coalesce(idx_scan, 0) AS index_reads,
    coalesce(last_analyze, last_autoanalyze) IS NOT NULL AS is_analyzed
FROM pg_stat_user_tables
WHERE schemaname = ANY ($1::text[])
ORDER BY 1;

-- name: fetch_indexes
-- Whether indexes of some schemas can be used, and are.
-- $1 schemas text[]
SELECT
    format('%I.%I', s.schemaname, s.indexrelname) AS name,
    i.indisvalid AND i.indisready AS is_valid,
    s.idx_scan AS reads,
    coalesce(pg_relation_size(s.indexrelid), 0) AS bytes
FROM pg_stat_user_indexes AS s
JOIN pg_index AS i ON i.indexrelid = s.indexrelid
WHERE s.schemaname = ANY ($1::text[])
ORDER BY 1;

-- name: fetch_extensions
-- Which extensions there are, and the versions that the server would make now.
SELECT e.extname::text AS name, e.extversion AS version, a.default_version
FROM pg_extension AS e
JOIN pg_available_extensions AS a ON a.name = e.extname
ORDER BY 1;

-- name: fetch_archiving
-- Whether the server archives its write-ahead log, and how the last tries went.
SELECT
    current_setting('archive_mode') <> 'off' AS is_on,
    archived_count AS archived,
    last_archived_wal AS last_file,
    last_archived_time AS last_at,
    failed_count AS failed,
    last_failed_wal AS failed_file,
    last_failed_time AS failed_at
FROM pg_stat_archiver;
