-- name: fetch_careers
-- Every stint of people of whom one begins or ends on some days, and of those who ever left the lab
-- and began anywhere on others, as known at a position; one row of nulls if they are too many.
-- $1 began_from text  $2 began_to text  $3 ended_from text  $4 ended_to text
-- $5 went_on_from text  $6 went_on_to text
-- $7 position bigint  $8 people_max bigint  $9 lab_id text
-- Days as contents have them; null ones are asked of nobody. The columns have the first day of a
-- start and the last one of an end, the content has the others. Of all labs there are two indexes
-- of what is believed now; not long before the head the people whom events since can have moved, as
-- in fetch_moved, are looked at beside. What was known earlier, or before a fact about a lab, is
-- looked for in every row. Careers are looked up, whatever the planner thinks of how many there
-- are.
WITH RECURSIVE since AS (
    SELECT DISTINCT kind, subject_id, is_fact
    FROM event_subjects
    WHERE position > $7::bigint AND (SELECT max(position) FROM events) - $7::bigint <= 1000
),
moved AS (
    SELECT subject_id AS person_id
    FROM since
    WHERE kind = 'person'
    UNION
    SELECT other.subject_id
    FROM moved
    JOIN event_subjects AS own
        ON own.kind = 'person' AND own.subject_id = moved.person_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = 'person' AND other.is_link
),
way AS (
    SELECT
        (SELECT max(position) FROM events) - $7::bigint <= 1000
        AND NOT EXISTS (SELECT FROM since WHERE kind = 'lab' AND is_fact) AS is_short
),
movers AS MATERIALIZED (
    SELECT person_id
    FROM stints
    WHERE $9::text IS NULL
        AND (SELECT is_short FROM way)
        AND known_to = 9223372036854775807
        AND known_from <= $7::bigint
        AND start_lo <= $2::text::date
        AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
            >= $1::text
    UNION
    SELECT person_id
    FROM stints
    WHERE $9::text IS NULL
        AND (SELECT is_short FROM way)
        AND known_to = 9223372036854775807
        AND known_from <= $7::bigint
        AND end_hi >= $3::text::date
        AND strpos(content, '"end":{') > 0
        AND left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10) COLLATE "C"
            <= $4::text
    UNION
    SELECT person_id
    FROM (
        SELECT person_id, start_lo, end_hi, content
        FROM stints
        WHERE lab_id = $9::text
            AND known_to > $7::bigint
            AND known_from <= $7::bigint
        UNION ALL
        SELECT person_id, start_lo, end_hi, content
        FROM moved
        JOIN stints USING (person_id)
        WHERE $9::text IS NULL
            AND (SELECT is_short FROM way)
            AND known_to > $7::bigint
            AND known_from <= $7::bigint
        UNION ALL
        SELECT person_id, start_lo, end_hi, content
        FROM stints
        WHERE $9::text IS NULL
            AND NOT (SELECT is_short FROM way)
            AND known_to > $7::bigint
            AND known_from <= $7::bigint
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
    UNION
    SELECT gone.person_id
    FROM stints AS gone
    CROSS JOIN LATERAL (
        SELECT
        FROM stints
        WHERE person_id = gone.person_id
            AND known_to > $7::bigint
            AND known_from <= $7::bigint
            AND start_lo <= $6::text::date
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10)
                COLLATE "C" >= $5::text
        LIMIT 1
    ) AS next
    WHERE $5::text IS NOT NULL
        AND gone.lab_id = $9::text
        AND gone.known_to > $7::bigint
        AND gone.known_from <= $7::bigint
        AND strpos(gone.content, '"end":{') > 0
),
counted AS (
    SELECT count(*) AS people FROM movers
)
SELECT m.person_id, s.content
FROM movers AS m
CROSS JOIN LATERAL (
    SELECT content
    FROM stints
    WHERE person_id = m.person_id AND known_to > $7::bigint AND known_from <= $7::bigint
    OFFSET 0
) AS s
WHERE (SELECT people FROM counted) <= $8::bigint
UNION ALL
SELECT NULL, NULL
FROM counted
WHERE people > $8::bigint;

-- name: fetch_careers_of_people
-- Every stint of some people, as known at a position.
-- $1 people text[]  $2 position bigint
SELECT person_id, content
FROM stints
WHERE person_id = ANY ($1::text[]) AND known_to > $2::bigint AND known_from <= $2::bigint;

