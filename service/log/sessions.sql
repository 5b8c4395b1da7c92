-- name: begin_session
-- Those that are over go at the same time: who signs in waits for a moment anyway.
-- $1 token_hash bytea  $2 key_hash bytea  $3 created_at timestamptz  $4 expires_at timestamptz
WITH over AS (
    DELETE FROM sessions WHERE expires_at <= $3::timestamptz
)
INSERT INTO sessions (token_hash, key_hash, created_at, expires_at)
VALUES ($1::bytea, $2::bytea, $3::timestamptz, $4::timestamptz);

-- name: find_session
-- $1 token_hash bytea  $2 now timestamptz
SELECT key_hash
FROM sessions
WHERE token_hash = $1::bytea AND expires_at > $2::timestamptz;

-- name: end_session
-- $1 token_hash bytea
DELETE FROM sessions WHERE token_hash = $1::bytea;
