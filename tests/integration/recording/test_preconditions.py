"""Of two who write on the same condition at the same time exactly one is heard."""

import asyncio

from msgspec.structs import replace

from service.app import CHANCE, ROLE, SEARCH_PATH
from service.domain.events import Position
from service.domain.refusals import HistoryMoved
from service.postgres.pool import open_pool
from service.recording.commands import Command, Recorded
from service.recording.writer import Writer
from tests.support import builders as b
from tests.support.histories import Base, command, commit_group, read_log, record, with_entities

ANN = with_entities(b.hire("ann", at="x", on="2020"))


def on_condition(expected: int, *said: str) -> Command:
    commands = command(*(b.departure("ann", at="x", on=date) for date in said))
    return replace(commands, expected_position=Position(expected))


async def test_of_two_processes_exactly_one_wins(base: Base) -> None:
    await record(base.pool, ANN)
    other = await open_pool(base.dsn, role=ROLE, search_path=SEARCH_PATH)
    writers = [Writer(base.pool, CHANCE), Writer(other, CHANCE)]
    for writer in writers:
        writer.start()
    for expected in range(1, 9):
        answers = await asyncio.gather(
            *(writer.record(on_condition(expected, f"202{i}")) for i, writer in enumerate(writers)),
            return_exceptions=True,
        )
        won = [a for a in answers if isinstance(a, Recorded)]
        lost = [a for a in answers if isinstance(a, HistoryMoved)]
        assert (len(won), len(lost)) == (1, 1), answers
        assert [s.position for s in lost[0].since] == [won[0].outcomes[0].event.position]
    for writer in writers:
        await writer.stop()
    await other.close()
    assert len(await read_log(base.owner)) == 9


async def test_of_two_in_one_group_the_first_wins(base: Base) -> None:
    await record(base.pool, ANN)
    first, second = await commit_group(
        base.pool, on_condition(1, "2021", "2022"), on_condition(1, "2023")
    )
    assert isinstance(first, Recorded)
    assert isinstance(second, HistoryMoved)
    assert [s.position for s in second.since] == [2, 3]
    assert len(await read_log(base.owner)) == 3


async def test_a_same_as_in_the_same_group_moves_both(base: Base) -> None:
    await record(base.pool, ANN, with_entities(b.hire("bob", at="x", on="2020")))
    joined, late = await commit_group(
        base.pool, command(b.same_person("bob", "ann")), on_condition(2, "2023")
    )
    assert isinstance(joined, Recorded)
    assert isinstance(late, HistoryMoved)


async def test_what_is_refused_leaves_nothing_behind(base: Base) -> None:
    """Neither positions nor names: the next in the group is chained to the one before."""
    await record(base.pool, ANN)
    new = with_entities(b.hire("new", at="x", on="2020"))
    stale = replace(command(new, b.departure("ann", at="x", on="2021")), expected_position=0)
    unknown = command(b.hire("new", at="x", on="2020"))
    answers = await commit_group(base.pool, stale, unknown, on_condition(1, "2022"))
    assert isinstance(answers[0], HistoryMoved)
    assert not isinstance(answers[1], Recorded)
    assert isinstance(answers[2], Recorded)
    assert [e.position for e in await read_log(base.owner)] == [1, 2]
