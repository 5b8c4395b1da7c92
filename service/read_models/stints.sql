-- name: fetch_stints_of_labs
-- The stints at some labs that can hold on a day, as known at a position.
-- $1 lab_ids text[]  $2 at date  $3 position bigint
SELECT lab_id, person_id, content
FROM stints
WHERE lab_id = ANY ($1::text[])
    AND known_to > $3::bigint
    AND known_from <= $3::bigint
    AND start_lo <= $2::date
    AND end_hi > $2::date;

-- name: fetch_stints_of_person
-- The stints of one person, as known at a position.
-- $1 person_id text  $2 position bigint
SELECT lab_id, person_id, content
FROM stints
WHERE person_id = $1::text AND known_to > $2::bigint AND known_from <= $2::bigint;
