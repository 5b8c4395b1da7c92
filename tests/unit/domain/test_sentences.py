"""A presence in one sentence: for each way of being there or not the one that is printed."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from service.domain.effective import in_force
from service.domain.events import Payload, RecordedEvent, Source
from service.domain.fold import fold
from service.domain.sentences import Told, credit, sentence
from service.domain.why import Why, why
from tests.support import builders as b
from tests.support.strategies import days, histories

LABS = {"x": "Lab X", "y": "Lab Y", "z": "Lab Z"}


def said(*payloads: Payload, at: str, lab: str = "x", by: str | None = None) -> str:
    events = b.log(*payloads)
    return _told(events, why(events, "ann", lab, b.day(at)), by)


def _told(events: list[RecordedEvent], explained: Why, by: str | None = None) -> str:
    sources = {e.event_id: e.payload.sources for e in in_force(events)}
    told = Told(person="Ann", labs=LABS, sources=sources, published_by=b.day(by) if by else None)
    return sentence(explained, told)


def sourced(
    event: Any, published: str | None = "2024-12-04", publisher: str | None = "News"
) -> Any:
    source = Source(url="https://www.example.org/a", published=published, publisher=publisher)
    return replace(event, sources=(source,))


HIRED = b.hire("ann", at="x", on="2020-01-10")
LEFT = b.departure("ann", at="x", on="2022-05")
CASES: dict[str, tuple[list[Payload], str, str]] = {
    "between exact ends": (
        [sourced(HIRED, "2020-02"), sourced(LEFT)],
        "2021-01-01",
        ("Ann was at Lab X on 1 January 2021: joined on 10 January 2020 (News, February 2020) and "
        "left in May 2022 (News, 4 December 2024)."),
    ),
    "evidence beyond the day": (
        [HIRED, b.sighting("ann", at="x", on="2021-03-01"), b.sighting("ann", at="x", on="2021")],
        "2020-06-01",
        ("Ann was at Lab X on 1 June 2020: joined on 10 January 2020 and was still known to be "
        "there on 1 March 2021."),
    ),
    "on leave": (
        [HIRED, b.leave("ann", at="x", on="2020-05-01"), LEFT],
        "2021-01-01",
        ("Ann was at Lab X, on leave, on 1 January 2021: joined on 10 January 2020 and left in "
        "May 2022."),
    ),
    "an advisor": (
        [b.hire("ann", at="x", on="2020", relation="advisor")],
        "2021-01-01",
        ("Ann was presumably at Lab X as an advisor on 1 January 2021: joined in 2020, and no "
        "departure is recorded."),
    ),
    "nothing since": (
        [HIRED, b.sighting("ann", at="x", on="2021-03~")],
        "2024-06-01",
        ("Ann was presumably at Lab X on 1 June 2024: joined on 10 January 2020, was last known "
        "to be there in about March 2021, and no departure is recorded."),
    ),
    "a founder": (
        [b.founding("x", on="2015-12", by=("ann",)), LEFT],
        "2020-01-01",
        ("Ann was at Lab X on 1 January 2020: was among those who founded the lab in December "
        "2015 and left in May 2022."),
    ),
    "a vague start": (
        [b.hire("ann", at="x", on="2020"), LEFT],
        "2020-06-01",
        ("Ann may have been at Lab X on 1 June 2020: joined in 2020, which may have been earlier "
        "or later, and left in May 2022."),
    ),
    "a vague end": (
        [HIRED, LEFT],
        "2022-05-10",
        ("Ann may have been at Lab X on 10 May 2022: joined on 10 January 2020 and left in May "
        "2022, which may have been earlier or later."),
    ),
    "an unknown start": (
        [b.sighting("ann", at="x", on="2021-03-01")],
        "2020-06-01",
        ("Ann may have been at Lab X on 1 June 2020: is known to have been there on 1 March 2021 "
        "while nothing says from when."),
    ),
    "only a departure": (
        [LEFT],
        "2021-06-01",
        "Ann may have been at Lab X on 1 June 2021: left in May 2022 while nothing says from when.",
    ),
    "carried by a merger": (
        [b.hire("ann", at="y", on="2018"), b.merger("y", into="x", on="2023-04-20")],
        "2023-04-20",
        ("Ann was at Lab X on 20 April 2023: joined Lab Y in 2018 and came along when Lab Y became "
        "part of it on 20 April 2023."),
    ),
    "carried by two mergers": (
        [
            b.hire("ann", at="z", on="2018"),
            b.merger("z", into="y", on="2019-01-01"),
            b.merger("y", into="x", on="2021-01-01"),
        ],
        "2021-02-01",
        ("Ann was presumably at Lab X on 1 February 2021: joined Lab Z in 2018, came along when "
        "Lab Z became part of Lab Y on 1 January 2019, came along when Lab Y became part of it "
        "on 1 January 2021, and no departure is recorded."),
    ),
    "until a closure": (
        [HIRED, b.closure("x", on="2021-02")],
        "2020-06-01",
        ("Ann was at Lab X on 1 June 2020: joined on 10 January 2020, and the lab closed in "
        "February 2021."),
    ),
    "until a merger": (
        [HIRED, b.merger("x", into="y", on="2021-02")],
        "2020-06-01",
        (
            "Ann was at Lab X on 1 June 2020: joined on 10 January 2020, and the lab became part "
            "of Lab Y in February 2021."
        ),
    ),
    "gone before the merger": (
        [
            b.hire("ann", at="y", on="2018"),
            b.departure("ann", at="y", on="2019-05"),
            b.merger("y", into="x", on="2023-04-20"),
        ],
        "2024-01-01",
        "No: no event names Ann at Lab X.",
    ),
    "after the end": (
        [HIRED, sourced(LEFT, publisher=None)],
        "2023-01-01",
        ("No: on 1 January 2023 Ann was not at Lab X any more, having left in May 2022 "
        "(example.org, 4 December 2024)."),
    ),
    "between two stays": (
        [HIRED, LEFT, b.hire("ann", at="x", on="2024-03-01")],
        "2023-01-01",
        ("No: on 1 January 2023 Ann was not at Lab X any more, having left in May 2022, and came "
        "back only on 1 March 2024."),
    ),
    "before a later sighting": (
        [HIRED, b.departure("ann", at="x", on="2022-05"), b.sighting("ann", at="x", on="2024-03")],
        "2022-04-01",
        "Ann was at Lab X on 1 April 2022: joined on 10 January 2020 and left in May 2022.",
    ),
    "before the start": (
        [sourced(HIRED, None)],
        "2019-01-01",
        ("No: on 1 January 2019 Ann was not at Lab X yet, having joined only on 10 January 2020 "
        "(News)."),
    ),
    "before it was founded": (
        [b.founding("x", on="2015-12", by=("ann",))],
        "2014-01-01",
        "No: Lab X was founded only in December 2015, with Ann among its founders.",
    ),
    "before the merger": (
        [b.hire("ann", at="y", on="2018"), b.merger("y", into="x", on="2023-04-20")],
        "2020-01-01",
        ("No: on 1 January 2020 Ann was not at Lab X yet, having come only with Lab Y on 20 April "
        "2023."),
    ),
    "before an unknown start": (
        [b.founding("x", on="2019"), b.sighting("ann", at="x", on="2021-03-01")],
        "2018-06-01",
        ("No: Ann is first known to have been at Lab X on 1 March 2021, which is later than 1 "
        "June 2018."),
    ),
    "before only a departure": (
        [b.founding("x", on="2019"), LEFT],
        "2018-06-01",
        ("No: nothing says that Ann was at Lab X by 1 June 2018; that Ann left in May 2022 does "
        "not say from when."),
    ),
    "after the lab closed": (
        [HIRED, b.closure("x", on="2021-02")],
        "2021-06-01",
        "No: Lab X closed in February 2021, and Ann was there until then.",
    ),
    "after the lab was absorbed": (
        [HIRED, sourced(b.merger("x", into="y", on="2021-02"))],
        "2021-06-01",
        ("No: Lab X became part of Lab Y in February 2021 (News, 4 December 2024), and Ann with "
        "it."),
    ),
    "set aside": (
        [b.closure("x", on="2019"), HIRED],
        "2021-01-01",
        "No: what would place Ann at Lab X on 10 January 2020 comes after Lab X had closed.",
    ),
    "only a rumour": (
        [sourced(b.hire("ann", at="x", on="2020", certainty="rumoured"))],
        "2021-01-01",
        "No: only a rumour places Ann at Lab X in 2020 (News, 4 December 2024).",
    ),
    "retracted": (
        [HIRED, b.retraction(1)],
        "2021-01-01",
        "No: what placed Ann at Lab X on 10 January 2020 was retracted.",
    ),
    "never there": (
        [b.hire("ann", at="y", on="2020"), b.hire("bob", at="x", on="2020")],
        "2021-01-01",
        "No: no event names Ann at Lab X.",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_sentence_is_the_one_that_is_printed(name: str) -> None:
    payloads, at, expected = CASES[name]
    assert said(*payloads, at=at) == expected


def test_absence_by_a_day_of_publication_says_so() -> None:
    assert said(at="2021-01-01", by="2024-12-04") == (
        "No: no event published by 4 December 2024 names Ann at Lab X."
    )


def test_a_name_with_a_full_stop_ends_the_sentence() -> None:
    told = Told(person="Ann", labs={"x": "Math, Inc."}, sources={})
    explained = why([], "ann", "x", b.day("2021-01-01"))
    assert sentence(explained, told) == "No: no event names Ann at Math, Inc."


def test_earliest_source_is_credited() -> None:
    url = "https://example.org"
    late = Source(url=url, publisher="Late", published="2025")
    early = Source(url=url, publisher="Early", published="2024-12")
    undated = Source(url=url, publisher="Undated")
    assert credit([undated, late, early]) == " (Early, December 2024)"
    assert credit([undated]) == " (Undated)"
    assert credit([]) == ""


@given(histories(), st.data())
def test_every_answer_has_its_sentence(events: list[RecordedEvent], data: st.DataObject) -> None:
    """Whatever the history: one sentence, that says no exactly where the answer is no."""
    state = fold(events)
    person = data.draw(st.sampled_from(["ann", "bob", "cid"]))
    lab = state.labs[data.draw(st.sampled_from(["x", "y", "z"]))].canonical_id
    person = state.people[person].canonical_id if person in state.people else person
    explained = why(events, person, lab, data.draw(days))
    told = _told(events, explained)
    assert told.startswith("No: ") == (explained.presence == "absent")
    assert told.endswith(".")
    assert "  " not in told
    assert "None" not in told
    said_so = {"certain": " was at ", "presumed": " was presumably at ", "possible": " may have "}
    assert said_so.get(explained.presence, "No: ") in told
