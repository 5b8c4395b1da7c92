"""Replay: built beside the service while it goes on, compared, and switched to in one step."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, get_args
from urllib.parse import urlsplit
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.app import CHANCE, ROLE, make_current
from service.domain.events import Correction, Payload, Position, Retraction
from service.domain.submissions import Submission
from service.log.append import lock
from service.log.read import read_head
from service.log.schema import is_up_to_date
from service.postgres.pool import DATABASE_FAULTS
from service.read_models import building, crews, switching
from service.read_models import drift as drifts
from service.read_models import replay as replays
from service.read_models.replay import CODE_VERSION, fetch_state, replay
from service.read_models.replays import (
    ENDED,
    STOPPED,
    Progress,
    Replay,
    ReplayNotPermitted,
    ReplayRunning,
    Step,
    clean_up,
    fetch_replay,
    fetch_replays,
)
from service.read_models.stints import fetch_stints_of_labs
from tests.support import builders as b
from tests.support.catalogue import catalogue, connected
from tests.support.histories import (
    Base,
    Plan,
    assert_rows_are_the_fold,
    carry_out,
    fetch_rows,
    plans,
    read_log,
    record,
    submission,
    with_entities,
)

EXAMPLES = settings().max_examples // 5
ONE = UUID(int=1)

HISTORY: list[Payload | Submission] = [
    submission(with_entities(b.hire("ann", at="x", on="2019-03")), ONE),
    with_entities(b.founding("y", on="2018", by=("cid",))),
    with_entities(b.hire("ben", at="x", on="2020")),
    with_entities(b.merger("x", into="y", on="2021-05-01")),
    with_entities(b.same_person("dan", "ben")),
    with_entities(b.departure("dan", at="y", on="2022~")),
]
LATER: list[Payload] = [
    Correction(target=ONE, reason="No.", event=b.hire("ann", at="x", on="2018")),
    b.closure("y", on="2024"),
    b.same_person("cid", "ann"),
    with_entities(b.hire("eve", at="z", on="2023")),
    b.renaming("y", to="Why", on="2022"),
    b.sighting("eve", at="y", on="2023-06"),
]


@pytest.fixture
async def filled(base: Base) -> Base:
    await record(base.pool, *HISTORY[:3])
    for each in HISTORY[3:]:
        await record(base.pool, each)
    return base


async def replayed(base: Base, **how: Any) -> Replay:
    return await replay(base.pool, CHANCE.new_id(), now=CHANCE.now, **how)


async def assert_right(base: Base) -> None:
    """The rows in use are the live fold at every position."""
    assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))


async def schemas(base: Base) -> set[str]:
    rows = await base.owner.fetch(
        "SELECT nspname FROM pg_namespace WHERE nspname LIKE 'read_models%'"
    )
    return {row[0] for row in rows}


async def checkpoint(base: Base) -> int:
    async with base.pool.acquire() as connection:
        return (await fetch_state(connection)).checkpoint


def after_building(monkeypatch: pytest.MonkeyPatch, then: Callable[[], Awaitable[object]]) -> None:
    """Let *then* happen when the new tables are built and nothing is compared yet."""
    build = replays._build

    async def build_and(*args: Any) -> None:
        await build(*args)
        await then()

    monkeypatch.setattr(replays, "_build", build_and)


class TestWhileTheServiceGoesOn:
    async def test_replay_misses_nothing(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """What comes while it builds is folded before it switches, and is no drift."""

        async def go_on() -> None:
            for each in LATER:
                await record(filled.pool, each)

        after_building(monkeypatch, go_on)
        done = await replayed(filled)
        assert (done.state, done.drift, done.total) == ("done", [], len(HISTORY))
        assert await checkpoint(filled) == len(HISTORY) + len(LATER)
        await assert_right(filled)
        await record(filled.pool, b.retraction(1))
        await assert_right(filled)

    async def test_long_tail_is_folded_without_the_lock(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Only the last few events are left for when nobody may append."""
        folded = "SELECT max(known_from) FROM read_models_next.labs"
        locked_at: list[Position] = []

        async def noted_lock(connection: Any) -> None:
            locked_at.append(await connection.fetchval(folded))
            await lock(connection)

        async def go_on() -> None:
            for number in range(9):
                await record(filled.pool, b.renaming("y", to=f"Y{number}", on="2022"))

        monkeypatch.setattr(switching, "TAIL_EVENTS_MAX", 2)
        monkeypatch.setattr(switching, "lock", noted_lock)
        after_building(monkeypatch, go_on)
        assert (await replayed(filled)).state == "done"
        assert locked_at == [len(HISTORY) + 9]
        await assert_right(filled)

    async def test_appends_and_replays_at_once(self, filled: Base) -> None:
        """Nobody waits for the other for long, and nobody misses anything."""
        is_over = asyncio.Event()

        async def go_on() -> int:
            count = 0
            while not is_over.is_set() or count < 20:
                await record(filled.pool, LATER[0], b.sighting("ben", at="x", on=f"{1900 + count}"))
                count += 1
            return count

        going = asyncio.create_task(go_on())
        done = [await replayed(filled) for _ in range(3)]
        is_over.set()
        count = await going
        assert [(each.state, each.drift) for each in done] == [("done", [])] * 3
        events = await read_log(filled.owner)
        assert len(events) == len(HISTORY) + 2 * count
        await assert_right(filled)

    async def test_readers_get_right_answers_throughout(self, filled: Base) -> None:
        """Statements that were prepared before the switch mean the new tables after it."""
        position = len(HISTORY)
        is_over = asyncio.Event()

        async def ask() -> list[Any]:
            answers = []
            async with filled.pool.acquire() as connection:
                while not is_over.is_set():
                    answers.append(
                        await fetch_stints_of_labs(
                            connection, ["x", "y"], at=b.day("2021-06-01"), position=position
                        )
                    )
            return answers

        asking = [asyncio.create_task(ask()) for _ in range(3)]
        for each in LATER:
            assert (await replayed(filled)).state == "done"
            await record(filled.pool, each)
        is_over.set()
        answers = [one for each in await asyncio.gather(*asking) for one in each]
        assert len(answers) > 20
        assert answers[0]["y"].keys() == {"ann", "ben", "cid"}
        assert all(one == answers[0] for one in answers)

    async def test_reader_who_takes_long_holds_up_no_append(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """
        A transaction that has read the old tables finishes first. Whoever appends waits for none
        of this: the switch gives the log's lock back each time that it cannot have the tables.
        """
        monkeypatch.setattr(switching, "PAUSE_SECONDS", 0.01)
        number = CHANCE.new_id()
        async with connected(filled.dsn) as slow:
            reading = slow.transaction()
            await reading.start()
            await slow.fetch("SELECT * FROM stints")
            going = asyncio.create_task(replay(filled.pool, number, now=CHANCE.now))
            for each in LATER:
                await _until_it_gave_way(filled, number, going)
                async with asyncio.timeout(5):
                    await record(filled.pool, each)
            assert not going.done()
            await reading.rollback()
        done = await going
        assert (done.state, done.drift) == ("done", [])
        assert done.switch_waits >= len(LATER)
        assert done.checkpoint == len(HISTORY) + len(LATER)
        await assert_right(filled)


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(16), cut=st.integers(0, 12), tail=st.sampled_from([1, 3, 200]))
async def test_whatever_comes_while_a_replay_builds_is_in_it(
    base: Base, plan: Plan, cut: int, tail: int
) -> None:
    """Three ways, one answer, with a replay in the middle of a random history."""
    note(repr(plan))
    note(f"cut={cut} tail={tail}")
    await base.empty()
    with pytest.MonkeyPatch.context() as patched:
        model = await carry_out(base, Plan(plan.groups[:cut], plan.is_concurrent))

        async def go_on() -> None:
            await carry_out(base, Plan(plan.groups[cut:], plan.is_concurrent), model)

        patched.setattr(switching, "TAIL_EVENTS_MAX", tail)
        after_building(patched, go_on)
        done = await replayed(base)
    assert (done.state, done.drift) == ("done", [])
    await assert_right(base)


