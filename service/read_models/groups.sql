-- name: read_group
-- All that a group of commands needs to know, as of one snapshot: one row of arrays, since a row
-- for each thing found would cost more than finding it. Arrays of one prefix belong together,
-- entry by entry; null where nothing was found.
-- $1 kinds text[]  $2 texts text[]  $3 foldeds text[]  $4 are_facts boolean[]
-- $5 slug_kinds text[]  $6 slugs text[]  $7 api_keys text[]  $8 idempotency_keys text[]
-- $9 event_ids uuid[]
WITH RECURSIVE asked AS (
    SELECT
        a.kind COLLATE "C" AS kind,
        a.text COLLATE "C" AS text,
        a.folded COLLATE "C" AS folded,
        a.is_fact
    FROM unnest($1::text[], $2::text[], $3::text[], $4::boolean[])
        AS a (kind, text, folded, is_fact)
),
by_name AS (
    SELECT n.kind, n.subject_id, n.canonical_id, n.folded, a.is_fact
    FROM asked AS a
    CROSS JOIN LATERAL (
        SELECT i.kind, i.subject_id, i.canonical_id, i.folded
        FROM names AS i
        WHERE i.kind = a.kind
            AND i.folded = a.folded
            -- IS TRUE, here and below: no index is to be taken for what is compared so. Without
            -- statistics another one that ends with it would be read whole for each name.
            AND (i.known_to = 9223372036854775807) IS TRUE
        OFFSET 0
    ) AS n
),
meant AS (
    SELECT kind, text AS subject_id, is_fact FROM asked
    UNION
    SELECT kind, subject_id, is_fact FROM by_name
    UNION
    SELECT kind, canonical_id, false FROM by_name
),
-- Events that ids name, each original with the log events about it.
originals AS (
    SELECT position FROM events WHERE event_id = ANY ($9::uuid[])
),
named AS (
    SELECT position FROM originals
    UNION
    SELECT position FROM events
    WHERE target_position = ANY (ARRAY(SELECT position FROM originals))
),
received AS (
    SELECT r.api_key, r.idempotency_key, r.request_digest, r.positions
    FROM unnest($7::text[], $8::text[]) AS a (api_key, idempotency_key)
    CROSS JOIN LATERAL (
        SELECT i.api_key, i.idempotency_key, i.request_digest, i.positions
        FROM receipts AS i
        WHERE i.api_key = a.api_key AND i.idempotency_key = a.idempotency_key
        OFFSET 0
    ) AS r
),
-- Whom the group may concern, and all that any event ever linked with them.
linked AS (
    SELECT kind, subject_id
    FROM (
        SELECT kind, subject_id FROM meant WHERE kind = 'person' OR is_fact
        UNION
        SELECT kind, subject_id
        FROM event_subjects
        WHERE position = ANY (ARRAY(SELECT position FROM named))
            AND (kind = 'person' OR is_fact) IS TRUE
    ) AS concerned
    UNION
    SELECT other.kind, other.subject_id
    FROM linked
    CROSS JOIN LATERAL (
        SELECT s.position
        FROM event_subjects AS s
        WHERE s.kind = linked.kind AND s.subject_id = linked.subject_id AND s.is_link
        OFFSET 0
    ) AS own
    CROSS JOIN LATERAL (
        SELECT s.kind, s.subject_id
        FROM event_subjects AS s
        WHERE s.position = own.position AND (s.kind = linked.kind AND s.is_link) IS TRUE
        OFFSET 0
    ) AS other
),
-- Arrays, since a lookup of each id is the right plan however large the tables are.
people_linked AS (
    SELECT ARRAY(SELECT subject_id FROM linked WHERE kind = 'person') AS ids
),
labs_linked AS (
    SELECT ARRAY(SELECT subject_id FROM linked WHERE kind = 'lab') AS ids
),
stream AS (
    SELECT position
    FROM event_subjects
    WHERE kind = 'person' AND subject_id = ANY ((SELECT ids FROM people_linked)::text[])
    UNION
    SELECT position
    FROM event_subjects
    WHERE kind = 'lab' AND subject_id = ANY ((SELECT ids FROM labs_linked)::text[]) AND is_fact
),
-- Labs that the streams name, those for which they stand and their successors.
chain AS (
    SELECT lab_id, canonical_id, successor_id, content
    FROM labs
    WHERE lab_id = ANY (ARRAY(
            SELECT subject_id
            FROM event_subjects
            WHERE position = ANY (ARRAY(SELECT position FROM stream)) AND (kind = 'lab') IS TRUE
            UNION
            SELECT subject_id FROM meant WHERE kind = 'lab'
        ))
        AND known_to = 9223372036854775807
    UNION
    SELECT l.lab_id, l.canonical_id, l.successor_id, l.content
    FROM chain
    CROSS JOIN LATERAL (
        SELECT i.lab_id, i.canonical_id, i.successor_id, i.content
        FROM labs AS i
        WHERE i.lab_id = ANY (ARRAY[chain.canonical_id, chain.successor_id])
            AND i.known_to = 9223372036854775807
        OFFSET 0
    ) AS l
)
SELECT
    head.*, name.*, taken.*, receipt.*, linked_to.*, event.*, stream_event.*, lab.*, believed.*
