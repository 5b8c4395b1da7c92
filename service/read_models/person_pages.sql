-- name: fetch_person_page
-- All that is shown of one person, as known at a position: their stints, what was noticed, what
-- they are called, and the labs that these name with those for which they stand.
-- $1 person_id text  $2 position bigint  $3 findings_max bigint
WITH stays AS (
    SELECT lab_id, content
    FROM stints
    WHERE person_id = $1::text AND known_to > $2::bigint AND known_from <= $2::bigint
),
noticed AS (
    SELECT known_from, md5(content) COLLATE "C" AS mark, lab_ids, content
    FROM findings
    WHERE person_id = $1::text AND known_to > $2::bigint AND known_from <= $2::bigint
    ORDER BY known_from DESC, mark DESC
    LIMIT $3::bigint
),
named AS (
    SELECT lab_id
    FROM stays
    UNION
    SELECT unnest(lab_ids)
    FROM noticed
),
shown AS (
    SELECT lab_id
    FROM named
    UNION
    SELECT l.canonical_id
    FROM named
    JOIN labs AS l
        ON l.lab_id = named.lab_id AND l.known_to > $2::bigint AND l.known_from <= $2::bigint
),
called AS (
    SELECT $1::text COLLATE "C" AS person_id
    UNION
    SELECT canonical_id
    FROM people
    WHERE person_id = $1::text AND known_to > $2::bigint AND known_from <= $2::bigint
)
SELECT 'stint' AS kind, 0 AS known_from, '' AS mark, content
FROM stays
UNION ALL
SELECT 'finding', known_from, mark, content
FROM noticed
UNION ALL
SELECT 'person', 0, '', p.content
FROM called
JOIN people AS p
    ON p.person_id = called.person_id
    AND p.known_to > $2::bigint
    AND p.known_from <= $2::bigint
UNION ALL
SELECT 'lab', 0, '', l.content
FROM shown
JOIN labs AS l
    ON l.lab_id = shown.lab_id AND l.known_to > $2::bigint AND l.known_from <= $2::bigint;
