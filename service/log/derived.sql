-- name: read_last_words
-- Events by their ids, each with what was last said of it before a position and not erased.
-- $1 event_ids uuid[]  $2 before bigint
SELECT
    original.position,
    original.event_id,
    original.type,
    original.payload,
    original.erased_by,
    (
        SELECT correction.payload
        FROM events AS correction
        WHERE correction.target_position = original.position
            AND correction.type = 'correction'
            AND correction.erased_by IS NULL
            AND correction.position < $2::bigint
        ORDER BY correction.position DESC
        LIMIT 1
    ) AS last_payload
FROM events AS original
WHERE original.event_id = ANY ($1::uuid[]) AND original.position < $2::bigint;
