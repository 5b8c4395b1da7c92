"""No same_as and no merger may close a cycle, however it comes about (SEMANTICS 6)."""

from collections.abc import Callable
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from service.domain.events import Correction, Fact, Retraction
from service.domain.refusals import ClosesCycle, Invalid, Refusal
from service.recording.commands import Recorded
from tests.support import builders as b
from tests.support.histories import (
    Base,
    Rows,
    assert_rows_are_the_fold,
    command,
    commit_group,
    fetch_rows,
    read_log,
    record,
    submission,
)


class Kind(NamedTuple):
    """A way in which one thing can be another, with three things to try it on."""

    link: Callable[[str, str], Fact]
    other: Fact
    """An event that links nothing."""


KINDS = {
    "people": Kind(b.same_person, b.hire("a", at="a", on="2020")),
    "labs": Kind(b.same_lab, b.hire("a", at="a", on="2020")),
    "mergers": Kind(
        lambda one, into: b.merger(one, into=into, on="2020"), b.founding("a", on="2019")
    ),
}
each_kind = pytest.mark.parametrize("kind", KINDS.values(), ids=KINDS)

NUMBERS = [UUID(int=n) for n in range(10)]


@pytest.fixture
async def known(base: Base) -> Base:
    """People and labs a, b, c and d."""
    for one in "abcd":
        entity = b.entity(one, one.upper())
        await record(base.pool, b.person_profile(entity), b.lab_profile(entity))
    return base


async def recorded(base: Base, *facts: Any) -> None:
    """*facts*, the first of which gets the id 1."""
    await record(base.pool, *(submission(f, NUMBERS[n]) for n, f in enumerate(facts, 1)))


async def assert_closes_a_cycle(base: Base, *said: Any) -> None:
    """It is refused, and nothing of it is there."""
    before = await _everything(base)
    with pytest.raises((ClosesCycle, Invalid)) as refused:
        await record(base.pool, *said)
    assert _is_about_a_cycle(refused.value)
    assert await _everything(base) == before


def _is_about_a_cycle(refusal: Refusal) -> bool:
    return isinstance(refusal, ClosesCycle) or (
        isinstance(refusal, Invalid) and [f.code for f in refusal.faults] == [ClosesCycle.code]
    )


async def _everything(base: Base) -> tuple[list[Any], Rows]:
    return await read_log(base.owner), await fetch_rows(base.owner)


@each_kind
async def test_new(known: Base, kind: Kind) -> None:
    await recorded(known, kind.link("a", "b"), kind.link("b", "c"))
    await assert_closes_a_cycle(known, kind.link("c", "a"))
    await assert_closes_a_cycle(known, kind.link("c", "b"))
    await record(known.pool, kind.link("c", "d"))


@pytest.mark.parametrize("link", [b.same_person, b.same_lab])
async def test_with_itself(known: Base, link: Callable[[str, str], Fact]) -> None:
    await assert_closes_a_cycle(known, link("a", "a"))


@each_kind
async def test_corrected_in(known: Base, kind: Kind) -> None:
    """What closes it may have been any event before."""
    await recorded(known, kind.other, kind.link("a", "b"))
    back = Correction(target=NUMBERS[1], reason="No.", event=kind.link("b", "a"))
    await assert_closes_a_cycle(known, back)
    await record(
        known.pool, Correction(target=NUMBERS[2], reason="No.", event=kind.link("a", "c")), back
    )


@each_kind
async def test_brought_back(known: Base, kind: Kind) -> None:
    await recorded(known, kind.link("a", "b"), Retraction(target=NUMBERS[1], reason="No."))
    await record(known.pool, kind.link("b", "a"))
    again = Correction(target=NUMBERS[1], reason="Yes.", event=kind.link("a", "b"))
    await assert_closes_a_cycle(known, again)


@pytest.mark.parametrize("kind", [KINDS["people"], KINDS["labs"]], ids=["people", "labs"])
async def test_uncovered_by_a_retraction(known: Base, kind: Kind) -> None:
    """Of several for one id the last holds; without it the one before does again."""
    await recorded(known, kind.link("a", "b"), kind.link("a", "c"), kind.link("b", "a"))
    await assert_closes_a_cycle(known, Retraction(target=NUMBERS[2], reason="No."))
    for other in (kind.link("d", "c"), kind.other):
        await assert_closes_a_cycle(known, Correction(target=NUMBERS[2], reason="No.", event=other))
    await record(
        known.pool,
        Retraction(target=NUMBERS[3], reason="No."),
        Retraction(target=NUMBERS[2], reason="No."),
    )


async def test_uncovered_by_a_retraction_of_a_rumour_or_of_none(known: Base) -> None:
    """A rumour links nothing, and so uncovers nothing; raised to a report it does link."""
    rumour = b.same_person("a", "b", certainty="rumoured")
    await recorded(known, rumour, b.same_person("b", "a"))
    await assert_closes_a_cycle(
        known, Correction(target=NUMBERS[1], reason="Yes.", event=b.same_person("a", "b"))
    )
    await record(known.pool, Retraction(target=NUMBERS[1], reason="No."))