-- name: fetch_newest_turns
-- Who came or went last in some days, as known at a position: of each kind of date so many rows.
-- $1 first text  $2 last text  $3 position bigint  $4 limit bigint
-- A date is in order by its last day, or by the first one if nothing says when it ended; a start
-- that is not known says of no day that somebody came. Days are as contents have them. Each kind
-- is read in the order of an index of what is believed now, from the latest on, and beside it what
-- was believed of those whom events since can have moved, as in fetch_careers. One row of nulls if
-- that does not tell what was believed at the position.
WITH RECURSIVE since AS (
    SELECT DISTINCT kind, subject_id, is_fact
    FROM event_subjects
    WHERE position > $3::bigint AND (SELECT max(position) FROM events) - $3::bigint <= 1000
),
moved AS (
    SELECT subject_id AS person_id
    FROM since
    WHERE kind = 'person'
    UNION
    SELECT other.subject_id
    FROM moved
    JOIN event_subjects AS own
        ON own.kind = 'person' AND own.subject_id = moved.person_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = 'person' AND other.is_link
),
way AS (
    SELECT
        (SELECT max(position) FROM events) - $3::bigint <= 1000
        AND NOT EXISTS (SELECT FROM since WHERE kind = 'lab' AND is_fact) AS is_short
)
SELECT kind, person_id, turn
FROM (
    (
        SELECT
            'began' AS kind,
            person_id,
            left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C" AS turn
        FROM stints
        WHERE (SELECT is_short FROM way)
            AND known_to = 9223372036854775807
            AND known_from <= $3::bigint
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
                >= $1::text
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
                <= $2::text
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
                < '9999-12-31'
            AND content::json #>> '{start,date_text}' IS NOT NULL
        ORDER BY turn DESC, person_id DESC
        LIMIT $4::bigint
    )
    UNION ALL
    (
        SELECT 'began_since', person_id, to_char(start_lo, 'YYYY-MM-DD')
        FROM stints
        WHERE (SELECT is_short FROM way)
            AND known_to = 9223372036854775807
            AND known_from <= $3::bigint
            AND left(split_part(split_part(content, '"start":{', 2), '"hi":"', 2), 10) COLLATE "C"
                = '9999-12-31'
            AND start_lo >= $1::text::date
            AND start_lo <= $2::text::date
            AND content::json #>> '{start,date_text}' IS NOT NULL
        ORDER BY start_lo DESC, person_id DESC
        LIMIT $4::bigint
    )
    UNION ALL
    (
        SELECT 'ended', person_id, to_char(end_hi, 'YYYY-MM-DD')
        FROM stints
        WHERE (SELECT is_short FROM way)
            AND known_to = 9223372036854775807
            AND known_from <= $3::bigint
            AND strpos(content, '"end":{') > 0
            AND end_hi >= $1::text::date
            AND end_hi <= $2::text::date
        ORDER BY end_hi DESC, person_id DESC
        LIMIT $4::bigint
    )
    UNION ALL
    (
        SELECT
            'ended_since',
            person_id,
            left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10) COLLATE "C" AS turn
        FROM stints
        WHERE (SELECT is_short FROM way)
            AND known_to = 9223372036854775807
            AND known_from <= $3::bigint
            AND strpos(content, '"end":{') > 0
            AND end_hi = 'infinity'
            AND left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10) COLLATE "C"
                >= $1::text
            AND left(split_part(split_part(content, '"end":{', 2), '"lo":"', 2), 10) COLLATE "C"
                <= $2::text
        ORDER BY turn DESC, person_id DESC
        LIMIT $4::bigint
    )
    UNION ALL
    (
        SELECT 'moved', person_id, turn
        FROM moved
        JOIN stints USING (person_id)
        CROSS JOIN LATERAL (
            SELECT content::json -> 'start' AS said
            UNION ALL
            SELECT content::json -> 'end'
        ) AS dates
        CROSS JOIN LATERAL (
            SELECT
                CASE said ->> 'hi'
                    WHEN '9999-12-31' THEN said ->> 'lo'
                    ELSE said ->> 'hi'
                END COLLATE "C" AS turn
        ) AS turns
        WHERE (SELECT is_short FROM way)
            AND known_to > $3::bigint
            AND known_from <= $3::bigint
            AND start_lo <= $2::text::date
            AND end_hi >= $1::text::date
            AND said ->> 'date_text' IS NOT NULL
            AND turn BETWEEN $1::text AND $2::text
        ORDER BY turn DESC, person_id DESC
        LIMIT $4::bigint
    )
    UNION ALL
    SELECT 'long_ago', NULL, NULL
    FROM way
    WHERE NOT is_short
) AS newest;

-- name: fetch_newest_turns_of_long_ago
-- The same as known long ago, or before a fact about a lab: looked for in every row. Apart, since
-- the planner would start workers for all those rows, at twice the time of the others.
-- $1 first text  $2 last text  $3 position bigint  $4 limit bigint
SELECT 'known' AS kind, person_id, turn
FROM stints
CROSS JOIN LATERAL (
    SELECT content::json -> 'start' AS said
    UNION ALL
    SELECT content::json -> 'end'
) AS dates
CROSS JOIN LATERAL (
    SELECT
        CASE said ->> 'hi'
            WHEN '9999-12-31' THEN said ->> 'lo'
            ELSE said ->> 'hi'
        END COLLATE "C" AS turn
) AS turns
WHERE known_to > $3::bigint
    AND known_from <= $3::bigint
    AND start_lo <= $2::text::date
    AND end_hi >= $1::text::date
    AND said ->> 'date_text' IS NOT NULL
    AND turn BETWEEN $1::text AND $2::text
ORDER BY turn DESC, person_id DESC
LIMIT $4::bigint;
