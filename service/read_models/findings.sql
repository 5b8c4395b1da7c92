-- name: fetch_findings
-- What was noticed, as known at a position, newest first.
-- $1 position bigint  $2 kind text  $3 person_id text  $4 lab_ids text[]
-- $5 before_known_from bigint  $6 before_row_id bigint  $7 limit bigint
SELECT row_id, known_from, content
FROM findings
WHERE known_from <= $1::bigint
    AND known_to > $1::bigint
    AND ($2::text IS NULL OR kind = $2::text)
    AND ($3::text IS NULL OR person_id = $3::text)
    AND ($4::text[] IS NULL OR lab_ids && $4::text[])
    AND (known_from, row_id) < ($5::bigint, $6::bigint)
ORDER BY known_from DESC, row_id DESC
LIMIT $7::bigint;

-- name: fetch_raised
-- The findings that some positions raised.
-- $1 positions bigint[]
SELECT known_from, content
FROM findings
WHERE known_from = ANY ($1::bigint[])
ORDER BY row_id;
