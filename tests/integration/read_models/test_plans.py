"""
Hot statements read in proportion to what they give, also where there are a million stints.

Each is planned both ways that Postgres has: for its values, and for any, to which it turns after
five executions.
"""

import asyncio
from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import Any, NamedTuple
from uuid import uuid4

import asyncpg
import msgspec
import pytest

from service.app import SEARCH_PATH
from service.postgres.statements import load_statements
from service.read_models.beliefs import BELIEVED
from tests.support.postgres import dsn_of
from tests.support.seeded_stints import MILLION, seed_stints

EVENTS = 100_000
NOW = MILLION.rows
THEN = MILLION.rows // 2
DAY = date(2018, 6, 1)
YEAR = (date(2018, 1, 1), date(2018, 12, 31))
SAID_YEAR = ("2018-01-01", "2018-12-31")
SAID_WEEK = ("2019-12-20", "2019-12-26")
ROWS_BESIDE = 30
"""So many may be read beside those in proportion: to find whom a name means."""

STINTS_BY_LAB = "stints_lab_id_known_to_known_from_idx"
STINTS_BY_PERSON = "stints_person_id_known_to_idx"
STINTS_BY_START = "stints_left_start_lo_idx"
STINTS_BY_END = "stints_end_hi_left_idx"


class Asked(NamedTuple):
    """A statement, what it is asked, and an index without which it would read too much."""

    package: str
    name: str
    values: tuple[Any, ...]
    by: str
    proportion: int = 3
    """So many times the rows that are given may be read."""

    def __str__(self) -> str:
        shown = next((v for v in self.values if isinstance(v, str | list)), "")
        return f"{self.name}-{shown[0] if isinstance(shown, list) else shown}"


def _of_labs(name: str, *rest: Any, is_list: bool = False) -> list[Asked]:
    labs = ("small-7", "mid-7", "big-7")
    return [
        Asked("read_models", name, ([lab] if is_list else lab, *rest), STINTS_BY_LAB)
        for lab in labs
    ]


