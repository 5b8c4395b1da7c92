-- name: find_revisions_table
-- Whether anything was ever migrated here.
SELECT to_regclass('public.alembic_version') IS NOT NULL;

-- name: fetch_revision
-- The migration that the database is at.
SELECT version_num
FROM alembic_version;

-- name: write_missing_grant
-- What lets the service's role make schemas here; no row if it may, or if this user, who does not
-- own the database, cannot let it.
SELECT format('GRANT CREATE ON DATABASE %I TO %I', d.datname, r.rolname)
FROM pg_roles AS r
JOIN pg_database AS d ON d.datname = current_database()
WHERE r.rolname = 'timeline_service'
    AND pg_has_role(current_user, r.oid, 'USAGE')
    AND pg_has_role(current_user, d.datdba, 'USAGE')
    AND NOT has_database_privilege(r.oid, d.oid, 'CREATE');
