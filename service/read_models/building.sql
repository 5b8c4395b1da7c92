-- name: find_cut
-- The person up to whom there are about so many events after another person; null where there are
-- fewer. From an index alone.
-- $1 after text  $2 events bigint
SELECT subject_id
FROM event_subjects
WHERE kind = 'person' AND subject_id > $1::text
ORDER BY subject_id, position
OFFSET $2::bigint
LIMIT 1;

-- name: read_part
-- The events up to a position of the people between two ids, one after the other: in the order of
-- an index, so that nothing is sorted. An event that names several of them comes for each. Each is
-- looked up, whatever the planner thinks of how many there are: it knows no bounds when it plans
-- for all parts at once, and would read the whole log for each.
-- $1 after text  $2 to text  $3 until bigint
SELECT s.subject_id, e.position, e.event_id, e.target_position, e.payload
FROM event_subjects AS s
CROSS JOIN LATERAL (
    SELECT position, event_id, target_position, payload
    FROM events
    WHERE position = s.position
    OFFSET 0
) AS e
WHERE s.kind = 'person'
    AND s.subject_id > $1::text
    AND s.subject_id <= $2::text
    AND s.position <= $3::bigint
ORDER BY s.subject_id, s.position;

-- name: read_joined
-- The events up to a position of some people; looked up as those of a part.
-- $1 ids text[]  $2 until bigint
SELECT s.subject_id, e.position, e.event_id, e.target_position, e.payload
FROM event_subjects AS s
CROSS JOIN LATERAL (
    SELECT position, event_id, target_position, payload
    FROM events
    WHERE position = s.position
    OFFSET 0
) AS e
WHERE s.kind = 'person' AND s.subject_id = ANY ($1::text[]) AND s.position <= $2::bigint
ORDER BY s.subject_id, s.position;

-- name: read_links
-- The ids of people that some event up to a position joined, by event.
-- $1 until bigint
SELECT array_agg(subject_id) AS ids
FROM event_subjects
WHERE kind = 'person' AND is_link AND position <= $1::bigint
GROUP BY position;

-- name: read_facts
-- Every event up to a position from which the state of a lab follows.
-- $1 until bigint
SELECT position, event_id, target_position, payload
FROM events
WHERE position IN (
    SELECT position
    FROM event_subjects
    WHERE kind = 'lab' AND is_fact AND position <= $1::bigint
)
ORDER BY position;
