-- name: find_keys
-- The keys with some hashes, those left out that are revoked, and how many had their names
-- before. While a key is in use no other can get its name, so the number stays.
-- $1 key_hashes bytea[]
SELECT
    k.key_hash,
    k.name,
    k.role,
    (
        SELECT count(*)
        FROM api_keys AS b
        WHERE b.name = k.name AND b.revoked_at IS NOT NULL
    ) AS revoked_before
FROM api_keys AS k
WHERE k.key_hash = ANY ($1::bytea[]) AND k.revoked_at IS NULL;

-- name: create_key
-- $1 name text  $2 key_hash bytea  $3 role text  $4 created_at timestamptz
INSERT INTO api_keys (name, key_hash, role, created_at)
VALUES ($1::text, $2::bytea, $3::text, $4::timestamptz);

-- name: list_keys
SELECT name, role, created_at, revoked_at
FROM api_keys
ORDER BY created_at, name;

-- name: revoke_key
-- $1 name text  $2 revoked_at timestamptz
UPDATE api_keys
SET revoked_at = $2::timestamptz
WHERE name = $1::text AND revoked_at IS NULL
RETURNING name;
