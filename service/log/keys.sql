-- name: find_keys
-- The keys with some hashes that are in use, and how many had their names before. While a key is
-- in use no other can get its name but by rotation, which does not count: the number stays.
-- $1 key_hashes bytea[]  $2 now timestamptz
SELECT
    k.key_hash,
    k.name,
    k.role,
    (
        SELECT count(*)
        FROM api_keys AS b
        WHERE b.name = k.name AND b.revoked_at IS NOT NULL AND NOT b.is_rotated
    ) AS revoked_before
FROM api_keys AS k
WHERE k.key_hash = ANY ($1::bytea[])
    AND k.revoked_at IS NULL
    AND (k.expires_at IS NULL OR k.expires_at > $2::timestamptz);

-- name: note_use
-- When keys were last used. Whose row somebody else writes just now is left out: nobody waits.
-- $1 key_hashes bytea[]  $2 used_at timestamptz
UPDATE api_keys
SET last_used_at = $2::timestamptz
WHERE key_hash IN (
    SELECT key_hash
    FROM api_keys
    WHERE key_hash = ANY ($1::bytea[])
        AND (last_used_at IS NULL OR last_used_at < $2::timestamptz)
    FOR UPDATE SKIP LOCKED
);

-- name: create_key
-- $1 name text  $2 key_hash bytea  $3 role text  $4 created_at timestamptz
-- $5 expires_at timestamptz
INSERT INTO api_keys (name, key_hash, role, created_at, expires_at)
VALUES ($1::text, $2::bytea, $3::text, $4::timestamptz, $5::timestamptz);

-- name: rotate_key
-- Put a new key in the place of the one in use, which is good until an instant, or at once no more.
-- The new one has the other's role, and its end unless another is given.
-- $1 name text  $2 key_hash bytea  $3 now timestamptz  $4 good_until timestamptz
-- $5 expires_at timestamptz
WITH in_use AS (
    SELECT key_hash, name, role, expires_at
    FROM api_keys
    WHERE name = $1::text
        AND revoked_at IS NULL
        AND NOT is_rotated
        AND (expires_at IS NULL OR expires_at > $3::timestamptz)
    FOR UPDATE
),
rotated AS (
    UPDATE api_keys AS k
    SET
        is_rotated = true,
        -- Not by the clock where it can be helped: that of another machine may be behind.
        revoked_at = CASE WHEN $4::timestamptz <= $3::timestamptz THEN $3::timestamptz END,
        expires_at = least(k.expires_at, $4::timestamptz)
    FROM in_use
    WHERE k.key_hash = in_use.key_hash
    RETURNING in_use.name, in_use.role, in_use.expires_at
)
INSERT INTO api_keys (name, key_hash, role, created_at, expires_at)
SELECT name, $2::bytea, role, $3::timestamptz, coalesce($5::timestamptz, expires_at)
FROM rotated
RETURNING name, role, created_at, expires_at;

-- name: find_key_in_use
-- $1 name text  $2 now timestamptz
SELECT name
FROM api_keys
WHERE name = $1::text
    AND revoked_at IS NULL
    AND NOT is_rotated
    AND (expires_at IS NULL OR expires_at > $2::timestamptz);

-- name: list_keys
SELECT name, role, created_at, revoked_at, expires_at, last_used_at
FROM api_keys
ORDER BY created_at, name;

-- name: revoke_key
-- Those whose place it took, too.
-- $1 name text  $2 revoked_at timestamptz
UPDATE api_keys
SET revoked_at = $2::timestamptz
WHERE name = $1::text AND revoked_at IS NULL
RETURNING name;
