-- name: fetch_believed
-- Every row that is believed now about some people and labs.
-- $1 people text[]  $2 labs text[]
SELECT 'stints' AS model, 'person' AS kind, person_id AS subject_id, row_id, known_from, content
FROM stints
WHERE person_id = ANY ($1::text[]) AND known_to = 9223372036854775807
UNION ALL
SELECT 'findings', 'person', person_id, row_id, known_from, content
FROM findings
WHERE person_id = ANY ($1::text[])
    AND known_to = 9223372036854775807
    -- These are followed one by one: see close_followed.
    AND kind <> 'possible_duplicate'
UNION ALL
SELECT 'people', 'person', person_id, row_id, known_from, content
FROM people
WHERE person_id = ANY ($1::text[]) AND known_to = 9223372036854775807
UNION ALL
SELECT 'names', 'person', subject_id, row_id, known_from, content
FROM names
WHERE subject_id = ANY ($1::text[]) AND kind = 'person' AND known_to = 9223372036854775807
UNION ALL
SELECT 'labs', 'lab', lab_id, row_id, known_from, content
FROM labs
WHERE lab_id = ANY ($2::text[]) AND known_to = 9223372036854775807
UNION ALL
SELECT 'names', 'lab', subject_id, row_id, known_from, content
FROM names
WHERE subject_id = ANY ($2::text[]) AND kind = 'lab' AND known_to = 9223372036854775807
UNION ALL
-- What is found of labs alone names one lab.
SELECT 'findings', 'lab', lab_ids[1], row_id, known_from, content
FROM findings
WHERE person_id IS NULL
    AND lab_ids && $2::text[]
    AND known_to = 9223372036854775807;

-- name: close_stints
-- Rows that are no longer believed from a position on.
-- $1 row_ids bigint[]  $2 known_tos bigint[]
UPDATE stints AS m
SET known_to = c.known_to
FROM unnest($1::bigint[], $2::bigint[]) AS c (row_id, known_to)
WHERE m.row_id = c.row_id;

-- name: close_findings
-- Rows that are no longer believed from a position on.
-- $1 row_ids bigint[]  $2 known_tos bigint[]
UPDATE findings AS m
SET known_to = c.known_to
FROM unnest($1::bigint[], $2::bigint[]) AS c (row_id, known_to)
WHERE m.row_id = c.row_id;

-- name: close_followed
-- Findings about people that are no longer believed from a position on, by what they say.
-- $1 person_ids text[]  $2 contents text[]  $3 known_tos bigint[]
UPDATE findings AS m
SET known_to = c.known_to
FROM unnest($1::text[], $2::text[], $3::bigint[]) AS c (person_id, content, known_to)
WHERE m.person_id = c.person_id
    AND m.known_to = 9223372036854775807
    AND m.kind = 'possible_duplicate'
    AND m.content = c.content;

-- name: close_people
-- Rows that are no longer believed from a position on.
-- $1 row_ids bigint[]  $2 known_tos bigint[]
UPDATE people AS m
SET known_to = c.known_to
FROM unnest($1::bigint[], $2::bigint[]) AS c (row_id, known_to)
WHERE m.row_id = c.row_id;

-- name: close_labs
-- Rows that are no longer believed from a position on.
-- $1 row_ids bigint[]  $2 known_tos bigint[]
UPDATE labs AS m
SET known_to = c.known_to
FROM unnest($1::bigint[], $2::bigint[]) AS c (row_id, known_to)
WHERE m.row_id = c.row_id;

-- name: close_names
-- Rows that are no longer believed from a position on.
-- $1 row_ids bigint[]  $2 known_tos bigint[]
UPDATE names AS m
SET known_to = c.known_to
FROM unnest($1::bigint[], $2::bigint[]) AS c (row_id, known_to)
WHERE m.row_id = c.row_id;

-- name: insert_stints
-- $1 known_froms bigint[]  $2 known_tos bigint[]  $3 contents text[]
-- $4 person_ids text[]  $5 lab_ids text[]  $6 start_los date[]  $7 end_his date[]
INSERT INTO stints (known_from, known_to, content, person_id, lab_id, start_lo, end_hi)
SELECT r.known_from, r.known_to, r.content, r.person_id, r.lab_id, r.start_lo, r.end_hi
FROM unnest(
    $1::bigint[],
    $2::bigint[],
    $3::text[],
    $4::text[],
    $5::text[],
    $6::date[],
    $7::date[]
) AS r (known_from, known_to, content, person_id, lab_id, start_lo, end_hi);

-- name: insert_people
-- $1 known_froms bigint[]  $2 known_tos bigint[]  $3 contents text[]
-- $4 person_ids text[]  $5 canonical_ids text[]
INSERT INTO people (known_from, known_to, content, person_id, canonical_id)
SELECT r.known_from, r.known_to, r.content, r.person_id, r.canonical_id
FROM unnest(
    $1::bigint[],
    $2::bigint[],
    $3::text[],
    $4::text[],
    $5::text[]
) AS r (known_from, known_to, content, person_id, canonical_id);

-- name: insert_labs
-- $1 known_froms bigint[]  $2 known_tos bigint[]  $3 contents text[]
-- $4 lab_ids text[]  $5 canonical_ids text[]  $6 successor_ids text[]
INSERT INTO labs (known_from, known_to, content, lab_id, canonical_id, successor_id)
SELECT r.known_from, r.known_to, r.content, r.lab_id, r.canonical_id, r.successor_id
FROM unnest(
    $1::bigint[],
    $2::bigint[],
    $3::text[],
    $4::text[],
    $5::text[],
    $6::text[]
) AS r (known_from, known_to, content, lab_id, canonical_id, successor_id);

-- name: insert_names
-- $1 known_froms bigint[]  $2 known_tos bigint[]  $3 contents text[]
-- $4 kinds text[]  $5 foldeds text[]  $6 subject_ids text[]  $7 canonical_ids text[]
INSERT INTO names (known_from, known_to, content, kind, folded, subject_id, canonical_id)
SELECT r.known_from, r.known_to, r.content, r.kind, r.folded, r.subject_id, r.canonical_id
FROM unnest(
    $1::bigint[],
    $2::bigint[],
    $3::text[],
    $4::text[],
    $5::text[],
    $6::text[],
    $7::text[]
) AS r (known_from, known_to, content, kind, folded, subject_id, canonical_id);

-- name: insert_findings
-- $1 known_froms bigint[]  $2 known_tos bigint[]  $3 contents text[]  $4 kinds text[]
-- $5 person_ids text[]  $6 lab_ids text[], each the ids with a space between
INSERT INTO findings (known_from, known_to, content, kind, person_id, lab_ids)
SELECT
    r.known_from,
    r.known_to,
    r.content,
    r.kind,
    r.person_id,
    -- unnest would flatten an array of arrays; ids hold no spaces.
    string_to_array(r.lab_ids, ' ')
FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::text[], $5::text[], $6::text[])
    AS r (known_from, known_to, content, kind, person_id, lab_ids);
