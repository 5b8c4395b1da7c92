-- name: fetch_careers
-- Every stint of people of whom one begins or ends on some days, as known at a position; one row
-- of nulls if they are too many.
-- $1 began_from date  $2 began_to date  $3 ended_from date  $4 ended_to date
-- $5 position bigint  $6 people_max bigint
-- Null days are asked of nobody. The columns have the first day of a start and the last one of an
-- end. What else they can mean stands in the content, which is taken apart only where it does not
-- plainly say the same day twice.
WITH movers AS MATERIALIZED (
    SELECT DISTINCT person_id
    FROM stints
    WHERE known_to > $5::bigint
        AND known_from <= $5::bigint
        AND (
            (start_lo BETWEEN $1::date AND $2::date)
            OR (end_hi BETWEEN $3::date AND $4::date)
            OR (
                start_lo < $1::date
                AND strpos(content, '"hi":"' || start_lo || '","lo":"' || start_lo || '"') = 0
                AND (content::jsonb #>> '{start,hi}')::date >= $1::date
            )
            OR (
                end_hi > $4::date
                AND strpos(content, '"end":') > 0
                AND strpos(content, '"hi":"' || end_hi || '","lo":"' || end_hi || '"') = 0
                AND (content::jsonb #>> '{end,lo}')::date <= $4::date
            )
        )
),
counted AS (
    SELECT count(*) AS people FROM movers
)
SELECT s.person_id, s.content
FROM movers AS m
JOIN stints AS s
    ON s.person_id = m.person_id AND s.known_to > $5::bigint AND s.known_from <= $5::bigint
WHERE (SELECT people FROM counted) <= $6::bigint
UNION ALL
SELECT NULL, NULL
FROM counted
WHERE people > $6::bigint;

-- name: fetch_careers_at_lab
-- The same, of those of whom such a stint is one at a lab.
-- $1 began_from date  $2 began_to date  $3 ended_from date  $4 ended_to date
-- $5 position bigint  $6 people_max bigint  $7 lab_id text
WITH movers AS MATERIALIZED (
    SELECT DISTINCT person_id
    FROM stints
    WHERE lab_id = $7::text
        AND known_to > $5::bigint
        AND known_from <= $5::bigint
        AND (
            (start_lo BETWEEN $1::date AND $2::date)
            OR (end_hi BETWEEN $3::date AND $4::date)
            OR (
                start_lo < $1::date
                AND strpos(content, '"hi":"' || start_lo || '","lo":"' || start_lo || '"') = 0
                AND (content::jsonb #>> '{start,hi}')::date >= $1::date
            )
            OR (
                end_hi > $4::date
                AND strpos(content, '"end":') > 0
                AND strpos(content, '"hi":"' || end_hi || '","lo":"' || end_hi || '"') = 0
                AND (content::jsonb #>> '{end,lo}')::date <= $4::date
            )
        )
),
counted AS (
    SELECT count(*) AS people FROM movers
)
SELECT s.person_id, s.content
FROM movers AS m
JOIN stints AS s
    ON s.person_id = m.person_id AND s.known_to > $5::bigint AND s.known_from <= $5::bigint
WHERE (SELECT people FROM counted) <= $6::bigint
UNION ALL
SELECT NULL, NULL
FROM counted
WHERE people > $6::bigint;
