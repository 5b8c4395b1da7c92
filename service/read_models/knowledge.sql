-- name: fetch_turns
-- The positions at which what is believed of a lab changed: its facts, its stints, its findings.
-- $1 lab_id text  $2 after bigint  $3 until bigint  $4 limit bigint
WITH turns AS (
    SELECT known_from AS position FROM labs WHERE lab_id = $1::text
    UNION
    SELECT known_to FROM labs WHERE lab_id = $1::text
    UNION
    SELECT known_from FROM stints WHERE lab_id = $1::text
    UNION
    SELECT known_to FROM stints WHERE lab_id = $1::text
    UNION
    SELECT known_from FROM findings WHERE lab_ids && ARRAY[$1::text]
    UNION
    SELECT known_to FROM findings WHERE lab_ids && ARRAY[$1::text]
)
SELECT position
FROM turns
WHERE position > $2::bigint AND position <= $3::bigint
ORDER BY position
LIMIT $4::bigint;
