"""The benchmark suite measures what it says, on histories that the log could have recorded."""

import asyncio
import sys
from collections import Counter
from collections.abc import AsyncIterator
from itertools import islice
from pathlib import Path
from xml.etree import ElementTree as ET

import asyncpg
import pytest

from service.domain.events import PersonFact, id_of, type_of
from service.log.verify import verify
from service.postgres.embedded import EmbeddedPostgres
from service.postgres.pool import Pool
from service.read_models.replay import replay
from tests.benchmarks import conditions, product, report
from tests.benchmarks.asking import Answered
from tests.benchmarks.careers import Careers, body_of
from tests.benchmarks.charts import slug
from tests.benchmarks.filling import write_log
from tests.benchmarks.goals import judge, measures
from tests.benchmarks.replays import waits
from tests.benchmarks.sides import Measure, Pace, Result, Side, Taken, in_turns
from tests.benchmarks.stage import DATA, Stage
from tests.benchmarks.suite import PLANNED, chosen
from tests.support.postgres import CHANCE

QUICK = Pace(rounds=1, turn_seconds=0.02, measure_seconds=1)
LOG = """
    SELECT position, event_id, type, target_position, payload, on_lo, on_hi
    FROM events ORDER BY position
"""
SUBJECTS = """
    SELECT kind, subject_id, position, is_fact, is_link
    FROM event_subjects ORDER BY position, kind, subject_id
"""


def _nothing(_sentence: str) -> None:
    pass


class TestSuite:
    def test_every_goal_has_its_measure(self) -> None:
        names = [one.name for one in PLANNED]

        assert set(measures()) <= set(names)
        assert len({slug(name) for name in names}) == len(names)

    def test_measures_are_chosen_by_a_part_of_their_names(self) -> None:
        assert [one.name for one in chosen(("32 producers", "first"))] == [
            "append, 32 producers",
            "first start",
        ]
        assert chosen(()) == list(PLANNED)

    async def test_sides_take_turns_and_ratios_are_of_one_round(self) -> None:
        turns: list[str] = []

        def side(name: str, values: list[float]) -> Side:
            async def take_turn(number: int) -> Taken:
                turns.append(name)
                return Taken(values[turns.count(name) - 1])

            return Side(name=name, take_turn=take_turn)

        ours, other = await in_turns(
            Measure(
                name="some work",
                unit="events/s",
                sides=[side("ours", [10, 20, 90]), side("other", [5, 10, 10])],
            ),
            Pace(rounds=3, turn_seconds=1, measure_seconds=60),
            _nothing,
        )

        assert turns == ["ours", "other", "other", "ours", "ours", "other"]
        assert (ours.median, other.median, ours.ratio, other.ratio) == (20, 10, None, 2)

    def test_goals_are_judged_by_ratio_by_value_and_by_tail(self) -> None:
        def result(measure: str, side: str, **figures: float) -> Result:
            return Result(measure=measure, side=side, unit="events/s", **figures)  # type: ignore[arg-type]  # numbers all

        judged = {
            (one.goal.measure, one.goal.against, one.goal.figure): (one.figure, one.is_reached)
            for one in judge(
                [
                    result("append, 1 producer", "ours", median=90, p99_ms=1.5),
                    result("append, 1 producer", "raw insert", median=300, ratio=0.3, p99_ms=0.2),
                    result("append, 1 producer", "eventsourcing", median=90, ratio=1.0),
                    result("first start", "ours", median=4.9),
                ]
            )
        }

        assert judged["append, 1 producer", "eventsourcing", "value"] == (1.0, True)
        assert judged["append, 1 producer", "raw insert", "p99_ms"] == (7.5, False)
        assert judged["first start", None, "value"] == (4.9, True)
        assert judged["batches of 1,000", None, "value"] == (None, None)


class TestWrites:
    def test_waits_are_told_by_when_they_ended(self) -> None:
        backlog = [Answered(at, 10.0) for at in (0.0, 1.0, 12.0)]

        told = waits([Answered(0.5, 0.001), *backlog], began=5.0, finished=20.0)

        assert told["write_p99_before_ms"] == pytest.approx(1)
        assert told["write_p99_ms"] == told["switch_ms"] == pytest.approx(10_000)

    def test_nothing_is_told_of_a_time_without_writes(self) -> None:
        told = waits([Answered(6.0, 0.1)], began=5.0, finished=20.0)

        assert set(told) == {"write_p50_ms", "write_p99_ms", "write_max_ms"}


