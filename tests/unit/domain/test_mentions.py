"""Whether texts mention somebody, and events without the texts that do."""

import pytest

from service.domain.events import Founder
from service.domain.mentions import Mentions, texts_of, without_mentions
from tests.support import builders as b

ADA = Mentions(["Ada Lovelace", "ada-lovelace"])


@pytest.mark.parametrize(
    "text",
    [
        "Ada Lovelace",
        "  ADA\tlovelace, it says",
        "https://example.org/people/ada-lovelace?x=1",
        "ada_lovelace",
        "Àda Lovelacé",
    ],
)
def test_a_name_is_found_however_it_is_written(text: str) -> None:
    assert ADA.in_text(text)


@pytest.mark.parametrize("text", ["", "Ada", "Adamant Lovelaces", "Lovelace, Ada", "ada lovelaces"])
def test_a_part_of_a_name_and_a_part_of_a_word_are_none(text: str) -> None:
    assert not ADA.in_text(text)


def test_a_script_without_spaces_is_searched_as_it_is() -> None:
    assert Mentions(["林俊旸"]).in_text("据报道林俊旸离职")
    assert Mentions(["旸"]).in_text("林俊旸")
    assert not Mentions(["a", "", "-"]).in_text("a - b")


def test_references_are_no_texts() -> None:
    hire = b.hire(
        b.entity("ada-lovelace", "Ada Lovelace"),
        at="ada-lovelace",
        on="2020",
        role="engineer",
        sources=(b.source(),),
    )
    assert sorted(texts_of(hire)) == ["engineer", "https://example.org/news"]
    assert not ADA.in_payload(hire)
    assert ADA.in_payload(b.retraction(1, reason="It was Ada Lovelace."))


def test_an_event_without_the_texts_that_mention_somebody_keeps_the_others() -> None:
    told = b.source(url="https://example.org/ada-lovelace")
    founding = b.founding(
        b.entity("x", "X"),
        on="2020",
        by=("bob", Founder(person="eve", role="Ada Lovelace's deputy")),
        note="With Ada Lovelace.",
        location="London",
        parent="Ada Lovelace",
        sources=(b.source(), told),
        alternatives=(b.alternative("2019", told),),
    )
    assert without_mentions(founding, ADA) == b.founding(
        b.entity("x", "X"),
        on="2020",
        by=("bob", "eve"),
        location="London",
        sources=(b.source(),),
        alternatives=(b.alternative("2019"),),
    )


def test_an_event_keeps_what_it_cannot_be_without() -> None:
    renaming = b.renaming("x", to="Ada Lovelace Inc", on="2020", note="by Ada Lovelace")
    # A renaming that gives no name would be none.
    assert without_mentions(renaming, ADA) == b.renaming("x", to="Ada Lovelace Inc", on="2020")
