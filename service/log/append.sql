-- name: lock_log
-- Serialises appends of all processes until the transaction ends: positions are taken under
-- this lock, so they have no gaps and follow commit order.
SELECT pg_advisory_xact_lock(7240002);

-- name: take_lock
-- The same lock for the session, over several statements that each commit by themselves. What
-- runs meanwhile looks up by key: plans are made once, for whatever arrays come, and must not be
-- those of tables that were empty then. Whoever holds a lock for long is not waited for: the
-- queue would fill meanwhile.
SET lock_timeout = '10s';
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SELECT pg_advisory_lock(7240002);

-- name: give_lock_back
RESET lock_timeout;
RESET plan_cache_mode;
RESET enable_seqscan;
SELECT pg_advisory_unlock(7240002);

-- name: append_events
-- Write a batch at consecutive positions; the caller holds the lock.
-- $1 positions bigint[]  $2 event_ids uuid[]  $3 types text[]  $4 recorded_at timestamptz
-- $5 recorded_by text[]  $6 request_ids text[]  $7 target_positions bigint[]
-- $8 payloads text[]  $9 salts bytea[]  $10 payload_hashes bytea[]  $11 hashes bytea[]
-- $12 body_digests bytea[]  $13 on_los date[]  $14 on_his date[]
INSERT INTO events (
    position,
    event_id,
    type,
    recorded_at,
    recorded_by,
    request_id,
    target_position,
    payload,
    salt,
    payload_hash,
    hash,
    body_digest,
    on_lo,
    on_hi
)
SELECT
    e.position,
    e.event_id,
    e.type,
    $4::timestamptz,
    e.recorded_by,
    e.request_id,
    e.target_position,
    e.payload,
    e.salt,
    e.payload_hash,
    e.hash,
    e.body_digest,
    e.on_lo,
    e.on_hi
FROM unnest(
    $1::bigint[],
    $2::uuid[],
    $3::text[],
    $5::text[],
    $6::text[],
    $7::bigint[],
    $8::text[],
    $9::bytea[],
    $10::bytea[],
    $11::bytea[],
    $12::bytea[],
    $13::date[],
    $14::date[]
) AS e (
    position,
    event_id,
    type,
    recorded_by,
    request_id,
    target_position,
    payload,
    salt,
    payload_hash,
    hash,
    body_digest,
    on_lo,
    on_hi
);

-- name: append_subjects
-- Say whom and what the batch concerns.
-- $1 kinds text[]  $2 subject_ids text[]  $3 positions bigint[]  $4 are_facts boolean[]
-- $5 are_links boolean[]
INSERT INTO event_subjects (kind, subject_id, position, is_fact, is_link)
SELECT s.kind, s.subject_id, s.position, s.is_fact, s.is_link
FROM unnest($1::text[], $2::text[], $3::bigint[], $4::boolean[], $5::boolean[])
    AS s (kind, subject_id, position, is_fact, is_link);

-- name: append_receipts
-- Keep which positions requests with an idempotency key made.
-- $1 api_keys text[]  $2 idempotency_keys text[]  $3 request_digests bytea[]
-- $4 positions text[], each an array as text
INSERT INTO receipts (api_key, idempotency_key, request_digest, positions)
-- unnest would flatten an array of arrays.
SELECT r.api_key, r.idempotency_key, r.request_digest, r.positions::bigint[]
FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[])
    AS r (api_key, idempotency_key, request_digest, positions);
