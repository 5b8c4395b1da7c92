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

-- name: fetch_dates_between
-- The stints at a lab that can hold on one of some days, as known at a position.
-- $1 lab_id text  $2 first date  $3 last date  $4 position bigint
SELECT person_id, content
FROM stints
WHERE lab_id = $1::text
    AND known_to > $4::bigint
    AND known_from <= $4::bigint
    AND start_lo <= $3::date
    AND end_hi > $2::date;

-- name: count_people
-- How many people can have been at each lab on a day, as known at a position.
-- $1 at date  $2 position bigint
SELECT lab_id, count(DISTINCT person_id) AS people
FROM stints
WHERE known_to > $2::bigint
    AND known_from <= $2::bigint
    AND start_lo <= $1::date
    AND end_hi > $1::date
GROUP BY lab_id;

-- name: count_stints
-- How many stints there are at each lab, as known at a position.
-- $1 position bigint
SELECT lab_id, count(*) AS stints
FROM stints
WHERE known_to > $1::bigint AND known_from <= $1::bigint
GROUP BY lab_id;

-- name: fetch_stints_turned
-- Of people at labs of whom something else is believed at a position than at an earlier one, every
-- stint of both.
-- $1 people text[]  $2 labs text[]  $3 earlier bigint  $4 later bigint
-- The people and labs are those whom the events between concern. What came and went between is
-- believed at neither. At a lab where nothing moved, rows are looked for in the index alone.
WITH turned AS (
    SELECT person_id, lab_id
    FROM stints
    WHERE person_id = ANY ($1::text[])
        AND known_to > $3::bigint
        AND known_from <= $4::bigint
        AND (known_from <= $3::bigint) <> (known_to > $4::bigint)
    UNION
    SELECT person_id, lab_id
    FROM stints
    WHERE lab_id = ANY ($2::text[])
        AND known_to > $3::bigint
        AND known_to <= $4::bigint
        AND known_from <= $3::bigint
    UNION
    SELECT person_id, lab_id
    FROM stints
    WHERE lab_id = ANY ($2::text[])
        AND known_to > $4::bigint
        AND known_from > $3::bigint
        AND known_from <= $4::bigint
)
SELECT
    s.lab_id,
    s.person_id,
    s.known_from <= $3::bigint AS is_earlier,
    s.known_to > $4::bigint AS is_later,
    s.content
FROM turned
JOIN stints AS s ON s.person_id = turned.person_id AND s.lab_id = turned.lab_id
WHERE s.known_to > $3::bigint
    AND s.known_from <= $4::bigint
    AND (s.known_from <= $3::bigint OR s.known_to > $4::bigint);

-- name: fetch_stints_of_person
-- The stints of one person, as known at a position.
-- $1 person_id text  $2 position bigint
SELECT lab_id, person_id, content
FROM stints
WHERE person_id = $1::text AND known_to > $2::bigint AND known_from <= $2::bigint;

-- name: fetch_stints_around
-- Every stint of people at labs where what was believed changed at one of some positions.
-- $1 positions bigint[]  $2 people text[]  $3 labs text[]  $4 first bigint  $5 last bigint
-- The people and labs are those whom the events concern: looking them up costs appends nothing,
-- an index on positions would.
WITH moved AS (
    SELECT person_id, lab_id
    FROM stints
    WHERE person_id = ANY ($2::text[])
        AND known_to >= $4::bigint
        AND (known_from = ANY ($1::bigint[]) OR known_to = ANY ($1::bigint[]))
    UNION
    SELECT person_id, lab_id
    FROM stints
    WHERE lab_id = ANY ($3::text[])
        AND known_to >= $4::bigint
        AND (known_from = ANY ($1::bigint[]) OR known_to = ANY ($1::bigint[]))
)
SELECT s.person_id, s.lab_id, s.known_from, s.known_to, s.content
FROM moved
JOIN stints AS s ON s.person_id = moved.person_id AND s.lab_id = moved.lab_id
WHERE s.known_to >= $4::bigint AND s.known_from <= $5::bigint;
