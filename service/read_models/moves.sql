-- name: fetch_careers
-- Every stint of people of whom one begins or ends on some days, as known at a position; one row
-- of nulls if they are too many.
-- $1 began_from text  $2 began_to text  $3 ended_from text  $4 ended_to text
-- $5 position bigint  $6 people_max bigint  $7 lab_id text
-- Days as contents have them; null ones are asked of nobody. The columns have the first day of a
-- start and the last one of an end, the content has the others. What all labs are believed to be
-- now is found in two indexes of nothing else; what was known of all before is looked for in every
-- row. Careers are looked up, whatever the planner thinks of how many there are.
WITH movers AS MATERIALIZED (
    SELECT person_id
    FROM stints
    WHERE $7::text IS NULL
        AND $5::bigint = (SELECT max(position) FROM events)
        AND known_to = 9223372036854775807
        AND start_lo <= $2::text::date
        AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
            >= $1::text
    UNION
    SELECT person_id
    FROM stints
    WHERE $7::text IS NULL
        AND $5::bigint = (SELECT max(position) FROM events)
        AND known_to = 9223372036854775807
        AND end_hi >= $3::text::date
        AND strpos(content, '"end":{') > 0
        AND left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10) COLLATE "C"
            <= $4::text
    UNION
    SELECT person_id
    FROM (
        SELECT person_id, start_lo, end_hi, content
        FROM stints
        WHERE lab_id = $7::text
            AND known_to > $5::bigint
            AND known_from <= $5::bigint
        UNION ALL
        SELECT person_id, start_lo, end_hi, content
        FROM stints
        WHERE $7::text IS NULL
            AND $5::bigint <> (SELECT max(position) FROM events)
            AND known_to > $5::bigint
            AND known_from <= $5::bigint
    ) AS known
    WHERE (
            start_lo <= $2::text::date
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10)
                COLLATE "C" >= $1::text
        )
        OR (
            end_hi >= $3::text::date
            AND strpos(content, '"end":{') > 0
            AND left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10)
                COLLATE "C" <= $4::text
        )
),
counted AS (
    SELECT count(*) AS people FROM movers
)
SELECT m.person_id, s.content
FROM movers AS m
CROSS JOIN LATERAL (
    SELECT content
    FROM stints
    WHERE person_id = m.person_id AND known_to > $5::bigint AND known_from <= $5::bigint
    OFFSET 0
) AS s
WHERE (SELECT people FROM counted) <= $6::bigint
UNION ALL
SELECT NULL, NULL
FROM counted
WHERE people > $6::bigint;
