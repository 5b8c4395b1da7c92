-- name: find_role
-- Whether the connected user may act as a role; no row where there is no such role.
-- $1 role name
SELECT pg_has_role(current_user, oid, 'USAGE')
FROM pg_roles
WHERE rolname = $1::name;
