-- name: fetch_findings
-- What was noticed, as known at a position, newest first.
-- $1 position bigint  $2 kind text  $3 person_id text  $4 lab_ids text[]
-- $5 before_known_from bigint  $6 before_mark text  $7 limit bigint
-- The mark follows from the content: row ids are others after a replay.
SELECT known_from, md5(content) COLLATE "C" AS mark, content
FROM findings
WHERE known_from <= $1::bigint
    AND known_to > $1::bigint
    AND ($2::text IS NULL OR kind = $2::text)
    AND ($3::text IS NULL OR person_id = $3::text)
    AND ($4::text[] IS NULL OR lab_ids && $4::text[])
    AND (known_from, md5(content) COLLATE "C") < ($5::bigint, $6::text COLLATE "C")
ORDER BY known_from DESC, mark DESC
LIMIT $7::bigint;

-- name: count_findings
-- How many of each kind were noticed, as known at a position.
-- $1 position bigint  $2 person_id text  $3 lab_ids text[]
SELECT kind, count(*) AS findings
FROM findings
WHERE known_from <= $1::bigint
    AND known_to > $1::bigint
    AND ($2::text IS NULL OR person_id = $2::text)
    AND ($3::text[] IS NULL OR lab_ids && $3::text[])
GROUP BY kind;

-- name: fetch_raised
-- The findings that some positions raised.
-- $1 positions bigint[]
SELECT known_from, content
FROM findings
WHERE known_from = ANY ($1::bigint[])
ORDER BY known_from, content COLLATE "C";

-- name: fetch_findings_around
-- What was noticed from, or until, one of some positions.
-- $1 positions bigint[]  $2 people text[]  $3 labs text[]
SELECT known_from, known_to, content
FROM findings
WHERE known_from = ANY ($1::bigint[])
UNION
SELECT known_from, known_to, content
FROM findings
WHERE person_id = ANY ($2::text[]) AND known_to = ANY ($1::bigint[])
UNION
SELECT known_from, known_to, content
FROM findings
WHERE lab_ids && $3::text[] AND known_to = ANY ($1::bigint[]);