class TestChecking:
    async def test_changes_nothing(self, filled: Base) -> None:
        rows, held = await fetch_rows(filled.owner), await checkpoint(filled)
        before = await catalogue(filled.dsn)
        done = await replayed(filled, is_check=True)
        assert (done.state, done.check, done.drift) == ("done", True, [])
        assert await fetch_rows(filled.owner) == rows
        assert await checkpoint(filled) == held
        assert await catalogue(filled.dsn) == before
        assert await schemas(filled) == {"read_models"}

    async def test_reports_drift_and_leaves_it(self, filled: Base) -> None:
        await filled.owner.execute(
            "UPDATE stints SET known_from = known_from + 1 WHERE known_to > known_from + 1"
        )
        rows = await fetch_rows(filled.owner)
        done = await replayed(filled, is_check=True)
        assert done.state == "done"
        assert {d.model for d in done.drift} == {"stints"}
        assert await fetch_rows(filled.owner) == rows


TAMPERED = {
    "stints": ("UPDATE stints SET content = replace(content, '2020', '2021')", "ben"),
    "findings": (
        """
        INSERT INTO findings (kind, person_id, lab_ids, known_from, content)
        VALUES ('overlap', 'ann', '{x,y}', 2, '{"kind": "overlap"}')
        """,
        "ann",
    ),
    "people": ("DELETE FROM people WHERE person_id = 'dan'", "dan"),
    "labs": ("UPDATE labs SET known_from = 1 WHERE lab_id = 'y' AND known_from = 2", "y"),
    "names": ("UPDATE names SET known_to = 5 WHERE subject_id = 'cid'", "cid"),
}


