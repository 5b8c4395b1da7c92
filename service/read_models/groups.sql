-- name: read_group
-- All that a group of commands needs to know, as of one snapshot. Rows of several kinds, told
-- apart by `what`; columns that a kind does not have are null.
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
        WHERE i.kind = a.kind AND i.folded = a.folded AND i.known_to = 9223372036854775807
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
            -- IS TRUE, here and below: no index begins with what is compared so, and none is to
            -- be taken for it while the tables have no statistics.
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
wanted AS (
    SELECT
        w.position,
        bool_or(w.is_of_stream) AS is_of_stream,
        bool_or(w.is_named) AS is_named
    FROM (
        SELECT position, true AS is_of_stream, false AS is_named FROM stream
        UNION ALL
        SELECT position, false, true FROM named
        UNION ALL
        SELECT unnest(positions), false, false FROM received
    ) AS w
    GROUP BY w.position
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
(
    SELECT
        'head' AS what,
        NULL AS kind,
        NULL AS subject_id,
        NULL AS canonical_id,
        NULL AS content,
        h.position,
        NULL::bigint AS other_position,
        NULL::uuid AS event_id,
        h.recorded_at,
        NULL AS recorded_by,
        h.hash,
        NULL::bytea AS body_digest,
        NULL::bigint[] AS positions,
        NULL::boolean AS is_of_stream,
        NULL::boolean AS is_named
    FROM events AS h
    ORDER BY h.position DESC
    LIMIT 1
)
UNION ALL
SELECT
    'known', 'person', person_id, canonical_id, content,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM people
WHERE person_id = ANY (ARRAY(SELECT subject_id FROM meant WHERE kind = 'person'))
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'known', 'lab', lab_id, canonical_id, content,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM labs
WHERE lab_id = ANY (ARRAY(SELECT subject_id FROM meant WHERE kind = 'lab'))
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'name', kind, subject_id, canonical_id, folded,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM by_name
UNION ALL
-- Ids that are taken among some slugs and their numbered followers.
SELECT
    'taken', 'person', p.person_id, p.canonical_id, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($5::text[], $6::text[]) AS a (kind, slug)
CROSS JOIN LATERAL (
    SELECT i.person_id, i.canonical_id
    FROM people AS i
    WHERE i.person_id = a.slug AND i.known_to = 9223372036854775807
    UNION ALL
    SELECT i.person_id, i.canonical_id
    FROM people AS i
    WHERE i.person_id > a.slug || '-'
        AND i.person_id < a.slug || '.'
        AND i.known_to = 9223372036854775807
) AS p
WHERE a.kind = 'person'
UNION ALL
SELECT
    'taken', 'lab', l.lab_id, l.canonical_id, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM unnest($5::text[], $6::text[]) AS a (kind, slug)
CROSS JOIN LATERAL (
    SELECT i.lab_id, i.canonical_id
    FROM labs AS i
    WHERE i.lab_id = a.slug AND i.known_to = 9223372036854775807
    UNION ALL
    SELECT i.lab_id, i.canonical_id
    FROM labs AS i
    WHERE i.lab_id > a.slug || '-'
        AND i.lab_id < a.slug || '.'
        AND i.known_to = 9223372036854775807
) AS l
WHERE a.kind = 'lab'
UNION ALL
SELECT
    'receipt', NULL, api_key, idempotency_key, NULL,
    NULL, NULL, NULL, NULL, NULL, request_digest, NULL, positions, NULL, NULL
FROM received
UNION ALL
SELECT
    'linked', kind, subject_id, NULL, NULL,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM linked
UNION ALL
SELECT
    'event', NULL, NULL, NULL, e.payload,
    e.position, e.target_position, e.event_id, e.recorded_at, e.recorded_by, e.hash,
    e.body_digest, NULL, w.is_of_stream, w.is_named
FROM wanted AS w
CROSS JOIN LATERAL (
    SELECT
        i.payload, i.position, i.target_position, i.event_id, i.recorded_at, i.recorded_by,
        i.hash, i.body_digest
    FROM events AS i
    WHERE i.position = w.position
    OFFSET 0
) AS e
UNION ALL
SELECT
    'chain', NULL, NULL, NULL, content,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM chain
UNION ALL
-- What is believed now about those who are linked, as `fetch_believed` has it.
SELECT
    'stints', 'person', person_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM stints
WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'findings', 'person', person_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM findings
WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
    AND known_to = 9223372036854775807
    AND kind <> 'possible_duplicate'
UNION ALL
SELECT
    'people', 'person', person_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM people
WHERE person_id = ANY ((SELECT ids FROM people_linked)::text[])
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'names', 'person', subject_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM names
WHERE subject_id = ANY ((SELECT ids FROM people_linked)::text[])
    AND (kind = 'person') IS TRUE
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'labs', 'lab', lab_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM labs
WHERE lab_id = ANY ((SELECT ids FROM labs_linked)::text[])
    AND known_to = 9223372036854775807
UNION ALL
SELECT
    'names', 'lab', subject_id, NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM names
WHERE subject_id = ANY ((SELECT ids FROM labs_linked)::text[])
    AND (kind = 'lab') IS TRUE
    AND known_to = 9223372036854775807
UNION ALL
-- What is found of labs alone names one lab.
SELECT
    'findings', 'lab', lab_ids[1], NULL, content, row_id, known_from,
    NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL
FROM findings
WHERE person_id IS NULL
    AND lab_ids && (SELECT ids FROM labs_linked)::text[]
    AND known_to = 9223372036854775807;

-- name: write_group
-- All that a group of commands leaves: events, whom they concern, receipts, and in each read
-- model the rows that end and those that begin. No part sees what another writes, and none
-- needs to: rows that end were there before, and those that begin and end within the group are
-- inserted as ended.
-- $1 positions bigint[]  $2 event_ids uuid[]  $3 types text[]  $4 recorded_at timestamptz
-- $5 recorded_by text[]  $6 request_ids text[]  $7 target_positions bigint[]
-- $8 payloads text[]  $9 salts bytea[]  $10 payload_hashes bytea[]  $11 hashes bytea[]
-- $12 body_digests bytea[]  $13 on_los date[]  $14 on_his date[]
-- $15 subject_kinds text[]  $16 subject_ids text[]  $17 subject_positions bigint[]
-- $18 are_facts boolean[]  $19 are_links boolean[]
-- $20 api_keys text[]  $21 idempotency_keys text[]  $22 request_digests bytea[]
-- $23 receipt_positions text[], each an array as text
-- $24 followed_people text[]  $25 followed_contents text[]  $26 followed_tos bigint[]
-- $27 closed_stints bigint[]  $28 stints_tos bigint[]
-- $29 closed_findings bigint[]  $30 findings_tos bigint[]
-- $31 closed_people bigint[]  $32 people_tos bigint[]
-- $33 closed_labs bigint[]  $34 labs_tos bigint[]
-- $35 closed_names bigint[]  $36 names_tos bigint[]
-- $37 stint_froms bigint[]  $38 stint_tos bigint[]  $39 stint_contents text[]
-- $40 stint_people text[]  $41 stint_labs text[]  $42 start_los date[]  $43 end_his date[]
-- $44 finding_froms bigint[]  $45 finding_tos bigint[]  $46 finding_contents text[]
-- $47 finding_kinds text[]  $48 finding_people text[]
-- $49 finding_labs text[], each the ids with a space between
-- $50 person_froms bigint[]  $51 person_tos bigint[]  $52 person_contents text[]
-- $53 person_ids text[]  $54 person_canonicals text[]
-- $55 lab_froms bigint[]  $56 lab_tos bigint[]  $57 lab_contents text[]
-- $58 lab_ids text[]  $59 lab_canonicals text[]  $60 successor_ids text[]
-- $61 name_froms bigint[]  $62 name_tos bigint[]  $63 name_contents text[]
-- $64 name_kinds text[]  $65 foldeds text[]  $66 name_subjects text[]
-- $67 name_canonicals text[]
WITH event_rows AS (
    INSERT INTO events (
        position, event_id, type, recorded_at, recorded_by, request_id, target_position,
        payload, salt, payload_hash, hash, body_digest, on_lo, on_hi
    )
    SELECT
        e.position, e.event_id, e.type, $4::timestamptz, e.recorded_by, e.request_id,
        e.target_position, e.payload, e.salt, e.payload_hash, e.hash, e.body_digest, e.on_lo,
        e.on_hi
    FROM unnest(
        $1::bigint[], $2::uuid[], $3::text[], $5::text[], $6::text[], $7::bigint[],
        $8::text[], $9::bytea[], $10::bytea[], $11::bytea[], $12::bytea[], $13::date[],
        $14::date[]
    ) AS e (
        position, event_id, type, recorded_by, request_id, target_position,
        payload, salt, payload_hash, hash, body_digest, on_lo,
        on_hi
    )
),
subject_rows AS (
    INSERT INTO event_subjects (kind, subject_id, position, is_fact, is_link)
    SELECT s.kind, s.subject_id, s.position, s.is_fact, s.is_link
    FROM unnest($15::text[], $16::text[], $17::bigint[], $18::boolean[], $19::boolean[])
        AS s (kind, subject_id, position, is_fact, is_link)
),
receipt_rows AS (
    INSERT INTO receipts (api_key, idempotency_key, request_digest, positions)
    -- unnest would flatten an array of arrays.
    SELECT r.api_key, r.idempotency_key, r.request_digest, r.positions::bigint[]
    FROM unnest($20::text[], $21::text[], $22::bytea[], $23::text[])
        AS r (api_key, idempotency_key, request_digest, positions)
),
followed AS (
    UPDATE findings AS m
    SET known_to = c.known_to
    FROM unnest($24::text[], $25::text[], $26::bigint[]) AS c (person_id, content, known_to)
    WHERE m.person_id = c.person_id
        AND m.known_to = 9223372036854775807
        AND m.kind = 'possible_duplicate'
        AND m.content = c.content
),
closed_stints AS (
    UPDATE stints AS m
    SET known_to = c.known_to
    FROM unnest($27::bigint[], $28::bigint[]) AS c (row_id, known_to)
    WHERE m.row_id = c.row_id
),
closed_findings AS (
    UPDATE findings AS m
    SET known_to = c.known_to
    FROM unnest($29::bigint[], $30::bigint[]) AS c (row_id, known_to)
    WHERE m.row_id = c.row_id
),
closed_people AS (
    UPDATE people AS m
    SET known_to = c.known_to
    FROM unnest($31::bigint[], $32::bigint[]) AS c (row_id, known_to)
    WHERE m.row_id = c.row_id
),
closed_labs AS (
    UPDATE labs AS m
    SET known_to = c.known_to
    FROM unnest($33::bigint[], $34::bigint[]) AS c (row_id, known_to)
    WHERE m.row_id = c.row_id
),
closed_names AS (
    UPDATE names AS m
    SET known_to = c.known_to
    FROM unnest($35::bigint[], $36::bigint[]) AS c (row_id, known_to)
    WHERE m.row_id = c.row_id
),
stint_rows AS (
    INSERT INTO stints (known_from, known_to, content, person_id, lab_id, start_lo, end_hi)
    SELECT r.known_from, r.known_to, r.content, r.person_id, r.lab_id, r.start_lo, r.end_hi
    FROM unnest(
        $37::bigint[], $38::bigint[], $39::text[], $40::text[], $41::text[], $42::date[],
        $43::date[]
    ) AS r (known_from, known_to, content, person_id, lab_id, start_lo, end_hi)
),
finding_rows AS (
    INSERT INTO findings (known_from, known_to, content, kind, person_id, lab_ids)
    SELECT
        r.known_from, r.known_to, r.content, r.kind, r.person_id,
        -- unnest would flatten an array of arrays; ids hold no spaces.
        string_to_array(r.lab_ids, ' ')
    FROM unnest($44::bigint[], $45::bigint[], $46::text[], $47::text[], $48::text[], $49::text[])
        AS r (known_from, known_to, content, kind, person_id, lab_ids)
),
person_rows AS (
    INSERT INTO people (known_from, known_to, content, person_id, canonical_id)
    SELECT r.known_from, r.known_to, r.content, r.person_id, r.canonical_id
    FROM unnest($50::bigint[], $51::bigint[], $52::text[], $53::text[], $54::text[])
        AS r (known_from, known_to, content, person_id, canonical_id)
),
lab_rows AS (
    INSERT INTO labs (known_from, known_to, content, lab_id, canonical_id, successor_id)
    SELECT r.known_from, r.known_to, r.content, r.lab_id, r.canonical_id, r.successor_id
    FROM unnest($55::bigint[], $56::bigint[], $57::text[], $58::text[], $59::text[], $60::text[])
        AS r (known_from, known_to, content, lab_id, canonical_id, successor_id)
)
INSERT INTO names (known_from, known_to, content, kind, folded, subject_id, canonical_id)
SELECT r.known_from, r.known_to, r.content, r.kind, r.folded, r.subject_id, r.canonical_id
FROM unnest(
    $61::bigint[], $62::bigint[], $63::text[], $64::text[], $65::text[], $66::text[],
    $67::text[]
) AS r (known_from, known_to, content, kind, folded, subject_id, canonical_id);
