"""
Read models of any size, made in SQL: labs of three sizes, each row as a replay would have it.

No fold stands behind them: they are for plans and for the cost of reading, not for answers.
"""

from msgspec import Struct

from service.postgres.pool import Connection


class Sizes(Struct, frozen=True):
    """How many labs there are of each size, by the people present."""

    of_5000: int
    of_500: int
    of_50: int

    @property
    def rows(self) -> int:
        """Stints that are believed and such that no longer are: at each lab one for one."""
        return 20_000 * self.of_5000 + 2_000 * self.of_500 + 200 * self.of_50


MILLION = Sizes(20, 200, 1000)


async def seed_stints(connection: Connection, sizes: Sizes, *, events: int | None = None) -> None:
    """
    Fill empty tables.

    Shapes: at a lab of 5,000 stay that many and as many have left, each of them since position
    2n, as position 2n - 1 knew them without an end or a sighting. Every person has been at four
    labs. One event a position, of two subjects, for as many positions as *events* says.
    """
    people = sizes.rows // 8
    events = sizes.rows if events is None else events
    await connection.execute(_LABS, sizes.of_5000, sizes.of_500, sizes.of_50)
    await connection.execute(_PEOPLE, people)
    await connection.execute(_NAMES)
    await connection.execute(_STINTS, people)
    await connection.execute(_EVENTS, events)
    await connection.execute(_SUBJECTS, events)
    await connection.execute(_FINDINGS)
    for table in _TABLES:
        # Visibility maps too, as after a replay.
        await connection.execute(f"VACUUM (ANALYZE) {table}")


_TABLES = (
    "read_models.stints",
    "read_models.people",
    "read_models.labs",
    "read_models.names",
    "read_models.findings",
    "public.events",
    "public.event_subjects",
)

_LABS = """
INSERT INTO read_models.labs (lab_id, canonical_id, known_from, content)
SELECT id, id, 1, format('{"canonical_id":%1$s,"id":%1$s,"name":%2$s,"names":[%2$s]}',
    to_json(id), to_json(initcap(id)))
FROM (
    SELECT 'big-' || n AS id FROM generate_series(1, $1::int) AS n
    UNION ALL
    SELECT 'mid-' || n FROM generate_series(1, $2::int) AS n
    UNION ALL
    SELECT 'small-' || n FROM generate_series(1, $3::int) AS n
) AS ids
"""
_PEOPLE = """
INSERT INTO read_models.people (person_id, canonical_id, known_from, content)
SELECT id, id, 1, format('{"canonical_id":%1$s,"id":%1$s,"name":%2$s,"names":[%2$s]}',
    to_json(id), to_json(name))
FROM (
    SELECT 'person-' || n AS id, 'Person ' || md5(n::text) AS name
    FROM generate_series(0, $1::int - 1) AS n
) AS people
"""
_NAMES = """
INSERT INTO read_models.names (kind, folded, subject_id, canonical_id, known_from, content)
SELECT kind, folded, id, id, 1, json_build_array(kind, folded, id, id)::text
FROM (
    SELECT 'person' AS kind, lower(content::json ->> 'name') AS folded, person_id AS id
    FROM read_models.people
    UNION ALL
    SELECT 'lab', lower(content::json ->> 'name'), lab_id FROM read_models.labs
) AS named
"""
# Stay n is of person n % people; labs take as many in turn as they hold.
_STINTS = """
INSERT INTO read_models.stints
    (person_id, lab_id, start_lo, end_hi, known_from, known_to, content)
SELECT
    person_id,
    lab_id,
    start_lo,
    CASE WHEN has_left AND is_known THEN end_hi ELSE 'infinity'::date END,
    CASE WHEN is_known THEN 2 * n ELSE 2 * n - 1 END,
    CASE WHEN is_known THEN 9223372036854775807 ELSE 2 * n END,
    format(
        '{"person":"%s","lab":"%s","start":{"lo":"%s","hi":"%s","date_text":"%s"},'
            || '"last_evidence":"%s"%s,"opening":["engineer"],"events":["%s"%s]}',
        person_id,
        lab_id,
        start_lo,
        start_lo,
        start_lo,
        CASE WHEN is_known THEN start_lo + 300 ELSE start_lo END,
        CASE WHEN has_left AND is_known
            THEN format(',"end":{"lo":"%s","hi":"%s","date_text":"%s"}', end_hi, end_hi, end_hi)
        END,
        md5('e' || 2 * n)::uuid,
        CASE WHEN is_known THEN format(',"%s"', md5('f' || 2 * n)::uuid) END
    )
FROM (
    SELECT
        row_number() OVER (ORDER BY md5(lab_id || i)) AS n,
        lab_id,
        i % 2 = 0 AS has_left,
        DATE '2010-01-01' + (i * 7919) % 3650 AS start_lo,
        DATE '2010-01-01' + (i * 7919) % 3650 + 400 AS end_hi
    FROM (
        SELECT lab_id, CASE
            WHEN lab_id LIKE 'big-%' THEN 10000 WHEN lab_id LIKE 'mid-%' THEN 1000 ELSE 100
        END AS size
        FROM read_models.labs
    ) AS labs,
    generate_series(1, size) AS i
) AS stays
CROSS JOIN LATERAL (SELECT 'person-' || n % $1::int AS person_id) AS people
CROSS JOIN (VALUES (false), (true)) AS versions (is_known)
"""
_EVENTS = """
INSERT INTO public.events
    (position, event_id, type, recorded_at, recorded_by, request_id, payload, salt,
     payload_hash, hash, on_lo, on_hi)
SELECT n, md5('e' || n)::uuid, (ARRAY['hire', 'departure', 'sighting'])[n % 3 + 1],
    TIMESTAMPTZ '2026-01-01Z' + n * INTERVAL '1 millisecond', 'seed', '',
    format('{"date":"2019-03","lab":"lab-%s","person":"person-%s","type":"hire"}', n, n),
    decode(md5(n::text), 'hex'), sha256(n::text::bytea), sha256(n::text::bytea),
    DATE '2010-01-01' + n % 5000, DATE '2010-01-01' + n % 5000
FROM generate_series(1, $1::int) AS n
"""
_SUBJECTS = """
INSERT INTO public.event_subjects (kind, subject_id, position, is_fact, is_link)
SELECT kind, subject_id, position, false, false
FROM read_models.stints, LATERAL (
    VALUES ('person', person_id), ('lab', lab_id)
) AS s (kind, subject_id), LATERAL (SELECT known_from AS position) AS p
WHERE known_from <= $1::int
"""
_FINDINGS = """
INSERT INTO read_models.findings (kind, person_id, lab_ids, known_from, content)
SELECT 'unknown_start', person_id, ARRAY[lab_id], known_from,
    format('{"events":[],"kind":"unknown_start","labs":["%s"],"person":"%s"}', lab_id, person_id)
FROM read_models.stints
WHERE known_to = 9223372036854775807 AND row_id % 50 = 0
"""
