-- name: fetch_stints_known
-- The stints at a lab that were believed at some time in a span of positions.
-- $1 lab_id text  $2 since bigint  $3 until bigint
SELECT person_id, known_from, known_to, content
FROM stints
WHERE lab_id = $1::text AND known_to > $2::bigint AND known_from <= $3::bigint;

-- name: fetch_people_known
-- What was believed of some people at some time in a span of positions.
-- $1 ids text[]  $2 since bigint  $3 until bigint
SELECT known_from, known_to, content
FROM people
WHERE person_id = ANY ($1::text[]) AND known_to > $2::bigint AND known_from <= $3::bigint;

-- name: fetch_labs_known
-- What was believed of some labs at some time in a span of positions.
-- $1 ids text[]  $2 since bigint  $3 until bigint
SELECT known_from, known_to, content
FROM labs
WHERE lab_id = ANY ($1::text[]) AND known_to > $2::bigint AND known_from <= $3::bigint;

-- name: fetch_names_known
-- Which labs had one of some folded names at some time in a span of positions.
-- $1 foldeds text[]  $2 since bigint  $3 until bigint
SELECT folded, subject_id, canonical_id, known_from, known_to
FROM names
WHERE kind = 'lab'
    AND folded = ANY ($1::text[])
    AND known_to > $2::bigint
    AND known_from <= $3::bigint;
