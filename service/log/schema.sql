-- name: find_revisions_table
-- Whether anything was ever migrated here.
SELECT to_regclass('public.alembic_version') IS NOT NULL;

-- name: fetch_revision
-- The migration that the database is at.
SELECT version_num
FROM alembic_version;
