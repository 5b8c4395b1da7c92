"""Rollback: the read models before a replay in its place again, true of all that came since."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, note, settings
from hypothesis import strategies as st

from service.app import CHANCE
from service.domain.events import Correction
from service.read_models import replay as replays
from service.read_models import switching
from service.read_models.replay import (
    CODE_VERSION,
    NothingToRollBack,
    fetch_state,
    replay,
    roll_back,
)
from service.read_models.replays import Replay, fetch_replay, fetch_replays
from tests.support import builders as b
from tests.support.catalogue import catalogue
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


@pytest.fixture
async def filled(base: Base) -> Base:
    await record(base.pool, submission(with_entities(b.hire("ann", at="x", on="2019-03")), ONE))
    await record(base.pool, with_entities(b.founding("y", on="2018", by=("cid",))))
    await record(base.pool, with_entities(b.merger("x", into="y", on="2021-05-01")))
    return base


async def replayed(base: Base, **how: Any) -> Replay:
    done = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now, **how)
    assert done.state == "done"
    return done


async def rolled_back(base: Base, target: UUID) -> Replay:
    return await roll_back(base.pool, CHANCE.new_id(), target, now=CHANCE.now)


async def go_on(base: Base) -> None:
    await record(
        base.pool, Correction(target=ONE, reason="No.", event=b.hire("ann", at="x", on="2018"))
    )
    await record(base.pool, b.closure("y", on="2024"))
    await record(base.pool, with_entities(b.same_person("cid", "ann")))
    await record(base.pool, b.renaming("y", to="Why", on="2022"))


async def assert_right(base: Base) -> None:
    assert_rows_are_the_fold(await fetch_rows(base.owner), await read_log(base.owner))
    checked = await replay(base.pool, CHANCE.new_id(), now=CHANCE.now, is_check=True)
    assert (checked.state, checked.drift) == ("done", [])


async def test_what_came_since_is_folded_into_the_models_before(filled: Base) -> None:
    done = await replayed(filled)
    held = await catalogue(filled.dsn)
    await go_on(filled)
    back = await rolled_back(filled, done.id)
    assert (back.state, back.rolls_back, back.checkpoint) == ("done", done.id, 7)
    assert (back.done, back.total) == (4, 4)
    assert await fetch_replay(filled.owner, back.id) == back
    await assert_right(filled)
    assert await catalogue(filled.dsn) == held
    await record(filled.pool, b.retraction(1))
    await assert_right(filled)


async def test_replay_that_spoilt_the_models_is_taken_back(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is for: code whose fold is wrong, and was forced."""
    right = await fetch_rows(filled.owner)

    async def nothing(*_: object) -> None: ...

    with monkeypatch.context() as patched:
        patched.setattr(replays, "_build", nothing)
        wrong = await replayed(filled, is_forced=True)
    assert wrong.drift_rows > 0
    assert not any((await fetch_rows(filled.owner)).values())
    await rolled_back(filled, wrong.id)
    assert await fetch_rows(filled.owner) == right


async def test_rollback_can_be_taken_back_and_that_too(filled: Base) -> None:
    last = await replayed(filled)
    for _ in range(3):
        await record(filled.pool, with_entities(b.sighting("ann", at="y", on="2022")))
        last = await rolled_back(filled, last.id)
        await assert_right(filled)
    await go_on(filled)
    assert (await replayed(filled)).drift == []


async def test_rollback_ended_half_way_goes_on_from_there(
    filled: Base, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The models before are further than where they went out of use, and are not folded twice."""
    monkeypatch.setattr(switching, "TAIL_EVENTS_MAX", 0)
    monkeypatch.setattr(switching, "EVENTS_AT_ONCE", 2)
    done = await replayed(filled)
    await go_on(filled)

    async def die(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(switching, "lock", die)
        with pytest.raises(KeyboardInterrupt):
            await rolled_back(filled, done.id)
    await record(filled.pool, b.retraction(1))
    back = await rolled_back(filled, done.id)
    assert back.total == 1
    await assert_right(filled)


async def test_only_the_replay_in_use_is_taken_back(filled: Base) -> None:
    first = await replayed(filled)
    checked = await replay(filled.pool, CHANCE.new_id(), now=CHANCE.now, is_check=True)
    second = await replayed(filled)
    for each in (first, checked):
        with pytest.raises(NothingToRollBack, match=f"'{second.id}' did"):
            await rolled_back(filled, each.id)
    await rolled_back(filled, second.id)
    with pytest.raises(NothingToRollBack):
        await rolled_back(filled, second.id)
    assert len(await fetch_replays(filled.owner)) == 4, "what is refused is not on record"


async def test_without_a_replay_there_is_nothing_to_take_back(filled: Base) -> None:
    with pytest.raises(NothingToRollBack, match="no replay did"):
        await rolled_back(filled, ONE)


async def test_models_before_that_are_gone_are_named(filled: Base) -> None:
    done = await replayed(filled)
    await filled.owner.execute("DROP SCHEMA read_models_before CASCADE")
    with pytest.raises(NothingToRollBack, match="no longer kept"):
        await rolled_back(filled, done.id)


@pytest.mark.parametrize("version", [0, CODE_VERSION + 1])
async def test_models_that_this_code_cannot_read_stay_where_they_are(
    filled: Base, version: int
) -> None:
    await filled.owner.execute("UPDATE state SET code_version = $1", version)
    done = await replayed(filled)
    with pytest.raises(NothingToRollBack, match=f"version {version}"):
        await rolled_back(filled, done.id)
    assert (await fetch_state(filled.owner)).is_current


@settings(
    max_examples=EXAMPLES,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(plan=plans(16), cut=st.integers(0, 12), at_once=st.sampled_from([1, 3, 500]))
async def test_rollback_is_the_live_fold_on_any_history(
    base: Base, plan: Plan, cut: int, at_once: int
) -> None:
    """Whatever came between the replay and the rollback."""
    note(f"{plan!r} cut={cut} at_once={at_once}")
    await base.empty()
    model = await carry_out(base, Plan(plan.groups[:cut], plan.is_concurrent))
    done = await replayed(base)
    await carry_out(base, Plan(plan.groups[cut:], plan.is_concurrent), model)
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(switching, "TAIL_EVENTS_MAX", 0)
        patched.setattr(switching, "EVENTS_AT_ONCE", at_once)
        back = await rolled_back(base, done.id)
    assert back.state == "done"
    await assert_right(base)
