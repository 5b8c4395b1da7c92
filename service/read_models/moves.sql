-- name: fetch_careers
-- Every stint of people of whom one begins or ends on some days, as known at a position.
-- $1 began_from date  $2 began_to date  $3 ended_from date  $4 ended_to date
-- $5 position bigint  $6 people_max bigint
-- Null days are asked of nobody. What a start or an end can mean at the other end of its bounds
-- stands in the content, which is looked at only where the columns do not decide.
WITH movers AS (
    SELECT DISTINCT person_id
    FROM stints
    WHERE known_to > $5::bigint
        AND known_from <= $5::bigint
        AND (
            (start_lo <= $2::date AND (
                start_lo >= $1::date
                OR (content::jsonb #>> '{start,hi}')::date >= $1::date
            ))
            OR (end_hi >= $3::date AND (
                end_hi <= $4::date
                OR (content::jsonb #>> '{end,lo}')::date <= $4::date
            ))
        )
    LIMIT $6::bigint
)
SELECT s.person_id, s.content
FROM movers AS m
JOIN stints AS s
    ON s.person_id = m.person_id AND s.known_to > $5::bigint AND s.known_from <= $5::bigint;

-- name: fetch_careers_at_lab
-- The same, of those of whom such a stint is one at a lab.
-- $1 began_from date  $2 began_to date  $3 ended_from date  $4 ended_to date
-- $5 position bigint  $6 people_max bigint  $7 lab_id text
WITH movers AS (
    SELECT DISTINCT person_id
    FROM stints
    WHERE lab_id = $7::text
        AND known_to > $5::bigint
        AND known_from <= $5::bigint
        AND (
            (start_lo <= $2::date AND (
                start_lo >= $1::date
                OR (content::jsonb #>> '{start,hi}')::date >= $1::date
            ))
            OR (end_hi >= $3::date AND (
                end_hi <= $4::date
                OR (content::jsonb #>> '{end,lo}')::date <= $4::date
            ))
        )
    LIMIT $6::bigint
)
SELECT s.person_id, s.content
FROM movers AS m
JOIN stints AS s
    ON s.person_id = m.person_id AND s.known_to > $5::bigint AND s.known_from <= $5::bigint;
