"""
Any life of a log: append, correct, retract, map, merge, replay and restart, in any order.

The model is the live fold; after each step everything that is kept has to be what it says.
"""

import asyncio
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from service.app import CHANCE
from service.domain.events import Correction, Fact, Payload, Retraction
from service.log.verify import verify
from service.read_models.replay import replay
from service.recording.writer import Writer
from tests.support import builders as b
from tests.support import strategies
from tests.support.histories import (
    Base,
    Model,
    assert_answered,
    assert_beliefs_are_whole,
    assert_rows_are_the_fold,
    command,
    fetch_rows,
    open_base,
    plain,
    read_log,
    submission,
    with_entities,
)

T = TypeVar("T")


# Composites say their own name where a strategy of many parts would print all of itself.
@st.composite
def facts(draw: st.DrawFn) -> Fact:
    return draw(strategies.facts)


@st.composite
def world_events(draw: st.DrawFn) -> Fact:
    return draw(strategies.world_events)


@st.composite
def register_events(draw: st.DrawFn) -> Fact:
    return draw(strategies.register_events)


@st.composite
def dates(draw: st.DrawFn) -> str:
    return draw(strategies.edtf)


class Life(RuleBasedStateMachine):
    """One log in one database, which every run empties and takes over."""

    dsn = ""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.opened = AsyncExitStack()
        self.model = Model()
        self.number = 0
        self.base: Base
        self.writer: Writer

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(work)

    @initialize()
    def start(self) -> None:
        """As a process starts on an empty log."""
        self.run(self._open())
        self.run(self.base.empty())

    async def _open(self) -> None:
        self.base = await self.opened.enter_async_context(open_base(self.dsn))
        self.writer = Writer(self.base.pool, CHANCE)
        self.writer.start()
        self.opened.push_async_callback(self.writer.stop)

    @rule(events=st.lists(world_events(), min_size=1, max_size=3))
    def append(self, events: list[Fact]) -> None:
        self._record(*events)

    @rule(events=st.lists(world_events(), min_size=2, max_size=5))
    def append_at_once(self, events: list[Fact]) -> None:
        """Each from another client, so that the writer commits them together."""
        commands = [command(self._submitted(event)) for event in events]
        expected = [self.model.admit(each) for each in commands]

        async def at_once() -> list[Any]:
            return await asyncio.gather(*map(self.writer.record, commands), return_exceptions=True)

        for answer, positions in zip(self.run(at_once()), expected, strict=True):
            assert_answered(answer, positions)

    @rule(event=register_events())
    def register(self, event: Fact) -> None:
        self._record(event)

    @rule(one=strategies.people, into=strategies.people)
    def map_person(self, one: str, into: str) -> None:
        self._record(b.same_person(one, into))

    @rule(one=strategies.labs, into=strategies.labs)
    def map_lab(self, one: str, into: str) -> None:
        self._record(b.same_lab(one, into))

    @rule(labs=st.permutations(strategies.LABS), on=dates())
    def merge(self, labs: list[str], on: str) -> None:
        self._record(b.merger(labs[0], into=labs[1], on=on))

    @precondition(lambda self: self.model.events)
    @rule(pick=st.integers(0, 99), event=facts())
    def correct(self, pick: int, event: Fact) -> None:
        target = self._original(pick)
        self._record(Correction(target=target, reason="Misread.", event=event))

    @precondition(lambda self: self.model.events)
    @rule(pick=st.integers(0, 99))
    def retract(self, pick: int) -> None:
        self._record(Retraction(target=self._original(pick), reason="Made up."))

    @rule(is_check=st.booleans())
    def replay(self, is_check: bool) -> None:
        done = self.run(replay(self.base.pool, CHANCE.new_id(), now=CHANCE.now, is_check=is_check))
        assert (done.state, done.drift) == ("done", [])

    @rule()
    def restart(self) -> None:
        """The process ends and another one begins where it left off."""
        self.run(self.opened.aclose())
        self.run(self._open())

    @invariant()
    def log_holds_what_was_accepted(self) -> None:
        if hasattr(self, "base"):
            events = self.run(read_log(self.base.owner))
            assert [plain(e) for e in events] == [plain(e) for e in self.model.events]

    @invariant()
    def rows_are_the_live_fold(self) -> None:
        if hasattr(self, "base"):
            rows = self.run(fetch_rows(self.base.owner))
            assert_rows_are_the_fold(rows, self.run(read_log(self.base.owner)))
            assert_beliefs_are_whole(rows)

    def teardown(self) -> None:
        if hasattr(self, "base"):
            assert self.run(verify(self.base.pool)).problems == []
        self.run(self.opened.aclose())
        self.runner.close()

    def _record(self, *payloads: Payload) -> None:
        asked = command(*map(self._submitted, payloads))
        expected = self.model.admit(asked)

        async def alone() -> Any:
            (answer,) = await asyncio.gather(self.writer.record(asked), return_exceptions=True)
            return answer

        assert_answered(self.run(alone()), expected)

    def _submitted(self, payload: Payload) -> Any:
        self.number += 1
        return submission(with_entities(payload), b.event_id(self.number))

    def _original(self, pick: int) -> Any:
        originals = strategies.originals(self.model.events)
        return originals[pick % len(originals)].event_id


def test_any_life_of_a_log_keeps_it_right(
    shared_database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Life, "dsn", shared_database)
    run_state_machine_as_test(
        Life,
        settings=settings(
            max_examples=settings().max_examples // 5,
            stateful_step_count=12,
            suppress_health_check=list(HealthCheck),
        ),
    )
