-- name: read_joined
-- For each person, by place in the arrays, every id that an event ever joined with theirs.
-- $1 subject_ids text[]
WITH RECURSIVE joined AS (
    SELECT a.place, a.subject_id COLLATE "C" AS subject_id
    FROM unnest($1::text[]) WITH ORDINALITY AS a (subject_id, place)
    UNION
    SELECT joined.place, other.subject_id
    FROM joined
    JOIN event_subjects AS own
        ON own.kind = 'person' AND own.subject_id = joined.subject_id AND own.is_link
    JOIN event_subjects AS other
        ON other.position = own.position AND other.kind = 'person' AND other.is_link
)
SELECT place, subject_id
FROM joined;

-- name: read_since
-- The first events that concern each subject after a position of its own.
-- $1 places bigint[]  $2 kinds text[]  $3 subject_ids text[]  $4 afters bigint[]  $5 limit bigint
SELECT
    a.place,
    e.position,
    e.event_id,
    e.type,
    e.recorded_at,
    e.recorded_by
FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[])
    AS a (place, kind, subject_id, after)
CROSS JOIN LATERAL (
    SELECT s.position
    FROM event_subjects AS s
    WHERE s.kind = a.kind AND s.subject_id = a.subject_id AND s.position > a.after
    ORDER BY s.position
    LIMIT $5::bigint
) AS later
JOIN events AS e ON e.position = later.position
ORDER BY a.place, e.position;