class TestDrift:
    @pytest.mark.parametrize("model", TAMPERED)
    async def test_is_told_with_whom_it_concerns_and_refuses_the_switch(
        self, filled: Base, model: str
    ) -> None:
        """At equal code one of the two is wrong, and nobody knows which."""
        statement, subject = TAMPERED[model]
        await filled.owner.execute(statement)
        rows = await fetch_rows(filled.owner)
        done = await replayed(filled)
        assert done.state == "failed"
        assert done.detail is not None
        assert {d.model for d in done.drift} == {model}
        assert subject in {d.subject for d in done.drift}
        assert {d.side for d in done.drift} <= {"kept", "replayed"}
        assert await fetch_rows(filled.owner) == rows
        assert await schemas(filled) == {"read_models"}

    async def test_says_how_the_rows_differ(self, filled: Base) -> None:
        await filled.owner.execute(
            "UPDATE names SET known_to = 5 WHERE subject_id = 'cid' AND known_from = 2"
        )
        drift = (await replayed(filled)).drift
        assert [(d.side, d.known_from, d.known_to) for d in drift] == [
            ("kept", 2, 5),
            ("replayed", 2, None),
        ]
        assert drift[0].content == ["person", "cid", "cid", "cid"]

    @pytest.mark.parametrize(
        ("statement", "model", "columns"),
        [
            ("UPDATE stints SET end_hi = '2020-02-02' WHERE person_id = 'ben'", "stints", 3),
            ("UPDATE stints SET lab_id = 'x' WHERE lab_id = 'y'", "stints", 3),
            ("UPDATE labs SET successor_id = NULL", "labs", 2),
            ("UPDATE people SET canonical_id = 'ann'", "people", 1),
            ("UPDATE names SET folded = 'zoe' WHERE folded = 'cid'", "names", 2),
        ],
    )
    async def test_of_what_rows_are_found_by_is_told(
        self, filled: Base, statement: str, model: str, columns: int
    ) -> None:
        """What a row says may be right, and nobody finds it."""
        await filled.owner.execute(statement)
        done = await replayed(filled)
        assert (done.state, {d.model for d in done.drift}) == ("failed", {model})
        assert {d.side for d in done.drift} == {"kept", "replayed"}
        assert {len(d.columns) for d in done.drift} == {columns}

    async def test_of_a_row_that_says_nothing_is_told(self, filled: Base) -> None:
        await filled.owner.execute("UPDATE people SET content = '{' WHERE person_id = 'cid'")
        drift = (await replayed(filled)).drift
        assert [(d.side, d.subject) for d in drift] == [("kept", "cid"), ("replayed", "cid")]
        assert drift[0].content == "{"

    async def test_of_a_row_kept_twice_is_told(self, filled: Base) -> None:
        await filled.owner.execute(
            "INSERT INTO people (person_id, canonical_id, known_from, known_to, content)"
            " SELECT person_id, canonical_id, known_from, known_to, content FROM people"
            " WHERE person_id = 'cid'"
        )
        done = await replayed(filled)
        assert [(d.side, d.kind, d.subject) for d in done.drift] == [("kept", "person", "cid")]
        assert done.drift_rows == 1

    async def test_is_told_alike_however_few_rows_are_looked_at_together(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Rows that differ are sought in buckets; also those of nobody."""
        await filled.owner.execute(
            "UPDATE names SET folded = 'zoe'; DELETE FROM labs WHERE lab_id = 'x';"
            " INSERT INTO findings (kind, lab_ids, known_from, content)"
            " VALUES ('overlap', '{}', 2, '{}'), ('overlap', '{x,y}', 2, '{}')"
        )
        at_once = await replayed(filled, is_check=True)
        monkeypatch.setattr(drifts, "EVENTS_IN_A_BUCKET", 1)
        monkeypatch.setattr(drifts, "ROWS_AT_ONCE", 1)
        in_lots = await replayed(filled, is_check=True)
        assert (in_lots.drift, in_lots.drift_rows) == (at_once.drift, at_once.drift_rows)
        order = [(d.kind == "lab", d.subject or "", d.model, d.known_from) for d in at_once.drift]
        assert order == sorted(order)
        findings = [(d.subject, d.columns) for d in at_once.drift if d.model == "findings"]
        assert findings == [(None, ["overlap"]), ("x", ["overlap", "x", "y"])]

    async def test_is_overcome_by_force(self, filled: Base) -> None:
        await filled.owner.execute("DELETE FROM stints; DELETE FROM labs")
        done = await replayed(filled, is_forced=True)
        assert done.state == "done"
        assert {d.model for d in done.drift} == {"stints", "labs"}
        await assert_right(filled)
        assert (await replayed(filled)).drift == []

    async def test_is_no_reason_against_other_code(self, filled: Base) -> None:
        """What other code made is bound to differ."""
        await filled.owner.execute("UPDATE state SET code_version = $1", CODE_VERSION - 1)
        await make_current(filled.pool)
        assert (await fetch_state(filled.owner)).is_current
        await assert_right(filled)

    async def test_against_other_code_is_told_all_the_same(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whoever raises the version sees what that changes."""
        stints = len((await fetch_rows(filled.owner))["stints"])
        await filled.owner.execute("DELETE FROM stints")
        monkeypatch.setattr(replays, "CODE_VERSION", CODE_VERSION + 1)
        done = await replayed(filled)
        assert (done.state, done.drift_rows) == ("done", stints)
        assert {d.side for d in done.drift} == {"replayed"}
        assert (await fetch_state(filled.owner)).code_version == CODE_VERSION + 1
        await assert_right(filled)

    async def test_is_told_up_to_a_bound(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(drifts, "DRIFT_ROWS_MAX", 2)
        (people,) = await filled.owner.fetchrow("SELECT count(*) FROM people") or (0,)
        await filled.owner.execute("DELETE FROM people")
        done = await replayed(filled)
        assert (len(done.drift), done.drift_rows) == (2, people)
        assert people > 2


class TestSideEffects:
    async def test_vacuum_is_not_held_back_while_it_builds(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """No transaction and no snapshot stays open from one lot of people to the next."""
        monkeypatch.setattr(building, "EVENTS_IN_A_PART", 0)
        held = []
        fold_part = building.fold_part

        async def look_and_fold(*args: Any) -> building.Folded:
            held.append(await filled.owner.fetchval(_SNAPSHOTS))
            return await fold_part(*args)

        monkeypatch.setattr(crews, "fold_part", look_and_fold)
        assert (await replayed(filled)).state == "done"
        assert len(held) > 3
        assert set(held) == {0}

    async def test_log_is_left_as_it_is(self, filled: Base) -> None:
        """Nothing is appended, and nothing else than read models and the record is written."""
        before = [await filled.owner.fetch(f"SELECT * FROM {name}") for name in _LOG]
        assert (await replayed(filled)).state == "done"
        assert [await filled.owner.fetch(f"SELECT * FROM {name}") for name in _LOG] == before


_LOG = ("events", "event_subjects", "receipts", "api_keys", "log_identity", "alembic_version")
_SNAPSHOTS = """
    SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
        AND (backend_xmin IS NOT NULL OR backend_xid IS NOT NULL)
"""


class TestProgress:
    async def test_can_be_read_while_it_runs_and_never_goes_back(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """By another connection, as another process has it; in the order of the steps."""
        monkeypatch.setattr(building, "EVENTS_IN_A_PART", 0)
        monkeypatch.setattr(switching, "TAIL_EVENTS_MAX", 0)
        seen: list[Replay] = []
        number = CHANCE.new_id()
        note = Progress._note

        async def note_and_look(progress: Progress) -> None:
            await note(progress)
            found = await fetch_replay(filled.owner, number)
            # Of what the transaction that switches says nobody knows before it is over.
            if found is not None:
                seen.append(found)

        async def go_on() -> None:
            await record(filled.pool, LATER[0])

        monkeypatch.setattr(Progress, "_note", note_and_look)
        after_building(monkeypatch, go_on)
        await replay(filled.pool, number, now=CHANCE.now)
        steps = list(dict.fromkeys(each.step for each in seen))
        assert steps == list(get_args(Step))
        assert {each.state for each in seen} == {"running"}
        assert {each.total for each in seen} == {len(HISTORY)}
        counts = [each.done for each in seen]
        assert counts == sorted(counts)
        assert counts[0] == 0
        assert 0 < counts[1] < len(HISTORY)
        built = next(each for each in seen if each.step == "indexing")
        assert built.done == built.total, "every event is folded, and counted once"
        folding = [each for each in seen if each.step == "building" and each.done]
        assert all(each.events_per_second and each.events_per_second > 0 for each in folding)
        assert folding[0].seconds_left is not None
        assert folding[0].seconds_left > 0
        assert built.seconds_left is None


class TestOneAtATime:
    async def test_second_replay_is_refused(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also one that only checks, and whichever process it runs in."""
        began, may_end = asyncio.Event(), asyncio.Event()

        async def wait() -> None:
            began.set()
            await may_end.wait()

        after_building(monkeypatch, wait)
        first = asyncio.create_task(replayed(filled))
        await began.wait()
        try:
            for is_check in (False, True):
                async with asyncio.timeout(20):
                    with pytest.raises(ReplayRunning) as refused:
                        await replayed(filled, is_check=is_check)
                (running,) = await fetch_replays(filled.owner)
                assert running.state == "running"
                assert refused.value.extras() == {"replay": running}
                assert f"building, {len(HISTORY)} of {len(HISTORY)} events" in str(refused.value)
        finally:
            may_end.set()
        assert (await first).state == "done"
        await assert_right(filled)
        assert (await replayed(filled)).state == "done"


class TestCrash:
    @pytest.mark.parametrize(
        "step", ["_build", "_drift", "take_over", "_catch_up", "lock", "_set_state"]
    )
    async def test_leaves_the_old_models_in_use(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch, step: str
    ) -> None:
        """The fault is told, and the next replay works."""
        module = replays if hasattr(replays, step) else switching
        real = getattr(module, step)

        async def crash(*args: Any) -> Any:
            await real(*args)
            raise _CrashError(step)

        rows = await fetch_rows(filled.owner)
        number = CHANCE.new_id()
        with monkeypatch.context() as patched:
            patched.setattr(module, step, crash)
            if step == "take_over":
                patched.setattr(module, step, _crash_before(step))
            with pytest.raises(_CrashError):
                await replay(filled.pool, number, now=CHANCE.now)
        failed = await fetch_replay(filled.owner, number)
        assert failed is not None
        assert (failed.state, failed.detail) == ("failed", f"_CrashError: {step}")
        assert failed.finished_at is not None
        assert await fetch_rows(filled.owner) == rows
        await record(filled.pool, LATER[0])
        await assert_right(filled)
        assert (await replayed(filled)).state == "done"
        await assert_right(filled)

    async def test_of_the_process_is_noticed_by_the_next(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Its connections are gone, and with them its lock; what it began is marked as ended."""
        number = CHANCE.new_id()

        async def die() -> None:
            await filled.owner.fetch(
                "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity"
                " WHERE datname = current_database() AND pid <> pg_backend_pid()"
            )

        with monkeypatch.context() as patched:
            after_building(patched, die)
            with pytest.raises(DATABASE_FAULTS):
                await replay(filled.pool, number, now=CHANCE.now)
        killed = await fetch_replay(filled.owner, number)
        assert killed is not None
        assert (killed.state, killed.finished_at) == ("failed", None)
        assert killed.detail == ENDED
        assert (await replayed(filled)).state == "done"
        killed = await fetch_replay(filled.owner, number)
        assert killed is not None
        assert killed.state == "failed"
        assert killed.finished_at is not None
        await assert_right(filled)

    async def test_of_the_process_is_cleaned_up_at_the_next_start(self, filled: Base) -> None:
        """Tables half built, a row that says it runs; unless one does run."""
        await filled.owner.execute(f"SET ROLE {ROLE}")
        await filled.owner.execute("CREATE SCHEMA read_models_next CREATE TABLE stints (x int)")
        await filled.owner.execute("RESET ROLE")
        await filled.owner.execute(
            "INSERT INTO replays (replay_id, state, is_check, started_at, done, total, drift)"
            " VALUES ($1, 'running', false, now(), 0, 9, '[]')",
            ONE,
        )
        await filled.owner.execute("SELECT pg_advisory_lock(7240003)")
        assert not await clean_up(filled.pool, CHANCE.now())
        (left,) = await fetch_replays(filled.owner)
        assert left.state == "running"
        await filled.owner.execute("SELECT pg_advisory_unlock(7240003)")
        await make_current(filled.pool)
        (left,) = await fetch_replays(filled.owner)
        assert (left.state, left.detail) == ("failed", ENDED)
        assert left.finished_at is not None
        assert await schemas(filled) == {"read_models"}
        assert (await replayed(filled)).state == "done"

    async def test_cancelled_replay_gives_its_lock_back(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        began = asyncio.Event()

        async def wait() -> None:
            began.set()
            await asyncio.sleep(60)

        with monkeypatch.context() as patched:
            after_building(patched, wait)
            task = asyncio.create_task(replayed(filled))
            await began.wait()
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        (stopped,) = await fetch_replays(filled.owner)
        assert (stopped.state, stopped.detail) == ("failed", STOPPED)
        assert await schemas(filled) == {"read_models"}
        assert (await replayed(filled)).state == "done"

    async def test_cancelled_anywhere_it_leaves_nothing_behind(
        self, filled: Base, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Whatever statement it was in: the lock is free, and the models are the old or the new."""
        monkeypatch.setattr(building, "EVENTS_IN_A_PART", 0)
        is_over = False
        for turns in range(5, 400, 5):
            task = asyncio.create_task(replayed(filled))
            for _ in range(turns):
                await asyncio.sleep(0)
                await asyncio.sleep(0.0001)
            is_over = task.done()
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert await clean_up(filled.pool, CHANCE.now())
            assert "read_models_next" not in await schemas(filled)
            assert {r.state for r in await fetch_replays(filled.owner)} <= {"done", "failed"}
            if is_over:
                break
        assert is_over, "the last one was let run to its end"
        await assert_right(filled)


class TestRight:
    async def test_lost_by_a_copy_is_named_with_the_way_out(self, filled: Base) -> None:
        """CREATE DATABASE … TEMPLATE and a dump leave behind what was granted on a database."""
        await filled.owner.execute(f"REVOKE CREATE ON DATABASE {_name(filled)} FROM {ROLE}")
        for _ in range(2):
            with pytest.raises(ReplayNotPermitted) as refused:
                await replayed(filled)
            assert f'GRANT CREATE ON DATABASE "{_name(filled)}" TO "{ROLE}"' in str(refused.value)
        assert await fetch_replays(filled.owner) == []
        await assert_right(filled)

    async def test_is_renewed_by_the_owner(self, filled: Base) -> None:
        await filled.owner.execute(f"REVOKE CREATE ON DATABASE {_name(filled)} FROM {ROLE}")
        assert await is_up_to_date(filled.dsn)
        assert (await replayed(filled)).state == "done"


def _name(base: Base) -> str:
    return urlsplit(base.dsn).path.removeprefix("/")


class TestAfterwards:
    async def test_everything_is_called_as_before(self, filled: Base) -> None:
        """Index names do not follow a renamed table: a replay makes them anew each time."""
        before = await catalogue(filled.dsn)
        for _ in range(2):
            assert (await replayed(filled)).state == "done"
            assert await catalogue(filled.dsn) == before

    async def test_tables_before_are_kept_until_the_next(self, filled: Base) -> None:
        """For a way back."""
        rows = await fetch_rows(filled.owner)
        await replayed(filled)
        assert await schemas(filled) == {"read_models", "read_models_before"}
        assert await fetch_rows(filled.owner, "read_models_before") == rows
        await record(filled.pool, LATER[0])
        rows = await fetch_rows(filled.owner)
        await replayed(filled)
        assert await schemas(filled) == {"read_models", "read_models_before"}
        assert await fetch_rows(filled.owner, "read_models_before") == rows

    async def test_state_says_by_which_code_and_how_far(self, filled: Base) -> None:
        await filled.owner.execute("UPDATE state SET code_version = 0")
        await make_current(filled.pool)
        async with filled.pool.acquire() as connection:
            state = await fetch_state(connection)
            head = await read_head(connection)
        assert (state.code_version, state.checkpoint) == (CODE_VERSION, head.position)
        assert len(await fetch_replays(filled.owner)) == 1
        await make_current(filled.pool)
        assert len(await fetch_replays(filled.owner)) == 1

    async def test_how_it_went_is_kept(self, filled: Base) -> None:
        done = await replayed(filled)
        assert (done.state, done.done, done.total) == ("done", len(HISTORY), len(HISTORY))
        assert done.finished_at is not None
        assert done.finished_at >= done.started_at
        assert await fetch_replay(filled.owner, done.id) == done
        assert await fetch_replays(filled.owner) == [done]

    async def test_empty_log_is_replayed(self, base: Base) -> None:
        done = await replayed(base)
        assert (done.state, done.total, done.drift) == ("done", 0, [])
        assert not any((await fetch_rows(base.owner)).values())


async def test_people_are_replayed_some_at_a_time(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those who may be one are folded together, wherever they come in the order of ids."""
    monkeypatch.setattr(building, "EVENTS_IN_A_PART", 0)
    for each in LATER:
        await record(filled.pool, each)
    await record(filled.pool, Retraction(target=ONE, reason="No."))
    rows = await fetch_rows(filled.owner)
    assert (await replayed(filled)).drift == []
    assert await fetch_rows(filled.owner) == rows


async def _until_it_gave_way(base: Base, number: UUID, task: asyncio.Task[Any]) -> None:
    """Until the switch of a replay found the tables held once more."""
    waits = "SELECT switch_waits FROM replays WHERE replay_id = $1"
    before = await base.owner.fetchval(waits, number) or 0
    async with asyncio.timeout(20):
        while (await base.owner.fetchval(waits, number) or 0) <= before:
            assert not task.done(), task.result()
            await asyncio.sleep(0.005)


def _crash_before(step: str) -> Callable[..., Awaitable[None]]:
    async def crash(*args: Any, **how: Any) -> None:
        raise _CrashError(step)

    return crash


class _CrashError(Exception):
    """Raised where a replay is to break."""
