"""What was made for a page is made once for each state of knowledge, and not held for ever."""

from datetime import date

from service.answers.times import KnownAt, Times
from service.log.append import Head
from service.read_models.current import Current, Made
from service.web.lately import Lately, state_of


async def test_is_made_once_for_each_key_until_others_were_asked_for() -> None:
    lately, made = Lately(most=2), list[str]()

    async def ask(key: str) -> str:
        async def make() -> str:
            made.append(key)
            return key.upper()

        return await lately.made(key, make)

    for key in "aabab":
        assert await ask(key) == key.upper()
    assert made == ["a", "b"]
    # The one that was asked for last stays.
    await ask("c")
    await ask("b")
    assert made == ["a", "b", "c"]
    await ask("a")
    assert made == ["a", "b", "c", "a"]


def test_state_is_another_with_what_is_known_published_erased_or_replayed() -> None:
    def times(position: int, published_by: date | None = None) -> Times:
        known = KnownAt(position, None)
        at = date(2024, 6, 1)
        return Times(at=at, known_at=known, head=9, is_pinned=False, published_by=published_by)

    def current(last_erasure: int = 0, code_version: int = 1) -> Current:
        return Current(Head(), Made(code_version, 9, None), last_erasure, {})

    states = [
        state_of(times(7), current()),
        state_of(times(8), current()),
        state_of(times(7, date(2024, 1, 1)), current()),
        state_of(times(7), current(last_erasure=9)),
        state_of(times(7), current(code_version=2)),
    ]
    assert len(set(states)) == len(states)
    assert state_of(times(7), current()) == states[0]
