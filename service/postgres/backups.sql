-- name: keep_changes
-- Keep what is needed to make a copy whole, however long the copying takes, while the connection
-- lasts.
-- $1 name text
SELECT pg_create_physical_replication_slot($1::text::name, true, true);