@pytest.mark.parametrize(
    "end", [b.closure("a", on="2019"), b.merger("a", into="d", on="2019")], ids=["closure", "other"]
)
async def test_uncovered_by_the_loss_of_an_earlier_end(known: Base, end: Fact) -> None:
    """A lab ends by its first end; without it the next one counts."""
    await recorded(
        known, end, b.merger("a", into="b", on="2020"), b.merger("b", into="a", on="2021")
    )
    await assert_closes_a_cycle(known, Retraction(target=NUMBERS[1], reason="No."))
    await assert_closes_a_cycle(
        known, Correction(target=NUMBERS[1], reason="No.", event=b.closure("a", on="2022"))
    )
    await assert_closes_a_cycle(
        known, Correction(target=NUMBERS[1], reason="No.", event=b.closure("c", on="2019"))
    )
    await record(
        known.pool, Correction(target=NUMBERS[1], reason="No.", event=b.closure("a", on="2018"))
    )


async def test_by_a_same_as_that_brings_mergers_together(known: Base) -> None:
    await recorded(known, b.merger("a", into="b", on="2020"), b.merger("c", into="d", on="2020"))
    await record(known.pool, submission(b.same_lab("c", "b"), NUMBERS[5]))
    await assert_closes_a_cycle(known, b.same_lab("d", "a"))
    await record(known.pool, Retraction(target=NUMBERS[5], reason="No."))
    await record(known.pool, b.same_lab("d", "a"))


@each_kind
async def test_within_one_batch(known: Base, kind: Kind) -> None:
    await assert_closes_a_cycle(
        known, kind.link("a", "b"), kind.link("b", "c"), kind.link("c", "a")
    )
    await assert_closes_a_cycle(
        known,
        submission(kind.link("a", "b"), NUMBERS[1]),
        Retraction(target=NUMBERS[1], reason="No."),
        kind.link("b", "a"),
        Correction(target=NUMBERS[1], reason="Yes.", event=kind.link("a", "b")),
    )


@each_kind
async def test_within_one_group(known: Base, kind: Kind) -> None:
    """The first is recorded and the second refused."""
    first, second, third = await commit_group(
        known.pool,
        command(kind.link("a", "b")),
        command(kind.link("b", "a")),
        command(kind.link("c", "a")),
    )
    assert isinstance(first, Recorded)
    assert isinstance(second, Refusal)
    assert _is_about_a_cycle(second)
    assert isinstance(third, Recorded)


@each_kind
async def test_across_two_groups(known: Base, kind: Kind) -> None:
    """Neither of which names all that it goes through."""
    await commit_group(known.pool, command(kind.link("a", "b")), command(kind.link("c", "d")))
    answers = await commit_group(
        known.pool, command(kind.link("b", "c")), command(kind.link("d", "a"))
    )
    assert isinstance(answers[0], Recorded)
    assert isinstance(answers[1], Refusal)
    assert _is_about_a_cycle(answers[1])


async def test_through_names_that_the_group_brings(known: Base) -> None:
    """
    By no id that was a name of theirs before: what links them already counts nevertheless.
    """
    await recorded(known, b.same_person("a", "b"))
    await assert_closes_a_cycle(
        known,
        b.person_profile("a", aliases=("First",)),
        b.person_profile("b", aliases=("Second",)),
        b.same_person("Second", "c"),
        b.same_person("c", "First"),
    )
    await assert_closes_a_cycle(
        known,
        b.hire(b.entity("a", "First"), at="a", on="2020"),
        b.hire(b.entity("b", "Second"), at="a", on="2020"),
        b.same_person("Second", "c"),
        b.same_person("c", "First"),
    )


async def test_through_labs_that_the_group_renames(known: Base) -> None:
    await recorded(known, b.same_lab("a", "b"))
    await assert_closes_a_cycle(
        known,
        b.renaming("a", to="First", on="2020"),
        b.renaming("b", to="Second", on="2020"),
        b.same_lab("Second", "c"),
        b.same_lab("c", "First"),
    )


async def test_lab_is_not_merged_into_itself(known: Base) -> None:
    """By whatever name; the place in `absorbed` is told."""
    for said in (b.merger("b", "a", into="A", on="2020"), b.merger("b", "A", into="a", on="2020")):
        with pytest.raises(Invalid) as refused:
            await record(known.pool, said)
        assert [(f.pointer, f.code) for f in refused.value.faults] == [
            ("/absorbed/1", "self_merger")
        ]
    with pytest.raises(Invalid):
        await record(
            known.pool,
            submission(b.closure("a", on="2020"), NUMBERS[1]),
            Correction(target=NUMBERS[1], reason="No.", event=b.merger("a", into="a", on="2020")),
        )


async def test_merger_of_labs_that_are_one_by_same_as_is_no_cycle(known: Base) -> None:
    """It absorbs nobody: the lab is taken by the ids that were meant."""
    await recorded(known, b.same_lab("a", "b"))
    await record(known.pool, b.merger("a", into="b", on="2020"))
    events, rows = await _everything(known)
    assert_rows_are_the_fold(rows, events)