FROM (SELECT) AS one
LEFT JOIN (
    SELECT position AS head_position, hash AS head_hash, recorded_at AS head_recorded_at
    FROM events
    ORDER BY position DESC
    LIMIT 1
) AS head ON true
CROSS JOIN (
    SELECT
        array_agg(kind) AS name_kinds,
        array_agg(subject_id) AS name_subjects,
        array_agg(folded) AS name_foldeds
    FROM by_name
) AS name
-- Ids that are taken among some slugs and their numbered followers.
CROSS JOIN (
    SELECT
        array_agg(t.kind) AS taken_kinds,
        array_agg(t.id) AS taken_ids,
        array_agg(t.canonical_id) AS taken_canonicals
    FROM unnest($5::text[], $6::text[]) AS a (kind, slug)
    CROSS JOIN LATERAL (
        SELECT 'person' AS kind, i.person_id AS id, i.canonical_id
        FROM people AS i
        WHERE a.kind = 'person' AND i.person_id = a.slug AND i.known_to = 9223372036854775807
        UNION ALL
        SELECT 'person', i.person_id, i.canonical_id
        FROM people AS i
        WHERE a.kind = 'person'
            AND i.person_id > a.slug || '-'
            AND i.person_id < a.slug || '.'
            AND i.known_to = 9223372036854775807
        UNION ALL
        SELECT 'lab', i.lab_id, i.canonical_id
        FROM labs AS i
        WHERE a.kind = 'lab' AND i.lab_id = a.slug AND i.known_to = 9223372036854775807
        UNION ALL
        SELECT 'lab', i.lab_id, i.canonical_id
        FROM labs AS i
        WHERE a.kind = 'lab'
            AND i.lab_id > a.slug || '-'
            AND i.lab_id < a.slug || '.'
            AND i.known_to = 9223372036854775807
    ) AS t
) AS taken
CROSS JOIN (
    SELECT
        array_agg(api_key) AS receipt_api_keys,
        array_agg(idempotency_key) AS receipt_keys,
        array_agg(request_digest) AS receipt_digests,
        -- Arrays of arrays are all of one length.
        array_agg(array_to_string(positions, ' ')) AS receipt_positions
    FROM received
) AS receipt
CROSS JOIN (
    SELECT array_agg(kind) AS linked_kinds, array_agg(subject_id) AS linked_ids
    FROM linked
) AS linked_to
CROSS JOIN (
    SELECT
        array_agg(e.position) AS event_positions,
        array_agg(e.target_position) AS event_targets,
        array_agg(e.event_id) AS event_ids,
        array_agg(e.recorded_at) AS event_recorded_ats,
        array_agg(e.recorded_by) AS event_recorded_bys,
        array_agg(e.hash) AS event_hashes,
        array_agg(e.body_digest) AS event_body_digests,
        array_agg(e.payload) AS event_payloads,
        array_agg(w.is_named) AS event_are_named
    FROM (
        SELECT position, true AS is_named FROM named
        UNION ALL
        SELECT unnest(positions), false FROM received
    ) AS w
    CROSS JOIN LATERAL (
        SELECT
            i.position, i.target_position, i.event_id, i.recorded_at, i.recorded_by, i.hash,
            i.body_digest, i.payload
        FROM events AS i
        WHERE i.position = w.position
        OFFSET 0
    ) AS e
) AS event
CROSS JOIN (
    SELECT
        array_agg(e.position) AS stream_positions,
        array_agg(e.target_position) AS stream_targets,
        array_agg(e.event_id) AS stream_ids,
        array_agg(e.payload) AS stream_payloads
    FROM stream
    CROSS JOIN LATERAL (
        SELECT i.position, i.target_position, i.event_id, i.payload
        FROM events AS i
        WHERE i.position = stream.position
        OFFSET 0
    ) AS e
) AS stream_event
CROSS JOIN (SELECT array_agg(content) AS lab_contents FROM chain) AS lab
-- What is believed now about those who are linked, as `fetch_believed` has it.
CROSS JOIN (
    SELECT
        array_agg(b.model) AS believed_models,
        array_agg(b.kind) AS believed_kinds,
        array_agg(b.subject_id) AS believed_subjects,
        array_agg(b.content) AS believed_contents,
        array_agg(b.row_id) AS believed_row_ids,
        array_agg(b.known_from) AS believed_froms
    FROM (
        SELECT
            'stints' AS model,
            'person' AS kind,
            person_id AS subject_id,
            content,
            row_id,
            known_from
        FROM stints
        WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
            AND known_to = 9223372036854775807
        UNION ALL
        SELECT 'findings', 'person', person_id, content, row_id, known_from
        FROM findings
        WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
            AND known_to = 9223372036854775807
            AND kind <> 'possible_duplicate'
        UNION ALL
        SELECT 'people', 'person', person_id, content, row_id, known_from
        FROM people
        WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
            AND known_to = 9223372036854775807
        UNION ALL
        SELECT 'names', 'person', subject_id, content, row_id, known_from
        FROM names
        WHERE subject_id = ANY ((SELECT ids FROM people_linked)::text[])
            AND (kind = 'person') IS TRUE
            AND known_to = 9223372036854775807
        UNION ALL
        SELECT 'labs', 'lab', lab_id, content, row_id, known_from
        FROM labs
        WHERE lab_id = ANY ((SELECT ids FROM labs_linked)::text[])
            AND known_to = 9223372036854775807
        UNION ALL
        SELECT 'names', 'lab', subject_id, content, row_id, known_from
        FROM names
        WHERE subject_id = ANY ((SELECT ids FROM labs_linked)::text[])
            AND (kind = 'lab') IS TRUE
            AND known_to = 9223372036854775807
        UNION ALL
        -- What is found of labs alone names one lab.
        SELECT 'findings', 'lab', lab_ids[1], content, row_id, known_from
        FROM findings
        WHERE person_id IS NULL
            AND lab_ids && (SELECT ids FROM labs_linked)::text[]
            AND known_to = 9223372036854775807
    ) AS b
) AS believed;