PERSON = "person-77"
ASKED = [
    *_of_labs("stints:fetch_stints_of_labs", DAY, NOW, is_list=True),
    *_of_labs("stints:fetch_stints_of_labs", DAY, THEN, is_list=True),
    *_of_labs("histories:fetch_stints_known", NOW, NOW),
    *_of_labs("histories:fetch_stints_known", 0, NOW),
    Asked(
        "read_models",
        "histories:fetch_people_known",
        ([f"person-{n}" for n in range(50)], NOW, NOW),
        "people_person_id_known_to_idx",
    ),
    Asked(
        "read_models", "histories:fetch_labs_known", (["mid-7"], 0, NOW), "labs_lab_id_known_to_idx"
    ),
    Asked(
        "read_models",
        "histories:fetch_names_known",
        (["mid-7"], 0, NOW),
        "names_kind_folded_known_to_idx",
    ),
    Asked("read_models", "person_pages:fetch_person_page", (PERSON, NOW, 1000), STINTS_BY_PERSON),
    Asked("read_models", "person_pages:fetch_person_page", (PERSON, THEN, 1000), STINTS_BY_PERSON),
    Asked("read_models", "stints:fetch_stints_of_person", (PERSON, NOW), STINTS_BY_PERSON),
    Asked(
        "read_models",
        "findings:fetch_findings",
        (NOW, None, PERSON, None, BELIEVED, "", 1000),
        "findings_person_id_known_to_idx",
    ),
    Asked(
        "read_models",
        "directory:find_subjects",
        (["person", "lab"], [PERSON, "mid-7"], [PERSON, "mid-7"], NOW),
        "names_kind_folded_known_to_idx",
    ),
    Asked(
        "read_models",
        "directory:fetch_people",
        ([PERSON], NOW),
        "people_person_id_known_to_idx",
    ),
    *(
        Asked(
            "read_models",
            "moves:fetch_careers",
            (*SAID_YEAR, *SAID_YEAR, *SAID_YEAR, NOW, 20_000, lab),
            by,
            # Whoever left is looked at: they can have begun elsewhere in any later year.
            proportion=5,
        )
        for lab in ("small-7", "mid-7")
        for by in (STINTS_BY_LAB, STINTS_BY_PERSON)
    ),
    *(
        Asked("read_models", "moves:fetch_careers", (*days, None, None, position, 20_000, None), by)
        for days, position, by in (
            ((*SAID_WEEK, *SAID_WEEK), NOW, STINTS_BY_START),
            ((*SAID_WEEK, *SAID_WEEK), NOW - 20, STINTS_BY_START),
            ((*SAID_WEEK, *SAID_WEEK), NOW, STINTS_BY_END),
            ((*SAID_WEEK, *SAID_WEEK), NOW, STINTS_BY_PERSON),
            ((None, None, *SAID_WEEK), NOW, STINTS_BY_END),
        )
    ),
    *(
        Asked("read_models", "stints:fetch_dates_between", (lab, *YEAR, NOW), STINTS_BY_LAB)
        for lab in ("small-7", "mid-7")
    ),
    *(
        Asked("read_models", "moves:fetch_newest_turns", (*SAID_YEAR, NOW, 64), by)
        for by in (STINTS_BY_START, STINTS_BY_END)
    ),
    *(
        Asked("read_models", "stints:fetch_stints_turned", (people, labs, NOW - 20, NOW), by)
        for people, labs, by in (
            ([PERSON], ["big-7"], STINTS_BY_PERSON),
            ([PERSON], ["big-7"], STINTS_BY_LAB),
        )
    ),
    Asked("read_models", "rows:fetch_believed", ([PERSON], ["mid-7"]), STINTS_BY_PERSON),
    Asked("read_models", "current:fetch_current", (), "events_position_is_unique"),
    Asked(
        "read_models",
        "current:fetch_current_and_known",
        ([5000], [datetime(2026, 1, 1, 0, 1, tzinfo=UTC)]),
        "events_by_recorded_at",
    ),
    Asked(
        "read_models", "current:fetch_moved", (EVENTS - 20, EVENTS), "event_subjects_by_position"
    ),
    Asked("log", "read:read_head", (), "events_position_is_unique"),
    Asked("log", "read:read_by_subjects", ([PERSON], ["mid-7"]), "event_subjects_are_unique"),
    Asked(
        "log",
        "read:read_page",
        (EVENTS // 2, EVENTS, None, None, None, None, None, 100),
        "events_position_is_unique",
    ),
    Asked("log", "read:read_timeline", (["big-7"], EVENTS, 100), "event_subjects_are_unique"),
    Asked("log", "read:read_linked", (["person"], [PERSON]), "event_subjects_by_link"),
    *(
        Asked("log", "read:read_histories", (["person", "lab"], [PERSON, "mid-7"], EVENTS), by)
        for by in (
            "event_subjects_by_link",
            "event_subjects_are_unique",
            "events_position_is_unique",
        )
    ),
    *(
        Asked("read_models", "directory:fetch_people_and_labs", ([PERSON], ["mid-7"], NOW), by)
        for by in ("people_person_id_known_to_idx", "labs_lab_id_known_to_idx")
    ),
    Asked(
        "read_models",
        "building:read_part",
        (PERSON, "person-78", EVENTS),
        "event_subjects_are_unique",
    ),
    Asked("read_models", "building:read_joined", ([PERSON], EVENTS), "event_subjects_are_unique"),
]
PLANNED = [
    (asked, mode)
    for asked in ASKED
    for mode in ("force_custom_plan", "force_generic_plan")
    # Of optional filters a plan for any values costs more, so that Postgres does not turn to it.
    if mode == "force_custom_plan" or asked.name != "findings:fetch_findings"
]


@pytest.fixture(scope="module")
def seeded(cluster: str, template: str) -> Iterator[str]:
    """The address of a database with a million stints; only read."""
    name = f"timeline_million_{uuid4().hex[:8]}"
    asyncio.run(_execute(cluster, f'CREATE DATABASE "{name}" TEMPLATE "{template}"'))
    asyncio.run(_seed(dsn_of(cluster, name)))
    yield dsn_of(cluster, name)
    asyncio.run(_execute(cluster, f'DROP DATABASE "{name}" WITH (FORCE)'))


@pytest.mark.parametrize(("asked", "mode"), PLANNED, ids=str)
async def test_reads_in_proportion(seeded: str, asked: Asked, mode: str) -> None:
    connection = await asyncpg.connect(
        seeded,
        server_settings={"search_path": SEARCH_PATH, "plan_cache_mode": mode, "jit": "off"},
    )
    file, _, name = asked.name.partition(":")
    text = load_statements(f"service.{asked.package}", f"{file}.sql")[name]
    given = f"({', '.join(map(_literal, asked.values))})" if asked.values else ""
    try:
        # EXPLAIN of the statement itself would plan for these values, whatever the mode.
        await connection.execute(f"PREPARE asked AS {text}")
        explained = await connection.fetchval(
            f"EXPLAIN (ANALYZE, FORMAT JSON) EXECUTE asked {given}"
        )
    finally:
        await connection.close()
    plan = msgspec.json.decode(explained)[0]["Plan"]
    nodes = list(_nodes(plan))
    # What a condition of the whole statement leaves out is in the plan, and is not read.
    whole = [
        n["Relation Name"] for n in nodes if n["Node Type"] == "Seq Scan" and n["Actual Loops"]
    ]
    assert [table for table in whole if table != "state"] == []
    assert asked.by in {node.get("Index Name") for node in nodes if node["Actual Loops"]}
    read = sum(map(_rows_read, nodes))
    assert read <= asked.proportion * plan["Actual Rows"] + ROWS_BESIDE


async def test_a_comparison_leaves_the_other_cores_alone(seeded: str) -> None:
    """Others read and write meanwhile; without the setting Postgres takes three processes."""
    drift = load_statements("service.read_models", "drift.sql")
    connection = await asyncpg.connect(seeded, server_settings={"search_path": SEARCH_PATH})
    try:
        async with connection.transaction(readonly=True):
            left_alone = await _sums_plan(connection, drift["fetch_sums"])
            await connection.execute(drift["look_at_kept"])
            planned = await _sums_plan(connection, drift["fetch_sums"])
    finally:
        await connection.close()
    assert "Gather" in left_alone
    assert "Gather" not in planned


def test_there_is_something_to_find() -> None:
    """At each lab, so that proportion means something: see `seed_stints`."""
    assert MILLION.rows == 1_000_000
    assert len({str(asked) for asked in ASKED}) > 15


def _literal(value: Any) -> str:
    if value is None or isinstance(value, int):
        return "NULL" if value is None else str(value)
    text = "{" + ",".join(map(str, value)) + "}" if isinstance(value, list) else str(value)
    return f"'{text}'"


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for inner in plan.get("Plans", ()):
        yield from _nodes(inner)


def _rows_read(node: dict[str, Any]) -> float:
    """The rows of a table or an index that a node looked at."""
    if "Relation Name" not in node and node["Node Type"] != "Bitmap Index Scan":
        return 0
    if node["Node Type"] == "Bitmap Heap Scan":
        # Its index scan counted them.
        return 0
    removed = node.get("Rows Removed by Filter", 0) + node.get("Rows Removed by Index Recheck", 0)
    return float((node["Actual Rows"] + removed) * node["Actual Loops"])


async def _sums_plan(connection: asyncpg.Connection, fetch_sums: str) -> str:
    text = fetch_sums
    for number, value in enumerate((str(NOW), "1000", "'{}'"), start=1):
        text = text.replace(f"${number}::", f"{value}::")
    rows = await connection.fetch(f"EXPLAIN {text}")
    return "\n".join(row[0] for row in rows)


async def _seed(dsn: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        # Trigrams of a hundred thousand names take as long as all the rest; no plan here has them.
        await connection.execute("DROP INDEX read_models.names_folded_idx")
        await seed_stints(connection, MILLION, events=EVENTS)
        # The head of the log is where the rows are believed now.
        await connection.execute(_HEAD, NOW)
    finally:
        await connection.close()


_HEAD = """
INSERT INTO public.events
    (position, event_id, type, recorded_at, recorded_by, request_id, payload, salt,
     payload_hash, hash)
SELECT $1, md5('head')::uuid, type, recorded_at, recorded_by, request_id, payload, salt,
    payload_hash, hash
FROM public.events
WHERE position = 1
"""


async def _execute(dsn: str, statement: str) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