class TestCareers:
    def test_one_seed_is_one_history(self) -> None:
        def told(seed: int) -> list[bytes]:
            return [body_of(event) for event in islice(Careers(seed).events(), 3_000)]

        assert told(1) == told(1)
        assert told(1) != told(2)

    def test_careers_and_labs_are_as_promised(self) -> None:
        careers = Careers()
        types: Counter[str] = Counter()
        of_person: Counter[str] = Counter()
        for event in islice(careers.events(), 40_000):
            types[type_of(event.payload)] += 1
            if isinstance(event.payload, PersonFact):
                of_person[id_of(event.payload.person)] += 1
        # The last ones were not told to their ends.
        whole = {of_person[person] for person in islice(of_person, len(of_person) - 1_000)}

        assert (min(whole), max(whole)) == (2, 12)
        assert 0.015 < types["correction"] / 40_000 < 0.025
        assert {"retraction", "merger", "closure", "renaming", "ownership", "founding"} <= {*types}
        assert len(careers.full[50]) > 5 * len(careers.full[500]) > 0

    async def test_a_log_that_was_written_quickly_verifies(self, database: str, pool: Pool) -> None:
        await write_log(database, Careers().events(), 10_000, _nothing)

        verified = await verify(pool)

        assert (verified.events, verified.problems) == (10_000, [])

    async def test_it_is_the_log_that_the_writer_makes(
        self, database: str, pool: Pool, bare_database: str
    ) -> None:
        events = list(islice(Careers(seed=3).events(), 1_500))
        await write_log(database, iter(events), len(events), _nothing)
        done = await replay(pool, CHANCE.new_id(), now=CHANCE.now, is_forced=True)
        assert done.state == "done", done.detail
        await asyncio.to_thread(product.migrate, bare_database)
        async with product.pool_on(bare_database) as other:
            await product.make_current(other)
        async with product.writer_on(bare_database) as writer:
            for first in range(0, len(events), 500):
                await writer.record(product.command_of(events[first : first + 500]))

        assert await _told(database) == await _told(bare_database)


class TestRun:
    @pytest.fixture
    async def stage(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
        """A run on a few hundred events, without the peer."""
        monkeypatch.setitem(sys.modules, "tests.benchmarks.eventsourcing_library", None)
        server = EmbeddedPostgres(tmp_path / DATA, settings={"max_connections": "200"})
        server.start()
        try:
            async with Stage(
                server=server, folder=tmp_path, events=600, seed=1, pace=QUICK, say=_nothing
            ) as opened:
                yield opened
        finally:
            server.stop()

    async def test_ours_is_measured_without_the_peer(self, stage: Stage, tmp_path: Path) -> None:
        results: list[Result] = []
        for one in chosen(("32 prod", "over HTTP", "40 people, never", "replay, one", "load of")):
            results += await one.run(stage)

        by_side = {(result.measure, result.side): result for result in results}
        assert all(result.median for result in results if result.absent is None)
        absent = {side: result.absent for (_, side), result in by_side.items() if result.absent}
        assert set(absent) == {"eventsourcing", "eventsourcing, functions", "its runner"}
        assert "not installed" in str(absent["eventsourcing"])
        report.write(tmp_path / "out", results, {"events": "600"})
        for chart in (tmp_path / "out").glob("*.svg"):
            ET.parse(chart)
        assert "append, 32 producers" in report.tables(results, {})

    async def test_a_server_that_does_not_wait_for_the_disk_is_refused(self, cluster: str) -> None:
        with pytest.raises(AssertionError, match="fsync"):
            await conditions.durable(cluster)


async def _told(dsn: str) -> list[list[tuple[object, ...]]]:
    """The log as far as it follows from what was said, and the read models."""
    connection = await asyncpg.connect(dsn)
    try:
        statements = [LOG, SUBJECTS] + [
            f"SELECT known_from, known_to, content FROM read_models.{model} ORDER BY 1, 2, 3"
            for model in product.MODELS
        ]
        return [[tuple(row) for row in await connection.fetch(one)] for one in statements]
    finally:
        await connection.close()
