"""Ids elsewhere lead to their registers, and nowhere that somebody else chose."""

import pytest

from service.domain.events import OutsideIds
from service.formats.outside_ids import outside_links, web_address


def test_each_register_has_its_address() -> None:
    ids = OutsideIds(
        wikidata="Q42",
        orcid="https://orcid.org/0000-0002-1825-009X",
        openalex="A5023888391",
        homepage="https://example.org/~ada",
    )
    assert [(link.register, link.address) for link in outside_links(ids)] == [
        ("Wikidata", "https://www.wikidata.org/wiki/Q42"),
        ("ORCID", "https://orcid.org/0000-0002-1825-009X"),
        ("OpenAlex", "https://openalex.org/A5023888391"),
        ("Homepage", "https://example.org/~ada"),
    ]
    assert outside_links(None) == outside_links(OutsideIds()) == []


@pytest.mark.parametrize("said", ["Q42/../x", "Q42?x", "q42", "javascript:alert(1)", "", "Q４２"])
def test_what_is_no_id_is_shown_and_leads_nowhere(said: str) -> None:
    (link,) = outside_links(OutsideIds(wikidata=said))
    assert (link.text, link.address) == (said, None)


@pytest.mark.parametrize("said", ["javascript:alert(1)", "//example.org", "http:", "http://[", "a"])
def test_only_pages_of_the_web_are_led_to(said: str) -> None:
    assert web_address(said) is None
