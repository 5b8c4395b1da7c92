"""However large it is, a group costs two round trips beside the lock's, and its answers none."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from msgspec.structs import replace

from service.answers.events import recorded_events
from service.app import CHANCE
from service.domain.events import Entity, Payload
from service.log.append import appending
from service.postgres.pool import Connection
from service.postgres.statements import load_statements
from service.recording.commands import Command, Recorded
from service.recording.writer import record
from tests.support import builders as b
from tests.support.histories import (
    Base,
    Plan,
    command,
    commit_group,
    plans,
    submission,
    with_entities,
)

X = b.entity("x", "X")
READ_GROUP = load_statements("service.read_models", "groups.sql")["read_group"]


@contextmanager
def counted(connection: Connection) -> Iterator[list[str]]:
    """The statements that the connection is asked to run."""
    asked: list[str] = []

    def note(query: Any) -> None:
        asked.append(query.query)

    connection.add_query_logger(note)
    try:
        yield asked
    finally:
        connection.remove_query_logger(note)


async def committed(base: Base, *commands: Command) -> tuple[list[str], list[Any]]:
    async with base.pool.acquire() as connection:
        with counted(connection) as asked:
            async with appending(connection):
                answers = await record(connection, commands, CHANCE)
    return asked, answers


def everyday(number: int) -> list[Payload]:
    person = f"p-{number}"
    return [
        b.hire(b.entity(person, f"Person {number}"), at=X, on="2020"),
        b.sighting(f"Person {number}", at="x", on="2021~"),
        b.departure(person, at="x", on="2022-03"),
        b.hire(Entity(name=f"Someone {number}"), at=X, on="2020"),
    ]


async def test_a_group_costs_two_beside_the_locks_two(base: Base) -> None:
    """Of new and of known people, with keys, corrections, repeats and refusals among them."""
    await commit_group(base.pool, command(*everyday(0)), command(submission(everyday(1)[0], ONE)))
    asked, answers = await committed(
        base,
        *(command(*everyday(number), key=f"key-{number}") for number in range(2, 14)),
        command(*everyday(0)[1:3]),
        command(submission(b.correction(1, b.hire("p-1", at="x", on="2019")))),
        command(submission(everyday(1)[0], ONE)),
        command(b.hire("nobody", at="x", on="2020")),
    )
    assert [isinstance(a, Recorded) for a in answers] == [True] * 15 + [False]
    assert len(asked) == 4, asked


async def test_a_lab_that_is_new_moves_nobody_who_was_there_before(base: Base) -> None:
    """So that its founding costs no look at others, in a group with whoever goes there at once."""
    await commit_group(base.pool, command(*everyday(100)))
    founded = b.founding(b.entity("new", "New"), on="2019", by=("p-100",))
    hired = b.hire("p-100", at="new", on="2020")
    asked, answers = await committed(base, command(founded, hired, *everyday(101)))
    assert isinstance(answers[0], Recorded)
    assert len(asked) == 4, asked


async def test_a_transaction_round_many_events_costs_two_more(base: Base) -> None:
    """
    Of so many the log is written while the read models are worked out.

    What is copied the driver does not count: events, their subjects, stints.
    """
    # At first the driver asks which types there are.
    await committed(base, *(command(*everyday(number)) for number in range(40)))
    asked, _ = await committed(base, *(command(*everyday(number)) for number in range(40, 80)))
    assert len(asked) == 6, asked


async def test_a_plan_made_of_an_empty_log_looks_up_each_name(base: Base) -> None:
    """A connection keeps its plan for as long as nobody has counted what the tables hold by now."""
    await base.empty()
    # As the first replay leaves it.
    await base.owner.execute("VACUUM ANALYZE names")
    async with appending(base.owner):
        await base.owner.execute(f"PREPARE asked AS {READ_GROUP}")
        await base.owner.execute(f"EXECUTE asked ({asked_for(1)})")
    await commit_group(base.pool, *(command(*everyday(number)) for number in range(200)))
    async with appending(base.owner):
        explained = await base.owner.fetchval(
            f"EXPLAIN (FORMAT JSON) EXECUTE asked ({asked_for(100)})"
        )
    await base.owner.execute("DEALLOCATE asked")
    # By the other index of names each would be found among all that are believed.
    assert "names_kind_folded_known_to_idx" in explained


def asked_for(people: int) -> str:
    """What `read_group` is given for so many of whom *everyday* speaks, by their names."""
    names = ",".join(f"person {number}" for number in range(people))
    texts, none = f"string_to_array('{names}', ',')", "'{}'"
    asked = [f"array_fill('person'::text, ARRAY[{people}])", texts, texts]
    return ", ".join([*asked, f"array_fill(false, ARRAY[{people}])", *[none] * 5])


ONE = b.event_id(1)


async def test_whatever_fails_the_lock_is_given_back(base: Base) -> None:
    """And whoever gets the connection next has it as it was made."""
    async with base.pool.acquire() as connection:
        with pytest.raises(ZeroDivisionError):
            async with appending(connection):
                raise ZeroDivisionError
        assert await connection.fetchval("SHOW enable_seqscan") == "on"
    assert isinstance((await commit_group(base.pool, command(*everyday(1))))[0], Recorded)


async def test_a_broken_connection_raises_what_broke_it(base: Base) -> None:
    async with base.pool.acquire() as connection:
        with pytest.raises(asyncpg.PostgresError):
            async with appending(connection):
                await connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
    assert isinstance((await commit_group(base.pool, command(*everyday(1))))[0], Recorded)


@settings(
    max_examples=settings().max_examples // 2,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(12))
async def test_the_writer_knows_the_names_that_the_log_gives(base: Base, plan: Plan) -> None:
    """What a write is answered with is what a look at the read models would say."""
    await base.empty()
    for group in plan.groups:
        for answer in await commit_group(base.pool, *group):
            if isinstance(answer, Recorded):
                looked_up = replace(answer, acquaintance=None)
                assert await recorded_events(base.pool, answer) == await recorded_events(
                    base.pool, looked_up
                )


async def test_the_writer_knows_all_whom_an_everyday_write_names(base: Base) -> None:
    """So that its answer costs no look at the database at all."""
    await commit_group(base.pool, command(with_entities(b.hire("ann", at="x", on="2020"))))
    for said in (b.sighting("ann", at="x", on="2021"), *everyday(3)):
        (answer,) = await commit_group(base.pool, command(said))
        assert isinstance(answer, Recorded)
        told = await recorded_events(NO_POOL, answer)
        assert told == await recorded_events(base.pool, replace(answer, acquaintance=None))


NO_POOL: Any = None
