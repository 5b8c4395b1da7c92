"""The bar of times: what addresses ask for, where presets lead, what the sentence says."""

from datetime import UTC, date, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.answers.times import KnownAt, Times
from service.domain.refusals import BadParameter
from service.web.asked import Asked, asked_in, other_pairs, pairs_in, with_pairs
from service.web.time_bar import TimeBar, a_year_before, time_bar

TODAY = date(2026, 11, 22)
RECORDED = datetime(2026, 11, 1, 9, 0, tzinfo=UTC)


def times(at: date = TODAY, position: int = 712, **said: Any) -> Times:
    known_at = KnownAt(position, RECORDED)
    return Times(at=at, known_at=known_at, head=712, is_pinned=False, **said)


def bar(query: bytes = b"", **said: Any) -> TimeBar:
    pairs = pairs_in(query)
    said = {"last_correction": 700, **said}
    asked = asked_in(pairs)
    known_at = asked.known_at if isinstance(asked.known_at, int) else 712
    answered = times(asked.at or TODAY, known_at, published_by=asked.published_by)
    return time_bar("/labs/x", pairs, asked, answered, today=TODAY, subject="X", **said)


class TestAsked:
    def test_takes_fields_that_were_left_empty_for_nothing(self) -> None:
        assert asked_in(pairs_in(b"at=&known_at=+&published_by=")) == Asked()
        assert asked_in(pairs_in(b"at=2024-06-01&known_at=7&q=x")) == Asked(
            at=date(2024, 6, 1), known_at=7
        )
        assert asked_in(pairs_in(b"known_at=2026-11-01T10:00%2B01:00")).known_at == RECORDED

    @pytest.mark.parametrize(
        ("query", "names"),
        [(b"at=2024-02-30", "2024-02-30"), (b"known_at=now", "now"), (b"published_by=x", "'x'")],
    )
    def test_refuses_by_name(self, query: bytes, names: str) -> None:
        with pytest.raises(BadParameter, match=names):
            asked_in(pairs_in(query))

    @given(query=st.binary(max_size=60))
    def test_no_query_is_a_fault(self, query: bytes) -> None:
        pairs = pairs_in(query)
        try:
            asked_in(pairs)
        except BadParameter:
            return
        assert with_pairs("/x", other_pairs(pairs)).startswith("/x")

    @given(at=st.dates(date(1800, 1, 1), date(2199, 12, 31)), known_at=st.integers(0, 10**9))
    def test_is_read_as_it_was_written(self, at: date, known_at: int) -> None:
        asked = Asked(at=at, known_at=known_at, published_by=at)
        _, _, query = with_pairs("/x", asked.pairs).partition("?")
        assert asked_in(pairs_in(query.encode())) == asked
        instant = Asked(known_at=RECORDED)
        _, _, query = with_pairs("/x", instant.pairs).partition("?")
        assert asked_in(pairs_in(query.encode())) == instant


class TestTimeBar:
    def test_keeps_what_else_the_address_says(self) -> None:
        shown = bar(b"sort=name&at=2024-06-01&q=")
        assert shown.also == [("sort", "name")]
        today, year_ago, before = shown.presets
        assert today.address == "/labs/x?sort=name"
        assert year_ago.address == "/labs/x?sort=name&at=2025-11-22"
        assert before.address == "/labs/x?sort=name&at=2024-06-01&known_at=699"
        assert not any(preset.is_here for preset in shown.presets)
        assert shown.cite == "/labs/x?sort=name&at=2024-06-01&known_at=712"

    def test_says_where_it_is(self) -> None:
        assert [p.is_here for p in bar().presets] == [True, False, False]
        assert [p.is_here for p in bar(b"at=2025-11-22").presets] == [False, True, False]
        assert [p.is_here for p in bar(b"known_at=699").presets] == [False, False, True]
        assert [p.name for p in bar(last_correction=None).presets] == ["Today", "A year ago"]

    def test_says_it_in_a_sentence(self) -> None:
        assert bar(uncertain=3).sentence == (
            "X on 22 November 2026, as known today; 3 answers are uncertain."
        )
        assert bar(b"at=2024-06-01&known_at=699", uncertain=1).sentence == (
            "X on 1 June 2024, as known at position 699, recorded on 1 November 2026 at 09:00 UTC; "
            "1 answer is uncertain."
        )
        assert bar(b"published_by=2024-12-04", uncertain=0).sentence == (
            "X on 22 November 2026, as known today, from what was published by 4 December 2024; "
            "every answer is certain."
        )

    def test_a_leap_day_has_no_day_a_year_before(self) -> None:
        assert a_year_before(date(2024, 2, 29)) == date(2023, 2, 28)
        assert a_year_before(date(2024, 3, 1)) == date(2023, 3, 1)
